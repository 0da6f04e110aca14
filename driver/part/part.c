// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partition: what it owns, how it lives, who is told.
 *
 *	               ┌──────────── stop: asked, or some CPU stopped ───────────┐
 *	               ▼                                                         │
 *	create ──▶ CREATED, STOPPED ──start──▶ RUNNING ──▶ all CPUs taken out ───┘
 *	               └──destroy: everything back──▶ gone
 *
 * Resources are taken in one order and given back in the other, whole or half-built: build() and unbuild(). The name
 * and the range of memory are claimed first (list.c); what takes long runs under part->lock.
 *
 * Neighbours: list.c has all of them, host.c what the host is up to; run.c starts and stops; cpu.c, mem.c, space.c,
 * pci.c take and give; super.c runs on the taken CPUs.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>

#include "compat/compat.h"
#include "core/event.h"
#include "core/trace.h"
#include "part/part.h"
#include "part/plan.h"

static const struct pvm_part_ops *part_ops;

int pvm_why(struct pvm_why *why, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return err;
}

/** pvm_part_reason_text() - why a partition stopped, for people. Context: any. */
const char *pvm_part_reason_text(u32 stop_reason)
{
	static const char *const text[] = {
		[PVM_PSTOP_NONE] = "it was never started",
		[PVM_PSTOP_ASKED] = "it was stopped from the host",
		[PVM_PSTOP_POWEROFF] = "its kernel powered off",
		[PVM_PSTOP_RESET] = "its kernel rebooted",
		[PVM_PSTOP_TRIPLE] = "a triple fault in its kernel",
		[PVM_PSTOP_INIT] = "a CPU of it got an INIT that the driver did not send",
		[PVM_PSTOP_MCE] = "a machine check that its kernel could not take",
		[PVM_PSTOP_PROTECT] = "it accessed memory that is not its own",
		[PVM_PSTOP_REAL_MODE] = "its kernel left protected mode",
		[PVM_PSTOP_ENTRY] = "the CPU refused to enter it",
		[PVM_PSTOP_DRIVER] = "a VM exit the driver does not know, or a bug of the driver",
		[PVM_PSTOP_HOST] = "the host went down",
	};

	return stop_reason < ARRAY_SIZE(text) ? text[stop_reason] : "unknown";
}

/** pvm_part_post() - an event of its life. Context: any but NMI. */
void pvm_part_post(struct pvm_part *p, u32 event, u32 code, const char *reason)
{
	pvm_event_post_partition((struct pvm_event_source){ .id = p->id, .name = p->name }, event, code, reason);
}

/* ---- building ----------------------------------------------------------------------------------------------- */

static int check_machine(struct pvm_why *why)
{
	int err;

	if (!part_ops)
		return pvm_why(why, -ENODEV, "this machine has neither VMX nor SVM, or its firmware switched them off");
	err = part_ops->probe(why);
	if (err)
		return err;
	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU))
		return pvm_why(why, -ENODEV, "the host's kernel is built without CPU hotplug");
	if (!boot_cpu_has(X86_FEATURE_NX))
		return pvm_why(why, -ENODEV, "the CPU has no NX, or it is switched off");
	if (sme_me_mask)
		return pvm_why(why, -EOPNOTSUPP, "the host encrypts its memory; boot it with mem_encrypt=off");
	if (boot_cpu_has(X86_FEATURE_HYPERVISOR) && boot_cpu_has(X86_FEATURE_XENPV))
		return pvm_why(why, -ENODEV, "the host is itself a Xen PV guest");
	return 0;
}

/** pvm_part_backend() - what partitions would run on here. Context: sleeps. Return: PVM_PARTITIONS_*. */
u32 pvm_part_backend(void)
{
	struct pvm_why why;

	if (check_machine(&why))
		return PVM_PARTITIONS_NONE;
	return part_ops->vmx ? PVM_PARTITIONS_VMX : PVM_PARTITIONS_SVM;
}

