// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers to a partition's exits: ports, MSRs, CPUID, control registers.
 *
 * Pure, and run outside Linux: see policy.h. Ports are denied by default, because a stock kernel probes interrupt
 * controllers, timers, Super I/O chips and above all UARTs, all of which are the host's. MSRs are native by default,
 * because the CPU is the partition's; the rows below are what would reach past it (virtualisation, the APIC's mode,
 * microcode, memory typing of the whole package).
 *
 * References: Intel SDM vol. 3 ch. 25 and vol. 4, AMD APM vol. 2 ch. 15, ACPI 6.4 section 4.8.
 */
#include <linux/types.h>
#include <linux/string.h>
#include <linux/pvm_part.h>

#include "part/policy.h"

/* ---- ports ---------------------------------------------------------------------------------- */

#define PORT_POST	0x80u		/* io_delay(): written many times, no effect */
#define PORT_PIT2	0x42u
#define PORT_KBC	0x64u
#define PORT_CMOS	0x70u
#define PORT_CMOS_DATA	0x71u
#define PORT_A		0x92u
#define PORT_CF8	0xcf8u
#define PORT_CF9	0xcf9u
#define PORT_CFC	0xcfcu

#define UART_PORTS	8u
#define SLP_EN		0x20u

static bool in_uart(const struct pvm_policy *p, u32 port)
{
	return port - p->uart_port < UART_PORTS;
}

static bool is_granted(const struct pvm_policy *p, u32 port)
{
	return port == PORT_POST || (p->uart_real && in_uart(p, port));
}

void pvm_policy_init(struct pvm_policy *p, u16 uart_port, bool uart_real)
{
	p->uart_port = uart_port;
	p->uart_real = uart_real;
	p->cmos = 0;
	p->cf8 = 0;
}

void pvm_policy_io_bitmap(const struct pvm_policy *p, u8 *map, u32 bytes)
{
	u32 port;

	memset(map, 0xff, bytes);
	for (port = 0; port < 0x10000; port++)
		if (is_granted(p, port))
			map[port / 8] &= ~(1u << (port % 8));
}

/* Does this byte, written to this port, end the machine? */
static u8 stop_by_byte(u32 port, u8 byte)
{
	switch (port) {
	case PVM_PORT_SLEEP_CONTROL:
		return byte & SLP_EN ? PVM_PSTOP_POWEROFF : PVM_PSTOP_NONE;
	case PVM_PORT_RESET:
		return PVM_PSTOP_RESET;
	case PORT_CF9:
		return byte & 4 ? PVM_PSTOP_RESET : PVM_PSTOP_NONE;
	case PORT_KBC:
		return byte == 0xfe ? PVM_PSTOP_RESET : PVM_PSTOP_NONE;
	case PORT_A:
		return byte & 1 ? PVM_PSTOP_RESET : PVM_PSTOP_NONE;
	default:
		return PVM_PSTOP_NONE;
	}
}

static struct pvm_decision io_stop(const struct pvm_pio *io, u32 value)
{
	struct pvm_decision d = { .act = PVM_PACT_VALUE, .stat = PVM_PART_STAT_EXIT_IO };
	u32 i;

	if (io->port == PORT_CF8 && io->bytes == 4)
		return d;			/* 0xcf9 is a byte of the address register then */
	for (i = 0; i < io->bytes; i++) {
		d.stop = stop_by_byte(io->port + i, value >> (8 * i));
		if (d.stop) {
			d.act = PVM_PACT_STOP;
			d.stat = PVM_PART_STAT_EXIT_STOP;
			return d;
		}
	}
	return d;
}

/* A configuration cycle happens only for an access inside the data register while the address is enabled. */
static bool is_config_cycle(const struct pvm_pio *io, u32 cf8)
{
	u32 offset = (u32)io->port - PORT_CFC;

	return offset < 4 && offset + io->bytes <= 4 && cf8 >> 31;
}

static u32 config_index(const struct pvm_pio *io, u32 cf8)
{
	return (cf8 & 0x00fffffc) | (io->port & 3);
}

static struct pvm_decision io_out(struct pvm_policy *p, const struct pvm_pio *io, u32 value)
{
	/* What OUTS writes is in memory, which is not looked at. */
	struct pvm_decision d = io_stop(io, io->string ? ~0u : value);

	if (d.act == PVM_PACT_STOP || io->string)
		return d;
	d.value = value;
	if (in_uart(p, io->port) && io->bytes == 1) {
		d.act = PVM_PACT_CONSOLE;
		d.stat = PVM_PART_STAT_EXIT_CONSOLE;
		d.index = (u32)io->port - p->uart_port;
		return d;
	}
	if (io->port == PORT_CMOS) {
		p->cmos = value & 0x7f;
		return d;
	}
	if (io->port == PORT_CF8 && io->bytes == 4) {
		d.stat = PVM_PART_STAT_EXIT_PCI;
		p->cf8 = value;
		return d;
	}
	if (is_config_cycle(io, p->cf8)) {
		d.act = PVM_PACT_PCI;
		d.stat = PVM_PART_STAT_EXIT_PCI;
		d.index = config_index(io, p->cf8);
		d.bytes = io->bytes;
	}
	return d;
}

