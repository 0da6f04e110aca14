// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-table changes by the guest: by hypercall, by native writes that fault, and by native writes that do not.
 *
 * A hypercall says table, index and entry: guest memory and shadow are changed together, and an entry that the guest
 * has just made accessible is installed at once, because the access it is made for comes next.
 *
 * A native write to a live level-1 table faults (the guest maps it read-only). One write is emulated (emul/ptwrite.c).
 * After a run of PVM_WRITE_RUN writes to the same table its alias is made writable and the table is "unsync": the
 * shadow may lag behind until the guest flushes, as a TLB may. Then only entries that differ from what the shadow
 * knows are changed; entries without a shadow entry cost nothing. Seen with fork and munmap, which touch whole
 * tables. INVLPG looks at the one entry it means and lets the table be: copy-on-write takes an entry away, flushes its
 * address and sets it, page after page.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "mmu/shadow.h"

#define PVM_WRITE_RUN	1

/* The entry as a leaf of the frame that @spte, of whatever table, maps. */
static __always_inline u64 leaf_like(u64 gpte, u64 spte)
{
	return pvm_spte_leaf(gpte, pvm_spte_hfn(__sme_clr(spte)), spte & PVM_SPTE_HOST_W ? PVM_SPTE_IN_HOST_W : 0) |
	       sme_me_mask;
}

/* Same frame as before, which is no table: no reverse map changes, no host page is looked for. */
static __always_inline bool upgrade_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte)
{
	const struct pvm_frame *f = pvm_frame_of(v->vm, pvm_pte_gfn(gpte));
	u64 *at = &sp->spt[index];

	if (unlikely(!f || f->sp_level || (*at & PVM_SPTE_ALIAS)))
		return false;
	WRITE_ONCE(*at, leaf_like(gpte, *at));
	sp->known[index] = gpte;
	return true;
}

static noinline void install_any_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte)
{
	if (pvm_cache_is_low(v) || pvm_fill_leaf(v, sp, index, gpte, false, true))
		v->need.what = PVM_NEED_NONE;	/* a guess that needs nothing: the access will fault and ask */
	else
		pvm_count(v, PVM_STAT_PTE_PREFILL);
}

/*
 * Nothing was there. In the plain case the frame is no table and is mapped elsewhere, usually by the guest's direct
 * map, so that its host page is known.
 */
static __always_inline void install_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte,
					 struct pvm_frame *target)
{
	struct pvm_frame *f = target ?: pvm_frame_of(v->vm, pvm_pte_gfn(gpte));
	u64 *at = &sp->spt[index], spte;

	if (unlikely(!f || !f->rmap || f->sp_level || !v->mmu.cache.nr_chunk || pvm_rmap_is_full(f->rmap))) {
		install_any_leaf(v, sp, index, gpte);
		return;
	}
	spte = leaf_like(gpte, *pvm_rmap_first(f->rmap));
	pvm_rmap_add(v, &f->rmap, at);
	sp->known[index] = gpte;
	__set_bit(index, sp->present);
	sp->nr_present++;
	WRITE_ONCE(*at, spte);
	pvm_count(v, PVM_STAT_PTE_PREFILL);
}

/*
 * The shadow entry of one changed guest entry. @prefill: install it if it is accessible and everything is at hand.
 * @target: the frame it names, NULL not known.
 */
static __always_inline void apply_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, bool prefill,
				       struct pvm_frame *target)
{
	u64 *at = &sp->spt[index];

	if (*at & PVM_PTE_P) {
		switch (pvm_spte_change(sp->known[index], gpte, *at)) {
		case PVM_SPTE_KEEP:
			sp->known[index] = gpte;
			return;
		case PVM_SPTE_DOWNGRADE:
			WRITE_ONCE(*at, pvm_spte_downgrade(*at, gpte));
			sp->known[index] = gpte;
			return;
		case PVM_SPTE_REPLACE:
			if (upgrade_leaf(v, sp, index, gpte))
				return;
			fallthrough;
		case PVM_SPTE_DROP:
			pvm_leaf_clear(v->vm, sp, index);
			break;
		}
	}
	if (prefill && (gpte & (PVM_PTE_P | PVM_PTE_A)) == (PVM_PTE_P | PVM_PTE_A))
		install_leaf(v, sp, index, gpte, target);
}

