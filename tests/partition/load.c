// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load that checks itself, for some seconds: arithmetic, memory, timers and, with two CPUs, IPIs.
 *
 *	load SECONDS OUT	OUT is a file, "-" for stdout, or /dev/kmsg
 *
 * Writes "load begins" and, in the end, "load ok ..." with what was done, or "load FAILED ...". Nothing in between, so
 * that a partition under load touches no console. Status 0 or 1.
 *
 *	cpu	one thread per CPU, pinned: CRC-32 and floating point, each round's result must be the first one's
 *	memory	one thread: 32 MiB written and read back in another order, pages mapped, protected and given back
 *	timer	one thread: a timerfd of 10 ms never fires early; sleeps are never short; no clock goes back
 *	ipi	two threads on two CPUs: a turn is handed over by futex (rescheduling IPI), pages are unmapped under
 *		the other (TLB IPI), membarrier (call IPI). The kernel must have counted such interrupts
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PG		4096ul
#define MEM_WORDS	(32ul * 1024 * 1024 / 8)
#define PERIOD_NS	10000000ll
#define FUTEX_WAIT	0
#define FUTEX_WAKE	1
#define MEMBARRIER_EXPEDITED		(1 << 3)
#define MEMBARRIER_REGISTER_EXPEDITED	(1 << 4)

static volatile int stop;
static char why[200];		/* the first failure */
static int out = 1;
static long cpu_rounds, memory_rounds, timer_ticks, ipi_turns;

static void failure(const char *fmt, ...)
{
	static int first;
	va_list args;

	if (!__atomic_exchange_n(&first, 1, __ATOMIC_SEQ_CST)) {
		va_start(args, fmt);
		vsnprintf(why, sizeof(why), fmt, args);
		va_end(args);
	}
	stop = 1;
}

/* One write per line: that is what /dev/kmsg takes. <7>: into the log, not on the console. */
static void say(const char *fmt, ...)
{
	char line[400];
	va_list args;
	int n = snprintf(line, sizeof(line), out == 1 ? "" : "<7>part: ");

	va_start(args, fmt);
	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
	va_end(args);
	line[n++] = '\n';
	if (write(out, line, n) != n)
		exit(2);
}

static int64_t now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* To the @nth CPU that is online: numbers have gaps on a host that gave some away. */
static void pin(int nth)
{
	cpu_set_t set;
	int cpu;

	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; cpu < CPU_SETSIZE - 1; cpu++)
		if (CPU_ISSET(cpu, &set) && !nth--)
			break;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		failure("cannot run on CPU %d: %s", cpu, strerror(errno));
}

/* ---- cpu ------------------------------------------------------------------------------------ */

static uint32_t crc32(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	int k;

	while (n--)
		for (c ^= *p++, k = 0; k < 8; k++)
			c = c >> 1 ^ (0xedb88320u & -(c & 1));
	return ~c;
}

