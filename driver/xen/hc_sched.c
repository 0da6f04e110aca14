// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls about running and not running: sched_op, vcpu_op, timers.
 *
 * Blocking itself is the run loop's: a handler only says PVM_ACT_BLOCK, and pvm_sched_ready() is the loop's
 * condition to end it. The guest's wake-up race is closed by the order mask := 0, then look at pending.
 */
#include <linux/nospec.h>

#include "xen/deadline.h"
#include "xen/evtchn_fd.h"
#include "xen/hypercall.h"
#include "xen/shared.h"

#include <xen/interface/event_channel.h>
#include <xen/interface/sched.h>
#include <xen/interface/vcpu.h>

#define PVM_PERIOD_MIN_NS	1000000ull	/* shortest periodic timer, as in Xen */
#define PVM_POLL_CHUNK		16

/* ---- blocking ---- */

static bool upcall_due(const struct pvm_vcpu *v)
{
	const struct vcpu_info *info = v->shared.info;

	return READ_ONCE(info->evtchn_upcall_pending) && !READ_ONCE(info->evtchn_upcall_mask);
}

static bool poll_port_pending(struct pvm_vcpu *v)
{
	u32 i, nr = min_t(u32, v->poll_count, ARRAY_SIZE(v->poll_ports));
	unsigned long flags;
	bool pending = false;

	if (!nr)
		return false;
	flags = pvm_evtchn_lock(v->vm);
	for (i = 0; i < nr && !pending; i++)
		pending = pvm_port_is_pending(&v->vm->evtchn, v->poll_ports[i]) == 1;
	pvm_evtchn_unlock(v->vm, flags);
	return pending;
}

/**
 * pvm_sched_ready - must a blocked vCPU go on?
 * @v:	the vCPU
 *
 * Context: its own thread, any context.
 * Return: true when an event can be delivered or a polled port is pending. Timers and NMIs are the caller's.
 */
bool pvm_sched_ready(struct pvm_vcpu *v)
{
	return upcall_due(v) || poll_port_pending(v);
}

/**
 * pvm_sched_wake_pollers - a port became pending: pollers look again, masked or not
 * @vm:		the VM
 * @port:	the port (all pollers are woken; they know their ports)
 * @self:	the vCPU we run on, or NULL
 *
 * Context: any.
 */
void pvm_sched_wake_pollers(struct pvm_vm *vm, u32 port, struct pvm_vcpu *self)
{
	u32 i;

	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *v = READ_ONCE(vm->vcpus[i]);

		if (v && v != self && READ_ONCE(v->poll_count))
			pvm_vcpu_wake(v);
	}
}

static long block(struct pvm_vcpu *v)
{
	struct vcpu_info *info = v->shared.info;

	WRITE_ONCE(v->poll_count, 0);
	v->poll_deadline_ns = 0;
	WRITE_ONCE(info->evtchn_upcall_mask, 0);
	smp_mb();	/* a raiser sets pending, then looks whether to wake: one of us must see the other */
	if (!READ_ONCE(info->evtchn_upcall_pending) && !READ_ONCE(v->traps.nmi_pending))
		pvm_hc_act(v, PVM_ACT_BLOCK);
	return 0;
}

/* Wait for one of a few ports, which stay masked. Returns at once when there is nothing to wait for. */
static long poll(struct pvm_vcpu *v, u64 arg)
{
	struct sched_poll p;
	u32 i;
	int err;

	err = pvm_gva_read(v, arg, &p, sizeof(p));
	if (err)
		return err;
	if (p.nr_ports > ARRAY_SIZE(v->poll_ports))
		return -EINVAL;
	if (p.nr_ports) {
		err = pvm_gva_read(v, (u64)p.ports, v->poll_ports, p.nr_ports * sizeof(v->poll_ports[0]));
		if (err)
			return err;
	}
	for (i = 0; i < p.nr_ports; i++)
		if (!v->poll_ports[i] || v->poll_ports[i] >= PVM_EVTCHN_PORTS)
			return -EINVAL;
	v->poll_deadline_ns = 0;
	if (p.timeout) {
		if (pvm_deadline_past(p.timeout, pvm_guest_time_ns(v)))
			return 0;
		v->poll_deadline_ns = p.timeout;
	}
	WRITE_ONCE(v->poll_count, p.nr_ports);
	smp_mb();
	if (pvm_sched_ready(v)) {
		WRITE_ONCE(v->poll_count, 0);
		v->poll_deadline_ns = 0;
		return 0;
	}
	pvm_hc_act(v, PVM_ACT_BLOCK);
	return 0;
}

