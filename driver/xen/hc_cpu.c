// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls about the virtual CPU: trap table and callbacks, descriptor tables, kernel stack, segment bases,
 * debug registers, FPU trap.
 *
 * Rule of this file: a value that later reaches a register of the real CPU (code and stack addresses, segment
 * bases, descriptors) is checked here, when the guest gives it, and nowhere else. What needs C on the system-call
 * path is told to assembly by pvm_trap_update_direct(). Neighbours: xen/trap.c uses the traps, switcher/ the
 * descriptors and bases.
 */
#include <asm/msr.h>
#include <asm/mmu_context.h>

#include "emul/emulate.h"
#include "xen/hypercall.h"

#include <xen/interface/callback.h>
#include <xen/interface/nmi.h>

#define PVM_GDT_ENTRIES_MAX	7168u	/* FIRST_RESERVED_GDT_ENTRY */
#define PVM_GDT_PER_FRAME	512u
#define PVM_TLS_FIRST		12u	/* the slots a guest has in the hardware GDT: thread-local storage */
#define PVM_TLS_LAST		15u	/* 15: the CPU's number, for LSL in the vDSO */
#define PVM_TRAP_CHUNK		16
#define PVM_TRAPS_MAX		512u	/* entries of one set_trap_table; Linux passes up to 257 */

#define PVM_DESC_ACCESSED	(1ull << 40)
#define PVM_DESC_TYPE		(0xfull << 40)
#define PVM_DESC_S		(1ull << 44)	/* code or data, not a system segment */
#define PVM_DESC_DPL3		(3ull << 45)
#define PVM_DESC_P		(1ull << 47)

/**
 * pvm_cpu_state_init - descriptor, debug and control registers of a fresh vCPU
 * @v:	the vCPU
 *
 * Context: any, before the first run.
 */
void pvm_cpu_state_init(struct pvm_vcpu *v)
{
	v->cpu = (struct pvm_cpu_state){ .dr6 = PVM_DR6_DEFAULT, .dr7 = PVM_DR7_DEFAULT, .xcr0 = 1 };
	v->traps = (struct pvm_traps){ .nmi_pending = false };
	v->is_up = !v->id;	/* the others come up by VCPUOP_up */
	v->recent_pos = 0;
	memset(v->recent_hypercalls, 0xff, sizeof(v->recent_hypercalls));
	pvm_trap_update_direct(v);
}

/* ---- trap table and callbacks ---- */

/**
 * pvm_hc_set_trap_table - take exception handlers
 * @v:		the vCPU
 * @table:	guest address of struct trap_info[], ended by address 0; 0 clears all handlers
 *
 * Context: resident.
 * Return: 0, -EFAULT, -EINVAL an address that is no guest address, -E2BIG no end, -PVM_ENEED.
 */
long pvm_hc_set_trap_table(struct pvm_vcpu *v, u64 table)
{
	struct trap_info chunk[PVM_TRAP_CHUNK];
	u32 *next = &v->progress.entries;

	if (!table) {
		memset(v->traps.table, 0, sizeof(v->traps.table));
		return 0;
	}
	while (*next < PVM_TRAPS_MAX) {
		u64 gva = table + (u64)*next * sizeof(chunk[0]);
		u32 i, n = pvm_hc_chunk(gva, sizeof(chunk[0]), PVM_TRAPS_MAX - *next, PVM_TRAP_CHUNK);
		int err = pvm_gva_read(v, gva, chunk, n * sizeof(chunk[0]));

		if (err)
			return err;
		for (i = 0; i < n; i++) {
			if (!chunk[i].address)
				return 0;
			if (!pvm_hc_code_ok(chunk[i].address))
				return -EINVAL;
			/* a u8 index into 256 entries */
			v->traps.table[chunk[i].vector] = chunk[i];
		}
		*next += n;
	}
	return -E2BIG;
}

static void set_syscall_callback(struct pvm_vcpu *v, u64 rip, bool masks)
{
	v->traps.syscall_rip = rip;
	v->traps.syscall_masks = masks;
	v->ss->syscall_rip = rip;
	pvm_trap_update_direct(v);
}

/**
 * pvm_hc_set_callbacks - the old way to register event, failsafe and syscall callbacks
 * @v:		the vCPU
 * @event:	address, 0 = none
 * @failsafe:	address, 0 = none
 * @syscall:	address, 0 = none
 *
 * Context: resident.
 * Return: 0, -EINVAL.
 */
