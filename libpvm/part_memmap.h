/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's memory as the firmware described it, before the kernel was told to leave some out.
 */
#ifndef PVM_PART_MEMMAP_H
#define PVM_PART_MEMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pvm_range {
	uint64_t start;
	uint64_t last;			/* inclusive, as in /sys */
};

/** pvm_ranges_cover() - is all of [addr, addr + bytes) in these ranges, in whatever order? Pure. */
bool pvm_ranges_cover(const struct pvm_range *r, size_t nr, uint64_t addr, uint64_t bytes);

/**
 * pvm_memmap_check() - is all of it memory, by the firmware's map?
 * @dir: "/sys/firmware/memmap"
 *
 * Return: 0, also if there is no such map; -EINVAL: no, with a sentence.
 */
int pvm_memmap_check(const char *dir, uint64_t addr, uint64_t bytes);

#endif /* PVM_PART_MEMMAP_H */
