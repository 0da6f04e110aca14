// SPDX-License-Identifier: GPL-2.0-only
/* How long objects live, and what another address space may do with their descriptors. */
#include "abi.h"

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

void test_life(void)
{
	lifetimes();
	other_address_space();
}
