/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * pvm: user ABI of /dev/pvm. This header is the manual of the ABI.
 *
 * Objects are file descriptors; an object lives until its last descriptor (and, for a VM, the last descriptor
 * of its vCPUs) is closed:
 *
 *	/dev/pvm ── PVM_CREATE_VM ──▶ VM fd ── PVM_VM_CREATE_VCPU ──▶ vCPU fd ── mmap ──▶ struct pvm_run
 *
 * Every structure starts with `size` (bytes the caller knows of) and `flags`. A caller may be older than the
 * driver (missing tail reads as zero, nothing is written there) or newer (a non-zero unknown tail is refused
 * with E2BIG). Unknown flags and non-zero reserved fields are refused with EOPNOTSUPP. `size` may be at most 4096.
 * Structures only grow at the end; PVM_*_SIZE_V0 is the size of the first release and is accepted for ever.
 * IN fields are read, OUT fields are written by the driver, on success only unless the field says otherwise.
 *
 * Errors, with one meaning everywhere (the list at an ioctl names only what is particular to it):
 *	ENOTTY		this descriptor does not know this ioctl
 *	EINVAL		a value is out of its range; also `size` < V0 or > 4096
 *	E2BIG		non-zero bytes beyond what this driver knows
 *	EOPNOTSUPP	unknown flag, non-zero reserved field, or a feature this machine lacks
 *	EFAULT		user memory cannot be read or written
 *	ENOMEM		out of kernel memory, or over a limit of shadow memory
 *	EPERM		missing privilege, or over a per-user limit (module parameters max_vms_per_uid, ...)
 *	ENOENT, EEXIST	no such id, port or slot; already there
 *	EBUSY		right request, wrong state
 *	EMSGSIZE	output array too small; the needed count was written
 *	EINTR		a signal; state is intact, call again
 *	EIO		the guest is dead: PVM_VM_GET_DEATH has the reason; of a partition: a CPU does not answer
 *	ENODEV		the partition was destroyed; at its creation: the machine cannot have any
 *	ENOSPC		no place of this kind is left
 *	ENXIO		mmap: there is no such area
 */
#ifndef _UAPI_LINUX_PVM_H
#define _UAPI_LINUX_PVM_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define PVM_IOC_TYPE	0xD7

#define PVM_NAME_LEN	32	/* bytes of a guest's name, with the terminating NUL */
#define PVM_MAX_VCPUS	1	/* vCPUs of one VM this release can run; ask PVM_CAP_MAX_VCPUS */
#define PVM_MAX_SLOTS	32	/* memory slots of one VM */
#define PVM_NR_PORTS	4096	/* event channel ports, 0 is never valid (2-level ABI, public/event_channel.h) */

/* ---- /dev/pvm -------------------------------------------------------------------------------------------- */

/**
 * struct pvm_cap - PVM_GET_CAP: ask for one capability
 * @size:	IN sizeof(struct pvm_cap)
 * @flags:	IN 0
 * @cap:	IN one of PVM_CAP_*
 * @reserved:	IN 0
 * @value:	OUT the value; 0 for a capability this driver does not know (never an error)
 */
struct pvm_cap {
	__u32 size;
	__u32 flags;
	__u32 cap;
	__u32 reserved;
	__u64 value;
};
#define PVM_CAP_SIZE_V0		24
#define PVM_CAP_MAX_VCPUS	1	/* most vCPUs in one VM */
#define PVM_CAP_MAX_SLOTS	2	/* most memory slots in one VM */
#define PVM_CAP_HOST		3	/* bits of PVM_HOST_* */
#define PVM_CAP_TSC_KHZ		4	/* frequency of the TSC the guest reads, kHz */
#define PVM_CAP_GUEST_XCR0	5	/* XSAVE components a guest may use (SDM vol. 1, 13.3) */
#define PVM_CAP_ADDR_BITS	6	/* physical address bits a guest frame number may use */
#define PVM_CAP_EVENTFD		7	/* 1: PVM_VM_EVTCHN_BIND takes eventfds */
#define PVM_CAP_PARTITIONS	8	/* PVM_PARTITIONS_*: on what devirt partitions (pvm_part.h) run here */
#define PVM_CAP_VERSION		9	/* driver version, major << 32 | minor << 16 | patch */

