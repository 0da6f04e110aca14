// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: every single interleaving of an operation with the guest's own accesses to the shared words.
 */
#include "evtchn_table.h"

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
		cmocka_unit_test_setup(unmask_race, setup),
	};

	return cmocka_run_group_tests_name("evtchn_race", tests, NULL, NULL);
}
