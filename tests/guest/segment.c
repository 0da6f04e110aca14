// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment bases and descriptors: set_segment_base, the exchange of the GS bases with the mode, FS shared by
 * both, set_gdt, update_descriptor, TLS entries, LDT.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_gs, u_loadsel\n"
    "u_gs: mov %gs:0, %rax\n mov %fs:0, %rdx\n syscall\n"
    "u_loadsel: mov %edi, %fs\n mov %fs:0, %rax\n lsl %edi, %edx\n syscall\n.popsection");
extern const char u_gs[], u_loadsel[];

static u64 lost[4];		/* ds es fs gs of the last failsafe frame */

static void failsafe(struct regs *r)
{
	memcpy(lost, (const u64 *)r->entry_rsp + 2, sizeof(lost));
}

static u64 rd(u32 msr)
{
	u64 v = 0;

	try_rdmsr(msr, &v);
	return v;
}

static void bases(void)
{
	static u64 k[2] = { 0x1111, 0x2222 };
	u64 val;

	user_init();
	*(u64 *)(user_data + 0x100) = 0xaaaa;
	*(u64 *)(user_data + 0x200) = 0xbbbb;
	eq("FS", hc2(25, SEGBASE_FS, USER_DATA + 0x200), 0);
	eq("GS_USER", hc2(25, SEGBASE_GS_USER, USER_DATA + 0x100), 0);
	eq("GS_KERNEL", hc2(25, SEGBASE_GS_KERNEL, k), 0);
	eq("rdmsr FS", rd(0xc0000100), USER_DATA + 0x200);
	eq("rdmsr GS", rd(0xc0000101), (u64)k);
	eq("rdmsr KERNEL_GS", rd(0xc0000102), USER_DATA + 0x100);
	asm volatile("mov %%gs:8, %0" : "=r"(val));
	eq("kernel: gs is its own", val, 0x2222);
	user_run(u_gs);
	eq("user: gs is its own", last.rax, 0xaaaa);
	eq("user: fs", last.rdx, 0xbbbb);
	asm volatile("mov %%gs:0, %0" : "=r"(val));
	eq("kernel again: gs is its own", val, 0x1111);
	eq("rdmsr KERNEL_GS is the user's", rd(0xc0000102), USER_DATA + 0x100);
	try_wrmsr(0xc0000102, USER_DATA + 0x200);
	user_run(u_gs);
	eq("user: base by wrmsr", last.rax, 0xbbbb);
	hc2(25, SEGBASE_GS_USER, 0x1230000);
	user_run(u_gs);
	ok(last.vector == 14 && last.cr2 == 0x1230000, "user: fault by its gs base");
	asm volatile("mov %%gs:0, %0" : "=r"(val));
	eq("in the fault handler gs is the kernel's", val, 0x1111);
	hc2(25, SEGBASE_GS_USER, USER_DATA + 0x100);
	hc2(29, SCHEDOP_yield, 0);
	asm volatile("mov %%gs:0, %0" : "=r"(val));
	eq("kernel: gs after a yield", val, 0x1111);
	eq("GS_USER_SEL, nonsense selector", hc2(25, SEGBASE_GS_USER_SEL, 0x7ff8), 0);
	eq("GS_USER_SEL 0", hc2(25, SEGBASE_GS_USER_SEL, 0), 0);
	hc2(25, SEGBASE_GS_KERNEL, 0);
	hc2(25, SEGBASE_FS, 0);
}

