// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM object: who it belongs to, who may see it, how long it lives, how it ends.
 *
 *	create ──▶ (subsystems built by guest/) ──▶ publish ──▶ NEW ──▶ RUNNING ──▶ SHUTDOWN (by the guest)
 *	                                                         └────────┴───────▶ DEAD (first reason wins)
 *
 * Descriptors hold references. The last put takes the VM out of the list, has guest/ take down what it built (the
 * one upward pointer of this file), gives back what the user was charged, and frees.
 *
 * A user's VMs, vCPUs and kernel memory are counted per real uid, so that no user can take all of the machine.
 * Locks: vms_lock (the dev->lock of core/pvm.h) > user_lock; death_lock is innermost and taken with interrupts off.
 */
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "core/pvm.h"

#define DEFAULT_SHADOW_MIN	(4ull << 20)
#define DEFAULT_SHADOW_MAX	(256ull << 20)

/* What one user has. Exists while it has a VM. */
struct pvm_user {
	struct list_head link;
	kuid_t uid;
	u32 vms, vcpus;
	u64 bytes;
};

static DEFINE_MUTEX(vms_lock);		/* protects: vms, next_id, names, vm->published */
static LIST_HEAD(vms);
static u32 next_id = 1;

static DEFINE_SPINLOCK(user_lock);	/* protects: users and their counts, vm->charged_bytes */
static LIST_HEAD(users);

static void (*vm_release_hook)(struct pvm_vm *vm);

static unsigned int max_vms_per_uid = 64;
module_param(max_vms_per_uid, uint, 0644);
MODULE_PARM_DESC(max_vms_per_uid, "most VMs one user may have (default 64)");

static unsigned int max_vcpus_per_uid = 256;
module_param(max_vcpus_per_uid, uint, 0644);
MODULE_PARM_DESC(max_vcpus_per_uid, "most vCPUs one user may have in all VMs (default 256)");

static unsigned int max_shadow_mb_per_uid;
module_param(max_shadow_mb_per_uid, uint, 0644);
MODULE_PARM_DESC(max_shadow_mb_per_uid,
		 "MiB of shadow pages and frame tables one user's VMs may hold (default 0: half of the memory)");

/* ---- what a user may take ---------------------------------------------------------------------------------- */

