// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traps: decode the frame the hypervisor pushed, remember it, decide where to go on.
 *
 * In this order: an event goes to the event handler; a vector with a hook to its hook; a trap from
 * user mode ends user_enter(); a trap in kernel mode goes on at resume_rip; anything else is a
 * failed test, with the registers printed.
 */
#include "pvt.h"

struct regs last;
u64 trap_count[NR_VECS];
u64 resume_rip;
volatile u64 pvt_traps;
void (*trap_hook[NR_VECS])(struct regs *r);
u64 upcalls;
u64 port_count[4096];
void (*upcall_hook)(struct regs *r);

extern char pvt_user_stack_top[];
void traps_init(void);
void trap_raw(u64 *p, u64 rflags) __attribute__((noreturn));

u64 stub(u32 vector)
{
	return (u64)pvt_stubs + vector * 16;
}

static long set_one(u32 vector, u32 flags, u64 address)
{
	struct trap_info t[2] = { { vector, flags, FLAT_CS, address } };

	return hc1(__HYPERVISOR_set_trap_table, t);
}

long trap_set(u32 vector, u32 flags)
{
	return set_one(vector, flags, stub(vector));
}

/* An address of 0 ends the array, so a single vector is cleared by setting all the others. */
long trap_clear(u32 vector)
{
	static struct trap_info t[257];
	u32 i, n = 0;

	hc1(__HYPERVISOR_set_trap_table, 0);
	for (i = 0; i < 256; i++)
		if (i != vector)
			t[n++] = (struct trap_info){ i, 4, FLAT_CS, stub(i) };
	t[n].address = 0;
	return hc1(__HYPERVISOR_set_trap_table, t);
}

