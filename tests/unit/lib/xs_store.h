/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A xenstore with two connections, of the host and of a guest, and what its watches told.
 */
#ifndef PVM_TEST_XS_STORE_H
#define PVM_TEST_XS_STORE_H

#include "xs_tree.h"
#include "xs_wire.h"

#define GUEST	1

extern struct pvm_xs *xs;
extern struct pvm_xs_conn *host, *guest;
extern char events[64][128];		/* "PATH TOKEN" */
extern unsigned int nr_events;		/* may be more than there is room for */

/* cmocka's, for each test. */
int setup(void **state);
int teardown(void **state);

void on_event(void *arg, const char *path, const char *token);
int write_str(struct pvm_xs_conn *c, uint32_t tx, const char *path, const char *v);
/* The value, or the name of the error. */
const char *read_str(struct pvm_xs_conn *c, uint32_t tx, const char *path);
/* Children as "a b c". */
const char *list(struct pvm_xs_conn *c, uint32_t tx, const char *path);

#endif /* PVM_TEST_XS_STORE_H */
