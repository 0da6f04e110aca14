// SPDX-License-Identifier: GPL-2.0-only
/*
 * Executes one privileged or sensitive instruction of a guest.
 *
 * emul/decode.c takes it apart, emul/msr.c and emul/cpuid.c hold policy; here registers are moved. Memory operands
 * go through the guest's kernel view. Nothing changes unless the answer is PVM_EMUL_DONE. Which exception a refusal
 * becomes, and single-stepping, are xen/privop.c's business.
 *
 * Ports: there are none. Reads give all ones, but for PIT counter 2 (0x42), which reads zero: the guest's quick
 * calibration loop waits 50000 rounds for a counter that stays at 0xff, and gives up at once on any other value.
 */
#include <linux/nospec.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "core/pvm.h"
#include "emul/decode.h"
#include "emul/emulate.h"
#include "emul/msr.h"
#include "xen/deadline.h"
#include "mmu/walk.h"

#define PVM_PORT_PIT2		0x42u
#define PVM_INS_CHUNK		64u	/* elements of REP INS done in one exit */
#define PVM_SELECTOR_TSS	0x40u	/* what STR and SLDT tell: as the host would */
#define PVM_FAKE_TABLE_BASE	0xfffffffffffe0000ull	/* SGDT, SIDT: a canonical address that is never mapped */

static struct pvm_emul done(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	pvm_regs(v)->rip += in->length;
	pvm_regs(v)->rflags &= ~PVM_FL_RF;
	return (struct pvm_emul){ .kind = PVM_EMUL_DONE };
}

static struct pvm_emul refused(void)
{
	return (struct pvm_emul){ .kind = PVM_EMUL_REFUSED };
}

static struct pvm_emul need(void)
{
	return (struct pvm_emul){ .kind = PVM_EMUL_NEED };
}

static struct pvm_emul fault(struct pvm_vcpu *v, u64 cr2, u32 error)
{
	return (struct pvm_emul){
		.kind = PVM_EMUL_FAULT,
		.cr2 = cr2,
		.error = error | (v->ss->kernel_mode ? 0 : PVM_PF_U),
	};
}

/* Kernel mode is ring 1, or ring 0 if the guest asked for the architectural rule; user mode is ring 3. */
static bool iopl_allows(const struct pvm_vcpu *v)
{
	u32 cpl = !v->ss->kernel_mode ? 3 : v->cpu.vm_assist & (1ull << VMASST_TYPE_architectural_iopl) ? 0 : 1;

	return v->cpu.iopl >= cpl;
}

/**
 * pvm_emulate_init - CPUID policy of a VM
 * @vm:	the VM
 *
 * Context: may sleep; after the switcher is up, before a vCPU runs.
 */
void pvm_emulate_init(struct pvm_vm *vm)
{
	struct pvm_cpuid_policy *p = &vm->cpuid;
	struct pvm_tsc_scale scale = pvm_tsc_scale_from_khz(tsc_khz);
	u32 i, eax, ebx, ecx, edx;

	*p = (struct pvm_cpuid_policy){
		.tsc_khz = tsc_khz,
		.tsc_mul = scale.mul,
		.tsc_shift = scale.shift,
		.host_addr_bits = boot_cpu_data.x86_phys_bits,
		.xcr0_mask = pvm_switch_guest_xcr0(),
	};
	if (pvm_tsc_stable())
		p->flags |= PVM_CPUID_TSC_STABLE;
	if (boot_cpu_has(X86_FEATURE_FSGSBASE))
		p->flags |= PVM_CPUID_FSGSBASE;
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		p->flags |= PVM_CPUID_RDTSCP;
	if (boot_cpu_has(X86_FEATURE_UMIP))
		p->flags |= PVM_CPUID_UMIP;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		p->flags |= PVM_CPUID_ARCH_CAPS;
	if (p->xcr0_mask) {
		cpuid_count(0xd, 1, &p->xsave_features, &ebx, &ecx, &edx);
		for (i = 2; i < PVM_XSAVE_COMPONENTS; i++) {
			cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
			p->xsave[i].bytes = eax;
			p->xsave[i].offset = ebx;
			p->xsave[i].flags = ecx;
		}
	}
	pvm_cpuid_policy_init(p);
}

/* ---- MSRs, control and debug registers ---- */

