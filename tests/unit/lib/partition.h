/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One partition on the fake driver (fake_part.c), as the tests of partitions want it: a kernel to
 * load, create and start, and what a kernel has in its memory when it is up.
 */
#ifndef PVM_TEST_PARTITION_H
#define PVM_TEST_PARTITION_H

#include "fake_ioctl.h"
#include "fake_part.h"
#include "lib.h"

extern struct pvm_ctx *ctx;
extern struct pvm_part *part;
extern uint8_t kernel[0x4a00];
extern const uint32_t cpus[2];

/* cmocka's, for each test: a context; afterwards no descriptor or mapping may be left. */
int setup(void **state);
int teardown(void **state);

/* Does the library's sentence have these words? */
void says(const char *words);
/* Partition "web", of two CPUs and 64 MiB. */
int create(void);
int start(void);

/* For fpart.on_start. */
void kernel_is_up(void);
void kernel_with_symbols(void);

#endif /* PVM_TEST_PARTITION_H */
