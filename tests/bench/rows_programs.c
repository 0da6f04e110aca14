// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of whole programs, and of computing without any kernel.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

/* ---- programs ---- */

static void run(const char *const argv[])
{
	pid_t pid = must(fork());

	if (!pid) {
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	wait_for(pid);
}

static void shell(int n, const char *script)
{
	const char *const argv[] = { BUSYBOX, "sh", "-c", script, NULL };

	while (n--)
		run(argv);
}

/* What configure scripts do: small programs by the dozen, substitutions, loops, tests. */
static void shell_script(int n)
{
	shell(n, "i=0; sum=0\n"
	      "while [ $i -lt 20 ]; do\n"
	      "	name=$(/bin/busybox basename /a/b/file$i.c .c)\n"
	      "	case $name in file*) sum=$((sum + i));; esac\n"
	      "	/bin/busybox test -d /tmp && echo $name >/tmp/script.out\n"
	      "	/bin/busybox cat /tmp/script.out >/dev/null\n"
	      "	i=$((i + 1))\n"
	      "done\n"
	      "[ $sum = 190 ]");
}

static void sort_pipeline(int n)
{
	shell(n, "/bin/busybox seq 1 1800 | /bin/busybox rev | /bin/busybox sort -n |"
	      "/bin/busybox sort -r | /bin/busybox uniq | /bin/busybox wc -l >/dev/null");
}

/* 16 files of 64 KiB that compress like text. */
static void tar_setup(void)
{
	char name[64];
	int i, j, fd;
	uint32_t x = 1;

	must(mkdir("/tmp/tree", 0700));
	for (i = 0; i < 16; i++) {
		static char text[64 * 1024];

		for (j = 0; j < (int)sizeof(text); j++) {
			x = x * 1664525 + 1013904223;
			text[j] = (x >> 28) < 3 ? ' ' : 'a' + (x >> 24) % 13;
		}
		snprintf(name, sizeof(name), "/tmp/tree/file%d", i);
		fd = must(open(name, O_WRONLY | O_CREAT, 0600));
		must(write(fd, text, sizeof(text)));
		close(fd);
	}
}

static void tar_tree(int n)
{
	static const char *const argv[] = {
		BUSYBOX, "tar", "-czf", "/tmp/t.tgz", "-C", "/tmp", "tree", NULL
	};

	while (n--)
		run(argv);
}

/* A C file of 300 functions, made here, without includes: the same on every machine. */
static void compile_setup(void)
{
	FILE *f = fopen("/tmp/unit.c", "w");
	int i;

	if (!f)
		fail("/tmp/unit.c");
	for (i = 0; i < 300; i++)
		fprintf(f, "struct s%d { int a, b; char name[%d]; struct s%d *next; };\n"
			"static int find%d(struct s%d *list, int key)\n"
			"{\n	int depth = 0;\n\n	while (list) {\n"
			"		if (list->a == key || (list->b ^ %d) > key * 3)\n"
			"			return depth + list->name[depth %% %d];\n"
			"		switch (list->b & 3) {\n		case 0: depth += 2; break;\n"
			"		case 1: depth -= %d; break;\n		default: depth++;\n		}\n"
			"		list = list->next;\n	}\n	return -1;\n}\n"
			"int use%d(void *p) { return find%d(p, %d) + find%d(p, %d); }\n",
			i, 8 + i % 24, i, i, i, i * 7, 8 + i % 24, i, i, i, i, i, i + 1);
	fclose(f);
}

static void compile(int n)
{
	static const char *const argv[] = {
		TCC, "-nostdinc", "-c", "/tmp/unit.c", "-o", "/tmp/unit.o", NULL
	};

	while (n--)
		run(argv);
}

/* ---- streams ---- */

static volatile uint64_t sink;

static void compute_stream(int n)
{
	uint64_t x = 88172645463325252ull;
	double d = 1.0;
	int i;

	while (n--) {
		for (i = 0; i < 500000; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			d = d * 0.999 + (double)(x & 255);
		}
	}
	sink = x + (uint64_t)d;
}

#define STREAM_WORDS (MiB)
static uint64_t *stream;

static void memory_setup(void)
{
	stream = must(mmap(NULL, 2 * STREAM_WORDS * 8, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memset(stream, 1, 2 * STREAM_WORDS * 8);
}

static void memory_done(void)
{
	munmap(stream, 2 * STREAM_WORDS * 8);
}

static void memory_stream(int n)
{
	volatile uint64_t *from = stream, *to = stream + STREAM_WORDS;
	int i;

	while (n--)
		for (i = 0; i < STREAM_WORDS; i++)
			to[i] = from[i] + 1;
}

/* ---- the table ---- */

const struct row program_rows[] = {
	{ "shell", shell_script, 1, 5, NULL, NULL, BUSYBOX },
	{ "sort", sort_pipeline, 1, 5, NULL, NULL, BUSYBOX },
	{ "tar", tar_tree, 1, 3, tar_setup, NULL, BUSYBOX },
	{ "compile", compile, 1, 3, compile_setup, NULL, TCC },
	{ "compute", compute_stream, 4, 3 },
	{ "memory", memory_stream, 4, 3, memory_setup, memory_done },
	{ 0 }
};
