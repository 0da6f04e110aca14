/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * pvm: user ABI of devirt partitions. Rules of structures, flags and errors: see pvm.h, which also has /dev/pvm.
 *
 * A partition is a bare-metal machine cut out of the running host: CPUs, a range of memory, PCI devices. It runs
 * its own kernel under SVM or VMX with nothing intercepted in steady state; guest physical addresses are host
 * physical addresses. What a partition's kernel does with its memory and devices is not confined by page tables:
 * whoever may make one must have CAP_SYS_ADMIN and CAP_SYS_RAWIO in the initial user namespace (else EPERM).
 *
 *	/dev/pvm ── PVM_CREATE_PARTITION or PVM_OPEN_PARTITION ──▶ partition fd ── mmap ──▶ its memory, its console
 *
 *	CREATED ──START──▶ RUNNING ──(any stop reason)──▶ STOPPED ──START──▶ RUNNING ...
 *	   └──────────────DESTROY, or last close without PVM_PART_KEEP─────────▶ (gone)
 *
 * CPUs, memory and devices are taken from the host at creation and given back at destruction; a failed creation
 * gives everything back. A partition lives until PVM_PART_DESTROY, or until its last descriptor and mapping are
 * gone if PVM_PART_KEEP was never called (so a creator that is killed leaves nothing behind). The last close of a
 * running partition without KEEP stops it first.
 */
#ifndef _UAPI_LINUX_PVM_PART_H
#define _UAPI_LINUX_PVM_PART_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/pvm.h>

#define PVM_PART_MAX		16	/* partitions at one time; 7 today: each needs a window below 1 MiB */
#define PVM_PART_MAX_CPUS	64	/* CPUs of one partition */
#define PVM_PART_MAX_PCI	16	/* PCI functions of one partition */
#define PVM_PART_ADDR_ANY	(~0ULL)	/* memory_addr: the driver chooses */

/* ---- /dev/pvm -------------------------------------------------------------------------------------------- */

/**
 * struct pvm_create_partition - PVM_CREATE_PARTITION: take the resources of a partition from the host
 * @size:	IN sizeof(struct pvm_create_partition)
 * @flags:	IN PVM_PART_*
 * @name:	IN 1..31 characters of [A-Za-z0-9._-] and a NUL; unique among partitions
 * @cpus_ptr:	IN array of @cpus_count __u32: Linux CPU numbers, the first one boots
 * @cpus_count:	IN 1..PVM_PART_MAX_CPUS
 * @pci_count:	IN 0..PVM_PART_MAX_PCI
 * @pci_ptr:	IN array of @pci_count __u32: segment << 16 | bus << 8 | devfn; segment must be 0
 * @memory_bytes: IN bytes of memory, a multiple of 2 MiB, at least 64 MiB
 * @memory_addr: IN physical address, a multiple of 2 MiB and not 0, or PVM_PART_ADDR_ANY. With an address the
 *		range may be ordinary memory of the host that can be freed now, memory blocks that are offline, or
 *		one reserved at boot (memmap=SIZE$ADDR)
 * @uart_port:	IN 0: the partition's ttyS0 (port 0x3f8) is emulated, PVM_PART_MMAP_CONSOLE is its other end.
 *		Else I/O port of a real UART (0x3f8, 0x2f8, 0x3e8, 0x2e8) that is handed to the partition
 * @reserved:	IN 0
 * @id:		OUT id, unique until the module is unloaded
 * @fd:		OUT partition descriptor, O_CLOEXEC
 *
 * EEXIST: the name is taken. ENODEV: no SVM or VMX, switched off by firmware, in use by the host in a way that
 * excludes partitions, or CPU hotplug is off. EINVAL: a CPU, range or device that does not exist, CPU 0, sizes.
 * EBUSY: a CPU is offline or another partition's, the memory cannot be freed or goes online just now, a device is in
 * use (mounted disk, interface that is up) or another partition's, the host goes down; @why says which.
 * EOPNOTSUPP: the host's state excludes it (interrupt remapping with a PCI device, a split SMT core without
 * PVM_PART_ALLOW_SMT_SPLIT); @why says so.
 * ENOSPC: no window below 1 MiB or no place is left. On these errors @why is written, but
 * not if the structure itself is refused (size, flags, reserved).
 * @why:	OUT one sentence, NUL-terminated, what could not be taken and why; empty on success
 */
