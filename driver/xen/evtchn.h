/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels of one VM, 2-level ABI (public/event_channel.h): the port table and the bits it
 * drives.
 *
 * Pure: no locks, no wake-ups; every function says what must happen next in struct pvm_port_act.
 * The caller (xen/evtchn_fd.c) holds the lock around each call and acts afterwards. The table is
 * the truth; shared_info and vcpu_info are written by the guest at will and nothing read back from
 * them is used as an index.
 *
 *	        alloc_unbound            attach
 *	  FREE ───────────────▶ UNBOUND ───────▶ VMM      VMM ──detach──▶ UNBOUND
 *	   │                                                any ──close──▶ FREE
 *	   ├── bind_virq ─▶ VIRQ
 *	   └── bind_ipi ──▶ IPI
 *
 * Errors are Xen's numbers: the guest sees them.
 */
#ifndef PVM_XEN_EVTCHN_H
#define PVM_XEN_EVTCHN_H

#include <linux/types.h>

#define PVM_EVTCHN_PORTS	4096u
#define PVM_EVTCHN_VIRQS	24u	/* NR_VIRQS of public/xen.h */
#define PVM_EVTCHN_WORDS	(PVM_EVTCHN_PORTS / 64)

/*
 * VIRQs with one port per vCPU (public/xen.h, "V."): TIMER, DEBUG, XENOPROF, XENPMU. All others are
 * global.
 */
#define PVM_EVTCHN_VCPU_VIRQS	((1u << 0) | (1u << 1) | (1u << 7) | (1u << 13))
#define PVM_VIRQ_TIMER		0u
#define PVM_VIRQ_DEBUG		1u

enum pvm_port_state {
	PVM_PORT_FREE,
	PVM_PORT_UNBOUND,	/* open towards remote_domid, nobody attached */
	PVM_PORT_VMM,		/* the VMM (domain 0) is attached: sends signal it */
	PVM_PORT_VIRQ,
	PVM_PORT_IPI,
};

struct pvm_port {
	u8 state;		/* enum pvm_port_state */
	u8 virq;		/* of VIRQ */
	u16 vcpu;		/* vCPU notified */
	u16 remote_domid;	/* of UNBOUND and VMM */
};

/*
 * The guest's words as the caller maps them: pinned, shared with the guest, touched by atomic
 * operations only. A NULL pointer means "not there yet" and is allowed everywhere.
 */
struct pvm_evtchn_bits {
	unsigned long *pending, *mask;	/* PVM_EVTCHN_WORDS words of shared_info each */
};

struct pvm_evtchn_target {		/* vcpu_info of one vCPU */
	unsigned long *sel;		/* evtchn_pending_sel */
	u8 *upcall_pending;		/* evtchn_upcall_pending */
};

struct pvm_evtchn {
	struct pvm_port *ports;			/* PVM_EVTCHN_PORTS entries, [0] never used */
	/* per vCPU: port of a VIRQ, 0 none; global VIRQs in row 0 */
	u16 (*virq_port)[PVM_EVTCHN_VIRQS];
	/* per vCPU; changed by the caller, under its lock, when vcpu_info moves */
	struct pvm_evtchn_target *targets;
	/* set by the caller, under its lock, when shared_info is there */
	struct pvm_evtchn_bits bits;
	u32 nr_vcpus;
	u16 domid;				/* the guest's own */
	u32 free_hint;				/* no port below it is free */
};

/* What the caller must do after an operation. */
#define PVM_EVTCHN_KICK		(1u << 0)	/* upcall pending on act->vcpu: wake or kick it */
#define PVM_EVTCHN_WAKE_POLL	(1u << 1)	/* port became pending: pollers must look again */
#define PVM_EVTCHN_SIGNAL	(1u << 2)	/* signal the VMM's eventfd of act->port */
#define PVM_EVTCHN_DROP		(1u << 3)	/* the VMM's descriptors of act->port must go */

struct pvm_port_act {
	u32 what;		/* PVM_EVTCHN_KICK..., 0 nothing */
	u32 port;
	u32 vcpu;
};

/* EVTCHNOP_status; the numbers are EVTCHNSTAT_* of public/event_channel.h */
struct pvm_port_status {
	u32 status;		/* 0 closed, 1 unbound, 2 interdomain, 4 virq, 5 ipi */
	u32 vcpu;
	u16 dom;		/* of unbound and interdomain */
	/* of interdomain: the other end; ours has no number of its own, so the same one */
	u32 port;
	u32 virq;		/* of virq */
};

