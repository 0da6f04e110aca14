// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse map: the set of shadow entries that point to one thing (a guest frame, or a shadow page), coded in one word:
 * 0 empty, a pointer to the only entry, or a pointer to a chain of chunks with bit 0 set. Most sets have one or two
 * members: the kernel's direct map and one user mapping.
 *
 * vm->mmu.lock is held by every caller. Chunks come from the vCPU's cache; the caller asks pvm_rmap_has_room() first.
 */
#include <linux/slab.h>

#include "mmu/shadow.h"

bool pvm_rmap_has_room(const struct pvm_vcpu *v)
{
	return v->mmu.cache.nr_chunk >= 5;	/* a leaf and four links */
}

static struct pvm_rmap_chunk *new_chunk(struct pvm_vcpu *v, struct pvm_rmap_chunk *next)
{
	struct pvm_rmap_chunk *c = v->mmu.cache.chunk[--v->mmu.cache.nr_chunk];

	c->next = next;
	c->nr = 0;
	c->depth = next ? next->depth + 1 : 1;
	return c;
}

/* A second member, or one more than the first chunk has room for. */
void pvm_rmap_add_slow(struct pvm_vcpu *v, unsigned long *head, u64 *spte)
{
	struct pvm_rmap_chunk *c = new_chunk(v, pvm_rmap_chunks(*head));

	if (!c->next)
		c->spte[c->nr++] = (u64 *)*head;
	c->spte[c->nr++] = spte;
	*head = (unsigned long)c | 1;
}

/* Order does not matter: the hole is filled from the first chunk, which is the only one that may be partly full. */
void pvm_rmap_del_slow(unsigned long *head, const u64 *spte)
{
	struct pvm_rmap_chunk *first = pvm_rmap_chunks(*head), *c;
	u32 i;

	for (c = first; c; c = c->next) {
		for (i = c->nr; i--;)	/* the last in is often the first out */
			if (c->spte[i] == spte)
				goto found;
	}
	return;
found:
	c->spte[i] = first->spte[--first->nr];
	if (first->nr)
		return;
	*head = first->next ? (unsigned long)first->next | 1 : 0;
	kfree(first);
}

void pvm_rmap_free(unsigned long *head)
{
	struct pvm_rmap_chunk *c = pvm_rmap_chunks(*head), *next;

	for (; c; c = next) {
		next = c->next;
		kfree(c);
	}
	*head = 0;
}

/* Was any of them used since it was looked at last? @clear: look anew from now on. */
bool pvm_rmap_young(unsigned long head, bool clear)
{
	u64 *one = (u64 *)head, **set = &one;
	struct pvm_rmap_chunk *c = pvm_rmap_chunks(head);
	u32 i, nr = head ? 1 : 0;
	bool young = false;

	do {
		if (c) {
			set = c->spte;
			nr = c->nr;
			c = c->next;
		}
		for (i = 0; i < nr; i++) {
			if (!(READ_ONCE(*set[i]) & PVM_PTE_A))
				continue;
			young = true;
			if (!clear)
				return true;
			clear_bit(5, (unsigned long *)set[i]);
		}
	} while (c);
	return young;
}
