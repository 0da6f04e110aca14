// SPDX-License-Identifier: GPL-2.0-only
/*
 * Native writes to live level 1 tables through their read-only alias: the instructions stock kernels
 * use and their relatives, in all widths, with result, register and flags compared against the same
 * instruction on ordinary memory; then runs long enough to make the driver change its method.
 */
#include "pvt.h"

#define VA	(SCRATCH_VA + 0x80000000)
#define FLAGS	0x8d5		/* OF SF ZF AF PF CF */

static u64 *l1;			/* live, read-only */
static u64 *mem;		/* ordinary page with the same contents */
static u8 *target;

struct result { u64 val, reg, acc, flags; };

/*
 * One instruction on [rdi] with rdx as register operand and rax as accumulator, once on each page.
 * The entry stays not present throughout, so any value is allowed in it.
 */
#define RUN(res, where, insn, start, reg_in, acc_in)					\
do {											\
	u64 r_ = (reg_in), a_ = (acc_in), f_;						\
	*(u64 *)(where) = 0;								\
	if ((u64 *)(where) == &l1[8])							\
		mmu_update1(va_maddr(where), start);					\
	else										\
		*(u64 *)(where) = (start);						\
	asm volatile("pushq $2\n\tpopfq\n\t" insn "\n\tpushfq\n\tpop %2"		\
		     : "+d"(r_), "+a"(a_), "=&r"(f_) : "D"(where) : "memory", "cc");	\
	(res) = (struct result){ *(volatile u64 *)(where), r_, a_, f_ & FLAGS };	\
} while (0)

static void compare(const char *name, struct result *t, struct result *m, u64 mask)
{
	if (ok(t->val == m->val && t->reg == m->reg && t->acc == m->acc &&
	       !((t->flags ^ m->flags) & mask), "%s", name))
		return;
	pr("#   table:  %#lx reg %#lx acc %#lx flags %#lx\n", t->val, t->reg, t->acc, t->flags);
	pr("#   memory: %#lx reg %#lx acc %#lx flags %#lx\n", m->val, m->reg, m->acc, m->flags);
}

#define CASE(insn, start, reg, acc, mask)						\
do {											\
	struct result t_, m_;								\
	RUN(m_, &mem[8], insn, start, reg, acc);					\
	RUN(t_, &l1[8], insn, start, reg, acc);						\
	compare(insn, &t_, &m_, mask);							\
} while (0)

/* Not present, bit 0 clear in every result. */
#define V	0x1122334455667788ull
#define R	0x99aabbccddeeff00ull

