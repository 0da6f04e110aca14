// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions: from their host driver to a partition and back, and the host's end of configuration accesses.
 *
 *	host driver ──unbound──▶ "pvm-partition" (a driver that does nothing) ──reset──▶ partition
 *	     ▲                                                                              │ bus mastering off, reset
 *	     └───────────────device_attach()◀──────────unbound◀─────────────────────────────┘
 *
 * Bound to our driver a function is nobody else's, and keeps its BARs and its power. Between a stop and the next start
 * it is no bus master. Only an ordinary function with MSI or MSI-X is taken, and one the host can do without.
 *
 * Host side. pci_check.c asks whether the host can; pci_cfg.c decides what of an access reaches a function; pci_mail.c
 * is the other end.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/pci_cfg.h"
#include "part/pci_mail.h"

#define BUSY_POLL_US	50		/* how soon a question is seen after another one, and while all is quiet */
#define IDLE_POLL_MS	5
#define BUSY_TURNS	2000

struct pvm_pci_fn {
	struct pci_dev *dev;		/* reference */
	struct pci_dev *bridge;		/* above it, NULL none; reference */
	u32 bdf;			/* bus << 8 | devfn */
	bool ours;			/* bound to our driver for this partition */
	bool bound;			/* device's lock: and enabled, regions requested, it is the device's drvdata */
	bool gone;			/* unplugged: by remove(). access_lock, readers READ_ONCE */
	struct pci_saved_state *saved;
	struct pvm_pci_bar bars[PVM_PCI_BARS];
	u16 guest_bdf;			/* where the partition sees it */
	bool others;			/* there are others in its slot */
	struct pvm_pci_view view;	/* of the server, made anew at each start */
};

struct pvm_pci {
	u32 nr;
	u32 nr_cpus;
	struct task_struct *server;
	struct pvm_pci_mail *mail;	/* a page of letter boxes, one per CPU */
	struct pvm_pci_fn fn[];
};

/* ---- the driver that does nothing ----------------------------------------------------------- */

static DEFINE_MUTEX(bind_lock);		/* protects: expected, and who binds a function to our driver */
static struct pci_dev *expected;	/* the function that is being bound */
static DEFINE_MUTEX(access_lock);	/* protects: gone, from its test to the end of a configuration access */

/* Its table names every function, so that any can be bound; it takes only the one that is wanted. */
static int stub_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	return dev == READ_ONCE(expected) ? 0 : -ENODEV;
}

/* Bits that make a function send interrupts on its own. */
static void silence(struct pci_dev *dev)
{
	static const struct {
		u8 id;
		u16 bits;
	} caps[] = { { PCI_CAP_ID_MSI, PCI_MSI_FLAGS_ENABLE }, { PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS_ENABLE } };
	u16 flags;
	u32 i;
	u8 at;

	pci_clear_master(dev);
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		at = pci_find_capability(dev, caps[i].id);
		if (!at)
			continue;
		pci_read_config_word(dev, at + PCI_MSI_FLAGS, &flags);
		pci_write_config_word(dev, at + PCI_MSI_FLAGS, flags & ~caps[i].bits);
	}
}

/* What take_function() did to it. Under the device's lock; twice is fine. */
static void let_go(struct pvm_pci_fn *f)
{
	if (!f->bound)
		return;
	f->bound = false;
	pci_set_drvdata(f->dev, NULL);
	pci_release_regions(f->dev);
	pci_disable_device(f->dev);
}

/*
 * Unplugged, or removed by an administrator: then it is still there and works, and nobody but us stops its DMA. The
 * driver core holds the device's lock. The partition's next write would make it bus master again: there is none.
 */
static void stub_remove(struct pci_dev *dev)
{
	struct pvm_pci_fn *f = pci_get_drvdata(dev);

	if (!f)
		return;
	mutex_lock(&access_lock);
	WRITE_ONCE(f->gone, true);
	mutex_unlock(&access_lock);
	if (pci_device_is_present(dev))
		silence(dev);
	let_go(f);
}

