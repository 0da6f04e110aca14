// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a partition: got from the host, cleared, mapped for its loader, cleared, given back.
 *
 *	no address		a contiguous range out of the host's free and movable memory, from the top down
 *	address, online RAM	exactly that range, likewise
 *	address, offline RAM	memory blocks that an administrator took offline; every one is verified
 *	address, reserved	memory of the machine that was kept from the host at boot (memmap=SIZE$ADDR). What the
 *				firmware reserved looks the same to a module: libpvm compares with the firmware's own
 *				map, and whoever gives an address here has CAP_SYS_RAWIO
 *
 * Below 1 MiB the kernel reserves everything at boot and uses only its own SMP trampoline, near the top. Partitions'
 * kernels need a little memory there for theirs: windows in what is RAM and not near the host's (plan.h).
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/plan.h"

#define UNIT		(2ull << 20)	/* sizes and addresses are multiples of it */
#define CLEAR_BYTES	(16ull << 20)	/* mapped at once */
#define MAX_TRIES	64u		/* ranges tried for one request */
#define REALMODE_END	0x65a22c82u	/* ends the host's trampoline (arch/x86/realmode/rm/header.S) */

/* ---- clearing ----------------------------------------------------------------------------------------------- */

static int clear(u64 addr, u64 bytes)
{
	u64 step, at;
	void *map;

	for (at = addr; at < addr + bytes; at += step) {
		step = min(CLEAR_BYTES, addr + bytes - at);
		map = memremap(at, step, MEMREMAP_WB);
		if (!map)
			return -ENOMEM;
		memset(map, 0, step);
		memunmap(map);
		cond_resched();
	}
	return 0;
}

/* ---- from the page allocator -------------------------------------------------------------------------------- */

static int take_contig(struct pvm_mem *m, u64 addr, u64 bytes)
{
	int err = alloc_contig_range(PHYS_PFN(addr), PHYS_PFN(addr + bytes), ACR_FLAGS_NONE,
				     GFP_KERNEL | __GFP_NOWARN);

	if (err)
		return err;
	m->kind = PVM_MEM_CONTIG;
	m->addr = addr;
	m->bytes = bytes;
	return 0;
}

/* 0, or the page that spoils [first, end): not memory, offline, another zone's, kept by the kernel. */
static unsigned long first_bad_below(struct zone *zone, unsigned long first, unsigned long end)
{
	unsigned long pfn;
	struct page *page;

	for (pfn = end - 1; pfn >= first; pfn--) {
		page = pfn_to_online_page(pfn);
		if (!page || page_zone(page) != zone || PageReserved(page))
			return pfn;
		if (!(pfn & 0xffff))
			cond_resched();
	}
	return 0;
}

static int search_zone(struct pvm_mem *m, struct zone *zone, u64 bytes, u32 *tries)
{
	unsigned long pages = PHYS_PFN(bytes), unit = PHYS_PFN(UNIT), bad;
	unsigned long end = round_down(zone_end_pfn(zone), unit);
	unsigned long bottom = max(zone->zone_start_pfn, PHYS_PFN(UNIT));
	unsigned long step = max(round_down(pages / 4, unit), unit);

	while (end >= bottom + pages && *tries) {
		bad = first_bad_below(zone, end - pages, end);
		if (bad) {
			end = round_down(bad, unit);
			continue;
		}
		--*tries;
		if (!take_contig(m, PFN_PHYS(end - pages), bytes))
			return 0;
		if (signal_pending(current))
			return -EINTR;
		end -= step;
	}
	return -EBUSY;
}

static int search(struct pvm_mem *m, u64 bytes, struct pvm_why *why)
{
	u32 tries = MAX_TRIES;
	int nid, z, err = -EBUSY;
	struct zone *zone;

	for_each_online_node(nid) {
		for (z = MAX_NR_ZONES - 1; z >= 0 && err == -EBUSY; z--) {
			zone = &NODE_DATA(nid)->node_zones[z];
			if (!zone_is_zone_device(zone) && populated_zone(zone))
				err = search_zone(m, zone, bytes, &tries);
		}
	}
	if (err == -EBUSY)
		pvm_why(why, err,
			"the host cannot free %llu MiB of contiguous memory; take blocks offline or reserve it at boot",
			bytes >> 20);
	return err;
}

/* ---- at an address ------------------------------------------------------------------------------------------ */

