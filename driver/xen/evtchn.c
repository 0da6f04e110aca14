// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: who is connected to whom, and which bits in guest memory say so.
 *
 * Pure. Ports live in a table the guest cannot see; shared_info is only written to, bit by bit,
 * with atomic operations, because the guest does the same at the same time. Values come back from
 * it as single bits, never as numbers. What has to be woken or signalled is returned, not done.
 *
 * A raise goes pending bit, mask test, selector bit, upcall byte. The guest walks the same chain
 * from its other end (upcall byte, selector, pending & ~mask), clearing each link before it looks
 * at the next: so the link it reads last is the one we write first, and an event is either seen by
 * the running scan or starts another one. Each step is taken only when the one before it changed
 * something, which is what makes a level of events cost one upcall. test_evtchn.c compares every
 * operation with a slow twin and checks the order.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/types.h>

#include "xen/evtchn.h"

/* public/xen.h */
#define PVM_DOMID_SELF		0x7ff0u
#define PVM_DOMID_VMM		0u

/* public/event_channel.h EVTCHNSTAT_* */
enum { STAT_CLOSED = 0, STAT_UNBOUND = 1, STAT_INTERDOMAIN = 2, STAT_VIRQ = 4, STAT_IPI = 5 };

static const struct pvm_port free_port;

void pvm_evtchn_init(struct pvm_evtchn *e, struct pvm_port *ports,
		     u16 (*virq_port)[PVM_EVTCHN_VIRQS], struct pvm_evtchn_target *targets,
		     u32 nr_vcpus, u16 domid)
{
	*e = (struct pvm_evtchn){
		.ports = ports, .virq_port = virq_port, .targets = targets,
		.nr_vcpus = nr_vcpus, .domid = domid, .free_hint = 1,
	};
	memset(ports, 0, PVM_EVTCHN_PORTS * sizeof(*ports));
	memset(virq_port, 0, nr_vcpus * sizeof(*virq_port));
	memset(targets, 0, nr_vcpus * sizeof(*targets));
}

void pvm_evtchn_fini(struct pvm_evtchn *e)
{
	memset(e, 0, sizeof(*e));
}

/* The entry of a port the guest or the VMM names, NULL: no such port. */
static struct pvm_port *port_of(const struct pvm_evtchn *e, u32 port)
{
	if (!e->ports || port == 0 || port >= PVM_EVTCHN_PORTS)
		return NULL;
	return &e->ports[array_index_nospec(port, PVM_EVTCHN_PORTS)];
}

/* A domain the guest names must be itself. */
static int check_self(const struct pvm_evtchn *e, u16 dom)
{
	if (dom == PVM_DOMID_SELF || dom == e->domid)
		return 0;
	return dom == PVM_DOMID_VMM ? -EPERM : -ESRCH;
}

static int take_free(struct pvm_evtchn *e, struct pvm_port entry, u32 *port)
{
	u32 p;

	if (!e->ports)
		return -ENOSPC;
	for (p = e->free_hint; p < PVM_EVTCHN_PORTS; p++)
		if (e->ports[p].state == PVM_PORT_FREE)
			break;
	e->free_hint = p;
	if (p == PVM_EVTCHN_PORTS)
		return -ENOSPC;
	e->ports[p] = entry;
	*port = p;
	return 0;
}

/* Third and fourth link: selector and upcall byte of the vCPU the port notifies. */
static void notify(struct pvm_evtchn *e, u32 port, u32 vcpu, struct pvm_port_act *act)
{
	const struct pvm_evtchn_target *t = &e->targets[vcpu];

	/*
	 * no vcpu_info yet: it will start with all selector bits set and find the pending bit by
	 * itself
	 */
	if (!t->sel || !t->upcall_pending)
		return;
	if (test_and_set_bit(port / 64, t->sel))
		return;
	if (xchg(t->upcall_pending, 1))
		return;
	act->what |= PVM_EVTCHN_KICK;
	act->vcpu = vcpu;
}

