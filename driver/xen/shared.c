// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest reads from memory instead of asking: shared_info, vcpu_info, time, run state.
 *
 * shared_info and the live vcpu_info are pinned, because interrupts and assembly touch them. The run-state area and
 * the second time record are guest memory like any other and are written from the vCPU's own context. If its page is
 * not at hand the run state is late, never wrong; a time record that is late is wrong, so the guest waits for its page.
 *
 * Time: the guest computes system time from the TSC with the published factor. pvm_guest_time_ns() does the very
 * same, so that deadlines mean the same on both sides. With a stable TSC the record never changes but when the host
 * has slept; without, it is made anew on each CPU and at least ten times a second, so that the error against the host's
 * clock stays small.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include <asm/pvclock-abi.h>

#include "core/pvm.h"
#include "xen/deadline.h"
#include "xen/evtchn_fd.h"
#include "xen/shared.h"

#define PVM_TIME_MAX_AGE_NS	100000000ull	/* unstable TSC: age of a record */
#define PVM_RUNSTATE_AREA	sizeof(struct vcpu_runstate_info)

/* ---- shared_info ---- */

/* Wall clock at system time 0: moves when the host has slept. One writer: initialization, then vCPU 0. */
static void fill_wall_clock(struct pvm_vm *vm, struct shared_info *s)
{
	u64 system = pvm_system_time_ns(vm);
	u64 wall = ktime_get_real_ns() - system;
	u32 nsec, version = s->wc.version;
	u64 sec = div_u64_rem(wall, NSEC_PER_SEC, &nsec);

	WRITE_ONCE(s->wc.version, version + 1);
	smp_wmb();
	s->wc.sec = (u32)sec;
	s->wc.nsec = nsec;
	s->wc_sec_hi = sec >> 32;
	smp_wmb();
	WRITE_ONCE(s->wc.version, version + 2);
}

/**
 * pvm_shared_init - take and fill the shared info page
 * @vm:	the VM, platform values set
 *
 * Every legacy vcpu_info starts with events masked, as the guest expects before its first instruction.
 *
 * Context: may sleep; VMM's task.
 * Return: 0 or the error of pinning.
 */
int pvm_shared_init(struct pvm_vm *vm)
{
	struct pvm_platform_state *p = &vm->platform;
	struct shared_info *s;
	u32 i;
	int err;

	err = pvm_pin_page(vm, p->shared_info_gfn, &p->shared_page);
	if (err)
		return err;
	s = page_address(p->shared_page);
	memset(s, 0, PVM_PAGE_SIZE);
	for (i = 0; i < MAX_VIRT_CPUS; i++)
		s->vcpu_info[i].evtchn_upcall_mask = 1;
	fill_wall_clock(vm, s);
	p->shared = s;
	pvm_evtchn_set_shared(vm, s);
	return 0;
}

/**
 * pvm_shared_fini - give the shared info page back
 * @vm:	the VM, its event channels already gone; half-built is fine, twice too
 *
 * Context: may sleep.
 */
void pvm_shared_fini(struct pvm_vm *vm)
{
	struct pvm_platform_state *p = &vm->platform;

	if (!p->shared_page)
		return;
	pvm_evtchn_set_shared(vm, NULL);
	p->shared = NULL;
	pvm_unpin_page(vm, p->shared_page);
	p->shared_page = NULL;
}

/* ---- vcpu_info ---- */

/**
 * pvm_vcpu_shared_init - a fresh vCPU uses its slot in shared_info
 * @v:	the vCPU; shared_info is there, and so is its switcher area
 *
 * Context: may sleep; before the vCPU runs.
 * Return: 0, -EINVAL there is no slot for this vCPU.
 */
int pvm_vcpu_shared_init(struct pvm_vcpu *v)
{
	struct pvm_platform_state *p = &v->vm->platform;
	u32 offset = offsetof(struct shared_info, vcpu_info) + v->id * sizeof(struct vcpu_info);

	if (v->id >= MAX_VIRT_CPUS || !p->shared)
		return -EINVAL;
	v->shared = (struct pvm_vcpu_shared){
		.info = &p->shared->vcpu_info[v->id],
		.runstate = RUNSTATE_runnable,
		.time_cpu = -1,
	};
	pvm_area_map_info(v, p->shared_page, offset);
	pvm_evtchn_set_target(v->vm, v->id, v->shared.info);
	preempt_disable();
	/* The guest divides by the factor before it registers anything; so there is no second record to be late. */
	(void)pvm_time_publish(v);
	preempt_enable();
	v->shared.runstate_since_ns = pvm_guest_time_ns(v);
	return 0;
}

