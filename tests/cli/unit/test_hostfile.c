// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which files of the host are read for a guest (tools/pvmctl/hostfile.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "hostfile.h"

static char dir[] = "/tmp/test_hostfile.XXXXXX";
static struct hostfile file;
static size_t shrinks_to = SIZE_MAX;
static int fails;

/* Stands in for libc's: a few bytes at a time, and the file may have become shorter. */
ssize_t pread(int fd, void *data, size_t len, off_t at)
{
	static int calls;

	if (++calls % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	if (fails) {
		errno = fails;
		return -1;
	}
	if ((size_t)at >= shrinks_to)
		return 0;
	return syscall(SYS_pread64, fd, data, len < 3 ? len : 3, at);
}

static int made_dir(void **state)
{
	int fd;

	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	fd = open("some", O_CREAT | O_WRONLY, 0600);
	return fd < 0 || write(fd, "hello world", 11) != 11 || close(fd);
}

static int removed_dir(void **state)
{
	(void)state;
	return unlink("some") || unlink("empty") || unlink("fifo") || rmdir(dir);
}

static void regular_file_is_read(void **state)
{
	(void)state;
	assert_int_equal(hostfile_read("some", 11, &file), 0);
	assert_int_equal(file.len, 11);
	assert_memory_equal(file.data, "hello world", 11);
	hostfile_free(&file);
	hostfile_free(&file);
}

static void nothing_else_is_opened(void **state)
{
	(void)state;
	close(open("empty", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(hostfile_read("none", 99, &file), -ENOENT);
	assert_int_equal(hostfile_read(dir, 99, &file), -EISDIR);
	assert_int_equal(hostfile_read("fifo", 99, &file), -EINVAL);
	assert_int_equal(hostfile_read("/dev/null", 99, &file), -EINVAL);
	assert_int_equal(hostfile_read("empty", 99, &file), -ENOEXEC);
	assert_null(file.data);
}

static void file_of_sysfs_or_proc_is_not_opened(void **state)
{
	static const char *const paths[] = { "/sys/kernel/notes", "/sys/kernel/uevent_seqnum", "/proc/version",
					     "/proc/kcore", "/proc/self/status" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!access(paths[i], R_OK))
			assert_int_equal(hostfile_read(paths[i], SIZE_MAX, &file), -EINVAL);
	/* A link in there to a real file is one. */
	assert_int_equal(hostfile_read("/proc/self/exe", SIZE_MAX, &file), 0);
	hostfile_free(&file);
}

static void larger_file_is_not_read(void **state)
{
	(void)state;
	assert_int_equal(hostfile_read("some", 10, &file), -EFBIG);
	assert_int_equal(hostfile_read("some", 0, &file), -EFBIG);
	assert_null(file.data);
}

static void truncated_meanwhile_is_an_error(void **state)
{
	(void)state;
	for (shrinks_to = 0; shrinks_to < 11; shrinks_to += 3) {
		assert_int_equal(hostfile_read("some", 99, &file), -EIO);
		assert_null(file.data);
	}
	shrinks_to = SIZE_MAX;
	fails = ENXIO;
	assert_int_equal(hostfile_read("some", 99, &file), -ENXIO);
	assert_null(file.data);
	fails = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regular_file_is_read),
		cmocka_unit_test(nothing_else_is_opened),
		cmocka_unit_test(file_of_sysfs_or_proc_is_not_opened),
		cmocka_unit_test(larger_file_is_not_read),
		cmocka_unit_test(truncated_meanwhile_is_an_error),
	};

	return cmocka_run_group_tests(tests, made_dir, removed_dir);
}
