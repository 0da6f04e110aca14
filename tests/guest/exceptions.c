// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every exception a CPU raises at CPL 3, in guest kernel and guest user mode, with the exact frame.
 *
 * The snippets lie in section .user: the kernel calls them where they are linked, user mode runs them
 * at their user address. NAME_at marks the instruction the frame must point to.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n"
    ".macro snippet name\n .globl \\name, \\name\\()_at\n\\name:\n.endm\n"
    ".macro finish\n test %edi, %edi\n jnz 77f\n ret\n77: syscall\n ud2\n.endm\n"
    "snippet x_de\n xor %ecx, %ecx\n xor %edx, %edx\n mov $1, %eax\nx_de_at: div %ecx\n finish\n"
    "snippet x_bp\n int3\nx_bp_at: finish\n"
    "snippet x_ud\nx_ud_at: ud2\n finish\n"
    "snippet x_nm\nx_nm_at: fninit\n finish\n"
    "snippet x_np\n mov $0x63, %eax\nx_np_at: mov %eax, %fs\n finish\n"
    "snippet x_ss\n mov %rsp, %rbp\n movabs $0x0100000000000000, %rsp\nx_ss_at: pop %rax\n"
    " mov %rbp, %rsp\n finish\n"
    "snippet x_gp\n movabs $0x0100000000000000, %rax\nx_gp_at: mov (%rax), %rax\n finish\n"
    "snippet x_hlt\nx_hlt_at: hlt\n finish\n"
    "snippet x_sel\n mov $0x7fff, %eax\nx_sel_at: mov %eax, %ds\n finish\n"
    "snippet x_pf\n movabs $0x0000123456789000, %rax\nx_pf_at: mov (%rax), %rax\n finish\n"
    "snippet x_pfw\n movabs $0x0000123456789008, %rax\nx_pfw_at: mov %rax, (%rax)\n finish\n"
    "snippet x_mf\n fninit\n push $0x33b\n fldcw (%rsp)\n fldz\n fld1\n fdivp\nx_mf_at: fwait\n"
    " pop %rax\n fninit\n finish\n"
    "snippet x_ac\n pushfq\n orl $0x40000, (%rsp)\n popfq\nx_ac_at: mov -15(%rsp), %rax\n"
    " pushfq\n andl $~0x40000, (%rsp)\n popfq\n finish\n"
    "snippet x_xm\n push $0x1d80\n ldmxcsr (%rsp)\n pxor %xmm1, %xmm1\n mov $1, %eax\n"
    " cvtsi2ss %eax, %xmm0\nx_xm_at: divss %xmm1, %xmm0\n movl $0x1f80, (%rsp)\n ldmxcsr (%rsp)\n"
    " pop %rax\n finish\n"
    "snippet x_icebp\n .byte 0xf1\nx_icebp_at: finish\n"
    ".popsection");

struct row {
	const char *name;
	const char *code, *at;
	u32 vector;
	s64 error;		/* -1: no error code */
	bool optional;		/* an emulated CPU may not raise it */
};

#define ROW(n, v, e, o)	{ #n, x_##n, x_##n##_at, v, e, o }
#define DECL(n)		extern const char x_##n[], x_##n##_at[]
DECL(de); DECL(bp); DECL(ud); DECL(nm); DECL(np); DECL(ss); DECL(gp); DECL(hlt); DECL(sel); DECL(pf);
DECL(pfw); DECL(mf); DECL(ac); DECL(xm); DECL(icebp);

static const struct row rows[] = {
	ROW(de, 0, -1, false),
	ROW(icebp, 1, -1, false),
	ROW(bp, 3, -1, false),
	ROW(ud, 6, -1, false),
	ROW(nm, 7, -1, false),
	ROW(np, 11, 0x60, false),
	ROW(ss, 12, 0, false),
	ROW(gp, 13, 0, false),
	ROW(hlt, 13, 0, false),
	ROW(sel, 13, 0x7ffc, false),
	ROW(pf, 14, 0, false),
	ROW(pfw, 14, 2, false),
	ROW(mf, 16, -1, true),
	ROW(ac, 17, 0, true),
	ROW(xm, 19, -1, true),
};


/* (QEMU raises #GP where the manual has #SS.) Call a snippet; a fault inside comes back here with the stack
   as it was. */
static u32 run_kernel(const char *code, u8 mask)
{
	u32 t;

	vi->evtchn_upcall_mask = mask;
	t = TRY("movq %%rsp, %%rbx\n\tmovq %%rsp, rsp_seen\n\tsubq $8, rsp_seen\n\txorl %%edi, %%edi\n\t"
		"call *%0\n771:\n\tmovq %%rbx, %%rsp",
		: : "r"(code) : "memory", "rax", "rbx", "rcx", "rdx", "rbp", "rdi", "rsi");
	vi->evtchn_upcall_mask = 1;
	asm volatile("pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq" : : : "memory", "cc");
	return t;
}

u64 rsp_seen;

