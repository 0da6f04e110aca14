// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a taken CPU executes: one command per trip through the trampoline, and what both back ends share in answering
 * exits.
 *
 *	INIT-SIPI ──▶ pvm_sup_main() ── SAVE, RESTORE ──▶ PARKED
 *	                   └── RUN ──▶ WAITING (mailbox) ──▶ RUNNING ──▶ STOPPED
 *
 * Supervisor side (part.h): nothing here may touch the kernel but the partition's structures. A fault in here is a bug
 * of ours; it stops the CPU with PVM_PSTOP_DRIVER and leaves the host alone.
 *
 * Neighbours: launch.S enters here, svm.c and vmx.c run the guest, policy.c decides, part.c waits for us.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/apicdef.h>
#include <asm/barrier.h>
#include <asm/msr-index.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/pci_mail.h"
#include "part/tramp.h"

static_assert(offsetof(struct pvm_pcpu, nmi_pending) == PVM_PCPU_NMI_PENDING);
static_assert(sizeof(struct pvm_pcpu_block) == PVM_PCPU_BLOCK_BYTES);
static_assert(offsetof(struct pvm_pcpu_block, gdt) == PVM_BLOCK_GDT);
static_assert(sizeof_field(struct pvm_pcpu_block, gdt) == PVM_BLOCK_GDT_BYTES);
static_assert(offsetof(struct pvm_pcpu_block, idt) == PVM_BLOCK_IDT);
static_assert(sizeof_field(struct pvm_pcpu_block, idt) == PVM_BLOCK_IDT_BYTES);
static_assert((PAGE_SIZE << PVM_PCPU_BLOCK_ORDER) == PVM_PCPU_BLOCK_BYTES);

/*
 * Registers that survive INIT and that a kernel changes: the host's values go back before the host gets the CPU.
 * What add_cpu() writes anyway (PAT, MTRRs, XCR0, EFER) need not be here.
 */
static const u32 kept_msrs[] = {
	MSR_IA32_SPEC_CTRL, MSR_IA32_MISC_ENABLE, MSR_IA32_DEBUGCTLMSR, MSR_IA32_XSS, MSR_IA32_CR_PAT,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
	MSR_CORE_PERF_GLOBAL_CTRL, MSR_IA32_TSC_ADJUST, MSR_K7_HWCR, MSR_AMD64_LS_CFG, MSR_AMD64_DE_CFG,
	MSR_AMD64_TSC_RATIO,
};
static_assert(ARRAY_SIZE(kept_msrs) <= PVM_SUP_MSRS);

/* What a kernel expects after a reset and does not set before it relies on it. */
static const struct {
	u32 msr;
	u64 value;
} reset_msrs[] = {
	{ MSR_IA32_CR_PAT, 0x0007040600070406ull },
	{ MSR_IA32_DEBUGCTLMSR, 0 },
	{ MSR_IA32_SPEC_CTRL, 0 },
	{ MSR_IA32_XSS, 0 },
	{ MSR_AMD64_TSC_RATIO, 1ull << 32 },	/* kvm may have left another one */
};

/*
 * What goes on by itself once a kernel has started it. Intel PT and PEBS write to memory, which may be the host's by
 * then; clearing TraceEn never faults (SDM vol. 3, Intel Processor Trace, IA32_RTIT_CTL). The interrupts of counters
 * and samples would be the host's (SDM vol. 3, 20.2; AMD APM vol. 2, 13.2 and 13.3). A CPU lacks some of them.
 */
static const struct {
	u32 first;
	u8 step, count;
	bool amd;
} recorders[] = {
	{ MSR_IA32_RTIT_CTL, 1, 1 },
	{ MSR_IA32_PEBS_ENABLE, 1, 1 },
	{ MSR_CORE_PERF_GLOBAL_CTRL, 1, 1 },
	{ MSR_CORE_PERF_FIXED_CTR_CTRL, 1, 1 },
	{ MSR_P6_EVNTSEL0, 1, 8 },
	{ MSR_IA32_DS_AREA, 1, 1 },
	{ MSR_AMD64_PERF_CNTR_GLOBAL_CTL, 1, 1, true },
	{ MSR_F15H_PERF_CTL0, 2, 6, true },
	{ MSR_K7_EVNTSEL0, 1, 4, true },
	{ MSR_AMD64_IBSFETCHCTL, 1, 1, true },
	{ MSR_AMD64_IBSOPCTL, 1, 1, true },
};

