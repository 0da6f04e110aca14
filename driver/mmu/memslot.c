// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which memory of the VMM process a guest frame is, and staying out of the host's way with it.
 *
 * Guest memory is ordinary memory. Nothing is pinned but the few pages that assembly or interrupts touch
 * (pvm_pin_page). The mmu notifier tells of every change the host makes; shadow entries of the frames concerned are
 * removed before it returns, and none is made while it goes on.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "mmu/shadow.h"

#define GFN_LIMIT	(1ull << 32)	/* 16 TiB; also keeps frame arithmetic far from overflow */
#define ZAP_BATCH	128		/* frames handled per hold of the lock */
#define ZAP_PAGES	16		/* shadow pages, of 512 entries each */

static LIST_HEAD(shrink_list);		/* VMs, protected by shrink_lock */
static DEFINE_MUTEX(shrink_lock);
static struct shrinker *shrinker;

static struct pvm_vm *vm_of(struct mmu_notifier *n)
{
	return container_of(n, struct pvm_vm, mmu.notifier);
}

/* ---- host invalidations ------------------------------------------------------------------------------------- */

/* What is done to frames [from, to) of a slot; mmu.lock held. */
typedef bool (*frames_fn)(struct pvm_vm *vm, struct pvm_slot *s, u64 from, u64 to, bool flag);

/* Clear all their entries. Returns true if there were any. */
static bool zap_frames(struct pvm_vm *vm, struct pvm_slot *s, u64 from, u64 to, bool unused)
{
	bool any = false;
	u64 n;

	for (n = from; n < to; n++) {
		while (s->frames[n].rmap) {
			pvm_spte_clear(vm, pvm_rmap_first(s->frames[n].rmap));
			any = true;
		}
	}
	return any;
}

/*
 * Calls @fn for every frame in [start, end), in batches. The slots are looked at anew in each hold of the lock: before
 * a vCPU ran they may come and go, and then there is nothing to find in them.
 */
static bool for_range(struct pvm_vm *vm, unsigned long start, unsigned long end, frames_fn fn, bool flag,
		      bool may_sleep, bool *ours)
{
	struct pvm_mmu *mmu = &vm->mmu;
	bool any = false;
	u32 i;

	spin_lock(&mmu->lock);
	for (i = 0; i < mmu->nr_slots; i++) {
		unsigned long at = start;

		while (i < mmu->nr_slots) {
			struct pvm_slot *s = &mmu->slots[i];
			unsigned long from = max(at, s->uaddr);
			unsigned long to = min(end, s->uaddr + (s->nr_pages << PVM_PAGE_SHIFT));

			if (from >= to)
				break;
			*ours = true;
			at = min(to, (from & PAGE_MASK) + ((unsigned long)ZAP_BATCH << PVM_PAGE_SHIFT));
			any |= fn(vm, s, (from - s->uaddr) >> PVM_PAGE_SHIFT,
				  (at - s->uaddr + PVM_PAGE_SIZE - 1) >> PVM_PAGE_SHIFT, flag);
			if (at == to)
				break;
			spin_unlock(&mmu->lock);
			if (may_sleep)
				cond_resched();
			spin_lock(&mmu->lock);
		}
	}
	spin_unlock(&mmu->lock);
	return any;
}

/*
 * The vCPUs are kicked whenever the range has guest memory, entries found or not: another task (shrinker, a second
 * invalidation) may have cleared the entries just now and not have kicked yet, and the page must not be freed while
 * a TLB still has it.
 */
static int range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct pvm_vm *vm = vm_of(mn);
	struct pvm_mmu *mmu = &vm->mmu;
	bool ours = false;

	spin_lock(&mmu->lock);
	if (!mmu->invalidating++) {
		mmu->invalidate_start = range->start;
		mmu->invalidate_end = range->end;
	} else {
		mmu->invalidate_start = min(mmu->invalidate_start, range->start);
		mmu->invalidate_end = max(mmu->invalidate_end, range->end);
	}
	spin_unlock(&mmu->lock);
	if (for_range(vm, range->start, range->end, zap_frames, false, mmu_notifier_range_blockable(range), &ours))
		atomic64_inc(&vm->stat[PVM_STAT_NOTIFIER]);
	if (ours)
		pvm_mmu_kick_all(vm);
	return 0;
}

