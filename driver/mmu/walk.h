/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page-table walk.
 *
 * Pure: entries are read through the seam pvm_gmem_read_pte(), everything else is arithmetic.
 */
#ifndef PVM_MMU_WALK_H
#define PVM_MMU_WALK_H

#include "base/types.h"
#include "base/x86.h"

struct pvm_vcpu;

/**
 * struct pvm_walk - what the guest's tables say about an address
 * @level:	level of the last entry read: 1 when the walk is complete
 * @writable:	W in every entry read
 * @nx:		NX in any entry read
 * @table:	[1..4] frame of the table at that level
 * @index:	[1..4] entry in it
 * @pte:	[1..4] the entry
 */
struct pvm_walk {
	u8 level;
	bool writable, nx;
	u64 table[5];
	u32 index[5];
	u64 pte[5];
};

/* Seam (mmu/gmem.c): 0, -ENXIO no such frame, -PVM_ENEED. */
int pvm_gmem_read_pte(struct pvm_vcpu *v, u64 table, u32 index, u64 *pte);

/**
 * pvm_walk() - walk the tables under @root for @va
 *
 * Large pages do not exist for PV guests: an entry with PS counts as not present.
 *
 * Context: that of the seam. Return: 0 all four entries are present; -ENOENT the one at w->level is not; -ENXIO the
 * table at w->level is no frame of the guest; -PVM_ENEED.
 */
int pvm_walk(struct pvm_vcpu *v, u64 root, u64 va, struct pvm_walk *w);

#endif /* PVM_MMU_WALK_H */