static int claim(struct pvm_mem *m, enum pvm_mem_kind kind, u64 addr, u64 bytes, struct pvm_why *why)
{
	/* Offline blocks stay "System RAM", which nobody can claim: onlining them is refused by on_memory(). */
	m->claim = kind == PVM_MEM_RESERVED ? request_mem_region(addr, bytes, "pvm partition") : NULL;
	if (!m->claim && kind == PVM_MEM_RESERVED)
		return pvm_why(why, -EBUSY, "the memory at %#llx is in use by a driver or another partition", addr);
	m->kind = kind;
	m->addr = addr;
	m->bytes = bytes;
	return 0;
}

/* Online units among the range's: 0 none, all, or something between. */
static u64 online_units(u64 addr, u64 bytes)
{
	u64 at, n = 0;

	for (at = addr; at < addr + bytes; at += UNIT)
		n += !!pfn_to_online_page(PHYS_PFN(at));
	return n;
}

static int take_at(struct pvm_mem *m, u64 bytes, u64 addr, struct pvm_why *why)
{
	u64 online;
	int err;

	switch (region_intersects(addr, bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE)) {
	case REGION_INTERSECTS:
		online = online_units(addr, bytes);
		if (!online)
			return claim(m, PVM_MEM_OFFLINE, addr, bytes, why);
		if (online != bytes / UNIT)
			return pvm_why(why, -EBUSY, "of the memory at %#llx only a part is offline", addr);
		err = take_contig(m, addr, bytes);
		if (err)
			pvm_why(why, -EBUSY, "the memory at %#llx is in use and the host cannot move it away", addr);
		return err ? -EBUSY : 0;
	case REGION_DISJOINT:
		if (region_intersects(addr, bytes, IORESOURCE_MEM, IORES_DESC_RESERVED) != REGION_INTERSECTS)
			return pvm_why(why, -EINVAL, "there is no memory at %#llx, or not %llu MiB of it", addr,
				       bytes >> 20);
		return claim(m, PVM_MEM_RESERVED, addr, bytes, why);
	default:
		return pvm_why(why, -EINVAL, "the range at %#llx is memory of the host only in part", addr);
	}
}

static void release(struct pvm_mem *m)
{
	if (m->kind == PVM_MEM_CONTIG)
		free_contig_range(PHYS_PFN(m->addr), PHYS_PFN(m->bytes));
	if (m->claim)
		release_mem_region(m->addr, m->bytes);
	m->claim = NULL;
	m->kind = PVM_MEM_NONE;
}

/**
 * pvm_mem_take() - memory leaves the host
 * @m:		OUT, zero before
 * @bytes:	multiple of 2 MiB
 * @addr:	multiple of 2 MiB, or PVM_PART_ADDR_ANY
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps, long. Return: 0, -EBUSY, -EINVAL, -ENOMEM, -EINTR; cleared.
 */
int pvm_mem_take(struct pvm_mem *m, u64 bytes, u64 addr, struct pvm_why *why)
{
	int err;

	err = addr == PVM_PART_ADDR_ANY ? search(m, bytes, why) : take_at(m, bytes, addr, why);
	if (err)
		return err;
	err = clear(m->addr, m->bytes);
	if (err) {
		release(m);		/* nothing of a partition's is in it */
		return pvm_why(why, err, "no kernel memory to clear the partition's");
	}
	return 0;
}

/*
 * What cannot be cleared is not given back: it may hold the partition's secrets. (It can only fail for RESERVED: the
 * rest is in the direct map.) The claim in the resource tree stays then, and the module with the name of it.
 */
void pvm_mem_give(struct pvm_mem *m)
{
	if (m->kind == PVM_MEM_NONE)
		return;
	if (!clear(m->addr, m->bytes)) {
		release(m);
		return;
	}
	pvm_err("no kernel memory to clear a partition's at %#llx: it is kept until the host reboots", m->addr);
	__module_get(THIS_MODULE);
	m->kind = PVM_MEM_NONE;
}

/**
 * pvm_mem_read_u64() - look at a word of the partition's
 * @m:		its memory
 * @addr:	physical, 8-aligned
 * @value:	OUT
 *
 * Context: sleeps. Return: 0, -EINVAL, -ENOMEM.
 */
