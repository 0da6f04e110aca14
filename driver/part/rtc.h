/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CMOS clock of a partition: the host's wall clock at start, carried on by the TSC. Read-only; its kernel reads
 * it a few times at boot. Pure, also run on CPUs that are outside Linux.
 */
#ifndef PVM_PART_RTC_H
#define PVM_PART_RTC_H

#include <linux/types.h>

/**
 * struct pvm_rtc - where the clock started
 * @unix_s:	seconds since 1970 when the TSC was @tsc
 * @tsc:	TSC at that time
 * @tsc_khz:	its frequency; 0: the clock stands still
 */
struct pvm_rtc {
	u64 unix_s;
	u64 tsc;
	u32 tsc_khz;
};

/**
 * pvm_rtc_read - one byte of the CMOS memory
 * @rtc:	the clock
 * @tsc:	now
 * @index:	0..127
 *
 * Context: any.
 * Return: the byte: BCD, 24 hours, never in the middle of an update; 0 for anything but the clock.
 */
u8 pvm_rtc_read(const struct pvm_rtc *rtc, u64 tsc, u32 index);

#endif /* PVM_PART_RTC_H */
