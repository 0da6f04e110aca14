// SPDX-License-Identifier: GPL-2.0-only
/* uapi/check.c: what is refused, and the border next to what is not. The same source as in the module. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "uapi/check.h"

#define PAGE	4096ull
#define USER_END	0x7ffffffff000ull
#define FRAMES	(1ull << PVM_GFN_BITS)

static struct pvm_create_vm vm_named(const char *name)
{
	struct pvm_create_vm a = { .max_vcpus = 1 };

	memcpy(a.name, name, strlen(name));
	return a;
}

static int name_result(const char *name)
{
	struct pvm_create_vm a = vm_named(name);

	return pvm_check_create_vm(&a);
}

static void names_have_1_to_31_plain_characters(void **state)
{
	struct pvm_create_vm a = vm_named("");
	char one[2] = "";
	int c;

	(void)state;
	assert_int_equal(name_result(""), -EINVAL);
	assert_int_equal(name_result("abcdefghijklmnopqrstuvwxyzABCDE"), 0);
	assert_int_equal(name_result("abcdefghijklmnopqrstuvwxyzABCDEF"), -EINVAL);	/* no room for NUL */
	for (c = 1; c < 256; c++) {
		int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (c < 128 && strchr("._-", c));

		one[0] = c;
		assert_int_equal(name_result(one), plain ? 0 : -EINVAL);
	}
	/* what stands behind the NUL does not count */
	memcpy(a.name, "a\0/", 3);
	assert_int_equal(pvm_check_create_vm(&a), 0);
}

static void a_vm_has_vcpus_a_domain_and_a_budget_in_range(void **state)
{
	struct pvm_create_vm a = vm_named("x");

	(void)state;
	a.max_vcpus = 0;
	assert_int_equal(pvm_check_create_vm(&a), -EINVAL);
	a.max_vcpus = PVM_MAX_VCPUS;
	assert_int_equal(pvm_check_create_vm(&a), 0);
	a.max_vcpus = PVM_MAX_VCPUS + 1;
	assert_int_equal(pvm_check_create_vm(&a), -EINVAL);
	a.max_vcpus = 1;
	a.domid = 0x7fef;
	assert_int_equal(pvm_check_create_vm(&a), 0);
	a.domid = 0x7ff0;
	assert_int_equal(pvm_check_create_vm(&a), -EINVAL);
	a.domid = 1;
	a.shadow_limit_bytes = 1;
	assert_int_equal(pvm_check_create_vm(&a), -EINVAL);
	a.shadow_limit_bytes = (256 << 10) - 1;
	assert_int_equal(pvm_check_create_vm(&a), -EINVAL);
	a.shadow_limit_bytes = 256 << 10;
	assert_int_equal(pvm_check_create_vm(&a), 0);
}

