/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devirt partitions: the map. Structures, lock order, and the prototypes grouped by the file that defines them.
 *
 * Two worlds share these structures. The *host side* is ordinary kernel code. The *supervisor* runs on a CPU that was
 * taken from the host: on page tables, stack, GDT and IDT of its own, entered by INIT-SIPI-SIPI through a trampoline
 * below 1 MiB, left by INIT. Supervisor code (marked S below) must not use per-CPU data, current, locks of the kernel,
 * printk, static keys or anything that sleeps; it sees the partition's structures (direct map), the module's text and
 * data, and nothing else it may rely on. The files that hold it are built without tracing, stack protector and
 * sanitizers (Kbuild: supervisor-c).
 *
 *	file		side	what
 *	part.c		host	the object: building, life, references, mapping
 *	list.c		host	all of them: names, claims, who has them open; parts_lock
 *	host.c		host	reboot, sleep and new memory of the host
 *	run.c		host	start, poller, stop
 *	space.c		host	the supervisor's page tables
 *	plan.c	(pure)	-	arithmetic: what lies inside what, descriptors, what a register may hold
 *	cpu.c		host	CPUs: remove_cpu() and back, hotplug callbacks, INIT-SIPI-SIPI, the trampoline page
 *	mem.c		host	memory: taken, zeroed, mapped, given back; windows below 1 MiB
 *	super.c		S	what a taken CPU executes: commands, the exits common to both back ends, faults
 *	launch.S	S	trampoline, exception stubs, the world switch of SVM
 *	svm.c		S, host	back end; vmx.c, vmx_run.S, and vmx_host.c: the other one
 *	policy.c (pure)	S	answers to port and MSR accesses; uart.c, rtc.c, pci_cfg.c (pure) belong to it
 *	stage2.c (pure)	-	second-stage tables; protect.c, host: for PVM_PART_PROTECT, and VMX without paging
 *	pci.c		host	devices: unbound, reset, given back; the other end of configuration accesses
 *	pci_check.c	host	which of them the host can do without
 *	pci_mail.c	S	this end of configuration accesses
 *
 * Lock order, outermost first: part->lock (one life-changing operation at a time; sleeps, CPU hotplug inside)
 * > parts_lock (list.c: list, names, claims on memory). On the supervisor's side: sup->lock alone.
 */
#ifndef PVM_PART_PART_H
#define PVM_PART_PART_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/pvm_genl.h>
#include <linux/pvm_part.h>

#include "base/types.h"
#include "base/x86.h"
#include "base/log.h"
#include "part/policy.h"
#include "part/protect.h"

struct pvm_part;
struct pvm_sup;

#define PVM_PART_UART_PORT	0x3f8	/* of the emulated console */

/* What a taken CPU is told to do on one trip through the trampoline (pcpu->command). Each trip ends parked. */
enum pvm_sup_command {
	PVM_SUP_NONE,
	PVM_SUP_SAVE,		/* note what the host has in registers that INIT leaves alone */
	PVM_SUP_RUN,		/* run the partition: from pcpu->entry, or wait at the mailbox first */
	PVM_SUP_RESTORE,	/* put the host's values back */
};

/* Where it is (pcpu->state): written by the supervisor, PVM_SUP_ASLEEP by the host before it wakes the CPU. */
enum pvm_sup_state {
	PVM_SUP_ASLEEP,		/* the host's dead loop, or wait-for-SIPI, or on its way through the trampoline */
	PVM_SUP_PARKED,		/* the command is done; halted, interrupts off, INIT works */
	PVM_SUP_WAITING,	/* RUN: polls the wake-up mailbox, or enters; no INIT now, it looks at must_stop */
	PVM_SUP_RUNNING,	/* RUN: in guest mode, or handling an exit */
	PVM_SUP_STOPPED,	/* RUN is over, pcpu->stop_reason says why. Published before INIT is let in again */
};

#define PVM_SUP_MSRS	24	/* registers saved and restored: super.c has the list */

/*
 * One CPU of a partition. First page of its block (struct pvm_pcpu_block). "host" or "S" says who writes; the other
 * side reads with READ_ONCE or smp_load_acquire.
 */
