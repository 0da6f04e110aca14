// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages: make, find, link, zap, reclaim.
 *
 * A shadow page is found through the frame it shadows. It lives until its frame stops being a page table (UNPIN), the
 * budget or the shrinker takes it, or the VM ends; what it held is filled again on demand. Zapping only unlinks under
 * the lock and puts the page on a dispose list; the list is freed when no CPU can be walking it any more: at once by
 * the vCPU's own task, after pvm_mmu_kick_all() by anyone else.
 */
#include <linux/slab.h>
#include <linux/smp.h>

#include "core/trace.h"
#include "mmu/shadow.h"
#include "switcher/host.h"

struct pvm_sp *pvm_sp_find(const struct pvm_frame *f, u32 level, bool user_view)
{
	struct pvm_sp *sp;

	for (sp = pvm_frame_sp(f); sp; sp = sp->next)
		if (sp->level == level && sp->user_view == user_view)
			return sp;
	return NULL;
}

static u32 pages_of(const struct pvm_sp *sp)
{
	return 1 + !!sp->known + !!sp->high + !!sp->top;
}

static u64 *take_page(struct pvm_vcpu *v)
{
	return v->mmu.cache.page[--v->mmu.cache.nr_page];
}

static u64 *take_known(struct pvm_vcpu *v)
{
	struct pvm_mmu_cache *c = &v->mmu.cache;

	return c->nr_known ? c->known[--c->nr_known] : take_page(v);
}

/* The parts of a root that are not the guest's: switcher region, M2P, the level above on 5-level hosts. */
static void build_root(struct pvm_vm *vm, struct pvm_sp *sp)
{
	struct pvm_mmu *mmu = &vm->mmu;

	if (sp->top) {
		sp->top[0] = pvm_table_entry(sp->spt) | PVM_PTE_U;
		sp->top[511] = pvm_table_entry(sp->high) | PVM_PTE_U;
		sp->top[PVM_SWITCH_SLOT5] = pvm_table_entry(mmu->region.l4);
	} else {
		sp->spt[PVM_SWITCH_SLOT] = pvm_table_entry(mmu->region.l3);
	}
	if (!sp->user_view && mmu->m2p_l3)
		*pvm_spte_at(sp, PVM_M2P_SLOT) = pvm_table_entry(mmu->m2p_l3) | PVM_PTE_U;
}

/**
 * pvm_sp_make() - shadow page for a frame, found or new
 * @v: the vCPU
 * @gfn: guest frame number
 * @level: page-table level, 1..4
 * @user_view: only for @level 4
 *
 * Context: mmu.lock held; caches filled. Return: the page, NULL if the caches are too low or @gfn is no frame.
 */
struct pvm_sp *pvm_sp_make(struct pvm_vcpu *v, u64 gfn, u32 level, bool user_view)
{
	struct pvm_mmu *mmu = &v->vm->mmu;
	struct pvm_frame *f = pvm_frame_of(v->vm, gfn);
	bool la57_root = level == 4 && mmu->region.l4;
	struct pvm_sp *sp;

	if (!f)
		return NULL;
	sp = pvm_sp_find(f, level, user_view);
	if (sp) {
		sp->referenced = true;
		return sp;
	}
	if (!v->mmu.cache.nr_sp || v->mmu.cache.nr_page < 3)
		return NULL;
	sp = v->mmu.cache.sp[--v->mmu.cache.nr_sp];
	sp->gfn = gfn;
	sp->level = level;
	sp->user_view = user_view;
	sp->spt = take_page(v);
	set_page_private(virt_to_page(sp->spt), (unsigned long)sp);
	if (level == 1)
		sp->known = take_known(v);
	if (la57_root) {
		sp->high = take_page(v);
		sp->top = take_page(v);
		set_page_private(virt_to_page(sp->high), (unsigned long)sp);
	}
	if (level == 4)
		build_root(v->vm, sp);
	sp->referenced = true;
	sp->next = pvm_frame_sp(f);
	f->sp_level = (unsigned long)sp | pvm_frame_level(f);
	list_add_tail(&sp->lru, &mmu->pages);
	mmu->nr_pages += pages_of(sp);
	pvm_count(v, PVM_STAT_SHADOW_ALLOC);
	return sp;
}

