/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One guest on the fake driver, as the tests of guests want it: a kernel to load, the steps from
 * create to end, and what a guest does with its console ring.
 */
#ifndef PVM_FAKE_GUEST_H
#define PVM_FAKE_GUEST_H

#include "fake_ioctl.h"
#include "lib.h"

#include <xen/xen.h>

struct xencons_interface;

extern struct pvm_ctx *ctx;
extern struct pvm_vm *vm;
extern uint8_t kernel[0x1200];
extern char output[1 << 20];		/* what take_output() got, NUL-terminated */
extern size_t output_bytes;

/* cmocka's, for each test: a context; afterwards no descriptor, thread or run page may be left. */
int setup(void **state);
int teardown(void **state);
/* Are descriptors and threads as many as at setup()? For tests that take everything down themselves. */
void nothing_left(void);

int create(uint64_t memory, uint32_t flags);
int load(void);
/* All of it, with take_output() as console. */
void start(int (*guest)(struct pvm_run *run, void *arg), uint32_t flags);
/* The guest must end in this way. */
void finish(uint32_t kind, uint32_t code);
size_t take_output(void *arg, const void *buf, size_t bytes);

/* ---- what guests do; from the fake driver's thread ---- */

const struct start_info *si(void);
struct xencons_interface *con_ring(void);
/* As a frontend does it: write what fits, send, wait for room. false: the host does not answer. */
bool con_write(const char *s, size_t n);
int shut_down(struct pvm_run *run, uint32_t reason);
/* Says "early" and "hello", powers off. */
int guest_hello(struct pvm_run *run, void *arg);
/* For ever. */
int guest_sleeper(struct pvm_run *run, void *arg);

#define CHECK(what) do { if (!(what)) { con_write("FAILED " #what "\n", \
	sizeof("FAILED " #what "\n") - 1); return shut_down(run, 3); } } while (0)

#endif /* PVM_FAKE_GUEST_H */
