// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: errors one by one, a slow twin run beside the table on random operations, and every single
 * interleaving of an operation with the guest's own accesses to the shared words.
 */
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

static int setup(void **state)
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

static bool bit(const unsigned long *w, u32 n)
{
	return w[n / 64] >> n % 64 & 1;
}

static u32 new_ipi(u32 vcpu)
{
	u32 port = 0;

	assert_int_equal(pvm_port_bind_ipi(&e, vcpu, &port), 0);
	return port;
}

static u32 new_unbound(u16 remote)
{
	u32 port = 0;

	assert_int_equal(pvm_port_alloc_unbound(&e, SELF, remote, &port), 0);
	return port;
}

static u32 new_virq(u32 virq, u32 vcpu)
{
	u32 port = 0;

	assert_int_equal(pvm_port_bind_virq(&e, virq, vcpu, &port), 0);
	return port;
}

/* ---- errors ------------------------------------------------------------------------------------------------ */

static void bad_ports_are_einval(void **state)
{
	static const u32 bad[] = { 0, 4096, 4097, 0x80000000, 0xffffffff };
	struct pvm_port_act a;
	struct pvm_port_status st;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(pvm_port_close(&e, bad[i], &a), -EINVAL);
		assert_int_equal(pvm_port_send(&e, bad[i], &a), -EINVAL);
		assert_int_equal(a.what, 0);
		assert_int_equal(pvm_port_unmask(&e, bad[i], &a), -EINVAL);
		assert_int_equal(pvm_port_bind_vcpu(&e, bad[i], 0), -EINVAL);
		assert_int_equal(pvm_port_status(&e, SELF, bad[i], &st), -EINVAL);
		assert_int_equal(pvm_port_is_pending(&e, bad[i]), -EINVAL);
		assert_int_equal(pvm_port_attach(&e, bad[i], &a), -ENOENT);
		assert_int_equal(pvm_port_detach(&e, bad[i]), -ENOENT);
		assert_int_equal(pvm_port_raise(&e, bad[i], &a), -ENOENT);
	}
}

static void free_ports(void **state)
{
	struct pvm_port_act a;
	struct pvm_port_status st;

	(void)state;
	assert_int_equal(pvm_port_close(&e, 7, &a), -EINVAL);
	assert_int_equal(pvm_port_send(&e, 7, &a), -EINVAL);
	assert_int_equal(pvm_port_bind_vcpu(&e, 7, 0), -EINVAL);
	assert_int_equal(pvm_port_attach(&e, 7, &a), -ENOENT);
	assert_int_equal(pvm_port_unmask(&e, 7, &a), 0);	/* Xen asks only for a valid number */
	assert_int_equal(pvm_port_status(&e, SELF, 7, &st), 0);
	assert_int_equal(st.status, 0);
	assert_int_equal(pvm_port_is_pending(&e, 7), 0);
}

static void domains(void **state)
{
	struct pvm_port_status st;
	u32 port = 99;

	(void)state;
	assert_int_equal(pvm_port_alloc_unbound(&e, 0, 0, &port), -EPERM);
	assert_int_equal(pvm_port_alloc_unbound(&e, 6, 0, &port), -ESRCH);
	assert_int_equal(port, 99);
	assert_int_equal(pvm_port_alloc_unbound(&e, DOMID, 0, &port), 0);
	assert_int_equal(port, 1);
	assert_int_equal(pvm_port_status(&e, 0, 1, &st), -EPERM);
	assert_int_equal(pvm_port_status(&e, 77, 1, &st), -ESRCH);
	assert_int_equal(pvm_port_status(&e, DOMID, 1, &st), 0);
	assert_int_equal(pvm_port_reset(&e, 0, NULL), -EPERM);
	assert_int_equal(pvm_port_reset(&e, 77, NULL), -ESRCH);
	assert_int_equal(pvm_port_bind_interdomain(&e, 77), -ESRCH);
	assert_int_equal(pvm_port_bind_interdomain(&e, 0), -EINVAL);
	assert_int_equal(pvm_port_bind_interdomain(&e, SELF), -EINVAL);
}

