// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: from registers to a handler and back, and the multicall loop.
 *
 * ABI (64-bit PV): rax number, rdi rsi rdx r10 r8 arguments, result in rax, all else preserved but rcx and r11,
 * which SYSCALL itself destroys. The table is PVM_HYPERCALL_LIST in hypercall.h.
 *
 * An exit may be handled several times (-PVM_ENEED); v->progress says how far it got and is cleared by the run
 * loop at each fresh exit. Neighbours: guest/exit.c calls us, hc_*.c do the work.
 */
#include <linux/nospec.h>
#include <linux/stddef.h>

#include "core/trace.h"
#include "emul/cpuid.h"
#include "xen/hypercall.h"

#include <xen/interface/version.h>

#define PVM_NR_COUNTED	64	/* v->hypercall_count */

#define PVM_HC_ARGS_0
#define PVM_HC_ARGS_1	, a[0]
#define PVM_HC_ARGS_2	, a[0], a[1]
#define PVM_HC_ARGS_3	, a[0], a[1], a[2]
#define PVM_HC_ARGS_4	, a[0], a[1], a[2], a[3]

static long dispatch(struct pvm_vcpu *v, u32 nr, const u64 *a)
{
	switch (nr) {
#define PVM_HC_CASE(name, nargs)	case __HYPERVISOR_##name: return pvm_hc_##name(v PVM_HC_ARGS_##nargs);
	PVM_HYPERCALL_LIST(PVM_HC_CASE)
#undef PVM_HC_CASE
#define PVM_HC_REFUSE(name)		case __HYPERVISOR_##name:
	PVM_HYPERCALL_REFUSED(PVM_HC_REFUSE)
#undef PVM_HC_REFUSE
		return -EPERM;
	default:
		return -ENOSYS;
	}
}

static void count(struct pvm_vcpu *v, u32 nr)
{
	if (nr < PVM_NR_COUNTED)
		v->hypercall_count[array_index_nospec(nr, PVM_NR_COUNTED)]++;
	v->recent_hypercalls[v->recent_pos++ % ARRAY_SIZE(v->recent_hypercalls)] = nr;
}

/**
 * pvm_hypercall - SYSCALL of the guest kernel
 * @v:	the vCPU, its registers as they were at the SYSCALL
 *
 * Context: resident. Called again with unchanged registers after PVM_ACT_NEED.
 * Return: what to do next; rax holds the result unless it is PVM_ACT_NEED.
 */
enum pvm_act pvm_hypercall(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 a[5] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8 };
	u32 nr = r->rax;
	long result;

	if (!v->progress.counted) {
		v->progress.counted = true;
		v->act = PVM_ACT_RESUME;
		count(v, nr);
	}
	result = dispatch(v, nr, a);
	if (unlikely(result == -PVM_ENEED))
		return PVM_ACT_NEED;
	if (result != PVM_HC_KEEP)
		r->rax = result;
	trace_pvm_hypercall(v, nr, a, r->rax);
	return v->act;
}

static noinline void trace_quick(struct pvm_vcpu *v, u32 nr)
{
	const struct pvm_regs *r = pvm_regs(v);
	u64 a[5] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8 };

	v->progress.in_multicall = false;	/* left from an earlier exit */
	trace_pvm_hypercall(v, nr, a, r->rax);
}

/* @nr: one of those below, not the guest's word for it */
static __always_inline bool answered(struct pvm_vcpu *v, u32 nr, long result)
{
	pvm_count(v, PVM_STAT_EXIT_HYPERCALL);
	v->hypercall_count[nr]++;
	v->recent_hypercalls[v->recent_pos++ % ARRAY_SIZE(v->recent_hypercalls)] = nr;
	pvm_regs(v)->rax = result;
	if (trace_pvm_hypercall_enabled())
		trace_quick(v, nr);
	return true;
}

/* What works on a list, of a few elements that the switcher brought along. */
static __always_inline bool list_quick(struct pvm_vcpu *v, u32 nr)
{
	const struct pvm_regs *r = pvm_regs(v);
	long result;

	if (!v->ss->fetched || r->rdx || r->r10 != DOMID_SELF)
		return false;
	result = nr == __HYPERVISOR_mmu_update ? pvm_hc_mmu_update_quick(v, r->rsi) : pvm_hc_mmuext_quick(v, r->rsi);
	return likely(result != -PVM_ENEED) && answered(v, nr, result);
}

static noinline bool mmu_update_quick(struct pvm_vcpu *v)
{
	return list_quick(v, __HYPERVISOR_mmu_update);
}

