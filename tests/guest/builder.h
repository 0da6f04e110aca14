/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A minimal domain builder for test kernels: bytes in, bytes out, no driver involved.
 */
#ifndef BUILDER_H
#define BUILDER_H

#include <stdint.h>
#include <stddef.h>

struct domain {
	uint8_t *mem;			/* nr_pages + extra_pages pages */
	uint64_t nr_pages;		/* RAM */
	uint64_t extra_pages;		/* above RAM: shared_info, grant frames */
	uint32_t store_port, console_port;	/* IN, from PVM_VM_EVTCHN_ALLOC */
	const char *cmdline;		/* IN, may be NULL */
	/* OUT */
	uint64_t entry, rsp, start_info, root_gfn;
	uint64_t shared_info_gfn, grant_gfn;
	uint64_t console_gfn, store_gfn, mapped_pages;
	const char *error;
};

/* Both return 0, or -1 with domain->error set. */
int domain_build(struct domain *d, const void *elf, size_t elf_bytes);
int domain_check(struct domain *d);	/* walk what was built and verify it */

#endif /* BUILDER_H */
