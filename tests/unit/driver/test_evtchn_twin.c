// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: a slow twin run beside the table on random operations.
 */
#include "evtchn_table.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(random_operations_equal_the_twin, setup),
	};

	return cmocka_run_group_tests_name("evtchn_twin", tests, NULL, NULL);
}
