// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Grants: a guest's permission to use one of its pages, turned into a pointer. Version 1 entries.
 *
 * The table is shared memory: an entry is loaded once, as the 8 bytes it is, and only that copy is
 * judged. A guest that changes it between our look and our use harms its own memory only. The
 * flags that say "in use" are not set: frontends do not need them, and a flag left behind would
 * make the guest leak the page.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "gnt.h"

_Static_assert(sizeof(struct grant_entry_v1) == sizeof(uint64_t), "one load fetches an entry");

int pvm_gnt_get(const struct pvm_gnt *g, uint32_t ref, bool write, void **page)
{
	struct grant_entry_v1 e;
	uint64_t raw;

	if (ref >= g->nr_entries)
		return -ERANGE;
	raw = __atomic_load_n((const uint64_t *)g->table + ref, __ATOMIC_ACQUIRE);
	memcpy(&e, &raw, sizeof(e));
	if ((e.flags & GTF_type_mask) != GTF_permit_access || e.flags & GTF_sub_page ||
	    e.domid != g->domid)
		return -EACCES;
	if (write && e.flags & GTF_readonly)
		return -EACCES;
	if (e.frame >= g->nr_pages)
		return -EFAULT;
	*page = g->ram + (uint64_t)e.frame * 4096;
	return 0;
}

void pvm_gnt_preset(struct pvm_gnt *g, uint32_t ref, uint64_t gfn, uint32_t domid)
{
	struct grant_entry_v1 e = {
		.flags = GTF_permit_access,
		.domid = (domid_t)domid,
		.frame = (uint32_t)gfn,
	};
	uint64_t raw;

	memcpy(&raw, &e, sizeof(raw));
	__atomic_store_n((uint64_t *)g->table + ref, raw, __ATOMIC_RELEASE);
}
