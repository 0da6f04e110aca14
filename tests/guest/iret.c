// SPDX-License-Identifier: GPL-2.0-only
/*
 * HYPERVISOR_iret: to kernel and user mode, what it does to flags, selectors and the event mask, where
 * its frame may lie, and what a wrong frame does (which must never be more than a fault).
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_flags, u_ud\n"
    "u_flags: pushfq\n pop %rdi\n mov %cs, %esi\n mov %ss, %edx\n syscall\n"
    "u_ud: ud2\n.popsection");
extern const char u_flags[], u_ud[];

u64 k_saved[10];
/* Kernel side of a round trip: what is in the registers right behind an iret. */
asm(".globl k_probe\nk_probe:\n mov %rax, k_saved\n mov %rcx, k_saved+8\n mov %r11, k_saved+16\n"
    " mov %rsp, k_saved+24\n mov %cs, %rax\n mov %rax, k_saved+40\n mov %ss, %rax\n"
    " mov %rax, k_saved+48\n mov %rbp, %rsp\n pushfq\n pop k_saved+32\n"
    " pushq $2\n popfq\n cld\n ret");
extern const char k_probe[];

u64 probe_rsp;

/* iret to k_probe with this frame; comes back with k_saved filled. */
static void kernel_iret(struct regs *r)
{
	static struct regs copy;

	copy = *r;
	copy.rip = (u64)k_probe;
	asm volatile("push %%rbx\n\tpush %%rbp\n\tpush %%r12\n\tpush %%r13\n\tpush %%r14\n\tpush %%r15\n\t"
		     "pushq $1f\n\tmov %%rsp, %1\n\tmov %0, %%rdi\n\tjmp trap_return\n"
		     "1:\n\tpop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%rbp\n\tpop %%rbx"
		     : : "r"(&copy), "m"(copy.rbp)
		     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static struct regs kernel_regs(void)
{
	return (struct regs){ .rax = 0xa, .rcx = 0xc, .r11 = 0x11, .cs = FLAT_CS & ~3,
			      .ss = FLAT_SS & ~3, .rsp = 0xdead0, .rflags = 2 };
}

static void to_kernel(void)
{
	struct regs r = kernel_regs();

	kernel_iret(&r);
	eq("kernel: rax", k_saved[0], 0xa);
	eq("kernel: rcx", k_saved[1], 0xc);
	eq("kernel: r11", k_saved[2], 0x11);
	eq("kernel: rsp", k_saved[3], 0xdead0);
	eq("kernel: IF is 1 in hardware", k_saved[4] & 0x200, 0x200);
	eq("kernel: cs has RPL 3", k_saved[5] & 3, 3);
	eq("kernel: ss has RPL 3", k_saved[6] & 3, 3);
	eq("kernel: events are masked by IF = 0", vi->evtchn_upcall_mask, 1);
	r.rflags = 0x202;
	kernel_iret(&r);
	eq("kernel: IF = 1 unmasks", vi->evtchn_upcall_mask, 0);
	vi->evtchn_upcall_mask = 1;
	r.rflags = 0xffffffffffffffff & ~0x100ull & ~0x40000ull;
	kernel_iret(&r);
	eq("kernel: IOPL, VM cleared, reserved bit set", k_saved[4] & 0x23002, 2);
	eq("kernel: arithmetic flags kept", k_saved[4] & 0xcd5, 0xcd5);
	vi->evtchn_upcall_mask = 1;
	r.rflags = 0x40002;
	kernel_iret(&r);
	eq("kernel: AC kept", k_saved[4] & 0x40000, 0x40000);
	/* Selectors of Linux's own kernel frames. */
	if (!on_xen) {
		r = kernel_regs();
		r.cs = 0x10;
		r.ss = 0x18;
		kernel_iret(&r);
		eq("kernel: cs 0x10, ss 0x18 as Linux has them", k_saved[0], 0xa);
		r.cs = 0x30;
		r.ss = 0x28;
		kernel_iret(&r);
		eq("kernel: cs 0x30, ss 0x28", k_saved[0], 0xa);
	}
	r = kernel_regs();
	r.flags = VGCF_in_syscall;
	kernel_iret(&r);
	eq("kernel: VGCF_in_syscall keeps rax", k_saved[0], 0xa);
}

static void to_user(void)
{
	struct regs u;

	user_init();
	user_regs(&u, u_flags);
	u.rflags = 2;
	user_enter(&u);
	eq("user: IF is 1 in hardware though the frame has 0", last.rdi & 0x200, 0x200);
	ok((last.rsi & 0xffff) == FLAT_CS || (last.rsi & 0xffff) == 0x33, "user: cs (%#lx)", last.rsi);
	eq("user: saved mask is 1", last.cs >> 32 & 0xff, 1);
	user_regs(&u, u_flags);
	u.rflags = ~0ull & ~0x100ull & ~0x40000ull & ~0x4000ull;
	user_enter(&u);
	eq("user: IOPL, VM, VIF, VIP clear", last.rdi & 0x1a3000, 0);
	vi->evtchn_upcall_mask = 1;
	user_regs(&u, u_ud);
	u.rcx = 1, u.r11 = 2, u.rax = 3, u.rbx = 4;
	user_enter(&u);
	ok(last.rcx == 1 && last.r11 == 2 && last.rax == 3 && last.rbx == 4, "user: registers");
	user_regs(&u, u_ud);
	u.rcx = 1, u.r11 = 2;
	u.flags = VGCF_in_syscall;
	user_enter(&u);
	eq("user, VGCF_in_syscall: rcx is rip", last.rcx, user_addr(u_ud));
	ok((last.r11 & 0x202) == 0x202, "user, VGCF_in_syscall: r11 has the flags (%#lx)", last.r11);
	vi->evtchn_upcall_mask = 1;
}

/* The frame on a page that is new, crossing a page, read-only, and in the hole. */
static void frame_places(void)
{
	u64 va = SCRATCH_VA + 0x200000;
	u8 *a = page_alloc(), *b = page_alloc();
	struct regs u;

	user_regs(&u, u_flags);
	map_page(va, va_mfn(a), P_RW);
	map_page(va + PAGE_BYTES, va_mfn(b), P_RW);
	memcpy(a + 64, &u, sizeof(u));
	user_enter((struct regs *)(va + 64));
	eq("frame on a page not yet in the shadow", last.vector, VEC_SYSCALL);
	memcpy(a + PAGE_BYTES - 128, &u, sizeof(u));
	user_enter((struct regs *)(va + PAGE_BYTES - 128));
	eq("frame across two pages", last.vector, VEC_SYSCALL);
	va_map(va, va_maddr(a) | P_RO, UVMF_INVLPG);
	memcpy(a + 64, &u, sizeof(u));
	user_enter((struct regs *)(va + 64));
	eq("frame on a read-only page", last.vector, VEC_SYSCALL);
	vi->evtchn_upcall_mask = 1;
}

struct bad {
	const char *name;
	u64 rip, cs, ss, rflags;
};

static void bad_frames(void)
{
	u64 good = user_addr(u_flags), i;
	const struct bad rows[] = {
		{ "rip not canonical", 1ull << 60, FLAT_CS, FLAT_SS, 2 },
		{ "rip just not canonical", 1ull << 47, FLAT_CS, FLAT_SS, 2 },
		{ "rip in the kernel half", VIRT_BASE + 0x100000, FLAT_CS, FLAT_SS, 2 },
		{ "rip in the hole", HOLE_START + (15ull << 39), FLAT_CS, FLAT_SS, 2 },
		{ "rip not mapped", 0x123456000, FLAT_CS, FLAT_SS, 2 },
		{ "cs beyond the table", good, 0xffff, FLAT_SS, 2 },
		{ "cs null", good, 3, FLAT_SS, 2 },
		{ "cs is data", good, FLAT_SS, FLAT_SS, 2 },
		{ "cs of the host kernel", good, 0x13, FLAT_SS, 2 },
		{ "cs is a TSS", good, 0x43, FLAT_SS, 2 },
		{ "ss is code", good, FLAT_CS, FLAT_CS, 2 },
		{ "ss beyond the table", good, FLAT_CS, 0xffff, 2 },
		{ "cs from an empty LDT", good, 0x7, FLAT_SS, 2 },
	};
	struct regs u;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		user_regs(&u, u_flags);
		u.rip = rows[i].rip, u.cs = rows[i].cs, u.ss = rows[i].ss, u.rflags = rows[i].rflags;
		memset(&last, 0, sizeof(last));
		user_enter(&u);
		ok(last.vector < 32 || last.vector == VEC_SYSCALL, "%s: guest goes on (vector %#lx)",
		   rows[i].name, last.vector);
	}
	/* TF in a frame: one instruction, then #DB. */
	user_regs(&u, u_flags);
	u.rflags = 0x102;
	user_enter(&u);
	ok(last.vector == 1 && last.rip == good + 1, "TF in the frame: #DB behind one instruction");
	vi->evtchn_upcall_mask = 1;
	/* NT and RF in a frame */
	user_regs(&u, u_flags);
	u.rflags = 0x14002;
	user_enter(&u);
	eq("NT and RF in the frame", last.vector, VEC_SYSCALL);
	vi->evtchn_upcall_mask = 1;
}

void test_main(void)
{
	to_kernel();
	to_user();
	frame_places();
	bad_frames();
}
