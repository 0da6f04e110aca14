// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/pvm, and the way of every ioctl: find its row, copy the argument in, let one function do it, copy out.
 *
 * The argument is copied once and what was checked is what is used. A new descriptor is installed last, when its
 * number has been written to the caller: nothing can fail after it became reachable.
 *
 * Neighbours: vm_ioctl.c and vcpu_ioctl.c have the tables of the other two descriptors, check.c the range checks.
 */
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "uapi/uapi.h"

/* ---- the dispatcher ----------------------------------------------------------------------------------------- */

static const struct pvm_op *find_op(const struct pvm_op *ops, u32 nr_ops, u32 cmd)
{
	u32 nr = _IOC_NR(cmd);

	if (nr >= nr_ops)
		return NULL;
	ops += array_index_nospec(nr, nr_ops);
	return ops->fn && ops->cmd == cmd ? ops : NULL;
}

static int copy_in(const struct pvm_op *op, union pvm_arg *arg, void __user *up, u32 *usize)
{
	int err;

	if (get_user(*usize, (u32 __user *)up))
		return -EFAULT;
	if (*usize < op->min_size || *usize > PVM_PAGE_SIZE)
		return -EINVAL;
	err = copy_struct_from_user(arg, op->size, up, *usize);
	if (err)
		return err;
	arg->header.size = *usize;	/* read twice: keep the value that was checked */
	if (arg->header.flags & ~op->flags)
		return -EOPNOTSUPP;
	/* An answer that cannot be written is found out before something was done. */
	if (op->out && put_user(*usize, (u32 __user *)up))
		return -EFAULT;
	return 0;
}

static int copy_out(const struct pvm_op *op, const union pvm_arg *arg, void __user *up, u32 usize)
{
	return copy_to_user(up, arg, min_t(u32, usize, op->size)) ? -EFAULT : 0;
}

static void settle_fd(struct pvm_call *call, int err)
{
	if (!call->new_file)
		return;
	if (err) {
		put_unused_fd(call->new_fd);
		fput(call->new_file);
	} else {
		fd_install(call->new_fd, call->new_file);
	}
}

/**
 * pvm_dispatch() - one ioctl
 * @ops:	table of the descriptor, by number
 * @nr_ops:	its length
 * @call:	what the descriptor stands for
 * @cmd:	of ioctl(2)
 * @arg:	of ioctl(2)
 *
 * Context: sleeps. Return: 0 or the errno of the ABI.
 */
long pvm_dispatch(const struct pvm_op *ops, u32 nr_ops, struct pvm_call *call, unsigned int cmd, unsigned long arg)
{
	const struct pvm_op *op = find_op(ops, nr_ops, cmd);
	void __user *up = (void __user *)arg;
	union pvm_arg a;
	u32 usize;
	int err;

	if (!op)
		return -ENOTTY;
	if (!op->min_size)
		return op->fn(call, NULL);
	memset(&a, 0, sizeof(a));
	err = copy_in(op, &a, up, &usize);
	if (err)
		return err;
	err = op->fn(call, &a);
	if (op->out && (!err || err == -EMSGSIZE || op->out_on_error)) {
		a.header.size = usize;
		err = copy_out(op, &a, up, usize) ?: err;
		if (err && call->undo)
			call->undo(call);
	}
	settle_fd(call, err);
	return err;
}

/**
 * pvm_new_fd() - a descriptor for the caller, installed when the ioctl succeeds
 * @call:	the ioctl
 * @name:	of the file, for /proc
 * @fops:	its operations
 * @object:	file->private_data; the file owns what its release gives back
 *
 * Context: sleeps; once per ioctl. Return: 0, -EMFILE, -ENFILE, -ENOMEM.
 */
int pvm_new_fd(struct pvm_call *call, const char *name, const struct file_operations *fops, void *object)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, object, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	call->new_fd = fd;
	call->new_file = file;
	return 0;
}

/* ---- ioctls of /dev/pvm ------------------------------------------------------------------------------------- */