static u64 ram_bytes(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

static u64 bytes_per_user(void)
{
	u64 mb = READ_ONCE(max_shadow_mb_per_uid);

	return mb ? mb << 20 : ram_bytes() / 2;
}

/* Budget of a VM whose creator names none. */
static u64 default_shadow_bytes(void)
{
	return clamp(ram_bytes() / 32, DEFAULT_SHADOW_MIN, DEFAULT_SHADOW_MAX);
}

static struct pvm_user *find_user_locked(kuid_t uid)
{
	struct pvm_user *u;

	lockdep_assert_held(&user_lock);
	list_for_each_entry(u, &users, link)
		if (uid_eq(u->uid, uid))
			return u;
	return NULL;
}

/* Account one VM to its user. @fresh becomes the user's record if there is none; it is consumed either way. */
static int charge_vm(struct pvm_vm *vm, struct pvm_user *fresh)
{
	struct pvm_user *u;
	int err = 0;

	spin_lock(&user_lock);
	u = find_user_locked(vm->uid);
	if (!u) {
		u = fresh;
		fresh = NULL;
		u->uid = vm->uid;
		list_add(&u->link, &users);
	}
	if (u->vms >= READ_ONCE(max_vms_per_uid))
		err = -EPERM;
	else
		u->vms++;
	if (!u->vms) {			/* a limit of 0 */
		list_del(&u->link);
		fresh = u;
	}
	spin_unlock(&user_lock);
	if (!err)
		vm->user = u;
	kfree(fresh);
	return err;
}

static void uncharge_vm(struct pvm_vm *vm)
{
	struct pvm_user *u = vm->user;

	if (!u)
		return;
	spin_lock(&user_lock);
	u->bytes -= vm->charged_bytes;
	vm->charged_bytes = 0;
	vm->user = NULL;
	if (--u->vms)
		u = NULL;
	else
		list_del(&u->link);
	spin_unlock(&user_lock);
	kfree(u);
}

/**
 * pvm_vm_charge() - account kernel memory that a guest makes us hold
 * @vm:		the VM
 * @bytes:	how much; given back by pvm_vm_uncharge() or with the VM
 *
 * Context: any but interrupts. Return: 0, -ENOMEM over max_shadow_mb_per_uid.
 */
int pvm_vm_charge(struct pvm_vm *vm, u64 bytes)
{
	u64 limit = bytes_per_user();
	int err = 0;

	spin_lock(&user_lock);
	if (bytes > limit || vm->user->bytes > limit - bytes) {
		err = -ENOMEM;
	} else {
		vm->user->bytes += bytes;
		vm->charged_bytes += bytes;
	}
	spin_unlock(&user_lock);
	return err;
}

/** pvm_vm_uncharge() - undo pvm_vm_charge(). Context: any but interrupts. */
void pvm_vm_uncharge(struct pvm_vm *vm, u64 bytes)
{
	spin_lock(&user_lock);
	vm->user->bytes -= bytes;
	vm->charged_bytes -= bytes;
	spin_unlock(&user_lock);
}

/** pvm_vm_charge_vcpu() - account a vCPU. Context: any but interrupts. Return: 0, -EPERM over the limit. */
int pvm_vm_charge_vcpu(struct pvm_vm *vm)
{
	int err = 0;

	spin_lock(&user_lock);
	if (vm->user->vcpus >= READ_ONCE(max_vcpus_per_uid))
		err = -EPERM;
	else
		vm->user->vcpus++;
	spin_unlock(&user_lock);
	return err;
}

/** pvm_vm_uncharge_vcpu() - undo pvm_vm_charge_vcpu(). Context: any but interrupts. */
void pvm_vm_uncharge_vcpu(struct pvm_vm *vm)
{
	spin_lock(&user_lock);
	vm->user->vcpus--;
	spin_unlock(&user_lock);
}

/* ---- life --------------------------------------------------------------------------------------------------- */

/* Name and id, or why not. */
static int enlist(struct pvm_vm *vm)
{
	struct pvm_vm *other;
	int err = 0;

	mutex_lock(&vms_lock);
	list_for_each_entry(other, &vms, link)
		if (!strcmp(other->name, vm->name))
			err = -EEXIST;
	if (!err && !next_id)		/* ids are never used twice */
		err = -EBUSY;
	if (!err) {
		vm->id = next_id++;
		list_add_tail(&vm->link, &vms);
	}
	mutex_unlock(&vms_lock);
	return err;
}

static void delist(struct pvm_vm *vm)
{
	mutex_lock(&vms_lock);
	list_del(&vm->link);
	mutex_unlock(&vms_lock);
}

static void free_vm(struct pvm_vm *vm)
{
	uncharge_vm(vm);
	put_pid(vm->pid);
	mmdrop(vm->mm);
	mutex_destroy(&vm->lock);
	kvfree(vm);
}

static struct pvm_vm *alloc_vm(const struct pvm_create_vm *arg)
{
	struct pvm_vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return NULL;
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	spin_lock_init(&vm->death_lock);
	strscpy(vm->name, arg->name, sizeof(vm->name));
	vm->max_vcpus = arg->max_vcpus;
	vm->domid = arg->domid ?: 1;
	vm->shadow_limit_bytes = arg->shadow_limit_bytes ?: default_shadow_bytes();
	vm->created_ns = ktime_get_boottime_ns();
	vm->uid = current_uid();
	vm->pid = get_pid(task_tgid(current));
	vm->mm = current->mm;
	mmgrab(vm->mm);
	return vm;
}

/**
 * pvm_vm_create() - a VM object of the calling process
 * @arg: checked
 *
 * The name is taken and the user charged; nobody else sees the VM before pvm_vm_publish().
 *
 * Context: sleeps. Return: the VM with one reference; -EEXIST, -EPERM, -ENOMEM.
 */
struct pvm_vm *pvm_vm_create(const struct pvm_create_vm *arg)
{
	struct pvm_user *user;
	struct pvm_vm *vm;
	int err;

	vm = alloc_vm(arg);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	if (!user) {
		err = -ENOMEM;
		goto err_free;
	}
	err = charge_vm(vm, user);
	if (err)
		goto err_free;
	err = pvm_vm_charge(vm, vm->shadow_limit_bytes);
	if (err)
		goto err_free;
	err = enlist(vm);
	if (err)
		goto err_free;
	return vm;

err_free:
	free_vm(vm);
	return ERR_PTR(err);
}

/** pvm_vm_publish() - the VM is complete: show it, tell of it. Context: sleeps; once. */
void pvm_vm_publish(struct pvm_vm *vm)
{
	mutex_lock(&vms_lock);
	vm->published = true;
	mutex_unlock(&vms_lock);
	pvm_event_post(vm, PVM_EVENT_VM_CREATED, 0, NULL);
}

/** pvm_vm_get() - one more reference. Context: any; the caller has one. */
void pvm_vm_get(struct pvm_vm *vm)
{
	kref_get(&vm->ref);
}

static void last_put(struct kref *ref)
{
	struct pvm_vm *vm = container_of(ref, struct pvm_vm, ref);

	delist(vm);
	if (vm_release_hook)
		vm_release_hook(vm);
	if (vm->published)
		pvm_event_post(vm, PVM_EVENT_VM_DESTROYED, 0, NULL);
	free_vm(vm);
}

/** pvm_vm_put() - let go of a VM; the last one ends it. Context: sleeps; any task. */
void pvm_vm_put(struct pvm_vm *vm)
{
	kref_put(&vm->ref, last_put);
}

/** pvm_vm_set_release() - who takes down what was built. Context: module init, before any VM. */
void pvm_vm_set_release(void (*release)(struct pvm_vm *vm))
{
	vm_release_hook = release;
}

/* ---- who sees it -------------------------------------------------------------------------------------------- */

/* The caller's own VMs; with CAP_SYS_ADMIN (asked for only where it matters: asking is audited) all. */
static bool may_see(const struct pvm_vm *vm)
{
	return vm->published && (uid_eq(vm->uid, current_uid()) || capable(CAP_SYS_ADMIN));
}

/**
 * pvm_vm_find() - a VM by its id
 * @id: as given out by pvm_vm_create()
 *
 * Context: sleeps. Return: the VM with a reference, NULL if there is none or the caller may not see it.
 */
struct pvm_vm *pvm_vm_find(u32 id)
{
	struct pvm_vm *vm, *found = NULL;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link) {
		if (vm->id != id)
			continue;
		if (may_see(vm) && kref_get_unless_zero(&vm->ref))
			found = vm;
		break;
	}
	mutex_unlock(&vms_lock);
	return found;
}

