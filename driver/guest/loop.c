// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop of a vCPU. Read this first.
 *
 *	pvm_vcpu_run		sleeping context: signals, blocking, whatever a handler needed
 *	└─ run_resident		no sleep: the CPU wears the guest's tables and FPU state
 *	   ├─ before_entry	timers, events and roots up to date?
 *	   ├─ run_guest		the guest runs; what takes a few instructions is answered on the spot, IRQs off
 *	   └─ pvm_handle_exit	what else it wanted (guest/exit.c), IRQs on
 *
 * A handler that cannot go on without sleeping says PVM_ACT_NEED: residency is dropped, the need is provided, and
 * the same exit is handled again (v->redo). The same happens across a return to user space with EINTR.
 */
#include <linux/entry-common.h>
#include <linux/interrupt.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <asm/fpu/api.h>

#include "core/trace.h"
#include "guest/guest.h"
#include "switcher/run.h"
#include "xen/deadline.h"

/* Lazy rescheduling came with 6.13. */
#ifndef _TIF_NEED_RESCHED_LAZY
#define _TIF_NEED_RESCHED_LAZY	0
#endif

#define TIF_RESCHED	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
/* Work the kernel does on the way to user space: signals, the freezer, task work (a machine check's page poisoning). */
#define TIF_USER	(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME)

static __always_inline bool thread_has(unsigned long flags)
{
	return read_thread_flags() & flags;
}

static __always_inline bool must_return(const struct pvm_vcpu *v)
{
	return atomic_read(&v->kick) || READ_ONCE(v->run->immediate_exit) || pvm_vm_is_dead(v->vm);
}

/* The last look, with IRQs off: what comes later finds us by an interrupt, and the guest leaves at once. */
static __always_inline bool must_leave(const struct pvm_vcpu *v)
{
	return thread_has(TIF_RESCHED | TIF_USER) || must_return(v);
}

static __always_inline bool upcall_is_due(const struct pvm_vcpu *v)
{
	const struct vcpu_info *info = v->shared.info;

	return READ_ONCE(info->evtchn_upcall_pending) && !READ_ONCE(info->evtchn_upcall_mask);
}

/* All that may change what the guest sees next; in the order of Xen's exit path: timers, then NMI and events. */
static __always_inline enum pvm_act before_entry(struct pvm_vcpu *v)
{
	enum pvm_act act;

	if (unlikely(READ_ONCE(v->vtimer.fired)))
		pvm_vtimer_deliver(v);
	if (unlikely(v->traps.nmi_pending) || unlikely(upcall_is_due(v))) {
		act = pvm_deliver_upcall(v);
		if (act != PVM_ACT_RESUME)
			return act;
	}
	if (unlikely(!v->mmu.kroot || (!v->mmu.uroot && v->mmu.uroot_gfn)) && pvm_mmu_set_roots(v))
		return PVM_ACT_NEED;
	if (unlikely(!v->ss->kernel_mode && !v->mmu.uroot_gfn))
		return pvm_vcpu_die(v, PVM_DEATH_TABLE, "user mode without a user page-table root");
	return PVM_ACT_RESUME;
}

static enum pvm_act fatal(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;

	ss->fatal = 0;
	if (ss->mc_pending) {
		ss->mc_pending = 0;
		return pvm_vcpu_die(v, PVM_DEATH_DRIVER, "machine check inside the world switch");
	}
	return pvm_vcpu_die(v, PVM_DEATH_DRIVER, "exception %llu (error %#llx) at +%#llx of the switcher, cr2 %#llx",
			    ss->fatal_vector, ss->fatal_error, ss->fatal_rip & 0xfffff, ss->cr2);
}

static __always_inline bool quick_exit(struct pvm_vcpu *v)
{
	const struct pvm_switch_state *ss = v->ss;
	u64 vector = ss->regs.vector;

	if (unlikely(ss->unusual))
		return false;
	if (vector == PVM_X_PF)
		return pvm_page_fault_quick(v);
	if (!ss->kernel_mode)
		return false;
	if (likely(vector == PVM_VEC_SYSCALL))
		return pvm_hypercall_quick(v);
	return (vector == PVM_X_GP || vector == PVM_X_UD) && pvm_emulate_quick(v);
}

/*
 * Into the guest until it wants something that is not quickly done. IRQs are off all the time but in the guest: who has
 * something for this vCPU has interrupted it, and that is the next exit.
 */
