// SPDX-License-Identifier: GPL-2.0-only
/* Results, the guest that never runs, and all that can be wrong with any argument: see abi.h. */
#include "abi.h"

int failures;

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

void expect(const char *name, int got, int want)
{
	report(got == want, name, got, want);
}

void expect_true(const char *name, bool good)
{
	report(good, name, good, 1);
}

int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

void *must_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		printf("not ok - %zu bytes of memory for the test\n", bytes);
		exit(1);
	}
	return p;
}

int device(void)
{
	int fd = open("/dev/pvm", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("not ok - open /dev/pvm: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

/* ---- a guest that never runs -------------------------------------------------------------------------------- */

struct pvm_create_vm create_arg(const char *name)
{
	struct pvm_create_vm a = { .size = sizeof(a), .max_vcpus = 1, .shadow_limit_bytes = 1 << 20 };

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return a;
}

struct pvm_memory memory_arg(uint32_t slot, uint64_t gfn, uint64_t pages, void *p)
{
	return (struct pvm_memory){ .size = sizeof(struct pvm_memory), .slot = slot, .gfn = gfn,
				    .nr_pages = pages, .uaddr = (uintptr_t)p };
}

struct pvm_platform platform_arg(void)
{
	return (struct pvm_platform){ .size = sizeof(struct pvm_platform), .nr_pages = RAM_PAGES,
				      .shared_info_gfn = SPECIAL_GFN, .grant_gfn = SPECIAL_GFN + 1,
				      .grant_frames = GRANT_FRAMES };
}

struct pvm_vcpu_regs regs_arg(void)
{
	struct pvm_vcpu_regs r = { .size = sizeof(r), .rip = 0xffffffff81000000ull, .root_gfn = 1 };

	r.gpr[4] = 0xffffffff82000000ull;
	return r;
}

int create_vm(int dev, const char *name, uint32_t *id)
{
	struct pvm_create_vm a = create_arg(name);
	int err = call(dev, PVM_CREATE_VM, &a);

	if (err)
		return err;
	if (id)
		*id = a.id;
	return a.fd;
}

int create_vcpu(int vm)
{
	struct pvm_create_vcpu a = { .size = sizeof(a) };
	int err = call(vm, PVM_VM_CREATE_VCPU, &a);

	return err ? err : a.fd;
}

void must(const char *what, int ret)
{
	if (ret >= 0)
		return;
	printf("not ok - set-up: %s: %s\n", what, strerror(-ret));
	exit(1);
}

struct guest new_vm(const char *name)
{
	struct guest g = { .dev = device(), .vcpu = -1 };

	g.vm = create_vm(g.dev, name, &g.id);
	must(name, g.vm);
	g.ram = must_map(RAM_PAGES * PAGE);
	g.special = must_map((1 + GRANT_FRAMES) * PAGE);
	return g;
}

void give_memory(struct guest *g)
{
	struct pvm_memory ram = memory_arg(0, 0, RAM_PAGES, g->ram);
	struct pvm_memory special = memory_arg(1, SPECIAL_GFN, 1 + GRANT_FRAMES, g->special);

	must("RAM", call(g->vm, PVM_VM_SET_MEMORY, &ram));
	must("special pages", call(g->vm, PVM_VM_SET_MEMORY, &special));
}

struct guest new_guest(const char *name)
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

void end_guest(struct guest *g)
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
bool find_row(int dev, const char *name, struct pvm_vm_entry *row)
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
uint8_t *border_page(void)
{
	static uint8_t *p;

	if (!p) {
		p = must_map(2 * PAGE);
		mprotect(p + PAGE, PAGE, PROT_NONE);
	}
	return p;
}

void expect_sub(const char *name, const char *what, int got, int want)
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
void bad_arguments(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0, bool out)
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
void good_sizes(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0)
{
	uint8_t *p = border_page();

	expect_sub(name, "size of the first release", call_with_size(fd, cmd, valid, v0, v0, -1), 0);
	expect_sub(name, "newer caller, zero tail", call_with_size(fd, cmd, valid, v0, v0 + 64, -1), 0);
	expect_sub(name, "size 4096, zero tail", call_with_size(fd, cmd, valid, v0, 4096, -1), 0);
	memcpy(p + PAGE - v0, valid, v0);
	expect_sub(name, "argument against unmapped memory", call(fd, cmd, p + PAGE - v0), 0);
}
