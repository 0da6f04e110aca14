// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a CPU must look like while a vCPU is on it ("resident"), and how it is given back.
 *
 * Resident: our GDT and TR, LSTAR/CSTAR ours, SYSENTER off, CR4.PGE off, guest FPU state, guest LDT and debug
 * registers. Loaded by pvm_residency_load(), dropped by pvm_residency_drop() before anything that can schedule; the
 * host's values are read at load, never assumed. IRQs, NMIs and machine checks may hit host code in between: our GDT
 * holds the host's descriptors 1..6, 8 and 15 and our TSS the host's IST 1..5, so its entry code works under them.
 *
 * PGE is off because a host global TLB entry would otherwise win over the guest's mapping of the same address: seen
 * in Bochs as a write of the switcher into host memory (tests/bochs: pge).
 */
#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/api.h>
#include <asm/hw_breakpoint.h>
#include <asm/mmu_context.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "core/pvm.h"
#include "switcher/features.h"
#include "switcher/host.h"
#include "switcher/layout.h"
#include "switcher/run.h"

/*
 * XSAVE components a guest may use: x87, SSE, AVX, AVX-512 (SDM vol. 1, 13.1). Others stay in the host's state: PKRU
 * (bit 9) is switched eagerly by the host, AMX needs permission, supervisor components need CPL 0.
 */
#define GUEST_XCR0	0xe7ull

static u64 guest_xcr0;		/* GUEST_XCR0 as far as the host enabled it; 0 without XSAVE */
static u32 fpu_bytes;

static u64 read_xcr0(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (u64)hi << 32;
}

u64 pvm_switch_guest_xcr0(void)
{
	return guest_xcr0;
}

u32 pvm_fpu_bytes(void)
{
	return fpu_bytes;
}

/* FPU reset state: FXSAVE area with FCW 0x37f and MXCSR 0x1f80; all XSAVE components in their init state. */
void pvm_fpu_reset(void *fpu)
{
	memset(fpu, 0, fpu_bytes);
	*(u16 *)fpu = 0x37f;
	*(u32 *)(fpu + 24) = 0x1f80;
}

