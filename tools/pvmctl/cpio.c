// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writer of "newc" cpio archives, in memory.
 *
 * Pure: bytes in, bytes out. A member is a header of 110 characters (a magic of six, then thirteen
 * numbers of eight hexadecimal digits), the path with its NUL, padding to four bytes, the data,
 * padding to four bytes. The kernel's unpacker wants a directory before what is in it: the caller
 * adds members in that order. Times are zero, so that the same input gives the same archive.
 * Tested against cpio(1) by tests/cli/run and byte by byte by tests/cli/unit/test_cpio.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpio.h"

#define MAGIC		"070701"
#define HEADER_LEN	110
#define PATH_LIMIT	4096
#define TRAILER		"TRAILER!!!"

#define TYPE_DIR	0040000
#define TYPE_FILE	0100000
#define TYPE_SYMLINK	0120000
#define TYPE_CHARDEV	0020000

struct member {
	const char *path;
	unsigned int mode;
	unsigned int nlink;
	unsigned int rmajor, rminor;
	const void *data;
	size_t len;
};

static int reserve(struct cpio *c, size_t more)
{
	unsigned char *grown;
	size_t want, room = c->room ? c->room : 4096;

	if (__builtin_add_overflow(c->len, more, &want))
		return -ENOMEM;
	while (room < want)
		if (__builtin_mul_overflow(room, 2, &room))
			return -ENOMEM;
	if (room == c->room)
		return 0;
	grown = realloc(c->data, room);
	if (!grown)
		return -ENOMEM;
	c->data = grown;
	c->room = room;
	return 0;
}

static void append(struct cpio *c, const void *data, size_t len)
{
	if (len)
		memcpy(c->data + c->len, data, len);
	c->len += len;
}

static void pad4(struct cpio *c)
{
	while (c->len % 4)
		c->data[c->len++] = 0;
}

static void add(struct cpio *c, const struct member *m)
{
	size_t path_len = strlen(m->path);
	char header[HEADER_LEN + 1];

	if (c->err)
		return;
	if (!path_len || path_len >= PATH_LIMIT || m->path[0] == '/' || m->len > UINT32_MAX) {
		c->err = -EINVAL;
		return;
	}
	c->err = reserve(c, HEADER_LEN + path_len + 1 + m->len + 6);
	if (c->err)
		return;
	snprintf(header, sizeof(header), MAGIC "%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 c->next_ino++, m->mode, 0u, 0u, m->nlink, 0u, (unsigned int)m->len, 0u, 0u,
		 m->rmajor, m->rminor, (unsigned int)path_len + 1, 0u);
	append(c, header, HEADER_LEN);
	append(c, m->path, path_len + 1);
	pad4(c);
	append(c, m->data, m->len);
	pad4(c);
}

void cpio_dir(struct cpio *c, const char *path, unsigned int perm)
{
	add(c, &(struct member){ .path = path, .mode = TYPE_DIR | perm, .nlink = 2 });
}

void cpio_file(struct cpio *c, const char *path, unsigned int perm, const void *data, size_t len)
{
	add(c, &(struct member){ .path = path, .mode = TYPE_FILE | perm, .nlink = 1, .data = data,
				 .len = len });
}

void cpio_symlink(struct cpio *c, const char *path, const char *target)
{
	add(c, &(struct member){ .path = path, .mode = TYPE_SYMLINK | 0777, .nlink = 1,
				 .data = target, .len = strlen(target) });
}

void cpio_chardev(struct cpio *c, const char *path, unsigned int perm, unsigned int major,
		  unsigned int minor)
{
	add(c, &(struct member){ .path = path, .mode = TYPE_CHARDEV | perm, .nlink = 1,
				 .rmajor = major, .rminor = minor });
}

int cpio_finish(struct cpio *c)
{
	add(c, &(struct member){ .path = TRAILER, .nlink = 1 });
	return c->err;
}

void cpio_free(struct cpio *c)
{
	free(c->data);
	memset(c, 0, sizeof(*c));
}