long pvm_hc_set_callbacks(struct pvm_vcpu *v, u64 event, u64 failsafe, u64 syscall)
{
	if ((event && !pvm_hc_code_ok(event)) || (failsafe && !pvm_hc_code_ok(failsafe)) ||
	    (syscall && !pvm_hc_code_ok(syscall)))
		return -EINVAL;
	v->traps.event_rip = event;
	v->traps.failsafe_rip = failsafe;
	v->traps.failsafe_masks = false;
	set_syscall_callback(v, syscall, false);
	return 0;
}

static long register_callback(struct pvm_vcpu *v, u64 arg)
{
	struct callback_register c;
	struct pvm_traps *t = &v->traps;
	bool masks;
	int err;

	err = pvm_gva_read(v, arg, &c, sizeof(c));
	if (err)
		return err;
	if (c.address && !pvm_hc_code_ok(c.address))
		return -EINVAL;
	masks = c.flags & CALLBACKF_mask_events;
	switch (c.type) {
	case CALLBACKTYPE_event:	/* always masks */
		t->event_rip = c.address;
		return 0;
	case CALLBACKTYPE_failsafe:
		t->failsafe_rip = c.address;
		t->failsafe_masks = masks;
		return 0;
	case CALLBACKTYPE_syscall:
		set_syscall_callback(v, c.address, masks);
		return 0;
	case CALLBACKTYPE_sysenter:
		t->sysenter_rip = c.address;
		t->sysenter_masks = masks;
		return 0;
	case CALLBACKTYPE_syscall32:
		t->syscall32_rip = c.address;
		t->syscall32_masks = masks;
		return 0;
	case CALLBACKTYPE_nmi:
		t->nmi_rip = c.address;
		return 0;
	default:
		return -ENOSYS;
	}
}

static long unregister_callback(struct pvm_vcpu *v, u64 arg)
{
	struct callback_unregister c;
	int err;

	err = pvm_gva_read(v, arg, &c, sizeof(c));
	if (err)
		return err;
	switch (c.type) {
	case CALLBACKTYPE_event:
	case CALLBACKTYPE_failsafe:
	case CALLBACKTYPE_syscall:
	case CALLBACKTYPE_sysenter:
	case CALLBACKTYPE_syscall32:
		return -EINVAL;		/* these can be replaced, not taken away */
	case CALLBACKTYPE_nmi:
		v->traps.nmi_rip = 0;
		return 0;
	default:
		return -ENOSYS;
	}
}

/**
 * pvm_hc_callback_op - register or unregister one callback
 * @v:		the vCPU
 * @cmd:	CALLBACKOP_*
 * @arg:	guest address of its argument
 *
 * Context: resident.
 * Return: 0, -EINVAL, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_callback_op(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	switch ((u32)cmd) {
	case CALLBACKOP_register:
		return register_callback(v, arg);
	case CALLBACKOP_unregister:
		return unregister_callback(v, arg);
	default:
		return -ENOSYS;
	}
}

/**
 * pvm_hc_nmi_op - the old way to register an NMI handler
 * @v:		the vCPU
 * @cmd:	XENNMI_*
 * @arg:	guest address of struct xennmi_callback
 *
 * Context: resident.
 * Return: 0, -EINVAL, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_nmi_op(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	struct xennmi_callback c;
	int err;

	switch ((u32)cmd) {
	case XENNMI_register_callback:
		err = pvm_gva_read(v, arg, &c, sizeof(c));
		if (err)
			return err;
		if (!pvm_hc_code_ok(c.handler_address))
			return -EINVAL;
		v->traps.nmi_rip = c.handler_address;
		return 0;
	case XENNMI_unregister_callback:
		v->traps.nmi_rip = 0;
		return 0;
	default:
		return -ENOSYS;
	}
}

/* ---- descriptors ---- */

/*
 * What the hardware GDT gets for a descriptor of the guest. Code and data only, DPL 3, and already accessed, so
 * that the CPU need not write to the table. Anything else is an empty slot.
 */
static u64 hardware_descriptor(u64 d)
{
	if (!(d & PVM_DESC_S))
		return 0;
	return d | PVM_DESC_DPL3 | PVM_DESC_ACCESSED;
}

/* May the guest have it in a table at all? Not-present entries hold whatever they like, type 0 is never usable. */
static bool descriptor_ok(u64 d)
{
	return !(d & PVM_DESC_P) || d & PVM_DESC_S || !(d & PVM_DESC_TYPE);
}

