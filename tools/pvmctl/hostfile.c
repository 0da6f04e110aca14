// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of the host are mapped, never executed. Neighbours: needed.c asks for libraries,
 * initramfs.c copies what was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostfile.h"

static int regular(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	return st->st_size ? 0 : -ENOEXEC;
}

int hostfile_map(const char *path, struct hostfile *file)
{
	int fd, err;

	file->data = NULL;
	if (stat(path, &file->st))
		return -errno;
	err = regular(&file->st);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	/* Somebody may have put another file there. */
	err = fstat(fd, &file->st) ? -errno : regular(&file->st);
	if (!err) {
		file->len = file->st.st_size;
		file->data = mmap(NULL, file->len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file->data == MAP_FAILED) {
			file->data = NULL;
			err = -errno;
		}
	}
	close(fd);
	return err;
}

void hostfile_unmap(struct hostfile *file)
{
	if (file->data)
		munmap(file->data, file->len);
	file->data = NULL;
}
