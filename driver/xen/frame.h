/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stack frames between us and a guest kernel: what an exception, a callback or a system call puts
 * on its stack, and what HYPERVISOR_iret takes from it.
 *
 * Pure. A function here reads registers and answers with bytes to write and new register values;
 * the shell (xen/trap.c) writes the bytes, then commits. A failing write therefore leaves the guest
 * untouched and the exit can be handled again. Selectors and flags are forced here, never believed.
 */
#ifndef PVM_XEN_FRAME_H
#define PVM_XEN_FRAME_H

#include <linux/types.h>

#include "base/x86.h"
#include "switcher/state.h"

#define PVM_FRAME_MAX	11	/* words of the largest frame (failsafe) */
/* struct iret_context, public/arch-x86/xen-x86_64.h: rax r11 rcx flags rip cs rflags rsp ss */
#define PVM_IRET_WORDS	9
#define PVM_IRET_IN_SYSCALL 0x100ull	/* VGCF_in_syscall of the same header */

/*
 * PVM_BOUNCE_MASK: TI_GET_IF of a trap, CALLBACKF_mask_events of a callback; always for the event
 * callback and NMI.
 */
#define PVM_BOUNCE_FROM_KERNEL	(1u << 0)	/* the kernel was interrupted, else user */
#define PVM_BOUNCE_ERROR	(1u << 1)	/* push @error */
#define PVM_BOUNCE_MASK		(1u << 2)	/* handler wants events masked */
#define PVM_BOUNCE_SYSCALL	(1u << 3)	/* SYSCALL or SYSENTER: DF is cleared */

/**
 * struct pvm_bounce - a call into the guest kernel
 * @flags:	PVM_BOUNCE_*
 * @error:	error code
 * @handler:	address to go to
 * @kernel_sp:	guest kernel stack, used when coming from user mode
 * @upcall_mask: the guest's evtchn_upcall_mask now (its memory: any byte; non-zero = masked)
 * @iopl:	IOPL to show in the rflags slot: 0 unless vm_assist architectural_iopl
 */
struct pvm_bounce {
	u32 flags;
	u32 error;
	u64 handler;
	u64 kernel_sp;
	u8 upcall_mask;
	u8 iopl;
};

/**
 * struct pvm_stack_frame - what a bounce does
 * @word:	words to store, ascending from @address
 * @count:	how many
 * @mask_events: set evtchn_upcall_mask to 1 after the store
 * @address:	guest virtual address of word[0], the new stack pointer; the whole frame is
 *	guest-owned space
 * @rip, @rflags: new values; selectors become PVM_SEL_XEN_CS and PVM_SEL_XEN_DS
 */
struct pvm_stack_frame {
	u64 word[PVM_FRAME_MAX];
	u32 count;
	bool mask_events;
	u64 address;
	u64 rip, rflags;
};

/**
 * struct pvm_iret - what HYPERVISOR_iret does besides loading registers
 * @to_user:	go to guest user mode (the caller switches view and GS base; no user root: the guest
 *	dies)
 * @upcall_mask: new evtchn_upcall_mask
 * @iopl:	IOPL of the frame, for vm_assist architectural_iopl
 * @fault:	the target cannot be entered: inject #GP(@error) there, as if it had executed one
 *	more instruction
 * @error:	selector of the error code, or 0
 */
struct pvm_iret {
	bool to_user;
	bool fault;
	u8 upcall_mask;
	u8 iopl;
	u32 error;
};

/* RFLAGS a guest may run with. */
static inline u64 pvm_guest_rflags(u64 rflags)
{
	return (rflags & PVM_FL_GUEST) | PVM_FL_FORCED;
}

/* RFLAGS the handler of a bounce starts with; a system call's loses DF, too. */
static inline u64 pvm_handler_rflags(u64 rflags)
{
	return pvm_guest_rflags(rflags & ~(PVM_FL_AC | PVM_FL_RF | PVM_FL_NT | PVM_FL_TF));
}

/* RFLAGS of the interrupted code, as the frame shows them. */
static inline u64 pvm_shown_rflags(u64 rflags, bool masked, u8 iopl)
{
	return (rflags & ~(PVM_FL_IF | PVM_FL_IOPL)) | (masked ? 0 : PVM_FL_IF) | (u64)(iopl & 3) << 12;
}

#define PVM_FAULT_WORDS	8	/* words of the frame of an exception with an error code */

/**
 * pvm_frame_bounce - exception, event, NMI or system call into the guest kernel
 * @b:		what and where
 * @regs:	registers of the interrupted guest (rcx, r11 as the guest had them)
 * @f:		result
 *
 * Context: any.
 * Return: 0; -EINVAL the handler is 0 or no guest address; -EFAULT the stack is not in guest-owned
 * space. Both errors end the guest.
 */
int __must_check pvm_frame_bounce(const struct pvm_bounce *b, const struct pvm_regs *regs,
				  struct pvm_stack_frame *f);

/**
 * pvm_frame_failsafe - failsafe callback: data segments that could not be loaded
 * @b:		what and where; PVM_BOUNCE_ERROR and PVM_BOUNCE_SYSCALL are ignored
 * @regs:	registers of the guest
 * @sel:	wanted ds, es, fs, gs
 * @f:		result
 *
 * Context: any.
 * Return: as pvm_frame_bounce().
 */
int __must_check pvm_frame_failsafe(const struct pvm_bounce *b, const struct pvm_regs *regs,
				    const u16 sel[4], struct pvm_stack_frame *f);

/**
 * pvm_frame_commit - registers after the frame was written
 * @f:		the frame
 * @regs:	rip, cs, rflags, rsp, ss are set
 *
 * Context: any. The caller switches the vCPU to kernel mode when it came from user mode.
 */
void pvm_frame_commit(const struct pvm_stack_frame *f, struct pvm_regs *regs);

/**
 * pvm_frame_iret - HYPERVISOR_iret
 * @word:	the nine words at the guest's rsp, already copied
 * @regs:	registers at the hypercall; updated also when @out->fault (the #GP frame must show
 *	the target)
 * @out:	what else to do
 *
 * User code selectors are 0x33 and 0x23 and their Xen spellings; kernel selectors are replaced by
 * the flat ones. Another user code selector (LDT, TLS) is answered by @out->fault.
 *
 * Context: any.
 */
void pvm_frame_iret(const u64 word[PVM_IRET_WORDS], struct pvm_regs *regs, struct pvm_iret *out);

#endif /* PVM_XEN_FRAME_H */
