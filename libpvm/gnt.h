/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grants: a guest's permission to use one of its pages, turned into a pointer. No I/O.
 */
#ifndef PVM_GNT_H
#define PVM_GNT_H

#include <stdbool.h>
#include <stdint.h>

struct pvm_gnt {
	void *table;			/* shared with the guest */
	uint32_t nr_entries;
	uint8_t *ram;
	uint64_t nr_pages;
	uint32_t domid;			/* whom grants must be made to: the backend's domain, 0 */
};

/**
 * pvm_gnt_get() - pointer to a granted page
 * @ref: grant reference, from the guest
 * @write: the page will be written
 * @page: 4096 bytes of guest RAM
 *
 * The guest may revoke at any time; that changes its own data only. Return: 0; -ERANGE: no such
 * entry; -EACCES: not granted to us or read-only; -EFAULT: no RAM. No texts: guests cause these.
 */
int pvm_gnt_get(const struct pvm_gnt *g, uint32_t ref, bool write, void **page);

/* Make entry @ref grant frame @gfn to @domid. */
void pvm_gnt_preset(struct pvm_gnt *g, uint32_t ref, uint64_t gfn, uint32_t domid);

#endif /* PVM_GNT_H */