static u32 msr_state(const struct pvm_vcpu *v)
{
	u32 flags = v->vm->cpuid.flags;

	return (v->id == 0 ? PVM_MSR_BSP : 0) |
	       (v->traps.table[PVM_X_GP].address ? 0 : PVM_MSR_NO_GP_HANDLER) |
	       (flags & PVM_CPUID_RDTSCP ? PVM_MSR_HAS_TSC_AUX : 0) |
	       (flags & PVM_CPUID_ARCH_CAPS ? PVM_MSR_HAS_ARCH_CAPS : 0);
}

static struct pvm_emul read_msr(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	struct pvm_msr_answer a = pvm_msr_read((u32)r->rcx, msr_state(v));
	u64 value = a.value, host;

	switch (a.kind) {
	case PVM_MSR_VALUE:
		break;
	case PVM_MSR_HOST:
		if (!rdmsrq_safe((u32)r->rcx, &host))
			value |= host & a.mask;
		break;
	case PVM_MSR_FS_BASE:
		value = pvm_guest_fs(&v->area);
		break;
	case PVM_MSR_GS_BASE:
		value = v->ss->guest_gs;
		break;
	case PVM_MSR_USER_GS_BASE:
		value = v->ss->user_gs;
		break;
	case PVM_MSR_TSC:
		value = rdtsc_ordered();
		break;
	case PVM_MSR_TSC_AUX:
		value = v->cpu.tsc_aux;
		break;
	case PVM_MSR_STORED:
		value = v->cpu.misc_msr[array_index_nospec(a.slot, PVM_MSR_SLOTS)];
		break;
	default:
		return refused();
	}
	r->rax = (u32)value;
	r->rdx = value >> 32;
	return done(v, in);
}

static void set_tsc_aux(struct pvm_vcpu *v, u64 value)
{
	v->cpu.tsc_aux = value;
	if (v->area.resident)	/* the CPU has the old value loaded */
		wrmsrq(MSR_TSC_AUX, value);
}

static struct pvm_emul write_msr(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	struct pvm_msr_answer a = pvm_msr_write((u32)r->rcx, (u32)r->rax | r->rdx << 32, msr_state(v));

	switch (a.kind) {
	case PVM_MSR_VALUE:
		break;
	case PVM_MSR_FS_BASE:
		pvm_set_guest_fs(&v->area, a.value);
		break;
	case PVM_MSR_GS_BASE:
		v->ss->guest_gs = a.value;
		v->ss->kernel_gs = a.value;
		break;
	case PVM_MSR_USER_GS_BASE:
		v->ss->user_gs = a.value;
		break;
	case PVM_MSR_TSC_AUX:
		set_tsc_aux(v, a.value);
		break;
	case PVM_MSR_STORED:
		v->cpu.misc_msr[array_index_nospec(a.slot, PVM_MSR_SLOTS)] = a.value;
		break;
	case PVM_MSR_HYPERCALL_PAGE:
		return (struct pvm_emul){
			.kind = PVM_EMUL_HYPERCALL_PAGE, .length = in->length, .gfn = pvm_gfn(a.value),
		};
	default:
		return refused();
	}
	return done(v, in);
}

static struct pvm_emul read_cr(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	u64 value;

	switch (in->reg) {
	case 0:
		value = pvm_cr0_read(v->cpu.cr0_ts);
		break;
	case 2:
		value = READ_ONCE(v->shared.info->arch.cr2);
		break;
	case 3:
		value = v->mmu.kroot_gfn << PVM_PAGE_SHIFT;
		break;
	case 4:
		value = v->cpu.cr4 | PVM_CR4_SHOWN;
		break;
	default:
		return refused();
	}
	pvm_reg_write(pvm_regs(v), in->rm, 8, value);
	return done(v, in);
}

static struct pvm_emul write_cr(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	const struct pvm_cpuid_policy *p = &v->vm->cpuid;
	u64 value = pvm_reg_read(pvm_regs(v), in->rm, 8);
	u64 allowed = PVM_CR4_DE | PVM_CR4_TSD;
	int err;

	switch (in->reg) {
	case 0:
		if ((value ^ pvm_cr0_read(false)) & ~0x8ull)
			return refused();
		v->cpu.cr0_ts = value & 0x8;
		return done(v, in);
	case 2:
		WRITE_ONCE(v->shared.info->arch.cr2, value);
		return done(v, in);
	case 3:
		err = pvm_mmu_new_base(v, pvm_gfn(value >> PVM_PAGE_SHIFT));
		if (err)
			return err == -PVM_ENEED ? need() : refused();
		return done(v, in);
	case 4:
		if (p->flags & PVM_CPUID_FSGSBASE)
			allowed |= PVM_CR4_FSGSBASE;
		if (p->xcr0_mask)
			allowed |= PVM_CR4_OSXSAVE;
		v->cpu.cr4 = pvm_cr4_write(value, allowed);
		return done(v, in);
	default:
		return refused();
	}
}

