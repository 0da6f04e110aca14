// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ACPI tables of a partition: RSDP ─▶ XSDT ─▶ FADT ─▶ DSDT, XSDT ─▶ MADT.
 *
 * Pure. The partition's kernel sees the machine's real processors and devices, but only these
 * tables, and they are chosen so that it keeps its hands off what belongs to the host:
 *
 *  - FADT: hardware-reduced (no PIT, PIC, PM timer, SCI); FORCE_APIC_PHYSICAL_DESTINATION, because
 *    in logical mode it would write destination ids that collide with the host's and the two would
 *    get each other's interrupts; no VGA, no CMOS clock, no 8042. Sleep control and reset registers
 *    are ports the driver traps.
 *  - MADT: only its own CPUs, the one that boots first (kernels since 6.11 take another order for a
 *    crash kernel's and start one CPU). Without any I/O APIC a kernel goes looking for the host's
 *    MP table; so there is one, a page of zeros. In x2APIC mode there must be none: the kernel
 *    would leave that mode ("noapic" on its command line instead).
 *  - DSDT: _S5; one PNP0501 with ports and no interrupt (an ISA interrupt cannot reach it, without
 *    one the driver polls); a root bridge per PCI bus whose windows are exactly the BARs, so that
 *    the kernel keeps the addresses the host assigned.
 *
 * The AML is checked with iasl by tests/unit/lib/test_part_acpi.c.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "part_acpi.h"

#define HEADER_BYTES	36u
#define FADT_BYTES	268u	/* revision 5 */
#define RSDP_BYTES	36u
#define LOCAL_APIC	0xfee00000u
#define IO_APIC_ID	0xf0u
#define MAX_XAPIC_ID	254u	/* 255 is the broadcast id */

/* ---- bytes ------------------------------------------------------------------------------- */

struct out {
	uint8_t *data;
	size_t room;
	size_t bytes;
	bool full;
};

static void put(struct out *o, const void *src, size_t bytes)
{
	if (o->full || bytes > o->room - o->bytes) {
		o->full = true;
		return;
	}
	memcpy(o->data + o->bytes, src, bytes);
	o->bytes += bytes;
}

static void put_int(struct out *o, uint64_t value, size_t bytes)
{
	uint8_t le[8];

	for (size_t i = 0; i < bytes; i++)
		le[i] = (uint8_t)(value >> 8 * i);
	put(o, le, bytes);
}

static void put8(struct out *o, uint32_t value)
{
	put_int(o, value, 1);
}

static void set_int(uint8_t *p, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* Make the bytes add up to 0 through the one at @at. */
static void set_checksum(uint8_t *p, size_t bytes, size_t at)
{
	uint8_t sum = 0;

	p[at] = 0;
	for (size_t i = 0; i < bytes; i++)
		sum += p[i];
	p[at] = (uint8_t)-sum;
}

/* Begin a table on a 64-byte boundary. Return: where it begins. */
static size_t begin(struct out *o, const char sig[4], uint32_t revision)
{
	static const uint8_t zeros[64];
	size_t at;

	put(o, zeros, -o->bytes & 63);
	at = o->bytes;
	put(o, sig, 4);
	put_int(o, 0, 4);			/* length, by end() */
	put_int(o, revision, 2);		/* revision, checksum */
	put(o, "PVM   PVMPART ", 14);
	put_int(o, 1, 4);
	put(o, "PVM ", 4);
	put_int(o, 1, 4);
	return at;
}

static void end(struct out *o, size_t at)
{
	if (o->full)
		return;
	set_int(o->data + at + 4, o->bytes - at, 4);
	set_checksum(o->data + at, o->bytes - at, 9);
}

/* ---- AML --------------------------------------------------------------------------------- */

/*
 * A package's length comes before its contents and counts its own bytes: write the contents first,
 * then make room. Returns the offset close_pkg() wants.
 */
static size_t open_pkg(const struct out *o)
{
	return o->bytes;
}

static void close_pkg(struct out *o, size_t at)
{
	size_t bytes = o->bytes - at, extra = bytes + 1 < 0x40 ? 0 : bytes + 2 < 0x1000 ? 1 : 2;
	uint8_t len[3];

	bytes += 1 + extra;
	len[0] = (uint8_t)(extra ? extra << 6 | (bytes & 15) : bytes);
	len[1] = (uint8_t)(bytes >> 4);
	len[2] = (uint8_t)(bytes >> 12);
	put(o, len, 1 + extra);			/* makes sure there is room */
	if (o->full)
		return;
	memmove(o->data + at + 1 + extra, o->data + at, o->bytes - at - 1 - extra);
	memcpy(o->data + at, len, 1 + extra);
}

static void put_name(struct out *o, const char name[4])
{
	put8(o, 0x08);
	put(o, name, 4);
}

static size_t open_device(struct out *o, const char name[4])
{
	size_t at;

	put(o, "\x5b\x82", 2);
	at = open_pkg(o);
	put(o, name, 4);
	return at;
}

static void put_dword(struct out *o, uint32_t value)
{
	put8(o, 0x0c);
	put_int(o, value, 4);
}

static void put_byte(struct out *o, uint32_t value)
{
	put8(o, 0x0a);
	put_int(o, value, 1);
}

/* Name (_CRS, Buffer (bytes) { resources, end tag }) */
static void put_crs(struct out *o, const uint8_t *res, size_t bytes)
{
	size_t at;

	put_name(o, "_CRS");
	put8(o, 0x11);
	at = open_pkg(o);
	put8(o, 0x0b);
	put_int(o, bytes + 2, 2);
	put(o, res, bytes);
	put(o, "\x79\x00", 2);
	close_pkg(o, at);
}

static void put_uart(struct out *o, uint32_t port)
{
	const uint8_t res[] = {
		0x47, 0x01, (uint8_t)port, (uint8_t)(port >> 8), (uint8_t)port, (uint8_t)(port >> 8), 1, 8,
	};
	size_t at = open_device(o, "COM0");

	put_name(o, "_HID");
	put_dword(o, 0x0105d041);		/* PNP0501 */
	put_name(o, "_UID");
	put_byte(o, 0);
	put_crs(o, res, sizeof(res));
	close_pkg(o, at);
}

#define BUS_BYTES	16u
#define QWORD_BYTES	46u

static void put_bus(struct out *o, unsigned int nr, uint32_t bus, const struct pvm_part_acpi_in *in)
{
	static const char hex[] = "0123456789ABCDEF";
	const char name[] = { 'P', 'C', hex[nr >> 4], hex[nr & 15] };
	uint8_t data[BUS_BYTES + 96 * QWORD_BYTES];
	struct out res = { .data = data, .room = sizeof(data) };
	size_t at = open_device(o, name);

	put(&res, "\x88\x0d\x00\x02\x0c\x00\x00\x00", 8);	/* word, 13 bytes, bus numbers, fixed */
	put_int(&res, bus, 2);
	put_int(&res, bus, 2);
	put_int(&res, 0, 2);
	put_int(&res, 1, 2);
	for (unsigned int i = 0; i < in->nr_windows; i++) {
		const struct pvm_part_window *w = &in->windows[i];

		if (w->bdf >> 8 != bus || !w->bytes)
			continue;
		put(&res, "\x8a\x2b\x00\x00\x0c\x01", 6);	/* qword, 43 bytes, memory, fixed, writable */
		put_int(&res, 0, 8);
		put_int(&res, w->addr, 8);
		put_int(&res, w->addr + w->bytes - 1, 8);
		put_int(&res, 0, 8);
		put_int(&res, w->bytes, 8);
	}
	o->full |= res.full;
	put_name(o, "_HID");
	put_dword(o, 0x030ad041);		/* PNP0A03 */
	put_name(o, "_UID");
	put_byte(o, nr);
	put_name(o, "_BBN");
	put_byte(o, bus);
	put_crs(o, data, res.bytes);
	close_pkg(o, at);
}

static void put_buses(struct out *o, const struct pvm_part_acpi_in *in)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < in->nr_windows; i++) {
		uint32_t bus = in->windows[i].bdf >> 8;
		bool seen = false;

		for (unsigned int k = 0; k < i; k++)
			seen |= in->windows[k].bdf >> 8 == bus;
		if (!seen)
			put_bus(o, nr++, bus, in);
	}
}

