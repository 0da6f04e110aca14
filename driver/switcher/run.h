/* SPDX-License-Identifier: GPL-2.0-only */
/* Running a vCPU: what guest/loop.c calls of switcher/. */
#ifndef PVM_SWITCHER_RUN_H
#define PVM_SWITCHER_RUN_H

#include "core/pvm.h"

enum pvm_switch_result {
	PVM_SWITCH_GUEST,	/* regs->vector is the guest's business */
	PVM_SWITCH_HOST,	/* the host was served; nothing of the guest's is left to handle */
	PVM_SWITCH_FATAL,	/* the switcher could not go on: ss->fatal_* */
};
enum pvm_switch_result pvm_switch_run(struct pvm_vcpu *v);

void pvm_residency_load(struct pvm_vcpu *v);	/* IRQs off, inside a kernel_fpu section */
void pvm_residency_drop(struct pvm_vcpu *v);	/* IRQs off, same CPU */
void pvm_fpu_load_guest(struct pvm_vcpu *v);
void pvm_fpu_save_guest(struct pvm_vcpu *v);

/*
 * The text is entered through a plain indirect call: its address is not known to the linker, and it is not module
 * text that retpolines, IBT or CFI of the host could have prepared. It starts with ENDBR.
 */
void pvm_enter_text(void (*enter)(u64 state), u64 state);

#endif /* PVM_SWITCHER_RUN_H */