/**
 * pvm_hc_load_ldt - copy the guest's LDT and load it
 * @v:		the vCPU
 * @base:	guest virtual address of the table
 * @entries:	descriptors, at most a table's
 *
 * The table written to may be the one the CPU uses, and the guest's may end in the middle: no descriptor gets there as
 * the guest has it, not even while it is being read (test: segment). On an error it is a mix of old and new, all of it
 * user descriptors.
 *
 * Context: resident. Return: 0, -ENOMEM no table was provided, -PVM_ENEED, or an errno of pvm_gva_read().
 */
int pvm_hc_load_ldt(struct pvm_vcpu *v, u64 base, u32 entries)
{
	u64 chunk[32];
	u32 i, j, n;
	int err;

	if (entries && !pvm_area_has_ldt(v))
		return -ENOMEM;
	for (i = 0; i < entries; i += n) {
		n = min_t(u32, entries - i, ARRAY_SIZE(chunk));
		err = pvm_gva_read(v, base + (u64)i * sizeof(u64), chunk, n * sizeof(u64));
		if (err)
			return err;
		for (j = 0; j < n; j++)
			pvm_area_set_ldt_entry(v, i + j, chunk[j]);
	}
	pvm_area_load_ldt(v, entries);
	return 0;
}

static void load_tls(struct pvm_vcpu *v, u32 index, u64 d)
{
	pvm_area_set_descriptor(v, index, index < v->cpu.gdt_entries ? hardware_descriptor(d) : 0);
}

/**
 * pvm_hc_set_gdt - load the GDT
 * @v:		the vCPU
 * @frames:	guest address of its frame numbers
 * @g_entries:	descriptors
 *
 * Context: resident.
 * Return: 0, -EINVAL too many or no such frame, -EFAULT, -PVM_ENEED.
 */
long pvm_hc_set_gdt(struct pvm_vcpu *v, u64 frames, u64 g_entries)
{
	u64 list[ARRAY_SIZE(v->cpu.gdt_frames)], tls[PVM_TLS_LAST - PVM_TLS_FIRST + 1] = { 0 };
	u32 entries = g_entries, nr, i;
	int err;

	if (entries > PVM_GDT_ENTRIES_MAX)
		return -EINVAL;
	nr = DIV_ROUND_UP(entries, PVM_GDT_PER_FRAME);
	if (nr) {
		err = pvm_gva_read(v, frames, list, nr * sizeof(list[0]));
		if (err)
			return err;
	}
	for (i = 0; i < nr; i++)
		if (!pvm_gfn_valid(v->vm, pvm_gfn(list[i])))
			return -EINVAL;
	if (nr) {
		err = pvm_gmem_read(v, pvm_gfn(list[0]), PVM_TLS_FIRST * sizeof(u64), tls, sizeof(tls));
		if (err)
			return err == -PVM_ENEED ? err : -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(v->cpu.gdt_frames); i++)
		v->cpu.gdt_frames[i] = pvm_gfn(i < nr ? list[i] : 0);
	v->cpu.gdt_entries = entries;
	for (i = PVM_TLS_FIRST; i <= PVM_TLS_LAST; i++)
		load_tls(v, i, tls[i - PVM_TLS_FIRST]);
	return 0;
}

/* The hardware LDT is a copy: make it again if the frame just written is part of the guest's. */
static int refresh_ldt(struct pvm_vcpu *v, pvm_gfn_t changed)
{
	u64 offset, bytes = (u64)v->cpu.ldt_entries * sizeof(u64);

	for (offset = 0; offset < bytes; offset += PVM_PAGE_SIZE) {
		pvm_gfn_t gfn;
		int err = pvm_gva_to_gfn(v, v->cpu.ldt_base + offset, false, &gfn);

		if (err == -PVM_ENEED)
			return err;
		if (!err && gfn.v == changed.v)
			return pvm_hc_load_ldt(v, v->cpu.ldt_base, v->cpu.ldt_entries);
	}
	return 0;
}

/**
 * pvm_hc_update_descriptor - write one descriptor, wherever it lies
 * @v:		the vCPU
 * @maddr:	address in guest frames
 * @d:		the descriptor
 *
 * Guest memory gets the guest's own value; only the hardware copy is changed to what may be loaded.
 *
 * Context: resident.
 * Return: 0, -EINVAL bad address or a system descriptor, -PVM_ENEED.
 */