void pvm_fpu_load_guest(struct pvm_vcpu *v)
{
	if (guest_xcr0)
		asm volatile("xrstor64 (%0)" : : "r"(v->area.fpu), "a"((u32)guest_xcr0), "d"(0) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r"(v->area.fpu) : "memory");
}

void pvm_fpu_save_guest(struct pvm_vcpu *v)
{
	if (guest_xcr0)
		asm volatile("xsave64 (%0)" : : "r"(v->area.fpu), "a"((u32)guest_xcr0), "d"(0) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r"(v->area.fpu) : "memory");
}

/* Mitigations at parity with the host's own system call edge; driver/README.md has the table. */
u32 pvm_host_mitigations(void)
{
	u32 m = 0;

	if (PVM_CPU_CLEARS_BUFFERS)
		m |= PVM_MIT_VERW;
	if (PVM_CPU_KERNEL_IBRS)
		m |= PVM_MIT_IBRS;
	if (PVM_CPU_CLEARS_BHB)
		m |= PVM_MIT_BHB;
	if (PVM_CPU_ENTRY_IBPB)
		m |= PVM_MIT_IBPB;
	if (PVM_CPU_UNTRAINS)
		m |= PVM_MIT_UNRET;
	/*
	 * SMEP keeps the host from following return addresses of a program, which are user addresses. A guest kernel
	 * lives where the host kernel does: its return addresses are ones the host can follow. The host fills the
	 * buffer at task switches unless it was told not to care.
	 */
	if (boot_cpu_has(X86_FEATURE_RSB_CTXSW) || !boot_cpu_has(X86_FEATURE_SMEP))
		m |= PVM_MIT_RSB;
	return m;
}

/*
 * modify_ldt(2) by another thread of the VMM sends an IPI whose handler does LLDT with the host's selector, which is
 * also ours. The handler must find a table there, an empty one if the guest has none: LLDT of anything else is #GP in
 * an interrupt of the host.
 */
static void keep_ldt_loadable(struct pvm_switch_area *a)
{
	u64 *gdt = a->gdt_low;

	if (!a->ldt_loaded)
		gdt[PVM_GDT_LDT] = PVM_EMPTY_LDT;
}

static void load_tables(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	struct tss_struct *host_tss = this_cpu_ptr(&cpu_tss_rw);
	const u64 *host_gdt = (const u64 *)get_cpu_gdt_rw(smp_processor_id());
	struct x86_hw_tss *tss = a->tss;
	u64 *gdt = a->gdt_low;
	struct pvm_table_ptr ptr;
	u32 i;

	asm volatile("sidt %0" : "=m"(v->ss->host_idt));
	asm volatile("sgdt %0" : "=m"(a->host_gdt));
	for (i = 0; i < 5; i++)
		tss->ist[i] = host_tss->x86_tss.ist[i];
	v->ss->host_cpunode = READ_ONCE(host_gdt[GDT_ENTRY_CPUNODE]);
	gdt[PVM_GDT_CPUNODE] = v->ss->host_cpunode;
	gdt[PVM_GDT_TSS] &= ~(2ull << 40);	/* LTR wants it available, and marks it busy */
	keep_ldt_loadable(a);
	ptr.limit = 15 * PAGE_SIZE - 1;
	ptr.base = a->va + PVM_AREA_GDT;
	asm volatile("lgdt %0" : : "m"(ptr));
	asm volatile("ltr %w0" : : "r"(PVM_GDT_TSS * 8));
	v->stat[PVM_STAT_TABLE_LOADS] += 2;
}

/*
 * LTR writes the busy bit, and the GDT the host runs on is mapped read-only: go through its writable alias once.
 * gdt_page and load_fixmap_gdt's address are all the host needs back.
 */
static void restore_tables(struct pvm_vcpu *v)
{
	struct desc_struct *rw = get_cpu_gdt_rw(smp_processor_id());
	u64 *tss = (u64 *)&rw[GDT_ENTRY_TSS];
	struct pvm_table_ptr ptr = { .limit = GDT_SIZE - 1, .base = (u64)rw };

	*tss &= ~(2ull << 40);
	asm volatile("lgdt %0" : : "m"(ptr));
	asm volatile("ltr %w0" : : "r"(GDT_ENTRY_TSS * 8));
	asm volatile("lgdt %0" : : "m"(v->area.host_gdt));
	v->stat[PVM_STAT_TABLE_LOADS] += 3;
}

void pvm_host_load_ldt(struct pvm_vcpu *v)
{
	u16 sel = v->area.ldt_loaded ? PVM_GDT_LDT * 8 : 0;

	keep_ldt_loadable(&v->area);
	if (v->area.resident)
		asm volatile("lldt %0" : : "r"(sel));
}

/*
 * The host's LDT may have come into being while we were resident, so what SLDT said then is not enough. If its IPI is
 * still on the way here, the host's descriptor may not be usable yet: then none, until the IPI is taken.
 */
static void restore_ldt(const struct pvm_switch_area *a)
{
	u32 sel = a->host_ldt;
	u16 now;

#ifdef CONFIG_MODIFY_LDT_SYSCALL
	if (current->mm && READ_ONCE(current->mm->context.ldt))
		sel = GDT_ENTRY_LDT * 8;
#endif
	asm volatile("sldt %0" : "=r"(now));
	if (!now && !sel)
		return;
	asm volatile("1: lldt %w0\n"
		     "2:\n"
		     ".pushsection .fixup, \"ax\"\n"
		     "3: xorl %0, %0\n"
		     "   jmp 1b\n"
		     ".popsection\n"
		     _ASM_EXTABLE(1b, 3b)
		     : "+r"(sel));
}

/* A guest's selector may have become unusable (its TLS entry or LDT went away): then NULL, as an IRET would. */
#define LOAD_SELECTOR(reg, sel) do {						\
	u32 s__ = (sel);							\
	asm volatile("1: movl %0, %%" #reg "\n"				\
		     "2:\n"							\
		     ".pushsection .fixup, \"ax\"\n"				\
		     "3: xorl %0, %0\n"					\
		     "   jmp 1b\n"						\
		     ".popsection\n"						\
		     _ASM_EXTABLE(1b, 3b)					\
		     : "+r"(s__) : : "memory");					\
} while (0)

void pvm_load_segments(u16 ds, u16 es, u16 fs, u16 gs)
{
	LOAD_SELECTOR(ds, ds);
	LOAD_SELECTOR(es, es);
	LOAD_SELECTOR(fs, fs);
	/* The host's own: its exception entry knows that this load can fault while the GS base is swapped. */
	asm_load_gs_index(gs);
}

/* A selector that could not be loaded is NULL now; the guest hears of it by its failsafe callback (xen/trap.c). */
static void note_lost_segments(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	const u16 wanted[4] = { a->guest_ds, a->guest_es, a->guest_fs_sel, a->guest_gs_sel };
	u32 is[4], i;

	asm volatile("mov %%ds, %0" : "=r"(is[0]));
	asm volatile("mov %%es, %0" : "=r"(is[1]));
	asm volatile("mov %%fs, %0" : "=r"(is[2]));
	asm volatile("mov %%gs, %0" : "=r"(is[3]));
	for (i = 0; i < 4; i++)
		if (wanted[i] & ~3 && !(is[i] & 0xfffc))
			v->traps.failsafe_pending = true;
	if (v->traps.failsafe_pending)
		memcpy(v->traps.failsafe_sel, wanted, sizeof(wanted));
}

/*
 * The part of the guest's DR7 that the CPU gets. DR7 stays loaded while host code runs (interrupts, hypercalls), and a
 * guest kernel's addresses are the host kernel's as well: a breakpoint of it on, say, an instruction of an interrupt
 * handler would hang the host. So only addresses in the lower half are watched.
 */
static u64 loadable_dr7(const struct pvm_vcpu *v)
{
	u64 dr7 = v->cpu.dr7;
	u32 i;

	for (i = 0; i < 4; i++)
		if (v->cpu.dr[i] >> 47)
			dr7 &= ~(3ull << (2 * i));
	return dr7;
}

#define READ_DR(n, v)	asm volatile("mov %%db" #n ", %0" : "=r"(v))
#define WRITE_DR(n, v)	asm volatile("mov %0, %%db" #n : : "r"((unsigned long)(v)))

/*
 * DR0..3 and DR7 of the guest; the host's breakpoints must not fire in the guest, nor the guest's in the host. A host
 * breakpoint that is moved by IPI in the few microseconds both sides use them is restored to its old address.
 */
static void load_debugregs(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	u64 dr7 = loadable_dr7(v);

	if (dr7 & 0xff) {
		WRITE_DR(7, 0);			/* no breakpoint of the host at an address of the guest */
		READ_DR(0, a->host_dr[0]);
		READ_DR(1, a->host_dr[1]);
		READ_DR(2, a->host_dr[2]);
		READ_DR(3, a->host_dr[3]);
		WRITE_DR(0, v->cpu.dr[0]);
		WRITE_DR(1, v->cpu.dr[1]);
		WRITE_DR(2, v->cpu.dr[2]);
		WRITE_DR(3, v->cpu.dr[3]);
		WRITE_DR(7, dr7);
		a->dr_saved = true;
		a->debug_loaded = true;
	} else if (hw_breakpoint_active()) {
		WRITE_DR(7, 0);
		a->debug_loaded = true;
	}
}

static void restore_debugregs(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;

	if (!a->debug_loaded)
		return;
	a->debug_loaded = false;
	WRITE_DR(7, 0);
	if (a->dr_saved) {
		a->dr_saved = false;
		WRITE_DR(0, a->host_dr[0]);
		WRITE_DR(1, a->host_dr[1]);
		WRITE_DR(2, a->host_dr[2]);
		WRITE_DR(3, a->host_dr[3]);
	}
	if (hw_breakpoint_active())
		WRITE_DR(7, __this_cpu_read(cpu_dr7));
}

/** pvm_host_reload_debugregs() - the guest changed v->cpu.dr[]. Context: the vCPU's task, preemption off. */
void pvm_host_reload_debugregs(struct pvm_vcpu *v)
{
	unsigned long flags;

	local_irq_save(flags);
	if (v->area.resident) {
		restore_debugregs(v);
		load_debugregs(v);
	}
	local_irq_restore(flags);
}

/*
 * WRPKRU needs no privilege and no permission of a guest kernel, and its effect would outlive the guest: on the guest
 * kernel (all mappings have key 0), on our accesses to guest memory, on the VMM. The guest starts with the host's value
 * whenever it gets the CPU, and what it made of it ends there.
 */
static void save_pkru(struct pvm_switch_area *a)
{
	if (boot_cpu_has(X86_FEATURE_OSPKE))
		a->host_pkru = rdpkru();
}

static void restore_pkru(const struct pvm_switch_area *a)
{
	if (boot_cpu_has(X86_FEATURE_OSPKE) && rdpkru() != a->host_pkru)
		wrpkru(a->host_pkru);
}

/** pvm_host_reset_pkru() - the host's protection keys again. Context: the vCPU's task, resident. */
void pvm_host_reset_pkru(struct pvm_vcpu *v)
{
	restore_pkru(&v->area);
}

/*
 * A VMM with a shadow stack: the guest must not run on it. The FPU section has saved the state, and the way back to
 * user space loads it again.
 */
static void user_shadow_stack_off(void)
{
#ifdef CONFIG_X86_USER_SHADOW_STACK
	if (boot_cpu_has(X86_FEATURE_USER_SHSTK) && current->thread.features)
		pvm_wrmsr(MSR_IA32_U_CET, 0);
#endif
}

/*
 * Precise events of perf (PEBS, BTS) write to a linear address, whatever CR3 is (SDM vol. 3, "DS Save Area and 64-Bit
 * Mode Operation"). On the guest's tables that address is the guest's. While a vCPU is resident they find a buffer of
 * ours that is full, but their counters start anew as the host wants: such an event is not sampled there. Only perf
 * writes DS_AREA, by an IPI when it starts or ends, which may be at any time with IRQs on.
 */
#define DS_HEADER	(56 * sizeof(u64))	/* pointers and, behind them, values that counters start anew with */

static bool has_debug_store;

static void look_at_debug_store(void)
{
	u64 value;

	has_debug_store = boot_cpu_data.x86_vendor == X86_VENDOR_INTEL && boot_cpu_has(X86_FEATURE_DS) &&
			  boot_cpu_has(X86_FEATURE_DTES64) && !rdmsrq_safe(MSR_IA32_DS_AREA, &value);
}

static u64 own_debug_store(const struct pvm_vcpu *v)
{
	return v->ss->self + offsetof(struct pvm_switch_state, debug_store);
}

/** pvm_debug_store_check() - before entries: perf's buffer is not the CPU's. Context: IRQs off, resident. */
void pvm_debug_store_check(struct pvm_vcpu *v)
{
	u64 *ds = v->ss->debug_store, buffer = own_debug_store(v) + DS_HEADER, host;

	if (!has_debug_store)
		return;
	host = pvm_rdmsr(MSR_IA32_DS_AREA);
	if (likely(!host || host == own_debug_store(v)))
		return;
	v->area.host_ds_area = host;
	memcpy(ds, (void *)host, DS_HEADER);
	/* BTS: base, index, end, threshold: one record, over and over; PEBS: the same, no room and no interrupt */
	ds[0] = ds[1] = ds[4] = ds[5] = ds[6] = buffer;
	ds[2] = buffer + 24 + 1;
	ds[3] = ds[7] = buffer + PAGE_SIZE;
	pvm_wrmsr(MSR_IA32_DS_AREA, own_debug_store(v));
	v->stat[PVM_STAT_MSR_WRITES]++;
}

/* What perf wrote since the last check stays. */
static void restore_debug_store(struct pvm_vcpu *v)
{
	if (likely(!v->area.host_ds_area))
		return;
	if (pvm_rdmsr(MSR_IA32_DS_AREA) == own_debug_store(v)) {
		pvm_wrmsr(MSR_IA32_DS_AREA, v->area.host_ds_area);
		v->stat[PVM_STAT_MSR_WRITES]++;
	}
	v->area.host_ds_area = 0;
}

/**
 * pvm_residency_load() - make this CPU ready to run the vCPU
 * @v: the vCPU
 *
 * Context: IRQs off, inside a kernel_fpu section. Undone by pvm_residency_drop() on the same CPU.
 */
void pvm_residency_load(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	struct pvm_switch_state *ss = v->ss;
	unsigned long cr4;

	load_tables(v);
	a->host_lstar = pvm_rdmsr(MSR_LSTAR);
	a->host_cstar = pvm_rdmsr(MSR_CSTAR);
	a->host_sysenter_cs = pvm_rdmsr(MSR_IA32_SYSENTER_CS);
	pvm_wrmsr(MSR_LSTAR, pvm_sw_syscall_va());
	pvm_wrmsr(MSR_CSTAR, pvm_sw_syscall32_va());
	pvm_wrmsr(MSR_IA32_SYSENTER_CS, 0);
	v->stat[PVM_STAT_MSR_WRITES] += 3;
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID)) {
		a->host_tsc_aux = pvm_rdmsr(MSR_TSC_AUX);
		if (a->host_tsc_aux != v->cpu.tsc_aux) {
			pvm_wrmsr(MSR_TSC_AUX, v->cpu.tsc_aux);
			v->stat[PVM_STAT_MSR_WRITES]++;
		}
	}
	/*
	 * Holds until the drop: the kernel changes its value for a task (SSBD, by prctl or seccomp, of other threads
	 * too) when that is switched in or asks for it itself, and for the CPU in idle and at hotplug; none of that
	 * happens to a resident task. What root writes by msr(4) meanwhile is lost at the next exit.
	 */
	if (ss->mitigations & PVM_MIT_IBRS)
		ss->host_spec_ctrl = pvm_rdmsr(MSR_IA32_SPEC_CTRL);
	ss->host_gs = pvm_rdmsr(MSR_GS_BASE);
	a->host_kgs = pvm_rdmsr(MSR_KERNEL_GS_BASE);
	a->host_fs = rdfsbase();
	asm volatile("mov %%ds, %0" : "=r"(a->host_ds));
	asm volatile("mov %%es, %0" : "=r"(a->host_es));
	asm volatile("mov %%fs, %0" : "=r"(a->host_fs_sel));
	asm volatile("mov %%gs, %0" : "=r"(a->host_gs_sel));
	asm volatile("sldt %0" : "=r"(a->host_ldt));
	load_debugregs(v);
	save_pkru(a);
	user_shadow_stack_off();
	cr4 = pvm_read_cr4();
	if (cr4 & X86_CR4_PGE) {
		pvm_write_cr4(cr4 & ~X86_CR4_PGE);
		pvm_count(v, PVM_STAT_PGE_TOGGLES);
	}
	a->resident = true;
	if (a->ldt_loaded || a->host_ldt)
		pvm_host_load_ldt(v);
	/* after the LDT: a selector that names a descriptor there would be lost, or the host's taken */
	pvm_load_segments(a->guest_ds, a->guest_es, a->guest_fs_sel, a->guest_gs_sel);
	if (unlikely((a->guest_ds | a->guest_es | a->guest_fs_sel | a->guest_gs_sel) & ~3))
		note_lost_segments(v);
	wrfsbase(a->guest_fs);
	/* What SWAPGS finds in the switcher. The host's value is for its user mode, which comes after the drop. */
	pvm_wrmsr(MSR_KERNEL_GS_BASE, ss->self);
	v->stat[PVM_STAT_MSR_WRITES]++;
	pvm_count(v, PVM_STAT_RESIDENCY);
}

