// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore transactions: what one saw, what it changed, and its commit. Pure.
 *
 * A transaction that read a node which changed meanwhile sees the new contents; it is doomed then,
 * its commit says -EAGAIN, so what it read does not matter. Commit moves records into the tree and
 * needs no memory, so it cannot fail half-way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs_txn.h"

struct pvm_xs_change {
	struct pvm_xs_change *next;
	bool removed;
	char path[];
};

void pvm_xs_txn_init(struct pvm_xs_txn *t)
{
	memset(t, 0, sizeof(*t));
	t->last = &t->first;
}

void pvm_xs_txn_fini(struct pvm_xs_txn *t)
{
	while (t->first) {
		struct pvm_xs_change *ch = t->first;

		t->first = ch->next;
		free(ch);
	}
	pvm_xs_table_fini(&t->nodes);
}

bool pvm_xs_is_guest_owned(const struct pvm_xs_node *n)
{
	return n && n->exists && n->perm[0].domid;
}

/* The transaction's record of @path, made at first sight. */
static int txn_see(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		   struct pvm_xs_node **node)
{
	struct pvm_xs_node *n = pvm_xs_table_find(&t->nodes, path), *now;

	if (!n) {
		if (c->domid && t->nodes.nr >= PVM_XS_QUOTA_TXN_NODES)
			return -ENOSPC;
		n = pvm_xs_node_create(path);
		if (!n)
			return -ENOMEM;
		now = pvm_xs_table_find(&c->xs->nodes, path);
		n->exists = now;
		n->gen = now ? now->gen : 0;
		pvm_xs_table_add(&t->nodes, n);
	}
	*node = n;
	return 0;
}

int pvm_xs_txn_get(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		   const struct pvm_xs_node **node)
{
	struct pvm_xs_node *n;
	int err = txn_see(c, t, path, &n);

	if (err)
		return err;
	if (n->modified)
		*node = n->exists ? n : NULL;
	else
		*node = pvm_xs_table_find(&c->xs->nodes, path);
	return 0;
}

int pvm_xs_txn_edit(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		    struct pvm_xs_node **node)
{
	const struct pvm_xs_node *now;
	struct pvm_xs_node *n;
	int err = txn_see(c, t, path, &n);

	if (err)
		return err;
	if (!n->modified) {
		now = pvm_xs_table_find(&c->xs->nodes, path);
		if (now && pvm_xs_node_copy(n, now))
			return -ENOMEM;
		n->exists = now;
		n->modified = true;
	}
	*node = n;
	return 0;
}

/* Once per node and kind: a guest that writes one node for ever must not make this list grow. */
int pvm_xs_txn_change(struct pvm_xs_txn *t, const char *path, bool removed)
{
	struct pvm_xs_node *n = pvm_xs_table_find(&t->nodes, path);
	uint8_t listed = removed ? 2 : 1;
	size_t bytes = strlen(path) + 1;
	struct pvm_xs_change *ch;

	if (n->listed & listed)
		return 0;
	ch = malloc(sizeof(*ch) + bytes);
	if (!ch)
		return -ENOMEM;
	n->listed |= listed;
	ch->next = NULL;
	ch->removed = removed;
	memcpy(ch->path, path, bytes);
	*t->last = ch;
	t->last = &ch->next;
	return 0;
}

int pvm_xs_txn_commit(struct pvm_xs_conn *c, struct pvm_xs_txn *t)
{
	struct pvm_xs *xs = c->xs;
	long guest_nodes = xs->guest_nodes;
	struct pvm_xs_node *n, *now;
	unsigned int i;

	if (t->err)
		return t->err;
	for (i = 0; i < PVM_XS_BUCKETS; i++) {
		for (n = t->nodes.bucket[i]; n; n = n->next) {
			now = pvm_xs_table_find(&xs->nodes, n->path);
			if ((now ? now->gen : 0) != n->gen)
				return -EAGAIN;
			if (n->modified)
				guest_nodes += pvm_xs_is_guest_owned(n) - pvm_xs_is_guest_owned(now);
		}
	}
	if (c->domid && guest_nodes > PVM_XS_QUOTA_NODES && guest_nodes > xs->guest_nodes)
		return -ENOSPC;

	/* Nothing below may fail. */
	xs->guest_nodes = guest_nodes;
	xs->gen++;
	for (i = 0; i < PVM_XS_BUCKETS; i++) {
		struct pvm_xs_node **link = &t->nodes.bucket[i];

		while ((n = *link)) {
			if (!n->modified) {
				link = &n->next;
				continue;
			}
			*link = n->next;
			t->nodes.nr--;
			pvm_xs_node_destroy(pvm_xs_table_remove(&xs->nodes, n->path));
			if (n->exists) {
				n->gen = xs->gen;
				n->modified = false;
				n->listed = 0;
				pvm_xs_table_add(&xs->nodes, n);
			} else {
				pvm_xs_node_destroy(n);
			}
		}
	}
	for (struct pvm_xs_change *ch = t->first; ch; ch = ch->next)
		pvm_xs_fire(xs, ch->path, ch->removed);
	return 0;
}

struct pvm_xs_txn *pvm_xs_txn_by_id(struct pvm_xs_conn *c, uint32_t id)
{
	struct pvm_xs_txn *t = c->txns;

	while (t && t->id != id)
		t = t->next;
	return t;
}

int pvm_xs_txn_start(struct pvm_xs_conn *c, uint32_t *tx_id)
{
	struct pvm_xs_txn *t;

	if (c->domid && c->nr_txns >= PVM_XS_QUOTA_TXNS)
		return -ENOSPC;
	t = malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	pvm_xs_txn_init(t);
	do {
		t->id = c->next_tx_id++;
	} while (!t->id || pvm_xs_txn_by_id(c, t->id));
	t->next = c->txns;
	c->txns = t;
	c->nr_txns++;
	*tx_id = t->id;
	return 0;
}

int pvm_xs_txn_end(struct pvm_xs_conn *c, uint32_t tx_id, bool commit)
{
	struct pvm_xs_txn **link = &c->txns, *t;
	int err = 0;

	while (*link && (*link)->id != tx_id)
		link = &(*link)->next;
	t = *link;
	if (!t)
		return -ENOENT;
	*link = t->next;
	c->nr_txns--;
	if (commit)
		err = pvm_xs_txn_commit(c, t);
	pvm_xs_txn_fini(t);
	free(t);
	return err;
}
