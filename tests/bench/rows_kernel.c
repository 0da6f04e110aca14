// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of single operations of the kernel: system calls, signals, faults, memory, processes, threads.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench.h"

/* ---- system calls and signals ---- */

/* Straight, without the C library's wrapper. */
static void null_syscall(int n)
{
	long ret;

	while (n--)
		asm volatile("syscall" : "=a"(ret) : "a"(SYS_getppid) : "rcx", "r11", "memory");
}

static int zero_fd;

static void read_setup(void)
{
	zero_fd = must(open("/dev/zero", O_RDONLY));
}

static void read_1(int n)
{
	char c;

	while (n--)
		must(read(zero_fd, &c, 1));
}

static void stat_path(int n)
{
	struct stat st;

	while (n--)
		must(stat(BUSYBOX, &st));
}

static volatile int caught;

static void count_signal(int sig)
{
	(void)sig;
	caught++;
}

static void signal_setup(void)
{
	struct sigaction sa = { .sa_handler = count_signal };

	must(sigaction(SIGUSR1, &sa, NULL));
}

/* raise() as a C library must do it in a program with threads: four system calls, one handler. */
static void signal_self(int n)
{
	sigset_t all, old;
	pid_t self = getpid();

	sigfillset(&all);
	while (n--) {
		must(sigprocmask(SIG_BLOCK, &all, &old));
		must(syscall(SYS_tgkill, self, self, SIGUSR1));
		must(sigprocmask(SIG_SETMASK, &old, NULL));
	}
}

static char *page;	/* one private page that is there */

/* The store below is 3 bytes: continue behind it. */
static void skip_store(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 3;
}

static void page_setup(void)
{
	struct sigaction sa = { .sa_sigaction = skip_store, .sa_flags = SA_SIGINFO };

	/* Closed neighbours: else the area around it would be split and merged at every step. */
	page = must(mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	page += PAGE;
	must(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	*page = 1;
	must(sigaction(SIGSEGV, &sa, NULL));
}

/* A store to a read-only page: fault, SIGSEGV handler, return from it. */
static void protection_fault(int n)
{
	must(mprotect(page, PAGE, PROT_READ));
	while (n--)
		asm volatile("movb $1, (%0)" : : "a"(page) : "memory");
	must(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

/* Close and open a page. It is written after each pair, so that a lazy fill is paid here. */
static void mprotect_pair(int n)
{
	while (n--) {
		must(mprotect(page, PAGE, PROT_READ));
		must(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
		*(volatile char *)page = 1;
	}
}

/* ---- memory ---- */

#define MAP_PAGES 256

static void touch(volatile char *p, int pages, int write)
{
	int i;

	for (i = 0; i < pages; i++) {
		if (write)
			p[i * PAGE] = 1;
		else
			(void)p[i * PAGE];
	}
}

static void map_and_touch(int fd, int flags, int write)
{
	int prot = PROT_READ | (write ? PROT_WRITE : 0);
	char *p = must(mmap(NULL, MAP_PAGES * PAGE, prot, flags, fd, 0));

	touch(p, MAP_PAGES, write);
	must(munmap(p, MAP_PAGES * PAGE));
}

static void mmap_touch(int n)
{
	for (n /= MAP_PAGES; n > 0; n--)
		map_and_touch(-1, MAP_PRIVATE | MAP_ANONYMOUS, 1);
}

static int map_fd;

static void file_setup(void)
{
	static char block[PAGE];
	int i;

	map_fd = must(open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (i = 0; i < MAP_PAGES; i++) {
		memset(block, i, sizeof(block));
		must(write(map_fd, block, sizeof(block)));
	}
}

static void file_read_fault(int n)
{
	for (n /= MAP_PAGES; n > 0; n--)
		map_and_touch(map_fd, MAP_PRIVATE, 0);
}

static void file_cow_fault(int n)
{
	for (n /= MAP_PAGES; n > 0; n--)
		map_and_touch(map_fd, MAP_PRIVATE, 1);
}

/* ---- processes and threads ---- */

static void fork_exit(int n)
{
	while (n--) {
		pid_t pid = must(fork());

		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

static void fork_exec(int n)
{
	while (n--) {
		pid_t pid = must(fork());

		if (!pid) {
			execl(BUSYBOX, "true", NULL);
			_exit(1);
		}
		wait_for(pid);
	}
}

#define COW_BYTES (16 * MiB)
static char *cow;

static void cow_setup(void)
{
	cow = must(mmap(NULL, COW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	/* 4 KiB pages whatever the kernel's default: a PV guest has no others. */
	madvise(cow, COW_BYTES, MADV_NOHUGEPAGE);
	touch(cow, COW_BYTES / PAGE, 1);
}

static void cow_done(void)
{
	munmap(cow, COW_BYTES);
}

/* The child copies every page by writing to it, and ends. */
static void fork_cow(int n)
{
	while (n--) {
		pid_t pid = must(fork());

		if (!pid) {
			touch(cow, COW_BYTES / PAGE, 1);
			_exit(0);
		}
		wait_for(pid);
	}
}

static void *thread_body(void *arg)
{
	return arg;
}

static void thread_join(int n)
{
	while (n--) {
		pthread_t t;

		errno = pthread_create(&t, NULL, thread_body, NULL);
		if (errno || pthread_join(t, NULL))
			fail("thread");
	}
}

/* ---- the table ---- */

const struct row kernel_rows[] = {
	{ "null_syscall", null_syscall, 4000, 15 },
	{ "read_1", read_1, 4000, 15, read_setup },
	{ "stat", stat_path, 2000, 15 },
	{ "signal", signal_self, 1000, 15, signal_setup },
	{ "protection_fault", protection_fault, 500, 15, page_setup },
	{ "mprotect_pair", mprotect_pair, 500, 15, page_setup },
	{ "mmap_touch", mmap_touch, 4 * MAP_PAGES, 9 },
	{ "file_read_fault", file_read_fault, 8 * MAP_PAGES, 9, file_setup },
	{ "file_cow_fault", file_cow_fault, 4 * MAP_PAGES, 9, file_setup },
	{ "fork_exit", fork_exit, 20, 9 },
	{ "fork_exec", fork_exec, 10, 9, NULL, NULL, BUSYBOX },
	{ "fork_cow", fork_cow, 1, 5, cow_setup, cow_done },
	{ "thread", thread_join, 100, 9 },
	{ 0 }
};
