// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults: whose fault it is, and filling the shadow.
 *
 * Reads the guest's tables (walk.c), sets A and D in them as the CPU would, finds the host page in the VMM's page
 * tables and installs an entry (spte.h has the bits). Does not deliver exceptions and does not sleep.
 *
 * Host frames are taken without a reference: the host walk and the install happen under mmu.lock with no host
 * invalidation under way, and an invalidation that starts later has to take the lock and will find the entry. A frame
 * is lent writable only if the host's own entry is writable and dirty, so the host never misses a guest's write.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pgtable.h>

#include "mmu/shadow.h"

/*
 * The host's mapping of @hva. IRQs off keep its page tables from being freed, as in get_user_pages_fast(); as there,
 * each entry is read once and what was checked is what is followed.
 * Memory of no struct page, and device memory, is never lent.
 */
static bool host_walk(unsigned long hva, pvm_hfn_t *hfn, bool *host_w)
{
	pgd_t *pgdp = pgd_offset(current->mm, hva), pgd = READ_ONCE(*pgdp);
	const u64 need = _PAGE_PRESENT | _PAGE_USER, w = _PAGE_RW | _PAGE_DIRTY;
	u64 flags, pfn;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	if (pgd_none(pgd) || pgd_bad(pgd))
		return false;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || p4d_bad(p4d))
		return false;
	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (!(pud_val(pud) & _PAGE_PRESENT))
		return false;
	if (pud_val(pud) & _PAGE_PSE) {
		flags = pud_flags(pud);
		pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
		goto found;
	}
	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (!(pmd_val(pmd) & _PAGE_PRESENT))
		return false;
	if (pmd_val(pmd) & _PAGE_PSE) {
		flags = pmd_flags(pmd);
		pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
		goto found;
	}
	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	flags = pte_flags(pte);
	pfn = pte_pfn(pte);
found:
	if ((flags & need) != need || !pfn_valid(pfn))
		return false;
	/* Special at any size is memory of a driver, whose end no invalidation tells; or a zero page, small or huge. */
	if ((flags & _PAGE_SPECIAL) && !is_zero_pfn(pfn) && ((flags & _PAGE_RW) || !PageCompound(pfn_to_page(pfn))))
		return false;
	*hfn = pvm_hfn(pfn);
	*host_w = (flags & w) == w;
	return true;
}

int pvm_host_frame(struct pvm_vcpu *v, struct pvm_frame *f, u64 gfn, bool write, pvm_hfn_t *hfn, bool *host_w)
{
	const struct pvm_mmu *mmu = &v->vm->mmu;
	unsigned long hva, flags;
	bool found;

	/* Already lent somewhere, usually through the guest kernel's direct map: that entry knows. */
	if (f->rmap) {
		u64 spte = *pvm_rmap_first(f->rmap);

		*hfn = pvm_hfn((__sme_clr(spte) & PVM_PTE_FRAME) >> PVM_PAGE_SHIFT);
		*host_w = spte & PVM_SPTE_HOST_W;
		if (*host_w || !write)
			return 0;
	}
	hva = pvm_gfn_to_hva(v->vm, gfn);
	if (mmu->invalidating && hva < mmu->invalidate_end && hva + PAGE_SIZE > mmu->invalidate_start)
		return pvm_need_page(v, pvm_gfn(gfn), write);
	local_irq_save(flags);
	found = host_walk(hva, hfn, host_w);
	local_irq_restore(flags);
	if (!found || (write && !*host_w))
		return pvm_need_page(v, pvm_gfn(gfn), write);
	return 0;
}

/**
 * pvm_fill_leaf() - make the level-1 entry for a guest entry
 * @v: the vCPU
 * @sp: the shadow page
 * @index: entry, 0..511
 * @write: the access is a write
 * @gpte: present, with A (and D if @write) already set in guest memory
 * @demote: a page table that the entry maps writable is none any more; else it gets mapped read-only
 *
 * Context: mmu.lock held, caches not low. Return: 0, -ENXIO the entry names no frame, -PVM_ENEED.
 */
