// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks and timers: nothing goes backwards, nothing fires early, sleeps are not far too long, and monotonic
 * and real time run at the same speed.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include "tap.h"

#define LATE_MS 500	/* an emulated machine with other work: only gross errors are failures */

static int64_t now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Both clocks at one moment: again if something else ran in between. */
static void both(int64_t *monotonic, int64_t *real)
{
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		*monotonic = now(CLOCK_MONOTONIC);
		*real = now(CLOCK_REALTIME);
		if (now(CLOCK_MONOTONIC) - *monotonic < 1000000)
			return;
	}
}

static volatile int alarms;

static void on_alarm(int s)
{
	(void)s;
	alarms++;
}

int main(void)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	struct itimerval it = { { 0, 10000 }, { 0, 10000 } };
	struct itimerspec its = { { 0, 5000000 }, { 0, 5000000 } };
	struct timespec ts;
	int64_t a, b, t0, r0, d, worst = 0;
	int i, k, bad = 0, fd;
	uint64_t n, total = 0;
	struct pollfd p;

	for (k = 0; k < 4; k++) {
		for (bad = i = 0, a = now(clocks[k]); i < 100000; i++) {
			b = now(clocks[k]);
			bad += b < a;
			a = b;
		}
		ok(!bad, "clock %d never goes back", (int)clocks[k]);
	}
	ok(now(CLOCK_REALTIME) > 1577836800ll * 1000000000, "it is after 2020");
	for (bad = i = 0; i < 50; i++) {
		int64_t want = i < 25 ? 100000 : 5000000;

		ts = (struct timespec){ 0, want };
		a = now(CLOCK_MONOTONIC);
		nanosleep(&ts, NULL);
		d = now(CLOCK_MONOTONIC) - a - want;
		bad += d < 0;
		worst = d > worst ? d : worst;
	}
	ok(!bad, "no sleep is too short");
	ok(worst < LATE_MS * 1000000ll, "no sleep is far too long (%s)", worst < LATE_MS * 1000000ll ? "fine" : "late");
	both(&t0, &r0);
	while (now(CLOCK_MONOTONIC) - t0 < 500000000)
		;
	both(&a, &b);
	ok(llabs((a - t0) - (b - r0)) < 5000000, "monotonic and real time agree over 500 ms");
	signal(SIGALRM, on_alarm);
	t0 = now(CLOCK_MONOTONIC);
	setitimer(ITIMER_REAL, &it, NULL);
	while (alarms < 20)
		pause();
	it = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &it, NULL);
	d = now(CLOCK_MONOTONIC) - t0;
	ok(d >= 199000000, "20 alarms of 10 ms take 200 ms");
	fd = timerfd_create(CLOCK_MONOTONIC, 0);
	t0 = now(CLOCK_MONOTONIC);	/* before, or what passes in between is missing */
	timerfd_settime(fd, 0, &its, NULL);
	while (total < 40) {
		p = (struct pollfd){ fd, POLLIN, 0 };
		poll(&p, 1, -1);
		if (read(fd, &n, 8) == 8)
			total += n;
	}
	d = now(CLOCK_MONOTONIC) - t0;
	ok(d >= 199000000, "40 expirations of a 5 ms timerfd take 200 ms");
	a = now(CLOCK_MONOTONIC);
	p.fd = -1;
	poll(&p, 1, 30);
	ok(now(CLOCK_MONOTONIC) - a >= 30000000, "poll with a timeout");
	a = now(CLOCK_PROCESS_CPUTIME_ID);
	t0 = now(CLOCK_MONOTONIC);
	while (now(CLOCK_MONOTONIC) - t0 < 200000000)
		;
	d = now(CLOCK_PROCESS_CPUTIME_ID) - a;
	ok(d > 1000000 && d < 400000000, "CPU time is counted");
	return tap_failed;
}
