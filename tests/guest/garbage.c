// SPDX-License-Identifier: GPL-2.0-only
/*
 * Garbage in live page tables, by hypercall and natively, at every level: frames out of range, tables that
 * are data, tables inside themselves, random bits. The guest must go on (what it damages is below a slot
 * it does not run in) and everything must work again when the garbage is taken out.
 */
#include "pvt.h"

#define VA	(SCRATCH_VA + (3ull << 39))

static u64 *table[5];		/* by level, below VA */

static u64 any(void)
{
	switch (rnd() % 6) {
	case 0: return rnd();
	case 1: return rnd() | 1;
	case 2: return (rnd() % (si->nr_pages + 64)) << 12 | (rnd() & 0xfff);
	case 3: return (rnd() % si->nr_pages) << 12 | P_TABLE | (rnd() & P_NX);
	case 4: return va_maddr(table[1 + rnd() % 4]) | P_TABLE;
	default: return (si->nr_pages + rnd() % 16) << 12 | P_TABLE;
	}
}

/* Garbage may map any frame writable: keep the frames that this kernel stands on out of it. */
static u64 harmless(u64 pte)
{
	u64 frame = (pte & P_FRAME) >> 12;

	if (pte & P_P && frame < (boot_regs.rsp - VIRT_BASE) / PAGE_BYTES + 16)
		pte &= ~P_W;
	return pte;
}

void test_main(void)
{
	u8 *page = page_alloc();
	u64 round, val, l, i, bad = 0, root_slot = VA >> 39 & 511;
	u64 *root = mfn_va(l4_mfn());

	if (on_xen) {
		skip("a real Xen refuses all of it");
		return;
	}
	map_page(VA, va_mfn(page), P_RW);
	table[4] = root;
	for (l = 3; l; l--)
		table[l] = (u64 *)((u64)walk(VA, l) & ~0xfffull);
	memset(page, 0xcc, PAGE_BYTES);
	for (round = 0; round < 60; round++) {
		for (i = 0; i < 24; i++) {
			u64 *t = table[1 + rnd() % 3], e = harmless(any());

			if (t == table[1] && rnd() & 1)
				try_write((u64)&t[rnd() % 512], e);	/* natively; it may be a level 2 now */
			else
				set_pte(&t[rnd() % 512], e);
		}
		if (!(round & 7))
			set_pte(&root[root_slot], harmless(any()));
		flush_all();
		for (i = 0; i < 20; i++)
			try_read(VA + (rnd() & 0x7ffffff8), &val);
		set_pte(&root[root_slot], va_maddr(table[3]) | P_TABLE);
	}
	ok(true, "60 rounds of garbage");
	for (l = 3; l; l--)
		for (i = 0; i < 512; i++)
			set_pte(&table[l][i], 0);
	set_pte(&table[3][VA >> 30 & 511], va_maddr(table[2]) | P_TABLE);
	set_pte(&table[2][VA >> 21 & 511], va_maddr(table[1]) | P_TABLE);
	for (i = 0; i < 512; i++)
		set_pte(&table[1][i], va_maddr(page) | P_RW);
	flush_all();
	page[0] = 0x77;
	for (i = 0; i < 512; i++)
		bad += try_read(VA + i * PAGE_BYTES, &val) || (val & 0xff) != 0x77;
	eq("clean tables work again", bad, 0);
	eq("addresses beside them do not", try_read(VA + (1 << 21), &val), 15);
	/* Large pages are not offered: an entry with PSE must not map 2 MiB of something. */
	set_pte(&table[2][5], 0x80ull | P_TABLE);
	flush_all();
	val = try_read(VA + (5ull << 21), NULL);
	ok(val == 15 || val == 0, "PSE in a level 2 (%lu)", val);
	set_pte(&table[2][5], 0);
	/* Frames out of range are not there. */
	set_pte(&table[1][1], 0x000ffffffffff000ull | P_RW);
	flush_all();
	eq("frame 2^40 - 1", try_read(VA + PAGE_BYTES, &val), 15);
	/* By hypercall: after all this the page may count as a table of another level. */
	set_pte(&table[1][2], (si->nr_pages + 5000) << 12 | P_RW);
	flush_all();
	eq("frame above all memory", try_read(VA + 2 * PAGE_BYTES, &val), 15);
}