struct pvm_pcpu {
	u64 regs[16];		/* S: guest's rax rcx rdx rbx rsp rbp rsi rdi r8..r15; SVM: rax, rsp are in the VMCB */
	u32 nmi_pending;	/* S: an NMI came while the supervisor ran (VMX passes it on); launch.S knows where */
	struct pvm_sup *sup;	/* host: what all CPUs of the partition share */
	struct pvm_pcpu_block *block;
	u64 block_pa;		/* host */
	u32 index;		/* host: 0 boots */
	u32 cpu;		/* host: Linux number */
	u32 apic_id;		/* host: what the host's tables say */
	u32 seen_apic_id;	/* S: what the CPU itself says, checked at creation */
	u32 ready;		/* S: ops->ready(), checked at creation */
	u32 command;		/* host: enum pvm_sup_command, before the CPU is woken */
	u32 state;		/* enum pvm_sup_state */
	u32 stop_reason;	/* S: PVM_PSTOP_*, before state = STOPPED */
	u32 lost;		/* host: it did not come back, nobody waits for it again */
	u32 is_taken;		/* host: it is not the host's */
	u64 stop_code, stop_addr;	/* S: details of the reason */
	u64 entry_rip;		/* S: where it enters the kernel */
	u64 last_rip;		/* S: at its last exit */
	u64 stat[PVM_PART_NR_STATS];	/* S: since the last start; the back end counts EXITS, too */
	u32 launched;		/* S: VMX: VMRESUME from now on */
	u64 host_gs_base;	/* host: per-CPU area of this CPU, so that a stray access finds memory */
	u64 saved_msr[PVM_SUP_MSRS];	/* S: by PVM_SUP_SAVE */
	u64 saved_mask;		/* S: bit i: saved_msr[i] exists on this CPU */
	u64 saved_apic_base;	/* S */
	u64 backend[32];	/* S: free for svm.c or vmx.c */
};

/* Its block: one allocation of 64 KiB, aligned to that, so that a stack pointer finds its CPU (launch.S). */
#define PVM_PCPU_BLOCK_ORDER	4
struct pvm_pcpu_block {
	struct pvm_pcpu c;
	u8 pad[4096 - sizeof(struct pvm_pcpu)];
	u64 gdt[16];		/* 0x10 code, 0x18 data, 0x20 TSS; page 1 */
	u8 tss[104];
	u8 pad_tss[4096 - 16 * 8 - 104];
	u64 idt[512];		/* page 2 */
	u8 vmcb[4096];		/* page 3: VMCB or VMCS */
	u8 host_state[4096];	/* page 4: VMLOAD/VMSAVE of the supervisor */
	u8 hsave[4096];		/* page 5: VM_HSAVE_PA, or the VMXON region */
	u8 spare[2][4096];	/* pages 6, 7: free for the back end */
	u8 stack[4][4096];	/* pages 8..11 */
	u8 ist[4][4096];	/* pages 12..15: NMI, #MC, #DF, spare */
};

/* What all CPUs of a partition share, seen from both sides; pages of its own. */
struct pvm_sup {
	u32 lock;		/* S: test-and-set; pvm_sup_lock() */
	u32 must_stop;		/* host: whoever waits in the supervisor gives up */
	u32 first_stop;		/* PVM_PSTOP_* that came first, by cmpxchg from 0 */
	u32 first_stop_index;	/* which CPU's */
	const struct pvm_part_ops *ops;
	struct pvm_part_start start;	/* host: as the caller gave it */
	u64 flags;		/* PVM_PART_* of creation */
	u32 nr_cpus;
	u32 detail_count;	/* S, under lock */
	struct pvm_part_detail detail[PVM_PART_MAX_DETAILS];	/* S, under lock */
	u32 tsc_khz;
	struct pvm_part_console *console;	/* the ring; user space writes to it as well. NULL: real UART */
	struct pvm_policy policy;	/* S, under lock: state of the emulated ports */
	struct pvm_pci_mail *pci_mail;	/* host: letter boxes, one per CPU; NULL without devices */
	u64 cr3;		/* host: root of the supervisor's page tables */
	u64 cr4;		/* host: its CR4 */
	u64 efer;		/* host: its EFER, SVME left out */
	u64 root_stage2;	/* host: EPTP or nested CR3 of PVM_PART_PROTECT, 0 = off */
	u64 backend_pa[8];	/* host: tables of the back end: permission bitmaps ... */
	void *backend[8];	/* host: their kernel addresses */
};

/* The mailbox page of the guest, in the supervisor's lower half; everything else there is the trampoline. */
#define PVM_SUP_MAILBOX_VA	0x200000ull

