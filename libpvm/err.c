// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Messages: the calling thread's error sentence, and the log of a context.
 *
 * The sentence sits in thread-local storage of fixed size: failing must not need memory. Longer
 * sentences are cut. Text that came from a guest or a file passes through printable(), so that a
 * terminal showing a log cannot be driven by a guest.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "pvm/pvm.h"

static _Thread_local char errmsg[512];
static _Thread_local char errname[64];

/* Keeps bytes of UTF-8 (names of files), replaces control characters; C1 is 0xc2 and a byte below 0xa0. */
static void printable(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
}

int pvm_fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(errmsg, sizeof(errmsg), fmt, ap);
	va_end(ap);
	printable(errmsg);
	return err;
}

void pvm_log(const struct pvm_log *log, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!log->fn || level > log->level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printable(text);
	log->fn(log->arg, level, text);
}

/* strerror() that is safe in threads; takes errno or -errno. */
const char *pvm_strerror(int err)
{
	return strerror_r(err < 0 ? -err : err, errname, sizeof(errname));
}

const char *pvm_errmsg(void)
{
	return errmsg;
}

const char *pvm_version(void)
{
	return PVM_VERSION;
}

void pvm_free(void *array)
{
	free(array);
}
