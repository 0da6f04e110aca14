// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that never end by themselves, each busy in another place; the launcher must be able to stop every one
 * of them at once.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_sys, u_spin, u_fault\nu_sys: syscall\nu_spin: jmp u_spin\n"
    "u_fault: mov 0x8, %rax\n.popsection");
extern const char u_sys[], u_spin[], u_fault[];

/* Go back to where it came from, for ever. */
static void again(struct regs *r)
{
	if (r->vector == VEC_SYSCALL)
		r->rip -= 2;
}

static void user(const char *code)
{
	struct regs u;

	trap_hook[14] = trap_hook[VEC_SYSCALL] = trap_hook[1] = trap_hook[3] = again;
	user_init();
	user_regs(&u, code);
	if (cmdline_has("step"))
		u.rflags |= 0x100;
	user_enter(&u);
}

void test_main(void)
{
	u64 i;

	if (cmdline_has("spin")) {
		for (;;)
			;
	} else if (cmdline_has("user-spin") || cmdline_has("step")) {
		user(u_spin);
	} else if (cmdline_has("user-fault")) {
		user(u_fault);
	} else if (cmdline_has("user-syscall")) {
		user(u_sys);
	} else if (cmdline_has("kernel-fault")) {
		trap_hook[14] = again;
		asm volatile("mov 0x8, %%rax" : : : "rax");
	} else if (cmdline_has("handler-fault")) {
		/* The page-fault handler faults: frames march down the stack into the page tables. */
		struct trap_info t[2] = { { 14, 4, FLAT_CS, 0x1000 } };

		hc1(__HYPERVISOR_set_trap_table, t);
		asm volatile("mov 0x8, %%rax" : : : "rax");
	} else if (cmdline_has("hypercall")) {
		for (;;)
			hc2(17, 0, 0);
	} else if (cmdline_has("multicall")) {
		static struct { u64 op, result, args[6]; } e[512];

		for (i = 0; i < 512; i++)
			e[i].op = 17;
		for (;;)
			hc2(13, e, 512);
	} else if (cmdline_has("block")) {
		for (;;)
			sched(SCHEDOP_block, NULL);
	} else if (cmdline_has("poll")) {
		struct sched_poll p = { 0 };

		for (;;)
			sched(SCHEDOP_poll, &p);
	} else if (cmdline_has("msr")) {
		for (;;)
			try_rdmsr(0xc0000100, &i);
	} else if (cmdline_has("ptwrite")) {
		u64 *l1 = map_page(SCRATCH_VA, va_mfn(page_alloc()), P_RW);

		for (i = 0; ; i++)
			l1[i % 512] = i << 12;
	} else {
		die("no such loop: %s", si->cmd_line);
	}
	die("the loop ended");
}
