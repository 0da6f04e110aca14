/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First instruction, ELF notes, trap entry and trap return of a test kernel.
 *
 * Every register is saved before anything is changed, so that a test can check what the domain
 * builder and the driver loaded. All entries (exceptions, events, system calls) take one road: push
 * the vector, push the registers, tell C. C decides from the alignment of the frame whether there
 * is an error code in it, because it is 16-aligned with 7 or 8 words.
 */
#define VEC_EVENT	0x100

	.macro note type, kind, value:vararg
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\kind \value
2:	.balign 4
	.endm

	.section .note.xen, "a", @note
	note 6, .asciz, "pvm-test"
	note 7, .asciz, "1"
	note 5, .asciz, "xen-3.0"
	note 8, .asciz, "generic"
	note 1, .quad, _start
	note 3, .quad, 0xffffffff80000000
	note 4, .quad, 0
	note 9, .asciz, "yes"
#ifdef HYPERCALL_PAGE
	note 2, .quad, hypercall_page
#endif

	.section .text.start, "ax"
	.globl _start
_start:
	mov	%rax, boot_regs + 0
	mov	%rbx, boot_regs + 8
	mov	%rcx, boot_regs + 16
	mov	%rdx, boot_regs + 24
	mov	%rsi, boot_regs + 32
	mov	%rdi, boot_regs + 40
	mov	%rbp, boot_regs + 48
	mov	%rsp, boot_regs + 56
	mov	%r8, boot_regs + 64
	mov	%r9, boot_regs + 72
	mov	%r10, boot_regs + 80
	mov	%r11, boot_regs + 88
	mov	%r12, boot_regs + 96
	mov	%r13, boot_regs + 104
	mov	%r14, boot_regs + 112
	mov	%r15, boot_regs + 120
	mov	%cs, %rax
	mov	%rax, boot_regs + 128
	mov	%ss, %rax
	mov	%rax, boot_regs + 136
	mov	%ds, %rax
	mov	%rax, boot_regs + 144
	mov	%es, %rax
	mov	%rax, boot_regs + 152
	mov	%fs, %rax
	mov	%rax, boot_regs + 160
	mov	%gs, %rax
	mov	%rax, boot_regs + 168
	pushfq				/* also proves that the boot stack can be written */
	popq	boot_regs + 176
	cld
	mov	$pvt_stack_top, %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	pvt_start
	ud2

	.text
	/* One stub per vector, 16 bytes each; above 255 the callbacks. */
	.globl pvt_stubs
	.balign 16
pvt_stubs:
	vector = 0
	.rept 0x106
	.balign 16
	pushq	$vector
	jmp	trap_common
	vector = vector + 1
	.endr

trap_common:
	push	%rax
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	/* The direction flag as it came is worth a check in tests: keep RFLAGS for C. */
	pushfq
	pop	%rsi
	cld
	and	$-16, %rsp
	call	trap_raw
	ud2

	/* trap_return(struct regs *): leave with HYPERVISOR_iret; the frame is the tail of regs. */
	.globl trap_return
trap_return:
	mov	%rdi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdx
	pop	%rsi
	pop	%rdi
	mov	$23, %eax
	.globl iret_syscall
iret_syscall:
	syscall
	ud2

	/* user_enter(struct regs *): as trap_return, but user_leave() comes back to the caller. */
	.globl user_enter
user_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, user_leave_rsp
	jmp	trap_return

	.globl user_leave
user_leave:
	mov	user_leave_rsp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign 16
user_leave_rsp:
	.skip	8
	.globl boot_regs
boot_regs:
	.skip	8 * 23
#ifdef HYPERCALL_PAGE
	.globl hypercall_page
	.balign 4096
hypercall_page:
	.skip	4096
#endif
	.balign 4096
	.skip	32768
	.globl pvt_stack_top
pvt_stack_top:
	.balign 4096
	.skip	16384
	.globl pvt_user_stack_top
pvt_user_stack_top:
	.section .note.GNU-stack, "", @progbits
