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
 * At CPL3 everything leaves to C (NMI: int $2 there, #MC: as from user code). At CPL0, in here:
 *	NMI		on the way in (steps 2-5): the entry is turned back at once; else noted in ss->nmi_pending,
 *			iretq, and C sends itself an NMI after the exit
 *	#MC		leave at once, never resumed: C runs int $18, the guest dies
 *	#DB		dropped: TF or MOV SS shadow deferred to our SYSCALL entry (CVE-2018-8897)
 *	#DF		leave at once, the guest dies
 *	#PF, #GP, #SS	inside FIX ranges: continue on the C path, without what was to be read; #GP of the last IRETQ:
 *			an exit with the guest's #GP; else the guest dies
 *	IRQ		cannot happen (IF is off); the guest dies
 */
#include <asm/msr-index.h>
#include <asm/segment.h>
#include "switcher/layout.h"
#include "switcher/paths.h"
#include "offsets.h"

#define VEC_SYSCALL	0x100
#define VEC_SYSCALL32	0x101
#define HC_MMU_UPDATE	1
#define HC_STACK_SWITCH	3
#define HC_SET_SEGMENT_BASE 25
#define HC_MMUEXT_OP	26
#define SEGBASE_GS_USER	1
#define MMUEXT_TLB_FLUSH_LOCAL 6
#define MMUEXT_INVLPG_LOCAL 7
#define DOMID_SELF	0x7ff0
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

/* Compare: is \address in the switcher region? It is lost. area.c fills in shift and slot, the last bytes of both. */
.macro REGION_CMP address
	sar	$39, \address
8:	cmp	$0x11223344, \address
9:	.pushsection .rodata.pvm_slot_sites, "a"
	.long	8b - pvm_sw_start, 9b - pvm_sw_start
	.popsection
.endm

.macro PUSH_GPRS
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
.endm

	.section .rodata.pvm_smap_sites, "a"
	.globl pvm_smap_sites, pvm_smap_sites_end
	.balign 4
pvm_smap_sites:
	.section .rodata.pvm_slot_sites, "a"
	.globl pvm_slot_sites, pvm_slot_sites_end
	.balign 4
pvm_slot_sites:
	.section .rodata.pvm_switcher, "a"
	.balign 4096
	.globl pvm_sw_start, pvm_sw_end, pvm_sw_enter, pvm_sw_syscall, pvm_sw_syscall32, pvm_sw_idt
pvm_sw_start:

/* Rare part of step 3, after the last read of the host's data. An NMI from here to .Lway_in_end is turned back. */
.Lway_in_start:
.Lmitigate_entry:
	testl	$PVM_MIT_IBRS, SS_MITIGATIONS(%rdi)
	jz	1f
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	SS_HOST_SPEC_CTRL(%rdi), %eax
	and	$~1, %eax				/* IBRS slows the guest and protects nobody there */
	xor	%edx, %edx
	wrmsr
1:	testl	$PVM_MIT_VERW, SS_MITIGATIONS(%rdi)
	jz	.Lmitigated_entry
	verw	.Lverw_sel(%rip)			/* from here on only the guest's own data is read */
	jmp	.Lmitigated_entry
.Lverw_sel:
	.word	__KERNEL_DS

/* rdi = address of the state page in the region; returns after the next exit to C, only rsp and rbp are kept */
pvm_sw_enter:
	endbr64
	/* 1 */
	push	%rbp
	mov	%rsp, SS_HOST_RSP(%rdi)
	/* 2 */
	lidt	SS_GUEST_IDT(%rdi)
	mov	SS_GUEST_CPUNODE(%rdi), %rax
	mov	%rax, PVM_AREA_GDT+PVM_GDT_CPUNODE*8(%rdi)
	/* 3 */
	mov	SS_GUEST_GS(%rdi), %rax
	wrgsbase %rax
	testl	$(PVM_MIT_VERW | PVM_MIT_IBRS), SS_MITIGATIONS(%rdi)
	jnz	.Lmitigate_entry
.Lmitigated_entry:
	/* 4 */
	mov	SS_GUEST_CR3(%rdi), %rax
	mov	%rax, %cr3
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
	iretq						/* #GP: see .Lbad_entry */
.Lenter_done:

/*
 * 6: [vector][error][rip][cs][rflags][rsp][ss] lie at the end of ss->regs; the guest's GPRs and GS are live.
 */
exit_common:
	PUSH_GPRS
.Lgprs_pushed:
	mov	%rsp, %rdi
	and	$~0xfff, %rdi
	rdgsbase %rax
	mov	%rax, SS_GUEST_GS(%rdi)
/* 7: rdi = state page, hidden GS base = state page */
.Lto_host:
	mov	SS_HOST_CR3(%rdi), %rax
	mov	%rax, %cr3
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
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	test	$(PVM_MIT_IBRS | PVM_MIT_BHB | PVM_MIT_RSB | PVM_MIT_IBPB | PVM_MIT_UNRET), %ebx
	jnz	.Lmitigate_exit
.Lmitigated_exit:
	pop	%rbp
	ret
	int3

/* The same from wherever the switcher was interrupted: both GS bases may be anyone's. rdi = state page */
to_host_from_anywhere:
	wrgsbase %rdi
	swapgs
	jmp	.Lto_host

/* Before the first RET of the host: what the CPU needs, see the table in driver/README.md */
.Lmitigate_exit:
	test	$(PVM_MIT_IBRS | PVM_MIT_BHB | PVM_MIT_IBPB | PVM_MIT_UNRET), %ebx
	jnz	.Lmitigate_more
	/*
	 * PVM_MIT_RSB: one entry for the RET above. All other RETs until pvm_fill_return_stack(), which C calls before
	 * it returns further than it has called, go back to calls made behind this point.
	 */
.Lmitigate_rsb:
	call	9f
	int3
9:	add	$8, %rsp
	lfence
	jmp	.Lmitigated_exit
.Lmitigate_more:
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
	lfence						/* no speculation past here with a trained target */
	call	*SS_UNTRAIN(%rdi)			/* the kernel's own sequence for this CPU */
1:	test	$PVM_MIT_BHB, %ebx
	jz	1f
	/* Branch history: nested taken branches as Intel's guidance on Branch History Injection asks for */
	mov	$5, %ecx
	call	.Lbhb_outer
	lfence
1:	test	$PVM_MIT_RSB, %ebx
	jnz	.Lmitigate_rsb
	jmp	.Lmitigated_exit
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

#include "switcher/direct.inc.S"
#include "switcher/vectors.inc.S"

	.section .rodata.pvm_smap_sites, "a"
pvm_smap_sites_end:
	.section .rodata.pvm_slot_sites, "a"
pvm_slot_sites_end:
	.section .note.GNU-stack, "", @progbits
