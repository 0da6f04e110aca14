/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of the program: struct pvm_vm and struct pvm_vcpu with one member per subsystem, the lock order, and
 * the prototypes grouped by the file that defines them.
 *
 * Lock order, outermost first:
 *	vms_lock (list of VMs, names) > vm->lock (slots, platform, vCPU table) > vcpu->mutex (one runner)
 *	> vm->mmu.lock (shadow pages, rmap; spinlock, page faults disabled) > vm->evtchn.lock (ports; raw IRQ-safe)
 * mmu.lock and evtchn.lock never nest. Nothing sleeps inside them.
 *
 * Contexts a vCPU handler may run in: always the VMM's own task, in its own address space, with preemption and
 * page faults disabled ("resident"). See PVM_ENEED in base/types.h for what happens when that is not enough.
 */
#ifndef PVM_CORE_PVM_H
#define PVM_CORE_PVM_H

#include <linux/atomic.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/pvm.h>
#include <linux/pvm_genl.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>

#include <xen/interface/xen.h>
#include <xen/interface/vcpu.h>

#include "base/types.h"
#include "base/x86.h"
#include "base/log.h"
#include "compat/compat.h"
#include "emul/cpuid.h"
#include "mmu/mmu.h"
#include "switcher/state.h"
#include "switcher/switch.h"
#include "xen/evtchn.h"

struct pvm_user;
struct pvm_vm;
struct pvm_vcpu;

/* What a handler lacked when it returned -PVM_ENEED; guest/loop.c provides it in sleeping context. */
struct pvm_need {
	enum {
		PVM_NEED_NONE,
		PVM_NEED_PAGE,
		PVM_NEED_CACHE,
		PVM_NEED_PIN,		/* pin gfn for any context: pvm_shared_provide() */
		PVM_NEED_RELEASE,	/* the VMM is to be told of v->release */
		PVM_NEED_PAUSE,		/* nothing; long work lets signals and other tasks in, then goes on */
	} what;
	bool write;
	pvm_gfn_t gfn;
};

/* How far a hypercall got before -PVM_ENEED; zero at each fresh exit. */
struct pvm_progress {
	u32 multicall;		/* entries of the multicall array done */
	u32 entries;		/* entries of the inner array done */
	bool counted;		/* this exit is in the hypercall counters */
	bool in_multicall;	/* the running handler is an entry of a multicall */
	bool entry_counted;	/* so is the entry under way */
	bool have_result;	/* of the entry under way; only its store is left to do */
	s64 result;
};

/* Trap table and callbacks of one vCPU (xen/hc_misc.c sets, guest/exit.c uses). */
struct pvm_traps {
	struct trap_info table[256];
	u64 event_rip, failsafe_rip, syscall_rip, sysenter_rip, syscall32_rip, nmi_rip;
	bool syscall_masks, sysenter_masks, syscall32_masks, failsafe_masks;
	bool nmi_pending;	/* deliver vector 2 at the next chance */
	bool failsafe_pending;	/* data segments could not be loaded: tell the guest at the next chance */
	u16 failsafe_sel[4];	/* ds es fs gs as they should have been */
	bool nmi_blocked;	/* until the next HYPERVISOR_iret */
};

/* Descriptor tables, debug and control registers as the guest set them. */
struct pvm_cpu_state {
	pvm_gfn_t gdt_frames[14];
	u32 gdt_entries;
	u64 ldt_base;
	u32 ldt_entries;
	u64 dr[4], dr6, dr7;
	u64 cr4;		/* guest's DE, TSD, FSGSBASE, OSXSAVE */
	bool cr0_ts;
	u64 xcr0;
	u64 tsc_aux;
	u32 iopl;
	u64 misc_msr[4];	/* write-and-read-back MSRs: see emul/msr.c */
	u64 vm_assist;		/* bits by VMASST_TYPE_* */
	u64 iobmp_gva;		/* I/O permission bitmap of guest user mode, in the kernel view */
	u32 iobmp_ports;	/* ports it covers, 0 = none */
};

