// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, SSE, AVX and AVX-512 registers of many processes and threads at once: each keeps a pattern of its own
 * over preemption, sleep, signals and system calls, and finds its control words as it left them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <cpuid.h>
#include "tap.h"

static int level;		/* 0 SSE, 1 AVX, 2 AVX-512 */
static volatile int signals;

static void on_alarm(int s)
{
	volatile double d = 1.5;

	(void)s;
	d *= d;		/* the handler uses the FPU too */
	asm volatile("pxor %%xmm4, %%xmm4\n\tpxor %%xmm11, %%xmm11" : : : "xmm4", "xmm11");
	signals++;
}

static void find_level(void)
{
	uint32_t a, b, c, d, x;

	__cpuid(1, a, b, c, d);
	if (!(c & 1 << 27))
		return;
	asm volatile("xgetbv" : "=a"(x), "=d"(d) : "c"(0));
	if ((x & 6) == 6 && c & 1 << 28)
		level = 1;
	__cpuid_count(7, 0, a, b, c, d);
	if (level && (x & 0xe0) == 0xe0 && b & 1 << 16)
		level = 2;
}

/* Load everything with a pattern, do something long, store it: all in one asm, so no compiler between. */
static int round_trip(uint64_t seed, int what)
{
	uint8_t in[512] __attribute__((aligned(64))), out[512] __attribute__((aligned(64)));
	uint16_t cw_in = 0x37f & ~(3 << 8), cw = 0;
	uint32_t mx_in = 0x1f80 | (seed & 3) << 13, mx = 0;
	struct timespec ts = { 0, 300000 };
	long nr, a1 = 0, a2 = 0, st = 0;
	unsigned long i;

	for (i = 0; i < sizeof(in) / 8; i++)
		((uint64_t *)in)[i] = seed * (2 * i + 1) + i;
	memset(out, 0, sizeof(out));
	nr = what == 0 ? 24 /* sched_yield */ : what == 1 ? 35 /* nanosleep */ : 39;
	if (what == 1)
		a1 = (long)&ts;
	asm volatile("fninit\n\tfldcw %[cwi]\n\tldmxcsr %[mxi]\n\tfldpi\n\tfld1\n\t"
		     "cmpl $1, %[lvl]\n\tje 1f\n\tjg 2f\n\t"
		     "movaps 0(%[in]), %%xmm0\n\tmovaps 64(%[in]), %%xmm4\n\tmovaps 128(%[in]), %%xmm11\n\t"
		     "movaps 192(%[in]), %%xmm15\n\tjmp 3f\n"
		     "1: vmovaps 0(%[in]), %%ymm0\n\tvmovaps 64(%[in]), %%ymm4\n\tvmovaps 128(%[in]), %%ymm11\n\t"
		     "vmovaps 192(%[in]), %%ymm15\n\tjmp 3f\n"
		     "2: vmovaps 0(%[in]), %%zmm0\n\tvmovaps 64(%[in]), %%zmm4\n\tvmovaps 128(%[in]), %%zmm11\n\t"
		     "vmovaps 192(%[in]), %%zmm31\n\tkmovw 256(%[in]), %%k3\n"
		     "3: mov %[nr], %%rax\n\tcmp $39, %%rax\n\tjne 4f\n\tmov $2000000, %%ecx\n5: loop 5b\n"
		     "4: mov %[a1], %%rdi\n\tmov %[a2], %%rsi\n\tsyscall\n\t"
		     "cmpl $1, %[lvl]\n\tje 1f\n\tjg 2f\n\t"
		     "movaps %%xmm0, 0(%[out])\n\tmovaps %%xmm4, 64(%[out])\n\tmovaps %%xmm11, 128(%[out])\n\t"
		     "movaps %%xmm15, 192(%[out])\n\tjmp 3f\n"
		     "1: vmovaps %%ymm0, 0(%[out])\n\tvmovaps %%ymm4, 64(%[out])\n\tvmovaps %%ymm11, 128(%[out])\n\t"
		     "vmovaps %%ymm15, 192(%[out])\n\tvzeroupper\n\tjmp 3f\n"
		     "2: vmovaps %%zmm0, 0(%[out])\n\tvmovaps %%zmm4, 64(%[out])\n\tvmovaps %%zmm11, 128(%[out])\n\t"
		     "vmovaps %%zmm31, 192(%[out])\n\tkmovw %%k3, 256(%[out])\n\tvzeroupper\n"
		     "3: fnstcw %[cw]\n\tstmxcsr %[mx]\n\tfnstsw %%ax\n\tmovzx %%ax, %[st]"
		     : [st] "=&r"(st), [cw] "=m"(cw), [mx] "=m"(mx)
		     : [in] "r"(in), [out] "r"(out), [cwi] "m"(cw_in), [mxi] "m"(mx_in), [lvl] "m"(level),
		       [nr] "m"(nr), [a1] "m"(a1), [a2] "m"(a2)
		     : "rax", "rcx", "rdi", "rsi", "r11", "memory", "cc", "xmm0", "xmm4", "xmm11", "xmm15");
	asm volatile("fninit\n\tldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));
	for (i = 0; i < 4; i++)
		if (memcmp(in + i * 64, out + i * 64, 16 << level))
			return 1;
	if (level == 2 && memcmp(in + 256, out + 256, 2))
		return 1;
	return cw != cw_in || mx != mx_in || (st >> 11 & 7) != 6;
}

static int work(uint64_t seed, int rounds)
{
	int i, bad = 0;

	for (i = 0; i < rounds; i++)
		bad += round_trip(seed + i * 0x9e3779b97f4a7c15ull, i % 3);
	return bad;
}

static void *thread(void *arg)
{
	return (void *)(long)work((uint64_t)arg * 77777, 60);
}

int main(void)
{
	struct itimerval it = { { 0, 3000 }, { 0, 3000 } };
	pthread_t t[6];
	int i, st, bad = 0;
	void *ret;

	find_level();
	printf("# level %s\n", (const char *[]){ "SSE", "AVX", "AVX-512" }[level]);
	ok(!work(1, 30), "one process");
	for (i = 0; i < 12; i++)
		if (!fork())
			_exit(work(i + 5, 60) ? 1 : 42);
	for (i = 0; i < 12; i++) {
		wait(&st);
		bad += WEXITSTATUS(st) != 42;
	}
	ok(!bad, "12 processes at once");
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	bad = work(3, 90);
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	ok(!bad && signals > 3, "over %s signals", signals > 3 ? "many" : "too few");
	for (i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, thread, (void *)(long)(i + 1));
	for (bad = i = 0; i < 6; i++) {
		pthread_join(t[i], &ret);
		bad += (long)ret != 0;
	}
	ok(!bad, "6 threads");
	return tap_failed;
}
