/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every test of the library needs: cmocka, and the switch that makes allocations fail.
 */
#ifndef PVM_TEST_H
#define PVM_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The @n-th allocation of library code from now on fails, 1 = the next; 0 = none. */
void fail_alloc(unsigned int n);
/* Has it failed? Also switches failing off. */
bool alloc_failed(void);

#endif /* PVM_TEST_H */
