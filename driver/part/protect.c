// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-stage tables of a partition: which ranges, in whose memory. Host side; stage2.c does the building, svm.c and
 * vmx.c say when. No supervisor code reads the tables, only CPUs do.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/apicdef.h>

#include "part/part.h"

#define LEGACY_BYTES	0x100000ull
#define MAX_BARS	(PVM_PART_MAX_PCI * 6)
#define MAX_RANGES	(4 + MAX_BARS)
#define RAM		PVM_S2_WRITE
#define MMIO		(PVM_S2_WRITE | PVM_S2_MMIO)

static int build(struct pvm_stage2_tables *t, enum pvm_stage2_kind kind, u32 levels, struct pvm_stage2_range *r, u32 n,
		 bool zero_page)
{
	struct pvm_stage2 s = { .kind = kind, .levels = levels, .pages = pvm_stage2_pages(r, n, levels) };
	int err;

	t->bytes = (s.pages + zero_page) * PAGE_SIZE;
	t->pool = alloc_pages_exact(t->bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!t->pool)
		return -ENOMEM;
	s.pool = t->pool;
	s.pool_pa = virt_to_phys(t->pool);
	if (zero_page)
		r[0].hpa = s.pool_pa + s.pages * PAGE_SIZE;	/* the legacy area: behind the tables */
	err = pvm_stage2_build(&s, r, n);
	if (err) {
		pvm_stage2_free(t);
		return err;
	}
	t->root = pvm_stage2_root(&s);
	return 0;
}

static struct pvm_stage2_range identity(u64 addr, u64 bytes, u32 flags)
{
	u64 first = addr & PAGE_MASK;

	return (struct pvm_stage2_range){
		.gpa = first, .hpa = first, .bytes = PAGE_ALIGN(addr + bytes) - first, .flags = flags,
	};
}

int pvm_protect_create(struct pvm_part *p, enum pvm_stage2_kind kind, u32 levels, struct pvm_stage2_tables *t)
{
	struct pvm_stage2_range *r = kcalloc(MAX_RANGES, sizeof(*r), GFP_KERNEL);
	struct pvm_part_bar *bars = kcalloc(MAX_BARS, sizeof(*bars), GFP_KERNEL);
	u32 nr_bars = 0, n = 0, i;
	int err = -ENOMEM;

	if (!r || !bars)
		goto out;
	err = pvm_part_pci_bars(p, bars, MAX_BARS, &nr_bars);
	if (err)
		goto out;
	r[n++] = (struct pvm_stage2_range){ .bytes = LEGACY_BYTES, .flags = PVM_S2_SAME };
	r[n++] = identity(p->mem.low_addr, p->mem.low_bytes, RAM);
	r[n++] = identity(p->mem.addr, p->mem.bytes, RAM);
	r[n++] = identity(APIC_DEFAULT_PHYS_BASE, PAGE_SIZE, MMIO);
	for (i = 0; i < nr_bars; i++)
		r[n++] = identity(bars[i].addr, bars[i].bytes, MMIO);
	err = build(t, kind, levels, r, n, true);
out:
	kfree(bars);
	kfree(r);
	return err;
}

int pvm_unpaged_create(struct pvm_part *p, struct pvm_stage2_tables *t)
{
	struct pvm_stage2_range r[] = {
		identity(0, 1ull << 32, MMIO),		/* as if by MTRR: not cached but for memory */
		identity(p->mem.low_addr, p->mem.low_bytes, RAM),
		identity(p->mem.addr, p->mem.bytes, RAM),
	};

	return build(t, PVM_STAGE2_EPT, 4, r, ARRAY_SIZE(r), false);
}

void pvm_stage2_free(struct pvm_stage2_tables *t)
{
	if (t->pool)
		free_pages_exact(t->pool, t->bytes);
	*t = (struct pvm_stage2_tables){};
}
