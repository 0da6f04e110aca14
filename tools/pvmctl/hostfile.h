/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of a file of the host, to look at and to copy.
 */
#ifndef PVMCTL_HOSTFILE_H
#define PVMCTL_HOSTFILE_H

#include <stddef.h>
#include <sys/stat.h>

struct hostfile {
	void *data;		/* mapped; NULL = none */
	size_t len;
	struct stat st;
};

/**
 * hostfile_map() - the bytes of a regular file that is not empty
 *
 * Nothing else is opened: opening a device can be an act, and the names come from programs that
 * are not trusted. Return: 0, -EISDIR, -EINVAL (no regular file), -ENOEXEC (empty) or of open().
 */
int hostfile_map(const char *path, struct hostfile *file);

/** hostfile_unmap() - give them back; again is harmless */
void hostfile_unmap(struct hostfile *file);

#endif
