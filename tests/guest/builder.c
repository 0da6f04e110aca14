// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load an ELF kernel with Xen notes into a block of memory, as the toolstack would:
 * kernel at its physical address, then start_info, xenstore page, console page, p2m, page tables,
 * boot stack; everything mapped 1:1 behind VIRT_BASE up to a 4 MiB boundary.
 *
 * Written apart from libpvm's builder on purpose: the ABI tests must not inherit its mistakes.
 */
#include <elf.h>
#include <stdbool.h>
#include <string.h>

#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <xen/xen.h>

#include "builder.h"

#define PAGE		4096ull
#define P_P		1ull
#define P_W		2ull
#define P_U		4ull
#define P_A		0x20ull
#define P_D		0x40ull
#define LEAF		(P_P | P_W | P_A)
#define TABLE		(P_P | P_W | P_U | P_A | P_D)
#define FRAME		0x000ffffffffff000ull

struct notes {
	uint64_t entry, virt_base, paddr_offset, hypercall_page;
	bool xen_version, loader;
};

static int fail(struct domain *d, const char *why)
{
	d->error = why;
	return -1;
}

static uint64_t *page(struct domain *d, uint64_t gfn)
{
	return (uint64_t *)(d->mem + gfn * PAGE);
}

static uint64_t number(const uint8_t *p, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes < 8 ? bytes : 8);
	return v;
}

static void read_notes(struct notes *n, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 12) {
		uint32_t h[3];
		const uint8_t *name = p + 12, *desc;

		memcpy(h, p, 12);
		desc = name + ((h[0] + 3ull) & ~3ull);
		if (desc > end || h[1] > (uint64_t)(end - desc))
			return;
		p = desc + ((h[1] + 3ull) & ~3ull);
		if (h[0] != 4 || memcmp(name, "Xen", 4))
			continue;
		switch (h[2]) {
		case 1: n->entry = number(desc, h[1]); break;
		case 2: n->hypercall_page = number(desc, h[1]); break;
		case 3: n->virt_base = number(desc, h[1]); break;
		case 4: n->paddr_offset = number(desc, h[1]); break;
		case 5: n->xen_version = h[1] >= 7 && !memcmp(desc, "xen-3.0", 7); break;
		case 8: n->loader = h[1] >= 7 && !memcmp(desc, "generic", 7); break;
		}
	}
}

/* Slot i: push rcx; push r11; mov $i,%eax; syscall; pop r11; pop rcx; ret. Slot 23 never returns. */
static void fill_hypercall_page(uint8_t *p)
{
	uint32_t i;

	for (i = 0; i < 128; i++, p += 32) {
		static const uint8_t head[] = { 0x51, 0x41, 0x53 }, tail[] = { 0x41, 0x5b, 0x59, 0xc3 };
		uint8_t *q = p;

		memset(p, 0xcc, 32);
		memcpy(q, head, 3);
		q += 3;
		if (i == 23)
			*q++ = 0x50;
		*q++ = 0xb8;
		memcpy(q, &i, 4);
		q += 4;
		*q++ = 0x0f;
		*q++ = 0x05;
		if (i != 23)
			memcpy(q, tail, 4);
	}
}

static int load(struct domain *d, const uint8_t *elf, size_t bytes, struct notes *n, uint64_t *end)
{
	const Elf64_Ehdr *e = (const void *)elf;
	const Elf64_Phdr *ph;
	int i;

	if (bytes < sizeof(*e) || memcmp(elf, ELFMAG, 4) || elf[EI_CLASS] != ELFCLASS64)
		return fail(d, "not a 64-bit ELF file");
	if (e->e_phoff > bytes || e->e_phnum > (bytes - e->e_phoff) / sizeof(*ph))
		return fail(d, "program headers outside the file");
	ph = (const void *)(elf + e->e_phoff);
	n->entry = e->e_entry;
	for (i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_offset > bytes || ph[i].p_filesz > bytes - ph[i].p_offset)
			return fail(d, "segment outside the file");
		if (ph[i].p_type == PT_NOTE)
			read_notes(n, elf + ph[i].p_offset, elf + ph[i].p_offset + ph[i].p_filesz);
	}
	for (i = 0; i < e->e_phnum; i++) {
		uint64_t at = ph[i].p_paddr - n->paddr_offset;

		if (ph[i].p_type != PT_LOAD)
			continue;
		if (at > d->nr_pages * PAGE || ph[i].p_memsz > d->nr_pages * PAGE - at ||
		    ph[i].p_filesz > ph[i].p_memsz)
			return fail(d, "segment outside memory");
		memcpy(d->mem + at, elf + ph[i].p_offset, ph[i].p_filesz);
		if (at + ph[i].p_memsz > *end)
			*end = at + ph[i].p_memsz;
	}
	if (!n->xen_version || !n->loader)
		return fail(d, "no note of a Xen 3.0 generic kernel");
	return 0;
}

