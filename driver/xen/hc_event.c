// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercall event_channel_op: arguments in, one question to the port table, answer out.
 *
 * Operations that make a port remember its number in v->progress.entries until it is stored in the guest's
 * argument: a missing page at the store then repeats the store, not the operation.
 * The FIFO ABI is not offered (init_control and friends are -ENOSYS): Linux stays with two levels.
 */
#include "xen/evtchn_fd.h"
#include "xen/hypercall.h"

#include <xen/interface/event_channel.h>

union evtchn_arg {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_unmask unmask;
	struct evtchn_reset reset;
};

/* EVTCHNOP_send, the hot one. */
static long send(struct pvm_vcpu *v, u32 port)
{
	struct pvm_port_act act;
	unsigned long flags = pvm_evtchn_lock(v->vm);
	int err = pvm_port_send(&v->vm->evtchn, port, &act);

	pvm_evtchn_unlock(v->vm, flags);
	if (err)
		return err;
	pvm_count(v, PVM_STAT_EVENTS_OUT);
	pvm_evtchn_act(v->vm, &act, v);
	return 0;
}

/* Operations that answer with a new port. */
static int make_port(struct pvm_vcpu *v, u32 cmd, const union evtchn_arg *a, u32 *port)
{
	struct pvm_evtchn *e = &v->vm->evtchn;
	unsigned long flags = pvm_evtchn_lock(v->vm);
	int err;

	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		err = pvm_port_alloc_unbound(e, a->alloc_unbound.dom, a->alloc_unbound.remote_dom, port);
		break;
	case EVTCHNOP_bind_virq:
		err = pvm_port_bind_virq(e, a->bind_virq.virq, a->bind_virq.vcpu, port);
		break;
	default:
		err = pvm_port_bind_ipi(e, a->bind_ipi.vcpu, port);
		break;
	}
	pvm_evtchn_unlock(v->vm, flags);
	return err;
}

static long new_port(struct pvm_vcpu *v, u32 cmd, u64 arg)
{
	union evtchn_arg a;
	u32 bytes, offset;
	int err;

	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		bytes = sizeof(a.alloc_unbound);
		offset = offsetof(struct evtchn_alloc_unbound, port);
		break;
	case EVTCHNOP_bind_virq:
		bytes = sizeof(a.bind_virq);
		offset = offsetof(struct evtchn_bind_virq, port);
		break;
	default:
		bytes = sizeof(a.bind_ipi);
		offset = offsetof(struct evtchn_bind_ipi, port);
		break;
	}
	if (!v->progress.entries) {
		err = pvm_gva_read(v, arg, &a, bytes);
		if (err)
			return err;
		err = make_port(v, cmd, &a, &v->progress.entries);
		if (err) {
			v->progress.entries = 0;
			return err;
		}
	}
	return pvm_gva_write(v, arg + offset, &v->progress.entries, sizeof(u32));
}

static long status(struct pvm_vcpu *v, u64 arg)
{
	struct pvm_port_status st;
	struct evtchn_status s;
	unsigned long flags;
	int err;

	err = pvm_gva_read(v, arg, &s, sizeof(s));
	if (err)
		return err;
	flags = pvm_evtchn_lock(v->vm);
	err = pvm_port_status(&v->vm->evtchn, s.dom, s.port, &st);
	pvm_evtchn_unlock(v->vm, flags);
	if (err)
		return err;
	s.status = st.status;
	s.vcpu = st.vcpu;
	memset(&s.u, 0, sizeof(s.u));
	switch (st.status) {
	case EVTCHNSTAT_unbound:
		s.u.unbound.dom = st.dom;
		break;
	case EVTCHNSTAT_interdomain:
		s.u.interdomain.dom = st.dom;
		s.u.interdomain.port = st.port;
		break;
	case EVTCHNSTAT_virq:
		s.u.virq = st.virq;
		break;
	default:
		break;
	}
	return pvm_gva_write(v, arg, &s, sizeof(s));
}

static long reset(struct pvm_vcpu *v, u16 dom)
{
	u64 dropped[PVM_EVTCHN_WORDS] = { 0 };
	unsigned long flags = pvm_evtchn_lock(v->vm);
	int err = pvm_port_reset(&v->vm->evtchn, dom, dropped);
	u32 port;

	pvm_evtchn_unlock(v->vm, flags);
	if (err)
		return err;
	for (port = 1; port < PVM_EVTCHN_PORTS; port++)
		if (dropped[port / 64] >> (port % 64) & 1)
			pvm_evtchn_drop(v->vm, port);
	return 0;
}

/* Operations on an existing port, with nothing to answer but an error. */
static long on_port(struct pvm_vcpu *v, u32 cmd, const union evtchn_arg *a)
{
	struct pvm_evtchn *e = &v->vm->evtchn;
	struct pvm_port_act act = { .what = 0 };
	unsigned long flags = pvm_evtchn_lock(v->vm);
	int err;

	switch (cmd) {
	case EVTCHNOP_close:
		err = pvm_port_close(e, a->close.port, &act);
		break;
	case EVTCHNOP_bind_vcpu:
		err = pvm_port_bind_vcpu(e, a->bind_vcpu.port, a->bind_vcpu.vcpu);
		break;
	case EVTCHNOP_bind_interdomain:
		err = pvm_port_bind_interdomain(e, a->bind_interdomain.remote_dom);
		break;
	default:
		err = pvm_port_unmask(e, a->unmask.port, &act);
		break;
	}
	pvm_evtchn_unlock(v->vm, flags);
	if (!err)
		pvm_evtchn_act(v->vm, &act, v);
	return err;
}

/**
 * pvm_hc_event_channel_op - HYPERVISOR_event_channel_op
 * @v:		the vCPU
 * @g_cmd:	EVTCHNOP_*
 * @arg:	guest address of its argument
 *
 * Context: resident.
 * Return: 0 or an error of xen/evtchn.h, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_event_channel_op(struct pvm_vcpu *v, u64 g_cmd, u64 arg)
{
	union evtchn_arg a;
	u32 cmd = g_cmd, bytes;
	int err;

	switch (cmd) {
	case EVTCHNOP_send:
	case EVTCHNOP_close:
	case EVTCHNOP_unmask:
		bytes = sizeof(a.send);		/* all three: one port */
		break;
	case EVTCHNOP_alloc_unbound:
	case EVTCHNOP_bind_virq:
	case EVTCHNOP_bind_ipi:
		return new_port(v, cmd, arg);
	case EVTCHNOP_status:
		return status(v, arg);
	case EVTCHNOP_bind_vcpu:
		bytes = sizeof(a.bind_vcpu);
		break;
	case EVTCHNOP_bind_interdomain:
		bytes = sizeof(a.bind_interdomain);
		break;
	case EVTCHNOP_reset:
		bytes = sizeof(a.reset);
		break;
	case EVTCHNOP_bind_pirq:
		return -EINVAL;			/* there are no physical interrupts */
	default:
		return -ENOSYS;
	}
	err = pvm_gva_read(v, arg, &a, bytes);
	if (err)
		return err;
	if (cmd == EVTCHNOP_send)
		return send(v, a.send.port);
	if (cmd == EVTCHNOP_reset)
		return reset(v, a.reset.dom);
	return on_port(v, cmd, &a);
}