static void rows_have_a_sane_stride_and_number(void **state)
{
	static const struct { u32 count, stride; int want; } t[] = {
		{ 0, 88, 0 }, { 4096, 88, 0 }, { 4097, 88, -EINVAL }, { ~0u, 88, -EINVAL },
		{ 1, 0, -EINVAL }, { 1, 80, -EINVAL }, { 1, 87, -EINVAL }, { 1, 92, -EINVAL }, { 1, 96, 0 },
		{ 1, 4096, 0 }, { 1, 4104, -EINVAL }, { 1, ~0u - 7, -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_list_vms a = { .vms_count = t[i].count, .vms_stride = t[i].stride };

		assert_int_equal(pvm_check_list(&a), t[i].want);
	}
}

static void stats_take_an_id_on_the_device_only(void **state)
{
	struct pvm_get_stats a = { .values_count = 256 };

	(void)state;
	assert_int_equal(pvm_check_stats(&a, true), 0);
	assert_int_equal(pvm_check_stats(&a, false), 0);
	a.id = 1;
	assert_int_equal(pvm_check_stats(&a, true), 0);
	assert_int_equal(pvm_check_stats(&a, false), -EINVAL);
	a.values_count = 257;
	assert_int_equal(pvm_check_stats(&a, true), -EINVAL);
}

static void memory_is_whole_pages_below_the_limits(void **state)
{
	static const struct { u32 slot, reserved; u64 gfn, pages, uaddr; int want; } t[] = {
		{ 0, 0, 0, 1, 0, 0 },
		{ 31, 0, 0, 1, PAGE, 0 },
		{ 32, 0, 0, 1, PAGE, -EINVAL },
		{ 32, 0, 0, 0, 0, -EINVAL },
		{ 0, 1, 0, 1, PAGE, -EOPNOTSUPP },
		{ 0, 1, 0, 0, 0, -EOPNOTSUPP },
		{ 0, 0, ~0ull, 0, ~0ull, 0 },			/* removal: the rest has no meaning */
		{ 0, 0, 0, PVM_MAX_PAGES, PAGE, 0 },
		{ 0, 0, 0, PVM_MAX_PAGES + 1, PAGE, -EINVAL },
		{ 0, 0, 0, ~0ull, PAGE, -EINVAL },
		{ 0, 0, FRAMES - 1, 1, PAGE, 0 },
		{ 0, 0, FRAMES - 1, 2, PAGE, -EINVAL },
		{ 0, 0, FRAMES, 1, PAGE, -EINVAL },
		{ 0, 0, ~0ull, 1, PAGE, -EINVAL },
		{ 0, 0, 0, 1, PAGE + 1, -EINVAL },
		{ 0, 0, 0, 1, PAGE - 8, -EINVAL },
		{ 0, 0, 0, 1, USER_END - PAGE, 0 },
		{ 0, 0, 0, 2, USER_END - PAGE, -EINVAL },
		{ 0, 0, 0, 1, USER_END, -EINVAL },
		{ 0, 0, 0, 1, ~0ull - PAGE + 1, -EINVAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_memory a = { .slot = t[i].slot, .reserved = t[i].reserved, .gfn = t[i].gfn,
					.nr_pages = t[i].pages, .uaddr = t[i].uaddr };

		if (pvm_check_memory(&a, USER_END) != t[i].want)
			fail_msg("row %zu: %d", i, pvm_check_memory(&a, USER_END));
	}
}

static void special_pages_are_above_ram_and_apart(void **state)
{
	static const struct { u64 pages, max, shared, grant; u32 frames; int want; } t[] = {
		{ 100, 0, 100, 101, 4, 0 },
		{ 100, 100, 100, 101, 4, 0 },
		{ 0, 0, 100, 101, 4, -EINVAL },
		{ 0, 100, 100, 101, 4, -EINVAL },
		{ 100, 99, 100, 101, 4, -EINVAL },
		{ 100, 101, 100, 102, 4, -EINVAL },
		{ 100, 101, 101, 102, 4, 0 },
		{ 100, 0, 99, 101, 4, -EINVAL },
		{ 100, 0, 0, 101, 4, -EINVAL },
		{ PVM_MAX_PAGES, 0, PVM_MAX_PAGES, PVM_MAX_PAGES + 1, 64, 0 },
		{ PVM_MAX_PAGES + 1, 0, PVM_MAX_PAGES + 1, PVM_MAX_PAGES + 2, 1, -EINVAL },
		{ 100, PVM_MAX_PAGES + 1, PVM_MAX_PAGES + 1, PVM_MAX_PAGES + 2, 1, -EINVAL },
		{ 100, ~0ull, ~0ull, 101, 4, -EINVAL },
		{ 100, 0, FRAMES - 1, 101, 4, 0 },
		{ 100, 0, FRAMES, 101, 4, -EINVAL },
		{ 100, 0, ~0ull, 101, 4, -EINVAL },
		{ 100, 0, 100, 100, 4, -EINVAL },		/* shared info is the first grant frame */
		{ 100, 0, 103, 100, 4, -EINVAL },		/* the last */
		{ 100, 0, 104, 100, 4, 0 },
		{ 100, 0, 100, 99, 4, -EINVAL },
		{ 100, 0, 100, 101, 64, 0 },
		{ 100, 0, 100, 101, 65, -EINVAL },
		{ 100, 0, 100, 101, ~0u, -EINVAL },
		{ 100, 0, 100, FRAMES - 4, 4, 0 },
		{ 100, 0, 100, FRAMES - 3, 4, -EINVAL },
		{ 100, 0, 100, ~0ull, 4, -EINVAL },
		{ 100, 0, 100, 0, 0, 0 },			/* no grant table: its place has no meaning */
	};
	struct pvm_platform a = { .nr_pages = 1, .shared_info_gfn = 1, .reserved = 1 };
	size_t i;

	(void)state;
	assert_int_equal(pvm_check_platform(&a), -EOPNOTSUPP);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		a = (struct pvm_platform){ .nr_pages = t[i].pages, .max_pages = t[i].max,
					   .shared_info_gfn = t[i].shared, .grant_gfn = t[i].grant,
					   .grant_frames = t[i].frames };
		if (pvm_check_platform(&a) != t[i].want)
			fail_msg("row %zu: %d", i, pvm_check_platform(&a));
	}
}

static void descriptors_of_a_binding_are_minus_one_or_more(void **state)
{
	struct pvm_evtchn_bind a = { .send_fd = -1, .raise_fd = -1 };

	(void)state;
	assert_int_equal(pvm_check_bind(&a), 0);
	a.send_fd = -2;
	assert_int_equal(pvm_check_bind(&a), -EINVAL);
	a.send_fd = 0;
	a.raise_fd = -2;
	assert_int_equal(pvm_check_bind(&a), -EINVAL);
	a.raise_fd = 0x7fffffff;
	assert_int_equal(pvm_check_bind(&a), 0);
	a.reserved = 1;
	assert_int_equal(pvm_check_bind(&a), -EOPNOTSUPP);
}

static void reserved_fields_are_zero(void **state)
{
	(void)state;
	assert_int_equal(pvm_check_reserved(0), 0);
	assert_int_equal(pvm_check_reserved(1), -EOPNOTSUPP);
	assert_int_equal(pvm_check_reserved(1ull << 63), -EOPNOTSUPP);
}

static bool naive_cover(const struct pvm_range *r, u32 n, u64 first, u64 count)
{
	u64 x;
	u32 i;

	for (x = first; x < first + count; x++) {
		for (i = 0; i < n; i++)
			if (x >= r[i].first && x < r[i].first + r[i].count)
				break;
		if (i == n)
			return false;
	}
	return true;
}

/* All subsets of three neighbouring or separate ranges, in every order, against every wanted range below 16. */
static void ranges_cover_as_a_walk_by_number_says(void **state)
{
	static const struct pvm_range sets[][3] = {
		{ { 0, 4 }, { 4, 4 }, { 8, 4 } }, { { 8, 4 }, { 4, 4 }, { 0, 4 } }, { { 4, 4 }, { 0, 4 }, { 8, 4 } },
		{ { 0, 3 }, { 4, 4 }, { 8, 1 } }, { { 9, 4 }, { 0, 0 }, { 4, 5 } }, { { 0, 16 }, { 20, 1 }, { 30, 0 } },
	};
	u64 first, count;
	size_t s;
	u32 n;

	(void)state;
	for (s = 0; s < sizeof(sets) / sizeof(sets[0]); s++)
		for (n = 0; n <= 3; n++)
			for (first = 0; first < 16; first++)
				for (count = 0; count < 17; count++)
					assert_int_equal(pvm_ranges_cover(sets[s], n, (struct pvm_range){ first,
						count }),
							 naive_cover(sets[s], n, first, count));
}

static void ranges_at_the_end_of_numbers_do_not_wrap(void **state)
{
	static const struct pvm_range r[] = { { ~0ull - 3, 4 }, { 0, 4 } };

	(void)state;
	assert_true(pvm_ranges_cover(r, 2, (struct pvm_range){ ~0ull - 3, 4 }));
	assert_false(pvm_ranges_cover(r, 1, (struct pvm_range){ 0, 1 }));
	assert_false(pvm_ranges_cover(r, 2, (struct pvm_range){ 4, ~0ull }));
}

/* ---- partitions --------------------------------------------------------------------------------------------- */

static struct pvm_create_partition partition(void)
{
	return (struct pvm_create_partition){
		.name = "x", .cpus_count = 1, .memory_bytes = 64 << 20, .memory_addr = PVM_PART_ADDR_ANY,
	};
}

#define REFUSED(field, value, want) do { \
		struct pvm_create_partition a_ = partition(); \
		const char *why_; \
		a_.field = (value); \
		assert_int_equal(pvm_check_create_partition(&a_, &why_), want); \
		assert_int_equal(!!why_, (want) == -EINVAL); \
		assert_true(!why_ || strlen(why_) < sizeof(a_.why)); \
	} while (0)