#define APIC_BASE_MODES	(X2APIC_ENABLE | MSR_IA32_APICBASE_ENABLE)

/* ---- what back ends call ------------------------------------------------------------------------------------ */

void pvm_sup_lock(struct pvm_sup *s)
{
	while (xchg_acquire(&s->lock, 1))
		while (READ_ONCE(s->lock))
			cpu_relax();
}

void pvm_sup_unlock(struct pvm_sup *s)
{
	smp_store_release(&s->lock, 0);
}

void pvm_sup_count(struct pvm_pcpu *c, enum pvm_part_stat s)
{
	WRITE_ONCE(c->stat[s], c->stat[s] + 1);
}

/* Which ports and registers are asked for; what comes when all rows are taken is not listed. */
void pvm_sup_detail(struct pvm_pcpu *c, u32 kind, u32 key)
{
	struct pvm_sup *s = c->sup;
	struct pvm_part_detail *d;
	u32 i;

	pvm_sup_lock(s);
	for (i = 0; i < PVM_PART_MAX_DETAILS; i++) {
		d = &s->detail[i];
		if (d->kind == PVM_PDETAIL_NONE) {
			d->key = key;
			d->kind = kind;
			s->detail_count = i + 1;
		}
		if (d->kind == kind && d->key == key) {
			d->count++;
			break;
		}
	}
	pvm_sup_unlock(s);
}

bool pvm_sup_must_stop(const struct pvm_pcpu *c)
{
	return READ_ONCE(c->sup->must_stop);
}

/**
 * pvm_sup_stop() - this CPU leaves the partition's kernel
 * @c:		CPU
 * @reason:	PVM_PSTOP_*
 * @code:	detail, see the UAPI
 * @addr:	likewise
 *
 * The first reason of all CPUs is the partition's. A machine check that nobody will handle ends here: with MCIP left
 * set the next one shuts the host's CPU down, and the machine with it (SDM vol. 3, IA32_MCG_STATUS; APM vol. 2, 9.3.2).
 * Its banks are left to the host, which reads them when the CPU comes back.
 * Context: supervisor. Return: PVM_SUP_STOP.
 */
enum pvm_sup_act pvm_sup_stop(struct pvm_pcpu *c, u32 reason, u64 code, u64 addr)
{
	if (reason == PVM_PSTOP_MCE)
		pvm_sup_wrmsr_safe(MSR_IA32_MCG_STATUS, 0);
	c->stop_code = code;
	c->stop_addr = addr;
	WRITE_ONCE(c->stop_reason, reason);
	if (cmpxchg(&c->sup->first_stop, PVM_PSTOP_NONE, reason) == PVM_PSTOP_NONE)
		c->sup->first_stop_index = c->index;
	return PVM_SUP_STOP;
}

/* Until now the host sent no INIT: it would have reset the CPU before it could say so. */
void pvm_sup_running(struct pvm_pcpu *c)
{
	smp_store_release(&c->state, PVM_SUP_RUNNING);
}

static void stop_recorders(const struct pvm_pcpu *c)
{
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(recorders); i++)
		for (n = 0; n < recorders[i].count && recorders[i].amd != c->sup->ops->vmx; n++)
			pvm_sup_wrmsr_safe(recorders[i].first + n * recorders[i].step, 0);
	mb();			/* what PT has collected is in memory before anybody reads or reuses it */
}

/*
 * The host sees it from here on, and may send INIT, which waits until the back end lets it in. It may give the memory
 * to somebody else, too: nothing of the partition's writes there any more.
 */