/* Upper levels, and frames with several shadows. */
static noinline void apply_any(struct pvm_vcpu *v, struct pvm_frame *f, u32 index, u64 gpte, bool prefill)
{
	struct pvm_sp *sp;
	u32 level = pvm_frame_level(f);

	for (sp = pvm_frame_sp(f); sp; sp = sp->next) {
		if (sp->level == 1) {
			/* an upper table read as level 1 is a recursive map: no mappings to guess from */
			apply_leaf(v, sp, index, gpte, prefill && level == 1, NULL);
		} else if (sp->level < 4 || index < PVM_HOLE_FIRST || index > PVM_HOLE_LAST) {
			pvm_spte_clear(v->vm, pvm_spte_at(sp, index));
		}
	}
	if (level > 1) {
		if ((gpte & PVM_PTE_P) && !(gpte & PVM_PTE_PS) &&
		    (level < 4 || index < PVM_HOLE_FIRST || index > PVM_HOLE_LAST))
			pvm_mark_table(v, pvm_frame_of(v->vm, pvm_pte_gfn(gpte)), level - 1);
		v->vm->mmu.mark_gen++;
		pvm_vtlb_flush(v);
	}
}

/* A guest entry has changed: so does its shadow. Context: mmu.lock held. */
static __always_inline void apply(struct pvm_vcpu *v, struct pvm_frame *f, u32 index, u64 gpte, bool prefill,
				  struct pvm_frame *target)
{
	struct pvm_sp *sp = pvm_frame_sp(f);

	if (!f->sp_level)
		return;
	if (unlikely(pvm_frame_level(f) != 1 || (sp && (sp->level != 1 || sp->next))))
		apply_any(v, f, index, gpte, prefill);
	else if (sp)
		apply_leaf(v, sp, index, gpte, prefill, target);
}

