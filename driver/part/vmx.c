// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back end for Intel CPUs. What exits is what contains the partition, and what VMX lets nobody have without an exit
 * (CPUID, XSETBV): interrupts, NMIs, HLT, CR3, RDTSC, MSRs are the guest's own, and there is no second stage.
 *
 * But for one thing: VMX without EPT cannot run a guest with paging off, and stock kernels switch it off for a few
 * instructions (6.1: each CPU but the first when it starts; all: when the number of paging levels changes). So CR0.PG
 * exits, and while it is 0 the CPU walks an identity EPT as an "unrestricted guest":
 *
 *	PG = 1: no EPT ──(guest clears PG: exit)──▶ PG = 0: EPT, unrestricted ──(sets PG: exit)──▶ PG = 1: no EPT
 *
 * CR0.PE is never given up (policy.c). In VMX root operation INIT is blocked, so a CPU that stops says why, leaves
 * VMX, and parks; a pending INIT is taken at VMXOFF.
 *
 * Supervisor side (part.h), but for left_by_init(). Neighbours: vmx_host.c prepares, vmx_run.S, policy.c, protect.c.
 */
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/tramp.h"
#include "part/vmx.h"

/* Index of pcpu->backend[] */
enum {
	SECONDARY,		/* controls with paging on */
	SECONDARY_UNPAGED,	/* and off */
	ENTRY,			/* controls without IA32E */
	XCR0_BITS,		/* components this CPU has */
	OLD_CR4,
	IN_VMX,			/* between VMXON and VMXOFF */
};

#define CR0_WATCHED	(X86_CR0_PG | X86_CR0_PE | X86_CR0_NE)
/* VMX and SMX are not there; FRED and CET are hidden, their state is not switched (policy.c). */
#define CR4_WATCHED	(X86_CR4_VMXE | X86_CR4_SMXE | 1ull << 23 | 1ull << 32)

asmlinkage int pvm_vmx_enter(u64 *regs, u32 launched);

/* INIT is an ordinary exit here, and the CPU tells of it itself. */
static bool vmx_left_by_init(const struct pvm_pcpu *c)
{
	return false;
}

/* The firmware decides for each CPU on its own, and may forget one: VMXON would be #GP there. */
static bool vmx_ready(void)
{
	u64 value;

	return !pvm_sup_rdmsr_safe(VMX_MSR_FEATURE_CONTROL, &value) &&
	       !(~value & (VMX_FEATURE_LOCKED | VMX_FEATURE_ON));
}

static __always_inline u64 vmread(u64 field)
{
	u64 value;

	asm volatile("vmread %1, %0" : "=rm"(value) : "r"(field) : "cc");
	return value;
}

/* A field this CPU does not have makes the entry fail later on, which is told. */
static __always_inline void vmwrite(u64 field, u64 value)
{
	asm volatile("vmwrite %1, %0" : : "r"(field), "rm"(value) : "cc");
}

static __always_inline bool vmxon(u64 pa)
{
	bool failed;

	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(pa) : "memory");
	return !failed;
}

/* Type 2: of all tables (SDM vol. 3, INVEPT). */
static __always_inline bool invept_all(void)
{
	struct { u64 table, reserved; } none = {};
	bool failed;

	asm volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(none), "r"(2ull) : "memory");
	return !failed;
}

static __always_inline bool vmclear_load(u64 pa)
{
	bool clear_failed, load_failed;

	asm volatile("vmclear %1" : "=@ccbe"(clear_failed) : "m"(pa) : "memory");
	asm volatile("vmptrld %1" : "=@ccbe"(load_failed) : "m"(pa) : "memory");
	return !clear_failed && !load_failed;
}

static __always_inline u64 read_cr4(void)
{
	u64 cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4;
}

