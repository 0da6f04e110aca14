// SPDX-License-Identifier: GPL-2.0-only
/*
 * The filter of configuration accesses; see pci_cfg.h.
 *
 * A view is three masks per dword, made once from the device's capability list: what reads see, what writes change,
 * what writes of one clear. A dword nobody named can be read and not written. Registers: PCI 3.0, PCI Express 3.0,
 * PCI Power Management 1.2.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "part/pci_cfg.h"

#define DW_COMMAND	1u
#define DW_HEADER	3u
#define DW_BAR0		4u
#define DW_ROM		12u
#define DW_CAPS		13u
#define DW_INTERRUPT	15u

#define STATUS_HAS_CAPS	(0x10u << 16)

#define CAP_PM		0x01u
#define CAP_MSI		0x05u
#define CAP_VENDOR	0x09u
#define CAP_EXPRESS	0x10u
#define CAP_MSIX	0x11u
#define CAP_AF		0x13u

#define MAX_CAPS	48u		/* more would not fit; a list that is longer goes in circles */

bool pvm_pci_place(const u32 *bdfs, u32 n, u32 i, u16 *bdf)
{
	u32 slot = bdfs[i] & ~7u, lowest = bdfs[i], j, others = 0;

	for (j = 0; j < n; j++) {
		if (j == i || (bdfs[j] & ~7u) != slot)
			continue;
		others++;
		if (bdfs[j] < lowest)
			lowest = bdfs[j];
	}
	*bdf = bdfs[i] == lowest ? slot : bdfs[i];
	return others;
}

static void add_bar(struct pvm_pci_view *v, u32 i, const struct pvm_pci_bar *b)
{
	u32 flags = (b->is_64 ? 4 : 0) | (b->prefetch ? 8 : 0);

	v->bar[i] = (u32)b->addr | flags;
	v->bar_size[i] = (u32)~(b->bytes - 1) | flags;
	if (b->is_64 && i + 1 < PVM_PCI_BARS) {
		v->bar[i + 1] = b->addr >> 32;
		v->bar_size[i + 1] = ~(b->bytes - 1) >> 32;
	}
}

/* The dword @d of a capability is in the space, whatever its header claims. */
static void allow(struct pvm_pci_view *v, u32 d, u32 write, u32 clear)
{
	if (d < PVM_PCI_DWORDS) {
		v->write[d] |= write | clear;
		v->clear[d] |= clear;
	}
}

static void hide(struct pvm_pci_view *v, u32 d, u32 bits)
{
	if (d < PVM_PCI_DWORDS)
		v->pass[d] &= ~bits;
}

static void add_capability(struct pvm_pci_view *v, u32 d, u32 header)
{
	u32 i, address;

	switch (header & 0xff) {
	case CAP_PM:
		/* The power state is only written down: D3 and back would reset the function. */
		if (d + 1 < PVM_PCI_DWORDS) {
			v->pm_dword = d + 1;
			hide(v, d + 1, 3);
		}
		break;
	case CAP_MSI:
		v->has_msi = true;
		allow(v, d, 0x0071u << 16, 0);			/* enable, number of messages */
		allow(v, d + 1, 0xfffffffc, 0);
		address = header >> 23 & 1;			/* 64-bit address: one dword more */
		if (address)
			allow(v, d + 2, 0xffffffff, 0);
		allow(v, d + 2 + address, 0xffff, 0);
		if (header >> 24 & 1)				/* per-vector mask */
			allow(v, d + 3 + address, 0xffffffff, 0);
		break;
	case CAP_MSIX:
		v->has_msi = true;
		allow(v, d, 0xc000u << 16, 0);			/* enable, mask all; the table is native memory */
		break;
	case CAP_EXPRESS:
		hide(v, d + 1, 1u << 28);			/* no function-level reset ... */
		/* error reporting, relaxed ordering, no snoop, read request size; status bits */
		allow(v, d + 2, 0x781f, 0xfu << 16);
		hide(v, d + 2, 1u << 15);
		break;
	case CAP_AF:
		hide(v, d, 3u << 24);				/* ... by neither way */
		break;
	case CAP_VENDOR:
		for (i = 4; i < (header >> 16 & 0xff); i += 4)
			allow(v, d + i / 4, 0xffffffff, 0);
		break;
	default:
		break;
	}
}

