// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back end for AMD CPUs. Intercepted is what contains the partition, and nothing a running kernel does: INIT,
 * shutdown, ports that are not its own, a handful of MSRs, SVM's own instructions, machine checks. No nested paging
 * (but with PVM_PART_PROTECT), no interrupt intercepts: interrupts, NMIs, HLT, CPUID, CR3 are the guest's own.
 *
 * GIF is 0 from before the first VMRUN to the end, so that INIT, NMI and machine checks are taken in the guest, or
 * wait. INIT then leaves by an exit and stays pending: at STGI the CPU goes to wait-for-SIPI, where add_cpu() and the
 * next start expect it. QEMU resets the CPU at the exit itself: hence left_by_init().
 *
 * Supervisor side but for the first part (part.h).
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/msr-index.h>
#include <asm/processor.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/plan.h"
#include "part/svm.h"

enum { IOPM, MSRPM };		/* index of sup->backend[] and backend_pa[] */
enum { SVM_FEATURES, CR0_WATCH };	/* index of pcpu->backend[]: CPUID's bits, intercept of CR0 writes or 0 */

#define VM_CR_SVMDIS		(1u << 4)
#define EFER_BITS_RUN		(EFER_LME | EFER_LMA | EFER_NX)
#define CPUID_SVM		0x8000000a
#define CPUID_SVM_NRIPS		(1u << 3)
#define CPUID_SVM_DECODE	(1u << 7)
#define CPUID_SVM_TLBI_CTL	(1u << 24)
#define PAT_RESET		0x0007040600070406ull
#define DR6_RESET		0xffff0ff0u

/* ---- host --------------------------------------------------------------------------------------------------- */

static int svm_probe(struct pvm_why *why)
{
	u64 vm_cr;

	if (!boot_cpu_has(X86_FEATURE_SVM))
		return pvm_why(why, -ENODEV, "this machine has neither VMX nor SVM, or its firmware switched them off");
	if (!rdmsrq_safe(MSR_VM_CR, &vm_cr) && vm_cr & VM_CR_SVMDIS)
		return pvm_why(why, -ENODEV, "SVM is switched off by the firmware");
	return 0;
}

static void svm_destroy(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;

	free_pages((unsigned long)s->backend[IOPM], get_order(PVM_IOPM_BYTES_SVM));
	free_pages((unsigned long)s->backend[MSRPM], get_order(PVM_MSRPM_BYTES_SVM));
	s->backend[IOPM] = NULL;
	s->backend[MSRPM] = NULL;
	pvm_stage2_free(&p->protect);
}

/* Nested paging walks as many levels as the CPU that enters the guest has itself. */
static int protect(struct pvm_part *p)
{
	int err;

	if (!(p->flags & PVM_PART_PROTECT))
		return 0;
	err = pvm_protect_create(p, PVM_STAGE2_NPT, __read_cr4() & X86_CR4_LA57 ? 5 : 4, &p->protect);
	p->sup->root_stage2 = p->protect.root;
	return err;
}

static int svm_create(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;

	s->backend[IOPM] = (void *)__get_free_pages(GFP_KERNEL, get_order(PVM_IOPM_BYTES_SVM));
	s->backend[MSRPM] = (void *)__get_free_pages(GFP_KERNEL, get_order(PVM_MSRPM_BYTES_SVM));
	if (!s->backend[IOPM] || !s->backend[MSRPM] || protect(p)) {
		svm_destroy(p);
		return -ENOMEM;
	}
	s->backend_pa[IOPM] = virt_to_phys(s->backend[IOPM]);
	s->backend_pa[MSRPM] = virt_to_phys(s->backend[MSRPM]);
	pvm_policy_init(&s->policy, p->uart_port, p->uart_real);
	pvm_policy_io_bitmap(&s->policy, s->backend[IOPM], PVM_IOPM_BYTES_SVM);
	pvm_policy_msr_bitmap_svm(s->backend[MSRPM]);
	return 0;
}

static struct pvm_vmcb *vmcb_of(const struct pvm_pcpu *c)
{
	return (struct pvm_vmcb *)c->block->vmcb;
}

