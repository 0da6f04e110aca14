/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYSCALL: the direct switches between guest user and guest kernel, and the way to C for everything else. Part of the
 * text of switcher.S, which includes it; its rules hold here.
 */
/* ---- SYSCALL ---------------------------------------------------------------------------------------------- */
	.balign 64
pvm_sw_syscall32:
	endbr64
	swapgs
	mov	%rsp, %gs:SS_USER_RSP
	mov	%gs:SS_REGS_END, %rsp
	pushq	$SEL_USER_DS
	push	%gs:SS_USER_RSP
	push	%r11
	pushq	$SEL_USER32_CS
	push	%rcx
	pushq	$0
	pushq	$VEC_SYSCALL32
	swapgs
	jmp	exit_common

	.balign 64
pvm_sw_syscall:
	endbr64
	swapgs
	mov	%rsp, %gs:SS_USER_RSP
	cmpb	$PVM_PATH_KERNEL, %gs:SS_PATH
	je	.Lfrom_kernel
	ja	.Lslow

/* Guest user -> guest kernel: bounce frame rcx r11 rip cs rflags rsp ss on the guest kernel's stack */
	mov	%gs:SS_REGS_START, %rsp			/* a fault below needs a stack */
	mov	%rdx, %gs:SS_TMP2
	mov	%gs:SS_KERNEL_CR3, %rdx
	mov	%rdx, %cr3
	mov	%gs:SS_KERNEL_SP, %rdx
	STAC
.Lfix_user_start:
	movq	$SEL_USER_DS, -8(%rdx)
	pushq	%gs:SS_USER_RSP
	popq	-16(%rdx)
	mov	%r11, -24(%rdx)
	movq	$SEL_USER_CS, -32(%rdx)		/* upcalls are never masked in user mode on this path */
	mov	%rcx, -40(%rdx)
	mov	%r11, -48(%rdx)
	mov	%rcx, -56(%rdx)
.Lfix_user_end:
	CLAC
	mov	%gs:SS_VCPU_INFO, %rcx
	movb	$1, 1(%rcx)				/* evtchn_upcall_mask */
	movb	$PVM_PATH_KERNEL, %gs:SS_PATH
	lea	-56(%rdx), %rsp
	mov	%gs:SS_SELF, %rcx
	mov	SS_TMP2(%rcx), %rdx
	incq	SS_CNT_TO_KERNEL(%rcx)
	swapgs
	rdgsbase %r11
	mov	%r11, SS_USER_GS(%rcx)
	mov	SS_KERNEL_GS(%rcx), %r11
	wrgsbase %r11
	mov	SS_SYSCALL_RIP(%rcx), %rcx
	mov	$FLAGS_FORCED, %r11d
	sysretq

/* Every other SYSCALL leaves to C. Active GS: state page. */
.Lslow:
	movb	$0, %gs:SS_FETCHED
	mov	%gs:SS_REGS_END, %rsp
	pushq	$SEL_USER_DS
	push	%gs:SS_USER_RSP
	push	%r11
	pushq	$SEL_USER_CS
	push	%rcx
	pushq	$0
	pushq	$VEC_SYSCALL
	swapgs
	jmp	exit_common

/*
 * Guest kernel: HYPERVISOR_iret is done here, all else by C. Frame at the guest's rsp: rax r11 rcx flags rip cs
 * rflags rsp ss. Whatever is unusual goes to C, which starts over: nothing is changed before .Liret_commit but
 * registers C restores from (rdx from tmp2, rax is 23, rsp from user_rsp).
 */
.Lfrom_kernel:
	cmp	$23, %eax
	jne	.Lhypercall
	mov	%rdx, %gs:SS_TMP2
	mov	%rsp, %rdx
	mov	%gs:SS_REGS_START, %rsp
	mov	%rdx, %rcx
	REGION_CMP %rcx
	je	.Liret_slow
	STAC
.Lfix_iret_start:
	movzwl	40(%rdx), %ecx
	cmp	%gs:SS_IRET_CS, %cx
	jne	.Liret_other
	mov	32(%rdx), %rcx
	mov	48(%rdx), %r11
	cmp	%rcx, 16(%rdx)
	jne	.Liret_full
	cmp	%r11, 8(%rdx)
	jne	.Liret_full
	/* SYSRET: rip in the lower half, IF on, none of TF IOPL NT RF VM VIF VIP */
	mov	%rcx, %rax
	shr	$47, %rax
	jnz	.Liret_slow
	mov	%r11d, %eax
	and	$0x1b7300, %eax
	cmp	$0x200, %eax
	jne	.Liret_full
	mov	(%rdx), %rax
	mov	56(%rdx), %rsp				/* last access: no stack is needed any more */