static void virq_binding(void **state)
{
	struct pvm_port_act a;
	u32 port, p0, p1;

	(void)state;
	assert_int_equal(pvm_port_bind_virq(&e, 24, 0, &port), -EINVAL);
	assert_int_equal(pvm_port_bind_virq(&e, ~0u, 0, &port), -EINVAL);
	assert_int_equal(pvm_port_bind_virq(&e, 0, VCPUS, &port), -ENOENT);
	assert_int_equal(pvm_port_bind_virq(&e, 3, 1, &port), -EINVAL);		/* global: vCPU 0 only */
	assert_int_equal(pvm_port_bind_virq(&e, 3, VCPUS, &port), -EINVAL);
	p0 = new_virq(0, 0);
	p1 = new_virq(0, 1);
	assert_int_not_equal(p0, p1);
	assert_int_equal(pvm_port_bind_virq(&e, 0, 1, &port), -EEXIST);
	assert_int_equal(pvm_port_send(&e, p0, &a), -EINVAL);
	assert_int_equal(pvm_port_bind_vcpu(&e, p0, 0), -EINVAL);
	assert_int_equal(pvm_port_close(&e, p1, &a), 0);
	assert_int_equal(new_virq(0, 1), p1);
	/* XENOPROF and XENPMU are per vCPU, DEBUG too */
	new_virq(1, 2);
	new_virq(7, 2);
	new_virq(13, 2);
}

static void global_virq_moves_between_vcpus(void **state)
{
	struct pvm_port_act a;
	u32 p = new_virq(2, 0), port;

	(void)state;
	assert_int_equal(pvm_port_bind_vcpu(&e, p, VCPUS), -ENOENT);
	assert_int_equal(pvm_port_bind_vcpu(&e, p, 2), 0);
	pvm_port_raise_virq(&e, 0, 2, &a);
	assert_int_equal(a.what, PVM_EVTCHN_KICK | PVM_EVTCHN_WAKE_POLL);
	assert_int_equal(a.vcpu, 2);
	assert_int_equal(a.port, p);
	assert_int_equal(upcall[2], 1);
	assert_int_equal(pvm_port_close(&e, p, &a), 0);
	assert_int_equal(pvm_port_bind_virq(&e, 2, 0, &port), 0);	/* its row was freed although it had moved */
}

static void unbound_virqs_are_dropped(void **state)
{
	struct pvm_port_act a;

	(void)state;
	pvm_port_raise_virq(&e, 0, 0, &a);
	assert_int_equal(a.what, 0);
	new_virq(0, 0);
	pvm_port_raise_virq(&e, VCPUS, 0, &a);
	assert_int_equal(a.what, 0);
	pvm_port_raise_virq(&e, 0, 24, &a);
	assert_int_equal(a.what, 0);
	pvm_port_raise_virq(&e, 0, 0, &a);
	assert_int_equal(a.what, PVM_EVTCHN_KICK | PVM_EVTCHN_WAKE_POLL);
}

