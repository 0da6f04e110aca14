/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space of a partition's devices: what of it a partition sees, and what of its writes reaches the device.
 *
 * A partition sees its devices where the host has them, and a host bridge of our own at 00:00.0. Where it has a slot
 * without its function 0, the first it has is function 0: no kernel looks further otherwise. BARs are answered from
 * what the host assigned: sizing works, relocation does not, and no device loses its BARs for a moment. I/O BARs, the
 * expansion ROM and INTx are not there. MSI and MSI-X can be programmed, functions can be masters; resets and power
 * states are kept from the device, because both would take its BARs away.
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
 * @bdf:	where its partition sees it, bus << 8 | devfn
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
	u16 bdf;
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
 * pvm_pci_place - where a partition sees a device
 * @bdfs:	host addresses of all its devices, bus << 8 | devfn
 * @n:		how many, all different
 * @i:		which of them
 * @bdf:	OUT where
 *
 * Context: any.
 * Return: true if there are others in its slot.
 */
bool pvm_pci_place(const u32 *bdfs, u32 n, u32 i, u16 *bdf);

/**
 * pvm_pci_view_init - prepare a device
 * @v:		view, written whole
 * @bdf:	from pvm_pci_place()
 * @others:	likewise
 * @raw:	configuration space of the device
 * @bars:	its BARs
 *
 * Context: any.
 * Return: 0, or -EINVAL: not an ordinary function (a bridge), or a capability list without end.
 */
int __must_check pvm_pci_view_init(struct pvm_pci_view *v, u16 bdf, bool others, const u32 raw[PVM_PCI_DWORDS],
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
 * pvm_pci_read_bridge - a read of the host bridge at 00:00.0, which takes no writes
 * @reg:	first byte
 * @bytes:	1, 2 or 4
 *
 * Context: any.
 * Return: the value.
 */
u32 pvm_pci_read_bridge(u32 reg, u32 bytes);

#endif /* PVM_PART_PCI_CFG_H */
