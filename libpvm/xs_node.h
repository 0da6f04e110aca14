/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore nodes: one record per path, permissions, and a table to find them. Pure.
 *
 * A record holds the names of its children as the DIRECTORY reply wants them: NUL-terminated, one
 * behind the other. Records know nothing of transactions or watches (xs_txn.c, xs_watch.c).
 */
#ifndef PVM_XS_NODE_H
#define PVM_XS_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PVM_XS_MAX_PERMS	8u
#define PVM_XS_BUCKETS		256u

/* public/io/xs_wire.h has no names for these: bits of what a domain may do with a node */
#define PVM_XS_PERM_READ	(1u << 0)
#define PVM_XS_PERM_WRITE	(1u << 1)

struct pvm_xs_perm {
	uint32_t domid;
	uint32_t bits;			/* [0]: for everybody not listed; its domid owns the node */
};

struct pvm_xs_node {
	struct pvm_xs_node *next;	/* in a bucket */
	uint64_t gen;			/* in the tree: when it changed last. In a transaction: the
					 * tree's when first looked at, 0 = it was missing */
	bool exists;			/* false: known to be missing (transactions only) */
	bool modified;			/* contents below are the transaction's own */
	uint8_t listed;			/* kinds of change the transaction will report, see there */
	struct pvm_xs_perm perm[PVM_XS_MAX_PERMS];
	unsigned int nr_perms;
	uint8_t *value;
	size_t value_bytes;
	char *children;			/* "a\0b\0" */
	size_t children_bytes;
	char path[];
};

struct pvm_xs_table {
	struct pvm_xs_node *bucket[PVM_XS_BUCKETS];
	size_t nr;
};

struct pvm_xs_node *pvm_xs_node_create(const char *path);
void pvm_xs_node_destroy(struct pvm_xs_node *n);

/* All of these leave the node as it was when they fail, with -ENOMEM. */
int pvm_xs_node_copy(struct pvm_xs_node *dst, const struct pvm_xs_node *src);
int pvm_xs_node_set(struct pvm_xs_node *n, const uint8_t *value, size_t bytes);
int pvm_xs_node_add_child(struct pvm_xs_node *n, const char *name);
void pvm_xs_node_remove_child(struct pvm_xs_node *n, const char *name);

/* May @domid do everything in @bits? Domain 0 may do all, owners too. */
bool pvm_xs_node_allows(const struct pvm_xs_node *n, uint32_t domid, uint32_t bits);

/* "r1" and back. @text has 16 bytes. */
bool pvm_xs_perm_parse(const char *text, struct pvm_xs_perm *perm);
void pvm_xs_perm_format(const struct pvm_xs_perm *perm, char *text);

struct pvm_xs_node *pvm_xs_table_find(const struct pvm_xs_table *t, const char *path);
void pvm_xs_table_add(struct pvm_xs_table *t, struct pvm_xs_node *n);
struct pvm_xs_node *pvm_xs_table_remove(struct pvm_xs_table *t, const char *path);
void pvm_xs_table_fini(struct pvm_xs_table *t);

#endif /* PVM_XS_NODE_H */