/* The last run's exit code must not look like this one's. */
static void svm_start(struct pvm_part *p)
{
	u32 i;

	for (i = 0; i < p->nr_cpus; i++)
		WRITE_ONCE(vmcb_of(p->cpus[i])->exit_code, 0);
}

static bool svm_left_by_init(const struct pvm_pcpu *c)
{
	return READ_ONCE(vmcb_of(c)->exit_code) == SVM_EXIT_INIT;
}

/* ---- supervisor --------------------------------------------------------------------------------------------- */

/* The firmware decides for each CPU on its own: EFER.SVME would be #GP. */
static bool svm_ready(void)
{
	u64 vm_cr;

	return pvm_sup_rdmsr_safe(MSR_VM_CR, &vm_cr) || !(vm_cr & VM_CR_SVMDIS);
}

static void svm_setup(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	const struct pvm_sup *s = c->sup;
	const struct pvm_part_start *start = &s->start;
	const struct pvm_vmcb_seg data = { .selector = 0x18, .attrib = 0xc93, .limit = ~0u };

	memset(v, 0, sizeof(*v));
	v->intercept_exc = 1u << PVM_X_MC;
	v->intercept_1 = SVM_I1_INIT | SVM_I1_INVLPGA | SVM_I1_IO | SVM_I1_MSR | SVM_I1_SHUTDOWN;
	v->intercept_1 |= c->backend[CR0_WATCH];
	v->intercept_2 = SVM_I2_VMRUN | SVM_I2_VMLOAD | SVM_I2_VMSAVE | SVM_I2_STGI | SVM_I2_CLGI | SVM_I2_SKINIT;
	v->iopm_pa = s->backend_pa[IOPM];
	v->msrpm_pa = s->backend_pa[MSRPM];
	v->asid = 1;
	v->tlb_control = 1;		/* the first entry flushes what an earlier run left */
	if (s->root_stage2) {
		v->nested_ctl = SVM_NESTED_ON;
		v->nested_cr3 = s->root_stage2;
	}
	/* Its kernel sees in CPUID that the CPU has them. Of others' entries they drop some, which costs time alone. */
	if (c->backend[SVM_FEATURES] & CPUID_SVM_TLBI_CTL)
		v->nested_ctl |= SVM_NESTED_INVLPGB;
	v->cs = (struct pvm_vmcb_seg){ .selector = 0x10, .attrib = 0xa9b, .limit = ~0u };
	v->ds = v->es = v->ss = v->fs = v->gs = data;
	v->tr = (struct pvm_vmcb_seg){ .attrib = 0x8b, .limit = 0xffff };
	v->ldtr = (struct pvm_vmcb_seg){ .attrib = 0x82, .limit = 0xffff };
	v->gdtr.base = start->gdt_addr;
	v->gdtr.limit = start->gdt_limit;
	/* NX: newer kernels' start of further CPUs loads tables with NX bits before it writes EFER. */
	v->efer = EFER_BITS_RUN | EFER_SVME;
	v->cr0 = X86_CR0_PG | X86_CR0_NE | X86_CR0_ET | X86_CR0_PE;
	v->cr4 = X86_CR4_PAE;
	v->cr3 = start->cr3;
	v->rflags = PVM_FL_FIXED;
	v->rip = c->entry_rip;
	v->rsp = start->rsp;
	v->dr6 = DR6_RESET;
	v->dr7 = 0x400;
	v->g_pat = PAT_RESET;
	memset(c->regs, 0, sizeof(c->regs));
	c->regs[6] = start->rsi;
}

static void inject(struct pvm_vmcb *v, u32 vector, bool error)
{
	v->event_inj = vector | SVM_INJ_EXCEPTION | SVM_INJ_VALID | (error ? SVM_INJ_ERROR : 0);
}

/* To the next instruction; the shadow of STI or MOV SS ends with it. */
static void skip(struct pvm_pcpu *c, struct pvm_vmcb *v, u32 bytes)
{
	v->rip = c->backend[SVM_FEATURES] & CPUID_SVM_NRIPS ? v->next_rip : v->rip + bytes;
	v->int_state = 0;
}

