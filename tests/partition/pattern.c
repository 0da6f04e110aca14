// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk filled with what can be told from everything else, past the page cache.
 *
 *	pattern write FILE SEED MIB	each 8 bytes from SEED and their place
 *	pattern verify FILE SEED MIB	status 1 and the place of the first wrong word
 *	pattern selftest
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK	(128 * 1024)

static uint64_t word(uint64_t seed, uint64_t at)
{
	uint64_t x = (at + 1) * 0x9e3779b97f4a7c15ull ^ seed * 0xbf58476d1ce4e5b9ull;

	return x ^ x >> 31;
}

static int wrong(const uint64_t *buf, uint64_t seed, uint64_t first)
{
	uint64_t i;

	for (i = 0; i < CHUNK / 8; i++) {
		if (buf[i] == word(seed, first + i))
			continue;
		printf("word %llu is %#llx, not %#llx\n", (unsigned long long)(first + i), (unsigned long long)buf[i],
		       (unsigned long long)word(seed, first + i));
		return 1;
	}
	return 0;
}

static int run(int is_write, const char *file, uint64_t seed, uint64_t mib)
{
	int fd = open(file, (is_write ? O_WRONLY : O_RDONLY) | O_DIRECT);
	uint64_t i, k, *buf = aligned_alloc(4096, CHUNK);

	if (fd < 0 || !buf) {
		printf("%s: %s\n", file, strerror(errno));
		return 1;
	}
	for (i = 0; i < mib * 1024 * 1024 / CHUNK; i++) {
		for (k = 0; is_write && k < CHUNK / 8; k++)
			buf[k] = word(seed, i * (CHUNK / 8) + k);
		if ((is_write ? write(fd, buf, CHUNK) : read(fd, buf, CHUNK)) != CHUNK) {
			printf("%s at chunk %llu: %s\n", file, (unsigned long long)i, strerror(errno));
			return 1;
		}
		if (!is_write && wrong(buf, seed, i * (CHUNK / 8)))
			return 1;
	}
	if (is_write && fsync(fd)) {
		printf("%s: fsync: %s\n", file, strerror(errno));
		return 1;
	}
	close(fd);
	free(buf);
	return 0;
}

static int selftest(void)
{
	uint64_t *buf = malloc(CHUNK), k;

	for (k = 0; k < CHUNK / 8; k++)
		buf[k] = word(7, k);
	if (wrong(buf, 7, 0))
		return 1;
	buf[CHUNK / 8 - 1] ^= 1;
	if (!wrong(buf, 7, 0) || !wrong(buf, 8, 0) || !wrong(buf, 7, 1))
		return 1;
	printf("ok - pattern: a wrong bit is seen\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "selftest"))
		return selftest();
	if (argc != 5 || (strcmp(argv[1], "write") && strcmp(argv[1], "verify")))
		return 2;
	return run(!strcmp(argv[1], "write"), argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
}