static void ipi_rules(void **state)
{
	struct pvm_port_act a;
	u32 p = new_ipi(1), port;

	(void)state;
	assert_int_equal(pvm_port_bind_ipi(&e, VCPUS, &port), -ENOENT);
	assert_int_equal(pvm_port_bind_vcpu(&e, p, 0), -EINVAL);
	assert_int_equal(pvm_port_send(&e, p, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_KICK | PVM_EVTCHN_WAKE_POLL);
	assert_int_equal(a.vcpu, 1);
	assert_true(bit(pending, p) && bit(&sel[1], p / 64));
	assert_int_equal(upcall[1], 1);
	assert_int_equal(upcall[0], 0);
	/* a level, not a count */
	assert_int_equal(pvm_port_send(&e, p, &a), 0);
	assert_int_equal(a.what, 0);
}

static void status_of_each_state(void **state)
{
	struct pvm_port_act a;
	struct pvm_port_status st;
	u32 u = new_unbound(0), x = new_unbound(9), me = new_unbound(SELF), v = new_virq(1, 2), i = new_ipi(1);

	(void)state;
	assert_int_equal(pvm_port_bind_vcpu(&e, u, 2), 0);
	assert_int_equal(pvm_port_status(&e, SELF, u, &st), 0);
	assert_true(st.status == 1 && st.dom == 0 && st.vcpu == 2);
	assert_int_equal(pvm_port_status(&e, SELF, x, &st), 0);
	assert_true(st.status == 1 && st.dom == 9 && st.vcpu == 0);
	assert_int_equal(pvm_port_status(&e, SELF, me, &st), 0);
	assert_int_equal(st.dom, DOMID);
	assert_int_equal(pvm_port_attach(&e, u, &a), 0);
	assert_int_equal(pvm_port_status(&e, SELF, u, &st), 0);
	assert_true(st.status == 2 && st.dom == 0 && st.port == u && st.vcpu == 2);
	assert_int_equal(pvm_port_status(&e, SELF, v, &st), 0);
	assert_true(st.status == 4 && st.virq == 1 && st.vcpu == 2);
	assert_int_equal(pvm_port_status(&e, SELF, i, &st), 0);
	assert_true(st.status == 5 && st.vcpu == 1);
}

static void vmm_side(void **state)
{
	struct pvm_port_act a;
	u32 port, other;

	(void)state;
	assert_int_equal(pvm_port_alloc_vmm(&e, &port), 0);
	other = new_unbound(9);
	assert_int_equal(pvm_port_send(&e, port, &a), 0);	/* unbound: lost, no error */
	assert_int_equal(a.what, 0);
	assert_int_equal(pvm_port_raise(&e, port, &a), -ENOENT);
	assert_int_equal(pvm_port_detach(&e, port), -ENOENT);
	assert_int_equal(pvm_port_attach(&e, other, &a), -ENOENT);	/* open towards somebody else */
	assert_int_equal(pvm_port_attach(&e, new_ipi(0), &a), -ENOENT);
	assert_int_equal(pvm_port_attach(&e, port, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_KICK | PVM_EVTCHN_WAKE_POLL);
	assert_true(bit(pending, port));
	assert_int_equal(pvm_port_is_pending(&e, port), 1);
	assert_int_equal(pvm_port_attach(&e, port, &a), -EEXIST);
	assert_int_equal(pvm_port_send(&e, port, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_SIGNAL);
	assert_int_equal(a.port, port);
	memset(pending, 0, sizeof(pending));
	assert_int_equal(pvm_port_raise(&e, port, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_WAKE_POLL);		/* selector still set: the guest has not looked */
	assert_int_equal(pvm_port_detach(&e, port), 0);
	assert_int_equal(pvm_port_send(&e, port, &a), 0);
	assert_int_equal(a.what, 0);
	assert_int_equal(pvm_port_attach(&e, port, &a), 0);
	assert_int_equal(pvm_port_close(&e, port, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_DROP);
	assert_false(bit(pending, port));
}

static void table_full(void **state)
{
	struct pvm_port_act a;
	u32 i, port;

	(void)state;
	for (i = 1; i < PVM_EVTCHN_PORTS; i++)
		assert_int_equal(new_ipi(0), i);		/* lowest free number first */
	assert_int_equal(pvm_port_bind_ipi(&e, 0, &port), -ENOSPC);
	assert_int_equal(pvm_port_bind_virq(&e, 0, 0, &port), -ENOSPC);
	assert_int_equal(pvm_port_alloc_unbound(&e, SELF, 0, &port), -ENOSPC);
	assert_int_equal(pvm_port_alloc_vmm(&e, &port), -ENOSPC);
	assert_int_equal(pvm_port_close(&e, 4000, &a), 0);
	assert_int_equal(pvm_port_close(&e, 17, &a), 0);
	assert_int_equal(new_virq(0, 0), 17);
	assert_int_equal(new_unbound(0), 4000);
	assert_int_equal(pvm_port_bind_ipi(&e, 0, &port), -ENOSPC);
}

static void reset_closes_all_and_names_the_vmm_ports(void **state)
{
	u64 dropped[PVM_EVTCHN_WORDS];
	struct pvm_port_act a;
	u32 i, a1 = new_unbound(0), port;

	(void)state;
	for (i = 0; i < 100; i++)
		new_ipi(1);
	assert_int_equal(pvm_port_alloc_vmm(&e, &port), 0);
	new_virq(0, 2);
	assert_int_equal(pvm_port_attach(&e, a1, &a), 0);
	assert_int_equal(pvm_port_attach(&e, port, &a), 0);
	assert_int_equal(pvm_port_reset(&e, SELF, dropped), 0);
	for (i = 0; i < PVM_EVTCHN_PORTS; i++) {
		assert_int_equal(ports[i].state, PVM_PORT_FREE);
		assert_int_equal(dropped[i / 64] >> i % 64 & 1, i == a1 || i == port);
		assert_false(bit(pending, i));
	}
	assert_int_equal(new_virq(0, 2), 1);
	assert_int_equal(pvm_port_attach(&e, new_unbound(0), &a), 0);
	assert_int_equal(pvm_port_reset(&e, DOMID, NULL), 0);
	assert_int_equal(new_ipi(0), 1);
}

static void works_before_shared_memory_is_there(void **state)
{
	struct pvm_port_act a;
	u32 p = new_ipi(0), q = new_ipi(1);

	(void)state;
	e.bits = (struct pvm_evtchn_bits){ NULL, NULL };
	assert_int_equal(pvm_port_send(&e, p, &a), 0);
	assert_int_equal(a.what, 0);
	assert_int_equal(pvm_port_unmask(&e, p, &a), 0);
	assert_int_equal(pvm_port_is_pending(&e, p), 0);
	assert_int_equal(pvm_port_close(&e, p, &a), 0);
	e.bits.pending = pending;			/* half of it */
	assert_int_equal(pvm_port_send(&e, q, &a), 0);
	assert_int_equal(pvm_port_unmask(&e, q, &a), 0);
	assert_int_equal(a.what, 0);
	assert_int_equal(pending[0], 0);
	e.bits.mask = mask;
	targets[1].sel = NULL;				/* vCPU without vcpu_info: the pending bit waits */
	assert_int_equal(pvm_port_send(&e, q, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_WAKE_POLL);
	assert_true(bit(pending, q));
	pending[0] = 0;
	targets[1] = (struct pvm_evtchn_target){ &sel[1], NULL };
	assert_int_equal(pvm_port_send(&e, q, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_WAKE_POLL);
	assert_int_equal(sel[1], 0);
}

static void fini_leaves_nothing_to_use(void **state)
{
	struct pvm_evtchn never = { 0 };
	struct pvm_port_act a;
	u32 port;

	(void)state;
	new_ipi(0);
	pvm_evtchn_fini(&e);
	pvm_evtchn_fini(&e);
	assert_int_equal(pvm_port_send(&e, 1, &a), -EINVAL);
	assert_int_equal(pvm_port_bind_ipi(&e, 0, &port), -ENOENT);
	assert_int_equal(pvm_port_alloc_vmm(&e, &port), -ENOSPC);
	pvm_port_raise_virq(&e, 0, 0, &a);
	assert_int_equal(a.what, 0);
	pvm_evtchn_fini(&never);
	assert_int_equal(pvm_port_alloc_vmm(&never, &port), -ENOSPC);
}

/* ---- bits -------------------------------------------------------------------------------------------------- */

static void masked_port_only_becomes_pending(void **state)
{
	struct pvm_port_act a;
	u32 p = new_ipi(2);

	(void)state;
	mask[p / 64] |= 1ul << p % 64;
	assert_int_equal(pvm_port_send(&e, p, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_WAKE_POLL);		/* pollers see masked ports too */
	assert_true(bit(pending, p));
	assert_int_equal(sel[2], 0);
	assert_int_equal(upcall[2], 0);
	assert_int_equal(pvm_port_unmask(&e, p, &a), 0);
	assert_int_equal(a.what, PVM_EVTCHN_KICK);
	assert_int_equal(a.vcpu, 2);
	assert_true(sel[2] & 1);
	assert_int_equal(upcall[2], 1);
	assert_int_equal(pvm_port_unmask(&e, p, &a), 0);	/* not masked any more: nothing */
	assert_int_equal(a.what, 0);
	pending[0] = 0;
	mask[0] |= 1ul << p;
	assert_int_equal(pvm_port_unmask(&e, p, &a), 0);	/* nothing pending: nothing */
	assert_int_equal(a.what, 0);
}

static void one_upcall_for_many_events(void **state)
{
	struct pvm_port_act a;
	u32 i, kicks = 0;

	(void)state;
	for (i = 0; i < 200; i++)
		new_ipi(0);
	for (i = 1; i <= 200; i++) {
		assert_int_equal(pvm_port_send(&e, i, &a), 0);
		kicks += !!(a.what & PVM_EVTCHN_KICK);
	}
	assert_int_equal(kicks, 1);
	assert_int_equal(sel[0], 0xf);
}

static void scribbled_memory_is_only_bits(void **state)
{
	struct pvm_port_act a;
	u32 p = new_ipi(0), i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		u32 k;

		for (k = 0; k < PVM_EVTCHN_WORDS; k++) {
			pending[k] = rnd();
			mask[k] = rnd();
		}
		sel[0] = rnd();
		upcall[0] = (u8)rnd();
		assert_int_equal(pvm_port_send(&e, p, &a), 0);
		assert_int_equal(a.vcpu, 0);
		assert_true(bit(pending, p));
	}
}

/* ---- slow twin --------------------------------------------------------------------------------------------- */

struct twin_port { char what; u32 vcpu, virq, remote; bool pending, masked; };
static struct twin_port twin[PVM_EVTCHN_PORTS];
static bool twin_sel[VCPUS][PVM_EVTCHN_WORDS], twin_upcall[VCPUS];

static bool per_vcpu(u32 virq)
{
	return virq == 0 || virq == 1 || virq == 7 || virq == 13;
}

static u32 twin_free(void)
{
	u32 p;

	for (p = 1; p < PVM_EVTCHN_PORTS; p++)
		if (!twin[p].what)
			return p;
	return 0;
}

static u32 twin_notify(u32 p)
{
	u32 v = twin[p].vcpu;

	if (twin_sel[v][p / 64])
		return 0;
	twin_sel[v][p / 64] = true;
	if (twin_upcall[v])
		return 0;
	twin_upcall[v] = true;
	return PVM_EVTCHN_KICK;
}

static u32 twin_raise(u32 p)
{
	if (twin[p].pending)
		return 0;
	twin[p].pending = true;
	return PVM_EVTCHN_WAKE_POLL | (twin[p].masked ? 0 : twin_notify(p));
}

static int twin_new(char what, u32 vcpu, u32 virq, u32 remote, u32 *port)
{
	u32 p = twin_free();
	bool pend, masked;

	if (!p)
		return -ENOSPC;
	pend = twin[p].pending;
	masked = twin[p].masked;
	twin[p] = (struct twin_port){ what, vcpu, virq, remote, pend, masked };
	*port = p;
	return 0;
}

static int twin_bind_virq(u32 virq, u32 vcpu, u32 *port)
{
	u32 p;

	if (virq >= 24 || (!per_vcpu(virq) && vcpu))
		return -EINVAL;
	if (vcpu >= VCPUS)
		return -ENOENT;
	for (p = 1; p < PVM_EVTCHN_PORTS; p++)
		if (twin[p].what == 'v' && twin[p].virq == virq && (!per_vcpu(virq) || twin[p].vcpu == vcpu))
			return -EEXIST;
	return twin_new('v', vcpu, virq, 0, port);
}

static u32 twin_virq(u32 vcpu, u32 virq)
{
	u32 p;

	for (p = 1; p < PVM_EVTCHN_PORTS; p++)
		if (twin[p].what == 'v' && twin[p].virq == virq &&
		    (per_vcpu(virq) ? twin[p].vcpu == vcpu : vcpu == 0))
			return twin_raise(p);
	return 0;
}

static void compare_with_twin(void)
{
	u32 p, v;

	for (p = 1; p < PVM_EVTCHN_PORTS; p++) {
		assert_int_equal(bit(pending, p), twin[p].pending);
		assert_int_equal(bit(mask, p), twin[p].masked);
	}
	for (v = 0; v < VCPUS; v++) {
		assert_int_equal(upcall[v], twin_upcall[v]);
		for (p = 0; p < PVM_EVTCHN_WORDS; p++)
			assert_int_equal(bit(&sel[v], p), twin_sel[v][p]);
	}
}

static void random_operations_equal_the_twin(void **state)
{
	u32 n;

	(void)state;
	memset(twin, 0, sizeof(twin));
	memset(twin_sel, 0, sizeof(twin_sel));
	memset(twin_upcall, 0, sizeof(twin_upcall));
	for (n = 0; n < 60000; n++) {
		u32 range = rnd_below(8) ? 40 : 4200, p = rnd_below(range), vcpu = rnd_below(VCPUS + 1);
		u32 virq = rnd_below(26), got = 0, want = 0, what = 0;
		u16 remote = rnd_below(2) ? 0 : 9;
		struct pvm_port_act a = { 0 };
		bool valid = p > 0 && p < 4096;
		struct twin_port *t = &twin[valid ? p : 0];
		int r = 0, w = 0;

		switch (rnd_below(14)) {
		case 0:
			r = pvm_port_alloc_unbound(&e, SELF, remote, &got);
			w = twin_new('u', 0, 0, remote, &want);
			break;
		case 1:
			r = pvm_port_alloc_vmm(&e, &got);
			w = twin_new('u', 0, 0, 0, &want);
			break;
		case 2:
			r = pvm_port_bind_virq(&e, virq, vcpu, &got);
			w = twin_bind_virq(virq, vcpu, &want);
			break;
		case 3:
			r = pvm_port_bind_ipi(&e, vcpu, &got);
			w = vcpu < VCPUS ? twin_new('i', vcpu, 0, 0, &want) : -ENOENT;
			break;
		case 4:
			r = pvm_port_bind_vcpu(&e, p, vcpu);
			w = vcpu >= VCPUS ? -ENOENT :
			    t->what == 'u' || t->what == 'x' || (t->what == 'v' && !per_vcpu(t->virq)) ? 0 : -EINVAL;
			if (!w)
				t->vcpu = vcpu;
			break;
		case 5:
			r = pvm_port_close(&e, p, &a);
			w = t->what ? 0 : -EINVAL;
			if (!w) {
				what = t->what == 'x' ? PVM_EVTCHN_DROP : 0;
				t->what = 0;
				t->vcpu = 0;
				t->pending = false;
			}
			break;
		case 6:
		case 7:
			r = pvm_port_send(&e, p, &a);
			w = t->what == 'u' || t->what == 'x' || t->what == 'i' ? 0 : -EINVAL;
			what = t->what == 'x' ? PVM_EVTCHN_SIGNAL : t->what == 'i' ? twin_raise(p) : 0;
			break;
		case 8:
			r = pvm_port_unmask(&e, p, &a);
			w = valid ? 0 : -EINVAL;
			if (valid && t->masked) {
				t->masked = false;
				if (t->pending)
					what = twin_notify(p);
			}
			break;
		case 9:
			r = pvm_port_attach(&e, p, &a);
			w = t->what == 'x' ? -EEXIST : t->what == 'u' && !t->remote ? 0 : -ENOENT;
			if (!w) {
				t->what = 'x';
				what = twin_raise(p);
			}
			break;
		case 10:
			r = pvm_port_detach(&e, p);
			w = t->what == 'x' ? 0 : -ENOENT;
			if (!w)
				t->what = 'u';
			break;
		case 11:
			r = pvm_port_raise(&e, p, &a);
			w = t->what == 'x' ? 0 : -ENOENT;
			if (!w)
				what = twin_raise(p);
			break;
		case 12:
			pvm_port_raise_virq(&e, vcpu, virq, &a);
			if (vcpu < VCPUS && virq < 24)
				what = twin_virq(vcpu, virq);
			break;
		default:		/* the guest: masks a port, or handles everything on one vCPU */
			if (valid && rnd_below(2)) {
				mask[p / 64] |= 1ul << p % 64;
				t->masked = true;
			} else if (vcpu < VCPUS) {
				u32 i;

				upcall[vcpu] = 0;
				sel[vcpu] = 0;
				twin_upcall[vcpu] = false;
				memset(twin_sel[vcpu], 0, sizeof(twin_sel[vcpu]));
				for (i = 1; i < PVM_EVTCHN_PORTS; i++)
					if (!twin[i].masked)
						twin[i].pending = false;
				for (i = 0; i < PVM_EVTCHN_WORDS; i++)
					pending[i] &= mask[i];
			}
		}
		assert_int_equal(r, w);
		if (!r)
			assert_int_equal(got, want);
		assert_int_equal(a.what, what);
		if (n % 64 == 0)
			compare_with_twin();
	}
	compare_with_twin();
}

/* ---- interleavings with the guest -------------------------------------------------------------------------- */

static u32 steps_left, handled;
static void (*other_side)(void);

static void step(void)
{
	if (steps_left-- == 0) {
		pvm_shim_step = NULL;
		other_side();
	}
}

static u32 race_port;
static struct pvm_port_act race_act;

/* What the guest's upcall handler does, step() between its accesses. */
static void guest_step(void)
{
	if (pvm_shim_step)
		pvm_shim_step();
}

static void guest_handler(void)
{
	unsigned long s;
	u32 w;

	guest_step();
	if (!upcall[0])
		return;
	guest_step();
	upcall[0] = 0;
	guest_step();
	s = __atomic_exchange_n(&sel[0], 0, __ATOMIC_SEQ_CST);
	for (w = 0; w < 64; w++) {
		unsigned long ready;

		if (!(s >> w & 1))
			continue;
		guest_step();
		ready = pending[w] & ~mask[w];
		guest_step();
		pending[w] &= ~ready;	/* stands for btr of each bit */
		handled += !!ready;
	}
}

/* Unmask by memory, as Linux does for a port of this vCPU. */
static void guest_unmask(void)
{
	guest_step();
	mask[race_port / 64] &= ~(1ul << race_port % 64);
	guest_step();
	if (bit(pending, race_port)) {
		guest_step();
		if (!(__atomic_fetch_or(&sel[0], 1ul << race_port / 64, __ATOMIC_SEQ_CST) >> race_port / 64 & 1)) {
			guest_step();
			upcall[0] = 1;
		}
	}
	guest_handler();
}

static void host_send(void)
{
	assert_int_equal(pvm_port_send(&e, race_port, &race_act), 0);
}

static void host_unmask(void)
{
	assert_int_equal(pvm_port_unmask(&e, race_port, &race_act), 0);
}

/* An event that is pending and not masked must be on its way: selector set, upcall set. */
static void nothing_is_lost(void)
{
	if (bit(pending, race_port) && !bit(mask, race_port)) {
		assert_true(sel[0] >> race_port / 64 & 1);
		assert_int_equal(upcall[0], 1);
	}
}

static void race(void (*first)(void), void (*second)(void), u32 start)
{
	u32 k;

	for (k = 0; k < 12; k++) {
		bool was_pending = start & 1;

		setup(NULL);
		race_port = new_ipi(0);
		if (was_pending)
			pending[race_port / 64] |= 1ul << race_port % 64;
		if (start & 2)
			mask[race_port / 64] |= 1ul << race_port % 64;
		if (start & 4)
			sel[0] |= 1ul << race_port / 64;
		if (start & 8)
			upcall[0] = 1;
		/* starts a real guest can be in: a pending, unmasked port is announced; a set selector too */
		if (was_pending && !(start & 2) && (start & 12) != 12)
			continue;
		if ((start & 4) && !(start & 8))
			continue;
		other_side = second;
		steps_left = k;
		pvm_shim_step = step;
		first();
		pvm_shim_step = NULL;
		nothing_is_lost();
		guest_handler();
		if (!bit(mask, race_port))
			assert_false(bit(pending, race_port));
	}
}

static void unmask_race(void **state)
{
	u32 start;

	(void)state;
	for (start = 0; start < 16; start++) {
		race(host_send, guest_unmask, start);
		race(guest_unmask, host_send, start);
		race(host_send, guest_handler, start);
		race(guest_handler, host_send, start);
		race(host_unmask, guest_handler, start);
		race(guest_handler, host_unmask, start);
		race(host_unmask, host_send, start);
		race(host_send, host_unmask, start);
	}
	assert_true(handled > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bad_ports_are_einval, setup),
		cmocka_unit_test_setup(free_ports, setup),
		cmocka_unit_test_setup(domains, setup),
		cmocka_unit_test_setup(virq_binding, setup),
		cmocka_unit_test_setup(global_virq_moves_between_vcpus, setup),
		cmocka_unit_test_setup(unbound_virqs_are_dropped, setup),
		cmocka_unit_test_setup(ipi_rules, setup),
		cmocka_unit_test_setup(status_of_each_state, setup),
		cmocka_unit_test_setup(vmm_side, setup),
		cmocka_unit_test_setup(table_full, setup),
		cmocka_unit_test_setup(reset_closes_all_and_names_the_vmm_ports, setup),
		cmocka_unit_test_setup(works_before_shared_memory_is_there, setup),
		cmocka_unit_test_setup(fini_leaves_nothing_to_use, setup),
		cmocka_unit_test_setup(masked_port_only_becomes_pending, setup),
		cmocka_unit_test_setup(one_upcall_for_many_events, setup),
		cmocka_unit_test_setup(scribbled_memory_is_only_bits, setup),
		cmocka_unit_test_setup(random_operations_equal_the_twin, setup),
		cmocka_unit_test_setup(unmask_race, setup),
	};

	return cmocka_run_group_tests_name("evtchn", tests, NULL, NULL);
}