/* A 32-bit data descriptor with a base, as set_thread_area makes them. */
static u64 desc(u64 base, u32 limit)
{
	return 0x00c0f20000000000ull | (limit & 0xffff) | (u64)(limit >> 16 & 15) << 48 |
	       (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
}

static void gdt_(void)
{
	u64 *gdt = page_alloc(), frame = va_mfn(gdt), before;

	set_ro(gdt);
	eq("set_gdt, too many entries", hc2(2, &frame, 7169), -E_INVAL);
	frame = 0x7ffffffff;
	ok(hc2(2, &frame, 16) < 0, "set_gdt, frame that is not there");
	frame = va_mfn(gdt);
	eq("set_gdt", hc2(2, &frame, 16), 0);
	*(u64 *)(user_data + 0x300) = 0xcccc;
	*(u64 *)(user_data + 0x400) = 0xdddd;
	eq("update_descriptor of TLS 0", hc2(10, va_maddr(&gdt[12]), desc(USER_DATA + 0x300, 0xfffff)), 0);
	eq("is in guest memory", READ_ONCE(gdt[12]) & ~(1ull << 40), desc(USER_DATA + 0x300, 0xfffff));
	{
		struct regs u;

		user_regs(&u, u_loadsel);
		u.rdi = 0x63;
		user_enter(&u);
		ok(last.vector == VEC_SYSCALL && last.rax == 0xcccc, "TLS selector 0x63 loads (%#lx)",
		   last.vector);
		hc2(10, va_maddr(&gdt[12]), desc(USER_DATA + 0x400, 0xfffff));
		user_enter(&u);
		eq("changed base", last.rax, 0xdddd);
		hc2(10, va_maddr(&gdt[13]), desc(USER_DATA + 0x300, 0x7));
		u.rdi = 0x6b;
		user_enter(&u);
		eq("TLS selector 0x6b", last.rax, 0xcccc);
		eq("its limit", last.rdx, 0x7fff);
		hc2(10, va_maddr(&gdt[13]), 0);
		user_enter(&u);
		eq("cleared: #GP or #NP", last.vector == 13 || last.vector == 11, 1);
		/* Entry 15 is Linux's CPU number, read by lsl. */
		eq("entry 15", hc2(10, va_maddr(&gdt[15]), 0x0040f50000000000ull | 0x123), 0);
		u.rdi = 0x7b;
		user_enter(&u);
		asm volatile("lsl %1, %0" : "=r"(before) : "r"(0x7bull));
		eq("lsl 0x7b", before & 0xffffffff, 0x123);
	}
	eq("TSS descriptor refused", hc2(10, va_maddr(&gdt[9]), 0x0000890000000067ull), -E_INVAL);
	eq("LDT descriptor refused", hc2(10, va_maddr(&gdt[9]), 0x0000820000000067ull), -E_INVAL);
	eq("address not aligned", hc2(10, va_maddr(&gdt[9]) + 4, 0), -E_INVAL);
	ok(hc2(10, 0x7ffffffffffff000ull, 0) < 0, "frame that is not there");
	hc2(25, SEGBASE_FS, 0);
	asm volatile("mov %0, %%fs" : : "r"(0));
	vi->evtchn_upcall_mask = 1;
}

static void ldt(void)
{
	u64 *t = page_alloc();
	struct regs u;

	t[3] = desc(USER_DATA + 0x400, 0xfffff);
	set_ro(t);
	eq("SET_LDT", mmuext(MMUEXT_SET_LDT, (u64)t, 512), 0);
	user_regs(&u, u_loadsel);
	u.rdi = 3 * 8 + 7;
	user_enter(&u);
	ok(last.vector == VEC_SYSCALL && last.rax == 0xdddd, "selector of the LDT loads (%#lx)",
	   last.vector);
	eq("update_descriptor in the LDT", hc2(10, va_maddr(&t[3]), desc(USER_DATA + 0x300, 0xfffff)), 0);
	user_enter(&u);
	eq("changed base", last.rax, 0xcccc);
	eq("SET_LDT 0", mmuext(MMUEXT_SET_LDT, 0, 0), 0);
	user_enter(&u);
	ok(last.vector == 13, "no LDT: #GP (%#lx)", last.vector);
	ok(mmuext(MMUEXT_SET_LDT, (u64)t + 8, 4) < 0, "SET_LDT not aligned");
	ok(mmuext(MMUEXT_SET_LDT, (u64)t, 8193) < 0, "SET_LDT too long");
	asm volatile("mov %0, %%fs" : : "r"(0));
	vi->evtchn_upcall_mask = 1;
}

/*
 * A selector stays in its register when its descriptor goes away; the host must survive loading it again, and the guest
 * is told by its failsafe callback, once.
 */
static void stale_selectors(void)
{
	u64 *gdt = page_alloc(), *t = page_alloc(), frame = va_mfn(gdt);
	u32 sel;

	set_ro(gdt);
	set_ro(t);
	eq("set_gdt", hc2(2, &frame, 16), 0);
	eq("TLS 0", hc2(10, va_maddr(&gdt[12]), desc(USER_DATA, 0xfffff)), 0);
	trap_count[VEC_FAILSAFE] = 0;
	asm volatile("mov %0, %%gs\n mov %0, %%fs\n mov %0, %%es\n mov %0, %%ds" : : "r"(0x63));
	hc2(29, SCHEDOP_yield, 0);
	asm volatile("mov %%gs, %0" : "=r"(sel));
	eq("gs keeps its selector over a yield", sel, 0x63);
	eq("no failsafe callback yet", trap_count[VEC_FAILSAFE], 0);
	eq("TLS 0 goes away", hc2(10, va_maddr(&gdt[12]), 0), 0);
	hc2(29, SCHEDOP_yield, 0);
	asm volatile("mov %%gs, %0" : "=r"(sel));
	eq("gs without a descriptor, after a yield", sel, 0);
	eq("failsafe callback", trap_count[VEC_FAILSAFE], 1);
	ok(lost[0] == 0x63 && lost[1] == 0x63 && lost[2] == 0x63 && lost[3] == 0x63,
	   "with the selectors (%#lx %#lx %#lx %#lx)", lost[0], lost[1], lost[2], lost[3]);
	hc2(29, SCHEDOP_yield, 0);
	eq("and not again", trap_count[VEC_FAILSAFE], 1);

	hc2(10, va_maddr(&t[3]), desc(USER_DATA, 0xfffff));
	eq("SET_LDT", mmuext(MMUEXT_SET_LDT, (u64)t, 512), 0);
	asm volatile("mov %0, %%gs\n mov %0, %%fs\n mov %0, %%es" : : "r"(0x1f));
	hc2(29, SCHEDOP_yield, 0);
	asm volatile("mov %%gs, %0" : "=r"(sel));
	eq("gs of the LDT after a yield", sel, 0x1f);
	eq("SET_LDT 0", mmuext(MMUEXT_SET_LDT, 0, 0), 0);
	hc2(29, SCHEDOP_yield, 0);
	asm volatile("mov %%gs, %0" : "=r"(sel));
	eq("gs of no LDT, after a yield", sel, 0);
	eq("failsafe callback for it", trap_count[VEC_FAILSAFE], 2);
	eq("with the selector in gs", lost[3], 0x1f);
	eq("and ds, which had none, as it was", lost[0], 0);
	asm volatile("mov %0, %%gs\n mov %0, %%fs\n mov %0, %%es\n mov %0, %%ds" : : "r"(0));
	hc2(25, SEGBASE_GS_KERNEL, 0);
	hc2(25, SEGBASE_FS, 0);
}

/* An LDT that ends in the middle of the second page must not leave the first page's call gate usable. */
static void half_ldt(void)
{
	const u64 good = SCRATCH_VA, bad = SCRATCH_VA + 0x10000;
	struct { u64 offset; u16 sel; } __attribute__((packed)) far = { 0, 0x1f };
	u64 *t = page_alloc(), *gate = page_alloc();

	gate[3] = 0x0000ec0000100000ull | (u64)0x1234;	/* 64-bit call gate, DPL 3, to 0x10 */
	gate[4] = 0;
	set_ro(t);
	set_ro(gate);
	map_page(good, va_mfn(t), P_RO);
	map_page(good + PAGE_BYTES, va_mfn(t), P_RO);
	map_page(bad, va_mfn(gate), P_RO);
	eq("SET_LDT of two pages", mmuext(MMUEXT_SET_LDT, good, 1024), 0);
	ok(mmuext(MMUEXT_SET_LDT, bad, 1024) < 0, "SET_LDT, second page missing");
	ok(TRY("rex.W lcall *%0", : : "m"(far) : "memory"), "no call gate is left (vector %#lx)", last.vector);
	ok(last.vector == 13 || last.vector == 11, "but #GP or #NP");
	eq("SET_LDT 0", mmuext(MMUEXT_SET_LDT, 0, 0), 0);
}

void test_main(void)
{
	trap_hook[VEC_FAILSAFE] = failsafe;	/* selectors get stale on the way, too */
	bases();
	gdt_();
	ldt();
	stale_selectors();
	half_ldt();
}