static __always_inline int put_entry(unsigned long hva, u32 index, u64 pte)
{
	u64 __user *p = (u64 __user *)hva + index;

	if (!user_write_access_begin(p, sizeof(*p)))
		return -EFAULT;
	unsafe_put_user(pte, p, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* A and D of the old entry stay, also one that another vCPU sets meanwhile. */
static __always_inline int put_keeping_ad(struct pvm_vcpu *v, unsigned long hva, u32 index, u64 *pte)
{
	u64 __user *p = (u64 __user *)hva + index;
	u64 old, new;
	u32 tries;

	if (unlikely(get_user(old, p)))
		return -EFAULT;
	for (tries = 16; tries; tries--) {	/* not for ever: IRQs may be off */
		int ret;

		new = *pte | (old & (PVM_PTE_A | PVM_PTE_D));
		ret = pvm_user_cmpxchg64(p, &old, new);
		if (ret <= 0) {
			*pte = new;
			return ret;
		}
	}
	return pvm_need_pause(v);
}

static __always_inline int write_pte(struct pvm_vcpu *v, u64 at, u64 pte, struct pvm_frame *target)
{
	u64 n, table = at >> PVM_PAGE_SHIFT;
	u32 index = (at >> 3) & (PVM_PTES - 1);
	const struct pvm_slot *s = pvm_slot_of(v->vm, table, &n);
	int err;

	if (unlikely(!s))
		return -EINVAL;
	if (at & PVM_PTE_KEEP_AD)
		err = put_keeping_ad(v, s->uaddr + (n << PVM_PAGE_SHIFT), index, &pte);
	else
		err = put_entry(s->uaddr + (n << PVM_PAGE_SHIFT), index, pte);
	if (unlikely(err))
		return err == -EFAULT ? pvm_need_page(v, pvm_gfn(table), true) : err;
	apply(v, &s->frames[n], index, pte, true, target);
	return 0;
}

/**
 * pvm_mmu_write_pte() - one entry by hypercall
 * @v: the vCPU
 * @at: guest-physical address of the entry, in any frame; one that is no page table is only stored to. Low bits: 0 or
 *	PVM_PTE_KEEP_AD
 * @pte: the guest entry
 *
 * Context: resident. Return: 0, -EINVAL no such frame, -PVM_ENEED with nothing changed.
 */
int pvm_mmu_write_pte(struct pvm_vcpu *v, u64 at, u64 pte)
{
	int err;

	spin_lock(&v->vm->mmu.lock);
	err = write_pte(v, at, pte, NULL);
	spin_unlock(&v->vm->mmu.lock);
	pvm_count(v, PVM_STAT_PTE_SET);
	return err;
}

/**
 * pvm_mmu_write_ptes() - many of them
 * @v: the vCPU
 * @w: entries, as pvm_mmu_write_pte() takes them
 * @count: how many
 * @done: IN/OUT counts those that were written
 *
 * Context, Return: as pvm_mmu_write_pte(), for the first that was not.
 */
int pvm_mmu_write_ptes(struct pvm_vcpu *v, const struct pvm_pte_write *w, u32 count, u32 *done)
{
	const struct pvm_pte_write *end = w + count;
	int err = 0;

	v->stat[PVM_STAT_PTE_SET] += count;
	spin_lock(&v->vm->mmu.lock);
	for (; !err && w < end; w++) {
		err = write_pte(v, w->at, w->pte, NULL);
		*done += !err;
	}
	spin_unlock(&v->vm->mmu.lock);
	return err;
}

/**
 * pvm_mmu_write_pte_quick() - pvm_mmu_write_pte() if it takes no longer than IRQs may be off
 * @v: the vCPU
 * @at: as there
 * @pte: as there
 *
 * What takes long: a page table that becomes writable loses its shadows; another CPU that holds the lock.
 *
 * Context: resident, IRQs off. Return: 0, -EINVAL no such frame, -PVM_ENEED with nothing changed: the long way.
 */
int pvm_mmu_write_pte_quick(struct pvm_vcpu *v, u64 at, u64 pte)
{
	struct pvm_frame *f;
	int err = -PVM_ENEED;

	if (unlikely(!spin_trylock(&v->vm->mmu.lock)))
		return err;
	f = pte & PVM_PTE_P ? pvm_frame_of(v->vm, pvm_pte_gfn(pte)) : NULL;
	if (likely(!f || !f->sp_level || !(pte & PVM_PTE_W)))
		err = write_pte(v, at, pte, f);
	spin_unlock(&v->vm->mmu.lock);
	if (likely(!err))
		pvm_count(v, PVM_STAT_PTE_SET);
	return err;
}

/** pvm_mmu_map_va() - update_va_mapping. Context: resident. Return: 0, -EINVAL no level-1 table, -PVM_ENEED. */
int pvm_mmu_map_va(struct pvm_vcpu *v, u64 va, u64 pte)
{
	struct pvm_walk w __uninitialized;
	struct pvm_path *path;
	int err = pvm_path_walk(v, false, va, &w, &path);

	if (err == -PVM_ENEED)
		return err;
	if (err && (err != -ENOENT || w.level != 1))
		return -EINVAL;
	if (!path)
		pvm_path_remember(v, false, va, &w, NULL);
	err = pvm_mmu_write_pte(v, w.table[1] << PVM_PAGE_SHIFT | w.index[1] << 3, pte);
	if (!err)
		pvm_vtlb_flush_va(v, va);
	return err;
}

/* ---- out of sync -------------------------------------------------------------------------------------------- */

static void protect_alias(struct pvm_sp *sp)
{
	if (sp->alias)
		WRITE_ONCE(*sp->alias, *sp->alias & ~(PVM_PTE_W | PVM_PTE_D | PVM_SPTE_ALIAS));
	sp->alias = NULL;
	sp->unsync = false;
}

/* Take it from the list of whoever has it. Context: mmu.lock held. */
void pvm_unsync_forget(struct pvm_vm *vm, struct pvm_sp *sp)
{
	u32 i, n;

	protect_alias(sp);
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *v = vm->vcpus[i];

		for (n = 0; v && n < v->ss->nr_unsync; n++) {
			struct pvm_sp **at = &v->mmu.unsync[n];

			if (*at != sp)
				continue;
			*at = v->mmu.unsync[--v->ss->nr_unsync];
			return;
		}
	}
}

/* The shadow of one entry that may have changed meanwhile. */
static void resync_entry(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index)
{
	u64 now;

	if (!(sp->spt[index] & PVM_PTE_P))
		return;
	if (unlikely(pvm_gpte_read(v, sp->gfn, index, &now))) {
		v->need.what = PVM_NEED_NONE;
		pvm_leaf_clear(v->vm, sp, index);
	} else if (sp->known[index] != now) {
		apply_leaf(v, sp, index, now, false, NULL);
	}
}

/*
 * Which of the entries @present are not what is known of them; all, if the table cannot be read now. @now: what those
 * are instead, in their order; an entry that cannot be read is none.
 */
static unsigned long changed_entries(const u64 __user *table, const u64 *known, unsigned long present, u64 *now)
{
	unsigned long todo = present, changed = 0, i;
	u32 nr = 0;

	if (!todo)
		return 0;
	if (!user_read_access_begin(table, BITS_PER_LONG * sizeof(*table)))
		goto unreadable;
	for (; todo; todo &= todo - 1) {
		i = __ffs(todo);
		unsafe_get_user(now[nr], table + i, fault);
		if (now[nr] == known[i])
			continue;
		changed |= 1ul << i;
		nr++;
	}
	user_read_access_end();
	return changed;
fault:
	user_read_access_end();
unreadable:
	memset(now, 0, BITS_PER_LONG * sizeof(*now));
	return present;
}

/**
 * pvm_mmu_resync() - bring one shadow page back in step with its table
 * @v: the vCPU
 * @sp: the shadow page
 *
 * The alias goes first, so nothing is written behind the comparison. A table that cannot be read now loses its
 * entries instead. Context: mmu.lock held, page faults disabled.
 */
void pvm_mmu_resync(struct pvm_vcpu *v, struct pvm_sp *sp)
{
	const u64 __user *table = (const u64 __user *)pvm_gfn_to_hva(v->vm, sp->gfn);
	u64 now[BITS_PER_LONG] __uninitialized, *pte;
	unsigned long todo;
	u32 i;

	pvm_count(v, PVM_STAT_RESYNC);
	pvm_unsync_forget(v->vm, sp);
	for (i = 0; i < PVM_PTES; i += BITS_PER_LONG) {
		todo = changed_entries(table + i, sp->known + i, sp->present[i / BITS_PER_LONG], now);
		for (pte = now; todo; todo &= todo - 1, pte++) {
			if (!(*pte & PVM_PTE_P))
				pvm_leaf_clear(v->vm, sp, i + __ffs(todo));
			else
				apply_leaf(v, sp, i + __ffs(todo), *pte, false, NULL);
		}
	}
}

/* The entry that maps @va, in whichever table that is. */
void pvm_mmu_resync_va(struct pvm_vcpu *v, u64 va)
{
	u32 n, index = pvm_va_index(va, 1);

	spin_lock(&v->vm->mmu.lock);
	for (n = 0; n < v->ss->nr_unsync; n++)
		resync_entry(v, v->mmu.unsync[n], index);
	spin_unlock(&v->vm->mmu.lock);
}

void pvm_mmu_resync_all(struct pvm_vcpu *v)
{
	spin_lock(&v->vm->mmu.lock);
	while (v->ss->nr_unsync)
		pvm_mmu_resync(v, v->mmu.unsync[v->ss->nr_unsync - 1]);
	spin_unlock(&v->vm->mmu.lock);
}

/**
 * pvm_mmu_rewritten() - a frame got new contents all at once
 * @v: the vCPU
 * @gfn: guest frame number
 *
 * If it is a live table, its shadows follow at once, as after an entry by hypercall. Context: resident.
 */
void pvm_mmu_rewritten(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn.v);
	struct pvm_sp *sp;
	u32 i;

	if (!f || !f->sp_level)
		return;
	spin_lock(&v->vm->mmu.lock);
	for (sp = pvm_frame_sp(f); sp; sp = sp->next) {
		for_each_set_bit(i, sp->present, PVM_PTES) {
			if (sp->level == 1)
				resync_entry(v, sp, i);
			else
				pvm_spte_clear(v->vm, pvm_spte_at(sp, i));
		}
	}
	v->vm->mmu.mark_gen++;
	pvm_vtlb_flush(v);
	spin_unlock(&v->vm->mmu.lock);
}

