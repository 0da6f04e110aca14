/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a CPU outside Linux has the host do a configuration access: one letter box per CPU, in memory both see.
 *
 *	supervisor: fill in, sequence + 1 ──▶ host thread: does it, result, done = sequence ──▶ supervisor: result
 *
 * The supervisor waits a bounded time and then answers as if no device were there: a host that is stuck must not wedge
 * its partitions. A late answer has an old number and is ignored.
 */
#ifndef PVM_PART_PCI_MAIL_H
#define PVM_PART_PCI_MAIL_H

#include <linux/types.h>

#define PVM_PCI_WAIT_MS	2000u

/**
 * struct pvm_pci_mail - the letter box of one CPU
 * @sequence:	S: number of the question
 * @done:	host: number of the question that @result answers
 * @index:	S: bus << 16 | devfn << 8 | first byte, as the partition numbers them
 * @bytes:	S: 1, 2 or 4
 * @is_write:	S
 * @value:	S: what is written
 * @result:	host: what was read
 */
struct pvm_pci_mail {
	u32 sequence, done;
	u32 index;
	u8 bytes;
	bool is_write;
	u16 reserved;
	u32 value, result;
	u32 pad[10];
} __aligned(64);

struct pvm_pcpu;

/**
 * pvm_pci_ask - a configuration access of a partition
 * @c:		the CPU that exited
 * @index:	pvm_decision.index
 * @bytes:	1, 2 or 4
 * @is_write:	OUT; else IN
 * @value:	what OUT writes
 *
 * Context: supervisor, no lock held.
 * Return: what IN reads; all ones where there is no device, or no answer.
 */
u32 pvm_pci_ask(struct pvm_pcpu *c, u32 index, u32 bytes, bool is_write, u32 value);

#endif /* PVM_PART_PCI_MAIL_H */
