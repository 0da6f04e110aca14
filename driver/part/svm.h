/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMD-V as we use it: the VMCB, intercepts, exit codes (APM vol. 2, appendix B and C, chapter 15).
 * Pure: the decisions about it in plan.c run in user space too.
 */
#ifndef PVM_PART_SVM_H
#define PVM_PART_SVM_H

#include <linux/build_bug.h>
#include <linux/types.h>

struct pvm_vmcb_seg {
	u16 selector, attrib;
	u32 limit;
	u64 base;
} __attribute__((packed));
#define SVM_ATTRIB_LONG		(1u << 9)	/* L of a code segment */

struct pvm_vmcb {
	u32 intercept_cr, intercept_dr, intercept_exc, intercept_1, intercept_2, intercept_3;
	u8 reserved_018[0x40 - 0x18];
	u64 iopm_pa;			/* 040 */
	u64 msrpm_pa;
	u64 tsc_offset;
	u32 asid;
	u32 tlb_control;
	u64 int_ctl;			/* 060 */
	u64 int_state;
	u64 exit_code;			/* 070 */
	u64 exit_info_1;
	u64 exit_info_2;
	u64 exit_int_info;
	u64 nested_ctl;			/* 090 */
	u8 reserved_098[0xa8 - 0x98];
	u64 event_inj;			/* 0a8 */
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean, reserved_0c4;
	u64 next_rip;			/* 0c8 */
	u8 insn_len, insn[15];
	u8 reserved_0e0[0x400 - 0xe0];

	struct pvm_vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;	/* 400 */
	u8 reserved_4a0[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;			/* 4d0 */
	u8 reserved_4d8[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;	/* 548 */
	u8 reserved_580[0x5d8 - 0x580];
	u64 rsp;			/* 5d8 */
	u64 s_cet, ssp, isst_addr;
	u64 rax;			/* 5f8 */
	u64 star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved_648[0x668 - 0x648];
	u64 g_pat, dbgctl;		/* 668 */
	u8 reserved_678[0x1000 - 0x678];
} __attribute__((packed));
static_assert(sizeof(struct pvm_vmcb) == 0x1000);

/* intercept_exc: bit = vector. intercept_1, intercept_2 */
#define SVM_I1_INIT		(1u << 3)
#define SVM_I1_CR0_SEL		(1u << 5)	/* CR0 writes that change more than TS and MP */
#define SVM_I1_INVLPGA		(1u << 26)
#define SVM_I1_IO		(1u << 27)
#define SVM_I1_MSR		(1u << 28)
#define SVM_I1_SHUTDOWN		(1u << 31)
#define SVM_I2_VMRUN		(1u << 0)
#define SVM_I2_VMLOAD		(1u << 2)
#define SVM_I2_VMSAVE		(1u << 3)
#define SVM_I2_STGI		(1u << 4)
#define SVM_I2_CLGI		(1u << 5)
#define SVM_I2_SKINIT		(1u << 6)

#define SVM_NESTED_ON		(1u << 0)	/* nested_ctl */
#define SVM_NESTED_INVLPGB	(1u << 7)	/* INVLPGB, TLBSYNC: no #UD; CPUID 8000000A EDX.24 (APM vol. 2, B-1) */

#define SVM_EXIT_EXC		0x40		/* + vector */
#define SVM_EXIT_INIT		0x63
#define SVM_EXIT_CR0_SEL	0x65
#define SVM_EXIT_INVLPGA	0x7a
#define SVM_EXIT_IO		0x7b
#define SVM_EXIT_MSR		0x7c
#define SVM_EXIT_SHUTDOWN	0x7f
#define SVM_EXIT_VMRUN		0x80
#define SVM_EXIT_VMLOAD		0x82
#define SVM_EXIT_VMSAVE		0x83
#define SVM_EXIT_STGI		0x84
#define SVM_EXIT_CLGI		0x85
#define SVM_EXIT_SKINIT		0x86
#define SVM_EXIT_NPF		0x400
#define SVM_EXIT_INVALID	(~0ull)

#define SVM_INJ_EXCEPTION	(3u << 8)
#define SVM_INJ_ERROR		(1u << 11)
#define SVM_INJ_VALID		(1u << 31)

#define SVM_IO_IN		(1u << 0)	/* exit_info_1 of an IO exit; the port is in bits 16..31 */
#define SVM_IO_STRING		(1u << 2)
#define SVM_IO_REP		(1u << 3)
#define SVM_IO_BYTES(info)	((info) >> 4 & 7)

#endif /* PVM_PART_SVM_H */