#define PVM_HOST_LA57		(1 << 0)	/* host runs with 5-level paging */
#define PVM_HOST_PTI		(1 << 1)	/* kernel page-table isolation is on */
#define PVM_HOST_PCID		(1 << 2)
#define PVM_HOST_FSGSBASE	(1 << 3)
#define PVM_HOST_SMAP		(1 << 4)
#define PVM_HOST_XSAVE		(1 << 5)
#define PVM_HOST_TSC_STABLE	(1 << 6)	/* TSC is constant, non-stop and synchronised */

#define PVM_PARTITIONS_NONE	0	/* PVM_CREATE_PARTITION says why */
#define PVM_PARTITIONS_SVM	1
#define PVM_PARTITIONS_VMX	2

/**
 * struct pvm_create_vm - PVM_CREATE_VM: make a VM, owned by the calling process
 * @size:	IN sizeof(struct pvm_create_vm)
 * @flags:	IN 0
 * @name:	IN 1..31 characters of [A-Za-z0-9._-] and a NUL; unique among all VMs
 * @max_vcpus:	IN 1..PVM_CAP_MAX_VCPUS
 * @domid:	IN domain id the guest sees, 1..0x7fef; 0 = 1
 * @shadow_limit_bytes: IN most bytes of shadow page tables, 0 = the module's default, else at least 256 KiB
 * @id:		OUT id of the VM, unique until the module is unloaded
 * @fd:		OUT VM descriptor, O_CLOEXEC
 *
 * The VM belongs to the address space of the caller: its memory slots and its vCPUs' PVM_VCPU_RUN must come from
 * a task of that address space, or they fail with EPERM.
 *
 * EEXIST: the name is taken. EPERM: max_vms_per_uid is reached. EINVAL: bad name, max_vcpus or limit.
 */
struct pvm_create_vm {
	__u32 size;
	__u32 flags;
	__u8  name[PVM_NAME_LEN];
	__u32 max_vcpus;
	__u32 domid;
	__u64 shadow_limit_bytes;
	__u32 id;
	__s32 fd;
};
#define PVM_CREATE_VM_SIZE_V0	64

/* Life of a VM. RUNNING from the first PVM_VCPU_RUN on; SHUTDOWN and DEAD are final. */
#define PVM_VM_NEW		0
#define PVM_VM_RUNNING		1
#define PVM_VM_SHUTDOWN		2	/* the guest asked for it: power off, reboot, crash, ... */
#define PVM_VM_DEAD		3	/* PVM_VM_GET_DEATH has the reason */

/**
 * struct pvm_vm_entry - one row of PVM_LIST_VMS
 * @id:		id of the VM
 * @state:	PVM_VM_*
 * @name:	its name, NUL-terminated
 * @pid:	process that created it, in the caller's pid namespace, 0 if not visible there
 * @uid:	user that created it, in the caller's user namespace
 * @nr_vcpus:	vCPUs created
 * @shutdown_reason: guest's reason in state SHUTDOWN (public/sched.h SHUTDOWN_*), else 0
 * @memory_bytes: sum of its memory slots
 * @shadow_bytes: shadow page tables held now
 * @created_ns:	CLOCK_BOOTTIME at creation, ns
 * @runtime_ns:	time its vCPUs spent inside PVM_VCPU_RUN and not blocked, ns
 */
struct pvm_vm_entry {
	__u32 id;
	__u32 state;
	__u8  name[PVM_NAME_LEN];
	__u32 pid;
	__u32 uid;
	__u32 nr_vcpus;
	__u32 shutdown_reason;
	__u64 memory_bytes;
	__u64 shadow_bytes;
	__u64 created_ns;
	__u64 runtime_ns;
};
#define PVM_VM_ENTRY_SIZE_V0	88

