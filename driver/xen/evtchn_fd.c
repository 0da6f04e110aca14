// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels in the real world: the lock around the port table, and what its answers cause: wake-ups of vCPUs,
 * signals to eventfds, and eventfds that raise ports.
 *
 * One struct port_fds per attached port. Its life:
 *	bind	made under @bind, published in port[] under @lock
 *	in use	send: RCU reader; raise: wait-queue callback of the eventfd, IRQs off
 *	gone	taken out of port[] under @lock, then freed in sleeping context, after the callback is unhooked
 *		and an RCU grace period has passed
 * A guest that closes a port and an eventfd that is closed cannot sleep: they queue the object for the reaper.
 *
 * Locks: bind > eventfd's wait-queue lock > lock. eventfds are signalled with no lock of ours held, since their
 * wake-up may call right back into a raise.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "xen/evtchn_fd.h"

struct port_fds {
	struct pvm_vm *vm;
	u32 port;
	struct eventfd_ctx *send;	/* NULL: none */
	struct eventfd_ctx *raise;	/* NULL: none; @wait is hooked up exactly while it is set */
	wait_queue_entry_t wait;
	poll_table table;
	struct list_head link;		/* in pvm_evtchn_fds.reap or a list of the dead, or empty */
};

struct pvm_evtchn_fds {
	raw_spinlock_t lock;		/* protects: vm->evtchn, port[] changes, reap */
	struct mutex bind;		/* protects: life of port_fds objects */
	struct port_fds *port[PVM_EVTCHN_PORTS];
	struct list_head reap;
	struct work_struct reaper;
	struct pvm_port *ports;
	u16 (*virq_port)[PVM_EVTCHN_VIRQS];
	struct pvm_evtchn_target *targets;
};

unsigned long pvm_evtchn_lock(struct pvm_vm *vm)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->evtchn_fds->lock, flags);
	return flags;
}

void pvm_evtchn_unlock(struct pvm_vm *vm, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&vm->evtchn_fds->lock, flags);
}

static void signal_vmm(struct pvm_vm *vm, u32 port)
{
	struct port_fds *o;

	rcu_read_lock();
	o = READ_ONCE(vm->evtchn_fds->port[array_index_nospec(port, PVM_EVTCHN_PORTS)]);
	if (o && o->send)
		eventfd_signal(o->send);
	rcu_read_unlock();
}

void pvm_evtchn_act(struct pvm_vm *vm, const struct pvm_port_act *act, struct pvm_vcpu *self)
{
	if (act->what & PVM_EVTCHN_SIGNAL)
		signal_vmm(vm, act->port);
	if (act->what & PVM_EVTCHN_WAKE_POLL)
		pvm_sched_wake_pollers(vm, act->port, self);
	if (act->what & PVM_EVTCHN_KICK && act->vcpu < PVM_MAX_VCPUS) {
		struct pvm_vcpu *target = READ_ONCE(vm->vcpus[array_index_nospec(act->vcpu, PVM_MAX_VCPUS)]);

		if (target && target != self)
			pvm_vcpu_wake(target);
	}
	if (act->what & PVM_EVTCHN_DROP)
		pvm_evtchn_drop(vm, act->port);
}

void pvm_evtchn_drop(struct pvm_vm *vm, u32 port)
{
	struct pvm_evtchn_fds *fds = vm->evtchn_fds;
	struct port_fds *o;
	unsigned long flags;

	if (!port || port >= PVM_EVTCHN_PORTS)
		return;
	raw_spin_lock_irqsave(&fds->lock, flags);
	o = fds->port[port];
	if (o) {
		WRITE_ONCE(fds->port[port], NULL);
		list_move_tail(&o->link, &fds->reap);
	}
	raw_spin_unlock_irqrestore(&fds->lock, flags);
	if (o)
		schedule_work(&fds->reaper);
}

/* ---- where the guest's bits are ---- */

void pvm_evtchn_set_shared(struct pvm_vm *vm, struct shared_info *shared)
{
	unsigned long flags;

	if (!vm->evtchn_fds)
		return;
	flags = pvm_evtchn_lock(vm);
	vm->evtchn.bits.pending = shared ? shared->evtchn_pending : NULL;
	vm->evtchn.bits.mask = shared ? shared->evtchn_mask : NULL;
	pvm_evtchn_unlock(vm, flags);
}

static void set_target_locked(struct pvm_vm *vm, u32 vcpu, struct vcpu_info *info)
{
	struct pvm_evtchn_target *t = &vm->evtchn.targets[vcpu];

	lockdep_assert_held(&vm->evtchn_fds->lock);
	t->sel = info ? &info->evtchn_pending_sel : NULL;
	t->upcall_pending = info ? &info->evtchn_upcall_pending : NULL;
}

