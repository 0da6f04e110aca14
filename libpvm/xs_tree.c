// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore tree: nodes, transactions, watches, connections, quotas. Pure.
 *
 *	struct pvm_xs ── nodes: table of what is true now
 *	   │
 *	   └─ conns ─▶ struct pvm_xs_conn ── watches ─▶ path, token
 *	                        └─ txns ─▶ struct txn ── nodes: what it saw and what it changed
 *	                                              └─ changes: paths in order, for the watches
 *
 * The guest behind a connection is hostile. What it can make us hold is bounded by the quotas of
 * xs_tree.h times the limits of xs_wire.h (path, value, token); the check is made before the memory
 * is taken. Domain 0, which is the launcher, has no quota.
 *
 * A transaction that read a node which changed meanwhile sees the new contents; it is doomed then,
 * its commit says -EAGAIN, so what it read does not matter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_tree.h"
#include "xs_wire.h"

struct change {
	struct change *next;
	bool removed;
	char path[];
};

struct txn {
	struct txn *next;
	uint32_t id;
	struct pvm_xs_table nodes;
	struct change *first;
	struct change **last;
	long guest_nodes;		/* how many more guest-owned nodes there will be */
	int err;			/* an operation failed half-way: never to be committed */
};

struct watch {
	struct watch *next;
	const char *token;		/* behind path */
	size_t skip;			/* bytes of path the client does not want to see */
	char path[];			/* absolute */
};

struct pvm_xs_conn {
	struct pvm_xs *xs;
	struct pvm_xs_conn *next;
	uint32_t domid;
	pvm_xs_event_fn event;
	void *arg;
	struct watch *watches;
	unsigned int nr_watches;
	struct txn *txns;
	unsigned int nr_txns;
	uint32_t next_tx_id;
};

struct pvm_xs {
	struct pvm_xs_table nodes;
	uint64_t gen;
	long guest_nodes;
	struct pvm_xs_conn *conns;
};

/* ---- transactions ------------------------------------------------------------------------ */

static void txn_init(struct txn *t)
{
	memset(t, 0, sizeof(*t));
	t->last = &t->first;
}

static void txn_fini(struct txn *t)
{
	while (t->first) {
		struct change *ch = t->first;

		t->first = ch->next;
		free(ch);
	}
	pvm_xs_table_fini(&t->nodes);
}

static bool is_guest_owned(const struct pvm_xs_node *n)
{
	return n && n->exists && n->perm[0].domid;
}

