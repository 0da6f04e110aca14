// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs, up to the point where the guest would be entered: immediate_exit and kicks come before. */
#include "abi.h"

/* The second half of the answer cannot be written, which shows only when all is done: nothing must be left. */
static void answer_unwritable(struct guest *g)
{
	uint8_t *two = must_map(2 * PAGE);
	struct pvm_create_vcpu *a = (void *)(two + PAGE - 8);
	int before, after;

	*a = (struct pvm_create_vcpu){ .size = sizeof(*a) };
	must("mprotect", mprotect(two + PAGE, PAGE, PROT_READ) ? -errno : 0);
	before = dup(0);
	expect("CREATE_VCPU: answer half unwritable", call(g->vm, PVM_VM_CREATE_VCPU, a), -EFAULT);
	expect("CREATE_VCPU: once more", call(g->vm, PVM_VM_CREATE_VCPU, a), -EFAULT);
	after = dup(0);
	expect("no descriptor is left", after, before + 1);
	close(before);
	close(after);
	munmap(two, 2 * PAGE);
}

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
	answer_unwritable(&g);
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

static void on_alarm(int sig)
{
	(void)sig;
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

/* Memory may go until the first run; a run that has no page tables any more must end, and at once. */
static void root_removed(void)
{
	struct itimerval soon = { .it_value = { .tv_sec = 3 } }, never = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };	/* without SA_RESTART */
	struct guest g = new_guest("rootless");
	struct pvm_memory m = memory_arg(0, 0, 0, NULL);
	struct pvm_vcpu_regs r = regs_arg();

	must("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r));
	must("removal", call(g.vm, PVM_VM_SET_MEMORY, &m));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	expect("RUN without the memory of its root", call(g.vcpu, PVM_VCPU_RUN, NULL), -EBUSY);
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_DFL);
	expect("SET_REGS: a root that is gone", call(g.vcpu, PVM_VCPU_SET_REGS, &r), -EINVAL);
	m = memory_arg(0, 0, RAM_PAGES, g.ram);
	expect("the memory comes back", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	expect("RUN wants registers again", call(g.vcpu, PVM_VCPU_RUN, NULL), -EBUSY);
	expect("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r), 0);
	g.run->immediate_exit = 1;
	expect("RUN", call(g.vcpu, PVM_VCPU_RUN, NULL), -EINTR);
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

void test_vcpu(void)
{
	vcpu_creation();
	run_page();
	registers();
	root_removed();
	run_and_stop();
}