void pvm_evtchn_set_target(struct pvm_vm *vm, u32 vcpu, struct vcpu_info *info)
{
	unsigned long flags;

	if (!vm->evtchn_fds || vcpu >= vm->evtchn.nr_vcpus)
		return;
	flags = pvm_evtchn_lock(vm);
	set_target_locked(vm, vcpu, info);
	pvm_evtchn_unlock(vm, flags);
}

void pvm_evtchn_move_target(struct pvm_vm *vm, u32 vcpu, const struct vcpu_info *from, struct vcpu_info *to)
{
	unsigned long flags;

	if (vcpu >= vm->evtchn.nr_vcpus)
		return;
	flags = pvm_evtchn_lock(vm);
	memcpy(to, from, sizeof(*to));
	WRITE_ONCE(to->evtchn_pending_sel, ~0ul);
	WRITE_ONCE(to->evtchn_upcall_pending, 1);
	set_target_locked(vm, vcpu, to);
	pvm_evtchn_unlock(vm, flags);
}

/* ---- raising ---- */

static int raise_locked_out(struct pvm_vm *vm, u32 port, const struct port_fds *by)
{
	struct pvm_port_act act = { .what = 0 };
	unsigned long flags = pvm_evtchn_lock(vm);
	int err = -ENOENT;

	if (!by || vm->evtchn_fds->port[port] == by)
		err = pvm_port_raise(&vm->evtchn, port, &act);
	pvm_evtchn_unlock(vm, flags);
	if (!err) {
		atomic64_inc(&vm->stat[PVM_STAT_EVENTS_IN]);
		pvm_evtchn_act(vm, &act, NULL);
	}
	return err;
}

/**
 * pvm_evtchn_raise_port - the VMM raises its end of a port
 * @vm:		the VM
 * @port:	the port
 *
 * Context: any.
 * Return: 0, -ENOENT the VMM is not attached to it.
 */
int pvm_evtchn_raise_port(struct pvm_vm *vm, u32 port)
{
	return raise_locked_out(vm, port, NULL);
}

/**
 * pvm_evtchn_raise_virq - a virtual interrupt for a vCPU
 * @v:		the vCPU, the caller's own
 * @virq:	VIRQ_*
 *
 * Context: any.
 * Return: 0, also when the guest bound no port to it.
 */
int pvm_evtchn_raise_virq(struct pvm_vcpu *v, u32 virq)
{
	struct pvm_port_act act = { .what = 0 };
	unsigned long flags = pvm_evtchn_lock(v->vm);

	pvm_port_raise_virq(&v->vm->evtchn, v->id, virq, &act);
	pvm_evtchn_unlock(v->vm, flags);
	pvm_evtchn_act(v->vm, &act, v);
	return 0;
}

/* Something happened to a raise_fd. Called with its wait-queue lock held and IRQs off. */
static int raise_fd_event(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct port_fds *o = container_of(wait, struct port_fds, wait);
	struct pvm_evtchn_fds *fds = o->vm->evtchn_fds;
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(o->raise, &count);
		(void)raise_locked_out(o->vm, o->port, o);
	}
	if (events & EPOLLHUP) {
		unsigned long flags;

		raw_spin_lock_irqsave(&fds->lock, flags);
		if (fds->port[o->port] == o && list_empty(&o->link)) {
			list_add_tail(&o->link, &fds->reap);
			schedule_work(&fds->reaper);
		}
		raw_spin_unlock_irqrestore(&fds->lock, flags);
	}
	return 0;
}

static void hook_up(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct port_fds *o = container_of(table, struct port_fds, table);

	add_wait_queue(wqh, &o->wait);
}

/* ---- life of the descriptors ---- */

static void drop_raise(struct port_fds *o)
{
	u64 count;

	if (!o->raise)
		return;
	eventfd_ctx_remove_wait_queue(o->raise, &o->wait, &count);	/* no callback after this */
	eventfd_ctx_put(o->raise);
	o->raise = NULL;
}

/* Objects already out of port[]; one grace period for all of them. */
static void free_all(struct list_head *dead)
{
	struct port_fds *o, *next;

	if (list_empty(dead))
		return;
	list_for_each_entry(o, dead, link)
		drop_raise(o);
	synchronize_rcu();		/* senders still at it */
	list_for_each_entry_safe(o, next, dead, link) {
		if (o->send)
			eventfd_ctx_put(o->send);
		kfree(o);
	}
}