/**
 * struct pvm_list_vms - PVM_LIST_VMS: all VMs of this user; all VMs of the machine with CAP_SYS_ADMIN
 * @size:	IN sizeof(struct pvm_list_vms)
 * @flags:	IN 0
 * @vms_ptr:	IN array of rows, @vms_stride bytes each
 * @vms_count:	IN rows the array holds, at most 4096; OUT rows there are (written on EMSGSIZE too)
 * @vms_stride:	IN bytes from row to row, 88..4096 and a multiple of 8
 */
struct pvm_list_vms {
	__u32 size;
	__u32 flags;
	__u64 vms_ptr;
	__u32 vms_count;
	__u32 vms_stride;
};
#define PVM_LIST_VMS_SIZE_V0	24

/*
 * Counters of a VM: PVM_STAT_LIST(X) calls X(NAME, name, unit, "help") in the order of the values array.
 * Rows are only appended.
 */
#define PVM_STAT_LIST(X)								\
	X(EXITS,	exits,		"",	"returns from the guest to the driver's C code")	\
	X(EXIT_IRQ,	exit_irq,	"",	"exits for a host interrupt")			\
	X(EXIT_NMI,	exit_nmi,	"",	"exits for a host NMI or machine check")	\
	X(EXIT_SYSCALL,	exit_syscall,	"",	"guest system calls bounced by C code")		\
	X(EXIT_HYPERCALL, exit_hypercall, "",	"hypercalls handled by C code")			\
	X(EXIT_PF,	exit_pf,	"",	"exits for a page fault")			\
	X(EXIT_GP,	exit_gp,	"",	"exits for #GP (privileged instructions)")	\
	X(EXIT_UD,	exit_ud,	"",	"exits for #UD (forced CPUID and others)")	\
	X(EXIT_OTHER,	exit_other,	"",	"exits for any other exception")		\
	X(SWITCH_TO_KERNEL, switch_to_kernel, "", "system calls switched in assembly, no exit")	\
	X(SWITCH_TO_USER, switch_to_user, "",	"HYPERVISOR_iret switched in assembly, no exit")	\
	X(PF_FILL,	pf_fill,	"",	"page faults that filled a shadow entry")	\
	X(PF_INJECT,	pf_inject,	"",	"page faults given to the guest")		\
	X(PF_EMULATE,	pf_emulate,	"",	"guest writes to its page tables emulated")	\
	X(PF_UNSYNC,	pf_unsync,	"",	"guest page tables let out of sync")		\
	X(PF_SPURIOUS,	pf_spurious,	"",	"page faults with nothing left to do")		\
	X(RESYNC,	resync,		"",	"guest page tables brought back in sync")	\
	X(PTE_SET,	pte_set,	"",	"page-table entries set by hypercall")		\
	X(PTE_PREFILL,	pte_prefill,	"",	"of those, installed in the shadow at once")	\
	X(SHADOW_PAGES,	shadow_pages,	"pages",	"shadow pages held now")		\
	X(SHADOW_ALLOC,	shadow_alloc,	"",	"shadow pages made")				\
	X(SHADOW_RECLAIM, shadow_reclaim, "",	"shadow pages taken back by the budget or the shrinker")	\
	X(NOTIFIER,	notifier,	"",	"host invalidations that hit guest memory")	\
	X(PINNED,	pinned,		"pages",	"guest pages pinned now (shared info, vcpu info)")	\
	X(UPCALLS,	upcalls,	"",	"event upcalls delivered")			\
	X(EVENTS_IN,	events_in,	"",	"events raised towards the guest")		\
	X(EVENTS_OUT,	events_out,	"",	"events sent by the guest")			\
	X(TIMER_FIRES,	timer_fires,	"",	"guest timers expired")				\
	X(BLOCKS,	blocks,		"",	"times a vCPU went to sleep")			\
	X(RESIDENCY,	residency,	"",	"times a vCPU's state was loaded on a CPU")	\
	X(CR3_WRITES,	cr3_writes,	"",	"CR3 writes by the switcher")			\
	X(PGE_TOGGLES,	pge_toggles,	"",	"CR4.PGE writes (each flushes the TLB)")	\
	X(MSR_WRITES,	msr_writes,	"",	"WRMSR executed for world switches")		\
	X(TABLE_LOADS,	table_loads,	"",	"IDT, GDT and TR loads")			\
	X(SLOW_RETRY,	slow_retry,	"",	"exits repeated in sleeping context")		\
	X(RUNTIME_NS,	runtime_ns,	"ns",	"time in PVM_VCPU_RUN, blocking left out")

