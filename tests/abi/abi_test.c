// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl ABI as a caller meets it: every call right once, and wrong in one way at a time.
 *
 * Runs as root in a test host with the driver loaded; needs no guest: what needs a running one is tests/guest. Prints
 * "ok - NAME" or "not ok - NAME" lines. Sections in the order of main(). Each section makes its own VM and leaves
 * nothing behind; the last ones check just that, through the module's reference count.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/pvm.h>
#include <linux/pvm_genl.h>

#define PAGE		4096ull
#define RAM_PAGES	512ull
#define SPECIAL_GFN	4096ull		/* shared info, then the grant table */
#define GRANT_FRAMES	4u
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static int failures;

static void report(bool good, const char *name, int got, int want)
{
	printf("%s - %s\n", good ? "ok" : "not ok", name);
	if (!good) {
		printf("#   got %d (%s), expected %d (%s)\n", got, got < 0 ? strerror(-got) : "-", want,
		       want < 0 ? strerror(-want) : "-");
		failures++;
	}
	fflush(stdout);
}

static void expect(const char *name, int got, int want)
{
	report(got == want, name, got, want);
}

static void expect_true(const char *name, bool good)
{
	report(good, name, good, 1);
}

static int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static void *must_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		printf("not ok - %zu bytes of memory for the test\n", bytes);
		exit(1);
	}
	return p;
}