static struct pvm_decision io_in(const struct pvm_policy *p, const struct pvm_pio *io)
{
	struct pvm_decision d = { .act = PVM_PACT_VALUE, .stat = PVM_PART_STAT_EXIT_IO, .value = 0xffffffff };

	if (io->string)
		return d;
	if (in_uart(p, io->port) && io->bytes == 1) {
		d.act = PVM_PACT_CONSOLE;
		d.stat = PVM_PART_STAT_EXIT_CONSOLE;
		d.index = (u32)io->port - p->uart_port;
	} else if (io->port == PORT_CMOS_DATA && io->bytes == 1) {
		d.act = PVM_PACT_CLOCK;
		d.index = p->cmos;
	} else if (io->port == PORT_PIT2 || io->port == PVM_PORT_SLEEP_STATUS) {
		/* A timer that never moves fails Linux' quick calibration at once; ones would cost 100 000 reads. */
		d.value = 0;
	} else if (io->port == PORT_CF8 && io->bytes == 4) {
		d.stat = PVM_PART_STAT_EXIT_PCI;
		d.value = p->cf8;
	} else if (is_config_cycle(io, p->cf8)) {
		d.act = PVM_PACT_PCI;
		d.stat = PVM_PART_STAT_EXIT_PCI;
		d.index = config_index(io, p->cf8);
		d.bytes = io->bytes;
	}
	return d;
}

struct pvm_decision pvm_policy_io(struct pvm_policy *p, const struct pvm_pio *io, u32 value)
{
	return io->in ? io_in(p, io) : io_out(p, io, value);
}

u64 pvm_policy_in_rax(u64 rax, u32 value, u32 bytes)
{
	if (bytes == 4)
		return value;			/* 32-bit results clear the upper half, like any */
	if (bytes == 2)
		return (rax & ~0xffffull) | (value & 0xffff);
	return (rax & ~0xffull) | (value & 0xff);
}

/* ---- model-specific registers --------------------------------------------------------------- */

#define MSR_APIC_BASE		0x1bu
#define MSR_EFER		0xc0000080u

#define APIC_BASE_BSP		0x100ull

#define EFER_SCE		0x1ull
#define EFER_LME		0x100ull
#define EFER_LMA		0x400ull
#define EFER_NXE		0x800ull
#define EFER_SVME		0x1000ull
/* LMSLE FFXSR TCE MCOMMIT INTWB UAIE AIBRSE: whether the CPU has one is checked by VMRUN */
#define EFER_WRITABLE		(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | 0x36e000ull)

#define CR0_PE			0x1ull
#define CR0_NE			0x20ull
#define CR0_NW			0x20000000ull
#define CR0_CD			0x40000000ull
#define CR0_PG			0x80000000ull
#define CR4_PAE			0x20ull
#define CR4_MCE			0x40ull
#define CR4_PCIDE		0x20000ull
#define CR4_OSXSAVE		0x40000ull
#define CR4_PKE			0x400000ull

enum msr_kind {
	M_FIXED,	/* reads as .value, writes are swallowed */
	M_LOCKED,	/* reads as .value, writes are #GP */
	M_ABSENT,	/* #GP both ways */
	M_APIC_BASE,
	M_EFER,
};

#define ON_SVM	1
#define ON_VMX	2
#define READS	4

struct msr_row {
	u32 first, last;
	u8 flags;	/* which back end; whether reads exit, as all writes do */
	u8 kind;
	u8 value;
};

