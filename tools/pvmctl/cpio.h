/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writer of "newc" cpio archives, the format of an initramfs, in memory.
 */
#ifndef PVMCTL_CPIO_H
#define PVMCTL_CPIO_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. After the first failure every call does nothing and cpio_finish() tells it. */
struct cpio {
	unsigned char *data;	/* the archive so far; malloc'ed */
	size_t len;
	size_t room;
	uint32_t next_ino;
	int err;
};

void cpio_dir(struct cpio *c, const char *path, unsigned int perm);
void cpio_file(struct cpio *c, const char *path, unsigned int perm, const void *data, size_t len);
void cpio_symlink(struct cpio *c, const char *path, const char *target);
void cpio_chardev(struct cpio *c, const char *path, unsigned int perm, unsigned int major,
		  unsigned int minor);

/**
 * cpio_finish() - write the trailer
 *
 * Return: 0, -ENOMEM, or -EINVAL (a path is empty, absolute or too long, a file of 4 GiB or more).
 */
int cpio_finish(struct cpio *c);

/** cpio_free() - release the memory; the structure can be used again */
void cpio_free(struct cpio *c);

#endif