long pvm_hc_update_descriptor(struct pvm_vcpu *v, u64 maddr, u64 d)
{
	pvm_gfn_t gfn = pvm_gfn(maddr >> PVM_PAGE_SHIFT);
	u32 slot = (maddr & (PVM_PAGE_SIZE - 1)) / sizeof(u64);
	int err;

	if (maddr & 7 || !pvm_gfn_valid(v->vm, gfn) || !descriptor_ok(d))
		return -EINVAL;
	err = pvm_gmem_write(v, gfn, slot * sizeof(u64), &d, sizeof(d));
	if (err)
		return err == -PVM_ENEED ? err : -EINVAL;
	if (v->cpu.gdt_entries && gfn.v == v->cpu.gdt_frames[0].v && slot >= PVM_TLS_FIRST && slot <= PVM_TLS_LAST)
		load_tls(v, slot, d);
	return likely(!v->cpu.ldt_entries) ? 0 : refresh_ldt(v, gfn);
}

/* ---- stack, bases, FPU ---- */

/**
 * pvm_hc_stack_switch - stack for entries from guest user mode
 * @v:	the vCPU
 * @ss:	selector, not used: the flat one is loaded
 * @sp:	stack pointer; 0 = none
 *
 * Assembly stores frames below it at CPL 0, so no part of the largest one may lie in the hole.
 *
 * Context: resident.
 * Return: 0, -EINVAL.
 */
long pvm_hc_stack_switch(struct pvm_vcpu *v, u64 ss, u64 sp)
{
	if (sp && (!pvm_is_guest_va(sp - 1) || !pvm_is_guest_va(sp - 256)))
		return -EINVAL;
	v->ss->kernel_sp = sp;
	pvm_trap_update_direct(v);
	return 0;
}

/**
 * pvm_hc_fpu_taskswitch - set or clear the guest's CR0.TS
 * @v:		the vCPU
 * @set:	the flag
 *
 * Context: resident.
 * Return: 0.
 */
long pvm_hc_fpu_taskswitch(struct pvm_vcpu *v, u64 set)
{
	v->cpu.cr0_ts = !!(u32)set;
	pvm_trap_update_direct(v);
	return 0;
}

/*
 * Load %gs with a selector and tell the base it brought. The inactive GS base takes the descriptor's base, as it
 * does when a kernel switches tasks; the CPU's own value goes back afterwards. A selector that cannot be loaded
 * leaves %gs zero, and some CPUs then leave the base alone: it must not be ours. IRQs are off between, because a
 * task switch would save the foreign base.
 */
static u64 gs_base_of_selector(u16 selector)
{
	unsigned long flags;
	u64 ours, base;

	local_irq_save(flags);
	rdmsrq(MSR_KERNEL_GS_BASE, ours);
	wrmsrq(MSR_KERNEL_GS_BASE, 0);
	asm_load_gs_index(selector);
	rdmsrq(MSR_KERNEL_GS_BASE, base);
	wrmsrq(MSR_KERNEL_GS_BASE, ours);
	local_irq_restore(flags);
	return base;
}

/**
 * pvm_hc_set_segment_base - FS and GS bases
 * @v:		the vCPU, in kernel mode as always in a hypercall
 * @which:	SEGBASE_*
 * @base:	canonical address, or a selector for SEGBASE_GS_USER_SEL
 *
 * Context: resident: the hardware GDT is the guest's.
 * Return: 0, -EINVAL.
 */
long pvm_hc_set_segment_base(struct pvm_vcpu *v, u64 which, u64 base)
{
	struct pvm_switch_state *ss = v->ss;

	if (which == SEGBASE_GS_USER_SEL) {
		ss->user_gs = gs_base_of_selector((u16)base);
		return 0;	/* whatever happened: Linux dies on anything else */
	}
	if (!pvm_is_canonical(base))
		return -EINVAL;
	switch (which) {
	case SEGBASE_FS:
		pvm_set_guest_fs(&v->area, base);
		return 0;
	case SEGBASE_GS_USER:
		ss->user_gs = base;
		return 0;
	case SEGBASE_GS_KERNEL:
		ss->guest_gs = base;
		ss->kernel_gs = base;
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * pvm_hc_set_debugreg - write a debug register
 * @v:		the vCPU
 * @reg:	number
 * @value:	value
 *
 * Context: resident.
 * Return: 0, -EPERM, -EINVAL, -ENODEV.
 */
long pvm_hc_set_debugreg(struct pvm_vcpu *v, u64 reg, u64 value)
{
	return pvm_debugreg_write(v, (u32)reg, value);
}

/**
 * pvm_hc_get_debugreg - read a debug register
 * @v:		the vCPU
 * @reg:	number
 *
 * Context: resident.
 * Return: the value, -ENODEV. No value looks like an error of ours: pvm_debugreg_write() sees to that.
 */
long pvm_hc_get_debugreg(struct pvm_vcpu *v, u64 reg)
{
	u64 value;
	int err = pvm_debugreg_read(v, (u32)reg, &value);

	return err ? err : (long)value;
}
