// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host beside a partition: what it cannot do meanwhile, what it refuses to give, creators that are killed,
 * memory at an address.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "part_test.h"

void test_host(void)
{
	const char *online = "/sys/devices/system/cpu/cpu1/online";
	struct part p;

	create(&p, "host", 1, 1);
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(!write_one(online, "1") && read_long(online) == 0, "the host cannot bring a taken CPU online");
	result(advances(&p, 0), "and did it no harm by trying");
	result(!write_one("/sys/power/state", "mem"), "the host does not suspend");
	result(advances(&p, 0), "and did it no harm by trying");
	stop(&p);
	destroy(&p);
	result(cpu_works(1), "the CPU comes back");
}

static pid_t creator(const char *name, bool keep)
{
	struct pvm_part_keep k = { .size = sizeof(k) };
	struct part p;
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes))
		die("pipe");
	pid = fork();
	if (!pid) {
		create(&p, name, 1, 2);
		if (keep && ioctl(p.fd, PVM_PART_KEEP, &k))
			die("PVM_PART_KEEP");
		load(&p, payload_wake, payload_wake_end);
		start(&p);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &c, 1) != 1)
		die("the creator");
	close(pipes[0]);
	return pid;
}

static int open_by_name(const char *name)
{
	struct pvm_open_partition a = { .size = sizeof(a) };

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return ioctl(dev, PVM_OPEN_PARTITION, &a) ? -errno : a.fd;
}

void test_kill(void)
{
	struct part p = { .cpus = 2 };
	pid_t pid;
	int other;

	pid = creator("killed", false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	result(open_by_name("killed") == -ENOENT && cpu_works(1) && cpu_works(2),
	       "a running partition goes with its creator");
	pid = creator("kept", true);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	p.fd = open_by_name("kept");
	result(p.fd >= 0, "a kept one stays");
	get_info(&p);
	result(p.info.entry.state == PVM_PART_RUNNING && p.info.flags & PVM_PINFO_KEPT, "and runs");
	p.base = p.info.entry.memory_addr;
	p.mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p.fd, PVM_PART_MMAP_MEMORY);
	result(p.mem != MAP_FAILED && advances(&p, 0), "its memory can be mapped by another process");
	other = open_by_name("kept");
	result(destroy(&(struct part){ .fd = dup(p.fd) }) == -EBUSY, "it is not destroyed while it runs");
	result(stop(&p) == 0 && !destroy(&p), "stopped and destroyed by another process");
	p.fd = other;
	result(ioctl(other, PVM_PART_STOP, &(struct pvm_part_stop){ .size = sizeof(struct pvm_part_stop) }) &&
	       errno == ENODEV, "another descriptor of it answers ENODEV");
	close(other);
	result(cpu_works(1) && cpu_works(2), "the CPUs are the host's again");
}

static const char *why_of(struct pvm_create_partition a, int want)
{
	static char why[200];
	int err = ioctl(dev, PVM_CREATE_PARTITION, &a) ? errno : 0;

	if (!err)
		close(a.fd);
	snprintf(why, sizeof(why), "%s", (const char *)a.why);
	printf("# %s: %s\n", strerror(err), why);
	return err == want && why[0] ? why : NULL;
}

void test_refused(void)
{
	const uint32_t zero = 0, none = 77, twice[2] = { 1, 1 }, one = 1;
	struct pvm_create_partition a;
	struct part p;

	result(why_of(request("r", &zero, 1), EINVAL), "CPU 0 is refused with a sentence");
	result(why_of(request("r", &none, 1), EINVAL), "a CPU that does not exist");
	result(why_of(request("r", twice, 2), EINVAL), "a CPU named twice");
	a = request("r", &one, 1);
	a.memory_bytes = 1ull << 40;
	result(why_of(a, EBUSY), "more memory than there is");
	a = request("r", &one, 1);
	a.memory_addr = 1ull << 40;
	result(why_of(a, EINVAL), "memory where there is none");
	write_one("/sys/devices/system/cpu/cpu3/online", "0");
	result(why_of(request("r", &(uint32_t){ 3 }, 1), EBUSY), "a CPU that is offline");
	write_one("/sys/devices/system/cpu/cpu3/online", "1");
	result(cpu_works(1) && cpu_works(3), "nothing was taken");
	create(&p, "again", 1, 1);
	result(!destroy(&p), "and one that is right is made");
}

/* ---- memory at an address ------------------------------------------------------------------------------------ */

static bool runs(struct part *p)
{
	bool good;

	load(p, payload_spin, payload_spin_end);
	start(p);
	good = advances(p, 0);
	return stop(p) == 0 && good;
}

void test_address(void)
{
	struct part p, q;
	uint64_t at;

	create(&p, "first", 1, 1);
	at = p.base;
	destroy(&p);
	if (try_create_as(&p, "there", 1, 1, 0, at)) {
		/* The host may have used it for something it cannot move. */
		printf("skip - memory of the host at an address: it is in use\n");
		return;
	}
	result(p.base == at && runs(&p), "memory of the host at an address");
	result(try_create_as(&q, "over", 2, 1, 0, at + (32 << 20)) == -EBUSY, "but not the half of it once more");
	result(!destroy(&p) && cpu_works(1), "it is given back");
}

/* memmap=SIZE$ADDRESS of the host's command line; 0 none. (The resource tree shows firmware's ranges just so.) */
static uint64_t reserved_range(void)
{
	FILE *f = fopen("/proc/cmdline", "r");
	char line[4096] = "";
	const char *at;

	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	at = strstr(line, "memmap=");
	at = at ? strchr(at, '$') : NULL;
	return at ? strtoull(at + 1, NULL, 0) : 0;
}

void test_reserved(void)
{
	uint64_t at = reserved_range();
	struct part p, q;

	if (!at) {
		printf("skip - memory reserved at boot: there is none\n");
		return;
	}
	result(!try_create_as(&p, "reserved", 1, 1, 0, at), "memory reserved at boot");
	result(runs(&p), "a partition runs there");
	result(try_create_as(&q, "twice", 2, 1, 0, at) == -EBUSY, "it is given once");
	result(!destroy(&p), "it is given back");
	result(!try_create_as(&p, "reserved", 1, 1, 0, at) && !destroy(&p), "and can be had again");
}

static bool set_block(int block, const char *state)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%d/state", block);
	return write_one(path, state);
}

void test_offline(void)
{
	unsigned long long bytes = 0;
	FILE *f = fopen("/sys/devices/system/memory/block_size_bytes", "r");
	struct part p;
	int block;

	if (!f || fscanf(f, "%llx", &bytes) != 1 || bytes < MEM_BYTES)
		bytes = 0;
	if (f)
		fclose(f);
	for (block = bytes ? (2ull << 30) / bytes : 0; block > 0 && !set_block(block, "offline"); block--)
		;
	if (block <= 0) {
		printf("skip - offline memory: the host cannot take a block offline\n");
		return;
	}
	result(!try_create_as(&p, "offline", 1, 1, 0, block * bytes), "memory of an offline block");
	result(runs(&p), "a partition runs there");
	result(!set_block(block, "online"), "the block does not go online meanwhile");
	result(!destroy(&p), "it is given back");
	result(set_block(block, "online"), "and goes online");
	result(set_block(block, "offline") &&
	       try_create_as(&p, "part", 1, 1, 0, (block + 1) * bytes - (32 << 20)) == -EBUSY,
	       "a range that is offline only in part is refused");
	set_block(block, "online");
}