static void a_partition_has_a_name_cpus_and_devices_in_range(void **state)
{
	struct pvm_create_partition a = partition();
	const char *why;

	(void)state;
	assert_int_equal(pvm_check_create_partition(&a, &why), 0);
	REFUSED(name[0], '/', -EINVAL);
	REFUSED(name[0], 0, -EINVAL);
	REFUSED(reserved, 1, -EOPNOTSUPP);
	REFUSED(cpus_count, 0, -EINVAL);
	REFUSED(cpus_count, PVM_PART_MAX_CPUS, 0);
	REFUSED(cpus_count, PVM_PART_MAX_CPUS + 1, -EINVAL);
	REFUSED(pci_count, PVM_PART_MAX_PCI, 0);
	REFUSED(pci_count, PVM_PART_MAX_PCI + 1, -EINVAL);
}

static void a_partitions_memory_is_whole_units_that_exist(void **state)
{
	struct pvm_create_partition a = partition();
	const char *why;

	(void)state;
	REFUSED(memory_bytes, (64 << 20) - (2 << 20), -EINVAL);
	REFUSED(memory_bytes, (64 << 20) + 4096, -EINVAL);
	REFUSED(memory_bytes, 1ull << 52, -EINVAL);
	REFUSED(memory_bytes, 0, -EINVAL);
	REFUSED(memory_addr, 0, -EINVAL);
	REFUSED(memory_addr, 2 << 20, 0);
	REFUSED(memory_addr, (2 << 20) + 4096, -EINVAL);
	REFUSED(memory_addr, PVM_PART_ADDR_ANY - 1, -EINVAL);
	REFUSED(memory_addr, (1ull << 52) - (66 << 20), 0);
	REFUSED(memory_addr, (1ull << 52) - (62 << 20), -EINVAL);
	a.memory_bytes = (1ull << 52) - (2 << 20);
	a.memory_addr = ~0ull << 21;
	assert_int_equal(pvm_check_create_partition(&a, &why), -EINVAL);
}