/**
 * pvm_evtchn_init - a table with every port free
 * @e:		the table
 * @ports:	PVM_EVTCHN_PORTS entries
 * @virq_port:	@nr_vcpus rows
 * @targets:	@nr_vcpus entries
 * @nr_vcpus:	vCPUs of the VM (its maximum), at least 1
 * @domid:	domain id the guest has
 *
 * The arrays belong to the caller and are cleared here. @e->bits and the targets are filled in
 * later.
 *
 * Context: any.
 */
void pvm_evtchn_init(struct pvm_evtchn *e, struct pvm_port *ports,
		     u16 (*virq_port)[PVM_EVTCHN_VIRQS], struct pvm_evtchn_target *targets,
		     u32 nr_vcpus, u16 domid);

/**
 * pvm_evtchn_fini - forget the arrays; every later call finds no valid port
 * @e:	the table, or one of all zeroes; may be called twice
 *
 * Context: any.
 */
void pvm_evtchn_fini(struct pvm_evtchn *e);

/*
 * Guest side, EVTCHNOP_*. Context of all: any, under the caller's lock. @act is fully written, also
 * on errors. Common errors: -EINVAL bad port or wrong state, -ENOENT no such vCPU, -ENOSPC table
 * full, -ESRCH no such domain, -EPERM another domain.
 */

/* alloc_unbound: @dom must be the guest itself (DOMID_SELF or its id). -ESRCH, -EPERM, -ENOSPC. */
int __must_check pvm_port_alloc_unbound(struct pvm_evtchn *e, u16 dom, u16 remote_dom, u32 *port);
/* bind_interdomain: a guest has nobody to connect to. -ESRCH, or -EINVAL when the domain exists. */
int __must_check pvm_port_bind_interdomain(const struct pvm_evtchn *e, u16 remote_dom);
/*
 * bind_virq: -EINVAL VIRQ number, or a global one on a vCPU other than 0; -ENOENT; -EEXIST;
 * -ENOSPC.
 */
int __must_check pvm_port_bind_virq(struct pvm_evtchn *e, u32 virq, u32 vcpu, u32 *port);
/* bind_ipi: -ENOENT, -ENOSPC. */
int __must_check pvm_port_bind_ipi(struct pvm_evtchn *e, u32 vcpu, u32 *port);
/* bind_vcpu: -ENOENT; -EINVAL bad port, IPI or per-vCPU VIRQ. */
int __must_check pvm_port_bind_vcpu(struct pvm_evtchn *e, u32 port, u32 vcpu);
/*
 * close: -EINVAL. The pending bit is cleared, so that the next owner of the number starts clean.
 * DROP.
 */
int __must_check pvm_port_close(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act);
/*
 * send: -EINVAL free port or VIRQ. SIGNAL, or what a raise gives for an IPI. Nothing for an unbound
 * port.
 */
int __must_check pvm_port_send(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act);
/* status: -EINVAL bad port, -ESRCH, -EPERM. */
int __must_check pvm_port_status(const struct pvm_evtchn *e, u16 dom, u32 port,
				 struct pvm_port_status *st);
/* unmask: -EINVAL. KICK. */
int __must_check pvm_port_unmask(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act);
/*
 * reset: closes all. -ESRCH, -EPERM. @dropped: PVM_EVTCHN_WORDS words, bit set = the VMM was
 * attached; or NULL.
 */
int __must_check pvm_port_reset(struct pvm_evtchn *e, u16 dom, u64 *dropped);

/**
 * pvm_port_is_pending - for SCHEDOP_poll
 * @e:		the table
 * @port:	port the guest names
 *
 * Context: any, under the caller's lock.
 * Return: 1 pending, 0 not, -EINVAL bad port.
 */
int __must_check pvm_port_is_pending(const struct pvm_evtchn *e, u32 port);

/* VMM side. Context as above. */

/* A port open towards the VMM (console, xenstore). -ENOSPC. */
int __must_check pvm_port_alloc_vmm(struct pvm_evtchn *e, u32 *port);
/*
 * The VMM connects: raises the port once. -ENOENT not open towards domain 0, -EEXIST connected
 * already.
 */
int __must_check pvm_port_attach(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act);
/* The VMM lets go; the port is unbound again. -ENOENT. */
int __must_check pvm_port_detach(struct pvm_evtchn *e, u32 port);
/* The VMM raises its end. -ENOENT not attached. KICK, WAKE_POLL. */
int __must_check pvm_port_raise(struct pvm_evtchn *e, u32 port, struct pvm_port_act *act);
/*
 * A virtual interrupt of a vCPU (global ones: vcpu 0). Nobody bound it: silently nothing. KICK,
 * WAKE_POLL.
 */
void pvm_port_raise_virq(struct pvm_evtchn *e, u32 vcpu, u32 virq, struct pvm_port_act *act);

#endif /* PVM_XEN_EVTCHN_H */