static u64 host_bits(void)
{
	u64 bits = 0;

	if (boot_cpu_has(X86_FEATURE_LA57))
		bits |= PVM_HOST_LA57;
	if (boot_cpu_has(X86_FEATURE_PTI))
		bits |= PVM_HOST_PTI;
	if (boot_cpu_has(X86_FEATURE_PCID))
		bits |= PVM_HOST_PCID;
	if (boot_cpu_has(X86_FEATURE_FSGSBASE))
		bits |= PVM_HOST_FSGSBASE;
	if (boot_cpu_has(X86_FEATURE_SMAP))
		bits |= PVM_HOST_SMAP;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		bits |= PVM_HOST_XSAVE;
	if (pvm_tsc_stable())
		bits |= PVM_HOST_TSC_STABLE;
	return bits;
}

static u64 version(u64 major, u64 minor, u64 patch)
{
	return major << 32 | minor << 16 | patch;
}
#define VERSION(...)	version(__VA_ARGS__)

static u64 cap_value(u32 cap)
{
	switch (cap) {
	case PVM_CAP_MAX_VCPUS:
		return PVM_MAX_VCPUS;
	case PVM_CAP_MAX_SLOTS:
		return PVM_MAX_SLOTS;
	case PVM_CAP_HOST:
		return host_bits();
	case PVM_CAP_TSC_KHZ:
		return tsc_khz;
	case PVM_CAP_GUEST_XCR0:
		return pvm_switch_guest_xcr0();
	case PVM_CAP_ADDR_BITS:
		return min_t(u32, boot_cpu_data.x86_phys_bits, PVM_GFN_BITS + PVM_PAGE_SHIFT);
	case PVM_CAP_EVENTFD:
		return 1;
	case PVM_CAP_PARTITIONS:
		return pvm_part_backend();
	case PVM_CAP_VERSION:
		return VERSION(PVM_VERSION_PARTS);
	default:
		return 0;
	}
}

static int get_cap(struct pvm_call *call, union pvm_arg *arg)
{
	int err = pvm_check_reserved(arg->cap.reserved);

	if (!err)
		arg->cap.value = cap_value(arg->cap.cap);
	return err;
}

static int create_vm(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_create_vm *a = &arg->create_vm;
	struct pvm_vm *vm;
	int err;

	err = pvm_check_create_vm(a);
	if (err)
		return err;
	vm = pvm_vm_create(a);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	err = pvm_guest_init_vm(vm);
	if (err)
		goto err_put;
	err = pvm_new_fd(call, "pvm-vm", &pvm_vm_fops, vm);	/* the reference is the file's now */
	if (err)
		goto err_put;
	a->id = vm->id;
	a->fd = call->new_fd;
	pvm_vm_publish(vm);
	return 0;

err_put:
	pvm_vm_put(vm);
	return err;
}

static int copy_rows(const struct pvm_list_vms *a, const struct pvm_vm_entry *rows, u32 count)
{
	u8 __user *to = u64_to_user_ptr(a->vms_ptr);
	u32 bytes = min_t(u32, a->vms_stride, sizeof(*rows));
	u32 i;

	for (i = 0; i < count; i++, to += a->vms_stride)
		if (copy_to_user(to, &rows[i], bytes) || clear_user(to + bytes, a->vms_stride - bytes))
			return -EFAULT;
	return 0;
}

static int list_vms(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_list_vms *a = &arg->list_vms;
	struct pvm_vm_entry *rows;
	u32 count;
	int err;

	err = pvm_check_list(a);
	if (err)
		return err;
	rows = kvcalloc(max(a->vms_count, 1u), sizeof(*rows), GFP_KERNEL_ACCOUNT);
	if (!rows)
		return -ENOMEM;
	err = pvm_vm_list(rows, a->vms_count, &count);
	if (!err)
		err = copy_rows(a, rows, count);
	a->vms_count = count;
	kvfree(rows);
	return err;
}

struct stats_buffer {
	u64 values[PVM_NR_STATS];
	u64 hypercalls[64];
};