static const struct pci_device_id stub_ids[] = {
	{ PCI_DEVICE(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};

static struct pci_driver stub = {
	.name = "pvm-partition",
	.id_table = stub_ids,
	.probe = stub_probe,
	.remove = stub_remove,
	.driver = { .suppress_bind_attrs = true },
};

/** pvm_part_pci_global_init() - at module load. Context: sleeps. Return: 0 or an errno. */
int pvm_part_pci_global_init(void)
{
	return pci_register_driver(&stub);
}

/** pvm_part_pci_global_fini() - no partition is left. Context: sleeps. */
void pvm_part_pci_global_fini(void)
{
	pci_unregister_driver(&stub);
}

/* ---- may it be taken ------------------------------------------------------------------------ */

static int read_bars(struct pvm_pci_fn *f, struct pvm_why *why)
{
	u32 i;

	for (i = 0; i < PVM_PCI_BARS; i++) {
		struct resource *r = &f->dev->resource[i];

		if (!(r->flags & IORESOURCE_MEM) || !resource_size(r))
			continue;
		if (r->flags & IORESOURCE_UNSET || !r->start)
			return pvm_why(why, -EBUSY, "%s: the host gave no address to BAR %u", pci_name(f->dev), i);
		f->bars[i] = (struct pvm_pci_bar){
			.addr = r->start,
			.bytes = resource_size(r),
			.is_64 = r->flags & IORESOURCE_MEM_64,
			.prefetch = r->flags & IORESOURCE_PREFETCH,
		};
	}
	return 0;
}

static int make_view(struct pvm_pci_fn *f)
{
	u32 raw[PVM_PCI_DWORDS], i;

	for (i = 0; i < PVM_PCI_DWORDS; i++)
		pci_read_config_dword(f->dev, i * 4, &raw[i]);
	return pvm_pci_view_init(&f->view, f->guest_bdf, f->others, raw, f->bars);
}

static int check_function(struct pvm_pci_fn *f, struct pvm_why *why)
{
	struct pci_dev *dev = f->dev;
	int err;

	if (dev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return pvm_why(why, -EINVAL, "%s is a bridge", pci_name(dev));
	if (dev->driver == &stub)
		return pvm_why(why, -EBUSY, "%s belongs to another partition", pci_name(dev));
	err = pvm_pci_check_iommu(dev, why);
	if (err)
		return err;
	err = read_bars(f, why);
	if (err)
		return err;
	if (make_view(f))
		return pvm_why(why, -EINVAL, "%s is a bridge, or its capability list does not end", pci_name(dev));
	if (!f->view.has_msi)
		return pvm_why(why, -EOPNOTSUPP,
			       "%s has neither MSI nor MSI-X; a partition has no other interrupts", pci_name(dev));
	return pvm_pci_check_unused(dev, why);
}

/* ---- to us and back ------------------------------------------------------------------------- */

static int bind_to_stub(struct pvm_pci_fn *f, struct pvm_why *why)
{
	bool is_taken;
	int err = 0;

	mutex_lock(&bind_lock);
	is_taken = f->dev->driver == &stub;	/* by a creation at the same time: it is not ours to take away */
	if (!is_taken) {
		device_release_driver(&f->dev->dev);
		WRITE_ONCE(expected, f->dev);
		err = device_driver_attach(&stub.driver, &f->dev->dev);
		WRITE_ONCE(expected, NULL);
		if (!err && f->dev->driver != &stub)
			err = -EBUSY;
		f->ours = !err;
	}
	mutex_unlock(&bind_lock);
	if (is_taken)
		return pvm_why(why, -EBUSY, "%s belongs to another partition", pci_name(f->dev));
	if (err)
		return pvm_why(why, -EBUSY, "%s: taking it from its driver failed (error %d); is its driver_override set?",
			       pci_name(f->dev), -err);
	return 0;
}

/* Offered to the drivers of the host, the one it had among them. */
static void offer_to_host(struct pci_dev *dev)
{
	if (device_attach(&dev->dev) < 0)
		pvm_info("%s: no driver of the host takes it", pci_name(dev));
}

/* As the kernel does for a reset, the bridge first. stub_remove() waits, or has been. */
static void lock_function(struct pvm_pci_fn *f)
{
	if (f->bridge)
		pci_dev_lock(f->bridge);
	pci_dev_lock(f->dev);
}

static void unlock_function(struct pvm_pci_fn *f)
{
	pci_dev_unlock(f->dev);
	if (f->bridge)
		pci_dev_unlock(f->bridge);
}

/* No DMA from here on. A function without any kind of reset keeps its inner state, but is no bus master. */
static void quiesce(struct pvm_pci_fn *f)
{
	lock_function(f);
	if (f->bound && !READ_ONCE(f->gone)) {
		silence(f->dev);
		if (pci_reset_function_locked(f->dev))
			pvm_info("%s has no reset of its own: it was only switched off", pci_name(f->dev));
		pci_load_saved_state(f->dev, f->saved);
		pci_restore_state(f->dev);
	}
	unlock_function(f);
}

static void give_function(struct pvm_pci_fn *f)
{
	if (!f->dev)
		return;
	if (f->ours) {
		quiesce(f);
		device_lock(&f->dev->dev);	/* behind it stub_remove() does not know f any more */
		let_go(f);
		device_unlock(&f->dev->dev);
	}
	if (f->ours && f->dev->driver == &stub && !READ_ONCE(f->gone)) {
		f->ours = false;
		device_release_driver(&f->dev->dev);
		offer_to_host(f->dev);
	}
	kfree(f->saved);
	pci_dev_put(f->bridge);
	pci_dev_put(f->dev);
	f->saved = NULL;
	f->dev = NULL;
}

static int enable(struct pvm_pci_fn *f, struct pvm_why *why)
{
	struct pci_dev *dev = f->dev;
	int err;

	if (dev->driver != &stub)
		return pvm_why(why, -EBUSY, "%s was unplugged", pci_name(dev));
	err = pci_enable_device_mem(dev);
	if (err)
		return pvm_why(why, -EBUSY, "%s cannot be enabled (error %d)", pci_name(dev), -err);
	err = pci_request_regions(dev, "pvm-partition");
	if (err) {
		pci_disable_device(dev);
		return pvm_why(why, -EBUSY, "%s: its BARs are in use", pci_name(dev));
	}
	silence(dev);
	pci_intx(dev, 0);
	pci_save_state(dev);
	f->saved = pci_store_saved_state(dev);
	if (!f->saved) {
		pci_release_regions(dev);
		pci_disable_device(dev);
		return pvm_why(why, -ENOMEM, "no memory for the state of %s", pci_name(dev));
	}
	pci_set_drvdata(dev, f);
	f->bound = true;
	return 0;
}

static int take_function(struct pvm_pci_fn *f, struct pvm_why *why)
{
	int err;

	err = bind_to_stub(f, why);
	if (err) {
		offer_to_host(f->dev);
		return err;
	}
	device_lock(&f->dev->dev);	/* against stub_remove() */
	err = enable(f, why);
	device_unlock(&f->dev->dev);
	if (!err)
		quiesce(f);
	return err;
}

static int find_function(struct pvm_pci *pci, u32 bdf, struct pvm_why *why)
{
	struct pvm_pci_fn *f = &pci->fn[pci->nr];
	u32 i;

	for (i = 0; i < pci->nr; i++)
		if (pci->fn[i].bdf == bdf)
			return pvm_why(why, -EINVAL, "%s is named twice", pci_name(pci->fn[i].dev));
	f->dev = bdf >> 16 ? NULL : pci_get_domain_bus_and_slot(0, bdf >> 8, bdf & 0xff);
	if (!f->dev)
		return pvm_why(why, -EINVAL, "there is no PCI function %04x:%02x:%02x.%u", bdf >> 16,
			       bdf >> 8 & 0xff, bdf >> 3 & 0x1f, bdf & 7);
	f->bridge = pci_dev_get(pci_upstream_bridge(f->dev));
	f->bdf = bdf;
	pci->nr++;
	return 0;
}

/**
 * pvm_part_pci_take() - functions leave the host
 * @p:		partition being built
 * @bdfs:	segment << 16 | bus << 8 | devfn
 * @count:	0..PVM_PART_MAX_PCI
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps, part->lock. Return: 0, -EINVAL, -EBUSY, -EOPNOTSUPP, -ENOMEM; pvm_part_pci_give() undoes half of it.
 */
int pvm_part_pci_take(struct pvm_part *p, const u32 *bdfs, u32 count, struct pvm_why *why)
{
	struct pvm_pci *pci;
	u32 i;
	int err;

	BUILD_BUG_ON(sizeof(struct pvm_pci_mail) * PVM_PART_MAX_CPUS > PAGE_SIZE);
	if (!count)
		return 0;
	pci = kzalloc(struct_size(pci, fn, count), GFP_KERNEL_ACCOUNT);
	if (!pci)
		return pvm_why(why, -ENOMEM, "no kernel memory for PCI functions");
	p->pci = pci;
	pci->nr_cpus = p->nr_cpus;
	pci->mail = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!pci->mail)
		return pvm_why(why, -ENOMEM, "no kernel memory for PCI functions");
	for (i = 0; i < count; i++) {
		err = find_function(pci, bdfs[i], why);
		if (err)
			return err;
	}
	/* All are looked at before the first loses its driver. */
	for (i = 0; i < count; i++) {
		pci->fn[i].others = pvm_pci_place(bdfs, count, i, &pci->fn[i].guest_bdf);
		err = check_function(&pci->fn[i], why);
		if (err)
			return err;
	}
	for (i = 0; i < count; i++) {
		err = take_function(&pci->fn[i], why);
		if (err)
			return err;
	}
	p->nr_pci = count;
	p->sup->pci_mail = pci->mail;
	return 0;
}

/** pvm_part_pci_give() - back to the host; the partition does not run. Context: sleeps, part->lock. */
void pvm_part_pci_give(struct pvm_part *p)
{
	struct pvm_pci *pci = p->pci;
	u32 i;

	if (!pci)
		return;
	pvm_part_pci_stop(p);
	for (i = 0; i < pci->nr; i++)
		give_function(&pci->fn[i]);
	p->sup->pci_mail = NULL;
	free_page((unsigned long)pci->mail);
	kfree(pci);
	p->pci = NULL;
}

/* ---- configuration accesses ----------------------------------------------------------------- */

static struct pvm_pci_fn *function_at(struct pvm_pci *pci, u32 bdf)
{
	u32 i;

	for (i = 0; i < pci->nr; i++)
		if (pci->fn[i].guest_bdf == bdf)
			return READ_ONCE(pci->fn[i].gone) ? NULL : &pci->fn[i];
	return NULL;
}

static u32 access_function(struct pvm_pci_fn *f, u32 reg, u32 bytes, bool is_write, u32 value)
{
	u32 hw = 0, result;

	if (pvm_pci_needs_device(&f->view, reg, bytes, is_write))
		pci_read_config_dword(f->dev, reg & ~3u, &hw);
	if (!is_write)
		return pvm_pci_read(&f->view, reg, bytes, hw);
	if (pvm_pci_write(&f->view, reg, bytes, value, hw, &result))
		pci_write_config_dword(f->dev, reg & ~3u, result);
	return 0;
}

static u32 answer(struct pvm_pci *pci, const struct pvm_pci_mail *m)
{
	u32 reg = m->index & 0xff, bdf = m->index >> 8;
	struct pvm_pci_fn *f;
	u32 result;

	if ((m->bytes != 1 && m->bytes != 2 && m->bytes != 4) || (reg & 3) + m->bytes > 4)
		return ~0u;
	if (!bdf)
		return pvm_pci_read_bridge(reg, m->bytes);
	mutex_lock(&access_lock);
	f = function_at(pci, bdf);
	result = f ? access_function(f, reg, m->bytes, m->is_write, m->value) : ~0u;
	mutex_unlock(&access_lock);
	return result;
}

/* One round over the letter boxes. Return: was there a letter. */
static bool serve(struct pvm_pci *pci)
{
	struct pvm_pci_mail *box, m;
	bool any = false;
	u32 i;

	for (i = 0; i < pci->nr_cpus; i++) {
		box = &pci->mail[i];
		m.sequence = smp_load_acquire(&box->sequence);
		if (m.sequence == READ_ONCE(box->done))
			continue;
		m.index = READ_ONCE(box->index);
		m.bytes = READ_ONCE(box->bytes);
		m.is_write = READ_ONCE(box->is_write);
		m.value = READ_ONCE(box->value);
		smp_rmb();			/* a question that was given up and asked anew is read again */
		any = true;
		if (READ_ONCE(box->sequence) != m.sequence)
			continue;
		WRITE_ONCE(box->result, answer(pci, &m));
		smp_store_release(&box->done, m.sequence);
	}
	return any;
}

static int server(void *data)
{
	struct pvm_pci *pci = data;
	u32 quiet = 0;

	while (!kthread_should_stop()) {
		quiet = serve(pci) ? 0 : min_t(u32, quiet + 1, BUSY_TURNS);
		if (quiet < BUSY_TURNS)
			usleep_range(BUSY_POLL_US, 2 * BUSY_POLL_US);
		else
			msleep_interruptible(IDLE_POLL_MS);
	}
	return 0;
}

/** pvm_part_pci_start() - before its CPUs start: serve configuration accesses. Context: sleeps, part->lock. */
void pvm_part_pci_start(struct pvm_part *p)
{
	struct pvm_pci *pci = p->pci;
	struct task_struct *t;
	u32 i;

	if (!pci || pci->server)
		return;
	memset(pci->mail, 0, PAGE_SIZE);
	for (i = 0; i < pci->nr; i++)
		if (!READ_ONCE(pci->fn[i].gone) && make_view(&pci->fn[i]))
			WRITE_ONCE(pci->fn[i].gone, true);	/* it answered once: somebody pulled it */
	t = kthread_run(server, pci, "pvm-pci/%s", p->name);
	if (IS_ERR(t))
		pvm_err("partition %s: no thread for its PCI functions, it will not see them", p->name);
	else
		pci->server = t;
}

/** pvm_part_pci_stop() - after its CPUs stopped: no DMA any more. Context: sleeps, part->lock. */
void pvm_part_pci_stop(struct pvm_part *p)
{
	struct pvm_pci *pci = p->pci;
	u32 i;

	if (!pci || !pci->server)
		return;
	kthread_stop(pci->server);
	pci->server = NULL;
	for (i = 0; i < pci->nr; i++)
		quiesce(&pci->fn[i]);
}

/**
 * pvm_part_pci_bars() - its memory BARs, as the host has them
 * @p:		partition
 * @bars:	OUT
 * @room:	how many fit
 * @count:	OUT: how many there are
 *
 * Context: sleeps, part->lock. Return: 0, or -EMSGSIZE: they do not fit.
 */
int pvm_part_pci_bars(struct pvm_part *p, struct pvm_part_bar *bars, u32 room, u32 *count)
{
	struct pvm_pci *pci = p->pci;
	u32 i, b, n = 0;

	for (i = 0; pci && i < pci->nr; i++) {
		for (b = 0; b < PVM_PCI_BARS; b++) {
			const struct pvm_pci_bar *bar = &pci->fn[i].bars[b];

			if (!bar->bytes)
				continue;
			if (n < room)
				bars[n] = (struct pvm_part_bar){
					.bdf = pci->fn[i].bdf, .bar = b, .addr = bar->addr, .bytes = bar->bytes,
				};
			n++;
		}
	}
	*count = n;
	return n > room ? -EMSGSIZE : 0;
}
