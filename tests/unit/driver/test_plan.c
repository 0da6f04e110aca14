// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of partitions: descriptors against their fields taken apart again, ranges against a walk by number. */
#include "test.h"

#include "part/plan.h"

static void a_gate_holds_its_offset_selector_and_stack(void **state)
{
	u64 g[2], offset;
	u32 i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		offset = rnd();
		pvm_plan_gate(g, offset, 0x10, i % 8);
		assert_true(((g[0] & 0xffff) | (g[0] >> 48) << 16 | g[1] << 32) == offset);
		assert_int_equal(g[0] >> 16 & 0xffff, 0x10);
		assert_int_equal(g[0] >> 32 & 0xff, i % 8);
		assert_int_equal(g[0] >> 40 & 0xff, 0x8e);	/* present, DPL 0, interrupt gate */
	}
}

static void a_tss_descriptor_holds_base_and_limit(void **state)
{
	u64 d[2], base;
	u32 limit, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		base = rnd();
		limit = rnd() & 0xfffff;
		pvm_plan_tss_descriptor(d, base, limit);
		assert_true(((d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32) == base);
		assert_int_equal((d[0] & 0xffff) | (d[0] >> 48 & 15) << 16, limit);
		assert_int_equal(d[0] >> 40 & 0xff, 0x89);	/* present, available 64-bit TSS */
		assert_int_equal(d[0] >> 52 & 15, 0);
	}
}

static void lma_is_lme_and_paging(void **state)
{
	const u64 lme = 1 << 8, lma = 1 << 10, nx = 1 << 11, pg = 1ull << 31;

	(void)state;
	assert_int_equal(pvm_plan_efer_after_cr0(lme | nx, pg | 1), lme | lma | nx);
	assert_int_equal(pvm_plan_efer_after_cr0(lme | lma | nx, 1), lme | nx);
	assert_int_equal(pvm_plan_efer_after_cr0(nx, pg | 1), nx);
	assert_int_equal(pvm_plan_efer_after_cr0(lma, 1), 0);
}

static void inside_and_overlap_as_a_walk_by_number_says(void **state)
{
	u64 a, an, b, bn, i;
	bool inside, overlap;

	(void)state;
	for (a = 0; a < 6; a++)
		for (an = 0; an < 6; an++)
			for (b = 0; b < 6; b++)
				for (bn = 0; bn < 6; bn++) {
					inside = a >= b && a + an <= b + bn;
					overlap = false;
					for (i = a; i < a + an; i++)
						overlap |= i >= b && i < b + bn;
					assert_int_equal(pvm_plan_inside(a, an, b, bn), inside);
					if (an && bn)
						assert_int_equal(pvm_plan_overlap(a, an, b, bn), overlap);
				}
}

static void the_end_of_numbers_does_not_wrap(void **state)
{
	(void)state;
	assert_false(pvm_plan_inside(~0ull - 1, 4, ~0ull - 3, 4));
	assert_true(pvm_plan_inside(~0ull - 1, 2, ~0ull - 3, 4));
	assert_false(pvm_plan_inside(8, ~0ull, 0, 16));
	assert_true(pvm_plan_overlap(~0ull - 4, 4, ~0ull - 2, 8));
	assert_false(pvm_plan_overlap(0, 4, ~0ull - 2, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gate_holds_its_offset_selector_and_stack),
		cmocka_unit_test(a_tss_descriptor_holds_base_and_limit),
		cmocka_unit_test(lma_is_lme_and_paging),
		cmocka_unit_test(inside_and_overlap_as_a_walk_by_number_says),
		cmocka_unit_test(the_end_of_numbers_does_not_wrap),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
