// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a shadow-paged guest: builds every subsystem of a VM and of a vCPU in order, takes them down in reverse.
 *
 * Does not know ioctls or descriptors (uapi/) and not who may see a VM (core/vm.c). Every _fini() accepts a half-built
 * object, so each failure here goes through the same one as the normal end.
 */
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "guest/guest.h"

/**
 * pvm_guest_init_vm() - build the subsystems of a fresh VM
 * @vm: from pvm_vm_create(), not yet visible to anyone else
 *
 * Context: sleeps; the creator's task, whose address space becomes the VM's. Return: 0, -ENOMEM, -EINVAL.
 */
int pvm_guest_init_vm(struct pvm_vm *vm)
{
	int err;

	vm->epoch_ns = ktime_get_ns();
	err = pvm_mmu_init(vm, vm->shadow_limit_bytes >> PVM_PAGE_SHIFT);
	if (err)
		goto err_fini;
	err = pvm_hole_get(vm);
	if (err)
		goto err_fini;
	err = pvm_evtchn_fds_init(vm);
	if (err)
		goto err_fini;
	pvm_emulate_init(vm);
	return 0;

err_fini:
	pvm_guest_fini(vm);
	return err;
}

static void destroy_vcpu(struct pvm_vcpu *v)
{
	pvm_vtimer_fini(v);
	if (v->shared.info)
		pvm_vcpu_shared_fini(v);
	pvm_mmu_cache_free(v);
	pvm_area_fini(v);
	pvm_vcpu_free(v);
}

/** pvm_guest_fini() - take all of it down; idempotent. Context: sleeps; any task; no vCPU runs any more. */
void pvm_guest_fini(struct pvm_vm *vm)
{
	u32 i;

	pvm_evtchn_fds_fini(vm);	/* first: no eventfd can raise a port from here on */
	pvm_mmu_stop(vm);		/* nor can the notifier or the shrinker look for vCPUs */
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		if (vm->vcpus[i])
			destroy_vcpu(vm->vcpus[i]);
		vm->vcpus[i] = NULL;
	}
	pvm_shared_fini(vm);
	pvm_mmu_fini(vm);
	pvm_hole_put(vm);
}

/**
 * pvm_guest_create_vcpu() - make vCPU @id of a VM whose platform is set
 * @vm: the VM
 * @id: number of the object
 *
 * Context: sleeps; vm->lock held; the VMM's task. Return: the vCPU, in vm->vcpus[], or ERR_PTR.
 */
struct pvm_vcpu *pvm_guest_create_vcpu(struct pvm_vm *vm, u32 id)
{
	struct pvm_vcpu *v = pvm_vcpu_alloc(vm, id);
	int err;

	if (IS_ERR(v))
		return v;
	pvm_vtimer_init(v);
	err = pvm_area_init(v);
	if (err)
		goto err_destroy;
	pvm_cpu_state_init(v);
	err = pvm_vcpu_shared_init(v);
	if (err)
		goto err_destroy;
	v->cpu_running = -1;
	vm->vcpus[id] = v;
	vm->nr_vcpus++;
	return v;

err_destroy:
	destroy_vcpu(v);
	return ERR_PTR(err);
}

/* Registers set, alive, and with a root: the state a run needs. Slots do not change any more once it was there. */
int pvm_guest_may_run(struct pvm_vcpu *v)
{
	struct pvm_vm *vm = v->vm;

	if (pvm_vm_is_dead(vm))
		return -EIO;
	if (!v->has_regs)
		return -EBUSY;
	if (v->ran)
		return READ_ONCE(vm->state) == PVM_VM_RUNNING ? 0 : -EBUSY;
	/* Its memory was taken away since: the registers must be set again. */
	if (!pvm_gfn_valid(vm, pvm_gfn(v->mmu.kroot_gfn))) {
		v->has_regs = false;
		return -EBUSY;
	}
	v->ran = true;
	pvm_vm_started(vm);
	return 0;
}