static u64 memory_bytes(const struct pvm_vm *vm)
{
	u64 pages = 0;
	u32 i;

	/* Without vm->lock: a row may be a moment old in each of its columns. */
	for (i = 0; i < PVM_MAX_SLOTS; i++)
		pages += READ_ONCE(vm->mmu.slots[i].nr_pages);
	return pages << PVM_PAGE_SHIFT;
}

static u64 runtime_ns(const struct pvm_vm *vm)
{
	u64 ns = 0;
	u32 i;

	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		const struct pvm_vcpu *v = READ_ONCE(vm->vcpus[i]);

		if (v)
			ns += pvm_vcpu_runtime_ns(v);
	}
	return ns;
}

static void fill_row(const struct pvm_vm *vm, struct pvm_vm_entry *row)
{
	memset(row, 0, sizeof(*row));
	row->id = vm->id;
	row->state = READ_ONCE(vm->state);
	strscpy(row->name, vm->name, sizeof(row->name));
	row->pid = pid_vnr(vm->pid);
	row->uid = from_kuid_munged(current_user_ns(), vm->uid);
	row->nr_vcpus = READ_ONCE(vm->nr_vcpus);
	row->shutdown_reason = row->state == PVM_VM_SHUTDOWN ? READ_ONCE(vm->shutdown_reason) : 0;
	row->memory_bytes = memory_bytes(vm);
	row->shadow_bytes = READ_ONCE(vm->mmu.nr_pages) << PVM_PAGE_SHIFT;
	row->created_ns = vm->created_ns;
	row->runtime_ns = runtime_ns(vm);
}

/**
 * pvm_vm_list() - the VMs the caller may see, oldest first
 * @rows:	room for @max rows
 * @max:	0 just counts
 * @count:	rows there are
 *
 * A VM whose vCPUs are being taken down is not in the list any more, so its parts can be read under the lock.
 *
 * Context: sleeps. Return: 0, -EMSGSIZE there are more than @max.
 */
