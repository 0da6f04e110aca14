/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the checks of "pvmctl doctor" share: a line per check, small files.
 */
#ifndef PVMCTL_DOCTOR_H
#define PVMCTL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

enum result { OK, WARN, FAIL };

/**
 * report() - one line about one check, or one JSON object
 * @check:	its name, at most 10 characters
 * @next:	what to do, NULL = nothing
 */
void report(enum result r, const char *check, const char *next, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** first_line() - of a small file, "" if it cannot be read. Return: could it be? */
bool first_line(const char *path, char *buf, size_t len);

/**
 * doctor_partitions() - doctor_part.c: can this machine be cut into partitions?
 * @cpu_flags:	flags of /proc/cpuinfo, blanks around each
 *
 * Nothing here fails: a machine without partitions runs guests.
 */
void doctor_partitions(const char *cpu_flags);

#endif
