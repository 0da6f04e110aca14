// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random memory calls against a model: mmap, munmap, mprotect, mremap, madvise, fork, with every page's
 * contents and rights known and checked. Also shared and file mappings, stack growth and execution.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tap.h"

#define N	512
#define PG	4096ul

static uint8_t *base;
static uint64_t value[N];
static int prot[N];		/* -1: not mapped */
static sigjmp_buf jump;
static volatile int expect_fault;
static uint64_t seed = 88172645463325252ull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void on_segv(int sig, siginfo_t *si, void *ctx)
{
	(void)si, (void)ctx;
	if (!expect_fault) {
		printf("not ok - memstress: unexpected signal %d at %p\n", sig, si->si_addr);
		_exit(1);
	}
	siglongjmp(jump, 1);
}

static volatile uint64_t *word(int i)
{
	return (volatile uint64_t *)(base + i * PG + (i * 72) % PG / 8 * 8);
}

/* 1: worked, 0: faulted. Results live outside, so that nothing is lost over the jump. */
static volatile uint64_t read_value;
static int try_read(int i)
{
	expect_fault = 1;
	if (sigsetjmp(jump, 1)) {
		expect_fault = 0;
		return 0;
	}
	read_value = *word(i);
	expect_fault = 0;
	return 1;
}

static int try_write(int i, uint64_t v)
{
	expect_fault = 1;
	if (sigsetjmp(jump, 1)) {
		expect_fault = 0;
		return 0;
	}
	*word(i) = v;
	expect_fault = 0;
	return 1;
}

static int check(int i)
{
	int can_read = prot[i] > 0, can_write = prot[i] > 0 && prot[i] & PROT_WRITE;
	uint64_t v = rnd();

	if (try_read(i) != can_read || (can_read && read_value != value[i]))
		return 1;
	if (rnd() & 1)
		return 0;
	if (try_write(i, v) != can_write)
		return 1;
	if (can_write)
		value[i] = v;
	return 0;
}

static int check_all(void)
{
	int i, bad = 0;

	for (i = 0; i < N; i++)
		bad += check(i);
	return bad;
}

static int step(void)
{
	int i = rnd() % N, n = 1 + rnd() % 24, k, p, st, bad = 0;
	void *at;

	if (i + n > N)
		n = N - i;
	at = base + i * PG;
	switch (rnd() % 9) {
	case 0:
	case 1:
		p = rnd() & 1 ? PROT_READ | PROT_WRITE : PROT_READ;
		bad += mmap(at, n * PG, p, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at;
		for (k = i; k < i + n; k++)
			value[k] = 0, prot[k] = p;
		break;
	case 2:
		bad += munmap(at, n * PG);
		for (k = i; k < i + n; k++)
			prot[k] = -1, value[k] = 0;
		break;
	case 3:
	case 4:
		p = (int[]){ PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE }[rnd() % 3];
		for (k = i; k < i + n; k++) {
			if (prot[k] < 0)
				continue;
			bad += mprotect(base + k * PG, PG, p);
			prot[k] = p;
		}
		break;
	case 5:
		for (k = i; k < i + n; k++)
			if (prot[k] >= 0) {
				bad += madvise(base + k * PG, PG, MADV_DONTNEED);
				value[k] = 0;
			}
		break;
	case 6: {	/* move one page elsewhere in the area */
		int to = rnd() % N;

		if (to == i || prot[i] < 0)
			break;
		/* The word checked lies at an offset by page number: move keeps the offset only if equal. */
		if ((to * 72) % PG / 8 != (i * 72) % PG / 8)
			break;
		at = mremap(base + i * PG, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, base + to * PG);
		bad += at != base + to * PG;
		prot[to] = prot[i], value[to] = value[i];
		prot[i] = -1, value[i] = 0;
		break;
	}
	case 7:
		if (rnd() % 8)
			break;
		if (!fork())
			_exit(check_all() ? 1 : 42);
		wait(&st);
		bad += !WIFEXITED(st) || WEXITSTATUS(st) != 42;
		break;
	default:
		for (k = i; k < i + n; k++)
			bad += check(k);
	}
	return bad;
}

static void whole_moves(void)
{
	uint64_t *a, *b;
	size_t i, n = 2048, bad = 0;

	a = mmap(NULL, n * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++)
		a[i * 512 + i % 512] = i ^ 0x55;
	b = mremap(a, n * PG, 2 * n * PG, MREMAP_MAYMOVE);
	for (i = 0; i < n; i++)
		bad += b[i * 512 + i % 512] != (i ^ 0x55) || b[(n + i) * 512] != 0;
	ok(!bad, "mremap of 8 MiB to 16 MiB");
	mprotect(b, n * PG, PROT_READ);
	mprotect(b, n * PG, PROT_READ | PROT_WRITE);
	for (i = 0; i < n; i++)
		b[i * 512 + i % 512]++;
	for (bad = i = 0; i < n; i++)
		bad += b[i * 512 + i % 512] != (i ^ 0x55) + 1;
	ok(!bad, "mprotect there and back, then written");
	munmap(b, 2 * n * PG);
}

static void shared(void)
{
	volatile int *s = mmap(NULL, 64 * PG, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, j, st, bad = 0, fd = memfd_create("x", 0);
	char *f, *g;

	for (j = 0; j < 8; j++)
		if (!fork()) {
			for (i = 0; i < 20000; i++)
				__atomic_fetch_add(&s[(i % 64) * 1024], 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	while (wait(&st) > 0)
		;
	for (i = 0; i < 64; i++)
		bad += s[i * 1024];
	ok(bad == 160000, "8 processes count in shared memory (%d)", bad);
	bad = ftruncate(fd, 32 * PG);
	f = mmap(NULL, 32 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g = mmap(NULL, 32 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	for (i = 0; i < 32; i++) {
		f[i * PG] = i;
		bad += g[i * PG] != i;
		g[i * PG] = 100;
		f[i * PG] = i + 1;
		bad += g[i * PG] != 100 || f[i * PG] != i + 1;
	}
	ok(!bad, "two mappings of a file, one private");
}

static void execution(void)
{
	uint8_t *p = mmap(NULL, PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i, bad = 0;

	for (i = 0; i < 50; i++) {
		p[0] = 0xb8;
		memcpy(p + 1, &i, 4);
		p[5] = 0xc3;
		mprotect(p, PG, PROT_READ | PROT_EXEC);
		bad += ((int (*)(void))p)() != i;
		mprotect(p, PG, PROT_READ | PROT_WRITE);
	}
	ok(!bad, "code written and run 50 times");
	expect_fault = 1;
	if (!sigsetjmp(jump, 1)) {
		((int (*)(void))p)();
		bad = 1;
	}
	expect_fault = 0;
	ok(!bad, "a page without the right is not executed");
}

static int deep(int n)
{
	volatile char a[4000];

	a[0] = n;
	a[3999] = n;
	return n ? deep(n - 1) + (a[0] != a[3999]) : 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	int i, bad = 0, rounds = argc > 1 ? atoi(argv[1]) : 4000;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	base = mmap(NULL, N * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < N; i++)
		prot[i] = PROT_NONE;
	for (i = 0; i < rounds && !bad; i++)
		bad += step();
	ok(!bad, "%d random calls", i);
	ok(!check_all(), "all pages as the model says");
	whole_moves();
	shared();
	execution();
	ok(deep(1000) == 0, "4 MiB of stack");
	return tap_failed;
}