/**
 * pvm_vcpu_shared_fini - let the vcpu_info page go
 * @v:	the vCPU; half-built is fine, twice too
 *
 * Context: may sleep.
 */
void pvm_vcpu_shared_fini(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;

	if (s->info)
		pvm_evtchn_set_target(v->vm, v->id, NULL);
	s->info = NULL;
	if (s->info_page)
		pvm_unpin_page(v->vm, s->info_page);
	s->info_page = NULL;
	if (s->staged_page)
		pvm_unpin_page(v->vm, s->staged_page);
	s->staged_page = NULL;
}

/**
 * pvm_shared_provide - pin the page a register_vcpu_info waits for
 * @v:	the vCPU, v->need says which
 *
 * Context: may sleep; VMM's task.
 * Return: 0 or the error of pinning.
 */
int pvm_shared_provide(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;

	if (s->staged_page) {
		pvm_unpin_page(v->vm, s->staged_page);
		s->staged_page = NULL;
	}
	s->staged_gfn = v->need.gfn;
	return pvm_pin_page(v->vm, s->staged_gfn, &s->staged_page);
}

/*
 * Move vcpu_info to guest memory. The old contents go along; then everything is marked pending, so that the guest
 * scans for what was raised in the old place meanwhile. From the moment the target changes (under the event
 * channels' lock) nobody writes the old place.
 */
int pvm_vcpu_info_register(struct pvm_vcpu *v, struct pvm_vcpu *target, pvm_gfn_t gfn, u32 offset)
{
	struct pvm_vcpu_shared *s = &target->shared;
	struct vcpu_info *info;
	struct page *page;

	if (offset > PVM_PAGE_SIZE - sizeof(*info) || offset % sizeof(u64) || !pvm_gfn_valid(v->vm, gfn))
		return -EINVAL;
	if (s->info_page)
		return -EBUSY;
	if (!v->shared.staged_page || v->shared.staged_gfn.v != gfn.v)
		return pvm_need_pin(v, gfn);
	page = v->shared.staged_page;
	v->shared.staged_page = NULL;
	info = page_address(page) + offset;
	pvm_evtchn_move_target(v->vm, target->id, s->info, info);
	s->info_page = page;
	s->info = info;
	pvm_area_map_info(target, page, offset);
	return 0;
}

/* ---- time ---- */

static u64 scaled(const struct pvclock_vcpu_time_info *t, u64 tsc)
{
	struct pvm_tsc_scale scale = { .mul = t->tsc_to_system_mul, .shift = t->tsc_shift };

	return t->system_time + pvm_tsc_to_ns(tsc - t->tsc_timestamp, scale);
}

/*
 * While the host sleeps (S3, S4) its TSC stops, starts over, or goes on; CLOCK_MONOTONIC and all timers stand still. So
 * do guests' clocks: what the TSC did meanwhile is left out. Both calls come with tasks frozen, one CPU, IRQs off.
 */
static u64 tsc_asleep, tsc_skipped;

static int host_sleeps(void *unused)
{
	tsc_asleep = rdtsc_ordered();
	return 0;
}

static void host_wakes(void *unused)
{
	WRITE_ONCE(tsc_skipped, tsc_skipped + rdtsc_ordered() - tsc_asleep);
}

PVM_SYSCORE(sleep_hooks, host_sleeps, host_wakes);

/** pvm_clock_init() - listen for the host's sleep. Context: sleeps. Return: 0. */
int pvm_clock_init(void)
{
	register_syscore(&sleep_hooks);
	return 0;
}

/** pvm_clock_fini() - listen no more. Context: sleeps. */
void pvm_clock_fini(void)
{
	unregister_syscore(&sleep_hooks);
}

/* The last record, brought up to date with the host's sleeps; then the guest has to have it anew. */
static struct pvclock_vcpu_time_info *time_of(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;
	u64 skipped = READ_ONCE(tsc_skipped) - s->time_skipped;

	if (unlikely(skipped)) {
		s->time_skipped += skipped;
		s->time.tsc_timestamp += skipped;
		s->time_cpu = -1;
		if (!v->id && v->vm->platform.shared)
			fill_wall_clock(v->vm, v->vm->platform.shared);
	}
	return &s->time;
}

/*
 * Both clocks as one: on a virtual machine the CPU itself may be taken away between two reads, which would put them
 * tens of milliseconds apart. The closest of a few tries counts.
 */