/* Carry out what was decided; @bytes: of the instruction, where the CPU does not say where the next one is. */
static enum pvm_sup_act finish(struct pvm_pcpu *c, struct pvm_vmcb *v, enum pvm_sup_act act, u32 bytes)
{
	switch (act) {
	case PVM_SUP_RESUME:
		skip(c, v, bytes);
		break;
	case PVM_SUP_GP:
		inject(v, PVM_X_GP, true);
		break;
	case PVM_SUP_UD:
		inject(v, PVM_X_UD, false);
		break;
	case PVM_SUP_MC:
		inject(v, PVM_X_MC, false);
		break;
	case PVM_SUP_STOP:
		return PVM_SUP_STOP;
	}
	return PVM_SUP_RESUME;
}

static struct pvm_cpu_view view_of(const struct pvm_vmcb *v)
{
	return (struct pvm_cpu_view){
		.flags = v->cs.attrib & SVM_ATTRIB_LONG ? PVM_VIEW_CODE64 : 0,
		.efer = v->efer,
		.cr0 = v->cr0,
		.cr4 = v->cr4,
	};
}

static enum pvm_sup_act exit_io(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	u32 info = v->exit_info_1;
	struct pvm_pio io = {
		.port = info >> 16,
		.bytes = SVM_IO_BYTES(info),
		.in = info & SVM_IO_IN,
		.string = info & SVM_IO_STRING,
		.rep = info & SVM_IO_REP,
	};
	enum pvm_sup_act act = pvm_sup_io(c, &io, &v->rax);

	if (act != PVM_SUP_RESUME)
		return finish(c, v, act, 0);
	if (io.rep)
		c->regs[1] = 0;
	v->rip = v->exit_info_2;
	v->int_state = 0;
	return PVM_SUP_RESUME;
}

static enum pvm_sup_act exit_msr(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	struct pvm_cpu_view view = view_of(v);
	u32 msr = c->regs[1];
	struct pvm_decision d;
	enum pvm_sup_act act;
	u64 value;

	if (v->exit_info_1) {
		d.value = (u32)v->rax | c->regs[2] << 32;
		act = pvm_sup_wrmsr(c, &view, msr, &d);
		if (d.act == PVM_PACT_EFER)
			v->efer = d.value | EFER_SVME;
	} else {
		act = pvm_sup_rdmsr(c, &view, msr, &value);
		if (act == PVM_SUP_RESUME) {
			v->rax = (u32)value;
			c->regs[2] = value >> 32;
		}
	}
	return finish(c, v, act, 2);
}

/*
 * A write that changes CR0. Bit 63 of the detail: MOV, its register in bits 0..3; else LMSW, which cannot clear PE:
 * it runs by itself, and CR0 is watched again after the next exit.
 */
static enum pvm_sup_act exit_cr0(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	struct pvm_cpu_view view = view_of(v);
	u32 reg = v->exit_info_1 & 15;
	struct pvm_decision d = { .value = reg == 0 ? v->rax : reg == 4 ? v->rsp : c->regs[reg] };
	enum pvm_sup_act act;

	if (!(v->exit_info_1 >> 63)) {
		pvm_sup_count(c, PVM_PART_STAT_EXIT_CR);
		v->intercept_1 &= ~SVM_I1_CR0_SEL;
		return PVM_SUP_RESUME;
	}
	act = pvm_sup_cr0(c, &view, &d);
	if (d.act == PVM_PACT_CR0) {
		v->efer = pvm_plan_efer_after_cr0(v->efer, d.value);
		v->cr0 = d.value | X86_CR0_ET;
		v->tlb_control = 1;
	}
	return finish(c, v, act, 3);
}

static enum pvm_sup_act exit_mc(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	struct pvm_cpu_view view = view_of(v);

	return finish(c, v, pvm_sup_machine_check(c, &view), 0);
}