static void a_partitions_console_is_emulated_or_one_of_four_uarts(void **state)
{
	u32 port;

	(void)state;
	for (port = 0; port < 0x10000; port++)
		REFUSED(uart_port, port, !port || port == 0x3f8 || port == 0x2f8 || port == 0x3e8 || port == 0x2e8 ?
			0 : -EINVAL);
	REFUSED(uart_port, 0x103f8, -EINVAL);
}

static void a_partition_is_opened_by_a_valid_name(void **state)
{
	struct pvm_open_partition a = { .name = "web" };

	(void)state;
	assert_int_equal(pvm_check_open_partition(&a), 0);
	a.name[1] = ' ';
	assert_int_equal(pvm_check_open_partition(&a), -EINVAL);
}

static void rows_of_partitions_have_a_sane_stride_and_number(void **state)
{
	struct pvm_list_partitions a = { .rows_stride = PVM_PARTITION_ENTRY_SIZE_V0, .rows_count = PVM_MAX_ROWS };

	(void)state;
	assert_int_equal(pvm_check_list_partitions(&a), 0);
	a.rows_count++;
	assert_int_equal(pvm_check_list_partitions(&a), -EINVAL);
	a.rows_count = 0;
	a.rows_stride = PVM_PARTITION_ENTRY_SIZE_V0 - 8;
	assert_int_equal(pvm_check_list_partitions(&a), -EINVAL);
	a.rows_stride = PVM_PARTITION_ENTRY_SIZE_V0 + 4;
	assert_int_equal(pvm_check_list_partitions(&a), -EINVAL);
	a.rows_stride = 4096;
	assert_int_equal(pvm_check_list_partitions(&a), 0);
	a.rows_stride = 4104;
	assert_int_equal(pvm_check_list_partitions(&a), -EINVAL);
}