static u64 both_clocks(const struct pvm_vm *vm, u64 *tsc)
{
	u64 best = U64_MAX, system = 0;
	u32 tries;

	for (tries = 0; tries < 4; tries++) {
		u64 before = rdtsc_ordered(), now = pvm_system_time_ns(vm), after = rdtsc_ordered();

		if (after - before >= best)
			continue;
		best = after - before;
		*tsc = before + best / 2;
		system = now;
	}
	return system;
}

static void make_record(struct pvm_vcpu *v, struct pvclock_vcpu_time_info *t)
{
	struct pvm_tsc_scale scale = pvm_tsc_scale_from_khz(tsc_khz);
	bool same_cpu = t->tsc_to_system_mul && v->shared.time_cpu == smp_processor_id();
	unsigned long flags;
	u64 tsc, system;

	local_irq_save(flags);
	system = both_clocks(v->vm, &tsc);
	local_irq_restore(flags);
	/* The guest's clock never steps back: where the TSC ran ahead of the host's clock, it stays ahead. */
	if (same_cpu)
		system = max(system, scaled(t, tsc));
	t->tsc_timestamp = tsc;
	t->system_time = system;
	t->tsc_to_system_mul = scale.mul;
	t->tsc_shift = scale.shift;
	t->flags = pvm_tsc_stable() ? PVCLOCK_TSC_STABLE_BIT : 0;
}

/* Readers retry while the version is odd. The version is ours: the guest's copy is never read. */
static void write_record(struct pvclock_vcpu_time_info *to, const struct pvclock_vcpu_time_info *t)
{
	WRITE_ONCE(to->version, t->version - 1);
	smp_wmb();
	to->tsc_timestamp = t->tsc_timestamp;
	to->system_time = t->system_time;
	to->tsc_to_system_mul = t->tsc_to_system_mul;
	to->tsc_shift = t->tsc_shift;
	to->flags = t->flags;
	smp_wmb();
	WRITE_ONCE(to->version, t->version);
}

/* The second record, in memory the guest may have taken away: 0, -EFAULT, -PVM_ENEED. */
static int write_copy(struct pvm_vcpu *v)
{
	struct pvclock_vcpu_time_info t = v->shared.time;
	u64 gva = v->shared.time_gva;
	int err;

	t.version--;
	err = pvm_gva_write(v, gva, &t, sizeof(t));
	if (err)
		return err;
	t.version++;
	return pvm_gva_write(v, gva, &t.version, sizeof(t.version));
}

/*
 * With the update flag the reader sees bit 63 while the record changes: set, rest, cleared. A reader waits for the
 * last step, so a record that could not be finished is written again before the next entry.
 */
static int write_runstate(struct pvm_vcpu *v, u64 gva)
{
	struct pvm_vcpu_shared *s = &v->shared;
	struct vcpu_runstate_info r = { .state = s->runstate, .state_entry_time = s->runstate_since_ns };
	u64 entry_gva = gva + offsetof(struct vcpu_runstate_info, state_entry_time);
	bool flag = v->cpu.vm_assist & (1ull << VMASST_TYPE_runstate_update_flag);
	int err;

	memcpy(r.time, s->runstate_time, sizeof(r.time));
	if (!flag)
		return pvm_gva_write(v, gva, &r, sizeof(r));
	r.state_entry_time |= XEN_RUNSTATE_UPDATE;
	err = pvm_gva_write(v, entry_gva, &r.state_entry_time, sizeof(r.state_entry_time));
	if (err)
		return err;
	smp_wmb();
	err = pvm_gva_write(v, gva, &r, sizeof(r));
	smp_wmb();
	r.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
	return pvm_gva_write(v, entry_gva, &r.state_entry_time, sizeof(r.state_entry_time)) ?: err;
}

/* Areas whose page was not at hand when they were due. */
static void write_late(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;

	if (s->runstate_stale)
		s->runstate_stale = s->runstate_gva && write_runstate(v, s->runstate_gva) == -PVM_ENEED;
	/* last: what it needs is what v->need says */
	if (s->time_copy_stale)
		s->time_copy_stale = s->time_gva && write_copy(v) == -PVM_ENEED;
}

static bool is_time_due(const struct pvm_vcpu *v)
{
	const struct pvm_vcpu_shared *s = &v->shared;

	if (s->time_cpu < 0)
		return true;
	if (pvm_tsc_stable())
		return false;
	return s->time_cpu != smp_processor_id() || ktime_get_ns() - s->time_made_ns >= PVM_TIME_MAX_AGE_NS;
}

