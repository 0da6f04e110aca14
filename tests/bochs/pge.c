// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel stack where the host keeps a page that it touches at every tick.
 *
 * The direct switch of a system call writes the guest's frame at CPL 0. Were CR4.PGE on, a global
 * TLB entry of the host for the same address would win over the guest's mapping, and the guest
 * would direct a write into host memory. The frame is then missing in the guest's page: the test
 * looks for the value of rsp, which user mode changes before every call. Between two calls user
 * mode spins, so that host ticks fall there, and not on the stack: an access at CPL 3 would replace
 * the stale entry before the switch meets it.
 *
 * Emulators without a model of the TLB never fail this. Command line: stack=HEX, an address in the
 * page, from which downwards a frame of 56 bytes may be written without harm if the test fails.
 */
#include "pvt.h"

#define CALLS 200000
#define USER_CS 0x33
#define USER_SS 0x2b

asm(".pushsection .user, \"ax\"\n"
    ".globl u_moving_stack\n"
    "u_moving_stack: mov $500, %ecx\n"
    "1:	dec	%ecx\n"
    "	jnz	1b\n"
    "	lea	8(%r12), %r12\n"
    "	mov	%r12, %rsp\n"
    "	syscall\n"
    "	jmp	u_moving_stack\n"
    ".popsection");
extern const char u_moving_stack[];

static u64 calls, lost;

static void check_frame(struct regs *r)
{
	if (r->rsp != r->r12)
		lost++;
	if (++calls == CALLS)
		user_leave();
	r->rsp = r->r12;
	r->rip = user_addr(u_moving_stack);
	r->flags = 0;
}

static u64 hex_argument(const char *name)
{
	const char *p = (const char *)si->cmd_line;
	size_t len = strlen(name);
	u64 v = 0;

	while (*p && memcmp(p, name, len))
		p++;
	if (!*p)
		return 0;
	for (p += len; *p; p++) {
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (u64)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			v = v << 4 | (u64)(*p - 'a' + 10);
		else
			break;
	}
	return v;
}

void test_main(void)
{
	u64 stack = hex_argument("stack=");
	struct regs u;

	if (!stack) {
		skip("no stack= on the command line");
		return;
	}
	map_page(stack & ~(PAGE_BYTES - 1), va_mfn(page_alloc()), P_RW);
	if (hc2(__HYPERVISOR_stack_switch, FLAT_SS, stack))
		die("stack_switch to %#lx is refused", stack);
	user_init();
	trap_hook[VEC_SYSCALL] = check_frame;
	/* Only the direct switch is of interest: events unmasked, the selectors Linux uses. */
	user_regs(&u, u_moving_stack);
	u.rflags = 0x202;
	u.cs = USER_CS;
	u.ss = USER_SS;
	user_enter(&u);
	eq("frames that did not reach the guest's page", lost, 0);
	eq("system calls", calls, CALLS);
}
