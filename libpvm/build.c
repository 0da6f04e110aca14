// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Domain builder.
 *
 *	frame 0                                                       mapped at virt_base ┐
 *	┌───────────┬────────┬──────┬──────┬────────────┬───────┬─────────┬────────┬──────┤
 *	│ free RAM, │ initrd │ p2m  │start │ page tables│ boot  │ >= 512  │ initrd │ p2m, │
 *	│ kernel at │ if not │ if no│info, │ L4 L3 L2 L1│ stack │ KiB, to │ if by  │ its  │
 *	│ p_paddr   │ by PFN │ INIT_│xenst.│ (mapped    │       │ 4 MiB   │ PFN    │tables│
 *	│           │        │ P2M  │cons. │  read-only)│       │ boundary│        │      │
 *	└───────────┴────────┴──────┴──────┴────────────┴───────┴─────────┴────────┴──────┘
 *
 * What guests rely on: the boot mapping lies in one L2 table (below 1 GiB); L4, L3, L2 are the
 * first three table frames; 4 KiB entries only; tables are not writable through the mapping; the
 * initrd lies below 4 GiB; nothing of ours is in frames 0xa0..0xff, the ISA hole Linux reserves.
 *
 * Table addresses are pure arithmetic (span_*): entry and table of a virtual address follow from
 * its distance to the start of the mapping, so nothing is searched or allocated while writing.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>

#include "build.h"
#include "err.h"

#define PAGE		4096ull
#define PFN_UP(x)	(((x) + PAGE - 1) / PAGE)
#define MIB(pages)	(((pages) + 255) / 256)

#define ISA_HOLE_END_PFN	0x100u
#define MAP_ALIGN		(4ull << 20)
#define MAP_SLACK_PAGES		128u		/* 512 KiB that the guest's start-up code may use */

#define PTE_P			0x001ull
#define PTE_RW			0x002ull
#define PTE_US			0x004ull
#define PTE_A			0x020ull
#define PTE_D			0x040ull
#define LEAF_RW			(PTE_P | PTE_RW | PTE_A)
#define LEAF_RO			(PTE_P | PTE_A)
#define TABLE			(PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

#define HYPERCALL_SLOTS		128u
#define HYPERCALL_SLOT_BYTES	32u

/* Virtual addresses no guest mapping may touch: not canonical, or the hypervisor's hole. */
#define LOW_END			0x0000800000000000ull
#define HIGH_START		0xffff880000000000ull

static bool range_is_mappable(uint64_t va, uint64_t nr_pages)
{
	uint64_t last = va + nr_pages * PAGE - 1;

	return last >= va && (last < LOW_END || va >= HIGH_START);
}

static unsigned int l4_slot(uint64_t va)
{
	return va >> 39 & 511;
}

/* Tables needed for [va, va + nr_pages); shift 39 = L3 tables, 30 = L2, 21 = L1. */
static uint64_t tables(uint64_t va, uint64_t nr_pages, unsigned int shift)
{
	return ((va + nr_pages * PAGE - 1) >> shift) - (va >> shift) + 1;
}

/* Lay the tables of a span out from @pfn on. Return: first frame behind them. */
static uint64_t span_init(struct pvm_span *s, uint64_t va, uint64_t nr_pages, uint64_t pfn)
{
	s->va = va;
	s->nr_pages = nr_pages;
	s->nr_l3 = tables(va, nr_pages, 39);
	s->nr_l2 = tables(va, nr_pages, 30);
	s->nr_l1 = tables(va, nr_pages, 21);
	s->l3_pfn = pfn;
	s->l2_pfn = s->l3_pfn + s->nr_l3;
	s->l1_pfn = s->l2_pfn + s->nr_l2;
	return s->l1_pfn + s->nr_l1;
}

