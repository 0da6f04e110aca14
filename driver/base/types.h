/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words the whole driver shares: frame numbers that cannot be mixed up, what a handler wants done next, and the
 * private error code for "not now, not in atomic context".
 *
 * Pure: included by files that also compile in user space (tests/unit/shim supplies the kernel headers).
 */
#ifndef PVM_BASE_TYPES_H
#define PVM_BASE_TYPES_H

#include <linux/types.h>

#define PVM_PAGE_SHIFT	12
#define PVM_PAGE_SIZE	4096u

/* Guest frame (index into the VM's memory slots) and host frame: one-field structs, so that they never mix. */
typedef struct { u64 v; } pvm_gfn_t;
typedef struct { u64 v; } pvm_hfn_t;

static inline pvm_gfn_t pvm_gfn(u64 v)
{
	return (pvm_gfn_t){ v };
}

static inline pvm_hfn_t pvm_hfn(u64 v)
{
	return (pvm_hfn_t){ v };
}

/*
 * Guest-visible handlers run in a section that must not sleep. When one finds a host page missing or a cache
 * empty it notes what it needs (core/pvm.h: struct pvm_need) and returns -PVM_ENEED; the run loop leaves the
 * section, provides it, and calls the handler again with the same registers. A handler must therefore be
 * repeatable up to the point of its first -PVM_ENEED, or keep its progress (struct pvm_progress).
 * The value is outside every errno a guest or a caller can see.
 */
#define PVM_ENEED	4000

/* What must happen after an exit was handled. */
enum pvm_act {
	PVM_ACT_RESUME,		/* enter the guest again */
	PVM_ACT_NEED,		/* provide v->need in sleeping context, then handle the same exit again */
	PVM_ACT_LEAVE,		/* give the CPU back for a moment (yield, host softirqs), then resume */
	PVM_ACT_BLOCK,		/* sleep until an event or a timer */
	PVM_ACT_USER,		/* return to the VMM; v->run tells why */
	PVM_ACT_DIE,		/* the guest is dead, pvm_vm_die() has the reason */
};

/* Why the guest stopped running: regs->vector. 0..255 are CPU vectors. */
#define PVM_VEC_SYSCALL		0x100	/* SYSCALL from 64-bit code */
#define PVM_VEC_SYSCALL32	0x101	/* SYSCALL from 32-bit code (AMD) */
#define PVM_VEC_NONE		0x1ff	/* tripwire: set before entry */
/* Never an exit: callbacks, where vectors are told to people. */
#define PVM_VEC_EVENT		0x200
#define PVM_VEC_FAILSAFE	0x201

#endif /* PVM_BASE_TYPES_H */
