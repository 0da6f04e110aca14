// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYSCALL, SYSENTER and 32-bit system calls of user mode, and that SYSCALL of the kernel is never
 * taken for one. The kernel stack is also placed on pages that the shadow does not know yet, across
 * a page boundary and on a page that has just been given another frame: the fast path must notice.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n"
    ".globl u_syscall, u_syscall_end, u_loop, u_sysenter, u_syscall32, u_hole\n"
    "u_syscall: mov $39, %eax\n mov $1, %edi\n mov $2, %esi\n mov $3, %edx\n mov $4, %r10d\n"
    " mov $5, %r8d\n mov $6, %r9d\n mov $7, %ebx\n mov $8, %ebp\n mov $9, %r12d\n std\n stc\n syscall\n"
    "u_syscall_end: ud2\n"
    "u_loop: mov %r12, %rax\n syscall\n inc %r12\n jmp u_loop\n"
    "u_sysenter: mov %rsp, %rbp\n sysenter\n ud2\n"
    "u_syscall32: .code32\n mov $20, %eax\n syscall\n ud2\n.code64\n"
    ".popsection");
extern const char u_syscall[], u_syscall_end[], u_loop[], u_sysenter[], u_syscall32[];
extern char pvt_user_stack_top[];

static void one(const char *where)
{
	struct regs u;
	u64 rip = user_addr(u_syscall_end);

	user_init();
	user_regs(&u, u_syscall);
	u.rflags = 0x202;
	user_enter(&u);
	ok(last.vector == VEC_SYSCALL, "%s: system call arrives", where);
	ok(last.rax == 39 && last.rdi == 1 && last.rsi == 2 && last.rdx == 3 && last.r10 == 4 &&
	   last.r8 == 5 && last.r9 == 6 && last.rbx == 7 && last.rbp == 8 && last.r12 == 9,
	   "%s: registers", where);
	if (!ok(last.rip == rip && last.rcx == rip, "%s: rip and rcx", where))
		pr("#   rip %#lx rcx %#lx, expected %#lx\n", last.rip, last.rcx, rip);
	ok((last.rflags & 0x601) == 0x601 && (last.r11 & 0x401) == 0x401,
	   "%s: flags and r11 (%#lx, %#lx)", where, last.rflags, last.r11);
	ok(last.rsp == USER_STACK && (last.cs & 3) == 3 && !last.has_error, "%s: frame", where);
	ok(!(last.entry_rflags & (on_xen ? 0x44100 : 0x44500)), "%s: DF, TF, AC, NT clear in the handler (%#lx)", where,
	   last.entry_rflags);
	ok(last.entry_mask == 1, "%s: events are masked", where);
	eq("saved mask", last.cs >> 32 & 0xff, 0);
	vi->evtchn_upcall_mask = 1;
}

static u64 loop_left;
static bool loop_bad;

/* Stay in the loop of user mode: answer and go back by iret, the way Linux does. */
static void answer(struct regs *r)
{
	static u64 expect;

	loop_bad |= r->rax != expect || r->r12 != expect;
	expect++;
	if (!--loop_left) {
		expect = 0;
		user_leave();
	}
	r->flags = 0;
}

static void answer_in_syscall(struct regs *r)
{
	answer(r);
	r->flags = VGCF_in_syscall;
}

static void loops(void)
{
	struct regs u;

	trap_hook[VEC_SYSCALL] = answer;
	user_regs(&u, u_loop);
	loop_left = 5000;
	user_enter(&u);
	ok(!loop_bad && !loop_left, "5000 system calls with iret");
	trap_hook[VEC_SYSCALL] = answer_in_syscall;
	user_regs(&u, u_loop);
	loop_left = 5000;
	user_enter(&u);
	ok(!loop_bad && !loop_left, "5000 system calls with VGCF_in_syscall");
	trap_hook[VEC_SYSCALL] = NULL;
}