int pvm_mem_read_u64(const struct pvm_mem *m, u64 addr, u64 *value)
{
	u64 *map;

	if (addr & 7 || !pvm_plan_inside(addr, 8, m->addr, m->bytes))
		return -EINVAL;
	map = memremap(addr, 8, MEMREMAP_WB);
	if (!map)
		return -ENOMEM;
	*value = READ_ONCE(*map);
	memunmap(map);
	return 0;
}

/* ---- below 1 MiB -------------------------------------------------------------------------------------------- */

static DEFINE_MUTEX(low_lock);		/* protects: low_used, low_ready; the addresses do not change once set */
static unsigned long low_used;		/* windows taken */
static bool low_ready;
static u64 tramp_end[4];		/* first byte behind each trampoline of Linux, an earlier kernel's, too */
static u32 nr_tramps;
static u64 tramp_page;			/* ours; 0 none */

static bool usable(u64 addr, u64 bytes)
{
	u64 at;
	u32 i;

	for (at = addr; at < addr + bytes; at += PAGE_SIZE)
		if (!page_is_ram(PHYS_PFN(at)))
			return false;
	for (i = 0; i < nr_tramps; i++)
		if (pvm_plan_overlap(addr, bytes, tramp_end[i] - PVM_PLAN_HOST_TRAMP_BYTES,
				     PVM_PLAN_HOST_TRAMP_BYTES))
			return false;
	return true;
}

/* From the top, where the running kernel's is; the first 64 KiB are not ours anyway. */
static void find_host_trampoline(void)
{
	u64 at;

	for (at = 0xa0000 - 4; at >= PVM_PLAN_HOST_TRAMP_BYTES && nr_tramps < ARRAY_SIZE(tramp_end); at -= 4)
		if (page_is_ram(PHYS_PFN(at)) && READ_ONCE(*(u32 *)__va(at)) == REALMODE_END)
			tramp_end[nr_tramps++] = at + 4;
}

static void low_prepare(void)
{
	u64 at;

	lockdep_assert_held(&low_lock);
	if (low_ready)
		return;
	find_host_trampoline();
	for (at = PVM_PLAN_LOW_FIRST - PAGE_SIZE; at >= PVM_PLAN_TRAMP_FIRST && !tramp_page; at -= PAGE_SIZE)
		if (usable(at, PAGE_SIZE))
			tramp_page = at;
	low_ready = true;
}

/** pvm_low_trampoline() - the supervisor's page below 1 MiB; some window is taken. Context: any. */
u64 pvm_low_trampoline(void)
{
	return tramp_page;
}

/**
 * pvm_low_take() - a window below 1 MiB
 * @m:		OUT: low_addr, low_bytes
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps. Return: 0 or -ENOSPC; cleared.
 */
int pvm_low_take(struct pvm_mem *m, struct pvm_why *why)
{
	u32 i;
	u64 addr;
	int err = -ENOSPC;

	mutex_lock(&low_lock);
	low_prepare();
	for (i = 0; i < PVM_PLAN_LOW_COUNT && err && tramp_page; i++) {
		addr = PVM_PLAN_LOW_FIRST + i * PVM_PLAN_LOW_BYTES;
		if (test_bit(i, &low_used) || !usable(addr, PVM_PLAN_LOW_BYTES))
			continue;
		__set_bit(i, &low_used);
		m->low_addr = addr;
		m->low_bytes = PVM_PLAN_LOW_BYTES;
		memset(__va(addr), 0, PVM_PLAN_LOW_BYTES);
		err = 0;
	}
	mutex_unlock(&low_lock);
	if (err)
		pvm_why(why, err, tramp_page ? "no window below 1 MiB is free; destroy another partition first" :
					       "this machine has no memory below 1 MiB that partitions could use");
	return err;
}

/** pvm_low_give() - it is free again, cleared; none is fine. Context: sleeps. */
void pvm_low_give(struct pvm_mem *m)
{
	if (!m->low_bytes)
		return;
	memset(__va(m->low_addr), 0, m->low_bytes);
	mutex_lock(&low_lock);
	__clear_bit((m->low_addr - PVM_PLAN_LOW_FIRST) / PVM_PLAN_LOW_BYTES, &low_used);
	if (!low_used)
		memset(__va(tramp_page), 0, PAGE_SIZE);
	mutex_unlock(&low_lock);
	m->low_bytes = 0;
}