static int alloc_supervisor(struct pvm_part *p, const u32 *cpus)
{
	struct pvm_sup *s;
	u32 i;

	s = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(sizeof(*s)));
	p->sup = s;
	p->cpus = kcalloc(p->nr_cpus, sizeof(*p->cpus), GFP_KERNEL);
	if (!s || !p->cpus)
		return -ENOMEM;
	s->ops = part_ops;
	s->flags = p->flags;
	s->nr_cpus = p->nr_cpus;
	s->tsc_khz = tsc_khz;
	if (!p->uart_real) {
		s->console = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, get_order(PVM_PART_CONSOLE_BYTES));
		if (!s->console)
			return -ENOMEM;
	}
	for (i = 0; i < p->nr_cpus; i++) {
		p->cpus[i] = pvm_pcpu_alloc(s, cpus[i], i);
		if (!p->cpus[i])
			return -ENOMEM;
	}
	return 0;
}

/** pvm_part_any_lost() - does it have a CPU that did not come back. Context: any. */
bool pvm_part_any_lost(const struct pvm_part *p)
{
	u32 i;

	for (i = 0; p->cpus && i < p->nr_cpus; i++)
		if (p->cpus[i] && p->cpus[i]->lost)
			return true;
	return false;
}

/* The last mapping, or the partition itself, lets go of the memory. */
static void put_memory(struct pvm_part *p)
{
	if (!atomic_dec_and_test(&p->mem_users))
		return;
	pvm_mem_give(&p->mem);
	pvm_low_give(&p->mem);
	pvm_part_unclaim(p);
}

/* Give everything back; half of it is fine, twice too. */
static void unbuild(struct pvm_part *p)
{
	bool lost = pvm_part_any_lost(p);
	u32 i;

	for (i = 0; p->cpus && i < p->nr_cpus; i++)
		pvm_pcpu_give(p->cpus[i]);
	if (lost) {
		/*
		 * Somewhere a CPU may still run it: it stays in the list, with its claims, for ever. Its functions stay
		 * with our driver, which does nothing with them: a host driver would share them with that CPU.
		 */
		pvm_part_pci_stop(p);
		__module_get(THIS_MODULE);
		kref_get(&p->ref);
		pvm_err("partition %s: its memory and devices are kept, for the CPU that was lost", p->name);
		return;
	}
	pvm_part_pci_give(p);
	if (p->sup)
		part_ops->destroy(p);
	pvm_space_destroy(p);
	for (i = 0; p->cpus && i < p->nr_cpus; i++)
		pvm_pcpu_free(p->cpus[i]);
	kfree(p->cpus);
	p->cpus = NULL;
	put_memory(p);
}

static int build(struct pvm_part *p, const struct pvm_create_partition *a, const u32 *cpus, const u32 *pci,
		 struct pvm_why *why)
{
	u32 i;
	int err;

	for (i = 0; i < p->nr_cpus; i++) {
		err = pvm_pcpu_check(i, a->flags, cpus, p->nr_cpus, why);
		if (err)
			return err;
	}
	err = alloc_supervisor(p, cpus);
	if (err)
		return pvm_why(why, err, "no kernel memory for the supervisor");
	err = pvm_low_take(&p->mem, why);
	if (err)
		return err;
	err = pvm_mem_take(&p->mem, a->memory_bytes, a->memory_addr, why);
	if (err)
		return err;
	pvm_part_claim_memory(p);
	err = pvm_part_pci_take(p, pci, a->pci_count, why);
	if (err)
		return err;
	err = part_ops->create(p);			/* knows memory and BARs */
	if (err)
		return pvm_why(why, err, "no kernel memory for the tables of %s", part_ops->name);
	err = pvm_space_create(p);			/* knows what the supervisor touches */
	if (err)
		return pvm_why(why, err, "no kernel memory for the supervisor's page tables");
	for (i = 0; i < p->nr_cpus; i++) {
		err = pvm_pcpu_take(p->cpus[i], why);
		if (err)
			return err;
	}
	return 0;
}

static void free_part(struct kref *ref)
{
	struct pvm_part *p = container_of(ref, struct pvm_part, ref);

	if (p->sup && p->sup->console)
		free_pages((unsigned long)p->sup->console, get_order(PVM_PART_CONSOLE_BYTES));
	free_pages((unsigned long)p->sup, get_order(sizeof(*p->sup)));
	kfree(p);
}

/** pvm_part_put() - one reference less. Context: sleeps. */
void pvm_part_put(struct pvm_part *p)
{
	kref_put(&p->ref, free_part);
}

