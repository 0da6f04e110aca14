/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exceptions, interrupts, NMI and machine checks while the switcher's IDT is loaded, and the IDT stubs. Part of the
 * text of switcher.S, which includes it; its table says what happens to what.
 */
/* ---- exceptions and interrupts ---------------------------------------------------------------------------- */
/* #GP and #UD: most are instructions to be emulated, whose bytes C needs. */
	.balign 64
insn_common:
	testb	$3, 24(%rsp)
	jz	idt_common
	cmp	$MSR_KERNEL_GS_BASE, %ecx
	je	.Lrdmsr
.Linsn_c:
	PUSH_GPRS
	mov	SS_RIP-SS_REGS(%rsp), %rdi
	jmp	.Lfetch

/*
 * RDMSR of the user's GS base by the guest kernel, at each context switch: answered here. Frame, with two registers in
 * their places of ss->regs: rsi rdi vector error rip cs rflags rsp ss. Else to C, with all registers as they were.
 */
.Lrdmsr:
	push	%rdi
	push	%rsi
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	mov	%rax, SS_TMP1(%rdi)
	cmpb	$PVM_PATH_KERNEL, SS_PATH(%rdi)
	jne	.Lrdmsr_c
	cmpb	$13, 16(%rsp)
	jne	.Lrdmsr_c
	cmpq	$0, 24(%rsp)
	jne	.Lrdmsr_c
	testb	$1, 49(%rsp)				/* TF: #DB comes next */
	jnz	.Lrdmsr_c
	mov	SS_VCPU_INFO(%rdi), %rsi
	cmpb	$0, (%rsi)
	jne	.Lrdmsr_c
	mov	32(%rsp), %rsi
	mov	%esi, %eax
	and	$0xfff, %eax
	cmp	$4096-48, %eax
	ja	.Lrdmsr_c
	mov	%rsi, %rax
	REGION_CMP %rax
	je	.Lrdmsr_c
	STAC
.Lfix_rdmsr_start:
	movzwl	(%rsi), %eax
.Lfix_rdmsr_end:
	CLAC
	cmp	$0x320f, %eax
	jne	.Lrdmsr_c
	mov	SS_USER_GS(%rdi), %rdx
	mov	%edx, %eax
	shr	$32, %rdx
	addq	$2, 32(%rsp)
	andl	$~0x10000, 48(%rsp)			/* RF: the CPU set it for the fault */
	pop	%rsi
	pop	%rdi
	add	$16, %rsp
	iretq
.Lrdmsr_c:
	mov	SS_TMP1(%rdi), %rax
	pop	%rsi
	pop	%rdi
	jmp	.Linsn_c

	.balign 64
idt_common:
	testb	$3, 24(%rsp)
	jnz	exit_common
	/* CPL0, so inside this text; [rax][vector][error][rip]... : look the rip up in the FIX ranges */
	push	%rax
	push	%rcx
	mov	32(%rsp), %rax
.macro FIXUP first last target
	lea	\first(%rip), %rcx
	cmp	%rcx, %rax
	jb	1f
	lea	\last(%rip), %rcx
	cmp	%rcx, %rax
	jb	\target
1:
.endm
	FIXUP	.Lfix_user_start, .Lfix_user_end, .Lfixed_user
	FIXUP	.Lfix_iret_start, .Lfix_iret_end, .Liret_slow
	FIXUP	.Lfix_full_start, .Lfix_full_end, .Liret_slow
	FIXUP	.Lfix_kernel_start, .Lfix_kernel_end, .Liret_slow
	FIXUP	.Lfix_fetch_start, .Lfix_fetch_end, .Lfixed_fetch
	FIXUP	.Lfix_flush_start, .Lfix_flush_end, .Lfixed_flush
	FIXUP	.Lfix_rdmsr_start, .Lfix_rdmsr_end, .Lfixed_rdmsr
	FIXUP	.Lway_in_end, .Lenter_done, .Lbad_entry
.Lgive_up:
	pop	%rcx
	pop	%rax
	/* Not one of ours. RSP is in the state page wherever a fault is thinkable; give the guest up. */
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	jmp	fatal
/*
 * The IRETQ of step 5: the guest was to go on at an address that is not canonical, because its last instruction ended
 * at the edge. As if it had faulted there: the frame the IRETQ reads is whole, all registers are the guest's already.
 */
.Lbad_entry:
	cmpq	$13, 16(%rsp)
	jne	.Lgive_up
	pop	%rcx
	pop	%rax
	mov	40(%rsp), %rsp				/* of the IRETQ: at rip of that frame */
	pushq	$0
	pushq	$13
	PUSH_GPRS
	movb	$0, SS_FETCHED-SS_REGS(%rsp)
	jmp	.Lgprs_pushed