static __always_inline void write_cr4(u64 cr4)
{
	asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

/* What we want, as far as the CPU lets us; what it insists on is added. */
static u32 controls(u32 want, u32 msr)
{
	u64 allowed = pvm_rdmsr(msr);

	return (want | (u32)allowed) & (u32)(allowed >> 32);
}

static u64 block_pa(const struct pvm_pcpu *c, const void *part)
{
	return c->block_pa + ((const u8 *)part - (const u8 *)c->block);
}

static void set_controls(struct pvm_pcpu *c)
{
	const struct pvm_sup *s = c->sup;
	u32 offered = pvm_rdmsr(VMX_MSR_SECONDARY) >> 32;

	c->backend[SECONDARY_UNPAGED] = offered & (VMX_SEC_RDTSCP | VMX_SEC_INVPCID | VMX_SEC_XSAVES |
						   VMX_SEC_USER_WAIT | VMX_SEC_EPT | VMX_SEC_UNRESTRICTED);
	c->backend[SECONDARY] = c->backend[SECONDARY_UNPAGED];
	if (!s->root_stage2)
		c->backend[SECONDARY] &= ~(u64)(VMX_SEC_EPT | VMX_SEC_UNRESTRICTED);
	c->backend[ENTRY] = controls(VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_LOAD_EFER, VMX_MSR_TRUE_ENTRY);
	vmwrite(VMCS_PIN_CONTROLS, controls(0, VMX_MSR_TRUE_PIN));
	vmwrite(VMCS_PROC_CONTROLS, controls(VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAP | VMX_PROC_SECONDARY,
					     VMX_MSR_TRUE_PROC));
	vmwrite(VMCS_SECONDARY_CONTROLS, c->backend[SECONDARY]);
	vmwrite(VMCS_EXIT_CONTROLS, controls(VMX_EXIT_SAVE_DEBUG | VMX_EXIT_HOST_64 | VMX_EXIT_SAVE_EFER |
					     VMX_EXIT_LOAD_EFER, VMX_MSR_TRUE_EXIT));
	vmwrite(VMCS_ENTRY_CONTROLS, c->backend[ENTRY] | VMX_ENTRY_IA32E);
	vmwrite(VMCS_EXCEPTION_BITMAP, 1u << PVM_X_MC);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_EXIT_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTR_INFO, 0);
	vmwrite(VMCS_IO_BITMAP_A, s->backend_pa[VMX_IO_BITMAP]);
	vmwrite(VMCS_IO_BITMAP_B, s->backend_pa[VMX_IO_BITMAP] + PVM_IOPM_BYTES_VMX / 2);
	vmwrite(VMCS_MSR_BITMAP, s->backend_pa[VMX_MSR_BITMAP]);
	vmwrite(VMCS_EPT_POINTER, s->backend_pa[VMX_EPT]);
	if (c->backend[SECONDARY] & VMX_SEC_XSAVES)
		vmwrite(VMCS_XSS_EXITING, 0);
}

/* The world to come back to: the one we are in. CR3 is loaded at each exit, which flushes the TLB (space.c). */
static void set_host(struct pvm_pcpu *c)
{
	u64 cr0;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	vmwrite(VMCS_HOST_CR0, cr0);
	vmwrite(VMCS_HOST_CR3, c->sup->cr3);
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS, PVM_SUP_SEL_CODE);
	vmwrite(VMCS_HOST_SS, PVM_SUP_SEL_DATA);
	vmwrite(VMCS_HOST_DS, PVM_SUP_SEL_DATA);
	vmwrite(VMCS_HOST_ES, PVM_SUP_SEL_DATA);
	vmwrite(VMCS_HOST_FS, 0);
	vmwrite(VMCS_HOST_GS, 0);
	vmwrite(VMCS_HOST_TR, PVM_SUP_SEL_TSS);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, c->host_gs_base);
	vmwrite(VMCS_HOST_TR_BASE, (u64)c->block->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, (u64)c->block->gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, (u64)c->block->idt);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_EFER, pvm_rdmsr(MSR_EFER));
}

static void set_segment(u32 i, u32 selector, u32 limit, u32 rights)
{
	vmwrite(VMCS_GUEST_SELECTORS + 2 * i, selector);
	vmwrite(VMCS_GUEST_BASES + 2 * i, 0);
	vmwrite(VMCS_GUEST_LIMITS + 2 * i, limit);
	vmwrite(VMCS_GUEST_RIGHTS + 2 * i, rights);
}

