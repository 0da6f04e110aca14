/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls: the list of them, and what the hc_*.c files share. Private to xen/.
 *
 * The list below is the whole table: number (by its public name), arguments, and by naming convention the handler
 * pvm_hc_<name>(). hypercall.c makes a switch of it, so that hot calls are direct calls, without a retpoline.
 *
 * A handler gets raw registers. It returns the guest's result, or
 *	-PVM_ENEED	not possible in atomic context; it will be called again with the same arguments
 *	PVM_HC_KEEP	the registers already hold the result (iret, continuations)
 * What must happen besides is told with pvm_hc_act(). Reads come before the first side effect, or the handler
 * counts finished elements in v->progress.entries.
 */
#ifndef PVM_XEN_HYPERCALL_H
#define PVM_XEN_HYPERCALL_H

#include "core/pvm.h"

#define PVM_HC_KEEP	(-4001l)	/* next to PVM_ENEED, outside every errno */

/* X(name, number of arguments) */
#define PVM_HYPERCALL_LIST(X)		\
	X(set_trap_table, 1)		\
	X(mmu_update, 4)		\
	X(set_gdt, 2)			\
	X(stack_switch, 2)		\
	X(set_callbacks, 3)		\
	X(fpu_taskswitch, 1)		\
	X(sched_op_compat, 2)		\
	X(set_debugreg, 2)		\
	X(get_debugreg, 1)		\
	X(update_descriptor, 2)		\
	X(memory_op, 2)			\
	X(multicall, 2)			\
	X(update_va_mapping, 3)		\
	X(set_timer_op, 1)		\
	X(xen_version, 2)		\
	X(console_io, 3)		\
	X(grant_table_op, 3)		\
	X(vm_assist, 2)			\
	X(iret, 0)			\
	X(vcpu_op, 3)			\
	X(set_segment_base, 2)		\
	X(mmuext_op, 4)			\
	X(nmi_op, 2)			\
	X(sched_op, 2)			\
	X(callback_op, 2)		\
	X(event_channel_op, 2)		\
	X(physdev_op, 2)

/* Calls of privileged domains: -EPERM. Everything in neither list is -ENOSYS. */
#define PVM_HYPERCALL_REFUSED(X)	\
	X(platform_op)			\
	X(sysctl)			\
	X(domctl)			\
	X(kexec_op)			\
	X(dm_op)

#define PVM_HC_PARAMS_0
#define PVM_HC_PARAMS_1	, u64 a1
#define PVM_HC_PARAMS_2	, u64 a1, u64 a2
#define PVM_HC_PARAMS_3	, u64 a1, u64 a2, u64 a3
#define PVM_HC_PARAMS_4	, u64 a1, u64 a2, u64 a3, u64 a4
#define PVM_HC_DECLARE(name, nargs)	long pvm_hc_##name(struct pvm_vcpu *v PVM_HC_PARAMS_##nargs);
PVM_HYPERCALL_LIST(PVM_HC_DECLARE)
#undef PVM_HC_DECLARE

/* The strongest wish of several calls (multicall) wins: enum pvm_act is in rising order. */
static inline void pvm_hc_act(struct pvm_vcpu *v, enum pvm_act act)
{
	if (act > v->act)
		v->act = act;
}

/*
 * Elements of a guest array to copy at once: not beyond the page of the first one, because what follows the
 * array may be unmapped; at least one, at most @max.
 */
static inline u32 pvm_hc_chunk(u64 gva, u32 element_bytes, u32 left, u32 max)
{
	u32 n = (PVM_PAGE_SIZE - (u32)(gva & (PVM_PAGE_SIZE - 1))) / element_bytes;

	return clamp(n, 1u, min(left, max));
}

/* Does a domain id in an argument mean the caller itself? */
static inline bool pvm_hc_is_self(const struct pvm_vm *vm, u16 domid)
{
	return domid == DOMID_SELF || domid == vm->domid;
}

/* hc_mmu.c: @count elements that the switcher brought along, for DOMID_SELF and without a counter. -PVM_ENEED: not
 * quickly, and nothing has changed; v->need says nothing. */
long pvm_hc_mmu_update_quick(struct pvm_vcpu *v, u64 count);
long pvm_hc_mmuext_quick(struct pvm_vcpu *v, u64 count);

/* hc_cpu.c: copy the guest's LDT and load it. 0, -EFAULT, -ENOMEM, -PVM_ENEED. */
int pvm_hc_load_ldt(struct pvm_vcpu *v, u64 base, u32 entries);

/* hc_cpu.c: a code address the guest may register: 0 or canonical, outside the hole. */
static inline bool pvm_hc_code_ok(u64 rip)
{
	return pvm_is_guest_va(rip);
}

#endif /* PVM_XEN_HYPERCALL_H */
