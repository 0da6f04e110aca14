// SPDX-License-Identifier: GPL-2.0-only
/*
 * Into the guest kernel and back: exceptions, event upcalls, NMI, system calls by C, HYPERVISOR_iret by C.
 *
 * xen/frame.c thinks, this file acts, in one order everywhere: compute the frame, write it to guest memory, and
 * only then change registers, mode, masks. A missing page in between (PVM_ACT_NEED) therefore leaves nothing
 * half-done and the exit is simply handled again.
 *
 * Mode switch: the GS base of the active mode is in ss->guest_gs, the other one in kernel_gs or user_gs, exactly
 * as the switcher does it for direct switches; the root to run on is chosen from ss->kernel_mode before entry.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "core/trace.h"
#include "xen/frame.h"
#include "xen/hypercall.h"

#define PVM_DPL_MASK	3u
#define PVM_TRAP_MASKS	4u	/* trap_info.flags: mask events on entry */
#define PVM_VEC_INT80	0x80u

static bool architectural_iopl(const struct pvm_vcpu *v)
{
	return v->cpu.vm_assist & (1ull << VMASST_TYPE_architectural_iopl);
}

/**
 * pvm_trap_update_direct - may system calls and returns to user be switched in assembly?
 * @v:	the vCPU
 *
 * Assembly knows the plain case only: no NMI state to change, no lazy FPU trap, no IOPL to carry in frames; and for
 * switches with user mode: callback, stack and user root exist. Call after any change of these.
 *
 * Context: the vCPU's own, or before it runs.
 */
void pvm_trap_update_direct(struct pvm_vcpu *v)
{
	const struct pvm_traps *t = &v->traps;
	struct pvm_switch_state *ss = v->ss;

	bool kernel = !READ_ONCE(t->nmi_pending) && !t->nmi_blocked && !v->cpu.cr0_ts && !architectural_iopl(v);
	bool user = kernel && t->syscall_rip && t->syscall_masks && ss->kernel_sp && v->mmu.uroot_gfn;

	ss->kernel_path = PVM_PATH_KERNEL | (kernel ? 0 : PVM_PATH_SLOW);
	ss->user_path = PVM_PATH_USER | (user ? 0 : PVM_PATH_SLOW);
	ss->iret_cs = user ? PVM_SEL_USER_CS : 0xffff;
}

static void to_kernel_mode(struct pvm_switch_state *ss)
{
	ss->user_gs = ss->guest_gs;
	ss->guest_gs = ss->kernel_gs;
	ss->kernel_mode = 1;
}

static void to_user_mode(struct pvm_switch_state *ss)
{
	ss->kernel_gs = ss->guest_gs;
	ss->guest_gs = ss->user_gs;
	ss->kernel_mode = 0;
}

/* For people: what the guest kernel was to get. */
static const char *what(u32 vector)
{
	switch (vector) {
	case PVM_VEC_EVENT:
		return "event";
	case PVM_VEC_FAILSAFE:
		return "failsafe";
	case PVM_X_NMI:
		return "NMI";
	case PVM_VEC_SYSCALL:
	case PVM_VEC_SYSCALL32:
		return "system call";
	default:
		return "exception";
	}
}

/*
 * Write a frame and go to its handler. @flags: PVM_BOUNCE_*, without FROM_KERNEL, which is known here; @vector is for
 * traces, but for PVM_VEC_FAILSAFE, which has a frame of its own.
 * Return: 0; -EINVAL the handler, -EFAULT the stack is no address of the guest's; -ENXIO the stack is not mapped;
 * -PVM_ENEED. Nothing has changed then.
 */
static __always_inline int try_bounce(struct pvm_vcpu *v, u32 flags, u64 handler, u32 error, u32 vector)
{
	struct pvm_switch_state *ss = v->ss;
	struct vcpu_info *info = v->shared.info;
	struct pvm_regs *regs = pvm_regs(v);
	struct pvm_bounce b = {
		.flags = flags | (ss->kernel_mode ? PVM_BOUNCE_FROM_KERNEL : 0),
		.error = error,
		.handler = handler,
		.kernel_sp = ss->kernel_sp,
		.upcall_mask = READ_ONCE(info->evtchn_upcall_mask),
		.iopl = architectural_iopl(v) ? v->cpu.iopl : 0,
	};
	struct pvm_stack_frame f __uninitialized;
	int err;

	err = vector == PVM_VEC_FAILSAFE ? pvm_frame_failsafe(&b, regs, v->traps.failsafe_sel, &f) :
					   pvm_frame_bounce(&b, regs, &f);
	if (unlikely(err))
		return err;
	err = pvm_gva_write(v, f.address, f.word, f.count * sizeof(f.word[0]));
	if (unlikely(err))
		return err == -PVM_ENEED ? err : -ENXIO;
	trace_pvm_inject(v, vector, error, handler);
	if (!ss->kernel_mode)
		to_kernel_mode(ss);
	if (f.mask_events)
		WRITE_ONCE(info->evtchn_upcall_mask, 1);
	pvm_frame_commit(&f, regs);
	return 0;
}