static enum pvm_sup_act stop(struct pvm_pcpu *c, u32 reason, u64 code, u64 addr)
{
	pvm_sup_count(c, PVM_PART_STAT_EXIT_STOP);
	return pvm_sup_stop(c, reason, code, addr);
}

static enum pvm_sup_act handle_exit(struct pvm_pcpu *c, struct pvm_vmcb *v)
{
	v->event_inj = 0;
	v->tlb_control = 0;
	v->intercept_1 |= c->backend[CR0_WATCH];
	switch (v->exit_code) {
	case SVM_EXIT_IO:
		return exit_io(c, v);
	case SVM_EXIT_MSR:
		return exit_msr(c, v);
	case SVM_EXIT_CR0_SEL:
		return exit_cr0(c, v);
	case SVM_EXIT_EXC + PVM_X_MC:
		return exit_mc(c, v);
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_INSN);
		return finish(c, v, PVM_SUP_UD, 0);
	case SVM_EXIT_INIT:
		return stop(c, pvm_sup_must_stop(c) ? PVM_PSTOP_ASKED : PVM_PSTOP_INIT, v->exit_code, v->rip);
	case SVM_EXIT_SHUTDOWN:
		return stop(c, PVM_PSTOP_TRIPLE, v->exit_code, v->rip);
	case SVM_EXIT_NPF:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_STAGE2);
		return stop(c, PVM_PSTOP_PROTECT, v->exit_info_1, v->exit_info_2);
	case SVM_EXIT_INVALID:
		return stop(c, PVM_PSTOP_ENTRY, v->exit_code, v->rip);
	default:
		pvm_sup_count(c, PVM_PART_STAT_EXIT_OTHER);
		pvm_sup_detail(c, PVM_PDETAIL_CODE, v->exit_code);
		return stop(c, PVM_PSTOP_DRIVER, v->exit_code, v->rip);
	}
}

static void svm_leave(struct pvm_pcpu *c)
{
	if (!(pvm_rdmsr(MSR_EFER) & EFER_SVME)) {
		pvm_sup_publish(c);
		return;
	}
	pvm_wrmsr(MSR_VM_HSAVE_PA, 0);
	pvm_sup_publish(c);
	asm volatile("stgi" : : : "memory");	/* a pending INIT is taken here */
	pvm_wrmsr(MSR_EFER, pvm_rdmsr(MSR_EFER) & ~EFER_SVME);
}

static void svm_run(struct pvm_pcpu *c)
{
	struct pvm_vmcb *v = vmcb_of(c);
	u64 vmcb_pa = c->block_pa + offsetof(struct pvm_pcpu_block, vmcb);
	u64 host_pa = c->block_pa + offsetof(struct pvm_pcpu_block, host_state);

	c->backend[SVM_FEATURES] = native_cpuid_edx(CPUID_SVM);
	c->backend[CR0_WATCH] = 0;
	if (!(~c->backend[SVM_FEATURES] & (CPUID_SVM_DECODE | CPUID_SVM_NRIPS)))
		c->backend[CR0_WATCH] = SVM_I1_CR0_SEL;
	svm_setup(c, v);
	pvm_wrmsr(MSR_EFER, pvm_rdmsr(MSR_EFER) | EFER_SVME);
	pvm_wrmsr(MSR_VM_HSAVE_PA, c->block_pa + offsetof(struct pvm_pcpu_block, hsave));
	asm volatile("clgi" : : : "memory");
	pvm_sup_running(c);
	do {
		pvm_svm_enter(c->regs, vmcb_pa, host_pa);
		WRITE_ONCE(c->last_rip, v->rip);
		pvm_sup_count(c, PVM_PART_STAT_EXITS);
	} while (handle_exit(c, v) == PVM_SUP_RESUME);
	svm_leave(c);
}

const struct pvm_part_ops pvm_svm_ops = {
	.name = "SVM",
	.probe = svm_probe,
	.create = svm_create,
	.destroy = svm_destroy,
	.start = svm_start,
	.ready = svm_ready,
	.run = svm_run,
	.leave = svm_leave,
	.left_by_init = svm_left_by_init,
};
