// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partition ABI with partitions that run a few instructions: what stops them, what comes back, who may.
 *
 *	part_test NAME...	runs these tests; "all" runs every one. TAP on stdout
 *
 * Needs four CPUs. The payloads are in payload.S.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pvm_genl.h>
#include <linux/pvm_part.h>

#define MEM_BYTES	(64ull << 20)
#define CODE		0x100000ull	/* offsets in the partition's memory */
#define CONTROL		0x101000ull
#define GDT		0x2000ull
#define MAILBOX		0x3000ull
#define TABLES		0x10000ull

#define PAYLOADS(X) X(spin) X(halt) X(triple) X(reset) X(acpi_reset) X(poweroff) X(exits) X(wake) \
	X(unpaged) X(real_mode) X(privileged) X(stray_read) X(stray_write)
#define DECLARE(name) extern const uint8_t payload_##name[], payload_##name##_end[];
PAYLOADS(DECLARE)

static int dev = -1, failed;

static void result(bool good, const char *fmt, ...)
{
	va_list args;

	printf(good ? "ok - " : "not ok - ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed |= !good;
}

static void die(const char *what)
{
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* ---- a partition --------------------------------------------------------------------------------------------- */

struct part {
	int fd;
	uint32_t cpus;
	uint64_t base;
	uint8_t *mem;
	struct pvm_part_cpu cpu[4];
	struct pvm_part_info info;
};

static struct pvm_create_partition request(const char *name, const uint32_t *cpus, uint32_t count)
{
	struct pvm_create_partition a = {
		.size = sizeof(a),
		.cpus_ptr = (uintptr_t)cpus,
		.cpus_count = count,
		.memory_bytes = MEM_BYTES,
		.memory_addr = PVM_PART_ADDR_ANY,
	};

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return a;
}

static void get_info(struct part *p)
{
	p->info = (struct pvm_part_info){
		.size = sizeof(p->info),
		.cpus_ptr = (uintptr_t)p->cpu,
		.cpus_count = 4,
	};
	if (ioctl(p->fd, PVM_PART_INFO, &p->info))
		die("PVM_PART_INFO");
}

static int try_create_as(struct part *p, const char *name, uint32_t first, uint32_t count, uint32_t flags,
			 uint64_t addr)
{
	uint32_t cpus[4] = { first, first + 1, first + 2, first + 3 };
	struct pvm_create_partition a = request(name, cpus, count);

	a.flags = flags;
	a.memory_addr = addr;
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->cpus = count;
	if (ioctl(dev, PVM_CREATE_PARTITION, &a)) {
		printf("# create %s: %s: %s\n", name, strerror(errno), a.why);
		return -errno;
	}
	p->fd = a.fd;
	get_info(p);
	p->base = p->info.entry.memory_addr;
	p->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, PVM_PART_MMAP_MEMORY);
	if (p->mem == MAP_FAILED)
		die("mmap of the memory");
	return 0;
}

static int try_create(struct part *p, const char *name, uint32_t first, uint32_t count)
{
	return try_create_as(p, name, first, count, 0, PVM_PART_ADDR_ANY);
}

static void create(struct part *p, const char *name, uint32_t first, uint32_t count)
{
	if (try_create(p, name, first, count))
		die("PVM_CREATE_PARTITION");
}

static void load(struct part *p, const uint8_t *code, const uint8_t *end)
{
	uint64_t *l4 = (uint64_t *)(p->mem + TABLES), *l3 = l4 + 512, *l2 = l3 + 512;
	uint64_t pa = p->base + TABLES, i;
	uint64_t *gdt = (uint64_t *)(p->mem + GDT);

	memset(p->mem, 0, 2 << 20);
	l4[0] = (pa + 0x1000) | 3;
	for (i = 0; i < 4; i++)
		l3[i] = (pa + 0x2000 + i * 0x1000) | 3;
	for (i = 0; i < 2048; i++)
		l2[i] = i << 21 | 0x83;
	gdt[2] = 0x00af9b000000ffffull;
	gdt[3] = 0x00cf93000000ffffull;
	gdt[4] = 0x00cf9b000000ffffull;		/* 32-bit code */
	memcpy(p->mem + CODE, code, end - code);
	*(uint32_t *)(p->mem + CONTROL + 8) = p->cpu[1].apic_id;
	*(uint64_t *)(p->mem + CONTROL + 16) = p->base + MAILBOX;
}

static struct pvm_part_start start_args(const struct part *p)
{
	return (struct pvm_part_start){
		.size = sizeof(struct pvm_part_start),
		.rip = p->base + CODE,
		.rsi = p->base + CONTROL,
		.rsp = p->base + CODE,
		.cr3 = p->base + TABLES,
		.gdt_addr = p->base + GDT,
		.gdt_limit = 0x27,
		.mailbox = p->cpus > 1 ? p->base + MAILBOX : 0,
	};
}

static void start(struct part *p)
{
	struct pvm_part_start a = start_args(p);

	if (ioctl(p->fd, PVM_PART_START, &a))
		die("PVM_PART_START");
}

static uint64_t counted(const struct part *p, unsigned int word)
{
	return __atomic_load_n((uint64_t *)(p->mem + CONTROL) + word, __ATOMIC_RELAXED);
}

/* Does the payload get on? Waits for it, the machine may be busy. */
static bool advances(const struct part *p, unsigned int word)
{
	uint64_t before = counted(p, word), end = now_ms() + 10000;

	while (counted(p, word) < before + 2 && now_ms() < end)
		usleep(1000);
	return counted(p, word) >= before + 2;
}

static uint32_t stop(struct part *p)
{
	struct pvm_part_stop a = { .size = sizeof(a), .timeout_ms = 20000 };

	if (ioctl(p->fd, PVM_PART_STOP, &a))
		die("PVM_PART_STOP");
	return a.lost_cpus;
}

static bool wait_stopped(struct part *p)
{
	struct pollfd f = { .fd = p->fd, .events = POLLIN };

	return poll(&f, 1, 30000) == 1 && f.revents & POLLIN;
}

static int destroy(struct part *p)
{
	struct pvm_part_destroy a = { .size = sizeof(a) };
	int err;

	if (p->mem)
		munmap(p->mem, MEM_BYTES);
	p->mem = NULL;
	err = ioctl(p->fd, PVM_PART_DESTROY, &a) ? -errno : 0;
	close(p->fd);
	return err;
}

static uint64_t stat(struct part *p, enum pvm_part_stat which)
{
	uint64_t values[PVM_PART_NR_STATS];
	struct pvm_part_stats a = {
		.size = sizeof(a),
		.values_ptr = (uintptr_t)values,
		.values_count = PVM_PART_NR_STATS,
	};

	if (ioctl(p->fd, PVM_PART_STATS, &a))
		die("PVM_PART_STATS");
	return values[which];
}

/* ---- the host afterwards ------------------------------------------------------------------------------------- */

static bool cpu_works(uint32_t cpu)
{
	cpu_set_t set;
	bool works;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	works = !sched_setaffinity(0, sizeof(set), &set) && sched_getcpu() == (int)cpu;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	return works;
}

static long read_long(const char *path)
{
	FILE *f = fopen(path, "r");
	long v = -1;

	if (f && fscanf(f, "%ld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static bool write_one(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* ---- tests --------------------------------------------------------------------------------------------------- */

static void run_to_stop(const char *what, const uint8_t *code, const uint8_t *end, uint32_t reason)
{
	struct part p;

	create(&p, "stops", 1, 1);
	load(&p, code, end);
	start(&p);
	result(wait_stopped(&p), "%s: stops", what);
	get_info(&p);
	result(p.info.entry.stop_reason == reason, "%s: reason %u", what, p.info.entry.stop_reason);
	result(counted(&p, 0) == 1, "%s: its code ran", what);
	result(!destroy(&p) && cpu_works(1), "%s: the CPU is the host's again", what);
}

static void test_stops(void)
{
	run_to_stop("triple fault", payload_triple, payload_triple_end, PVM_PSTOP_TRIPLE);
	run_to_stop("reset by port 0xcf9", payload_reset, payload_reset_end, PVM_PSTOP_RESET);
	run_to_stop("ACPI reset", payload_acpi_reset, payload_acpi_reset_end, PVM_PSTOP_RESET);
	run_to_stop("power-off", payload_poweroff, payload_poweroff_end, PVM_PSTOP_POWEROFF);
}

static void test_spin(void)
{
	struct part p;
	uint64_t before;

	create(&p, "spin", 1, 1);
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0), "a loop runs");
	before = stat(&p, PVM_PART_STAT_EXITS);
	sleep(1);
	result(advances(&p, 0) && stat(&p, PVM_PART_STAT_EXITS) == before && !before, "a loop has no exits");
	result(stop(&p) == 0, "a loop is stopped, no CPU is lost");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_ASKED && p.info.entry.state == PVM_PART_STOPPED,
	       "state and reason say so");
	before = counted(&p, 0);
	usleep(100000);
	result(counted(&p, 0) == before, "it runs no more");
	load(&p, payload_halt, payload_halt_end);
	start(&p);
	usleep(100000);
	result(counted(&p, 0) == 1, "a second start runs other code, which halts with interrupts off");
	result(stop(&p) == 0, "it is stopped");
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_unpaged(void)
{
	struct part p;
	uint64_t cr;

	create(&p, "unpaged", 1, 1);
	load(&p, payload_unpaged, payload_unpaged_end);
	start(&p);
	result(wait_stopped(&p), "paging off and on: stops");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_POWEROFF && counted(&p, 0) == 3 && counted(&p, 3) == 3,
	       "paging off and on three times, then power-off");
	cr = stat(&p, PVM_PART_STAT_EXIT_CR);
	result(cr == 6 || (cr == 0 && !(p.info.flags & PVM_PINFO_VMX)), "by %llu exits", (unsigned long long)cr);
	load(&p, payload_real_mode, payload_real_mode_end);
	start(&p);
	if (p.info.flags & PVM_PINFO_VMX) {
		result(wait_stopped(&p), "protected mode off: stops");
		get_info(&p);
		result(p.info.entry.stop_reason == PVM_PSTOP_REAL_MODE, "reason %u", p.info.entry.stop_reason);
	} else {
		usleep(100000);
		result(stop(&p) == 0, "protected mode off: no CPU is lost");
	}
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_privileged(void)
{
	struct part p;

	create(&p, "privileged", 1, 1);
	load(&p, payload_privileged, payload_privileged_end);
	start(&p);
	result(wait_stopped(&p), "privileged: comes to its end");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_POWEROFF, "reason %u", p.info.entry.stop_reason);
	result(counted(&p, 4) == 5, "%llu of 5 forbidden things were #GP or #UD", (unsigned long long)counted(&p, 4));
	result((counted(&p, 5) & 0x900) == 0x900, "its APIC is on and its first CPU has the BSP flag: %#llx",
	       (unsigned long long)counted(&p, 5));
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void stray(struct part *p, const char *what, const uint8_t *code, const uint8_t *end, uint64_t addr)
{
	load(p, code, end);
	*(uint64_t *)(p->mem + CONTROL + 16) = addr;
	start(p);
	result(wait_stopped(p), "%s: stops", what);
	get_info(p);
	result(p->info.entry.stop_reason == PVM_PSTOP_PROTECT && p->info.stop_addr == addr && counted(p, 4) == 0,
	       "%s: reason %u at %#llx", what, p->info.entry.stop_reason, (unsigned long long)p->info.stop_addr);
}

static void test_protect(void)
{
	struct part p;
	uint64_t end;

	if (try_create_as(&p, "protect", 1, 1, PVM_PART_PROTECT, PVM_PART_ADDR_ANY))
		die("PVM_CREATE_PARTITION with PVM_PART_PROTECT");
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0) && stop(&p) == 0 && stat(&p, PVM_PART_STAT_EXIT_STAGE2) == 0,
	       "protect: what keeps to its memory is left alone");
	stray(&p, "read behind its memory", payload_stray_read, payload_stray_read_end, p.base + MEM_BYTES);
	stray(&p, "write before its memory", payload_stray_write, payload_stray_write_end, p.base - 8);
	stray(&p, "write to the firmware's area", payload_stray_write, payload_stray_write_end, 0xf0000);
	load(&p, payload_stray_read, payload_stray_read_end);
	*(uint64_t *)(p.mem + CONTROL + 16) = 0xf0000;
	*(uint64_t *)(p.mem + CONTROL + 24) = ~0ull;
	start(&p);
	end = now_ms() + 10000;
	while (counted(&p, 4) != 0x77 && now_ms() < end)
		usleep(1000);
	result(counted(&p, 4) == 0x77 && counted(&p, 3) == 0, "which reads as zeros");
	result(stop(&p) == 0, "and then is stopped");
	load(&p, payload_unpaged, payload_unpaged_end);
	start(&p);
	result(wait_stopped(&p) && counted(&p, 0) == 3 && counted(&p, 3) == 3, "protect: paging off and on");
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_exits(void)
{
	struct part p;
	int i;
	bool good = true;

	create(&p, "exits", 2, 1);
	for (i = 0; i < 20 && good; i++) {
		load(&p, payload_exits, payload_exits_end);
		start(&p);
		good = advances(&p, 0) && stop(&p) == 0;
	}
	result(good, "a CPU that exits all the time is stopped, 20 times");
	result(!destroy(&p) && cpu_works(2), "the CPU is the host's again");
}

static void test_wake(void)
{
	struct part p;

	create(&p, "wake", 2, 2);
	load(&p, payload_wake, payload_wake_end);
	start(&p);
	result(advances(&p, 0), "the first of two CPUs runs");
	result(advances(&p, 3), "the second one was woken by the mailbox");
	result(stop(&p) == 0, "both are stopped");
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0) && counted(&p, 3) == 0, "started again, nobody wakes the second");
	result(stop(&p) == 0, "the one that runs and the one that waits are stopped");
	result(!destroy(&p) && cpu_works(2) && cpu_works(3), "both CPUs are the host's again");
}