/* Linux' 64-bit boot protocol: flat segments 0x10 and 0x18, paging on, interrupts off. */
static void set_guest(struct pvm_pcpu *c)
{
	const struct pvm_part_start *start = &c->sup->start;
	u64 cr0 = X86_CR0_PG | X86_CR0_NE | X86_CR0_ET | X86_CR0_PE;
	u32 i;

	for (i = 0; i < 6; i++)
		set_segment(i, i == 1 ? 0x10 : 0x18, ~0u, i == 1 ? 0xa09b : 0xc093);
	set_segment(6, 0, 0xffff, VMX_RIGHTS_UNUSABLE);		/* LDTR */
	set_segment(7, 0, 0xffff, 0x8b);			/* TR */
	vmwrite(VMCS_GUEST_GDTR_BASE, start->gdt_addr);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, start->gdt_limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, 0);
	vmwrite(VMCS_GUEST_CR0, cr0);
	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_CR0_MASK, CR0_WATCHED);
	vmwrite(VMCS_GUEST_CR4, X86_CR4_PAE | X86_CR4_VMXE);	/* VMX insists on its bit */
	vmwrite(VMCS_CR4_SHADOW, X86_CR4_PAE);
	vmwrite(VMCS_CR4_MASK, CR4_WATCHED);
	vmwrite(VMCS_GUEST_CR3, start->cr3);
	/* NX: newer kernels' start of further CPUs loads tables with NX bits before it writes EFER. */
	vmwrite(VMCS_GUEST_EFER, EFER_LME | EFER_LMA | EFER_NX);
	vmwrite(VMCS_GUEST_DR7, 0x400);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_RSP, start->rsp);
	vmwrite(VMCS_GUEST_RIP, c->entry_rip);
	vmwrite(VMCS_GUEST_RFLAGS, PVM_FL_FIXED);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, 0);
	vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);
	vmwrite(VMCS_LINK_POINTER, ~0ull);
	memset(c->regs, 0, sizeof(c->regs));
	c->regs[6] = start->rsi;
}

static u64 get_reg(struct pvm_pcpu *c, u32 n)
{
	return n == 4 ? vmread(VMCS_GUEST_RSP) : c->regs[n];
}

/* To the next instruction; the shadow of STI or MOV SS ends with it, a single-stepped one traps. */
static void skip(void)
{
	vmwrite(VMCS_GUEST_RIP, vmread(VMCS_GUEST_RIP) + vmread(VMCS_EXIT_INSN_LENGTH));
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(u64)VMX_BLOCKED_STI_MOVSS);
	if (vmread(VMCS_GUEST_RFLAGS) & PVM_FL_TF)
		vmwrite(VMCS_GUEST_PENDING_DEBUG, VMX_PENDING_STEP);
}

static void inject(u32 vector, bool error_code)
{
	vmwrite(VMCS_ENTRY_INTR_INFO, vector | VMX_INTR_EXCEPTION | VMX_INTR_VALID |
				      (error_code ? VMX_INTR_ERROR_CODE : 0));
	vmwrite(VMCS_ENTRY_ERROR_CODE, 0);
}

static enum pvm_sup_act finish(enum pvm_sup_act act)
{
	switch (act) {
	case PVM_SUP_GP:
		inject(PVM_X_GP, true);
		return PVM_SUP_RESUME;
	case PVM_SUP_UD:
		inject(PVM_X_UD, false);
		return PVM_SUP_RESUME;
	case PVM_SUP_MC:
		inject(PVM_X_MC, false);
		return PVM_SUP_RESUME;
	case PVM_SUP_RESUME:
		skip();
		return act;
	default:
		return act;
	}
}

static struct pvm_cpu_view view(void)
{
	return (struct pvm_cpu_view){
		.flags = vmread(VMCS_GUEST_CS_RIGHTS) & VMX_RIGHTS_LONG ? PVM_VIEW_CODE64 : 0,
		.efer = vmread(VMCS_GUEST_EFER),
		.cr0 = vmread(VMCS_GUEST_CR0),
		.cr4 = vmread(VMCS_GUEST_CR4),
	};
}

