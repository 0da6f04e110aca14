/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the partition ABI share: TAP, one partition, the host it was cut out of.
 */
#ifndef PART_TEST_H
#define PART_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/pvm_part.h>

#define MEM_BYTES	(64ull << 20)
#define CODE		0x100000ull	/* offsets in the partition's memory */
#define CONTROL		0x101000ull
#define GDT		0x2000ull
#define MAILBOX		0x3000ull
#define TABLES		0x10000ull

#define PAYLOADS(X) X(spin) X(halt) X(triple) X(reset) X(acpi_reset) X(poweroff) X(exits) X(wake) \
	X(unpaged) X(real_mode) X(privileged) X(stray_read) X(stray_write)
#define DECLARE(name) extern const uint8_t payload_##name[], payload_##name##_end[];
PAYLOADS(DECLARE)

extern int dev, failed;

/* One line of TAP. */
void result(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Of what must work for any test to make sense; the end. */
void die(const char *what) __attribute__((noreturn));
uint64_t now_ms(void);

/* ---- a partition ---- */

struct part {
	int fd;
	uint32_t cpus;
	uint64_t base;
	uint8_t *mem;
	struct pvm_part_cpu cpu[4];
	struct pvm_part_info info;
};

struct pvm_create_partition request(const char *name, const uint32_t *cpus, uint32_t count);
/* Of @count CPUs from @first on, with its memory mapped. Return: 0 or -errno; the driver's words are printed. */
int try_create_as(struct part *p, const char *name, uint32_t first, uint32_t count, uint32_t flags, uint64_t addr);
int try_create(struct part *p, const char *name, uint32_t first, uint32_t count);
void create(struct part *p, const char *name, uint32_t first, uint32_t count);
/* Its state into p->info and p->cpu. */
void get_info(struct part *p);
void load(struct part *p, const uint8_t *code, const uint8_t *end);
void start(struct part *p);
/* A word of the control page, where payloads count. */
uint64_t counted(const struct part *p, unsigned int word);
/* Does the payload get on? Waits for it, the machine may be busy. */
bool advances(const struct part *p, unsigned int word);
/* Return: CPUs lost. */
uint32_t stop(struct part *p);
bool wait_stopped(struct part *p);
int destroy(struct part *p);
uint64_t stat_of(struct part *p, enum pvm_part_stat which);

/* ---- the host ---- */

bool cpu_works(uint32_t cpu);
long read_long(const char *path);
bool write_one(const char *path, const char *text);

/* ---- host_test.c ---- */

void test_host(void);
void test_kill(void);
void test_refused(void);
void test_address(void);
void test_reserved(void);
void test_offline(void);

#endif
