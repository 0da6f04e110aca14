/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch of VMX.
 *
 * int pvm_vmx_enter(u64 *regs, u32 launched): 0 = the guest exited, 1 = the CPU refused the instruction. regs is rax
 * rcx rdx rbx rsp rbp rsi rdi r8..r15; rsp is in the VMCS. An exit goes to .Lexit with our stack, the guest's registers
 * and the flags clear; VMLAUNCH and VMRESUME go on there with CF or ZF set only if they were refused.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>

	.text
SYM_FUNC_START(pvm_vmx_enter)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdi				/* regs */
	movl	$0x6c14, %edx			/* HOST_RSP */
	vmwrite	%rsp, %rdx
	leaq	.Lexit(%rip), %rax
	movl	$0x6c16, %edx			/* HOST_RIP */
	vmwrite	%rax, %rdx
	testl	%esi, %esi			/* nothing below changes the flags before the jump */
	movq	0x00(%rdi), %rax
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
	jz	1f
	vmresume
	jmp	.Lexit
1:	vmlaunch
.Lexit:
	jbe	2f
	xchgq	%rdi, (%rsp)			/* rdi = regs, on the stack the guest's rdi */
	movq	%rax, 0x00(%rdi)
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
	xorl	%eax, %eax
	jmp	3f
2:	popq	%rdi				/* still here */
	movl	$1, %eax
3:	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	RET
SYM_FUNC_END(pvm_vmx_enter)

	.section .note.GNU-stack, "", @progbits
