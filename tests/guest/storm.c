// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nasty sequences of user mode: single-stepping into SYSCALL, MOV SS before SYSCALL and INT, breakpoint
 * storms, faults in every state of the flags. The driver's entry code runs one instruction with the guest's
 * stack and flags there; whatever arrives in it must not hurt.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_tf_syscall, u_movss_syscall, u_movss_int3, u_movss_ud, u_bp, u_popss\n"
    ".globl u_tf_sysenter, u_ac_nt\n"
    "u_tf_syscall: syscall\n jmp u_tf_syscall\n"
    "u_movss_syscall: mov %edi, %ss\n syscall\n jmp u_movss_syscall\n"
    "u_movss_int3: mov %edi, %ss\n int3\n jmp u_movss_int3\n"
    "u_movss_ud: mov %edi, %ss\n ud2\n"
    "u_popss: mov (%rsp), %ss\n syscall\n"
    "u_bp: int3\n jmp u_bp\n"
    "u_tf_sysenter: sysenter\n ud2\n"
    "u_ac_nt: pushfq\n orl $0x44400, (%rsp)\n popfq\n syscall\n jmp u_ac_nt\n.popsection");
extern const char u_tf_syscall[], u_movss_syscall[], u_movss_int3[], u_movss_ud[], u_bp[], u_popss[],
	u_tf_sysenter[], u_ac_nt[];

static u64 left, seen[NR_VECS], odd;

static void count(struct regs *r)
{
	seen[r->vector]++;
	if (r->vector == 1)
		hc2(8, 6, 0xffff0ff0);
	odd += !!(r->entry_rflags & 0x44100);
	if (!--left)
		user_leave();
	if (r->vector == 6 || r->vector == 13)
		r->rip += 2;
	r->flags = 0;
}

static void run(const char *name, const char *code, u64 rflags, u64 n, u64 rsp)
{
	struct regs u;
	u32 v;

	for (v = 0; v < NR_VECS; v++)
		if (v != VEC_EVENT)
			trap_hook[v] = count;
	memset(seen, 0, sizeof(seen));
	odd = 0;
	left = n;
	user_init();
	user_regs(&u, code);
	u.rflags |= rflags;
	u.rsp = rsp;
	u.rdi = FLAT_SS;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	ok(!left && !odd, "%s: %lu traps (%lu #DB, %lu #BP, %lu calls)", name, n, seen[1], seen[3],
	   seen[VEC_SYSCALL]);
	for (v = 0; v < NR_VECS; v++)
		trap_hook[v] = NULL;
	hc2(8, 6, 0xffff0ff0);
}

void test_main(void)
{
	static const u64 sps[] = { USER_STACK, 0, 8, 0xffff878000002000, 1ull << 50, 0xfffffffffffffff0 };
	u64 i;

	for (i = 0; i < ARRAY_SIZE(sps); i++) {
		pr("# user rsp %#lx\n", sps[i]);
		run("TF and SYSCALL", u_tf_syscall, 0x100, 300, sps[i]);
		run("MOV SS and SYSCALL", u_movss_syscall, 0, 300, sps[i]);
		run("TF, MOV SS and SYSCALL", u_movss_syscall, 0x100, 300, sps[i]);
		run("MOV SS and INT3", u_movss_int3, 0, 300, sps[i]);
		run("TF, MOV SS and INT3", u_movss_int3, 0x100, 300, sps[i]);
		run("MOV SS and UD2", u_movss_ud, 0, 1, sps[i]);
		run("INT3", u_bp, 0, 1000, sps[i]);
		run("TF and SYSENTER", u_tf_sysenter, 0x100, 1, sps[i]);
	}
	/* A watchpoint on the user's stack and MOV SS from it: #DB right behind SYSCALL. */
	hc2(8, 0, USER_DATA + 0x100);
	hc2(8, 7, 0x401 | 0xf << 16);
	*(u64 *)(user_data + 0x100) = FLAT_SS;
	run("watchpoint, MOV SS, SYSCALL", u_popss, 0, 1, USER_DATA + 0x100);
	hc2(8, 7, 0x400);
	hc2(8, 0, 0);
	run("AC and NT set by POPF", u_ac_nt, 0, 300, USER_STACK);
	run("AC, NT and TF", u_ac_nt, 0x44100, 300, USER_STACK);
}