static int check_image(const struct pvm_image *img, uint64_t *end_pfn)
{
	uint64_t end = 0;

	if (img->virt_base % PAGE)
		return pvm_fail(-ENOEXEC, "cannot boot the kernel: its VIRT_BASE note %#llx is not page-aligned",
				(unsigned long long)img->virt_base);
	for (unsigned int i = 0; i < img->nr_segs; i++) {
		const struct pvm_segment *s = &img->seg[i];
		uint64_t start = s->paddr - img->paddr_offset;

		if (s->paddr < img->paddr_offset || start >= PVM_BOOT_MAP_PAGES * PAGE ||
		    s->mem_bytes > PVM_BOOT_MAP_PAGES * PAGE || s->file_bytes > s->mem_bytes)
			return pvm_fail(-ENOEXEC, "cannot boot the kernel: segment %u (address %#llx, %#llx bytes) is not within the first GiB of guest memory",
					i, (unsigned long long)s->paddr,
					(unsigned long long)s->mem_bytes);
		if (start + s->mem_bytes > end)
			end = start + s->mem_bytes;
	}
	if (!end)
		return pvm_fail(-ENOEXEC, "cannot boot the kernel: it has nothing to load");
	*end_pfn = PFN_UP(end);
	if (img->entry - img->virt_base >= end)
		return pvm_fail(-ENOEXEC, "cannot boot the kernel: its entry point %#llx is outside the image",
				(unsigned long long)img->entry);
	if (img->has_hypercall_page &&
	    (img->hypercall_page % PAGE ||
	     (img->hypercall_page - img->virt_base) / PAGE >= *end_pfn))
		return pvm_fail(-ENOEXEC, "cannot boot the kernel: its hypercall page %#llx is not a page of the image",
				(unsigned long long)img->hypercall_page);
	return 0;
}

/*
 * INIT_P2M counts only below virt_base, page-aligned, and (our own wish, no kernel asks otherwise)
 * in L4 slots of its own, so that the two mappings share nothing but the L4.
 */
static bool p2m_goes_to_init_p2m(const struct pvm_image *img, uint64_t p2m_pages)
{
	uint64_t va = img->init_p2m;

	return img->has_init_p2m && va % PAGE == 0 && va < img->virt_base &&
	       range_is_mappable(va, p2m_pages) &&
	       l4_slot(va + p2m_pages * PAGE - 1) < l4_slot(img->virt_base);
}

static uint64_t take(uint64_t *next, uint64_t pages)
{
	uint64_t pfn = *next;

	*next += pages;
	return pfn;
}

/* Everything but the comparison with nr_pages. */
static int lay_out(const struct pvm_build_in *in, struct pvm_build_out *o)
{
	const struct pvm_image *img = in->image;
	uint64_t vb = img->virt_base, next, tables_end, was;
	int err;

	memset(o, 0, sizeof(*o));
	if (strlen(in->cmdline) >= PVM_CMDLINE_BYTES)
		return pvm_fail(-EINVAL, "cannot use the kernel command line: it has %zu bytes, at most %u are possible",
				strlen(in->cmdline), PVM_CMDLINE_BYTES - 1);
	err = check_image(img, &o->image_end_pfn);
	if (err)
		return err;
	o->initrd_pages = PFN_UP(in->initrd_bytes);
	o->initrd_mapped = !img->has_mod_start_pfn;
	o->p2m_pages = PFN_UP(in->nr_pages * sizeof(uint64_t));
	o->p2m_mapped = !p2m_goes_to_init_p2m(img, o->p2m_pages);
	if (in->initrd_bytes > PVM_INITRD_END_PAGES * PAGE)
		return pvm_fail(-ENOSPC, "cannot use the initrd: its %llu MiB do not fit below 4 GiB of guest memory",
				(unsigned long long)MIB(o->initrd_pages));

	next = o->image_end_pfn < ISA_HOLE_END_PFN ? ISA_HOLE_END_PFN : o->image_end_pfn;
	if (o->initrd_mapped)
		o->initrd_pfn = take(&next, o->initrd_pages);
	if (o->p2m_mapped)
		o->p2m_pfn = take(&next, o->p2m_pages);
	o->start_info_pfn = take(&next, 1);
	o->store_pfn = take(&next, 1);
	o->console_pfn = take(&next, 1);
	o->l4_pfn = take(&next, 1);
	if (next > PVM_BOOT_MAP_PAGES || !range_is_mappable(vb, PVM_BOOT_MAP_PAGES))
		goto no_map;

	/* The tables map themselves: grow the mapping until they fit in it. */
	tables_end = next;
	do {
		uint64_t end_va = vb + (tables_end + 1 + MAP_SLACK_PAGES) * PAGE;

		was = tables_end;
		end_va = (end_va + MAP_ALIGN - 1) / MAP_ALIGN * MAP_ALIGN;
		o->map_end_pfn = (end_va - vb) / PAGE;
		tables_end = span_init(&o->boot, vb, o->map_end_pfn, next);
	} while (tables_end != was);
	if (o->map_end_pfn > PVM_BOOT_MAP_PAGES)
		goto no_map;
	o->nr_pt_pages = tables_end - o->l4_pfn;
	o->stack_pfn = tables_end;

	next = o->map_end_pfn;
	if (!o->initrd_mapped)
		o->initrd_pfn = take(&next, o->initrd_pages);
	if (o->initrd_pfn + o->initrd_pages > PVM_INITRD_END_PAGES)
		return pvm_fail(-ENOSPC, "cannot use the initrd: its %llu MiB do not fit below 4 GiB of guest memory",
				(unsigned long long)MIB(o->initrd_pages));
	if (!o->p2m_mapped) {
		o->p2m_pfn = take(&next, o->p2m_pages);
		next = span_init(&o->p2m, img->init_p2m, o->p2m_pages, next);
	}
	o->end_pfn = next;
	o->p2m_va = o->p2m_mapped ? vb + o->p2m_pfn * PAGE : img->init_p2m;
	o->rip = img->entry;
	o->rsp = vb + (o->stack_pfn + 1) * PAGE;
	o->rsi = vb + o->start_info_pfn * PAGE;
	return 0;

no_map:
	if (!range_is_mappable(vb, PVM_BOOT_MAP_PAGES))
		return pvm_fail(-ENOEXEC, "cannot boot the kernel: its VIRT_BASE note %#llx leaves no room for a boot mapping",
				(unsigned long long)vb);
	return pvm_fail(-ENOSPC, "cannot boot the kernel: image, initrd and tables do not fit in the first GiB, which is all it can map at start");
}