static long shutdown(struct pvm_vcpu *v, u32 reason)
{
	if (reason > SHUTDOWN_MAX)
		return -EINVAL;
	if (reason == SHUTDOWN_suspend)
		return 1;	/* "cancelled": the same domain goes on, nothing has to be set up again */
	pvm_vm_shutdown(v, reason);
	pvm_hc_act(v, PVM_ACT_USER);
	return 0;
}

/**
 * pvm_hc_sched_op - HYPERVISOR_sched_op
 * @v:		the vCPU
 * @cmd:	SCHEDOP_*
 * @arg:	guest address of its argument
 *
 * Context: resident.
 * Return: 0, 1 for a suspend that went on at once, -EFAULT, -EINVAL, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_sched_op(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	struct sched_shutdown s;
	int err;

	switch ((u32)cmd) {
	case SCHEDOP_yield:
		pvm_hc_act(v, PVM_ACT_LEAVE);
		return 0;
	case SCHEDOP_block:
		return block(v);
	case SCHEDOP_poll:
		return poll(v, arg);
	case SCHEDOP_shutdown:
	case SCHEDOP_shutdown_code:
		err = pvm_gva_read(v, arg, &s, sizeof(s));
		if (err)
			return err;
		if ((u32)cmd == SCHEDOP_shutdown)
			return shutdown(v, s.reason);
		WRITE_ONCE(v->vm->shutdown_reason, s.reason);
		return 0;
	default:
		return -ENOSYS;
	}
}

/**
 * pvm_hc_sched_op_compat - the old sched_op, arguments in registers
 * @v:		the vCPU
 * @cmd:	SCHEDOP_yield, block or shutdown
 * @arg:	reason of a shutdown
 *
 * Context: resident.
 * Return: as pvm_hc_sched_op().
 */
long pvm_hc_sched_op_compat(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	switch ((u32)cmd) {
	case SCHEDOP_yield:
	case SCHEDOP_block:
		return pvm_hc_sched_op(v, cmd, 0);
	case SCHEDOP_shutdown:
		return shutdown(v, arg);
	default:
		return -ENOSYS;
	}
}

/* ---- vcpu_op ---- */

/* Last vCPU down is how a guest without a power-off call ends. */
static long vcpu_down(struct pvm_vcpu *v, struct pvm_vcpu *target)
{
	u32 i;

	WRITE_ONCE(target->is_up, false);
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *other = READ_ONCE(v->vm->vcpus[i]);

		if (other && READ_ONCE(other->is_up)) {
			if (target == v)
				pvm_hc_act(v, PVM_ACT_BLOCK);
			return 0;
		}
	}
	return shutdown(v, SHUTDOWN_poweroff);
}

static long vcpu_up(struct pvm_vcpu *target)
{
	if (!target->has_regs)
		return -EINVAL;
	WRITE_ONCE(target->is_up, true);
	pvm_vcpu_wake(target);
	return 0;
}

static long send_nmi(struct pvm_vcpu *v, struct pvm_vcpu *target)
{
	WRITE_ONCE(target->traps.nmi_pending, true);
	if (target == v)
		pvm_trap_update_direct(v);
	else
		pvm_vcpu_wake(target);
	return 0;
}

static long set_singleshot(struct pvm_vcpu *v, u64 arg)
{
	struct vcpu_set_singleshot_timer t;
	int err;

	err = pvm_gva_read(v, arg, &t, sizeof(t));
	if (err)
		return err;
	if (t.flags & VCPU_SSHOTTMR_future && pvm_deadline_past(t.timeout_abs_ns, pvm_guest_time_ns(v)))
		return -ETIME;
	pvm_vtimer_arm(v, t.timeout_abs_ns ?: 1);	/* 0 is a time like any other here */
	return 0;
}

