// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore tree: operations on nodes, connections, the tree itself. Pure.
 *
 * The guest behind a connection is hostile. What it can make us hold is bounded by the quotas of
 * xs_tree.h times the limits of xs_wire.h (path, value, token); the check is made before the memory
 * is taken. Domain 0, which is the launcher, has no quota.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_txn.h"
#include "xs_wire.h"

/* ---- operations -------------------------------------------------------------------------- */

/*
 * Begin and end of an operation: resolve the path and find the transaction, or make one for this
 * operation alone.
 */
struct op {
	struct pvm_xs_txn single;
	struct pvm_xs_txn *t;
	char path[PVM_XS_PATH_BYTES];
};

static int op_begin(struct op *op, struct pvm_xs_conn *c, uint32_t tx_id, const char *path)
{
	int err = pvm_xs_path_abs(path, c->domid, op->path);

	if (err)
		return err;
	if (op->path[0] == '@')
		return -EINVAL;
	pvm_xs_txn_init(&op->single);
	op->t = tx_id ? pvm_xs_txn_by_id(c, tx_id) : &op->single;
	return op->t ? 0 : -ENOENT;
}

static int op_end(struct op *op, struct pvm_xs_conn *c, int err)
{
	if (op->t != &op->single) {
		if (err == -ENOSPC || err == -ENOMEM)
			op->t->err = err;
		return err;
	}
	if (!err)
		err = pvm_xs_txn_commit(c, op->t);
	pvm_xs_txn_fini(op->t);
	return err;
}

int pvm_xs_get(struct pvm_xs_conn *c, uint32_t tx_id, const char *path,
	       const struct pvm_xs_node **node)
{
	const struct pvm_xs_node *n;
	char abs[PVM_XS_PATH_BYTES];
	struct pvm_xs_txn *t;
	int err;

	/* Reading needs a record only inside a transaction. */
	err = pvm_xs_path_abs(path, c->domid, abs);
	if (err)
		return err;
	if (tx_id) {
		t = pvm_xs_txn_by_id(c, tx_id);
		if (!t)
			return -ENOENT;
		err = pvm_xs_txn_get(c, t, abs, &n);
		if (err)
			return err;
	} else {
		n = pvm_xs_table_find(&c->xs->nodes, abs);
	}
	if (!n)
		return -ENOENT;
	if (!pvm_xs_node_allows(n, c->domid, PVM_XS_PERM_READ))
		return -EACCES;
	*node = n;
	return 0;
}

/* Bring @path, which is missing, and its missing parents into being. */
static int make(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path,
		struct pvm_xs_node **node)
{
	const struct pvm_xs_node *top = NULL;
	struct pvm_xs_node *parent, *n;
	size_t len = strlen(path), end;
	char part[PVM_XS_PATH_BYTES];
	int err;

	/* The nearest ancestor there is decides. "/" always exists, so this ends. */
	memcpy(part, path, len + 1);
	do {
		len = pvm_xs_path_parent(part);
		part[len] = '\0';
		err = pvm_xs_txn_get(c, t, part, &top);
		if (err)
			return err;
	} while (!top);
	if (!pvm_xs_node_allows(top, c->domid, PVM_XS_PERM_WRITE))
		return -EACCES;
	err = pvm_xs_txn_edit(c, t, part, &parent);
	if (err)
		return err;

	/* Walk down from there; each node inherits, and belongs to who makes it. */
	for (;; len = end, parent = n) {
		size_t name = len == 1 ? 1 : len + 1;

		end = name + strcspn(path + name, "/");
		if (c->domid && c->xs->guest_nodes + t->guest_nodes >= PVM_XS_QUOTA_NODES)
			return -ENOSPC;
		memcpy(part, path, end);
		part[end] = '\0';
		err = pvm_xs_txn_edit(c, t, part, &n);
		if (err)
			return err;
		err = pvm_xs_node_add_child(parent, part + name);
		if (err)
			return err;
		pvm_xs_node_set(n, NULL, 0);	/* cannot fail: there is nothing to copy */
		memcpy(n->perm, parent->perm, sizeof(n->perm));
		n->nr_perms = parent->nr_perms;
		if (c->domid)
			n->perm[0].domid = c->domid;
		n->children_bytes = 0;
		n->exists = true;
		t->guest_nodes += pvm_xs_is_guest_owned(n);
		if (!path[end]) {
			*node = n;
			return 0;
		}
	}
}

int pvm_xs_write(struct pvm_xs_conn *c, uint32_t tx_id, const char *path, const void *value,
		 size_t bytes)
{
	const struct pvm_xs_node *now;
	struct pvm_xs_node *n;
	struct op op;
	int err;

	if (bytes > PVM_XS_VALUE_BYTES)
		return -EINVAL;
	err = op_begin(&op, c, tx_id, path);
	if (err)
		return err;
	err = pvm_xs_txn_get(c, op.t, op.path, &now);
	if (err)
		goto out;
	if (now && !pvm_xs_node_allows(now, c->domid, PVM_XS_PERM_WRITE))
		err = -EACCES;
	else if (now)
		err = pvm_xs_txn_edit(c, op.t, op.path, &n);
	else
		err = make(c, op.t, op.path, &n);
	if (!err)
		err = pvm_xs_node_set(n, value, bytes);
	if (!err)
		err = pvm_xs_txn_change(op.t, op.path, false);
out:
	return op_end(&op, c, err);
}

