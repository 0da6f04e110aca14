// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's debug registers: rules of what it may put into them.
 *
 * They are values in v->cpu; the switcher loads them around guest execution when a breakpoint is enabled. Hence the
 * one rule that protects the host: no address of the hypervisor's own, no I/O breakpoint, no general detect.
 */
#include <linux/err.h>
#include <linux/nospec.h>

#include "core/pvm.h"
#include "emul/emulate.h"
#include "emul/msr.h"

#define PVM_DR6_WRITABLE	0xe00full	/* BT BS BD, B3..B0 */
#define PVM_DR7_GD		(1ull << 13)
#define PVM_DR7_CLEAR		0xd800ull	/* bits 11 (RTM), 12, 14, 15: read as zero */

/* DR4 and DR5 are DR6 and DR7 unless the guest set CR4.DE. */
static u32 alias(const struct pvm_vcpu *v, u32 reg)
{
	return (reg == 4 || reg == 5) && !(v->cpu.cr4 & PVM_CR4_DE) ? reg + 2 : reg;
}

/* R/W field 2 with an enable bit watches ports, and the ports are the host's. */
static bool has_io_breakpoint(u64 dr7)
{
	u32 i;

	for (i = 0; i < 4; i++)
		if (dr7 >> (2 * i) & 3 && (dr7 >> (16 + 4 * i) & 3) == 2)
			return true;
	return false;
}

int pvm_debugreg_write(struct pvm_vcpu *v, u32 g_reg, u64 value)
{
	u32 reg = alias(v, g_reg);

	switch (reg) {
	case 0 ... 3:
		/* the last page: get_debugreg could not tell such an address from an error number */
		if (!pvm_is_guest_va(value) || IS_ERR_VALUE((unsigned long)value))
			return -EPERM;
		v->cpu.dr[array_index_nospec(reg, 4)] = value;
		pvm_host_reload_debugregs(v);
		return 0;
	case 6:
		if (value >> 32)
			return -EINVAL;
		v->cpu.dr6 = (value & PVM_DR6_WRITABLE) | PVM_DR6_DEFAULT;
		return 0;
	case 7:
		if (value >> 32)
			return -EINVAL;
		if (value & PVM_DR7_GD || has_io_breakpoint(value))
			return -EPERM;
		v->cpu.dr7 = (value & ~PVM_DR7_CLEAR) | PVM_DR7_DEFAULT;
		pvm_host_reload_debugregs(v);
		return 0;
	default:
		return -ENODEV;
	}
}

int pvm_debugreg_read(const struct pvm_vcpu *v, u32 g_reg, u64 *value)
{
	u32 reg = alias(v, g_reg);

	switch (reg) {
	case 0 ... 3:
		*value = v->cpu.dr[array_index_nospec(reg, 4)];
		return 0;
	case 6:
		*value = v->cpu.dr6;
		return 0;
	case 7:
		*value = v->cpu.dr7;
		return 0;
	default:
		return -ENODEV;
	}
}