void pvm_sup_publish(struct pvm_pcpu *c)
{
	stop_recorders(c);
	smp_store_release(&c->state, PVM_SUP_STOPPED);
}

/* What every back end does with a decision; EFER, CR0, XCR0 are left to it and count as RESUME. */
static enum pvm_sup_act settle(struct pvm_pcpu *c, const struct pvm_decision *d, u64 code, u64 addr)
{
	switch (d->act) {
	case PVM_PACT_UD:
		return PVM_SUP_UD;
	case PVM_PACT_GP:
		return PVM_SUP_GP;
	case PVM_PACT_MC:
		return PVM_SUP_MC;
	case PVM_PACT_STOP:
		return pvm_sup_stop(c, d->stop, code, addr);
	default:
		return PVM_SUP_RESUME;
	}
}

static void fill_view(const struct pvm_pcpu *c, struct pvm_cpu_view *view)
{
	view->flags |= (c->index ? 0 : PVM_VIEW_BOOT_CPU) | (c->sup->ops->vmx ? PVM_VIEW_VMX : 0);
	view->apic_base = pvm_rdmsr(MSR_IA32_APICBASE);
}

/* The devices behind a port; under the partition's lock. Return: what IN reads. */
static u32 use_device(struct pvm_pcpu *c, const struct pvm_pio *io, const struct pvm_decision *d)
{
	struct pvm_sup *s = c->sup;

	switch (d->act) {
	case PVM_PACT_CONSOLE:
		if (io->in)
			return pvm_uart_in(&s->policy.uart, s->console, d->index);
		pvm_uart_out(&s->policy.uart, s->console, d->index, d->value);
		return 0;
	case PVM_PACT_CLOCK:
		return pvm_rtc_read(&s->policy.rtc, rdtsc(), d->index);
	default:
		return d->value;
	}
}

static void count_console(struct pvm_pcpu *c, u32 out, u32 in)
{
	WRITE_ONCE(c->stat[PVM_PART_STAT_CONSOLE_OUT], c->stat[PVM_PART_STAT_CONSOLE_OUT] + out);
	WRITE_ONCE(c->stat[PVM_PART_STAT_CONSOLE_IN], c->stat[PVM_PART_STAT_CONSOLE_IN] + in);
}

/**
 * pvm_sup_io() - an access to a port that is not the partition's own
 * @c:	CPU
 * @io:	the access
 * @rax: guest's; changed by IN
 *
 * Context: supervisor. Return: PVM_SUP_RESUME or _STOP.
 */
enum pvm_sup_act pvm_sup_io(struct pvm_pcpu *c, const struct pvm_pio *io, u64 *rax)
{
	struct pvm_sup *s = c->sup;
	struct pvm_decision d;
	u32 value, out, in;

	pvm_sup_lock(s);
	out = s->policy.uart.out_head;
	in = s->policy.uart.in_tail;
	d = pvm_policy_io(&s->policy, io, *rax);
	value = use_device(c, io, &d);
	out = s->policy.uart.out_head - out;
	in = s->policy.uart.in_tail - in;
	pvm_sup_unlock(s);
	pvm_sup_count(c, d.stat);
	if (d.act == PVM_PACT_PCI)
		value = pvm_pci_ask(c, d.index, d.bytes, !io->in, d.value);	/* waits: not under the lock */
	if (d.act == PVM_PACT_CONSOLE)
		count_console(c, out, in);
	else
		pvm_sup_detail(c, io->in ? PVM_PDETAIL_IN : PVM_PDETAIL_OUT, io->port);
	if (io->in && !io->string)
		*rax = pvm_policy_in_rax(*rax, value, io->bytes);
	return settle(c, &d, *rax, io->port);
}

/**
 * pvm_sup_rdmsr() - RDMSR of a register that is not the partition's own
 * @c:		CPU
 * @view:	efer, cr0, cr4 of the guest
 * @msr:	its number
 * @value:	OUT
 *
 * Context: supervisor. Return: PVM_SUP_RESUME or PVM_SUP_GP.
 */
