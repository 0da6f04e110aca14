// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls of a VM descriptor.
 *
 * What touches the VM's memory, its platform or its vCPUs must come from a task of the address space that made the
 * VM: a descriptor can be inherited or sent, an address space cannot. vm->lock serialises these calls; memory slots
 * also need every vCPU's mutex, so that none can start its first run meanwhile.
 */
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched.h>

#include "uapi/uapi.h"

static int owner_only(const struct pvm_vm *vm)
{
	return current->mm == vm->mm ? 0 : -EPERM;
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

static void unlock_slots(struct pvm_vm *vm, u32 nr_vcpus)
{
	while (nr_vcpus--)
		if (vm->vcpus[nr_vcpus])
			mutex_unlock(&vm->vcpus[nr_vcpus]->mutex);
	mutex_unlock(&vm->lock);
}

/* Returns 0 with the locks held, or an errno without. */
static int lock_slots(struct pvm_vm *vm)
{
	int err = 0;
	u32 i;

	mutex_lock(&vm->lock);
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		if (!vm->vcpus[i] || mutex_trylock(&vm->vcpus[i]->mutex))
			continue;
		err = -EBUSY;
		break;
	}
	if (!err && pvm_vm_is_dead(vm))
		err = -EIO;
	else if (!err && READ_ONCE(vm->state) != PVM_VM_NEW)
		err = -EBUSY;
	if (err)
		unlock_slots(vm, i);
	return err;
}

static u64 slot_pages(const struct pvm_vm *vm, u32 id)
{
	u32 i;

	for (i = 0; i < vm->mmu.nr_slots; i++)
		if (vm->mmu.slots[i].id == id)
			return vm->mmu.slots[i].nr_pages;
	return 0;
}

static int add_slot(struct pvm_vm *vm, const struct pvm_memory *a)
{
	u64 bytes = a->nr_pages * sizeof(struct pvm_frame);
	int err;

	err = pvm_vm_charge(vm, bytes);
	if (err)
		return err;
	err = pvm_slot_add(vm, a->slot, a->gfn, a->nr_pages, a->uaddr);
	if (err)
		pvm_vm_uncharge(vm, bytes);
	return err;
}

static int remove_slot(struct pvm_vm *vm, u32 id)
{
	u64 bytes = slot_pages(vm, id) * sizeof(struct pvm_frame);
	int err;

	err = pvm_slot_remove(vm, id);
	if (!err)
		pvm_vm_uncharge(vm, bytes);
	return err;
}

static int set_memory(struct pvm_call *call, union pvm_arg *arg)
{
	const struct pvm_memory *a = &arg->memory;
	struct pvm_vm *vm = call->vm;
	int err;

	err = pvm_check_memory(a, TASK_SIZE);
	if (err)
		return err;
	err = owner_only(vm);
	if (err)
		return err;
	err = lock_slots(vm);
	if (err)
		return err;
	err = a->nr_pages ? add_slot(vm, a) : remove_slot(vm, a->slot);
	unlock_slots(vm, PVM_MAX_VCPUS);
	return err;
}

/* ---- platform ----------------------------------------------------------------------------------------------- */

static bool in_slots(const struct pvm_vm *vm, u64 first, u64 count)
{
	struct pvm_range ranges[PVM_MAX_SLOTS];
	u32 i;

	for (i = 0; i < vm->mmu.nr_slots; i++)
		ranges[i] = (struct pvm_range){ vm->mmu.slots[i].gfn, vm->mmu.slots[i].nr_pages };
	return pvm_ranges_cover(ranges, i, (struct pvm_range){ first, count });
}

static void fill_platform(struct pvm_platform_state *p, const struct pvm_platform *a)
{
	p->nr_pages = a->nr_pages;
	p->max_pages = a->max_pages ?: a->nr_pages;
	p->shared_info_gfn = pvm_gfn(a->shared_info_gfn);
	p->grant_gfn = pvm_gfn(a->grant_gfn);
	p->grant_frames = a->grant_frames;
	memcpy(p->uuid, a->uuid, sizeof(p->uuid));
}