/* What a request may fail with, in words for the person who made it. */
struct pvm_why {
	char text[sizeof_field(struct pvm_create_partition, why)];
};
__printf(3, 4) int pvm_why(struct pvm_why *why, int err, const char *fmt, ...);	/* returns @err */

/* ---- back end ---------------------------------------------------------------------------------------------- */

/*
 * SVM or VMX. Chosen at load; NULL members are allowed where "opt" stands.
 *
 * @probe:	host: can this machine; -ENODEV and a sentence
 * @create:	host, sleeps: tables of a partition (permission bitmaps) into sup->backend; on an error nothing is left
 * @destroy:	host: frees them; accepts a half-built one
 * @start:	host, opt: before each start, every CPU parked
 * @ready:	S: does this CPU's firmware let it into guest mode; asked once, at creation
 * @run:	S: into guest mode at c->entry_rip, exits until one stops, out of guest mode. pvm_sup_running(c) comes
 *		when INIT cannot hit unseen any more (CLGI, VMXON), pvm_sup_publish(c) is the last thing before it is
 *		let in again (STGI, VMXOFF)
 * @leave:	S: after a fault of the supervisor itself: pvm_sup_publish(), then to where INIT works
 * @left_by_init: host: the CPU's own record says that INIT took it out of the guest. It may be about to say so itself,
 *		or was reset before it could: QEMU does that
 */
struct pvm_part_ops {
	const char *name;
	bool vmx;
	int (*probe)(struct pvm_why *why);
	int (*create)(struct pvm_part *p);
	void (*destroy)(struct pvm_part *p);
	void (*start)(struct pvm_part *p);
	bool (*ready)(void);
	void (*run)(struct pvm_pcpu *c);
	void (*leave)(struct pvm_pcpu *c);
	bool (*left_by_init)(const struct pvm_pcpu *c);
};
extern const struct pvm_part_ops pvm_svm_ops;	/* svm.c */
extern const struct pvm_part_ops pvm_vmx_ops;	/* vmx.c */

/* ---- the object -------------------------------------------------------------------------------------------- */

/* A range of memory and how it was got (mem.c). */
enum pvm_mem_kind {
	PVM_MEM_NONE,
	PVM_MEM_CONTIG,		/* alloc_contig_range() */
	PVM_MEM_OFFLINE,	/* offline memory blocks, claimed in the resource tree */
	PVM_MEM_RESERVED,	/* reserved at boot, claimed in the resource tree */
};

struct pvm_mem {
	enum pvm_mem_kind kind;
	u64 addr, bytes;
	struct resource *claim;
	u64 low_addr, low_bytes;
};

struct pvm_part {
	struct kref ref;		/* descriptors, mappings, the list */
	struct list_head link;		/* parts_lock */
	struct mutex lock;
	u32 id;
	u32 flags;			/* PVM_PART_* */
	char name[PVM_NAME_LEN];
	u32 state;			/* PVM_PART_*, under lock; readers READ_ONCE */
	bool published;			/* parts_lock: in lists, found by name */
	bool announced;			/* its creation was an event, so will be its end */
	bool host_down;			/* parts_lock: the host reboots, it never starts again */
	bool destroyed;			/* lock: descriptors answer ENODEV */
	bool kept;			/* lock: PVM_PART_KEEP; holds a reference of the module */
	u32 nr_files;			/* parts_lock: open descriptors */
	atomic_t mem_users;		/* mappings, and one while not destroyed: the last gives the memory back */
	u32 nr_cpus, nr_pci;
	struct pvm_pcpu **cpus;		/* nr_cpus */
	struct pvm_sup *sup;
	struct pvm_mem mem;
	u32 uart_port;
	bool uart_real;
	u64 created_ns, started_ns;	/* CLOCK_BOOTTIME */
	u32 stop_reason;		/* PVM_PSTOP_*, of the last run */
	u64 stop_code, stop_addr;
	struct delayed_work poll;	/* while running: CPUs that stopped, heartbeat */
	wait_queue_head_t wq;		/* poll(2) */
	u64 claim_addr, claim_bytes;	/* parts_lock: memory asked for, then what it has */
	u64 beat_addr, beat_value, beat_since_ns, beat_looked_ns, beat_timeout_ns;	/* lock */
	bool beat_silent;
	struct page *space;		/* supervisor's page tables */
	u64 *mailbox_pte;		/* in them */
	struct pvm_pci *pci;		/* pci.c */
	struct pvm_stage2_tables protect, unpaged;	/* protect.c, of the back end */
};

