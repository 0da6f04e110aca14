/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore: what the files of the tree share. Callers from outside want xs_tree.h.
 *
 *	struct pvm_xs ── nodes: table of what is true now
 *	   │
 *	   └─ conns ─▶ struct pvm_xs_conn ── watches ─▶ path, token		xs_watch.c
 *	                        └─ txns ─▶ struct pvm_xs_txn			xs_txn.c
 *	                                      ├─ nodes: what it saw and what it changed
 *	                                      └─ changes: paths in order, for the watches
 */
#ifndef PVM_XS_TXN_H
#define PVM_XS_TXN_H

#include "xs_tree.h"

struct pvm_xs_change;
struct pvm_xs_watch;

struct pvm_xs_txn {
	struct pvm_xs_txn *next;
	uint32_t id;
	struct pvm_xs_table nodes;
	struct pvm_xs_change *first;
	struct pvm_xs_change **last;
	long guest_nodes;		/* how many more guest-owned nodes there will be */
	int err;			/* an operation failed half-way: never to be committed */
};

struct pvm_xs_conn {
	struct pvm_xs *xs;
	struct pvm_xs_conn *next;
	uint32_t domid;
	pvm_xs_event_fn event;
	void *arg;
	struct pvm_xs_watch *watches;
	unsigned int nr_watches;
	struct pvm_xs_txn *txns;
	unsigned int nr_txns;
	uint32_t next_tx_id;
};

struct pvm_xs {
	struct pvm_xs_table nodes;
	uint64_t gen;
	long guest_nodes;
	struct pvm_xs_conn *conns;
};

/* ---- xs_txn.c ---- */

void pvm_xs_txn_init(struct pvm_xs_txn *t);
void pvm_xs_txn_fini(struct pvm_xs_txn *t);
/* NULL: there is none of this number. */
struct pvm_xs_txn *pvm_xs_txn_by_id(struct pvm_xs_conn *c, uint32_t id);

/* What @path is in the transaction's eyes; NULL = missing. */
int pvm_xs_txn_get(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		   const struct pvm_xs_node **node);
/* A record to change. A missing node comes into being without value, permissions or parent. */
int pvm_xs_txn_edit(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		    struct pvm_xs_node **node);
/* Remember to fire watches for @path, of which the transaction has a record. */
int pvm_xs_txn_change(struct pvm_xs_txn *t, const char *path, bool removed);
/* -EAGAIN: what it saw is no longer true. Either all of it happens or nothing. */
int pvm_xs_txn_commit(struct pvm_xs_conn *c, struct pvm_xs_txn *t);

/* Does it count against the quota of nodes? NULL does not. */
bool pvm_xs_is_guest_owned(const struct pvm_xs_node *n);

/* ---- xs_watch.c ---- */

/* Tell all connections that @path was changed, or removed with all below it. */
void pvm_xs_fire(struct pvm_xs *xs, const char *path, bool removed);

#endif /* PVM_XS_TXN_H */
