// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB operations: after each kind of flush no translation of before may be used. And the obligation
 * the ABI hides: read-only toggles come without any flush, but hold once the page is a live table.
 */
#include "pvt.h"

#define VA	(SCRATCH_VA + 0xc0000000)

asm(".pushsection .user, \"ax\"\n.globl u_peek\nu_peek: mov (%rdi), %rax\n syscall\n.popsection");
extern const char u_peek[];

static u8 *page[2];

static u64 mask_words[2];

static u64 user_peek(u64 va)
{
	struct regs u;

	user_regs(&u, u_peek);
	u.rdi = va;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	return last.vector == VEC_SYSCALL ? last.rax & 0xff : ~0ull;
}

static void kinds(void)
{
	static const struct { u32 cmd; const char *name; } kind[] = {
		{ MMUEXT_TLB_FLUSH_LOCAL, "TLB_FLUSH_LOCAL" }, { MMUEXT_INVLPG_LOCAL, "INVLPG_LOCAL" },
		{ MMUEXT_TLB_FLUSH_MULTI, "TLB_FLUSH_MULTI" }, { MMUEXT_INVLPG_MULTI, "INVLPG_MULTI" },
		{ MMUEXT_TLB_FLUSH_ALL, "TLB_FLUSH_ALL" }, { MMUEXT_INVLPG_ALL, "INVLPG_ALL" },
	};
	u64 i, round, val, bad, va = 0x20000000, *e;

	user_init();
	e = map_page(va, va_mfn(page[0]), P_RW | P_U);
	mask_words[0] = 1;
	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		for (bad = round = 0; round < 20; round++) {
			u64 arg1 = va, arg2 = 0;

			set_pte(e, va_maddr(page[round & 1]) | P_RW | P_U);
			if (kind[i].cmd == MMUEXT_TLB_FLUSH_MULTI || kind[i].cmd == MMUEXT_INVLPG_MULTI)
				arg2 = (u64)mask_words;
			if (round & 2)
				arg1 += 0x123;		/* needs not be aligned */
			bad += mmuext(kind[i].cmd, arg1, arg2) != 0;
			bad += try_read(va, &val) || (val & 0xff) != page[round & 1][0];
			bad += user_peek(va) != page[round & 1][0];
		}
		eq(kind[i].name, bad, 0);
	}
	/* With one vCPU the bitmap need not be looked at. */
	ok(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, 8) <= 0, "TLB_FLUSH_MULTI, bitmap not mapped");
	ok(mmuext(MMUEXT_INVLPG_LOCAL, HOLE_START + (15ull << 39), 0) <= 0, "INVLPG in the hole");
	eq("INVLPG not canonical", mmuext(MMUEXT_INVLPG_LOCAL, 1ull << 55, 0), 0);
}

/* RW mapping of a page used, made read-only without flush, then made a table: no stale write. */
static void ro_toggle(void)
{
	u64 va = VA, *l2e, i, bad = 0, stale = 0, val;

	map_page(va, va_mfn(page[0]), P_RW);
	l2e = walk(va, 2);
	for (i = 0; i < 20; i++) {
		u64 *table = page_alloc();

		try_write((u64)&table[1], 0x1000);	/* puts a writable entry into the TLB */
		table[0] = va_maddr(page[i & 1]) | P_RW;
		table[1] = 0;
		bad += va_map((u64)table, va_maddr(table) | P_RO, 0) != 0;
		bad += set_pte(l2e, va_maddr(table) | P_TABLE) != 0;
		bad += try_read(va, &val) || (val & 0xff) != page[i & 1][0];
		/* The write is emulated (it is a level 1): it must reach the shadow. */
		table[1] = va_maddr(page[i & 1]) | P_RW;
		mmuext(MMUEXT_INVLPG_LOCAL, va + PAGE_BYTES, 0);
		stale += try_read(va + PAGE_BYTES, &val) || (val & 0xff) != page[i & 1][0];
	}
	eq("20 tables put in use", bad, 0);
	eq("no write to a live table was missed", stale, 0);
}

/* Stale read-only entry: the write fault it causes must not reach the guest. */
static void rw_toggle(void)
{
	u64 va = VA + 0x100000, i, bad = 0, val;

	for (i = 0; i < 200; i++) {
		map_page(va, va_mfn(page[0]), P_RO);
		try_read(va, &val);
		va_map(va, va_maddr(page[0]) | P_RW, 0);
		bad += try_write(va, page[0][0]) != 0;
	}
	eq("200 upgrades without a flush", bad, 0);
}

void test_main(void)
{
	page[0] = page_alloc();
	page[1] = page_alloc();
	page[0][0] = 0x40;
	page[1][0] = 0x41;
	hc2(21, 0, 2);
	kinds();
	ro_toggle();
	rw_toggle();
}
