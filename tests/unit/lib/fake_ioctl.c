// SPDX-License-Identifier: LGPL-2.1-or-later
/* A driver in 200 lines; see fake_ioctl.h. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake_ioctl.h"

struct fake_driver fake;

void fake_reset(void)
{
	if (fake.run_fd > 0)
		close(fake.run_fd);
	memset(&fake, 0, sizeof(fake));
	fake.vm_fd = fake.vcpu_fd = -1;
	for (unsigned int i = 0; i < 8; i++)
		fake.port[i].send_fd = fake.port[i].raise_fd = -1;
	fake.nr_ports = 1;
	fake.run_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int count_call(void)
{
	unsigned int n = __atomic_add_fetch(&fake.nr_calls, 1, __ATOMIC_RELAXED);

	return fake.fail_call && n == fake.fail_call ? fake.fail_err : 0;
}

#define CALL() do { int err_ = count_call(); if (err_) return err_; } while (0)

int pvm_sys_open(const char *device, int *fd)
{
	CALL();
	if (!strcmp(device, "/dev/missing"))
		return -ENOENT;
	if (!strcmp(device, "/dev/forbidden"))
		return -EACCES;
	*fd = eventfd(0, EFD_CLOEXEC);
	return *fd < 0 ? -errno : 0;
}

int pvm_sys_cap(int fd, uint32_t cap, uint64_t *value)
{
	CALL();
	*value = cap == PVM_CAP_MAX_VCPUS ? 1 : cap == PVM_CAP_VERSION ? 1ull << 32 : 40 + cap;
	return 0;
}

int pvm_sys_create_vm(int fd, struct pvm_create_vm *arg)
{
	CALL();
	if (fake.name_taken)
		return -EEXIST;
	fake.create = *arg;
	arg->id = 7;
	arg->fd = fake.vm_fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

int pvm_sys_list_vms(int fd, struct pvm_vm_entry *rows, uint32_t *count)
{
	uint32_t room = *count;

	CALL();
	*count = 20;
	if (room < 20)
		return -EMSGSIZE;
	for (uint32_t i = 0; i < 20; i++) {
		rows[i].id = i + 1;
		rows[i].state = i % 4;
		memset(rows[i].name, 'a' + (int)i, sizeof(rows[i].name));
		rows[i].memory_bytes = i << 20;
	}
	return 0;
}

int pvm_sys_stats(int fd, uint32_t id, uint64_t *values, uint32_t *count, uint64_t hypercalls[64])
{
	CALL();
	if (id > 20)
		return -ENOENT;
	*count = PVM_NR_STATS + 1;		/* a newer driver */
	for (uint32_t i = 0; i < *count; i++)
		values[i] = 100 + i;
	hypercalls[1] = 11;
	hypercalls[63] = 12;
	return 0;
}

int pvm_sys_set_memory(int vm_fd, uint32_t slot, uint64_t gfn, uint64_t nr_pages, void *uaddr)
{
	CALL();
	fake.slot[slot].gfn = gfn;
	fake.slot[slot].nr_pages = nr_pages;
	fake.slot[slot].uaddr = uaddr;
	return 0;
}

int pvm_sys_set_platform(int vm_fd, struct pvm_platform *arg)
{
	CALL();
	fake.platform = *arg;
	return 0;
}

int pvm_sys_create_vcpu(int vm_fd, uint32_t id, int *fd)
{
	CALL();
	*fd = fake.vcpu_fd = eventfd(0, EFD_CLOEXEC);
	return 0;
}

int pvm_sys_evtchn_alloc(int vm_fd, uint32_t *port)
{
	CALL();
	*port = fake.nr_ports++;
	fake.port[*port].allocated = true;
	return 0;
}

int pvm_sys_evtchn_bind(int vm_fd, uint32_t port, int send_fd, int raise_fd)
{
	CALL();
	fake.port[port].send_fd = send_fd;
	fake.port[port].raise_fd = raise_fd;
	return 0;
}

int pvm_sys_evtchn_unbind(int vm_fd, uint32_t port)
{
	fake.port[port].send_fd = fake.port[port].raise_fd = -1;
	return 0;
}

static void wake(void)
{
	static const uint64_t one = 1;

	if (write(fake.run_fd, &one, sizeof(one)) < 0)
		return;
}

int pvm_sys_kick(int vm_fd, uint32_t vcpu)
{
	__atomic_add_fetch(&fake.kicks, 1, __ATOMIC_RELAXED);
	wake();
	return vcpu ? -ENOENT : 0;
}

int pvm_sys_death(int vm_fd, struct pvm_death *death)
{
	*death = fake.death;
	return 0;
}

int pvm_sys_stop(int vm_fd)
{
	if (!fake.death.kind) {
		fake.death.kind = PVM_DEATH_STOPPED;
		strcpy((char *)fake.death.reason, "stopped by its owner");
	}
	__atomic_store_n(&fake.stopped, true, __ATOMIC_RELEASE);
	wake();
	return 0;
}

int pvm_sys_map_run(int vcpu_fd, struct pvm_run **run)
{
	CALL();
	memset(&fake.run, 0, sizeof(fake.run));
	fake.has_run_page = true;
	*run = &fake.run;
	return 0;
}

void pvm_sys_unmap_run(struct pvm_run *run)
{
	fake.has_run_page = false;
}

int pvm_sys_set_regs(int vcpu_fd, struct pvm_vcpu_regs *regs)
{
	CALL();
	fake.regs = *regs;
	return 0;
}

int pvm_sys_run(int vcpu_fd)
{
	if (__atomic_load_n(&fake.run.immediate_exit, __ATOMIC_ACQUIRE))
		return -EINTR;
	if (__atomic_load_n(&fake.stopped, __ATOMIC_ACQUIRE))
		return -EIO;
	return fake.guest(&fake.run, fake.guest_arg);
}

void *fake_gfn(uint64_t gfn)
{
	for (int i = 0; i < 2; i++)
		if (gfn - fake.slot[i].gfn < fake.slot[i].nr_pages)
			return fake.slot[i].uaddr + (gfn - fake.slot[i].gfn) * 4096;
	return NULL;
}

void fake_send(uint32_t port)
{
	static const uint64_t one = 1;

	if (write(fake.port[port].send_fd, &one, sizeof(one)) < 0)
		return;
}

bool fake_wait(uint32_t port, int ms)
{
	struct pollfd p[] = {
		{ .fd = fake.port[port].raise_fd, .events = POLLIN },
		{ .fd = fake.run_fd, .events = POLLIN },
	};
	uint64_t count;

	if (poll(p, 2, ms) <= 0 || p[1].revents & POLLIN)
		return false;
	return read(p[0].fd, &count, sizeof(count)) == sizeof(count);
}