struct pvm_create_partition {
	__u32 size;
	__u32 flags;
	__u8  name[PVM_NAME_LEN];
	__u64 cpus_ptr;
	__u64 pci_ptr;
	__u32 cpus_count;
	__u32 pci_count;
	__u64 memory_bytes;
	__u64 memory_addr;
	__u32 uart_port;
	__u32 reserved;
	__u32 id;
	__s32 fd;
	__u8  why[160];
};
#define PVM_CREATE_PARTITION_SIZE_V0	256
#define PVM_PART_ALLOW_SMT_SPLIT	(1 << 0)	/* SMT siblings of a CPU may stay with the host */
#define PVM_PART_PROTECT		(1 << 1)	/* debugging: stage 2 on, a stray access stops the partition */

/**
 * struct pvm_open_partition - PVM_OPEN_PARTITION: a descriptor of a partition that exists
 * @size:	IN sizeof(struct pvm_open_partition)
 * @flags:	IN 0
 * @name:	IN its name
 * @id:		OUT its id
 * @fd:		OUT descriptor, O_CLOEXEC
 *
 * ENOENT: there is none of that name.
 */
struct pvm_open_partition {
	__u32 size;
	__u32 flags;
	__u8  name[PVM_NAME_LEN];
	__u32 id;
	__s32 fd;
};
#define PVM_OPEN_PARTITION_SIZE_V0	48

#define PVM_PART_CREATED	0	/* resources taken, CPUs parked */
#define PVM_PART_RUNNING	1
#define PVM_PART_STOPPED	2	/* CPUs parked again; stop_reason says why */

/* Why a partition is not running. The first reason wins. */
#define PVM_PSTOP_NONE		0	/* never started */
#define PVM_PSTOP_ASKED		1	/* PVM_PART_STOP, or the last close */
#define PVM_PSTOP_POWEROFF	2	/* its kernel powered off (ACPI sleep control register) */
#define PVM_PSTOP_RESET		3	/* its kernel rebooted (ACPI reset register, port 0x64, 0x92 or 0xcf9) */
#define PVM_PSTOP_TRIPLE	4	/* triple fault */
#define PVM_PSTOP_INIT		5	/* an INIT nobody of the driver sent */
#define PVM_PSTOP_MCE		6	/* machine check that its kernel could not take */
#define PVM_PSTOP_PROTECT	7	/* PVM_PART_PROTECT: access outside its memory and devices, at stop_addr */
#define PVM_PSTOP_REAL_MODE	8	/* its kernel left protected mode */
#define PVM_PSTOP_ENTRY		9	/* the CPU refused to enter it; stop_code has the CPU's code */
#define PVM_PSTOP_DRIVER	10	/* an exit the driver does not know (stop_code), or a bug of the driver */
#define PVM_PSTOP_HOST		11	/* the host rebooted, powered off or started kexec */

/**
 * struct pvm_partition_entry - one row of PVM_LIST_PARTITIONS
 * @id:		id
 * @state:	PVM_PART_CREATED, _RUNNING, _STOPPED
 * @name:	NUL-terminated
 * @flags:	PVM_PART_*
 * @stop_reason: PVM_PSTOP_*
 * @nr_cpus, @nr_pci: how many
 * @memory_addr, @memory_bytes: its memory
 * @created_ns:	CLOCK_BOOTTIME at creation, ns
 * @started_ns:	CLOCK_BOOTTIME at the last start, ns, 0 never
 * @beat_age_ns: how long its heartbeat stands still, ns; ~0 if none is watched (PVM_PART_HEARTBEAT)
 * @exits:	VM exits since the last start, all CPUs
 */
struct pvm_partition_entry {
	__u32 id;
	__u32 state;
	__u8  name[PVM_NAME_LEN];
	__u32 flags;
	__u32 stop_reason;
	__u32 nr_cpus;
	__u32 nr_pci;
	__u64 memory_addr;
	__u64 memory_bytes;
	__u64 created_ns;
	__u64 started_ns;
	__u64 beat_age_ns;
	__u64 exits;
};
#define PVM_PARTITION_ENTRY_SIZE_V0	104

/**
 * struct pvm_list_partitions - PVM_LIST_PARTITIONS: all partitions of the machine. Needs no privilege
 * @size:	IN sizeof(struct pvm_list_partitions)
 * @flags:	IN 0
 * @rows_ptr:	IN array of struct pvm_partition_entry, @rows_stride bytes each
 * @rows_count:	IN rows the array holds, at most 4096; OUT rows there are (written on EMSGSIZE too)
 * @rows_stride: IN bytes from row to row, 104..4096 and a multiple of 8
 */
