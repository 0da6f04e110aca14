// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic of partitions. Pure: no kernel, no side effects; tests/unit/driver/test_plan.c.
 */
#include "base/x86.h"
#include "part/plan.h"

#define EFER_LME	(1ull << 8)
#define EFER_LMA	(1ull << 10)
#define CR0_PG		(1ull << 31)

u64 pvm_plan_efer_after_cr0(u64 efer, u64 cr0)
{
	if (efer & EFER_LME && cr0 & CR0_PG)
		return efer | EFER_LMA;
	return efer & ~EFER_LMA;
}

/* SDM vol. 3, figure 8-4: available 64-bit TSS. */
void pvm_plan_tss_descriptor(u64 out[2], u64 base, u32 limit)
{
	out[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | 0x89ull << 40 | (u64)(limit & 0xf0000) << 32 |
		 (base >> 24 & 0xff) << 56;
	out[1] = base >> 32;
}

/* SDM vol. 3, figure 6-8. */
void pvm_plan_gate(u64 out[2], u64 offset, u16 selector, u8 ist)
{
	out[0] = (offset & 0xffff) | (u64)selector << 16 | (u64)(ist & 7) << 32 | 0x8eull << 40 |
		 (offset >> 16 & 0xffff) << 48;
	out[1] = offset >> 32;
}

bool pvm_plan_inside(u64 addr, u64 bytes, u64 first, u64 count)
{
	return addr >= first && bytes <= count && addr - first <= count - bytes;
}

bool pvm_plan_overlap(u64 a, u64 a_bytes, u64 b, u64 b_bytes)
{
	return a < b ? b - a < a_bytes : a - b < b_bytes;
}