/* vcpu_info, run state and time of one vCPU (xen/shared.c). */
struct pvm_vcpu_shared {
	struct vcpu_info *info;		/* kernel address of the live vcpu_info, pinned */
	struct page *info_page;		/* pinned page that holds it (NULL: it is in shared_info) */
	u64 runstate_gva;		/* registered area, 0 = none */
	u64 time_gva;			/* secondary pvclock area, 0 = none */
	int runstate;			/* RUNSTATE_* */
	u64 runstate_since_ns;
	u64 runstate_time[4];
	struct page *staged_page;	/* pinned for a register_vcpu_info under way, NULL none */
	pvm_gfn_t staged_gfn;
	struct pvclock_vcpu_time_info time;	/* the record last published */
	int time_cpu;			/* CPU it was made on, -1 never */
	u64 time_made_ns;		/* CLOCK_MONOTONIC then */
	u64 time_skipped;		/* TSC ticks of the host's sleeps that @time leaves out */
	bool time_copy_stale;		/* time_gva could not be written yet */
	bool runstate_stale;		/* nor runstate_gva */
};

struct pvm_vtimer {
	struct hrtimer timer;		/* singleshot; fires from IRQ: sets fired, wakes and kicks */
	struct hrtimer periodic;
	bool fired;			/* WRITE_ONCE by the timer, consumed before entry */
	u64 period_ns;
	u64 deadline_ns;		/* of @timer in the guest's system time, 0 = none or past when armed */
	bool ready;			/* timers are set up */
};

struct pvm_vcpu {
	struct pvm_vm *vm;
	u32 id;
	struct rcu_head rcu;		/* within the first page; the IPI handler may still look when we are freed */
	struct mutex mutex;		/* one PVM_VCPU_RUN or SET/GET_REGS at a time */
	struct pvm_switch_state *ss;	/* kernel address of the state page */
	struct pvm_switch_area area;	/* its pages and place in the switcher region */
	struct pvm_vcpu_mmu mmu;
	struct pvm_traps traps;
	struct pvm_cpu_state cpu;
	struct pvm_vcpu_shared shared;
	struct pvm_vtimer vtimer;
	struct pvm_need need;
	struct pvm_progress progress;
	enum pvm_act act;		/* set by a hypercall handler when the answer is not RESUME */

	struct page *run_page;
	struct pvm_run *run;		/* shared with user space: never trusted, never read back but immediate_exit */
	wait_queue_head_t wq;		/* sleeping in SCHEDOP_block/poll or VCPUOP_down */
	bool has_regs, ran;
	bool unclaimed;			/* nobody has its descriptor: the next CREATE_VCPU gets it; vm->lock */
	bool redo;			/* the last exit is still to be handled */
	bool blocked;
	bool is_up;
	atomic_t kick;			/* PVM_VM_KICK: leave with EINTR */
	atomic_t ipi;			/* 1: @csd is on its way; core/vcpu.c */
	call_single_data_t csd;
	int cpu_running;		/* CPU the guest runs on right now, -1 none; read by kicks */
	u32 poll_ports[128];		/* SCHEDOP_poll: any of them pending wakes */
	u32 poll_count;
	u64 poll_deadline_ns;		/* the guest's system time, 0 = none */
	u32 console_len;		/* bytes in run->console, our copy */
	struct {			/* ranges in run->release, and the last one as it is there */
		u32 count;
		u64 gfn, nr_pages;
	} release;
	u32 recent_hypercalls[16];
	u32 recent_pos;
	u64 stat[PVM_NR_STATS];		/* written by the vCPU's thread only */
	u64 hypercall_count[64];
	u64 run_started_ns;		/* running since then; 0: not in PVM_VCPU_RUN, or blocked */
};

struct pvm_platform_state {
	bool set;
	u64 nr_pages, max_pages;
	pvm_gfn_t shared_info_gfn, grant_gfn;
	u32 grant_frames;
	u8 uuid[16];
	struct shared_info *shared;	/* kernel address, pinned */
	struct page *shared_page;
};

