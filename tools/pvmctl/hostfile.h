/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of a file of the host, to look at and to copy.
 */
#ifndef PVMCTL_HOSTFILE_H
#define PVMCTL_HOSTFILE_H

#include <stddef.h>
#include <sys/stat.h>

struct hostfile {
	void *data;		/* malloc'ed; NULL = none */
	size_t len;
	struct stat st;
};

/**
 * hostfile_read() - the bytes of a regular file that is not empty
 * @max:	a larger file is not read
 *
 * Nothing else is opened, neither a device nor what lies in /sys, /proc and their like: opening it can
 * be an act, and the names come from programs that are not trusted. Return: 0, -EISDIR, -EINVAL (no
 * regular file of a real file system), -ENOEXEC (empty), -EFBIG, -ENOMEM, -EIO (it became shorter
 * meanwhile) or of open() and read().
 */
int hostfile_read(const char *path, size_t max, struct hostfile *file);

/** hostfile_free() - release them; again is harmless */
void hostfile_free(struct hostfile *file);

#endif
