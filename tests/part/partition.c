// SPDX-License-Identifier: GPL-2.0-only
/*
 * One partition with a payload, by the ABI alone, and a look at the host (part_test.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "part_test.h"

int dev = -1, failed;

void result(bool good, const char *fmt, ...)
{
	va_list args;

	printf(good ? "ok - " : "not ok - ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	failed |= !good;
}

void die(const char *what)
{
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* ---- a partition --------------------------------------------------------------------------------------------- */

struct pvm_create_partition request(const char *name, const uint32_t *cpus, uint32_t count)
{
	struct pvm_create_partition a = {
		.size = sizeof(a),
		.cpus_ptr = (uintptr_t)cpus,
		.cpus_count = count,
		.memory_bytes = MEM_BYTES,
		.memory_addr = PVM_PART_ADDR_ANY,
	};

	strncpy((char *)a.name, name, sizeof(a.name) - 1);
	return a;
}

void get_info(struct part *p)
{
	p->info = (struct pvm_part_info){
		.size = sizeof(p->info),
		.cpus_ptr = (uintptr_t)p->cpu,
		.cpus_count = 4,
	};
	if (ioctl(p->fd, PVM_PART_INFO, &p->info))
		die("PVM_PART_INFO");
}

int try_create_as(struct part *p, const char *name, uint32_t first, uint32_t count, uint32_t flags,
			 uint64_t addr)
{
	uint32_t cpus[4] = { first, first + 1, first + 2, first + 3 };
	struct pvm_create_partition a = request(name, cpus, count);

	a.flags = flags;
	a.memory_addr = addr;
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->cpus = count;
	if (ioctl(dev, PVM_CREATE_PARTITION, &a)) {
		printf("# create %s: %s: %s\n", name, strerror(errno), a.why);
		return -errno;
	}
	p->fd = a.fd;
	get_info(p);
	p->base = p->info.entry.memory_addr;
	p->mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, PVM_PART_MMAP_MEMORY);
	if (p->mem == MAP_FAILED)
		die("mmap of the memory");
	return 0;
}

int try_create(struct part *p, const char *name, uint32_t first, uint32_t count)
{
	return try_create_as(p, name, first, count, 0, PVM_PART_ADDR_ANY);
}

void create(struct part *p, const char *name, uint32_t first, uint32_t count)
{
	if (try_create(p, name, first, count))
		die("PVM_CREATE_PARTITION");
}

void load(struct part *p, const uint8_t *code, const uint8_t *end)
{
	uint64_t *l4 = (uint64_t *)(p->mem + TABLES), *l3 = l4 + 512, *l2 = l3 + 512;
	uint64_t pa = p->base + TABLES, i;
	uint64_t *gdt = (uint64_t *)(p->mem + GDT);

	memset(p->mem, 0, 2 << 20);
	l4[0] = (pa + 0x1000) | 3;
	for (i = 0; i < 4; i++)
		l3[i] = (pa + 0x2000 + i * 0x1000) | 3;
	for (i = 0; i < 2048; i++)
		l2[i] = i << 21 | 0x83;
	gdt[2] = 0x00af9b000000ffffull;
	gdt[3] = 0x00cf93000000ffffull;
	gdt[4] = 0x00cf9b000000ffffull;		/* 32-bit code */
	memcpy(p->mem + CODE, code, end - code);
	*(uint32_t *)(p->mem + CONTROL + 8) = p->cpu[1].apic_id;
	*(uint64_t *)(p->mem + CONTROL + 16) = p->base + MAILBOX;
}

static struct pvm_part_start start_args(const struct part *p)
{
	return (struct pvm_part_start){
		.size = sizeof(struct pvm_part_start),
		.rip = p->base + CODE,
		.rsi = p->base + CONTROL,
		.rsp = p->base + CODE,
		.cr3 = p->base + TABLES,
		.gdt_addr = p->base + GDT,
		.gdt_limit = 0x27,
		.mailbox = p->cpus > 1 ? p->base + MAILBOX : 0,
	};
}

void start(struct part *p)
{
	struct pvm_part_start a = start_args(p);

	if (ioctl(p->fd, PVM_PART_START, &a))
		die("PVM_PART_START");
}

uint64_t counted(const struct part *p, unsigned int word)
{
	return __atomic_load_n((uint64_t *)(p->mem + CONTROL) + word, __ATOMIC_RELAXED);
}

bool advances(const struct part *p, unsigned int word)
{
	uint64_t before = counted(p, word), end = now_ms() + 10000;

	while (counted(p, word) < before + 2 && now_ms() < end)
		usleep(1000);
	return counted(p, word) >= before + 2;
}

uint32_t stop(struct part *p)
{
	struct pvm_part_stop a = { .size = sizeof(a), .timeout_ms = 20000 };

	if (ioctl(p->fd, PVM_PART_STOP, &a))
		die("PVM_PART_STOP");
	return a.lost_cpus;
}

bool wait_stopped(struct part *p)
{
	struct pollfd f = { .fd = p->fd, .events = POLLIN };

	return poll(&f, 1, 30000) == 1 && f.revents & POLLIN;
}

int destroy(struct part *p)
{
	struct pvm_part_destroy a = { .size = sizeof(a) };
	int err;

	if (p->mem)
		munmap(p->mem, MEM_BYTES);
	p->mem = NULL;
	err = ioctl(p->fd, PVM_PART_DESTROY, &a) ? -errno : 0;
	close(p->fd);
	return err;
}

uint64_t stat_of(struct part *p, enum pvm_part_stat which)
{
	uint64_t values[PVM_PART_NR_STATS];
	struct pvm_part_stats a = {
		.size = sizeof(a),
		.values_ptr = (uintptr_t)values,
		.values_count = PVM_PART_NR_STATS,
	};

	if (ioctl(p->fd, PVM_PART_STATS, &a))
		die("PVM_PART_STATS");
	return values[which];
}

/* ---- the host afterwards ------------------------------------------------------------------------------------- */

bool cpu_works(uint32_t cpu)
{
	cpu_set_t set;
	bool works;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	works = !sched_setaffinity(0, sizeof(set), &set) && sched_getcpu() == (int)cpu;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	return works;
}

long read_long(const char *path)
{
	FILE *f = fopen(path, "r");
	long v = -1;

	if (f && fscanf(f, "%ld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

bool write_one(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}
