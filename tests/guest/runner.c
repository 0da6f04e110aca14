// SPDX-License-Identifier: GPL-2.0-only
/*
 * Launcher of test kernels on the bare ioctl ABI, without libpvm: what it proves does not depend on the
 * library, and it can do to a guest what a library would not (see the options below).
 *
 * One guest per process. --table runs a whole list, each in a child, and prints one result line per guest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pvm.h>

#include "builder.h"
#include "runner.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE		4096ul
#define GRANT_FRAMES	4

static const char usage_text[] =
	"runner [option]... KERNEL.elf\n"
	"  --cmdline TEXT --memory MB --backing anon|memfd|huge --shadow-limit KB\n"
	"  --expect poweroff|reboot|crash|stopped|triple|table|memory|death|any  (default poweroff)\n"
	"  --stop-after MS   PVM_VM_STOP from another thread\n"
	"  --kick-every US   PVM_VM_KICK and signals from another thread\n"
	"  --disturb dontneed|pageout|mprotect|munmap:US   of random guest pages from another thread\n"
	"  --quiet (no \"ok\" lines) --stats --timeout SECONDS\n"
	"  --check           only build the domain and verify it, no driver\n"
	"  --table FILE DIR  every guest of a table (name, command line or -, expected end, options)\n"
	"  --rounds N        N times in turn   --parallel N  N at once\n"
	"  --kill-rounds N   N times, each killed (SIGKILL) after a random 0..60 ms\n";

struct options opt = { .backing = "anon", .expect = "poweroff", .memory_mb = 16, .timeout_s = 60 };

static int vm_fd = -1, vcpu_fd = -1, echo_in, echo_out;
static struct domain dom;
static pthread_t main_thread;

static void sys_die(const char *what)
{
	printf("not ok - runner: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void nap_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* ---- other threads: what happens to the guest behind its back ------------------------------------------ */

static void *stopper(void *arg)
{
	struct pvm_stop s = { .size = sizeof(s) };

	(void)arg;
	nap_us(opt.stop_ms * 1000);
	if (ioctl(vm_fd, PVM_VM_STOP, &s) && errno != EIO)
		sys_die("PVM_VM_STOP");
	return NULL;
}

static void *kicker(void *arg)
{
	struct pvm_kick k = { .size = sizeof(k) };
	unsigned int n = 0;

	(void)arg;
	for (;;) {
		nap_us(opt.kick_us);
		if (n++ & 1)
			pthread_kill(main_thread, SIGUSR1);
		else
			ioctl(vm_fd, PVM_VM_KICK, &k);
	}
	return NULL;
}

static void *disturber(void *arg)
{
	unsigned int seed = 1;

	(void)arg;
	for (;;) {
		size_t i = (size_t)rand_r(&seed) % dom.nr_pages, n = 1 + (size_t)rand_r(&seed) % 8;
		uint8_t *p = dom.mem + i * PAGE;

		if (i + n > dom.nr_pages)
			continue;
		if (!strcmp(opt.disturb, "dontneed")) {
			madvise(p, n * PAGE, MADV_DONTNEED);
		} else if (!strcmp(opt.disturb, "pageout")) {
			madvise(p, n * PAGE, MADV_PAGEOUT);
		} else if (!strcmp(opt.disturb, "mprotect")) {
			/* Short enough that a faulting guest may or may not meet it. */
			mprotect(p, n * PAGE, PROT_READ);
			mprotect(p, n * PAGE, PROT_READ | PROT_WRITE);
		} else {
			munmap(p, n * PAGE);
		}
		nap_us(opt.disturb_us);
	}
	return NULL;
}

/* The console port comes back: what the guest sends is raised again. */
static void *echo(void *arg)
{
	uint64_t v;

	(void)arg;
	while (read(echo_in, &v, sizeof(v)) == sizeof(v))
		if (write(echo_out, &v, sizeof(v)) < 0)
			break;
	return NULL;
}

static void start_thread(void *(*fn)(void *))
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, NULL))
		sys_die("pthread_create");
}

/* ---- one guest ------------------------------------------------------------------------------------------ */