enum pvm_stat {
#define PVM_STAT_ENUM(NAME, name, unit, help) PVM_STAT_##NAME,
	PVM_STAT_LIST(PVM_STAT_ENUM)
#undef PVM_STAT_ENUM
	PVM_NR_STATS
};

/**
 * struct pvm_get_stats - PVM_GET_STATS: counters of one VM, by id (on /dev/pvm) or of this VM (on a VM fd)
 * @size:	IN sizeof(struct pvm_get_stats)
 * @flags:	IN 0
 * @id:		IN id of the VM on /dev/pvm; 0 on a VM descriptor
 * @values_count: IN values the array holds, at most 256; OUT values this driver has (EMSGSIZE: too small)
 * @values_ptr:	IN array of __u64, one per PVM_STAT_*
 * @hypercalls_ptr: IN array of 64 __u64 (calls by hypercall number), or 0
 *
 * On /dev/pvm, ENOENT: no such VM or not one of this user's.
 */
struct pvm_get_stats {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 values_count;
	__u64 values_ptr;
	__u64 hypercalls_ptr;
};
#define PVM_GET_STATS_SIZE_V0	32

#define PVM_GET_CAP		_IO(PVM_IOC_TYPE, 0x00)	/* struct pvm_cap */
#define PVM_CREATE_VM		_IO(PVM_IOC_TYPE, 0x01)	/* struct pvm_create_vm */
#define PVM_LIST_VMS		_IO(PVM_IOC_TYPE, 0x02)	/* struct pvm_list_vms */
#define PVM_GET_STATS		_IO(PVM_IOC_TYPE, 0x03)	/* struct pvm_get_stats; also on a VM fd */

/* ---- VM descriptor ---------------------------------------------------------------------------------------- */

/**
 * struct pvm_memory - PVM_VM_SET_MEMORY: give guest frames their memory, or take it away
 * @size:	IN sizeof(struct pvm_memory)
 * @flags:	IN 0
 * @slot:	IN 0..PVM_MAX_SLOTS-1
 * @reserved:	IN 0
 * @gfn:	IN first guest frame number; frames are 4 KiB
 * @nr_pages:	IN pages, 1..2^28; 0 removes the slot
 * @uaddr:	IN page-aligned address in the caller's memory (anonymous, memfd, hugetlbfs)
 *
 * The memory stays ordinary memory of the process: it can be swapped, merged and moved; it is faulted in as the
 * guest touches it. EEXIST: the slot is in use or the frames overlap another slot. ENOENT: nothing to remove.
 * EBUSY: slots cannot change once a vCPU has run.
 */
struct pvm_memory {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 reserved;
	__u64 gfn;
	__u64 nr_pages;
	__u64 uaddr;
};
#define PVM_MEMORY_SIZE_V0	40

/**
 * struct pvm_platform - PVM_VM_SET_PLATFORM: what the guest is told about its machine; once, before any vCPU runs
 * @size:	IN sizeof(struct pvm_platform)
 * @flags:	IN 0
 * @nr_pages:	IN pages of RAM, frames 0..nr_pages-1, all within slots
 * @max_pages:	IN most pages the guest may ever have (>= nr_pages); 0 = nr_pages
 * @shared_info_gfn: IN frame of the shared info page (xen.h struct shared_info), above all RAM, within a slot;
 *		the driver zeroes and fills it (time, wall clock, upcall masks) and keeps it pinned
 * @grant_gfn:	IN first frame of the grant table, above all RAM, within a slot
 * @grant_frames: IN frames of the grant table, 0..64; 0 = grant_table_op answers ENOSYS
 * @reserved:	IN 0
 * @uuid:	IN the guest's UUID (XENVER_guest_handle)
 */
