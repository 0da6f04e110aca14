// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit reason -> handler: no work in the cases.
 *
 * Runs in the resident section with IRQs on. May be called again for the same exit (v->redo) after PVM_ACT_NEED:
 * counters move on the first call only.
 */
#include "core/trace.h"
#include "guest/guest.h"
#include "xen/hypercall.h"

static __always_inline void count_once(struct pvm_vcpu *v, enum pvm_stat s)
{
	if (likely(!v->redo))
		pvm_count(v, s);
}

static enum pvm_act page_fault(struct pvm_vcpu *v)
{
	u64 cr2 = v->ss->cr2;
	u32 error = pvm_regs(v)->error, guest_error = 0;
	enum pvm_fault_result res;
	pvm_gfn_t gfn;

	/* On a 5-level host a 48-bit non-canonical address faults as if it were unmapped. */
	if (unlikely(!pvm_is_canonical(cr2)))
		return pvm_inject(v, PVM_X_GP, true, 0);
	/* WRPKRU is no privileged instruction: what a guest program did with the host's protection keys is undone. */
	if (unlikely(error & PVM_PF_PK)) {
		pvm_host_reset_pkru(v);
		return PVM_ACT_RESUME;
	}
	res = pvm_mmu_fault(v, cr2, error, &guest_error, &gfn);
	if (res == PVM_FAULT_EMULATE)
		res = pvm_emulate_pt_write(v, cr2, gfn);
	trace_pvm_fault(v, cr2, error, res);
	switch (res) {
	case PVM_FAULT_FIXED:
		return PVM_ACT_RESUME;
	case PVM_FAULT_NEED:
		return PVM_ACT_NEED;
	case PVM_FAULT_DIE:
		return PVM_ACT_DIE;
	case PVM_FAULT_EMULATE:		/* not emulated after all: the guest sees the protection of its own table */
		guest_error = PVM_PF_P | PVM_PF_W;
		fallthrough;
	case PVM_FAULT_GUEST:
		pvm_count(v, PVM_STAT_PF_INJECT);
		return pvm_inject_pf(v, cr2, guest_error | (v->ss->kernel_mode ? 0 : PVM_PF_U));
	}
	return pvm_vcpu_die(v, PVM_DEATH_DRIVER, "page fault handler answered %d", res);
}

enum pvm_act pvm_handle_exit(struct pvm_vcpu *v)
{
	const struct pvm_regs *r = pvm_regs(v);
	u32 vector = r->vector;

	if (vector == PVM_VEC_SYSCALL && v->ss->kernel_mode) {
		count_once(v, PVM_STAT_EXIT_HYPERCALL);
		return pvm_hypercall(v);
	}
	switch (vector) {
	case PVM_X_PF:
		count_once(v, PVM_STAT_EXIT_PF);
		return page_fault(v);
	case PVM_X_GP:
		count_once(v, PVM_STAT_EXIT_GP);
		return r->error ? pvm_inject(v, PVM_X_GP, true, r->error) : pvm_emulate_gp(v);
	case PVM_X_UD:
		count_once(v, PVM_STAT_EXIT_UD);
		return pvm_emulate_ud(v);
	case PVM_VEC_SYSCALL:
	case PVM_VEC_SYSCALL32:
		count_once(v, v->ss->kernel_mode ? PVM_STAT_EXIT_HYPERCALL : PVM_STAT_EXIT_SYSCALL);
		return pvm_bounce_syscall(v, vector);
	default:
		count_once(v, PVM_STAT_EXIT_OTHER);
		return pvm_inject(v, vector, true, r->error);
	}
}
