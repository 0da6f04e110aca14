/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space of a partition's devices: what of it a partition sees, and what of its writes reaches the device.
 *
 * The partition has one bus, number 0, with a host bridge of our own in slot 0 and each device as function 0 of its
 * own slot. BARs are answered from what the host assigned: sizing works, relocation does not, and no device loses its
 * BARs for a moment. I/O BARs, the expansion ROM and INTx are not there. MSI and MSI-X can be programmed, functions can
 * be masters; resets and power states are kept from the device, because both would take its BARs away.
 *
 * Pure; runs on the host (pci.c), which does the reads and writes.
 */
#ifndef PVM_PART_PCI_CFG_H
#define PVM_PART_PCI_CFG_H

#include <linux/types.h>

#define PVM_PCI_BARS	6u
#define PVM_PCI_DWORDS	64u		/* configuration space that ports 0xcf8 and 0xcfc reach */

/**
 * struct pvm_pci_bar - a BAR as the host assigned it; the upper half of a 64-bit BAR has @bytes 0
 * @addr:	where it is
 * @bytes:	size, a power of two; 0: none, or I/O
 * @is_64:	64-bit; the next BAR is its upper half
 * @prefetch:	prefetchable
 */
struct pvm_pci_bar {
	u64 addr;
	u64 bytes;
	bool is_64, prefetch;
};

/**
 * struct pvm_pci_view - one device as its partition sees it
 * @slot:	slot on the partition's bus 0
 * @has_msi:	it has MSI or MSI-X; without, its partition never sees an interrupt
 * @sizing:	bit n: BAR n was written with ones, and reads as its size
 * @power:	power state last written, answered to reads
 * @pm_dword:	where the power state is; 0 none
 * @bar:	what BARs read as
 * @bar_size:	what they read as while sizing
 * @pass:	bits of each dword that reads take from the device
 * @write:	bits that writes change in the device
 * @clear:	bits that a write of one clears; all are left alone unless also in @write
 */
struct pvm_pci_view {
	u8 slot;
	bool has_msi;
	u8 sizing;
	u8 power;
	u8 pm_dword;
	u32 bar[PVM_PCI_BARS];
	u32 bar_size[PVM_PCI_BARS];
	u32 pass[PVM_PCI_DWORDS];
	u32 write[PVM_PCI_DWORDS];
	u32 clear[PVM_PCI_DWORDS];
};

/**
 * pvm_pci_slots - where the devices of a partition are
 * @bdfs:	their host addresses, bus << 8 | devfn
 * @n:		1..31 of them, all different
 * @slots:	OUT slots on the partition's bus 0: a function 0 on the host's bus 0 keeps its own
 *
 * Context: any.
 */
void pvm_pci_slots(const u32 *bdfs, u32 n, u8 *slots);

/**
 * pvm_pci_view_init - prepare a device
 * @v:		view, written whole
 * @slot:	slot on the partition's bus
 * @raw:	configuration space of the device
 * @bars:	its BARs
 *
 * Context: any.
 * Return: 0, or -EINVAL: not an ordinary function (a bridge), or a capability list without end.
 */
int __must_check pvm_pci_view_init(struct pvm_pci_view *v, u8 slot, const u32 raw[PVM_PCI_DWORDS],
				   const struct pvm_pci_bar bars[PVM_PCI_BARS]);

/**
 * pvm_pci_needs_device - does this access have to look at the device?
 * @v:		view
 * @reg:	first byte, 0..255; the access does not leave its dword
 * @bytes:	1, 2 or 4
 * @write:	it is a write
 *
 * Context: any.
 * Return: true: the dword of @reg must be read from the device first.
 */
bool pvm_pci_needs_device(const struct pvm_pci_view *v, u32 reg, u32 bytes, bool write);

/**
 * pvm_pci_read - the answer to a read
 * @v:		view
 * @reg:	first byte
 * @bytes:	1, 2 or 4
 * @hw:		the dword of the device, if pvm_pci_needs_device()
 *
 * Context: any.
 * Return: the value.
 */
u32 pvm_pci_read(const struct pvm_pci_view *v, u32 reg, u32 bytes, u32 hw);

/**
 * pvm_pci_write - the consequence of a write
 * @v:		view, may change (sizing, power state)
 * @reg:	first byte
 * @bytes:	1, 2 or 4
 * @value:	what is written
 * @hw:		the dword of the device, if pvm_pci_needs_device()
 * @result:	OUT what must be written to the device's dword
 *
 * Context: any.
 * Return: true: @result must be written.
 */
bool pvm_pci_write(struct pvm_pci_view *v, u32 reg, u32 bytes, u32 value, u32 hw, u32 *result);

/**
 * pvm_pci_read_bridge - a read of the host bridge in slot 0, which takes no writes
 * @reg:	first byte
 * @bytes:	1, 2 or 4
 *
 * Context: any.
 * Return: the value.
 */
u32 pvm_pci_read_bridge(u32 reg, u32 bytes);

#endif /* PVM_PART_PCI_CFG_H */