int domain_build(struct domain *d, const void *elf, size_t elf_bytes)
{
	struct notes n = { 0 };
	struct start_info *si;
	uint64_t end = 0, next, tables, p2m, p2m_pages, mapped, l1s, i, *l2;

	if (load(d, elf, elf_bytes, &n, &end))
		return -1;
	next = (end + PAGE - 1) / PAGE;
	d->start_info = n.virt_base + next * PAGE;
	si = (void *)page(d, next++);
	d->store_gfn = next++;
	d->console_gfn = next++;
	p2m = next;
	p2m_pages = (d->nr_pages * 8 + PAGE - 1) / PAGE;
	next += p2m_pages;
	tables = next;
	/* Level 4, 3, 2, then one level 1 per 2 MiB mapped; how many depends on their own number. */
	for (l1s = 2; ; l1s += 2) {
		mapped = l1s * 512;
		if (mapped >= tables + 3 + l1s + 1 + 128)
			break;
	}
	if (mapped > d->nr_pages || mapped > 0x40000)
		return fail(d, "not enough memory");
	next = tables + 3 + l1s;
	memset(page(d, tables), 0, (3 + l1s) * PAGE);
	page(d, tables)[n.virt_base >> 39 & 511] = (tables + 1) * PAGE | TABLE;
	page(d, tables + 1)[n.virt_base >> 30 & 511] = (tables + 2) * PAGE | TABLE;
	l2 = page(d, tables + 2);
	for (i = 0; i < mapped; i++) {
		bool is_table = i >= tables && i < next;
		uint64_t l1 = tables + 3 + i / 512;

		l2[(n.virt_base >> 21 & 511) + i / 512] = l1 * PAGE | TABLE;
		page(d, l1)[i % 512] = i * PAGE | (is_table ? LEAF & ~P_W : LEAF);
	}
	for (i = 0; i < d->nr_pages; i++)
		page(d, p2m)[i] = i;
	d->rsp = n.virt_base + (next + 1) * PAGE;
	d->entry = n.entry;
	d->root_gfn = tables;
	d->mapped_pages = mapped;
	d->shared_info_gfn = d->nr_pages;
	d->grant_gfn = d->nr_pages + 1;
	if (n.hypercall_page)
		fill_hypercall_page(d->mem + (n.hypercall_page - n.virt_base));

	memset(si, 0, PAGE);
	strcpy(si->magic, "xen-3.0-x86_64");
	si->nr_pages = d->nr_pages;
	si->shared_info = d->shared_info_gfn * PAGE;
	si->store_mfn = d->store_gfn;
	si->store_evtchn = d->store_port;
	si->console.domU.mfn = d->console_gfn;
	si->console.domU.evtchn = d->console_port;
	si->pt_base = n.virt_base + tables * PAGE;
	si->nr_pt_frames = 3 + l1s;
	si->mfn_list = n.virt_base + p2m * PAGE;
	if (d->cmdline)
		strncpy((char *)si->cmd_line, d->cmdline, sizeof(si->cmd_line) - 1);
	return 0;
}

/* The guest's view of an address, or ~0. */
static uint64_t translate(struct domain *d, uint64_t va, uint64_t *pte)
{
	uint64_t gfn = d->root_gfn, e = 0;
	int l;

	for (l = 4; l; l--) {
		e = page(d, gfn)[va >> (12 + 9 * (l - 1)) & 511];
		if (!(e & P_P) || (e & FRAME) / PAGE >= d->nr_pages)
			return ~0ull;
		gfn = (e & FRAME) / PAGE;
	}
	*pte = e;
	return gfn;
}

int domain_check(struct domain *d)
{
	const struct start_info *si;
	uint64_t base, pte = 0, i, gfn;

	gfn = translate(d, d->start_info, &pte);
	if (gfn == ~0ull)
		return fail(d, "start_info is not mapped");
	si = (void *)page(d, gfn);
	base = si->pt_base - d->root_gfn * PAGE;
	for (i = 0; i < d->mapped_pages; i++) {
		bool is_table = i >= d->root_gfn && i < d->root_gfn + si->nr_pt_frames;

		if (translate(d, base + i * PAGE, &pte) != i)
			return fail(d, "the mapping is not 1:1");
		if (is_table == !!(pte & P_W))
			return fail(d, "a table is writable or a page is not");
	}
	if (translate(d, base + i * PAGE, &pte) != ~0ull)
		return fail(d, "more is mapped than said");
	if (translate(d, d->rsp - 8, &pte) == ~0ull || !(pte & P_W))
		return fail(d, "the boot stack is not writable");
	if (translate(d, d->entry, &pte) == ~0ull)
		return fail(d, "the entry point is not mapped");
	for (i = 0; i < d->nr_pages; i++)
		if (page(d, translate(d, si->mfn_list + i * 8, &pte))[i % 512] != i)
			return fail(d, "the p2m is not the identity");
	return 0;
}
