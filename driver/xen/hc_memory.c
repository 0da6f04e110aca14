// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercall memory_op: the guest's memory map, the M2P, and ballooning.
 *
 * A guest frame number is a machine frame number: populating a frame means saying that it exists. One that is given
 * back is told to the VMM, which may free the memory it lent (PVM_RUN_RELEASE); the shadow follows by the notifier. It
 * is the VMM's to do, because no kernel exports to modules what madvise(2) does. Exchanging frames for contiguous ones
 * succeeds exactly when they already are contiguous.
 */
#include "xen/hypercall.h"

#include <xen/interface/memory.h>

#define PVM_MEMOP_CMD_MASK	0x3fu		/* above: Xen's continuation count, not used by us */
#define PVM_M2P_END		0xffff804000000000ull
#define PVM_EXTENT_ORDER_MAX	9u
#define PVM_EXTENT_CHUNK	16
#define PVM_EXTENT_PAUSE	64u		/* extents between two looks at signals */
#define PVM_EXCHANGE_MAX	512u		/* frames of one exchange */

struct e820_row {
	u64 addr, size;
	u32 type;
} __packed;

static long memory_map(struct pvm_vcpu *v, u64 arg)
{
	/* one entry of RAM: anything reserved would make Linux expect PCI devices */
	struct e820_row row = { .size = v->vm->platform.max_pages << PVM_PAGE_SHIFT, .type = 1 };
	struct xen_memory_map m;
	int err;

	err = pvm_gva_read(v, arg, &m, sizeof(m));
	if (err)
		return err;
	if (!m.nr_entries)
		return -EINVAL;
	err = pvm_gva_write(v, (u64)m.buffer, &row, sizeof(row));
	if (err)
		return err;
	m.nr_entries = 1;
	return pvm_gva_write(v, arg, &m, sizeof(m));
}

static long machphys_mapping(struct pvm_vcpu *v, u64 arg)
{
	struct xen_machphys_mapping m = {
		.v_start = PVM_M2P_VA,
		.v_end = PVM_M2P_END,
		.max_mfn = v->vm->platform.max_pages - 1,
	};

	return pvm_gva_write(v, arg, &m, sizeof(m));
}

/* Whole extent within what the guest may ever own, and within its slots. */
static bool extent_ok(const struct pvm_vm *vm, u64 gfn, u32 order)
{
	u64 last = gfn + (1ull << order) - 1;

	return last >= gfn && last < vm->platform.max_pages && pvm_gfn_valid(vm, pvm_gfn(gfn)) &&
	       pvm_gfn_valid(vm, pvm_gfn(last));
}

static void m2p_identity(struct pvm_vm *vm, u64 gfn, u32 order)
{
	u64 i;

	for (i = 0; i < 1ull << order; i++)
		(void)pvm_m2p_set(vm, gfn + i, gfn + i);
}

/* Remember a range for the VMM; false: there is no room, tell it of those before. */
static bool release(struct pvm_vcpu *v, u64 gfn, u64 nr_pages)
{
	struct pvm_run *run = v->run;

	if (v->release.count && v->release.gfn + v->release.nr_pages == gfn) {
		v->release.nr_pages += nr_pages;
	} else {
		if (v->release.count == PVM_RELEASE_MAX)
			return false;
		v->release.count++;
		v->release.gfn = gfn;
		v->release.nr_pages = nr_pages;
	}
	WRITE_ONCE(run->release_gfn[v->release.count - 1], v->release.gfn);
	WRITE_ONCE(run->release_pages[v->release.count - 1], v->release.nr_pages);
	return true;
}

/*
 * populate_physmap and decrease_reservation. In and out are the same numbers, so the array is only read.
 * Returns the number of extents done, which may be less than asked for.
 */
static long reservation(struct pvm_vcpu *v, u64 arg, bool populate)
{
	struct xen_memory_reservation r;
	u64 chunk[PVM_EXTENT_CHUNK];
	u32 *next = &v->progress.entries, left = PVM_EXTENT_PAUSE, i, n;
	u64 list;
	int err;

	err = pvm_gva_read(v, arg, &r, sizeof(r));
	if (err)
		return err;
	if (!pvm_hc_is_self(v->vm, r.domid))
		return -EPERM;
	if (r.extent_order > PVM_EXTENT_ORDER_MAX || r.nr_extents > U32_MAX)
		return 0;
	list = (u64)r.extent_start;
	while (*next < r.nr_extents) {
		u64 gva = list + (u64)*next * sizeof(chunk[0]);

		if (!left)
			return pvm_need_pause(v);
		n = pvm_hc_chunk(gva, sizeof(chunk[0]), r.nr_extents - *next, min_t(u32, PVM_EXTENT_CHUNK, left));
		err = pvm_gva_read(v, gva, chunk, n * sizeof(chunk[0]));
		if (err)
			return err == -PVM_ENEED ? err : (long)*next;
		for (i = 0; i < n; i++) {
			if (!extent_ok(v->vm, chunk[i], r.extent_order))
				return *next;
			if (populate)
				m2p_identity(v->vm, chunk[i], r.extent_order);
			else if (!release(v, chunk[i], 1ull << r.extent_order))
				return pvm_need_release(v);
			++*next;
		}
		left -= n;
	}
	return *next;
}

