/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hand a host interrupt that ended a guest run to the host's own handler: the gate's entry point is called with the
 * frame the CPU would have pushed, and its IRET comes back here. The frame says that interrupts were on, as they were
 * in the guest: what the kernel does on the way back from an interrupt it does only then (since 7.1 that includes
 * rearming the CPU's timer; without it the host's tick stops).
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/segment.h>
#include <asm/nospec-branch.h>

	.text
/* void pvm_call_gate(unsigned long entry): IRQs off on entry, on when it returns */
SYM_FUNC_START(pvm_call_gate)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	pushq	$__KERNEL_DS
	push	%rbp
	pushfq
	orq	$0x200, (%rsp)				/* IF */
	pushq	$__KERNEL_CS
	CALL_NOSPEC rdi
	/* the handler's IRET restored rsp = rbp at the time of the frame */
	pop	%rbp
	RET
SYM_FUNC_END(pvm_call_gate)
STACK_FRAME_NON_STANDARD pvm_call_gate	/* pushes a frame that the handler's IRET takes */

/* rdi = state, rsi = entry; all registers but rsp and rbp are lost; the text returns. See pvm_switch_enter(). */
SYM_FUNC_START(pvm_enter_text)
	JMP_NOSPEC rsi
SYM_FUNC_END(pvm_enter_text)
STACK_FRAME_NON_STANDARD pvm_enter_text

/* void pvm_fill_return_stack(void): 32 entries, so that no RET finds one of the guest's */
SYM_FUNC_START(pvm_fill_return_stack)
	.rept 32					/* unrolled: half the instructions of a loop */
	ANNOTATE_INTRA_FUNCTION_CALL
	call	9f
	int3
9:
	.endr
	add	$256, %rsp
	lfence
	RET
SYM_FUNC_END(pvm_fill_return_stack)
STACK_FRAME_NON_STANDARD pvm_fill_return_stack

	.section .note.GNU-stack, "", @progbits