static void instructions(void)
{
	CASE("mov %%rdx, (%%rdi)", V, R, 0, 0);
	CASE("mov %%edx, (%%rdi)", V, R, 0, 0);
	CASE("mov %%dx, (%%rdi)", V, R, 0, 0);
	CASE("mov %%dl, (%%rdi)", V, R, 0, 0);
	CASE("mov %%dh, 1(%%rdi)", V, R, 0, 0);
	CASE("movq $0x12345678, (%%rdi)", V, R, 0, 0);
	CASE("movq $-256, (%%rdi)", V, R, 0, 0);
	CASE("movl $0x12345678, 4(%%rdi)", V, R, 0, 0);
	CASE("movw $0x1234, 2(%%rdi)", V, R, 0, 0);
	CASE("movb $0x12, 7(%%rdi)", V, R, 0, 0);
	CASE("xchg %%rdx, (%%rdi)", V, R, 0, 0);
	CASE("xchg %%edx, (%%rdi)", V, R, 0, 0);
	CASE("xchg %%dx, (%%rdi)", V, R, 0, 0);
	CASE("xchg %%dl, (%%rdi)", V, R, 0, 0);
	CASE("xchg %%edx, 4(%%rdi)", V, R, 0, 0);
	CASE("lock cmpxchg %%rdx, (%%rdi)", V, R, V, FLAGS);
	CASE("lock cmpxchg %%rdx, (%%rdi)", V, R, V + 2, FLAGS);
	CASE("lock cmpxchg %%edx, (%%rdi)", V, R, V, FLAGS);
	CASE("lock cmpxchg %%edx, (%%rdi)", V, R, 5, FLAGS);
	CASE("lock cmpxchg %%dx, (%%rdi)", V, R, V, FLAGS);
	CASE("lock cmpxchg %%dl, (%%rdi)", V, R, V, FLAGS);
	CASE("cmpxchg %%rdx, (%%rdi)", V, R, V, FLAGS);
	CASE("lock andb $0xf0, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock andb $0x0f, 5(%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock andq $-256, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock and %%rdx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock and %%edx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock and %%dx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock and %%dl, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock orb $0x40, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock orq $0x1000, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock or %%rdx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock or %%edx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock or %%dx, (%%rdi)", V, R, 0, FLAGS & ~0x10);
	CASE("lock btrq $5, (%%rdi)", V | 0x20, R, 0, 1);
	CASE("lock btrq $5, (%%rdi)", V & ~0x20ull, R, 0, 1);
	CASE("lock btrq $63, (%%rdi)", V | P_NX, R, 0, 1);
	CASE("lock btrl $6, (%%rdi)", V | 0x40, R, 0, 1);
	CASE("lock btrw $6, (%%rdi)", V | 0x40, R, 0, 1);
	CASE("lock btsq $9, (%%rdi)", V, R, 0, 1);
	CASE("lock btsl $9, (%%rdi)", V, R, 0, 1);
	CASE("lock btcq $10, (%%rdi)", V, R, 0, 1);
	CASE("lock btr %%rdx, (%%rdi)", V, 3, 0, 1);
	CASE("lock bts %%rdx, (%%rdi)", V, 33, 0, 1);
	CASE("lock xadd %%rdx, (%%rdi)", V, R, 0, FLAGS);
	CASE("lock xadd %%edx, (%%rdi)", V, R, 0, FLAGS);
	CASE("lock xadd %%dx, (%%rdi)", V, R, 0, FLAGS);
	CASE("lock xadd %%dl, (%%rdi)", V, R, 0, FLAGS);
}

static u8 movabs_code[16] = { 0x48, 0xa3, [10] = 0xc3 };

