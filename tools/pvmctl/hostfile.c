// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of the host are read, never executed. Not mapped either: whoever owns a file may truncate it
 * while it is looked at, and that must be an error here, not the SIGBUS it would be in a mapping.
 * Neighbours: needed.c asks for libraries, initramfs.c copies what was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostfile.h"

static int readable(const struct stat *st, size_t max)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (!st->st_size)
		return -ENOEXEC;
	return (uint64_t)st->st_size > max ? -EFBIG : 0;
}

static int read_all(int fd, void *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (char *)data + done, len - done, done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -EIO;
		if (n > 0)
			done += n;
	}
	return 0;
}

int hostfile_read(const char *path, size_t max, struct hostfile *file)
{
	int fd, err;

	file->data = NULL;
	file->len = 0;
	if (stat(path, &file->st))
		return -errno;
	err = readable(&file->st, max);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	/* Somebody may have put another file there. */
	err = fstat(fd, &file->st) ? -errno : readable(&file->st, max);
	if (!err) {
		file->data = malloc(file->st.st_size);
		err = file->data ? read_all(fd, file->data, file->st.st_size) : -ENOMEM;
	}
	if (err)
		hostfile_free(file);
	else
		file->len = file->st.st_size;
	close(fd);
	return err;
}

void hostfile_free(struct hostfile *file)
{
	free(file->data);
	file->data = NULL;
}