static __always_inline enum pvm_switch_result run_guest(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;
	bool answered;

	pvm_switch_begin(v);
	do {
		trace_pvm_entry(v);
		pvm_switch_enter(v);
		if (trace_pvm_exit_enabled())
			pvm_switch_trace_exit(v);
		answered = quick_exit(v);
	} while (answered && likely(!upcall_is_due(v)));
	/* So far every RET went back to a call made since the exit; from here on they go further. */
	if (ss->mitigations & PVM_MIT_RSB)
		pvm_fill_return_stack();
	if (answered)
		ss->regs.vector = PVM_VEC_NONE;
	else if (likely(pvm_switch_was_plain(v)))
		return PVM_SWITCH_GUEST;
	return pvm_switch_end(v);
}

/* IRQs off on entry and return. */
static enum pvm_act enter_and_handle(struct pvm_vcpu *v)
{
	enum pvm_act act;

	if (likely(!v->redo)) {
		act = before_entry(v);
		if (unlikely(act != PVM_ACT_RESUME))
			return act;
		switch (run_guest(v)) {
		case PVM_SWITCH_GUEST:
			break;
		case PVM_SWITCH_HOST:
			return PVM_ACT_RESUME;
		case PVM_SWITCH_FATAL:
			return fatal(v);
		}
		memset(&v->progress, 0, sizeof(v->progress));
	}
	local_irq_enable();
	act = pvm_handle_exit(v);
	local_irq_disable();
	v->redo = act == PVM_ACT_NEED;
	return act;
}

static enum pvm_act run_resident(struct pvm_vcpu *v)
{
	enum pvm_act act;
	int late;

	kernel_fpu_begin();
	pagefault_disable();
	pvm_fpu_load_guest(v);
	local_irq_disable();
	pvm_residency_load(v);
	/* From here on an IPI means something to us: see pvm_mmu_kick_all() and pvm_vcpu_wake(). */
	WRITE_ONCE(v->cpu_running, smp_processor_id());
	smp_mb();
	late = pvm_time_publish(v);
	/* A softirq raised since kernel_fpu_begin() waits for its end; on a CPU without ticks nothing else tells. */
	act = local_softirq_pending() || must_leave(v) ? PVM_ACT_LEAVE : PVM_ACT_RESUME;
	/* The last exit, if it is to be handled again, waits, too; it then says anew what it needs. */
	if (unlikely(late) && act == PVM_ACT_RESUME)
		act = PVM_ACT_NEED;
	/* Not into the middle of an exit; until the next residency the guest does with NULL selectors. */
	if (unlikely(v->traps.failsafe_pending) && act == PVM_ACT_RESUME && !v->redo)
		act = pvm_deliver_failsafe(v);
	while (act == PVM_ACT_RESUME) {
		act = enter_and_handle(v);
		/* Softirqs cannot run in a kernel_fpu section, nor can other tasks: leave as soon as either waits. */
		if (act == PVM_ACT_RESUME && unlikely(local_softirq_pending() || must_leave(v)))
			act = PVM_ACT_LEAVE;
	}
	WRITE_ONCE(v->cpu_running, -1);
	pvm_residency_drop(v);
	pvm_fpu_save_guest(v);
	local_irq_enable();
	pagefault_enable();
	kernel_fpu_end();
	return act;
}

static bool may_run_again(struct pvm_vcpu *v)
{
	return READ_ONCE(v->vtimer.fired) || READ_ONCE(v->traps.nmi_pending) || pvm_sched_ready(v) || must_return(v);
}

/* Sleeping is not running. The order of both writes is what pvm_vcpu_runtime_ns() relies on. */
static void runtime_stop(struct pvm_vcpu *v)
{
	u64 since = v->run_started_ns;

	WRITE_ONCE(v->run_started_ns, 0);
	WRITE_ONCE(v->stat[PVM_STAT_RUNTIME_NS], v->stat[PVM_STAT_RUNTIME_NS] + ktime_get_ns() - since);
}

static void runtime_start(struct pvm_vcpu *v)
{
	WRITE_ONCE(v->run_started_ns, ktime_get_ns());
}