.Lfix_iret_end:
	CLAC
	mov	%gs:SS_VCPU_INFO, %rdx
	movb	$0, 1(%rdx)
	cmpb	$0, (%rdx)
	jne	.Liret_slow
	/* .Liret_commit */
	mov	%gs:SS_USER_CR3, %rdx
	mov	%rdx, %cr3
	movb	$PVM_PATH_USER, %gs:SS_PATH
	mov	%gs:SS_SELF, %rdx
	incq	SS_CNT_TO_USER(%rdx)
	mov	%rax, SS_TMP1(%rdx)
	swapgs
	rdgsbase %rax
	mov	%rax, SS_KERNEL_GS(%rdx)
	mov	SS_USER_GS(%rdx), %rax
	wrgsbase %rax
	mov	SS_TMP1(%rdx), %rax
	mov	SS_TMP2(%rdx), %rdx
	sysretq

/* To user with all registers from the frame: build an IRETQ frame in the state page */
.Liret_full:
.Lfix_full_start:
	mov	%rcx, %rax
	shr	$47, %rax
	jnz	.Liret_slow
	mov	%r11d, %eax
	and	$0x1a7200, %eax				/* IF on, IOPL NT VM VIF VIP off; TF and RF are fine here */
	cmp	$0x200, %eax
	jne	.Liret_slow
	mov	%gs:SS_REGS_END, %rsp
	pushq	$SEL_USER_DS
	pushq	56(%rdx)
	and	$FLAGS_GUEST, %r11d
	or	$FLAGS_FORCED, %r11d
	push	%r11
	pushq	$SEL_USER_CS
	push	%rcx
	pushq	16(%rdx)
	pushq	8(%rdx)
	pushq	(%rdx)
.Lfix_full_end:
	CLAC
	mov	%gs:SS_VCPU_INFO, %rcx
	movb	$0, 1(%rcx)
	cmpb	$0, (%rcx)
	jne	.Liret_slow
	mov	%gs:SS_USER_CR3, %rcx
	mov	%rcx, %cr3
	movb	$PVM_PATH_USER, %gs:SS_PATH
	mov	%gs:SS_SELF, %rdx
	incq	SS_CNT_TO_USER(%rdx)
	swapgs
	rdgsbase %rcx
	mov	%rcx, SS_KERNEL_GS(%rdx)
	mov	SS_USER_GS(%rdx), %rcx
	wrgsbase %rcx
	mov	SS_TMP2(%rdx), %rdx
	pop	%rax
	pop	%r11
	pop	%rcx
	iretq

/* Kernel to kernel (CS with RPL 0): same root, same GS. Possible also while user mode is not. */
.Liret_other:
.Lfix_kernel_start:
	testb	$3, 40(%rdx)
	jnz	.Liret_slow				/* 32-bit user code and odd selectors */
	mov	32(%rdx), %rcx
	mov	%rcx, %rax
	sar	$47, %rax
	inc	%rax
	cmp	$1, %rax
	ja	.Liret_slow
	mov	48(%rdx), %r11
	mov	%gs:SS_REGS_END, %rsp
	pushq	$SEL_XEN_DS
	pushq	56(%rdx)
	mov	%r11d, %eax
	and	$FLAGS_GUEST, %r11d
	or	$FLAGS_FORCED, %r11d
	push	%r11
	pushq	$SEL_XEN_CS
	push	%rcx
	pushq	16(%rdx)
	pushq	8(%rdx)
	pushq	(%rdx)
.Lfix_kernel_end:
	CLAC
	mov	%gs:SS_VCPU_INFO, %rcx
	shr	$9, %eax
	not	%eax
	and	$1, %eax				/* evtchn_upcall_mask = !IF */
	mov	%al, 1(%rcx)
	jnz	1f
	cmpb	$0, (%rcx)
	jne	.Liret_slow
1:	mov	%gs:SS_TMP2, %rdx
	swapgs
	pop	%rax
	pop	%r11
	pop	%rcx
	iretq

.Liret_slow:
	CLAC
	mov	%gs:SS_TMP2, %rdx
	mov	$23, %eax
	jmp	.Lslow

/* Other hypercalls: those that only store a value or do nothing; rcx and r11 stay what SYSRET needs. */
.Lhypercall:
	cmp	$HC_MMUEXT_OP, %eax
	je	.Lflush
	cmp	$HC_STACK_SWITCH, %eax
	je	.Lstack_switch
	cmp	$HC_SET_SEGMENT_BASE, %eax
	je	.Lset_segment_base

/* The rest leaves to C, and what the most frequent ones point to is taken along. */
.Lhypercall_c:
	mov	%gs:SS_REGS_END, %rsp
	pushq	$SEL_USER_DS
	push	%gs:SS_USER_RSP
	push	%r11
	pushq	$SEL_USER_CS
	push	%rcx
	pushq	$0
	pushq	$VEC_SYSCALL
	swapgs
	PUSH_GPRS
	cmp	$HC_MMU_UPDATE, %eax
	je	.Lfetch
	cmp	$HC_MMUEXT_OP, %eax
	jne	.Lgprs_pushed

/*
 * Copy 48 bytes at rdi to ss->fetch, as the guest would read them: C need not translate the address. rsp = ss->regs,
 * all registers are saved. Only a shortcut: where it does not work, C reads by itself.
 */
