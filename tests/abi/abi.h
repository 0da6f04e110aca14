/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the ABI test share: results, a guest that never runs, the rules every call keeps.
 *
 * Functions that give back int return what ioctl(2) would, with -errno for an error. Set-up that fails ends the test.
 */
#ifndef PVM_TESTS_ABI_H
#define PVM_TESTS_ABI_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/pvm.h>
#include <linux/pvm_genl.h>

#define PAGE		4096ull
#define RAM_PAGES	512ull
#define SPECIAL_GFN	4096ull		/* shared info, then the grant table */
#define GRANT_FRAMES	4u
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

extern int failures;

/* One result line each. */
void expect(const char *name, int got, int want);
void expect_sub(const char *name, const char *what, int got, int want);
void expect_true(const char *name, bool good);
void must(const char *what, int ret);

int call(int fd, unsigned long cmd, void *arg);
void *must_map(size_t bytes);
int device(void);

struct guest {
	int dev, vm, vcpu;
	uint32_t id;
	uint8_t *ram, *special;
	struct pvm_run *run;
};

/* Valid arguments. */
struct pvm_create_vm create_arg(const char *name);
struct pvm_memory memory_arg(uint32_t slot, uint64_t gfn, uint64_t pages, void *p);
struct pvm_platform platform_arg(void);
struct pvm_vcpu_regs regs_arg(void);

int create_vm(int dev, const char *name, uint32_t *id);		/* descriptor or -errno */
int create_vcpu(int vm);
struct guest new_vm(const char *name);		/* just the VM */
void give_memory(struct guest *g);
struct guest new_guest(const char *name);	/* all but registers */
void end_guest(struct guest *g);
bool find_row(int dev, const char *name, struct pvm_vm_entry *row);	/* as the caller sees it; @row may be NULL */

uint8_t *border_page(void);	/* a page before one that is not accessible */
void bad_arguments(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0, bool out);
void good_sizes(const char *name, int fd, unsigned long cmd, const void *valid, uint32_t v0);

/* Sections: one file per kind of object. */
void test_dev(void);
void test_vm(void);
void test_vcpu(void);
void test_life(void);
void test_users(void);
void test_events(void);
void test_part(void);
void test_noise(void);
void nothing_left(void);

#endif /* PVM_TESTS_ABI_H */
