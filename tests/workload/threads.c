// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads: creation in numbers, mutexes, condition variables, barriers, thread-local data by FS base, robust
 * futexes of a dead owner, and memory taken away under running threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "tap.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long shared, turn;
static __thread long mine;

static void *add(void *arg)
{
	int i;

	mine = (long)arg;
	for (i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
		if (mine != (long)arg)
			return (void *)1;
	}
	return NULL;
}

static void *pingpong(void *arg)
{
	long me = (long)arg, i;

	for (i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		while (turn % 2 != me)
			pthread_cond_wait(&cond, &lock);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void *meet(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 200; i++) {
		__atomic_fetch_add(&shared, 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&barrier);
		if (__atomic_load_n(&shared, __ATOMIC_SEQ_CST) < (i + 1) * 4)
			return (void *)1;
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static pthread_mutex_t robust;

static void *owner_dies(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&robust);
	return NULL;
}

static volatile char *area;
static volatile int stop;

static void *toucher(void *arg)
{
	unsigned int i = 0;

	(void)arg;
	while (!stop)
		area[(i++ % 256) * 4096]++;
	return NULL;
}

static int run(void *(*fn)(void *), int n)
{
	pthread_t t[64];
	int i, bad = 0;
	void *r;

	for (i = 0; i < n; i++)
		bad += pthread_create(&t[i], NULL, fn, (void *)(long)i) != 0;
	for (i = 0; i < n; i++) {
		pthread_join(t[i], &r);
		bad += fn == nothing ? r != (void *)(long)i : r != NULL;
	}
	return bad;
}

int main(void)
{
	pthread_mutexattr_t attr;
	struct timespec ts = { 0, 20000000 };
	pthread_t t;
	int i, bad = 0;

	for (i = 0; i < 40; i++)
		bad += run(nothing, 32);
	ok(!bad, "1280 threads made and joined");
	ok(!run(add, 8) && shared == 160000, "8 threads and a mutex; thread-local data");
	ok(!run(pingpong, 2) && turn == 2000, "2000 turns by condition variable");
	shared = 0;
	pthread_barrier_init(&barrier, NULL, 4);
	ok(!run(meet, 4), "400 barriers of 4 threads");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	run(owner_dies, 1);
	ok(pthread_mutex_lock(&robust) == EOWNERDEAD, "lock of a dead owner");
	area = mmap(NULL, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_create(&t, NULL, toucher, NULL);
	for (i = 0; i < 200; i++) {
		madvise((void *)area, 256 * 4096, MADV_DONTNEED);
		if (!(i % 20))
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	stop = 1;
	pthread_join(t, NULL);
	ok(1, "memory taken away under a thread 200 times");
	i = 0;
	ok(syscall(SYS_futex, &i, 0, 0, &ts, NULL, 0) == -1 && errno == ETIMEDOUT, "futex wait times out");
	return tap_failed;
}