static void test_cycles(void)
{
	struct part p;
	bool good = true;
	int i;

	for (i = 0; i < 20 && good; i++) {
		if (try_create(&p, "cycle", 1, 3))
			good = false;
		else if (i % 2) {
			load(&p, payload_wake, payload_wake_end);
			start(&p);
			good = advances(&p, 3) && stop(&p) == 0;
		}
		good = good && !destroy(&p) && cpu_works(1) && cpu_works(2) && cpu_works(3);
	}
	result(good, "three CPUs taken and given back, %d of 20 times, and used by the host each time", i);
}

static void test_two(void)
{
	struct part p, q, r;

	create(&p, "one", 1, 1);
	create(&q, "two", 2, 2);
	load(&p, payload_spin, payload_spin_end);
	load(&q, payload_wake, payload_wake_end);
	start(&p);
	start(&q);
	result(advances(&p, 0) && advances(&q, 3), "two partitions run at once");
	result(try_create(&r, "one", 3, 1) == -EEXIST, "a name is given once");
	result(try_create(&r, "three", 2, 1) == -EBUSY, "a CPU is given once");
	result(stop(&p) == 0 && advances(&q, 0), "one stops, the other runs on");
	result(!destroy(&p) && stop(&q) == 0 && !destroy(&q), "both are destroyed");
}

