// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSR policy: one row per register or range, what reading gives and what writing does.
 *
 * Pure. The list follows what Linux 6.1, 6.12 and 7.2 touch as a PV guest; a register without a row
 * is #GP, which every caller in Linux tolerates once it has a handler. Before that (its first
 * instruction is a WRMSR) #GP would end the guest, so the same registers then read as 0 and swallow
 * writes.
 *
 * A row never names a host register to be written. Host registers that are read are named by
 * PVM_MSR_HOST, with a mask of bits that are facts about the CPU, not controls.
 *
 * References: Intel SDM vol. 4, AMD APM vol. 2 appendix A; public/arch-x86/cpuid.h for 0x40000000.
 */
#include <linux/types.h>

#include "base/x86.h"
#include "emul/msr.h"

enum on_write {
	W_GP,
	W_IGNORE,
	W_SAME,			/* only what a read gives */
	W_ZERO,			/* only 0 */
	W_KIND,			/* what the row's kind says */
};

struct row {
	u32 first, last;
	u8 kind, write;
	u8 slot;		/* of first; the next register has the next one */
	u8 needs;		/* state bits without which the register does not exist */
	u64 value, mask;
};

#define ONE(n)	.first = (n), .last = (n)

/*
 * ARCH_CAPABILITIES: "not affected by" bits. IBRS_ALL is left out: Linux would use SPEC_CTRL, which
 * is hidden.
 */
#define ARCH_CAPS_FACTS	(1ull << 62 | 0x0d18e17dull)

/* The first rows are read at every context switch of a guest that uses FSGSBASE. */
static const struct row rows[] = {
	{ ONE(0xc0000102), .kind = PVM_MSR_USER_GS_BASE, .write = W_KIND },
	{ ONE(0xc0000101), .kind = PVM_MSR_GS_BASE, .write = W_KIND },
	{ ONE(0xc0000100), .kind = PVM_MSR_FS_BASE, .write = W_KIND },
	{ ONE(0xc0000103), .kind = PVM_MSR_TSC_AUX, .write = W_KIND, .needs = PVM_MSR_HAS_TSC_AUX },
	{ ONE(0xc0000080), .write = W_SAME, .value = 0xd01 },		/* EFER: NX LMA LME SCE */
	/* STAR LSTAR CSTAR SFMASK */
	{ 0xc0000081, 0xc0000084, .write = W_IGNORE },
	{ ONE(0x00000010), .kind = PVM_MSR_TSC, .write = W_IGNORE },
	{ ONE(0x00000017), .kind = PVM_MSR_HOST, .mask = ~0ull },	/* PLATFORM_ID */
	/* APIC_BASE: enabled; BSP see below */
	{ ONE(0x0000001b), .write = W_SAME, .value = 0xfee00800 },
	/* FEAT_CTL: locked, nothing on */
	{ ONE(0x0000003a), .value = 1 },
	/* microcode revision */
	{ ONE(0x0000008b), .kind = PVM_MSR_HOST, .write = W_ZERO, .mask = ~0ull },
	{ ONE(0x000000ce) },						/* PLATFORM_INFO */
	{ ONE(0x0000010a), .kind = PVM_MSR_HOST, .needs = PVM_MSR_HAS_ARCH_CAPS,
	  .mask = ARCH_CAPS_FACTS },
	{ ONE(0x00000140), .write = W_ZERO },				/* MISC_FEATURES_ENABLES */
	{ 0x00000174, 0x00000176, .write = W_IGNORE },			/* SYSENTER */
	{ 0x00000179, 0x0000017b, .write = W_IGNORE },			/* MCG: no banks */
	{ 0x00000198, 0x00000199, .write = W_IGNORE },			/* PERF_STATUS, PERF_CTL */
	{ ONE(0x0000019c), .write = W_IGNORE },				/* THERM_STATUS */
	/* MISC_ENABLE: no PMU, MONITOR, CPUID limit; BTS and PEBS unavailable */
	{ ONE(0x000001a0), .kind = PVM_MSR_HOST, .write = W_IGNORE, .value = 3ull << 11,
	  .mask = ~(1ull << 7 | 1ull << 18 | 1ull << 22) },
	{ ONE(0x000001d9), .write = W_IGNORE },				/* DEBUGCTL */
	{ ONE(0x00000277), .write = W_SAME, .value = 0x050100070406 },	/* PAT, as Xen sets it */
	{ 0x00000280, 0x0000029f, .write = W_IGNORE },			/* MCx_CTL2 */
	{ 0x00000400, 0x0000047f, .write = W_IGNORE },			/* MCx */
	{ ONE(0x40000000), .kind = PVM_MSR_HYPERCALL_PAGE, .write = W_KIND },
	{ ONE(0xc0010010), .write = W_IGNORE },				/* SYSCFG */
	{ ONE(0xc0010015), .write = W_IGNORE },				/* HWCR */
	{ ONE(0xc001001a), .write = W_IGNORE },				/* TOP_MEM */
	{ ONE(0xc001001d), .write = W_IGNORE },				/* TOP_MEM2 */
	{ ONE(0xc001001f), .write = W_IGNORE },				/* NB_CFG */
	{ ONE(0xc0010058), .write = W_IGNORE },				/* MMIO_CFG_BASE */
	/* DE_CFG: lfence serialises */
	{ ONE(0xc0011029), .write = W_IGNORE, .value = 2 },
	/* DR0_ADDR_MASK */
	{ ONE(0xc0011027), .kind = PVM_MSR_STORED, .write = W_KIND, .slot = 0 },
	/* DR1..DR3 */
	{ 0xc0011019, 0xc001101b, .kind = PVM_MSR_STORED, .write = W_KIND, .slot = 1 },
};

