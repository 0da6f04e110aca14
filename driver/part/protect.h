/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for second-stage tables and what goes into them (stage2.c builds them). Host side. */
#ifndef PVM_PART_PROTECT_H
#define PVM_PART_PROTECT_H

#include "part/stage2.h"

struct pvm_part;

/**
 * struct pvm_stage2_tables - tables in memory; all zero: none
 * @pool:	from alloc_pages_exact()
 * @bytes:	its size
 * @root:	EPT pointer or nested CR3
 */
struct pvm_stage2_tables {
	void *pool;
	size_t bytes;
	u64 root;
};

/**
 * pvm_protect_create - what a partition may touch with PVM_PART_PROTECT: its memory, its window below 1 MiB, its BARs,
 *	its local APIC; the rest of the first MiB reads as zeros, because stock kernels look for tables there
 * @p:		partition; memory and devices are taken
 * @kind:	whose format
 * @levels:	4 or 5
 * @t:		OUT
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int __must_check pvm_protect_create(struct pvm_part *p, enum pvm_stage2_kind kind, u32 levels,
				    struct pvm_stage2_tables *t);

/**
 * pvm_unpaged_create - the first 4 GiB, for a CPU under VMX that has paging off
 * @p:		partition; memory is taken
 * @t:		OUT
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int __must_check pvm_unpaged_create(struct pvm_part *p, struct pvm_stage2_tables *t);

/** pvm_stage2_free - accepts what is not there. Context: any. */
void pvm_stage2_free(struct pvm_stage2_tables *t);

#endif /* PVM_PART_PROTECT_H */
