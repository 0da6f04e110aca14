// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The driver as functions. The only file that calls ioctl(2).
 *
 * Every structure is zeroed and stamped with its size here, so that a field this library does not
 * know yet is "old behaviour" to a newer driver. An older driver answers E2BIG to a field it does
 * not know; nothing here hides that.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ioctl.h"

/* All of these are short calls in the driver: EINTR came before anything happened. */
static int call(int fd, unsigned long nr, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, nr, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int pvm_sys_open(const char *device, int *fd)
{
	int ret = open(device, O_RDWR | O_CLOEXEC);

	if (ret < 0)
		return -errno;
	*fd = ret;
	return 0;
}

int pvm_sys_cap(int fd, uint32_t cap, uint64_t *value)
{
	struct pvm_cap arg = { .size = sizeof(arg), .cap = cap };
	int err = call(fd, PVM_GET_CAP, &arg);

	if (err)
		return err;
	*value = arg.value;
	return 0;
}

int pvm_sys_create_vm(int fd, struct pvm_create_vm *arg)
{
	arg->size = sizeof(*arg);
	return call(fd, PVM_CREATE_VM, arg);
}

/* @count: IN rows the array holds, OUT rows there are, also with -EMSGSIZE. */
int pvm_sys_list_vms(int fd, struct pvm_vm_entry *rows, uint32_t *count)
{
	struct pvm_list_vms arg = {
		.size = sizeof(arg),
		.vms_ptr = (uintptr_t)rows,
		.vms_count = *count,
		.vms_stride = sizeof(*rows),
	};
	int err = call(fd, PVM_LIST_VMS, &arg);

	if (!err || err == -EMSGSIZE)
		*count = arg.vms_count;
	return err;
}

int pvm_sys_stats(int fd, uint32_t id, uint64_t *values, uint32_t *count, uint64_t hypercalls[64])
{
	struct pvm_get_stats arg = {
		.size = sizeof(arg),
		.id = id,
		.values_count = *count,
		.values_ptr = (uintptr_t)values,
		.hypercalls_ptr = (uintptr_t)hypercalls,
	};
	int err = call(fd, PVM_GET_STATS, &arg);

	if (!err || err == -EMSGSIZE)
		*count = arg.values_count;
	return err;
}

int pvm_sys_set_memory(int vm_fd, uint32_t slot, uint64_t gfn, uint64_t nr_pages, void *uaddr)
{
	struct pvm_memory arg = {
		.size = sizeof(arg),
		.slot = slot,
		.gfn = gfn,
		.nr_pages = nr_pages,
		.uaddr = (uintptr_t)uaddr,
	};

	return call(vm_fd, PVM_VM_SET_MEMORY, &arg);
}

int pvm_sys_set_platform(int vm_fd, struct pvm_platform *arg)
{
	arg->size = sizeof(*arg);
	return call(vm_fd, PVM_VM_SET_PLATFORM, arg);
}

int pvm_sys_create_vcpu(int vm_fd, uint32_t id, int *fd)
{
	struct pvm_create_vcpu arg = { .size = sizeof(arg), .id = id };
	int err = call(vm_fd, PVM_VM_CREATE_VCPU, &arg);

	if (err)
		return err;
	*fd = arg.fd;
	return 0;
}

int pvm_sys_evtchn_alloc(int vm_fd, uint32_t *port)
{
	struct pvm_evtchn_alloc arg = { .size = sizeof(arg) };
	int err = call(vm_fd, PVM_VM_EVTCHN_ALLOC, &arg);

	if (err)
		return err;
	*port = arg.port;
	return 0;
}

int pvm_sys_evtchn_bind(int vm_fd, uint32_t port, int send_fd, int raise_fd)
{
	struct pvm_evtchn_bind arg = {
		.size = sizeof(arg),
		.port = port,
		.send_fd = send_fd,
		.raise_fd = raise_fd,
	};

	return call(vm_fd, PVM_VM_EVTCHN_BIND, &arg);
}

int pvm_sys_evtchn_unbind(int vm_fd, uint32_t port)
{
	struct pvm_evtchn_bind arg = {
		.size = sizeof(arg),
		.flags = PVM_EVTCHN_UNBIND,
		.port = port,
		.send_fd = -1,
		.raise_fd = -1,
	};

	return call(vm_fd, PVM_VM_EVTCHN_BIND, &arg);
}

int pvm_sys_kick(int vm_fd, uint32_t vcpu)
{
	struct pvm_kick arg = { .size = sizeof(arg), .vcpu = vcpu };

	return call(vm_fd, PVM_VM_KICK, &arg);
}

int pvm_sys_death(int vm_fd, struct pvm_death *death)
{
	memset(death, 0, sizeof(*death));
	death->size = sizeof(*death);
	return call(vm_fd, PVM_VM_GET_DEATH, death);
}

int pvm_sys_stop(int vm_fd)
{
	struct pvm_stop arg = { .size = sizeof(arg) };

	return call(vm_fd, PVM_VM_STOP, &arg);
}

int pvm_sys_map_run(int vcpu_fd, struct pvm_run **run)
{
	void *p = mmap(NULL, PVM_RUN_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*run = p;
	return 0;
}

void pvm_sys_unmap_run(struct pvm_run *run)
{
	munmap(run, PVM_RUN_PAGE_BYTES);
}

int pvm_sys_set_regs(int vcpu_fd, struct pvm_vcpu_regs *regs)
{
	regs->size = sizeof(*regs);
	return call(vcpu_fd, PVM_VCPU_SET_REGS, regs);
}

/* Not through call(): here EINTR means a kick, and the caller must see it. */
int pvm_sys_run(int vcpu_fd)
{
	return ioctl(vcpu_fd, PVM_VCPU_RUN, 0) < 0 ? -errno : 0;
}

/* ---- partitions -------------------------------------------------------------------------- */

int pvm_sys_create_part(int fd, struct pvm_create_partition *arg)
{
	arg->size = sizeof(*arg);
	return call(fd, PVM_CREATE_PARTITION, arg);
}

int pvm_sys_open_part(int fd, struct pvm_open_partition *arg)
{
	arg->size = sizeof(*arg);
	return call(fd, PVM_OPEN_PARTITION, arg);
}

/* @count: IN rows the array holds, OUT rows there are, also with -EMSGSIZE. */
int pvm_sys_list_parts(int fd, struct pvm_partition_entry *rows, uint32_t *count)
{
	struct pvm_list_partitions arg = {
		.size = sizeof(arg),
		.rows_ptr = (uintptr_t)rows,
		.rows_count = *count,
		.rows_stride = sizeof(*rows),
	};
	int err = call(fd, PVM_LIST_PARTITIONS, &arg);

	if (!err || err == -EMSGSIZE)
		*count = arg.rows_count;
	return err;
}

int pvm_sys_part_keep(int part_fd)
{
	struct pvm_part_keep arg = { .size = sizeof(arg) };

	return call(part_fd, PVM_PART_KEEP, &arg);
}

int pvm_sys_part_info(int part_fd, struct pvm_part_info *arg)
{
	arg->size = sizeof(*arg);
	return call(part_fd, PVM_PART_INFO, arg);
}

int pvm_sys_part_start(int part_fd, struct pvm_part_start *arg)
{
	arg->size = sizeof(*arg);
	return call(part_fd, PVM_PART_START, arg);
}

int pvm_sys_part_stop(int part_fd, uint32_t timeout_ms, uint32_t *lost_cpus)
{
	struct pvm_part_stop arg = { .size = sizeof(arg), .timeout_ms = timeout_ms };
	int err = call(part_fd, PVM_PART_STOP, &arg);

	if (!err)
		*lost_cpus = arg.lost_cpus;
	return err;
}

int pvm_sys_part_destroy(int part_fd)
{
	struct pvm_part_destroy arg = { .size = sizeof(arg) };

	return call(part_fd, PVM_PART_DESTROY, &arg);
}

int pvm_sys_part_stats(int part_fd, struct pvm_part_stats *arg)
{
	arg->size = sizeof(*arg);
	return call(part_fd, PVM_PART_STATS, arg);
}

int pvm_sys_part_heartbeat(int part_fd, uint64_t addr, uint32_t timeout_ms)
{
	struct pvm_part_heartbeat arg = {
		.size = sizeof(arg),
		.addr = addr,
		.timeout_ms = timeout_ms,
	};

	return call(part_fd, PVM_PART_HEARTBEAT, &arg);
}

int pvm_sys_part_map(int part_fd, uint64_t offset, uint64_t bytes, void **p)
{
	void *got = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, part_fd, (off_t)offset);

	if (got == MAP_FAILED)
		return -errno;
	*p = got;
	return 0;
}

void pvm_sys_part_unmap(void *p, uint64_t bytes)
{
	munmap(p, bytes);
}
