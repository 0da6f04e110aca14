/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The switcher region and what runs in it: interface of switcher/ to the rest.
 *
 * Region: one top-level slot (base/x86.h). Offset 0 holds the switcher text; each vCPU of the address space has
 * 2 MiB of its own behind it: state page, stacks, IDT, TSS, GDT, the page with its vcpu_info. The host's page
 * tables map all vCPUs of the process, a VM's shadow roots map only its own.
 */
#ifndef PVM_SWITCHER_SWITCH_H
#define PVM_SWITCHER_SWITCH_H

#include <linux/mm_types.h>
#include <linux/types.h>
#include <asm/fsgsbase.h>

#include "switcher/state.h"

struct pvm_switch_hole;

/* Upper tables of the region for one VM's shadow roots. */
struct pvm_region_top {
	u64 *l4, *l3, *l2;		/* l4 only on 5-level hosts */
};
int pvm_region_top_init(struct pvm_region_top *top);
void pvm_region_top_fini(struct pvm_region_top *top);	/* idempotent */

/* Pages of one vCPU inside the region. */
struct pvm_switch_area {
	u32 index;			/* 1..511: 2 MiB unit inside the region, 0 = none */
	u64 va;				/* its address in the region */
	u64 *pt;			/* its page table, linked from both worlds */
	void *stack, *idt, *tss, *gdt_low, *gdt_high, *ldt;
	void *fpu;			/* guest FPU state, XSAVE standard format */
	u32 fpu_order;
	struct pvm_table_ptr host_gdt;
	u64 host_lstar, host_cstar, host_sysenter_cs, host_tsc_aux;
	u16 host_ds, host_es, host_fs_sel, host_gs_sel, host_ldt;
	u64 host_fs, host_kgs;
	u16 guest_ds, guest_es, guest_fs_sel, guest_gs_sel;	/* these and guest_fs: kept here while not resident */
	u64 guest_fs;			/* FS base */
	unsigned long host_dr[4];
	u64 host_ds_area;		/* 0: the host's is loaded, or it has none */
	u32 host_pkru;
	bool resident;
	bool ldt_loaded;
	bool debug_loaded, dr_saved;
};

/* FS base of the guest: in the CPU while resident, for no code of the host's kernel uses it. The vCPU's own task. */
static inline u64 pvm_guest_fs(const struct pvm_switch_area *a)
{
	return a->resident ? rdfsbase() : a->guest_fs;
}

static inline void pvm_set_guest_fs(struct pvm_switch_area *a, u64 base)
{
	if (a->resident)
		wrfsbase(base);
	else
		a->guest_fs = base;
}

#endif /* PVM_SWITCHER_SWITCH_H */