static void test_host(void)
{
	const char *online = "/sys/devices/system/cpu/cpu1/online";
	struct part p;

	create(&p, "host", 1, 1);
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(!write_one(online, "1") && read_long(online) == 0, "the host cannot bring a taken CPU online");
	result(advances(&p, 0), "and did it no harm by trying");
	result(!write_one("/sys/power/state", "mem"), "the host does not suspend");
	result(advances(&p, 0), "and did it no harm by trying");
	stop(&p);
	destroy(&p);
	result(cpu_works(1), "the CPU comes back");
}

static pid_t creator(const char *name, bool keep)
{
	struct pvm_part_keep k = { .size = sizeof(k) };
	struct part p;
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes))
		die("pipe");
	pid = fork();
	if (!pid) {
		create(&p, name, 1, 2);
		if (keep && ioctl(p.fd, PVM_PART_KEEP, &k))
			die("PVM_PART_KEEP");
		load(&p, payload_wake, payload_wake_end);
		start(&p);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &c, 1) != 1)
		die("the creator");
	close(pipes[0]);
	return pid;
}

static int open_by_name(const char *name)
{
	struct pvm_open_partition a = { .size = sizeof(a) };

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return ioctl(dev, PVM_OPEN_PARTITION, &a) ? -errno : a.fd;
}

