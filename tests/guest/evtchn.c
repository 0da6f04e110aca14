// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels: every operation with its errors, the bits it sets and in which order things are
 * looked at, upcalls with the mask in each state, polling and blocking.
 */
#include "pvt.h"

static long close_port(u32 port)
{
	struct evtchn_close c = { .port = port };

	return evtchn(EVTCHNOP_close, &c);
}

static long send(u32 port)
{
	struct evtchn_send s = { .port = port };

	return evtchn(EVTCHNOP_send, &s);
}

static struct evtchn_status status(u32 port)
{
	struct evtchn_status s = { .dom = DOMID_SELF, .port = port };

	if (evtchn(EVTCHNOP_status, &s))
		s.status = 99;
	return s;
}

static void binding(void)
{
	struct evtchn_bind_virq v = { .virq = VIRQ_TIMER };
	struct evtchn_bind_ipi ipi = { .vcpu = 7 };
	struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = 0 };
	struct evtchn_bind_interdomain d = { .remote_dom = 77, .remote_port = 1 };
	struct evtchn_bind_vcpu bv = { .vcpu = 0 };
	struct evtchn_unmask um = { .port = 0 };
	u32 p1, p2;

	p1 = bind_virq(VIRQ_TIMER);
	ok(p1 > 0, "bind_virq: port %u", p1);
	eq("status: virq", status(p1).status, EVTCHNSTAT_virq);
	eq("status: which", status(p1).u.virq, VIRQ_TIMER);
	eq("bound twice: EEXIST", evtchn(EVTCHNOP_bind_virq, &v), -E_EXIST);
	v.virq = 99;
	eq("bad virq", evtchn(EVTCHNOP_bind_virq, &v), -E_INVAL);
	v.virq = VIRQ_DEBUG;
	v.vcpu = 7;
	eq("virq for a vCPU that is not there", evtchn(EVTCHNOP_bind_virq, &v), -E_NOENT);
	eq("ipi for a vCPU that is not there", evtchn(EVTCHNOP_bind_ipi, &ipi), -E_NOENT);
	p2 = bind_ipi();
	ok(p2 != p1, "ports differ");
	eq("status: ipi", status(p2).status, EVTCHNSTAT_ipi);
	eq("status: vcpu", status(p2).vcpu, 0);
	eq("close", close_port(p2), 0);
	eq("status: closed", status(p2).status, EVTCHNSTAT_closed);
	eq("close of a closed port", close_port(p2), -E_INVAL);
	eq("close of port 0", close_port(0), -E_INVAL);
	eq("close of port 2^32 - 1", close_port(~0u), -E_INVAL);
	eq("send on a closed port", send(p2), -E_INVAL);
	eq("send on a virq port", send(p1), -E_INVAL);
	eq("send on port 5000", send(5000), -E_INVAL);
	eq("the port is given again", bind_ipi(), p2);
	bv.port = p2;
	eq("bind_vcpu of an ipi", evtchn(EVTCHNOP_bind_vcpu, &bv), -E_INVAL);
	bv.port = p1;
	eq("bind_vcpu of a per-vCPU virq", evtchn(EVTCHNOP_bind_vcpu, &bv), -E_INVAL);
	eq("alloc_unbound", evtchn(EVTCHNOP_alloc_unbound, &a), 0);
	eq("status: unbound", status(a.port).status, EVTCHNSTAT_unbound);
	bv.port = a.port;
	eq("bind_vcpu 0", evtchn(EVTCHNOP_bind_vcpu, &bv), 0);
	bv.vcpu = 9;
	eq("bind_vcpu 9", evtchn(EVTCHNOP_bind_vcpu, &bv), -E_NOENT);
	eq("close unbound", close_port(a.port), 0);
	a.dom = 55;
	ok(evtchn(EVTCHNOP_alloc_unbound, &a) < 0, "alloc_unbound for another domain");
	ok(evtchn(EVTCHNOP_bind_interdomain, &d) < 0, "bind_interdomain to nobody");
	eq("unmask of port 5000", (um.port = 5000, evtchn(EVTCHNOP_unmask, &um)), -E_INVAL);
	close_port(p1);
	close_port(p2);
}

