// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plain part of a vCPU: memory, the run page, and getting it out of the guest or out of sleep.
 *
 * wake: something changed that the vCPU must look at before it goes on (event, timer, death); any context.
 * kick: PVM_VCPU_RUN must return. Both rely on cpu_running: set, with a full barrier, before the vCPU looks at its
 * state with IRQs off, so either it sees the change or the IPI finds it in the guest.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "core/pvm.h"

static void nothing(void *unused)
{
}

struct pvm_vcpu *pvm_vcpu_alloc(struct pvm_vm *vm, u32 id)
{
	struct pvm_vcpu *v = kvzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);

	if (!v)
		return ERR_PTR(-ENOMEM);
	v->run_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!v->run_page) {
		kvfree(v);
		return ERR_PTR(-ENOMEM);
	}
	v->run = page_address(v->run_page);
	v->run->size = sizeof(*v->run);
	v->vm = vm;
	v->id = id;
	v->cpu_running = -1;
	v->mmu.vtlb_gen = 1;
	memset(v->recent_hypercalls, 0xff, sizeof(v->recent_hypercalls));
	mutex_init(&v->mutex);
	init_waitqueue_head(&v->wq);
	INIT_CSD(&v->csd, nothing, NULL);
	return v;
}

/* User space may still have the run page mapped: the page lives as long as its last mapping. */
void pvm_vcpu_free(struct pvm_vcpu *v)
{
	if (!v)
		return;
	put_page(v->run_page);
	kvfree(v);
}

/**
 * pvm_vcpu_wake() - make the vCPU look at its state again
 *
 * An interrupt of any kind makes the guest leave; on our own CPU we are one. The csd may be in flight already, then
 * so is the interrupt.
 *
 * Context: any but NMI; IRQs may be off.
 */
void pvm_vcpu_wake(struct pvm_vcpu *v)
{
	int cpu, self;

	wake_up(&v->wq);
	smp_mb();
	self = get_cpu();
	cpu = READ_ONCE(v->cpu_running);
	if (cpu >= 0 && cpu != self)
		smp_call_function_single_async(cpu, &v->csd);
	put_cpu();
}

void pvm_vcpu_kick(struct pvm_vcpu *v)
{
	atomic_set(&v->kick, 1);
	pvm_vcpu_wake(v);
}
