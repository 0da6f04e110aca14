// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers by hypercall and instruction, breakpoints and single-stepping in both modes, over
 * emulated instructions and over system calls.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_steps, u_call, u_brk\n"
    "u_steps: nop\n nop\n pushfq\n popq %rax\n nop\n syscall\n"
    "u_call: syscall\n nop\n ud2\n"
    "u_brk: nop\n nop\n mov (%rdi), %rax\n nop\n syscall\n.popsection");
extern const char u_steps[], u_call[], u_brk[];

static long set_dr(u32 reg, u64 val)
{
	return hc2(8, reg, val);
}

static u64 get_dr(u32 reg)
{
	return hc1(9, reg);
}

static void registers(void)
{
	u64 val;

	eq("dr6 at start", get_dr(6), 0xffff0ff0);
	eq("dr7 at start", get_dr(7), 0x400);
	eq("set dr0", set_dr(0, 0x1000), 0);
	eq("get dr0", get_dr(0), 0x1000);
	eq("set dr3", set_dr(3, (u64)&registers), 0);
	eq("get dr3", get_dr(3), (u64)&registers);
	eq("dr0 not canonical", set_dr(0, 1ull << 55), -E_PERM);
	eq("dr0 in the hole", set_dr(0, HOLE_START + (15ull << 39)), -E_PERM);
	eq("dr0 as before", get_dr(0), 0x1000);
	eq("dr6, upper half", set_dr(6, 1ull << 32), -E_INVAL);
	eq("dr7, upper half", set_dr(7, 1ull << 32), -E_INVAL);
	eq("dr7, general detect", set_dr(7, 1 << 13), -E_PERM);
	eq("dr6 write", set_dr(6, 0), 0);
	eq("dr6 fixed bits", get_dr(6) & 0xfffe0ff0, 0xfffe0ff0);
	eq("dr8", set_dr(8, 0), on_xen ? -19 : (long)set_dr(8, 0));
	ok((long)get_dr(9) < 0, "get dr9 fails");
	asm volatile("mov %%dr0, %0" : "=r"(val));
	eq("mov from dr0", val, 0x1000);
	asm volatile("mov %0, %%dr1" : : "r"(0x2000ull));
	eq("mov to dr1", get_dr(1), 0x2000);
	asm volatile("mov %%dr7, %0" : "=r"(val));
	eq("mov from dr7", val, 0x400);
	set_dr(0, 0), set_dr(1, 0), set_dr(3, 0);
	set_dr(6, 0xffff0ff0);
}

static u64 steps[16], nr_steps, dr6_seen;

static void step(struct regs *r)
{
	dr6_seen = get_dr(6);
	set_dr(6, 0xffff0ff0);
	if (nr_steps < 16)
		steps[nr_steps] = r->rip;
	nr_steps++;
}

static void user_steps(void)
{
	struct regs u;
	u64 base = user_addr(u_steps);

	user_init();
	trap_hook[1] = step;
	nr_steps = 0;
	user_regs(&u, u_steps);
	u.rflags |= 0x100;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	eq("user: ended by its system call", last.vector, VEC_SYSCALL);
	ok(nr_steps >= 5 && steps[0] == base + 1 && steps[1] == base + 2 && steps[4] == base + 5,
	   "user: a #DB after each instruction (%lu)", nr_steps);
	eq("user: dr6.BS", dr6_seen & 0x4000, 0x4000);
	eq("user: TF is in r11 of the system call", last.r11 & 0x100, 0x100);
	eq("kernel entry runs without TF", last.entry_rflags & 0x100, 0);
	trap_hook[1] = NULL;
}

/* TF set by the guest kernel over things the driver emulates: one step each, none lost. */
static void kernel_steps(void)
{
	u64 rip_after;

	trap_hook[1] = step;
	nr_steps = 0;
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n1:\tnop\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\t"
		     "popfq\n\tlea 1b(%%rip), %0" : "=r"(rip_after) : : "memory", "cc");
	ok(nr_steps == 5 && steps[0] == rip_after, "kernel: %lu steps over 5 instructions", nr_steps);
	nr_steps = 0;
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tmov %%cr0, %%rax\n1:\tnop\n\tpushfq\n\t"
		     "andq $~0x100, (%%rsp)\n\tpopfq\n\tlea 1b(%%rip), %0"
		     : "=r"(rip_after) : : "rax", "memory", "cc");
	ok(nr_steps == 5 && steps[0] == rip_after, "kernel: step over an emulated mov cr0 (%lu)", nr_steps);
	nr_steps = 0;
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\txor %%edi, %%edi\n\txor %%esi, %%esi\n\t"
		     "mov $17, %%eax\n\tsyscall\n\tnop\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"
		     : : : "rax", "rcx", "r11", "rdi", "rsi", "memory", "cc");
	ok(nr_steps >= 7 && nr_steps <= 8, "kernel: steps over a hypercall (%lu)", nr_steps);
	trap_hook[1] = NULL;
}

static u64 data;

static void breakpoints(void)
{
	struct regs u;
	u64 val;

	/* Execution breakpoint at the second nop, data breakpoint on a read. */
	user_init();
	set_dr(0, user_addr(u_brk) + 1);
	set_dr(7, 0x401 | 1);
	set_dr(6, 0xffff0ff0);
	user_run(u_brk);
	if (last.vector == VEC_SYSCALL || last.vector == 14) {
		pr("# vector %#lx cr2 %#lx dr7 %#lx dr0 %#lx\n", last.vector, last.cr2, get_dr(7), get_dr(0));
		skip("hardware breakpoints");
	} else {
		eq("user breakpoint: #DB", last.vector, 1);
		eq("at the instruction", last.rip, user_addr(u_brk) + 1);
		eq("dr6.B0", get_dr(6) & 0xf, 1);
	}
	set_dr(7, 0x400);
	set_dr(6, 0xffff0ff0);
	set_dr(1, USER_DATA + 0x100);
	set_dr(7, 0x404 | 0xf << 20);	/* 4 bytes, read or write */
	user_regs(&u, u_brk);
	u.rdi = USER_DATA + 0x100;
	user_enter(&u);
	val = get_dr(6);
	ok(last.vector == 1 && (val & 0xf) == 2, "user watchpoint: #DB (%#lx), dr6.B1 (%#lx) at %#lx",
	   last.vector, val, last.rip - user_addr(u_brk));
	set_dr(7, 0x400);
	user_enter(&u);
	eq("switched off", last.vector, VEC_SYSCALL);
	vi->evtchn_upcall_mask = 1;
	set_dr(6, 0xffff0ff0);
	set_dr(2, (u64)&data);
	set_dr(7, 0x410 | 0xdu << 24);	/* 4 bytes, write */
	eq("kernel watchpoint: read passes", try_read((u64)&data, &val), 0);
	/* A guest kernel's addresses are also the host kernel's: the driver keeps these breakpoints and does
	   not set them. */
	if (TRY("movl $1, (%0)", : : "r"(&data) : "memory") == 2)
		ok(true, "kernel watchpoint: write stops");
	else
		skip("kernel watchpoint");
	set_dr(7, 0x400);
	set_dr(2, 0);
	set_dr(6, 0xffff0ff0);
}

void test_main(void)
{
	registers();
	user_steps();
	kernel_steps();
	breakpoints();
}
