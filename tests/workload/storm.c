// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fork and exec storm: many short processes, trees of them, a pipe through each, every exit status counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "tap.h"

#define PAGES 256

static int wait_all(int n)
{
	int bad = 0, st;

	while (n--)
		if (wait(&st) < 0 || !WIFEXITED(st) || WEXITSTATUS(st) != 42)
			bad++;
	return bad;
}

static int tree(int depth, int width)
{
	int i;

	if (!depth)
		return 42;
	for (i = 0; i < width; i++)
		if (!fork())
			_exit(tree(depth - 1, width));
	return wait_all(width) ? 1 : 42;
}

int main(int argc, char **argv)
{
	int i, j, bad = 0, fd[2], st;
	char buf[64];
	unsigned int *m;

	if (argc > 1)
		return atoi(argv[1]);
	for (i = 0; i < 60; i++) {
		if (!fork()) {
			execl("/proc/self/exe", "storm", "42", NULL);
			_exit(1);
		}
		if (i % 4 == 3)
			bad += wait_all(4);
	}
	ok(!bad, "60 fork and exec, four at a time");
	for (i = 0; i < 150; i++)
		if (!fork())
			_exit(42);
	ok(!wait_all(150), "150 children at once");
	ok(tree(3, 5) == 42, "a tree of 155 processes");
	for (i = 0; i < 40; i++)
		if (!vfork()) {
			execl("/proc/self/exe", "storm", "42", NULL);
			_exit(1);
		}
	ok(!wait_all(40), "40 vfork and exec");
	bad = 0;
	for (i = 0; i < 60; i++) {
		if (pipe(fd))
			return 1;
		if (!fork()) {
			dprintf(fd[1], "child %d", i);
			_exit(42);
		}
		close(fd[1]);
		j = read(fd[0], buf, sizeof(buf) - 1);
		buf[j > 0 ? j : 0] = 0;
		close(fd[0]);
		bad += wait_all(1) || atoi(buf + 6) != i;
	}
	ok(!bad, "60 children with a pipe");
	/* Copy on write over generations: each writes a part, all others must not see it. */
	m = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < PAGES; i++)
		m[i * 1024] = i;
	for (j = 0; j < 12; j++)
		if (!fork()) {
			for (i = j; i < PAGES; i += 3)
				m[i * 1024] += 1000 * (j + 1);
			if (!fork()) {
				for (i = 0; i < PAGES; i++)
					if (m[i * 1024] != (unsigned int)(i + (i >= j && (i - j) % 3 == 0 ?
									       1000 * (j + 1) : 0)))
						_exit(1);
				_exit(42);
			}
			wait(&st);
			_exit(WEXITSTATUS(st));
		}
	bad = wait_all(12);
	for (i = 0; i < PAGES; i++)
		bad += m[i * 1024] != (unsigned int)i;
	ok(!bad, "copy on write over three generations");
	return tap_failed;
}
