/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86-64 facts we rely on, under our own names, so that pure files need no kernel header.
 * Sources: Intel SDM vol. 3 (4.5 paging, 6.13 error codes, 3.4 selectors), AMD APM vol. 2.
 */
#ifndef PVM_BASE_X86_H
#define PVM_BASE_X86_H

#include <linux/types.h>

/* Page-table entry, SDM 4.5.4 table 4-15..4-20 */
#define PVM_PTE_P	(1ull << 0)
#define PVM_PTE_W	(1ull << 1)
#define PVM_PTE_U	(1ull << 2)
#define PVM_PTE_PWT	(1ull << 3)
#define PVM_PTE_PCD	(1ull << 4)
#define PVM_PTE_A	(1ull << 5)
#define PVM_PTE_D	(1ull << 6)
#define PVM_PTE_PS	(1ull << 7)	/* levels 2 and 3: large page; level 1: PAT */
#define PVM_PTE_G	(1ull << 8)
#define PVM_PTE_NX	(1ull << 63)
#define PVM_PTE_FRAME	0x000ffffffffff000ull
#define PVM_PTES	512u

/* #PF error code, SDM 4.7 */
#define PVM_PF_P	(1u << 0)
#define PVM_PF_W	(1u << 1)
#define PVM_PF_U	(1u << 2)
#define PVM_PF_RSVD	(1u << 3)
#define PVM_PF_I	(1u << 4)
#define PVM_PF_PK	(1u << 5)

/* RFLAGS, SDM vol. 1 3.4.3 */
#define PVM_FL_CF	(1ull << 0)
#define PVM_FL_FIXED	(1ull << 1)
#define PVM_FL_PF	(1ull << 2)
#define PVM_FL_AF	(1ull << 4)
#define PVM_FL_ZF	(1ull << 6)
#define PVM_FL_SF	(1ull << 7)
#define PVM_FL_TF	(1ull << 8)
#define PVM_FL_IF	(1ull << 9)
#define PVM_FL_DF	(1ull << 10)
#define PVM_FL_OF	(1ull << 11)
#define PVM_FL_IOPL	(3ull << 12)
#define PVM_FL_NT	(1ull << 14)
#define PVM_FL_RF	(1ull << 16)
#define PVM_FL_VM	(1ull << 17)
#define PVM_FL_AC	(1ull << 18)
#define PVM_FL_ID	(1ull << 21)
/* What a guest may have in RFLAGS while it runs; IF and the fixed bit are forced. */
#define PVM_FL_GUEST	(PVM_FL_CF | PVM_FL_PF | PVM_FL_AF | PVM_FL_ZF | PVM_FL_SF | PVM_FL_TF | PVM_FL_DF | \
			 PVM_FL_OF | PVM_FL_NT | PVM_FL_RF | PVM_FL_AC | PVM_FL_ID)
#define PVM_FL_FORCED	(PVM_FL_IF | PVM_FL_FIXED)

/* Exception vectors, SDM vol. 3 table 6-1 */
#define PVM_X_DE	0
#define PVM_X_DB	1
#define PVM_X_NMI	2
#define PVM_X_BP	3
#define PVM_X_OF	4
#define PVM_X_BR	5
#define PVM_X_UD	6
#define PVM_X_NM	7
#define PVM_X_DF	8
#define PVM_X_TS	10
#define PVM_X_NP	11
#define PVM_X_SS	12
#define PVM_X_GP	13
#define PVM_X_PF	14
#define PVM_X_MF	16
#define PVM_X_AC	17
#define PVM_X_MC	18
#define PVM_X_XM	19
#define PVM_X_VE	20
#define PVM_X_CP	21
/* vectors that push an error code: 8 10-14 17 21 29 30 */
#define PVM_X_HAS_ERROR	((1u << 8) | (0x1fu << 10) | (1u << 17) | (1u << 21) | (1u << 29) | (1u << 30))

/* Selectors: Linux user selectors, equal in host and guest, and Xen's flat ones (public/arch-x86/xen-x86_64.h) */
#define PVM_SEL_USER32_CS	0x23
#define PVM_SEL_USER_DS		0x2b
#define PVM_SEL_USER_CS		0x33
#define PVM_SEL_XEN_CS32	0xe023
#define PVM_SEL_XEN_DS		0xe02b
#define PVM_SEL_XEN_CS		0xe033

/* The hypervisor hole: top-level slots 256..271 of every 4-level table, never used by either Linux. */
#define PVM_HOLE_FIRST	256u
#define PVM_HOLE_LAST	271u
#define PVM_M2P_SLOT	256u	/* guest view: M2P at 0xffff800000000000, where Linux and small kernels expect it */
#define PVM_M2P_VA	0xffff800000000000ull
#define PVM_SWITCH_SLOT	271u	/* 4-level host: switcher region at 0xffff878000000000 */
#define PVM_SWITCH_VA4	0xffff878000000000ull
#define PVM_SWITCH_SLOT5 256u	/* 5-level host: PML5 slot, 0xff00000000000000 */
#define PVM_SWITCH_VA5	0xff00000000000000ull

/* 48-bit canonical: bits 63..47 all equal. Guests are always 4-level. */
static inline bool pvm_is_canonical(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) == va;
}

/* An address the guest may own: canonical and outside the hole. */
static inline bool pvm_is_guest_va(u64 va)
{
	u32 slot = (va >> 39) & 511;

	return pvm_is_canonical(va) && !(slot >= PVM_HOLE_FIRST && slot <= PVM_HOLE_LAST);
}

static inline u64 pvm_pte_gfn(u64 pte)
{
	return (pte & PVM_PTE_FRAME) >> 12;
}

#endif /* PVM_BASE_X86_H */