void pvm_leaf_clear(struct pvm_vm *vm, struct pvm_sp *sp, u32 index)
{
	struct pvm_frame *f = pvm_frame_of(vm, pvm_pte_gfn(sp->known[index]));
	u64 *spte = &sp->spt[index], old = *spte;

	WRITE_ONCE(*spte, 0);
	__clear_bit(index, sp->present);
	sp->nr_present--;
	if (unlikely(!f))
		return;
	pvm_rmap_del(&f->rmap, spte);
	if (unlikely(old & PVM_SPTE_ALIAS)) {
		struct pvm_sp *target = pvm_sp_find(f, 1, false);

		if (target && target->alias == spte)
			target->alias = NULL;
	}
}

static void unlink_child(struct pvm_vm *vm, struct pvm_sp *sp, u64 *spte)
{
	struct pvm_sp *child = pvm_sp_of(phys_to_virt(__sme_clr(*spte) & PVM_PTE_FRAME));

	WRITE_ONCE(*spte, 0);
	__clear_bit(pvm_spte_index(spte), sp->present);
	sp->nr_present--;
	pvm_rmap_del(&child->parents, spte);
	vm->mmu.zap_gen++;
}

/**
 * pvm_spte_clear() - empty a shadow entry of any level and drop what links it
 * @vm: the VM
 * @spte: the shadow entry
 *
 * Context: mmu.lock held. The caller sees to the TLB.
 */
void pvm_spte_clear(struct pvm_vm *vm, u64 *spte)
{
	struct pvm_sp *sp = pvm_sp_of(spte);

	if (!(*spte & PVM_PTE_P))
		return;
	if (sp->level > 1)
		unlink_child(vm, sp, spte);
	else
		pvm_leaf_clear(vm, sp, pvm_spte_index(spte));
}

/* Install a leaf made by pvm_spte_leaf() that maps frame @f; the reverse map has room. */
void pvm_spte_set_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, struct pvm_frame *f, u64 gpte, u64 spte)
{
	u64 *at = &sp->spt[index];

	if ((*at & PVM_PTE_P) && (((sp->known[index] ^ gpte) & PVM_PTE_FRAME) || (*at & PVM_SPTE_ALIAS)))
		pvm_spte_clear(v->vm, at);
	sp->known[index] = gpte;
	if (!(*at & PVM_PTE_P)) {
		if (pvm_rmap_is_full(f->rmap))
			pvm_spte_clear(v->vm, pvm_rmap_first(f->rmap));
		pvm_rmap_add(v, &f->rmap, at);
		__set_bit(index, sp->present);
		sp->nr_present++;
	}
	WRITE_ONCE(*at, spte | sme_me_mask);
}

static void unlink_from_frame(struct pvm_vm *vm, struct pvm_sp *sp)
{
	struct pvm_frame *f = pvm_frame_of(vm, sp->gfn);
	struct pvm_sp *p;

	if (pvm_frame_sp(f) == sp) {
		f->sp_level = (unsigned long)sp->next | pvm_frame_level(f);
		return;
	}
	for (p = pvm_frame_sp(f); p; p = p->next) {
		if (p->next == sp) {
			p->next = sp->next;
			return;
		}
	}
}

static void forget_root(struct pvm_vm *vm, const struct pvm_sp *sp)
{
	u32 i;

	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *v = vm->vcpus[i];

		if (!v)
			continue;
		if (v->mmu.kroot == sp)
			WRITE_ONCE(v->mmu.kroot, NULL);
		if (v->mmu.uroot == sp)
			WRITE_ONCE(v->mmu.uroot, NULL);
	}
}

/**
 * pvm_sp_zap() - unlink a shadow page from everything
 * @vm: the VM
 * @sp: the shadow page
 * @dispose: gets the page
 *
 * Bounded: 512 entries, and parents that each take one step. Context: mmu.lock held.
 */
void pvm_sp_zap(struct pvm_vm *vm, struct pvm_sp *sp, struct list_head *dispose)
{
	u32 i;

	trace_pvm_shadow_zap(vm, sp->gfn, sp->level, sp->user_view, sp->nr_present);
	if (sp->unsync)
		pvm_unsync_forget(vm, sp);
	while (sp->parents)
		pvm_spte_clear(vm, pvm_rmap_first(sp->parents));
	for_each_set_bit(i, sp->present, PVM_PTES) {
		if (sp->level > 1)
			unlink_child(vm, sp, pvm_spte_at(sp, i));
		else
			pvm_leaf_clear(vm, sp, i);
	}
	if (sp->level == 4)
		forget_root(vm, sp);
	unlink_from_frame(vm, sp);
	vm->mmu.zap_gen++;
	vm->mmu.nr_pages -= pages_of(sp);
	list_move(&sp->lru, dispose);
}