/* The VMM frees memory before the guest goes on; then this is called again, with nothing left to do. */
static long decrease(struct pvm_vcpu *v, u64 arg)
{
	long done = reservation(v, arg, false);

	return done >= 0 && v->release.count ? pvm_need_release(v) : done;
}

/* Frame number @t of the input extents, counted frame by frame. */
static int input_frame(struct pvm_vcpu *v, const struct xen_memory_reservation *in, u32 t, u64 *gfn)
{
	u64 base;
	int err;

	err = pvm_gva_read(v, (u64)in->extent_start + (u64)(t >> in->extent_order) * sizeof(base), &base,
			   sizeof(base));
	if (err)
		return err;
	if (!extent_ok(v->vm, base, in->extent_order))
		return -EINVAL;
	*gfn = base + (t & ((1u << in->extent_order) - 1));
	return 0;
}

/* Are the frames of output extent @k one behind the other? */
static int contiguous(struct pvm_vcpu *v, const struct xen_memory_exchange *x, u32 k, u64 *first)
{
	u32 i, frames = 1u << x->out.extent_order;
	u64 gfn;
	int err;

	err = input_frame(v, &x->in, k * frames, first);
	for (i = 1; !err && i < frames; i++) {
		err = input_frame(v, &x->in, k * frames + i, &gfn);
		if (!err && gfn != *first + i)
			err = -ENOMEM;
	}
	return err;
}

/* All or nothing: a guest dies of an exchange that stops in the middle. */
static long exchange(struct pvm_vcpu *v, u64 arg)
{
	struct xen_memory_exchange x;
	u64 gfn, pfn, out;
	u32 *next = &v->progress.entries, k, i;
	int err;

	err = pvm_gva_read(v, arg, &x, sizeof(x));
	if (err)
		return err;
	if (!pvm_hc_is_self(v->vm, x.in.domid) || !pvm_hc_is_self(v->vm, x.out.domid))
		return -EPERM;
	if (x.nr_exchanged || x.in.extent_order > PVM_EXTENT_ORDER_MAX || x.out.extent_order > PVM_EXTENT_ORDER_MAX ||
	    x.in.nr_extents > PVM_EXCHANGE_MAX || x.out.nr_extents > PVM_EXCHANGE_MAX)
		return -EINVAL;
	if (x.in.nr_extents << x.in.extent_order != x.out.nr_extents << x.out.extent_order ||
	    x.in.nr_extents << x.in.extent_order > PVM_EXCHANGE_MAX)
		return -EINVAL;
	for (k = 0; !*next && k < x.out.nr_extents; k++) {
		err = contiguous(v, &x, k, &gfn);
		if (err)
			return err;
	}
	/* the output array holds guest frame numbers on the way in, and is overwritten element by element */
	while (*next < x.out.nr_extents) {
		out = (u64)x.out.extent_start + (u64)*next * sizeof(gfn);
		err = contiguous(v, &x, *next, &gfn);
		if (!err)
			err = pvm_gva_read(v, out, &pfn, sizeof(pfn));
		if (!err)
			err = pvm_gva_write(v, out, &gfn, sizeof(gfn));
		if (err)
			return err;
		for (i = 0; i < 1u << x.out.extent_order; i++)
			(void)pvm_m2p_set(v->vm, gfn + i, pfn + i);
		++*next;
	}
	x.nr_exchanged = x.in.nr_extents;
	return pvm_gva_write(v, arg + offsetof(struct xen_memory_exchange, nr_exchanged), &x.nr_exchanged,
			     sizeof(x.nr_exchanged));
}

static long pages_of(struct pvm_vcpu *v, u64 arg, u64 pages)
{
	domid_t dom;
	int err;

	err = pvm_gva_read(v, arg, &dom, sizeof(dom));
	if (err)
		return err;
	return pvm_hc_is_self(v->vm, dom) ? (long)pages : -ESRCH;
}

/**
 * pvm_hc_memory_op - HYPERVISOR_memory_op
 * @v:		the vCPU
 * @g_cmd:	XENMEM_*
 * @arg:	guest address of its argument
 *
 * Context: resident.
 * Return: a count or 0, -EFAULT, -EINVAL, -EPERM, -ESRCH, -ENOMEM, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_memory_op(struct pvm_vcpu *v, u64 g_cmd, u64 arg)
{
	const struct pvm_platform_state *p = &v->vm->platform;

	switch ((u32)g_cmd & PVM_MEMOP_CMD_MASK) {
	case XENMEM_memory_map:
		return memory_map(v, arg);
	case XENMEM_machphys_mapping:
		return machphys_mapping(v, arg);
	case XENMEM_populate_physmap:
		return reservation(v, arg, true);
	case XENMEM_decrease_reservation:
		return decrease(v, arg);
	case XENMEM_increase_reservation:
		return 0;	/* no frame beyond those that have numbers already */
	case XENMEM_exchange:
		return exchange(v, arg);
	case XENMEM_current_reservation:
		return pages_of(v, arg, p->nr_pages);
	case XENMEM_maximum_reservation:
		return pages_of(v, arg, p->max_pages);
	case XENMEM_maximum_ram_page:
		return p->max_pages - 1;
	case XENMEM_acquire_resource:
		return -EOPNOTSUPP;
	default:
		return -ENOSYS;
	}
}
