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
 * tables.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "mmu/shadow.h"

#define PVM_WRITE_RUN	3

/* The entry as a leaf of the frame that @spte, of whatever table, maps. */
static u64 leaf_like(u64 gpte, u64 spte)
{
	return pvm_spte_leaf(gpte, pvm_spte_hfn(__sme_clr(spte)), spte & PVM_SPTE_HOST_W ? PVM_SPTE_IN_HOST_W : 0) |
	       sme_me_mask;
}

/* Same frame as before, which is no table: no reverse map changes, no host page is looked for. */
static bool upgrade_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte)
{
	const struct pvm_frame *f = pvm_frame_of(v->vm, pvm_pte_gfn(gpte));
	u64 *at = &sp->spt[index];

	if (unlikely(!f || f->sp_level || (*at & PVM_SPTE_ALIAS)))
		return false;
	WRITE_ONCE(*at, leaf_like(gpte, *at));
	sp->known[index] = gpte;
	return true;
}

/*
 * Nothing was there. In the plain case the frame is no table and is mapped elsewhere, usually by the guest's direct
 * map, so that its host page is known.
 */
static void install_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, pvm_pte_gfn(gpte));
	u64 *at = &sp->spt[index];

	if (likely(f && f->rmap && !f->sp_level && v->mmu.cache.nr_chunk && !pvm_rmap_is_full(f->rmap))) {
		u64 spte = leaf_like(gpte, *pvm_rmap_first(f->rmap));

		pvm_rmap_add(v, &f->rmap, at);
		sp->known[index] = gpte;
		__set_bit(index, sp->present);
		sp->nr_present++;
		WRITE_ONCE(*at, spte);
	} else if (pvm_cache_is_low(v) || pvm_fill_leaf(v, sp, index, gpte, false, true)) {
		v->need.what = PVM_NEED_NONE;	/* a guess that needs nothing: the access will fault and ask */
		return;
	}
	pvm_count(v, PVM_STAT_PTE_PREFILL);
}

/* The shadow entry of one changed guest entry. @prefill: install it if it is accessible and everything is at hand. */
static void apply_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, bool prefill)
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
			pvm_spte_clear(v->vm, at);
			break;
		}
	}
	if (prefill && (gpte & (PVM_PTE_P | PVM_PTE_A)) == (PVM_PTE_P | PVM_PTE_A))
		install_leaf(v, sp, index, gpte);
}

