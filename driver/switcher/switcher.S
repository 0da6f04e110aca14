/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The switcher: everything that runs with a shadow root in CR3, and the way in and out.
 *
 * Position independent. Assembled into .rodata and copied to its own pages (switcher/area.c), so that objtool,
 * alternatives, ftrace and the permissions of module text never see it. Steps are numbered as in state.h.
 *
 * Rules that hold on every line below:
 *  - IRQs are off from pvm_sw_enter to the guest and from every way out of the guest to pvm_sw_enter's return.
 *  - From step 2 on the IDT is ours. NMI lands on its own IST stack, #DB, #DF and #MC on another; all other vectors
 *    at CPL0 push on the current stack, so RSP must point into the state page wherever guest memory is touched.
 *  - A CPL0 access to a guest address is made only between a FIX_START/FIX_END pair, with SMAP lifted, and only after
 *    the address was kept out of the switcher region (stack_switch checks it in C, the iret path here). Everything
 *    else at such an address belongs to the guest: CR4.PGE is off, so no host global TLB entry can be hit instead.
 *  - Adding an instruction between a `swapgs` and the load of the GS base behind it is a bug.
 *
 * What happens to ...		at CPL3			at CPL0 in here
 *	NMI			leave, int $2 in C	on the way in (steps 2-5): the entry is turned back at once, int $2 in C;
 *							else noted in ss->nmi_pending, iretq; C sends itself an NMI after the exit
 *	#MC			leave, int $18 in C	leave at once, never resumed: C runs int $18, the guest dies
 *	#DB			leave			dropped: TF or MOV SS shadow deferred to our SYSCALL entry (CVE-2018-8897)
 *	#DF			leave			leave at once, the guest dies
 *	#PF, #GP, #SS		leave			inside FIX ranges: continue on the C path; else the guest dies
 *	IRQ			leave			cannot happen (IF is off); the guest dies
 */
#include <asm/msr-index.h>
#include <asm/segment.h>
#include "switcher/layout.h"
#include "switcher/paths.h"
#include "offsets.h"

#define VEC_SYSCALL	0x100
#define VEC_SYSCALL32	0x101
#define FLAGS_FIXED	0x2
#define FLAGS_FORCED	0x202
#define FLAGS_GUEST	0x254dd5	/* PVM_FL_GUEST of base/x86.h; offsets.c asserts it */
#define SEL_USER32_CS	0x23
#define SEL_USER_DS	0x2b
#define SEL_USER_CS	0x33
#define SEL_XEN_DS	0xe02b
#define SEL_XEN_CS	0xe033

/* SMAP is lifted and restored; area.c turns both into NOPs on CPUs that do not know the instructions. */
.macro SMAP_OP byte
	.pushsection .rodata.pvm_smap_sites, "a"
	.long	9f - pvm_sw_start
	.popsection
9:	.byte	0x0f, 0x01, \byte
.endm
#define STAC	SMAP_OP 0xcb
#define CLAC	SMAP_OP 0xca

	.section .rodata.pvm_smap_sites, "a"
	.globl pvm_smap_sites, pvm_smap_sites_end
	.balign 4
pvm_smap_sites:
	.section .rodata.pvm_switcher, "a"
	.balign 4096
	.globl pvm_sw_start, pvm_sw_end, pvm_sw_enter, pvm_sw_syscall, pvm_sw_syscall32, pvm_sw_idt
	.globl pvm_sw_patch_shift, pvm_sw_patch_slot
pvm_sw_start:

/* void enter(u64 state): rdi = address of the state page in the region; returns after the next exit to C */
pvm_sw_enter:
	endbr64
	/* 1 */
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, SS_HOST_RSP(%rdi)
	testl	$PVM_MIT_IBRS, SS_MITIGATIONS(%rdi)
	jz	1f
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	SS_HOST_SPEC_CTRL(%rdi), %eax
	and	$~1, %eax				/* IBRS slows the guest and protects nobody there */
	xor	%edx, %edx
	wrmsr
1:	/* 2 */
	lidt	SS_GUEST_IDT(%rdi)
.Lway_in_start:
	mov	SS_GUEST_CPUNODE(%rdi), %rax
	mov	%rax, PVM_AREA_GDT+PVM_GDT_CPUNODE*8(%rdi)
	/* 3 */
	mov	SS_GUEST_FS(%rdi), %rax
	wrfsbase %rax
	wrgsbase %rdi
	swapgs
	mov	SS_GUEST_GS(%rdi), %rax
	wrgsbase %rax
	testl	$PVM_MIT_VERW, SS_MITIGATIONS(%rdi)
	jz	1f
	verw	.Lverw_sel(%rip)			/* from here on only the guest's own data is read */
1:	/* 4 */
	mov	SS_GUEST_CR3(%rdi), %rax
	mov	%rax, %cr3
	incq	SS_CNT_CR3(%rdi)
	/* 5 */
	mov	SS_REGS_START(%rdi), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	/* rdi last: the turn-back below finds the state page through it, or through rsp behind this point */
	pop	%rdi
	add	$16, %rsp
.Lway_in_end:
	iretq
.Lverw_sel:
	.word	__KERNEL_DS

/*
 * 6: [vector][error][rip][cs][rflags][rsp][ss] lie at the end of ss->regs; the guest's GPRs and GS are live.
 */
exit_common:
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	mov	%cr2, %rax
	mov	%rax, SS_CR2(%rdi)
	rdgsbase %rax
	mov	%rax, SS_GUEST_GS(%rdi)
	rdfsbase %rax
	mov	%rax, SS_GUEST_FS(%rdi)