static void renew_time(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;
	bool stable = pvm_tsc_stable();

	/*
	 * The TSC was stable and is no more: from here on the host's clock leads. It goes on from where the guest's
	 * clock is; the two may be far apart, if the host had the TSC's frequency wrong.
	 */
	if (!stable && s->time.flags & PVCLOCK_TSC_STABLE_BIT)
		WRITE_ONCE(v->vm->epoch_ns, ktime_get_ns() - scaled(&s->time, rdtsc_ordered()));
	/* with a stable TSC the first record is for ever: only its place or the host's sleeps can be new */
	if (!stable || !s->time.tsc_to_system_mul) {
		make_record(v, &s->time);
		s->time_made_ns = ktime_get_ns();
	}
	s->time.version += 2;
	s->time_cpu = smp_processor_id();
	write_record(&s->info->time, &s->time);
	if (s->time_gva)
		s->time_copy_stale = write_copy(v) == -PVM_ENEED;
}

/**
 * pvm_time_publish - bring the guest's time records up to date, if they are not
 * @v:	the vCPU
 *
 * Context: resident or preemption disabled; IRQs may be off.
 * Return: 0; -PVM_ENEED: the page of the second record has to be provided before the guest may look at it again.
 */
int pvm_time_publish(struct pvm_vcpu *v)
{
	struct pvm_vcpu_shared *s = &v->shared;

	time_of(v);
	if (unlikely(s->time_copy_stale | s->runstate_stale))
		write_late(v);
	if (unlikely(is_time_due(v)))
		renew_time(v);
	return unlikely(s->time_copy_stale) ? -PVM_ENEED : 0;
}

/**
 * pvm_guest_time_ns - system time, computed as the guest does
 * @v:	the vCPU
 *
 * Context: the vCPU's own.
 * Return: ns.
 */
u64 pvm_guest_time_ns(struct pvm_vcpu *v)
{
	if (unlikely(!v->shared.time.tsc_to_system_mul))
		return pvm_system_time_ns(v->vm);
	return scaled(time_of(v), rdtsc_ordered());
}

int pvm_time_register(struct pvm_vcpu *v, u64 gva)
{
	struct pvm_vcpu_shared *s = &v->shared;
	u64 before = s->time_gva;
	int err;

	if (gva && (!pvm_is_guest_va(gva) || !pvm_is_guest_va(gva + sizeof(s->time) - 1)))
		return -EFAULT;
	s->time_gva = gva;
	s->time_copy_stale = false;
	if (!gva)
		return 0;
	err = write_copy(v);
	if (err)
		s->time_gva = before;
	return err;
}

/* ---- run state ---- */

static void account(struct pvm_vcpu_shared *s, int state, u64 now)
{
	u64 spent = now > s->runstate_since_ns ? now - s->runstate_since_ns : 0;

	s->runstate_time[s->runstate & 3] += spent;
	s->runstate = state;
	s->runstate_since_ns = now;
}

void pvm_runstate_get(struct pvm_vcpu *v, struct vcpu_runstate_info *out)
{
	struct pvm_vcpu_shared *s = &v->shared;

	u64 now = pvm_guest_time_ns(v);

	memset(out, 0, sizeof(*out));
	out->state = s->runstate;
	out->state_entry_time = s->runstate_since_ns;
	memcpy(out->time, s->runstate_time, sizeof(out->time));
	if (now > s->runstate_since_ns)
		out->time[s->runstate & 3] += now - s->runstate_since_ns;
}

/**
 * pvm_runstate_set - the vCPU starts to run, to wait for a CPU, or to sleep
 * @v:		the vCPU
 * @state:	RUNSTATE_*
 *
 * Context: the vCPU's own, resident or sleeping.
 */
void pvm_runstate_set(struct pvm_vcpu *v, int state)
{
	account(&v->shared, state, pvm_guest_time_ns(v));
	if (!v->shared.runstate_gva)
		return;
	pagefault_disable();
	v->shared.runstate_stale = write_runstate(v, v->shared.runstate_gva) == -PVM_ENEED;
	pagefault_enable();
}

int pvm_runstate_register(struct pvm_vcpu *v, u64 gva)
{
	int err;

	if (!gva) {
		v->shared.runstate_gva = 0;
		return 0;
	}
	if (!pvm_is_guest_va(gva) || !pvm_is_guest_va(gva + PVM_RUNSTATE_AREA - 1))
		return -EFAULT;
	v->shared.runstate_stale = false;
	err = write_runstate(v, gva);
	if (!err)
		v->shared.runstate_gva = gva;
	return err;
}
