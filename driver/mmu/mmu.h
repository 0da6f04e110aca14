/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow paging: state and interface.
 *
 * The guest's page tables are data; the shadow is a cache of them, filled on demand and by hypercalls. Frames are
 * classified by page-table level (start root, PIN, upper-level entry written), cleared by UNPIN. mmu/ knows nothing
 * of Xen calls, of ioctls or of how an exception is delivered: it is asked and it answers.
 */
#ifndef PVM_MMU_MMU_H
#define PVM_MMU_MMU_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/pvm.h>

#include "base/types.h"
#include "base/x86.h"
#include "switcher/switch.h"

struct pvm_vm;
struct pvm_vcpu;
struct pvm_rmap_chunk;

/*
 * What we know of one guest frame.
 * @rmap: shadow entries that map it: 0 none, pointer to the only one, or pointer | 1 to a pvm_rmap_chunk
 * @sp_level: first shadow page of this frame (8-byte aligned pointer) | level of the page table it is (0 none, 1..4)
 */
struct pvm_frame {
	unsigned long rmap;
	unsigned long sp_level;
};

struct pvm_slot {
	u32 id;
	u64 gfn, nr_pages;
	unsigned long uaddr;
	struct pvm_frame *frames;
};

/*
 * One shadow page: the shadow of guest frame @gfn read as a page table of @level.
 *
 * @known holds, for every present level-1 entry, the guest entry it was made from: it names the frame for the
 * reverse map, and it is what an out-of-sync page is compared with.
 */
struct pvm_sp {
	struct pvm_sp *next;		/* same frame shadowed at another level or view */
	struct list_head lru;		/* vm->mmu.pages, reclaim order */
	u64 *spt;			/* 512 entries; a root on a 5-level host: entries 0..255 only */
	u64 *high;			/* root on a 5-level host: the page with entries 256..511 */
	u64 *top;			/* root on a 5-level host: the page above, goes into CR3 */
	u64 *known;			/* level 1 only */
	unsigned long parents;		/* rmap-coded: entries of upper shadow pages that point here */
	u64 gfn;
	u8 level;
	bool user_view;			/* level 4 only: root without M2P */
	bool referenced;
	bool unsync;			/* guest writes to it natively */
	u16 nr_present;
	unsigned long present[PVM_PTES / BITS_PER_LONG];	/* one bit per entry that is */
	u64 *alias;			/* the writable entry through which it does */
};

struct pvm_mmu {
	spinlock_t lock;		/* protects: shadow pages, rmap, frames, invalidat*; no page faults inside */
	struct pvm_slot slots[PVM_MAX_SLOTS];
	u32 nr_slots;
	struct list_head pages;		/* all shadow pages, least recently used first */
	u64 nr_pages, max_pages;	/* shadow pages held; budget */
	struct mmu_notifier notifier;
	bool registered;
	u64 zap_gen;			/* bumped when a shadow page or a link between two goes */
	u64 mark_gen;			/* bumped when a frame stops being a table, or an entry above level 1 changes */
	u32 invalidating;		/* host invalidations under way ... */
	unsigned long invalidate_start, invalidate_end;	/* ... and the addresses they cover together */
	struct pvm_region_top region;	/* switcher region for shadow roots */
	u64 *m2p_l3;			/* level-3 table of the M2P, shared by all kernel roots */
	struct page **m2p_pages;	/* backing pages of the M2P, 512 entries each */
	u64 m2p_nr_pages;
	struct list_head link;		/* in the shrinker's list */
};

/*
 * Memory set aside in sleeping context, taken under mmu.lock. One fault needs at most four shadow pages. Shadow pages
 * that the vCPU itself took out of use come back here: @page are all zeroes, @known whatever they were.
 */
struct pvm_mmu_cache {
	u64 *page[32];
	u64 *known[16];
	struct pvm_sp *sp[16];
	struct pvm_rmap_chunk *chunk[64];
	u32 nr_page, nr_known, nr_sp, nr_chunk;
};

#define PVM_MAX_UNSYNC	16
#define PVM_VTLB_SIZE	64
struct pvm_vtlb_entry {
	u64 key;			/* guest virtual page address | ss->vtlb_gen << 1 | 1; 0 = empty */
	u64 gfn;
	unsigned long hva;
	bool writable;
};

