/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of partitions: what lies inside what, descriptors of the supervisor, what a register may hold.
 *
 * Pure; cpu.c, mem.c, svm.c and part.c act on it.
 */
#ifndef PVM_PART_PLAN_H
#define PVM_PART_PLAN_H

#include <linux/types.h>

/* Windows below 1 MiB, for the SMP trampolines of partitions' kernels; the supervisor's own is below them. */
#define PVM_PLAN_TRAMP_FIRST	0x10000u	/* lower, firmware and the host's corruption check write */
#define PVM_PLAN_LOW_FIRST	0x20000u
#define PVM_PLAN_LOW_BYTES	0x10000u
#define PVM_PLAN_LOW_COUNT	7u
#define PVM_PLAN_HOST_TRAMP_BYTES 0x10000u	/* the host's own trampoline is not longer */

/* EFER of a guest whose CR0 becomes @cr0: LMA follows LME and PG. */
u64 pvm_plan_efer_after_cr0(u64 efer, u64 cr0);

/* Descriptors of the supervisor. */
#define PVM_PLAN_CODE64		0x00af9b000000ffffull
#define PVM_PLAN_CODE32		0x00cf9b000000ffffull
#define PVM_PLAN_DATA		0x00cf93000000ffffull
void pvm_plan_tss_descriptor(u64 out[2], u64 base, u32 limit);
void pvm_plan_gate(u64 out[2], u64 offset, u16 selector, u8 ist);	/* interrupt gate, DPL 0 */

/* Is [@addr, @addr + @bytes) inside [@first, @first + @count)? No sum may wrap. */
bool pvm_plan_inside(u64 addr, u64 bytes, u64 first, u64 count);
bool pvm_plan_overlap(u64 a, u64 a_bytes, u64 b, u64 b_bytes);

#endif /* PVM_PART_PLAN_H */
