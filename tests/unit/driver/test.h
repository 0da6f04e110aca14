/* SPDX-License-Identifier: GPL-2.0-only */
/* What every test of the pure driver files includes: cmocka and a repeatable random source. */
#ifndef PVM_TEST_H
#define PVM_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/types.h>

static u64 rnd_state = 0x9e3779b97f4a7c15ull;

/* xorshift64*: the same sequence on every run */
static inline u64 rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dull;
}

static inline u64 rnd_below(u64 n)
{
	return rnd() % n;
}

/* Values where carries, signs and widths go wrong come up often. */
static inline u64 rnd_edgy(void)
{
	static const u64 edge[] = {
		0, 1, 2, 0x0f, 0x10, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
	};

	switch (rnd_below(3)) {
	case 0:
		return edge[rnd_below(sizeof(edge) / sizeof(edge[0]))];
	case 1:
		return rnd() >> rnd_below(64);
	default:
		return rnd();
	}
}

#endif /* PVM_TEST_H */