static struct pvm_part *alloc_part(const struct pvm_create_partition *a)
{
	struct pvm_part *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	kref_init(&p->ref);
	INIT_LIST_HEAD(&p->link);
	mutex_init(&p->lock);
	atomic_set(&p->mem_users, 1);
	init_waitqueue_head(&p->wq);
	INIT_DELAYED_WORK(&p->poll, pvm_part_poll);
	p->flags = a->flags;
	p->nr_cpus = a->cpus_count;
	p->uart_real = a->uart_port;
	p->uart_port = a->uart_port ?: PVM_PART_UART_PORT;
	p->created_ns = ktime_get_boottime_ns();
	strscpy(p->name, a->name, sizeof(p->name));
	if (a->memory_addr != PVM_PART_ADDR_ANY) {
		p->claim_addr = a->memory_addr;
		p->claim_bytes = a->memory_bytes;
	}
	return p;
}

/**
 * pvm_part_create() - take the resources of a partition from the host
 * @a:		checked by uapi/check.c
 * @cpus:	its array
 * @pci:	its array
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps, long (CPU hotplug, page migration). Return: the partition, not yet in lists and with one file's
 * reference, or an ERR_PTR; then everything is with the host again.
 */
struct pvm_part *pvm_part_create(const struct pvm_create_partition *a, const u32 *cpus, const u32 *pci,
				 struct pvm_why *why)
{
	struct pvm_part *p;
	int err;

	err = check_machine(why);
	if (err)
		return ERR_PTR(err);
	p = alloc_part(a);
	if (!p)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&p->lock);	/* from before it is in the list: on_reboot() waits for all of it, or for nothing */
	err = pvm_part_claim(p, why);
	if (err)
		goto err_unlock;
	err = build(p, a, cpus, pci, why);
	if (err) {
		p->destroyed = true;
		unbuild(p);
		goto err_unclaim;
	}
	mutex_unlock(&p->lock);
	p->nr_files = 1;
	pvm_info("partition %s: %u CPUs, %llu MiB at %#llx, %u PCI functions", p->name, p->nr_cpus,
		 p->mem.bytes >> 20, p->mem.addr, p->nr_pci);
	return p;

err_unclaim:
	pvm_part_unclaim(p);
err_unlock:
	mutex_unlock(&p->lock);
	pvm_part_put(p);
	return ERR_PTR(err);
}

/** pvm_part_publish() - its descriptor exists: visible to others. Context: sleeps. */
void pvm_part_publish(struct pvm_part *p)
{
	p->announced = true;
	pvm_part_show(p);
	trace_pvm_part_state(p->id, p->name, PVM_TRACE_PART_NONE, PVM_PART_CREATED, PVM_PSTOP_NONE);
	pvm_part_post(p, PVM_EVENT_PART_CREATED, 0, NULL);
}

/* ---- its end ------------------------------------------------------------------------------------------------ */

static void destroy_locked(struct pvm_part *p)
{
	bool kept = p->kept;

	lockdep_assert_held(&p->lock);
	pvm_part_hide(p);
	cancel_delayed_work_sync(&p->poll);	/* it only tries the lock */
	p->destroyed = true;
	p->kept = false;
	trace_pvm_part_state(p->id, p->name, p->state, PVM_TRACE_PART_NONE, PVM_PSTOP_NONE);
	unbuild(p);
	pvm_info("partition %s is gone", p->name);
	if (p->announced)
		pvm_part_post(p, PVM_EVENT_PART_DESTROYED, 0, NULL);
	wake_up_all(&p->wq);
	if (kept) {	/* not the last ones: whoever calls holds both by a descriptor */
		pvm_part_put(p);
		module_put(THIS_MODULE);
	}
}

/**
 * pvm_part_destroy() - give everything back
 * @p: partition
 *
 * Context: sleeps, long. Return: 0, -EBUSY while it runs, -ENODEV if it is gone.
 */
int pvm_part_destroy(struct pvm_part *p)
{
	int err = 0;

	mutex_lock(&p->lock);
	if (p->destroyed)
		err = -ENODEV;
	else if (p->state == PVM_PART_RUNNING)
		err = -EBUSY;
	else
		destroy_locked(p);
	mutex_unlock(&p->lock);
	return err;
}

/**
 * pvm_part_put_file() - a descriptor was closed
 * @p: partition
 *
 * The last one stops and destroys what nobody asked to keep.
 * Context: sleeps, long.
 */