/* Only a table that is nothing but level 1: what it is at other levels could not lag behind. Context: mmu.lock held. */
static bool may_unsync(const struct pvm_frame *f)
{
	const struct pvm_sp *sp = pvm_frame_sp(f);

	return !sp || (sp->level == 1 && !sp->next);
}

/* Let the guest write to level-1 table @gfn through the mapping at @cr2. */
static enum pvm_fault_result make_unsync(struct pvm_vcpu *v, u64 cr2, u64 gfn)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);
	struct pvm_mmu *mmu = &v->vm->mmu;
	LIST_HEAD(dispose);
	struct pvm_sp *sp, *leaf;
	struct pvm_walk w;
	bool host_w;
	pvm_hfn_t hfn;
	u64 *at;
	int err;

	err = pvm_walk(v, v->mmu.kroot_gfn, cr2, &w);
	if (err)
		return err == -PVM_ENEED ? PVM_FAULT_NEED : PVM_FAULT_FIXED;
	/* The VMM may have changed the table since the fault: only an entry of this frame can be the alias. */
	if (pvm_pte_gfn(w.pte[1]) != gfn)
		return PVM_FAULT_FIXED;
	if ((w.pte[1] & PVM_PTE_W) || !(w.pte[2] & w.pte[3] & w.pte[4] & PVM_PTE_W))
		return PVM_FAULT_EMULATE;	/* no alias: recursive, or kept read-only by the levels above */
	spin_lock(&mmu->lock);
	if (!may_unsync(f)) {
		spin_unlock(&mmu->lock);
		return PVM_FAULT_EMULATE;
	}
	if (pvm_cache_is_low(v)) {
		err = pvm_need_cache(v);
		goto out;
	}
	if (unlikely(mmu->nr_pages + PVM_PAGES_PER_FAULT > mmu->max_pages))
		pvm_sp_reclaim(v->vm, 16, &dispose);
	err = pvm_host_frame(v, f, gfn, true, &hfn, &host_w);
	if (err)
		goto out;
	leaf = pvm_link_path(v, &w);
	sp = leaf ? pvm_sp_make(v, gfn, 1, false) : NULL;
	if (!sp) {
		err = pvm_need_cache(v);
		goto out;
	}
	if (sp->unsync)
		pvm_mmu_resync(v, sp);	/* through another alias */
	if (v->ss->nr_unsync == PVM_MAX_UNSYNC)
		pvm_mmu_resync(v, v->mmu.unsync[0]);
	at = &leaf->spt[w.index[1]];
	pvm_spte_set_leaf(v, leaf, w.index[1], f, w.pte[1], pvm_spte_leaf(w.pte[1], hfn, PVM_SPTE_IN_HOST_W));
	WRITE_ONCE(*at, *at | PVM_PTE_W | PVM_PTE_D | PVM_SPTE_ALIAS);
	sp->unsync = true;
	sp->alias = at;
	v->mmu.unsync[v->ss->nr_unsync++] = sp;
	pvm_count(v, PVM_STAT_PF_UNSYNC);
