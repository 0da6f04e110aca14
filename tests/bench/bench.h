/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the benchmark share: rows, and ways to end. A rows_*.c file has operations and
 * the table of its rows; bench.c runs them, in the order of the tables.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#define PAGE		4096
#define BUSYBOX		"/bin/busybox"
#define TCC		"/bin/tcc"
#define MiB		(1024 * 1024)

/* loops: operations per run; a row whose `needs` is missing from the image is left out. */
struct row {
	const char *id;
	void (*loop)(int n);
	int loops, runs;
	void (*setup)(void), (*done)(void);
	const char *needs;
};

/* An empty row ends each. */
extern const struct row kernel_rows[], pair_rows[], program_rows[];

void fail(const char *what) __attribute__((noreturn));

#define must(expr) ({ __auto_type r_ = (expr); if (r_ == (__typeof__(r_))-1) fail(#expr); r_; })

/* Wait for a child, which must have ended well. */
void wait_for(pid_t pid);

#endif