static void test_kill(void)
{
	struct part p = { .cpus = 2 };
	pid_t pid;
	int other;

	pid = creator("killed", false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	result(open_by_name("killed") == -ENOENT && cpu_works(1) && cpu_works(2),
	       "a running partition goes with its creator");
	pid = creator("kept", true);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	p.fd = open_by_name("kept");
	result(p.fd >= 0, "a kept one stays");
	get_info(&p);
	result(p.info.entry.state == PVM_PART_RUNNING && p.info.flags & PVM_PINFO_KEPT, "and runs");
	p.base = p.info.entry.memory_addr;
	p.mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, PVM_PART_MMAP_MEMORY);
	result(p.mem != MAP_FAILED && advances(&p, 0), "its memory can be mapped by another process");
	other = open_by_name("kept");
	result(destroy(&(struct part){ .fd = dup(p.fd) }) == -EBUSY, "it is not destroyed while it runs");
	result(stop(&p) == 0 && !destroy(&p), "stopped and destroyed by another process");
	p.fd = other;
	result(ioctl(other, PVM_PART_STOP, &(struct pvm_part_stop){ .size = sizeof(struct pvm_part_stop) }) &&
	       errno == ENODEV, "another descriptor of it answers ENODEV");
	close(other);
	result(cpu_works(1) && cpu_works(2), "the CPUs are the host's again");
}