/* part.c; all need CAP_SYS_ADMIN and CAP_SYS_RAWIO, checked by uapi/part_ioctl.c */
u32 pvm_part_backend(void);		/* PVM_PARTITIONS_* */
int pvm_part_global_init(void);		/* never fails for lack of SVM or VMX: creation says so then */
void pvm_part_global_fini(void);
struct pvm_part *pvm_part_create(const struct pvm_create_partition *arg, const u32 *cpus, const u32 *pci,
				 struct pvm_why *why);	/* ERR_PTR */
void pvm_part_publish(struct pvm_part *p);
void pvm_part_put(struct pvm_part *p);
void pvm_part_put_file(struct pvm_part *p);	/* the last one stops and destroys what was not kept */
int pvm_part_keep(struct pvm_part *p);
int pvm_part_destroy(struct pvm_part *p);
int pvm_part_mmap(struct pvm_part *p, struct vm_area_struct *vma);
const char *pvm_part_reason_text(u32 stop_reason);
bool pvm_part_any_lost(const struct pvm_part *p);
void pvm_part_post(struct pvm_part *p, u32 event, u32 code, const char *reason);

/* list.c */
int pvm_part_claim(struct pvm_part *p, struct pvm_why *why);
void pvm_part_unclaim(struct pvm_part *p);
void pvm_part_claim_memory(struct pvm_part *p);
bool pvm_part_memory_going_online(u64 addr, u64 bytes);
void pvm_part_memory_settled(void);
void pvm_part_show(struct pvm_part *p);
void pvm_part_hide(struct pvm_part *p);
bool pvm_part_close_file(struct pvm_part *p);
struct pvm_part *pvm_part_find(const char *name);	/* with a file reference; NULL */
int pvm_part_list(struct pvm_partition_entry *rows, u32 room, u32 *count);	/* for everybody */
void pvm_part_entry(struct pvm_part *p, struct pvm_partition_entry *e);
void pvm_part_no_more(void);
struct pvm_part *pvm_part_next_up(void);	/* with a reference; NULL */
bool pvm_part_host_sleeps(void);
void pvm_part_host_wakes(void);

/* host.c */
int pvm_part_host_init(void);
void pvm_part_host_fini(void);

/* run.c */
#define PVM_PART_STOP_MS	5000u	/* the usual bound of a stop */
int pvm_run_global_init(void);
void pvm_run_global_fini(void);
int pvm_part_start(struct pvm_part *p, const struct pvm_part_start *arg);
int pvm_part_stop(struct pvm_part *p, u32 timeout_ms, u32 *lost);
u32 pvm_part_stop_locked(struct pvm_part *p, u32 reason, u32 timeout_ms);
int pvm_part_heartbeat(struct pvm_part *p, u64 addr, u32 timeout_ms);
void pvm_part_poll(struct work_struct *work);

/* space.c */
int pvm_space_create(struct pvm_part *p);
void pvm_space_destroy(struct pvm_part *p);
void pvm_space_map_mailbox(struct pvm_part *p, u64 addr);

/* cpu.c */
int pvm_pcpu_global_init(void);
void pvm_pcpu_global_fini(void);
int pvm_pcpu_check(u32 i, u32 flags, const u32 *cpus, u32 count, struct pvm_why *why);	/* may cpus[i] be taken */
struct pvm_pcpu *pvm_pcpu_alloc(struct pvm_sup *s, u32 cpu, u32 index);
void pvm_pcpu_free(struct pvm_pcpu *c);
int pvm_pcpu_take(struct pvm_pcpu *c, struct pvm_why *why);	/* offline, woken once, registers saved, parked */
void pvm_pcpu_give(struct pvm_pcpu *c);		/* registers restored, online; a lost one stays */
int pvm_pcpu_run(struct pvm_pcpu *c, u32 command);	/* wake it for one command */
void pvm_pcpu_init_ipi(struct pvm_pcpu *c);	/* INIT, nothing else */

/* mem.c */
int pvm_mem_global_init(void);
void pvm_mem_global_fini(void);
int pvm_mem_take(struct pvm_mem *m, u64 bytes, u64 addr, struct pvm_why *why);	/* zeroed */
void pvm_mem_give(struct pvm_mem *m);		/* zeroed first; accepts what is not there */
int pvm_low_take(struct pvm_mem *m, struct pvm_why *why);
void pvm_low_give(struct pvm_mem *m);
u64 pvm_low_trampoline(void);
int pvm_mem_read_u64(const struct pvm_mem *m, u64 addr, u64 *value);

