/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-stage page tables: the restricted map of PVM_PART_PROTECT, and the map that VMX needs while a CPU of a
 * partition runs unpaged (its CPU emulates "no paging" by stage 2; vmx.c).
 *
 * Pure. Tables are built once, before the partition runs, in one piece of memory of the caller's.
 */
#ifndef PVM_PART_STAGE2_H
#define PVM_PART_STAGE2_H

#include <linux/types.h>

#define PVM_S2_WRITE	(1u << 0)	/* writable; all ranges are readable and executable */
#define PVM_S2_MMIO	(1u << 1)	/* uncached; else write-back, over which the partition's PAT decides */
#define PVM_S2_SAME	(1u << 2)	/* every page of the range is the one page at @hpa */

/**
 * struct pvm_stage2_range - one range
 * @gpa:	what the partition uses; page-aligned
 * @hpa:	what it is; page-aligned
 * @bytes:	a multiple of the page size
 * @flags:	PVM_S2_*
 */
struct pvm_stage2_range {
	u64 gpa, hpa, bytes;
	u32 flags;
};

enum pvm_stage2_kind { PVM_STAGE2_EPT, PVM_STAGE2_NPT };

/**
 * struct pvm_stage2 - tables being built
 * @kind:	whose format
 * @levels:	4 or 5 (NPT walks as many as the host's CR4.LA57 says)
 * @pool:	memory for the tables, @pages of 4 KiB, zeroed
 * @pool_pa:	its physical address; the root is the first page
 * @pages:	pages there are
 * @used:	pages in use
 */
struct pvm_stage2 {
	enum pvm_stage2_kind kind;
	u32 levels;
	u64 *pool;
	u64 pool_pa;
	u32 pages;
	u32 used;
};

/**
 * pvm_stage2_pages - an upper bound of the pages that ranges need
 * @r:		ranges
 * @n:		how many
 * @levels:	4 or 5
 *
 * Context: any.
 * Return: pages.
 */
u32 pvm_stage2_pages(const struct pvm_stage2_range *r, u32 n, u32 levels);

/**
 * pvm_stage2_build - build the tables
 * @s:		everything but @used filled
 * @r:		ranges; a later one wins where two overlap
 * @n:		how many
 *
 * Context: any.
 * Return: 0, or -ENOMEM: the pool is too small.
 */
int __must_check pvm_stage2_build(struct pvm_stage2 *s, const struct pvm_stage2_range *r, u32 n);

/**
 * pvm_stage2_root - what the CPU is given
 * @s:		built
 *
 * Context: any.
 * Return: EPT pointer (write-back walks), or nested CR3.
 */
u64 pvm_stage2_root(const struct pvm_stage2 *s);

/**
 * pvm_stage2_find - walk as the CPU would
 * @s:		built
 * @gpa:	address
 * @hpa:	where it leads; untouched on an error
 * @entry:	the leaf; untouched on an error
 *
 * Context: any.
 * Return: 0, or -ENOENT: not mapped.
 */
int __must_check pvm_stage2_find(const struct pvm_stage2 *s, u64 gpa, u64 *hpa, u64 *entry);

#endif /* PVM_PART_STAGE2_H */