static void check_frame(const struct row *r, bool user, u8 mask)
{
	u64 at = user ? user_addr(r->at) : (u64)r->at;
	u64 cs_want = user ? 3 : 0;
	bool good = true;

	good &= last.vector == r->vector || (r->vector == 12 && last.vector == 13);
	good &= last.rip == at;
	good &= last.has_error == (r->error >= 0);
	good &= r->error < 0 || last.error == (u64)r->error + (user && r->vector == 14 ? 4 : 0);
	good &= (last.cs & 3) == cs_want && (last.cs >> 32 & 0xff) == mask;
	good &= !!(last.rflags & 0x200) == !mask && !(last.rflags & 0x3000);
	good &= last.entry_mask == 1;
	good &= !(last.entry_rflags & 0x57100 & ~0x3000) && (last.entry_rflags & 0x200);
	if (!user && r->vector != 12)
		good &= last.rsp == rsp_seen || r->vector == 16 || r->vector == 19 || r->vector == 17;
	ok(good, "%s mode, #%s, mask %u: frame", user ? "user" : "kernel", r->name, mask);
	if (!good)
		pr("#   vector %lu error %ld:%#lx rip %#lx (%#lx) cs %#lx rflags %#lx rsp %#lx (%#lx)\n"
		   "#   in the handler: rflags %#lx, mask %lu\n", last.vector, last.has_error,
		   last.error, last.rip, at, last.cs, last.rflags, last.rsp, rsp_seen,
		   last.entry_rflags, last.entry_mask);
}

static void prepare(const struct row *r)
{
	hc1(5, r->vector == 7);
}

static void all_vectors(void)
{
	struct regs u;
	u32 i, mask;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];

		for (mask = 0; mask < 2; mask++) {
			if (r->vector == 12)
				continue;	/* no stack, no frame: see die.c */
			prepare(r);
			if (!run_kernel(r->code, mask)) {
				if (r->optional)
					skip(r->name);
				else
					ok(false, "kernel mode, #%s: no trap", r->name);
				continue;
			}
			check_frame(r, false, mask);
		}
		if (r->vector == 14)
			eq("cr2 of a kernel-mode fault", last.cr2, 0x123456789000 + (r->error ? 8 : 0));
		if (r->vector == 7)
			eq("TS is clear in the #NM handler", run_kernel(x_nm, 1), 0);
		prepare(r);
		user_init();
		user_regs(&u, r->code);
		u.rdi = 1;
		u.rflags = 0x202;
		user_enter(&u);
		vi->evtchn_upcall_mask = 1;
		if (last.vector == VEC_SYSCALL) {
			if (r->optional)
				skip(r->name);
			else
				ok(false, "user mode, #%s: no trap", r->name);
			continue;
		}
		check_frame(r, true, 0);
		asm volatile("fninit");
	}
	hc1(5, 0);
}

/* Without TI_GET_IF the handler runs with events as they were. */
static void flag_bit(void)
{
	trap_set(6, 0);
	run_kernel(x_ud, 0);
	eq("no event masking without the flag (was 0)", last.entry_mask, 0);
	run_kernel(x_ud, 1);
	eq("no event masking without the flag (was 1)", last.entry_mask, 1);
	trap_set(6, 4);
}

/* Whatever alignment the stack has, the frame is 16-aligned below it and comes back exactly. */
static void alignment(void)
{
	u32 i, bad = 0;
	u64 rsp, back;

	for (i = 0; i < 16; i++) {
		TRY("mov %%rsp, %%rbx\n\tsub %2, %%rsp\n\tmov %%rsp, %0\n\tud2\n771:\n\tmov %%rsp, %1\n\t"
		    "mov %%rbx, %%rsp",
		    : "=&r"(rsp), "=&r"(back) : "r"((u64)i) : "memory", "rbx");
		bad += rsp != back || last.rsp != rsp || last.entry_rsp != ((rsp & ~15ull) - 56);
		TRY("mov %%rsp, %%rbx\n\tsub %2, %%rsp\n\tmov %%rsp, %0\n\thlt\n771:\n\tmov %%rsp, %1\n\t"
		    "mov %%rbx, %%rsp",
		    : "=&r"(rsp), "=&r"(back) : "r"((u64)i) : "memory", "rbx");
		bad += rsp != back || last.rsp != rsp || last.entry_rsp != ((rsp & ~15ull) - 64);
	}
	eq("frames at every stack alignment", bad, 0);
}

/* From user mode the frame starts at the top of the stack that stack_switch gave. */
static void user_stack(void)
{
	extern char pvt_user_stack_top[];
	struct regs u;

	user_regs(&u, x_ud);
	u.rsp = 0x777;		/* not mapped: the user's stack is not looked at */
	u.rax = 0x1111, u.rcx = 0x2222, u.r11 = 0x3333, u.r15 = 0x4444;
	u.rflags |= 0x800c1;	/* VIP is no user's business, CF ZF SF are */
	u.rflags &= ~0x80000ull;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	eq("frame on the kernel stack", last.entry_rsp, (u64)pvt_user_stack_top - 56);
	eq("user rsp in the frame", last.rsp, 0x777);
	ok(last.rax == 0x1111 && last.rcx == 0x2222 && last.r11 == 0x3333 && last.r15 == 0x4444,
	   "registers");
	eq("flags in the frame", last.rflags & 0xcd5, 0xc1);
	hc2(3, FLAT_SS, (u64)pvt_user_stack_top - 24);
	user_enter(&(struct regs){ .rip = user_addr(x_ud), .cs = FLAT_CS, .ss = FLAT_SS, .rflags = 2 });
	eq("stack_switch to an odd place", last.entry_rsp, ((u64)pvt_user_stack_top - 32) - 56);
	hc2(3, FLAT_SS, pvt_user_stack_top);
}

void test_main(void)
{
	/* A descriptor that is not present, for #NP: GDT of one page, entry 12. */
	u64 *gdt = page_alloc(), frame = va_mfn(gdt);

	gdt[12] = 0x00cf72000000ffffull;
	set_ro(gdt);
	eq("set_gdt", hc2(2, &frame, 512), 0);
	all_vectors();
	flag_bit();
	alignment();
	user_stack();
}
