// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: errors one by one, states, bits in shared memory. Long runs of random operations are in
 * test_evtchn_twin.c, interleavings with the guest in test_evtchn_race.c.
 */
#include "evtchn_table.h"

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
	};

	return cmocka_run_group_tests_name("evtchn", tests, NULL, NULL);
}