struct pvm_platform {
	__u32 size;
	__u32 flags;
	__u64 nr_pages;
	__u64 max_pages;
	__u64 shared_info_gfn;
	__u64 grant_gfn;
	__u32 grant_frames;
	__u32 reserved;
	__u8  uuid[16];
};
#define PVM_PLATFORM_SIZE_V0	64

/**
 * struct pvm_create_vcpu - PVM_VM_CREATE_VCPU
 * @size:	IN sizeof(struct pvm_create_vcpu)
 * @flags:	IN 0
 * @id:		IN 0..max_vcpus-1
 * @fd:		OUT vCPU descriptor, O_CLOEXEC. mmap of 4096 bytes at offset 0 gives its struct pvm_run
 *
 * EEXIST: that vCPU exists. EBUSY: the platform is not set.
 */
struct pvm_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 id;
	__s32 fd;
};
#define PVM_CREATE_VCPU_SIZE_V0	16

/**
 * struct pvm_evtchn_alloc - PVM_VM_EVTCHN_ALLOC: make a port whose other end is the VMM (console, xenstore)
 * @size:	IN sizeof(struct pvm_evtchn_alloc)
 * @flags:	IN 0
 * @port:	OUT guest-side port number, to be written into start_info
 * @reserved:	IN 0
 *
 * ENOSPC: no port is free. EBUSY: the platform is not set.
 */
struct pvm_evtchn_alloc {
	__u32 size;
	__u32 flags;
	__u32 port;
	__u32 reserved;
};
#define PVM_EVTCHN_ALLOC_SIZE_V0 16

/**
 * struct pvm_evtchn_bind - PVM_VM_EVTCHN_BIND: connect eventfds to a port, in both directions
 * @size:	IN sizeof(struct pvm_evtchn_bind)
 * @flags:	IN 0 or PVM_EVTCHN_UNBIND
 * @port:	IN a port of PVM_VM_EVTCHN_ALLOC, or one the guest opened with EVTCHNOP_alloc_unbound for domain 0
 * @send_fd:	IN eventfd signalled when the guest sends on the port; -1 none
 * @raise_fd:	IN eventfd that, when written, raises the port in the guest; -1 none
 * @reserved:	IN 0
 *
 * Binding sets the port pending once, so that a frontend looks at its ring. ENOENT: no such port, or it is not
 * open towards domain 0. EEXIST: bound already. With PVM_EVTCHN_UNBIND both descriptors are let go, the port
 * returns to unbound; ENOENT: it was not bound. EINVAL: a descriptor is no eventfd. EBUSY: @raise_fd raises another
 * port of this VM; each has one of its own.
 */
struct pvm_evtchn_bind {
	__u32 size;
	__u32 flags;
	__u32 port;
	__s32 send_fd;
	__s32 raise_fd;
	__u32 reserved;
};
#define PVM_EVTCHN_BIND_SIZE_V0	24
#define PVM_EVTCHN_UNBIND	(1 << 0)

/**
 * struct pvm_raise - PVM_VM_RAISE: raise a bound port in the guest without an eventfd
 * @size:	IN sizeof(struct pvm_raise)
 * @flags:	IN 0
 * @port:	IN a port open towards the VMM
 * @reserved:	IN 0
 */
struct pvm_raise {
	__u32 size;
	__u32 flags;
	__u32 port;
	__u32 reserved;
};
#define PVM_RAISE_SIZE_V0	16

/**
 * struct pvm_kick - PVM_VM_KICK: make PVM_VCPU_RUN of a vCPU return EINTR, now or at its next call
 * @size:	IN sizeof(struct pvm_kick)
 * @flags:	IN 0
 * @vcpu:	IN id of the vCPU; ENOENT if there is none
 * @reserved:	IN 0
 */