/* Addressing forms: the emulator must find the length of each, and may not need the address. */
static void forms(void)
{
	u64 *e = &l1[8], n = 0;

#define FORM(insn, ...)									\
	do {										\
		n += 0x1000;								\
		asm volatile(insn : : "d"(n), ##__VA_ARGS__ : "memory");		\
		eq(insn, READ_ONCE(*e), n);						\
	} while (0)
	FORM("mov %%rdx, (%1)", "r"(e));
	FORM("mov %%rdx, 64(%1)", "r"(e - 8));
	FORM("mov %%rdx, -0x12345678(%1)", "r"((u64)e + 0x12345678));
	FORM("mov %%rdx, (%1,%2,8)", "r"(l1), "r"(8ull));
	FORM("mov %%rdx, 8(%1,%2,4)", "r"(l1), "r"(14ull));
	FORM("mov %%rdx, (,%1,8)", "r"((u64)e / 8));
	{
		register u64 *r12 asm("r12") = e;
		register u64 *r13 asm("r13") = e;

		FORM("mov %%rdx, (%1)", "r"(r12));
		FORM("mov %%rdx, (%1)", "r"(r13));
	}
	FORM("ds mov %%rdx, (%1)", "r"(e));
	n += 0x1000;		/* the form with a 64-bit address in the instruction */
	*(u64 **)(movabs_code + 2) = e;
	asm volatile("call *%0" : : "r"(movabs_code), "a"(n) : "memory");
	eq("movabs %rax, address", READ_ONCE(*e), n);
}

static void visible(void)
{
	u64 val, i, bad = 0;
	u8 *other = page_alloc();

	target[0] = 0xaa;
	other[0] = 0xbb;
	l1[0] = va_maddr(target) | P_RW;
	eq("mov of a present entry: works without a flush", try_read(VA, &val), 0);
	eq("value", val & 0xff, 0xaa);
	val = va_maddr(other) | P_RW;
	asm volatile("xchg %0, (%1)" : "+r"(val) : "r"(&l1[0]) : "memory");
	eq("xchg gives the old frame", val & P_FRAME, va_maddr(target));
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	try_read(VA, &val);
	eq("xchg, after invlpg: other frame", val & 0xff, 0xbb);
	asm volatile("lock andb $0xfd, (%0)" : : "r"(&l1[0]) : "memory");
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	eq("write-protected by lock andb", try_write(VA, 1), 15);
	eq("its error code", last.error, 3);
	asm volatile("lock orb $2, (%0)" : : "r"(&l1[0]) : "memory");
	eq("writable again by lock orb", try_write(VA, 0xbb), 0);
	l1[0] = 0;
	mmuext(MMUEXT_INVLPG_LOCAL, VA, 0);
	eq("cleared by mov", try_read(VA, &val), 15);
	for (i = 0; i < 1000; i++) {
		u8 *want = i & 1 ? target : other;

		l1[3] = va_maddr(want) | P_RW;
		mmuext(MMUEXT_INVLPG_LOCAL, VA + 3 * PAGE_BYTES, 0);
		bad += try_read(VA + 3 * PAGE_BYTES, &val) || (val & 0xff) != want[0];
	}
	eq("1000 rounds of mov, invlpg, read", bad, 0);
}

/* A run over the whole table, as fork and munmap do; flushed in each of the ways there are. */
static void runs(void)
{
	static const char *how[] = { "TLB_FLUSH_LOCAL", "INVLPG of each", "NEW_BASEPTR",
				     "update_va_mapping with flush", "TLB_FLUSH_ALL", "mmu_update" };
	u8 *page[2] = { page_alloc(), page_alloc() };
	u64 i, round, val, bad, bad_old;

	page[0][0] = 0x10;
	page[1][0] = 0x11;
	for (round = 0; round < 12; round++) {
		u8 *p = page[round & 1];

		bad_old = 0;
		for (i = 0; i < 512; i++) {
			u64 old = va_maddr(p) | P_RW | (i & 7) << 9 | P_NX;

			if (round % 3 == 0)
				l1[i] = old;
			else
				asm volatile("xchg %0, (%1)" : "+r"(old) : "r"(&l1[i]) : "memory");
			if (round % 3 && round > 1)
				bad_old += (old & P_FRAME) != va_maddr(page[~round & 1]);
		}
		switch (round % 6) {
		case 0: flush_all(); break;
		case 1:
			for (i = 0; i < 512; i++)
				mmuext(MMUEXT_INVLPG_LOCAL, VA + i * PAGE_BYTES, 0);
			break;
		case 2: mmuext(MMUEXT_NEW_BASEPTR, l4_mfn(), 0); break;
		case 3: va_map(VA, l1[0], UVMF_TLB_FLUSH); break;
		case 4: mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0); break;
		case 5:
			for (i = 0; i < 512; i++)
				set_pte(&l1[i], l1[i]);
			flush_all();
			break;
		}
		for (bad = i = 0; i < 512; i++)
			bad += try_read(VA + i * PAGE_BYTES, &val) || (val & 0xff) != p[0];
		eq(how[round % 6], bad, 0);
		eq("old values of the run", bad_old, 0);
	}
	/* Clear all but every eighth; nothing else may be left behind. */
	for (i = 0; i < 512; i++)
		if (i % 8)
			l1[i] = 0;
	flush_all();
	for (bad = i = 0; i < 512; i++)
		bad += try_read(VA + i * PAGE_BYTES, &val) != (i % 8 ? 15 : 0);
	eq("504 of 512 cleared natively", bad, 0);
	/* Protect what is left with lock cmpxchg loops as 6.12 does, then write. */
	for (i = 0; i < 512; i += 8) {
		u64 old = READ_ONCE(l1[i]), seen;

		do {
			seen = old;
			asm volatile("lock cmpxchg %2, (%1)" : "+a"(old)
				     : "r"(&l1[i]), "r"(old & ~P_W) : "memory", "cc");
		} while (old != seen);
	}
	flush_all();
	for (bad = i = 0; i < 512; i += 8)
		bad += try_write(VA + i * PAGE_BYTES, 1) != 15 || last.error != 3;
	eq("64 entries protected by lock cmpxchg", bad, 0);
	for (bad = i = 0; i < 512; i += 8)
		bad += (l1[i] & P_FRAME) != va_maddr(page[1]);
	eq("frames are unchanged", bad, 0);
	/* Not present to present inside a run needs no flush. */
	for (bad = i = 0; i < 512; i++) {
		l1[i] = va_maddr(page[0]) | P_RW;
		if (i % 8)
			bad += try_read(VA + i * PAGE_BYTES, &val) || (val & 0xff) != page[0][0];
	}
	eq("not present to present in a run, no flush", bad, 0);
}

