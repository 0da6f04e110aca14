// SPDX-License-Identifier: GPL-2.0-only
/*
 * The archive writer (tools/pvmctl/cpio.c), byte by byte, and the look at programs (elf.c).
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cpio.h"
#include "../../../tools/pvmctl/elf.h"

static void one_file_byte_by_byte(void **state)
{
	static const char want[] =
		"070701" "00000000" "000081a4" "00000000" "00000000" "00000001" "00000000"
		"00000003" "00000000" "00000000" "00000000" "00000000" "00000002" "00000000"
		"f\0" "hey\0"
		"070701" "00000001" "00000000" "00000000" "00000000" "00000001" "00000000"
		"00000000" "00000000" "00000000" "00000000" "00000000" "0000000b" "00000000"
		"TRAILER!!!\0" "\0\0";
	struct cpio c = { 0 };

	(void)state;
	cpio_file(&c, "f", 0644, "hey", 3);
	assert_int_equal(cpio_finish(&c), 0);
	assert_int_equal(c.len % 4, 0);
	assert_true(c.len >= 112 + 4 + 122);
	assert_memory_equal(c.data, want, 112 + 4 + 121);
	cpio_free(&c);
	assert_null(c.data);
}

static void kinds_have_their_modes(void **state)
{
	struct cpio c = { 0 };

	(void)state;
	cpio_dir(&c, "d", 0755);
	cpio_symlink(&c, "l", "to");
	cpio_chardev(&c, "n", 0600, 229, 0);
	assert_int_equal(cpio_finish(&c), 0);
	assert_memory_equal(c.data + 14, "000041ed", 8);
	assert_memory_equal(c.data + 112 + 14, "0000a1ff", 8);
	assert_memory_equal(c.data + 112 + 112 + 4 + 14, "00002180", 8);
	assert_memory_equal(c.data + 112 + 112 + 4 + 78, "000000e5", 8);
	cpio_free(&c);
}

static void bad_paths_are_refused_once_and_for_all(void **state)
{
	struct cpio c = { 0 };

	(void)state;
	cpio_dir(&c, "/absolute", 0755);
	cpio_dir(&c, "fine", 0755);
	assert_int_equal(cpio_finish(&c), -EINVAL);
	cpio_free(&c);
	cpio_dir(&c, "", 0755);
	assert_int_equal(cpio_finish(&c), -EINVAL);
	cpio_free(&c);
}

static void large_file_grows_the_archive(void **state)
{
	static char big[300001];
	struct cpio c = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big));
	cpio_file(&c, "a", 0644, big, sizeof(big));
	cpio_file(&c, "empty", 0644, NULL, 0);
	assert_int_equal(cpio_finish(&c), 0);
	assert_memory_equal(c.data + 112, big, sizeof(big));
	cpio_free(&c);
}

static void programs(void **state)
{
	unsigned char b[256] = { 0 };
	Elf64_Ehdr eh = { .e_ident = ELFMAG, .e_type = ET_DYN, .e_machine = EM_X86_64,
			  .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1, .e_phoff = 64 };
	Elf64_Phdr ph = { .p_type = PT_INTERP, .p_offset = 120, .p_filesz = 6 };
	struct program p;
	size_t len;

	(void)state;
	program_inspect("", 0, &p);
	assert_int_equal(p.kind, PROGRAM_UNKNOWN);
	program_inspect("#! /bin/sh -e\nx", 15, &p);
	assert_int_equal(p.kind, PROGRAM_SCRIPT);
	assert_string_equal(p.interpreter, "/bin/sh");
	program_inspect("#!sh\n", 5, &p);
	assert_int_equal(p.kind, PROGRAM_UNKNOWN);

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(b, &eh, sizeof(eh));
	memcpy(b + 64, &ph, sizeof(ph));
	memcpy(b + 120, "/ld.so", 6);
	program_inspect(b, sizeof(b), &p);
	assert_int_equal(p.kind, PROGRAM_UNKNOWN);	/* no NUL at the end of the name */
	ph.p_filesz = 7;
	memcpy(b + 64, &ph, sizeof(ph));
	program_inspect(b, sizeof(b), &p);
	assert_int_equal(p.kind, PROGRAM_DYNAMIC);
	assert_string_equal(p.interpreter, "/ld.so");
	for (len = 0; len < 127; len++) {		/* every truncation */
		program_inspect(b, len, &p);
		assert_int_not_equal(p.kind, PROGRAM_DYNAMIC);
	}
	ph.p_type = PT_LOAD;
	memcpy(b + 64, &ph, sizeof(ph));
	program_inspect(b, sizeof(b), &p);
	assert_int_equal(p.kind, PROGRAM_STATIC);
	b[18] = EM_386;
	program_inspect(b, sizeof(b), &p);
	assert_int_equal(p.kind, PROGRAM_FOREIGN);
	b[EI_CLASS] = ELFCLASS32;
	program_inspect(b, sizeof(b), &p);
	assert_int_equal(p.kind, PROGRAM_FOREIGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_byte_by_byte),
		cmocka_unit_test(kinds_have_their_modes),
		cmocka_unit_test(bad_paths_are_refused_once_and_for_all),
		cmocka_unit_test(large_file_grows_the_archive), cmocka_unit_test(programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
