// SPDX-License-Identifier: GPL-2.0-only
/*
 * #GP and #UD of a guest: emulate, or give it the exception.
 *
 * emul/emulate.c executes and says what came out; this file turns that into what the guest sees. An emulated
 * instruction under TF is followed by its #DB; v->progress remembers that only the #DB is left when its frame has
 * to wait for a page.
 */
#include "emul/emulate.h"
#include "xen/hypercall.h"

#define PVM_HYPERCALL_SLOT	32	/* bytes per hypercall in the hypercall page */
#define PVM_HYPERCALL_SLOTS	(PVM_PAGE_SIZE / PVM_HYPERCALL_SLOT)

/* Code of one slot: save what SYSCALL destroys, number into eax, SYSCALL; iret does not come back. */
static u32 hypercall_stub(u32 nr, u8 *code)
{
	u32 n = 0;

	memset(code, 0xcc, PVM_HYPERCALL_SLOT);
	code[n++] = 0x51;			/* push %rcx */
	code[n++] = 0x41;			/* push %r11 */
	code[n++] = 0x53;
	if (nr == __HYPERVISOR_iret)
		code[n++] = 0x50;		/* push %rax */
	code[n++] = 0xb8;			/* mov $nr,%eax */
	code[n++] = nr;
	code[n++] = 0;
	code[n++] = 0;
	code[n++] = 0;
	code[n++] = 0x0f;			/* syscall */
	code[n++] = 0x05;
	if (nr != __HYPERVISOR_iret) {
		code[n++] = 0x41;		/* pop %r11 */
		code[n++] = 0x5b;
		code[n++] = 0x59;		/* pop %rcx */
		code[n++] = 0xc3;		/* ret */
	}
	return n;
}

/* Guest asked by MSR for the page its builder did not give it. 0, -ENXIO, -PVM_ENEED (repeatable). */
static int write_hypercall_page(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	u8 code[PVM_HYPERCALL_SLOT];
	u32 nr;
	int err;

	for (nr = 0; nr < PVM_HYPERCALL_SLOTS; nr++) {
		hypercall_stub(nr, code);
		err = pvm_gmem_write(v, gfn, nr * PVM_HYPERCALL_SLOT, code, sizeof(code));
		if (err)
			return err;
	}
	return 0;
}

/* After an emulated instruction: #DB if it was single-stepped. */
static enum pvm_act finish(struct pvm_vcpu *v, u64 rflags_before)
{
	pvm_trap_update_direct(v);	/* CR0.TS and the IOPL rule may have changed */
	if (likely(!(rflags_before & PVM_FL_TF)))
		return PVM_ACT_RESUME;
	v->cpu.dr6 |= PVM_DR6_BS;
	v->progress.entries = 1;
	return pvm_inject(v, PVM_X_DB, false, 0);
}

/**
 * pvm_emulate_gp - #GP with error code 0
 * @v:	the vCPU, either mode
 *
 * Context: resident.
 * Return: PVM_ACT_RESUME, PVM_ACT_NEED, PVM_ACT_DIE.
 */
enum pvm_act pvm_emulate_gp(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 rflags = r->rflags;
	struct pvm_emul e;
	enum pvm_act act;
	int err;

	if (unlikely(v->progress.entries))
		return pvm_inject(v, PVM_X_DB, false, 0);
	e = pvm_emulate(v);
	switch (e.kind) {
	case PVM_EMUL_DONE:
		return finish(v, rflags);
	case PVM_EMUL_NEED:
		return PVM_ACT_NEED;
	case PVM_EMUL_FAULT:
		return pvm_inject_pf(v, e.cr2, e.error);
	case PVM_EMUL_SYSENTER:
		if (!v->traps.sysenter_rip)
			break;
		r->rip += e.length;
		act = pvm_bounce_syscall(v, PVM_X_GP);
		if (act == PVM_ACT_NEED)
			r->rip -= e.length;
		return act;
	case PVM_EMUL_HYPERCALL_PAGE:
		err = write_hypercall_page(v, e.gfn);
		if (err == -PVM_ENEED)
			return PVM_ACT_NEED;
		if (err)
			break;
		r->rip += e.length;
		return finish(v, rflags);
	default:
		break;
	}
	return pvm_inject(v, PVM_X_GP, true, 0);
}

/**
 * pvm_emulate_ud - #UD: forced CPUID, or the guest's own
 * @v:	the vCPU, either mode
 *
 * Context: resident.
 * Return: as pvm_emulate_gp().
 */
enum pvm_act pvm_emulate_ud(struct pvm_vcpu *v)
{
	u64 rflags = pvm_regs(v)->rflags;
	struct pvm_emul e;

	if (unlikely(v->progress.entries))
		return pvm_inject(v, PVM_X_DB, false, 0);
	e = pvm_emulate_forced_cpuid(v);
	switch (e.kind) {
	case PVM_EMUL_DONE:
		return finish(v, rflags);
	case PVM_EMUL_NEED:
		return PVM_ACT_NEED;
	case PVM_EMUL_FAULT:
		return pvm_inject_pf(v, e.cr2, e.error);
	default:
		return pvm_inject(v, PVM_X_UD, false, 0);
	}
}
