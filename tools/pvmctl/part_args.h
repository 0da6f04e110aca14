/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people write on the command line of "partition create", to numbers. Pure: no output; trouble
 * is a sentence in a buffer.
 */
#ifndef PVMCTL_PART_ARGS_H
#define PVMCTL_PART_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PART_CPUS	64
#define PART_PCI	16

/** part_cpus() - "2-3,8": in the order written, the first one boots; none twice */
bool part_cpus(const char *text, uint32_t cpus[PART_CPUS], uint32_t *nr, char *msg, size_t len);

/** part_memory() - "512M" or "512M@0x40000000"; *@addr is left alone without "@" */
bool part_memory(const char *text, uint64_t *bytes, uint64_t *addr, char *msg, size_t len);

/** part_bdf() - "0000:00:05.0" or "00:05.0" to bus << 8 | devfn */
bool part_bdf(const char *text, uint32_t *bdf, char *msg, size_t len);

/** part_uart() - "0x3f8", "1" (ttyS1) to the I/O port of a UART */
bool part_uart(const char *text, uint32_t *port, char *msg, size_t len);

#endif