struct pvm_list_partitions {
	__u32 size;
	__u32 flags;
	__u64 rows_ptr;
	__u32 rows_count;
	__u32 rows_stride;
};
#define PVM_LIST_PARTITIONS_SIZE_V0	24

#define PVM_CREATE_PARTITION	_IO(PVM_IOC_TYPE, 0x04)	/* struct pvm_create_partition */
#define PVM_OPEN_PARTITION	_IO(PVM_IOC_TYPE, 0x05)	/* struct pvm_open_partition */
#define PVM_LIST_PARTITIONS	_IO(PVM_IOC_TYPE, 0x06)	/* struct pvm_list_partitions */

/* ---- partition descriptor --------------------------------------------------------------------------------- */

/*
 * mmap of a partition descriptor, MAP_SHARED, page-aligned, within one of these areas:
 *	PVM_PART_MMAP_MEMORY + n	byte n of its memory (read and write; the mapping is cached memory)
 *	PVM_PART_MMAP_LOW + n		byte n of its window below 1 MiB
 *	PVM_PART_MMAP_CONSOLE		struct pvm_part_console, PVM_PART_CONSOLE_BYTES; ENXIO with a real UART
 * A mapping keeps the memory from going back to the host: unmap before expecting it back.
 * poll(): POLLIN while the partition is not running, POLLHUP when it was destroyed.
 */
#define PVM_PART_MMAP_MEMORY	0ULL
#define PVM_PART_MMAP_LOW	(1ULL << 52)
#define PVM_PART_MMAP_CONSOLE	(2ULL << 52)

/**
 * struct pvm_part_console - both directions of the emulated UART; one writer and one reader each
 * @out_head:	bytes its kernel ever wrote (free-running, the partition's CPUs advance it)
 * @out_tail:	bytes ever read by the reader of the console; when the ring is full the oldest bytes are lost, the
 *		writer never waits: a reader that finds out_head - out_tail > PVM_PART_OUT_BYTES continues at
 *		out_head - PVM_PART_OUT_BYTES
 * @in_head:	bytes ever written by the user of the console
 * @in_tail:	bytes its kernel ever read
 * @in, @out:	the rings; byte n is at n % size
 *
 * The driver trusts nothing it reads here.
 */
#define PVM_PART_IN_BYTES	4096
#define PVM_PART_OUT_BYTES	(32 * 1024)
#define PVM_PART_CONSOLE_BYTES	(40 * 1024)
struct pvm_part_console {
	__u32 out_head;
	__u32 out_tail;
	__u32 in_head;
	__u32 in_tail;
	__u32 reserved[1020];
	__u8  in[PVM_PART_IN_BYTES];
	__u8  out[PVM_PART_OUT_BYTES];
};

/**
 * struct pvm_part_keep - PVM_PART_KEEP: the partition outlives its descriptors from now on
 * @size:	IN sizeof(struct pvm_part_keep)
 * @flags:	IN 0
 */
struct pvm_part_keep {
	__u32 size;
	__u32 flags;
};
#define PVM_PART_KEEP_SIZE_V0	8

/* One CPU of a partition. */
struct pvm_part_cpu {
	__u32 cpu;		/* Linux number */
	__u32 apic_id;		/* physical APIC id: what MADT and MSI addresses need */
	__u32 state;		/* PVM_PCPU_* */
	__u32 stop_reason;	/* PVM_PSTOP_* of this CPU */
	__u64 exits;		/* VM exits since the last start */
	__u64 last_rip;		/* at its last VM exit */
};
#define PVM_PCPU_PARKED		0	/* waits in the driver */
#define PVM_PCPU_WAITING	1	/* started, waits for its wake-up mailbox */
#define PVM_PCPU_RUNNING	2
#define PVM_PCPU_LOST		3	/* did not come back within the bounded wait; the host does not get it back */

/* One memory BAR of a partition's device, as the host has it; the partition keeps these addresses. */
struct pvm_part_bar {
	__u32 bdf;		/* bus << 8 | devfn */
	__u32 bar;		/* 0..5 */
	__u64 addr;
	__u64 bytes;
};

/**
 * struct pvm_part_info - PVM_PART_INFO: what a loader must know
 * @size:	IN sizeof(struct pvm_part_info)
 * @flags:	IN 0; OUT PVM_PINFO_*
 * @entry:	OUT as in PVM_LIST_PARTITIONS
 * @low_addr, @low_bytes: OUT its window below 1 MiB (SMP trampoline of its kernel)
 * @tsc_khz:	OUT frequency of the TSC, kHz
 * @uart_port:	OUT I/O port of its ttyS0-like console
 * @sleep_port, @reset_port: OUT I/O ports of the ACPI sleep control and reset registers the driver traps
 * @stop_code, @stop_addr: OUT details of the stop reason, 0 if none
 * @cpus_ptr, @cpus_count: IN/OUT array of struct pvm_part_cpu, @cpus_count elements; EMSGSIZE: too small
 * @bars_ptr, @bars_count: IN/OUT array of struct pvm_part_bar, likewise
 * @reserved:	IN 0
 */