static noinline bool mmuext_quick(struct pvm_vcpu *v)
{
	return list_quick(v, __HYPERVISOR_mmuext_op);
}

static noinline bool value_quick(struct pvm_vcpu *v, u32 nr)
{
	const struct pvm_regs *r = pvm_regs(v);

	if (nr == __HYPERVISOR_stack_switch)
		return answered(v, nr, pvm_hc_stack_switch(v, r->rdi, r->rsi));
	return r->rdi != SEGBASE_GS_USER_SEL && answered(v, nr, pvm_hc_set_segment_base(v, r->rdi, r->rsi));
}

/**
 * pvm_hypercall_quick - the calls that only change a value or two
 * @v:	the vCPU, its registers as they were at the SYSCALL
 *
 * What is answered here takes bounded time, changes nothing that the run loop looks at before an entry but a pending
 * upcall, and wants nothing done but to go on.
 *
 * Context: resident, IRQs off.
 * Return: answered; else nothing has changed.
 */
bool pvm_hypercall_quick(struct pvm_vcpu *v)
{
	const struct pvm_regs *r = pvm_regs(v);

	switch ((u32)r->rax) {
	case __HYPERVISOR_mmu_update:
		return mmu_update_quick(v);
	case __HYPERVISOR_mmuext_op:
		return mmuext_quick(v);
	case __HYPERVISOR_stack_switch:
		return value_quick(v, __HYPERVISOR_stack_switch);
	case __HYPERVISOR_set_segment_base:
		return value_quick(v, __HYPERVISOR_set_segment_base);
	case __HYPERVISOR_xen_version:
		return (u32)r->rdi == XENVER_version &&
		       answered(v, __HYPERVISOR_xen_version, PVM_XEN_MAJOR << 16 | PVM_XEN_MINOR);
	}
	return false;
}

/**
 * pvm_hc_iret - HYPERVISOR_iret as a table row
 * @v:	the vCPU
 *
 * Context: resident.
 * Return: PVM_HC_KEEP (rax comes from the frame), -PVM_ENEED.
 */
long pvm_hc_iret(struct pvm_vcpu *v)
{
	enum pvm_act act = pvm_guest_iret(v);

	if (act == PVM_ACT_NEED)
		return -PVM_ENEED;
	pvm_hc_act(v, act);
	return PVM_HC_KEEP;
}

#define PVM_MULTICALL_PAUSE	256	/* entries between two looks at signals */

/*
 * One entry: call, then store the result. Either may have to be repeated alone, so the result is kept in
 * v->progress between them.
 */
static long multicall_entry(struct pvm_vcpu *v, u64 gva)
{
	struct pvm_progress *p = &v->progress;
	struct multicall_entry e;
	long err;

	if (!p->have_result) {
		err = pvm_gva_read(v, gva, &e, sizeof(e));
		if (err)
			return err;
		if (!p->entry_counted) {
			p->entry_counted = true;
			count(v, (u32)e.op);
		}
		/* one level only: the progress counters hold no more */
		p->result = (u32)e.op == __HYPERVISOR_multicall ? -EINVAL :
			    dispatch(v, (u32)e.op, (const u64 *)e.args);
		if (p->result == -PVM_ENEED || p->result == PVM_HC_KEEP)
			return p->result;
		p->have_result = true;
		trace_pvm_hypercall(v, (u32)e.op, (const u64 *)e.args, p->result);
	}
	err = pvm_gva_write(v, gva + offsetof(struct multicall_entry, result), &p->result, sizeof(p->result));
	if (err)
		return err;
	p->have_result = false;
	p->entry_counted = false;
	p->entries = 0;
	p->multicall++;
	return 0;
}

/**
 * pvm_hc_multicall - run an array of hypercalls
 * @v:		the vCPU
 * @list:	guest address of struct multicall_entry[]
 * @g_count:	entries
 *
 * Context: resident.
 * Return: 0 also when entries fail, -EFAULT, -PVM_ENEED, or PVM_HC_KEEP when an entry was an iret.
 */
long pvm_hc_multicall(struct pvm_vcpu *v, u64 list, u64 g_count)
{
	u32 count = g_count, pause = PVM_MULTICALL_PAUSE;
	long err;

	v->progress.in_multicall = true;
	while (v->progress.multicall < count) {
		if (!pause--)
			return pvm_need_pause(v);
		err = multicall_entry(v, list + (u64)v->progress.multicall * sizeof(struct multicall_entry));
		if (err)
			return err;
		if (unlikely(v->act == PVM_ACT_DIE))
			break;
	}
	return 0;
}
