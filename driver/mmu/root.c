// SPDX-License-Identifier: GPL-2.0-only
/*
 * Roots: which shadow pages go into CR3, base switches, pins, the classification of frames as page tables.
 *
 * Both guest roots of a process share everything below level 4. A root is kept until its frame is unpinned, so a
 * context switch finds it again; CR3 values are recomputed before the next entry (pvm_mmu_set_roots).
 */
#include <linux/mm.h>

#include "mmu/shadow.h"

static u64 root_cr3(const struct pvm_sp *sp)
{
	return __sme_pa(sp->top ? sp->top : sp->spt);
}

static struct pvm_sp *find_root(struct pvm_vcpu *v, u64 gfn, bool user_view)
{
	struct pvm_sp *sp = pvm_sp_make(v, gfn, 4, user_view);

	if (sp)
		pvm_mark_table(v, pvm_frame_of(v->vm, gfn), 4);
	return sp;
}

/*
 * A new kernel root shares all but the lower half with the one before. Whatever that one has linked there and the new
 * one names, too, is linked at once: five faults less for each new process.
 */
static void link_kernel_half(struct pvm_vcpu *v, struct pvm_sp *sp)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, v->mmu.last_kroot_gfn);
	struct pvm_sp *last = f ? pvm_sp_find(f, 4, false) : NULL, *child;
	u32 i = PVM_HOLE_LAST + 1;
	u64 pte;

	if (!last)
		return;
	for_each_set_bit_from(i, last->present, PVM_PTES) {
		if (pvm_cache_is_low(v))
			return;
		child = pvm_sp_of(phys_to_virt(__sme_clr(*pvm_spte_at(last, i)) & PVM_PTE_FRAME));
		if (pvm_gpte_read(v, sp->gfn, i, &pte)) {
			v->need.what = PVM_NEED_NONE;
			return;
		}
		if ((pte & (PVM_PTE_P | PVM_PTE_A)) == (PVM_PTE_P | PVM_PTE_A) && !(pte & PVM_PTE_PS) &&
		    pvm_pte_gfn(pte) == child->gfn)
			pvm_sp_link(v, sp, i, pte, child);
	}
}

/**
 * pvm_mmu_set_roots() - find or make the shadows of both roots, for CR3
 * @v: the vCPU
 *
 * Context: resident. Return: 0 or -PVM_ENEED.
 */
int pvm_mmu_set_roots(struct pvm_vcpu *v)
{
	struct pvm_vcpu_mmu *m = &v->mmu;
	struct pvm_mmu *mmu = &v->vm->mmu;
	LIST_HEAD(dispose);
	int err = 0;

	spin_lock(&mmu->lock);
	if (unlikely(mmu->nr_pages + PVM_PAGES_PER_FAULT > mmu->max_pages))
		pvm_sp_reclaim(v->vm, 16, &dispose);
	m->kroot = find_root(v, m->kroot_gfn, false);
	m->uroot = m->uroot_gfn ? find_root(v, m->uroot_gfn, true) : NULL;
	if (!m->kroot || (m->uroot_gfn && !m->uroot)) {
		err = pvm_need_cache(v);
	} else {
		if (!m->kroot->nr_present)
			link_kernel_half(v, m->kroot);
		m->last_kroot_gfn = m->kroot_gfn;
		v->ss->kernel_cr3 = root_cr3(m->kroot);
		v->ss->user_cr3 = m->uroot ? root_cr3(m->uroot) : 0;
	}
	spin_unlock(&mmu->lock);
	pvm_sp_recycle(v, &dispose);
	return err;
}

/*
 * A frame is seen as a page table of @level: no leaf may be writable, native writes to level 1 are emulated. A frame
 * that is one of a higher level already is read through a recursive map, and stays what it is.
 */
void pvm_mark_table(struct pvm_vcpu *v, struct pvm_frame *f, u32 level)
{
	if (f && pvm_frame_level(f) < level)
		pvm_frame_set_level(f, level);
}

/* It may be written to from now on without anybody noticing. Its shadows are gone. Context: mmu.lock held. */
void pvm_unmark_table(struct pvm_vm *vm, struct pvm_frame *f)
{
	pvm_frame_set_level(f, 0);
	vm->mmu.mark_gen++;
}