static struct pvm_emul move_dr(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 value;

	if (in->op == PVM_OP_MOV_TO_DR) {
		if (pvm_debugreg_write(v, in->reg, pvm_reg_read(r, in->rm, 8)))
			return refused();
	} else {
		if (pvm_debugreg_read(v, in->reg, &value))
			return refused();
		pvm_reg_write(r, in->rm, 8, value);
	}
	return done(v, in);
}

/* The hardware keeps its own XCR0; what the guest set counts for the sizes CPUID tells it. */
static struct pvm_emul xsetbv(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 value = (u32)r->rax | r->rdx << 32;

	if ((u32)r->rcx || !(v->cpu.cr4 & PVM_CR4_OSXSAVE) || !pvm_xcr0_valid(&v->vm->cpuid, value))
		return refused();
	v->cpu.xcr0 = value;
	return done(v, in);
}

/* ---- ports ---- */

/* The guest's permission bitmap, user mode only: bits of all @bytes ports clear. 0, -EPERM, -PVM_ENEED. */
static int bitmap_allows(struct pvm_vcpu *v, u32 port, u32 bytes)
{
	u8 bits[2] = { 0xff, 0xff };
	u32 last = port + bytes - 1;
	int err;

	if (v->ss->kernel_mode || last >= v->cpu.iobmp_ports)
		return -EPERM;
	err = pvm_gva_read(v, v->cpu.iobmp_gva + port / 8, bits, last / 8 - port / 8 + 1);
	if (err)
		return err == -PVM_ENEED ? err : -EPERM;
	return (bits[0] | bits[1] << 8) >> (port % 8) & ((1u << bytes) - 1) ? -EPERM : 0;
}

static u64 port_value(u32 port)
{
	return port == PVM_PORT_PIT2 ? 0 : ~0ull;
}

/* INS: all ones into memory, a bounded number of elements; the rest traps again. */
static struct pvm_emul ins(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	bool rep = in->flags & PVM_INSN_REP;
	u64 left = rep ? r->rcx : 1, n, i;
	s64 step = r->rflags & PVM_FL_DF ? -(s64)in->bytes : in->bytes;
	u32 value = ~0u;

	if (in->flags & PVM_INSN_ADDR32 || !v->ss->kernel_mode)
		return refused();	/* nobody does; memory of user mode is not ours to write */
	n = min_t(u64, left, PVM_INS_CHUNK);
	for (i = 0; i < n; i++) {
		int err = pvm_gva_write(v, r->rdi, &value, in->bytes);

		if (err == -PVM_ENEED)
			return need();
		if (err)
			return fault(v, r->rdi, PVM_PF_W);
		r->rdi += step;
		if (rep)
			r->rcx--;
	}
	return n == left ? done(v, in) : (struct pvm_emul){ .kind = PVM_EMUL_DONE };
}

static struct pvm_emul outs(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	bool rep = in->flags & PVM_INSN_REP;
	u64 bytes = (rep ? r->rcx : 1) * in->bytes;

	if (in->flags & PVM_INSN_ADDR32)
		return refused();
	r->rsi = r->rflags & PVM_FL_DF ? r->rsi - bytes : r->rsi + bytes;
	if (rep)
		r->rcx = 0;
	return done(v, in);
}

static struct pvm_emul port_io(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	u32 port = (in->flags & PVM_INSN_IMM ? in->imm : r->rdx) & 0xffff;

	if (!iopl_allows(v)) {
		int err = bitmap_allows(v, port, in->bytes);

		if (err)
			return err == -PVM_ENEED ? need() : refused();
	}
	switch (in->op) {
	case PVM_OP_IN:
		pvm_reg_write(r, PVM_REG_RAX, in->bytes, port_value(port));
		return done(v, in);
	case PVM_OP_INS:
		return ins(v, in);
	case PVM_OP_OUTS:
		return outs(v, in);
	default:
		return done(v, in);
	}
}

