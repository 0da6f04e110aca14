// SPDX-License-Identifier: GPL-2.0-only
/* Guest page-table walk: see walk.h. Pure. */
#include <linux/errno.h>

#include "mmu/walk.h"

int pvm_walk(struct pvm_vcpu *v, u64 root, u64 va, struct pvm_walk *w)
{
	u64 table = root;
	int level, err;

	w->writable = true;
	w->nx = false;
	for (level = 4; level >= 1; level--) {
		u32 index = (va >> (PVM_PAGE_SHIFT + 9 * (level - 1))) & (PVM_PTES - 1);
		u64 pte;

		w->level = level;
		w->table[level] = table;
		w->index[level] = index;
		err = pvm_gmem_read_pte(v, table, index, &pte);
		if (err)
			return err;
		w->pte[level] = pte;
		if (!(pte & PVM_PTE_P) || (level > 1 && (pte & PVM_PTE_PS)))
			return -ENOENT;
		w->writable &= !!(pte & PVM_PTE_W);
		w->nx |= !!(pte & PVM_PTE_NX);
		table = pvm_pte_gfn(pte);
	}
	return 0;
}
