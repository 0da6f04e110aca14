// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting, watching, stopping.
 *
 * Nobody interrupts the host when a partition's CPU stops: while one runs, a worker looks every POLL_MS. When one CPU
 * has stopped, the others are stopped; the first reason is the partition's.
 *
 *	must_stop = 1 ──▶ INIT to each CPU that runs ──▶ it says STOPPED ──(or not: startup IPI, it answers)──▶ back
 *	                                                                └──(not even that)──▶ lost
 *
 * A CPU that does not come back is lost: the host does not get it, and what it may still touch (the partition's
 * memory, tables, this module's text) is never freed. A correct CPU comes back: INIT is intercepted, or resets it.
 *
 * Neighbours: part.c is the object, cpu.c sends the IPIs, super.c is at the other end.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/timekeeping.h>
#include <asm/tsc.h>

#include "compat/compat.h"
#include "core/trace.h"
#include "part/part.h"
#include "part/plan.h"

#define POLL_MS			20u
#define BEAT_NS			(NSEC_PER_SEC)
#define INIT_GRACE_MS		200u	/* then a CPU that did not say so is asked whether it was reset */

static struct workqueue_struct *poll_wq;

/** pvm_run_global_init() - Context: sleeps. Return: 0 or -ENOMEM. */
int pvm_run_global_init(void)
{
	poll_wq = alloc_workqueue("pvm_partition", WQ_UNBOUND, 0);
	return poll_wq ? 0 : -ENOMEM;
}

/** pvm_run_global_fini() - nothing runs. Context: sleeps. */
void pvm_run_global_fini(void)
{
	destroy_workqueue(poll_wq);
}

/* ---- stopping ----------------------------------------------------------------------------------------------- */

static bool has_stopped(const struct pvm_pcpu *c)
{
	u32 state = smp_load_acquire(&c->state);

	return state == PVM_SUP_STOPPED || state == PVM_SUP_PARKED;
}

/*
 * INIT took it out of its kernel. A real CPU is still in the supervisor then, on memory that may not be freed yet, and
 * says in a moment that it has stopped; QEMU's was reset at once and never does. take_out() waits, and asks it.
 */
static bool was_sent_init(const struct pvm_part *p, const struct pvm_pcpu *c)
{
	const struct pvm_part_ops *ops = p->sup->ops;

	return READ_ONCE(c->state) == PVM_SUP_RUNNING && ops->left_by_init(c);
}

/*
 * Wait for every CPU; INIT for those that run. One that waits at the mailbox, or is on its way in, looks at must_stop
 * itself, and INIT would take it before it can say so.
 */
static bool wait_stopped(struct pvm_part *p, u32 timeout_ms)
{
	ktime_t end = ktime_add_ms(ktime_get(), timeout_ms), again = ktime_get();
	bool all, resend;
	u32 i;

	for (;;) {
		all = true;
		resend = !ktime_before(ktime_get(), again);
		if (resend)
			again = ktime_add_ms(ktime_get(), 50);
		for (i = 0; i < p->nr_cpus; i++) {
			if (p->cpus[i]->lost || has_stopped(p->cpus[i]))
				continue;
			all = false;
			if (resend && READ_ONCE(p->cpus[i]->state) == PVM_SUP_RUNNING)
				pvm_pcpu_init_ipi(p->cpus[i]);
		}
		if (all || ktime_after(ktime_get(), end))
			return all;
		usleep_range(200, 1000);
	}
}

/*
 * Take all CPUs out, whatever they do. Where INIT resets a CPU while the supervisor handles an exit (QEMU; a real CPU
 * holds it back), nobody says so: such a CPU answers a startup IPI, and is well. One that answers nothing is lost.
 */
static u32 take_out(struct pvm_part *p, u32 timeout_ms)
{
	u32 i, lost = 0;
	struct pvm_pcpu *c;

	WRITE_ONCE(p->sup->must_stop, 1);
	if (!wait_stopped(p, min(timeout_ms, INIT_GRACE_MS)))
		for (i = 0; i < p->nr_cpus; i++)
			if (!p->cpus[i]->lost && !has_stopped(p->cpus[i]))
				pvm_pcpu_run(p->cpus[i], PVM_SUP_NONE);
	if (timeout_ms > INIT_GRACE_MS)
		wait_stopped(p, timeout_ms - INIT_GRACE_MS);
	for (i = 0; i < p->nr_cpus; i++) {
		c = p->cpus[i];
		if (!c->lost && !has_stopped(c)) {
			c->lost = 1;
			pvm_err("partition %s: CPU %u is lost: it answers neither INIT nor a startup IPI", p->name, c->cpu);
		}
		lost += c->lost;
	}
	return lost;
}

static void note_reason(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;
	struct pvm_pcpu *c = p->cpus[min(s->first_stop_index, p->nr_cpus - 1)];

	p->stop_reason = READ_ONCE(s->first_stop) ?: PVM_PSTOP_INIT;
	p->stop_code = 0;
	p->stop_addr = 0;
	if (c->stop_reason == p->stop_reason) {
		p->stop_code = c->stop_code;
		p->stop_addr = c->stop_addr;
	}
}

/**
 * pvm_part_stop_locked() - stop what runs
 * @p:		partition, RUNNING
 * @reason:	PVM_PSTOP_NONE if some CPU has stopped by itself
 * @timeout_ms:	longest wait
 *
 * Context: sleeps, p->lock. Return: CPUs lost.
 */
u32 pvm_part_stop_locked(struct pvm_part *p, u32 reason, u32 timeout_ms)
{
	u32 lost;

	lockdep_assert_held(&p->lock);
	if (reason)
		cmpxchg(&p->sup->first_stop, PVM_PSTOP_NONE, reason);
	lost = take_out(p, timeout_ms);
	pvm_part_pci_stop(p);
	pvm_space_map_mailbox(p, 0);
	note_reason(p);
	p->beat_timeout_ns = 0;
	trace_pvm_part_state(p->id, p->name, p->state, PVM_PART_STOPPED, p->stop_reason);
	WRITE_ONCE(p->state, PVM_PART_STOPPED);
	pvm_info("partition %s stopped: %s", p->name, pvm_part_reason_text(p->stop_reason));
	pvm_part_post(p, PVM_EVENT_PART_STOPPED, p->stop_reason, pvm_part_reason_text(p->stop_reason));
	wake_up_all(&p->wq);
	return lost;
}

/* ---- poller ------------------------------------------------------------------------------------------------- */

static void look_at_heart(struct pvm_part *p)
{
	u64 now = ktime_get_ns(), value;

	if (!p->beat_timeout_ns || now - p->beat_looked_ns < BEAT_NS)
		return;
	p->beat_looked_ns = now;
	if (pvm_mem_read_u64(&p->mem, p->beat_addr, &value))
		return;
	if (value != p->beat_value) {
		p->beat_value = value;
		p->beat_since_ns = now;
		if (p->beat_silent)
			pvm_part_post(p, PVM_EVENT_PART_BEATING, 0, NULL);
		p->beat_silent = false;
	} else if (!p->beat_silent && now - p->beat_since_ns >= p->beat_timeout_ns) {
		p->beat_silent = true;
		pvm_part_post(p, PVM_EVENT_PART_SILENT, 0, NULL);
	}
}

/** pvm_part_poll() - the worker of @p->poll. Context: sleeps; waits for nobody who waits for it. */
void pvm_part_poll(struct work_struct *work)
{
	struct pvm_part *p = container_of(to_delayed_work(work), struct pvm_part, poll);
	u32 i;

	if (mutex_trylock(&p->lock)) {
		for (i = 0; i < p->nr_cpus && p->state == PVM_PART_RUNNING; i++) {
			if (has_stopped(p->cpus[i]))
				pvm_part_stop_locked(p, PVM_PSTOP_NONE, PVM_PART_STOP_MS);
			else if (was_sent_init(p, p->cpus[i]))	/* it may never say why */
				pvm_part_stop_locked(p, PVM_PSTOP_INIT, PVM_PART_STOP_MS);
		}
		if (p->state == PVM_PART_RUNNING)
			look_at_heart(p);
		mutex_unlock(&p->lock);
	}
	if (READ_ONCE(p->state) == PVM_PART_RUNNING)
		queue_delayed_work(poll_wq, &p->poll, msecs_to_jiffies(POLL_MS));
}

/* ---- starting ----------------------------------------------------------------------------------------------- */

static bool inside(const struct pvm_part *p, u64 addr, u64 bytes)
{
	return pvm_plan_inside(addr, bytes, p->mem.addr, p->mem.bytes);
}

static int check_start(const struct pvm_part *p, const struct pvm_part_start *a)
{
	if (p->destroyed)
		return -ENODEV;
	if (p->state == PVM_PART_RUNNING || READ_ONCE(p->host_down))
		return -EBUSY;
	if (pvm_part_any_lost(p))
		return -EIO;
	if (!inside(p, a->rip, 1) || !inside(p, a->rsi, 1) || !inside(p, a->rsp, 0) ||
	    !inside(p, a->gdt_addr, (u64)a->gdt_limit + 1) || a->gdt_limit > 0xffff)
		return -EINVAL;
	if (a->cr3 & ~PAGE_MASK || !inside(p, a->cr3, PAGE_SIZE))
		return -EINVAL;
	if (p->nr_cpus == 1)
		return a->mailbox ? -EINVAL : 0;
	return a->mailbox & ~PAGE_MASK || !inside(p, a->mailbox, PAGE_SIZE) ? -EINVAL : 0;
}

static void reset_counters(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;
	struct pvm_pcpu *c;
	u32 i;

	s->lock = 0;
	s->must_stop = 0;
	s->first_stop = PVM_PSTOP_NONE;
	s->first_stop_index = 0;
	s->detail_count = 0;
	memset(s->detail, 0, sizeof(s->detail));
	for (i = 0; i < p->nr_cpus; i++) {
		c = p->cpus[i];
		memset(c->stat, 0, sizeof(c->stat));
		memset(c->backend, 0, sizeof(c->backend));
		c->stop_reason = PVM_PSTOP_NONE;
		c->stop_code = 0;
		c->stop_addr = 0;
		c->last_rip = 0;
		c->nmi_pending = 0;
		c->launched = 0;
	}
}

/**
 * pvm_part_start() - enter its kernel
 * @p: partition
 * @a: addresses in its memory, not yet checked
 *
 * Context: sleeps. Return: 0, -EINVAL, -EBUSY, -ENODEV; -EIO if a CPU does not answer, or was lost before.
 */
int pvm_part_start(struct pvm_part *p, const struct pvm_part_start *a)
{
	struct pvm_sup *s = p->sup;
	int err;
	u32 i;

	mutex_lock(&p->lock);
	err = check_start(p, a);
	if (err)
		goto out;
	reset_counters(p);
	s->start = *a;
	pvm_policy_init(&s->policy, p->uart_port, p->uart_real);
	s->policy.rtc = (struct pvm_rtc){
		.unix_s = ktime_get_real_seconds(),
		.tsc = rdtsc(),
		.tsc_khz = tsc_khz,
	};
	if (s->console)
		pvm_uart_reset(&s->policy.uart, s->console);
	if (s->ops->start)
		s->ops->start(p);
	pvm_space_map_mailbox(p, a->mailbox);
	pvm_part_pci_start(p);
	p->started_ns = ktime_get_boottime_ns();
	trace_pvm_part_state(p->id, p->name, p->state, PVM_PART_RUNNING, PVM_PSTOP_NONE);
	WRITE_ONCE(p->state, PVM_PART_RUNNING);
	pvm_part_post(p, PVM_EVENT_PART_STARTED, 0, NULL);
	for (i = p->nr_cpus; i-- > 0 && !err; )	/* the first one last: it wakes the others */
		err = pvm_pcpu_run(p->cpus[i], PVM_SUP_RUN);
	if (err)
		pvm_part_stop_locked(p, PVM_PSTOP_DRIVER, PVM_PART_STOP_MS);
	else
		queue_delayed_work(poll_wq, &p->poll, msecs_to_jiffies(POLL_MS));
out:
	mutex_unlock(&p->lock);
	return err;
}

/**
 * pvm_part_stop() - take all its CPUs out of its kernel
 * @p:		partition
 * @timeout_ms:	longest wait, 0 = the usual
 * @lost:	OUT: CPUs that did not come back, now or earlier
 *
 * Context: sleeps. Return: 0, also if it was not running; -ENODEV.
 */
int pvm_part_stop(struct pvm_part *p, u32 timeout_ms, u32 *lost)
{
	int err = 0;
	u32 i;

	mutex_lock(&p->lock);
	*lost = 0;
	if (p->destroyed)
		err = -ENODEV;
	else if (p->state == PVM_PART_RUNNING)
		*lost = pvm_part_stop_locked(p, PVM_PSTOP_ASKED, timeout_ms ?: PVM_PART_STOP_MS);
	else
		for (i = 0; i < p->nr_cpus; i++)
			*lost += p->cpus[i]->lost;
	mutex_unlock(&p->lock);
	return err;
}

/** pvm_part_heartbeat() - watch a word; see the UAPI. Context: sleeps. Return: 0, -EINVAL, -EBUSY, -ENODEV, -ENOMEM. */
int pvm_part_heartbeat(struct pvm_part *p, u64 addr, u32 timeout_ms)
{
	int err = 0;

	mutex_lock(&p->lock);
	if (p->destroyed)
		err = -ENODEV;
	else if (addr && p->state != PVM_PART_RUNNING)
		err = -EBUSY;
	else if (addr)
		err = pvm_mem_read_u64(&p->mem, addr, &p->beat_value);
	if (!err) {
		p->beat_addr = addr;
		p->beat_timeout_ns = addr ? (u64)timeout_ms * NSEC_PER_MSEC : 0;
		p->beat_since_ns = ktime_get_ns();
		p->beat_looked_ns = 0;
		p->beat_silent = false;
	}
	mutex_unlock(&p->lock);
	return err;
}

