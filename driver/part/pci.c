// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions of partitions: none yet.
 */
#include "part/part.h"

int pvm_part_pci_take(struct pvm_part *p, const u32 *bdfs, u32 count, struct pvm_why *why)
{
	return count ? pvm_why(why, -EOPNOTSUPP, "this driver cannot give PCI functions to partitions") : 0;
}

void pvm_part_pci_give(struct pvm_part *p)
{
}

void pvm_part_pci_start(struct pvm_part *p)
{
}

void pvm_part_pci_stop(struct pvm_part *p)
{
}

int pvm_part_pci_bars(struct pvm_part *p, struct pvm_part_bar *bars, u32 room, u32 *count)
{
	*count = 0;
	return 0;
}