/* ---- instructions UMIP guards ---- */

/* May a program write there? Memory is written through the kernel view, which maps more than its programs see. */
static int user_may_write(struct pvm_vcpu *v, u64 gva)
{
	struct pvm_walk w;
	int err = gva >> 47 ? -EFAULT : pvm_walk(v, v->mmu.uroot_gfn, gva, &w);

	if (err == -PVM_ENEED)
		return err;
	return err || !w.writable ? -EFAULT : 0;
}

static struct pvm_emul store(struct pvm_vcpu *v, const struct pvm_insn *in, const void *value, u32 bytes)
{
	u64 gva = pvm_insn_address(in, pvm_regs(v), pvm_guest_fs(&v->area), v->ss->guest_gs);
	int err = pvm_is_guest_va(gva) ? 0 : -EFAULT;

	if (!err && !v->ss->kernel_mode)
		err = user_may_write(v, gva);
	if (!err && !v->ss->kernel_mode)
		err = user_may_write(v, gva + bytes - 1);
	if (!err)
		err = pvm_gva_write(v, gva, value, bytes);

	if (err == -PVM_ENEED)
		return need();
	return err ? fault(v, gva, PVM_PF_W) : done(v, in);
}

/*
 * SGDT, SIDT, SLDT, STR, SMSW, for the guest kernel and for its programs, with values that tell nothing: a Debian guest
 * kernel does not answer its programs itself, though UMIP is shown to it, while on a bare machine it does.
 */
static struct pvm_emul umip(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_table_ptr table = { .limit = 0, .base = PVM_FAKE_TABLE_BASE };
	u64 value;

	switch (in->op) {
	case PVM_OP_SGDT:
	case PVM_OP_SIDT:
		return store(v, in, &table, sizeof(table));
	case PVM_OP_SMSW:
		value = pvm_cr0_read(v->cpu.cr0_ts);
		break;
	case PVM_OP_STR:
		value = PVM_SELECTOR_TSS;
		break;
	default:
		value = 0;
		break;
	}
	if (in->flags & PVM_INSN_MEM)
		return store(v, in, &value, 2);
	pvm_reg_write(pvm_regs(v), in->rm, in->bytes, value);
	return done(v, in);
}

/* ---- the instruction ---- */

/*
 * Instruction bytes at rip, as many as it takes. PVM_EMUL_DONE: decoded; else the answer to give.
 */
static struct pvm_emul fetch(struct pvm_vcpu *v, struct pvm_insn *in)
{
	const struct pvm_switch_state *ss = v->ss;
	u8 bytes[PVM_INSN_MAX];
	u64 rip = pvm_regs(v)->rip;
	u32 got = 0;
	int err;

	BUILD_BUG_ON(sizeof(ss->fetch) < PVM_INSN_MAX);
	if (likely(ss->fetched) && pvm_decode((const u8 *)ss->fetch, PVM_INSN_MAX, in) != PVM_OP_MORE)
		return (struct pvm_emul){ .kind = PVM_EMUL_DONE };
	err = pvm_gva_fetch(v, rip, bytes, sizeof(bytes), &got);
	if (err == -PVM_ENEED)
		return need();
	if (got && pvm_decode(bytes, got, in) != PVM_OP_MORE)
		return (struct pvm_emul){ .kind = PVM_EMUL_DONE };
	/* Behind the last canonical address it is no page fault: #GP, as for a CPU that runs there. */
	if (got < sizeof(bytes) && pvm_is_canonical(rip + got))
		return fault(v, rip + got, PVM_PF_I);
	return refused();
}

static struct pvm_emul execute_kernel(struct pvm_vcpu *v, const struct pvm_insn *in)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 tsc;

	switch (in->op) {
	case PVM_OP_RDMSR:
		return read_msr(v, in);
	case PVM_OP_WRMSR:
		return write_msr(v, in);
	case PVM_OP_MOV_FROM_CR:
		return read_cr(v, in);
	case PVM_OP_MOV_TO_CR:
		return write_cr(v, in);
	case PVM_OP_MOV_FROM_DR:
	case PVM_OP_MOV_TO_DR:
		return move_dr(v, in);
	case PVM_OP_CLTS:
		v->cpu.cr0_ts = false;
		return done(v, in);
	case PVM_OP_XSETBV:
		return xsetbv(v, in);
	case PVM_OP_WBINVD:
	case PVM_OP_WBNOINVD:
		return done(v, in);
	case PVM_OP_CLI:
	case PVM_OP_STI:
		return iopl_allows(v) ? done(v, in) : refused();
	case PVM_OP_RDTSC:
	case PVM_OP_RDTSCP:
		tsc = rdtsc_ordered();
		r->rax = (u32)tsc;
		r->rdx = tsc >> 32;
		if (in->op == PVM_OP_RDTSCP)
			r->rcx = (u32)v->cpu.tsc_aux;
		return done(v, in);
	default:
		return refused();
	}
}