/*
 * The way down to a level-1 table, remembered. Only ways through live tables are: every change of an entry above level
 * 1 is seen, so no flush ends them, but vm->mmu.mark_gen moving on from @mark_gen does. @sp is only good while
 * vm->mmu.zap_gen is @zap_gen.
 */
#define PVM_PATH_CACHE	64
struct pvm_path {
	u64 key;			/* address >> 21 << 21 | user view << 1 | 1; 0 = empty */
	u64 root;			/* frame of the level-4 table */
	u64 table;			/* frame of the level-1 table */
	unsigned long hva;		/* where that is in the VMM's memory: slots are fixed once a vCPU ran */
	bool writable, nx;
	u64 mark_gen, zap_gen;
	struct pvm_sp *sp;		/* its shadow, linked all the way up; NULL not known */
};

struct pvm_vcpu_mmu {
	u64 kroot_gfn, uroot_gfn;	/* guest roots; uroot 0 = none */
	struct pvm_sp *kroot, *uroot;	/* their shadows, NULL = to be found again */
	u64 last_kroot_gfn;		/* the kernel root entered with last */
	struct pvm_vtlb_entry vtlb[PVM_VTLB_SIZE];
	struct pvm_path path[PVM_PATH_CACHE];
	/* memory set aside in sleeping context, taken under mmu.lock */
	struct pvm_mmu_cache cache;
	/* run of native writes to one L1 */
	u64 write_run_gfn;
	u32 write_run;
	u32 write_run_gen;		/* ss->vtlb_gen then: a flush ends the run */
	struct pvm_sp *unsync[PVM_MAX_UNSYNC];	/* ss->nr_unsync of them */
};

static inline u64 pvm_vtlb_key(const struct pvm_switch_state *ss, u64 gva)
{
	BUILD_BUG_ON(PVM_VTLB_GENS << 1 > PVM_PAGE_SIZE);
	return (gva & ~(u64)(PVM_PAGE_SIZE - 1)) | ss->vtlb_gen << 1 | 1;
}

static inline u32 pvm_vtlb_index(u64 gva)
{
	return (gva >> PVM_PAGE_SHIFT) % PVM_VTLB_SIZE;
}

/*
 * Address in the VMM's memory of what the kernel view maps at @gva for writing: 0 if it crosses a page, or is not known
 * without a walk.
 */
static inline unsigned long pvm_gva_at_hand(const struct pvm_vcpu_mmu *m, const struct pvm_switch_state *ss, u64 gva,
					    u32 bytes)
{
	const struct pvm_vtlb_entry *e = &m->vtlb[pvm_vtlb_index(gva)];
	u32 offset = gva & (PVM_PAGE_SIZE - 1);

	return e->key == pvm_vtlb_key(ss, gva) && e->writable && offset <= PVM_PAGE_SIZE - bytes ? e->hva + offset : 0;
}

bool pvm_mmu_fault_is_guests(struct pvm_vcpu *v, u64 cr2, u32 error, u32 *guest_error);	/* false: not known yet */

enum pvm_fault_result {
	PVM_FAULT_FIXED,		/* shadow filled or nothing to do: enter again */
	PVM_FAULT_GUEST,		/* the guest's own fault: *error is the code to give it */
	PVM_FAULT_EMULATE,		/* write to a live page table at *gfn */
	PVM_FAULT_NEED,			/* v->need */
	PVM_FAULT_DIE,
};

/* mmu/memslot.c */
int pvm_mmu_init(struct pvm_vm *vm, u64 max_shadow_pages);
void pvm_mmu_stop(struct pvm_vm *vm);		/* before the vCPUs go; idempotent */
void pvm_mmu_fini(struct pvm_vm *vm);		/* idempotent */
int pvm_slot_add(struct pvm_vm *vm, u32 slot, u64 gfn, u64 nr_pages, unsigned long uaddr);
int pvm_slot_remove(struct pvm_vm *vm, u32 slot);
u64 pvm_slot_bytes(const struct pvm_vm *vm);
bool pvm_gfn_valid(const struct pvm_vm *vm, pvm_gfn_t gfn);
/* Pin a frame for access from any context; sleeps, VMM's task. *page is released by pvm_unpin_page(). */
int pvm_pin_page(struct pvm_vm *vm, pvm_gfn_t gfn, struct page **page);
void pvm_unpin_page(struct pvm_vm *vm, struct page *page);
/* Provide what v->need asks for; sleeps. 0, -ENOMEM, -EFAULT (memory gone), -EINTR. */
int pvm_mmu_provide(struct pvm_vcpu *v);
void pvm_mmu_cache_free(struct pvm_vcpu *v);
int pvm_mmu_global_init(void);			/* shrinker, caches */
void pvm_mmu_global_fini(void);

