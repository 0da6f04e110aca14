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
