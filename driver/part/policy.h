/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a partition is answered when it touches a port or a model-specific register that is not its own.
 *
 * Pure. The supervisor (super.c) holds the partition's lock, calls, and does what the answer says.
 */
#ifndef PVM_PART_POLICY_H
#define PVM_PART_POLICY_H

#include <linux/types.h>

/* One port access. String accesses come one element at a time with @string set: nothing granted is a string. */
struct pvm_pio {
	u16 port;
	u8 bytes;		/* 1, 2, 4 */
	bool in, string, rep;
};

/* What the supervisor does next. */
enum pvm_pact {
	PVM_PACT_DONE,		/* *value is the answer of an IN, or the write is swallowed or emulated */
	PVM_PACT_GP,		/* #GP: there is no such register */
	PVM_PACT_HOST,		/* MSR: carry out on the CPU with *value */
	PVM_PACT_POWEROFF,	/* stop */
	PVM_PACT_RESET,
	PVM_PACT_PCI,		/* a configuration access: p->pci says which; the supervisor asks the host */
};

/* State of the emulated ports of one partition. Zero but for what pvm_policy_init() sets. */
struct pvm_policy {
	u16 uart_port;		/* of the emulated UART, 0 none */
	u8 cmos_index;
};

/* Time, as the supervisor hands it in. */
struct pvm_policy_now {
	u64 wall_s;		/* seconds since 1970 */
};

void pvm_policy_init(struct pvm_policy *p, u16 uart_port);
enum pvm_pact pvm_policy_io(struct pvm_policy *p, const struct pvm_pio *io, const struct pvm_policy_now *now,
			    u32 *value);
/* @boot_cpu: the partition's first CPU. @value: IN what the CPU has (rdmsr) or what is written; OUT the answer. */
enum pvm_pact pvm_policy_rdmsr(u32 msr, bool boot_cpu, u64 *value);
enum pvm_pact pvm_policy_wrmsr(u32 msr, bool boot_cpu, u64 *value);

#endif /* PVM_PART_POLICY_H */