/* Raise, mask and selector: who sets what. */
static void bits(void)
{
	struct evtchn_unmask um;
	u32 p = bind_ipi(), w = p / 64;
	u64 before;

	um.port = p;
	port_mask(p);
	vi->evtchn_pending_sel = 0;
	vi->evtchn_upcall_pending = 0;
	eq("send, masked", send(p), 0);
	ok(port_pending(p), "pending is set");
	eq("selector is not", vi->evtchn_pending_sel >> w & 1, 0);
	eq("upcall is not", vi->evtchn_upcall_pending, 0);
	eq("EVTCHNOP_unmask", evtchn(EVTCHNOP_unmask, &um), 0);
	eq("mask is clear", sh->evtchn_mask[w] >> (p % 64) & 1, 0);
	eq("selector is set", vi->evtchn_pending_sel >> w & 1, 1);
	eq("upcall is set", vi->evtchn_upcall_pending, 1);
	before = port_count[p];
	events_on();
	eq("delivered", port_count[p], before + 1);
	events_off();
	ok(!port_pending(p), "and cleared");
	eq("send, unmasked, events off", send(p), 0);
	eq("selector", vi->evtchn_pending_sel >> w & 1, 1);
	eq("upcall", vi->evtchn_upcall_pending, 1);
	send(p);
	send(p);
	before = port_count[p];
	events_on();
	eq("three sends are one event", port_count[p], before + 1);
	eq("send, events on: at once", (send(p), port_count[p]), before + 2);
	/* Edge: pending already set by hand, so a send does nothing. */
	events_off();
	__atomic_fetch_or(&sh->evtchn_pending[w], 1ul << (p % 64), __ATOMIC_SEQ_CST);
	vi->evtchn_upcall_pending = 0;
	send(p);
	eq("a port that is pending raises nothing", vi->evtchn_upcall_pending, 0);
	port_unmask(p);
	events_on();
	eq("local unmask finds it", port_count[p], before + 3);
	/* Upcall pending without any port: still one callback. */
	events_off();
	before = upcalls;
	vi->evtchn_upcall_pending = 1;
	events_on();
	eq("upcall without a port", upcalls, before + 1);
	events_off();
	close_port(p);
}

static u64 mask_seen, rip_seen, cs_seen, flags_seen, nested;

static void look(struct regs *r)
{
	mask_seen = r->entry_mask;
	rip_seen = r->rip;
	cs_seen = r->cs;
	flags_seen = r->rflags;
	if (r->has_error)
		nested = 99;
	upcall_hook = NULL;
}

asm(".pushsection .user, \"ax\"\n.globl u_work\nu_work: mov $1000000, %ecx\n1: loop 1b\n syscall\n.popsection");
extern const char u_work[];

static void frames(void)
{
	u32 p = bind_ipi();
	struct regs u;
	u64 before;

	port_unmask(p);
	upcall_hook = look;
	events_off();
	send(p);
	events_on();
	eq("handler runs with events masked", mask_seen, 1);
	eq("frame of the kernel: RPL", cs_seen & 3, 0);
	eq("frame of the kernel: saved mask", cs_seen >> 32 & 0xff, 0);
	eq("frame of the kernel: IF", flags_seen & 0x200, 0x200);
	eq("no error code", nested, 0);
	eq("unmasked again behind it", vi->evtchn_upcall_mask, 0);
	/* Pending when going to user mode: delivered before the first user instruction. */
	events_off();
	user_init();
	send(p);
	upcall_hook = look;
	user_regs(&u, u_work);
	u.rflags = 0x202;
	before = upcalls;
	user_enter(&u);
	eq("iret to user delivers", upcalls, before + 1);
	eq("frame of the user: RPL", cs_seen & 3, 3);
	eq("frame of the user: rip", rip_seen, user_addr(u_work));
	eq("then user mode ran", last.vector, VEC_SYSCALL);
	events_off();
	/* Masked in the frame of the iret: not delivered. */
	send(p);
	user_regs(&u, u_work);
	u.rflags = 2;
	before = upcalls;
	user_enter(&u);
	eq("user mode with events masked: none", upcalls, before);
	events_on();
	eq("delivered when unmasked", upcalls, before + 1);
	events_off();
	close_port(p);
}

