// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of the host are read, never executed. Not mapped either: whoever owns a file may truncate it
 * while it is looked at, and that must be an error here, not the SIGBUS it would be in a mapping.
 * Neighbours: needed.c asks for libraries, initramfs.c copies what was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hostfile.h"

/*
 * Files that the kernel or a driver makes up: a BAR of a device, a debugging switch. They call
 * themselves regular, but to open or read one can be an act, and what it says is of the host.
 */
static bool is_made_up(const struct statfs *fs)
{
	static const uint32_t magics[] = {
		SYSFS_MAGIC, PROC_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
		SMACK_MAGIC, EFIVARFS_MAGIC, PSTOREFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
		RDTGROUP_SUPER_MAGIC, BPF_FS_MAGIC, BINFMTFS_MAGIC, NSFS_MAGIC, DEVPTS_SUPER_MAGIC,
		XENFS_SUPER_MAGIC, AAFS_MAGIC,
		0x62656570,	/* configfs, fusectl, functionfs, mqueue, nfsd: not in linux/magic.h */
		0x65735543, 0xa647361, 0x19800202, 0x6e667364,
	};
	size_t i;

	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if ((uint32_t)fs->f_type == magics[i])
			return true;
	return false;
}

static int readable(const struct stat *st, const struct statfs *fs, size_t max)
{
	if (is_made_up(fs))
		return -EINVAL;
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
	struct statfs fs;
	int fd, err;

	file->data = NULL;
	file->len = 0;
	if (stat(path, &file->st) || statfs(path, &fs))
		return -errno;
	err = readable(&file->st, &fs, max);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	/* Somebody may have put another file there. */
	err = fstat(fd, &file->st) || fstatfs(fd, &fs) ? -errno : readable(&file->st, &fs, max);
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