/*
 * mmu/gmem.c: guest memory, from the vCPU's task with page faults disabled.
 * Physical (by frame): 0, -ENXIO (no such frame), -PVM_ENEED.
 * Virtual (kernel view): 0, -EFAULT (the guest maps nothing there, or read-only for a write), -PVM_ENEED.
 * Ranges may cross pages. Nothing is written when the first page fails.
 */
int pvm_gmem_read(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 offset, void *buf, u32 bytes);
int pvm_gmem_write(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 offset, const void *buf, u32 bytes);
int pvm_gva_read(struct pvm_vcpu *v, u64 gva, void *buf, u32 bytes);
int pvm_gva_write(struct pvm_vcpu *v, u64 gva, const void *buf, u32 bytes);
/* Instruction bytes at the guest's rip in the active view; *got = bytes readable before a page that is not. */
int pvm_gva_fetch(struct pvm_vcpu *v, u64 gva, void *buf, u32 bytes, u32 *got);
/* Where the kernel view maps gva: frame (-EFAULT none, -PVM_ENEED). */
int pvm_gva_to_gfn(struct pvm_vcpu *v, u64 gva, bool write, pvm_gfn_t *gfn);
void pvm_vtlb_flush(struct pvm_vcpu *v);

/* mmu/shadow.c, mmu/fault.c, mmu/update.c */
enum pvm_fault_result pvm_mmu_fault(struct pvm_vcpu *v, u64 cr2, u32 error, u32 *guest_error, pvm_gfn_t *gfn);
/* Native write to a live level-1 table that faulted: emul/ptwrite.c asks, emulates and stores. */
enum pvm_fault_result pvm_mmu_native_write(struct pvm_vcpu *v, u64 cr2, pvm_gfn_t gfn);
int pvm_mmu_exchange_pte(struct pvm_vcpu *v, pvm_gfn_t table, u32 index, u64 *old, u64 pte);
int pvm_mmu_set_roots(struct pvm_vcpu *v);	/* (re)find shadows of both roots; fills ss->*_cr3; -PVM_ENEED */

/* PTE changes by hypercall: guest-physical address of the entry | PVM_PTE_KEEP_AD to keep the old A and D. */
#define PVM_PTE_KEEP_AD	1ull
struct pvm_pte_write {
	u64 at, pte;
};
int pvm_mmu_write_pte(struct pvm_vcpu *v, u64 at, u64 pte);	/* -EINVAL, -PVM_ENEED */
int pvm_mmu_write_ptes(struct pvm_vcpu *v, const struct pvm_pte_write *w, u32 count, u32 *done);
void pvm_mmu_rewritten(struct pvm_vcpu *v, pvm_gfn_t gfn);	/* MMUEXT_CLEAR_PAGE, COPY_PAGE */
int pvm_mmu_write_pte_quick(struct pvm_vcpu *v, u64 at, u64 pte);	/* IRQs off; -PVM_ENEED: the long way */
int pvm_mmu_map_va(struct pvm_vcpu *v, u64 va, u64 pte);	/* update_va_mapping: -EINVAL no L1 */
int pvm_mmu_pin(struct pvm_vcpu *v, pvm_gfn_t gfn, u32 level);
int pvm_mmu_unpin(struct pvm_vcpu *v, pvm_gfn_t gfn);
int pvm_mmu_new_base(struct pvm_vcpu *v, pvm_gfn_t gfn);	/* kernel root; -EINVAL */
int pvm_mmu_new_user_base(struct pvm_vcpu *v, u64 gfn);		/* 0 = none */
bool pvm_mmu_switch_base(struct pvm_vcpu *v, u64 kroot_gfn, u64 uroot_gfn);	/* both, if that is all */
int pvm_mmu_flush(struct pvm_vcpu *v);				/* TLB flush of this VM: resync, vTLB */
int pvm_mmu_flush_va(struct pvm_vcpu *v, u64 va);
int pvm_m2p_init(struct pvm_vm *vm, u64 max_pages);
void pvm_m2p_fini(struct pvm_vm *vm);
int pvm_m2p_set(struct pvm_vm *vm, u64 mfn, u64 pfn);

#endif /* PVM_MMU_MMU_H */
