// SPDX-License-Identifier: LGPL-2.1-or-later
/* The firmware's memory map: what is memory, in one range or in several, and what is not. */
#include "test.h"
#include "part_memmap.h"
#include "pvm/pvm.h"

#include <sys/stat.h>

static void ranges_cover_together_or_not(void **state)
{
	static const struct pvm_range r[] = {
		{ 0x300000, 0x3fffff }, { 0x100000, 0x1fffff }, { 0x200000, 0x2fffff },
		{ 0x500000, 0x5fffff }, { 0xfffffffffff00000, ~0ull },
	};

	assert_true(pvm_ranges_cover(r, 5, 0x100000, 0x100000));
	assert_true(pvm_ranges_cover(r, 5, 0x100000, 0x300000));	/* three in a row */
	assert_true(pvm_ranges_cover(r, 5, 0x1fffff, 2));
	assert_false(pvm_ranges_cover(r, 5, 0x100000, 0x300001));	/* into a hole */
	assert_false(pvm_ranges_cover(r, 5, 0x0fffff, 2));
	assert_false(pvm_ranges_cover(r, 5, 0x300000, 0x300000));	/* over a hole */
	assert_false(pvm_ranges_cover(r, 5, 0x400000, 0));
	assert_true(pvm_ranges_cover(r, 5, 0xfffffffffff00000, 0x100000));
	assert_false(pvm_ranges_cover(r, 5, 0xfffffffffff00000, 0x100001));
	assert_false(pvm_ranges_cover(r, 0, 0, 1));
}

static void entry(const char *dir, int i, const char *start, const char *end, const char *type)
{
	const char *const files[] = { "start", start, "end", end, "type", type };
	char path[200];

	snprintf(path, sizeof(path), "%s/%d", dir, i);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int k = 0; k < 6; k += 2) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%d/%s", dir, i, files[k]);
		f = fopen(path, "w");
		fprintf(f, "%s\n", files[k + 1]);
		fclose(f);
	}
}

static void the_map_in_sys_is_read(void **state)
{
	char dir[] = "/tmp/pvm-memmap-XXXXXX", cmd[64];

	assert_int_equal(pvm_memmap_check("/nonexistent", 0, 1 << 20), 0);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pvm_memmap_check(dir, 0, 1 << 20), 0);		/* empty: says nothing */
	entry(dir, 0, "0x0", "0x9ffff", "System RAM");
	entry(dir, 1, "0x40000000", "0x4fffffff", "System RAM");
	entry(dir, 2, "0x50000000", "0x5fffffff", "Reserved");
	entry(dir, 3, "0x9", "0x8", "System RAM");
	assert_int_equal(pvm_memmap_check(dir, 0x40000000, 0x10000000), 0);
	assert_int_equal(pvm_memmap_check(dir, 0x48000000, 0x10000000), -EINVAL);
	assert_non_null(strstr(pvm_errmsg(), "256 MiB of memory at 0x48000000: not all of it is memory"));
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_cover_together_or_not),
		cmocka_unit_test(the_map_in_sys_is_read),
	};

	return cmocka_run_group_tests_name("part_memmap", tests, NULL, NULL);
}
