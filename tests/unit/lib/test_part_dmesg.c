// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading a kernel's log out of its memory (part_dmesg.c); then all that is read there is damaged at
 * random, and nothing may happen but -ENODATA or some text.
 */
#include "test.h"
#include "kernel_memory.h"

static char *dmesg(void)
{
	char *text = NULL;
	size_t bytes = 0;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_part_dmesg_text(&phys, &v, &text, &bytes), 0);
	assert_int_equal(strlen(text), bytes);
	return text;
}

static void log_is(const char *want)
{
	char *got = dmesg();

	assert_string_equal(got, want);
	free(got);
}

static void no_log(void)
{
	char *text = (char *)1;
	size_t bytes = 1;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_part_dmesg_text(&phys, &v, &text, &bytes), -ENODATA);
	assert_ptr_equal(text, (char *)1);
}

/* ---- the log ----------------------------------------------------------------------------- */

static void records_come_with_their_times(void **state)
{
	print(0, "Linux version");
	print(1234567890ull, "two\nlines\n");
	print(99999000000000ull, "tab\there, bell\a, escape \033[31m, utf-8 \xc3\xa4 \xc3\x9f \xc2\xb5, csi \xc2\x9b, del \x7f");
	log_is("[    0.000000] Linux version\n"
	       "[    1.234567] two\n"
	       "[    1.234567] lines\n"
	       "[99999.000000] tab\there, bell?, escape ?[31m, utf-8 \xc3\xa4 \xc3\x9f \xc2\xb5, csi ??, del ?\n");
}

static void the_ring_wraps(void **state)
{
	char line[64], want[2048] = "";

	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d %.*s", i, i % 17, "xxxxxxxxxxxxxxxxx");
		print(i * 1000000ull, line);
	}
	/* 16 descriptors, but 512 bytes hold only the last few texts: the older ones are reused. */
	for (int i = 84; i < 88; i++)
		put(AT_DESCS + (i & 15) * DESC_BYTES, REUSABLE | (uint64_t)i, 8);
	for (int i = 88; i < 100; i++) {
		snprintf(line, sizeof(line), "[    0.%06d] line %d %.*s\n", i * 1000, i, i % 17,
			 "xxxxxxxxxxxxxxxxx");
		strcat(want, line);
	}
	log_is(want);
}

static void only_complete_records_are_shown(void **state)
{
	print(0, "final");
	log_record(COMMITTED, 0, "committed", 9);
	log_record(0, 0, "reserved", 8);
	log_record(REUSABLE, 0, "reusable", 8);
	print(0, "other id");
	put(AT_DESCS + 4 * DESC_BYTES, FINALIZED | 20, 8);
	print(0, "empty line");
	put(AT_DESCS + 5 * DESC_BYTES + 8, 3, 8);
	put(AT_DESCS + 5 * DESC_BYTES + 16, 3, 8);
	print(0, "lost");
	put(AT_DESCS + 6 * DESC_BYTES + 8, 1, 8);
	put(AT_DESCS + 6 * DESC_BYTES + 16, 1, 8);
	print(0, "");
	log_is("[    0.000000] final\n[    0.000000] committed\n[    0.000000] \n[    0.000000] \n");
}

static void lengths_are_bounded_by_the_block(void **state)
{
	print(0, "12345678");
	print(0, "secret");
	put(AT_INFOS + 16, 0xffff, 2);
	log_is("[    0.000000] 12345678\n[    0.000000] secret\n");
	put(AT_DESCS + 16, 4, 8);			/* ends before its id does */
	put(AT_DESCS + DESC_BYTES + 16, 0, 8);		/* ends before it begins: fills the ring */
	put(AT_INFOS + INFO_BYTES + 16, 6, 2);
	log_is("[    0.000000] \n[    0.000000] secret\n");
}

static void rings_that_make_no_sense_are_refused(void **state)
{
	static const struct { uint32_t at; uint64_t value; unsigned int bytes; } t[] = {
		{ AT_PRB_PTR, 0, 8 }, { AT_PRB_PTR, VA_LOG + MEM_BYTES, 8 }, { AT_PRB, 23, 4 },
		{ AT_PRB, 0xffffffff, 4 }, { AT_PRB + 64, 29, 4 }, { AT_PRB + 24, 17, 8 },
		{ AT_PRB + 24, ~0ull, 8 }, { AT_PRB + 32, 1, 8 }, { AT_PRB + 8, 0, 8 },
		{ AT_PRB + 16, 0x123456789abcdefull, 8 }, { AT_PRB + 72, 0, 8 },
	};

	no_log();					/* nothing printed yet */
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		print(0, "x");
		put(t[i].at, t[i].value, t[i].bytes);
		no_log();
	}
	setup(state);
	print(0, "x");
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "SIZE(prb_desc)"), "SIZE(xxx_xxxx)", 14);
	no_log();
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "SYMBOL(prb)"), "SYMBOL(xxx)", 11);
	no_log();
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "OFFSET(printk_info.ts_nsec)=8"),
	       "OFFSET(printk_info.ts_nsec)=4097\nX", 34);
	no_log();
}