/* Each step that was done is undone; a failed call leaves no trace. */
static int build_platform(struct pvm_vm *vm, const struct pvm_platform *a)
{
	struct pvm_platform_state *p = &vm->platform;
	u64 m2p_bytes;
	int err;

	fill_platform(p, a);
	m2p_bytes = p->max_pages * sizeof(u64);
	err = pvm_vm_charge(vm, m2p_bytes);
	if (err)
		goto err_clear;
	err = pvm_m2p_init(vm, p->max_pages);
	if (err)
		goto err_m2p;
	err = pvm_shared_init(vm);
	if (err)
		goto err_m2p;
	p->set = true;
	return 0;

err_m2p:
	pvm_m2p_fini(vm);
	pvm_vm_uncharge(vm, m2p_bytes);
err_clear:
	memset(p, 0, sizeof(*p));
	return err;
}

static int set_platform(struct pvm_call *call, union pvm_arg *arg)
{
	const struct pvm_platform *a = &arg->platform;
	struct pvm_vm *vm = call->vm;
	int err;

	err = pvm_check_platform(a);
	if (err)
		return err;
	err = owner_only(vm);
	if (err)
		return err;
	mutex_lock(&vm->lock);
	if (pvm_vm_is_dead(vm))
		err = -EIO;
	else if (vm->platform.set)
		err = -EBUSY;
	else if (!in_slots(vm, 0, a->nr_pages) || !in_slots(vm, a->shared_info_gfn, 1) ||
		 !in_slots(vm, a->grant_gfn, a->grant_frames))
		err = -EINVAL;
	else
		err = build_platform(vm, a);
	mutex_unlock(&vm->lock);
	return err;
}

/* ---- vCPUs -------------------------------------------------------------------------------------------------- */

static struct pvm_vcpu *make_vcpu(struct pvm_vm *vm, u32 id)
{
	lockdep_assert_held(&vm->lock);
	if (pvm_vm_is_dead(vm))
		return ERR_PTR(-EIO);
	if (!vm->platform.set)
		return ERR_PTR(-EBUSY);
	if (!vm->vcpus[id])
		return pvm_guest_create_vcpu(vm, id);
	if (!vm->vcpus[id]->unclaimed)
		return ERR_PTR(-EEXIST);
	vm->vcpus[id]->unclaimed = false;
	return vm->vcpus[id];
}

/* Others may have seen the vCPU already, so it stays; as nobody has its descriptor, it is as fresh as it was made. */
static void unclaim_vcpu(struct pvm_call *call)
{
	struct pvm_vcpu *v = call->new_file->private_data;

	mutex_lock(&call->vm->lock);
	v->unclaimed = true;
	mutex_unlock(&call->vm->lock);
}

static int create_vcpu(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_create_vcpu *a = &arg->create_vcpu;
	struct pvm_vm *vm = call->vm;
	struct pvm_vcpu *v;
	int err;

	if (a->id >= vm->max_vcpus)
		return -EINVAL;
	err = owner_only(vm);
	if (err)
		return err;
	err = pvm_new_fd(call, "pvm-vcpu", &pvm_vcpu_fops, NULL);
	if (err)
		return err;
	mutex_lock(&vm->lock);
	v = make_vcpu(vm, array_index_nospec(a->id, PVM_MAX_VCPUS));
	mutex_unlock(&vm->lock);
	if (IS_ERR(v))
		return PTR_ERR(v);	/* the file without a vCPU is dropped by the dispatcher */
	pvm_vm_get(vm);
	call->new_file->private_data = v;
	call->undo = unclaim_vcpu;
	a->fd = call->new_fd;
	return 0;
}

static int kick(struct pvm_call *call, union pvm_arg *arg)
{
	u32 id = arg->kick.vcpu;
	struct pvm_vcpu *v;
	int err;

	err = pvm_check_reserved(arg->kick.reserved);
	if (err)
		return err;
	if (id >= PVM_MAX_VCPUS)
		return -ENOENT;
	v = READ_ONCE(call->vm->vcpus[array_index_nospec(id, PVM_MAX_VCPUS)]);
	if (!v)
		return -ENOENT;
	pvm_vcpu_kick(v);
	return 0;
}

/* ---- event channels ----------------------------------------------------------------------------------------- */

static int evtchn_alloc(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_vm *vm = call->vm;
	int err;

	err = pvm_check_reserved(arg->evtchn_alloc.reserved);
	if (err)
		return err;
	mutex_lock(&vm->lock);
	err = vm->platform.set ? pvm_evtchn_alloc_vmm(vm, &arg->evtchn_alloc.port) : -EBUSY;
	mutex_unlock(&vm->lock);
	return err;
}

