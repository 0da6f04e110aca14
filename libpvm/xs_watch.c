// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore watches: who wants to hear of which path, and telling them. Pure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs_txn.h"
#include "xs_wire.h"

struct pvm_xs_watch {
	struct pvm_xs_watch *next;
	const char *token;		/* behind path */
	size_t skip;			/* bytes of path the client does not want to see */
	char path[];			/* absolute */
};

void pvm_xs_fire(struct pvm_xs *xs, const char *path, bool removed)
{
	for (struct pvm_xs_conn *c = xs->conns; c; c = c->next) {
		for (struct pvm_xs_watch *w = c->watches; w; w = w->next) {
			if (pvm_xs_path_is_within(path, w->path))
				c->event(c->arg, path + w->skip, w->token);
			else if (removed && pvm_xs_path_is_within(w->path, path))
				c->event(c->arg, w->path + w->skip, w->token);
		}
	}
}

static struct pvm_xs_watch **watch_find(struct pvm_xs_conn *c, const char *abs, const char *token)
{
	struct pvm_xs_watch **link = &c->watches;

	while (*link && (strcmp((*link)->path, abs) || strcmp((*link)->token, token)))
		link = &(*link)->next;
	return link;
}

int pvm_xs_watch(struct pvm_xs_conn *c, const char *path, const char *token)
{
	size_t path_bytes, token_bytes = strlen(token) + 1;
	char abs[PVM_XS_PATH_BYTES];
	struct pvm_xs_watch *w, **link;
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

static void watch_destroy(struct pvm_xs_conn *c, struct pvm_xs_watch **link)
{
	struct pvm_xs_watch *w = *link;

	*link = w->next;
	c->nr_watches--;
	free(w);
}

int pvm_xs_unwatch(struct pvm_xs_conn *c, const char *path, const char *token)
{
	char abs[PVM_XS_PATH_BYTES];
	struct pvm_xs_watch **link;
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