struct pvm_part_info {
	__u32 size;
	__u32 flags;
	struct pvm_partition_entry entry;
	__u64 low_addr;
	__u64 low_bytes;
	__u32 tsc_khz;
	__u32 uart_port;
	__u32 sleep_port;
	__u32 reset_port;
	__u64 stop_code;
	__u64 stop_addr;
	__u64 cpus_ptr;
	__u64 bars_ptr;
	__u32 cpus_count;
	__u32 bars_count;
	__u64 reserved;
};
#define PVM_PART_INFO_SIZE_V0	192
#define PVM_PINFO_VMX		(1 << 0)	/* back end: VMX; else SVM */
#define PVM_PINFO_X2APIC	(1 << 1)	/* its CPUs are in x2APIC mode: it needs "noapic" and no I/O APIC */
#define PVM_PINFO_KEPT		(1 << 2)	/* PVM_PART_KEEP was called */
#define PVM_PINFO_UART_REAL	(1 << 3)	/* the console is a real UART */
#define PVM_PINFO_LA57		(1 << 4)	/* its CPUs have 5-level paging */

/**
 * struct pvm_part_start - PVM_PART_START: enter the kernel (Linux 64-bit boot protocol) on the first CPU
 * @size:	IN sizeof(struct pvm_part_start)
 * @flags:	IN 0
 * @rip:	IN 64-bit entry point
 * @rsi:	IN zero page
 * @rsp:	IN stack
 * @cr3:	IN root of an identity map, 4-level
 * @gdt_addr, @gdt_limit: IN descriptor table with __BOOT_CS 0x10 and __BOOT_DS 0x18; limit in bytes less one
 * @reserved:	IN 0
 * @mailbox:	IN ACPI multiprocessor wake-up mailbox (ACPI 6.4, 5.2.12.19), page-aligned; 0 with one CPU
 *
 * All addresses are physical and inside the partition's memory (EINVAL). The first CPU enters with interrupts off,
 * long mode, paging on; the others wait at the mailbox. EBUSY: it is running, or the host is going down. EIO: a CPU
 * does not answer, or was lost before. ENODEV: it was destroyed.
 */
struct pvm_part_start {
	__u32 size;
	__u32 flags;
	__u64 rip;
	__u64 rsi;
	__u64 rsp;
	__u64 cr3;
	__u64 gdt_addr;
	__u32 gdt_limit;
	__u32 reserved;
	__u64 mailbox;
};
#define PVM_PART_START_SIZE_V0	64

/**
 * struct pvm_part_stop - PVM_PART_STOP: take all its CPUs out of the kernel, whatever they do
 * @size:	IN sizeof(struct pvm_part_stop)
 * @flags:	IN 0
 * @timeout_ms:	IN longest wait for a CPU, 1..60000; 0 = 5000
 * @lost_cpus:	OUT CPUs that did not come back (PVM_PCPU_LOST); they stay with the driver
 *
 * Its devices lose bus mastering and are reset. 0 also if it was not running.
 */
struct pvm_part_stop {
	__u32 size;
	__u32 flags;
	__u32 timeout_ms;
	__u32 lost_cpus;
};
#define PVM_PART_STOP_SIZE_V0	16

/**
 * struct pvm_part_destroy - PVM_PART_DESTROY: give everything back to the host; EBUSY while it runs
 * @size:	IN sizeof(struct pvm_part_destroy)
 * @flags:	IN 0
 *
 * Memory is zeroed, CPUs come online again, devices are reset and offered to their drivers. Other descriptors of
 * it answer ENODEV from then on.
 */
struct pvm_part_destroy {
	__u32 size;
	__u32 flags;
};
#define PVM_PART_DESTROY_SIZE_V0	8

