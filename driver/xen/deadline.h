/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of guest time: absolute deadlines, and the TSC-to-nanosecond factor of vcpu_time_info.
 *
 * Pure, nothing but integers. A guest chooses deadlines freely, so every sum saturates.
 */
#ifndef PVM_XEN_DEADLINE_H
#define PVM_XEN_DEADLINE_H

#include <linux/types.h>

#define PVM_KTIME_MAX	0x7fffffffffffffffll	/* KTIME_MAX of linux/ktime.h: never */

/**
 * struct pvm_tsc_scale - the factor of public/xen.h vcpu_time_info
 * @mul:	ns = ((ticks << shift) * mul) >> 32, with a right shift when @shift is negative
 * @shift:	see there
 */
struct pvm_tsc_scale {
	u32 mul;
	s8 shift;
};

/**
 * pvm_deadline_past - is an absolute system-time deadline due?
 * @deadline_ns: system time, as the guest gave it
 * @now_ns:	system time now
 *
 * Context: any.
 * Return: true: fire at once.
 */
static inline bool pvm_deadline_past(u64 deadline_ns, u64 now_ns)
{
	return deadline_ns <= now_ns;
}

/**
 * pvm_deadline_ktime - absolute system time to CLOCK_MONOTONIC
 * @deadline_ns: system time, as the guest gave it
 * @epoch_ns:	CLOCK_MONOTONIC at system time 0
 *
 * Context: any.
 * Return: ns, saturated at PVM_KTIME_MAX. A deadline in the past gives a time in the past, which
 * hrtimers fire at once.
 */
static inline s64 pvm_deadline_ktime(u64 deadline_ns, u64 epoch_ns)
{
	u64 sum = deadline_ns + epoch_ns;

	return sum < deadline_ns || sum > (u64)PVM_KTIME_MAX ? PVM_KTIME_MAX : (s64)sum;
}

/**
 * pvm_tsc_scale_from_khz - factor for a TSC of this frequency
 * @khz:	kHz; 0 is taken as 1 GHz, because a guest divides by mul
 *
 * One tick lasts 10^6/khz ns. The shift is chosen so that the rest of the factor lies in [1/2, 1):
 * mul then has its top bit set and the factor is exact to 2^-32 of itself.
 *
 * Context: any.
 * Return: the factor.
 */
static inline struct pvm_tsc_scale pvm_tsc_scale_from_khz(u32 khz)
{
	struct pvm_tsc_scale s = { .shift = 0 };
	u64 num = 1000000ull, den = khz ? khz : 1000000u;

	/* num/den into [1/2, 1) */
	while (num >= den) {
		den <<= 1;
		s.shift++;
	}
	while (num << 1 < den) {
		num <<= 1;
		s.shift--;
	}
	/*
	 * den < 2^32, hence num/den <= 1 - 2^-32: mul cannot round up to 2^32, nor can the sum
	 * overflow
	 */
	s.mul = (u32)(((num << 32) + den / 2) / den);
	return s;
}

/**
 * pvm_tsc_to_ns - what a guest computes from a TSC difference
 * @ticks:	TSC difference
 * @s:		factor
 *
 * Context: any.
 * Return: nanoseconds modulo 2^64.
 */
static inline u64 pvm_tsc_to_ns(u64 ticks, struct pvm_tsc_scale s)
{
	if (s.shift < 0)
		ticks >>= -s.shift;
	else
		ticks <<= s.shift;
	/*
	 * 64 x 32 bits without a 128-bit type: high half is exact, low half needs only its upper
	 * part
	 */
	return (ticks >> 32) * s.mul + (((ticks & 0xffffffffull) * s.mul) >> 32);
}

#endif /* PVM_XEN_DEADLINE_H */
