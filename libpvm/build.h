/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain builder: where everything lies in a new guest's memory, and the bytes of it.
 *
 * Pure: a kernel image (segments and notes, from load.c) and numbers in, a plan and bytes out. The
 * plan is complete before the first byte is written, so a guest that is too small is refused with
 * the size it needs and its memory untouched. See build.c for the picture.
 */
#ifndef PVM_BUILD_H
#define PVM_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PVM_IMAGE_SEGMENTS	32u
#define PVM_CMDLINE_BYTES	1024u		/* with the NUL */
#define PVM_BOOT_MAP_PAGES	0x40000u	/* 1 GiB: Linux takes over one L2 table of ours */
#define PVM_INITRD_END_PAGES	0x100000u	/* 4 GiB: Linux keeps its address in 32 bits */

struct pvm_segment {
	const uint8_t *data;
	uint64_t file_bytes;		/* <= mem_bytes; the rest is zero */
	uint64_t mem_bytes;
	uint64_t paddr;
};

/* A kernel: what its program headers and Xen notes say. */
struct pvm_image {
	struct pvm_segment seg[PVM_IMAGE_SEGMENTS];
	unsigned int nr_segs;
	uint64_t entry;
	uint64_t virt_base;
	uint64_t paddr_offset;
	uint64_t hypercall_page;
	uint64_t init_p2m;
	bool has_hypercall_page;
	bool has_init_p2m;
	bool has_mod_start_pfn;		/* the initrd may stay unmapped */
};

struct pvm_build_in {
	const struct pvm_image *image;
	uint64_t nr_pages;		/* RAM: frames 0..nr_pages-1 */
	uint64_t initrd_bytes;
	const char *cmdline;		/* not NULL */
	uint64_t shared_info_gfn;
	uint32_t store_port;
	uint32_t console_port;
};

/* Page tables of one contiguous mapping; the L4 is shared. */
struct pvm_span {
	uint64_t va;
	uint64_t nr_pages;
	uint64_t nr_l3, nr_l2, nr_l1;
	uint64_t l3_pfn, l2_pfn, l1_pfn;	/* first of each, contiguous in this order */
};

/* The plan. Frames are PFNs, which are guest frame numbers too. */
struct pvm_build_out {
	uint64_t image_end_pfn;
	uint64_t initrd_pfn;
	uint64_t initrd_pages;
	uint64_t p2m_pfn;
	uint64_t p2m_pages;
	uint64_t p2m_va;
	uint64_t start_info_pfn;
	uint64_t store_pfn;
	uint64_t console_pfn;
	uint64_t l4_pfn;
	uint64_t nr_pt_pages;		/* of the boot mapping, L4 included */
	uint64_t stack_pfn;
	uint64_t map_end_pfn;		/* frames below are mapped at virt_base */
	uint64_t end_pfn;		/* everything of ours is below */
	bool initrd_mapped;
	bool p2m_mapped;		/* inside the boot mapping; else at init_p2m */
	struct pvm_span boot;
	struct pvm_span p2m;
	/* first vCPU */
	uint64_t rip;
	uint64_t rsp;
	uint64_t rsi;
};

/**
 * pvm_build_plan() - lay a guest out
 *
 * Return: 0; -ENOSPC: does not fit in nr_pages; -EINVAL: command line too long; -ENOEXEC: the image
 * asks for something impossible. With a text in each case.
 */
int pvm_build_plan(const struct pvm_build_in *in, struct pvm_build_out *out);

/**
 * pvm_build_min_pages() - least nr_pages a plan exists for; in->nr_pages is ignored
 *
 * Return: 0 or as pvm_build_plan(), -ENOSPC if no guest of any size would do.
 */
int pvm_build_min_pages(const struct pvm_build_in *in, uint64_t *nr_pages);

/**
 * pvm_build_write() - write everything but the initrd's bytes
 * @plan: of pvm_build_plan() for the same @in
 * @ram: nr_pages of memory
 */
void pvm_build_write(const struct pvm_build_in *in, const struct pvm_build_out *plan, uint8_t *ram);

#endif /* PVM_BUILD_H */