struct pvm_vm {
	struct kref ref;
	struct list_head link;		/* in the device's list */
	u32 id;
	u32 domid;
	u32 state;			/* PVM_VM_*; vm->death_lock for the change to DEAD or SHUTDOWN */
	u32 shutdown_reason;
	u32 max_vcpus, nr_vcpus;
	u64 shadow_limit_bytes;		/* budget of shadow pages */
	char name[PVM_NAME_LEN];
	kuid_t uid;
	struct pvm_user *user;		/* who pays: core/vm.c */
	u64 charged_bytes;		/* of user->bytes; under its lock */
	bool published;			/* in lists, found by id; under vms_lock */
	struct pid *pid;
	u64 created_ns;			/* CLOCK_BOOTTIME */
	u64 epoch_ns;			/* CLOCK_MONOTONIC at system time 0 */
	struct mm_struct *mm;		/* grabbed (mmgrab): identity of the owner */
	struct mutex lock;		/* protects: slots until first run, platform, vcpus[] */
	struct pvm_vcpu *vcpus[PVM_MAX_VCPUS];
	struct pvm_platform_state platform;
	struct pvm_switch_hole *hole;	/* switcher region of this address space */
	struct pvm_mmu mmu;
	struct pvm_evtchn evtchn;	/* pure port table; evtchn_fd.c has the lock and the fds */
	struct pvm_evtchn_fds *evtchn_fds;
	struct pvm_cpuid_policy cpuid;	/* pvm_emulate_init() fills it */
	spinlock_t death_lock;		/* protects: state, death */
	struct pvm_death death;
	atomic64_t stat[PVM_NR_STATS];	/* counters not owned by one vCPU thread */
};

static inline void pvm_count(struct pvm_vcpu *v, enum pvm_stat s)
{
	v->stat[s]++;
}

/* Counted time and the stretch under way. In this order: a stretch that ends meanwhile is missed, not seen twice. */
static inline u64 pvm_vcpu_runtime_ns(const struct pvm_vcpu *v)
{
	u64 counted = READ_ONCE(v->stat[PVM_STAT_RUNTIME_NS]);
	u64 since = READ_ONCE(v->run_started_ns), now = ktime_get_ns();

	return counted + (since && now > since ? now - since : 0);
}

static inline struct pvm_regs *pvm_regs(struct pvm_vcpu *v)
{
	return &v->ss->regs;
}

/* The guest needs a frame that is not at hand: note it, return -PVM_ENEED. */
static inline int pvm_need_page(struct pvm_vcpu *v, pvm_gfn_t gfn, bool write)
{
	v->need = (struct pvm_need){ .what = PVM_NEED_PAGE, .gfn = gfn, .write = write };
	return -PVM_ENEED;
}

static inline int pvm_need_cache(struct pvm_vcpu *v)
{
	v->need = (struct pvm_need){ .what = PVM_NEED_CACHE };
	return -PVM_ENEED;
}

static inline int pvm_need_pin(struct pvm_vcpu *v, pvm_gfn_t gfn)
{
	v->need = (struct pvm_need){ .what = PVM_NEED_PIN, .gfn = gfn, .write = true };
	return -PVM_ENEED;
}

static inline int pvm_need_release(struct pvm_vcpu *v)
{
	v->need = (struct pvm_need){ .what = PVM_NEED_RELEASE };
	return -PVM_ENEED;
}

static inline int pvm_need_pause(struct pvm_vcpu *v)
{
	v->need = (struct pvm_need){ .what = PVM_NEED_PAUSE };
	return -PVM_ENEED;
}

/* The TSC is constant, never stops, and is the same on all CPUs. */
static inline bool pvm_tsc_stable(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC) &&
	       !check_tsc_unstable();
}

/* Time since the VM's system time 0, ns. */
static inline u64 pvm_system_time_ns(const struct pvm_vm *vm)
{
	return ktime_get_ns() - vm->epoch_ns;
}

/* core/vm.c: life of the VM object. pvm_vm_create() takes name etc. as checked by uapi/; the last put calls
 * pvm_guest_fini() through vm->release order in core/vm.c's table of upward pointers. */
struct pvm_vm *pvm_vm_create(const struct pvm_create_vm *arg);	/* ERR_PTR; name and id are taken, ref 1 */
void pvm_vm_publish(struct pvm_vm *vm);		/* subsystems are built: visible to others; event */
void pvm_vm_get(struct pvm_vm *vm);
void pvm_vm_put(struct pvm_vm *vm);
struct pvm_vm *pvm_vm_find(u32 id);		/* with a reference, NULL; only VMs the caller may see */
int pvm_vm_list(struct pvm_vm_entry *rows, u32 max, u32 *count);	/* rows the caller may see */
void pvm_vm_set_release(void (*release)(struct pvm_vm *vm));	/* guest/guest.c: called once at load */
__printf(3, 4) enum pvm_act pvm_vm_die(struct pvm_vm *vm, u32 kind, const char *fmt, ...);
__printf(3, 4) enum pvm_act pvm_vcpu_die(struct pvm_vcpu *v, u32 kind, const char *fmt, ...); /* with registers */
bool pvm_vm_is_dead(const struct pvm_vm *vm);
void pvm_vm_started(struct pvm_vm *vm);		/* first run: state RUNNING, event */
void pvm_vm_shutdown(struct pvm_vcpu *v, u32 reason);	/* guest's own end: state, event, run->exit_reason */
void pvm_vm_stats(struct pvm_vm *vm, u64 *values, u64 *hypercalls);	/* hypercalls: 64 values or NULL */
int pvm_vm_charge(struct pvm_vm *vm, u64 bytes);	/* kernel memory for the guest; -ENOMEM over the user's limit */
void pvm_vm_uncharge(struct pvm_vm *vm, u64 bytes);
int pvm_vm_charge_vcpu(struct pvm_vm *vm);		/* -EPERM over the user's limit */
void pvm_vm_uncharge_vcpu(struct pvm_vm *vm);

