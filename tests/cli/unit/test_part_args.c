// SPDX-License-Identifier: GPL-2.0-only
/* What people write for "partition create". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "part_args.h"

static char msg[256];

static void cpu_lists_keep_their_order(void **state)
{
	static const struct { const char *text; uint32_t nr, cpus[6]; } good[] = {
		{ "3", 1, { 3 } }, { "2-4", 3, { 2, 3, 4 } }, { "5,1-2,0", 4, { 5, 1, 2, 0 } },
		{ "7-7", 1, { 7 } },
	};
	static const char *const bad[] = {
		"", ",", "1,", "1-", "-1", "1--2", "2-1", "a", "1 2", "99999999999999999999", "65536",
		"1,1", "1-3,2", "0-64",
	};
	uint32_t cpus[PART_CPUS], nr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(part_cpus(good[i].text, cpus, &nr, msg, sizeof(msg)));
		assert_int_equal(nr, good[i].nr);
		assert_memory_equal(cpus, good[i].cpus, nr * 4);
	}
	assert_true(part_cpus("0-63", cpus, &nr, msg, sizeof(msg)));
	assert_int_equal(nr, 64);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*msg = 0;
		assert_false(part_cpus(bad[i], cpus, &nr, msg, sizeof(msg)));
		assert_non_null(strstr(msg, "--cpus"));
	}
}

static void memory_may_have_an_address(void **state)
{
	static const char *const bad[] = {
		"", "x", "63M", "65M", "512M@", "512M@x", "512M@0x", "512M@0xg", "512M@1M", "@0x40000000",
		"512M@0x40000000 ", "99999999999999999999", "1000000000000000000000000000000000000@0",
	};
	uint64_t bytes = 0, addr = 77;
	size_t i;

	(void)state;
	assert_true(part_memory("512M", &bytes, &addr, msg, sizeof(msg)));
	assert_int_equal(bytes, 512 << 20);
	assert_int_equal(addr, 77);
	assert_true(part_memory("1G@0x140000000", &bytes, &addr, msg, sizeof(msg)));
	assert_int_equal(bytes, 1 << 30);
	assert_int_equal(addr, 0x140000000);
	assert_true(part_memory("64M@5G", &bytes, &addr, msg, sizeof(msg)));
	assert_int_equal(addr, 5ull << 30);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*msg = 0;
		assert_false(part_memory(bad[i], &bytes, &addr, msg, sizeof(msg)));
		assert_non_null(strstr(msg, "--memory"));
	}
	assert_int_equal(addr, 5ull << 30);
}

static void devices_are_written_as_lspci_does(void **state)
{
	static const char *const bad[] = {
		"", "5", "00:05", "00:20.0", "00:05.8", "00:05.0x", "0000:00:05.0 ", "x:05.0", "100:05.0",
		"0001:00:05.0", " 00:05.0",
	};
	uint32_t bdf = 0;
	size_t i;

	(void)state;
	assert_true(part_bdf("0000:00:05.0", &bdf, msg, sizeof(msg)));
	assert_int_equal(bdf, 0x28);
	assert_true(part_bdf("c1:1f.7", &bdf, msg, sizeof(msg)));
	assert_int_equal(bdf, 0xc1ff);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*msg = 0;
		assert_false(part_bdf(bad[i], &bdf, msg, sizeof(msg)));
		assert_non_null(strstr(msg, "--pci"));
	}
}

static void uarts_have_numbers_and_ports(void **state)
{
	static const char *const bad[] = { "", "4", "ttyS", "ttyS4", "0x3f9", "-1", "1x", "COM1" };
	uint32_t port = 0;
	size_t i;

	(void)state;
	assert_true(part_uart("0", &port, msg, sizeof(msg)));
	assert_int_equal(port, 0x3f8);
	assert_true(part_uart("ttyS3", &port, msg, sizeof(msg)));
	assert_int_equal(port, 0x2e8);
	assert_true(part_uart("0x2f8", &port, msg, sizeof(msg)));
	assert_int_equal(port, 0x2f8);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(part_uart(bad[i], &port, msg, sizeof(msg)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_lists_keep_their_order),
		cmocka_unit_test(memory_may_have_an_address),
		cmocka_unit_test(devices_are_written_as_lspci_does),
		cmocka_unit_test(uarts_have_numbers_and_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