static enum pvm_sup_act exit_cpuid(struct pvm_pcpu *c)
{
	struct pvm_cpu_view v = view();
	u32 leaf = c->regs[0], subleaf = c->regs[1];
	u32 r[4] = { leaf, 0, subleaf, 0 };

	pvm_sup_count(c, PVM_PART_STAT_EXIT_CPUID);
	asm volatile("cpuid" : "+a"(r[0]), "=b"(r[1]), "+c"(r[2]), "=d"(r[3]));
	pvm_policy_cpuid(&v, leaf, subleaf, r);
	c->regs[0] = r[0];
	c->regs[3] = r[1];
	c->regs[1] = r[2];
	c->regs[2] = r[3];
	return finish(PVM_SUP_RESUME);
}

static enum pvm_sup_act exit_xsetbv(struct pvm_pcpu *c)
{
	u64 value = (u32)c->regs[0] | c->regs[2] << 32;
	struct pvm_decision d = pvm_policy_xsetbv(c->regs[1], value, c->backend[XCR0_BITS]);

	pvm_sup_count(c, d.stat);
	if (d.act != PVM_PACT_XCR0)
		return finish(PVM_SUP_GP);
	asm volatile("xsetbv" : : "c"(0), "a"((u32)value), "d"((u32)(value >> 32)));
	return finish(PVM_SUP_RESUME);
}

static void set_cr0(struct pvm_pcpu *c, u64 value)
{
	u64 efer = vmread(VMCS_GUEST_EFER) & ~(u64)EFER_LMA;
	bool paging = value & X86_CR0_PG, longmode = paging && efer & EFER_LME;

	vmwrite(VMCS_GUEST_EFER, longmode ? efer | EFER_LMA : efer);
	vmwrite(VMCS_ENTRY_CONTROLS, longmode ? c->backend[ENTRY] | VMX_ENTRY_IA32E : c->backend[ENTRY]);
	vmwrite(VMCS_SECONDARY_CONTROLS, c->backend[paging ? SECONDARY : SECONDARY_UNPAGED]);
	vmwrite(VMCS_GUEST_CR0, value);
	vmwrite(VMCS_CR0_SHADOW, value);
}

/* Of CR4 only bits exit that must stay as they are. CR3 and CR8 do not exit, CLTS neither. */
static enum pvm_sup_act exit_cr(struct pvm_pcpu *c)
{
	u64 q = vmread(VMCS_EXIT_QUALIFICATION);
	struct pvm_cpu_view v = view();
	struct pvm_decision d;
	enum pvm_sup_act act;

	switch (q & 0x3f) {
	case 0x00:				/* MOV to CR0 */
		d.value = get_reg(c, q >> 8 & 15);
		break;
	case 0x30:				/* LMSW, which cannot clear PE */
		d.value = (v.cr0 & ~0xeull) | (q >> 16 & 0xf);
		break;
	default:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_CR);
		return finish(PVM_SUP_GP);
	}
	act = pvm_sup_cr0(c, &v, &d);
	if (d.act == PVM_PACT_CR0)
		set_cr0(c, d.value);
	return finish(act);
}

static enum pvm_sup_act exit_io(struct pvm_pcpu *c)
{
	u64 q = vmread(VMCS_EXIT_QUALIFICATION);
	struct pvm_pio io = {
		.port = q >> 16,
		.bytes = (q & 7) + 1,
		.in = q & 8,
		.string = q & 16,
		.rep = q & 32,
	};
	enum pvm_sup_act act = pvm_sup_io(c, &io, &c->regs[0]);

	if (act == PVM_SUP_RESUME && io.rep)
		c->regs[1] = 0;
	return finish(act);
}

/* EFER does not exit: the CPU switches it. */
static enum pvm_sup_act exit_msr(struct pvm_pcpu *c, bool write)
{
	struct pvm_cpu_view v = view();
	u32 msr = c->regs[1];
	struct pvm_decision d;
	enum pvm_sup_act act;
	u64 value;

	if (write) {
		d.value = (u32)c->regs[0] | c->regs[2] << 32;
		return finish(pvm_sup_wrmsr(c, &v, msr, &d));
	}
	act = pvm_sup_rdmsr(c, &v, msr, &value);
	if (act == PVM_SUP_RESUME) {
		c->regs[0] = (u32)value;
		c->regs[2] = value >> 32;
	}
	return finish(act);
}