enum pvm_sup_act pvm_sup_rdmsr(struct pvm_pcpu *c, struct pvm_cpu_view *view, u32 msr, u64 *value)
{
	struct pvm_decision d;

	fill_view(c, view);
	d = pvm_policy_rdmsr(view, msr);
	pvm_sup_count(c, d.stat);
	pvm_sup_detail(c, PVM_PDETAIL_RDMSR, msr);
	*value = d.value;
	return settle(c, &d, msr, 0);
}

/**
 * pvm_sup_wrmsr() - WRMSR, likewise
 * @c:		CPU
 * @view:	efer, cr0, cr4 of the guest
 * @msr:	its number
 * @d:		IN value: what the guest writes; OUT: with act PVM_PACT_EFER its EFER is to become value
 *
 * Context: supervisor. Return: PVM_SUP_RESUME or PVM_SUP_GP.
 */
enum pvm_sup_act pvm_sup_wrmsr(struct pvm_pcpu *c, struct pvm_cpu_view *view, u32 msr, struct pvm_decision *d)
{
	fill_view(c, view);
	*d = pvm_policy_wrmsr(view, msr, d->value);
	pvm_sup_count(c, d->stat);
	pvm_sup_detail(c, PVM_PDETAIL_WRMSR, msr);
	return settle(c, d, msr, 0);
}

/**
 * pvm_sup_cr0() - a write to CR0
 * @c:		CPU
 * @view:	efer, cr0, cr4 of the guest
 * @d:		IN value: what the guest writes; OUT: with act PVM_PACT_CR0 its CR0 is to become value
 *
 * Context: supervisor. Return: PVM_SUP_RESUME, _GP or _STOP.
 */
enum pvm_sup_act pvm_sup_cr0(struct pvm_pcpu *c, struct pvm_cpu_view *view, struct pvm_decision *d)
{
	u64 value = d->value;

	fill_view(c, view);
	*d = pvm_policy_cr0(view, value);
	pvm_sup_count(c, d->stat);
	return settle(c, d, value, c->last_rip);
}

/**
 * pvm_sup_machine_check() - #MC while the guest ran
 * @c:		CPU
 * @view:	cr4 of the guest
 *
 * Context: supervisor. Return: PVM_SUP_MC or _STOP.
 */
enum pvm_sup_act pvm_sup_machine_check(struct pvm_pcpu *c, struct pvm_cpu_view *view)
{
	struct pvm_decision d;

	fill_view(c, view);
	d = pvm_policy_machine_check(view);
	pvm_sup_count(c, d.stat);
	return settle(c, &d, PVM_X_MC, c->last_rip);
}

/* ---- commands ----------------------------------------------------------------------------------------------- */

static u32 own_apic_id(void)
{
	u32 eax = 0xb, ebx, ecx = 0, edx;

	if (native_cpuid_eax(0) >= 0xb) {
		native_cpuid(&eax, &ebx, &ecx, &edx);
		if (ebx)
			return edx;
	}
	return native_cpuid_ebx(1) >> 24;
}

static void save(struct pvm_pcpu *c)
{
	u32 i;

	c->seen_apic_id = own_apic_id();
	c->ready = c->sup->ops->ready();
	c->saved_apic_base = pvm_rdmsr(MSR_IA32_APICBASE);
	c->saved_mask = 0;
	for (i = 0; i < ARRAY_SIZE(kept_msrs); i++)
		if (!pvm_sup_rdmsr_safe(kept_msrs[i], &c->saved_msr[i]))
			c->saved_mask |= 1ull << i;
}

/* From x2APIC to xAPIC the way leads through "off" (SDM vol. 3, 11.12.5). */
static void restore_apic_base(u64 want)
{
	u64 now = pvm_rdmsr(MSR_IA32_APICBASE);

	if ((now & APIC_BASE_MODES) != (want & APIC_BASE_MODES) || (now ^ want) & PAGE_MASK)
		pvm_sup_wrmsr_safe(MSR_IA32_APICBASE, want & ~(u64)APIC_BASE_MODES);
	pvm_sup_wrmsr_safe(MSR_IA32_APICBASE, want & ~(u64)X2APIC_ENABLE);
	if (want & X2APIC_ENABLE)
		pvm_sup_wrmsr_safe(MSR_IA32_APICBASE, want);
}