int pvm_fill_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, bool write, bool demote)
{
	u64 gfn = pvm_pte_gfn(gpte);
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);
	bool want_w = (gpte & PVM_PTE_W) && (write || (gpte & PVM_PTE_D)), host_w;
	u32 in = write ? PVM_SPTE_IN_WRITE : 0;
	LIST_HEAD(dispose);
	pvm_hfn_t hfn;
	int err;

	if (!f)
		return -ENXIO;
	err = pvm_host_frame(v, f, gfn, write, &hfn, &host_w);
	if (err)
		return err;
	/*
	 * A stock guest maps its live tables read-only; where it maps one writable by hypercall, or writes to
	 * it, it is none any more. A read must not do that: the table may be part of the walk that reads it
	 * (recursive maps), and would be made again at once, for ever. Nor may @sp vanish under us.
	 */
	if (f->sp_level && want_w && demote && gfn != sp->gfn) {
		pvm_sp_zap_frame(v->vm, f, &dispose);
		pvm_unmark_table(v->vm, f);
	} else if (f->sp_level) {
		in |= PVM_SPTE_IN_TABLE;
	}
	if (host_w)
		in |= PVM_SPTE_IN_HOST_W;
	pvm_spte_set_leaf(v, sp, index, f, gpte, pvm_spte_leaf(gpte, hfn, in));
	if (!list_empty(&dispose))
		pvm_sp_recycle(v, &dispose);
	return 0;
}

bool pvm_cache_is_low(const struct pvm_vcpu *v)
{
	const struct pvm_mmu_cache *c = &v->mmu.cache;

	return c->nr_page < 10 || c->nr_sp < 4 || !pvm_rmap_has_room(v);
}

/* @child below entry @index of @sp, whose guest entry is @gpte. Context: mmu.lock held, caches not low. */
void pvm_sp_link(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, struct pvm_sp *child)
{
	u64 entry = pvm_spte_table(gpte, pvm_hfn(__pa(child->spt) >> PVM_PAGE_SHIFT)) | sme_me_mask;
	u64 *at = pvm_spte_at(sp, index);

	if (likely(*at == entry))
		return;
	pvm_spte_clear(v->vm, at);
	if (pvm_rmap_is_full(child->parents))
		pvm_spte_clear(v->vm, pvm_rmap_first(child->parents));
	pvm_rmap_add(v, &child->parents, at);
	__set_bit(index, sp->present);
	sp->nr_present++;
	WRITE_ONCE(*at, entry);
}

/*
 * Shadow pages for every level of a walk, linked from the active root down. Returns the level-1 page.
 * Context: mmu.lock held, caches not low.
 */
struct pvm_sp *pvm_link_path(struct pvm_vcpu *v, const struct pvm_walk *w)
{
	bool user = !v->ss->kernel_mode;
	struct pvm_sp *sp = pvm_sp_make(v, w->table[4], 4, user), *child;
	int level;

	for (level = 4; sp && level > 1; level--) {
		child = pvm_sp_make(v, w->table[level - 1], level - 1, false);
		if (!child)
			return NULL;
		pvm_mark_table(v, pvm_frame_of(v->vm, child->gfn), child->level);
		pvm_sp_link(v, sp, w->index[level], w->pte[level], child);
		sp = child;
	}
	return sp;
}

/* A in every entry of the walk, D in the leaf for a write. 1: an entry changed under us, walk again. */
static int touch(struct pvm_vcpu *v, struct pvm_walk *w, int level, bool write)
{
	int ret;

	for (; level >= 1; level--) {
		u64 want = pvm_gpte_touched(w->pte[level], write && level == 1);

		if (want == w->pte[level])
			continue;
		ret = pvm_gpte_cmpxchg(v, w->table[level], w->index[level], &w->pte[level], want);
		if (ret)
			return ret;
		w->pte[level] = want;
	}
	return 0;
}

static enum pvm_fault_result fill(struct pvm_vcpu *v, u64 va, struct pvm_walk *w, struct pvm_path *path, bool write)
{
	struct pvm_mmu *mmu = &v->vm->mmu;
	struct pvm_walk full __uninitialized;
	LIST_HEAD(dispose);
	struct pvm_sp *sp;
	u64 before;
	int err;

	spin_lock(&mmu->lock);
	if (unlikely(pvm_cache_is_low(v))) {
		err = pvm_need_cache(v);
		goto out;
	}
	if (unlikely(mmu->nr_pages + PVM_PAGES_PER_FAULT > mmu->max_pages))
		pvm_sp_reclaim(v->vm, 16, &dispose);
	sp = path && path->zap_gen == mmu->zap_gen ? path->sp : NULL;
	if (unlikely(!sp)) {
		/* The upper levels are needed after all; what changed meanwhile faults again. */
		if (path && (pvm_walk(v, pvm_active_root(v), va, &full) || full.table[1] != w->table[1])) {
			path->key = 0;
			err = 0;
			goto out;
		}
		sp = pvm_link_path(v, path ? &full : w);
		if (!sp) {
			err = pvm_need_cache(v);
			goto out;
		}
		pvm_path_remember(v, !v->ss->kernel_mode, va, path ? &full : w, sp);
	}
	before = sp->spt[w->index[1]];
	err = pvm_fill_leaf(v, sp, w->index[1], w->pte[1], write, write);
	if (!err)
		pvm_count(v, before == sp->spt[w->index[1]] ? PVM_STAT_PF_SPURIOUS : PVM_STAT_PF_FILL);
out:
	spin_unlock(&mmu->lock);
	pvm_sp_recycle(v, &dispose);
	return err == -PVM_ENEED ? PVM_FAULT_NEED : err ? PVM_FAULT_GUEST : PVM_FAULT_FIXED;
}

