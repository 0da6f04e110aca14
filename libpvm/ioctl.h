/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver as functions: one per ioctl, descriptors and numbers in, 0 or -errno out.
 *
 * Seam of the library: the unit tests link a fake driver in place of ioctl.c. No texts here; the
 * caller knows what was being tried. EINTR is handled inside except where it is the point
 * (pvm_sys_run).
 */
#ifndef PVM_IOCTL_H
#define PVM_IOCTL_H

#include <stddef.h>
#include <stdint.h>

#include <linux/pvm.h>
#include <linux/pvm_part.h>

int pvm_sys_open(const char *device, int *fd);
int pvm_sys_cap(int fd, uint32_t cap, uint64_t *value);
int pvm_sys_create_vm(int fd, struct pvm_create_vm *arg);
int pvm_sys_list_vms(int fd, struct pvm_vm_entry *rows, uint32_t *count);
int pvm_sys_stats(int fd, uint32_t id, uint64_t *values, uint32_t *count, uint64_t hypercalls[64]);

int pvm_sys_set_memory(int vm_fd, uint32_t slot, uint64_t gfn, uint64_t nr_pages, void *uaddr);
int pvm_sys_set_platform(int vm_fd, struct pvm_platform *arg);
int pvm_sys_create_vcpu(int vm_fd, uint32_t id, int *fd);
int pvm_sys_evtchn_alloc(int vm_fd, uint32_t *port);
int pvm_sys_evtchn_bind(int vm_fd, uint32_t port, int send_fd, int raise_fd);
int pvm_sys_evtchn_unbind(int vm_fd, uint32_t port);
int pvm_sys_kick(int vm_fd, uint32_t vcpu);
int pvm_sys_death(int vm_fd, struct pvm_death *death);
int pvm_sys_stop(int vm_fd);

int pvm_sys_map_run(int vcpu_fd, struct pvm_run **run);
void pvm_sys_unmap_run(struct pvm_run *run);
int pvm_sys_set_regs(int vcpu_fd, struct pvm_vcpu_regs *regs);
int pvm_sys_run(int vcpu_fd);

int pvm_sys_create_part(int fd, struct pvm_create_partition *arg);
int pvm_sys_open_part(int fd, struct pvm_open_partition *arg);
int pvm_sys_list_parts(int fd, struct pvm_partition_entry *rows, uint32_t *count);
int pvm_sys_part_keep(int part_fd);
int pvm_sys_part_info(int part_fd, struct pvm_part_info *arg);
int pvm_sys_part_start(int part_fd, struct pvm_part_start *arg);
int pvm_sys_part_stop(int part_fd, uint32_t timeout_ms, uint32_t *lost_cpus);
int pvm_sys_part_destroy(int part_fd);
int pvm_sys_part_stats(int part_fd, struct pvm_part_stats *arg);
int pvm_sys_part_heartbeat(int part_fd, uint64_t addr, uint32_t timeout_ms);
int pvm_sys_part_map(int part_fd, uint64_t offset, uint64_t bytes, void **p);
void pvm_sys_part_unmap(void *p, uint64_t bytes);

#endif /* PVM_IOCTL_H */