/* INVLPG in the middle of a run: the entry it means is as the guest left it from then on, A and D too. */
static void invlpg_in_a_run(void)
{
	u8 *page[2] = { page_alloc(), page_alloc() };
	u64 i, round, val, bad_frame = 0, bad_ad = 0, bad_d = 0, bad_late = 0;

	page[0][0] = 0x20;
	page[1][0] = 0x21;
	for (round = 0; round < 40; round++) {
		u8 *p = page[round & 1];

		for (i = 0; i < 16; i++) {
			l1[i] = va_maddr(p) | P_RW;
			mmuext(MMUEXT_INVLPG_LOCAL, VA + i * PAGE_BYTES, 0);
			bad_frame += try_read(VA + i * PAGE_BYTES, &val) || (val & 0xff) != p[0];
			asm volatile("lock andq %1, (%0)" : : "r"(&l1[i]), "r"(~(P_A | P_D)) : "memory", "cc");
			mmuext(MMUEXT_INVLPG_LOCAL, VA + i * PAGE_BYTES, 0);
			bad_ad += (READ_ONCE(l1[i]) & (P_A | P_D)) != 0;
			try_read(VA + i * PAGE_BYTES, &val);
			bad_ad += (READ_ONCE(l1[i]) & (P_A | P_D)) != P_A;
			try_write(VA + i * PAGE_BYTES, p[0]);
			bad_d += !(READ_ONCE(l1[i]) & P_D);
		}
		/* Changed, not flushed by its own address: seen after the next full flush at the latest. */
		l1[3] = va_maddr(page[~round & 1]) | P_RW;
		flush_all();
		bad_late += try_read(VA + 3 * PAGE_BYTES, &val) || (val & 0xff) != page[~round & 1][0];
	}
	eq("mov, invlpg in a run: the new frame", bad_frame, 0);
	eq("lock and, invlpg in a run: A exactly when read", bad_ad, 0);
	eq("and D when written", bad_d, 0);
	eq("a change without invlpg: seen after a flush", bad_late, 0);
}

/* Taken out of use it becomes memory again, and no write to it may reach the shadow. */
static void retire(void)
{
	u64 *l2e = walk(VA, 2), val, i, bad = 0;

	set_pte(l2e, 0);
	set_rw(l1);
	for (i = 0; i < 512; i++)
		bad += try_write((u64)&l1[i], i);
	eq("a table taken out of use is written without a trap", bad, 0);
	eq("its addresses are gone", try_read(VA, &val), 15);
	memset(l1, 0, PAGE_BYTES);
	l1[1] = va_maddr(target) | P_RW;
	set_ro(l1);
	set_pte(l2e, va_maddr(l1) | P_TABLE);
	eq("back in use: entry 1", try_read(VA + PAGE_BYTES, &val), 0);
	eq("back in use: entry 0", try_read(VA, &val), 15);
}

void test_main(void)
{
	hc2(21, 0, 2);		/* writable_pagetables */
	target = page_alloc();
	mem = page_alloc();
	map_page(VA, va_mfn(target), P_RW);
	l1 = mfn_va((*walk(VA, 2) & P_FRAME) >> 12);
	if (on_xen)		/* emulates few instructions, and needs valid frames */
		skip("widths and relatives");
	else
		instructions(), forms();
	visible();
	runs();
	invlpg_in_a_run();
	retire();
}
