/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two halves of the launcher: one guest (runner.c), many guests (batch.c).
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>

struct options {
	const char *kernel, *cmdline, *backing, *expect, *disturb;
	long memory_mb, shadow_kb, stop_ms, kick_us, disturb_us, timeout_s;
	bool quiet, stats, check;
};

extern struct options opt;
int run_one(void);			/* the guest of opt; exit status */
int take_option(char **arg);		/* words used, 0: not one of ours */
int run_table(const char *table, const char *dir);
int run_rounds(long rounds, long parallel);
int kill_rounds(long n);

#endif /* RUNNER_H */