int pvm_build_plan(const struct pvm_build_in *in, struct pvm_build_out *out)
{
	struct pvm_build_out o;
	int err = lay_out(in, &o);

	if (err)
		return err;
	if (o.end_pfn > in->nr_pages)
		return pvm_fail(-ENOSPC, "cannot load the guest: kernel (%llu MiB), initrd (%llu MiB) and start-up tables need %llu MiB of memory to begin with, it has %llu MiB; give it more",
				(unsigned long long)MIB(o.image_end_pfn),
				(unsigned long long)MIB(o.initrd_pages),
				(unsigned long long)MIB(o.end_pfn),
				(unsigned long long)MIB(in->nr_pages));
	*out = o;
	return 0;
}

int pvm_build_min_pages(const struct pvm_build_in *in, uint64_t *nr_pages)
{
	struct pvm_build_in want = *in;
	struct pvm_build_out o;
	int err;

	/* end_pfn grows with nr_pages, by an eighth of a page per page: this converges fast. */
	for (want.nr_pages = 1;; want.nr_pages = o.end_pfn) {
		err = lay_out(&want, &o);
		if (err)
			return err;
		if (o.end_pfn <= want.nr_pages)
			break;
	}
	*nr_pages = o.end_pfn;
	return 0;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void *frame(uint8_t *ram, uint64_t pfn)
{
	return ram + pfn * PAGE;
}

static uint64_t *entry(uint8_t *ram, uint64_t table_pfn, uint64_t idx)
{
	return (uint64_t *)frame(ram, table_pfn) + idx;
}

static void write_span(uint8_t *ram, uint64_t l4_pfn, const struct pvm_span *s, uint64_t first_pfn)
{
	uint64_t i;

	memset(frame(ram, s->l3_pfn), 0, (s->nr_l3 + s->nr_l2 + s->nr_l1) * PAGE);
	for (i = 0; i < s->nr_l3; i++)
		*entry(ram, l4_pfn, l4_slot(s->va) + i) = (s->l3_pfn + i) * PAGE | TABLE;
	/* Index among all entries of a level: distance from the first, plus the first's. */
	for (i = 0; i < s->nr_l2; i++) {
		uint64_t at = (s->va >> 30 & 511) + i;

		*entry(ram, s->l3_pfn + at / 512, at % 512) = (s->l2_pfn + i) * PAGE | TABLE;
	}
	for (i = 0; i < s->nr_l1; i++) {
		uint64_t at = (s->va >> 21 & 511) + i;

		*entry(ram, s->l2_pfn + at / 512, at % 512) = (s->l1_pfn + i) * PAGE | TABLE;
	}
	for (i = 0; i < s->nr_pages; i++) {
		uint64_t at = (s->va >> 12 & 511) + i;

		*entry(ram, s->l1_pfn + at / 512, at % 512) = (first_pfn + i) * PAGE | LEAF_RW;
	}
}

/* The guest must not find its tables writable: live tables are changed by hypercall. */
static void protect_tables(uint8_t *ram, const struct pvm_build_out *plan)
{
	for (uint64_t i = 0; i < plan->nr_pt_pages; i++) {
		uint64_t pfn = plan->l4_pfn + i;
		uint64_t at = (plan->boot.va >> 12 & 511) + pfn;

		*entry(ram, plan->boot.l1_pfn + at / 512, at % 512) = pfn * PAGE | LEAF_RO;
	}
}

/*
 * Slot n: save rcx and r11, which SYSCALL destroys; eax = n; SYSCALL; restore; return. The iret
 * slot does not return: it saves rax as well, which completes the frame HYPERVISOR_iret expects.
 */
static void write_hypercall_page(uint8_t *page)
{
	static const uint8_t call[] = {
		0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3,
	};
	static const uint8_t iret[] = {
		0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05,
	};

	memset(page, 0xcc, PAGE);
	for (unsigned int n = 0; n < HYPERCALL_SLOTS; n++) {
		uint8_t *slot = page + n * HYPERCALL_SLOT_BYTES;

		memcpy(slot, call, sizeof(call));
		slot[4] = (uint8_t)n;
	}
	memset(page + __HYPERVISOR_iret * HYPERCALL_SLOT_BYTES, 0xcc, HYPERCALL_SLOT_BYTES);
	memcpy(page + __HYPERVISOR_iret * HYPERCALL_SLOT_BYTES, iret, sizeof(iret));
}

static void write_start_info(const struct pvm_build_in *in, const struct pvm_build_out *plan,
			     struct start_info *si)
{
	static const char magic[] = "xen-3.0-x86_64";

	memset(si, 0, PAGE);
	memcpy(si->magic, magic, sizeof(magic));
	si->nr_pages = in->nr_pages;
	si->shared_info = in->shared_info_gfn * PAGE;
	si->flags = SIF_VIRT_P2M_4TOOLS;
	si->store_mfn = plan->store_pfn;
	si->store_evtchn = in->store_port;
	si->console.domU.mfn = plan->console_pfn;
	si->console.domU.evtchn = in->console_port;
	si->pt_base = in->image->virt_base + plan->l4_pfn * PAGE;
	si->nr_pt_frames = plan->nr_pt_pages;
	si->mfn_list = plan->p2m_va;
	if (in->initrd_bytes) {
		if (plan->initrd_mapped) {
			si->mod_start = in->image->virt_base + plan->initrd_pfn * PAGE;
		} else {
			si->mod_start = plan->initrd_pfn;
			si->flags |= SIF_MOD_START_PFN;
		}
		si->mod_len = in->initrd_bytes;
	}
	memcpy(si->cmd_line, in->cmdline, strlen(in->cmdline));
	if (!plan->p2m_mapped) {
		const struct pvm_span *s = &plan->p2m;

		si->first_p2m_pfn = plan->p2m_pfn;
		si->nr_p2m_frames = plan->p2m_pages + s->nr_l3 + s->nr_l2 + s->nr_l1;
	}
}

void pvm_build_write(const struct pvm_build_in *in, const struct pvm_build_out *plan, uint8_t *ram)
{
	const struct pvm_image *img = in->image;
	uint64_t *p2m;

	for (unsigned int i = 0; i < img->nr_segs; i++) {
		const struct pvm_segment *s = &img->seg[i];
		uint8_t *dst = ram + (s->paddr - img->paddr_offset);

		if (s->file_bytes)
			memcpy(dst, s->data, s->file_bytes);
		memset(dst + s->file_bytes, 0, s->mem_bytes - s->file_bytes);
	}
	if (img->has_hypercall_page)
		write_hypercall_page(ram + (img->hypercall_page - img->virt_base));

	write_start_info(in, plan, frame(ram, plan->start_info_pfn));
	memset(frame(ram, plan->store_pfn), 0, PAGE);
	memset(frame(ram, plan->console_pfn), 0, PAGE);

	memset(frame(ram, plan->l4_pfn), 0, PAGE);
	write_span(ram, plan->l4_pfn, &plan->boot, 0);
	protect_tables(ram, plan);
	memset(frame(ram, plan->stack_pfn), 0, PAGE);

	p2m = frame(ram, plan->p2m_pfn);
	for (uint64_t i = 0; i < in->nr_pages; i++)
		p2m[i] = i;
	memset(p2m + in->nr_pages, 0xff, plan->p2m_pages * PAGE - in->nr_pages * sizeof(*p2m));
	if (!plan->p2m_mapped)
		write_span(ram, plan->l4_pfn, &plan->p2m, plan->p2m_pfn);
}
