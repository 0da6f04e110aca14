/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loader of partitions: where everything lies in a partition's memory, and the bytes of it.
 *
 * Pure: a bzImage and numbers in, a plan and bytes out. The plan is complete before the first byte is
 * written, so what does not fit is refused with its memory untouched. See part_build.c for the
 * picture.
 */
#ifndef PVM_PART_BUILD_H
#define PVM_PART_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "part_acpi.h"

#define PVM_PART_CMDLINE_BYTES	2048u		/* with the NUL; COMMAND_LINE_SIZE of x86 */

/* A bzImage: what its setup header says. */
struct pvm_part_kernel {
	const uint8_t *data;
	size_t bytes;
	uint64_t payload_at;		/* protected-mode part: offset in the file */
	uint64_t payload_bytes;
	uint64_t align;			/* of the load address, a power of two */
	uint64_t lowest;		/* it moves itself up to here when loaded below */
	uint64_t init_bytes;		/* it needs from the load address on, to unpack itself */
	uint32_t cmdline_bytes;		/* most it takes, without the NUL */
	bool above_4g;			/* may be loaded there */
};

struct pvm_part_in {
	const struct pvm_part_kernel *kernel;
	uint64_t initrd_bytes;
	const char *append;		/* the user's part of the command line; not NULL */
	uint64_t mem_addr, mem_bytes;	/* multiples of 2 MiB */
	uint64_t low_addr, low_bytes;	/* window below 1 MiB */
	uint32_t tsc_khz;
	uint32_t uart_port, sleep_port, reset_port;
	bool x2apic;
	const uint32_t *apic_ids;	/* boot CPU first */
	unsigned int nr_cpus;
	const struct pvm_part_window *windows;
	unsigned int nr_windows;
};

/* The plan; all addresses are physical. */
struct pvm_part_plan {
	uint64_t kernel_addr;
	uint64_t initrd_addr;		/* 0 = none */
	uint64_t tables_addr;		/* our part, at the end of the memory; two e820 entries: */
	uint64_t nvs_bytes;		/* zero page .. page tables, then */
	uint64_t acpi_bytes;		/* the ACPI tables */
	uint64_t nr_pt_pages;
	char cmdline[PVM_PART_CMDLINE_BYTES];
	bool has_io_apic;
	/* for PVM_PART_START */
	uint64_t rip, rsi, rsp, cr3, gdt_addr, mailbox;
	uint32_t gdt_limit;
};

/**
 * pvm_part_kernel_check() - can this file be booted by the 64-bit protocol?
 * @name: for the sentence
 *
 * Return: 0; -ENOEXEC with a sentence that says what it is instead. @k points into @data.
 */
int pvm_part_kernel_check(const char *name, const uint8_t *data, size_t bytes,
			  struct pvm_part_kernel *k);

/**
 * pvm_part_plan() - lay a partition out
 *
 * Return: 0; -ENOSPC: kernel and initrd do not fit; -EINVAL: command line too long; -ENOEXEC: a
 * kernel that cannot be loaded above 4 GiB in memory that is. With a sentence in each case.
 */
int pvm_part_plan(const struct pvm_part_in *in, struct pvm_part_plan *plan);

/**
 * pvm_part_write() - write everything but the initrd's bytes
 * @plan: of pvm_part_plan() for the same @in
 * @mem: the partition's memory, mem_bytes of it
 */
void pvm_part_write(const struct pvm_part_in *in, const struct pvm_part_plan *plan, uint8_t *mem);

#endif /* PVM_PART_BUILD_H */
