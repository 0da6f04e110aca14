// SPDX-License-Identifier: GPL-2.0-only
/*
 * One native write of the guest kernel to a live page table: take the instruction apart, compute, exchange the entry.
 *
 * The page fault told the address, so only length, operation and register matter (emul/decode.c). mmu/ decides whether
 * the write is emulated at all, and carries the new entry into the shadow.
 */
#include <linux/errno.h>

#include "core/pvm.h"
#include "emul/decode.h"

#define TRIES	8	/* another CPU may change the entry in between; then the guest simply faults again */

static u64 merge(u64 entry, u64 value, u32 shift, u32 bytes)
{
	u64 mask = bytes == 8 ? ~0ull : ((1ull << bytes * 8) - 1) << shift;

	return (entry & ~mask) | (value << shift & mask);
}

static enum pvm_fault_result carry_out(struct pvm_vcpu *v, const struct pvm_insn *insn, u64 cr2, pvm_gfn_t gfn)
{
	u32 index = (cr2 & (PVM_PAGE_SIZE - 1)) / 8, shift = (cr2 & 7) * 8;
	struct pvm_alu_result res;
	u64 old, new;
	int ret, tries;

	if ((cr2 & 7) + insn->bytes > 8)
		return PVM_FAULT_EMULATE;
	ret = pvm_gmem_read(v, gfn, index * 8, &old, sizeof(old));
	for (tries = 0; ret >= 0 && tries < TRIES; tries++) {
		if (pvm_alu_apply(insn, pvm_regs(v), old >> shift, &res))
			return PVM_FAULT_EMULATE;
		new = res.store ? merge(old, res.new, shift, insn->bytes) : old;
		ret = pvm_mmu_exchange_pte(v, gfn, index, &old, new);
		if (ret)
			continue;
		pvm_alu_commit(insn, &res, pvm_regs(v));
		pvm_count(v, PVM_STAT_PF_EMULATE);
		return PVM_FAULT_FIXED;
	}
	return ret == -PVM_ENEED ? PVM_FAULT_NEED : PVM_FAULT_FIXED;
}

/**
 * pvm_emulate_pt_write() - the guest kernel wrote to a live level-1 table
 * @v: the vCPU
 * @gfn: guest frame number
 * @cr2: where, @gfn: the table
 *
 * Context: resident. Return: FIXED, NEED, or EMULATE when it is no instruction we do: the guest gets its fault.
 */
enum pvm_fault_result pvm_emulate_pt_write(struct pvm_vcpu *v, u64 cr2, pvm_gfn_t gfn)
{
	enum pvm_fault_result res = pvm_mmu_native_write(v, cr2, gfn);
	struct pvm_insn insn;
	u8 bytes[PVM_INSN_MAX];
	u32 got;
	int err;

	if (res != PVM_FAULT_EMULATE)
		return res;
	err = pvm_gva_fetch(v, pvm_regs(v)->rip, bytes, sizeof(bytes), &got);
	if (err)
		return err == -PVM_ENEED ? PVM_FAULT_NEED : PVM_FAULT_FIXED;
	if (!pvm_op_is_alu(pvm_decode(bytes, got, &insn)))
		return PVM_FAULT_EMULATE;
	return carry_out(v, &insn, cr2, gfn);
}