static int evtchn_bind(struct pvm_call *call, union pvm_arg *arg)
{
	const struct pvm_evtchn_bind *a = &arg->evtchn_bind;
	int err;

	err = pvm_check_bind(a);
	if (err)
		return err;
	if (a->flags & PVM_EVTCHN_UNBIND)
		return pvm_evtchn_unbind_fds(call->vm, a->port);
	return pvm_evtchn_bind_fds(call->vm, a->port, a->send_fd, a->raise_fd);
}

static int raise_port(struct pvm_call *call, union pvm_arg *arg)
{
	int err = pvm_check_reserved(arg->raise.reserved);

	return err ?: pvm_evtchn_raise_port(call->vm, arg->raise.port);
}

/* ---- its end, its counters ---------------------------------------------------------------------------------- */

static int get_death(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_vm *vm = call->vm;

	spin_lock_irq(&vm->death_lock);
	arg->death = vm->death;
	spin_unlock_irq(&vm->death_lock);
	return 0;
}

static int stop(struct pvm_call *call, union pvm_arg *arg)
{
	pvm_vm_die(call->vm, PVM_DEATH_STOPPED, "stopped by its VMM");
	return 0;
}

static int get_stats(struct pvm_call *call, union pvm_arg *arg)
{
	int err = pvm_check_stats(&arg->get_stats, false);

	return err ?: pvm_stats_answer(call->vm, &arg->get_stats);
}

static const struct pvm_op vm_ops[] = {
	PVM_OP(PVM_GET_STATS, pvm_get_stats, PVM_GET_STATS_SIZE_V0, 0, true, get_stats),
	PVM_OP(PVM_VM_SET_MEMORY, pvm_memory, PVM_MEMORY_SIZE_V0, 0, false, set_memory),
	PVM_OP(PVM_VM_SET_PLATFORM, pvm_platform, PVM_PLATFORM_SIZE_V0, 0, false, set_platform),
	PVM_OP(PVM_VM_CREATE_VCPU, pvm_create_vcpu, PVM_CREATE_VCPU_SIZE_V0, 0, true, create_vcpu),
	PVM_OP(PVM_VM_EVTCHN_ALLOC, pvm_evtchn_alloc, PVM_EVTCHN_ALLOC_SIZE_V0, 0, true, evtchn_alloc),
	PVM_OP(PVM_VM_EVTCHN_BIND, pvm_evtchn_bind, PVM_EVTCHN_BIND_SIZE_V0, PVM_EVTCHN_UNBIND, false, evtchn_bind),
	PVM_OP(PVM_VM_RAISE, pvm_raise, PVM_RAISE_SIZE_V0, 0, false, raise_port),
	PVM_OP(PVM_VM_KICK, pvm_kick, PVM_KICK_SIZE_V0, 0, false, kick),
	PVM_OP(PVM_VM_GET_DEATH, pvm_death, PVM_DEATH_SIZE_V0, 0, true, get_death),
	PVM_OP(PVM_VM_STOP, pvm_stop, PVM_STOP_SIZE_V0, 0, false, stop),
};

static_assert(sizeof(struct pvm_memory) == PVM_MEMORY_SIZE_V0);
static_assert(sizeof(struct pvm_platform) == PVM_PLATFORM_SIZE_V0);
static_assert(sizeof(struct pvm_create_vcpu) == PVM_CREATE_VCPU_SIZE_V0);
static_assert(sizeof(struct pvm_evtchn_alloc) == PVM_EVTCHN_ALLOC_SIZE_V0);
static_assert(sizeof(struct pvm_evtchn_bind) == PVM_EVTCHN_BIND_SIZE_V0);
static_assert(sizeof(struct pvm_raise) == PVM_RAISE_SIZE_V0);
static_assert(sizeof(struct pvm_kick) == PVM_KICK_SIZE_V0);
static_assert(sizeof(struct pvm_death) == PVM_DEATH_SIZE_V0);
static_assert(sizeof(struct pvm_stop) == PVM_STOP_SIZE_V0);

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pvm_call call = { .vm = file->private_data };

	return pvm_dispatch(vm_ops, ARRAY_SIZE(vm_ops), &call, cmd, arg);
}

static int vm_release(struct inode *inode, struct file *file)
{
	pvm_vm_put(file->private_data);
	return 0;
}

const struct file_operations pvm_vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vm_release,
};
