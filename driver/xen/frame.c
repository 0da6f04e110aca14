// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stack frames of a guest kernel: bounce, failsafe, iret.
 *
 *	rcx r11 [error] rip cs rflags rsp ss		bounce, ascending from the new rsp
 *	rcx r11 ds es fs gs rip cs rflags rsp ss	failsafe
 *	rax r11 rcx flags rip cs rflags rsp ss		taken by HYPERVISOR_iret
 *
 * The guest kernel runs at CPL3 but must believe in CPL0: the cs slot loses its RPL when the kernel
 * itself was interrupted, and IF in the rflags slot is the inverse of its event mask, since the
 * real IF is always 1. On the way back both are undone, and everything the CPU would act upon is
 * forced.
 *
 * Does not touch guest memory, the event mask or the mode of the vCPU: xen/trap.c does. Sources:
 * guest stack layout of public/arch-x86/xen-x86_64.h.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include "xen/frame.h"

#define SAVED_MASK_SHIFT	32	/* of the cs slot: evtchn_upcall_mask at the interruption */

/* Append the part both frames end with. */
static void put_interrupted(const struct pvm_bounce *b, const struct pvm_regs *regs,
			    struct pvm_stack_frame *f)
{
	u64 cs = regs->cs & 0xffff, *w = &f->word[f->count];

	if (b->flags & PVM_BOUNCE_FROM_KERNEL)
		cs &= ~3ull;
	if (b->upcall_mask)
		cs |= 1ull << SAVED_MASK_SHIFT;

	w[0] = regs->rip;
	w[1] = cs;
	w[2] = pvm_shown_rflags(regs->rflags, b->upcall_mask, b->iopl);
	w[3] = regs->rsp;
	w[4] = regs->ss & 0xffff;
	f->count += 5;
}

/* Where the frame goes and what the handler starts with. */
static int place(const struct pvm_bounce *b, const struct pvm_regs *regs, struct pvm_stack_frame *f)
{
	u64 top = b->flags & PVM_BOUNCE_FROM_KERNEL ? regs->rsp : b->kernel_sp;

	if (!b->handler || !pvm_is_guest_va(b->handler))
		return -EINVAL;
	top &= ~15ull;
	f->address = top - 8 * f->count;
	/*
	 * far smaller than the hole and the gap: when both ends are the guest's, so is all between;
	 * no wrap to 0
	 */
	if (!pvm_is_guest_va(f->address) || f->address > top - 1)
		return -EFAULT;
	if (((f->address ^ (top - 1)) & ~0xfffull) && !pvm_is_guest_va(top - 1))
		return -EFAULT;
	f->mask_events = b->flags & PVM_BOUNCE_MASK;
	f->rip = b->handler;
	f->rflags = pvm_handler_rflags(regs->rflags);
	if (b->flags & PVM_BOUNCE_SYSCALL)
		f->rflags &= ~PVM_FL_DF;
	return 0;
}

int pvm_frame_bounce(const struct pvm_bounce *b, const struct pvm_regs *regs,
		     struct pvm_stack_frame *f)
{
	f->word[0] = regs->rcx;
	f->word[1] = regs->r11;
	f->word[2] = b->error;
	f->count = b->flags & PVM_BOUNCE_ERROR ? 3 : 2;
	put_interrupted(b, regs, f);
	return place(b, regs, f);
}

int pvm_frame_failsafe(const struct pvm_bounce *b, const struct pvm_regs *regs, const u16 sel[4],
		       struct pvm_stack_frame *f)
{
	struct pvm_bounce plain = *b;
	u32 i;

	plain.flags &= ~PVM_BOUNCE_SYSCALL;
	f->count = 0;
	f->word[f->count++] = regs->rcx;
	f->word[f->count++] = regs->r11;
	for (i = 0; i < 4; i++)
		f->word[f->count++] = sel[i];
	put_interrupted(&plain, regs, f);
	return place(&plain, regs, f);
}

void pvm_frame_commit(const struct pvm_stack_frame *f, struct pvm_regs *regs)
{
	regs->rip = f->rip;
	regs->cs = PVM_SEL_XEN_CS;
	regs->rflags = f->rflags;
	regs->rsp = f->address;
	regs->ss = PVM_SEL_XEN_DS;
}

/* The code selector user mode will run on: 0 when it is none of the flat ones. */
static u64 user_cs(u64 cs)
{
	switch (cs & 0xffff) {
	case PVM_SEL_USER_CS:
	case PVM_SEL_XEN_CS:
		return PVM_SEL_USER_CS;
	case PVM_SEL_USER32_CS:
	case PVM_SEL_XEN_CS32:
		return PVM_SEL_USER32_CS;
	}
	return 0;
}

void pvm_frame_iret(const u64 word[PVM_IRET_WORDS], struct pvm_regs *regs, struct pvm_iret *out)
{
	u64 rax = word[0], r11 = word[1], rcx = word[2], flags = word[3];
	u64 rip = word[4], cs = word[5], rflags = word[6], rsp = word[7];

	*out = (struct pvm_iret){
		.to_user = (cs & 3) == 3,
		.upcall_mask = !(rflags & PVM_FL_IF),
		.iopl = (rflags & PVM_FL_IOPL) >> 12,
	};
	regs->rip = rip;
	regs->rflags = pvm_guest_rflags(rflags);
	regs->rsp = rsp;
	regs->rax = rax;
	if (flags & PVM_IRET_IN_SYSCALL) {
		/* the registers SYSRET would have consumed */
		regs->rcx = rip;
		regs->r11 = regs->rflags;
	} else {
		regs->rcx = rcx;
		regs->r11 = r11;
	}
	if (!out->to_user) {
		regs->cs = PVM_SEL_XEN_CS;
		regs->ss = PVM_SEL_XEN_DS;
	} else {
		regs->cs = user_cs(cs);
		regs->ss = PVM_SEL_USER_DS;
		if (!regs->cs) {
			/* an LDT or TLS code segment: IRETQ of ours would fault on it at CPL0 */
			regs->cs = PVM_SEL_USER_CS;
			out->fault = true;
			out->error = cs & 0xfffc;
		}
	}
	/*
	 * IRETQ to such an address faults at CPL0; the guest gets what its own IRETQ would have
	 * raised
	 */
	if (!pvm_is_canonical(rip)) {
		out->fault = true;
		out->error = 0;
	}
}
