/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Emulation of the instructions a guest kernel executes as if it were in ring 0: interface to xen/privop.c, which
 * owns the exits and delivers whatever comes out.
 */
#ifndef PVM_EMUL_EMULATE_H
#define PVM_EMUL_EMULATE_H

#include "base/types.h"

struct pvm_vcpu;

enum pvm_emul_kind {
	PVM_EMUL_DONE,		/* executed, rip behind it */
	PVM_EMUL_NEED,		/* v->need; nothing changed */
	PVM_EMUL_REFUSED,	/* not ours: the exception goes to the guest as it came */
	PVM_EMUL_FAULT,		/* #PF at @cr2 with @error: the instruction or its operand is not mapped */
	PVM_EMUL_SYSENTER,	/* user mode executed SYSENTER; rip not moved */
	PVM_EMUL_HYPERCALL_PAGE, /* write the hypercall page into frame @gfn; rip not moved */
};

struct pvm_emul {
	enum pvm_emul_kind kind;
	u8 length;		/* of the instruction, for the kinds that do not move rip */
	u32 error;
	u64 cr2;
	pvm_gfn_t gfn;
};

/**
 * pvm_emulate - execute the instruction at rip that raised #GP(0)
 * @v:	the vCPU, either mode
 *
 * Context: resident.
 * Return: what happened.
 */
struct pvm_emul pvm_emulate(struct pvm_vcpu *v);

/**
 * pvm_emulate_forced_cpuid - the forced-emulation prefix and CPUID, at a #UD
 * @v:	the vCPU, either mode
 *
 * Context: resident.
 * Return: DONE, NEED, REFUSED or FAULT.
 */
struct pvm_emul pvm_emulate_forced_cpuid(struct pvm_vcpu *v);

/**
 * pvm_debugreg_write - write DR0-3, 6, 7 (and their aliases 4, 5)
 * @v:		the vCPU
 * @reg:	number
 * @value:	value; checked here: what passes may be loaded into the CPU while the guest runs
 *
 * Context: any of the vCPU.
 * Return: 0; -EPERM address of ours, I/O breakpoint or GD; -EINVAL upper half set; -ENODEV no such register.
 */
int __must_check pvm_debugreg_write(struct pvm_vcpu *v, u32 reg, u64 value);

/**
 * pvm_debugreg_read - read a debug register
 * @v:		the vCPU
 * @reg:	number
 * @value:	result
 *
 * Context: any of the vCPU.
 * Return: 0, -ENODEV.
 */
int __must_check pvm_debugreg_read(const struct pvm_vcpu *v, u32 reg, u64 *value);

#define PVM_DR6_DEFAULT	0xffff0ff0ull
#define PVM_DR6_BS	(1ull << 14)
#define PVM_DR7_DEFAULT	0x400ull

#endif /* PVM_EMUL_EMULATE_H */