static enum pvm_sup_act exit_machine_check(struct pvm_pcpu *c)
{
	struct pvm_cpu_view v = view();

	return finish(pvm_sup_machine_check(c, &v));
}

static enum pvm_sup_act stop(struct pvm_pcpu *c, u32 reason, u64 code, u64 addr)
{
	pvm_sup_count(c, PVM_PART_STAT_EXIT_STOP);
	return pvm_sup_stop(c, reason, code, addr);
}

static enum pvm_sup_act unknown_exit(struct pvm_pcpu *c, u32 reason)
{
	pvm_sup_count(c, PVM_PART_STAT_EXIT_OTHER);
	pvm_sup_detail(c, PVM_PDETAIL_CODE, reason);
	return stop(c, PVM_PSTOP_DRIVER, reason, c->last_rip);
}

static enum pvm_sup_act exit_stage2(struct pvm_pcpu *c)
{
	pvm_sup_count(c, PVM_PART_STAT_EXIT_STAGE2);
	if (!c->sup->root_stage2)
		return unknown_exit(c, VMX_EXIT_EPT_VIOLATION);
	return stop(c, PVM_PSTOP_PROTECT, vmread(VMCS_EXIT_QUALIFICATION), vmread(VMCS_GUEST_PHYSICAL));
}

static enum pvm_sup_act handle_exit(struct pvm_pcpu *c)
{
	u32 reason = vmread(VMCS_EXIT_REASON);

	pvm_sup_count(c, PVM_PART_STAT_EXITS);
	WRITE_ONCE(c->last_rip, vmread(VMCS_GUEST_RIP));
	if ((reason & 0xffff) == VMX_EXIT_ENTRY_MC)
		return stop(c, PVM_PSTOP_MCE, reason, c->last_rip);
	if (reason & VMX_EXIT_ENTRY_FAILED)
		return stop(c, PVM_PSTOP_ENTRY, reason, vmread(VMCS_EXIT_QUALIFICATION));
	switch (reason & 0xffff) {
	case VMX_EXIT_EXCEPTION:
		return exit_machine_check(c);
	case VMX_EXIT_TRIPLE:
		return stop(c, PVM_PSTOP_TRIPLE, reason, c->last_rip);
	case VMX_EXIT_INIT:
		return stop(c, pvm_sup_must_stop(c) ? PVM_PSTOP_ASKED : PVM_PSTOP_INIT, reason, c->last_rip);
	case VMX_EXIT_CPUID:
		return exit_cpuid(c);
	case VMX_EXIT_INVD:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_OTHER);
		asm volatile("wbinvd" : : : "memory");	/* INVD would lose the host's writes */
		return finish(PVM_SUP_RESUME);
	case VMX_EXIT_CR:
		return exit_cr(c);
	case VMX_EXIT_IO:
		return exit_io(c);
	case VMX_EXIT_RDMSR:
		return exit_msr(c, false);
	case VMX_EXIT_WRMSR:
		return exit_msr(c, true);
	case VMX_EXIT_XSETBV:
		return exit_xsetbv(c);
	case VMX_EXIT_EPT_VIOLATION:
		return exit_stage2(c);
	case VMX_EXIT_GETSEC:
	case VMX_EXIT_VMCALL ... VMX_EXIT_VMXON:
	case VMX_EXIT_INVEPT:
	case VMX_EXIT_INVVPID:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_INSN);
		return finish(PVM_SUP_UD);
	default:
		return unknown_exit(c, reason);
	}
}

/* An NMI that came while the supervisor ran was the partition's. */
static void pass_nmi(struct pvm_pcpu *c)
{
	if (!READ_ONCE(c->nmi_pending) || vmread(VMCS_ENTRY_INTR_INFO) & VMX_INTR_VALID ||
	    vmread(VMCS_GUEST_INTERRUPTIBILITY) & (VMX_BLOCKED_STI_MOVSS | VMX_BLOCKED_NMI))
		return;
	WRITE_ONCE(c->nmi_pending, 0);
	pvm_sup_count(c, PVM_PART_STAT_EXIT_NMI);
	vmwrite(VMCS_ENTRY_INTR_INFO, PVM_X_NMI | VMX_INTR_NMI | VMX_INTR_VALID);
}

