// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accessed and dirty bits appear in the guest's entries exactly when the access happens: A not before
 * the first access, D not before the first write, and again after the guest cleared them.
 */
#include "pvt.h"

#define VA	(SCRATCH_VA + 0x90000000)

asm(".pushsection .user, \"ax\"\n.globl u_touch_r, u_touch_w\n"
    "u_touch_r: mov (%rdi), %rax\n syscall\nu_touch_w: movb $1, (%rdi)\n syscall\n.popsection");
extern const char u_touch_r[], u_touch_w[];

static u64 ad(const u64 *e)
{
	return READ_ONCE(*e) & (P_A | P_D);
}

static void clear(u64 *e, u64 bits)
{
	asm volatile("lock andq %1, (%0)" : : "r"(e), "r"(~bits) : "memory", "cc");
}

static void kernel_mode(void)
{
	u8 *page = page_alloc(), *table;
	u64 *e = map_page(VA, va_mfn(page), P_P | P_W), val, i, bad = 0;

	table = (u8 *)((u64)e & ~0xfffull);
	eq("fresh entry: neither", ad(e), 0);
	try_read(VA, &val);
	eq("read: A", ad(e), P_A);
	try_read(VA + 8, &val);
	eq("read again: A", ad(e), P_A);
	try_write(VA, 1);
	eq("write: A and D", ad(e), P_A | P_D);
	/* As ptep_test_and_clear_young: atomic bit reset, flush, look. */
	clear(e, P_A);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	eq("A cleared stays clear", ad(e), P_D);
	try_read(VA, &val);
	eq("A again by a read", ad(e), P_A | P_D);
	clear(e, P_D);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	try_read(VA, &val);
	eq("D cleared, read: still clear", ad(e), P_A);
	try_write(VA, 2);
	eq("D again by a write", ad(e), P_A | P_D);
	set_pte(e, va_maddr(page) | P_P | P_W);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	eq("entry set without both", ad(e), 0);
	try_write(VA, 3);
	eq("first access is a write: both", ad(e), P_A | P_D);
	/* A read-only page never gets D, and a refused write sets no A that was not there. */
	set_pte(e, va_maddr(page) | P_P);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	try_write(VA, 3);
	eq("write to a read-only page: no D", ad(e) & P_D, 0);
	set_pte(e, va_maddr(page) | P_A | P_D);
	try_read(VA, &val);
	/* Hypercalls that write guest memory count as writes. */
	set_pte(e, va_maddr(page) | P_P | P_W);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	hc2(17, XENVER_extraversion, VA);
	ok(ad(e) & P_A || on_xen, "written by a hypercall: A (entry %#lx)", *e);
	/* lock btr as the kernel does it, result in carry. */
	set_pte(e, va_maddr(page) | P_P | P_W);
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	for (i = 0; i < 50; i++) {
		u8 was;

		try_read(VA, &val);
		asm volatile("lock btrq $5, (%1)\n\tsetc %0" : "=q"(was) : "r"(e) : "memory", "cc");
		mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
		bad += was != 1 || ad(e);
	}
	eq("50 rounds of read, test and clear young", bad, 0);
	(void)table;
}

/* 512 entries: only the touched ones, only the written ones. */
static void many(void)
{
	u64 base = VA + (1 << 21), i, bad = 0, val;
	u8 *page = page_alloc();
	u64 *e;

	for (i = 0; i < 512; i++)
		map_page(base + i * PAGE_BYTES, va_mfn(page), P_P | P_W);
	for (i = 0; i < 512; i += 3)
		try_read(base + i * PAGE_BYTES, &val);
	for (i = 0; i < 512; i += 5)
		try_write(base + i * PAGE_BYTES, i);
	for (i = 0; i < 512; i++) {
		e = walk(base + i * PAGE_BYTES, 1);
		bad += ad(e) != (i % 5 == 0 ? P_A | P_D : i % 3 == 0 ? P_A : 0);
	}
	eq("512 pages, each third read, each fifth written", bad, 0);
}

static void user_mode(void)
{
	struct regs u;
	u64 va = USER_DATA + 5 * PAGE_BYTES, *e;

	user_init();
	e = walk(va, 1);
	set_pte(e, (*e & P_FRAME) | P_P | P_W | P_U);
	flush_all();
	user_regs(&u, u_touch_r);
	u.rdi = va;
	user_enter(&u);
	eq("user read: A", ad(e), P_A);
	user_regs(&u, u_touch_w);
	u.rdi = va;
	user_enter(&u);
	eq("user write: A and D", ad(e), P_A | P_D);
	eq("by a system call each", last.vector, VEC_SYSCALL);
	vi->evtchn_upcall_mask = 1;
}

/* Two entries of one frame have each their own bits. */
static void aliases(void)
{
	u8 *page = page_alloc();
	u64 *a = map_page(VA + 0x400000, va_mfn(page), P_P | P_W);
	u64 *b = map_page(VA + 0x401000, va_mfn(page), P_P | P_W), val;

	try_write(VA + 0x400000, 1);
	eq("written by one alias: other entry clean", ad(b), 0);
	try_read(VA + 0x401000, &val);
	eq("read by the other: A", ad(b), P_A);
	eq("the first keeps its own", ad(a), P_A | P_D);
	eq("same memory", val, 1);
}

/* Kernel stack of a bounce: a push by the hypervisor is a write. */
static void by_frame(void)
{
	extern char pvt_user_stack_top[];
	u64 va = VA + 0x600000;
	u8 *page = page_alloc();
	u64 *e = map_page(va, va_mfn(page), P_P | P_W);

	hc2(3, FLAT_SS, va + 0x1000);
	user_run(u_touch_r);	/* rdi is 0: a page fault */
	eq("fault arrived", last.vector, 14);
	eq("frame written: A and D", ad(e), P_A | P_D);
	hc2(3, FLAT_SS, pvt_user_stack_top);
}

void test_main(void)
{
	kernel_mode();
	many();
	user_mode();
	aliases();
	by_frame();
}