static void *cpu_thread(void *arg)
{
	volatile double seed = 1.0;
	double first = 0, x;
	uint8_t data[65536];
	uint32_t sum;
	int i;

	pin((int)(long)arg);
	if (crc32((const uint8_t *)"123456789", 9) != 0xcbf43926u)
		failure("cpu: wrong CRC of the standard text");
	for (i = 0; i < (int)sizeof(data); i++)
		data[i] = i * 167 >> 3;
	sum = crc32(data, sizeof(data));
	while (!stop) {
		if (crc32(data, sizeof(data)) != sum)
			failure("cpu: a CRC differs on CPU %ld", (long)arg);
		for (x = seed, i = 1; i < 20000; i++)
			x += 1.0 / (i * x);
		if (first != 0 && x != first)
			failure("cpu: floating point differs on CPU %ld", (long)arg);
		first = x;
		__atomic_fetch_add(&cpu_rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* ---- memory --------------------------------------------------------------------------------- */

static uint64_t word(uint64_t i, uint64_t round)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull ^ round * 0xbf58476d1ce4e5b9ull;

	return x ^ x >> 29;
}

static void change_pages(uint64_t *m, uint64_t round)
{
	uint64_t *p = mmap(NULL, 64 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t i;

	if (p == MAP_FAILED) {
		failure("memory: mmap: %s", strerror(errno));
		return;
	}
	for (i = 0; i < 64; i++)
		p[i * 512] = word(i, round);
	mprotect(p, 64 * PG, PROT_READ);
	for (i = 0; i < 64; i++)
		if (p[i * 512] != word(i, round))
			failure("memory: page %lu lost its word", (unsigned long)i);
	munmap(p, 64 * PG);
	madvise(m, 16 * PG, MADV_DONTNEED);
	for (i = 0; i < 16 * 512; i++)
		if (m[i])
			failure("memory: a page given back is not empty");
}

static void *memory_thread(void *arg)
{
	uint64_t *m = mmap(NULL, MEM_WORDS * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t i, at, round;

	(void)arg;
	if (m == MAP_FAILED) {
		failure("memory: no 32 MiB");
		return NULL;
	}
	for (round = 1; !stop; round++) {
		for (i = 0; i < MEM_WORDS; i++)
			m[i] = word(i, round);
		/* 509 pages and a word ahead: another order than that of writing. */
		for (i = at = 0; i < MEM_WORDS && !stop; i++) {
			at = (at + 509 * 512 + 1) % MEM_WORDS;
			if (m[at] != word(at, round))
				failure("memory: word %lu of round %lu is wrong", (unsigned long)at,
					(unsigned long)round);
		}
		change_pages(m, round);
		memory_rounds++;
	}
	munmap(m, MEM_WORDS * 8);
	return NULL;
}

/* ---- timer ---------------------------------------------------------------------------------- */

static void *timer_thread(void *arg)
{
	struct itimerspec its = { { 0, PERIOD_NS }, { 0, PERIOD_NS } };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	int64_t begin = now(CLOCK_MONOTONIC), mono = begin, boot = now(CLOCK_BOOTTIME), t;
	struct timespec nap = { 0, 3000000 };
	uint64_t n;

	(void)arg;
	timerfd_settime(fd, 0, &its, NULL);
	while (!stop) {
		if (read(fd, &n, 8) != 8)
			failure("timer: timerfd: %s", strerror(errno));
		timer_ticks += n;
		t = now(CLOCK_MONOTONIC);
		if (t < mono)
			failure("timer: the monotonic clock went back");
		if (timer_ticks * PERIOD_NS > t - begin)
			failure("timer: %ld ticks of 10 ms in %ld ms", timer_ticks, (long)((t - begin) / 1000000));
		mono = now(CLOCK_MONOTONIC);
		nanosleep(&nap, NULL);
		t = now(CLOCK_MONOTONIC);
		if (t - mono < nap.tv_nsec)
			failure("timer: a sleep was too short");
		mono = t;
		t = now(CLOCK_BOOTTIME);
		if (t < boot)
			failure("timer: the boot clock went back");
		boot = t;
	}
	close(fd);
	return NULL;
}

/* ---- ipi ------------------------------------------------------------------------------------ */

static int turn;		/* low bit: whose */

static void *ipi_thread(void *arg)
{
	struct timespec limit = { 1, 0 };
	int me = (int)(long)arg, seen;
	volatile uint8_t *p;

	pin(me);
	while (!stop) {
		seen = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
		if ((seen & 1) != me) {
			syscall(SYS_futex, &turn, FUTEX_WAIT, seen, &limit, NULL, 0);
			continue;
		}
		if (!(seen & 14)) {	/* the other CPU has this address space, too */
			p = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			p[0] = p[PG] = seen;
			mprotect((void *)p, 4 * PG, PROT_READ);
			if (p[PG] != (uint8_t)seen)
				failure("ipi: a page lost its byte");
			munmap((void *)p, 4 * PG);
			syscall(SYS_membarrier, MEMBARRIER_EXPEDITED, 0, 0);
		}
		if (__atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST) != seen + 1)
			failure("ipi: the turn was changed by both");
		__atomic_fetch_add(&ipi_turns, 1, __ATOMIC_RELAXED);
		syscall(SYS_futex, &turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	return NULL;
}

/* Sum over CPUs of the lines of /proc/interrupts named in @names ("RES:CAL:TLB:"). */
static unsigned long interrupts(const char *names)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long sum = 0, v;
	char line[4096], name[32], *s, *end;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %31s", name) != 1 || !strchr(name, ':') || !strstr(names, name))
			continue;
		for (s = strchr(line, ':') + 1; ; s = end) {
			v = strtoul(s, &end, 10);
			if (end == s)
				break;
			sum += v;
		}
	}
	if (f)
		fclose(f);
	return sum;
}

/* ---- all ------------------------------------------------------------------------------------ */

int main(int argc, char **argv)
{
	static pthread_t threads[64 + 4];
	unsigned long ipis, ticks;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), n = 0, i;

	if (argc != 3)
		return 2;
	if (strcmp(argv[2], "-"))
		out = open(argv[2], O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (cpus > 64)
		cpus = 64;
	if (syscall(SYS_membarrier, MEMBARRIER_REGISTER_EXPEDITED, 0, 0))
		failure("membarrier: %s", strerror(errno));
	ipis = interrupts("RES:CAL:TLB:");
	ticks = interrupts("LOC:");
	say("load begins, %d CPUs, %s s", cpus, argv[1]);
	for (i = 0; i < cpus; i++)
		pthread_create(&threads[n++], NULL, cpu_thread, (void *)(long)i);
	pthread_create(&threads[n++], NULL, memory_thread, NULL);
	pthread_create(&threads[n++], NULL, timer_thread, NULL);
	for (i = 0; i < 2 && cpus > 1; i++)
		pthread_create(&threads[n++], NULL, ipi_thread, (void *)(long)i);
	for (i = atoi(argv[1]) * 10; i > 0 && !stop; i--)
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	stop = 1;
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	ipis = interrupts("RES:CAL:TLB:") - ipis;
	ticks = interrupts("LOC:") - ticks;
	if (!cpu_rounds || !memory_rounds || !timer_ticks || (cpus > 1 && !ipi_turns))
		failure("nothing done: cpu %ld memory %ld timer %ld ipi %ld", cpu_rounds, memory_rounds, timer_ticks, ipi_turns);
	if (cpus > 1 && !ipis)
		failure("ipi: the kernel counted none");
	if (!ticks)
		failure("timer: the kernel counted no interrupt");
	if (*why)
		say("load FAILED: %s", why);
	else
		say("load ok: cpu %ld memory %ld timer %ld ipi %ld, interrupts: timer %lu ipi %lu", cpu_rounds,
		    memory_rounds, timer_ticks, ipi_turns, ticks, ipis);
	return *why != 0;
}