int pvm_pci_view_init(struct pvm_pci_view *v, u16 bdf, bool others, const u32 raw[PVM_PCI_DWORDS],
		      const struct pvm_pci_bar bars[PVM_PCI_BARS])
{
	u32 i, d, left = MAX_CAPS;

	memset(v, 0, sizeof(*v));
	v->bdf = bdf;
	if (raw[DW_HEADER] >> 16 & 0x7f)
		return -EINVAL;
	for (i = 0; i < PVM_PCI_DWORDS; i++)
		v->pass[i] = 0xffffffff;
	for (i = 0; i < PVM_PCI_BARS; i++) {
		v->pass[DW_BAR0 + i] = 0;
		if (bars[i].bytes)
			add_bar(v, i, &bars[i]);
	}
	v->pass[DW_ROM] = 0;
	hide(v, DW_COMMAND, 1);					/* I/O decoding */
	hide(v, DW_HEADER, 0xff000000 | (others ? 0 : 0x800000));	/* BIST, "there are more functions" */
	hide(v, DW_INTERRUPT, 0xffff);				/* no pin, no line */
	/* memory decoding, bus master, parity, SERR; error bits of the status */
	allow(v, DW_COMMAND, 0x0146, 0xf900u << 16);
	allow(v, DW_HEADER, 0xffff, 0);				/* cache line, latency: of no effect on PCI Express */
	if (!(raw[DW_COMMAND] & STATUS_HAS_CAPS))
		return 0;
	for (d = (raw[DW_CAPS] & 0xff) / 4; d; d = (raw[d] >> 8 & 0xff) / 4) {
		if (!left--)
			return -EINVAL;
		add_capability(v, d, raw[d]);
	}
	return 0;
}

/* The bits of the dword that an access covers. */
static u32 lanes(u32 reg, u32 bytes)
{
	u32 mask = bytes == 4 ? 0xffffffff : (1u << (8 * bytes)) - 1;

	return mask << (8 * (reg & 3));
}

static bool is_bar(u32 d)
{
	return d - DW_BAR0 < PVM_PCI_BARS;
}

bool pvm_pci_needs_device(const struct pvm_pci_view *v, u32 reg, u32 bytes, bool write)
{
	u32 d = reg / 4;

	return ((write ? v->write[d] : v->pass[d]) & lanes(reg, bytes)) != 0;
}

u32 pvm_pci_read(const struct pvm_pci_view *v, u32 reg, u32 bytes, u32 hw)
{
	u32 d = reg / 4, value = hw & v->pass[d];

	if (is_bar(d))
		value = v->sizing >> (d - DW_BAR0) & 1 ? v->bar_size[d - DW_BAR0] : v->bar[d - DW_BAR0];
	else if (d == v->pm_dword)
		value |= v->power;
	return (value & lanes(reg, bytes)) >> (8 * (reg & 3));
}

bool pvm_pci_write(struct pvm_pci_view *v, u32 reg, u32 bytes, u32 value, u32 hw, u32 *result)
{
	u32 d = reg / 4, covered = lanes(reg, bytes), write = v->write[d] & covered;

	value <<= 8 * (reg & 3);
	if (is_bar(d)) {
		if (bytes == 4 && (value | 0xf) == 0xffffffff)
			v->sizing |= 1u << (d - DW_BAR0);
		else
			v->sizing &= ~(1u << (d - DW_BAR0));
	}
	if (d && d == v->pm_dword && covered & 3)
		v->power = value & 3;
	if (!write)
		return false;
	*result = (hw & ~write & ~v->clear[d]) | (value & write);
	return true;
}

u32 pvm_pci_read_bridge(u32 reg, u32 bytes)
{
	u32 value = 0;

	switch (reg / 4) {
	case 0:
		value = 0x00081b36;		/* a host bridge without registers, of the vendor of virtual ones */
		break;
	case 2:
		value = 0x06000000;		/* class: host bridge */
		break;
	default:
		break;
	}
	return (value & lanes(reg, bytes)) >> (8 * (reg & 3));
}