static void reap(struct work_struct *work)
{
	struct pvm_evtchn_fds *fds = container_of(work, struct pvm_evtchn_fds, reaper);
	LIST_HEAD(dead);

	mutex_lock(&fds->bind);
	for (;;) {
		struct port_fds *o;
		bool detached;

		raw_spin_lock_irq(&fds->lock);
		o = list_first_entry_or_null(&fds->reap, struct port_fds, link);
		detached = o && fds->port[o->port] != o;
		if (detached)
			list_move_tail(&o->link, &dead);
		else if (o)
			list_del_init(&o->link);
		raw_spin_unlock_irq(&fds->lock);
		if (!o)
			break;
		if (!detached)
			drop_raise(o);	/* the descriptor was closed, the port stays; @bind keeps the object */
	}
	free_all(&dead);
	mutex_unlock(&fds->bind);
}

static struct port_fds *make_fds(struct pvm_vm *vm, u32 port)
{
	struct port_fds *o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);

	if (!o)
		return NULL;
	o->vm = vm;
	o->port = port;
	INIT_LIST_HEAD(&o->link);
	init_waitqueue_func_entry(&o->wait, raise_fd_event);
	init_poll_funcptr(&o->table, hook_up);
	return o;
}

/* One write to an eventfd calls all who listen, IRQs off: not thousands of ports. Context: event channel lock held. */
static bool raises_another(const struct pvm_evtchn_fds *fds, u32 port, const struct eventfd_ctx *raise)
{
	u32 i;

	for (i = 1; i < PVM_EVTCHN_PORTS; i++)
		if (i != port && fds->port[i] && fds->port[i]->raise == raise)
			return true;
	return false;
}

/* Attach and publish. The object can be taken away by the guest as soon as the lock is released. */
static int attach(struct pvm_vm *vm, struct port_fds *o)
{
	struct pvm_evtchn_fds *fds = vm->evtchn_fds;
	struct pvm_port_act act = { .what = 0 };
	unsigned long flags = pvm_evtchn_lock(vm);
	int err;

	if (o->raise && raises_another(fds, o->port, o->raise))
		err = -EBUSY;
	else
		err = pvm_port_attach(&vm->evtchn, o->port, &act);
	if (!err)
		WRITE_ONCE(fds->port[o->port], o);
	pvm_evtchn_unlock(vm, flags);
	if (!err)
		pvm_evtchn_act(vm, &act, NULL);
	return err;
}

/**
 * pvm_evtchn_bind_fds - attach the VMM to a port
 * @vm:		the VM
 * @port:	a port open towards the VMM
 * @send_fd:	eventfd signalled by the guest's sends, -1 none
 * @raise_fd:	eventfd that raises the port, -1 none
 *
 * Context: may sleep.
 * Return: 0, -ENOENT, -EEXIST, -EBUSY @raise_fd raises another port, -EINVAL no eventfd, -ENOMEM.
 */
int pvm_evtchn_bind_fds(struct pvm_vm *vm, u32 port, int send_fd, int raise_fd)
{
	struct pvm_evtchn_fds *fds = vm->evtchn_fds;
	struct file *file = NULL;
	struct port_fds *o;
	int err;

	if (!port || port >= PVM_EVTCHN_PORTS)
		return -ENOENT;
	port = array_index_nospec(port, PVM_EVTCHN_PORTS);
	o = make_fds(vm, port);
	if (!o)
		return -ENOMEM;
	if (send_fd >= 0) {
		o->send = eventfd_ctx_fdget(send_fd);
		if (IS_ERR(o->send)) {
			o->send = NULL;
			err = -EINVAL;
			goto err_free;
		}
	}
	if (raise_fd >= 0) {
		file = fget(raise_fd);
		o->raise = file ? eventfd_ctx_fileget(file) : ERR_PTR(-EBADF);
		if (IS_ERR(o->raise)) {
			o->raise = NULL;
			err = -EINVAL;
			goto err_file;
		}
	}
	mutex_lock(&fds->bind);
	err = attach(vm, o);
	if (!err && file && vfs_poll(file, &o->table) & EPOLLIN)
		(void)raise_locked_out(vm, port, o);	/* written before we listened; the next write adds to it */
	mutex_unlock(&fds->bind);
	if (err)
		goto err_raise;
	if (file)
		fput(file);
	return 0;
err_raise:
	if (o->raise)
		eventfd_ctx_put(o->raise);	/* never hooked up */
err_file:
	if (file)
		fput(file);
err_free:
	if (o->send)
		eventfd_ctx_put(o->send);
	kfree(o);
	return err;
}

