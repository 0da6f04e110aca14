// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding one's way in a kernel's memory: VMCOREINFO, addresses, symbols (part_vmcore.c).
 */
#include "test.h"
#include "kernel_memory.h"

/* ---- VMCOREINFO -------------------------------------------------------------------------- */

static void vmcoreinfo_is_found_and_found_again(void **state)
{
	uint64_t value = 0;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_true(v.found);
	assert_int_equal(v.page, MEM_ADDR + AT_INFO);
	assert_int_equal(v.phys_base, PHYS_BASE);
	assert_int_equal(v.root, MEM_ADDR + AT_TABLES);
	assert_true(pvm_vmcore_number(&v, "SIZE(prb_desc)", 10, &value));
	assert_int_equal(value, DESC_BYTES);
	assert_false(pvm_vmcore_number(&v, "SIZE(prb_des)", 10, &value));
	assert_false(pvm_vmcore_number(&v, "OSRELEASE", 10, &value));
	memcpy(mem + 0x40000, mem + AT_INFO, 4096);
	memset(mem + AT_INFO, 0, 4096);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);	/* it moved */
	assert_int_equal(v.page, MEM_ADDR + 0x40000);
	memcpy(mem + AT_INFO, mem + 0x40000, 4096);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);	/* the known place first */
	assert_int_equal(v.page, MEM_ADDR + 0x40000);
	v.page = 0;						/* of other memory */
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	pvm_vmcore_forget(&phys);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	assert_false(v.found);
	assert_int_equal(v.root, 0);
}

static void look_alikes_are_not_taken(void **state)
{
	char *page = (char *)mem + AT_INFO;

	memmove(page + 16, page, 3000);				/* not at a page's beginning */
	memset(page, 'x', 16);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	setup(state);
	memcpy(page = (char *)mem + AT_INFO, "OSRELEASE=%s", 12);	/* the kernel's own format */
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	memcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=\n", 32);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=12x\n");
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=-4096");	/* no newline, no page tables */
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(v.phys_base, -4096ull);
	assert_int_equal(v.root, 0);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=0\nSYMBOL(swapper_pg_dir)=1234\n");
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(v.root, 0);				/* no address of the image */
	memset(page, 'A', 4096);				/* no end at all */
	memcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=1\n", 32);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
}

/* ---- addresses --------------------------------------------------------------------------- */

static void reads_stay_in_the_memory(void **state)
{
	uint64_t got[2];

	assert_true(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES - 8, got, 8));
	assert_false(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES - 7, got, 8));
	assert_false(pvm_phys_read(&phys, MEM_ADDR - 1, got, 8));
	assert_false(pvm_phys_read(&phys, ~0ull, got, 8));
	assert_false(pvm_phys_read(&phys, 0, got, 8));
	assert_true(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES, got, 0));
}

static void both_depths_and_all_page_sizes_translate(void **state)
{
	uint64_t pa;

	for (int l5 = 0; l5 < 2; l5++) {
		for (int level = 1; level <= 3; level++) {
			memset(&v, 0, sizeof(v));
			write_info(l5, "");
			write_tables(l5, level);
			assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
			assert_int_equal(v.l5, l5);
			assert_true(pvm_vmcore_translate(&phys, &v, VA_LOG + 0x12345, &pa));
			assert_int_equal(pa, MEM_ADDR + 0x12345);
			assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG + (1ull << 39), &pa));
		}
	}
	assert_true(pvm_vmcore_translate(&phys, &v, VA_IMAGE + 0x77, &pa));
	assert_int_equal(pa, MEM_ADDR + 0x77);
	assert_false(pvm_vmcore_translate(&phys, &v, 0x1000, &pa));
	v.root = MEM_ADDR + MEM_BYTES;				/* tables outside */
	assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG, &pa));
	v.root = 0;
	assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG, &pa));
}

static void reads_cross_pages(void **state)
{
	uint8_t want[9000], got[9000];

	for (int i = 0; i < 9000; i++)
		mem[0x50ff0 + i] = want[i] = (uint8_t)(i * 7);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_true(pvm_vmcore_read(&phys, &v, VA_LOG + 0x50ff0, got, sizeof(got)));
	assert_memory_equal(got, want, sizeof(got));
	put(AT_TABLES + 3 * 4096 + 8 * 0x52, 0, 8);		/* one page in the middle is absent */
	assert_false(pvm_vmcore_read(&phys, &v, VA_LOG + 0x50ff0, got, sizeof(got)));
	assert_false(pvm_vmcore_read(&phys, &v, VA_IMAGE + MEM_BYTES - 4, got, 8));
}

/* ---- symbols ----------------------------------------------------------------------------- */