/* ---- tables ------------------------------------------------------------------------------ */

static size_t put_dsdt(struct out *o, const struct pvm_part_acpi_in *in)
{
	size_t at = begin(o, "DSDT", 2), scope;

	put_name(o, "_S5_");
	put8(o, 0x12);				/* Package (4) { 5, 5, 0, 0 } */
	put(o, "\x08\x04\x0a\x05\x0a\x05\x00\x00", 8);
	put8(o, 0x10);
	scope = open_pkg(o);
	put(o, "\\_SB_", 5);
	if (in->uart_port)
		put_uart(o, in->uart_port);
	put_buses(o, in);
	close_pkg(o, scope);
	end(o, at);
	return at;
}

static void set_port(uint8_t *gas, uint32_t port)
{
	gas[0] = 1;				/* I/O space */
	gas[1] = 8;				/* bits */
	gas[3] = 1;				/* byte access */
	set_int(gas + 4, port, 8);
}

static size_t put_fadt(struct out *o, const struct pvm_part_acpi_in *in, uint64_t dsdt)
{
	uint8_t t[FADT_BYTES] = { 0 };		/* offsets as in the specification */
	size_t at = begin(o, "FACP", 5);

	set_int(t + 40, dsdt <= UINT32_MAX ? dsdt : 0, 4);
	set_int(t + 109, 1 << 2 | 1 << 5, 2);	/* no VGA, no CMOS clock; no 8042, no legacy devices */
	set_int(t + 112, 1u << 20 |		/* hardware-reduced */
			 1 << 19 |		/* force physical APIC destinations */
			 1 << 10 |		/* reset register present */
			 1 << 5 | 1 << 4, 4);	/* no sleep button, no power button */
	set_port(t + 116, in->reset_port);
	t[128] = 1;				/* reset value */
	set_int(t + 140, dsdt, 8);
	set_port(t + 244, in->sleep_port);
	set_port(t + 256, in->sleep_port + 2);	/* sleep status: written, never read */
	put(o, t + HEADER_BYTES, FADT_BYTES - HEADER_BYTES);
	end(o, at);
	return at;
}