/* First and second link. */
static void set_pending(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	if (!e->bits.pending || !e->bits.mask)
		return;
	if (test_and_set_bit(port, e->bits.pending))
		return;
	act->what |= PVM_EVTCHN_WAKE_POLL;
	if (!test_bit(port, e->bits.mask))
		notify(e, port, e->ports[port].vcpu, act);
}

static void clear_act(struct pvm_port_act *act, u32 port)
{
	*act = (struct pvm_port_act){ .port = port };
}

int pvm_port_alloc_unbound(struct pvm_evtchn *e, u16 dom, u16 remote_dom, u32 *port)
{
	struct pvm_port entry = { .state = PVM_PORT_UNBOUND };
	int err = check_self(e, dom);

	if (err)
		return err;
	if (remote_dom == PVM_DOMID_SELF)
		remote_dom = e->domid;
	entry.remote_domid = remote_dom;
	return take_free(e, entry, port);
}

int pvm_port_bind_interdomain(const struct pvm_evtchn *e, u16 remote_dom)
{
	return check_self(e, remote_dom) == -ESRCH ? -ESRCH : -EINVAL;
}

int pvm_port_bind_virq(struct pvm_evtchn *e, u32 virq, u32 vcpu, u32 *port)
{
	struct pvm_port entry = { .state = PVM_PORT_VIRQ };
	u16 *slot;
	int err;

	if (virq >= PVM_EVTCHN_VIRQS)
		return -EINVAL;
	virq = array_index_nospec(virq, PVM_EVTCHN_VIRQS);
	if (!(PVM_EVTCHN_VCPU_VIRQS >> virq & 1) && vcpu != 0)
		return -EINVAL;
	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	vcpu = array_index_nospec(vcpu, e->nr_vcpus);
	slot = &e->virq_port[vcpu][virq];
	if (*slot)
		return -EEXIST;
	entry.virq = virq;
	entry.vcpu = vcpu;
	err = take_free(e, entry, port);
	if (!err)
		*slot = *port;
	return err;
}

int pvm_port_bind_ipi(struct pvm_evtchn *e, u32 vcpu, u32 *port)
{
	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	return take_free(e, (struct pvm_port){ .state = PVM_PORT_IPI, .vcpu = vcpu }, port);
}

int pvm_port_bind_vcpu(struct pvm_evtchn *e, u32 port, u32 vcpu)
{
	struct pvm_port *p;

	if (vcpu >= e->nr_vcpus)
		return -ENOENT;
	p = port_of(e, port);
	if (!p)
		return -EINVAL;
	switch (p->state) {
	case PVM_PORT_UNBOUND:
	case PVM_PORT_VMM:
		break;
	case PVM_PORT_VIRQ:
		if (!(PVM_EVTCHN_VCPU_VIRQS >> p->virq & 1))
			break;
		return -EINVAL;
	default:
		return -EINVAL;
	}
	p->vcpu = vcpu;
	return 0;
}

int pvm_port_close(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	struct pvm_port *p = port_of(e, port);

	clear_act(act, port);
	if (!p || p->state == PVM_PORT_FREE)
		return -EINVAL;
	/* a global VIRQ may notify another vCPU by now; its row is 0 all the same */
	if (p->state == PVM_PORT_VIRQ)
		e->virq_port[PVM_EVTCHN_VCPU_VIRQS >> p->virq & 1 ? p->vcpu : 0][p->virq] = 0;
	if (p->state == PVM_PORT_VMM)
		act->what |= PVM_EVTCHN_DROP;
	*p = free_port;
	if (port < e->free_hint)
		e->free_hint = port;
	if (e->bits.pending)
		clear_bit(port, e->bits.pending);
	return 0;
}

int pvm_port_send(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	struct pvm_port *p = port_of(e, port);

	clear_act(act, port);
	if (!p)
		return -EINVAL;
	switch (p->state) {
	case PVM_PORT_VMM:
		act->what = PVM_EVTCHN_SIGNAL;
		return 0;
	case PVM_PORT_IPI:
		set_pending(e, port, act);
		return 0;
	case PVM_PORT_UNBOUND:
		return 0;		/* nobody listens yet; attaching raises the port */
	}
	return -EINVAL;
}