/* core/vcpu.c */
struct pvm_vcpu *pvm_vcpu_alloc(struct pvm_vm *vm, u32 id);	/* ERR_PTR; not yet in vm->vcpus[] */
void pvm_vcpu_free(struct pvm_vcpu *v);				/* idempotent on half-built objects */
void pvm_vcpu_kick(struct pvm_vcpu *v);		/* atomic context: PVM_VCPU_RUN returns EINTR, now or next time */
void pvm_vcpu_wake(struct pvm_vcpu *v);		/* atomic context: wake from block; reschedule IPI if it runs */

/* core/event.c: lifecycle events; core/event.h has the rest. event = enum pvm_event of pvm_genl.h */
void pvm_event_post(struct pvm_vm *vm, u32 event, u32 code, const char *reason);

/* xen/hypercall.c */
enum pvm_act pvm_hypercall(struct pvm_vcpu *v);		/* SYSCALL in kernel mode; result into rax */
bool pvm_hypercall_quick(struct pvm_vcpu *v);	/* IRQs off: the same, if it takes a few instructions only */

/* xen/hc_mmu.c (mmu_update, update_va_mapping, mmuext_op) and the other families; a handler returns the guest's
 * result (>= 0 or -errno of Xen) or -PVM_ENEED, and sets v->act for anything but RESUME. */

/* xen/hc_cpu.c, xen/hc_sched.c */
void pvm_cpu_state_init(struct pvm_vcpu *v);	/* descriptor, debug and control registers of a fresh vCPU */
bool pvm_sched_ready(struct pvm_vcpu *v);	/* any context: SCHEDOP_block or poll must end now (timeout apart) */
void pvm_sched_wake_pollers(struct pvm_vm *vm, u32 port, struct pvm_vcpu *self);

/* xen/trap.c: exceptions, upcalls and iret frames; needs gva access */
enum pvm_act pvm_inject(struct pvm_vcpu *v, u32 vector, bool has_error, u32 error); /* exception to the guest */
enum pvm_act pvm_inject_pf(struct pvm_vcpu *v, u64 cr2, u32 error);
bool pvm_page_fault_quick(struct pvm_vcpu *v);	/* IRQs off: a page fault that is certainly the guest's, delivered */
enum pvm_act pvm_deliver_failsafe(struct pvm_vcpu *v);	/* failsafe callback, if data segments were lost */
enum pvm_act pvm_deliver_upcall(struct pvm_vcpu *v);	/* event callback if pending and unmasked; NMI first */
enum pvm_act pvm_bounce_syscall(struct pvm_vcpu *v, u32 vector);	/* user SYSCALL/SYSENTER entry by C */
enum pvm_act pvm_guest_iret(struct pvm_vcpu *v);		/* HYPERVISOR_iret by C */
void pvm_trap_update_direct(struct pvm_vcpu *v);	/* recompute ss->*_path; after any change of its inputs */

/* xen/shared.c: shared_info, vcpu_info placement, time and run state publishing */
int pvm_shared_init(struct pvm_vm *vm);			/* pins shared_info, fills it; sleeps */
void pvm_shared_fini(struct pvm_vm *vm);
int pvm_vcpu_shared_init(struct pvm_vcpu *v);
void pvm_vcpu_shared_fini(struct pvm_vcpu *v);
int pvm_clock_init(void);			/* the host's sleep is no time of a guest's */
void pvm_clock_fini(void);
int pvm_time_publish(struct pvm_vcpu *v);		/* rewrite pvclock records (resident, before entry) */
void pvm_runstate_set(struct pvm_vcpu *v, int state);	/* RUNSTATE_*; resident or sleeping context of the vCPU */