.Lfixed_user:
	pop	%rcx
	mov	(%rsp), %rax
	CLAC
	mov	%gs:SS_TMP2, %rdx
	jmp	.Lslow
.Lfixed_flush:
	pop	%rcx
	pop	%rax
	CLAC
	jmp	.Lflush_c
.Lfixed_rdmsr:
	CLAC
	mov	(%rsp), %rcx
	lea	SS_REGS+13*8(%rdi), %rsp
	jmp	.Lrdmsr_c
.Lfixed_fetch:
	CLAC
	and	$~0xfff, %rsp
	add	$SS_REGS, %rsp
	jmp	.Lgprs_pushed

/* rdi = state page; [vector][error][rip][cs][rflags][rsp][ss] at rsp; GS unknown */
fatal:
	mov	(%rsp), %rax
	mov	%rax, SS_FATAL_VECTOR(%rdi)
	mov	8(%rsp), %rax
	mov	%rax, SS_FATAL_ERROR(%rdi)
	mov	16(%rsp), %rax
	mov	%rax, SS_FATAL_RIP(%rdi)
	mov	40(%rsp), %rax
	mov	%rax, SS_FATAL_RSP(%rdi)
	mov	%cr2, %rax
	mov	%rax, SS_CR2(%rdi)
	movb	$1, SS_FATAL(%rdi)
	jmp	to_host_from_anywhere

/* NMI, on its own stack */
	.balign 64
nmi_common:
	testb	$3, 24(%rsp)
	jnz	ist_from_guest
	push	%rdi
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	sub	$PVM_AREA_NMI_STACK, %rdi
	/* On the way in: turn back, so that a guest that never leaves cannot hold the NMI. */
	push	%rax
	push	%rcx
	mov	40(%rsp), %rax
	lea	.Lway_in_start(%rip), %rcx
	cmp	%rcx, %rax
	jb	1f
	lea	.Lway_in_end(%rip), %rcx
	cmp	%rcx, %rax
	jbe	.Lturn_back
1:	movb	$1, SS_NMI_PENDING(%rdi)
	pop	%rcx
	pop	%rax
	pop	%rdi
	add	$16, %rsp
	iretq
/*
 * ss->regs is untouched: the way in only reads it. GS and CR3 may be on either side. No IRET was executed, so NMIs stay
 * blocked until the host's own handler (int $2 in C) has run.
 */
.Lturn_back:
	movq	$2, SS_REGS+120(%rdi)			/* regs.vector */
	jmp	to_host_from_anywhere

/* #DB, #DF, #MC, on the other IST stack */
	.balign 64
db_common:
	testb	$3, 24(%rsp)
	jnz	ist_from_guest_db
	push	%rdi
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	sub	$PVM_AREA_DB_STACK, %rdi
	cmpq	$1, 8(%rsp)
	jne	1f
	movb	$1, SS_DB_DROPPED(%rdi)
	andq	$~0x100, 40(%rsp)			/* TF of the interrupted switcher code */
	pop	%rdi
	add	$16, %rsp
	iretq
1:	cmpq	$18, 8(%rsp)
	jne	2f
	movb	$1, SS_MC_PENDING(%rdi)
2:	add	$8, %rsp
	jmp	fatal

/* From CPL3 through an IST stack: move the frame to where the others are, then as they do */
ist_from_guest_db:
	push	%rax
	push	%rdi
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	sub	$PVM_AREA_DB_STACK, %rdi
	jmp	1f
ist_from_guest:
	push	%rax
	push	%rdi
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	sub	$PVM_AREA_NMI_STACK, %rdi
1:
	i = 0
	.rept 7						/* vector error rip cs rflags rsp ss */
	mov	16+i*8(%rsp), %rax
	mov	%rax, SS_REGS+(15+i)*8(%rdi)
	i = i + 1
	.endr
	mov	8(%rsp), %rax
	mov	%rax, SS_TMP1(%rdi)
	mov	(%rsp), %rax
	mov	%rax, SS_TMP2(%rdi)
	lea	SS_REGS+15*8(%rdi), %rsp
	mov	SS_TMP1(%rdi), %rax
	mov	SS_TMP2(%rdi), %rdi
	jmp	exit_common

	.balign 4096
pvm_sw_idt:
	vec = 0
	.rept 256
	.balign PVM_IDT_STUB_BYTES
	endbr64
	.if !((vec == 8) || ((vec >= 10) && (vec <= 14)) || (vec == 17) || (vec == 21) || (vec == 29) || (vec == 30))
	pushq	$0
	.endif
	pushq	$vec
	.if vec == 2
	jmp	nmi_common
	.elseif (vec == 1) || (vec == 8) || (vec == 18)
	jmp	db_common
	.elseif (vec == 6) || (vec == 13)
	jmp	insn_common
	.else
	jmp	idt_common
	.endif
	vec = vec + 1
	.endr
	.balign 4096
pvm_sw_end:
