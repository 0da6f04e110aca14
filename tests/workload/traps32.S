/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 32-bit program without a library: system calls by int 0x80, by the vDSO's way in (AT_SYSINFO: sysenter or
 * syscall), and a fault at the end if asked for. Exit status 32 when all worked.
 */
	.code32
	.globl _start
_start:
	mov	%esp, %ebp
	mov	$20, %eax		/* getpid */
	int	$0x80
	mov	%eax, %esi
	/* auxiliary vector: behind argc, argv, 0, envp, 0 */
	mov	(%ebp), %ecx
	lea	8(%ebp,%ecx,4), %ebx
1:	mov	(%ebx), %eax
	add	$4, %ebx
	test	%eax, %eax
	jnz	1b
2:	mov	(%ebx), %eax
	test	%eax, %eax
	jz	3f			/* no AT_SYSINFO: fine */
	cmp	$32, %eax
	je	4f
	add	$8, %ebx
	jmp	2b
4:	mov	4(%ebx), %edi
	mov	$20, %eax
	call	*%edi
	cmp	%eax, %esi
	jne	bad
	mov	$1000, %ebp		/* many, to meet interrupts in the middle */
5:	mov	$20, %eax
	push	%ebp
	call	*%edi
	pop	%ebp
	cmp	%eax, %esi
	jne	bad
	dec	%ebp
	jnz	5b
3:	mov	$4, %eax
	mov	$1, %ebx
	mov	$text, %ecx
	mov	$text_end - text, %edx
	int	$0x80
	mov	%cs, %eax
	cmp	$0x23, %ax
	jne	bad
	mov	$32, %ebx
	jmp	out
bad:	mov	$1, %ebx
out:	mov	$1, %eax
	int	$0x80
text:	.ascii	"32-bit program runs\n"
text_end:
	.section .note.GNU-stack, "", @progbits