void pvm_sp_zap_frame(struct pvm_vm *vm, struct pvm_frame *f, struct list_head *dispose)
{
	while (pvm_frame_sp(f))
		pvm_sp_zap(vm, pvm_frame_sp(f), dispose);
}

static void free_table(u64 *page)
{
	if (!page)
		return;
	set_page_private(virt_to_page(page), 0);
	free_page((unsigned long)page);
}

void pvm_sp_dispose(struct list_head *dispose)
{
	struct pvm_sp *sp, *tmp;

	list_for_each_entry_safe(sp, tmp, dispose, lru) {
		list_del(&sp->lru);
		free_table(sp->spt);
		free_table(sp->high);
		free_table(sp->top);
		free_table(sp->known);
		kfree(sp);
	}
}

/*
 * Processes come and go, and the page tables of one are the next one's. A page that was zapped is all zeroes, but for
 * what build_root() put there. Roots on 5-level hosts are not worth the trouble.
 */
void pvm_sp_recycle(struct pvm_vcpu *v, struct list_head *dispose)
{
	struct pvm_mmu_cache *c = &v->mmu.cache;
	struct pvm_sp *sp, *tmp;

	list_for_each_entry_safe(sp, tmp, dispose, lru) {
		if (c->nr_sp == ARRAY_SIZE(c->sp) || c->nr_page == ARRAY_SIZE(c->page) || sp->top)
			break;
		list_del(&sp->lru);
		if (sp->level == 4) {
			sp->spt[PVM_SWITCH_SLOT] = 0;
			sp->spt[PVM_M2P_SLOT] = 0;
		}
		c->page[c->nr_page++] = sp->spt;
		if (sp->known && c->nr_known < ARRAY_SIZE(c->known))
			c->known[c->nr_known++] = sp->known;
		else
			free_table(sp->known);
		memset(sp, 0, sizeof(*sp));
		c->sp[c->nr_sp++] = sp;
	}
	pvm_sp_dispose(dispose);
}

static bool is_live_root(const struct pvm_vm *vm, const struct pvm_sp *sp)
{
	u32 i;

	for (i = 0; i < PVM_MAX_VCPUS; i++)
		if (vm->vcpus[i] && (vm->vcpus[i]->mmu.kroot == sp || vm->vcpus[i]->mmu.uroot == sp))
			return true;
	return false;
}

/**
 * pvm_sp_reclaim() - take back the least recently used shadow pages
 * @vm: the VM
 * @dispose: list that takes what was unlinked
 * @wanted: how many; at most 4 times as many are looked at
 *
 * Second chance by the referenced flag, which fills set. Roots in use stay, and so do the few tables that are out of
 * sync: as long as a vCPU has one its flushes come to C, and it may be in the guest now. Context: mmu.lock held.
 * Return: true if any was put on @dispose.
 */
bool pvm_sp_reclaim(struct pvm_vm *vm, u32 wanted, struct list_head *dispose)
{
	u32 looks = wanted * 4, got = 0;

	while (got < wanted && looks-- && !list_empty(&vm->mmu.pages)) {
		struct pvm_sp *sp = list_first_entry(&vm->mmu.pages, struct pvm_sp, lru);

		if (is_live_root(vm, sp) || sp->unsync || (sp->referenced && looks > wanted)) {
			sp->referenced = false;
			list_move_tail(&sp->lru, &vm->mmu.pages);
			continue;
		}
		pvm_sp_zap(vm, sp, dispose);
		atomic64_inc(&vm->stat[PVM_STAT_SHADOW_RECLAIM]);
		got++;
	}
	return got;
}

static void nothing(void *unused)
{
}

/*
 * After unlinking: wait until no vCPU is in the guest with what it saw before. cpu_running is set, with a full
 * barrier, before a vCPU looks at its roots with IRQs off; the IPI is served once the guest was left or entered.
 */
void pvm_mmu_kick_all(struct pvm_vm *vm)
{
	u32 i;

	smp_mb();
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *v = READ_ONCE(vm->vcpus[i]);
		int cpu = v ? READ_ONCE(v->cpu_running) : -1;

		if (cpu >= 0)
			smp_call_function_single(cpu, nothing, NULL, 1);
	}
}