/* Only a CPU that may use XSAVE may run XSETBV. Returns the CR4 of the supervisor with VMX on. */
static u64 vmx_cr4(struct pvm_pcpu *c)
{
	u32 eax = 0xd, ebx, ecx = 0, edx;
	u64 cr4 = c->backend[OLD_CR4] | X86_CR4_VMXE;

	c->backend[XCR0_BITS] = 0;
	if (!(native_cpuid_ecx(1) & 1u << 26))
		return cr4;
	native_cpuid(&eax, &ebx, &ecx, &edx);
	c->backend[XCR0_BITS] = eax | (u64)edx << 32;
	return cr4 | X86_CR4_OSXSAVE;
}

static bool vmx_on(struct pvm_pcpu *c)
{
	u32 revision = pvm_rdmsr(VMX_MSR_BASIC) & 0x7fffffff;

	memset(c->block->hsave, 0, sizeof(c->block->hsave));
	memset(c->block->vmcb, 0, sizeof(c->block->vmcb));
	*(u32 *)c->block->hsave = revision;
	*(u32 *)c->block->vmcb = revision;
	c->backend[OLD_CR4] = read_cr4();
	write_cr4(vmx_cr4(c));
	c->backend[IN_VMX] = vmxon(block_pa(c, c->block->hsave));
	if (!c->backend[IN_VMX])
		write_cr4(c->backend[OLD_CR4]);
	return c->backend[IN_VMX];
}

/*
 * Only here may an INIT that is pending be taken: everything is said. A fault comes here as well, one of VMXON or
 * VMXOFF included: CR4.VMXE does not tell whether there is something to leave, and VMXOFF without it is a fault again.
 * From the publication on the host may start the partition again, and with it clear @backend.
 */
static void vmx_off(struct pvm_pcpu *c)
{
	bool in_vmx = c->backend[IN_VMX];
	u64 cr4 = c->backend[OLD_CR4];

	c->backend[IN_VMX] = 0;
	pvm_sup_publish(c);
	if (in_vmx) {
		asm volatile("vmxoff" : : : "cc", "memory");
		write_cr4(cr4);
	}
}

static void vmx_run(struct pvm_pcpu *c)
{
	enum pvm_sup_act act;

	c->launched = 0;
	if (!vmx_on(c)) {
		pvm_sup_stop(c, PVM_PSTOP_ENTRY, VMX_EXIT_VMXON, 0);
		pvm_sup_publish(c);
		return;
	}
	/*
	 * VMXON keeps what the CPU remembers of EPT (SDM vol. 3, Guidelines for Use of the INVEPT Instruction): of a
	 * partition before, whose tables were in these pages, or of kvm.
	 */
	if (!invept_all() || !vmclear_load(block_pa(c, c->block->vmcb))) {
		pvm_sup_stop(c, PVM_PSTOP_ENTRY, VMX_EXIT_VMXON, 1);
		vmx_off(c);
		return;
	}
	set_controls(c);
	set_host(c);
	set_guest(c);
	pvm_sup_running(c);
	do {
		pass_nmi(c);
		if (pvm_vmx_enter(c->regs, c->launched)) {
			act = stop(c, PVM_PSTOP_ENTRY, vmread(VMCS_INSTRUCTION_ERROR), c->last_rip);
			break;
		}
		c->launched = 1;
		act = handle_exit(c);
	} while (act != PVM_SUP_STOP);
	vmx_off(c);
}

/* vmx_off() publishes what pvm_sup_stop() noted. */
static void vmx_leave(struct pvm_pcpu *c)
{
	vmx_off(c);
}

const struct pvm_part_ops pvm_vmx_ops = {
	.name = "VMX",
	.vmx = true,
	.probe = pvm_vmx_probe,
	.create = pvm_vmx_create,
	.destroy = pvm_vmx_destroy,
	.ready = vmx_ready,
	.run = vmx_run,
	.leave = vmx_leave,
	.left_by_init = vmx_left_by_init,
};
