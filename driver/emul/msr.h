/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What RDMSR and WRMSR of a guest kernel mean: one table, index to rule.
 *
 * Pure. The answer is either final (a value, #GP) or names the register the shell (emul/emulate.c)
 * has to read or write. Nothing a guest writes here reaches a host MSR directly.
 */
#ifndef PVM_EMUL_MSR_H
#define PVM_EMUL_MSR_H

#include <linux/types.h>

enum pvm_msr_kind {
	PVM_MSR_VALUE,		/* read: @value is the answer; write: accepted, nothing to do */
	PVM_MSR_INJECT_GP,	/* #GP(0) to the guest */
	/* read: host's MSR of this index, (it & @mask) | @value; unreadable: @value */
	PVM_MSR_HOST,
	PVM_MSR_FS_BASE,	/* write: @value is canonical */
	PVM_MSR_GS_BASE,	/* the kernel's, active while it runs */
	PVM_MSR_USER_GS_BASE,	/* KERNEL_GS_BASE: the inactive one */
	PVM_MSR_TSC,		/* read: rdtsc */
	PVM_MSR_TSC_AUX,	/* write: @value fits 32 bits */
	PVM_MSR_STORED,		/* v->cpu.misc_msr[@slot] */
	PVM_MSR_HYPERCALL_PAGE,	/* write: @value is the frame to fill with the hypercall page */
};

#define PVM_MSR_SLOTS	4	/* stored MSRs: address masks of the debug registers (AMD) */

/*
 * State of the guest the rules depend on. Before the guest has a handler for vector 13 a #GP would
 * kill it, so unknown MSRs read as 0 and swallow writes.
 */
#define PVM_MSR_BSP		(1u << 0)	/* vCPU 0 */
#define PVM_MSR_NO_GP_HANDLER	(1u << 1)	/* no #GP handler yet: see below */
#define PVM_MSR_HAS_TSC_AUX	(1u << 2)	/* RDTSCP or RDPID is shown */
#define PVM_MSR_HAS_ARCH_CAPS	(1u << 3)	/* PVM_CPUID_ARCH_CAPS */

/**
 * struct pvm_msr_answer - what to do
 * @kind:	enum pvm_msr_kind
 * @slot:	of PVM_MSR_STORED
 * @value:	see the kind
 * @mask:	of PVM_MSR_HOST
 */
struct pvm_msr_answer {
	u8 kind;
	u8 slot;
	u64 value;
	u64 mask;
};

/**
 * pvm_msr_read - RDMSR
 * @index:	ECX
 * @state:	PVM_MSR_BSP...
 *
 * Context: any.
 * Return: what to do; never PVM_MSR_HYPERCALL_PAGE.
 */
struct pvm_msr_answer pvm_msr_read(u32 index, u32 state);

/**
 * pvm_msr_write - WRMSR
 * @index:	ECX
 * @value:	EDX:EAX; checked here (canonical bases, reserved bits)
 * @state:	PVM_MSR_BSP...
 *
 * Context: any.
 * Return: what to do; never PVM_MSR_HOST or PVM_MSR_TSC.
 */
struct pvm_msr_answer pvm_msr_write(u32 index, u64 value, u32 state);

/**
 * pvm_cr0_read - CR0 as a guest kernel sees it
 * @ts:	guest's task-switched flag
 *
 * Context: any.
 * Return: PG AM WP NE ET MP PE, and TS.
 */
static inline u64 pvm_cr0_read(bool ts)
{
	return 0x80050033ull | (ts ? 0x8ull : 0);
}

/*
 * CR4 bits a guest may change, and those that always read as set (PAE, OSFXSR, OSXMMEXCPT). MCE is
 * hidden.
 */
#define PVM_CR4_DE		(1ull << 3)
#define PVM_CR4_TSD		(1ull << 2)
#define PVM_CR4_FSGSBASE	(1ull << 16)
#define PVM_CR4_OSXSAVE		(1ull << 18)
#define PVM_CR4_SHOWN		0x620ull
#define PVM_CR4_GUEST		(PVM_CR4_DE | PVM_CR4_TSD | PVM_CR4_FSGSBASE | PVM_CR4_OSXSAVE)

/**
 * pvm_cr4_write - CR4 a guest kernel wants
 * @value:	what it wrote
 * @allowed:	subset of PVM_CR4_GUEST its CPUID offers
 *
 * Bits outside are ignored, not refused: Linux writes back what it read, with bits of its own
 * added.
 *
 * Context: any.
 * Return: value to keep; reads give it | PVM_CR4_SHOWN.
 */
static inline u64 pvm_cr4_write(u64 value, u64 allowed)
{
	return value & allowed & PVM_CR4_GUEST;
}

#endif /* PVM_EMUL_MSR_H */