void pvm_part_put_file(struct pvm_part *p)
{
	bool last;

	mutex_lock(&p->lock);
	last = pvm_part_close_file(p);
	if (last && p->state == PVM_PART_RUNNING)
		pvm_part_stop_locked(p, PVM_PSTOP_ASKED, PVM_PART_STOP_MS);
	if (last)
		destroy_locked(p);
	mutex_unlock(&p->lock);
	pvm_part_put(p);
}

/** pvm_part_keep() - it outlives its descriptors. Context: sleeps. Return: 0 or -ENODEV. */
int pvm_part_keep(struct pvm_part *p)
{
	int err = 0;

	mutex_lock(&p->lock);
	if (p->destroyed) {
		err = -ENODEV;
	} else if (!p->kept) {
		__module_get(THIS_MODULE);
		kref_get(&p->ref);
		p->kept = true;
	}
	mutex_unlock(&p->lock);
	return err;
}

/* ---- mapping ------------------------------------------------------------------------------------------------ */

static void vma_open(struct vm_area_struct *vma)
{
	struct pvm_part *p = vma->vm_private_data;

	atomic_inc(&p->mem_users);
}

static void vma_close(struct vm_area_struct *vma)
{
	put_memory(vma->vm_private_data);
}

static const struct vm_operations_struct memory_vm_ops = {
	.open = vma_open,
	.close = vma_close,
};

static int map_range(struct pvm_part *p, struct vm_area_struct *vma, u64 offset, u64 addr, u64 bytes)
{
	u64 length = vma->vm_end - vma->vm_start;
	int err;

	if (!pvm_plan_inside(offset, length, 0, bytes))
		return -EINVAL;
	if (READ_ONCE(p->destroyed) || !atomic_inc_not_zero(&p->mem_users))
		return -ENODEV;
	err = remap_pfn_range(vma, vma->vm_start, PHYS_PFN(addr + offset), length, vma->vm_page_prot);
	if (err) {
		put_memory(p);
		return err;
	}
	vma->vm_private_data = p;
	vma->vm_ops = &memory_vm_ops;
	return 0;
}

/**
 * pvm_part_mmap() - map its memory, window or console
 * @p:		partition
 * @vma:	of mmap(2)
 *
 * Context: sleeps, mmap_lock: takes no lock inside which CPUs come and go. Return: 0, -EINVAL, -ENXIO, -ENODEV.
 */
int pvm_part_mmap(struct pvm_part *p, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (offset < PVM_PART_MMAP_LOW)
		return map_range(p, vma, offset, p->mem.addr, p->mem.bytes);
	if (offset < PVM_PART_MMAP_CONSOLE)
		return map_range(p, vma, offset - PVM_PART_MMAP_LOW, p->mem.low_addr, p->mem.low_bytes);
	if (!p->sup->console)
		return -ENXIO;
	return map_range(p, vma, offset - PVM_PART_MMAP_CONSOLE, virt_to_phys(p->sup->console),
			 PVM_PART_CONSOLE_BYTES);
}

/* ---- loading ------------------------------------------------------------------------------------------------ */

/** pvm_part_global_init() - partitions can be made, if the machine can. Context: sleeps. Return: 0 or an errno. */
int pvm_part_global_init(void)
{
	int err;

	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL || boot_cpu_has(X86_FEATURE_VMX))
		part_ops = &pvm_vmx_ops;
	else
		part_ops = &pvm_svm_ops;
	err = pvm_run_global_init();
	if (err)
		return err;
	err = pvm_pcpu_global_init();
	if (err)
		goto err_run;
	err = pvm_part_pci_global_init();
	if (err)
		goto err_cpu;
	err = pvm_part_host_init();
	if (err)
		goto err_pci;
	return 0;

err_pci:
	pvm_part_pci_global_fini();
err_cpu:
	pvm_pcpu_global_fini();
err_run:
	pvm_run_global_fini();
	return err;
}

/** pvm_part_global_fini() - no partition is left, or the module could not go. Context: sleeps. */
void pvm_part_global_fini(void)
{
	pvm_part_host_fini();
	pvm_part_pci_global_fini();
	pvm_pcpu_global_fini();
	pvm_run_global_fini();
}
