// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way down to level-1 tables, remembered per vCPU and 2 MiB: see struct pvm_path in mmu.h.
 *
 * A guest kernel's stack, its per-CPU data and the pages of one program lie in few regions. Four guest entries read one
 * by one cost as much as all the rest of a fault, so only the last is, where the way is known.
 */
#include "mmu/shadow.h"

static u64 path_key(bool user, u64 va)
{
	return (va & ~((1ull << 21) - 1)) | user << 1 | 1;
}

static struct pvm_path *path_of(struct pvm_vcpu *v, u64 root, u64 va)
{
	return &v->mmu.path[((va >> 21) + root * 5) % PVM_PATH_CACHE];
}

/**
 * pvm_path_walk() - pvm_walk() with a memory
 * @v: the vCPU
 * @user: the user view, else the kernel's
 * @va: guest address
 * @w: OUT; of upper levels nothing is filled in if *@path is set
 * @path: OUT the way that was taken, NULL all tables were read
 *
 * Context, Return: as pvm_walk().
 */
int pvm_path_walk(struct pvm_vcpu *v, bool user, u64 va, struct pvm_walk *w, struct pvm_path **path)
{
	u64 root = user ? v->mmu.uroot_gfn : v->mmu.kroot_gfn;
	struct pvm_path *p = path_of(v, root, va);
	int err;

	if (unlikely(p->key != path_key(user, va) || p->root != root ||
		     p->mark_gen != READ_ONCE(v->vm->mmu.mark_gen))) {
		*path = NULL;
		return pvm_walk(v, root, va, w);
	}
	*path = p;
	w->level = 1;
	w->table[1] = p->table;
	w->index[1] = pvm_va_index(va, 1);
	err = pvm_gpte_read_at(v, p->table, p->hva, w->index[1], &w->pte[1]);
	if (unlikely(err))
		return err;
	w->writable = p->writable && (w->pte[1] & PVM_PTE_W);
	w->nx = p->nx || (w->pte[1] & PVM_PTE_NX);
	return w->pte[1] & PVM_PTE_P ? 0 : -ENOENT;
}

/* The tables above level 1: a write to one of them is never missed. */
static bool is_live(const struct pvm_vcpu *v, const struct pvm_walk *w)
{
	u32 level;

	for (level = 2; level <= 4; level++) {
		const struct pvm_frame *f = pvm_frame_of(v->vm, w->table[level]);

		if (!f || pvm_frame_level(f) < level)
			return false;
	}
	return true;
}

/**
 * pvm_path_remember() - for the next time
 * @v: the vCPU
 * @user: the view of @w
 * @va: guest address
 * @w: walk that read all four levels; the lowest entry need not be present
 * @sp: shadow of the level-1 table, linked all the way up; NULL not known
 *
 * Kept only if the upper entries have A, as a CPU would, and their tables are live. Context: resident.
 */
void pvm_path_remember(struct pvm_vcpu *v, bool user, u64 va, const struct pvm_walk *w, struct pvm_sp *sp)
{
	struct pvm_path *p = path_of(v, w->table[4], va);
	u64 all = w->pte[2] & w->pte[3] & w->pte[4];

	if (!(all & PVM_PTE_A) || !is_live(v, w))
		return;
	p->key = path_key(user, va);
	p->root = w->table[4];
	p->table = w->table[1];
	p->hva = pvm_gfn_to_hva(v->vm, p->table);
	p->writable = all & PVM_PTE_W;
	p->nx = (w->pte[2] | w->pte[3] | w->pte[4]) & PVM_PTE_NX;
	p->sp = sp;
	p->zap_gen = v->vm->mmu.zap_gen;
	p->mark_gen = v->vm->mmu.mark_gen;
}

/**
 * pvm_mmu_fault_is_guests() - is a page fault the guest's own, by what is known already?
 * @v: the vCPU
 * @cr2: the address
 * @error: hardware error code
 * @guest_error: OUT if so: what pvm_mmu_fault() would say
 *
 * Looks at one entry of the guest's. Nothing but that entry is needed to know that it maps nothing, or that user mode
 * may not do with it what it tried; all else is left to pvm_mmu_fault().
 *
 * Context: resident, IRQs off or on.
 */
bool pvm_mmu_fault_is_guests(struct pvm_vcpu *v, u64 cr2, u32 error, u32 *guest_error)
{
	bool user = !v->ss->kernel_mode;
	u64 root = user ? v->mmu.uroot_gfn : v->mmu.kroot_gfn, pte;
	const struct pvm_path *p = path_of(v, root, cr2);

	if (p->key != path_key(user, cr2) || p->root != root || p->mark_gen != READ_ONCE(v->vm->mmu.mark_gen) ||
	    error & ~(PVM_PF_P | PVM_PF_W | PVM_PF_U | PVM_PF_I) ||
	    pvm_gpte_read_at(v, p->table, p->hva, pvm_va_index(cr2, 1), &pte))
		return false;
	*guest_error = error & (PVM_PF_W | PVM_PF_I);
	if (!(pte & PVM_PTE_P))
		return true;
	*guest_error |= PVM_PF_P;
	/* The kernel's may be a write to one of its tables. */
	return user && (error & PVM_PF_I ? p->nx || pte & PVM_PTE_NX :
			error & PVM_PF_W && !(p->writable && pte & PVM_PTE_W));
}
