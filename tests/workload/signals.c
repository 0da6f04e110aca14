// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals: delivery and return with all registers, alternate stack, nesting, masks, queues of real-time
 * signals, storms between processes, and the end of processes by each fatal one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "tap.h"

static volatile int count, depth, deepest, order[64], on_alt;
static uint8_t alt[65536];

static void counter(int s)
{
	(void)s;
	count++;
}

static void nested(int s)
{
	if (++depth > deepest)
		deepest = depth;
	if (depth < 5)
		raise(s);
	depth--;
}

static void queued(int s, siginfo_t *si, void *c)
{
	(void)s, (void)c;
	order[count++ % 64] = si->si_value.sival_int;
}

static void where(int s)
{
	uint8_t here;

	(void)s;
	on_alt = &here >= alt && &here < alt + sizeof(alt);
}

static int registers(void)
{
	uint64_t a[8];
	long pid = getpid();

	/* kill(self) inside, then every register as before. */
	asm volatile("mov $1, %%r8d\n\tmov $2, %%r9d\n\tmov $3, %%r10d\n\tmov $4, %%r12d\n\tmov $5, %%r13d\n\t"
		     "mov $6, %%r14d\n\tmov $7, %%r15d\n\tmov $8, %%edx\n\tmov $62, %%eax\n\tsyscall\n\t"
		     "mov %%r8, 0(%0)\n\tmov %%r9, 8(%0)\n\tmov %%r10, 16(%0)\n\tmov %%r12, 24(%0)\n\t"
		     "mov %%r13, 32(%0)\n\tmov %%r14, 40(%0)\n\tmov %%r15, 48(%0)\n\tmov %%rdx, 56(%0)"
		     : : "b"(a), "D"(pid), "S"((long)SIGUSR1)
		     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
	return a[0] == 1 && a[1] == 2 && a[2] == 3 && a[3] == 4 && a[4] == 5 && a[5] == 6 && a[6] == 7 && a[7] == 8;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = nested, .sa_flags = SA_NODEFER };
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	static const int fatal[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGABRT, SIGKILL, SIGTERM, SIGSYS };
	sigset_t set, old;
	int i, st, bad = 0, fd[2];
	pid_t pid[8];

	signal(SIGUSR1, counter);
	for (i = 0; i < 5000; i++)
		raise(SIGUSR1);
	ok(count == 5000, "5000 signals to oneself");
	ok(registers(), "registers over a signal");
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	ok(deepest == 5 && depth == 0, "nested five deep");
	sigaltstack(&ss, NULL);
	sa.sa_handler = where;
	sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	ok(on_alt, "alternate stack");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	sa.sa_sigaction = queued;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGRTMIN, &sa, NULL);
	count = 0;
	for (i = 0; i < 20; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i });
	bad = count != 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (i = 0; i < 20; i++)
		bad += order[i] != i;
	ok(!bad && count == 20, "20 queued in order");
	for (bad = i = 0; i < (int)(sizeof(fatal) / sizeof(fatal[0])); i++) {
		pid[0] = fork();
		if (!pid[0]) {
			signal(fatal[i], SIG_DFL);
			raise(fatal[i]);
			_exit(0);
		}
		waitpid(pid[0], &st, 0);
		bad += !WIFSIGNALED(st) || WTERMSIG(st) != fatal[i];
	}
	ok(!bad, "ends by fatal signals");
	/* Storm: four processes shoot at four others that count in a loop of system calls. */
	if (pipe(fd))
		return 1;
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			signal(SIGUSR1, counter);
			while (write(fd[1], "x", 0) == 0 || errno == EINTR)
				;
			_exit(1);
		}
	}
	for (i = 4; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int k;

			for (k = 0; k < 4000; k++)
				kill(pid[k % 4], SIGUSR1);
			_exit(0);
		}
	}
	for (bad = 0, i = 4; i < 8; i++) {
		waitpid(pid[i], &st, 0);
		bad += st != 0;
	}
	for (i = 0; i < 4; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &st, 0);
		bad += !WIFSIGNALED(st) || WTERMSIG(st) != SIGKILL;
	}
	ok(!bad, "storm of 16000");
	return tap_failed;
}
