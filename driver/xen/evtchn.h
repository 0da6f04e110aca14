/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Event channels of one VM, 2-level ABI (public/event_channel.h): the port table and the bits it drives.
 *
 * Pure: no locks, no wake-ups; every function says what must happen next. The caller (xen/evtchn_fd.c) holds the
 * lock and acts. The table is the truth; shared_info and vcpu_info are written by the guest at will and nothing
 * read back from them is used as an index.
 */
#ifndef PVM_XEN_EVTCHN_H
#define PVM_XEN_EVTCHN_H

#include <linux/types.h>

#define PVM_EVTCHN_PORTS	4096u
#define PVM_EVTCHN_VIRQS	24u

enum pvm_port_state {
	PVM_PORT_FREE,
	PVM_PORT_VMM_UNBOUND,	/* open towards the VMM (domain 0), nobody attached */
	PVM_PORT_VMM,		/* the VMM is attached: sends signal it */
	PVM_PORT_VIRQ,
	PVM_PORT_IPI,
};

struct pvm_port {
	u8 state;		/* enum pvm_port_state */
	u8 virq;
	u16 vcpu;		/* vCPU notified */
	u16 remote_domid;	/* of alloc_unbound */
};

/* What the caller must do after an operation. */
#define PVM_EVTCHN_KICK		(1u << 0)	/* upcall became pending on vCPU *vcpu: wake or kick it */
#define PVM_EVTCHN_WAKE_POLL	(1u << 1)	/* pollers of the port must look again (always set with a raise) */
#define PVM_EVTCHN_SIGNAL	(1u << 2)	/* signal the VMM's eventfd of this port */

/*
 * The guest's words as the caller maps them: pinned, shared with the guest, only atomic operations.
 * @pending, @mask: 64 words of shared_info each
 * @sel, @upcall_pending: vcpu_info of vCPU n, through the function (NULL: no such vCPU now)
 */
struct pvm_evtchn_bits {
	unsigned long *pending, *mask;
};
struct pvm_evtchn_target {
	unsigned long *sel;
	u8 *upcall_pending, *upcall_mask;
};

struct pvm_evtchn {
	struct pvm_port *ports;		/* PVM_EVTCHN_PORTS entries, [0] never used */
	u16 (*virq_port)[PVM_EVTCHN_VIRQS];	/* per vCPU: port of a VIRQ, 0 none */
	u32 nr_vcpus;
	u32 next_hint;
};
#endif /* PVM_XEN_EVTCHN_H */
