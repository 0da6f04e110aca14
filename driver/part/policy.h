/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a partition is answered when it exits: one decision per exit, made here, carried out by svm.c or vmx.c.
 *
 * Pure. The state it needs is handed in; the decision says what must happen. The permission bitmaps are built from
 * the tables the decisions use, so that "what exits" and "what is answered" cannot drift apart.
 *
 * These functions also run on CPUs that are outside Linux (all but the bitmap builders): they call nothing, and
 * their objects are compiled for that (Kbuild, pvm-supervisor).
 *
 * Neighbours: uart.h (PVM_PACT_CONSOLE), rtc.h (PVM_PACT_CLOCK), pci_cfg.h (PVM_PACT_PCI).
 */
#ifndef PVM_PART_POLICY_H
#define PVM_PART_POLICY_H

#include <linux/types.h>

#include "part/rtc.h"
#include "part/uart.h"

#define PVM_PORT_SLEEP_CONTROL	0x604u	/* ACPI sleep control register: SLP_EN stops with PVM_PSTOP_POWEROFF */
#define PVM_PORT_RESET		0x605u	/* ACPI reset register: any write stops with PVM_PSTOP_RESET */
#define PVM_PORT_SLEEP_STATUS	0x606u	/* read as 0, written by every kernel before it sleeps */

#define PVM_IOPM_BYTES_SVM	12288u
#define PVM_IOPM_BYTES_VMX	8192u	/* bitmaps A and B, one after the other: the same layout */
#define PVM_MSRPM_BYTES_SVM	8192u
#define PVM_MSRPM_BYTES_VMX	4096u

/* What to do about an exit. Unless told otherwise: advance RIP past the instruction, enter again. */
enum pvm_pact {
	PVM_PACT_VALUE,		/* IN, RDMSR: the result is @value. OUT, WRMSR: nothing happens */
	PVM_PACT_CONSOLE,	/* register @index of the emulated UART, 1 byte: pvm_uart_in(), pvm_uart_out() */
	PVM_PACT_CLOCK,		/* IN: byte @index of the CMOS clock: pvm_rtc_read() */
	PVM_PACT_PCI,		/* configuration space: @index is bus << 16 | devfn << 8 | first byte; @bytes wide */
	PVM_PACT_EFER,		/* EFER of the partition becomes @value */
	PVM_PACT_CR0,		/* CR0 of the partition becomes @value; its PE is 1 */
	PVM_PACT_XCR0,		/* XSETBV with @value, which the CPU accepts */
	PVM_PACT_UD,		/* inject #UD; RIP stays */
	PVM_PACT_GP,		/* inject #GP(0); RIP stays */
	PVM_PACT_MC,		/* inject #MC; RIP stays */
	PVM_PACT_STOP,		/* stop the partition: PVM_PSTOP_* in @stop */
};

/**
 * struct pvm_decision - answer to one exit
 * @act:	enum pvm_pact
 * @stat:	PVM_PART_STAT_EXIT_* that counts it
 * @stop:	PVM_PSTOP_* with PVM_PACT_STOP
 * @bytes:	width of the access with PVM_PACT_PCI
 * @index:	see enum pvm_pact
 * @value:	see enum pvm_pact
 */
struct pvm_decision {
	u8 act;
	u8 stat;
	u8 stop;
	u8 bytes;
	u32 index;
	u64 value;
};

/**
 * struct pvm_policy - the emulated devices of one partition, shared by its CPUs; they are used under one lock
 * @uart_port:	base of the console's 8 ports
 * @uart_real:	the ports are a real UART, handed over; else PVM_PACT_CONSOLE
 * @cmos:	CMOS index register
 * @cf8:	PCI configuration address register
 * @uart:	the console; pvm_uart_reset() before each start
 * @rtc:	the clock; set before each start
 */
struct pvm_policy {
	u16 uart_port;
	bool uart_real;
	u8 cmos;
	u32 cf8;
	struct pvm_uart uart;
	struct pvm_rtc rtc;
};

/**
 * struct pvm_pio - a port access
 * @port:	first port
 * @bytes:	1, 2 or 4
 * @in:		IN or INS
 * @string:	INS or OUTS: memory is not touched, an INS reads nothing, an OUTS counts as a write of all ones
 * @rep:	of the shell's concern alone: it sets RCX to 0
 */
struct pvm_pio {
	u16 port;
	u8 bytes;
	bool in, string, rep;
};

#define PVM_VIEW_BOOT_CPU	(1u << 0)	/* the partition's first CPU: has the BSP flag */
#define PVM_VIEW_VMX		(1u << 1)	/* back end VMX; else SVM */
#define PVM_VIEW_CODE64		(1u << 2)	/* CS.L is 1 */

/**
 * struct pvm_cpu_view - registers of the CPU that exited; the shell fills what the function names
 * @flags:	PVM_VIEW_*
 * @apic_base:	IA32_APIC_BASE as the CPU has it
 * @efer:	the partition's EFER; with SVM including SVME
 * @cr0, @cr4:	the partition's
 */