static bool regs_valid(const struct pvm_vm *vm, const struct pvm_vcpu_regs *r)
{
	return pvm_is_guest_va(r->rip) && pvm_is_guest_va(r->gpr[4]) && pvm_is_canonical(r->fs_base) &&
	       pvm_is_canonical(r->gs_base) && pvm_is_canonical(r->gs_base_user) &&
	       pvm_gfn_valid(vm, pvm_gfn(r->root_gfn));
}

/* Order of pvm_vcpu_regs.gpr: rax rcx rdx rbx rsp rbp rsi rdi r8..r15, the CPU's own numbering. */
static u64 *gpr(struct pvm_regs *r, u32 n)
{
	switch (n) {
	case 0: return &r->rax;
	case 1: return &r->rcx;
	case 2: return &r->rdx;
	case 3: return &r->rbx;
	case 4: return &r->rsp;
	case 5: return &r->rbp;
	case 6: return &r->rsi;
	case 7: return &r->rdi;
	case 8: return &r->r8;
	case 9: return &r->r9;
	case 10: return &r->r10;
	case 11: return &r->r11;
	case 12: return &r->r12;
	case 13: return &r->r13;
	case 14: return &r->r14;
	default: return &r->r15;
	}
}

/**
 * pvm_vcpu_set_regs() - boot state of a vCPU
 * @v: the vCPU
 * @regs: the registers
 *
 * Context: sleeps; the VMM's task. Return: 0, -EBUSY it has run, -EINVAL, -EPERM another address space.
 */
int pvm_vcpu_set_regs(struct pvm_vcpu *v, const struct pvm_vcpu_regs *regs)
{
	struct pvm_switch_state *ss = v->ss;
	struct pvm_regs *r = pvm_regs(v);
	int err = 0;
	u32 i;

	if (current->mm != v->vm->mm)
		return -EPERM;
	if (!mutex_trylock(&v->mutex))
		return -EBUSY;
	if (v->ran)
		err = -EBUSY;
	else if (!regs_valid(v->vm, regs) || regs->cs || regs->ss || regs->user_root_gfn)
		err = -EINVAL;
	if (err)
		goto out;
	for (i = 0; i < 16; i++)
		*gpr(r, i) = regs->gpr[i];
	r->rip = regs->rip;
	r->rflags = (regs->rflags & PVM_FL_GUEST) | PVM_FL_FORCED;
	r->cs = PVM_SEL_XEN_CS;
	r->ss = PVM_SEL_XEN_DS;
	r->error = 0;
	ss->kernel_mode = 1;
	pvm_set_guest_fs(&v->area, regs->fs_base);
	ss->guest_gs = regs->gs_base;
	ss->kernel_gs = regs->gs_base;
	ss->user_gs = regs->gs_base_user;
	ss->kernel_sp = r->rsp;
	v->mmu.kroot_gfn = regs->root_gfn;
	v->has_regs = true;
out:
	mutex_unlock(&v->mutex);
	return err;
}

/** pvm_vcpu_get_regs() - registers of a vCPU that does not run. Context: v->mutex held by the caller. */
void pvm_vcpu_get_regs(struct pvm_vcpu *v, struct pvm_vcpu_regs *regs)
{
	const struct pvm_switch_state *ss = v->ss;
	struct pvm_regs *r = pvm_regs(v);
	u32 i;

	for (i = 0; i < 16; i++)
		regs->gpr[i] = *gpr(r, i);
	regs->rip = r->rip;
	regs->rflags = r->rflags;
	regs->cs = r->cs;
	regs->ss = r->ss;
	regs->fs_base = pvm_guest_fs(&v->area);
	regs->gs_base = ss->guest_gs;
	regs->gs_base_user = ss->kernel_mode ? ss->user_gs : ss->kernel_gs;
	regs->root_gfn = v->mmu.kroot_gfn;
	regs->user_root_gfn = v->mmu.uroot_gfn;
	regs->flags = ss->kernel_mode ? 0 : PVM_REGS_USER;
}