/* 7: rdi = state page, GS base = guest's, hidden GS base = state page */
to_host:
	mov	SS_HOST_CR3(%rdi), %rax
	mov	%rax, %cr3
	incq	SS_CNT_CR3(%rdi)
	mov	SS_HOST_FS(%rdi), %rax
	wrfsbase %rax
	mov	SS_HOST_KGS(%rdi), %rax
	wrgsbase %rax
	swapgs
	mov	SS_HOST_GS(%rdi), %rax
	wrgsbase %rax
	/* 8 */
	mov	SS_HOST_CPUNODE(%rdi), %rax
	mov	%rax, PVM_AREA_GDT+PVM_GDT_CPUNODE*8(%rdi)
	lidt	SS_HOST_IDT(%rdi)
	mov	SS_HOST_RSP(%rdi), %rsp
	pushq	$FLAGS_FIXED			/* AC, DF, NT and TF of the guest end here */
	popfq
	mov	SS_MITIGATIONS(%rdi), %ebx
	xor	%ecx, %ecx				/* no guest value for the host to speculate with */
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	test	$(PVM_MIT_IBRS | PVM_MIT_BHB | PVM_MIT_RSB | PVM_MIT_IBPB | PVM_MIT_UNRET), %ebx
	jnz	.Lmitigate
.Lmitigated:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	int3

/* Before the first RET of the host: what the CPU needs, see the table in driver/README.md */
.Lmitigate:
	test	$PVM_MIT_IBRS, %ebx
	jz	1f
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	SS_HOST_SPEC_CTRL(%rdi), %eax
	xor	%edx, %edx
	wrmsr
1:	test	$PVM_MIT_IBPB, %ebx
	jz	1f
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
1:	test	$PVM_MIT_UNRET, %ebx
	jz	1f
	call	*SS_UNTRAIN(%rdi)			/* the kernel's own sequence for this CPU */
1:	test	$PVM_MIT_RSB, %ebx
	jz	3f
	mov	$16, %ecx				/* 32 entries, two calls a round */
2:	call	.Lrsb_a
	int3
.Lrsb_a: call	.Lrsb_b
	int3
.Lrsb_b: add	$16, %rsp
	dec	%ecx
	jnz	2b
	lfence
3:	test	$PVM_MIT_BHB, %ebx
	jz	.Lmitigated
	/* Branch history: nested taken branches as Intel's guidance on Branch History Injection asks for */
	mov	$5, %ecx
	call	.Lbhb_outer
	lfence
	jmp	.Lmitigated
	.balign 64
.Lbhb_outer:
	call	.Lbhb_inner
	ret
	int3
	.balign 64
.Lbhb_inner:
	mov	$5, %eax
.Lbhb_loop:
	jmp	.Lbhb_next
	nop
.Lbhb_next:
	sub	$1, %eax
	jnz	.Lbhb_loop
	sub	$1, %ecx
	jnz	.Lbhb_inner
	ret
	int3

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
	jne	.Lslow
	mov	%rdx, %gs:SS_TMP2
	mov	%rsp, %rdx
	mov	%gs:SS_REGS_START, %rsp
	mov	%rdx, %rcx
pvm_sw_patch_shift = . + 3				/* 39, or 48 on a 5-level host */
	sar	$39, %rcx
pvm_sw_patch_slot = . + 3				/* top-level slot of the region, sign extended */
	cmp	$0x11223344, %rcx
	je	.Liret_slow
	STAC
.Lfix_iret_start:
	cmpw	$SEL_USER_CS, 40(%rdx)
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

/* Kernel to kernel (CS with RPL 0): same root, same GS */
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

/* ---- exceptions and interrupts ---------------------------------------------------------------------------- */
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
	pop	%rcx
	pop	%rax
	/* Not one of ours. RSP is in the state page wherever a fault is thinkable; give the guest up. */
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	jmp	fatal
.Lfixed_user:
	pop	%rcx
	mov	(%rsp), %rax
	CLAC
	mov	%gs:SS_TMP2, %rdx
	jmp	.Lslow

/* rdi = state page; [vector][error][rip][cs][rflags][rsp][ss] at rsp; GS unknown: to_host sets all of it */
fatal:
	mov	(%rsp), %rax
	inc	%rax
	mov	%rax, SS_FATAL_VECTOR(%rdi)
	mov	8(%rsp), %rax
	mov	%rax, SS_FATAL_ERROR(%rdi)
	mov	16(%rsp), %rax
	mov	%rax, SS_FATAL_RIP(%rdi)
	mov	40(%rsp), %rax
	mov	%rax, SS_FATAL_RSP(%rdi)
	mov	%cr2, %rax
	mov	%rax, SS_CR2(%rdi)
	jmp	to_host

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
 * ss->regs is untouched: the way in only reads it. GS and CR3 may be on either side; to_host sets all of it from any
 * state. No IRET was executed, so NMIs stay blocked until the host's own handler (int $2 in C) has run.
 */
.Lturn_back:
	movq	$2, SS_REGS+120(%rdi)			/* regs.vector */
	jmp	to_host

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
	.else
	jmp	idt_common
	.endif
	vec = vec + 1
	.endr
	.balign 4096
pvm_sw_end:
	.section .rodata.pvm_smap_sites, "a"
pvm_smap_sites_end:
	.section .note.GNU-stack, "", @progbits
