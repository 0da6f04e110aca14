/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What partitions run in these tests: position-independent 64-bit code, entered with interrupts off on an identity
 * map, rsi = the control page. It tells the test how far it came by counting in the first word of that page.
 */
	.section .rodata, "a"
	.macro payload name
	.balign	16
	.globl	payload_\name, payload_\name\()_end
payload_\name:
	.endm
	.macro end_payload name
payload_\name\()_end:
	.endm

payload spin
1:	incq	(%rsi)
	jmp	1b
end_payload spin

payload halt
	incq	(%rsi)
1:	cli
	hlt
	jmp	1b
end_payload halt

payload triple
	incq	(%rsi)
	ud2				/* no IDT */
end_payload triple

payload reset
	incq	(%rsi)
	movb	$0xe, %al
	movw	$0xcf9, %dx
	outb	%al, %dx
1:	jmp	1b
end_payload reset

payload acpi_reset
	incq	(%rsi)
	movb	$1, %al
	movw	$0x605, %dx
	outb	%al, %dx
1:	jmp	1b
end_payload acpi_reset

payload poweroff
	incq	(%rsi)
	movb	$0x34, %al
	movw	$0x604, %dx
	outb	%al, %dx
1:	jmp	1b
end_payload poweroff

/* Exits as fast as it can: reads a port that is not there. */
payload exits
	movw	$0x61, %dx
1:	inb	%dx, %al
	incq	(%rsi)
	jmp	1b
end_payload exits

/* Boot CPU: wakes CPU n (APIC id at 8(%rsi)) through the mailbox (address at 16(%rsi)), which counts at 24(%rsi). */
payload wake
	movq	16(%rsi), %rbx
	movl	8(%rsi), %eax
	movl	%eax, 4(%rbx)
	leaq	2f(%rip), %rax
	movq	%rax, 8(%rbx)
	movw	$1, (%rbx)
1:	incq	(%rsi)
	jmp	1b
2:	leaq	payload_wake_data(%rip), %rsi	/* woken: rsi is 0 there, code and control page are 4096 apart */
	incq	24(%rsi)
	jmp	2b
	.equ	payload_wake_data, payload_wake + 4096
end_payload wake

/* Paging off and on again three times, from 32-bit code: counts at 0 while it is off, at 24 while it is on. */
payload unpaged
	leaq	3f(%rip), %rbx
	leaq	1f(%rip), %rax
	pushq	$0x20
	pushq	%rax
	lretq
	.code32
1:	movl	$3, %ecx
2:	movl	%cr0, %eax
	btrl	$31, %eax
	movl	%eax, %cr0
	incl	(%esi)
	btsl	$31, %eax
	movl	%eax, %cr0
	incl	24(%esi)
	decl	%ecx
	jnz	2b
	pushl	$0x10
	pushl	%ebx
	lretl
	.code64
3:	movb	$0x34, %al
	movw	$0x604, %dx
	outb	%al, %dx
1:	jmp	1b
end_payload unpaged

/* Out of protected mode: what comes next would be the firmware. */
payload real_mode
	leaq	1f(%rip), %rax
	pushq	$0x20
	pushq	%rax
	lretq
	.code32
1:	incl	(%esi)
	movl	%cr0, %eax
	btrl	$31, %eax
	movl	%eax, %cr0
	btrl	$0, %eax
	movl	%eax, %cr0
2:	jmp	2b
	.code64
end_payload real_mode

/*
 * What a partition must not do, with handlers that count at 32(%rsi) and skip r8 bytes: five times. Then what it may
 * try in vain: loading microcode. IA32_APIC_BASE afterwards to 40(%rsi).
 */
	.macro	gate vector, handler
	leaq	\handler(%rip), %rax
	leaq	0x1000 + \vector * 16(%rsi), %rdi
	movw	%ax, (%rdi)
	movw	$0x10, 2(%rdi)
	movw	$0x8e00, 4(%rdi)		/* interrupt gate, no IST */
	shrq	$16, %rax
	movw	%ax, 6(%rdi)
	shrq	$16, %rax
	movl	%eax, 8(%rdi)
	.endm
payload privileged
	incq	(%rsi)
	gate	6, 6f
	gate	13, 7f
	leaq	0x1000(%rsi), %rax
	pushq	%rax
	pushw	$0xfff
	lidt	(%rsp)
	movl	$2, %r8d
	movl	$0x1b, %ecx			/* the local APIC off */
	rdmsr
	andl	$~0x800, %eax
	wrmsr
	movl	$0xc0000080, %ecx		/* EFER.SVME */
	rdmsr
	orl	$0x1000, %eax
	wrmsr
	movl	$0x4b564d00, %ecx		/* nobody's */
	rdmsr
	movl	$3, %r8d
	.byte	0x0f, 0x01, 0xc4		/* VMXOFF */
	.byte	0x0f, 0x01, 0xdd		/* CLGI */
	movl	$2, %r8d
	movl	$0x79, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$0x1b, %ecx
	rdmsr
	movl	%eax, 40(%rsi)
	movb	$0x34, %al
	movw	$0x604, %dx
	outb	%al, %dx
1:	jmp	1b
6:	incq	32(%rsi)			/* #UD */
	addq	%r8, (%rsp)
	iretq
7:	incq	32(%rsi)			/* #GP */
	addq	$8, %rsp
	addq	%r8, (%rsp)
	iretq
end_payload privileged

/* Reads, or writes, the address at 16(%rsi); what was read to 24. */
payload stray_read
	incq	(%rsi)
	movq	16(%rsi), %rax
	movq	(%rax), %rax
	movq	%rax, 24(%rsi)
	movq	$0x77, 32(%rsi)
1:	jmp	1b
end_payload stray_read

payload stray_write
	incq	(%rsi)
	movq	16(%rsi), %rax
	movq	%rsi, (%rax)
	movq	$0x77, 32(%rsi)
1:	jmp	1b
end_payload stray_write

	.section .note.GNU-stack, "", @progbits
