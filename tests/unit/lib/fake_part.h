/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver's partition in 200 lines: what ioctl.c offers of partitions. One partition at a time; its
 * descriptor is an eventfd that is readable while it does not run. Calls fail by number as in
 * fake_ioctl.h (fake.fail_call).
 */
#ifndef PVM_FAKE_PART_H
#define PVM_FAKE_PART_H

#include <stdbool.h>

#include "ioctl.h"

#define FAKE_PART_ADDR	0x40000000ull

struct fake_part {
	bool exists;
	bool kept;
	bool real_uart;
	bool x2apic;
	const char *why;		/* create writes this on failure */
	int create_err;			/* create fails with it */
	int op_err;			/* every other call fails with it */
	uint32_t cpus[PVM_PART_MAX_CPUS];
	uint32_t nr_cpus;
	uint32_t nr_bars;
	struct pvm_part_bar bars[4];
	uint32_t uart_port;
	uint32_t state;
	uint32_t stop_reason;
	uint64_t stop_code, stop_addr;
	uint64_t started_ns;
	uint32_t lost_cpus;
	uint32_t more_values;		/* counters of a newer driver */
	int fd;				/* eventfd of the newest handle, a duplicate is the library's */
	struct pvm_create_partition create;
	struct pvm_part_start start;
	unsigned int nr_starts;
	uint32_t stop_ms;
	uint64_t beat_addr;
	uint32_t beat_ms;
	uint8_t *mem;			/* kept between mappings */
	uint64_t mem_bytes;
	struct pvm_part_console *con;
	unsigned int nr_maps;		/* mappings that exist */
	unsigned int nr_rows;		/* in the list */
	void (*on_start)(void);		/* plays the kernel */
};

extern struct fake_part fpart;

void fake_part_reset(void);
/* Change its state, and what poll() says. */
void fake_part_state(uint32_t state, uint32_t reason);

#endif /* PVM_FAKE_PART_H */