/** pvm_residency_drop() - give the CPU back as pvm_residency_load() found it. Context: IRQs off, same CPU. */
void pvm_residency_drop(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	unsigned long cr4;

	asm volatile("mov %%ds, %0" : "=r"(a->guest_ds));
	asm volatile("mov %%es, %0" : "=r"(a->guest_es));
	asm volatile("mov %%fs, %0" : "=r"(a->guest_fs_sel));
	asm volatile("mov %%gs, %0" : "=r"(a->guest_gs_sel));
	a->guest_fs = rdfsbase();
	pvm_wrmsr(MSR_LSTAR, a->host_lstar);
	pvm_wrmsr(MSR_CSTAR, a->host_cstar);
	pvm_wrmsr(MSR_IA32_SYSENTER_CS, a->host_sysenter_cs);
	v->stat[PVM_STAT_MSR_WRITES] += 3;
	if ((boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID)) &&
	    a->host_tsc_aux != v->cpu.tsc_aux) {
		pvm_wrmsr(MSR_TSC_AUX, a->host_tsc_aux);
		v->stat[PVM_STAT_MSR_WRITES]++;
	}
	restore_tables(v);
	restore_ldt(a);
	pvm_load_segments(a->host_ds, a->host_es, a->host_fs_sel, a->host_gs_sel);
	wrfsbase(a->host_fs);
	pvm_wrmsr(MSR_KERNEL_GS_BASE, a->host_kgs);
	v->stat[PVM_STAT_MSR_WRITES]++;
	restore_debugregs(v);
	restore_debug_store(v);
	restore_pkru(a);
	cr4 = pvm_read_cr4();
	if (!(cr4 & X86_CR4_PGE)) {
		pvm_write_cr4(cr4 | X86_CR4_PGE);
		pvm_count(v, PVM_STAT_PGE_TOGGLES);
	}
	a->resident = false;
}