static const struct msr_row msr_rows[] = {
	{ MSR_APIC_BASE, MSR_APIC_BASE, ON_SVM | ON_VMX | READS, M_APIC_BASE, 0 },
	{ MSR_EFER, MSR_EFER, ON_SVM | READS, M_EFER, 0 },
	/* FEATURE_CONTROL: locked, VMX off */
	{ 0x3a, 0x3a, ON_VMX | READS, M_LOCKED, 1 },
	/* microcode loading: both threads of a core, often the whole package */
	{ 0x79, 0x79, ON_SVM | ON_VMX, M_FIXED, 0 },
	{ 0xc0010020, 0xc0010020, ON_SVM, M_FIXED, 0 },
	/* SMM_MONITOR_CTL, SMRR */
	{ 0x9b, 0x9b, ON_VMX, M_FIXED, 0 },
	{ 0x1f2, 0x1f3, ON_VMX, M_FIXED, 0 },
	/* VMX capabilities */
	{ 0x480, 0x493, ON_VMX | READS, M_ABSENT, 0 },
	/* SYSCFG; IORR and TOP_MEM; TOP_MEM2; MMIO_CFG_BASE; SMM base, address, mask: memory as the package sees it */
	{ 0xc0010010, 0xc0010010, ON_SVM, M_FIXED, 0 },
	{ 0xc0010016, 0xc001001a, ON_SVM, M_FIXED, 0 },
	{ 0xc001001d, 0xc001001d, ON_SVM, M_FIXED, 0 },
	{ 0xc0010058, 0xc0010058, ON_SVM, M_FIXED, 0 },
	{ 0xc0010111, 0xc0010113, ON_SVM, M_FIXED, 0 },
	/* VM_CR: SVMDIS | LOCK, else a kernel writes the next one when it panics; VM_HSAVE_PA is ours */
	{ 0xc0010114, 0xc0010114, ON_SVM | READS, M_FIXED, 0x18 },
	{ 0xc0010117, 0xc0010117, ON_SVM | READS, M_FIXED, 0 },
};

#define NR_ROWS	(sizeof(msr_rows) / sizeof(msr_rows[0]))

static const struct msr_row *msr_row(const struct pvm_cpu_view *c, u32 index)
{
	u32 end = c->flags & PVM_VIEW_VMX ? ON_VMX : ON_SVM;
	const struct msr_row *r;

	for (r = msr_rows; r < msr_rows + NR_ROWS; r++)
		if (r->flags & end && index >= r->first && index <= r->last)
			return r;
	return NULL;
}

void pvm_policy_msr_bitmap_svm(u8 *map)
{
	const struct msr_row *r;
	u32 m, bit;

	/* Two bits per register, read first; 0x2000 registers from 0, 0xc0000000 and 0xc0010000; then unused. */
	memset(map, 0, PVM_MSRPM_BYTES_SVM);
	for (r = msr_rows; r < msr_rows + NR_ROWS; r++) {
		if (!(r->flags & ON_SVM))
			continue;
		for (m = r->first; m <= r->last; m++) {
			bit = ((m & 0x1fff) + (m >= 0xc0010000 ? 0x4000 : m >= 0xc0000000 ? 0x2000 : 0)) * 2;
			if (r->flags & READS)
				map[bit / 8] |= 1u << (bit % 8);
			map[bit / 8] |= 2u << (bit % 8);
		}
	}
}

void pvm_policy_msr_bitmap_vmx(u8 *map)
{
	const struct msr_row *r;
	u32 m;

	/* Reads of 0..0x1fff, reads of 0xc0000000.., writes of each; the rows of VMX are all in the first range. */
	memset(map, 0, PVM_MSRPM_BYTES_VMX);
	for (r = msr_rows; r < msr_rows + NR_ROWS; r++) {
		if (!(r->flags & ON_VMX))
			continue;
		for (m = r->first; m <= r->last; m++) {
			if (r->flags & READS)
				map[m / 8] |= 1u << (m % 8);
			map[2048 + m / 8] |= 1u << (m % 8);
		}
	}
}

static struct pvm_decision msr_gp(void)
{
	return (struct pvm_decision){ .act = PVM_PACT_GP, .stat = PVM_PART_STAT_EXIT_MSR };
}

struct pvm_decision pvm_policy_rdmsr(const struct pvm_cpu_view *c, u32 index)
{
	const struct msr_row *r = msr_row(c, index);
	struct pvm_decision d = { .act = PVM_PACT_VALUE, .stat = PVM_PART_STAT_EXIT_MSR };

	if (!r || r->kind == M_ABSENT || !(r->flags & READS))
		return msr_gp();
	d.value = r->value;
	if (r->kind == M_APIC_BASE) {
		/* Kernels since 6.11 that miss the flag on the CPU they boot on take themselves for a crash kernel. */
		d.value = c->apic_base & ~APIC_BASE_BSP;
		if (c->flags & PVM_VIEW_BOOT_CPU)
			d.value |= APIC_BASE_BSP;
	} else if (r->kind == M_EFER) {
		d.value = c->efer & ~EFER_SVME;
	}
	return d;
}

static struct pvm_decision write_efer(const struct pvm_cpu_view *c, u64 value)
{
	struct pvm_decision d = { .act = PVM_PACT_EFER, .stat = PVM_PART_STAT_EXIT_MSR };

	if (value & ~EFER_WRITABLE)
		return msr_gp();
	if (c->cr0 & CR0_PG && (value ^ c->efer) & EFER_LME)
		return msr_gp();
	d.value = (value & ~EFER_LMA) | (c->efer & EFER_LMA) | EFER_SVME;
	return d;
}

