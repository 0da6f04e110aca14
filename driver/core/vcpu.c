// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plain part of a vCPU: memory, the run page, and how others get its attention.
 *
 * wake: something changed that the vCPU must look at before it goes on (event, timer, death); any context.
 * kick: PVM_VCPU_RUN must return.
 *
 * A vCPU runs in the guest, sleeps in its wait queue, or is on its way between the two. Whoever has something for it
 * stores that first and then wakes; the vCPU announces where it runs (cpu_running) before it looks for the last time.
 * With a full barrier between the two steps on both sides one of them sees the other. Any interrupt ends the guest's
 * run, so the IPI handler has nothing to do but check that it went to the right CPU.
 *
 * Building the other parts of a vCPU is guest/guest.c's; its memory ends with its VM.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "core/pvm.h"

static void send_ipi(struct pvm_vcpu *v)
{
	int self, cpu;

	smp_mb();	/* what we have for the vCPU is stored; pairs with the one after cpu_running is set */
	cpu = READ_ONCE(v->cpu_running);
	if (cpu < 0)
		return;
	self = get_cpu();
	/* On this CPU the guest was left before we could run. One IPI under way is enough: its handler looks again. */
	if (cpu != self && !atomic_xchg(&v->ipi, 1) && smp_call_function_single_async(cpu, &v->csd))
		atomic_set(&v->ipi, 0);
	put_cpu();
}

/*
 * The vCPU may have moved to another CPU while the IPI was on its way, and a second waker relied on this one. Clear
 * first, then look: a waker that still saw the flag set has stored its news before.
 */
static void ipi_arrived(void *data)
{
	struct pvm_vcpu *v = data;

	atomic_set(&v->ipi, 0);
	send_ipi(v);
}

/**
 * pvm_vcpu_alloc() - memory of a vCPU and its run page
 * @vm: its VM
 * @id: its number, below vm->max_vcpus
 *
 * Context: sleeps; vm->lock held. Return: the vCPU, not in vm->vcpus[] yet; -EPERM over the limit, -ENOMEM.
 */
struct pvm_vcpu *pvm_vcpu_alloc(struct pvm_vm *vm, u32 id)
{
	struct pvm_vcpu *v;
	int err;

	err = pvm_vm_charge_vcpu(vm);
	if (err)
		return ERR_PTR(err);
	v = kvzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		goto err_uncharge;
	v->run_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!v->run_page)
		goto err_free;
	v->run = page_address(v->run_page);
	v->run->size = sizeof(*v->run);
	v->vm = vm;
	v->id = id;
	v->cpu_running = -1;
	memset(v->recent_hypercalls, 0xff, sizeof(v->recent_hypercalls));
	mutex_init(&v->mutex);
	init_waitqueue_head(&v->wq);
	INIT_CSD(&v->csd, ipi_arrived, v);
	return v;

err_free:
	kvfree(v);
err_uncharge:
	pvm_vm_uncharge_vcpu(vm);
	return ERR_PTR(-ENOMEM);
}

/**
 * pvm_vcpu_free() - the end of pvm_vcpu_alloc()
 * @v: NULL is fine; nobody runs, wakes or kicks it any more
 *
 * Context: sleeps.
 */
void pvm_vcpu_free(struct pvm_vcpu *v)
{
	if (!v)
		return;
	while (atomic_read(&v->ipi))	/* a CPU with interrupts off: short */
		usleep_range(10, 100);
	put_page(v->run_page);		/* user space's references to the page may outlive us */
	mutex_destroy(&v->mutex);
	pvm_vm_uncharge_vcpu(v->vm);
	kvfree_rcu(v, rcu);
}

/**
 * pvm_vcpu_wake() - the vCPU has something to look at
 * @v: the vCPU; what it shall see is stored already
 *
 * Context: any but NMI, interrupts on or off. Returns at once, the vCPU follows.
 */
void pvm_vcpu_wake(struct pvm_vcpu *v)
{
	if (wq_has_sleeper(&v->wq))
		wake_up(&v->wq);
	send_ipi(v);
}

/**
 * pvm_vcpu_kick() - make PVM_VCPU_RUN return EINTR, now or at its next call
 * @v: the vCPU
 *
 * Context: any but NMI, interrupts on or off. Returns at once, the vCPU follows.
 */
void pvm_vcpu_kick(struct pvm_vcpu *v)
{
	atomic_set(&v->kick, 1);
	pvm_vcpu_wake(v);
}