/* Take an object out of its port, and off the reap list should it wait there. */
static void detach_locked(struct pvm_evtchn_fds *fds, u32 port, struct list_head *dead)
{
	struct port_fds *o = fds->port[port];

	lockdep_assert_held(&fds->lock);
	WRITE_ONCE(fds->port[port], NULL);
	if (o)
		list_move_tail(&o->link, dead);
}

/**
 * pvm_evtchn_unbind_fds - detach the VMM from a port; it is unbound again
 * @vm:		the VM
 * @port:	the port
 *
 * Context: may sleep.
 * Return: 0, -ENOENT the VMM was not attached.
 */
int pvm_evtchn_unbind_fds(struct pvm_vm *vm, u32 port)
{
	struct pvm_evtchn_fds *fds = vm->evtchn_fds;
	LIST_HEAD(dead);
	int err;

	if (!port || port >= PVM_EVTCHN_PORTS)
		return -ENOENT;
	port = array_index_nospec(port, PVM_EVTCHN_PORTS);
	mutex_lock(&fds->bind);
	raw_spin_lock_irq(&fds->lock);
	err = pvm_port_detach(&vm->evtchn, port);
	if (!err)
		detach_locked(fds, port, &dead);
	raw_spin_unlock_irq(&fds->lock);
	free_all(&dead);
	mutex_unlock(&fds->bind);
	return err;
}

/**
 * pvm_evtchn_alloc_vmm - a port whose other end is the VMM
 * @vm:		the VM
 * @port:	result
 *
 * Context: any.
 * Return: 0, -ENOSPC.
 */
int pvm_evtchn_alloc_vmm(struct pvm_vm *vm, u32 *port)
{
	unsigned long flags = pvm_evtchn_lock(vm);
	int err = pvm_port_alloc_vmm(&vm->evtchn, port);

	pvm_evtchn_unlock(vm, flags);
	return err;
}

static void free_tables(struct pvm_evtchn_fds *fds)
{
	kvfree(fds->ports);
	kfree(fds->virq_port);
	kfree(fds->targets);
	mutex_destroy(&fds->bind);
	kvfree(fds);
}

/**
 * pvm_evtchn_fds_init - port table of a fresh VM
 * @vm:	the VM; max_vcpus and domid are set
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM.
 */
int pvm_evtchn_fds_init(struct pvm_vm *vm)
{
	struct pvm_evtchn_fds *fds = kvzalloc(sizeof(*fds), GFP_KERNEL_ACCOUNT);
	u32 nr = vm->max_vcpus;

	if (!fds)
		return -ENOMEM;
	raw_spin_lock_init(&fds->lock);
	mutex_init(&fds->bind);
	INIT_LIST_HEAD(&fds->reap);
	INIT_WORK(&fds->reaper, reap);
	fds->ports = kvcalloc(PVM_EVTCHN_PORTS, sizeof(*fds->ports), GFP_KERNEL_ACCOUNT);
	fds->virq_port = kcalloc(nr, sizeof(*fds->virq_port), GFP_KERNEL_ACCOUNT);
	fds->targets = kcalloc(nr, sizeof(*fds->targets), GFP_KERNEL_ACCOUNT);
	if (!fds->ports || !fds->virq_port || !fds->targets) {
		free_tables(fds);
		return -ENOMEM;
	}
	pvm_evtchn_init(&vm->evtchn, fds->ports, fds->virq_port, fds->targets, nr, vm->domid);
	vm->evtchn_fds = fds;
	return 0;
}

/**
 * pvm_evtchn_fds_fini - let all descriptors and the table go
 * @vm:	the VM, no longer run and with no other user; its vCPUs still exist. Half-built is fine, twice too
 *
 * Context: may sleep.
 */
void pvm_evtchn_fds_fini(struct pvm_vm *vm)
{
	struct pvm_evtchn_fds *fds = vm->evtchn_fds;
	LIST_HEAD(dead);
	u32 port;

	if (!fds)
		return;
	mutex_lock(&fds->bind);
	raw_spin_lock_irq(&fds->lock);
	for (port = 0; port < PVM_EVTCHN_PORTS; port++)
		detach_locked(fds, port, &dead);
	list_splice_tail_init(&fds->reap, &dead);
	raw_spin_unlock_irq(&fds->lock);
	free_all(&dead);
	mutex_unlock(&fds->bind);
	cancel_work_sync(&fds->reaper);		/* no callback is left that could queue it again */
	pvm_evtchn_fini(&vm->evtchn);
	vm->evtchn_fds = NULL;
	free_tables(fds);
}