/* The same, for good: a kernel that cannot be told has had its triple fault. */
static enum pvm_act bounce(struct pvm_vcpu *v, u32 flags, u64 handler, u32 error, u32 vector)
{
	const struct pvm_switch_state *ss = v->ss;
	u64 stack = ss->kernel_mode ? pvm_regs(v)->rsp : ss->kernel_sp;

	switch (try_bounce(v, flags, handler, error, vector)) {
	case 0:
		return PVM_ACT_RESUME;
	case -PVM_ENEED:
		return PVM_ACT_NEED;
	case -ENXIO:
		return pvm_vcpu_die(v, PVM_DEATH_TRIPLE, "%s: kernel stack %#llx is not mapped", what(vector), stack);
	default:
		return pvm_vcpu_die(v, PVM_DEATH_TRIPLE, "%s: handler %#llx or stack %#llx is no guest address", what(vector),
				    handler, stack);
	}
}

static enum pvm_act bounce_vector(struct pvm_vcpu *v, u32 vector, u32 flags, u32 error)
{
	const struct trap_info *t = &v->traps.table[array_index_nospec(vector, 256)];

	if (!t->address)
		return pvm_vcpu_die(v, PVM_DEATH_TRIPLE, "exception %u (error %#x) has no handler", vector, error);
	if (t->flags & PVM_TRAP_MASKS)
		flags |= PVM_BOUNCE_MASK;
	return bounce(v, flags, t->address, error, vector);
}

/*
 * #GP whose error code names an IDT entry: INT n that our gates refuse to user mode. The guest's own table decides;
 * its kernel counts as ring 1. The instruction is two bytes long unless it has useless prefixes, whose user gets
 * what he asked for.
 */
static enum pvm_act software_interrupt(struct pvm_vcpu *v, u32 error)
{
	struct pvm_regs *regs = pvm_regs(v);
	u32 vector = (error >> 3) & 255;
	const struct trap_info *t = &v->traps.table[array_index_nospec(vector, 256)];
	enum pvm_act act;

	if (!t->address || (t->flags & PVM_DPL_MASK) < (v->ss->kernel_mode ? 1 : 3))
		return bounce_vector(v, PVM_X_GP, PVM_BOUNCE_ERROR, error);
	regs->rip += 2;
	act = bounce_vector(v, vector, 0, 0);
	if (act == PVM_ACT_NEED)
		regs->rip -= 2;
	return act;
}

/* INT 0x80 without a handler is what it would be without a gate: #GP at the instruction. */
static enum pvm_act int80_refused(struct pvm_vcpu *v)
{
	struct pvm_regs *regs = pvm_regs(v);
	enum pvm_act act;

	regs->rip -= 2;
	act = bounce_vector(v, PVM_X_GP, PVM_BOUNCE_ERROR, PVM_VEC_INT80 << 3 | 2);
	if (act == PVM_ACT_NEED)
		regs->rip += 2;
	return act;
}

/*
 * #NM belongs to the guest only if it set TS, which the delivery clears. Any other one comes from a feature we hide
 * (XFD); a guest kernel dies on it, so its program gets #UD, as on a CPU without the feature.
 */
static enum pvm_act device_not_available(struct pvm_vcpu *v)
{
	enum pvm_act act;

	if (!v->cpu.cr0_ts)
		return bounce_vector(v, PVM_X_UD, 0, 0);
	act = bounce_vector(v, PVM_X_NM, 0, 0);
	if (act == PVM_ACT_RESUME) {
		v->cpu.cr0_ts = false;
		pvm_trap_update_direct(v);
	}
	return act;
}

