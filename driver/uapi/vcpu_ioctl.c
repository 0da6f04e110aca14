// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls of a vCPU descriptor, and the mapping of its run page.
 *
 * The descriptor keeps the VM alive; the vCPU itself lives as long as its VM. A mapping of the run page keeps the
 * descriptor.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "uapi/uapi.h"

static int run(struct pvm_call *call, union pvm_arg *none)
{
	return pvm_vcpu_run(call->vcpu);
}

static int set_regs(struct pvm_call *call, union pvm_arg *arg)
{
	return pvm_vcpu_set_regs(call->vcpu, &arg->regs);
}

static int get_regs(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_vcpu *v = call->vcpu;

	if (!mutex_trylock(&v->mutex))
		return -EBUSY;
	memset(&arg->regs, 0, sizeof(arg->regs));
	pvm_vcpu_get_regs(v, &arg->regs);
	mutex_unlock(&v->mutex);
	return 0;
}

static const struct pvm_op vcpu_ops[] = {
	[_IOC_NR(PVM_VCPU_RUN)] = { .cmd = PVM_VCPU_RUN, .fn = run },
	PVM_OP(PVM_VCPU_SET_REGS, pvm_vcpu_regs, PVM_VCPU_REGS_SIZE_V0, 0, false, set_regs),
	PVM_OP(PVM_VCPU_GET_REGS, pvm_vcpu_regs, PVM_VCPU_REGS_SIZE_V0, 0, true, get_regs),
};

static_assert(sizeof(struct pvm_vcpu_regs) == PVM_VCPU_REGS_SIZE_V0);
static_assert(sizeof(struct pvm_run) <= PVM_RUN_PAGE_BYTES);

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pvm_vcpu *v = file->private_data;
	struct pvm_call call = { .vcpu = v, .vm = v->vm };

	return pvm_dispatch(vcpu_ops, ARRAY_SIZE(vcpu_ops), &call, cmd, arg);
}

/* One page, shared, from the start, never code. */
static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pvm_vcpu *v = file->private_data;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start != PVM_RUN_PAGE_BYTES)
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, v->run_page);
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct pvm_vcpu *v = file->private_data;

	if (v)		/* none: creating it failed */
		pvm_vm_put(v->vm);
	return 0;
}

const struct file_operations pvm_vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
};