static void symbols_are_found_in_every_encoding(void **state)
{
	uint64_t va, pa, value;

	for (int scheme = 0; scheme < 4; scheme++) {
		setup(state);
		write_addresses(scheme);
		put(AT_JIFFIES, 4711, 8);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
		assert_int_equal(va, VA_IMAGE + AT_JIFFIES);
		assert_true(pvm_vmcore_translate(&phys, &v, va, &pa));
		assert_true(pvm_phys_read(&phys, pa, &value, 8));
		assert_int_equal(value, 4711);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies", &va), -ENOENT);
	}
	/* An absolute symbol of a kernel with per-CPU ones at zero. */
	setup(state);
	write_addresses(2);
	put(AT_OFFSETS + 16, 0x1234, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
	assert_int_equal(va, 0x1234);
}

static void symbol_tables_that_make_no_sense_are_refused(void **state)
{
	static const char *const keys[] = {
		"SYMBOL(init_uts_ns)", "SYMBOL(kallsyms_names)", "SYMBOL(kallsyms_num_syms)",
		"SYMBOL(kallsyms_token_table)", "SYMBOL(kallsyms_token_index)",
		"SYMBOL(kallsyms_offsets)", "SYMBOL(kallsyms_relative_base)",
	};
	static const struct { uint32_t at; uint64_t value; unsigned int bytes; } t[] = {
		{ AT_NUM, (1 << 20) + 1, 4 }, { AT_NUM, 2, 4 }, { AT_OFFSETS + 8, 0x9999, 4 },
		{ AT_BASE, 0, 8 },
	};
	uint64_t va;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *hit, *value;

		setup(state);
		write_addresses(1);
		hit = strstr((char *)mem + AT_INFO, keys[i]);
		value = strchr(hit, '=') + 1;
		memcpy(value, "fffffffff0", 10);	/* in no table */
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
		memset(hit, 'x', strlen(keys[i]));
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		write_addresses(1);
		put(t[i].at, t[i].value, t[i].bytes);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	setup(state);					/* names run out of the memory */
	write_addresses(1);
	put(AT_NUM, 1 << 20, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "no_such", &va), -ENODATA);
	fail_alloc(1);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENOMEM);
	assert_true(alloc_failed());
	setup(state);					/* they end within a length of two bytes */
	write_addresses(1);
	mem[MEM_BYTES - 1] = 0x80;
	{
		char *at = strstr((char *)mem + AT_INFO, "SYMBOL(kallsyms_names)=") + 23, hex[20];

		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES - 1);
		memcpy(at, hex, 16);
	}
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	for (int scheme = 0; scheme < 2; scheme++) {	/* addresses end before the one wanted */
		char *at, hex[20];

		setup(state);
		write_addresses(scheme);
		at = strstr((char *)mem + AT_INFO, scheme ? "kallsyms_offsets)=" : "kallsyms_addresses)=");
		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES - (scheme ? 12 : 24));
		memcpy(strchr(at, '=') + 1, hex, 16);
		memcpy(mem + MEM_BYTES - (scheme ? 12 : 24), mem + AT_OFFSETS, scheme ? 12 : 24);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES);
		memcpy(strchr(at, '=') + 1, hex, 16);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	setup(state);					/* the last token begins at the very end */
	write_addresses(1);
	put(AT_INDEX + 2 * 255, 0xffff, 2);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
}

/* A table that maps everything to one page is an endless table of names, but for our bounds. */
static void endless_tables_end(void **state)
{
	uint64_t va;
	char more[300];

	write_addresses(1);
	snprintf(more, sizeof(more), "SYMBOL(kallsyms_offsets)=%llx\nSYMBOL(kallsyms_relative_base)=%llx\n",
		 VA_IMAGE + AT_OFFSETS, VA_IMAGE + AT_BASE);
	write_info(0, more);
	for (uint32_t l = 0; l < 4; l++)
		for (int i = 0; i < 512; i++)
			put(AT_TABLES + 4096 * l + 8 * i, (MEM_ADDR + AT_TABLES + 4096 * (l + 1)) | 1, 8);
	memset(mem + AT_TABLES + 4 * 4096, 0xff, 4096);
	memcpy(strstr((char *)mem + AT_INFO, "SYMBOL(kallsyms_names)=") + 23, "ffff888000000000", 16);
	put(AT_NUM, 1 << 20, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(vmcoreinfo_is_found_and_found_again),
		T(look_alikes_are_not_taken),
		T(reads_stay_in_the_memory),
		T(both_depths_and_all_page_sizes_translate),
		T(reads_cross_pages),
		T(symbols_are_found_in_every_encoding),
		T(symbol_tables_that_make_no_sense_are_refused),
		T(endless_tables_end),
	};

	return cmocka_run_group_tests_name("part_vmcore", tests, NULL, NULL);
}