/* ---- may we run here at all --------------------------------------------------------------------------------- */

static int check_cpu(void)
{
	if (boot_cpu_has(X86_FEATURE_XENPV)) {
		pvm_err("refused: this kernel itself runs as a Xen PV guest, ring 0 is not its own");
		return -ENODEV;
	}
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pvm_err("refused: a PREEMPT_RT kernel; guests run with preemption off, where its locks sleep");
		return -ENODEV;
	}
	if (cc_platform_has(CC_ATTR_GUEST_STATE_ENCRYPT) || boot_cpu_has(X86_FEATURE_TDX_GUEST)) {
		pvm_err("refused: an encrypted guest (SEV-ES, TDX); its exceptions need the kernel's own IDT");
		return -ENODEV;
	}
	if (PVM_CPU_HAS_FRED) {
		pvm_err("refused: FRED is on, it replaces the IDT and the SYSCALL MSRs; boot with fred=off");
		return -ENODEV;
	}
	if (!boot_cpu_has(X86_FEATURE_FSGSBASE)) {
		pvm_err("refused: the CPU lacks FSGSBASE, or the kernel has it off (nofsgsbase)");
		return -ENODEV;
	}
	if (!boot_cpu_has(X86_FEATURE_NX) || !boot_cpu_has(X86_FEATURE_SYSCALL)) {
		pvm_err("refused: the CPU lacks NX or SYSCALL in 64-bit mode");
		return -ENODEV;
	}
	if (!(pvm_read_cr4() & X86_CR4_PGE)) {
		pvm_err("refused: the kernel runs without global pages (nopge?), which no supported kernel does");
		return -ENODEV;
	}
	return 0;
}

