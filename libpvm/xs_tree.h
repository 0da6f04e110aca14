/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore tree: nodes, transactions (xs_txn.c), watches (xs_watch.c), connections, quotas. Pure:
 * memory is its only effect.
 *
 * Every change is a transaction; a change outside one is a transaction of a single operation. A
 * transaction is a set of node records on top of the tree: those it looked at, with the generation
 * it saw, and those it changed. Commit compares the generations (-EAGAIN if the tree moved on
 * below it) and then moves the changed records into the tree, which needs no memory and so cannot
 * fail half-way.
 *
 * A connection of a domain other than 0 has quotas. Not here: message bytes (xs_wire.c), requests
 * and replies (xs_proto.c), locks (the caller's).
 */
#ifndef PVM_XS_TREE_H
#define PVM_XS_TREE_H

#include "xs_node.h"

#define PVM_XS_QUOTA_NODES	1000u	/* nodes owned by domains other than 0 */
#define PVM_XS_QUOTA_WATCHES	128u	/* per connection */
#define PVM_XS_QUOTA_TXNS	10u	/* open transactions per connection */
#define PVM_XS_QUOTA_TXN_NODES	1536u	/* nodes one transaction touches */

struct pvm_xs;
struct pvm_xs_conn;

/*
 * A watch fired. @path is relative if the watch was set so. Called from within the operation that
 * changed the tree: must not call back into the tree.
 */
typedef void (*pvm_xs_event_fn)(void *arg, const char *path, const char *token);

/* A tree with nothing but "/", owned by domain 0. Return: 0, -ENOMEM. */
int pvm_xs_create(struct pvm_xs **xs);
/* All connections must be closed. */
void pvm_xs_destroy(struct pvm_xs *xs);

int pvm_xs_conn_open(struct pvm_xs *xs, uint32_t domid, pvm_xs_event_fn event, void *arg,
		     struct pvm_xs_conn **conn);
void pvm_xs_conn_close(struct pvm_xs_conn *c);
uint32_t pvm_xs_conn_domid(const struct pvm_xs_conn *c);

/*
 * Operations. @path is relative or absolute; @tx_id 0 = no transaction. All return 0 or -errno:
 * -EINVAL malformed path or value, -ENOENT no such node, transaction or watch, -EACCES no
 * permission, -ENOSPC a quota, -EEXIST, -EAGAIN conflict, -ENOMEM.
 */

/* The record stays valid until the next operation. */
int pvm_xs_get(struct pvm_xs_conn *c, uint32_t tx_id, const char *path,
	       const struct pvm_xs_node **node);
/* Parents are made as needed. */
int pvm_xs_write(struct pvm_xs_conn *c, uint32_t tx_id, const char *path, const void *value,
		 size_t bytes);
int pvm_xs_mkdir(struct pvm_xs_conn *c, uint32_t tx_id, const char *path);
/* Of a missing node: 0 if its parent exists, as the protocol wants it. */
int pvm_xs_rm(struct pvm_xs_conn *c, uint32_t tx_id, const char *path);
int pvm_xs_set_perms(struct pvm_xs_conn *c, uint32_t tx_id, const char *path,
		     const struct pvm_xs_perm *perm, unsigned int nr);

int pvm_xs_txn_start(struct pvm_xs_conn *c, uint32_t *tx_id);
int pvm_xs_txn_end(struct pvm_xs_conn *c, uint32_t tx_id, bool commit);

/* Does not fire: the caller sends its reply first, then calls pvm_xs_watch_fire_first(). */
int pvm_xs_watch(struct pvm_xs_conn *c, const char *path, const char *token);
void pvm_xs_watch_fire_first(struct pvm_xs_conn *c, const char *path, const char *token);
int pvm_xs_unwatch(struct pvm_xs_conn *c, const char *path, const char *token);
void pvm_xs_reset_watches(struct pvm_xs_conn *c);

#endif /* PVM_XS_TREE_H */
