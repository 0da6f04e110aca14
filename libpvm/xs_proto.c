// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore protocol: one request in, one reply out.
 *
 * Pure. Each request type has a row in the table: how many strings it starts with, whether bytes
 * may follow them, and a function that does the work and fills the reply. The payload comes from
 * the guest; the strings handed to the functions are NUL-terminated within it, which is all they
 * may assume.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <xen/io/xs_wire.h>

#include "xs_proto.h"

struct req {
	struct pvm_xs_conn *c;
	uint32_t tx_id;
	const char *arg[2];		/* the strings */
	const uint8_t *rest;		/* what follows them */
	size_t rest_bytes;
	/* reply; "OK" if left alone */
	const void *reply;
	size_t reply_bytes;
	char text[PVM_XS_MAX_PERMS * 16];
};

static void reply_text(struct req *r, size_t bytes)
{
	r->reply = r->text;
	r->reply_bytes = bytes;
}

static int req_directory(struct req *r)
{
	const struct pvm_xs_node *n;
	int err = pvm_xs_get(r->c, r->tx_id, r->arg[0], &n);

	if (err)
		return err;
	r->reply = n->children;
	r->reply_bytes = n->children_bytes;
	return r->reply_bytes > PVM_XS_PAYLOAD_BYTES ? -E2BIG : 0;
}

static int req_read(struct req *r)
{
	const struct pvm_xs_node *n;
	int err = pvm_xs_get(r->c, r->tx_id, r->arg[0], &n);

	if (err)
		return err;
	r->reply = n->value;
	r->reply_bytes = n->value_bytes;
	return 0;
}

static int req_get_perms(struct req *r)
{
	const struct pvm_xs_node *n;
	size_t at = 0;
	int err = pvm_xs_get(r->c, r->tx_id, r->arg[0], &n);

	if (err)
		return err;
	for (unsigned int i = 0; i < n->nr_perms; i++) {
		pvm_xs_perm_format(&n->perm[i], r->text + at);
		at += strlen(r->text + at) + 1;
	}
	reply_text(r, at);
	return 0;
}

static int req_set_perms(struct req *r)
{
	struct pvm_xs_perm perm[PVM_XS_MAX_PERMS];
	unsigned int nr = 0;
	size_t at = 0;

	while (at < r->rest_bytes) {
		const char *s = pvm_xs_wire_string(r->rest, r->rest_bytes, &at);

		if (!s || nr == PVM_XS_MAX_PERMS || !pvm_xs_perm_parse(s, &perm[nr++]))
			return -EINVAL;
	}
	return pvm_xs_set_perms(r->c, r->tx_id, r->arg[0], perm, nr);
}

static int req_write(struct req *r)
{
	return pvm_xs_write(r->c, r->tx_id, r->arg[0], r->rest, r->rest_bytes);
}

static int req_mkdir(struct req *r)
{
	return pvm_xs_mkdir(r->c, r->tx_id, r->arg[0]);
}

static int req_rm(struct req *r)
{
	return pvm_xs_rm(r->c, r->tx_id, r->arg[0]);
}

static int req_watch(struct req *r)
{
	return pvm_xs_watch(r->c, r->arg[0], r->arg[1]);
}

static int req_unwatch(struct req *r)
{
	return pvm_xs_unwatch(r->c, r->arg[0], r->arg[1]);
}

static int req_reset_watches(struct req *r)
{
	pvm_xs_reset_watches(r->c);
	return 0;
}

static int req_txn_start(struct req *r)
{
	uint32_t id;
	int err;

	if (r->tx_id)
		return -EBUSY;		/* they do not nest */
	err = pvm_xs_txn_start(r->c, &id);
	if (err)
		return err;
	reply_text(r, (size_t)snprintf(r->text, sizeof(r->text), "%u", id) + 1);
	return 0;
}

static int req_txn_end(struct req *r)
{
	bool commit = !strcmp(r->arg[0], "T");

	if (!commit && strcmp(r->arg[0], "F"))
		return -EINVAL;
	return pvm_xs_txn_end(r->c, r->tx_id, commit);
}

static int req_domain_path(struct req *r)
{
	uint32_t domid;

	if (!pvm_xs_wire_number(r->arg[0], &domid))
		return -EINVAL;
	reply_text(r, (size_t)snprintf(r->text, sizeof(r->text), "/local/domain/%u", domid) + 1);
	return 0;
}

static int req_is_introduced(struct req *r)
{
	uint32_t domid;

	if (!pvm_xs_wire_number(r->arg[0], &domid))
		return -EINVAL;
	reply_text(r, (size_t)snprintf(r->text, sizeof(r->text), "%s",
				       !domid || domid == pvm_xs_conn_domid(r->c) ? "T" : "F") + 1);
	return 0;
}

static const struct row {
	int (*fn)(struct req *r);
	uint8_t strings;
	bool rest;			/* bytes may follow the strings */
} rows[XS_TYPE_COUNT] = {
	[XS_DIRECTORY]		= { req_directory, 1, false },
	[XS_READ]		= { req_read, 1, false },
	[XS_GET_PERMS]		= { req_get_perms, 1, false },
	[XS_WATCH]		= { req_watch, 2, true },	/* newer clients add a depth */
	[XS_UNWATCH]		= { req_unwatch, 2, false },
	[XS_TRANSACTION_START]	= { req_txn_start, 0, true },
	[XS_TRANSACTION_END]	= { req_txn_end, 1, false },
	[XS_GET_DOMAIN_PATH]	= { req_domain_path, 1, false },
	[XS_WRITE]		= { req_write, 1, true },
	[XS_MKDIR]		= { req_mkdir, 1, false },
	[XS_RM]			= { req_rm, 1, false },
	[XS_SET_PERMS]		= { req_set_perms, 1, true },
	[XS_IS_DOMAIN_INTRODUCED] = { req_is_introduced, 1, false },
	[XS_RESET_WATCHES]	= { req_reset_watches, 0, true },
};

static int serve(struct req *r, uint32_t type, const uint8_t *payload, size_t bytes)
{
	const struct row *row = type < XS_TYPE_COUNT ? &rows[type] : NULL;
	size_t at = 0;

	if (!row || !row->fn)
		return -ENOSYS;
	for (unsigned int i = 0; i < row->strings; i++) {
		r->arg[i] = pvm_xs_wire_string(payload, bytes, &at);
		if (!r->arg[i])
			return -EINVAL;
	}
	if (at < bytes && !row->rest)
		return -EINVAL;
	r->rest = payload + at;
	r->rest_bytes = bytes - at;
	return row->fn(r);
}

int pvm_xs_handle(struct pvm_xs_conn *c, const struct pvm_xs_msg *msg, const uint8_t *payload,
		  struct pvm_xs_buf *out)
{
	struct req r = { .c = c, .tx_id = msg->tx_id, .reply = "OK", .reply_bytes = 3 };
	uint32_t type = msg->type;
	int err = serve(&r, type, payload, msg->len);

	if (err) {
		r.reply = pvm_xs_wire_error(err);
		r.reply_bytes = strlen(r.reply) + 1;
		type = XS_ERROR;
	}
	err = pvm_xs_wire_put(out, type, msg->req_id, msg->tx_id, r.reply, r.reply_bytes);
	if (err)
		return err;
	/* The first event of a watch must not overtake the reply that says there is a watch. */
	if (type == XS_WATCH)
		pvm_xs_watch_fire_first(c, r.arg[0], r.arg[1]);
	return 0;
}