/**
 * pvm_mmu_pin() - a frame becomes a live page table
 * @v: the vCPU
 * @gfn: guest frame number
 * @level: page-table level, 1..4
 *
 * Context: resident. Return: 0, -EINVAL no such frame.
 */
int pvm_mmu_pin(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 level)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn.v);

	if (!f)
		return -EINVAL;
	spin_lock(&v->vm->mmu.lock);
	if (pvm_frame_level(f) > level)
		v->vm->mmu.mark_gen++;
	pvm_frame_set_level(f, level);	/* the guest says so, whatever it was */
	spin_unlock(&v->vm->mmu.lock);
	return 0;
}

/** pvm_mmu_unpin() - a frame stops being a page table: its shadows go. Context, Return: as pvm_mmu_pin(). */
int pvm_mmu_unpin(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn.v);
	LIST_HEAD(dispose);

	if (!f)
		return -EINVAL;
	spin_lock(&v->vm->mmu.lock);
	pvm_sp_zap_frame(v->vm, f, &dispose);
	pvm_unmark_table(v->vm, f);
	spin_unlock(&v->vm->mmu.lock);
	pvm_sp_recycle(v, &dispose);
	return 0;
}

/** pvm_mmu_new_base() - new kernel root. Context: resident. Return: 0, -EINVAL no such frame. */
int pvm_mmu_new_base(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	if (!pvm_frame_of(v->vm, gfn.v))
		return -EINVAL;
	v->mmu.kroot_gfn = gfn.v;
	v->mmu.kroot = NULL;
	return pvm_mmu_flush(v);
}

/** pvm_mmu_new_user_base() - new user root, 0 = none. Context: resident. Return: 0, -EINVAL no such frame. */
int pvm_mmu_new_user_base(struct pvm_vcpu *v, u64 gfn)
{
	if (gfn && !pvm_frame_of(v->vm, gfn))
		return -EINVAL;
	v->mmu.uroot_gfn = gfn;
	v->mmu.uroot = NULL;
	v->ss->user_cr3 = 0;		/* found again before the next entry; never a freed one */
	return 0;
}

static struct pvm_sp *known_root(struct pvm_vcpu *v, u64 gfn, bool user_view)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);

	return f && pvm_frame_level(f) == 4 ? pvm_sp_find(f, 4, user_view) : NULL;
}

/**
 * pvm_mmu_switch_base() - new kernel and user root, if both have shadows and nothing else is to be done
 * @v: the vCPU, which has a user root
 * @kroot_gfn: frame of the kernel's root
 * @uroot_gfn: frame of the user root
 *
 * Context: resident, IRQs off. Return: done; else nothing has changed.
 */
bool pvm_mmu_switch_base(struct pvm_vcpu *v, u64 kroot_gfn, u64 uroot_gfn)
{
	struct pvm_vcpu_mmu *m = &v->mmu;
	struct pvm_sp *kroot, *uroot;

	if (v->ss->nr_unsync || !m->uroot_gfn || !uroot_gfn)
		return false;
	if (unlikely(!spin_trylock(&v->vm->mmu.lock)))
		return false;		/* IRQs are off: no waiting */
	kroot = known_root(v, kroot_gfn, false);
	uroot = known_root(v, uroot_gfn, true);
	if (likely(kroot && uroot)) {
		kroot->referenced = true;
		uroot->referenced = true;
		m->kroot = kroot;
		m->uroot = uroot;
		m->kroot_gfn = kroot_gfn;
		m->uroot_gfn = uroot_gfn;
		v->ss->kernel_cr3 = root_cr3(kroot);
		v->ss->user_cr3 = root_cr3(uroot);
	}
	spin_unlock(&v->vm->mmu.lock);
	if (unlikely(!kroot || !uroot))
		return false;
	pvm_vtlb_flush(v);
	return true;
}

/* Whole-VM flush: what the guest wrote to out-of-sync tables counts from here on. */
int pvm_mmu_flush(struct pvm_vcpu *v)
{
	if (v->ss->nr_unsync)
		pvm_mmu_resync_all(v);
	pvm_vtlb_flush(v);
	return 0;
}

int pvm_mmu_flush_va(struct pvm_vcpu *v, u64 va)
{
	if (v->ss->nr_unsync)
		pvm_mmu_resync_va(v, va);
	pvm_vtlb_flush_va(v, va);
	return 0;
}
