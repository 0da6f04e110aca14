/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver in 200 lines: what ioctl.c offers, with a guest that is a C function.
 *
 * One VM at a time. Descriptors are real ones, so a test can count what is left open. Every call can
 * be made to fail, by its number.
 */
#ifndef PVM_FAKE_IOCTL_H
#define PVM_FAKE_IOCTL_H

#include <pthread.h>
#include <stdbool.h>

#include "ioctl.h"

struct fake_port {
	bool allocated;
	int send_fd, raise_fd;		/* the VMM's; -1 = not bound */
};

struct fake_driver {
	unsigned int nr_calls;
	unsigned int fail_call;		/* this call fails, 1 = the first; 0 = none */
	int fail_err;
	bool name_taken;
	struct {
		uint64_t gfn, nr_pages;
		uint8_t *uaddr;
	} slot[2];
	struct pvm_create_vm create;
	struct pvm_platform platform;
	struct pvm_vcpu_regs regs;
	struct fake_port port[8];
	unsigned int nr_ports;
	struct pvm_run run;
	bool has_run_page;
	int vm_fd, vcpu_fd;
	bool stopped;			/* atomic */
	unsigned int kicks;		/* atomic */
	struct pvm_death death;
	/* PVM_VCPU_RUN; what it returns is what the ioctl returns */
	int (*guest)(struct pvm_run *run, void *arg);
	void *guest_arg;
	int run_fd;			/* eventfd: stop or kick, to wake a blocked guest */
};

extern struct fake_driver fake;

void fake_reset(void);

/* For guest functions */
void *fake_gfn(uint64_t gfn);
void fake_send(uint32_t port);
/* Wait until the port is raised. Return: false: stopped or kicked, or @ms passed. */
bool fake_wait(uint32_t port, int ms);

#endif /* PVM_FAKE_IOCTL_H */