int pvm_port_status(const struct pvm_evtchn *e, u16 dom, u32 port, struct pvm_port_status *st)
{
	const struct pvm_port *p = port_of(e, port);
	int err = check_self(e, dom);

	*st = (struct pvm_port_status){ .status = STAT_CLOSED };
	if (err)
		return err;
	if (!p)
		return -EINVAL;
	st->vcpu = p->vcpu;
	switch (p->state) {
	case PVM_PORT_UNBOUND:
		st->status = STAT_UNBOUND;
		st->dom = p->remote_domid;
		break;
	case PVM_PORT_VMM:
		st->status = STAT_INTERDOMAIN;
		st->dom = p->remote_domid;
		st->port = port;
		break;
	case PVM_PORT_VIRQ:
		st->status = STAT_VIRQ;
		st->virq = p->virq;
		break;
	case PVM_PORT_IPI:
		st->status = STAT_IPI;
		break;
	}
	return 0;
}

int pvm_port_unmask(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	struct pvm_port *p = port_of(e, port);

	clear_act(act, port);
	if (!p)
		return -EINVAL;
	if (!e->bits.pending || !e->bits.mask)
		return 0;
	if (test_and_clear_bit(port, e->bits.mask) && test_bit(port, e->bits.pending))
		notify(e, port, p->vcpu, act);
	return 0;
}

int pvm_port_reset(struct pvm_evtchn *e, u16 dom, u64 *dropped)
{
	struct pvm_port_act act;
	int err = check_self(e, dom);
	u32 p;

	if (dropped)
		memset(dropped, 0, PVM_EVTCHN_WORDS * sizeof(*dropped));
	if (err)
		return err;
	for (p = 1; p < PVM_EVTCHN_PORTS; p++) {
		err = pvm_port_close(e, p, &act);
		if (!err && dropped && (act.what & PVM_EVTCHN_DROP))
			dropped[p / 64] |= 1ull << p % 64;
	}
	return 0;
}

int pvm_port_is_pending(const struct pvm_evtchn *e, u32 port)
{
	if (!port_of(e, port))
		return -EINVAL;
	return e->bits.pending && test_bit(port, e->bits.pending);
}

int pvm_port_alloc_vmm(struct pvm_evtchn *e, u32 *port)
{
	struct pvm_port entry = { .state = PVM_PORT_UNBOUND, .remote_domid = PVM_DOMID_VMM };

	return take_free(e, entry, port);
}

int pvm_port_attach(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	struct pvm_port *p = port_of(e, port);

	clear_act(act, port);
	if (p && p->state == PVM_PORT_VMM)
		return -EEXIST;
	if (!p || p->state != PVM_PORT_UNBOUND || p->remote_domid != PVM_DOMID_VMM)
		return -ENOENT;
	p->state = PVM_PORT_VMM;
	/* what the guest sent while nobody listened is lost: it must look again */
	set_pending(e, port, act);
	return 0;
}

int pvm_port_detach(struct pvm_evtchn *e, u32 port)
{
	struct pvm_port *p = port_of(e, port);

	if (!p || p->state != PVM_PORT_VMM)
		return -ENOENT;
	p->state = PVM_PORT_UNBOUND;
	return 0;
}

int pvm_port_raise(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act)
{
	struct pvm_port *p = port_of(e, port);

	clear_act(act, port);
	if (!p || p->state != PVM_PORT_VMM)
		return -ENOENT;
	set_pending(e, port, act);
	return 0;
}

void pvm_port_raise_virq(struct pvm_evtchn *e, u32 vcpu, u32 virq, struct pvm_port_act *act)
{
	u32 port = 0;

	if (vcpu < e->nr_vcpus && virq < PVM_EVTCHN_VIRQS)
		port = e->virq_port[vcpu][virq];
	clear_act(act, port);
	if (port)
		set_pending(e, port, act);
}