struct pvm_kick {
	__u32 size;
	__u32 flags;
	__u32 vcpu;
	__u32 reserved;
};
#define PVM_KICK_SIZE_V0	16

/* Why a guest is dead: the first reason wins. */
#define PVM_DEATH_NONE		0	/* alive */
#define PVM_DEATH_STOPPED	1	/* PVM_VM_STOP, or its memory went away */
#define PVM_DEATH_TRIPLE	2	/* an exception, event or frame could not be delivered to the guest */
#define PVM_DEATH_TABLE		3	/* the guest's page tables make no sense */
#define PVM_DEATH_MEMORY	4	/* the host could not provide memory */
#define PVM_DEATH_DRIVER	5	/* a bug of the driver; the host log has one line */

/**
 * struct pvm_death - PVM_VM_GET_DEATH: why and where the guest died, readable at any time
 * @size:	IN sizeof(struct pvm_death)
 * @flags:	IN 0
 * @kind:	OUT PVM_DEATH_*
 * @vcpu:	OUT vCPU that died
 * @reason:	OUT one sentence, NUL-terminated
 * @rip, @rsp, @rflags, @cr2, @error_code, @cr3: OUT registers at death
 * @vector:	OUT exception being handled, 0x100 if none
 * @kernel_mode: OUT 1 if the guest kernel was running
 * @gpr:	OUT rax rcx rdx rbx rsp rbp rsi rdi r8..r15
 * @hypercalls:	OUT numbers of the last 16 hypercalls, latest first, 0xffffffff = none
 */
struct pvm_death {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 vcpu;
	__u8  reason[128];
	__u64 rip;
	__u64 rsp;
	__u64 rflags;
	__u64 cr2;
	__u64 error_code;
	__u64 cr3;
	__u32 vector;
	__u32 kernel_mode;
	__u64 gpr[16];
	__u32 hypercalls[16];
};
#define PVM_DEATH_SIZE_V0	392

/**
 * struct pvm_stop - PVM_VM_STOP: end the guest now; every PVM_VCPU_RUN returns EIO. Any task with the fd may call
 * @size:	IN sizeof(struct pvm_stop)
 * @flags:	IN 0
 */
struct pvm_stop {
	__u32 size;
	__u32 flags;
};
#define PVM_STOP_SIZE_V0	8

#define PVM_VM_SET_MEMORY	_IO(PVM_IOC_TYPE, 0x20)	/* struct pvm_memory */
#define PVM_VM_SET_PLATFORM	_IO(PVM_IOC_TYPE, 0x21)	/* struct pvm_platform */
#define PVM_VM_CREATE_VCPU	_IO(PVM_IOC_TYPE, 0x22)	/* struct pvm_create_vcpu */
#define PVM_VM_EVTCHN_ALLOC	_IO(PVM_IOC_TYPE, 0x23)	/* struct pvm_evtchn_alloc */
#define PVM_VM_EVTCHN_BIND	_IO(PVM_IOC_TYPE, 0x24)	/* struct pvm_evtchn_bind */
#define PVM_VM_RAISE		_IO(PVM_IOC_TYPE, 0x25)	/* struct pvm_raise */
#define PVM_VM_KICK		_IO(PVM_IOC_TYPE, 0x26)	/* struct pvm_kick */
#define PVM_VM_GET_DEATH	_IO(PVM_IOC_TYPE, 0x27)	/* struct pvm_death */
#define PVM_VM_STOP		_IO(PVM_IOC_TYPE, 0x28)	/* struct pvm_stop */

/* ---- vCPU descriptor -------------------------------------------------------------------------------------- */

