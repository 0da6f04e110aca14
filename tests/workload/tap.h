/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Result lines of the workload programs.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int tap_failed;

static int __attribute__((format(printf, 2, 3), unused)) ok(int good, const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("%sok - %s: %s\n", good ? "" : "not ", program_invocation_short_name, line);
	fflush(stdout);
	if (!good)
		tap_failed = 1;
	return good;
}

#endif /* TAP_H */
