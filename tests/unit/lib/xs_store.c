// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A xenstore with two connections (xs_store.h).
 */
#include "test.h"
#include "xs_store.h"

struct pvm_xs *xs;
struct pvm_xs_conn *host, *guest;
char events[64][128];
unsigned int nr_events;

void on_event(void *arg, const char *path, const char *token)
{
	if (nr_events < 64)
		snprintf(events[nr_events], sizeof(events[0]), "%s %s", path, token);
	nr_events++;
}

int write_str(struct pvm_xs_conn *c, uint32_t tx, const char *path, const char *v)
{
	return pvm_xs_write(c, tx, path, v, strlen(v));
}

const char *read_str(struct pvm_xs_conn *c, uint32_t tx, const char *path)
{
	static char buf[PVM_XS_VALUE_BYTES + 1];
	const struct pvm_xs_node *n;
	int err = pvm_xs_get(c, tx, path, &n);

	if (err)
		return pvm_xs_wire_error(err);
	if (n->value_bytes)
		memcpy(buf, n->value, n->value_bytes);
	buf[n->value_bytes] = '\0';
	return buf;
}

const char *list(struct pvm_xs_conn *c, uint32_t tx, const char *path)
{
	static char buf[4096];
	const struct pvm_xs_node *n;
	int err = pvm_xs_get(c, tx, path, &n);

	if (err)
		return pvm_xs_wire_error(err);
	buf[0] = '\0';
	for (size_t at = 0; at < n->children_bytes; at += strlen(n->children + at) + 1) {
		if (at)
			strcat(buf, " ");
		strcat(buf, n->children + at);
	}
	return buf;
}

int setup(void **state)
{
	const struct pvm_xs_perm owned = { GUEST, 0 };

	nr_events = 0;
	if (pvm_xs_create(&xs) || pvm_xs_conn_open(xs, 0, on_event, NULL, &host) ||
	    pvm_xs_conn_open(xs, GUEST, on_event, NULL, &guest))
		return -1;
	return pvm_xs_mkdir(host, 0, "/local/domain/1") ||
	       pvm_xs_set_perms(host, 0, "/local/domain/1", &owned, 1);
}

int teardown(void **state)
{
	pvm_xs_conn_close(guest);
	pvm_xs_conn_close(host);
	pvm_xs_destroy(xs);
	return 0;
}