static const struct row *find(u32 index, u32 state)
{
	const struct row *r;

	for (r = rows; r < rows + sizeof(rows) / sizeof(rows[0]); r++)
		if (index >= r->first && index <= r->last)
			return (r->needs & ~state) ? NULL : r;
	return NULL;
}

static struct pvm_msr_answer refuse(u32 state)
{
	return (struct pvm_msr_answer){
		.kind = state & PVM_MSR_NO_GP_HANDLER ? PVM_MSR_VALUE : PVM_MSR_INJECT_GP,
	};
}

struct pvm_msr_answer pvm_msr_read(u32 index, u32 state)
{
	const struct row *r = find(index, state);
	struct pvm_msr_answer a;

	if (!r)
		return refuse(state);
	a = (struct pvm_msr_answer){ .kind = r->kind, .value = r->value, .mask = r->mask };
	if (r->kind == PVM_MSR_STORED)
		a.slot = r->slot + (index - r->first);
	if (r->kind == PVM_MSR_HYPERCALL_PAGE)
		a.kind = PVM_MSR_VALUE;			/* write-only: reads as 0 */
	if (index == 0x1b && (state & PVM_MSR_BSP))
		a.value |= 0x100;
	return a;
}

struct pvm_msr_answer pvm_msr_write(u32 index, u64 value, u32 state)
{
	const struct row *r = find(index, state);
	struct pvm_msr_answer a = { .kind = PVM_MSR_VALUE };
	bool good = false;

	if (!r)
		return refuse(state);
	switch (r->write) {
	case W_GP:
		break;
	case W_IGNORE:
		good = true;
		break;
	case W_SAME:
		good = value == pvm_msr_read(index, state).value;
		break;
	case W_ZERO:
		good = value == 0;
		break;
	default:
		a = (struct pvm_msr_answer){ .kind = r->kind, .value = value };
		switch (r->kind) {
		case PVM_MSR_TSC_AUX:
			good = value >> 32 == 0;
			break;
		case PVM_MSR_STORED:
			a.slot = r->slot + (index - r->first);
			good = value >> 32 == 0;	/* the address masks are 32 bits wide */
			break;
		case PVM_MSR_HYPERCALL_PAGE:
			a.value = value >> 12;
			/* low bits: page number, and there is but one */
			good = (value & 0xfff) == 0;
			break;
		default:				/* segment bases */
			good = pvm_is_canonical(value);
			break;
		}
	}
	return good ? a : refuse(state);
}