.Lfetch:
	movb	$0, SS_FETCHED-SS_REGS(%rsp)
	mov	%edi, %ecx
	and	$0xfff, %ecx
	cmp	$4096-48, %ecx
	ja	.Lgprs_pushed
	mov	%rdi, %rcx
	REGION_CMP %rcx
	je	.Lgprs_pushed
	STAC
.Lfix_fetch_start:
	mov	(%rdi), %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rsi
	mov	32(%rdi), %r8
	mov	40(%rdi), %r9
.Lfix_fetch_end:
	CLAC
	mov	%rax, SS_FETCH-SS_REGS(%rsp)
	mov	%rcx, SS_FETCH-SS_REGS+8(%rsp)
	mov	%rdx, SS_FETCH-SS_REGS+16(%rsp)
	mov	%rsi, SS_FETCH-SS_REGS+24(%rsp)
	mov	%r8, SS_FETCH-SS_REGS+32(%rsp)
	mov	%r9, SS_FETCH-SS_REGS+40(%rsp)
	movb	$1, SS_FETCHED-SS_REGS(%rsp)
	jmp	.Lgprs_pushed

/* To \other unless the guest kernel can go on by SYSRET: no upcall due, rip in the upper half, no TF. \tmp is lost. */
.macro UNLESS_SYSRET tmp other
	mov	%gs:SS_VCPU_INFO, \tmp
	cmpb	$0, (\tmp)
	jne	\other
	mov	%rcx, \tmp
	sar	$47, \tmp
	inc	\tmp
	jnz	\other
	test	$0x100, %r11d
	jnz	\other
.endm

/* rsi = stack; the frame below it must not reach down into the region: slot 273 is the first that is far enough. */
.Lstack_switch:
	lea	-1(%rsi), %rax
	sar	$39, %rax
	add	$(512-273), %rax
	cmp	$(512-273), %rax
	jae	.Lstack_switch_c
	cmpq	$0, %gs:SS_KERNEL_SP			/* the first one makes more ways direct: C sees to it */
	je	.Lstack_switch_c
	UNLESS_SYSRET %rax .Lstack_switch_c
	mov	%rsi, %gs:SS_KERNEL_SP
	incq	%gs:SS_CNT_STACK_SWITCH
	xor	%eax, %eax
	swapgs
	sysretq
.Lstack_switch_c:
	mov	$HC_STACK_SWITCH, %eax
	jmp	.Lhypercall_c

/*
 * rdi = list, rsi = elements, rdx = where to store how many were done, r10 = domain. One flush of this vCPU, while no
 * table lags behind: there is nothing to do but to forget translations of C's. The TLB holds none that the shadow has
 * not, because who changes the shadow is outside the guest, or interrupts it, and every way in loads CR3.
 */
.Lflush:
	cmp	$1, %rsi
	jne	.Lhypercall_c
	test	%rdx, %rdx
	jnz	.Lhypercall_c
	cmp	$DOMID_SELF, %r10
	jne	.Lhypercall_c
	cmpl	$0, %gs:SS_NR_UNSYNC
	jne	.Lhypercall_c
	UNLESS_SYSRET %rsi .Lflush_c
	mov	%rdi, %rsi
	REGION_CMP %rsi
	je	.Lflush_c
	mov	%edi, %esi
	and	$0xfff, %esi
	cmp	$4096-16, %esi
	ja	.Lflush_c
	mov	%gs:SS_REGS_START, %rsp			/* a fault below needs a stack */
	STAC
.Lfix_flush_start:
	mov	(%rdi), %esi
	mov	8(%rdi), %rdx
.Lfix_flush_end:
	CLAC
	cmp	$MMUEXT_INVLPG_LOCAL, %esi
	je	1f
	cmp	$MMUEXT_TLB_FLUSH_LOCAL, %esi
	jne	.Lflush_c
	cmpl	$PVM_VTLB_GENS-1, %gs:SS_VTLB_GEN
	jae	.Lflush_c
	incl	%gs:SS_VTLB_GEN
	xor	%edx, %edx
1:	test	%rdx, %rdx				/* C remembers none of user addresses */
	js	.Lflush_c
	incq	%gs:SS_CNT_FLUSH
	mov	%gs:SS_USER_RSP, %rsp
	xor	%edx, %edx
	mov	$1, %esi
	xor	%eax, %eax
	swapgs
	sysretq
.Lflush_c:
	xor	%edx, %edx
	mov	$1, %esi
	jmp	.Lhypercall_c

/* rdi = which, rsi = address; the user's GS base only */
.Lset_segment_base:
	cmp	$SEGBASE_GS_USER, %rdi
	jne	.Lset_segment_base_c
	mov	%rsi, %rax
	sar	$47, %rax
	inc	%rax
	cmp	$1, %rax
	ja	.Lset_segment_base_c
	UNLESS_SYSRET %rax .Lset_segment_base_c
	mov	%rsi, %gs:SS_USER_GS
	incq	%gs:SS_CNT_SEGMENT_BASE
	xor	%eax, %eax
	swapgs
	sysretq
.Lset_segment_base_c:
	mov	$HC_SET_SEGMENT_BASE, %eax
	jmp	.Lhypercall_c