int pvm_shared_provide(struct pvm_vcpu *v);		/* answers PVM_NEED_PIN; sleeps, VMM's task */
u64 pvm_guest_time_ns(struct pvm_vcpu *v);		/* system time as this guest computes it from the TSC */

/* xen/timer.c */
void pvm_vtimer_set_period(struct pvm_vcpu *v, u64 period_ns);	/* 0 stops */
void pvm_vtimer_init(struct pvm_vcpu *v);
void pvm_vtimer_fini(struct pvm_vcpu *v);
void pvm_vtimer_arm(struct pvm_vcpu *v, u64 deadline_ns);	/* system time; 0 disarms; past fires at once */
void pvm_vtimer_deliver(struct pvm_vcpu *v);		/* before entry: raise VIRQ_TIMER if it fired */

/* xen/evtchn_fd.c: performs what evtchn.c decides */
int pvm_evtchn_fds_init(struct pvm_vm *vm);
void pvm_evtchn_fds_fini(struct pvm_vm *vm);
int pvm_evtchn_raise_virq(struct pvm_vcpu *v, u32 virq);
int pvm_evtchn_raise_port(struct pvm_vm *vm, u32 port);	/* VMM side */
int pvm_evtchn_alloc_vmm(struct pvm_vm *vm, u32 *port);
int pvm_evtchn_bind_fds(struct pvm_vm *vm, u32 port, int send_fd, int raise_fd);
int pvm_evtchn_unbind_fds(struct pvm_vm *vm, u32 port);

/* emul/emulate.c */
void pvm_emulate_init(struct pvm_vm *vm);	/* CPUID policy from the host and the switcher */
bool pvm_emulate_quick(struct pvm_vcpu *v);	/* IRQs off: #GP or #UD of the most frequent instructions */
enum pvm_act pvm_emulate_gp(struct pvm_vcpu *v);	/* #GP with error 0: privileged instruction or inject */
enum pvm_act pvm_emulate_ud(struct pvm_vcpu *v);	/* #UD: forced CPUID or inject */

/* emul/ptwrite.c */
enum pvm_fault_result pvm_emulate_pt_write(struct pvm_vcpu *v, u64 cr2, pvm_gfn_t gfn);

/* switcher/ */
int pvm_switcher_init(void);		/* checks the CPU, copies the text; one clear line when it cannot work */
void pvm_switcher_fini(void);
int pvm_hole_get(struct pvm_vm *vm);	/* finds or makes the switcher region of current->mm */
void pvm_hole_put(struct pvm_vm *vm);
int pvm_area_init(struct pvm_vcpu *v);
void pvm_area_fini(struct pvm_vcpu *v);
void pvm_area_map_info(struct pvm_vcpu *v, struct page *page, u32 offset);	/* where assembly finds vcpu_info */
void pvm_area_set_descriptor(struct pvm_vcpu *v, u32 index, u64 descriptor);	/* GDT entries 12..14 */
bool pvm_area_has_ldt(struct pvm_vcpu *v);	/* room for 8192 descriptors, made at the first call */
void pvm_area_set_ldt_entry(struct pvm_vcpu *v, u32 index, u64 descriptor);	/* sanitised */
void pvm_area_load_ldt(struct pvm_vcpu *v, u32 entries);	/* use the first @entries; 0 = none */
void pvm_host_reset_pkru(struct pvm_vcpu *v);
void pvm_host_reload_debugregs(struct pvm_vcpu *v);	/* after a change of v->cpu.dr[] or dr7 */
u64 pvm_switch_guest_xcr0(void);

/* guest/ */
int pvm_guest_init_vm(struct pvm_vm *vm);	/* build every subsystem of a fresh VM */
void pvm_guest_fini(struct pvm_vm *vm);
struct pvm_vcpu *pvm_guest_create_vcpu(struct pvm_vm *vm, u32 id);
int pvm_vcpu_run(struct pvm_vcpu *v);		/* PVM_VCPU_RUN */
int pvm_vcpu_set_regs(struct pvm_vcpu *v, const struct pvm_vcpu_regs *regs);
void pvm_vcpu_get_regs(struct pvm_vcpu *v, struct pvm_vcpu_regs *regs);

#endif /* PVM_CORE_PVM_H */