/* super.c, S: what back ends call */
enum pvm_sup_act {
	PVM_SUP_RESUME,		/* to the next instruction */
	PVM_SUP_GP,		/* inject */
	PVM_SUP_UD,
	PVM_SUP_MC,
	PVM_SUP_STOP,		/* c->stop_reason is set */
};
enum pvm_sup_act pvm_sup_io(struct pvm_pcpu *c, const struct pvm_pio *io, u64 *rax);
enum pvm_sup_act pvm_sup_rdmsr(struct pvm_pcpu *c, struct pvm_cpu_view *view, u32 msr, u64 *value);
enum pvm_sup_act pvm_sup_wrmsr(struct pvm_pcpu *c, struct pvm_cpu_view *view, u32 msr, struct pvm_decision *d);
enum pvm_sup_act pvm_sup_cr0(struct pvm_pcpu *c, struct pvm_cpu_view *view, struct pvm_decision *d);
enum pvm_sup_act pvm_sup_machine_check(struct pvm_pcpu *c, struct pvm_cpu_view *view);
enum pvm_sup_act pvm_sup_stop(struct pvm_pcpu *c, u32 reason, u64 code, u64 addr);	/* always PVM_SUP_STOP */
void pvm_sup_count(struct pvm_pcpu *c, enum pvm_part_stat s);
void pvm_sup_detail(struct pvm_pcpu *c, u32 kind, u32 key);
void pvm_sup_running(struct pvm_pcpu *c);	/* INIT is held back or intercepted from here on: state = RUNNING */
void pvm_sup_publish(struct pvm_pcpu *c);	/* state = STOPPED; the reason was set by pvm_sup_stop() */
bool pvm_sup_must_stop(const struct pvm_pcpu *c);	/* asked by every loop that waits for someone */
void pvm_sup_lock(struct pvm_sup *s);
void pvm_sup_unlock(struct pvm_sup *s);
void pvm_sup_main(struct pvm_pcpu *c);		/* from pvm_sup_entry() */
void pvm_sup_fault(struct pvm_pcpu *c, u64 vector, u64 error, u64 rip);	/* from the stubs */

/* launch.S */
extern const u8 pvm_tramp_start[], pvm_tramp_32[], pvm_tramp_64[], pvm_tramp_args[], pvm_tramp_end[];
void pvm_svm_enter(u64 *regs, u64 vmcb_pa, u64 host_state_pa);	/* S, GIF = 0 */
void pvm_sup_entry(void);	/* S, from the trampoline */
void pvm_sup_stubs(void);	/* 32 stubs of 16 bytes */
int pvm_sup_rdmsr_safe(u32 msr, u64 *value);	/* S: 0, or -1 if the CPU has no such register */
int pvm_sup_wrmsr_safe(u32 msr, u64 value);	/* S: 0, or -1 if the CPU refuses */

/* pci_mail.c, S: pvm_pci_ask(), in pci_mail.h. protect.c, host: second-stage tables, in protect.h */

/* pci.c: host side. take and give are called with part->lock held */
int pvm_part_pci_global_init(void);
void pvm_part_pci_global_fini(void);
int pvm_part_pci_take(struct pvm_part *p, const u32 *bdfs, u32 count, struct pvm_why *why);
void pvm_part_pci_give(struct pvm_part *p);	/* reset, back to their drivers; accepts none, or half */
void pvm_part_pci_start(struct pvm_part *p);	/* before the CPUs start: serve configuration accesses */
void pvm_part_pci_stop(struct pvm_part *p);	/* after they stopped: bus mastering off, reset */
int pvm_part_pci_bars(struct pvm_part *p, struct pvm_part_bar *bars, u32 room, u32 *count);

/* pci_check.c */
struct pci_dev;
int pvm_pci_check_unused(struct pci_dev *dev, struct pvm_why *why);
int pvm_pci_check_iommu(struct pci_dev *dev, struct pvm_why *why);

/* Raw instructions for the supervisor; no tracing, no fault handling: the MSR must exist. */
static __always_inline u64 pvm_rdmsr(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}

static __always_inline void pvm_wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#endif /* PVM_PART_PART_H */