static void *read_file(const char *name, size_t *bytes)
{
	FILE *f = fopen(name, "rb");
	size_t room = 1 << 16, n = 0, got;
	char *p = NULL;

	if (!f)
		sys_die(name);
	do {
		p = realloc(p, room *= 2);
		if (!p)
			sys_die("realloc");
		got = fread(p + n, 1, room - n, f);
		n += got;
	} while (got);
	fclose(f);
	*bytes = n;
	return p;
}

static void alloc_memory(void)
{
	size_t bytes = (size_t)opt.memory_mb << 20, extra = (1 + GRANT_FRAMES) * PAGE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;

	if (!strcmp(opt.backing, "memfd")) {
		fd = memfd_create("guest", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, bytes))
			sys_die("memfd");
		flags = MAP_SHARED;
	} else if (!strcmp(opt.backing, "huge")) {
		flags |= MAP_HUGETLB;
	}
	dom.nr_pages = bytes / PAGE;
	dom.extra_pages = extra / PAGE;
	dom.mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (dom.mem == MAP_FAILED)
		sys_die("guest memory");
}

static void vm_ioctl(unsigned long nr, void *arg, const char *name)
{
	if (ioctl(vm_fd, nr, arg))
		sys_die(name);
}

static void setup(void)
{
	struct pvm_create_vm c = { .size = sizeof(c), .max_vcpus = 1,
				   .shadow_limit_bytes = opt.shadow_kb << 10 };
	struct pvm_memory m = { .size = sizeof(m) };
	struct pvm_platform pl = { .size = sizeof(pl), .grant_frames = GRANT_FRAMES };
	struct pvm_evtchn_alloc ea = { .size = sizeof(ea) };
	struct pvm_evtchn_bind eb = { .size = sizeof(eb) };
	struct pvm_create_vcpu cv = { .size = sizeof(cv) };
	struct pvm_vcpu_regs regs = { .size = sizeof(regs) };
	size_t bytes;
	void *elf = read_file(opt.kernel, &bytes), *extra;
	int dev;

	alloc_memory();
	dev = open("/dev/pvm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		sys_die("/dev/pvm");
	snprintf((char *)c.name, sizeof(c.name), "t%d", getpid());
	if (ioctl(dev, PVM_CREATE_VM, &c))
		sys_die("PVM_CREATE_VM");
	vm_fd = c.fd;
	close(dev);
	m.nr_pages = dom.nr_pages;
	m.uaddr = (uintptr_t)dom.mem;
	vm_ioctl(PVM_VM_SET_MEMORY, &m, "PVM_VM_SET_MEMORY");
	extra = mmap(NULL, dom.extra_pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m.slot = 1;
	m.gfn = dom.nr_pages;
	m.nr_pages = dom.extra_pages;
	m.uaddr = (uintptr_t)extra;
	vm_ioctl(PVM_VM_SET_MEMORY, &m, "PVM_VM_SET_MEMORY");
	pl.nr_pages = dom.nr_pages;
	pl.shared_info_gfn = dom.nr_pages;
	pl.grant_gfn = dom.nr_pages + 1;
	vm_ioctl(PVM_VM_SET_PLATFORM, &pl, "PVM_VM_SET_PLATFORM");
	vm_ioctl(PVM_VM_EVTCHN_ALLOC, &ea, "PVM_VM_EVTCHN_ALLOC");
	dom.store_port = ea.port;
	vm_ioctl(PVM_VM_EVTCHN_ALLOC, &ea, "PVM_VM_EVTCHN_ALLOC");
	dom.console_port = ea.port;
	eb.port = ea.port;
	eb.send_fd = echo_in = eventfd(0, EFD_CLOEXEC);
	eb.raise_fd = echo_out = eventfd(0, EFD_CLOEXEC);
	vm_ioctl(PVM_VM_EVTCHN_BIND, &eb, "PVM_VM_EVTCHN_BIND");
	dom.cmdline = opt.cmdline;
	if (domain_build(&dom, elf, bytes)) {
		printf("not ok - runner: %s: %s\n", opt.kernel, dom.error);
		exit(1);
	}
	free(elf);
	vm_ioctl(PVM_VM_CREATE_VCPU, &cv, "PVM_VM_CREATE_VCPU");
	vcpu_fd = cv.fd;
	regs.gpr[4] = dom.rsp;
	regs.gpr[6] = dom.start_info;
	regs.rip = dom.entry;
	regs.rflags = 0x202;
	regs.root_gfn = dom.root_gfn;
	if (ioctl(vcpu_fd, PVM_VCPU_SET_REGS, &regs))
		sys_die("PVM_VCPU_SET_REGS");
}

/* Whole lines only, so that the lines of guests in parallel do not mix; "ok" ones not when quiet. */
static void console(const uint8_t *p, uint32_t n)
{
	static char line[1024];
	static size_t len;

	for (; n; n--, p++) {
		if (len < sizeof(line) - 1)
			line[len++] = *p;
		if (*p != '\n')
			continue;
		line[len] = 0;
		if (!opt.quiet || strncmp(line, "ok - ", 5))
			fwrite(line, 1, len, stdout);
		len = 0;
	}
	if (!opt.quiet)
		fflush(stdout);
}

static const char *death_name(uint32_t kind)
{
	static const char *const names[] = { "alive", "stopped", "triple", "table", "memory", "driver" };

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}

static const char *explain_death(void)
{
	struct pvm_death d = { .size = sizeof(d) };

	vm_ioctl(PVM_VM_GET_DEATH, &d, "PVM_VM_GET_DEATH");
	if (!opt.quiet || d.kind == PVM_DEATH_DRIVER)
		printf("# dead (%s): %s; rip %#llx rsp %#llx cr2 %#llx vector %#x error %#llx, %s mode\n",
		       death_name(d.kind), d.reason, d.rip, d.rsp, d.cr2, d.vector, d.error_code,
		       d.kernel_mode ? "kernel" : "user");
	return death_name(d.kind);
}

static void print_stats(void)
{
#define NAME(N, n, unit, help) #n,
	static const char *const names[] = { PVM_STAT_LIST(NAME) };
	uint64_t v[256] = { 0 }, hc[64] = { 0 };
	struct pvm_get_stats s = { .size = sizeof(s), .values_count = 256, .values_ptr = (uintptr_t)v,
				   .hypercalls_ptr = (uintptr_t)hc };
	uint32_t i;

	vm_ioctl(PVM_GET_STATS, &s, "PVM_GET_STATS");
	printf("#");
	for (i = 0; i < PVM_NR_STATS; i++)
		printf(" %s=%llu", names[i], (unsigned long long)v[i]);
	printf("\n");
}

/* As a VMM that wants its memory back. */
static void release(const struct pvm_run *run)
{
	bool file = !strcmp(opt.backing, "memfd");
	uint32_t i, count = run->release_count;

	for (i = 0; i < count && i < PVM_RELEASE_MAX; i++) {
		uint64_t gfn = run->release_gfn[i], n = run->release_pages[i];

		if (gfn < dom.nr_pages && n <= dom.nr_pages - gfn)
			madvise(dom.mem + gfn * PAGE, n * PAGE, file ? MADV_REMOVE : MADV_DONTNEED);
	}
}

static const char *run_guest(void)
{
	static const char *const reasons[] = { "poweroff", "reboot", "suspend", "crash" };
	struct pvm_run *run = mmap(NULL, PVM_RUN_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	int no_memory = 0;

	if (run == MAP_FAILED)
		sys_die("mmap of the run page");
	for (;;) {
		if (ioctl(vcpu_fd, PVM_VCPU_RUN, 0)) {
			if (errno == EINTR)
				continue;
			if (errno == ENOMEM && no_memory++ < 1000) {
				nap_us(1000);
				continue;
			}
			if (errno == EIO)
				return explain_death();
			sys_die("PVM_VCPU_RUN");
		}
		if (run->exit_reason == PVM_RUN_CONSOLE)
			console(run->console, run->console_len < sizeof(run->console) ?
				run->console_len : sizeof(run->console));
		else if (run->exit_reason == PVM_RUN_SHUTDOWN)
			return run->shutdown_reason < 4 ? reasons[run->shutdown_reason] : "other";
		else if (run->exit_reason == PVM_RUN_RELEASE)
			release(run);
	}
}

static bool is_expected(const char *end)
{
	if (!strcmp(opt.expect, "any"))
		return strcmp(end, "driver") != 0;
	if (!strcmp(opt.expect, "death"))
		return !strcmp(end, "triple") || !strcmp(end, "table") || !strcmp(end, "memory");
	return !strcmp(end, opt.expect);
}

static void on_signal(int sig)
{
	(void)sig;
}

int run_one(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const char *end;

	main_thread = pthread_self();
	sigaction(SIGUSR1, &sa, NULL);
	setup();
	alarm(opt.timeout_s);		/* default action: a guest that hangs ends this process */
	start_thread(echo);
	if (opt.stop_ms)
		start_thread(stopper);
	if (opt.kick_us)
		start_thread(kicker);
	if (opt.disturb)
		start_thread(disturber);
	end = run_guest();
	if (opt.stats)
		print_stats();
	if (is_expected(end))
		return 0;
	printf("# ended with \"%s\", expected \"%s\"\n", end, opt.expect);
	return 1;
}

static int check_only(void)
{
	size_t bytes;
	void *elf = read_file(opt.kernel, &bytes);

	alloc_memory();
	dom.store_port = dom.console_port = 1;
	if (domain_build(&dom, elf, bytes) || domain_check(&dom)) {
		printf("not ok - build %s: %s\n", opt.kernel, dom.error);
		return 1;
	}
	printf("ok - build %s: %llu pages mapped\n", opt.kernel, (unsigned long long)dom.mapped_pages);
	return 0;
}

/* ---- options and lists ---------------------------------------------------------------------------------- */

int take_option(char **arg)
{
	const struct { const char *name, **text; long *number; bool *flag; } t[] = {
		{ "--cmdline", &opt.cmdline, NULL, NULL }, { "--backing", &opt.backing, NULL, NULL },
		{ "--expect", &opt.expect, NULL, NULL }, { "--memory", NULL, &opt.memory_mb, NULL },
		{ "--shadow-limit", NULL, &opt.shadow_kb, NULL }, { "--stop-after", NULL, &opt.stop_ms, NULL },
		{ "--kick-every", NULL, &opt.kick_us, NULL }, { "--timeout", NULL, &opt.timeout_s, NULL },
		{ "--disturb", &opt.disturb, NULL, NULL }, { "--quiet", NULL, NULL, &opt.quiet },
		{ "--stats", NULL, NULL, &opt.stats }, { "--check", NULL, NULL, &opt.check },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (strcmp(arg[0], t[i].name))
			continue;
		if (t[i].flag) {
			*t[i].flag = true;
			return 1;
		}
		if (!arg[1])
			return 0;
		if (t[i].number)
			*t[i].number = atol(arg[1]);
		else
			*t[i].text = strdup(arg[1]);
		if (t[i].text == &opt.disturb) {
			char *colon = strchr((char *)opt.disturb, ':');

			opt.disturb_us = colon ? atol(colon + 1) : 1000;
			if (colon)
				*colon = 0;
		}
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long rounds = 1, parallel = 1, kills = 0, i;
	int used;

	for (i = 1; i < argc; i += used) {
		used = take_option(argv + i);
		if (used)
			continue;
		used = 2;
		if (!strcmp(argv[i], "--table") && i + 2 < argc)
			return run_table(argv[i + 1], argv[i + 2]);
		if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
			rounds = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--parallel") && i + 1 < argc)
			parallel = atol(argv[i + 1]);
		else if (!strcmp(argv[i], "--kill-rounds") && i + 1 < argc)
			kills = atol(argv[i + 1]);
		else if (argv[i][0] != '-' && !opt.kernel)
			opt.kernel = argv[i], used = 1;
		else
			opt.kernel = NULL, i = argc;
	}
	if (!opt.kernel || parallel < 1 || parallel > 64) {
		fputs(usage_text, stderr);
		return 2;
	}
	if (opt.check)
		return check_only();
	if (kills)
		return kill_rounds(kills);
	return rounds == 1 && parallel == 1 ? run_one() : run_rounds(rounds, parallel);
}
