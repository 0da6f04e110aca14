/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page both worlds share, and the drawing of the way between them.
 *
 * One page per vCPU, mapped at the same address in the VMM's page tables and in every shadow root,
 * supervisor only. All of it can be read by a Meltdown-class attack from the guest: the guest's own
 * registers, addresses of the switcher, and of the host what a switch needs: stack pointer, CR3, segment
 * bases, IDT address. Those tell where the host kernel lies; they are no data of anyone's.
 *
 *   HOST  CR3=host, IRQs off                  │ both map the page │        GUEST  CR3=shadow, CPL3, IRQs on
 * 1 push rbp; ss->host_rsp = rsp               │                   │
 * 2 lidt guest IDT                             │   window W-in     │  NMI/#MC from here on arrive on our IST stacks
 * 3 GS base: guest's                           │                   │  (hidden GS base: this page, all the time)
 * 4 cr3 = ss->guest_cr3 ─────────────────────▶│                   │
 * 5 rsp = &ss->regs; pop GPRs; iretq ──────────┼───────────────────┼─▶ guest runs ... trap │ SYSCALL │ host IRQ
 * 7 cr3 = ss->host_cr3; GS base: host's ◀──────│   window W-out    │◀─ 6 CPU (RSP0) and stub push onto ss->regs
 * 8 lidt host IDT; rsp = ss->host_rsp; popfq   │                   │
 *
 * Direct switches (SYSCALL of guest user, HYPERVISOR_iret of guest kernel) stay right of the bar: they write CR3
 * with the other shadow root and never reach 7. NMI, #MC, #DB, #DF in each step: see switcher.S.
 *
 * Included by assembly through the generated offsets.h (switcher/offsets.c), by C as it is.
 */
#ifndef PVM_SWITCHER_STATE_H
#define PVM_SWITCHER_STATE_H

#include <linux/types.h>
#include "switcher/paths.h"

/* In push order of the stubs, lowest address first. The CPU pushes error..ss. */
struct pvm_regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 vector;		/* PVM_VEC_* or CPU vector */
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

struct pvm_table_ptr {		/* operand of lidt/lgdt */
	u16 limit;
	u64 base;
} __attribute__((packed));

struct pvm_switch_state {
	/* written by C before entry, read by the switcher */
	u64 host_cr3;			/* with bit 63 (no flush) when the host uses PCIDs */
	u64 guest_cr3;			/* root to enter with; the switcher does not write it */
	u64 kernel_cr3, user_cr3;	/* roots of the two guest modes, for direct switches */
	u64 host_gs;
	u64 self;			/* address of this page in the switcher region */
	u64 syscall_rip;		/* guest kernel's SYSCALL callback */
	u64 kernel_sp;			/* guest kernel stack for bounces from user (stack_switch) */
	u64 vcpu_info;			/* address of the guest's vcpu_info in the switcher region */
	struct pvm_table_ptr host_idt, guest_idt;
	u64 host_cpunode, guest_cpunode;	/* GDT entry 15: each side's, only while its IDT is loaded */
	/* what @path becomes in each mode: the mode, with PVM_PATH_SLOW where assembly must not (see xen/trap.c) */
	u8  kernel_path, user_path;
	u16 iret_cs;			/* 64-bit user code selector, or none while irets to user are C's */
	u8  kernel_mode;		/* C only: 1 guest kernel, 0 guest user; from @path after each exit */
	/* written by both */
	u8  path;			/* PVM_PATH_*: what SYSCALL does; bit 0 is the mode */
	union {
		struct {
			u8  nmi_pending;	/* an NMI came at CPL0 inside the switcher: deliver after the exit */
			u8  mc_pending;		/* a machine check did: the run is over */
			u8  db_dropped;		/* a #DB at CPL0 was dropped: DR6 has a stale bit */
			u8  fatal;		/* fatal_* are set: the run is over */
		};
		u32 unusual;			/* any of these */
	};
	u32 nr_unsync;			/* page tables that lag behind: flushes are C's while there are any */
	u32 vtlb_gen;			/* in the key of valid vTLB entries, see mmu.h */
	u64 regs_start, regs_end;	/* addresses of both ends of regs: stack for faults, stack for exits */
	u64 host_rsp;
	u64 guest_gs;			/* active GS base of the guest */
	u64 kernel_gs, user_gs;		/* GS base of each mode; the active mode's value is in guest_gs */
	u64 cr2;			/* of the last page fault */
	u64 user_rsp, tmp1, tmp2;	/* scratch of the SYSCALL entry */
	/* what the switcher could not explain: vector, and where */
	u64 fatal_vector, fatal_rip, fatal_error, fatal_rsp;
	/* counters kept by assembly */
	u64 cnt_to_kernel, cnt_to_user, cnt_stack_switch, cnt_segment_base, cnt_flush;
	u32 mitigations;		/* PVM_MIT_*, constant after creation */
	u32 host_spec_ctrl;		/* SPEC_CTRL the host runs with, for PVM_MIT_IBRS */
	u64 untrain;			/* entry_untrain_ret() of the kernel, for PVM_MIT_UNRET */
	/* fixed offset, see PVM_STATE_REGS */
	struct pvm_regs regs __attribute__((aligned(2048)));
	/* behind the stack that regs are: @fetched says that the last exit brought what rdi or rip pointed to */
	u64 fetch[6];
	u8  fetched;
	u64 debug_store[64];		/* what IA32_DS_AREA points to while resident: see hostcpu.c */
};

#endif /* PVM_SWITCHER_STATE_H */