/* The transaction's record of @path, made at first sight. */
static int txn_see(struct pvm_xs_conn *c, struct txn *t, const char *path,
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

/* What @path is in the transaction's eyes; NULL = missing. */
static int txn_get(struct pvm_xs_conn *c, struct txn *t, const char *path,
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

/* A record to change. A missing node comes into being without value, permissions or parent. */
static int txn_edit(struct pvm_xs_conn *c, struct txn *t, const char *path,
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

/*
 * Remember to fire watches for @path, of which the transaction has a record. Once per node and
 * kind: a guest that writes one node for ever in one transaction must not make this list grow.
 */
static int txn_change(struct txn *t, const char *path, bool removed)
{
	struct pvm_xs_node *n = pvm_xs_table_find(&t->nodes, path);
	uint8_t listed = removed ? 2 : 1;
	size_t bytes = strlen(path) + 1;
	struct change *ch;

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

static void fire(struct pvm_xs *xs, const char *path, bool removed)
{
	for (struct pvm_xs_conn *c = xs->conns; c; c = c->next) {
		for (struct watch *w = c->watches; w; w = w->next) {
			if (pvm_xs_path_is_within(path, w->path))
				c->event(c->arg, path + w->skip, w->token);
			else if (removed && pvm_xs_path_is_within(w->path, path))
				c->event(c->arg, w->path + w->skip, w->token);
		}
	}
}

static int txn_commit(struct pvm_xs_conn *c, struct txn *t)
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
				guest_nodes += is_guest_owned(n) - is_guest_owned(now);
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
	for (struct change *ch = t->first; ch; ch = ch->next)
		fire(xs, ch->path, ch->removed);
	return 0;
}

static struct txn *txn_by_id(struct pvm_xs_conn *c, uint32_t id)
{
	struct txn *t = c->txns;

	while (t && t->id != id)
		t = t->next;
	return t;
}

/*
 * Begin and end of an operation: resolve the path and find the transaction, or make one for this
 * operation alone.
 */
struct op {
	struct txn single;
	struct txn *t;
	char path[PVM_XS_PATH_BYTES];
};

static int op_begin(struct op *op, struct pvm_xs_conn *c, uint32_t tx_id, const char *path)
{
	int err = pvm_xs_path_abs(path, c->domid, op->path);

	if (err)
		return err;
	if (op->path[0] == '@')
		return -EINVAL;
	txn_init(&op->single);
	op->t = tx_id ? txn_by_id(c, tx_id) : &op->single;
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
		err = txn_commit(c, op->t);
	txn_fini(op->t);
	return err;
}

int pvm_xs_txn_start(struct pvm_xs_conn *c, uint32_t *tx_id)
{
	struct txn *t;

	if (c->domid && c->nr_txns >= PVM_XS_QUOTA_TXNS)
		return -ENOSPC;
	t = malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	txn_init(t);
	do {
		t->id = c->next_tx_id++;
	} while (!t->id || txn_by_id(c, t->id));
	t->next = c->txns;
	c->txns = t;
	c->nr_txns++;
	*tx_id = t->id;
	return 0;
}

int pvm_xs_txn_end(struct pvm_xs_conn *c, uint32_t tx_id, bool commit)
{
	struct txn **link = &c->txns, *t;
	int err = 0;

	while (*link && (*link)->id != tx_id)
		link = &(*link)->next;
	t = *link;
	if (!t)
		return -ENOENT;
	*link = t->next;
	c->nr_txns--;
	if (commit)
		err = txn_commit(c, t);
	txn_fini(t);
	free(t);
	return err;
}

/* ---- operations -------------------------------------------------------------------------- */

int pvm_xs_get(struct pvm_xs_conn *c, uint32_t tx_id, const char *path,
	       const struct pvm_xs_node **node)
{
	const struct pvm_xs_node *n;
	char abs[PVM_XS_PATH_BYTES];
	struct txn *t;
	int err;

	/* Reading needs a record only inside a transaction. */
	err = pvm_xs_path_abs(path, c->domid, abs);
	if (err)
		return err;
	if (tx_id) {
		t = txn_by_id(c, tx_id);
		if (!t)
			return -ENOENT;
		err = txn_get(c, t, abs, &n);
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
static int make(struct pvm_xs_conn *c, struct txn *t, const char *path, struct pvm_xs_node **node)
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
		err = txn_get(c, t, part, &top);
		if (err)
			return err;
	} while (!top);
	if (!pvm_xs_node_allows(top, c->domid, PVM_XS_PERM_WRITE))
		return -EACCES;
	err = txn_edit(c, t, part, &parent);
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
		err = txn_edit(c, t, part, &n);
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
		t->guest_nodes += is_guest_owned(n);
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
	err = txn_get(c, op.t, op.path, &now);
	if (err)
		goto out;
	if (now && !pvm_xs_node_allows(now, c->domid, PVM_XS_PERM_WRITE))
		err = -EACCES;
	else if (now)
		err = txn_edit(c, op.t, op.path, &n);
	else
		err = make(c, op.t, op.path, &n);
	if (!err)
		err = pvm_xs_node_set(n, value, bytes);
	if (!err)
		err = txn_change(op.t, op.path, false);
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
	err = txn_get(c, op.t, op.path, &now);
	if (!err && !now) {		/* of an existing node: nothing to do, and fine */
		err = make(c, op.t, op.path, &n);
		if (!err)
			err = txn_change(op.t, op.path, false);
	}
	return op_end(&op, c, err);
}

/* Mark @path and all below as missing. Depth is bounded by the length of a path. */
static int remove_tree(struct pvm_xs_conn *c, struct txn *t, const char *path)
{
	struct pvm_xs_node *n;
	char child[PVM_XS_PATH_BYTES];
	int err = txn_edit(c, t, path, &n);

	if (err)
		return err;
	for (size_t at = 0; at < n->children_bytes; at += strlen(n->children + at) + 1) {
		snprintf(child, sizeof(child), "%s/%s", path, n->children + at);
		err = remove_tree(c, t, child);
		if (err)
			return err;
	}
	t->guest_nodes -= is_guest_owned(n);
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
	err = txn_get(c, op.t, op.path, &now);
	if (!err)
		err = txn_get(c, op.t, up, &above);
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
		err = txn_edit(c, op.t, up, &parent);
	if (!err) {
		pvm_xs_node_remove_child(parent, op.path + (len == 1 ? 1 : len + 1));
		err = txn_change(op.t, op.path, true);
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
	err = txn_get(c, op.t, op.path, &now);
	if (err)
		goto out;
	if (!now) {
		err = -ENOENT;
	} else if (c->domid && (now->perm[0].domid != c->domid || perm[0].domid != c->domid)) {
		/* Owners only, and they cannot give a node away: it would escape their quota. */
		err = -EACCES;
	} else {
		err = txn_edit(c, op.t, op.path, &n);
		if (!err) {
			memcpy(n->perm, perm, nr * sizeof(*perm));
			n->nr_perms = nr;
			err = txn_change(op.t, op.path, false);
		}
	}
out:
	return op_end(&op, c, err);
}

/* ---- watches ----------------------------------------------------------------------------- */

static struct watch **watch_find(struct pvm_xs_conn *c, const char *abs, const char *token)
{
	struct watch **link = &c->watches;

	while (*link && (strcmp((*link)->path, abs) || strcmp((*link)->token, token)))
		link = &(*link)->next;
	return link;
}

int pvm_xs_watch(struct pvm_xs_conn *c, const char *path, const char *token)
{
	size_t path_bytes, token_bytes = strlen(token) + 1;
	char abs[PVM_XS_PATH_BYTES];
	struct watch *w, **link;
	int err = pvm_xs_path_abs(path, c->domid, abs);

	if (err)
		return err;
	if (token_bytes > PVM_XS_TOKEN_BYTES)
		return -EINVAL;
	link = watch_find(c, abs, token);
	if (*link)
		return -EEXIST;
	if (c->domid && c->nr_watches >= PVM_XS_QUOTA_WATCHES)
		return -ENOSPC;
	path_bytes = strlen(abs) + 1;
	w = malloc(sizeof(*w) + path_bytes + token_bytes);
	if (!w)
		return -ENOMEM;
	w->next = NULL;
	w->skip = path_bytes - 1 - strlen(path);
	memcpy(w->path, abs, path_bytes);
	memcpy(w->path + path_bytes, token, token_bytes);
	w->token = w->path + path_bytes;
	*link = w;
	c->nr_watches++;
	return 0;
}

void pvm_xs_watch_fire_first(struct pvm_xs_conn *c, const char *path, const char *token)
{
	c->event(c->arg, path, token);
}

static void watch_destroy(struct pvm_xs_conn *c, struct watch **link)
{
	struct watch *w = *link;

	*link = w->next;
	c->nr_watches--;
	free(w);
}

int pvm_xs_unwatch(struct pvm_xs_conn *c, const char *path, const char *token)
{
	char abs[PVM_XS_PATH_BYTES];
	struct watch **link;
	int err = pvm_xs_path_abs(path, c->domid, abs);

	if (err)
		return err;
	link = watch_find(c, abs, token);
	if (!*link)
		return -ENOENT;
	watch_destroy(c, link);
	return 0;
}

void pvm_xs_reset_watches(struct pvm_xs_conn *c)
{
	while (c->watches)
		watch_destroy(c, &c->watches);
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
