/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running a vCPU: what guest/loop.c calls of switcher/.
 *
 *	pvm_switch_begin	once per stretch with IRQs off
 *	pvm_switch_enter	into the guest and back, any number of times; inline, every exit pays for it
 *	pvm_switch_end		what came back is the host's, or needs a look
 */
#ifndef PVM_SWITCHER_RUN_H
#define PVM_SWITCHER_RUN_H

#include "core/pvm.h"

enum pvm_switch_result {
	PVM_SWITCH_GUEST,	/* regs->vector is the guest's business */
	PVM_SWITCH_HOST,	/* the host was served; nothing of the guest's is left to handle */
	PVM_SWITCH_FATAL,	/* the switcher could not go on: ss->fatal_* */
};

extern u64 pvm_sw_entry;	/* address of the way in, fixed at load */

/*
 * The text is entered through a plain indirect call: its address is not known to the linker, and it is not module
 * text that retpolines, IBT or CFI of the host could have prepared. It starts with ENDBR.
 */
static __always_inline void pvm_enter_text(u64 state, u64 entry)
{
	/* rbp is kept: it may be the frame pointer. The others are cheaper to reload than to save each time. */
	asm volatile("call pvm_enter_text"
		     : "+D"(state), "+S"(entry), ASM_CALL_CONSTRAINT
		     :
		     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		       "cc", "memory");
}

void pvm_fill_return_stack(void);

void pvm_switch_begin(struct pvm_vcpu *v);
enum pvm_switch_result pvm_switch_end(struct pvm_vcpu *v);
void pvm_switch_trace_exit(struct pvm_vcpu *v);

/* Nothing but the exit itself happened, which is the guest's. Else pvm_switch_end() must see to it. IRQs off. */
static __always_inline bool pvm_switch_was_plain(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;
	u64 vector = ss->regs.vector;

	if (unlikely(ss->unusual || v->cpu.cr0_ts))
		return false;
	return vector == PVM_VEC_SYSCALL || vector == PVM_X_PF || vector == PVM_X_GP || vector == PVM_X_UD;
}

/**
 * pvm_switch_enter() - enter the guest and come back
 * @v: resident vCPU with something to run
 *
 * Context: IRQs off before and after, since pvm_switch_begin().
 */
static __always_inline void pvm_switch_enter(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;
	struct pvm_regs *r = &ss->regs;

	if (likely(ss->kernel_mode)) {
		ss->guest_cr3 = ss->kernel_cr3;
		ss->path = ss->kernel_path;
	} else {
		ss->guest_cr3 = ss->user_cr3;
		ss->path = ss->user_path;
		if (unlikely(READ_ONCE(v->shared.info->evtchn_upcall_mask)))
			ss->path |= PVM_PATH_SLOW;	/* assembly writes frames with events on */
	}
	r->rflags = (r->rflags & PVM_FL_GUEST) | PVM_FL_FORCED;
	r->vector = PVM_VEC_NONE;
	pvm_enter_text(ss->self, pvm_sw_entry);
	ss->kernel_mode = ss->path & PVM_PATH_KERNEL;
	if (r->vector == PVM_X_PF)
		ss->cr2 = native_read_cr2();	/* at once: our own accesses to guest memory may fault */
	v->stat[PVM_STAT_EXITS]++;
}

void pvm_residency_load(struct pvm_vcpu *v);	/* IRQs off, inside a kernel_fpu section */
void pvm_residency_drop(struct pvm_vcpu *v);	/* IRQs off, same CPU */
void pvm_fpu_load_guest(struct pvm_vcpu *v);
void pvm_fpu_save_guest(struct pvm_vcpu *v);

#endif /* PVM_SWITCHER_RUN_H */
