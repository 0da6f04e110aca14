/* SPDX-License-Identifier: GPL-2.0-only */
/* An event channel table with three vCPUs, their shared words, and ports of each kind. */
#ifndef PVM_EVTCHN_TABLE_H
#define PVM_EVTCHN_TABLE_H

#include "test.h"

#include "xen/evtchn.h"

void (*pvm_shim_step)(void);

#define VCPUS	3
#define SELF	0x7ff0u
#define DOMID	5u

static struct pvm_evtchn e;
static struct pvm_port ports[PVM_EVTCHN_PORTS];
static u16 virqs[VCPUS][PVM_EVTCHN_VIRQS];
static struct pvm_evtchn_target targets[VCPUS];
static unsigned long pending[PVM_EVTCHN_WORDS], mask[PVM_EVTCHN_WORDS], sel[VCPUS];
static u8 upcall[VCPUS];

static inline int setup(void **state)
{
	u32 i;

	(void)state;
	pvm_shim_step = NULL;
	memset(ports, 0xff, sizeof(ports));
	memset(virqs, 0xff, sizeof(virqs));
	memset(pending, 0, sizeof(pending));
	memset(mask, 0, sizeof(mask));
	memset(sel, 0, sizeof(sel));
	memset(upcall, 0, sizeof(upcall));
	pvm_evtchn_init(&e, ports, virqs, targets, VCPUS, DOMID);
	e.bits = (struct pvm_evtchn_bits){ pending, mask };
	for (i = 0; i < VCPUS; i++)
		targets[i] = (struct pvm_evtchn_target){ &sel[i], &upcall[i] };
	return 0;
}

static inline bool bit(const unsigned long *w, u32 n)
{
	return w[n / 64] >> n % 64 & 1;
}

static inline u32 new_ipi(u32 vcpu)
{
	u32 port = 0;

	assert_int_equal(pvm_port_bind_ipi(&e, vcpu, &port), 0);
	return port;
}

static inline u32 new_unbound(u16 remote)
{
	u32 port = 0;

	assert_int_equal(pvm_port_alloc_unbound(&e, SELF, remote, &port), 0);
	return port;
}

static inline u32 new_virq(u32 virq, u32 vcpu)
{
	u32 port = 0;

	assert_int_equal(pvm_port_bind_virq(&e, virq, vcpu, &port), 0);
	return port;
}

#endif