/**
 * struct pvm_vcpu_regs - PVM_VCPU_SET_REGS before the first run, PVM_VCPU_GET_REGS at any time it does not run
 * @size:	IN sizeof(struct pvm_vcpu_regs)
 * @flags:	IN 0; OUT PVM_REGS_USER if guest user mode
 * @gpr:	rax rcx rdx rbx rsp rbp rsi rdi r8..r15 (rsi = virtual address of start_info at boot)
 * @rip, @rflags: as named; SET forces the fixed bits (IF set, IOPL and VM clear)
 * @cs, @ss:	OUT selectors as loaded; IN 0 (flat kernel selectors are loaded)
 * @fs_base, @gs_base, @gs_base_user: canonical addresses
 * @root_gfn:	frame of the page-table root (level 4) in kernel mode
 * @user_root_gfn: OUT frame of the root in user mode, 0 = none; IN 0
 *
 * SET: EBUSY after the vCPU has run. EINVAL: rip, rsp or a base not canonical, root_gfn not in a slot.
 */
struct pvm_vcpu_regs {
	__u32 size;
	__u32 flags;
	__u64 gpr[16];
	__u64 rip;
	__u64 rflags;
	__u32 cs;
	__u32 ss;
	__u64 fs_base;
	__u64 gs_base;
	__u64 gs_base_user;
	__u64 root_gfn;
	__u64 user_root_gfn;
};
#define PVM_VCPU_REGS_SIZE_V0	200
#define PVM_REGS_USER		(1 << 0)

/* Why PVM_VCPU_RUN returned 0 */
#define PVM_RUN_NONE		0
#define PVM_RUN_SHUTDOWN	1	/* the guest ended: run->shutdown_reason */
#define PVM_RUN_CONSOLE		2	/* the guest wrote with HYPERVISOR_console_io: run->console[0..console_len) */
#define PVM_RUN_RELEASE		3	/* the guest gave memory back: run->release_count ranges */
#define PVM_RELEASE_MAX		64

/**
 * struct pvm_run - shared page of a vCPU, mapped with mmap(vcpu_fd, offset 0, 4096 bytes, MAP_SHARED)
 * @size:	OUT bytes of this structure the driver fills
 * @exit_reason: OUT PVM_RUN_*, valid when PVM_VCPU_RUN returned 0
 * @immediate_exit: IN non-zero: PVM_VCPU_RUN returns EINTR before entering the guest (race-free with signals)
 * @shutdown_reason: OUT public/sched.h: 0 poweroff, 1 reboot, 2 suspend, 3 crash, 4 watchdog, 5 soft reset
 * @console_len: OUT bytes in @console
 * @console:	OUT the bytes
 * @release_count: OUT ranges of frames the guest has no use for, at most PVM_RELEASE_MAX
 * @release_gfn, @release_pages: OUT first frame and length of each; in slots, but chosen by the guest: they may
 *		overlap, and hold anything. The VMM may free the memory behind them, with madvise(MADV_DONTNEED) or by
 *		punching holes into its file, or keep it. If the guest takes frames back, it uses what is in the slot
 *
 * The driver never trusts what it reads here; user space may scribble on all of it.
 */
struct pvm_run {
	__u32 size;
	__u32 exit_reason;
	__u8  immediate_exit;
	__u8  pad[3];
	__u32 shutdown_reason;
	__u32 console_len;
	__u32 reserved[11];
	__u8  console[2048];
	__u32 release_count;
	__u32 reserved2;
	__u64 release_gfn[PVM_RELEASE_MAX];
	__u64 release_pages[PVM_RELEASE_MAX];
};
#define PVM_RUN_PAGE_BYTES	4096

/*
 * PVM_VCPU_RUN: run the guest until something for the VMM happens. No argument. Returns 0 with run->exit_reason,
 * EINTR (signal, PVM_VM_KICK or immediate_exit; call again), EIO (dead), EBUSY (another thread runs this vCPU or
 * its registers were never set, or the memory of its root was removed since: set them), EPERM (another address
 * space), ENOMEM (no host memory now; call again).
 */
#define PVM_VCPU_RUN		_IO(PVM_IOC_TYPE, 0x40)	/* no argument */
#define PVM_VCPU_SET_REGS	_IO(PVM_IOC_TYPE, 0x41)	/* struct pvm_vcpu_regs */
#define PVM_VCPU_GET_REGS	_IO(PVM_IOC_TYPE, 0x42)	/* struct pvm_vcpu_regs */

#endif /* _UAPI_LINUX_PVM_H */