/**
 * pvm_inject - exception to the guest
 * @v:		the vCPU; rip as the CPU reports it for this vector
 * @vector:	0..255
 * @has_error:	there is an error code (pushed only for vectors that have one)
 * @error:	error code
 *
 * Context: resident. Called again with the same arguments after PVM_ACT_NEED.
 * Return: PVM_ACT_RESUME, PVM_ACT_NEED with nothing changed, PVM_ACT_DIE.
 */
enum pvm_act pvm_inject(struct pvm_vcpu *v, u32 vector, bool has_error, u32 error)
{
	bool push = has_error && vector < 32 && PVM_X_HAS_ERROR & (1u << vector);

	if (vector > 255)
		return pvm_vcpu_die(v, PVM_DEATH_DRIVER, "vector %#x cannot be given to a guest", vector);
	if ((vector == PVM_X_GP || vector == PVM_X_NP) && has_error && (error & 3) == 2)
		return software_interrupt(v, error);
	if (vector == PVM_X_NM)
		return device_not_available(v);
	if (vector == PVM_VEC_INT80 && !v->traps.table[PVM_VEC_INT80].address)
		return int80_refused(v);
	return bounce_vector(v, vector, push ? PVM_BOUNCE_ERROR : 0, error);
}

/**
 * pvm_inject_pf - page fault to the guest
 * @v:		the vCPU
 * @cr2:	address
 * @error:	error code in terms of the guest's tables and mode
 *
 * Context: resident.
 * Return: as pvm_inject().
 */
enum pvm_act pvm_inject_pf(struct pvm_vcpu *v, u64 cr2, u32 error)
{
	enum pvm_act act = bounce_vector(v, PVM_X_PF, PVM_BOUNCE_ERROR, error);

	if (act == PVM_ACT_RESUME)
		WRITE_ONCE(v->shared.info->arch.cr2, cr2);
	return act;
}

/*
 * try_bounce() of a page fault, where all is as it nearly always is: from user mode, with events on, to a stack whose
 * page is known. False: nothing has changed.
 */
static __always_inline bool bounce_user_fault(struct pvm_vcpu *v, const struct trap_info *t, u32 error)
{
	struct pvm_switch_state *ss = v->ss;
	struct pvm_regs *r = pvm_regs(v);
	struct vcpu_info *info = v->shared.info;
	u64 sp = (ss->kernel_sp & ~15ull) - PVM_FAULT_WORDS * sizeof(u64);
	u64 __user *w;

	if (unlikely(ss->kernel_mode || READ_ONCE(info->evtchn_upcall_mask) || architectural_iopl(v) ||
		     !pvm_is_guest_va(t->address)))
		return false;
	/* What the vTLB knows is the guest's. */
	w = (u64 __user *)pvm_gva_at_hand(&v->mmu, ss, sp, PVM_FAULT_WORDS * sizeof(u64));
	if (unlikely(!w || !user_write_access_begin(w, PVM_FAULT_WORDS * sizeof(u64))))
		return false;
	unsafe_put_user(r->rcx, w, fault);
	unsafe_put_user(r->r11, w + 1, fault);
	unsafe_put_user((u64)error, w + 2, fault);
	unsafe_put_user(r->rip, w + 3, fault);
	unsafe_put_user(r->cs & 0xffff, w + 4, fault);
	unsafe_put_user(pvm_shown_rflags(r->rflags, false, 0), w + 5, fault);
	unsafe_put_user(r->rsp, w + 6, fault);
	unsafe_put_user(r->ss & 0xffff, w + 7, fault);
	user_write_access_end();
	trace_pvm_inject(v, PVM_X_PF, error, t->address);
	to_kernel_mode(ss);
	if (t->flags & PVM_TRAP_MASKS)
		WRITE_ONCE(info->evtchn_upcall_mask, 1);
	r->rip = t->address;
	r->cs = PVM_SEL_XEN_CS;
	r->rflags = pvm_handler_rflags(r->rflags);
	r->rsp = sp;
	r->ss = PVM_SEL_XEN_DS;
	return true;
fault:
	user_write_access_end();
	return false;
}

static noinline bool bounce_any_fault(struct pvm_vcpu *v, const struct trap_info *t, u32 error)
{
	u32 flags = PVM_BOUNCE_ERROR | (t->flags & PVM_TRAP_MASKS ? PVM_BOUNCE_MASK : 0);

	return !try_bounce(v, flags, t->address, error, PVM_X_PF);
}