static void range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct pvm_mmu *mmu = &vm_of(mn)->mmu;

	spin_lock(&mmu->lock);
	mmu->invalidating--;
	spin_unlock(&mmu->lock);
}

/*
 * Young: some entry was used since it was looked at last. Our entries are born with A set, so a fill counts as use.
 * @clear resets without a flush: a stale A only makes the page look a little older.
 */
static bool age_frames(struct pvm_vm *vm, struct pvm_slot *s, u64 from, u64 to, bool clear)
{
	bool young = false;
	u64 n;

	for (n = from; n < to; n++)
		young |= pvm_rmap_young(s->frames[n].rmap, clear);
	return young;
}

/* int before Linux 7, bool since */
typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0)) young_t;

static young_t clear_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start, unsigned long end)
{
	bool unused;

	return for_range(vm_of(mn), start, end, age_frames, true, false, &unused);
}

static young_t test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	bool unused;

	return for_range(vm_of(mn), address, address + PAGE_SIZE, age_frames, false, false, &unused);
}

static void zap_everything(struct pvm_vm *vm)
{
	struct list_head *pages = &vm->mmu.pages;
	LIST_HEAD(dispose);
	u32 n;

	do {
		spin_lock(&vm->mmu.lock);
		for (n = 0; n < ZAP_PAGES && !list_empty(pages); n++)
			pvm_sp_zap(vm, list_first_entry(pages, struct pvm_sp, lru), &dispose);
		spin_unlock(&vm->mmu.lock);
		pvm_mmu_kick_all(vm);
		pvm_sp_dispose(&dispose);
		cond_resched();
	} while (n == ZAP_PAGES);
}

/* The address space is going: no task of it can run a vCPU any more. */
static void mm_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	zap_everything(vm_of(mn));
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
	.clear_flush_young = clear_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.release = mm_release,
};

/* ---- slots -------------------------------------------------------------------------------------------------- */

u64 pvm_slot_bytes(const struct pvm_vm *vm)
{
	u64 pages = 0;
	u32 i;

	for (i = 0; i < vm->mmu.nr_slots; i++)
		pages += vm->mmu.slots[i].nr_pages;
	return pages << PVM_PAGE_SHIFT;
}

bool pvm_gfn_valid(const struct pvm_vm *vm, pvm_gfn_t gfn)
{
	return pvm_frame_of(vm, gfn.v);
}

static int find_slot(const struct pvm_vm *vm, u32 id)
{
	u32 i;

	for (i = 0; i < vm->mmu.nr_slots; i++)
		if (vm->mmu.slots[i].id == id)
			return i;
	return -ENOENT;
}

/**
 * pvm_slot_add() - give frames their memory
 * @vm: the VM
 * @id: number of the object
 * @gfn: guest frame number
 * @nr_pages: pages
 * @uaddr: address in the memory of the VMM
 *
 * Context: sleeps; vm->lock held; no vCPU ran yet; arguments range-checked by uapi/.
 * Return: 0, -EEXIST slot or frames taken, -EINVAL beyond limits or not user memory, -ENOMEM.
 */
int pvm_slot_add(struct pvm_vm *vm, u32 id, u64 gfn, u64 nr_pages, unsigned long uaddr)
{
	struct pvm_mmu *mmu = &vm->mmu;
	struct pvm_frame *frames;
	u64 swap;
	u32 i;

	if (find_slot(vm, id) >= 0)
		return -EEXIST;
	if (gfn >= GFN_LIMIT || nr_pages > GFN_LIMIT - gfn ||
	    !access_ok((void __user *)uaddr, nr_pages << PVM_PAGE_SHIFT))
		return -EINVAL;
	for (i = 0; i < mmu->nr_slots; i++)
		if (gfn < mmu->slots[i].gfn + mmu->slots[i].nr_pages && mmu->slots[i].gfn < gfn + nr_pages)
			return -EEXIST;
	/* More than the machine and its swap can hold is a mistake, and its frame table would cost real memory. */
	swap = max(get_nr_swap_pages(), 0l);
	if ((pvm_slot_bytes(vm) >> PVM_PAGE_SHIFT) + nr_pages > totalram_pages() + swap)
		return -ENOMEM;
	/* kvcalloc() warns above 2 GiB, which is the table of 512 GiB */
	frames = __vmalloc(array_size(nr_pages, sizeof(*frames)), GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!frames)
		return -ENOMEM;
	spin_lock(&mmu->lock);	/* the notifier sees all of it or nothing */
	mmu->slots[mmu->nr_slots++] = (struct pvm_slot){
		.id = id, .gfn = gfn, .nr_pages = nr_pages, .uaddr = uaddr, .frames = frames,
	};
	spin_unlock(&mmu->lock);
	return 0;
}

