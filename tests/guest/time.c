// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time records: pvclock, wall clock, run state, secondary time area; and moving vcpu_info.
 */
#include "pvt.h"

static void clock(void)
{
	u64 prev = now_ns(), now, t0, t1, n0, bad = 0, i, khz;
	struct cpuid c = fep_cpuid(0x40000003, 0);

	for (i = 0; i < 20000; i++) {
		now = now_ns();
		bad += now < prev;
		prev = now;
		if (!(i & 255))
			hc2(29, SCHEDOP_yield, 0);
	}
	eq("system time never goes back", bad, 0);
	ok(now < 3600ull * 1000000000 * 24, "system time %lu ms starts near 0", now / 1000000);
	ok(vi->time.tsc_to_system_mul != 0, "mul %#x shift %d", vi->time.tsc_to_system_mul,
	   vi->time.tsc_shift);
	khz = (1000000ull << 32) / vi->time.tsc_to_system_mul;
	khz = vi->time.tsc_shift < 0 ? khz << -vi->time.tsc_shift : khz >> vi->time.tsc_shift;
	ok(c.c == 0 || (khz > c.c * 99ull / 100 && khz < c.c * 101ull / 100),
	   "frequency %lu kHz agrees with CPUID's %u", khz, c.c);
	t0 = rdtsc();
	n0 = now_ns();
	while (now_ns() - n0 < 20000000)
		;
	t1 = rdtsc();
	ok((t1 - t0) * 1000000 / khz >= 19000000, "20 ms by the record are 20 ms by the TSC");
	eq("version is even", vi->time.version & 1, 0);
	eq("wall clock version is even", sh->wc_version & 1, 0);
	ok(sh->wc_nsec < 1000000000, "wall clock nanoseconds");
	if (!on_xen)
		ok(sh->wc_sec > 1577836800u, "wall clock is after 2020 (%u)", sh->wc_sec);
}

static void secondary(void)
{
	static struct vcpu_time_info area __attribute__((aligned(64)));
	struct vcpu_register_time_memory_area r = { 0 };
	long err;

	r.addr.p = (u64)&area;
	err = hc3(24, VCPUOP_register_vcpu_time_memory_area, 0, &r);
	if (err) {
		skip("secondary time area");
		return;
	}
	ok(area.tsc_to_system_mul == vi->time.tsc_to_system_mul, "secondary area is filled");
	eq("same flags", area.flags, vi->time.flags);
	eq("same origin", area.system_time == vi->time.system_time || on_xen, 1);
	hc2(29, SCHEDOP_yield, 0);
	eq("its version is even", area.version & 1, 0);
	r.addr.p = 0;
	eq("unregister", hc3(24, VCPUOP_register_vcpu_time_memory_area, 0, &r), 0);
}

static void runstate(void)
{
	static u8 raw[2 * PAGE_BYTES] __attribute__((aligned(4096)));
	struct vcpu_runstate_info *rs = (void *)raw, copy;
	struct vcpu_register_runstate_memory_area r = { 0 };
	struct vcpu_set_singleshot_timer t = { 0 };
	u64 blocked, sum;
	u32 port = bind_virq(VIRQ_TIMER);

	r.addr.p = (u64)rs;
	eq("register run state", hc3(24, VCPUOP_register_runstate_memory_area, 0, &r), 0);
	eq("running", rs->state, RUNSTATE_running);
	eq("vm_assist runstate_update_flag", hc2(21, 0, 5), 0);
	port_unmask(port);
	hc3(24, VCPUOP_stop_periodic_timer, 0, 0);
	blocked = rs->time[RUNSTATE_blocked];
	t.timeout_abs_ns = now_ns() + 20000000;
	hc3(24, VCPUOP_set_singleshot_timer, 0, &t);
	block_until(t.timeout_abs_ns);
	hc3(24, VCPUOP_get_runstate_info, 0, &copy);
	ok(copy.time[RUNSTATE_blocked] - blocked > 5000000, "20 ms of block are counted (%lu us)",
	   (copy.time[RUNSTATE_blocked] - blocked) / 1000);
	ok(rs->time[RUNSTATE_blocked] - blocked > 5000000, "also in the area");
	eq("running again", rs->state, RUNSTATE_running);
	eq("no update under way", rs->state_entry_time >> 63, 0);
	sum = copy.time[0] + copy.time[1] + copy.time[2] + copy.time[3];
	ok(sum <= now_ns() + 1000000000, "times add up to no more than there was");
	/* Across a page, as per-cpu data may lie. */
	rs = (void *)(raw + PAGE_BYTES - 24);
	r.addr.p = (u64)rs;
	eq("register across a page", hc3(24, VCPUOP_register_runstate_memory_area, 0, &r), 0);
	eq("running", rs->state, RUNSTATE_running);
	t.timeout_abs_ns = now_ns() + 2000000;
	hc3(24, VCPUOP_set_singleshot_timer, 0, &t);
	block_until(t.timeout_abs_ns);
	ok(rs->time[RUNSTATE_blocked] > blocked, "updated there");
	/* Taken away: the driver finds nothing to write to, and must not mind. */
	va_map((u64)raw, 0, UVMF_INVLPG);
	va_map((u64)raw + PAGE_BYTES, 0, UVMF_INVLPG);
	t.timeout_abs_ns = now_ns() + 2000000;
	hc3(24, VCPUOP_set_singleshot_timer, 0, &t);
	block_until(t.timeout_abs_ns);
	ok(true, "area unmapped behind the driver's back");
	set_rw(raw);
	set_rw(raw + PAGE_BYTES);
}