int pvm_vm_list(struct pvm_vm_entry *rows, u32 max, u32 *count)
{
	const struct pvm_vm *vm;
	u32 n = 0;

	mutex_lock(&vms_lock);
	list_for_each_entry(vm, &vms, link) {
		if (!may_see(vm))
			continue;
		if (n < max)
			fill_row(vm, &rows[n]);
		n++;
	}
	mutex_unlock(&vms_lock);
	*count = n;
	return n > max ? -EMSGSIZE : 0;
}

/* ---- how it ends -------------------------------------------------------------------------------------------- */

static void wake_vcpus(struct pvm_vm *vm)
{
	u32 i;

	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		struct pvm_vcpu *v = READ_ONCE(vm->vcpus[i]);

		if (v)
			pvm_vcpu_wake(v);
	}
}

static void record_registers(struct pvm_death *d, struct pvm_vcpu *v)
{
	const struct pvm_switch_state *ss = v->ss;
	const struct pvm_regs *r = pvm_regs(v);
	const u64 gpr[16] = { r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
			      r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15 };
	u32 i;

	d->vcpu = v->id;
	d->rip = r->rip;
	d->rsp = r->rsp;
	d->rflags = r->rflags;
	d->cr2 = ss->cr2;
	d->error_code = r->error;
	d->cr3 = (ss->kernel_mode ? v->mmu.kroot_gfn : v->mmu.uroot_gfn) << PVM_PAGE_SHIFT;
	d->vector = r->vector < 32 ? r->vector : 0x100;
	d->kernel_mode = !!ss->kernel_mode;
	memcpy(d->gpr, gpr, sizeof(gpr));
	for (i = 0; i < ARRAY_SIZE(d->hypercalls); i++)
		d->hypercalls[i] = v->recent_hypercalls[(v->recent_pos - 1 - i) % ARRAY_SIZE(v->recent_hypercalls)];
}

/* The change to DEAD, once. @v: whose registers to keep, or NULL. */
static bool become_dead(struct pvm_vm *vm, struct pvm_vcpu *v, u32 kind, const char *reason)
{
	struct pvm_death *d = &vm->death;
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&vm->death_lock, flags);
	first = vm->state < PVM_VM_SHUTDOWN;
	if (first) {
		d->kind = kind;
		strscpy(d->reason, reason, sizeof(d->reason));
		d->vector = 0x100;
		memset(d->hypercalls, 0xff, sizeof(d->hypercalls));
		if (v && v->ss)
			record_registers(d, v);
		WRITE_ONCE(vm->state, PVM_VM_DEAD);
	}
	spin_unlock_irqrestore(&vm->death_lock, flags);
	return first;
}

static __printf(4, 0)
enum pvm_act die(struct pvm_vm *vm, struct pvm_vcpu *v, u32 kind, const char *fmt, va_list args)
{
	char reason[sizeof(vm->death.reason)];

	vscnprintf(reason, sizeof(reason), fmt, args);
	if (!become_dead(vm, v, kind, reason))
		return PVM_ACT_DIE;
	if (kind != PVM_DEATH_STOPPED)
		vm_info_limited(vm, "died: %s (rip %#llx)", reason, vm->death.rip);
	pvm_event_post(vm, PVM_EVENT_VM_DIED, kind, reason);
	wake_vcpus(vm);
	return PVM_ACT_DIE;
}

/**
 * pvm_vm_die() - this guest cannot go on
 * @vm:		the VM; one that ended before keeps its first reason
 * @kind:	PVM_DEATH_*
 * @fmt:	one sentence
 *
 * Context: any but NMI. Return: PVM_ACT_DIE.
 */
enum pvm_act pvm_vm_die(struct pvm_vm *vm, u32 kind, const char *fmt, ...)
{
	enum pvm_act act;
	va_list args;

	va_start(args, fmt);
	act = die(vm, NULL, kind, fmt, args);
	va_end(args);
	return act;
}

/** pvm_vcpu_die() - the same, with the registers of @v. Context: the vCPU's own, atomic too. Return: PVM_ACT_DIE. */
enum pvm_act pvm_vcpu_die(struct pvm_vcpu *v, u32 kind, const char *fmt, ...)
{
	enum pvm_act act;
	va_list args;

	va_start(args, fmt);
	act = die(v->vm, v, kind, fmt, args);
	va_end(args);
	return act;
}

/** pvm_vm_is_dead() - not a word on SHUTDOWN. Context: any. */
bool pvm_vm_is_dead(const struct pvm_vm *vm)
{
	return READ_ONCE(vm->state) == PVM_VM_DEAD;
}

