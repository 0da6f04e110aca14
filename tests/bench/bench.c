// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark: one static program, one row per operation. It is /init of its own initramfs, so
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
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE		4096
#define FUTEX_WAIT	0	/* linux/futex.h is not in every libc's search path */
#define FUTEX_WAKE	1
#define BUSYBOX		"/bin/busybox"
#define TCC		"/bin/tcc"
#define MiB		(1024 * 1024)

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

static void fail(const char *what) __attribute__((noreturn));
static void fail(const char *what)
{
	say("BENCH error %s: %s", what, strerror(errno));
	finish(1);
}

#define must(expr) ({ __auto_type r_ = (expr); if (r_ == (__typeof__(r_))-1) fail(#expr); r_; })

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

static void wait_for(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = ECHILD;
		fail("a child failed");
	}
}

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

/* ---- two processes ---- */

static int ping[2], pong[2];
static pid_t partner;

static void partner_end(void)
{
	kill(partner, SIGKILL);
	waitpid(partner, NULL, 0);
}

static void pipe_setup(void)
{
	char c;

	must(pipe(ping));
	must(pipe(pong));
	partner = must(fork());
	if (partner)
		return;
	for (;;) {
		must(read(ping[0], &c, 1));
		must(write(pong[1], &c, 1));
	}
}

static void pipe_round_trip(int n)
{
	char c = 0;

	while (n--) {
		must(write(ping[1], &c, 1));
		must(read(pong[0], &c, 1));
	}
}

static volatile int turn_word, *turn = &turn_word;

static void futex_pass(int mine, int theirs)
{
	*turn = theirs;
	syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	while (*turn != mine)
		syscall(SYS_futex, turn, FUTEX_WAIT, theirs, NULL, NULL, 0);
}

static void *futex_partner(void *arg)
{
	while (*turn != 1)
		syscall(SYS_futex, turn, FUTEX_WAIT, 0, NULL, NULL, 0);
	for (;;)
		futex_pass(1, 0);
	return arg;
}

static void futex_setup(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, futex_partner, NULL))
		fail("thread");
	pthread_detach(t);
}

static void futex_round_trip(int n)
{
	while (n--)
		futex_pass(0, 1);
}

static int tcp_fd;

