/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assembly of the supervisor: the way in from the startup IPI, exception stubs, the world switch of SVM.
 *
 *	host: INIT, SIPI ──▶ 1 real mode, in the page below 1 MiB: GDT from the arguments
 *	                     2 32-bit: CR4, CR3 (supervisor's tables), EFER, paging on
 *	                     3 64-bit, still in that page: stack, jump to pvm_sup_entry() at its kernel address
 *
 * The CPU comes out of INIT with interrupts off; an NMI or machine check between 1 and the LIDT of pvm_sup_entry()
 * resets the machine, as it would in Linux' own trampoline.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>
#include "part/tramp.h"

#define HERE(label)	(label - pvm_tramp_start)
#define ARG(offset)	(HERE(pvm_tramp_args) + offset)

	.section .rodata, "a"
	.balign	16
	.code16
SYM_DATA_START(pvm_tramp_start)
	cli					/* 1 */
	cld
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	ARG(PVM_TRAMP_GDT_LIMIT)
	movl	ARG(PVM_TRAMP_BASE), %ebx
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	*ARG(PVM_TRAMP_FAR32)

	.code32
SYM_INNER_LABEL(pvm_tramp_32, SYM_L_GLOBAL)	/* 2 */
	movl	$PVM_TRAMP_SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	leal	HERE(pvm_tramp_args)(%ebx), %ebp
	movl	PVM_TRAMP_CR4(%ebp), %eax
	movl	%eax, %cr4
	movl	PVM_TRAMP_CR3(%ebp), %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx		/* EFER */
	movl	PVM_TRAMP_EFER(%ebp), %eax
	xorl	%edx, %edx
	wrmsr
	movl	$PVM_SUP_CR0, %eax
	movl	%eax, %cr0
	ljmpl	*PVM_TRAMP_FAR64(%ebp)

	.code64
SYM_INNER_LABEL(pvm_tramp_64, SYM_L_GLOBAL)	/* 3 */
	movl	%ebp, %ebp
	movq	PVM_TRAMP_STACK(%rbp), %rsp
	movq	PVM_TRAMP_PCPU(%rbp), %rdi
	movq	PVM_TRAMP_ENTRY(%rbp), %rax
	xorl	%ebp, %ebp
	pushq	$0				/* no way back */
	jmp	*%rax
	.balign	8
SYM_INNER_LABEL(pvm_tramp_args, SYM_L_GLOBAL)
	.skip	PVM_TRAMP_ARGS_BYTES
SYM_DATA_END_LABEL(pvm_tramp_start, SYM_L_GLOBAL, pvm_tramp_end)

	.text
	.code64
/* From the trampoline, rdi = CPU: its own GDT, IDT and TSS, then C. It does not come back. */
SYM_FUNC_START(pvm_sup_entry)
	ANNOTATE_NOENDBR			/* CET is off */
	subq	$16, %rsp
	movw	$(PVM_BLOCK_GDT_BYTES - 1), (%rsp)
	leaq	PVM_BLOCK_GDT(%rdi), %rax
	movq	%rax, 2(%rsp)
	lgdt	(%rsp)
	movw	$(PVM_BLOCK_IDT_BYTES - 1), (%rsp)
	leaq	PVM_BLOCK_IDT(%rdi), %rax
	movq	%rax, 2(%rsp)
	lidt	(%rsp)
	leaq	1f(%rip), %rax
	movq	%rax, (%rsp)
	movq	$PVM_SUP_SEL_CODE, 8(%rsp)
	lretq
1:	movl	$PVM_SUP_SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	andb	$~2, PVM_BLOCK_GDT + PVM_SUP_SEL_TSS + 5(%rdi)	/* not busy: this is not the first trip */
	movl	$PVM_SUP_SEL_TSS, %eax
	ltr	%ax
	andq	$-16, %rsp
	call	pvm_sup_main
2:	cli
	hlt
	jmp	2b
SYM_FUNC_END(pvm_sup_entry)
STACK_FRAME_NON_STANDARD pvm_sup_entry

/*
 * One stub of 16 bytes per exception; every other vector uses the last. The stack is in the CPU's block: its own one,
 * or IST for NMI, #DF and #MC.
 */
	.balign	16
SYM_FUNC_START(pvm_sup_stubs)
	ANNOTATE_NOENDBR			/* the supervisor runs with CET off */
vector = 0
	.rept	32
	.balign	16
	.if	vector == 2
	jmp	.Lnmi
	.else
	.if	((1 << vector) & 0x60227d00) == 0	/* no error code: all but 8 10-14 17 21 29 30 */
	pushq	$0
	.endif
	pushq	$vector
	jmp	.Lfault
	.endif
vector = vector + 1
	.endr

/* An NMI while the supervisor runs: noted for the partition (on SVM GIF holds it back, and this is a parked CPU). */
	.balign	16
.Lnmi:
	pushq	%rax
	movq	%rsp, %rax
	andq	$-PVM_PCPU_BLOCK_BYTES, %rax
	movl	$1, PVM_PCPU_NMI_PENDING(%rax)
	popq	%rax
	iretq

/* vector, error, rip, cs, rflags, rsp, ss. A #GP of RDMSR or WRMSR below is an answer: carry set, go on. */
.Lfault:
	cmpq	$13, (%rsp)
	jne	.Lfatal
	pushq	%rax
	leaq	.Lrdmsr(%rip), %rax
	cmpq	%rax, 24(%rsp)
	je	.Lanswer
	leaq	.Lwrmsr(%rip), %rax
	cmpq	%rax, 24(%rsp)
	je	.Lanswer
	popq	%rax
.Lfatal:
	popq	%rsi				/* vector */
	popq	%rdx				/* error code */
	movq	(%rsp), %rcx			/* rip */
	movq	%rsp, %rdi
	andq	$-PVM_PCPU_BLOCK_BYTES, %rdi	/* CPU */
	andq	$-16, %rsp
	call	pvm_sup_fault
1:	cli
	hlt
	jmp	1b
.Lanswer:
	popq	%rax
	addq	$16, %rsp
	addq	$2, (%rsp)			/* both instructions have two bytes */
	orq	$1, 16(%rsp)			/* carry */
	iretq
SYM_FUNC_END(pvm_sup_stubs)
STACK_FRAME_NON_STANDARD pvm_sup_stubs

/* int pvm_sup_rdmsr_safe(u32 msr, u64 *value), int pvm_sup_wrmsr_safe(u32 msr, u64 value): 0, or -1 if it faults */
SYM_FUNC_START(pvm_sup_rdmsr_safe)
	movl	%edi, %ecx
	clc
.Lrdmsr:
	ANNOTATE_NOENDBR			/* known to the #GP stub, not jumped to */
	rdmsr
	jc	1f
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, (%rsi)
	xorl	%eax, %eax
	RET
1:	movl	$-1, %eax
	RET
SYM_FUNC_END(pvm_sup_rdmsr_safe)

SYM_FUNC_START(pvm_sup_wrmsr_safe)
	movl	%edi, %ecx
	movl	%esi, %eax
	movq	%rsi, %rdx
	shrq	$32, %rdx
	clc
.Lwrmsr:
	ANNOTATE_NOENDBR
	wrmsr
	movl	$0, %eax
	jnc	1f
	movl	$-1, %eax
1:	RET
SYM_FUNC_END(pvm_sup_wrmsr_safe)

/*
 * void pvm_svm_enter(u64 *regs, u64 vmcb_pa, u64 host_state_pa), GIF = 0 from before to after. The guest's rax and rsp
 * are in the VMCB. CR3 is loaded again after the exit: what the TLB holds of the host's tables may be out of date, and
 * nobody tells this CPU.
 */
SYM_FUNC_START(pvm_svm_enter)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdx				/* host state */
	pushq	%rdi				/* regs */
	movq	%rdx, %rax
	vmsave	%rax
	pushq	%rsi
	movq	0x08(%rdi), %rcx
	movq	0x10(%rdi), %rdx
	movq	0x18(%rdi), %rbx
	movq	0x28(%rdi), %rbp
	movq	0x30(%rdi), %rsi
	movq	0x40(%rdi), %r8
	movq	0x48(%rdi), %r9
	movq	0x50(%rdi), %r10
	movq	0x58(%rdi), %r11
	movq	0x60(%rdi), %r12
	movq	0x68(%rdi), %r13
	movq	0x70(%rdi), %r14
	movq	0x78(%rdi), %r15
	movq	0x38(%rdi), %rdi
	popq	%rax				/* VMCB */
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	movq	8(%rsp), %rax
	vmload	%rax
	movq	%cr3, %rax
	movq	%rax, %cr3
	xchgq	%rdi, (%rsp)			/* rdi = regs, on the stack the guest's rdi */
	movq	%rcx, 0x08(%rdi)
	movq	%rdx, 0x10(%rdi)
	movq	%rbx, 0x18(%rdi)
	movq	%rbp, 0x28(%rdi)
	movq	%rsi, 0x30(%rdi)
	movq	%r8, 0x40(%rdi)
	movq	%r9, 0x48(%rdi)
	movq	%r10, 0x50(%rdi)
	movq	%r11, 0x58(%rdi)
	movq	%r12, 0x60(%rdi)
	movq	%r13, 0x68(%rdi)
	movq	%r14, 0x70(%rdi)
	movq	%r15, 0x78(%rdi)
	popq	%rax
	movq	%rax, 0x38(%rdi)
	popq	%rdx
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	RET
SYM_FUNC_END(pvm_svm_enter)

	.section .note.GNU-stack, "", @progbits