/**
 * pvm_page_fault_quick - a page fault that is the guest's own
 * @v:	the vCPU
 *
 * Most faults of a guest's programs are: memory touched for the first time, pages copied after fork. All it takes is to
 * read one entry and to write one frame.
 *
 * Context: resident, IRQs off.
 * Return: it is the guest's and delivered; else nothing has changed.
 */
bool pvm_page_fault_quick(struct pvm_vcpu *v)
{
	const struct trap_info *t = &v->traps.table[PVM_X_PF];
	u32 hw_error = pvm_regs(v)->error, error;
	u64 cr2 = v->ss->cr2;

	if (!t->address || !pvm_mmu_fault_is_guests(v, cr2, hw_error, &error))
		return false;
	error |= v->ss->kernel_mode ? 0 : PVM_PF_U;
	if (!bounce_user_fault(v, t, error) && !bounce_any_fault(v, t, error))
		return false;
	WRITE_ONCE(v->shared.info->arch.cr2, cr2);
	trace_pvm_fault(v, cr2, hw_error, PVM_FAULT_GUEST);
	pvm_count(v, PVM_STAT_EXIT_PF);
	pvm_count(v, PVM_STAT_PF_INJECT);
	return true;
}

static enum pvm_act deliver_nmi(struct pvm_vcpu *v)
{
	struct pvm_traps *t = &v->traps;
	u64 handler = t->nmi_rip ?: t->table[PVM_X_NMI].address;
	enum pvm_act act = PVM_ACT_RESUME;

	if (handler) {		/* else it is lost, as on a machine that ignores NMIs */
		act = bounce(v, PVM_BOUNCE_MASK, handler, 0, PVM_X_NMI);
		if (act != PVM_ACT_RESUME)
			return act;
		t->nmi_blocked = true;
	}
	WRITE_ONCE(t->nmi_pending, false);
	pvm_trap_update_direct(v);
	return act;
}

/**
 * pvm_deliver_failsafe - tell the guest that data segments could not be loaded
 * @v:	the vCPU, with v->traps.failsafe_pending
 *
 * A selector stays in its register when its descriptor goes away, until it is loaded again, which happens when the
 * vCPU gets a CPU; a guest cannot foresee it. Without a callback it just finds NULL there.
 *
 * Context: resident, no exit half handled.
 * Return: as pvm_inject().
 */
enum pvm_act pvm_deliver_failsafe(struct pvm_vcpu *v)
{
	struct pvm_traps *t = &v->traps;
	enum pvm_act act = PVM_ACT_RESUME;

	if (t->failsafe_rip)
		act = bounce(v, t->failsafe_masks ? PVM_BOUNCE_MASK : 0, t->failsafe_rip, 0, PVM_VEC_FAILSAFE);
	if (act != PVM_ACT_NEED)
		t->failsafe_pending = false;
	return act;
}

/**
 * pvm_deliver_upcall - give the guest its NMI or event callback, if one is due
 * @v:	the vCPU
 *
 * On the way of every entry. A guest without an event callback keeps its events pending: it polls.
 *
 * Context: resident.
 * Return: as pvm_inject().
 */
enum pvm_act pvm_deliver_upcall(struct pvm_vcpu *v)
{
	const struct vcpu_info *info = v->shared.info;
	enum pvm_act act;

	if (unlikely(READ_ONCE(v->traps.nmi_pending)) && !v->traps.nmi_blocked) {
		act = deliver_nmi(v);
		if (act != PVM_ACT_RESUME)
			return act;
	}
	if (likely(!READ_ONCE(info->evtchn_upcall_pending)) || READ_ONCE(info->evtchn_upcall_mask) ||
	    !v->traps.event_rip)
		return PVM_ACT_RESUME;
	act = bounce(v, PVM_BOUNCE_MASK, v->traps.event_rip, 0, PVM_VEC_EVENT);
	if (act == PVM_ACT_RESUME)
		pvm_count(v, PVM_STAT_UPCALLS);
	return act;
}

/**
 * pvm_bounce_syscall - system call of guest user mode that assembly did not switch
 * @v:		the vCPU, in user mode
 * @vector:	PVM_VEC_SYSCALL, PVM_VEC_SYSCALL32, or PVM_X_GP for a SYSENTER (rip after it)
 *
 * Without a callback, SYSCALL is #UD and SYSENTER is #GP, both at the instruction of two bytes.
 *
 * Context: resident.
 * Return: as pvm_inject().
 */