static void restore(struct pvm_pcpu *c)
{
	u32 i;
	u64 now;

	stop_recorders(c);	/* a CPU that INIT reset did not come to it */
	pvm_sup_wrmsr_safe(MSR_IA32_MCG_STATUS, 0);	/* nor to the end of its machine check, perhaps */
	for (i = 0; i < ARRAY_SIZE(kept_msrs); i++)
		if (c->saved_mask & 1ull << i && !pvm_sup_rdmsr_safe(kept_msrs[i], &now) && now != c->saved_msr[i])
			pvm_sup_wrmsr_safe(kept_msrs[i], c->saved_msr[i]);
	if (pvm_rdmsr(MSR_IA32_APICBASE) != c->saved_apic_base)
		restore_apic_base(c->saved_apic_base);
}

/* ACPI 6.4, 5.2.12.19: u16 command (1 = wake up), u16 reserved, u32 APIC id, u64 address; the OS owns 2048 bytes. */
static bool woken(struct pvm_pcpu *c)
{
	u8 *box = (u8 *)PVM_SUP_MAILBOX_VA;

	if (smp_load_acquire((u16 *)box) != 1 || READ_ONCE(*(u32 *)(box + 4)) != c->seen_apic_id)
		return false;
	c->entry_rip = READ_ONCE(*(u64 *)(box + 8));
	smp_store_release((u16 *)box, 0);
	return true;
}

static void run(struct pvm_pcpu *c)
{
	struct pvm_sup *s = c->sup;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(reset_msrs); i++)
		pvm_sup_wrmsr_safe(reset_msrs[i].msr, reset_msrs[i].value);
	c->entry_rip = s->start.rip;
	smp_store_release(&c->state, PVM_SUP_WAITING);
	while (c->index && !pvm_sup_must_stop(c) && !woken(c))
		cpu_relax();
	if (pvm_sup_must_stop(c)) {
		pvm_sup_stop(c, PVM_PSTOP_ASKED, 0, 0);
		pvm_sup_publish(c);
	} else {
		s->ops->run(c);
	}
}

static void __noreturn park(void)
{
	for (;;)
		asm volatile("cli\n\thlt");
}

/**
 * pvm_sup_main() - the supervisor, from the way in to parked
 * @c: this CPU
 *
 * Context: supervisor, interrupts off, on the CPU's own stack.
 */
void pvm_sup_main(struct pvm_pcpu *c)
{
	pvm_wrmsr(MSR_GS_BASE, c->host_gs_base);
	asm volatile("mov %0, %%cr4" : : "r"(c->sup->cr4));
	switch (READ_ONCE(c->command)) {
	case PVM_SUP_SAVE:
		save(c);
		break;
	case PVM_SUP_RESTORE:
		restore(c);
		break;
	case PVM_SUP_RUN:
		run(c);
		park();
	default:
		break;
	}
	smp_store_release(&c->state, PVM_SUP_PARKED);
	park();
}

/**
 * pvm_sup_fault() - an exception in the supervisor
 * @c:		this CPU
 * @vector:	its vector
 * @error:	its error code
 * @rip:	where
 *
 * A machine check stops the partition as such; anything else is a bug of ours.
 * Context: supervisor; does not return.
 */
void pvm_sup_fault(struct pvm_pcpu *c, u64 vector, u64 error, u64 rip)
{
	u32 reason = vector == PVM_X_MC ? PVM_PSTOP_MCE : PVM_PSTOP_DRIVER;

	c->last_rip = rip;
	pvm_sup_stop(c, reason, vector | error << 32, rip);
	c->sup->ops->leave(c);
	park();
}
