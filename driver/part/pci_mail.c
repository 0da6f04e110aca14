// SPDX-License-Identifier: GPL-2.0-only
/* The supervisor's side of configuration accesses; see pci_mail.h. The host's side is in pci.c. */
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <asm/barrier.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "part/part.h"
#include "part/pci_mail.h"

u32 pvm_pci_ask(struct pvm_pcpu *c, u32 index, u32 bytes, bool is_write, u32 value)
{
	struct pvm_pci_mail *m = c->sup->pci_mail;
	u64 start = rdtsc(), limit = (u64)c->sup->tsc_khz * PVM_PCI_WAIT_MS;
	u32 sequence;

	if (!m)					/* no devices */
		return ~0u;
	m += c->index;
	sequence = m->sequence + 1;
	m->index = index;
	m->bytes = bytes;
	m->is_write = is_write;
	m->value = value;
	smp_store_release(&m->sequence, sequence);
	while (smp_load_acquire(&m->done) != sequence) {
		if (pvm_sup_must_stop(c) || rdtsc() - start > limit)
			return ~0u;
		cpu_relax();
	}
	return m->result;
}