static size_t put_madt(struct out *o, const struct pvm_part_acpi_in *in)
{
	size_t at = begin(o, "APIC", 5);

	put_int(o, LOCAL_APIC, 4);
	put_int(o, 0, 4);			/* no 8259 */
	for (unsigned int i = 0; i < in->nr_cpus; i++) {
		if (in->apic_ids[i] <= MAX_XAPIC_ID) {
			put(o, "\x00\x08", 2);
			put8(o, i);
			put8(o, in->apic_ids[i]);
			put_int(o, 1, 4);	/* enabled */
		} else {
			put(o, "\x09\x10\x00\x00", 4);
			put_int(o, in->apic_ids[i], 4);
			put_int(o, 1, 4);
			put_int(o, i, 4);
		}
	}
	if (in->io_apic) {
		put(o, "\x01\x0c", 2);
		put_int(o, IO_APIC_ID, 2);
		put_int(o, in->io_apic, 4);
		put_int(o, 0, 4);
	}
	if (in->mailbox) {
		put(o, "\x10\x10\x00\x00\x00\x00\x00\x00", 8);	/* version 0 */
		put_int(o, in->mailbox, 8);
	}
	end(o, at);
	return at;
}

int pvm_part_acpi(const struct pvm_part_acpi_in *in, uint8_t *dst, size_t room, uint64_t *rsdp)
{
	struct out o = { .data = dst, .room = room };
	uint8_t *root = dst;
	size_t fadt, madt, xsdt, dsdt;

	if (room < 64)
		return -ENOSPC;
	memset(dst, 0, room);
	o.bytes = 64;				/* the root pointer, filled in last */
	dsdt = put_dsdt(&o, in);
	fadt = put_fadt(&o, in, in->addr + dsdt);
	madt = put_madt(&o, in);
	xsdt = begin(&o, "XSDT", 1);
	put_int(&o, in->addr + fadt, 8);
	put_int(&o, in->addr + madt, 8);
	end(&o, xsdt);
	if (o.full)
		return -ENOSPC;
	memcpy(root, "RSD PTR ", 8);
	memcpy(root + 9, "PVM   ", 6);
	root[15] = 2;
	set_int(root + 20, RSDP_BYTES, 4);
	set_int(root + 24, in->addr + xsdt, 8);
	set_checksum(root, 20, 8);
	set_checksum(root, RSDP_BYTES, 32);
	*rsdp = in->addr;
	return 0;
}
