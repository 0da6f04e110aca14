// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Allocations that fail on request. The linker routes the malloc family of all code in a test
 * program here; only threads of the test that asked are affected, as the counter is thread-local.
 */
#include "test.h"

static _Thread_local unsigned int countdown;
static _Thread_local bool failed;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t nr, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t nr, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);

void fail_alloc(unsigned int n)
{
	countdown = n;
	failed = false;
}

bool alloc_failed(void)
{
	countdown = 0;
	return failed;
}

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t nr, size_t bytes)
{
	return fails() ? NULL : __real_calloc(nr, bytes);
}

void *__wrap_realloc(void *p, size_t bytes)
{
	return fails() ? NULL : __real_realloc(p, bytes);
}
