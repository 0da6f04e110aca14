// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark: one static program, one row per operation (rows_*.c). It is /init of its own initramfs, so
 * that the very same image boots on the bare emulated machine, in a guest and under Xen.
 *
 * The emulator advances virtual time by 1 ns per executed instruction (-icount shift=0), so
 * CLOCK_MONOTONIC counts instructions: everything the machine executes, host and switcher too.
 * A row runs its loop once to warm up, then an odd number of times; the median is its value.
 *
 * Output, a line each:
 *	BENCH boot_clock NS		CLOCK_MONOTONIC at the first statement of main
 *	BENCH boot_tsc N		time stamp counter there
 *	BENCH tsc_per_clock X		counter ticks per ns over all rows: 1.000, or the clock lies
 *	ROW id value min max loops runs
 *	COUNT-BEGIN id ... COUNT-END id OPS	around one run of a row in the counting pass
 *	BENCH end STATUS
 *
 * Kernel arguments: bench.tty=ttyS1 (default console), bench.counts (counting pass after the
 * rows), bench.rows=a,b (only these), bench.forever=a (that row without end, for "profile").
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static int out = 1;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(out, line, n) < 0)
		out = 2;
}

static void finish(int status) __attribute__((noreturn));
static void finish(int status)
{
	say("BENCH end %d", status);
	say("PVM-HOST-EXIT %d", status);	/* what tests/host/run waits for */
	_exit(status);
}

void fail(const char *what)
{
	say("BENCH error %s: %s", what, strerror(errno));
	finish(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t tsc(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

void wait_for(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = ECHILD;
		fail("a child failed");
	}
}

static void nothing(int n)
{
	(void)n;
}

static const struct row empty_row[] = {
	{ "empty", nothing, 1, 3 },	/* what the counting pass costs by itself */
	{ 0 }
};

static const struct row *const tables[] = { empty_row, kernel_rows, pair_rows, program_rows };

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const struct row *r)
{
	uint64_t took[15];
	int i;

	r->loop(r->loops);
	for (i = 0; i < r->runs; i++) {
		uint64_t start = now();

		r->loop(r->loops);
		took[i] = now() - start;
	}
	qsort(took, r->runs, sizeof(took[0]), by_value);
	say("ROW %s %.2f %.2f %.2f %d %d", r->id, (double)took[r->runs / 2] / r->loops,
	    (double)took[0] / r->loops, (double)took[r->runs - 1] / r->loops, r->loops, r->runs);
}

/*
 * One run between two markers. Whoever reads the console reads the counters of the guest at each
 * marker, while the guest sleeps: two handshakes without an input channel. The sleeps and the
 * console cost something too: row "empty" says how much.
 */
static void count(const struct row *r)
{
	struct timespec gap = { 0, 50 * 1000 * 1000 };

	r->loop(r->loops);
	say("COUNT-BEGIN %s", r->id);
	nanosleep(&gap, NULL);
	r->loop(r->loops);
	say("COUNT-END %s %d", r->id, r->loops);
	nanosleep(&gap, NULL);
}

/* Value of a kernel argument ("" for a bare word), NULL if it is not there. */
static const char *argument(const char *name)
{
	static char line[2048];
	size_t len = strlen(name);
	char *word, *rest = line;
	ssize_t n;
	int fd = open("/proc/cmdline", O_RDONLY);

	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return NULL;
	line[n] = 0;
	while ((word = strsep(&rest, " \n")))
		if (!strncmp(word, name, len) && (!word[len] || word[len] == '='))
			return word[len] ? word + len + 1 : "";
	return NULL;
}

static int wanted(const char *list, const char *id)
{
	size_t len = strlen(id);

	for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : "")
		if (!strncmp(list, id, len) && (list[len] == ',' || !list[len]))
			return 1;
	return !list;
}

/* The rows run in a child: the kernel treats signals of init in ways of their own. */
static void become_child(void)
{
	struct timespec drain = { 0, 300 * 1000 * 1000 };	/* the UART is emulated at its baud rate */

	if (getpid() != 1 || !must(fork()))
		return;
	wait(NULL);
	nanosleep(&drain, NULL);
	reboot(RB_POWER_OFF);
}

static void one_row(const struct row *r, const char *forever, int counts)
{
	if (r->needs && access(r->needs, X_OK)) {
		say("BENCH left_out %s", r->id);
		return;
	}
	if (r->setup)
		r->setup();
	if (forever && !strcmp(r->id, forever)) {
		say("BENCH forever %s", r->id);
		for (;;)
			r->loop(r->loops);
	}
	if (!forever)
		measure(r);
	if (counts && !forever)
		count(r);
	if (r->done)
		r->done();
}

int main(void)
{
	uint64_t boot_clock = now(), boot_tsc = tsc(), clock0, tsc0;
	const char *tty, *list;
	char path[64], *only = NULL, *forever = NULL;
	const struct row *r;
	int counts, fd;
	size_t i;

	if (getpid() == 1) {
		mkdir("/proc", 0755);
		mkdir("/dev", 0755);
		mkdir("/tmp", 0777);
		must(mount("proc", "/proc", "proc", 0, NULL));
		mount("dev", "/dev", "devtmpfs", 0, NULL);
		must(mount("tmp", "/tmp", "tmpfs", 0, NULL));
	}
	tty = argument("bench.tty");
	if (tty) {
		snprintf(path, sizeof(path), "/dev/%s", tty);
		fd = open(path, O_WRONLY | O_NOCTTY);
		if (fd >= 0)
			out = fd;
	}
	say("BENCH boot_clock %llu", (unsigned long long)boot_clock);
	say("BENCH boot_tsc %llu", (unsigned long long)boot_tsc);
	counts = argument("bench.counts") != NULL;
	list = argument("bench.rows");
	if (list)
		only = strdup(list);
	list = argument("bench.forever");
	if (list)
		forever = strdup(list);

	become_child();
	clock0 = now();
	tsc0 = tsc();
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (r = tables[i]; r->id; r++)
			if (wanted(only, r->id) || !strcmp(r->id, "empty"))
				one_row(r, forever, counts);
	say("BENCH tsc_per_clock %.5f", (double)(tsc() - tsc0) / (now() - clock0));
	finish(0);
}
