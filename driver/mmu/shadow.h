/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of mmu/ share. Functions named here want vm->mmu.lock held unless they say otherwise. */
#ifndef PVM_MMU_SHADOW_H
#define PVM_MMU_SHADOW_H

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "core/pvm.h"
#include "mmu/spte.h"
#include "mmu/walk.h"

/* Software bit of a level-1 entry: writable although the guest's is not, because its target is out of sync. */
#define PVM_SPTE_ALIAS	(1ull << 10)

#define PVM_PAGES_PER_FAULT 7	/* root 3, level 3 and 2 one each, level 1 two */

#define PVM_RMAP_CHUNK	14
#define PVM_RMAP_DEPTH	64	/* chunks: a set that is full loses a member, so that no search is long */
struct pvm_rmap_chunk {
	struct pvm_rmap_chunk *next;
	u32 nr;
	u32 depth;			/* chunks from here to the end */
	u64 *spte[PVM_RMAP_CHUNK];
};

/* frames: level of the table a frame is, and its shadows, in one word */
#define PVM_FRAME_LEVEL	7ul

/* The slot a frame is in, NULL none; its number there is *@n. Lock-free: slots are fixed once a vCPU ran. */
static __always_inline const struct pvm_slot *pvm_slot_of(const struct pvm_vm *vm, u64 gfn, u64 *n)
{
	const struct pvm_slot *s = vm->mmu.slots;

	*n = gfn - s->gfn;
	while (unlikely(*n >= s->nr_pages)) {
		if (++s >= vm->mmu.slots + vm->mmu.nr_slots)
			return NULL;
		*n = gfn - s->gfn;
	}
	*n = array_index_nospec(*n, s->nr_pages);
	return s;
}

static inline struct pvm_frame *pvm_frame_of(const struct pvm_vm *vm, u64 gfn)
{
	u64 n;
	const struct pvm_slot *s = pvm_slot_of(vm, gfn, &n);

	return s ? &s->frames[n] : NULL;
}

/* Address of a frame in the VMM's memory, 0 if there is none. */
static inline unsigned long pvm_gfn_to_hva(const struct pvm_vm *vm, u64 gfn)
{
	u64 n;
	const struct pvm_slot *s = pvm_slot_of(vm, gfn, &n);

	return s ? s->uaddr + (n << PVM_PAGE_SHIFT) : 0;
}

/* Of memory in a slot, which passed access_ok(). 0 exchanged, 1 not: *@old is what is there, -EFAULT. */
static inline int pvm_user_cmpxchg64(u64 __user *p, u64 *old, u64 new)
{
	return __try_cmpxchg_user(p, old, new, fault);	/* the last argument names a label inside the macro */
}

static inline u32 pvm_frame_level(const struct pvm_frame *f)
{
	return f->sp_level & PVM_FRAME_LEVEL;
}

static inline struct pvm_sp *pvm_frame_sp(const struct pvm_frame *f)
{
	return (struct pvm_sp *)(f->sp_level & ~PVM_FRAME_LEVEL);
}

static inline void pvm_frame_set_level(struct pvm_frame *f, u32 level)
{
	f->sp_level = (f->sp_level & ~PVM_FRAME_LEVEL) | level;
}

/* Root of the view the guest runs in */
static inline u64 pvm_active_root(const struct pvm_vcpu *v)
{
	return v->ss->kernel_mode ? v->mmu.kroot_gfn : v->mmu.uroot_gfn;
}

