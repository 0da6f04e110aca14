// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host is up to, and what that means for partitions: it ends, wants to sleep, gets memory.
 */
#include <linux/delay.h>
#include <linux/memory.h>
#include <linux/pfn.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "compat/compat.h"
#include "part/part.h"

/* One that is being made or unmade may wait, in a driver of the host, for the very lock that notifiers run under. */
static bool lock_soon(struct pvm_part *p)
{
	u32 i;

	for (i = 0; i < 500; i++) {
		if (mutex_trylock(&p->lock))
			return true;
		msleep(10);
	}
	return false;
}

/*
 * Shutdown, reboot, kexec: no partition survives, its memory and devices are the next kernel's. Its CPUs wait for a
 * SIPI then: halted in here, an NMI or machine check would make them run what the next kernel has put in this place.
 */
static int on_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pvm_part *p;
	u32 i;

	pvm_part_no_more();
	while ((p = pvm_part_next_up())) {
		if (!lock_soon(p)) {
			pvm_err("partition %s: is being made or given back for 5 s; the host goes down without it", p->name);
			pvm_part_put(p);
			continue;
		}
		if (p->state == PVM_PART_RUNNING)
			pvm_part_stop_locked(p, PVM_PSTOP_HOST, PVM_PART_STOP_MS);
		for (i = 0; !p->destroyed && i < p->nr_cpus; i++)
			if (p->cpus[i]->is_taken)
				pvm_pcpu_init_ipi(p->cpus[i]);
		mutex_unlock(&p->lock);
		pvm_part_put(p);
	}
	return NOTIFY_DONE;
}

/* RESTORE: the image of a host that slept would be loaded over this one, partitions' memory included. */
static int on_suspend(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		if (pvm_part_host_sleeps())
			return NOTIFY_DONE;
		pvm_info("the host does not sleep while there are partitions: destroy them first");
		return notifier_from_errno(-EBUSY);
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		pvm_part_host_wakes();
		return NOTIFY_DONE;
	default:
		return NOTIFY_DONE;
	}
}

/* Offline blocks that a partition has do not go online. A refusal, ours or another's, is followed by CANCEL. */
static int on_memory(struct notifier_block *nb, unsigned long action, void *data)
{
	struct memory_notify *m = data;

	switch (action) {
	case MEM_GOING_ONLINE:
		if (pvm_part_memory_going_online(PFN_PHYS(m->start_pfn), PFN_PHYS(m->nr_pages)))
			return NOTIFY_OK;
		return notifier_from_errno(-EBUSY);
	case MEM_ONLINE:
	case MEM_CANCEL_ONLINE:
		pvm_part_memory_settled();
		return NOTIFY_OK;
	default:
		return NOTIFY_OK;
	}
}

static struct notifier_block reboot_nb = { .notifier_call = on_reboot, .priority = INT_MAX };
static struct notifier_block suspend_nb = { .notifier_call = on_suspend };
static struct notifier_block memory_nb = { .notifier_call = on_memory };

/** pvm_part_host_init() - listen. Context: sleeps. Return: 0 or an errno. */
int pvm_part_host_init(void)
{
	int err;

	err = register_memory_notifier(&memory_nb);
	if (err)
		return err;
	err = register_pm_notifier(&suspend_nb);
	if (err)
		goto err_memory;
	err = register_reboot_notifier(&reboot_nb);
	if (err)
		goto err_pm;
	return 0;

err_pm:
	unregister_pm_notifier(&suspend_nb);
err_memory:
	unregister_memory_notifier(&memory_nb);
	return err;
}

/** pvm_part_host_fini() - listen no more. Context: sleeps. */
void pvm_part_host_fini(void)
{
	unregister_reboot_notifier(&reboot_nb);
	unregister_pm_notifier(&suspend_nb);
	unregister_memory_notifier(&memory_nb);
}
