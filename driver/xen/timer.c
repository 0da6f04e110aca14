// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest timers: one singleshot and one periodic per vCPU, both end as VIRQ_TIMER.
 *
 * A host timer only sets v->vtimer.fired and wakes the vCPU; the event is raised before the next entry, in the
 * vCPU's own context. A deadline already past never programs a timer: guests arm 1 ns ahead quite normally.
 *
 * Guest deadlines are in the guest's system time, which it computes from the TSC, while host timers run on the
 * NTP-steered CLOCK_MONOTONIC. Only differences are carried from one to the other, so the two may drift apart for
 * ever without a timer firing late.
 */
#include <linux/hrtimer.h>

#include "core/pvm.h"
#include "xen/deadline.h"

static enum hrtimer_restart singleshot_fired(struct hrtimer *timer)
{
	struct pvm_vcpu *v = container_of(timer, struct pvm_vcpu, vtimer.timer);

	WRITE_ONCE(v->vtimer.fired, true);
	pvm_vcpu_wake(v);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart period_fired(struct hrtimer *timer)
{
	struct pvm_vcpu *v = container_of(timer, struct pvm_vcpu, vtimer.periodic);

	WRITE_ONCE(v->vtimer.fired, true);
	pvm_vcpu_wake(v);
	return HRTIMER_NORESTART;	/* the next one is started by next_period() */
}

/*
 * Only the vCPU starts its timers. A callback that moved the expiry on while the vCPU, on another CPU, starts the timer
 * with a new period would move one that is queued. Missed periods are not made up for: they would be one VIRQ anyway.
 */
static void next_period(struct pvm_vcpu *v)
{
	struct hrtimer *t = &v->vtimer.periodic;

	if (!v->vtimer.period_ns || hrtimer_is_queued(t))
		return;
	hrtimer_forward_now(t, ns_to_ktime(min_t(u64, v->vtimer.period_ns, PVM_KTIME_MAX)));
	hrtimer_restart(t);
}

/**
 * pvm_vtimer_init - timers of a fresh vCPU, none armed
 * @v:	the vCPU
 *
 * Context: any, once per vCPU.
 */
void pvm_vtimer_init(struct pvm_vcpu *v)
{
	hrtimer_setup(&v->vtimer.timer, singleshot_fired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	hrtimer_setup(&v->vtimer.periodic, period_fired, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	v->vtimer.fired = false;
	v->vtimer.period_ns = 0;
	v->vtimer.ready = true;
}

/**
 * pvm_vtimer_fini - stop the timers; no callback runs afterwards
 * @v:	the vCPU; half-built is fine, twice too
 *
 * Context: may sleep.
 */
void pvm_vtimer_fini(struct pvm_vcpu *v)
{
	if (!v->vtimer.ready)
		return;
	v->vtimer.period_ns = 0;
	hrtimer_cancel(&v->vtimer.timer);
	hrtimer_cancel(&v->vtimer.periodic);
	v->vtimer.ready = false;
}

/**
 * pvm_vtimer_arm - set the singleshot timer
 * @v:		the vCPU
 * @deadline_ns: guest's system time; 0 disarms, a past one fires before the next entry
 *
 * A callback of the timer just replaced may still be on its way: the guest gets a spurious VIRQ_TIMER then, which
 * its handler takes for a tick with nothing due.
 *
 * Context: the vCPU's own, atomic.
 */
void pvm_vtimer_arm(struct pvm_vcpu *v, u64 deadline_ns)
{
	struct hrtimer *t = &v->vtimer.timer;
	u64 now;

	v->vtimer.deadline_ns = 0;
	if (!deadline_ns) {
		hrtimer_try_to_cancel(t);
		return;
	}
	now = pvm_guest_time_ns(v);
	if (pvm_deadline_past(deadline_ns, now)) {
		hrtimer_try_to_cancel(t);
		WRITE_ONCE(v->vtimer.fired, true);
		return;
	}
	v->vtimer.deadline_ns = deadline_ns;
	hrtimer_start(t, ns_to_ktime(pvm_deadline_ktime(deadline_ns - now, ktime_get_ns())), HRTIMER_MODE_ABS);
}

/**
 * pvm_vtimer_set_period - set the periodic timer
 * @v:		the vCPU
 * @period_ns:	0 stops it; the caller has checked the lower bound
 *
 * Context: the vCPU's own, atomic.
 */
void pvm_vtimer_set_period(struct pvm_vcpu *v, u64 period_ns)
{
	hrtimer_try_to_cancel(&v->vtimer.periodic);
	v->vtimer.period_ns = period_ns;
	if (period_ns)
		hrtimer_start(&v->vtimer.periodic, ns_to_ktime(min_t(u64, period_ns, PVM_KTIME_MAX)),
			      HRTIMER_MODE_REL);
}

/**
 * pvm_vtimer_deliver - raise VIRQ_TIMER if a timer has fired
 * @v:	the vCPU
 *
 * Context: the vCPU's own, before entry; IRQs may be off.
 */
void pvm_vtimer_deliver(struct pvm_vcpu *v)
{
	u64 deadline = v->vtimer.deadline_ns;

	if (!xchg(&v->vtimer.fired, false))
		return;
	if (deadline && !hrtimer_is_queued(&v->vtimer.timer) && !pvm_deadline_past(deadline, pvm_guest_time_ns(v))) {
		/* The host's clock ran ahead of the TSC: not yet, by the clock the guest reads. */
		pvm_vtimer_arm(v, deadline);
		if (!v->vtimer.period_ns)
			return;
	}
	next_period(v);
	pvm_count(v, PVM_STAT_TIMER_FIRES);
	(void)pvm_evtchn_raise_virq(v, VIRQ_TIMER);
}
