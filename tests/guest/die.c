// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that must die, one way per run, chosen on the command line. Reaching the end of test_main() is the
 * failure; the table "expect" says how each must end.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_sys, u_ud\nu_sys: syscall\nu_ud: ud2\n.popsection");
extern const char u_sys[], u_ud[];

static void go_user(const char *code)
{
	struct regs u;

	user_init();
	user_regs(&u, code);
	user_enter(&u);
}

static void stack(u64 sp, const char *code)
{
	user_init();
	/* A refusal is as good; then the guest dies of a stack that cannot be refused. */
	if (hc2(3, FLAT_SS, sp) < 0)
		hc2(3, FLAT_SS, 0x7000);
	go_user(code);
}

static void wreck_root(void)
{
	u64 *root = mfn_va(l4_mfn()), i;

	for (i = 0; i < 512; i++)
		mmu_update1(va_maddr(&root[i]), 0);
}

static void random_root(void)
{
	u64 *root = mfn_va(l4_mfn()), i;

	for (i = 0; i < 512; i++)
		mmu_update1(va_maddr(&root[i]), rnd() | 1);
}

void test_main(void)
{
	struct sched_shutdown s = { .reason = SHUTDOWN_reboot };
	u64 *self = mfn_va(l4_mfn());

	if (cmdline_has("no-handler")) {
		hc1(__HYPERVISOR_set_trap_table, 0);
		asm volatile("ud2");
	} else if (cmdline_has("stack-unmapped-syscall")) {
		stack(0xffffdead00000000, u_sys);
	} else if (cmdline_has("stack-unmapped-fault")) {
		stack(0xffffdead00000000, u_ud);
	} else if (cmdline_has("stack-readonly")) {
		stack((u64)si->pt_base + 0x800, u_sys);
	} else if (cmdline_has("stack-zero")) {
		stack(0, u_sys);
	} else if (cmdline_has("stack-hole-syscall")) {
		stack(HOLE_END - (1ull << 39) + 0x2000, u_sys);
	} else if (cmdline_has("stack-hole-fault")) {
		stack(HOLE_END - (1ull << 39) + 0x2000, u_ud);
	} else if (cmdline_has("stack-m2p")) {
		stack(HOLE_START + 0x1000, u_sys);
	} else if (cmdline_has("stack-noncanonical")) {
		stack(1ull << 50, u_sys);
	} else if (cmdline_has("stack-edge")) {
		stack(0x0000800000000008, u_sys);	/* frame begins below, ends above the canonical edge */
	} else if (cmdline_has("kernel-rsp-noncanonical")) {
		asm volatile("movabs $0x0100000000000000, %rsp\n\tpop %rax");
	} else if (cmdline_has("kernel-rsp-hole")) {
		asm volatile("movabs $0xffff878000002000, %rsp\n\tud2");
	} else if (cmdline_has("kernel-rsp-unmapped")) {
		asm volatile("mov $0x5000, %esp\n\tud2");
	} else if (cmdline_has("iret-nouser")) {
		struct regs u;

		user_regs(&u, u_sys);
		user_enter(&u);
	} else if (cmdline_has("iret-user-gone")) {
		user_init();
		mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0);
		go_user(u_sys);
	} else if (cmdline_has("iret-frame-unmapped")) {
		asm volatile("mov $0x7000, %esp\n\tmov $23, %eax\n\tsyscall");
	} else if (cmdline_has("iret-frame-hole")) {
		asm volatile("movabs $0xffff878000002000, %rsp\n\tmov $23, %eax\n\tsyscall");
	} else if (cmdline_has("iret-frame-noncanonical")) {
		asm volatile("movabs $0x0100000000000000, %rsp\n\tmov $23, %eax\n\tsyscall");
	} else if (cmdline_has("handler-zero")) {
		trap_hook[6] = NULL;
		trap_clear(13);
		asm volatile("hlt");
	} else if (cmdline_has("handler-unmapped")) {
		struct trap_info t[3] = { { 6, 4, FLAT_CS, 0x1000 }, { 14, 4, FLAT_CS, 0x1000 } };

		hc1(__HYPERVISOR_set_trap_table, t);
		asm volatile("ud2");	/* #PF at the handler, again and again, until the stack ends */
	} else if (cmdline_has("handler-noncanonical")) {
		struct trap_info t[3] = { { 6, 4, FLAT_CS, 1ull << 50 }, { 13, 4, FLAT_CS, 1ull << 50 } };

		if (hc1(__HYPERVISOR_set_trap_table, t) < 0)
			hc1(__HYPERVISOR_set_trap_table, 0);
		asm volatile("ud2");
	} else if (cmdline_has("root-zero")) {
		wreck_root();
	} else if (cmdline_has("root-random")) {
		random_root();
		flush_all();
	} else if (cmdline_has("root-is-data")) {
		u64 *junk = page_alloc(), i;

		for (i = 0; i < 512; i++)
			junk[i] = rnd();
		mmuext(MMUEXT_NEW_BASEPTR, va_mfn(junk), 0);
		flush_all();
	} else if (cmdline_has("l3-self")) {
		/* The kernel's slot points to the root: every walk goes round. */
		set_pte(&self[511], l4_mfn() << 12 | P_TABLE);
		flush_all();
	} else if (cmdline_has("event-no-stack")) {
		vi->evtchn_upcall_pending = 1;
		vi->evtchn_upcall_mask = 0;
		asm volatile("mov $0x7000, %esp\n\tmov $17, %eax\n\txor %edi, %edi\n\txor %esi, %esi\n\tsyscall\n\tud2");
	} else if (cmdline_has("shutdown-reboot")) {
		sched(SCHEDOP_shutdown, &s);
	} else if (cmdline_has("shutdown-crash")) {
		s.reason = SHUTDOWN_crash;
		sched(SCHEDOP_shutdown, &s);
	} else if (cmdline_has("vcpu-down")) {
		hc3(24, VCPUOP_down, 0, 0);
	} else {
		die("no such way to die: %s", si->cmd_line);
	}
	die("still alive: %s", si->cmd_line);
}