/* Returns true if this call made the change. */
static bool advance_state(struct pvm_vm *vm, u32 from, u32 to, u32 reason)
{
	unsigned long flags;
	bool changed;

	spin_lock_irqsave(&vm->death_lock, flags);
	changed = vm->state == from;
	if (changed) {
		vm->shutdown_reason = reason;
		WRITE_ONCE(vm->state, to);
	}
	spin_unlock_irqrestore(&vm->death_lock, flags);
	return changed;
}

/** pvm_vm_started() - the first vCPU runs for the first time. Context: any but NMI. */
void pvm_vm_started(struct pvm_vm *vm)
{
	if (advance_state(vm, PVM_VM_NEW, PVM_VM_RUNNING, 0))
		pvm_event_post(vm, PVM_EVENT_VM_STARTED, 0, NULL);
}

/**
 * pvm_vm_shutdown() - the guest asked for its end
 * @v:		the vCPU that asked
 * @reason:	SHUTDOWN_* of public/sched.h, any number the guest likes
 *
 * Context: the vCPU's own, atomic too.
 */
void pvm_vm_shutdown(struct pvm_vcpu *v, u32 reason)
{
	v->run->exit_reason = PVM_RUN_SHUTDOWN;
	v->run->shutdown_reason = reason;
	if (!advance_state(v->vm, PVM_VM_RUNNING, PVM_VM_SHUTDOWN, reason))
		return;
	pvm_event_post(v->vm, PVM_EVENT_VM_SHUTDOWN, reason, NULL);
	wake_vcpus(v->vm);
}

/* ---- counters ----------------------------------------------------------------------------------------------- */

static void add_vcpu_stats(const struct pvm_vcpu *v, u64 *values, u64 *hypercalls)
{
	const struct pvm_switch_state *ss = v->ss;
	u64 exits;
	u32 i;

	for (i = 0; i < PVM_NR_STATS; i++)
		values[i] += i == PVM_STAT_RUNTIME_NS ? pvm_vcpu_runtime_ns(v) : READ_ONCE(v->stat[i]);
	for (i = 0; hypercalls && i < ARRAY_SIZE(v->hypercall_count); i++)
		hypercalls[i] += READ_ONCE(v->hypercall_count[i]);
	values[PVM_STAT_SWITCH_TO_KERNEL] += READ_ONCE(ss->cnt_to_kernel);
	values[PVM_STAT_SWITCH_TO_USER] += READ_ONCE(ss->cnt_to_user);
	/* Every exit is a way in and out: two loads each of IDT and CR3. A direct switch loads CR3 once. */
	if (hypercalls) {
		hypercalls[__HYPERVISOR_stack_switch] += READ_ONCE(ss->cnt_stack_switch);
		hypercalls[__HYPERVISOR_set_segment_base] += READ_ONCE(ss->cnt_segment_base);
		hypercalls[__HYPERVISOR_mmuext_op] += READ_ONCE(ss->cnt_flush);
	}
	exits = READ_ONCE(v->stat[PVM_STAT_EXITS]);
	values[PVM_STAT_TABLE_LOADS] += 2 * exits;
	values[PVM_STAT_CR3_WRITES] += 2 * exits + READ_ONCE(ss->cnt_to_kernel) + READ_ONCE(ss->cnt_to_user);
}

/**
 * pvm_vm_stats() - counters of a VM: of all its vCPUs, its own, the switcher's
 * @vm:		the VM, with a reference
 * @values:	PVM_NR_STATS values
 * @hypercalls:	64 values by hypercall number, or NULL
 *
 * Context: any.
 */
void pvm_vm_stats(struct pvm_vm *vm, u64 *values, u64 *hypercalls)
{
	u32 i;

	memset(values, 0, PVM_NR_STATS * sizeof(*values));
	if (hypercalls)
		memset(hypercalls, 0, 64 * sizeof(*hypercalls));
	for (i = 0; i < PVM_MAX_VCPUS; i++) {
		const struct pvm_vcpu *v = READ_ONCE(vm->vcpus[i]);

		if (v)
			add_vcpu_stats(v, values, hypercalls);
	}
	for (i = 0; i < PVM_NR_STATS; i++)
		values[i] += atomic64_read(&vm->stat[i]);
	values[PVM_STAT_SHADOW_PAGES] = READ_ONCE(vm->mmu.nr_pages);
}