/*
 * A writable mapping of a table that this very walk goes through: lending it would take the table away, walking would
 * bring it back. Such writes are emulated.
 */
static bool writes_own_path(struct pvm_vcpu *v, u64 va, const struct pvm_walk *leaf)
{
	u64 gfn = pvm_pte_gfn(leaf->pte[1]);
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);
	struct pvm_walk w;

	if (likely(!f || !f->sp_level))
		return false;
	/* @leaf may lack its upper levels; a walk that fails now is left to the next fault */
	if (pvm_walk(v, pvm_active_root(v), va, &w))
		return false;
	return gfn == w.table[1] || gfn == w.table[2] || gfn == w.table[3] || gfn == w.table[4];
}

/* A level-1 table by its type, or because it is used as one. The shrinker frees what is looked at without the lock. */
static bool is_level1_table(struct pvm_vm *vm, const struct pvm_frame *f)
{
	bool is;

	if (likely(pvm_frame_level(f) == 1))
		return true;
	spin_lock(&vm->mmu.lock);
	is = pvm_sp_find(f, 1, false);
	spin_unlock(&vm->mmu.lock);
	return is;
}

/**
 * pvm_mmu_fault() - a page fault of the guest
 * @v: the vCPU
 * @cr2:	48-bit canonical address
 * @error:	hardware error code; its U bit says nothing (all guest code is at CPL3)
 * @guest_error: OUT with PVM_FAULT_GUEST: P, W, I in terms of the guest's tables
 * @gfn:	OUT with PVM_FAULT_EMULATE: live level-1 table the guest kernel writes to
 *
 * Context: resident.
 */
enum pvm_fault_result pvm_mmu_fault(struct pvm_vcpu *v, u64 cr2, u32 error, u32 *guest_error, pvm_gfn_t *gfn)
{
	bool write = error & PVM_PF_W, fetch = error & PVM_PF_I;
	struct pvm_path *path;
	struct pvm_frame *f;
	struct pvm_walk w __uninitialized;
	int ret;

	*guest_error = error & (PVM_PF_W | PVM_PF_I);
	if (unlikely(!pvm_is_guest_va(cr2))) {
		/* Of the hole only the M2P exists for the guest: there in the kernel view, read-only. */
		if (v->ss->kernel_mode && cr2 - PVM_M2P_VA < v->vm->mmu.m2p_nr_pages * PVM_PAGE_SIZE)
			*guest_error |= PVM_PF_P;
		return PVM_FAULT_GUEST;
	}
	ret = pvm_path_walk(v, !v->ss->kernel_mode, cr2, &w, &path);
	if (ret == -PVM_ENEED)
		return PVM_FAULT_NEED;
	/* So that the guest's own faults, too, read one entry next time. */
	if (!path && w.level == 1 && (ret == -ENOENT || (write && !w.writable)))
		pvm_path_remember(v, !v->ss->kernel_mode, cr2, &w, NULL);
	if (ret)
		return PVM_FAULT_GUEST;
	if (fetch && w.nx)
		goto protection;
	if (write && !w.writable) {
		/* Only where the leaf itself is read-only: not through a read-only recursive map. */
		f = pvm_frame_of(v->vm, pvm_pte_gfn(w.pte[1]));
		if (!v->ss->kernel_mode || !f || (w.pte[1] & PVM_PTE_W) || !is_level1_table(v->vm, f))
			goto protection;
		*gfn = pvm_gfn(pvm_pte_gfn(w.pte[1]));
		return PVM_FAULT_EMULATE;
	}
	ret = touch(v, &w, path ? 1 : 4, write);
	if (ret)
		return ret == 1 ? PVM_FAULT_FIXED : ret == -PVM_ENEED ? PVM_FAULT_NEED : PVM_FAULT_GUEST;
	if (unlikely(write && writes_own_path(v, cr2, &w))) {
		*gfn = pvm_gfn(pvm_pte_gfn(w.pte[1]));
		return PVM_FAULT_EMULATE;
	}
	return fill(v, cr2, &w, path, write);

protection:
	*guest_error |= PVM_PF_P;
	return PVM_FAULT_GUEST;
}