int pvm_slot_remove(struct pvm_vm *vm, u32 id)
{
	struct pvm_mmu *mmu = &vm->mmu;
	int i = find_slot(vm, id);
	struct pvm_frame *frames;

	if (i < 0)
		return i;
	/* No vCPU ran, so no frame has entries; only the notifier may be looking at the table. */
	spin_lock(&mmu->lock);
	frames = mmu->slots[i].frames;
	mmu->slots[i] = mmu->slots[--mmu->nr_slots];
	memset(&mmu->slots[mmu->nr_slots], 0, sizeof(mmu->slots[0]));
	spin_unlock(&mmu->lock);
	kvfree(frames);
	return 0;
}

int pvm_pin_page(struct pvm_vm *vm, pvm_gfn_t gfn, struct page **page)
{
	unsigned long hva = pvm_gfn_to_hva(vm, gfn.v);
	int ret;

	if (!hva)
		return -EINVAL;
	ret = pin_user_pages_fast(hva, 1, FOLL_WRITE | FOLL_LONGTERM, page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	atomic64_inc(&vm->stat[PVM_STAT_PINNED]);
	return 0;
}

void pvm_unpin_page(struct pvm_vm *vm, struct page *page)
{
	if (!page)
		return;
	unpin_user_pages_dirty_lock(&page, 1, true);
	atomic64_dec(&vm->stat[PVM_STAT_PINNED]);
}

/* ---- needs -------------------------------------------------------------------------------------------------- */

static int fill_cache(struct pvm_vcpu *v)
{
	struct pvm_mmu_cache *c = &v->mmu.cache;
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;

	while (c->nr_page < ARRAY_SIZE(c->page)) {
		c->page[c->nr_page] = (u64 *)__get_free_page(gfp);
		if (!c->page[c->nr_page])
			return -ENOMEM;
		c->nr_page++;
	}
	while (c->nr_sp < ARRAY_SIZE(c->sp)) {
		c->sp[c->nr_sp] = kzalloc(sizeof(*c->sp[0]), gfp);
		if (!c->sp[c->nr_sp])
			return -ENOMEM;
		c->nr_sp++;
	}
	while (c->nr_chunk < ARRAY_SIZE(c->chunk)) {
		c->chunk[c->nr_chunk] = kmalloc(sizeof(*c->chunk[0]), gfp);
		if (!c->chunk[c->nr_chunk])
			return -ENOMEM;
		c->nr_chunk++;
	}
	return 0;
}

void pvm_mmu_cache_free(struct pvm_vcpu *v)
{
	struct pvm_mmu_cache *c = &v->mmu.cache;

	while (c->nr_page)
		free_page((unsigned long)c->page[--c->nr_page]);
	while (c->nr_known)
		free_page((unsigned long)c->known[--c->nr_known]);
	while (c->nr_sp)
		kfree(c->sp[--c->nr_sp]);
	while (c->nr_chunk)
		kfree(c->chunk[--c->nr_chunk]);
}

static int touch_u32(u32 __user *p)
{
	u32 old;

	if (get_user(old, p))
		return -EFAULT;
	return __try_cmpxchg_user(p, &old, old, fault) == -EFAULT ? -EFAULT : 0;
}

/*
 * Bring a frame in the way the guest would: by an access of the owning task. A write is a compare-and-exchange of a
 * word with itself, which makes the host's entry writable and dirty (COW, KSM and swap included).
 */
static int fault_in(struct pvm_vcpu *v, const struct pvm_need *need)
{
	unsigned long hva = pvm_gfn_to_hva(v->vm, need->gfn.v);
	u32 word;
	int err;

	if (!hva)
		return -EFAULT;
	if (need->write)
		err = touch_u32((u32 __user *)hva);
	else
		err = get_user(word, (u32 __user *)hva);
	(void)word;
	if (err && fatal_signal_pending(current))
		return -EINTR;
	return err;
}

/**
 * pvm_mmu_provide() - answer PVM_NEED_PAGE and PVM_NEED_CACHE
 * @v: the vCPU
 *
 * Context: sleeps; the VMM's task. Return: 0, -ENOMEM, -EFAULT the memory is gone, -EINTR.
 */
int pvm_mmu_provide(struct pvm_vcpu *v)
{
	struct pvm_need need = v->need;
	int err = fill_cache(v);

	v->need.what = PVM_NEED_NONE;
	if (err || need.what != PVM_NEED_PAGE)
		return err;
	return fault_in(v, &need);
}

/* ---- life --------------------------------------------------------------------------------------------------- */

int pvm_mmu_init(struct pvm_vm *vm, u64 max_shadow_pages)
{
	struct pvm_mmu *mmu = &vm->mmu;
	int err;

	spin_lock_init(&mmu->lock);
	INIT_LIST_HEAD(&mmu->pages);
	INIT_LIST_HEAD(&mmu->link);
	mmu->max_pages = max_shadow_pages;
	err = pvm_region_top_init(&mmu->region);
	if (err)
		return err;
	mmu->notifier.ops = &notifier_ops;
	err = mmu_notifier_register(&mmu->notifier, vm->mm);
	if (err)
		return err;
	mmu->registered = true;
	mutex_lock(&shrink_lock);
	list_add(&mmu->link, &shrink_list);
	mutex_unlock(&shrink_lock);
	return 0;
}

/*
 * Nobody but the caller looks at the VM from here on: notifier and shrinker walk vm->vcpus[], so this comes before
 * the vCPUs go. No shadow page is left, and none is made any more.
 */
void pvm_mmu_stop(struct pvm_vm *vm)
{
	struct pvm_mmu *mmu = &vm->mmu;

	if (!mmu->registered)
		return;
	mutex_lock(&shrink_lock);
	list_del_init(&mmu->link);
	mutex_unlock(&shrink_lock);
	mmu_notifier_unregister(&mmu->notifier, vm->mm);
	mmu->registered = false;
	zap_everything(vm);
}

void pvm_mmu_fini(struct pvm_vm *vm)
{
	struct pvm_mmu *mmu = &vm->mmu;
	u32 i;

	pvm_mmu_stop(vm);
	for (i = 0; i < mmu->nr_slots; i++)
		kvfree(mmu->slots[i].frames);
	memset(mmu->slots, 0, sizeof(mmu->slots));
	mmu->nr_slots = 0;
	pvm_m2p_fini(vm);
	pvm_region_top_fini(&mmu->region);
}

/* ---- shrinker ----------------------------------------------------------------------------------------------- */

static unsigned long shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long n = 0;
	struct pvm_mmu *mmu;

	if (!mutex_trylock(&shrink_lock))
		return 0;
	list_for_each_entry(mmu, &shrink_list, link)
		n += READ_ONCE(mmu->nr_pages);
	mutex_unlock(&shrink_lock);
	return n;
}

