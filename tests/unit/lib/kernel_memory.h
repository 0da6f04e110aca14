/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a small kernel, as it is read from outside: VMCOREINFO, page tables of either depth, a
 * log ring, a symbol table in each known encoding.
 */
#ifndef PVM_TEST_KERNEL_MEMORY_H
#define PVM_TEST_KERNEL_MEMORY_H

#include "part_dmesg.h"
#include "part_vmcore.h"

#define MEM_ADDR	0x40000000ull
#define MEM_BYTES	(1u << 20)
#define VA_IMAGE	0xffffffff81000000ull	/* kernel image: MEM_ADDR on */
#define PHYS_BASE	(MEM_ADDR - 0x1000000ull)
#define VA_LOG		0xffff888000000000ull	/* by the page tables: MEM_ADDR on */

/* Offsets in the memory */
#define AT_INFO		0xff000		/* VMCOREINFO */
#define AT_TABLES	0x10000
#define AT_PRB_PTR	0x1008
#define AT_PRB		0x2000
#define AT_DESCS	0x3000
#define AT_INFOS	0x5000
#define AT_DATA		0x8000
#define AT_NUM		0x1100
#define AT_NAMES	0x20000
#define AT_TOKENS	0x30000
#define AT_INDEX	0x31000
#define AT_OFFSETS	0x32000
#define AT_BASE		0x1200
#define AT_JIFFIES	0x1300
#define AT_UTS		0x1400

#define COUNT_BITS	4
#define SIZE_BITS	9
#define DESC_BYTES	24
#define INFO_BYTES	88

#define COMMITTED	(1ull << 62)
#define FINALIZED	(2ull << 62)
#define REUSABLE	(3ull << 62)

extern uint8_t *mem;
extern struct pvm_phys phys;
extern struct pvm_vmcore v;
extern uint64_t next_lpos;	/* where the next record's text goes */

/* cmocka's, for each test: memory with 4-level tables and an empty log. */
int setup(void **state);
int teardown(void **state);

void put(uint32_t at, uint64_t value, unsigned int bytes);

/* @more: further lines */
void write_info(int l5, const char *more);
/* VA_LOG to MEM_ADDR; @level: of the entry that maps, 1 = 4 KiB pages, 2 = 2 MiB, 3 = 1 GiB. */
void write_tables(int l5, int level);

/* One record, in a state of the kernel's. */
void log_record(uint64_t state, uint64_t ts, const char *text, size_t len);
void print(uint64_t ts, const char *text);

/* Symbols with their addresses: 0 absolute, 1 to 3 relative to a base in one way or another. */
void write_addresses(int scheme);

#endif /* PVM_TEST_KERNEL_MEMORY_H */
