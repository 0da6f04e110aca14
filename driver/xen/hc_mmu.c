// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-table hypercalls: mmu_update, update_va_mapping, mmuext_op.
 *
 * Only the Xen ABI is here: arrays are copied in, commands sorted, results counted. What a page-table write means
 * for the shadow is mmu/'s business. Arrays are copied in batches, finished elements are counted in
 * v->progress.entries, so that a repeated exit goes on where it stopped; every element is safe to repeat.
 *
 * Nearly all mmu_update calls carry one request (the guest's page-fault path), the rest up to 31.
 */
#include <linux/mm.h>

#include "xen/hypercall.h"

#define PVM_UPDATE_BATCH	32	/* requests copied at once, 512 bytes of stack */
#define PVM_UPDATE_PAUSE	512	/* requests between two looks at signals */
#define PVM_EXT_BATCH		8
#define PVM_EXT_PAUSE		64
#define PVM_COUNT_MASK		0x7fffffffu	/* top bit: Xen's own continuation flag */

#define PVM_MMU_COMMAND		7ull	/* low bits of mmu_update.ptr */
#define PVM_LDT_ENTRIES_MAX	8192u

/*
 * Whose tables, whose frames? Low half: owner of the frames mapped (the guest itself, or DOMID_IO, which we treat
 * alike: there are no foreign frames). High half: owner of the page table plus one, 0 = the guest.
 */
static bool domain_ok(struct pvm_vcpu *v, u32 dom)
{
	u16 owner = dom, table = dom >> 16;

	return likely(dom == DOMID_SELF) ||
	       ((pvm_hc_is_self(v->vm, owner) || owner == DOMID_IO) &&
		(!table || pvm_hc_is_self(v->vm, table - 1)));
}

/* The number of elements done goes to the guest, if it wants it; an error of the call itself is told first. */
static long finish(struct pvm_vcpu *v, u64 done_gva, long result)
{
	u32 done = v->progress.entries;
	int err;

	if (likely(!done_gva))
		return result;
	err = pvm_gva_write(v, done_gva, &done, sizeof(done));
	return err ? err : result;
}

/* Frames above all RAM (shared info, grant table) are the guest's to name, but have no place in the table. */
static int set_m2p(struct pvm_vcpu *v, u64 mfn, u64 pfn)
{
	int err = pvm_m2p_set(v->vm, mfn, pfn);

	return err && pvm_gfn_valid(v->vm, pvm_gfn(mfn)) ? 0 : err;
}

static int update_one(struct pvm_vcpu *v, u64 ptr, u64 val)
{
	u64 at = ptr & ~PVM_MMU_COMMAND;

	switch (ptr & PVM_MMU_COMMAND) {
	case MMU_NORMAL_PT_UPDATE:
	case MMU_PT_UPDATE_NO_TRANSLATE:
		return pvm_mmu_write_pte(v, at, val);
	case MMU_PT_UPDATE_PRESERVE_AD:
		return pvm_mmu_write_pte(v, at | PVM_PTE_KEEP_AD, val);
	case MMU_MACHPHYS_UPDATE:
		return set_m2p(v, ptr >> PVM_PAGE_SHIFT, val);
	default:
		return -ENOSYS;
	}
}

/* Requests that are plain stores are handed on together: mmu_update.ptr is what pvm_mmu_write_ptes() takes. */
static int update_run(struct pvm_vcpu *v, const struct mmu_update *u, u32 n)
{
	u32 *next = &v->progress.entries, plain, i = 0;
	int err = 0;

	BUILD_BUG_ON(sizeof(*u) != sizeof(struct pvm_pte_write) || MMU_NORMAL_PT_UPDATE ||
		     offsetof(struct mmu_update, val) != offsetof(struct pvm_pte_write, pte));
	while (!err && i < n) {
		for (plain = 0; i + plain < n && !(u[i + plain].ptr & PVM_MMU_COMMAND); plain++)
			;
		if (plain) {
			err = pvm_mmu_write_ptes(v, (const struct pvm_pte_write *)&u[i], plain, next);
			i += plain;
		} else {
			err = update_one(v, u[i].ptr, u[i].val);
			*next += !err;
			i++;
		}
	}
	return err;
}

/**
 * pvm_hc_mmu_update - HYPERVISOR_mmu_update
 * @v:		the vCPU
 * @reqs:	guest address of struct mmu_update[]
 * @g_count:	requests
 * @done:	guest address of a u32 for the number completed, or 0
 * @dom:	domains, see domain_ok()
 *
 * Context: resident.
 * Return: 0 or the first error; requests before it are done. -PVM_ENEED.
 */
long pvm_hc_mmu_update(struct pvm_vcpu *v, u64 reqs, u64 g_count, u64 done, u64 dom)
{
	struct mmu_update batch[PVM_UPDATE_BATCH] __uninitialized;
	u32 count = g_count & PVM_COUNT_MASK, left = PVM_UPDATE_PAUSE;
	u32 *next = &v->progress.entries;

	if (!domain_ok(v, dom))
		return -ESRCH;
	while (*next < count) {
		u64 gva = reqs + (u64)*next * sizeof(batch[0]);
		u32 n = pvm_hc_chunk(gva, sizeof(batch[0]), count - *next, PVM_UPDATE_BATCH);
		int err;

		if (!left)
			return pvm_need_pause(v);
		n = min(n, left);
		err = pvm_gva_read(v, gva, batch, n * sizeof(batch[0]));
		if (!err)
			err = update_run(v, batch, n);
		if (err)
			return err == -PVM_ENEED ? err : finish(v, done, err);
		left -= n;
	}
	return finish(v, done, 0);
}

/**
 * pvm_hc_mmu_update_quick - one request, as most calls have
 * @v:		the vCPU
 * @count:	requests
 *
 * Context: resident, IRQs off. Return: the result; -PVM_ENEED the long way, nothing has changed.
 */
long pvm_hc_mmu_update_quick(struct pvm_vcpu *v, u64 count)
{
	u64 ptr = v->ss->fetch[0];

	if (count != 1)
		return -PVM_ENEED;
	switch (ptr & PVM_MMU_COMMAND) {
	case MMU_NORMAL_PT_UPDATE:
		return pvm_mmu_write_pte_quick(v, ptr, v->ss->fetch[1]);
	case MMU_PT_UPDATE_PRESERVE_AD:
		return pvm_mmu_write_pte_quick(v, ptr ^ MMU_PT_UPDATE_PRESERVE_AD ^ PVM_PTE_KEEP_AD, v->ss->fetch[1]);
	}
	return -PVM_ENEED;
}

/**
 * pvm_hc_update_va_mapping - set the lowest-level entry that maps an address in the kernel view
 * @v:		the vCPU
 * @va:		guest address
 * @pte:	the entry
 * @flags:	UVMF_*: what to flush, and on which vCPUs (we always flush the whole VM: no mask is read)
 *
 * Context: resident.
 * Return: 0, -EINVAL no table maps @va or bad flags, -PVM_ENEED.
 */
long pvm_hc_update_va_mapping(struct pvm_vcpu *v, u64 va, u64 pte, u64 flags)
{
	int err;

	if (!pvm_is_guest_va(va))
		return -EINVAL;
	if (!v->progress.entries) {
		err = pvm_mmu_map_va(v, va, pte);
		if (err)
			return err;
		v->progress.entries = 1;
	}
	switch (flags & UVMF_FLUSHTYPE_MASK) {
	case UVMF_NONE:
		return 0;
	case UVMF_TLB_FLUSH:
		return pvm_mmu_flush(v);
	case UVMF_INVLPG:
		return pvm_mmu_flush_va(v, va);
	default:
		return -EINVAL;
	}
}

static int load_ldt(struct pvm_vcpu *v, u64 base, u64 g_entries)
{
	u32 entries = g_entries;
	u64 last = base + (u64)entries * 8 - 1;
	int err;

	if (entries > PVM_LDT_ENTRIES_MAX || base & (PVM_PAGE_SIZE - 1))
		return -EINVAL;
	if (entries && (!pvm_is_guest_va(base) || !pvm_is_guest_va(last)))
		return -EINVAL;
	if (!entries)
		base = 0;
	err = pvm_hc_load_ldt(v, base, entries);
	if (err)
		return err;
	v->cpu.ldt_base = base;
	v->cpu.ldt_entries = entries;
	return 0;
}

static int copy_frame(struct pvm_vcpu *v, pvm_gfn_t to, pvm_gfn_t from)
{
	u8 piece[512];
	u32 offset;

	for (offset = 0; offset < PVM_PAGE_SIZE; offset += sizeof(piece)) {
		int err = pvm_gmem_read(v, from, offset, piece, sizeof(piece));

		if (!err)
			err = pvm_gmem_write(v, to, offset, piece, sizeof(piece));
		if (err)
			return err == -PVM_ENEED ? err : -EINVAL;
	}
	pvm_mmu_rewritten(v, to);
	return 0;
}

static int clear_frame(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	int err = pvm_gmem_write(v, gfn, 0, page_address(ZERO_PAGE(0)), PVM_PAGE_SIZE);

	if (!err)
		pvm_mmu_rewritten(v, gfn);
	return err == -ENXIO ? -EINVAL : err;
}

static int ext_one(struct pvm_vcpu *v, const struct mmuext_op *op)
{
	u64 a1 = op->arg1.mfn, a2 = op->arg2.src_mfn;
	int err;

	switch (op->cmd) {
	case MMUEXT_PIN_L1_TABLE:
	case MMUEXT_PIN_L2_TABLE:
	case MMUEXT_PIN_L3_TABLE:
	case MMUEXT_PIN_L4_TABLE:
		return pvm_mmu_pin(v, pvm_gfn(a1), op->cmd - MMUEXT_PIN_L1_TABLE + 1);
	case MMUEXT_UNPIN_TABLE:
		return pvm_mmu_unpin(v, pvm_gfn(a1));
	case MMUEXT_NEW_BASEPTR:
		return pvm_mmu_new_base(v, pvm_gfn(a1));
	case MMUEXT_NEW_USER_BASEPTR:
		err = pvm_mmu_new_user_base(v, a1);
		pvm_trap_update_direct(v);
		return err;
	case MMUEXT_TLB_FLUSH_LOCAL:
	case MMUEXT_TLB_FLUSH_MULTI:
	case MMUEXT_TLB_FLUSH_ALL:
		return pvm_mmu_flush(v);
	case MMUEXT_INVLPG_LOCAL:
	case MMUEXT_INVLPG_MULTI:
	case MMUEXT_INVLPG_ALL:
		/* not page-aligned with some callers; an address outside the guest has no entry */
		return pvm_is_guest_va(a1) ? pvm_mmu_flush_va(v, a1 & ~(u64)(PVM_PAGE_SIZE - 1)) : 0;
	case MMUEXT_FLUSH_CACHE:
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		return 0;
	case MMUEXT_SET_LDT:
		return load_ldt(v, a1, op->arg2.nr_ents);
	case MMUEXT_CLEAR_PAGE:
		return clear_frame(v, pvm_gfn(a1));
	case MMUEXT_COPY_PAGE:
		return copy_frame(v, pvm_gfn(a1), pvm_gfn(a2));
	case MMUEXT_MARK_SUPER:
	case MMUEXT_UNMARK_SUPER:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}

/* One flush, which is what change of protection and copy-on-write end with; not one that compares whole tables. */
static long flush_quick(struct pvm_vcpu *v, const struct mmuext_op *op)
{
	switch (op->cmd) {
	case MMUEXT_TLB_FLUSH_LOCAL:
	case MMUEXT_TLB_FLUSH_MULTI:
	case MMUEXT_TLB_FLUSH_ALL:
		if (v->ss->nr_unsync)
			return -PVM_ENEED;
		break;
	case MMUEXT_INVLPG_LOCAL:
	case MMUEXT_INVLPG_MULTI:
	case MMUEXT_INVLPG_ALL:
		break;
	default:
		return -PVM_ENEED;
	}
	return ext_one(v, op);
}

/**
 * pvm_hc_mmuext_quick - a flush, or both roots replaced by ones that were roots before: what a context switch is
 * @v:		the vCPU
 * @count:	operations
 *
 * Context: resident, IRQs off. Return: the result; -PVM_ENEED the long way, nothing has changed.
 */
long pvm_hc_mmuext_quick(struct pvm_vcpu *v, u64 count)
{
	const struct mmuext_op *op = (const struct mmuext_op *)v->ss->fetch;

	BUILD_BUG_ON(2 * sizeof(*op) > sizeof(v->ss->fetch));
	if (count == 1)
		return flush_quick(v, op);
	if (count != 2 || op[0].cmd != MMUEXT_NEW_BASEPTR || op[1].cmd != MMUEXT_NEW_USER_BASEPTR ||
	    !pvm_mmu_switch_base(v, op[0].arg1.mfn, op[1].arg1.mfn))
		return -PVM_ENEED;
	return 0;
}

/**
 * pvm_hc_mmuext_op - HYPERVISOR_mmuext_op
 * @v:		the vCPU
 * @ops:	guest address of struct mmuext_op[]
 * @g_count:	operations
 * @done:	guest address of a u32 for the number completed, or 0
 * @dom:	domain
 *
 * Context: resident.
 * Return: 0 or the first error; operations before it are done. -PVM_ENEED.
 */
long pvm_hc_mmuext_op(struct pvm_vcpu *v, u64 ops, u64 g_count, u64 done, u64 dom)
{
	struct mmuext_op batch[PVM_EXT_BATCH] __uninitialized;
	u32 count = g_count & PVM_COUNT_MASK, left = PVM_EXT_PAUSE;
	u32 *next = &v->progress.entries;

	if (!domain_ok(v, dom))
		return -ESRCH;
	while (*next < count) {
		u64 gva = ops + (u64)*next * sizeof(batch[0]);
		u32 i, n = pvm_hc_chunk(gva, sizeof(batch[0]), count - *next, PVM_EXT_BATCH);
		int err;

		if (!left)
			return pvm_need_pause(v);
		n = min(n, left);
		err = pvm_gva_read(v, gva, batch, n * sizeof(batch[0]));
		for (i = 0; !err && i < n; i++) {
			err = ext_one(v, &batch[i]);
			if (!err)
				++*next;
		}
		if (err)
			return err == -PVM_ENEED ? err : finish(v, done, err);
		left -= n;
	}
	return finish(v, done, 0);
}