static void a_stop_waits_a_minute_at_most(void **state)
{
	struct pvm_part_stop a = { .timeout_ms = 60000 };

	(void)state;
	assert_int_equal(pvm_check_part_stop(&a), 0);
	a.timeout_ms++;
	assert_int_equal(pvm_check_part_stop(&a), -EINVAL);
}

static void counters_of_a_partition_fit_the_limits(void **state)
{
	struct pvm_part_stats a = { .values_count = PVM_MAX_VALUES, .details_count = PVM_PART_MAX_DETAILS };

	(void)state;
	assert_int_equal(pvm_check_part_stats(&a), 0);
	a.values_count++;
	assert_int_equal(pvm_check_part_stats(&a), -EINVAL);
	a.values_count = 0;
	a.details_count++;
	assert_int_equal(pvm_check_part_stats(&a), -EINVAL);
}

static void a_heartbeat_is_an_aligned_word_watched_at_a_sane_pace(void **state)
{
	struct pvm_part_heartbeat a = { .addr = 8, .timeout_ms = 100 };

	(void)state;
	assert_int_equal(pvm_check_heartbeat(&a), 0);
	a.timeout_ms = 99;
	assert_int_equal(pvm_check_heartbeat(&a), -EINVAL);
	a.timeout_ms = 3600000;
	assert_int_equal(pvm_check_heartbeat(&a), 0);
	a.timeout_ms++;
	assert_int_equal(pvm_check_heartbeat(&a), -EINVAL);
	a.addr = 0;
	assert_int_equal(pvm_check_heartbeat(&a), 0);	/* it ends; the time does not matter */
	a.reserved = 1;
	assert_int_equal(pvm_check_heartbeat(&a), -EOPNOTSUPP);
	a = (struct pvm_part_heartbeat){ .addr = 12, .timeout_ms = 100 };
	assert_int_equal(pvm_check_heartbeat(&a), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_1_to_31_plain_characters),
		cmocka_unit_test(a_vm_has_vcpus_a_domain_and_a_budget_in_range),
		cmocka_unit_test(rows_have_a_sane_stride_and_number),
		cmocka_unit_test(stats_take_an_id_on_the_device_only),
		cmocka_unit_test(memory_is_whole_pages_below_the_limits),
		cmocka_unit_test(special_pages_are_above_ram_and_apart),
		cmocka_unit_test(descriptors_of_a_binding_are_minus_one_or_more),
		cmocka_unit_test(reserved_fields_are_zero),
		cmocka_unit_test(ranges_cover_as_a_walk_by_number_says),
		cmocka_unit_test(ranges_at_the_end_of_numbers_do_not_wrap),
		cmocka_unit_test(a_partition_has_a_name_cpus_and_devices_in_range),
		cmocka_unit_test(a_partitions_memory_is_whole_units_that_exist),
		cmocka_unit_test(a_partitions_console_is_emulated_or_one_of_four_uarts),
		cmocka_unit_test(a_partition_is_opened_by_a_valid_name),
		cmocka_unit_test(rows_of_partitions_have_a_sane_stride_and_number),
		cmocka_unit_test(a_stop_waits_a_minute_at_most),
		cmocka_unit_test(counters_of_a_partition_fit_the_limits),
		cmocka_unit_test(a_heartbeat_is_an_aligned_word_watched_at_a_sane_pace),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
