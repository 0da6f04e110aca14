// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables seen as something else: a root that contains itself (a table used at every level), a
 * level 1 with very many parents, a level 2 used as a level 1, and changes through each of them.
 */
#include "pvt.h"

#define SLOT	300ull		/* recursive slot of the root */
#define VA	(SCRATCH_VA + 0x100000000)

static u64 sign(u64 va)
{
	return va & 1ull << 47 ? va | 0xffffull << 48 : va & ~(0xffffull << 48);
}

static u64 self_l1(u64 va)	/* where the level 1 entry of va appears */
{
	return sign(SLOT << 39 | (va >> 9 & 0x7ffffffff8));
}

static u64 self_l4(u64 slot)
{
	return sign(SLOT << 39 | SLOT << 30 | SLOT << 21 | SLOT << 12 | slot * 8);
}

static void linear(void)
{
	u64 *root = mfn_va(l4_mfn()), val, i, bad = 0;
	u8 *a = page_alloc(), *b = page_alloc();
	u64 *e;

	a[0] = 0xaa;
	b[0] = 0xbb;
	eq("root put into itself (read-only)", set_pte(&root[SLOT], l4_mfn() << 12 | P_RO), 0);
	for (i = 0; i < 512; i++) {
		if (i >= 256 && i < 272)
			continue;
		bad += try_read(self_l4(i), &val) || (val ^ root[i]) & ~(P_A | P_D);
	}
	eq("root through itself", bad, 0);
	map_page(VA, va_mfn(a), P_RW);
	e = walk(VA, 1);
	eq("level 1 through it", try_read(self_l1(VA), &val), 0);
	eq("its entry", (val ^ *e) & P_FRAME, 0);
	/* Read-only, but a live level 1: refused with #PF (as Xen does) or emulated. */
	if (try_write(self_l1(VA), *e) == 15)
		eq("a write through it is refused", last.error, 3);
	else
		eq("a write through it is emulated", (val ^ *e) & P_FRAME, 0);
	for (i = 0; i < 50; i++) {
		va_map(VA, va_maddr(i & 1 ? a : b) | P_RW, UVMF_INVLPG);
		bad += try_read(self_l1(VA), &val) || (val & P_FRAME) != va_maddr(i & 1 ? a : b);
		bad += try_read(VA, &val) || (val & 0xff) != (i & 1 ? 0xaa : 0xbb);
	}
	eq("changes are seen in both views", bad, 0);
	eq("new entry of the root seen through itself",
	   set_pte(&root[SLOT + 1], root[VA >> 39 & 511]), 0);
	eq("read", try_read(sign((SLOT + 1) << 39 | (VA & 0x7fffffffff)), &val), 0);
	eq("root out of itself", set_pte(&root[SLOT], 0), 0);
	eq("gone at once", try_read(self_l4(0), &val), 15);
	set_pte(&root[SLOT + 1], 0);
}

/* Linux's p2m_missing_pte: one level 1 in hundreds of level 2 entries. */
static void parents(void)
{
	u64 base = sign(310ull << 39), i, bad = 0, val, *l2;
	u8 *page = page_alloc(), *other = page_alloc();
	u64 *l1e;

	page[0] = 0x55;
	other[0] = 0x66;
	l1e = map_page(base, va_mfn(page), P_RW);
	l2 = (u64 *)((u64)walk(base, 2) & ~0xfffull);
	for (i = 1; i < 512; i++)
		bad += set_pte(&l2[i], l2[0]) != 0;
	for (i = 0; i < 512; i++)
		bad += try_read(base + (i << 21), &val) || (val & 0xff) != 0x55;
	eq("one level 1 under 512 entries", bad, 0);
	set_pte(l1e, va_maddr(other) | P_RW);
	flush_all();
	for (i = 0; i < 512; i++)
		bad += try_read(base + (i << 21), &val) || (val & 0xff) != 0x66;
	eq("changed for all", bad, 0);
	if (!on_xen) {
		*l1e = va_maddr(page) | P_RW;
		flush_all();
		for (i = 0; i < 512; i++)
			bad += try_read(base + (i << 21), &val) || (val & 0xff) != 0x55;
		eq("changed natively for all", bad, 0);
	}
	for (i = 0; i < 512; i += 2)
		set_pte(&l2[i], 0);
	for (i = 0; i < 512; i++)
		bad += try_read(base + (i << 21), &val) != (i & 1 ? 0 : 15);
	eq("every second parent removed", bad, 0);
	set_pte(&l2[1], 0);
	set_pte(l1e, 0);
	flush_all();
	for (i = 0; i < 512; i++)
		bad += try_read(base + (i << 21), &val) != 15;
	eq("entry removed for all", bad, 0);
}

/* A level 2 also used as a level 1: read as data, its tables appear as pages. */
static void two_levels(void)
{
	u64 base = sign(320ull << 39), val, *l2, *l1, *l3;
	u8 *page = page_alloc();

	map_page(base, va_mfn(page), P_RO);
	l3 = (u64 *)((u64)walk(base, 3) & ~0xfffull);
	l2 = (u64 *)((u64)walk(base, 2) & ~0xfffull);
	l1 = (u64 *)((u64)walk(base, 1) & ~0xfffull);
	if (on_xen) {
		skip("a level 2 as a level 1");
		return;
	}
	/* base + 2 MiB: level 2 entry 1 points to the level 2 itself. */
	eq("level 2 in itself", set_pte(&l2[1], va_maddr(l2) | P_RO), 0);
	eq("page 0 there is the level 1", try_read(base + (1 << 21), &val), 0);
	eq("its first entry", val & P_FRAME, va_maddr(page));
	eq("level 3 used as a level 1", set_pte(&l2[2], va_maddr(l3) | P_RO), 0);
	eq("page 0 there is the level 2", try_read(base + (2 << 21), &val), 0);
	eq("its first entry", val & P_FRAME, va_maddr(l1));
	set_pte(&l2[3], va_maddr(l1) | P_TABLE);
	eq("entry written through another role", set_pte(&l1[7], va_maddr(page) | P_RO), 0);
	eq("is seen in one place", try_read(base + 7 * PAGE_BYTES, &val), 0);
	eq("and in the other", try_read(base + (3 << 21) + 7 * PAGE_BYTES, &val), 0);
	set_pte(&l2[1], 0);
	set_pte(&l2[2], 0);
	set_pte(&l2[3], 0);
	eq("gone", try_read(base + (1 << 21), &val), 15);
}

void test_main(void)
{
	linear();
	parents();
	two_levels();
}
