/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of uapi/ share: the dispatcher, and how a new descriptor reaches its caller.
 */
#ifndef PVM_UAPI_UAPI_H
#define PVM_UAPI_UAPI_H

#include <linux/fs.h>

#include "core/pvm.h"
#include "part/part.h"
#include "uapi/check.h"

/* Every argument starts with these two. */
struct pvm_arg_header {
	__u32 size, flags;
};

union pvm_arg {
	struct pvm_arg_header header;
	struct pvm_cap cap;
	struct pvm_create_vm create_vm;
	struct pvm_list_vms list_vms;
	struct pvm_get_stats get_stats;
	struct pvm_memory memory;
	struct pvm_platform platform;
	struct pvm_create_vcpu create_vcpu;
	struct pvm_evtchn_alloc evtchn_alloc;
	struct pvm_evtchn_bind evtchn_bind;
	struct pvm_raise raise;
	struct pvm_kick kick;
	struct pvm_death death;
	struct pvm_stop stop;
	struct pvm_vcpu_regs regs;
	struct pvm_create_partition create_partition;
	struct pvm_open_partition open_partition;
	struct pvm_list_partitions list_partitions;
	struct pvm_part_keep part_keep;
	struct pvm_part_info part_info;
	struct pvm_part_start part_start;
	struct pvm_part_stop part_stop;
	struct pvm_part_destroy part_destroy;
	struct pvm_part_stats part_stats;
	struct pvm_part_heartbeat part_heartbeat;
};

/*
 * One ioctl under way.
 * @vm, @vcpu, @part: what the descriptor stands for, NULL where it is another kind
 * @new_file, @new_fd: set by pvm_new_fd(); the dispatcher installs them after the answer was written, or drops them
 * @undo: if set, called when the answer could not be written after all; before the file is dropped
 */
struct pvm_call {
	struct pvm_vm *vm;
	struct pvm_vcpu *vcpu;
	struct pvm_part *part;
	struct file *new_file;
	int new_fd;
	void (*undo)(struct pvm_call *call);
};

/*
 * One row of a descriptor's table, at index _IOC_NR(cmd).
 * @min_size: size of the first release; 0: no argument
 * @flags: known flags
 * @out: the argument is written back on success, and with -EMSGSIZE
 * @out_on_error: with any error of @fn, too
 */
struct pvm_op {
	u32 cmd;
	u16 min_size, size;
	u32 flags;
	bool out, out_on_error;
	int (*fn)(struct pvm_call *call, union pvm_arg *arg);
};

#define PVM_OP(cmd_, type, v0, flags_, out_, fn_) \
	[_IOC_NR(cmd_)] = { .cmd = cmd_, .min_size = v0, .size = sizeof(struct type), .flags = flags_, \
			    .out = out_, .fn = fn_ }

#define PVM_OP_EXPLAINS(cmd_, type, v0, flags_, fn_) \
	[_IOC_NR(cmd_)] = { .cmd = cmd_, .min_size = v0, .size = sizeof(struct type), .flags = flags_, \
			    .out = true, .out_on_error = true, .fn = fn_ }

/* uapi/dev.c */
long pvm_dispatch(const struct pvm_op *ops, u32 nr_ops, struct pvm_call *call, unsigned int cmd, unsigned long arg);
int pvm_new_fd(struct pvm_call *call, const char *name, const struct file_operations *fops, void *object);
int pvm_stats_answer(struct pvm_vm *vm, struct pvm_get_stats *a);
int pvm_dev_init(void);
void pvm_dev_fini(void);

/* uapi/vm_ioctl.c, uapi/vcpu_ioctl.c */
extern const struct file_operations pvm_vm_fops;
extern const struct file_operations pvm_vcpu_fops;

/* uapi/part_ioctl.c */
int pvm_ioctl_create_partition(struct pvm_call *call, union pvm_arg *arg);
int pvm_ioctl_open_partition(struct pvm_call *call, union pvm_arg *arg);
int pvm_ioctl_list_partitions(struct pvm_call *call, union pvm_arg *arg);

/* uapi/genl.c */
int pvm_genl_init(void);
void pvm_genl_fini(void);

#endif /* PVM_UAPI_UAPI_H */