struct pvm_emul pvm_emulate(struct pvm_vcpu *v)
{
	struct pvm_insn in;
	struct pvm_emul e = fetch(v, &in);

	if (e.kind != PVM_EMUL_DONE)
		return e;
	switch (in.op) {
	case PVM_OP_IN:
	case PVM_OP_OUT:
	case PVM_OP_INS:
	case PVM_OP_OUTS:
		return port_io(v, &in);
	case PVM_OP_SGDT:
	case PVM_OP_SIDT:
	case PVM_OP_SLDT:
	case PVM_OP_STR:
	case PVM_OP_SMSW:
		return umip(v, &in);
	case PVM_OP_SYSENTER:
		return v->ss->kernel_mode ? refused() :
		       (struct pvm_emul){ .kind = PVM_EMUL_SYSENTER, .length = in.length };
	default:
		return v->ss->kernel_mode ? execute_kernel(v, &in) : refused();
	}
}

static void answer_cpuid(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	struct pvm_cpuid_view view = {
		.cr4 = v->cpu.cr4, .xcr0 = v->cpu.xcr0, .vcpu_id = v->id, .kernel = v->ss->kernel_mode,
	};
	u32 leaf = r->rax, subleaf = r->rcx, host[4], out[4];

	cpuid_count(leaf, subleaf, &host[0], &host[1], &host[2], &host[3]);
	pvm_cpuid(&v->vm->cpuid, &view, leaf, subleaf, host, out);
	r->rax = out[0];
	r->rbx = out[1];
	r->rcx = out[2];
	r->rdx = out[3];
}

struct pvm_emul pvm_emulate_forced_cpuid(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	struct pvm_insn in;
	struct pvm_emul e = fetch(v, &in);

	if (e.kind == PVM_EMUL_FAULT && r->rip + 1 < e.cr2)
		return refused();	/* an ordinary UD2 before a page that is not there */
	if (e.kind != PVM_EMUL_DONE)
		return e;
	if (in.op != PVM_OP_FEP_CPUID)
		return refused();
	answer_cpuid(v);
	return done(v, &in);
}

/* Reads of segment bases, one per context switch; the same answers as by emul/msr.c. */
static bool read_base_quick(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 value;

	switch ((u32)r->rcx) {
	case MSR_KERNEL_GS_BASE:
		value = v->ss->user_gs;
		break;
	case MSR_FS_BASE:
		value = pvm_guest_fs(&v->area);
		break;
	default:
		return false;
	}
	r->rax = (u32)value;
	r->rdx = value >> 32;
	return true;
}

#define INSN_RDMSR	0x320full
#define INSN_FEP_CPUID	0xa20f6e65780b0full	/* ud2; .ascii "xen"; cpuid */

/**
 * pvm_emulate_quick - #GP or #UD of the guest kernel: the instructions it executes most
 * @v:	the vCPU
 *
 * Context: resident, IRQs off. Return: done; else nothing has changed.
 */
bool pvm_emulate_quick(struct pvm_vcpu *v)
{
	struct pvm_regs *r = pvm_regs(v);
	u64 bytes = v->ss->fetch[0];

	if (!v->ss->fetched || r->error || r->rflags & PVM_FL_TF)
		return false;
	if (r->vector == PVM_X_GP && (bytes & 0xffff) == INSN_RDMSR) {
		if (!read_base_quick(v))
			return false;
		pvm_count(v, PVM_STAT_EXIT_GP);
		r->rip += 2;
	} else if (r->vector == PVM_X_UD && bytes << 8 == INSN_FEP_CPUID << 8) {
		answer_cpuid(v);
		pvm_count(v, PVM_STAT_EXIT_UD);
		r->rip += 7;
	} else {
		return false;
	}
	r->rflags &= ~PVM_FL_RF;
	return true;
}
