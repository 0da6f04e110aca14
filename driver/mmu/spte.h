/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shadow entries: what of a guest entry goes into one, and what a change of the guest's entry means
 * for it.
 *
 * Pure. A shadow entry is made from scratch, never by masking a guest's: cache attributes, G,
 * protection key and the available bits cannot leak into the hardware. U is always set (both guest
 * modes run at CPL3; which mode may see what is decided by the root), NX is the guest's, W is lent
 * as late as the guest's dirty bit allows.
 */
#ifndef PVM_MMU_SPTE_H
#define PVM_MMU_SPTE_H

#include "base/types.h"
#include "base/x86.h"

/*
 * Software bit: the host mapping is writable and was faulted in for writing, so W may be set
 * without asking.
 */
#define PVM_SPTE_HOST_W		(1ull << 9)

#define PVM_SPTE_IN_HOST_W	(1u << 0)	/* host page is writable (see PVM_SPTE_HOST_W) */
#define PVM_SPTE_IN_TABLE	(1u << 1)	/* target is a live page table: never writable */
#define PVM_SPTE_IN_WRITE	(1u << 2)	/* the guest writes now: its D is or gets set */

/**
 * pvm_spte_leaf - level-1 shadow entry
 * @gpte:	guest entry, present
 * @hfn:	host frame
 * @in:		PVM_SPTE_IN_*
 *
 * W only when the guest allows it, the guest's D is set or being set, the host page is writable and
 * the target is no page table. A and D are set so that the CPU does not write to the shadow.
 *
 * Context: any.
 * Return: the entry.
 */
static inline u64 pvm_spte_leaf(u64 gpte, pvm_hfn_t hfn, u32 in)
{
	u64 e = (hfn.v << PVM_PAGE_SHIFT & PVM_PTE_FRAME) | PVM_PTE_P | PVM_PTE_U | PVM_PTE_A;

	e |= gpte & PVM_PTE_NX;

	if (in & PVM_SPTE_IN_HOST_W)
		e |= PVM_SPTE_HOST_W;
	if ((gpte & PVM_PTE_W) && (in & PVM_SPTE_IN_HOST_W) && !(in & PVM_SPTE_IN_TABLE) &&
	    ((gpte & PVM_PTE_D) || (in & PVM_SPTE_IN_WRITE)))
		e |= PVM_PTE_W | PVM_PTE_D;
	return e;
}

/**
 * pvm_spte_table - shadow entry of level 2 to 4
 * @gpte:	guest entry, present; its W and NX hold for everything below
 * @hfn:	host frame of the shadow page
 *
 * Context: any.
 * Return: the entry.
 */
static inline u64 pvm_spte_table(u64 gpte, pvm_hfn_t hfn)
{
	return (hfn.v << PVM_PAGE_SHIFT & PVM_PTE_FRAME) | PVM_PTE_P | PVM_PTE_U | PVM_PTE_A |
	       (gpte & (PVM_PTE_W | PVM_PTE_NX));
}

static inline bool pvm_spte_is_present(u64 spte)
{
	return spte & PVM_PTE_P;
}

static inline pvm_hfn_t pvm_spte_hfn(u64 spte)
{
	return pvm_hfn((spte & PVM_PTE_FRAME) >> PVM_PAGE_SHIFT);
}

/*
 * Guest entry after an access the guest's own CPU would have made: A, and D for a write to a leaf.
 */
static inline u64 pvm_gpte_touched(u64 gpte, bool write)
{
	return gpte | PVM_PTE_A | (write ? PVM_PTE_D : 0);
}

/* What to do with a level-1 shadow entry when the guest's entry changes. */
enum pvm_spte_change {
	PVM_SPTE_KEEP,		/* still right, or lacks a right that a fault will give */
	PVM_SPTE_DOWNGRADE,	/* same frame, fewer rights: pvm_spte_downgrade(); flush */
	/* rights gained: make anew with pvm_spte_leaf(), no flush (same frame) */
	PVM_SPTE_REPLACE,
	PVM_SPTE_DROP,		/* clear it; flush. The next access, or a prefault, fills it */
};

/**
 * pvm_spte_change - a guest entry under an existing shadow entry changes
 * @old:	guest entry the shadow entry was made from
 * @new:	guest entry from now on
 * @spte:	the shadow entry
 *
 * Context: any.
 * Return: what to do. A cleared A drops, so that the next access sets it again; a cleared D or W
 * takes W away.
 */
static inline enum pvm_spte_change pvm_spte_change(u64 old, u64 new, u64 spte)
{
	bool want_w = (new & PVM_PTE_W) && (new & PVM_PTE_D);

	if (!(spte & PVM_PTE_P))
		return PVM_SPTE_KEEP;
	if (!(new & PVM_PTE_P) || !(new & PVM_PTE_A) || ((old ^ new) & PVM_PTE_FRAME))
		return PVM_SPTE_DROP;
	if (((spte & PVM_PTE_W) && !want_w) || ((new & PVM_PTE_NX) && !(spte & PVM_PTE_NX)))
		return PVM_SPTE_DOWNGRADE;
	if ((!(spte & PVM_PTE_W) && want_w && (spte & PVM_SPTE_HOST_W)) ||
	    (!(new & PVM_PTE_NX) && (spte & PVM_PTE_NX)))
		return PVM_SPTE_REPLACE;
	return PVM_SPTE_KEEP;
}

/**
 * pvm_spte_downgrade - take away the rights a guest entry no longer gives
 * @spte:	shadow entry
 * @gpte:	guest entry from now on
 *
 * Context: any.
 * Return: the entry with W, D cleared and NX set as needed; never with a right it did not have.
 */
static inline u64 pvm_spte_downgrade(u64 spte, u64 gpte)
{
	if (!(gpte & PVM_PTE_W) || !(gpte & PVM_PTE_D))
		spte &= ~(PVM_PTE_W | PVM_PTE_D);
	return spte | (gpte & PVM_PTE_NX);
}

#endif /* PVM_MMU_SPTE_H */
