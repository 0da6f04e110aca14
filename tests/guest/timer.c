// SPDX-License-Identifier: GPL-2.0-only
/*
 * One-shot timers by both hypercalls: never early, past deadlines at once, stop, replace, and none
 * before it was asked for (Xen's own periodic tick excepted, which is stopped first).
 */
#include "pvt.h"

#define LONG	20000000000ull	/* for what must happen: only a lost event takes that long */

static u32 port;

static long arm(u64 deadline)
{
	struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = deadline };

	return hc3(24, VCPUOP_set_singleshot_timer, 0, &t);
}

/* Time of the next tick, by spinning (not blocking), 0 if none within ns. */
static u64 wait_spin(u64 ns)
{
	u64 n = port_count[port], start = now_ns();

	vi->evtchn_upcall_mask = 0;
	/* The CPU may be taken away for any time between two looks: the count decides, not the clock. */
	while (READ_ONCE(port_count[port]) == n && now_ns() - start < ns)
		;
	events_off();
	return READ_ONCE(port_count[port]) == n ? 0 : now_ns();
}

static u64 wait_block(u64 ns)
{
	u64 n = port_count[port], start = now_ns();

	/* Masked while it is looked at, or the event that ends the block could come just before it. */
	for (events_off(); port_count[port] == n && now_ns() - start < ns; events_off())
		sched(SCHEDOP_block, NULL);
	return port_count[port] == n ? 0 : now_ns();
}

void test_main(void)
{
	u64 t, at, i, bad = 0, late = 0;

	port = bind_virq(VIRQ_TIMER);
	port_unmask(port);
	hc3(24, VCPUOP_stop_periodic_timer, 0, 0);
	events_on();
	events_off();
	eq("no tick without a timer", wait_spin(30000000), 0);

	t = now_ns() + 5000000;
	eq("arm", arm(t), 0);
	at = wait_spin(LONG);
	ok(at && at >= t, "spinning guest gets it, not early (%ld us late)", (at - t) / 1000);
	t = now_ns() + 5000000;
	arm(t);
	at = wait_block(LONG);
	ok(at && at >= t, "blocked guest gets it, not early (%ld us late)", (at - t) / 1000);
	eq("only once", wait_spin(20000000), 0);

	eq("deadline in the past", arm(now_ns() - 1000), 0);
	ok(wait_spin(LONG) != 0, "fires at once");
	eq("deadline 1", arm(1), 0);
	ok(wait_spin(LONG) != 0, "fires at once");

	arm(now_ns() + 20000000);
	eq("stop", hc3(24, VCPUOP_stop_singleshot_timer, 0, 0), 0);
	eq("stopped timer does not fire", wait_spin(40000000), 0);
	arm(now_ns() + 3000000);
	t = now_ns() + 60000000;
	arm(t);
	at = wait_spin(LONG);
	ok(at >= t, "arming replaces the old deadline");
	arm(now_ns() + 1000000000ull * 3600);
	t = now_ns() + 2000000;
	arm(t);
	ok(wait_spin(LONG) >= t, "a nearer deadline replaces a far one");
	eq("far future", arm(~0ull >> 1), 0);
	eq("is no past", wait_spin(20000000), 0);
	if (!on_xen)
		eq("timer of another vCPU", hc3(24, VCPUOP_set_singleshot_timer, 1, &t), -E_NOENT);

	t = now_ns() + 5000000;
	eq("set_timer_op", hc1(15, t), 0);
	at = wait_spin(LONG);
	ok(at >= t, "fires");
	hc1(15, now_ns() + 10000000);
	eq("set_timer_op 0", hc1(15, 0), 0);
	eq("cancels", wait_spin(30000000), 0);
	hc1(15, 1);
	ok(wait_spin(LONG) != 0 || on_xen, "set_timer_op in the past fires");

	/* 1 ns ahead, as newer kernels do all the time. */
	for (i = 0; i < 300; i++) {
		t = now_ns() + 1;
		bad += arm(t) != 0;
		at = wait_block(LONG);
		bad += !at || at < t;
	}
	eq("300 deadlines 1 ns ahead", bad, 0);
	for (i = 0; i < 100; i++) {
		t = now_ns() + 200000;
		arm(t);
		at = i & 1 ? wait_block(LONG) : wait_spin(LONG);
		bad += !at || at < t;
		late = at - t > late ? at - t : late;
	}
	eq("100 deadlines 200 us ahead", bad, 0);
	pr("# latest by %lu us\n", late / 1000);
	/* Masked at expiry: delivered when unmasked. */
	arm(now_ns() + 1000000);
	for (t = now_ns(); now_ns() - t < 10000000; )
		;
	i = port_count[port];
	events_on();
	eq("expired while masked: delivered by unmasking", port_count[port], i + 1);
	events_off();
}