out:
	spin_unlock(&mmu->lock);
	pvm_sp_recycle(v, &dispose);
	return err == -PVM_ENEED ? PVM_FAULT_NEED : PVM_FAULT_FIXED;
}

/**
 * pvm_mmu_native_write() - the guest kernel wrote to a live level-1 table, and faulted
 * @v: the vCPU
 * @gfn: guest frame number
 * @cr2: where, @gfn: the table
 *
 * Context: resident. Return: EMULATE this one has to be emulated; FIXED the table went out of sync, the guest can
 * write by itself; NEED.
 */
enum pvm_fault_result pvm_mmu_native_write(struct pvm_vcpu *v, u64 cr2, pvm_gfn_t gfn)
{
	struct pvm_vcpu_mmu *m = &v->mmu;

	if (m->write_run_gfn != gfn.v || m->write_run_gen != v->ss->vtlb_gen) {
		m->write_run_gfn = gfn.v;
		m->write_run_gen = v->ss->vtlb_gen;
		m->write_run = 0;
	}
	if (m->write_run >= PVM_WRITE_RUN && v->ss->kernel_mode && pvm_frame_level(pvm_frame_of(v->vm, gfn.v)) == 1)
		return make_unsync(v, cr2, gfn.v);
	m->write_run++;
	return PVM_FAULT_EMULATE;
}

/**
 * pvm_mmu_exchange_pte() - compare-and-exchange of one entry, guest memory and shadow
 * @v: the vCPU
 * @table: frame of the page table
 * @index: entry, 0..511
 * @pte: the guest entry
 * @old: what it should be; what it was when it was not
 *
 * Context: resident. Return: 0 done, 1 it was something else, -ENXIO, -PVM_ENEED.
 */
int pvm_mmu_exchange_pte(struct pvm_vcpu *v, pvm_gfn_t table, u32 index, u64 *old, u64 pte)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, table.v);
	int ret = pvm_gpte_cmpxchg(v, table.v, index, old, pte);

	if (!ret) {
		spin_lock(&v->vm->mmu.lock);
		apply(v, f, index, pte, false, NULL);
		spin_unlock(&v->vm->mmu.lock);
	}
	return ret;
}