/* @hva: of @table, 0 if that is no frame */
static __always_inline int pvm_gpte_read_at(struct pvm_vcpu *v, u64 table, unsigned long hva, u32 index, u64 *pte)
{
	const u64 __user *p = (const u64 __user *)hva + index;

	if (unlikely(!hva))
		return -ENXIO;
	if (!user_read_access_begin(p, sizeof(*p)))
		return pvm_need_page(v, pvm_gfn(table), false);
	unsafe_get_user(*pte, p, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return pvm_need_page(v, pvm_gfn(table), false);
}

static __always_inline int pvm_gpte_read(struct pvm_vcpu *v, u64 table, u32 index, u64 *pte)
{
	return pvm_gpte_read_at(v, table, pvm_gfn_to_hva(v->vm, table), index, pte);
}

static inline struct pvm_sp *pvm_sp_of(const u64 *spte)
{
	return (struct pvm_sp *)page_private(virt_to_page(spte));
}

static inline u32 pvm_spte_index(const u64 *spte)
{
	return offset_in_page(spte) / sizeof(*spte);
}

static inline u64 *pvm_spte_at(const struct pvm_sp *sp, u32 index)
{
	return sp->high && index >= 256 ? &sp->high[index] : &sp->spt[index];
}

static inline u32 pvm_va_index(u64 va, u32 level)
{
	return (va >> (PVM_PAGE_SHIFT + 9 * (level - 1))) & (PVM_PTES - 1);
}

/* rmap.c: set of shadow entries coded in one word */
static inline struct pvm_rmap_chunk *pvm_rmap_chunks(unsigned long head)
{
	return head & 1 ? (struct pvm_rmap_chunk *)(head & ~1ul) : NULL;
}

/* Clear pvm_rmap_first() before adding */
static inline bool pvm_rmap_is_full(unsigned long head)
{
	const struct pvm_rmap_chunk *c = pvm_rmap_chunks(head);

	return c && c->nr == PVM_RMAP_CHUNK && c->depth >= PVM_RMAP_DEPTH;
}

/* Some entry of a set that is not empty */
static inline u64 *pvm_rmap_first(unsigned long head)
{
	const struct pvm_rmap_chunk *c = pvm_rmap_chunks(head);

	return c ? c->spte[c->nr - 1] : (u64 *)head;
}

bool pvm_rmap_has_room(const struct pvm_vcpu *v);
void pvm_rmap_add_slow(struct pvm_vcpu *v, unsigned long *head, u64 *spte);
void pvm_rmap_del_slow(unsigned long *head, const u64 *spte);

/* The set must not be full; takes at most one chunk from the cache. */
static inline void pvm_rmap_add(struct pvm_vcpu *v, unsigned long *head, u64 *spte)
{
	struct pvm_rmap_chunk *c = pvm_rmap_chunks(*head);

	if (!*head)
		*head = (unsigned long)spte;
	else if (c && c->nr < PVM_RMAP_CHUNK)
		c->spte[c->nr++] = spte;
	else
		pvm_rmap_add_slow(v, head, spte);
}

static inline void pvm_rmap_del(unsigned long *head, const u64 *spte)
{
	if (*head == (unsigned long)spte)
		*head = 0;
	else
		pvm_rmap_del_slow(head, spte);
}

bool pvm_rmap_young(unsigned long head, bool clear);
void pvm_rmap_free(unsigned long *head);

/* shadow.c */
struct pvm_sp *pvm_sp_find(const struct pvm_frame *f, u32 level, bool user_view);
struct pvm_sp *pvm_sp_make(struct pvm_vcpu *v, u64 gfn, u32 level, bool user_view);	/* NULL: cache empty */
void pvm_sp_zap(struct pvm_vm *vm, struct pvm_sp *sp, struct list_head *dispose);
void pvm_sp_zap_frame(struct pvm_vm *vm, struct pvm_frame *f, struct list_head *dispose);
void pvm_sp_dispose(struct list_head *dispose);		/* no lock: frees, when no CPU can walk them */
void pvm_sp_recycle(struct pvm_vcpu *v, struct list_head *dispose);	/* the vCPU's own task: keeps some of it */
void pvm_spte_clear(struct pvm_vm *vm, u64 *spte);	/* any level; drops links */
void pvm_leaf_clear(struct pvm_vm *vm, struct pvm_sp *sp, u32 index);	/* the same for a present entry of level 1 */
void pvm_spte_set_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, struct pvm_frame *f, u64 gpte,
		       u64 spte);
bool pvm_sp_reclaim(struct pvm_vm *vm, u32 wanted, struct list_head *dispose);
void pvm_mmu_kick_all(struct pvm_vm *vm);		/* no lock, IRQs on: all vCPUs out of the guest */
void pvm_mark_table(struct pvm_vcpu *v, struct pvm_frame *f, u32 level);
void pvm_unmark_table(struct pvm_vm *vm, struct pvm_frame *f);

/* fault.c */
bool pvm_cache_is_low(const struct pvm_vcpu *v);
void pvm_sp_link(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, struct pvm_sp *child);
struct pvm_sp *pvm_link_path(struct pvm_vcpu *v, const struct pvm_walk *w);	/* NULL: cache empty */
int pvm_fill_leaf(struct pvm_vcpu *v, struct pvm_sp *sp, u32 index, u64 gpte, bool write, bool demote);
/* Host frame behind a guest frame. -PVM_ENEED: not there (or not writable when @write). */
int pvm_host_frame(struct pvm_vcpu *v, struct pvm_frame *f, u64 gfn, bool write, pvm_hfn_t *hfn, bool *host_w);

/* path.c */
int pvm_path_walk(struct pvm_vcpu *v, bool user, u64 va, struct pvm_walk *w, struct pvm_path **path);
void pvm_path_remember(struct pvm_vcpu *v, bool user, u64 va, const struct pvm_walk *w, struct pvm_sp *sp);

/* update.c */
void pvm_mmu_resync(struct pvm_vcpu *v, struct pvm_sp *sp);
void pvm_mmu_resync_all(struct pvm_vcpu *v);
void pvm_mmu_resync_va(struct pvm_vcpu *v, u64 va);
void pvm_unsync_forget(struct pvm_vm *vm, struct pvm_sp *sp);

/* gmem.c: one guest entry, page faults disabled, with or without the lock */
void pvm_vtlb_flush_va(struct pvm_vcpu *v, u64 gva);
int pvm_gpte_write(struct pvm_vcpu *v, u64 table, u32 index, u64 pte);
/* Compare and exchange: 0 done, 1 it was *old (updated) */
int pvm_gpte_cmpxchg(struct pvm_vcpu *v, u64 table, u32 index, u64 *old, u64 pte);

#endif /* PVM_MMU_SHADOW_H */
