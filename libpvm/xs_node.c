// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore nodes: records, permissions, and a hash table of them. Pure.
 *
 * The table is of fixed size: a guest's quota bounds the number of nodes, so that even a guest that
 * makes every path collide walks a list of bounded length.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "xs_node.h"
#include "xs_wire.h"

struct pvm_xs_node *pvm_xs_node_create(const char *path)
{
	size_t bytes = strlen(path) + 1;
	struct pvm_xs_node *n = calloc(1, sizeof(*n) + bytes);

	if (n)
		memcpy(n->path, path, bytes);
	return n;
}

void pvm_xs_node_destroy(struct pvm_xs_node *n)
{
	if (!n)
		return;
	free(n->value);
	free(n->children);
	free(n);
}

static int duplicate(const void *src, size_t bytes, void **dst)
{
	*dst = NULL;
	if (!bytes)
		return 0;
	*dst = malloc(bytes);
	if (!*dst)
		return -ENOMEM;
	memcpy(*dst, src, bytes);
	return 0;
}

int pvm_xs_node_set(struct pvm_xs_node *n, const uint8_t *value, size_t bytes)
{
	void *copy;

	if (duplicate(value, bytes, &copy))
		return -ENOMEM;
	free(n->value);
	n->value = copy;
	n->value_bytes = bytes;
	return 0;
}

int pvm_xs_node_copy(struct pvm_xs_node *dst, const struct pvm_xs_node *src)
{
	void *children;

	if (duplicate(src->children, src->children_bytes, &children))
		return -ENOMEM;
	if (pvm_xs_node_set(dst, src->value, src->value_bytes)) {
		free(children);
		return -ENOMEM;
	}
	free(dst->children);
	dst->children = children;
	dst->children_bytes = src->children_bytes;
	memcpy(dst->perm, src->perm, sizeof(dst->perm));
	dst->nr_perms = src->nr_perms;
	return 0;
}

int pvm_xs_node_add_child(struct pvm_xs_node *n, const char *name)
{
	size_t bytes = strlen(name) + 1;
	char *children = realloc(n->children, n->children_bytes + bytes);

	if (!children)
		return -ENOMEM;
	memcpy(children + n->children_bytes, name, bytes);
	n->children = children;
	n->children_bytes += bytes;
	return 0;
}

void pvm_xs_node_remove_child(struct pvm_xs_node *n, const char *name)
{
	size_t bytes = strlen(name) + 1, at = 0;

	while (at < n->children_bytes) {
		size_t len = strlen(n->children + at) + 1;

		if (len == bytes && !memcmp(n->children + at, name, bytes)) {
			n->children_bytes -= bytes;
			memmove(n->children + at, n->children + at + bytes,
				n->children_bytes - at);
			return;
		}
		at += len;
	}
}

bool pvm_xs_node_allows(const struct pvm_xs_node *n, uint32_t domid, uint32_t bits)
{
	if (!domid || n->perm[0].domid == domid)
		return true;
	for (unsigned int i = 1; i < n->nr_perms; i++)
		if (n->perm[i].domid == domid)
			return (n->perm[i].bits & bits) == bits;
	return (n->perm[0].bits & bits) == bits;
}

static const char letters[] = { 'n', 'r', 'w', 'b' };	/* by bits */

bool pvm_xs_perm_parse(const char *text, struct pvm_xs_perm *perm)
{
	for (uint32_t bits = 0; bits < sizeof(letters); bits++) {
		if (text[0] != letters[bits])
			continue;
		perm->bits = bits;
		return pvm_xs_wire_number(text + 1, &perm->domid);
	}
	return false;
}

void pvm_xs_perm_format(const struct pvm_xs_perm *perm, char *text)
{
	snprintf(text, 16, "%c%u", letters[perm->bits], perm->domid);
}

static unsigned int bucket(const char *path)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *path; path++)
		h = (h ^ (uint8_t)*path) * 16777619u;
	return h % PVM_XS_BUCKETS;
}

struct pvm_xs_node *pvm_xs_table_find(const struct pvm_xs_table *t, const char *path)
{
	struct pvm_xs_node *n = t->bucket[bucket(path)];

	while (n && strcmp(n->path, path))
		n = n->next;
	return n;
}

void pvm_xs_table_add(struct pvm_xs_table *t, struct pvm_xs_node *n)
{
	struct pvm_xs_node **head = &t->bucket[bucket(n->path)];

	n->next = *head;
	*head = n;
	t->nr++;
}

struct pvm_xs_node *pvm_xs_table_remove(struct pvm_xs_table *t, const char *path)
{
	struct pvm_xs_node **link = &t->bucket[bucket(path)];

	while (*link && strcmp((*link)->path, path))
		link = &(*link)->next;
	if (*link) {
		struct pvm_xs_node *n = *link;

		*link = n->next;
		n->next = NULL;
		t->nr--;
		return n;
	}
	return NULL;
}

void pvm_xs_table_fini(struct pvm_xs_table *t)
{
	for (unsigned int i = 0; i < PVM_XS_BUCKETS; i++) {
		while (t->bucket[i]) {
			struct pvm_xs_node *n = t->bucket[i];

			t->bucket[i] = n->next;
			pvm_xs_node_destroy(n);
		}
	}
	t->nr = 0;
}
