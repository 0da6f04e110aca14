// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vCPU: a descriptor, the page shared with the driver, and the thread that runs the guest.
 *
 * A process's signals are for the caller's threads (pvm_thread_create()), and leaving the guest is
 * asked for by PVM_VM_KICK. The thread ends for one of four reasons: the guest shut down, the guest
 * is dead (EIO), it was told to leave (vm->stopping), or the host could not go on. Whatever the
 * reason, it reports through pvm_vm_ended_by() before pvm_vm_vcpu_finished(), and touches nothing
 * after.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"

#define NOMEM_WAIT_MS	20
#define NOMEM_TRIES	500		/* 10 s without host memory */

static void report_death(struct pvm_vm *vm)
{
	struct pvm_vm_exit ex = { .sz = sizeof(ex), .kind = PVM_EXIT_DEATH };
	struct pvm_death d;
	int err = pvm_sys_death(vm->fd, &d);

	if (err) {
		ex.code = PVM_CAUSE_DRIVER;
		snprintf(ex.text, sizeof(ex.text), "the guest died and the driver does not say why: %s",
			 pvm_strerror(err));
		pvm_vm_ended_by(vm, &ex);
		return;
	}
	ex.code = d.kind;
	snprintf(ex.text, sizeof(ex.text), "%.*s", (int)sizeof(d.reason), (const char *)d.reason);
	if (!ex.text[0])
		snprintf(ex.text, sizeof(ex.text), "%s", pvm_cause_name(d.kind));
	ex.vcpu = d.vcpu;
	ex.vector = d.vector;
	ex.kernel_mode = d.kernel_mode;
	ex.rip = d.rip;
	ex.rsp = d.rsp;
	ex.rflags = d.rflags;
	ex.cr2 = d.cr2;
	ex.cr3 = d.cr3;
	ex.error_code = d.error_code;
	memcpy(ex.gpr, d.gpr, sizeof(ex.gpr));
	memcpy(ex.hypercalls, d.hypercalls, sizeof(ex.hypercalls));
	pvm_vm_ended_by(vm, &ex);
}

static void report_shutdown(struct pvm_vcpu *v)
{
	struct pvm_vm_exit ex = { .sz = sizeof(ex), .kind = PVM_EXIT_SHUTDOWN };

	ex.code = __atomic_load_n(&v->run->shutdown_reason, __ATOMIC_RELAXED);
	ex.vcpu = v->id;
	snprintf(ex.text, sizeof(ex.text), "the guest asked for %s",
		 ex.code == PVM_SHUTDOWN_CRASH ? "crash handling (its kernel panicked)" :
						 pvm_shutdown_name(ex.code));
	pvm_vm_ended_by(v->vm, &ex);
}

static void report_error(struct pvm_vcpu *v, int err)
{
	struct pvm_vm_exit ex = { .sz = sizeof(ex), .kind = PVM_EXIT_ERROR };

	ex.code = (uint32_t)-err;
	ex.vcpu = v->id;
	snprintf(ex.text, sizeof(ex.text), "cannot run vCPU %u any further: %s", v->id,
		 err == -ENOMEM ? "the host has had no memory for it for 10 s" :
				  pvm_strerror(err));
	pvm_vm_ended_by(v->vm, &ex);
}

static void early_output(struct pvm_vcpu *v)
{
	uint32_t len = __atomic_load_n(&v->run->console_len, __ATOMIC_RELAXED);

	if (len > sizeof(v->run->console))
		len = sizeof(v->run->console);
	pvm_console_early(&v->vm->con, v->run->console, len);
}

/* What a balloon gave back goes to the host. */
static void release_memory(struct pvm_vcpu *v)
{
	uint32_t count = __atomic_load_n(&v->run->release_count, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < count && i < PVM_RELEASE_MAX; i++)
		pvm_mem_release(&v->vm->mem,
				__atomic_load_n(&v->run->release_gfn[i], __ATOMIC_RELAXED),
				__atomic_load_n(&v->run->release_pages[i], __ATOMIC_RELAXED));
}

/* One return of PVM_VCPU_RUN. Return: go on. */
static bool came_back(struct pvm_vcpu *v, int err, unsigned int *nomem)
{
	const struct timespec wait = { .tv_nsec = NOMEM_WAIT_MS * 1000000l };

	if (err != -ENOMEM)
		*nomem = 0;
	switch (err) {
	case 0:
		break;
	case -EINTR:
		return true;
	case -ENOMEM:
		if (++*nomem > NOMEM_TRIES) {
			report_error(v, err);
			return false;
		}
		nanosleep(&wait, NULL);
		return true;
	case -EIO:
		report_death(v->vm);
		return false;
	default:
		report_error(v, err);
		return false;
	}
	switch (v->run->exit_reason) {
	case PVM_RUN_SHUTDOWN:
		report_shutdown(v);
		return false;
	case PVM_RUN_CONSOLE:
		early_output(v);
		return true;
	case PVM_RUN_RELEASE:
		release_memory(v);
		return true;
	default:
		return true;		/* a reason of a newer driver that needs no answer */
	}
}

static void *vcpu_main(void *arg)
{
	struct pvm_vcpu *v = arg;
	struct pvm_vm *vm = v->vm;
	unsigned int nomem = 0;

	while (!__atomic_load_n(&vm->stopping, __ATOMIC_ACQUIRE))
		if (!came_back(v, pvm_sys_run(v->fd), &nomem))
			break;
	pvm_vm_vcpu_finished(vm);
	return NULL;
}

int pvm_vcpu_init(struct pvm_vcpu *v, struct pvm_vm *vm, uint32_t id)
{
	int err;

	memset(v, 0, sizeof(*v));
	v->vm = vm;
	v->id = id;
	v->fd = -1;
	err = pvm_sys_create_vcpu(vm->fd, id, &v->fd);
	if (!err)
		err = pvm_sys_map_run(v->fd, &v->run);
	if (err) {
		pvm_vcpu_fini(v);
		return pvm_fail(err, "cannot make vCPU %u of guest %s: %s", id, vm->name,
				pvm_strerror(err));
	}
	return 0;
}

/* The thread must have been joined. Idempotent. */
void pvm_vcpu_fini(struct pvm_vcpu *v)
{
	if (!v->vm)
		return;
	if (v->run)
		pvm_sys_unmap_run(v->run);
	if (v->fd >= 0)
		close(v->fd);
	memset(v, 0, sizeof(*v));
}

int pvm_vcpu_start(struct pvm_vcpu *v)
{
	char name[16];
	int err;

	err = pvm_thread_create(&v->thread, vcpu_main, v);
	if (err)
		return pvm_fail(err, "cannot start a thread for vCPU %u of guest %s: %s", v->id,
				v->vm->name, pvm_strerror(err));
	snprintf(name, sizeof(name), "pvm-vcpu%u", v->id);
	pthread_setname_np(v->thread, name);
	v->has_thread = true;
	return 0;
}

/* Make the thread look at vm->stopping. */
void pvm_vcpu_leave(struct pvm_vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELEASE);
	pvm_sys_kick(v->vm->fd, v->id);
}

int pvm_vcpu_kick(struct pvm_vm *vm, uint32_t id)
{
	int err = pvm_sys_kick(vm->fd, id);

	if (err)
		return pvm_fail(err, "cannot kick vCPU %u of guest %s: %s", id, vm->name,
				err == -ENOENT ? "there is no such vCPU, or it was not started" :
						 pvm_strerror(err));
	return 0;
}