/* Each part of the ring in turn reaches over the memory's end. */
static void rings_that_are_cut_off_are_refused(void **state)
{
	uint8_t prb[80];

	for (uint32_t left = 0; left < sizeof(prb); left += 4) {
		setup(state);
		memset(mem + AT_INFO + 2048, 0, 2048);
		print(0, "x");
		memcpy(prb, mem + AT_PRB, sizeof(prb));
		memcpy(mem + MEM_BYTES - left, prb, left);
		put(AT_PRB_PTR, VA_IMAGE + MEM_BYTES - left, 8);
		no_log();
	}
	for (uint32_t left = 0; left < INFO_BYTES; left += 8) {
		setup(state);
		memset(mem + AT_INFO + 2048, 0, 2048);
		print(0, "x");
		memcpy(mem + MEM_BYTES - left, mem + AT_INFOS, left);
		put(AT_PRB + 16, VA_IMAGE + MEM_BYTES - left, 8);
		if (left < 18)
			no_log();
		else
			log_is("[    0.000000] x\n");
		if (left >= DESC_BYTES)
			continue;
		put(AT_PRB + 16, VA_LOG + AT_INFOS, 8);
		memcpy(mem + MEM_BYTES - left, mem + AT_DESCS, left);
		put(AT_PRB + 8, VA_IMAGE + MEM_BYTES - left, 8);
		no_log();
	}
}

static void texts_that_end_with_the_ring_are_whole(void **state)
{
	print(0, "x");
	put(AT_DESCS + 8, 512 - 16, 8);
	put(AT_DESCS + 16, 512, 8);
	put(AT_INFOS + 16, 8, 2);
	memcpy(mem + AT_DATA + 512 - 8, "12345678", 8);
	log_is("[    0.000000] 12345678\n");
}

static void long_logs_grow_and_failing_allocations_are_undone(void **state)
{
	char *big, *text;
	size_t bytes;
	bool failed = true;

	/* 16 records that all point at one text of 8 KiB, of lines that get a stamp each. */
	put(AT_PRB + 64, 14, 4);
	big = malloc(8100);
	for (int i = 0; i < 8100; i++)
		big[i] = i % 10 == 9 ? '\n' : 'y';
	for (int i = 0; i < 16; i++) {
		next_lpos = 0;
		print(1, "x");
		put(AT_DESCS + i * DESC_BYTES + 16, 8192, 8);
		put(AT_INFOS + i * INFO_BYTES + 16, 8100, 2);
	}
	memcpy(mem + AT_DATA + 8, big, 8100);
	free(big);
	text = dmesg();
	assert_int_equal(strlen(text), 16 * 810 * (15 + 10));
	free(text);
	for (unsigned int n = 1; failed; n++) {
		int err;

		fail_alloc(n);
		err = pvm_part_dmesg_text(&phys, &v, &text, &bytes);
		failed = alloc_failed();
		assert_int_equal(err, failed ? -ENOMEM : 0);
		if (!err)
			free(text);
	}
}

/* ---- damage ------------------------------------------------------------------------------ */

static void random_damage_does_no_harm(void **state)
{
	unsigned int logs = 0, symbols = 0;

	srand(3);
	for (int i = 0; i < 4000; i++) {
		uint8_t was[64];
		uint32_t at[64];
		uint64_t va;
		size_t bytes;
		char *text;

		if (i % 100 == 0) {
			setup(state);
			write_addresses(1 + i / 100 % 3);
			for (int k = 0; k < 20; k++)
				print(k, "some text, some of it longer");
		}
		for (int k = 0; k < 64; k++) {
			static const uint32_t area[] = { AT_INFO, AT_PRB, AT_DESCS, AT_INFOS, AT_TABLES,
							 AT_TABLES + 3 * 4096, AT_INDEX, AT_NAMES };
			static const uint32_t span[] = { 1200, 96, 400, 1500, 4096, 4096, 512, 1000 };
			int a = rand() % 8;

			at[k] = area[a] + rand() % span[a];
			was[k] = mem[at[k]];
			mem[at[k]] = k % 3 ? (uint8_t)rand() : mem[at[k]];
		}
		if (!pvm_vmcore_find(&phys, &v)) {
			if (!pvm_part_dmesg_text(&phys, &v, &text, &bytes)) {
				assert_int_equal(strlen(text), bytes);
				free(text);
				logs++;
			}
			symbols += !pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va);
		}
		for (int k = 63; k >= 0; k--)
			mem[at[k]] = was[k];
	}
	assert_true(logs > 10);
	assert_true(symbols > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(records_come_with_their_times),
		T(the_ring_wraps),
		T(only_complete_records_are_shown),
		T(lengths_are_bounded_by_the_block),
		T(rings_that_make_no_sense_are_refused),
		T(rings_that_are_cut_off_are_refused),
		T(texts_that_end_with_the_ring_are_whole),
		T(long_logs_grow_and_failing_allocations_are_undone),
		T(random_damage_does_no_harm),
	};

	return cmocka_run_group_tests_name("part_dmesg", tests, NULL, NULL);
}