static bool host_has_int80;

/**
 * pvm_host_has_int80() - is vector 0x80 the host's system call
 *
 * If not (a kernel without 32-bit programs, ia32_emulation=0), it may be a device's, as any other vector; the guest's
 * INT 0x80 then arrives as #GP, like its other INT n. Context: any.
 */
bool pvm_host_has_int80(void)
{
	return host_has_int80;
}

static void look_at_int80(void)
{
	const gate_desc *gate;
	struct desc_ptr idt;

	store_idt(&idt);
	gate = (const gate_desc *)idt.address + 0x80;
	host_has_int80 = gate->bits.p && gate->bits.dpl == 3;
}

static void setup_fpu(void)
{
	u32 eax, ebx, ecx, edx;

	guest_xcr0 = 0;
	fpu_bytes = 512;
	if (!boot_cpu_has(X86_FEATURE_XSAVE) || !(pvm_read_cr4() & X86_CR4_OSXSAVE))
		return;
	guest_xcr0 = read_xcr0() & GUEST_XCR0;
	/* Size of the standard format for all of XCR0: never smaller than what our mask needs (SDM 13.2). */
	cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx);
	fpu_bytes = ebx;
}

int pvm_switcher_init(void)
{
	int err = check_cpu();

	if (err)
		return err;
	setup_fpu();
	look_at_int80();
	look_at_debug_store();
	err = pvm_text_init();
	if (err)
		pvm_err("out of memory for the switcher's pages");
	return err;
}

void pvm_switcher_fini(void)
{
	pvm_text_fini();
}
