// SPDX-License-Identifier: GPL-2.0-only
/* The CMOS clock of a partition; see rtc.h. Layout: MC146818, with the century where PCs have it (0x32). */
#include <linux/types.h>

#include "part/rtc.h"

#define DAY_S		86400u
#define DAYS_400Y	146097u		/* the calendar repeats after 400 years */
#define DAYS_100Y	36524u
#define DAYS_4Y		1461u
#define DAYS_1Y		365u

struct date {
	u32 year, month, day;		/* month and day from 1 */
};

static u8 bcd(u32 v)
{
	return (v / 10) << 4 | v % 10;
}

/*
 * Years are counted from 1 March, so that the leap day is the last of its year and the months up to it have the
 * lengths 31 30 31 30 31, 31 30 31 30 31, 31 28: month m starts on day (153 m + 2) / 5.
 */
static struct date date_of(u64 days)
{
	u32 left = (days + 719468) % DAYS_400Y;		/* 719468: from 1 March 0000 to 1 January 1970 */
	u32 year = (days + 719468) / DAYS_400Y * 400, n, m;

	n = left / DAYS_100Y;
	if (n > 3)
		n = 3;					/* the leap day of the 400th year */
	year += n * 100;
	left -= n * DAYS_100Y;
	year += left / DAYS_4Y * 4;
	left %= DAYS_4Y;
	n = left / DAYS_1Y;
	if (n > 3)
		n = 3;					/* the leap day of the 4th year */
	year += n;
	left -= n * DAYS_1Y;
	m = (5 * left + 2) / 153;
	return (struct date){
		.year = m < 10 ? year : year + 1,
		.month = m < 10 ? m + 3 : m - 9,
		.day = left - (153 * m + 2) / 5 + 1,
	};
}

u8 pvm_rtc_read(const struct pvm_rtc *rtc, u64 tsc, u32 index)
{
	u64 now = rtc->unix_s, days;
	struct date d;
	u32 s;

	if (rtc->tsc_khz && tsc > rtc->tsc)		/* TSCs of two CPUs may differ by a little */
		now += (tsc - rtc->tsc) / ((u64)rtc->tsc_khz * 1000);
	days = now / DAY_S;
	s = now % DAY_S;
	d = date_of(days);
	switch (index) {
	case 0x00:
		return bcd(s % 60);
	case 0x02:
		return bcd(s / 60 % 60);
	case 0x04:
		return bcd(s / 3600);
	case 0x06:
		return (days + 4) % 7 + 1;		/* 1 January 1970 was a Thursday; Sunday is 1 */
	case 0x07:
		return bcd(d.day);
	case 0x08:
		return bcd(d.month);
	case 0x09:
		return bcd(d.year % 100);
	case 0x32:
		return bcd(d.year / 100 % 100);
	case 0x0a:
		return 0x26;				/* no update in progress, 32768 Hz */
	case 0x0b:
		return 0x02;				/* 24 hours, BCD */
	case 0x0d:
		return 0x80;				/* the battery is good */
	default:
		return 0;
	}
}