/**
 * pvm_stats_answer() - PVM_GET_STATS once it is known which VM is meant
 * @vm: the VM, with a reference
 * @a:  checked
 *
 * Context: sleeps. Return: 0, -EMSGSIZE, -EFAULT, -ENOMEM.
 */
int pvm_stats_answer(struct pvm_vm *vm, struct pvm_get_stats *a)
{
	struct stats_buffer *b;
	u32 room = a->values_count;
	int err = 0;

	a->values_count = PVM_NR_STATS;
	if (room < PVM_NR_STATS)
		return -EMSGSIZE;
	b = kmalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	pvm_vm_stats(vm, b->values, b->hypercalls);
	if (copy_to_user(u64_to_user_ptr(a->values_ptr), b->values, sizeof(b->values)))
		err = -EFAULT;
	else if (a->hypercalls_ptr &&
		 copy_to_user(u64_to_user_ptr(a->hypercalls_ptr), b->hypercalls, sizeof(b->hypercalls)))
		err = -EFAULT;
	kfree(b);
	return err;
}

static int get_stats(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_vm *vm;
	int err;

	err = pvm_check_stats(&arg->get_stats, true);
	if (err)
		return err;
	vm = pvm_vm_find(arg->get_stats.id);
	if (!vm)
		return -ENOENT;
	err = pvm_stats_answer(vm, &arg->get_stats);
	pvm_vm_put(vm);
	return err;
}

static const struct pvm_op dev_ops[] = {
	PVM_OP(PVM_GET_CAP, pvm_cap, PVM_CAP_SIZE_V0, 0, true, get_cap),
	PVM_OP(PVM_CREATE_VM, pvm_create_vm, PVM_CREATE_VM_SIZE_V0, 0, true, create_vm),
	PVM_OP(PVM_LIST_VMS, pvm_list_vms, PVM_LIST_VMS_SIZE_V0, 0, true, list_vms),
	PVM_OP(PVM_GET_STATS, pvm_get_stats, PVM_GET_STATS_SIZE_V0, 0, true, get_stats),
	PVM_OP_EXPLAINS(PVM_CREATE_PARTITION, pvm_create_partition, PVM_CREATE_PARTITION_SIZE_V0,
			PVM_PART_ALLOW_SMT_SPLIT | PVM_PART_PROTECT, pvm_ioctl_create_partition),
	PVM_OP(PVM_OPEN_PARTITION, pvm_open_partition, PVM_OPEN_PARTITION_SIZE_V0, 0, true,
	       pvm_ioctl_open_partition),
	PVM_OP(PVM_LIST_PARTITIONS, pvm_list_partitions, PVM_LIST_PARTITIONS_SIZE_V0, 0, true,
	       pvm_ioctl_list_partitions),
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pvm_call call = {};

	return pvm_dispatch(dev_ops, ARRAY_SIZE(dev_ops), &call, cmd, arg);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice pvm_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pvm",
	.fops = &dev_fops,
	.mode = 0660,
};

/* The ABI of the first release: these never change, whatever is appended. */
static_assert(sizeof(struct pvm_cap) == PVM_CAP_SIZE_V0);
static_assert(sizeof(struct pvm_create_vm) == PVM_CREATE_VM_SIZE_V0);
static_assert(sizeof(struct pvm_vm_entry) == PVM_VM_ENTRY_SIZE_V0);
static_assert(sizeof(struct pvm_list_vms) == PVM_LIST_VMS_SIZE_V0);
static_assert(sizeof(struct pvm_get_stats) == PVM_GET_STATS_SIZE_V0);

/** pvm_dev_init() - the device appears; last step of loading. Context: sleeps. Return: 0 or an errno. */
int pvm_dev_init(void)
{
	return misc_register(&pvm_device);
}

/** pvm_dev_fini() - the device goes; nobody has it open, or the module could not be unloaded. Context: sleeps. */
void pvm_dev_fini(void)
{
	misc_deregister(&pvm_device);
}
