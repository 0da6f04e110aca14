// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry into the guest: last checks with IRQs off, the call into the text, what must be read or handed to the host
 * before IRQs come back.
 *
 * Neighbours: switcher.S does the switch, hostcpu.c made the CPU ready, guest/loop.c decides whether to enter.
 */
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <asm/apic.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/irq_vectors.h>
#include <asm/mce.h>

#include "core/pvm.h"
#include "core/trace.h"
#include "switcher/host.h"
#include "switcher/run.h"

/* The guest asked for #NM at its next FPU instruction; only the guest may see TS set. */
static void set_task_switched(void)
{
	unsigned long cr0;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %0, %%cr0" : : "r"(cr0 | X86_CR0_TS));
}

/*
 * DR6 belongs to whoever looks first; leave it as the CPU has it after reset. Return: is it the guest's; not so a bus
 * lock alone, which the host detects and whose bit is set when there was none (SDM vol. 3, 18.2.3).
 */
static bool take_dr6(struct pvm_vcpu *v)
{
	unsigned long dr6;

	asm volatile("mov %%db6, %0" : "=r"(dr6));
	asm volatile("mov %0, %%db6" : : "r"((unsigned long)DR6_RESERVED));
	if (!(dr6 & (DR_BUS_LOCK | 0xe00f)))
		return false;
	v->cpu.dr6 = (v->cpu.dr6 & ~0xfull) | (dr6 & 0xe00f);	/* only B0..B3 are ever cleared by the CPU */
	return true;
}

/* As if user code had met it: an error in guest memory is the VMM's, not the kernel's. */
static void machine_check_in_guest(struct pvm_vcpu *v)
{
	struct pt_regs regs = { .cs = __USER_CS, .flags = X86_EFLAGS_IF };

	pvm_count(v, PVM_STAT_EXIT_NMI);
	do_machine_check(&regs);
}

static void call_host_vector(struct pvm_vcpu *v, u32 vector)
{
	const gate_desc *idt = (const gate_desc *)v->ss->host_idt.base;

	pvm_call_gate(gate_offset(&idt[vector]));
	local_irq_disable();
}

/**
 * pvm_switch_begin() - the CPU as the entries that follow want it
 * @v: resident vCPU
 *
 * Looks at what host code may have changed; none of it can change while IRQs stay off.
 *
 * Context: IRQs off.
 */
void pvm_switch_begin(struct pvm_vcpu *v)
{
	unsigned long cr4 = pvm_read_cr4();

	/* Host code may have switched PGE on behind our back (any cr4_set_bits() from its shadow). */
	if (unlikely(cr4 & X86_CR4_PGE)) {
		pvm_write_cr4(cr4 & ~X86_CR4_PGE);
		pvm_count(v, PVM_STAT_PGE_TOGGLES);
	}
	/* With PCIDs the guest runs on PCID 0, which Linux does not use; bit 63 keeps the host's TLB. */
	v->ss->host_cr3 = pvm_read_cr3() | (cr4 & X86_CR4_PCIDE ? 1ull << 63 : 0);
	pvm_debug_store_check(v);
	if (unlikely(v->cpu.cr0_ts))
		set_task_switched();
}

/** pvm_switch_trace_exit() - the tracepoint; that of an NMI waits until the NMI was handled. Context: IRQs off. */
void pvm_switch_trace_exit(struct pvm_vcpu *v)
{
	if (v->ss->regs.vector != PVM_X_NMI)
		trace_pvm_exit(v);
}

/* What an NMI, #MC or #DB left behind. */
static void serve_unusual(struct pvm_vcpu *v, u32 vector)
{
	struct pvm_switch_state *ss = v->ss;

	if (ss->db_dropped) {
		ss->db_dropped = 0;
		asm volatile("mov %0, %%db6" : : "r"((unsigned long)DR6_RESERVED));
	}
	if (vector == PVM_X_NMI) {
		/* NMIs are blocked since it came: no IRET was executed. The handler's own IRET lets the next one in. */
		pvm_count(v, PVM_STAT_EXIT_NMI);
		asm volatile("int $2" : : : "memory");
		trace_pvm_exit(v);
	}
	if (ss->nmi_pending) {
		/* Noted and unblocked inside the switcher: an INT could be hit half-way by the next NMI. Send one. */
		ss->nmi_pending = 0;
		pvm_count(v, PVM_STAT_EXIT_NMI);
		apic->send_IPI(smp_processor_id(), NMI_VECTOR);
	}
	if (vector == PVM_X_MC)
		machine_check_in_guest(v);
	if (ss->mc_pending) {
		pvm_count(v, PVM_STAT_EXIT_NMI);
		asm volatile("int $18" : : : "memory");
	}
}

/**
 * pvm_switch_end() - after the last of a row of entries
 * @v: the vCPU
 *
 * Host interrupts, NMIs and machine checks that ended the run are handed to the host in here.
 *
 * Context: IRQs off before and after. Return: PVM_SWITCH_*.
 */
enum pvm_switch_result pvm_switch_end(struct pvm_vcpu *v)
{
	struct pvm_switch_state *ss = v->ss;
	u32 vector = ss->regs.vector;

	if (unlikely(v->cpu.cr0_ts))
		asm volatile("clts");
	serve_unusual(v, vector);
	if (unlikely(ss->fatal))
		return PVM_SWITCH_FATAL;
	if (vector == PVM_X_NMI || vector == PVM_X_MC || vector == PVM_VEC_NONE)
		return PVM_SWITCH_HOST;
	if (vector == PVM_X_DB && !take_dr6(v))
		return PVM_SWITCH_HOST;
	if (vector >= 32 && vector < 256 && (vector != 0x80 || !pvm_host_has_int80())) {
		pvm_count(v, PVM_STAT_EXIT_IRQ);
		call_host_vector(v, vector);
		return PVM_SWITCH_HOST;
	}
	return PVM_SWITCH_GUEST;
}
