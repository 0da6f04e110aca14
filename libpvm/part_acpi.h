/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI tables of a partition: what a stock kernel must be told so that it leaves the host's hardware
 * alone. Pure: numbers in, bytes out. See part_acpi.c for each table's reasons.
 */
#ifndef PVM_PART_ACPI_H
#define PVM_PART_ACPI_H

#include <stddef.h>
#include <stdint.h>

/* Most bytes the tables of the largest partition take (64 CPUs, 16 devices with 6 windows each). */
#define PVM_PART_ACPI_BYTES	0x8000u

struct pvm_part_window {		/* memory BAR of a device that was handed over */
	uint32_t bdf;			/* bus << 8 | devfn */
	uint64_t addr;
	uint64_t bytes;
};

struct pvm_part_acpi_in {
	uint64_t addr;			/* physical address of the first byte */
	const uint32_t *apic_ids;	/* boot CPU first */
	unsigned int nr_cpus;
	const struct pvm_part_window *windows;
	unsigned int nr_windows;
	uint32_t uart_port;		/* 0 = no console device */
	uint32_t sleep_port;
	uint32_t reset_port;
	uint64_t io_apic;		/* physical address of the zero page posing as one; 0 = none */
	uint64_t mailbox;		/* multiprocessor wake-up mailbox; 0 = none */
};

/**
 * pvm_part_acpi() - write the tables
 * @dst: @room bytes, which are zeroed first
 * @rsdp: physical address of the root pointer
 *
 * Return: 0; -ENOSPC: @room is too small.
 */
int pvm_part_acpi(const struct pvm_part_acpi_in *in, uint8_t *dst, size_t room, uint64_t *rsdp);

#endif /* PVM_PART_ACPI_H */