static const char *why_of(struct pvm_create_partition a, int want)
{
	static char why[200];
	int err = ioctl(dev, PVM_CREATE_PARTITION, &a) ? errno : 0;

	if (!err)
		close(a.fd);
	snprintf(why, sizeof(why), "%s", (const char *)a.why);
	printf("# %s: %s\n", strerror(err), why);
	return err == want && why[0] ? why : NULL;
}

static void test_refused(void)
{
	const uint32_t zero = 0, none = 77, twice[2] = { 1, 1 }, one = 1;
	struct pvm_create_partition a;
	struct part p;

	result(why_of(request("r", &zero, 1), EINVAL), "CPU 0 is refused with a sentence");
	result(why_of(request("r", &none, 1), EINVAL), "a CPU that does not exist");
	result(why_of(request("r", twice, 2), EINVAL), "a CPU named twice");
	a = request("r", &one, 1);
	a.memory_bytes = 1ull << 40;
	result(why_of(a, EBUSY), "more memory than there is");
	a = request("r", &one, 1);
	a.memory_addr = 1ull << 40;
	result(why_of(a, EINVAL), "memory where there is none");
	write_one("/sys/devices/system/cpu/cpu3/online", "0");
	result(why_of(request("r", &(uint32_t){ 3 }, 1), EBUSY), "a CPU that is offline");
	write_one("/sys/devices/system/cpu/cpu3/online", "1");
	result(cpu_works(1) && cpu_works(3), "nothing was taken");
	create(&p, "again", 1, 1);
	result(!destroy(&p), "and one that is right is made");
}

