// SPDX-License-Identifier: GPL-2.0-only
/* What the dynamic section of a program says, or lies (tools/pvmctl/elf.c). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made_elf.h"
#include "../../../tools/pvmctl/elf.h"

static int inspect(const void *bytes, size_t len, struct dynamic *dyn)
{
	void *copy = malloc(len ? len : 1);	/* its end is guarded */
	struct program prog;
	int err = -ENOEXEC;
	size_t i;

	memcpy(copy, bytes, len);
	program_inspect(copy, len, &prog);
	if (program_is_elf(&prog))
		err = dynamic_inspect(copy, len, dyn);
	for (i = 0; !err && i < dyn->nr_needed; i++)
		assert_true(strlen(dyn->needed[i]) < 4096);
	if (!err && dyn->soname)
		assert_true(strlen(dyn->soname) < 4096);
	free(copy);
	return err;
}

static void section_is_read(void **state)
{
	struct dynamic dyn;

	(void)state;
	start();
	text_entry(DT_NEEDED, "liba.so");
	text_entry(DT_SONAME, "me.so");
	text_entry(DT_RPATH, "/r");
	text_entry(DT_RUNPATH, "/run");
	text_entry(DT_NEEDED, "libb.so");
	finish(NULL);
	assert_int_equal(dynamic_inspect(f.bytes, f.len, &dyn), 0);
	assert_int_equal(dyn.nr_needed, 2);
	assert_string_equal(dyn.needed[0], "liba.so");
	assert_string_equal(dyn.needed[1], "libb.so");
	assert_string_equal(dyn.soname, "me.so");
	assert_string_equal(dyn.rpath, "/r");
	assert_string_equal(dyn.runpath, "/run");
}

static void no_section_is_no_libraries(void **state)
{
	struct dynamic dyn;

	(void)state;
	start();
	finish(NULL);
	f.bytes[sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)] = PT_NOTE;
	assert_int_equal(inspect(f.bytes, f.len, &dyn), 0);
	assert_int_equal(dyn.nr_needed, 0);
}

static void lies_are_refused(void **state)
{
	static const struct { size_t phdr, field; uint64_t value; } headers[] = {
		{ 0, offsetof(Elf64_Phdr, p_filesz), 0 },
		{ 0, offsetof(Elf64_Phdr, p_filesz), DYNAMIC_AT + 8 },
		{ 0, offsetof(Elf64_Phdr, p_offset), UINT64_MAX },
		{ 0, offsetof(Elf64_Phdr, p_offset), 1 << 20 },
		{ 0, offsetof(Elf64_Phdr, p_vaddr), UINT64_MAX },
		{ 0, offsetof(Elf64_Phdr, p_type), PT_NULL },
		{ 1, offsetof(Elf64_Phdr, p_vaddr), 0 },
		{ 1, offsetof(Elf64_Phdr, p_vaddr), UINT64_MAX - 7 },
		{ 1, offsetof(Elf64_Phdr, p_vaddr), 1 << 30 },
	};
	const uint64_t addresses[] = { 0, BASE - 1, BASE + (1 << 20), UINT64_MAX, UINT64_MAX - BASE };
	struct dynamic dyn;
	Elf64_Dyn *d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		start();
		text_entry(DT_NEEDED, "liba.so");
		finish(NULL);
		memcpy(f.bytes + sizeof(Elf64_Ehdr) + headers[i].phdr * sizeof(Elf64_Phdr) + headers[i].field,
		       &headers[i].value, headers[i].field ? 8 : 4);
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
	}
	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		start();
		text_entry(DT_NEEDED, "liba.so");
		finish(NULL);
		d = (Elf64_Dyn *)(f.bytes + DYNAMIC_AT);
		d[1].d_un.d_ptr = addresses[i];		/* DT_STRTAB */
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
		d[1].d_tag = DT_DEBUG;			/* no string table at all */
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
	}
	for (i = 0; i < 3; i++) {			/* strings outside, and without an end */
		start();
		entry(i == 0 ? DT_NEEDED : i == 1 ? DT_SONAME : DT_RUNPATH, 5);
		memset(f.strings, 'x', 9);
		f.nr_strings = 9;
		finish(NULL);
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
		d = (Elf64_Dyn *)(f.bytes + DYNAMIC_AT);
		d[0].d_un.d_val = 9;
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
		d[0].d_un.d_val = UINT64_MAX;
		assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
	}
}

static void huge_counts_are_refused(void **state)
{
	struct dynamic dyn;
	size_t i;

	(void)state;
	start();
	for (i = 0; i < 512; i++)
		text_entry(DT_NEEDED, "a");
	finish(NULL);
	assert_int_equal(inspect(f.bytes, f.len, &dyn), 0);
	f.nr_entries -= 2;
	text_entry(DT_NEEDED, "a");
	finish(NULL);
	assert_int_equal(inspect(f.bytes, f.len, &dyn), -E2BIG);
	start();
	for (i = 0; i < 5000; i++)
		entry(DT_DEBUG, 0);
	finish(NULL);
	assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
	start();
	text_entry(DT_NEEDED, "liba.so");
	finish(NULL);
	((Elf64_Ehdr *)f.bytes)->e_phnum = 65535;
	assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
	start();
	memset(f.strings + 1, 'x', 5000);
	f.nr_strings = 5002;
	entry(DT_NEEDED, 1);
	finish(NULL);
	assert_int_equal(inspect(f.bytes, f.len, &dyn), -ENOEXEC);
}

/* ASAN is the judge. */
static void damage_of_any_kind_is_survived(void **state)
{
	struct dynamic dyn;
	uint32_t seed = 1;
	size_t len, i, j;

	(void)state;
	start();
	text_entry(DT_NEEDED, "liba.so");
	text_entry(DT_RUNPATH, "/run");
	text_entry(DT_SONAME, "me.so");
	finish("/ld.so");
	for (len = 0; len < f.len; len++)
		inspect(f.bytes, len, &dyn);
	for (i = 0; i < 50000; i++) {
		unsigned char copy[2048];

		memcpy(copy, f.bytes, f.len);
		for (j = 0; j < 1 + i % 4; j++) {
			seed = seed * 1103515245 + 12345;
			copy[(seed >> 8) % f.len] = i % 3 ? seed >> 24 : 0xff;
		}
		inspect(copy, f.len, &dyn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section_is_read),
		cmocka_unit_test(no_section_is_no_libraries),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(huge_counts_are_refused),
		cmocka_unit_test(damage_of_any_kind_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