enum pvm_act pvm_bounce_syscall(struct pvm_vcpu *v, u32 vector)
{
	const struct pvm_traps *t = &v->traps;
	struct pvm_regs *regs = pvm_regs(v);
	u64 handler;
	bool masks;
	enum pvm_act act;

	switch (vector) {
	case PVM_VEC_SYSCALL:
		handler = t->syscall_rip;
		masks = t->syscall_masks;
		break;
	case PVM_VEC_SYSCALL32:
		handler = t->syscall32_rip;
		masks = t->syscall32_masks;
		break;
	default:
		handler = t->sysenter_rip;
		masks = t->sysenter_masks;
		break;
	}
	if (likely(handler))
		return bounce(v, PVM_BOUNCE_SYSCALL | (masks ? PVM_BOUNCE_MASK : 0), handler, 0,
			      vector == PVM_X_GP ? PVM_VEC_SYSCALL32 : vector);
	regs->rip -= 2;
	act = vector == PVM_X_GP ? bounce_vector(v, PVM_X_GP, PVM_BOUNCE_ERROR, 0) : bounce_vector(v, PVM_X_UD, 0, 0);
	if (act == PVM_ACT_NEED)
		regs->rip += 2;
	return act;
}

/* What an iret replaces. */
struct iret_saved {
	u64 rax, rcx, r11, rip, cs, rflags, rsp, ss;
};

static void save(struct iret_saved *s, const struct pvm_regs *r)
{
	*s = (struct iret_saved){ r->rax, r->rcx, r->r11, r->rip, r->cs, r->rflags, r->rsp, r->ss };
}

static void restore(const struct iret_saved *s, struct pvm_regs *r)
{
	r->rax = s->rax;
	r->rcx = s->rcx;
	r->r11 = s->r11;
	r->rip = s->rip;
	r->cs = s->cs;
	r->rflags = s->rflags;
	r->rsp = s->rsp;
	r->ss = s->ss;
}

/**
 * pvm_guest_iret - HYPERVISOR_iret
 * @v:	the vCPU, in kernel mode, rsp at struct iret_context
 *
 * A target that cannot be entered is #GP in the target's context. The registers are restored if that fault has to
 * wait for a page, so that the whole call can be repeated.
 *
 * Context: resident.
 * Return: as pvm_inject().
 */
enum pvm_act pvm_guest_iret(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;
	struct pvm_regs *regs = pvm_regs(v);
	struct iret_saved before;
	u64 word[PVM_IRET_WORDS];
	struct pvm_iret out;
	u32 old_iopl = v->cpu.iopl;
	u8 old_mask = READ_ONCE(v->shared.info->evtchn_upcall_mask);
	bool was_blocked = v->traps.nmi_blocked;
	enum pvm_act act;
	int err;

	err = pvm_gva_read(v, regs->rsp, word, sizeof(word));
	if (err == -PVM_ENEED)
		return PVM_ACT_NEED;
	if (err)
		return pvm_vcpu_die(v, PVM_DEATH_TRIPLE, "iret: stack %#llx is not mapped", regs->rsp);
	save(&before, regs);
	pvm_frame_iret(word, regs, &out);
	if (out.to_user && !v->mmu.uroot_gfn) {
		restore(&before, regs);
		return pvm_vcpu_die(v, PVM_DEATH_TRIPLE, "iret: to user mode without a user page table");
	}
	if (out.to_user)
		to_user_mode(ss);
	WRITE_ONCE(v->shared.info->evtchn_upcall_mask, out.upcall_mask);
	if (unlikely(architectural_iopl(v)))
		v->cpu.iopl = out.iopl;
	if (unlikely(was_blocked)) {
		v->traps.nmi_blocked = false;
		pvm_trap_update_direct(v);
	}
	if (likely(!out.fault))
		return PVM_ACT_RESUME;
	act = bounce_vector(v, PVM_X_GP, PVM_BOUNCE_ERROR, out.error);
	if (act == PVM_ACT_NEED) {
		if (out.to_user)
			to_kernel_mode(ss);
		restore(&before, regs);
		WRITE_ONCE(v->shared.info->evtchn_upcall_mask, old_mask);
		v->cpu.iopl = old_iopl;
		v->traps.nmi_blocked = was_blocked;
		pvm_trap_update_direct(v);
	}
	return act;
}
