/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of switcher/ share: CPU state of the host, text addresses, upper tables of the region. */
#ifndef PVM_SWITCHER_HOST_H
#define PVM_SWITCHER_HOST_H

#include <linux/types.h>
#include <asm/msr-index.h>

#include "base/x86.h"
#include "switcher/switch.h"

struct pvm_vcpu;

/* Raw accesses: the kernel's own helpers are not exported to us, or keep shadows we must not disturb. */
static inline unsigned long pvm_read_cr4(void)
{
	unsigned long v;

	asm volatile("mov %%cr4, %0" : "=r"(v) : : "memory");
	return v;
}

static inline void pvm_write_cr4(unsigned long v)
{
	asm volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}

static inline unsigned long pvm_read_cr3(void)
{
	unsigned long v;

	asm volatile("mov %%cr3, %0" : "=r"(v) : : "memory");
	return v;
}

static inline u64 pvm_rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return lo | (u64)hi << 32;
}

static inline void pvm_wrmsr(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* GDT entry of no LDT: present, limit 0, so that an LLDT of it never faults */
#define PVM_EMPTY_LDT	(0x82ull << 40)

/* A guest descriptor as it may be loaded: user code or data, present and accessed bits as needed; else absent. */
static inline u64 pvm_user_descriptor(u64 d)
{
	if (!(d & 1ull << 44) || !(d & 1ull << 47))	/* system descriptor, or not present */
		return 0;
	if ((d & 1ull << 43) && (d & 1ull << 53) && (d & 1ull << 54))	/* code with L and D: invalid */
		return 0;
	return d | 3ull << 45 | 1ull << 40;		/* DPL 3, accessed: no load has to write */
}

/*
 * Load data selectors; one that cannot be loaded becomes NULL. GS last and under SWAPGS, because loading it clears the
 * active base: the host's GS base must stay what it is. IRQs off.
 */
void pvm_load_segments(u16 ds, u16 es, u16 fs, u16 gs);

/* area.c */
int pvm_text_init(void);
void pvm_text_fini(void);
u64 pvm_sw_syscall_va(void);
u64 pvm_sw_syscall32_va(void);
u64 pvm_table_entry(const void *table);

/* hostcpu.c */
bool pvm_host_has_int80(void);
void pvm_debug_store_check(struct pvm_vcpu *v);
u32 pvm_host_mitigations(void);
u32 pvm_fpu_bytes(void);
void pvm_fpu_reset(void *fpu);
void pvm_host_load_ldt(struct pvm_vcpu *v);

/* irq.S */
void pvm_call_gate(unsigned long entry);	/* IRQs off before, on after */

#endif /* PVM_SWITCHER_HOST_H */