/* Counters of a partition since its last start, all CPUs added up. Rows are only appended. */
#define PVM_PART_STAT_LIST(X)								\
	X(EXITS,	exits,		"",	"VM exits")				\
	X(EXIT_IO,	exit_io,	"",	"port accesses refused or emulated, console left out") \
	X(EXIT_CONSOLE,	exit_console,	"",	"accesses to the emulated UART")	\
	X(EXIT_PCI,	exit_pci,	"",	"PCI configuration accesses")		\
	X(EXIT_MSR,	exit_msr,	"",	"model-specific registers")		\
	X(EXIT_CPUID,	exit_cpuid,	"",	"CPUID (VMX only)")			\
	X(EXIT_CR,	exit_cr,	"",	"control registers: paging switched off or on, mode left") \
	X(EXIT_INSN,	exit_insn,	"",	"instructions answered with #UD")	\
	X(EXIT_NMI,	exit_nmi,	"",	"NMIs and machine checks passed on")	\
	X(EXIT_STAGE2,	exit_stage2,	"",	"stage-2 faults (protect mode only)")	\
	X(EXIT_STOP,	exit_stop,	"",	"exits that stopped a CPU")		\
	X(EXIT_OTHER,	exit_other,	"",	"any other")				\
	X(CONSOLE_OUT,	console_out,	"bytes", "written to the emulated UART")	\
	X(CONSOLE_IN,	console_in,	"bytes", "read from the emulated UART")

enum pvm_part_stat {
#define PVM_PART_STAT_ENUM(NAME, name, unit, help) PVM_PART_STAT_##NAME,
	PVM_PART_STAT_LIST(PVM_PART_STAT_ENUM)
#undef PVM_PART_STAT_ENUM
	PVM_PART_NR_STATS
};

/* What was asked for most: one row per port or MSR, the first 64 different ones since the last start. */
struct pvm_part_detail {
	__u32 kind;		/* PVM_PDETAIL_* */
	__u32 key;		/* port, MSR number, CPU's exit code */
	__u64 count;
};
#define PVM_PDETAIL_NONE	0
#define PVM_PDETAIL_IN		1
#define PVM_PDETAIL_OUT		2
#define PVM_PDETAIL_RDMSR	3
#define PVM_PDETAIL_WRMSR	4
#define PVM_PDETAIL_CODE	5
#define PVM_PART_MAX_DETAILS	64

/**
 * struct pvm_part_stats - PVM_PART_STATS
 * @size:	IN sizeof(struct pvm_part_stats)
 * @flags:	IN 0
 * @values_ptr:	IN array of @values_count __u64, one per PVM_PART_STAT_*
 * @details_ptr: IN array of @details_count struct pvm_part_detail, or 0
 * @values_count: IN at most 256; OUT values there are (EMSGSIZE: too small)
 * @details_count: IN at most 64; OUT rows written
 */
struct pvm_part_stats {
	__u32 size;
	__u32 flags;
	__u64 values_ptr;
	__u64 details_ptr;
	__u32 values_count;
	__u32 details_count;
};
#define PVM_PART_STATS_SIZE_V0	32

/**
 * struct pvm_part_heartbeat - PVM_PART_HEARTBEAT: watch a counter in the partition's memory
 * @size:	IN sizeof(struct pvm_part_heartbeat)
 * @flags:	IN 0
 * @addr:	IN physical address of a __u64 that its kernel keeps changing (jiffies_64), 8-aligned, inside its
 *		memory; 0 stops watching. A start stops watching too
 * @timeout_ms:	IN standing still for so long posts PVM_EVENT_PART_SILENT once, 100..3600000
 * @reserved:	IN 0
 *
 * The host reads the counter about once a second; the partition notices nothing.
 */
struct pvm_part_heartbeat {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u32 timeout_ms;
	__u32 reserved;
};
#define PVM_PART_HEARTBEAT_SIZE_V0	24

#define PVM_PART_KEEP		_IO(PVM_IOC_TYPE, 0x60)	/* struct pvm_part_keep */
#define PVM_PART_INFO		_IO(PVM_IOC_TYPE, 0x61)	/* struct pvm_part_info */
#define PVM_PART_START		_IO(PVM_IOC_TYPE, 0x62)	/* struct pvm_part_start */
#define PVM_PART_STOP		_IO(PVM_IOC_TYPE, 0x63)	/* struct pvm_part_stop */
#define PVM_PART_DESTROY	_IO(PVM_IOC_TYPE, 0x64)	/* struct pvm_part_destroy */
#define PVM_PART_STATS		_IO(PVM_IOC_TYPE, 0x65)	/* struct pvm_part_stats */
#define PVM_PART_HEARTBEAT	_IO(PVM_IOC_TYPE, 0x66)	/* struct pvm_part_heartbeat */

#endif /* _UAPI_LINUX_PVM_PART_H */
