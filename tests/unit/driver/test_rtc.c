// SPDX-License-Identifier: GPL-2.0-only
/* The CMOS clock: every day of 800 years against a naive calendar, times of day, a TSC that runs on. */
#include "test.h"

#include "part/rtc.h"

static u32 from_bcd(u8 v)
{
	assert_true((v & 15) < 10 && v >> 4 < 10);
	return (v >> 4) * 10 + (v & 15);
}

static u32 read_bcd(const struct pvm_rtc *rtc, u32 index)
{
	return from_bcd(pvm_rtc_read(rtc, rtc->tsc, index));
}

static bool is_leap(u32 y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static void every_day_of_800_years(void **state)
{
	static const u8 length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	u32 y = 1970, m = 1, d = 1, weekday = 5;
	u64 day;

	(void)state;
	for (day = 0; y < 2770; day++) {
		struct pvm_rtc rtc = { .unix_s = day * 86400 + rnd_below(86400) };

		assert_int_equal(read_bcd(&rtc, 0x32) * 100 + read_bcd(&rtc, 0x09), y);
		assert_int_equal(read_bcd(&rtc, 0x08), m);
		assert_int_equal(read_bcd(&rtc, 0x07), d);
		assert_int_equal(read_bcd(&rtc, 0x06), weekday);
		weekday = weekday % 7 + 1;
		if (++d > length[m - 1] + (m == 2 && is_leap(y) ? 1u : 0u)) {
			d = 1;
			if (++m > 12) {
				m = 1;
				y++;
			}
		}
	}
}

static void time_of_day(void **state)
{
	struct pvm_rtc rtc = { .unix_s = 86400ull * 20000 };
	u32 s;

	(void)state;
	for (s = 0; s < 86400; s += 7, rtc.unix_s += 7) {
		assert_int_equal(read_bcd(&rtc, 0), s % 60);
		assert_int_equal(read_bcd(&rtc, 2), s / 60 % 60);
		assert_int_equal(read_bcd(&rtc, 4), s / 3600);
	}
}

static void runs_on_the_tsc(void **state)
{
	struct pvm_rtc rtc = { .unix_s = 100, .tsc = 5000000000ull, .tsc_khz = 2000000 };

	(void)state;
	assert_int_equal(pvm_rtc_read(&rtc, rtc.tsc, 0), 0x40);
	assert_int_equal(pvm_rtc_read(&rtc, rtc.tsc + 1999999999, 0), 0x40);
	assert_int_equal(pvm_rtc_read(&rtc, rtc.tsc + 2000000000, 0), 0x41);
	assert_int_equal(pvm_rtc_read(&rtc, rtc.tsc + 20 * 2000000000ull, 0), 0x00);
	/* another CPU's TSC that is behind: not 292 years later */
	assert_int_equal(pvm_rtc_read(&rtc, rtc.tsc - 1, 0), 0x40);
	rtc.tsc_khz = 0;
	assert_int_equal(pvm_rtc_read(&rtc, ~0ull, 0), 0x40);
}

static void status_registers(void **state)
{
	struct pvm_rtc rtc = { .unix_s = 1 };
	u32 i;

	(void)state;
	assert_int_equal(pvm_rtc_read(&rtc, 0, 0x0a), 0x26);
	assert_int_equal(pvm_rtc_read(&rtc, 0, 0x0b), 0x02);
	assert_int_equal(pvm_rtc_read(&rtc, 0, 0x0d), 0x80);
	for (i = 0x0e; i < 0x80; i++)
		if (i != 0x32)
			assert_int_equal(pvm_rtc_read(&rtc, 0, i), 0);
	assert_int_equal(pvm_rtc_read(&rtc, 0, 1), 0);		/* alarm */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_800_years),
		cmocka_unit_test(time_of_day),
		cmocka_unit_test(runs_on_the_tsc),
		cmocka_unit_test(status_registers),
	};

	return cmocka_run_group_tests_name("part/rtc", tests, NULL, NULL);
}
