// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run a launcher, copy what its guest prints, and read the guest's counters at the markers of the
 * benchmark's counting pass (bench.c). The guest sleeps after each marker, so the counters are read
 * while it does nothing.
 *
 *	counters GUEST-NAME COMMAND [ARG...]
 *
 * Adds to the output:
 *	BENCH start_tsc N		time stamp counter when the launcher was started
 *	COUNT id OPS name=difference...	counters of one run; row "boot": since the guest was made
 *
 * Speaks the bare ioctl ABI, not through the library: the instrument depends on the driver alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/pvm.h>

#define MAX_VMS 16

static const char *const names[] = {
#define STAT_NAME(NAME, name, unit, help) #name,
	PVM_STAT_LIST(STAT_NAME)
#undef STAT_NAME
};

static int dev = -1;

static uint64_t ticks(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

static int guest_id(const char *name)
{
	struct pvm_vm_entry vms[MAX_VMS];
	struct pvm_list_vms list = {
		.size = sizeof(list), .vms_ptr = (uintptr_t)vms, .vms_count = MAX_VMS,
		.vms_stride = sizeof(vms[0]),
	};
	unsigned int i;

	if (ioctl(dev, PVM_LIST_VMS, &list))
		return -1;
	for (i = 0; i < list.vms_count && i < MAX_VMS; i++)
		if (!strcmp((const char *)vms[i].name, name))
			return vms[i].id;
	errno = ENOENT;
	return -1;
}

/* Counters of the guest; all 0 when they cannot be read, which is said once. */
static void read_counters(const char *name, uint64_t *values)
{
	static int id = -1, said;
	struct pvm_get_stats get = {
		.size = sizeof(get), .values_count = PVM_NR_STATS, .values_ptr = (uintptr_t)values,
	};

	memset(values, 0, PVM_NR_STATS * sizeof(*values));
	if (id < 0)
		id = guest_id(name);
	get.id = id;
	if ((id < 0 || ioctl(dev, PVM_GET_STATS, &get)) && !said++)
		printf("BENCH error no counters of %s: %s\n", name, strerror(errno));
}

static void report(const char *id, const char *ops, const uint64_t *from, const uint64_t *to)
{
	int i;

	printf("COUNT %s %s", id, ops);
	for (i = 0; i < PVM_NR_STATS; i++)
		printf(" %s=%lld", names[i], (long long)(to[i] - from[i]));
	printf("\n");
}

int main(int argc, char **argv)
{
	static const uint64_t zero[PVM_NR_STATS];
	uint64_t from[PVM_NR_STATS] = { 0 }, to[PVM_NR_STATS];
	char line[1024], id[64], ops[32];
	int fds[2], status;
	FILE *guest;
	pid_t pid;

	if (argc < 3)
		return 2;
	dev = open("/dev/pvm", O_RDWR | O_CLOEXEC);
	if (dev < 0 || pipe2(fds, O_CLOEXEC)) {
		perror("counters");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("BENCH start_tsc %llu\n", (unsigned long long)ticks());
	pid = fork();
	if (pid < 0)
		return 1;
	if (!pid) {
		dup2(fds[1], 1);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	close(fds[1]);
	guest = fdopen(fds[0], "r");
	while (guest && fgets(line, sizeof(line), guest)) {
		line[strcspn(line, "\r\n")] = 0;
		if (sscanf(line, "COUNT-BEGIN %63s", id) == 1) {
			read_counters(argv[1], from);
		} else if (sscanf(line, "COUNT-END %63s %31s", id, ops) == 2) {
			read_counters(argv[1], to);
			report(id, ops, from, to);
		} else if (!strncmp(line, "BENCH boot_clock", 16)) {
			read_counters(argv[1], to);
			printf("%s\n", line);
			report("boot", "1", zero, to);
		} else if (strncmp(line, "PVM-HOST-EXIT", 13)) {
			printf("%s\n", line);
		}
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