static void move_vcpu_info(void)
{
	static u8 place[PAGE_BYTES] __attribute__((aligned(4096)));
	struct vcpu_info *old = vi, *new = (void *)(place + 128);
	struct vcpu_register_vcpu_info r = { .mfn = va_mfn(place), .offset = PAGE_BYTES - 32 };
	u64 before, old_version;
	u32 p = bind_ipi();
	struct evtchn_send s = { .port = p };

	ok(hc3(24, VCPUOP_register_vcpu_info, 0, &r) < 0, "vcpu_info across a page is refused");
	r.offset = 128;
	r.mfn = 0x7ffffffff;
	ok(hc3(24, VCPUOP_register_vcpu_info, 0, &r) < 0, "vcpu_info in a frame that is not there");
	r.mfn = va_mfn(place);
	port_unmask(p);
	old->arch.cr2 = 0x4711;
	eq("register vcpu_info", hc3(24, VCPUOP_register_vcpu_info, 0, &r), 0);
	vi = new;
	eq("mask was copied", new->evtchn_upcall_mask, 1);
	eq("cr2 was copied", new->arch.cr2, 0x4711);
	eq("all selectors are set", new->evtchn_pending_sel, ~0ull);
	eq("upcall is pending", new->evtchn_upcall_pending, 1);
	ok(new->time.tsc_to_system_mul, "time is there");
	events_on();
	before = port_count[p];
	old->evtchn_upcall_pending = 0;
	old->evtchn_pending_sel = 0;
	old->evtchn_upcall_mask = 1;
	evtchn(EVTCHNOP_send, &s);
	eq("events come by the new place", port_count[p], before + 1);
	eq("the old selector is left alone", old->evtchn_pending_sel, 0);
	old_version = old->time.version;
	try_read(0x123400, NULL);
	eq("cr2 goes to the new place", new->arch.cr2, 0x123400);
	eq("not to the old one", old->arch.cr2, 0x4711);
	hc2(29, SCHEDOP_yield, 0);
	eq("old time is not touched", old->time.version, old_version);
	ok(hc3(24, VCPUOP_register_vcpu_info, 0, &r) < 0, "a second time is refused");
	events_off();
	clock();
}

/* For a host whose other tasks want this CPU, too: their time is not this guest's. */
static void contended(void)
{
	static struct vcpu_runstate_info rs;
	struct vcpu_register_runstate_memory_area r = { .addr.p = (u64)&rs };
	u64 limit = now_ns() + 20000000000, before;

	eq("register run state", hc3(24, VCPUOP_register_runstate_memory_area, 0, &r), 0);
	before = rs.time[RUNSTATE_runnable];
	while (*(volatile u64 *)&rs.time[RUNSTATE_runnable] == before && now_ns() < limit)
		;
	ok(rs.time[RUNSTATE_runnable] > before, "waiting for a CPU is seen as such");
	eq("running again", rs.state, RUNSTATE_running);
}

/* For a host that sleeps five seconds at a time meanwhile: guests' clocks stand still then, as their timers do. */
static void asleep(void)
{
	static struct vcpu_time_info area __attribute__((aligned(64)));
	struct vcpu_register_time_memory_area r = { 0 };
	u64 start = now_ns(), last = start, now, longest = 0, back = 0, tsc = vi->time.tsc_timestamp;
	u32 wall = sh->wc_sec;

	r.addr.p = (u64)&area;
	eq("register a second record", hc3(24, VCPUOP_register_vcpu_time_memory_area, 0, &r), 0);
	for (; last - start < 10000000000; last = now) {
		now = now_ns();
		back += now < last;
		if (now > last && now - last > longest)
			longest = now - last;
	}
	eq("steps back", back, 0);
	ok(longest < 3000000000, "the clock stood still while the host slept (longest step %lu ms)", longest / 1000000);
	ok(vi->time.tsc_timestamp != tsc, "the record is another one");
	eq("the second one, too", area.tsc_timestamp, vi->time.tsc_timestamp);
	ok(sh->wc_sec - wall >= 4, "the wall clock at system time 0 moved by %u s", sh->wc_sec - wall);
}

void test_main(void)
{
	if (cmdline_has("asleep")) {
		asleep();
		return;
	}
	if (cmdline_has("contended")) {
		contended();
		return;
	}
	clock();
	secondary();
	runstate();
	move_vcpu_info();
}