/* One VM a call, the next one next time, so that no guest pays for all. */
static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	LIST_HEAD(dispose);
	struct pvm_sp *sp;
	unsigned long n = 0;
	struct pvm_mmu *mmu;
	struct pvm_vm *vm;
	u32 left;

	if (!mutex_trylock(&shrink_lock))
		return SHRINK_STOP;
	mmu = list_first_entry_or_null(&shrink_list, struct pvm_mmu, link);
	if (mmu) {
		vm = container_of(mmu, struct pvm_vm, mmu);
		/* in pieces: vCPUs wait for this lock, some with IRQs off */
		for (left = min_t(u32, sc->nr_to_scan, 128); left; left -= min(left, 16u)) {
			spin_lock(&mmu->lock);
			pvm_sp_reclaim(vm, min(left, 16u), &dispose);
			spin_unlock(&mmu->lock);
		}
		list_move_tail(&mmu->link, &shrink_list);
		pvm_mmu_kick_all(vm);
		list_for_each_entry(sp, &dispose, lru)
			n++;
		pvm_sp_dispose(&dispose);
	}
	mutex_unlock(&shrink_lock);
	return n ?: SHRINK_STOP;
}

int pvm_mmu_global_init(void)
{
	shrinker = shrinker_alloc(0, "pvm-shadow");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrink_count;
	shrinker->scan_objects = shrink_scan;
	shrinker->seeks = DEFAULT_SEEKS * 4;	/* dear to make again */
	shrinker_register(shrinker);
	return 0;
}

void pvm_mmu_global_fini(void)
{
	shrinker_free(shrinker);
	shrinker = NULL;
}
