/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What C and assembly of the supervisor must agree on: the argument block at the end of the trampoline, and a few
 * offsets in a CPU's block. cpu.c and super.c assert the C side.
 */
#ifndef PVM_PART_TRAMP_H
#define PVM_PART_TRAMP_H

#define PVM_TRAMP_GDT_LIMIT	0	/* operand of LGDT: u16, then u32 base */
#define PVM_TRAMP_GDT_BASE	2
#define PVM_TRAMP_FAR32		8	/* operands of far jumps: u32 offset, u16 selector */
#define PVM_TRAMP_FAR64		16
#define PVM_TRAMP_CR3		24
#define PVM_TRAMP_CR4		28
#define PVM_TRAMP_EFER		32
#define PVM_TRAMP_BASE		36
#define PVM_TRAMP_PCPU		40
#define PVM_TRAMP_STACK		48
#define PVM_TRAMP_ENTRY		56
#define PVM_TRAMP_GDT		64	/* null, 32-bit code, data, 64-bit code */
#define PVM_TRAMP_ARGS_BYTES	96

#define PVM_TRAMP_SEL_CODE32	0x08
#define PVM_TRAMP_SEL_DATA	0x10
#define PVM_TRAMP_SEL_CODE64	0x18

#define PVM_SUP_SEL_CODE	0x10	/* in the supervisor's own GDT, as Linux has them */
#define PVM_SUP_SEL_DATA	0x18
#define PVM_SUP_SEL_TSS		0x20

#define PVM_SUP_CR0		0x80050033	/* PG AM WP NE ET MP PE; CD and NW clear */

#define PVM_PCPU_BLOCK_BYTES	0x10000
#define PVM_PCPU_NMI_PENDING	128	/* offset in struct pvm_pcpu */
#define PVM_BLOCK_GDT		0x1000	/* offsets in struct pvm_pcpu_block */
#define PVM_BLOCK_GDT_BYTES	128
#define PVM_BLOCK_IDT		0x2000
#define PVM_BLOCK_IDT_BYTES	4096

#endif /* PVM_PART_TRAMP_H */