int pvm_xs_mkdir(struct pvm_xs_conn *c, uint32_t tx_id, const char *path)
{
	const struct pvm_xs_node *now;
	struct pvm_xs_node *n;
	struct op op;
	int err;

	err = op_begin(&op, c, tx_id, path);
	if (err)
		return err;
	err = pvm_xs_txn_get(c, op.t, op.path, &now);
	if (!err && !now) {		/* of an existing node: nothing to do, and fine */
		err = make(c, op.t, op.path, &n);
		if (!err)
			err = pvm_xs_txn_change(op.t, op.path, false);
	}
	return op_end(&op, c, err);
}

/* Mark @path and all below as missing. Depth is bounded by the length of a path. */
static int remove_tree(struct pvm_xs_conn *c, struct pvm_xs_txn *t, const char *path)
{
	struct pvm_xs_node *n;
	char child[PVM_XS_PATH_BYTES];
	int err = pvm_xs_txn_edit(c, t, path, &n);

	if (err)
		return err;
	for (size_t at = 0; at < n->children_bytes; at += strlen(n->children + at) + 1) {
		snprintf(child, sizeof(child), "%s/%s", path, n->children + at);
		err = remove_tree(c, t, child);
		if (err)
			return err;
	}
	t->guest_nodes -= pvm_xs_is_guest_owned(n);
	n->children_bytes = 0;
	n->exists = false;
	return 0;
}

int pvm_xs_rm(struct pvm_xs_conn *c, uint32_t tx_id, const char *path)
{
	const struct pvm_xs_node *now, *above;
	struct pvm_xs_node *parent;
	char up[PVM_XS_PATH_BYTES];
	struct op op;
	size_t len;
	int err;

	err = op_begin(&op, c, tx_id, path);
	if (err)
		return err;
	if (!op.path[1]) {
		err = -EINVAL;		/* the root stays */
		goto out;
	}
	len = pvm_xs_path_parent(op.path);
	memcpy(up, op.path, len);
	up[len] = '\0';
	err = pvm_xs_txn_get(c, op.t, op.path, &now);
	if (!err)
		err = pvm_xs_txn_get(c, op.t, up, &above);
	if (err)
		goto out;
	if (!now) {
		err = above ? 0 : -ENOENT;
		goto out;
	}
	if (!pvm_xs_node_allows(now, c->domid, PVM_XS_PERM_WRITE)) {
		err = -EACCES;
		goto out;
	}
	err = remove_tree(c, op.t, op.path);
	if (!err)
		err = pvm_xs_txn_edit(c, op.t, up, &parent);
	if (!err) {
		pvm_xs_node_remove_child(parent, op.path + (len == 1 ? 1 : len + 1));
		err = pvm_xs_txn_change(op.t, op.path, true);
	}
out:
	return op_end(&op, c, err);
}

int pvm_xs_set_perms(struct pvm_xs_conn *c, uint32_t tx_id, const char *path,
		     const struct pvm_xs_perm *perm, unsigned int nr)
{
	const struct pvm_xs_node *now;
	struct pvm_xs_node *n;
	struct op op;
	int err;

	if (!nr || nr > PVM_XS_MAX_PERMS)
		return -EINVAL;
	err = op_begin(&op, c, tx_id, path);
	if (err)
		return err;
	err = pvm_xs_txn_get(c, op.t, op.path, &now);
	if (err)
		goto out;
	if (!now) {
		err = -ENOENT;
	} else if (c->domid && (now->perm[0].domid != c->domid || perm[0].domid != c->domid)) {
		/* Owners only, and they cannot give a node away: it would escape their quota. */
		err = -EACCES;
	} else {
		err = pvm_xs_txn_edit(c, op.t, op.path, &n);
		if (!err) {
			memcpy(n->perm, perm, nr * sizeof(*perm));
			n->nr_perms = nr;
			err = pvm_xs_txn_change(op.t, op.path, false);
		}
	}
out:
	return op_end(&op, c, err);
}

/* ---- connections, tree ------------------------------------------------------------------- */

int pvm_xs_conn_open(struct pvm_xs *xs, uint32_t domid, pvm_xs_event_fn event, void *arg,
		     struct pvm_xs_conn **conn)
{
	struct pvm_xs_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->xs = xs;
	c->domid = domid;
	c->event = event;
	c->arg = arg;
	c->next = xs->conns;
	xs->conns = c;
	*conn = c;
	return 0;
}

void pvm_xs_conn_close(struct pvm_xs_conn *c)
{
	struct pvm_xs_conn **link;

	if (!c)
		return;
	while (c->txns)
		pvm_xs_txn_end(c, c->txns->id, false);
	pvm_xs_reset_watches(c);
	for (link = &c->xs->conns; *link != c; link = &(*link)->next)
		;
	*link = c->next;
	free(c);
}

uint32_t pvm_xs_conn_domid(const struct pvm_xs_conn *c)
{
	return c->domid;
}

int pvm_xs_create(struct pvm_xs **xs)
{
	struct pvm_xs *x = calloc(1, sizeof(*x));
	struct pvm_xs_node *root = pvm_xs_node_create("/");

	if (!x || !root) {
		free(x);
		pvm_xs_node_destroy(root);
		return -ENOMEM;
	}
	root->exists = true;
	root->gen = ++x->gen;
	root->nr_perms = 1;		/* n0 */
	pvm_xs_table_add(&x->nodes, root);
	*xs = x;
	return 0;
}

void pvm_xs_destroy(struct pvm_xs *xs)
{
	if (!xs)
		return;
	pvm_xs_table_fini(&xs->nodes);
	free(xs);
}