static void stacks(void)
{
	u64 va = SCRATCH_VA + 0x100000, i;
	u8 *page = page_alloc();

	page_alloc();		/* the one behind it */
	map_page(va, va_mfn(page), P_RW);
	map_page(va + PAGE_BYTES, va_mfn(page + PAGE_BYTES), P_RW);
	/* Never touched through this address: the shadow has no entry. */
	hc2(3, FLAT_SS, va + 0x800);
	one("stack not yet in the shadow");
	eq("frame lies there", last.entry_rsp, va + 0x800 - 56);
	ok(page[0x7f8] | page[0x7e8], "and is in that frame of memory");
	hc2(3, FLAT_SS, va + PAGE_BYTES + 24);
	one("stack across two pages");
	hc2(3, FLAT_SS, va + PAGE_BYTES);
	one("stack ends at a page");
	/* Give the page another frame: the next frame must land in the new one. */
	for (i = 0; i < 4; i++) {
		u8 *other = page_alloc();

		va_map(va, va_maddr(other) | P_RW, UVMF_INVLPG);
		hc2(3, FLAT_SS, va + 0x400);
		user_run(u_syscall);
		ok(last.vector == VEC_SYSCALL && *(u64 *)(other + 0x400 - 16) == USER_STACK,
		   "stack page replaced, round %lu", i);
		memset(other, 0, PAGE_BYTES);
	}
	hc2(3, FLAT_SS, pvt_user_stack_top);
}

static void compat(void)
{
	struct regs u;

	user_regs(&u, u_sysenter);
	user_enter(&u);
	ok(last.vector == VEC_SYSENTER || last.vector == 6 || last.vector == 13,
	   "sysenter from 64-bit user mode: callback or fault (%#lx)", last.vector);
	callback(CALLBACKTYPE_sysenter, CALLBACKF_mask_events, 0);
	user_regs(&u, u_sysenter);
	user_enter(&u);
	ok(last.vector == 13 || last.vector == 6, "sysenter without a callback: fault (%#lx)",
	   last.vector);
	user_regs(&u, u_syscall32);
	u.cs = 0xe023;
	user_enter(&u);
	ok(last.vector == VEC_SYSCALL32 || last.vector == VEC_SYSCALL || last.vector == 6,
	   "32-bit syscall: callback or #UD (%#lx)", last.vector);
	if (last.vector == VEC_SYSCALL32)
		eq("its number", last.rax, 20);
	if (!on_xen) {
		user_regs(&u, u_syscall32);
		u.cs = 0x23;
		u.ss = 0x2b;
		user_enter(&u);
		ok(last.vector == VEC_SYSCALL32 || last.vector == 6,
		   "32-bit syscall with Linux's selectors (%#lx)", last.vector);
		user_regs(&u, u_syscall);
		u.cs = 0x33;
		u.ss = 0x2b;
		user_enter(&u);
		ok(last.vector == VEC_SYSCALL && last.rax == 39, "syscall with Linux's selectors");
	}
}

/* With no callback a system call is an invalid instruction. */
static void no_callback(void)
{
	callback(CALLBACKTYPE_syscall, 0, 0);
	user_run(u_syscall);
	ok(last.vector == 6 && last.rip == user_addr(u_syscall_end) - 2,
	   "no callback: #UD at the instruction (%#lx at %#lx)", last.vector, last.rip);
	callback(CALLBACKTYPE_syscall, 0, stub(VEC_SYSCALL));
	vi->evtchn_upcall_mask = 0;
	user_run(u_syscall);
	eq("callback without mask flag: events stay on", last.entry_mask, 0);
	vi->evtchn_upcall_mask = 1;
	callback(CALLBACKTYPE_syscall, CALLBACKF_mask_events, stub(VEC_SYSCALL));
}

void test_main(void)
{
	one("first");
	one("again");
	loops();
	stacks();
	compat();
	no_callback();
	one("last");
}