/* SCHEDOP_block or poll: wait for an event, the timer, or the poll's own deadline. */
static int block(struct pvm_vcpu *v)
{
	u64 deadline = v->poll_deadline_ns;
	int err;

	pvm_count(v, PVM_STAT_BLOCKS);
	pvm_runstate_set(v, RUNSTATE_blocked);
	runtime_stop(v);
	if (deadline) {
		u64 now = pvm_guest_time_ns(v);
		ktime_t left = deadline > now ? pvm_deadline_ktime(deadline - now, 0) : 0;

		err = wait_event_interruptible_hrtimeout(v->wq, may_run_again(v), left);
		if (err == -ETIME)
			err = 0;
	} else {
		err = wait_event_interruptible(v->wq, may_run_again(v));
	}
	pvm_runstate_set(v, RUNSTATE_running);
	runtime_start(v);
	if (err)
		return -EINTR;
	if (READ_ONCE(v->vtimer.fired)) {
		preempt_disable();
		pvm_vtimer_deliver(v);
		preempt_enable();
	}
	/* Not what the guest waits for (a kick, a timer the host fired early): the caller looks, the guest waits on. */
	if (!pvm_sched_ready(v) && !READ_ONCE(v->traps.nmi_pending) && !(deadline && pvm_guest_time_ns(v) >= deadline))
		return 0;
	v->blocked = false;
	v->poll_count = 0;
	v->poll_deadline_ns = 0;
	return 0;
}

/* 0: go on; 1: the VMM goes on, and comes back to the same exit; -errno. */
static int provide(struct pvm_vcpu *v)
{
	struct pvm_need need = v->need;
	int err = 0;

	v->need.what = PVM_NEED_NONE;
	pvm_count(v, PVM_STAT_SLOW_RETRY);
	switch (need.what) {
	case PVM_NEED_NONE:
	case PVM_NEED_PAUSE:
		cond_resched();
		break;
	case PVM_NEED_PAGE:
	case PVM_NEED_CACHE:
		v->need = need;
		err = pvm_mmu_provide(v);
		break;
	case PVM_NEED_PIN:
		v->need = need;
		err = pvm_shared_provide(v);
		break;
	case PVM_NEED_RELEASE:
		WRITE_ONCE(v->run->release_count, v->release.count);
		WRITE_ONCE(v->run->exit_reason, PVM_RUN_RELEASE);
		v->release.count = 0;
		return 1;
	}
	if (err == -EFAULT) {
		pvm_vcpu_die(v, PVM_DEATH_MEMORY, "frame %#llx: the memory behind it is gone", need.gfn.v);
		err = -EIO;
	}
	return err;
}

/* Other tasks want this CPU. A guest can tell their time from its own: its kernel counts it as stolen. */
static void give_way(struct pvm_vcpu *v)
{
	pvm_runstate_set(v, RUNSTATE_runnable);
	schedule();
	pvm_runstate_set(v, RUNSTATE_running);
}

static int run_until_done(struct pvm_vcpu *v)
{
	enum pvm_act act = PVM_ACT_RESUME;
	int err;

	for (;;) {
		if (pvm_vm_is_dead(v->vm))
			return -EIO;
		if (thread_has(TIF_USER) || READ_ONCE(v->run->immediate_exit) || atomic_xchg(&v->kick, 0))
			return -EINTR;
		if (thread_has(TIF_RESCHED))
			give_way(v);
		if (v->blocked) {
			err = block(v);
			if (err)
				return err;
			continue;
		}
		act = run_resident(v);
		switch (act) {
		case PVM_ACT_RESUME:
		case PVM_ACT_LEAVE:
			break;
		case PVM_ACT_NEED:
			err = provide(v);
			if (err)
				return min(err, 0);
			break;
		case PVM_ACT_BLOCK:
			v->blocked = true;
			break;
		case PVM_ACT_USER:
			return 0;
		case PVM_ACT_DIE:
			return -EIO;
		}
	}
}

/**
 * pvm_vcpu_run() - PVM_VCPU_RUN
 * @v: the vCPU
 *
 * Context: a task of the VM's address space; may sleep.
 * Return: 0 with v->run->exit_reason set, or the errors of the ABI.
 */
int pvm_vcpu_run(struct pvm_vcpu *v)
{
	int err;

	if (current->mm != v->vm->mm)
		return -EPERM;
	if (!mutex_trylock(&v->mutex))
		return -EBUSY;
	err = pvm_guest_may_run(v);
	if (!err) {
		runtime_start(v);
		v->run->exit_reason = PVM_RUN_NONE;
		pvm_runstate_set(v, RUNSTATE_running);
		err = run_until_done(v);
		pvm_runstate_set(v, RUNSTATE_runnable);
		runtime_stop(v);
	}
	mutex_unlock(&v->mutex);
	return err;
}
