// SPDX-License-Identifier: GPL-2.0-only
/* Guest time: saturation of deadlines, precision of the TSC factor against 128-bit arithmetic. */
#include "test.h"

#include "xen/deadline.h"

typedef unsigned __int128 u128;

static void deadline_saturates(void **state)
{
	(void)state;
	assert_int_equal(pvm_deadline_ktime(5, 7), 12);
	assert_int_equal(pvm_deadline_ktime(0, 0), 0);
	assert_true(pvm_deadline_ktime(~0ull, 1) == PVM_KTIME_MAX);
	assert_true(pvm_deadline_ktime(~0ull, 0) == PVM_KTIME_MAX);
	assert_true(pvm_deadline_ktime(1ull << 63, 0) == PVM_KTIME_MAX);
	assert_true(pvm_deadline_ktime((1ull << 63) - 1, 0) == PVM_KTIME_MAX);
	assert_true(pvm_deadline_ktime((1ull << 63) - 2, 1) == PVM_KTIME_MAX);
	assert_true(pvm_deadline_ktime((1ull << 63) - 3, 1) == PVM_KTIME_MAX - 1);
	assert_true(pvm_deadline_ktime(~0ull, ~0ull) == PVM_KTIME_MAX);
}

static void deadline_random_against_wide_sum(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		u64 d = rnd_edgy(), e = rnd_edgy();
		u128 sum = (u128)d + e;
		s64 want = sum > (u128)PVM_KTIME_MAX ? PVM_KTIME_MAX : (s64)sum;

		assert_true(pvm_deadline_ktime(d, e) == want);
		assert_true(pvm_deadline_ktime(d, e) >= 0);
	}
}

static void deadline_now_is_past(void **state)
{
	(void)state;
	assert_true(pvm_deadline_past(10, 10));
	assert_true(pvm_deadline_past(9, 10));
	assert_false(pvm_deadline_past(11, 10));
	assert_true(pvm_deadline_past(0, 0));
	assert_false(pvm_deadline_past(~0ull, ~0ull - 1));
}

/* The guest's own formula in 128 bits. */
static u64 exact_formula(u64 ticks, struct pvm_tsc_scale s)
{
	ticks = s.shift < 0 ? ticks >> -s.shift : ticks << s.shift;
	return (u64)((u128)ticks * s.mul >> 32);
}

static void check_khz(u32 khz)
{
	struct pvm_tsc_scale s = pvm_tsc_scale_from_khz(khz);
	u64 day_ticks, want, got;

	assert_true(s.mul >> 31 == 1);		/* normalised: full precision */
	assert_in_range(s.shift + 32, 20, 52);
	/* the nearest of all mul: |mul * khz * 2^shift - 10^6 * 2^32| is at most half a step */
	{
		u128 got = (u128)s.mul * khz << (s.shift > 0 ? s.shift : 0);
		u128 ideal = (u128)1000000 << (32 + (s.shift < 0 ? -s.shift : 0));
		u128 step = (u128)khz << (s.shift > 0 ? s.shift : 0);

		assert_true(2 * (got > ideal ? got - ideal : ideal - got) <= step);
	}
	/* one day: relative error below 2^-31, plus the bits a negative shift drops, plus rounding */
	day_ticks = (u64)khz * 86400000ull;
	want = 86400ull * 1000000000ull;
	got = pvm_tsc_to_ns(day_ticks, s);
	assert_true(got == exact_formula(day_ticks, s));
	assert_true((got > want ? got - want : want - got) <= (want >> 31) + 2);
	/* what Linux makes of it (pvclock: 10^6 << 32 / mul, shifted back) is the frequency again */
	{
		u64 k = (1000000ull << 32) / s.mul;

		k = s.shift < 0 ? k << -s.shift : k >> s.shift;
		assert_true((k > khz ? k - khz : khz - k) <= (1u << (s.shift < 0 ? -s.shift : 0)));
	}
}

static void scale_is_precise(void **state)
{
	static const u32 known[] = {
		1, 2, 3, 999, 1000, 32768, 499999, 500000, 500001, 999999, 1000000, 1000001, 1999999, 2000000,
		2000001, 2399999, 2400000, 2600000, 3000000, 3700000, 3999999, 4000000, 4000001, 5000000, 0x7fffffff,
		0x80000000, 0xfffffffe, 0xffffffff,
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		check_khz(known[i]);
	for (i = 0; i < 100000; i++) {
		u32 khz = (u32)(rnd() >> 32) >> rnd_below(31);

		check_khz(khz ? khz : 1);
	}
}

static void scale_of_known_frequencies(void **state)
{
	struct pvm_tsc_scale s = pvm_tsc_scale_from_khz(1000000);

	(void)state;
	/* 1 GHz: factor 1 is 1/2 * 2 */
	assert_int_equal(s.mul, 0x80000000);
	assert_int_equal(s.shift, 1);
	s = pvm_tsc_scale_from_khz(2000000);
	assert_int_equal(s.mul, 0x80000000);
	assert_int_equal(s.shift, 0);
	s = pvm_tsc_scale_from_khz(4000000);
	assert_int_equal(s.mul, 0x80000000);
	assert_int_equal(s.shift, -1);
	/* unknown: a guest divides by mul, so it is never 0 */
	s = pvm_tsc_scale_from_khz(0);
	assert_int_equal(s.mul, 0x80000000);
	assert_int_equal(s.shift, 1);
}

static void ticks_to_ns_equals_wide_multiplication(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		struct pvm_tsc_scale s = { .mul = (u32)rnd_edgy(), .shift = (s8)((int)rnd_below(33) - 12) };
		u64 t = rnd_edgy();

		assert_true(pvm_tsc_to_ns(t, s) == exact_formula(t, s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadline_saturates),
		cmocka_unit_test(deadline_random_against_wide_sum),
		cmocka_unit_test(deadline_now_is_past),
		cmocka_unit_test(scale_is_precise),
		cmocka_unit_test(scale_of_known_frequencies),
		cmocka_unit_test(ticks_to_ns_equals_wide_multiplication),
	};

	return cmocka_run_group_tests_name("deadline", tests, NULL, NULL);
}
