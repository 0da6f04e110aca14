// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many guests: a table of them with the end each must come to, rounds, guests at once, guests killed.
 * Every guest is a child process, so that one that hangs or kills its launcher is a failed line, not the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

static pid_t spawn(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		exit(printf("not ok - runner: fork\n"));
	if (!pid) {
		int ret = run_one();

		fflush(stdout);
		_exit(ret);
	}
	return pid;
}

static bool reap(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("# ended by signal %d%s\n", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (hang)" : "");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

int run_table(const char *table, const char *dir)
{
	FILE *f = fopen(table, "r");
	struct options defaults = opt;
	char line[512], path[512], *word[24], *save;
	int failed = 0, n, i, used;

	if (!f) {
		printf("not ok - runner: %s: %s\n", table, strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		for (n = 0, save = strtok(line, " \t\n"); save && n < 23; save = strtok(NULL, " \t\n"))
			word[n++] = save;
		word[n] = NULL;
		if (n < 3 || word[0][0] == '#')
			continue;
		opt = defaults;
		snprintf(path, sizeof(path), "%s/%s.elf", dir, word[0]);
		opt.kernel = path;
		opt.quiet = true;
		opt.cmdline = strcmp(word[1], "-") ? word[1] : NULL;
		opt.expect = word[2];
		for (i = 3; i < n; i += used) {
			used = take_option(word + i);
			if (!used) {
				printf("not ok - table: unknown option %s\n", word[i]);
				return 1;
			}
		}
		i = !reap(spawn());
		failed |= i;
		printf("%sok - guest %s%s%s\n", i ? "not " : "", word[0], opt.cmdline ? " " : "",
		       opt.cmdline ? opt.cmdline : "");
		fflush(stdout);
	}
	fclose(f);
	return failed;
}

int kill_rounds(long n)
{
	unsigned int seed = getpid();
	long i, finished = 0;
	int status;

	for (i = 0; i < n; i++) {
		pid_t pid = spawn();

		usleep(rand_r(&seed) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		finished += WIFEXITED(status);
	}
	printf("# %ld killed, %ld had finished\n", n - finished, finished);
	return 0;
}

int run_rounds(long rounds, long parallel)
{
	pid_t pids[64];
	int failed = 0;
	long i, j;

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < parallel; j++)
			pids[j] = spawn();
		for (j = 0; j < parallel; j++)
			failed |= !reap(pids[j]);
	}
	return failed;
}
