// SPDX-License-Identifier: GPL-2.0-only
/*
 * Can the host do without a PCI function: no disk below it is open, no network interface below it is up. And can a
 * partition do with it: its messages and its DMA are not translated by an IOMMU, of which a partition knows nothing.
 *
 * Host side; only looks. pci.c takes.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/netdevice.h>
#include <linux/pci.h>

#include "compat/compat.h"
#include "part/part.h"

#define MAX_DEPTH	16		/* of devices below a function */
#define OPEN_RETRIES	20		/* udev opens disks for a moment */
#define OPEN_RETRY_MS	50

struct busy {
	u32 depth;
	char name[BDEVNAME_SIZE];	/* of the disk or interface; empty: none */
	bool is_net;
	const char *head;		/* while looking for a disk by name */
};

static bool is_open_disk(struct device *dev)
{
	return atomic_read(&dev_to_bdev(dev)->bd_openers) > 0;
}

static int look_for_head(struct device *dev, void *data)
{
	struct busy *b = data;

	return !strcmp(dev_name(dev), b->head) && is_open_disk(dev);
}

/*
 * NVMe with multipath: nvme0c1n2 is a path, below the function; nvme0n2 is what is opened, below no function. Both are
 * in the class of disks.
 */
static bool is_open_by_path(struct device *dev, struct busy *b)
{
	char head[BDEVNAME_SIZE];
	u32 subsystem, controller, space;

	if (sscanf(dev_name(dev), "nvme%uc%un%u", &subsystem, &controller, &space) != 3)
		return false;
	snprintf(head, sizeof(head), "nvme%un%u", subsystem, space);
	b->head = head;
	return class_for_each_device(dev->class, NULL, b, look_for_head);
}

static int look_for_users(struct device *dev, void *data)
{
	struct busy *b = data;
	int stop = 0;

	if (dev->class && !strcmp(dev->class->name, "block"))
		stop = is_open_disk(dev) || is_open_by_path(dev, b);
	else if (dev->class && !strcmp(dev->class->name, "net"))
		stop = b->is_net = READ_ONCE(to_net_dev(dev)->flags) & IFF_UP;
	if (stop) {
		strscpy(b->name, dev_name(dev), sizeof(b->name));
		return stop;
	}
	if (b->depth < MAX_DEPTH) {
		b->depth++;
		stop = device_for_each_child(dev, b, look_for_users);
		b->depth--;
	}
	return stop;
}

/**
 * pvm_pci_check_unused() - nobody on the host uses what is behind a function
 * @dev:	function
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps, for a second while a disk is open. Return: 0 or -EBUSY.
 */
int pvm_pci_check_unused(struct pci_dev *dev, struct pvm_why *why)
{
	struct busy b = {};
	u32 i;

	for (i = 0; i < OPEN_RETRIES; i++) {
		b = (struct busy){};
		device_for_each_child(&dev->dev, &b, look_for_users);
		if (!b.name[0])
			return 0;
		if (b.is_net)
			return pvm_why(why, -EBUSY, "%s is in use: interface %s is up", pci_name(dev), b.name);
		msleep(OPEN_RETRY_MS);
	}
	return pvm_why(why, -EBUSY, "%s is in use: disk %s is open (mounted?)", pci_name(dev), b.name);
}

/*
 * With interrupt remapping the messages a partition programs are refused by the IOMMU. The names of the domains that
 * remap are "INTEL-IR-..." and "AMD-IR-..." on all kernels; there is no function to ask.
 */
static bool messages_are_remapped(struct pci_dev *dev)
{
	struct irq_domain *d;

	for (d = dev_get_msi_domain(&dev->dev); d; d = d->parent)
		if (d->name && strstr(d->name, "-IR"))
			return true;
	return false;
}

/**
 * pvm_pci_check_iommu() - neither its messages nor its DMA are translated
 * @dev:	function
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps. Return: 0 or -EOPNOTSUPP.
 */
int pvm_pci_check_iommu(struct pci_dev *dev, struct pvm_why *why)
{
	struct iommu_domain *d = iommu_get_domain_for_dev(&dev->dev);

	if (messages_are_remapped(dev))
		return pvm_why(why, -EOPNOTSUPP,
			       "%s: the host remaps interrupts; boot it with intremap=off", pci_name(dev));
	if (d && d->type != IOMMU_DOMAIN_IDENTITY)
		return pvm_why(why, -EOPNOTSUPP,
			       "%s: an IOMMU translates its DMA; boot the host with iommu=pt", pci_name(dev));
	return 0;
}
