// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage page tables; see stage2.h. EPT: Intel SDM vol. 3, 29.3; NPT: AMD APM vol. 2, 15.25, the ordinary
 * format with the user bit set everywhere.
 *
 * Leaves are 4 KiB or 2 MiB. A range over a 2 MiB leaf of an earlier range splits it.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include "part/stage2.h"

#define PAGE		0x1000ull
#define LARGE		0x200000ull
#define ENTRIES		512u
#define FRAME		0x000ffffffffff000ull
#define PS		0x80ull

#define EPT_TABLE	0x7ull			/* read, write, execute */
#define EPT_LEAF	0x5ull
#define EPT_WB		(6ull << 3)		/* type 0 is uncached */
#define NPT_TABLE	0x67ull			/* present, write, user, accessed, dirty */
#define NPT_LEAF	0x65ull
#define NPT_UC		0x18ull			/* PCD, PWT */
#define LEAF_WRITE	0x2ull			/* in both formats */

static u32 index_at(u64 gpa, u32 level)
{
	return (gpa >> (12 + 9 * (level - 1))) & (ENTRIES - 1);
}

static u64 table_bits(const struct pvm_stage2 *s)
{
	return s->kind == PVM_STAGE2_EPT ? EPT_TABLE : NPT_TABLE;
}

static u64 leaf_bits(const struct pvm_stage2 *s, u32 flags)
{
	u64 bits;

	if (s->kind == PVM_STAGE2_EPT)
		bits = EPT_LEAF | (flags & PVM_S2_MMIO ? 0 : EPT_WB);
	else
		bits = NPT_LEAF | (flags & PVM_S2_MMIO ? NPT_UC : 0);
	return flags & PVM_S2_WRITE ? bits | LEAF_WRITE : bits;
}

static u64 *table_at(const struct pvm_stage2 *s, u64 entry)
{
	return s->pool + ((entry & FRAME) - s->pool_pa) / sizeof(u64);
}

/* A fresh table in *slot; what a large leaf there mapped stays mapped. Bit 7 of a 4 KiB leaf means nothing of ours. */
static u64 *new_table(struct pvm_stage2 *s, u64 *slot)
{
	u64 *t = s->pool + (u64)s->used * ENTRIES;
	u32 i;

	if (s->used == s->pages)
		return NULL;
	if (*slot)
		for (i = 0; i < ENTRIES; i++)
			t[i] = (*slot & ~PS) + i * PAGE;
	*slot = (s->pool_pa + s->used++ * PAGE) | table_bits(s);
	return t;
}

/* The entry of @gpa at @level, tables above it made as needed; NULL: no memory. */
static u64 *entry_at(struct pvm_stage2 *s, u64 gpa, u32 level)
{
	u64 *t = s->pool, *slot;
	u32 l;

	for (l = s->levels; ; l--) {
		slot = &t[index_at(gpa, l)];
		if (l == level)
			return slot;
		t = *slot && !(l == 2 && *slot & PS) ? table_at(s, *slot) : new_table(s, slot);
		if (!t)
			return NULL;
	}
}

static int map_range(struct pvm_stage2 *s, const struct pvm_stage2_range *r)
{
	u64 done = 0, hpa, step, *slot;
	bool large;

	while (done < r->bytes) {
		hpa = r->flags & PVM_S2_SAME ? r->hpa : r->hpa + done;
		large = !(r->flags & PVM_S2_SAME) && (((r->gpa + done) | hpa) & (LARGE - 1)) == 0 &&
			r->bytes - done >= LARGE;
		step = large ? LARGE : PAGE;
		slot = entry_at(s, r->gpa + done, large ? 2 : 1);
		if (!slot)
			return -ENOMEM;
		*slot = hpa | leaf_bits(s, r->flags) | (large ? PS : 0);
		done += step;
	}
	return 0;
}

u32 pvm_stage2_pages(const struct pvm_stage2_range *r, u32 n, u32 levels)
{
	u64 pages = 1, first, last, leaf_tables;
	u32 level;

	for (; n; n--, r++) {
		first = r->gpa;
		last = r->gpa + r->bytes - 1;
		for (level = 2; level < levels; level++)
			pages += (last >> (12 + 9 * level)) - (first >> (12 + 9 * level)) + 1;
		leaf_tables = last / LARGE - first / LARGE + 1;
		/* Where large leaves fit, only the two ends need tables of small ones. */
		if (leaf_tables > 2 && !(r->flags & PVM_S2_SAME) && ((r->gpa ^ r->hpa) & (LARGE - 1)) == 0)
			leaf_tables = 2;
		pages += leaf_tables;
	}
	return pages;
}

int pvm_stage2_build(struct pvm_stage2 *s, const struct pvm_stage2_range *r, u32 n)
{
	int err;

	if (!s->pages)
		return -ENOMEM;
	s->used = 1;
	for (; n; n--, r++) {
		err = map_range(s, r);
		if (err)
			return err;
	}
	return 0;
}

u64 pvm_stage2_root(const struct pvm_stage2 *s)
{
	if (s->kind == PVM_STAGE2_NPT)
		return s->pool_pa;
	return s->pool_pa | (s->levels - 1) << 3 | 6;
}

int pvm_stage2_find(const struct pvm_stage2 *s, u64 gpa, u64 *hpa, u64 *entry)
{
	const u64 *t = s->pool;
	u32 l;
	u64 e;

	for (l = s->levels; ; l--) {
		e = t[index_at(gpa, l)];
		if (!e)
			return -ENOENT;
		if (l == 1 || (l == 2 && e & PS))
			break;
		t = table_at(s, e);
	}
	*hpa = (e & FRAME & ~((l == 2 ? LARGE : PAGE) - 1)) | (gpa & ((l == 2 ? LARGE : PAGE) - 1));
	*entry = e;
	return 0;
}