static void polling(void)
{
	u32 p = bind_ipi(), q = bind_ipi();
	evtchn_port_t ports[200] = { q, p };
	struct sched_poll poll = { .nr_ports = 2 };
	u64 t;

	set_xen_guest_handle(poll.ports, ports);
	port_mask(p);
	port_mask(q);
	send(p);
	eq("poll: pending though masked", sched(SCHEDOP_poll, &poll), 0);
	sh->evtchn_pending[p / 64] &= ~(1ul << (p % 64));
	t = now_ns();
	poll.timeout = t + 20000000;
	eq("poll: timeout", sched(SCHEDOP_poll, &poll), 0);
	ok(now_ns() >= poll.timeout, "poll: not before (%ld us late)", (now_ns() - poll.timeout) / 1000);
	poll.timeout = 1;
	eq("poll: timeout in the past", sched(SCHEDOP_poll, &poll), 0);
	poll.nr_ports = 0;
	poll.timeout = now_ns() + 5000000;
	eq("poll: no ports", sched(SCHEDOP_poll, &poll), 0);
	poll.nr_ports = 129;
	ok(sched(SCHEDOP_poll, &poll) < 0, "poll: too many ports");
	poll.nr_ports = 1;
	ports[0] = 100000;
	ok(sched(SCHEDOP_poll, &poll) < 0, "poll: bad port");
	close_port(p);
	close_port(q);
}

static void blocking(void)
{
	struct vcpu_set_singleshot_timer t = { 0 };
	u32 p = bind_ipi(), timer = bind_virq(VIRQ_TIMER);
	u64 before, i, bad = 0;

	port_unmask(p);
	port_unmask(timer);
	events_off();
	before = port_count[p];
	send(p);
	eq("block with an event pending", sched(SCHEDOP_block, NULL), 0);
	eq("returned by delivering it", port_count[p], before + 1);
	eq("block unmasks", vi->evtchn_upcall_mask, 0);
	for (i = 0; i < 20; i++) {
		events_off();
		before = port_count[timer];
		t.timeout_abs_ns = now_ns() + 1000000;
		bad += hc3(24, VCPUOP_set_singleshot_timer, 0, &t) != 0;
		bad += sched(SCHEDOP_block, NULL) != 0;
		for (events_off(); port_count[timer] == before && now_ns() < t.timeout_abs_ns + 1000000000;
		     events_off())
			sched(SCHEDOP_block, NULL);
		bad += port_count[timer] == before || now_ns() < t.timeout_abs_ns;
	}
	eq("20 blocks ended by a timer", bad, 0);
	eq("yield", sched(SCHEDOP_yield, NULL), 0);
	events_off();
	close_port(p);
	close_port(timer);
}

static void exhaustion(void)
{
	struct evtchn_bind_ipi b = { .vcpu = 0 };
	static u32 ports[4096];
	u32 n = 0, i;
	long err = 0;

	while (n < 4096 && !(err = evtchn(EVTCHNOP_bind_ipi, &b)))
		ports[n++] = b.port;
	ok(err == -E_NOSPC && n > 3000, "ports run out with ENOSPC after %u", n);
	for (i = 0; i < n; i++)
		err |= close_port(ports[i]) != -0 ? 1024 : 0;
	ok(!(err & 1024) || err < 0, "all closed");
	ok(bind_ipi() > 0, "and there are ports again");
}

/* The launcher answers what is sent on the console port. */
static void vmm(void)
{
	u32 p = si->console.domU.evtchn, i, bad = 0;
	u64 before, end;

	eq("console port: interdomain or unbound", status(p).status == EVTCHNSTAT_interdomain ||
	   status(p).status == EVTCHNSTAT_unbound, 1);
	port_unmask(p);
	events_on();
	for (i = 0; i < 50; i++) {
		before = port_count[p];
		bad += send(p) != 0;
		end = now_ns() + 2000000000;
		while (port_count[p] == before && now_ns() < end)
			sched(SCHEDOP_yield, NULL);
		bad += port_count[p] == before;
	}
	eq("50 rounds to the VMM and back", bad, 0);
	events_off();
}

void test_main(void)
{
	struct evtchn_reset r = { .dom = DOMID_SELF };

	binding();
	bits();
	frames();
	polling();
	blocking();
	if (!on_xen) {
		vmm();
		exhaustion();
		eq("reset", evtchn(EVTCHNOP_reset, &r), 0);
		ok(bind_virq(VIRQ_TIMER) > 0, "bind after reset");
	}
}