/* ---- memory at an address ------------------------------------------------------------------------------------ */

static bool runs(struct part *p)
{
	bool good;

	load(p, payload_spin, payload_spin_end);
	start(p);
	good = advances(p, 0);
	return stop(p) == 0 && good;
}

static void test_address(void)
{
	struct part p, q;
	uint64_t at;

	create(&p, "first", 1, 1);
	at = p.base;
	destroy(&p);
	if (try_create_as(&p, "there", 1, 1, 0, at)) {
		/* The host may have used it for something it cannot move. */
		printf("skip - memory of the host at an address: it is in use\n");
		return;
	}
	result(p.base == at && runs(&p), "memory of the host at an address");
	result(try_create_as(&q, "over", 2, 1, 0, at + (32 << 20)) == -EBUSY, "but not the half of it once more");
	result(!destroy(&p) && cpu_works(1), "it is given back");
}

/* memmap=SIZE$ADDRESS of the host's command line; 0 none. (The resource tree shows firmware's ranges just so.) */
static uint64_t reserved_range(void)
{
	FILE *f = fopen("/proc/cmdline", "r");
	char line[4096] = "";
	const char *at;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	at = strstr(line, "memmap=");
	at = at ? strchr(at, '$') : NULL;
	return at ? strtoull(at + 1, NULL, 0) : 0;
}

static void test_reserved(void)
{
	uint64_t at = reserved_range();
	struct part p, q;

	if (!at) {
		printf("skip - memory reserved at boot: there is none\n");
		return;
	}
	result(!try_create_as(&p, "reserved", 1, 1, 0, at), "memory reserved at boot");
	result(runs(&p), "a partition runs there");
	result(try_create_as(&q, "twice", 2, 1, 0, at) == -EBUSY, "it is given once");
	result(!destroy(&p), "it is given back");
	result(!try_create_as(&p, "reserved", 1, 1, 0, at) && !destroy(&p), "and can be had again");
}

static bool set_block(int block, const char *state)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%d/state", block);
	return write_one(path, state);
}

static void test_offline(void)
{
	unsigned long long bytes = 0;
	FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");
	struct part p;
	int block;

	if (!f || fscanf(f, "%llx", &bytes) != 1 || bytes < MEM_BYTES)
		bytes = 0;
	if (f)
		fclose(f);
	for (block = bytes ? (2ull << 30) / bytes : 0; block > 0 && !set_block(block, "offline"); block--)
		;
	if (block <= 0) {
		printf("skip - offline memory: the host cannot take a block offline\n");
		return;
	}
	result(!try_create_as(&p, "offline", 1, 1, 0, block * bytes), "memory of an offline block");
	result(runs(&p), "a partition runs there");
	result(!set_block(block, "online"), "the block does not go online meanwhile");
	result(!destroy(&p), "it is given back");
	result(set_block(block, "online"), "and goes online");
	result(set_block(block, "offline") &&
	       try_create_as(&p, "part", 1, 1, 0, (block + 1) * bytes - (32 << 20)) == -EBUSY,
	       "a range that is offline only in part is refused");
	set_block(block, "online");
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "spin", test_spin }, { "stops", test_stops }, { "unpaged", test_unpaged },
	{ "privileged", test_privileged }, { "protect", test_protect }, { "exits", test_exits }, { "wake", test_wake },
	{ "two", test_two }, { "host", test_host }, { "kill", test_kill }, { "refused", test_refused },
	{ "cycles", test_cycles }, { "address", test_address }, { "reserved", test_reserved },
	{ "offline", test_offline },
};

int main(int argc, char **argv)
{
	size_t t;
	int i;

	dev = open("/dev/pvm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("/dev/pvm");
	for (i = 1; i < argc; i++)
		for (t = 0; t < sizeof(tests) / sizeof(tests[0]); t++)
			if (!strcmp(argv[i], tests[t].name) || !strcmp(argv[i], "all"))
				tests[t].fn();
	return failed;
}