static int device(void)
{
	int fd = open("/dev/pvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("not ok - open /dev/pvm: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

/* ---- a guest that never runs -------------------------------------------------------------------------------- */

struct guest {
	int dev, vm, vcpu;
	uint32_t id;
	uint8_t *ram, *special;
	struct pvm_run *run;
};

static struct pvm_create_vm create_arg(const char *name)
{
	struct pvm_create_vm a = { .size = sizeof(a), .max_vcpus = 1, .shadow_limit_bytes = 1 << 20 };

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return a;
}

static struct pvm_memory memory_arg(uint32_t slot, uint64_t gfn, uint64_t pages, void *p)
{
	return (struct pvm_memory){ .size = sizeof(struct pvm_memory), .slot = slot, .gfn = gfn,
				    .nr_pages = pages, .uaddr = (uintptr_t)p };
}

static struct pvm_platform platform_arg(void)
{
	return (struct pvm_platform){ .size = sizeof(struct pvm_platform), .nr_pages = RAM_PAGES,
				      .shared_info_gfn = SPECIAL_GFN, .grant_gfn = SPECIAL_GFN + 1,
				      .grant_frames = GRANT_FRAMES };
}

static struct pvm_vcpu_regs regs_arg(void)
{
	struct pvm_vcpu_regs r = { .size = sizeof(r), .rip = 0xffffffff81000000ull, .root_gfn = 1 };

	r.gpr[4] = 0xffffffff82000000ull;
	return r;
}

static int create_vm(int dev, const char *name, uint32_t *id)
{
	struct pvm_create_vm a = create_arg(name);
	int err = call(dev, PVM_CREATE_VM, &a);

	if (err)
		return err;
	if (id)
		*id = a.id;
	return a.fd;
}

static int create_vcpu(int vm)
{
	struct pvm_create_vcpu a = { .size = sizeof(a) };
	int err = call(vm, PVM_VM_CREATE_VCPU, &a);

	return err ? err : a.fd;
}

static void must(const char *what, int ret)
{
	if (ret >= 0)
		return;
	printf("not ok - set-up: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static struct guest new_vm(const char *name)
{
	struct guest g = { .dev = device(), .vcpu = -1 };

	g.vm = create_vm(g.dev, name, &g.id);
	must(name, g.vm);
	g.ram = must_map(RAM_PAGES * PAGE);
	g.special = must_map((1 + GRANT_FRAMES) * PAGE);
	return g;
}

static void give_memory(struct guest *g)
{
	struct pvm_memory ram = memory_arg(0, 0, RAM_PAGES, g->ram);
	struct pvm_memory special = memory_arg(1, SPECIAL_GFN, 1 + GRANT_FRAMES, g->special);

	must("RAM", call(g->vm, PVM_VM_SET_MEMORY, &ram));
	must("special pages", call(g->vm, PVM_VM_SET_MEMORY, &special));
}

static struct guest new_guest(const char *name)
{
	struct guest g = new_vm(name);
	struct pvm_platform p = platform_arg();

	give_memory(&g);
	must("platform", call(g.vm, PVM_VM_SET_PLATFORM, &p));
	g.vcpu = create_vcpu(g.vm);
	must("vCPU", g.vcpu);
	g.run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, g.vcpu, 0);
	must("run page", g.run == MAP_FAILED ? -errno : 0);
	return g;
}

static void end_guest(struct guest *g)
{
	if (g->run)
		munmap(g->run, PAGE);
	if (g->vcpu >= 0)
		close(g->vcpu);
	close(g->vm);
	close(g->dev);
	munmap(g->ram, RAM_PAGES * PAGE);
	munmap(g->special, (1 + GRANT_FRAMES) * PAGE);
}

/* Row of a VM, as the caller sees it. */
static bool find_row(int dev, const char *name, struct pvm_vm_entry *row)
{
	static struct pvm_vm_entry rows[256];
	struct pvm_list_vms a = { .size = sizeof(a), .vms_ptr = (uintptr_t)rows, .vms_count = COUNT(rows),
				  .vms_stride = sizeof(rows[0]) };
	uint32_t i;

	if (call(dev, PVM_LIST_VMS, &a))
		return false;
	for (i = 0; i < a.vms_count; i++) {
		if (strcmp((char *)rows[i].name, name))
			continue;
		if (row)
			*row = rows[i];
		return true;
	}
	return false;
}

/* ---- rules all calls share ---------------------------------------------------------------------------------- */

/* Two pages, the second not accessible; an argument may be put against the border. */
static uint8_t *border_page(void)
{
	static uint8_t *p;

	if (!p) {
		p = must_map(2 * PAGE);
		mprotect(p + PAGE, PAGE, PROT_NONE);
	}
	return p;
}

static void expect_sub(const char *name, const char *what, int got, int want)
{
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", name, what);
	expect(text, got, want);
}

static int call_with_size(int fd, unsigned long cmd, const void *valid, uint32_t v0, uint32_t size, int tail)
{
	static uint8_t buffer[8192] __attribute__((aligned(8)));

	memset(buffer, 0, sizeof(buffer));
	memcpy(buffer, valid, v0);
	memcpy(buffer, &size, 4);
	if (tail >= 0)
		buffer[tail] = 1;
	return call(fd, cmd, buffer);
}

/*
 * Everything that is wrong with any argument. None of these may have an effect, so @valid can be a request that would
 * succeed only once. @out: the call answers into its argument.
 */
static void bad_arguments(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0, bool out)
{
	uint8_t *p = border_page();
	uint32_t flags = 1u << 31;
	uint8_t copy[512] __attribute__((aligned(8)));

	expect_sub(name, "size 0", call_with_size(fd, cmd, valid, v0, 0, -1), -EINVAL);
	expect_sub(name, "size below the first release's", call_with_size(fd, cmd, valid, v0, v0 - 1, -1), -EINVAL);
	expect_sub(name, "size 4097", call_with_size(fd, cmd, valid, v0, 4097, -1), -EINVAL);
	expect_sub(name, "size 2^32-1", call_with_size(fd, cmd, valid, v0, ~0u, -1), -EINVAL);
	expect_sub(name, "first unknown byte not zero", call_with_size(fd, cmd, valid, v0, v0 + 8, v0), -E2BIG);
	expect_sub(name, "last unknown byte not zero", call_with_size(fd, cmd, valid, v0, 4096, 4095), -E2BIG);
	memcpy(copy, valid, v0);
	memcpy(copy + 4, &flags, 4);
	expect_sub(name, "unknown flag", call(fd, cmd, copy), -EOPNOTSUPP);
	expect_sub(name, "argument NULL", call(fd, cmd, NULL), -EFAULT);
	expect_sub(name, "argument in kernel memory", call(fd, cmd, (void *)0xffffffff81000000ul), -EFAULT);
	memcpy(p + PAGE - v0 + 8, valid, v0 - 8);
	expect_sub(name, "argument ends in unmapped memory", call(fd, cmd, p + PAGE - v0 + 8), -EFAULT);
	if (out) {
		memcpy(p, valid, v0);
		mprotect(p, PAGE, PROT_READ);
		expect_sub(name, "argument not writable", call(fd, cmd, p), -EFAULT);
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	}
}

/* Calls that can be repeated: an older and a newer caller's sizes. */
static void good_sizes(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0)
{
	uint8_t *p = border_page();

	expect_sub(name, "size of the first release", call_with_size(fd, cmd, valid, v0, v0, -1), 0);
	expect_sub(name, "newer caller, zero tail", call_with_size(fd, cmd, valid, v0, v0 + 64, -1), 0);
	expect_sub(name, "size 4096, zero tail", call_with_size(fd, cmd, valid, v0, 4096, -1), 0);
	memcpy(p + PAGE - v0, valid, v0);
	expect_sub(name, "argument against unmapped memory", call(fd, cmd, p + PAGE - v0), 0);
}

static const struct {
	const char *name;
	unsigned long cmd;
	bool dev, vm, vcpu;
} commands[] = {
	{ "PVM_GET_CAP", PVM_GET_CAP, true, false, false },
	{ "PVM_CREATE_VM", PVM_CREATE_VM, true, false, false },
	{ "PVM_LIST_VMS", PVM_LIST_VMS, true, false, false },
	{ "PVM_GET_STATS", PVM_GET_STATS, true, true, false },
	{ "PVM_VM_SET_MEMORY", PVM_VM_SET_MEMORY, false, true, false },
	{ "PVM_VM_SET_PLATFORM", PVM_VM_SET_PLATFORM, false, true, false },
	{ "PVM_VM_CREATE_VCPU", PVM_VM_CREATE_VCPU, false, true, false },
	{ "PVM_VM_EVTCHN_ALLOC", PVM_VM_EVTCHN_ALLOC, false, true, false },
	{ "PVM_VM_EVTCHN_BIND", PVM_VM_EVTCHN_BIND, false, true, false },
	{ "PVM_VM_RAISE", PVM_VM_RAISE, false, true, false },
	{ "PVM_VM_KICK", PVM_VM_KICK, false, true, false },
	{ "PVM_VM_GET_DEATH", PVM_VM_GET_DEATH, false, true, false },
	{ "PVM_VM_STOP", PVM_VM_STOP, false, true, false },
	{ "PVM_VCPU_RUN", PVM_VCPU_RUN, false, false, true },
	{ "PVM_VCPU_SET_REGS", PVM_VCPU_SET_REGS, false, false, true },
	{ "PVM_VCPU_GET_REGS", PVM_VCPU_GET_REGS, false, false, true },
};

static void wrong_descriptors(void)
{
	struct guest g = new_guest("kinds");
	bool good = true;
	size_t i;
	int nr;

	for (i = 0; i < COUNT(commands); i++) {
		if (!commands[i].dev)
			expect_sub(commands[i].name, "on /dev/pvm", call(g.dev, commands[i].cmd, NULL), -ENOTTY);
		if (!commands[i].vm)
			expect_sub(commands[i].name, "on a VM", call(g.vm, commands[i].cmd, NULL), -ENOTTY);
		if (!commands[i].vcpu)
			expect_sub(commands[i].name, "on a vCPU", call(g.vcpu, commands[i].cmd, NULL), -ENOTTY);
	}
	for (nr = 0; nr < 256; nr++) {
		bool known = false;

		for (i = 0; i < COUNT(commands); i++)
			known |= _IOC_NR(commands[i].cmd) == (unsigned int)nr;
		if (known)
			continue;
		good &= call(g.dev, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
		good &= call(g.vm, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
		good &= call(g.vcpu, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
	}
	expect_true("unknown numbers are ENOTTY on every descriptor", good);
	expect("another type byte", call(g.dev, _IO(0xD8, 0), NULL), -ENOTTY);
	expect("the same number with a direction and size", call(g.dev, _IOWR(PVM_IOC_TYPE, 0, struct pvm_cap), NULL),
	       -ENOTTY);
	expect("high bits of the command", call(g.vm, PVM_VM_STOP | 1ul << 31, NULL), -ENOTTY);
	end_guest(&g);
}

/* ---- /dev/pvm ----------------------------------------------------------------------------------------------- */

static uint64_t cap(int dev, uint32_t which)
{
	struct pvm_cap a = { .size = sizeof(a), .cap = which, .value = 0x5a5a };

	must("PVM_GET_CAP", call(dev, PVM_GET_CAP, &a));
	return a.value;
}

static void capabilities(void)
{
	struct pvm_cap a = { .size = sizeof(a), .cap = PVM_CAP_MAX_VCPUS };
	int dev = device();

	bad_arguments("GET_CAP", dev, PVM_GET_CAP, &a, PVM_CAP_SIZE_V0, true);
	good_sizes("GET_CAP", dev, PVM_GET_CAP, &a, PVM_CAP_SIZE_V0);
	a.reserved = 1;
	expect("GET_CAP: reserved", call(dev, PVM_GET_CAP, &a), -EOPNOTSUPP);
	expect_true("MAX_VCPUS", cap(dev, PVM_CAP_MAX_VCPUS) == PVM_MAX_VCPUS);
	expect_true("MAX_SLOTS", cap(dev, PVM_CAP_MAX_SLOTS) == PVM_MAX_SLOTS);
	expect_true("TSC_KHZ is plausible", cap(dev, PVM_CAP_TSC_KHZ) > 1000);
	expect_true("ADDR_BITS is 32..52", cap(dev, PVM_CAP_ADDR_BITS) >= 32 && cap(dev, PVM_CAP_ADDR_BITS) <= 52);
	expect_true("EVENTFD", cap(dev, PVM_CAP_EVENTFD) == 1);
	expect_true("VERSION is not 0", cap(dev, PVM_CAP_VERSION) != 0);
	expect_true("GUEST_XCR0 has x87 and SSE, or the host has no XSAVE",
		    (cap(dev, PVM_CAP_GUEST_XCR0) & 3) == 3 || !(cap(dev, PVM_CAP_HOST) & PVM_HOST_XSAVE));
	expect_true("an unknown capability is 0", cap(dev, 0x7fffffff) == 0);
	close(dev);
}

static const struct {
	const char *what, *name;
	int want;
} names[] = {
	{ "empty name", "", -EINVAL },
	{ "name with a slash", "a/b", -EINVAL },
	{ "name with a space", "a b", -EINVAL },
	{ "name with a control character", "a\nb", -EINVAL },
	{ "name with a byte above 127", "a\xc3\xa4", -EINVAL },
	{ "one character", "x", 0 },
	{ "31 characters", "abcdefghijklmnopqrstuvwxyz01234", 0 },
	{ "every kind of character", "Az09._-", 0 },
};

static void create_with(int dev, const char *what, struct pvm_create_vm a, int want)
{
	int err = call(dev, PVM_CREATE_VM, &a);

	expect_sub("CREATE_VM", what, err, want);
	if (!err)
		close(a.fd);
}

static void creating(void)
{
	struct pvm_create_vm a = create_arg("fields"), twin;
	int dev = device();
	uint32_t id;
	size_t i;

	bad_arguments("CREATE_VM", dev, PVM_CREATE_VM, &a, PVM_CREATE_VM_SIZE_V0, true);
	for (i = 0; i < COUNT(names); i++)
		create_with(dev, names[i].what, create_arg(names[i].name), names[i].want);
	memset(a.name, 'n', sizeof(a.name));
	create_with(dev, "name without NUL", a, -EINVAL);
	a = create_arg("fields");
	a.max_vcpus = 0;
	create_with(dev, "no vCPUs", a, -EINVAL);
	a.max_vcpus = PVM_MAX_VCPUS + 1;
	create_with(dev, "too many vCPUs", a, -EINVAL);
	a = create_arg("fields");
	a.domid = 0x7ff0;
	create_with(dev, "reserved domain id", a, -EINVAL);
	a.domid = 0x7fef;
	create_with(dev, "highest domain id", a, 0);
	a.shadow_limit_bytes = (256 << 10) - 1;
	create_with(dev, "shadow limit below 256 KiB", a, -EINVAL);
	a.shadow_limit_bytes = 256 << 10;
	create_with(dev, "shadow limit of 256 KiB", a, 0);
	a.shadow_limit_bytes = ~0ull;
	create_with(dev, "shadow limit of 2^64-1", a, -ENOMEM);
	a.shadow_limit_bytes = 0;
	create_with(dev, "default shadow limit", a, 0);

	a = create_arg("fields");
	expect("CREATE_VM", call(dev, PVM_CREATE_VM, &a), 0);
	expect_true("the descriptor is close-on-exec", fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	expect_true("size is written back as given", a.size == sizeof(a));
	twin = create_arg("fields");
	expect("the same name again", call(dev, PVM_CREATE_VM, &twin), -EEXIST);
	id = a.id;
	close(a.fd);
	a = create_arg("fields");
	expect("the name is free after close", call(dev, PVM_CREATE_VM, &a), 0);
	expect_true("ids are not used again", a.id > id);
	close(a.fd);
	close(dev);
}

static void listing(void)
{
	struct pvm_list_vms a = { .size = sizeof(a), .vms_stride = PVM_VM_ENTRY_SIZE_V0 };
	struct guest g = new_guest("listed");
	uint8_t wide[4][96];
	struct pvm_vm_entry row;

	memset(wide, 0xff, sizeof(wide));
	expect("LIST_VMS: no room", call(g.dev, PVM_LIST_VMS, &a), -EMSGSIZE);
	expect_true("the needed count is written with EMSGSIZE", a.vms_count == 1);
	a.vms_ptr = (uintptr_t)wide;
	a.vms_count = 4;
	a.vms_stride = 96;
	bad_arguments("LIST_VMS", g.dev, PVM_LIST_VMS, &a, PVM_LIST_VMS_SIZE_V0, true);
	good_sizes("LIST_VMS", g.dev, PVM_LIST_VMS, &a, PVM_LIST_VMS_SIZE_V0);
	expect("LIST_VMS: wide rows", call(g.dev, PVM_LIST_VMS, &a), 0);
	expect_true("the count is written", a.vms_count == 1);
	expect_true("what the driver does not know of a row is zero", !memcmp(wide[0] + 88, "\0\0\0\0\0\0\0\0", 8));
	expect_true("rows that are not used are left alone", wide[1][0] == 0xff && wide[1][95] == 0xff);
	a.vms_stride = 80;
	expect("LIST_VMS: stride too small", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 92;
	expect("LIST_VMS: stride no multiple of 8", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 4104;
	expect("LIST_VMS: stride too large", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 88;
	a.vms_count = 4097;
	expect("LIST_VMS: too many rows", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_count = 4;
	a.vms_ptr = (uintptr_t)border_page() + PAGE - 80;
	expect("LIST_VMS: row not writable", call(g.dev, PVM_LIST_VMS, &a), -EFAULT);
	a.vms_ptr = 0xffffffff81000000ull;
	expect("LIST_VMS: rows in kernel memory", call(g.dev, PVM_LIST_VMS, &a), -EFAULT);

	expect_true("the VM is listed", find_row(g.dev, "listed", &row));
	expect_true("row: id", row.id == g.id);
	expect_true("row: state", row.state == PVM_VM_NEW);
	expect_true("row: pid", row.pid == (uint32_t)getpid());
	expect_true("row: uid", row.uid == getuid());
	expect_true("row: vCPUs", row.nr_vcpus == 1);
	expect_true("row: memory", row.memory_bytes == (RAM_PAGES + 1 + GRANT_FRAMES) * PAGE);
	expect_true("row: created in the past", row.created_ns > 0);
	expect_true("row: never ran", row.runtime_ns == 0 && row.shutdown_reason == 0);
	end_guest(&g);
}

static void counters(void)
{
	uint64_t values[PVM_NR_STATS + 1], hypercalls[65];
	struct guest g = new_guest("counted");
	struct pvm_get_stats a = { .size = sizeof(a), .id = g.id, .values_count = PVM_NR_STATS,
				   .values_ptr = (uintptr_t)values, .hypercalls_ptr = (uintptr_t)hypercalls };

	values[PVM_NR_STATS] = hypercalls[64] = 0x5a5a;
	bad_arguments("GET_STATS", g.dev, PVM_GET_STATS, &a, PVM_GET_STATS_SIZE_V0, true);
	good_sizes("GET_STATS", g.dev, PVM_GET_STATS, &a, PVM_GET_STATS_SIZE_V0);
	expect_true("nothing is written behind the arrays", values[PVM_NR_STATS] == 0x5a5a && hypercalls[64] == 0x5a5a);
	expect_true("the shared info page is pinned", values[PVM_STAT_PINNED] == 1);
	a.values_count = PVM_NR_STATS - 1;
	expect("GET_STATS: one too few", call(g.dev, PVM_GET_STATS, &a), -EMSGSIZE);
	expect_true("the needed count is written", a.values_count == PVM_NR_STATS);
	a.values_count = 257;
	expect("GET_STATS: 257 values", call(g.dev, PVM_GET_STATS, &a), -EINVAL);
	a.values_count = 256;
	a.values_ptr = 0;
	expect("GET_STATS: no array", call(g.dev, PVM_GET_STATS, &a), -EFAULT);
	a.values_ptr = (uintptr_t)values;
	a.values_count = PVM_NR_STATS;
	a.hypercalls_ptr = 8;
	expect("GET_STATS: bad second array", call(g.dev, PVM_GET_STATS, &a), -EFAULT);
	a.hypercalls_ptr = 0;
	expect("GET_STATS: no second array", call(g.dev, PVM_GET_STATS, &a), 0);
	a.id = g.id + 1000;
	expect("GET_STATS: no such VM", call(g.dev, PVM_GET_STATS, &a), -ENOENT);
	a.id = 0;
	expect("GET_STATS: VM 0", call(g.dev, PVM_GET_STATS, &a), -ENOENT);
	expect("GET_STATS on the VM", call(g.vm, PVM_GET_STATS, &a), 0);
	a.id = g.id;
	expect("GET_STATS on the VM with an id", call(g.vm, PVM_GET_STATS, &a), -EINVAL);
	end_guest(&g);
}

/* ---- VM ----------------------------------------------------------------------------------------------------- */

static void set_with(const struct guest *g, const char *what, struct pvm_memory a, int want)
{
	expect_sub("SET_MEMORY", what, call(g->vm, PVM_VM_SET_MEMORY, &a), want);
}

static void memory(void)
{
	struct guest g = new_vm("memory");
	struct pvm_memory a = memory_arg(0, 0, RAM_PAGES, g.ram), b;

	bad_arguments("SET_MEMORY", g.vm, PVM_VM_SET_MEMORY, &a, PVM_MEMORY_SIZE_V0, false);
	b = a;
	b.reserved = 1;
	set_with(&g, "reserved", b, -EOPNOTSUPP);
	set_with(&g, "slot 32", memory_arg(PVM_MAX_SLOTS, 0, 1, g.ram), -EINVAL);
	set_with(&g, "slot 2^32-1", memory_arg(~0u, 0, 1, g.ram), -EINVAL);
	set_with(&g, "more than 2^28 pages", memory_arg(0, 0, (1ull << 28) + 1, g.ram), -EINVAL);
	set_with(&g, "2^64-1 pages", memory_arg(0, 0, ~0ull, g.ram), -EINVAL);
	set_with(&g, "frame number too large", memory_arg(0, 1ull << 40, 1, g.ram), -EINVAL);
	set_with(&g, "frame numbers wrap", memory_arg(0, ~0ull, 2, g.ram), -EINVAL);
	set_with(&g, "address not aligned", memory_arg(0, 0, 1, g.ram + 8), -EINVAL);
	set_with(&g, "address in the kernel", memory_arg(0, 0, 1, (void *)0xffff888000000000ul), -EINVAL);
	set_with(&g, "address not canonical", memory_arg(0, 0, 1, (void *)(1ul << 60)), -EINVAL);
	set_with(&g, "end beyond user memory", memory_arg(0, 0, 2, (void *)((1ul << 56) - 2 * PAGE)), -EINVAL);
	set_with(&g, "remove what is not there", memory_arg(0, 0, 0, NULL), -ENOENT);
	set_with(&g, "valid", a, 0);
	set_with(&g, "slot in use", memory_arg(0, 100000, 1, g.ram), -EEXIST);
	set_with(&g, "the same frames", memory_arg(1, 0, RAM_PAGES, g.ram), -EEXIST);
	set_with(&g, "frames overlap by the first", memory_arg(1, RAM_PAGES - 1, 2, g.ram), -EEXIST);
	set_with(&g, "frames touch", memory_arg(1, RAM_PAGES, 1, g.special), 0);
	set_with(&g, "remove", memory_arg(0, 0, 0, NULL), 0);
	set_with(&g, "remove again", memory_arg(0, 0, 0, NULL), -ENOENT);
	set_with(&g, "add again", a, 0);
	set_with(&g, "highest slot", memory_arg(PVM_MAX_SLOTS - 1, 100000, 1, g.special), 0);
	set_with(&g, "more than the machine has", memory_arg(5, 1 << 20, 1ull << 28, (void *)0x10000), -ENOMEM);
	end_guest(&g);
}

static void platform_with(const struct guest *g, const char *what, struct pvm_platform a, int want)
{
	expect_sub("SET_PLATFORM", what, call(g->vm, PVM_VM_SET_PLATFORM, &a), want);
}

#define PLATFORM_BUT(what, field, value, want) do {		\
	struct pvm_platform but = platform_arg();		\
								\
	but.field = value;					\
	platform_with(&g, what, but, want);			\
} while (0)

static void platform(void)
{
	struct guest g = new_vm("platform");
	struct pvm_platform a = platform_arg();
	struct pvm_create_vcpu v = { .size = sizeof(v) };
	struct pvm_evtchn_alloc e = { .size = sizeof(e) };

	platform_with(&g, "no memory", a, -EINVAL);
	give_memory(&g);
	expect("CREATE_VCPU without a platform", call(g.vm, PVM_VM_CREATE_VCPU, &v), -EBUSY);
	expect("EVTCHN_ALLOC without a platform", call(g.vm, PVM_VM_EVTCHN_ALLOC, &e), -EBUSY);
	bad_arguments("SET_PLATFORM", g.vm, PVM_VM_SET_PLATFORM, &a, PVM_PLATFORM_SIZE_V0, false);
	PLATFORM_BUT("reserved", reserved, 1, -EOPNOTSUPP);
	PLATFORM_BUT("no pages", nr_pages, 0, -EINVAL);
	PLATFORM_BUT("pages outside slots", nr_pages, RAM_PAGES + 1, -EINVAL);
	PLATFORM_BUT("2^64-1 pages", nr_pages, ~0ull, -EINVAL);
	PLATFORM_BUT("most pages below pages", max_pages, RAM_PAGES - 1, -EINVAL);
	PLATFORM_BUT("most pages 2^28+1", max_pages, (1ull << 28) + 1, -EINVAL);
	PLATFORM_BUT("most pages reach the shared info", max_pages, SPECIAL_GFN + 1, -EINVAL);
	PLATFORM_BUT("shared info in RAM", shared_info_gfn, 3, -EINVAL);
	PLATFORM_BUT("shared info outside slots", shared_info_gfn, SPECIAL_GFN + 100, -EINVAL);
	PLATFORM_BUT("shared info at 2^64-1", shared_info_gfn, ~0ull, -EINVAL);
	PLATFORM_BUT("grant table in RAM", grant_gfn, 3, -EINVAL);
	PLATFORM_BUT("grant table over the shared info", grant_gfn, SPECIAL_GFN, -EINVAL);
	PLATFORM_BUT("grant table leaves its slot", grant_gfn, SPECIAL_GFN + 2, -EINVAL);
	PLATFORM_BUT("grant table wraps", grant_gfn, ~0ull, -EINVAL);
	PLATFORM_BUT("65 grant frames", grant_frames, 65, -EINVAL);
	platform_with(&g, "valid", a, 0);
	platform_with(&g, "twice", a, -EBUSY);
	expect_true("the shared info page was filled", *(uint8_t *)(g.special + 1) == 1);
	end_guest(&g);
	g = new_vm("platform");
	give_memory(&g);
	PLATFORM_BUT("no grant table", grant_frames, 0, 0);
	end_guest(&g);
	g = new_vm("platform");
	give_memory(&g);
	munmap(g.special, PAGE);
	platform_with(&g, "shared info memory is gone", a, -EFAULT);
	end_guest(&g);
}

static void event_channels(void)
{
	struct guest g = new_guest("evtchn");
	struct pvm_evtchn_alloc al = { .size = sizeof(al) };
	struct pvm_evtchn_bind b = { .size = sizeof(b), .send_fd = -1, .raise_fd = -1 };
	struct pvm_raise r = { .size = sizeof(r) };
	uint64_t *pending = (uint64_t *)(g.special + 2048), one = 1;
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), n;

	bad_arguments("EVTCHN_ALLOC", g.vm, PVM_VM_EVTCHN_ALLOC, &al, PVM_EVTCHN_ALLOC_SIZE_V0, true);
	al.reserved = 1;
	expect("EVTCHN_ALLOC: reserved", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), -EOPNOTSUPP);
	al.reserved = 0;
	expect("EVTCHN_ALLOC", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), 0);
	expect_true("the port is 1..4095", al.port > 0 && al.port < PVM_NR_PORTS);

	b.port = al.port;
	bad_arguments("EVTCHN_BIND", g.vm, PVM_VM_EVTCHN_BIND, &b, PVM_EVTCHN_BIND_SIZE_V0, false);
	b.reserved = 1;
	expect("EVTCHN_BIND: reserved", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EOPNOTSUPP);
	b.reserved = 0;
	b.send_fd = -2;
	expect("EVTCHN_BIND: send_fd -2", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = 900;
	expect("EVTCHN_BIND: send_fd not open", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = g.dev;
	expect("EVTCHN_BIND: send_fd no eventfd", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = efd;
	b.raise_fd = g.vm;
	expect("EVTCHN_BIND: raise_fd no eventfd", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.raise_fd = efd;
	b.port = 0;
	expect("EVTCHN_BIND: port 0", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = PVM_NR_PORTS;
	expect("EVTCHN_BIND: port 4096", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = ~0u;
	expect("EVTCHN_BIND: port 2^32-1", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = 77;
	expect("EVTCHN_BIND: free port", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = al.port;
	b.flags = PVM_EVTCHN_UNBIND;
	expect("unbind before bind", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);

	r.port = al.port;
	bad_arguments("RAISE", g.vm, PVM_VM_RAISE, &r, PVM_RAISE_SIZE_V0, false);
	expect("RAISE: not bound", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	b.flags = 0;
	expect("EVTCHN_BIND", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	expect_true("binding sets the port pending", pending[al.port / 64] >> (al.port % 64) & 1);
	expect("EVTCHN_BIND: twice", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EEXIST);
	pending[al.port / 64] = 0;
	expect("RAISE", call(g.vm, PVM_VM_RAISE, &r), 0);
	expect_true("the port is pending", pending[al.port / 64] >> (al.port % 64) & 1);
	pending[al.port / 64] = 0;
	must("write to eventfd", write(efd, &one, 8) == 8 ? 0 : -errno);
	expect_true("an eventfd raises the port", pending[al.port / 64] >> (al.port % 64) & 1);
	r.reserved = 1;
	expect("RAISE: reserved", call(g.vm, PVM_VM_RAISE, &r), -EOPNOTSUPP);
	r.reserved = 0;
	r.port = 0;
	expect("RAISE: port 0", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	r.port = ~0u;
	expect("RAISE: port 2^32-1", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	b.flags = PVM_EVTCHN_UNBIND;
	expect("unbind", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	expect("unbind again", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	pending[al.port / 64] = 0;
	must("write to eventfd", write(efd, &one, 8) == 8 ? 0 : -errno);
	expect_true("after unbind the eventfd does nothing", !pending[al.port / 64]);
	b.flags = 0;
	expect("bind again", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	close(efd);		/* the driver lets go of a closed descriptor by itself */

	for (n = 0; n < PVM_NR_PORTS && !call(g.vm, PVM_VM_EVTCHN_ALLOC, &al); n++)
		;
	expect_true("all but port 0 and the first can be had", n == PVM_NR_PORTS - 2);
	expect("EVTCHN_ALLOC: none left", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), -ENOSPC);
	end_guest(&g);
}

/* ---- vCPU --------------------------------------------------------------------------------------------------- */

static void vcpu_creation(void)
{
	struct pvm_create_vcpu a = { .size = sizeof(a) };
	struct guest g = new_vm("vcpu");
	struct pvm_platform p = platform_arg();

	give_memory(&g);
	must("platform", call(g.vm, PVM_VM_SET_PLATFORM, &p));
	bad_arguments("CREATE_VCPU", g.vm, PVM_VM_CREATE_VCPU, &a, PVM_CREATE_VCPU_SIZE_V0, true);
	a.id = PVM_MAX_VCPUS;
	expect("CREATE_VCPU: id too large", call(g.vm, PVM_VM_CREATE_VCPU, &a), -EINVAL);
	a.id = ~0u;
	expect("CREATE_VCPU: id 2^32-1", call(g.vm, PVM_VM_CREATE_VCPU, &a), -EINVAL);
	a.id = 0;
	expect("CREATE_VCPU", call(g.vm, PVM_VM_CREATE_VCPU, &a), 0);
	expect_true("the descriptor is close-on-exec", fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	g.vcpu = a.fd;
	expect("CREATE_VCPU: twice", call(g.vm, PVM_VM_CREATE_VCPU, &a), -EEXIST);
	end_guest(&g);
}

static int map(int fd, size_t bytes, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, bytes, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, bytes);
	return 0;
}

static void run_page(void)
{
	struct guest g = new_guest("runpage");
	const int rw = PROT_READ | PROT_WRITE;

	expect_true("the driver wrote the size", g.run->size == sizeof(struct pvm_run));
	expect("run page: again", map(g.vcpu, PAGE, rw, MAP_SHARED, 0), 0);
	expect("run page: read only", map(g.vcpu, PAGE, PROT_READ, MAP_SHARED, 0), 0);
	expect("run page: private", map(g.vcpu, PAGE, rw, MAP_PRIVATE, 0), -EINVAL);
	expect("run page: two pages", map(g.vcpu, 2 * PAGE, rw, MAP_SHARED, 0), -EINVAL);
	expect("run page: at an offset", map(g.vcpu, PAGE, rw, MAP_SHARED, PAGE), -EINVAL);
	/* newer kernels refuse it before the driver is asked, with EPERM */
	expect_true("run page: executable", map(g.vcpu, PAGE, rw | PROT_EXEC, MAP_SHARED, 0));
	expect("run page: made executable later", mprotect(g.run, PAGE, rw | PROT_EXEC) ? -errno : 0, -EACCES);
	expect("run page: grown", mremap(g.run, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -errno : 0, -EFAULT);
	expect("mmap of a VM", map(g.vm, PAGE, rw, MAP_SHARED, 0), -ENODEV);
	expect("mmap of /dev/pvm", map(g.dev, PAGE, rw, MAP_SHARED, 0), -ENODEV);
	end_guest(&g);
}

#define REGS_BUT(what, field, value) do {				\
	struct pvm_vcpu_regs but = regs_arg();				\
									\
	but.field = value;						\
	expect("SET_REGS: " what, call(g.vcpu, PVM_VCPU_SET_REGS, &but), -EINVAL);	\
} while (0)

static void registers(void)
{
	struct guest g = new_guest("regs");
	struct pvm_vcpu_regs r = regs_arg(), back = { .size = sizeof(back) };
	uint32_t i;

	expect("RUN without registers", call(g.vcpu, PVM_VCPU_RUN, NULL), -EBUSY);
	bad_arguments("SET_REGS", g.vcpu, PVM_VCPU_SET_REGS, &r, PVM_VCPU_REGS_SIZE_V0, false);
	bad_arguments("GET_REGS", g.vcpu, PVM_VCPU_GET_REGS, &back, PVM_VCPU_REGS_SIZE_V0, true);
	good_sizes("GET_REGS", g.vcpu, PVM_VCPU_GET_REGS, &back, PVM_VCPU_REGS_SIZE_V0);
	REGS_BUT("rip not canonical", rip, 1ull << 47);
	REGS_BUT("rip in the hypervisor's hole", rip, 0xffff878000001000ull);
	REGS_BUT("rsp not canonical", gpr[4], 0x8000000000000000ull);
	REGS_BUT("fs_base not canonical", fs_base, 1ull << 47);
	REGS_BUT("gs_base not canonical", gs_base, 1ull << 47);
	REGS_BUT("gs_base_user not canonical", gs_base_user, 1ull << 47);
	REGS_BUT("root outside memory", root_gfn, RAM_PAGES);
	REGS_BUT("root 2^64-1", root_gfn, ~0ull);
	REGS_BUT("a code selector", cs, 0x10);
	REGS_BUT("a stack selector", ss, 0x18);
	REGS_BUT("a user root", user_root_gfn, 2);
	for (i = 0; i < 16; i++)
		if (i != 4)
			r.gpr[i] = 0x1111111111111111ull * i;
	r.rflags = ~0ull;
	r.fs_base = 0x1000;
	r.gs_base = 0xffff800000000000ull >> 16 << 16;
	expect("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r), 0);
	expect("GET_REGS", call(g.vcpu, PVM_VCPU_GET_REGS, &back), 0);
	expect_true("general registers come back", !memcmp(r.gpr, back.gpr, sizeof(r.gpr)) && r.rip == back.rip);
	expect_true("bases come back", back.fs_base == r.fs_base && back.gs_base == r.gs_base);
	expect_true("interrupts are on, IOPL and VM are not", (back.rflags & 0x23200) == 0x200);
	expect_true("selectors have privilege level 3", (back.cs & 3) == 3 && (back.ss & 3) == 3);
	expect_true("kernel mode", !(back.flags & PVM_REGS_USER));
	expect_true("the root comes back", back.root_gfn == 1);
	expect("SET_REGS again before the first run", call(g.vcpu, PVM_VCPU_SET_REGS, &r), 0);
	end_guest(&g);
}

/* The guest is never entered: immediate_exit and kicks are seen before. */
static void run_and_stop(void)
{
	struct guest g = new_guest("stopped");
	struct pvm_vcpu_regs r = regs_arg();
	struct pvm_kick k = { .size = sizeof(k) };
	struct pvm_stop s = { .size = sizeof(s) };
	struct pvm_death d = { .size = sizeof(d) };
	struct pvm_memory m = memory_arg(9, 100000, 1, g.ram);
	struct pvm_vm_entry row;

	bad_arguments("KICK", g.vm, PVM_VM_KICK, &k, PVM_KICK_SIZE_V0, false);
	bad_arguments("STOP", g.vm, PVM_VM_STOP, &s, PVM_STOP_SIZE_V0, false);
	bad_arguments("GET_DEATH", g.vm, PVM_VM_GET_DEATH, &d, PVM_DEATH_SIZE_V0, true);
	good_sizes("GET_DEATH", g.vm, PVM_VM_GET_DEATH, &d, PVM_DEATH_SIZE_V0);
	expect("GET_DEATH alive", call(g.vm, PVM_VM_GET_DEATH, &d), 0);
	expect_true("alive", d.kind == PVM_DEATH_NONE && !d.reason[0]);
	k.reserved = 1;
	expect("KICK: reserved", call(g.vm, PVM_VM_KICK, &k), -EOPNOTSUPP);
	k.reserved = 0;
	k.vcpu = PVM_MAX_VCPUS;
	expect("KICK: no such vCPU", call(g.vm, PVM_VM_KICK, &k), -ENOENT);
	k.vcpu = ~0u;
	expect("KICK: vCPU 2^32-1", call(g.vm, PVM_VM_KICK, &k), -ENOENT);
	k.vcpu = 0;

	must("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r));
	g.run->immediate_exit = 1;
	expect("RUN with immediate_exit", call(g.vcpu, PVM_VCPU_RUN, NULL), -EINTR);
	expect("RUN ignores its argument", call(g.vcpu, PVM_VCPU_RUN, (void *)8), -EINTR);
	g.run->immediate_exit = 0;
	expect("KICK", call(g.vm, PVM_VM_KICK, &k), 0);
	expect("the next RUN returns at once", call(g.vcpu, PVM_VCPU_RUN, NULL), -EINTR);
	expect_true("the VM is running", find_row(g.dev, "stopped", &row) && row.state == PVM_VM_RUNNING);
	expect("SET_MEMORY after the first run", call(g.vm, PVM_VM_SET_MEMORY, &m), -EBUSY);
	m.nr_pages = 0;
	m.slot = 0;
	expect("removal after the first run", call(g.vm, PVM_VM_SET_MEMORY, &m), -EBUSY);
	expect("SET_REGS after the first run", call(g.vcpu, PVM_VCPU_SET_REGS, &r), -EBUSY);

	memset(g.run, 0xff, PAGE);	/* the driver trusts none of it */
	expect("RUN with a scribbled run page", call(g.vcpu, PVM_VCPU_RUN, NULL), -EINTR);
	g.run->immediate_exit = 0;
	expect("STOP", call(g.vm, PVM_VM_STOP, &s), 0);
	expect("STOP again", call(g.vm, PVM_VM_STOP, &s), 0);
	expect("RUN of a dead guest", call(g.vcpu, PVM_VCPU_RUN, NULL), -EIO);
	expect("SET_MEMORY of a dead guest", call(g.vm, PVM_VM_SET_MEMORY, &m), -EIO);
	expect("GET_DEATH dead", call(g.vm, PVM_VM_GET_DEATH, &d), 0);
	expect_true("it was stopped", d.kind == PVM_DEATH_STOPPED && d.reason[0] && !d.reason[127]);
	expect_true("no vector, no hypercalls", d.vector == 0x100 && d.hypercalls[0] == 0xffffffff);
	expect_true("the list says dead", find_row(g.dev, "stopped", &row) && row.state == PVM_VM_DEAD);
	end_guest(&g);
}

/* ---- lifetimes ---------------------------------------------------------------------------------------------- */

static void lifetimes(void)
{
	struct guest g = new_guest("life");
	int copy, dev = device(), status;
	pid_t pid;

	close(g.vm);
	expect_true("VM closed first: lives by its vCPU", find_row(dev, "life", NULL));
	expect("its vCPU still answers", call(g.vcpu, PVM_VCPU_RUN, NULL), -EBUSY);
	close(g.vcpu);
	expect_true("both closed: lives by the mapping", find_row(dev, "life", NULL));
	g.run->immediate_exit = 1;
	munmap(g.run, PAGE);
	expect_true("mapping gone: gone", !find_row(dev, "life", NULL));
	close(g.dev);

	g = new_guest("life");
	munmap(g.run, PAGE);
	close(g.vcpu);
	close(g.dev);
	expect_true("vCPU closed first: lives by the VM", find_row(dev, "life", NULL));
	copy = dup(g.vm);
	close(g.vm);
	expect_true("lives by a copy of the descriptor", find_row(dev, "life", NULL));
	expect("which works", create_vcpu(copy), -EEXIST);
	close(copy);
	expect_true("last copy closed: gone", !find_row(dev, "life", NULL));

	pid = fork();
	if (!pid) {
		g = new_guest("killed");
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	expect_true("a killed process leaves no VM", !find_row(dev, "killed", NULL));

	pid = fork();
	if (!pid) {
		g = new_guest("memory-first");
		munmap(g.ram, RAM_PAGES * PAGE);
		munmap(g.special, (1 + GRANT_FRAMES) * PAGE);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	expect_true("a VM whose memory was unmapped first goes too", !find_row(dev, "memory-first", NULL));
	close(dev);
}

static void child_of_owner(const struct guest *g)
{
	struct pvm_memory m = memory_arg(9, 100000, 1, g->ram);
	struct pvm_platform p = platform_arg();
	struct pvm_vcpu_regs r = regs_arg();
	struct pvm_create_vcpu v = { .size = sizeof(v) };
	struct pvm_kick k = { .size = sizeof(k) };
	struct pvm_death d = { .size = sizeof(d) };

	expect("child: SET_MEMORY", call(g->vm, PVM_VM_SET_MEMORY, &m), -EPERM);
	expect("child: SET_PLATFORM", call(g->vm, PVM_VM_SET_PLATFORM, &p), -EPERM);
	expect("child: CREATE_VCPU", call(g->vm, PVM_VM_CREATE_VCPU, &v), -EPERM);
	expect("child: SET_REGS", call(g->vcpu, PVM_VCPU_SET_REGS, &r), -EPERM);
	expect("child: RUN", call(g->vcpu, PVM_VCPU_RUN, NULL), -EPERM);
	expect("child: KICK", call(g->vm, PVM_VM_KICK, &k), 0);
	expect("child: GET_DEATH", call(g->vm, PVM_VM_GET_DEATH, &d), 0);
}

static void other_address_space(void)
{
	struct guest g = new_guest("forked");
	struct pvm_vcpu_regs r = regs_arg();
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		child_of_owner(&g);
		_exit(failures);
	}
	waitpid(pid, &status, 0);
	failures += WEXITSTATUS(status);
	expect("the owner goes on", call(g.vcpu, PVM_VCPU_SET_REGS, &r), 0);
	expect("its kick is kept", call(g.vcpu, PVM_VCPU_RUN, NULL), -EINTR);

	/* The owner ends while another process holds its descriptors: nothing can run, everything can be let go. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct pvm_stop s = { .size = sizeof(s) };
		struct guest orphan;
		int ends[2], fds[2];
		char byte;

		failures = 0;
		must("pipe", pipe(ends));
		orphan = new_guest("orphan");
		fds[0] = orphan.vm;
		fds[1] = orphan.vcpu;
		if (fork())
			_exit(0);	/* the owner */
		close(ends[1]);
		must("wait for the owner", read(ends[0], &byte, 1));
		usleep(100000);
		expect("orphan: RUN", call(fds[1], PVM_VCPU_RUN, NULL), -EPERM);
		expect("orphan: STOP", call(fds[0], PVM_VM_STOP, &s), 0);
		_exit(failures);
	}
	waitpid(pid, &status, 0);
	usleep(400000);		/* the orphan's holder */
	expect_true("an orphan goes with its last descriptor", !find_row(g.dev, "orphan", NULL));
	end_guest(&g);
}

/* ---- users and limits --------------------------------------------------------------------------------------- */

static void stranger(uint32_t roots_vm)
{
	uint64_t values[PVM_NR_STATS];
	struct pvm_get_stats s = { .size = sizeof(s), .id = roots_vm, .values_count = PVM_NR_STATS,
				   .values_ptr = (uintptr_t)values };
	struct pvm_vm_entry row;
	struct guest g;

	must("setgid", setgid(1000) ? -errno : 0);
	must("setuid", setuid(1000) ? -errno : 0);
	g = new_guest("strangers");
	expect_true("another user does not see root's VM", !find_row(g.dev, "roots", NULL));
	expect_true("but its own", find_row(g.dev, "strangers", &row) && row.uid == 1000);
	expect("GET_STATS of root's VM", call(g.dev, PVM_GET_STATS, &s), -ENOENT);
	s.id = g.id;
	expect("GET_STATS of its own", call(g.dev, PVM_GET_STATS, &s), 0);
	expect("names are unique for all", create_vm(g.dev, "roots", NULL), -EEXIST);
	end_guest(&g);
}

static void users(void)
{
	struct guest g = new_guest("roots");
	struct pvm_vm_entry row;
	struct stat st;
	int status, seen[2], go[2];
	char byte = 0;
	pid_t pid;

	must("stat", stat("/dev/pvm", &st) ? -errno : 0);
	expect_true("the device is for its group only", (st.st_mode & 0777) == 0660);
	must("chmod", chmod("/dev/pvm", 0666) ? -errno : 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		stranger(g.id);
		_exit(failures);
	}
	waitpid(pid, &status, 0);
	failures += WIFEXITED(status) ? WEXITSTATUS(status) : 1;

	must("pipe", pipe(seen));
	must("pipe", pipe(go));
	pid = fork();
	if (!pid) {
		must("setuid", setuid(1000) ? -errno : 0);
		g = new_guest("visible");
		must("tell", write(seen[1], &byte, 1));
		must("wait", read(go[0], &byte, 1));
		_exit(0);
	}
	must("wait", read(seen[0], &byte, 1));
	expect_true("root sees all, with their users", find_row(g.dev, "visible", &row) && row.uid == 1000 &&
		    row.pid == (uint32_t)pid && find_row(g.dev, "roots", NULL));
	must("go", write(go[1], &byte, 1));
	waitpid(pid, &status, 0);
	must("chmod", chmod("/dev/pvm", 0660) ? -errno : 0);
	end_guest(&g);
}

static void parameter(const char *name, const char *value, char *old)
{
	char path[128];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/pvm/parameters/%s", name);
	fd = open(path, O_RDWR);
	must(path, fd < 0 ? -errno : 0);
	if (old) {
		n = read(fd, old, 31);
		old[n > 0 ? n : 0] = 0;
	}
	must(path, pwrite(fd, value, strlen(value), 0) < 0 ? -errno : 0);
	close(fd);
}

static void limits(void)
{
	struct pvm_create_vcpu v = { .size = sizeof(v) };
	struct pvm_create_vm a = create_arg("big");
	struct pvm_platform p = platform_arg();
	struct pvm_memory m;
	struct rlimit old_files, few_files;
	int dev = device(), one, two, i, n;
	char old[32];
	struct guest g;

	parameter("max_vms_per_uid", "2", old);
	one = create_vm(dev, "one", NULL);
	two = create_vm(dev, "two", NULL);
	expect_true("two VMs of two", one >= 0 && two >= 0);
	expect("a third VM of two", create_vm(dev, "three", NULL), -EPERM);
	close(one);
	one = create_vm(dev, "three", NULL);
	expect_true("one closed: another one fits", one >= 0);
	close(one);
	close(two);
	parameter("max_vms_per_uid", "0", NULL);
	expect("no VMs at all", create_vm(dev, "one", NULL), -EPERM);
	parameter("max_vms_per_uid", old, NULL);

	g = new_vm("limits");
	give_memory(&g);
	must("platform", call(g.vm, PVM_VM_SET_PLATFORM, &p));
	parameter("max_vcpus_per_uid", "0", old);
	expect("no vCPUs at all", call(g.vm, PVM_VM_CREATE_VCPU, &v), -EPERM);
	parameter("max_vcpus_per_uid", "1", NULL);
	expect("one vCPU of one", call(g.vm, PVM_VM_CREATE_VCPU, &v), 0);
	g.vcpu = v.fd;
	parameter("max_vcpus_per_uid", old, NULL);
	end_guest(&g);

	parameter("max_shadow_mb_per_uid", "4", old);
	a.shadow_limit_bytes = 5 << 20;
	expect("5 MiB of shadow pages of 4", call(dev, PVM_CREATE_VM, &a), -ENOMEM);
	g = new_vm("limits");		/* 1 MiB */
	m = memory_arg(0, 0, 1 << 18, must_map(1ull << 30));
	expect("a frame table over the limit", call(g.vm, PVM_VM_SET_MEMORY, &m), -ENOMEM);
	m.nr_pages = 1 << 17;
	expect("a frame table within", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	m.nr_pages = 0;
	expect("given back", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	m.nr_pages = 1 << 17;
	expect("and taken again", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	munmap((void *)(uintptr_t)m.uaddr, 1ull << 30);
	end_guest(&g);
	parameter("max_shadow_mb_per_uid", old, NULL);

	must("getrlimit", getrlimit(RLIMIT_NOFILE, &old_files) ? -errno : 0);
	few_files = old_files;
	few_files.rlim_cur = dup(0);
	close(few_files.rlim_cur);
	must("setrlimit", setrlimit(RLIMIT_NOFILE, &few_files) ? -errno : 0);
	expect("no descriptor left", create_vm(dev, "nofd", NULL), -EMFILE);
	must("setrlimit", setrlimit(RLIMIT_NOFILE, &old_files) ? -errno : 0);
	one = create_vm(dev, "nofd", NULL);
	expect_true("the name was given back", one >= 0);
	close(one);

	for (n = i = 0; i < 200; i++) {
		g = new_guest("again");
		n += g.vcpu >= 0;
		end_guest(&g);
	}
	expect("200 guests one after the other", n, 200);
	close(dev);
}

/* ---- events ------------------------------------------------------------------------------------------------- */

struct event {
	uint32_t event, vm_id, code;
	uint64_t seq, time_ns;
	bool has_code, has_reason;
	char name[64];
};

static int genl_send(int sock, uint16_t family, uint8_t cmd, uint16_t type, const void *data, uint16_t bytes)
{
	struct {
		struct nlmsghdr n;
		struct genlmsghdr g;
		struct nlattr a;
		char data[64];
	} m = { .n = { .nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST }, .g = { .cmd = cmd, .version = 1 },
		.a = { .nla_len = NLA_HDRLEN + bytes, .nla_type = type } };

	memcpy(m.data, data, bytes);
	m.n.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(m.a.nla_len);
	return send(sock, &m, m.n.nlmsg_len, 0) < 0 ? -errno : 0;
}

static const struct nlattr *find_attribute(const void *p, int bytes, uint16_t type)
{
	const struct nlattr *a = p;

	while (bytes >= (int)sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= bytes) {
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		bytes -= NLA_ALIGN(a->nla_len);
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
	return NULL;
}

static const void *payload(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* The id of the lifecycle group, or a negative errno. */
static int find_group(int sock)
{
	static char buffer[8192] __attribute__((aligned(8)));
	const struct nlmsghdr *n = (void *)buffer;
	const struct nlattr *groups, *group, *id;
	const char *attributes = buffer + NLMSG_HDRLEN + GENL_HDRLEN;
	ssize_t got;

	genl_send(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, PVM_GENL_NAME, sizeof(PVM_GENL_NAME));
	got = recv(sock, buffer, sizeof(buffer), 0);
	if (got < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) || n->nlmsg_type == NLMSG_ERROR)
		return -ENOENT;
	groups = find_attribute(attributes, got - NLMSG_HDRLEN - GENL_HDRLEN, CTRL_ATTR_MCAST_GROUPS);
	if (!groups)
		return -ENOENT;
	group = payload(groups);	/* the first of the nest; we have one */
	id = find_attribute(payload(group), group->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
	return id ? (int)*(const uint32_t *)payload(id) : -ENOENT;
}

static bool next_event(int sock, struct event *e)
{
	static char buffer[8192] __attribute__((aligned(8)));
	const char *attributes = buffer + NLMSG_HDRLEN + GENL_HDRLEN;
	const struct nlattr *a;
	ssize_t got = recv(sock, buffer, sizeof(buffer), 0);
	int bytes = got - NLMSG_HDRLEN - GENL_HDRLEN;

	memset(e, 0, sizeof(*e));
	if (bytes <= 0)
		return false;
	if ((a = find_attribute(attributes, bytes, PVM_A_EVENT)))
		memcpy(&e->event, payload(a), 4);
	if ((a = find_attribute(attributes, bytes, PVM_A_VM_ID)))
		memcpy(&e->vm_id, payload(a), 4);
	if ((a = find_attribute(attributes, bytes, PVM_A_SEQ)))
		memcpy(&e->seq, payload(a), 8);
	if ((a = find_attribute(attributes, bytes, PVM_A_TIME_NS)))
		memcpy(&e->time_ns, payload(a), 8);
	if ((a = find_attribute(attributes, bytes, PVM_A_VM_NAME)))
		snprintf(e->name, sizeof(e->name), "%s", (const char *)payload(a));
	if ((a = find_attribute(attributes, bytes, PVM_A_CODE)))
		memcpy(&e->code, payload(a), 4);
	e->has_code = a;
	e->has_reason = find_attribute(attributes, bytes, PVM_A_REASON);
	return true;
}

static void events(void)
{
	static const uint32_t order[] = { PVM_EVENT_VM_CREATED, PVM_EVENT_VM_STARTED, PVM_EVENT_VM_DIED,
					  PVM_EVENT_VM_DESTROYED };
	struct timeval second = { .tv_sec = 2 };
	struct pvm_vcpu_regs r = regs_arg();
	struct pvm_stop s = { .size = sizeof(s) };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), group, dev = device();
	struct event e[COUNT(order)];
	bool ordered = true;
	uint64_t last = 0;
	struct guest g;
	size_t i;

	must("netlink socket", sock < 0 ? -errno : 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	group = find_group(sock);
	expect_true("the family has its group", group > 0);
	must("join", setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0);
	g = new_guest("told");
	must("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r));
	g.run->immediate_exit = 1;
	(void)call(g.vcpu, PVM_VCPU_RUN, NULL);
	must("STOP", call(g.vm, PVM_VM_STOP, &s));
	end_guest(&g);
	for (i = 0; i < COUNT(order); i++) {
		bool good = next_event(sock, &e[i]) && e[i].event == order[i] && e[i].vm_id == g.id &&
			    !strcmp(e[i].name, "told") && e[i].time_ns;

		expect_true("event arrives, in order", good);
		expect_true("numbers follow each other", !i || e[i].seq == last + 1);
		last = e[i].seq;
	}
	expect_true("a death has code and reason", e[2].code == PVM_DEATH_STOPPED && e[2].has_reason);
	expect_true("the others have not", !e[0].has_code && !e[0].has_reason && !e[1].has_code && !e[3].has_code);

	/* More than the socket holds: what is lost is a gap, the rest is in order. */
	for (i = 0; i < 600; i++)
		close(create_vm(dev, "flood", NULL));
	for (i = 0; next_event(sock, &e[0]) || errno == ENOBUFS;) {
		ordered &= !e[0].seq || e[0].seq > last;
		last = e[0].seq ? e[0].seq : last;
		i += e[0].seq > 0;
	}
	expect_true("under a flood events arrive, and in order", i > 0 && ordered);
	close(sock);
	close(dev);
}

/* ---- nonsense, and at once ---------------------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Random arguments for every call but RUN; nothing to check but that the host lives and is clean afterwards. */
static void scribble(uint64_t seed, int seconds)
{
	uint8_t arg[512] __attribute__((aligned(8)));
	struct timespec start, now;
	char name[16];
	struct guest g;
	uint32_t i;

	snprintf(name, sizeof(name), "noise%u", (uint32_t)seed);
	g = new_guest(name);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		unsigned long cmd = commands[next_random(&seed) % COUNT(commands)].cmd;
		int fds[] = { g.dev, g.vm, g.vcpu };
		uint32_t size = next_random(&seed) % 450;

		if (cmd == PVM_VCPU_RUN)
			continue;
		for (i = 0; i < sizeof(arg); i += 4) {
			uint32_t word = next_random(&seed) % 4 ? 0 : next_random(&seed) >> next_random(&seed) % 32;

			memcpy(arg + i, &word, 4);
		}
		memcpy(arg, &size, 4);
		for (i = 0; i < COUNT(fds); i++)
			(void)call(fds[i], cmd, arg);
		for (i = 30; i < 60; i++)	/* what CREATE_VM and CREATE_VCPU handed out */
			close(i);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < start.tv_sec + seconds);
}

static void noise(void)
{
	int i, status, bad = 0;
	pid_t pid[2];

	fflush(stdout);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			scribble(i + 1, 4);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		bad += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	expect("random arguments, two processes", bad, 0);
}

static void nothing_left(void)
{
	char text[32] = "";
	int i, fd, dev;

	dev = device();
	expect_true("no VM is left", !find_row(dev, "noise1", NULL) && !find_row(dev, "told", NULL));
	close(dev);
	for (i = 0; i < 20; i++) {
		fd = open("/sys/module/pvm/refcnt", O_RDONLY);
		must("refcnt", fd < 0 ? -errno : 0);
		must("refcnt", read(fd, text, sizeof(text) - 1));
		close(fd);
		if (!strcmp(text, "0\n"))
			break;
		usleep(100000);
	}
	expect("references to the module", atoi(text), 0);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	capabilities();
	creating();
	listing();
	counters();
	memory();
	platform();
	event_channels();
	vcpu_creation();
	run_page();
	registers();
	run_and_stop();
	wrong_descriptors();
	lifetimes();
	other_address_space();
	users();
	limits();
	events();
	noise();
	nothing_left();
	return failures ? 1 : 0;
}