struct pvm_cpu_view {
	u32 flags;
	u64 apic_base;
	u64 efer;
	u64 cr0;
	u64 cr4;
};

/**
 * pvm_policy_init - state before a start
 * @p:		policy; UART and clock are left to the caller
 * @uart_port:	base of the console's ports
 * @uart_real:	they are a real UART
 *
 * Context: any.
 */
void pvm_policy_init(struct pvm_policy *p, u16 uart_port, bool uart_real);

/**
 * pvm_policy_io_bitmap - which ports exit
 * @p:		uart_port, uart_real
 * @map:	bitmap, one bit per port, 1 = exits; bits behind the last port are set
 * @bytes:	PVM_IOPM_BYTES_SVM or PVM_IOPM_BYTES_VMX
 *
 * Context: any, on a CPU of Linux.
 */
void pvm_policy_io_bitmap(const struct pvm_policy *p, u8 *map, u32 bytes);

/**
 * pvm_policy_msr_bitmap_svm - which MSRs exit, in the layout of the SVM permission map
 * @map:	PVM_MSRPM_BYTES_SVM bytes
 *
 * Context: any, on a CPU of Linux.
 */
void pvm_policy_msr_bitmap_svm(u8 *map);

/**
 * pvm_policy_msr_bitmap_vmx - which MSRs exit, in the layout of the VMX bitmap
 * @map:	PVM_MSRPM_BYTES_VMX bytes
 *
 * Context: any, on a CPU of Linux.
 */
void pvm_policy_msr_bitmap_vmx(u8 *map);

/**
 * pvm_policy_io - a port access that exited
 * @p:		policy; OUT may change an index register
 * @io:		the access
 * @value:	what OUT writes, undefined bits above @io->bytes; ignored otherwise
 *
 * Context: any.
 * Return: VALUE, CONSOLE, CLOCK, PCI or STOP. With IN, pvm_policy_in_rax() merges the value into RAX. With OUT,
 * CONSOLE and PCI have what is written in their @value.
 */
struct pvm_decision pvm_policy_io(struct pvm_policy *p, const struct pvm_pio *io, u32 value);

/**
 * pvm_policy_in_rax - RAX after an IN
 * @rax:	before
 * @value:	what was read
 * @bytes:	1, 2 or 4
 *
 * Context: any.
 * Return: RAX after.
 */
u64 pvm_policy_in_rax(u64 rax, u32 value, u32 bytes);

/**
 * pvm_policy_rdmsr - RDMSR that exited
 * @c:		flags, apic_base, efer
 * @index:	MSR
 *
 * Context: any.
 * Return: VALUE or GP. A register without a row is #GP: only MSRs outside the bitmaps' ranges get here without one.
 */
struct pvm_decision pvm_policy_rdmsr(const struct pvm_cpu_view *c, u32 index);

/**
 * pvm_policy_wrmsr - WRMSR that exited
 * @c:		flags, apic_base, efer, cr0
 * @index:	MSR
 * @value:	what is written
 *
 * Context: any.
 * Return: VALUE (swallowed), EFER or GP.
 */
struct pvm_decision pvm_policy_wrmsr(const struct pvm_cpu_view *c, u32 index, u64 value);

/**
 * pvm_policy_cpuid - CPUID of a partition under VMX (it does not exit under SVM)
 * @c:		cr4
 * @leaf:	EAX
 * @subleaf:	ECX
 * @r:		EAX EBX ECX EDX: in what the CPU said outside the partition, out what the partition is told
 *
 * Context: any.
 */
void pvm_policy_cpuid(const struct pvm_cpu_view *c, u32 leaf, u32 subleaf, u32 r[4]);

/**
 * pvm_policy_xsetbv - XSETBV under VMX
 * @index:	ECX
 * @value:	EDX:EAX
 * @supported:	components the CPU has (CPUID 0xD.0 EDX:EAX)
 *
 * Context: any.
 * Return: XCR0, whose value cannot fault, or GP.
 */
struct pvm_decision pvm_policy_xsetbv(u32 index, u64 value, u64 supported);

/**
 * pvm_policy_cr0 - a write to CR0 that exited
 * @c:		flags, efer, cr0, cr4
 * @value:	what is written
 *
 * Context: any.
 * Return: CR0 (the shell brings EFER.LMA into line when PG changes), GP, or STOP: without protected mode the next
 * thing to run would be the host's firmware.
 */
struct pvm_decision pvm_policy_cr0(const struct pvm_cpu_view *c, u64 value);

/**
 * pvm_policy_machine_check - #MC while the partition ran
 * @c:		cr4
 *
 * Context: any.
 * Return: MC if its kernel takes machine checks, else STOP.
 */
struct pvm_decision pvm_policy_machine_check(const struct pvm_cpu_view *c);

#endif /* PVM_PART_POLICY_H */