static long set_periodic(struct pvm_vcpu *v, u64 arg)
{
	struct vcpu_set_periodic_timer t;
	int err;

	err = pvm_gva_read(v, arg, &t, sizeof(t));
	if (err)
		return err;
	if (t.period_ns < PVM_PERIOD_MIN_NS)
		return -EINVAL;
	pvm_vtimer_set_period(v, t.period_ns);
	return 0;
}

static long get_runstate(struct pvm_vcpu *v, struct pvm_vcpu *target, u64 arg)
{
	struct vcpu_runstate_info r;

	pvm_runstate_get(target, &r);
	return pvm_gva_write(v, arg, &r, sizeof(r));
}

static long register_info(struct pvm_vcpu *v, struct pvm_vcpu *target, u64 arg)
{
	struct vcpu_register_vcpu_info r;
	int err;

	err = pvm_gva_read(v, arg, &r, sizeof(r));
	if (err)
		return err;
	return pvm_vcpu_info_register(v, target, pvm_gfn(r.mfn), r.offset);
}

/* Areas given by address in the caller's own page tables. */
static long register_area(struct pvm_vcpu *v, u32 cmd, u64 arg)
{
	u64 gva;
	int err;

	err = pvm_gva_read(v, arg, &gva, sizeof(gva));
	if (err)
		return err;
	return cmd == VCPUOP_register_runstate_memory_area ? pvm_runstate_register(v, gva) : pvm_time_register(v, gva);
}

/* Operations a vCPU does to itself only. */
static long vcpu_op_self(struct pvm_vcpu *v, u32 cmd, u64 arg)
{
	switch (cmd) {
	case VCPUOP_set_singleshot_timer:
		return set_singleshot(v, arg);
	case VCPUOP_stop_singleshot_timer:
		pvm_vtimer_arm(v, 0);
		return 0;
	case VCPUOP_set_periodic_timer:
		return set_periodic(v, arg);
	case VCPUOP_stop_periodic_timer:
		pvm_vtimer_set_period(v, 0);
		return 0;
	case VCPUOP_register_runstate_memory_area:
	case VCPUOP_register_vcpu_time_memory_area:
		return register_area(v, cmd, arg);
	default:
		return -ENOSYS;
	}
}

/**
 * pvm_hc_vcpu_op - HYPERVISOR_vcpu_op
 * @v:		the vCPU
 * @g_cmd:	VCPUOP_*
 * @g_id:	vCPU it is about
 * @arg:	guest address of its argument
 *
 * Linux counts vCPUs by asking is_up until it gets -ENOENT. VCPUOP_initialise has nothing to do while a VM has one
 * vCPU, which is initialised by its VMM.
 *
 * Context: resident.
 * Return: 0, 1, or -ENOENT no such vCPU, -EINVAL, -EEXIST, -EBUSY, -ETIME, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_vcpu_op(struct pvm_vcpu *v, u64 g_cmd, u64 g_id, u64 arg)
{
	u32 cmd = g_cmd, id = g_id;
	struct pvm_vcpu *target;

	if (id >= v->vm->max_vcpus || id >= PVM_MAX_VCPUS)
		return -ENOENT;
	target = READ_ONCE(v->vm->vcpus[array_index_nospec(id, PVM_MAX_VCPUS)]);
	if (!target)
		return -ENOENT;
	switch (cmd) {
	case VCPUOP_initialise:
		return target->has_regs ? -EEXIST : -EINVAL;
	case VCPUOP_up:
		return vcpu_up(target);
	case VCPUOP_down:
		return vcpu_down(v, target);
	case VCPUOP_is_up:
		return READ_ONCE(target->is_up);
	case VCPUOP_get_runstate_info:
		return get_runstate(v, target, arg);
	case VCPUOP_register_vcpu_info:
		return register_info(v, target, arg);
	case VCPUOP_send_nmi:
		return send_nmi(v, target);
	case VCPUOP_get_physid:
		return -EINVAL;
	default:
		return target == v ? vcpu_op_self(v, cmd, arg) : -EINVAL;
	}
}

/**
 * pvm_hc_set_timer_op - the old singleshot timer
 * @v:		the vCPU
 * @deadline_ns: system time, 0 disarms
 *
 * Context: resident.
 * Return: 0.
 */
long pvm_hc_set_timer_op(struct pvm_vcpu *v, u64 deadline_ns)
{
	pvm_vtimer_arm(v, deadline_ns);
	return 0;
}