static void tcp_setup(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int listener = must(socket(AF_INET, SOCK_STREAM, 0));
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int yes = 1;
	char c;

	must(ioctl(listener, SIOCSIFFLAGS, &ifr));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	must(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	must(listen(listener, 1));
	partner = must(fork());
	if (!partner) {
		tcp_fd = must(accept(listener, NULL, NULL));
		must(setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
		while (read(tcp_fd, &c, 1) == 1)
			must(write(tcp_fd, &c, 1));
		_exit(0);
	}
	close(listener);
	tcp_fd = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(tcp_fd, (struct sockaddr *)&a, sizeof(a)));
	must(setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
}

static void tcp_round_trip(int n)
{
	char c = 0;

	while (n--) {
		must(write(tcp_fd, &c, 1));
		must(read(tcp_fd, &c, 1));
	}
}

/* ---- programs ---- */

static void run(const char *const argv[])
{
	pid_t pid = must(fork());

	if (!pid) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	wait_for(pid);
}

static void shell(int n, const char *script)
{
	const char *const argv[] = { BUSYBOX, "sh", "-c", script, NULL };

	while (n--)
		run(argv);
}

/* What configure scripts do: small programs by the dozen, substitutions, loops, tests. */
static void shell_script(int n)
{
	shell(n, "i=0; sum=0\n"
	      "while [ $i -lt 20 ]; do\n"
	      "	name=$(/bin/busybox basename /a/b/file$i.c .c)\n"
	      "	case $name in file*) sum=$((sum + i));; esac\n"
	      "	/bin/busybox test -d /tmp && echo $name >/tmp/script.out\n"
	      "	/bin/busybox cat /tmp/script.out >/dev/null\n"
	      "	i=$((i + 1))\n"
	      "done\n"
	      "[ $sum = 190 ]");
}

static void sort_pipeline(int n)
{
	shell(n, "/bin/busybox seq 1 1800 | /bin/busybox rev | /bin/busybox sort -n |"
	      "/bin/busybox sort -r | /bin/busybox uniq | /bin/busybox wc -l >/dev/null");
}

/* 16 files of 64 KiB that compress like text. */
static void tar_setup(void)
{
	char name[64];
	int i, j, fd;
	uint32_t x = 1;

	must(mkdir("/tmp/tree", 0700));
	for (i = 0; i < 16; i++) {
		static char text[64 * 1024];

		for (j = 0; j < (int)sizeof(text); j++) {
			x = x * 1664525 + 1013904223;
			text[j] = (x >> 28) < 3 ? ' ' : 'a' + (x >> 24) % 13;
		}
		snprintf(name, sizeof(name), "/tmp/tree/file%d", i);
		fd = must(open(name, O_WRONLY | O_CREAT, 0600));
		must(write(fd, text, sizeof(text)));
		close(fd);
	}
}

static void tar_tree(int n)
{
	static const char *const argv[] = {
		BUSYBOX, "tar", "-czf", "/tmp/t.tgz", "-C", "/tmp", "tree", NULL
	};

	while (n--)
		run(argv);
}

/* A C file of 300 functions, made here, without includes: the same on every machine. */
static void compile_setup(void)
{
	FILE *f = fopen("/tmp/unit.c", "w");
	int i;

	if (!f)
		fail("/tmp/unit.c");
	for (i = 0; i < 300; i++)
		fprintf(f, "struct s%d { int a, b; char name[%d]; struct s%d *next; };\n"
			"static int find%d(struct s%d *list, int key)\n"
			"{\n	int depth = 0;\n\n	while (list) {\n"
			"		if (list->a == key || (list->b ^ %d) > key * 3)\n"
			"			return depth + list->name[depth %% %d];\n"
			"		switch (list->b & 3) {\n		case 0: depth += 2; break;\n"
			"		case 1: depth -= %d; break;\n		default: depth++;\n		}\n"
			"		list = list->next;\n	}\n	return -1;\n}\n"
			"int use%d(void *p) { return find%d(p, %d) + find%d(p, %d); }\n",
			i, 8 + i % 24, i, i, i, i * 7, 8 + i % 24, i, i, i, i, i, i + 1);
	fclose(f);
}

static void compile(int n)
{
	static const char *const argv[] = {
		TCC, "-nostdinc", "-c", "/tmp/unit.c", "-o", "/tmp/unit.o", NULL
	};

	while (n--)
		run(argv);
}

/* ---- streams ---- */

static volatile uint64_t sink;

static void compute_stream(int n)
{
	uint64_t x = 88172645463325252ull;
	double d = 1.0;
	int i;

	while (n--) {
		for (i = 0; i < 500000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			d = d * 0.999 + (double)(x & 255);
		}
	}
	sink = x + (uint64_t)d;
}

#define STREAM_WORDS (MiB)
static uint64_t *stream;

static void memory_setup(void)
{
	stream = must(mmap(NULL, 2 * STREAM_WORDS * 8, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(stream, 1, 2 * STREAM_WORDS * 8);
}

static void memory_done(void)
{
	munmap(stream, 2 * STREAM_WORDS * 8);
}

static void memory_stream(int n)
{
	volatile uint64_t *from = stream, *to = stream + STREAM_WORDS;
	int i;

	while (n--)
		for (i = 0; i < STREAM_WORDS; i++)
			to[i] = from[i] + 1;
}

static void nothing(int n)
{
	(void)n;
}

/* ---- the table ---- */

/* loops: operations per run; a row whose `needs` is missing from the image is left out. */
static const struct row {
	const char *id;
	void (*loop)(int n);
	int loops, runs;
	void (*setup)(void), (*done)(void);
	const char *needs;
} rows[] = {
	{ "empty", nothing, 1, 3 },	/* what the counting pass costs by itself */
	{ "null_syscall", null_syscall, 4000, 15 },
	{ "read_1", read_1, 4000, 15, read_setup },
	{ "stat", stat_path, 2000, 15 },
	{ "signal", signal_self, 1000, 15, signal_setup },
	{ "protection_fault", protection_fault, 500, 15, page_setup },	/* and mprotect_pair */
	{ "mprotect_pair", mprotect_pair, 500, 15 },
	{ "mmap_touch", mmap_touch, 4 * MAP_PAGES, 9 },
	{ "file_read_fault", file_read_fault, 8 * MAP_PAGES, 9, file_setup },
	{ "file_cow_fault", file_cow_fault, 4 * MAP_PAGES, 9 },
	{ "fork_exit", fork_exit, 20, 9 },
	{ "fork_exec", fork_exec, 10, 9, NULL, NULL, BUSYBOX },
	{ "fork_cow", fork_cow, 1, 5, cow_setup, cow_done },
	{ "thread", thread_join, 100, 9 },
	{ "pipe", pipe_round_trip, 400, 9, pipe_setup, partner_end },
	{ "futex", futex_round_trip, 400, 9, futex_setup },
	{ "tcp", tcp_round_trip, 200, 9, tcp_setup, partner_end },
	{ "shell", shell_script, 1, 5, NULL, NULL, BUSYBOX },
	{ "sort", sort_pipeline, 1, 5, NULL, NULL, BUSYBOX },
	{ "tar", tar_tree, 1, 3, tar_setup, NULL, BUSYBOX },
	{ "compile", compile, 1, 3, compile_setup, NULL, TCC },
	{ "compute", compute_stream, 4, 3 },
	{ "memory", memory_stream, 4, 3, memory_setup, memory_done },
};

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

int main(void)
{
	uint64_t boot_clock = now(), boot_tsc = tsc(), clock0, tsc0;
	const char *tty, *list;
	char path[64], *only = NULL, *forever = NULL;
	size_t i;
	int counts, fd;

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
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (!wanted(only, r->id) && strcmp(r->id, "empty"))
			continue;
		if (r->needs && access(r->needs, X_OK)) {
			say("BENCH left_out %s", r->id);
			continue;
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
	say("BENCH tsc_per_clock %.5f", (double)(tsc() - tsc0) / (now() - clock0));
	finish(0);
}