static void apply(struct pvm_vcpu *v, struct pvm_frame *f, u32 index, u64 gpte, bool prefill)
{
	struct pvm_sp *sp = pvm_frame_sp(f);
	u32 level = pvm_frame_level(f);

	if (likely(level == 1 && sp && sp->level == 1 && !sp->next)) {
		apply_leaf(v, sp, index, gpte, prefill);
		return;
	}
	for (; sp; sp = sp->next) {
		if (sp->level == 1) {
			/* an upper table read as level 1 is a recursive map: no mappings to guess from */
			apply_leaf(v, sp, index, gpte, prefill && level == 1);
		} else if (sp->level < 4 || index < PVM_HOLE_FIRST || index > PVM_HOLE_LAST) {
			pvm_spte_clear(v->vm, pvm_spte_at(sp, index));
		}
	}
	if (level > 1) {
		if ((gpte & PVM_PTE_P) && !(gpte & PVM_PTE_PS) &&
		    (level < 4 || index < PVM_HOLE_FIRST || index > PVM_HOLE_LAST))
			pvm_mark_table(v, pvm_frame_of(v->vm, pvm_pte_gfn(gpte)), level - 1);
		pvm_vtlb_flush(v);
	}
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

static int keep_ad(struct pvm_vcpu *v, u64 table, u32 index, u64 *pte)
{
	u64 old, new;
	int ret = pvm_gpte_read(v, table, index, &old);

	while (!ret) {
		new = *pte | (old & (PVM_PTE_A | PVM_PTE_D));
		ret = pvm_gpte_cmpxchg(v, table, index, &old, new);
		if (ret == 1) {
			ret = 0;	/* @old is the entry now: once more */
			continue;
		}
		*pte = new;
		break;
	}
	return ret;
}

/**
 * pvm_mmu_write_pte() - one entry by hypercall
 * @v: the vCPU
 * @index: entry, 0..511
 * @pte: the guest entry
 * @table: any frame of the guest; one that is no page table is only stored to
 * @how: 0 or PVM_PTE_KEEP_AD
 *
 * Context: resident. Return: 0, -EINVAL no such frame, -PVM_ENEED with nothing changed.
 */
int pvm_mmu_write_pte(struct pvm_vcpu *v, pvm_gfn_t table, u32 index, u64 pte, u32 how)
{
	unsigned long hva;
	struct pvm_frame *f = pvm_frame_and_hva(v->vm, table.v, &hva);
	int err;

	if (unlikely(!f))
		return -EINVAL;
	pvm_count(v, PVM_STAT_PTE_SET);
	if (how & PVM_PTE_KEEP_AD) {
		err = keep_ad(v, table.v, index, &pte);
		if (err)
			return err;
	} else if (unlikely(put_entry(hva, index, pte))) {
		return pvm_need_page(v, table, true);
	}
	if (!f->sp_level)
		return 0;
	spin_lock(&v->vm->mmu.lock);
	apply(v, f, index, pte, true);
	spin_unlock(&v->vm->mmu.lock);
	return 0;
}

/** pvm_mmu_map_va() - update_va_mapping. Context: resident. Return: 0, -EINVAL no level-1 table, -PVM_ENEED. */
int pvm_mmu_map_va(struct pvm_vcpu *v, u64 va, u64 pte)
{
	struct pvm_walk w;
	int err = pvm_walk(v, v->mmu.kroot_gfn, va, &w);

	if (err == -PVM_ENEED)
		return err;
	if (err && (err != -ENOENT || w.level != 1))
		return -EINVAL;
	err = pvm_mmu_write_pte(v, pvm_gfn(w.table[1]), w.index[1], pte, 0);
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
		struct pvm_vcpu_mmu *m = vm->vcpus[i] ? &vm->vcpus[i]->mmu : NULL;

		for (n = 0; m && n < m->nr_unsync; n++) {
			if (m->unsync[n] != sp)
				continue;
			m->unsync[n] = m->unsync[--m->nr_unsync];
			return;
		}
	}
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
	unsigned long hva = pvm_gfn_to_hva(v->vm, sp->gfn);
	u64 now[32];
	u32 i, n;

	pvm_count(v, PVM_STAT_RESYNC);
	pvm_unsync_forget(v->vm, sp);
	for (i = 0; i < PVM_PTES && sp->nr_present; i += ARRAY_SIZE(now)) {
		bool read = !copy_from_user(now, (u64 __user *)hva + i, sizeof(now));

		for (n = 0; n < ARRAY_SIZE(now); n++) {
			if (!(sp->spt[i + n] & PVM_PTE_P))
				continue;
			if (!read)
				pvm_spte_clear(v->vm, &sp->spt[i + n]);
			else if (sp->known[i + n] != now[n])
				apply_leaf(v, sp, i + n, now[n], false);
		}
	}
}

void pvm_mmu_resync_all(struct pvm_vcpu *v)
{
	spin_lock(&v->vm->mmu.lock);
	while (v->mmu.nr_unsync)
		pvm_mmu_resync(v, v->mmu.unsync[v->mmu.nr_unsync - 1]);
	spin_unlock(&v->vm->mmu.lock);
}

/* Only a table that is nothing but level 1: what it is at other levels could not lag behind. */
static bool may_unsync(const struct pvm_frame *f)
{
	const struct pvm_sp *sp = pvm_frame_sp(f);

	return pvm_frame_level(f) == 1 && (!sp || (sp->level == 1 && !sp->next));
}

/* Let the guest write to table @gfn through the mapping at @cr2. */
static enum pvm_fault_result make_unsync(struct pvm_vcpu *v, u64 cr2, u64 gfn)
{
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);
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
	spin_lock(&v->vm->mmu.lock);
	if (pvm_cache_is_low(v)) {
		err = pvm_need_cache(v);
		goto out;
	}
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
	if (v->mmu.nr_unsync == PVM_MAX_UNSYNC)
		pvm_mmu_resync(v, v->mmu.unsync[0]);
	at = &leaf->spt[w.index[1]];
	pvm_spte_set_leaf(v, leaf, w.index[1], f, w.pte[1], pvm_spte_leaf(w.pte[1], hfn, PVM_SPTE_IN_HOST_W));
	WRITE_ONCE(*at, *at | PVM_PTE_W | PVM_PTE_D | PVM_SPTE_ALIAS);
	sp->unsync = true;
	sp->alias = at;
	v->mmu.unsync[v->mmu.nr_unsync++] = sp;
	pvm_count(v, PVM_STAT_PF_UNSYNC);
out:
	spin_unlock(&v->vm->mmu.lock);
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

	if (m->write_run_gfn != gfn.v) {
		m->write_run_gfn = gfn.v;
		m->write_run = 0;
	}
	if (m->write_run >= PVM_WRITE_RUN && v->ss->kernel_mode && may_unsync(pvm_frame_of(v->vm, gfn.v)))
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

	if (ret || !f->sp_level)
		return ret;
	spin_lock(&v->vm->mmu.lock);
	apply(v, f, index, pte, false);
	spin_unlock(&v->vm->mmu.lock);
	return 0;
}