struct pvm_decision pvm_policy_wrmsr(const struct pvm_cpu_view *c, u32 index, u64 value)
{
	const struct msr_row *r = msr_row(c, index);
	struct pvm_decision d = { .act = PVM_PACT_VALUE, .stat = PVM_PART_STAT_EXIT_MSR, .value = value };

	if (!r || r->kind == M_ABSENT || r->kind == M_LOCKED)
		return msr_gp();
	if (r->kind == M_EFER)
		return write_efer(c, value);
	/*
	 * A local APIC that is off or elsewhere cannot be sent the INIT that stops the partition, and one that changes
	 * its mode gets the host's interrupts.
	 */
	if (r->kind == M_APIC_BASE && (value ^ c->apic_base) & ~APIC_BASE_BSP)
		return msr_gp();
	return d;
}

/* ---- CPUID, XCR0 (VMX only) ----------------------------------------------------------------- */

void pvm_policy_cpuid(const struct pvm_cpu_view *c, u32 leaf, u32 subleaf, u32 r[4])
{
	if (leaf == 1) {
		/* DTES64 VMX SMX OSXSAVE; DS: PEBS and BTS write to memory, which is the host's again one day */
		r[2] &= ~(1u << 2 | 1u << 5 | 1u << 6 | 1u << 27);
		if (c->cr4 & CR4_OSXSAVE)
			r[2] |= 1u << 27;
		r[3] &= ~(1u << 21);
	} else if (leaf == 7 && subleaf == 0) {
		r[1] &= ~(1u << 25);					/* Intel PT, for the same reason as DS */
		/* CET: its state would need VMCS fields that are not used; PKU: OSPKE follows CR4 */
		r[2] &= ~(1u << 4 | 1u << 7);
		if (c->cr4 & CR4_PKE)
			r[2] |= 1u << 4;
		r[3] &= ~(1u << 20 | 1u << 18);				/* IBT, PCONFIG */
	} else if (leaf == 7 && subleaf == 1) {
		r[0] &= ~(1u << 17);					/* FRED */
	} else if (leaf == 0x23 && subleaf == 0) {
		r[0] &= ~(1u << 4 | 1u << 5);				/* PEBS that needs no DS: subleaves 4, 5 */
	}
}

struct pvm_decision pvm_policy_xsetbv(u32 index, u64 value, u64 supported)
{
	struct pvm_decision d = { .act = PVM_PACT_GP, .stat = PVM_PART_STAT_EXIT_OTHER, .value = value };

	if (index || value & ~supported || !(value & 1))
		return d;
	if (value & 0x4 && !(value & 0x2))				/* AVX on SSE */
		return d;
	if (!(value & 0x8) != !(value & 0x10))				/* MPX: both */
		return d;
	if (value & 0xe0 && ((value & 0xe0) != 0xe0 || !(value & 0x4)))	/* AVX-512: all three, on AVX */
		return d;
	if (!(value & 0x20000) != !(value & 0x40000))			/* AMX: both */
		return d;
	d.act = PVM_PACT_XCR0;
	return d;
}

/* ---- control registers, machine checks ------------------------------------------------------ */

struct pvm_decision pvm_policy_cr0(const struct pvm_cpu_view *c, u64 value)
{
	struct pvm_decision d = { .act = PVM_PACT_GP, .stat = PVM_PART_STAT_EXIT_CR, .value = value };

	if (value >> 32 || (value & CR0_NW && !(value & CR0_CD)))
		return d;
	if (!(value & CR0_PE)) {
		if (value & CR0_PG)
			return d;
		d.act = PVM_PACT_STOP;
		d.stat = PVM_PART_STAT_EXIT_STOP;
		d.stop = PVM_PSTOP_REAL_MODE;
		return d;
	}
	/* Long mode is entered and left from a 32-bit code segment. */
	if ((value ^ c->cr0) & CR0_PG && c->efer & EFER_LME && c->flags & PVM_VIEW_CODE64)
		return d;
	if (value & CR0_PG) {
		if (c->efer & EFER_LME && !(c->cr4 & CR4_PAE))
			return d;
	} else if (c->cr4 & CR4_PCIDE) {
		return d;
	}
	d.act = PVM_PACT_CR0;
	if (c->flags & PVM_VIEW_VMX)
		d.value |= CR0_NE;					/* VMX insists */
	return d;
}

struct pvm_decision pvm_policy_machine_check(const struct pvm_cpu_view *c)
{
	struct pvm_decision d = { .act = PVM_PACT_MC, .stat = PVM_PART_STAT_EXIT_NMI };

	if (!(c->cr4 & CR4_MCE)) {
		d.act = PVM_PACT_STOP;
		d.stat = PVM_PART_STAT_EXIT_STOP;
		d.stop = PVM_PSTOP_MCE;
	}
	return d;
}