long callback(u32 type, u32 flags, u64 address)
{
	struct callback_register r = { .type = type, .flags = flags, .address = address };

	return hc2(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
}

static void scan_events(void)
{
	u64 sel, bits;
	u32 w, b;

	vi->evtchn_upcall_pending = 0;
	sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	for (; sel; sel &= sel - 1) {
		w = __builtin_ctzl(sel);
		bits = READ_ONCE(sh->evtchn_pending[w]) & ~READ_ONCE(sh->evtchn_mask[w]);
		for (; bits; bits &= bits - 1) {
			b = __builtin_ctzl(bits);
			__atomic_fetch_and(&sh->evtchn_pending[w], ~(1ul << b), __ATOMIC_SEQ_CST);
			port_count[w * 64 + b]++;
		}
	}
}

static void decode(const u64 *p, struct regs *r)
{
	const u64 *f = p + 14;		/* rcx, r11, [error,] rip, cs, rflags, rsp, ss */

	r->r15 = p[0], r->r14 = p[1], r->r13 = p[2], r->r12 = p[3];
	r->r10 = p[4], r->r9 = p[5], r->r8 = p[6];
	r->rdi = p[7], r->rsi = p[8], r->rbp = p[9], r->rbx = p[10], r->rdx = p[11];
	r->rax = p[12];
	r->vector = p[13];
	r->entry_rsp = (u64)f;
	r->rcx = f[0], r->r11 = f[1];
	f += 2;
	r->has_error = !(r->entry_rsp & 15);
	r->error = r->has_error ? *f++ : 0;
	r->flags = 0;
	if (r->vector == VEC_FAILSAFE)
		f += 4;			/* ds, es, fs, gs */
	r->rip = f[0], r->cs = f[1], r->rflags = f[2], r->rsp = f[3], r->ss = f[4];
}

static void dump(const struct regs *r)
{
	pr("#   vector %#lx error %#lx rip %#lx cs %#lx rflags %#lx\n"
	   "#   rsp %#lx ss %#lx cr2 %#lx rax %#lx rcx %#lx\n",
	   r->vector, r->error, r->rip, r->cs, r->rflags, r->rsp, r->ss, r->cr2, r->rax, r->rcx);
}

void trap_raw(u64 *p, u64 rflags)
{
	struct regs r;

	decode(p, &r);
	r.entry_rflags = rflags;
	r.entry_mask = vi->evtchn_upcall_mask;
	r.cr2 = vi->arch.cr2;
	trap_count[r.vector]++;
	if (r.vector == VEC_EVENT) {
		upcalls++;
		if (upcall_hook)
			upcall_hook(&r);
		scan_events();
		trap_return(&r);
	}
	last = r;
	pvt_traps++;
	if (trap_hook[r.vector]) {
		trap_hook[r.vector](&r);
		trap_return(&r);
	}
	if ((r.cs & 3) == 3 || r.vector >= VEC_SYSCALL)
		user_leave();
	if (resume_rip) {
		r.rip = resume_rip;
		resume_rip = 0;
		trap_return(&r);
	}
	dump(&r);
	die("unexpected trap %#lx at %#lx", r.vector, r.rip);
}

void traps_init(void)
{
	static struct trap_info t[257];
	u32 i;

	for (i = 0; i < 256; i++)
		t[i] = (struct trap_info){ i, 4 | (i == 3 || i == 4 ? 3 : 0), FLAT_CS, stub(i) };
	if (hc1(__HYPERVISOR_set_trap_table, t))
		die("set_trap_table");
	if (callback(CALLBACKTYPE_event, 0, stub(VEC_EVENT)) ||
	    callback(CALLBACKTYPE_failsafe, CALLBACKF_mask_events, stub(VEC_FAILSAFE)) ||
	    callback(CALLBACKTYPE_syscall, CALLBACKF_mask_events, stub(VEC_SYSCALL)))
		die("callback_op");
	/* These two depend on the CPU: no harm if they are refused. */
	callback(CALLBACKTYPE_sysenter, CALLBACKF_mask_events, stub(VEC_SYSENTER));
	callback(CALLBACKTYPE_syscall32, CALLBACKF_mask_events, stub(VEC_SYSCALL32));
	if (hc2(__HYPERVISOR_stack_switch, FLAT_SS, pvt_user_stack_top))
		die("stack_switch");
}

u32 try_read(u64 va, u64 *val)
{
	u64 v = 0;
	u32 t = TRY("movq (%1), %0", : "+r"(v) : "r"(va) : "memory");

	if (val)
		*val = v;
	return t;
}

u32 try_write(u64 va, u64 val)
{
	return TRY("movq %1, (%0)", : : "r"(va), "r"(val) : "memory");
}

u32 try_exec(u64 va)
{
	u64 rsp;

	/* A fault at the target leaves the return address on the stack: put RSP back. */
	return TRY("movq %%rsp, %0\n\tcall *%1\n771:\n\tmovq %0, %%rsp",
		   : "=&b"(rsp) : "r"(va) : "memory", "rax", "rcx", "rdx", "rsi", "rdi", "r8",
		   "r9", "r10", "r11");
}

/* ---- events ---------------------------------------------------------------------------------- */

void port_mask(u32 port)
{
	__atomic_fetch_or(&sh->evtchn_mask[port / 64], 1ul << (port % 64), __ATOMIC_SEQ_CST);
}

bool port_pending(u32 port)
{
	return READ_ONCE(sh->evtchn_pending[port / 64]) >> (port % 64) & 1;
}

void port_unmask(u32 port)
{
	__atomic_fetch_and(&sh->evtchn_mask[port / 64], ~(1ul << (port % 64)), __ATOMIC_SEQ_CST);
	if (!port_pending(port))
		return;
	__atomic_fetch_or(&vi->evtchn_pending_sel, 1ul << (port / 64), __ATOMIC_SEQ_CST);
	vi->evtchn_upcall_pending = 1;
	barrier();
	if (!vi->evtchn_upcall_mask)
		hc2(__HYPERVISOR_xen_version, 0, 0);
}

u32 bind_virq(u32 virq)
{
	struct evtchn_bind_virq b = { .virq = virq, .vcpu = 0 };

	if (evtchn(EVTCHNOP_bind_virq, &b))
		die("bind_virq %u", virq);
	return b.port;
}

u32 bind_ipi(void)
{
	struct evtchn_bind_ipi b = { .vcpu = 0 };

	if (evtchn(EVTCHNOP_bind_ipi, &b))
		die("bind_ipi");
	return b.port;
}
