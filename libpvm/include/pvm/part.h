/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpvm: devirt partitions, bare-metal machines cut out of the running host. Part of pvm.h, whose
 * conventions hold; include that.
 *
 *	pvm_ctx_create ─▶ pvm_part_create ─▶ pvm_part_keep ─▶ pvm_part_start ─▶ pvm_part_wait_up
 *	─▶ pvm_part_heartbeat ─▶ pvm_part_wait ─▶ pvm_part_destroy ─▶ pvm_part_close
 *
 * A partition is the driver's object; a handle is a way to reach it. Any number of handles, in any
 * number of processes, may refer to one partition: pvm_part_open(). Without pvm_part_keep() it goes
 * away with its last handle. Its kernel is as hostile as a guest's: whatever the library reads from
 * its memory is bounded.
 */
#ifndef PVM_PART_H
#define PVM_PART_H

#include <pvm/pvm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pvm_part;		/* handle of one partition */

/* ---- making and finding ------------------------------------------------------------------- */

#define PVM_PARTITION_ALLOW_SMT_SPLIT	(1u << 0)	/* siblings of its CPUs may stay with the host */
#define PVM_PARTITION_PROTECT		(1u << 1)	/* debugging: stage 2 on, a stray access stops it */

#define PVM_PARTITION_ADDR_ANY		(~0ull)		/* the driver chooses where its memory is */

/**
 * struct pvm_part_opts - options of pvm_part_create()
 * @sz: sizeof(struct pvm_part_opts)
 * @name: 1..31 characters of [A-Za-z0-9._-], unique among partitions; required
 * @cpus: Linux CPU numbers; the first one boots
 * @nr_cpus: at least 1
 * @memory_bytes: a multiple of 2 MiB, at least 64 MiB
 * @memory_addr: physical address, a multiple of 2 MiB and not 0, or PVM_PARTITION_ADDR_ANY,
 *	to which PVM_PART_OPTS_INIT sets it
 * @pci: devices: bus << 8 | devfn
 * @nr_pci: how many
 * @uart_port: 0: the console is emulated and read with pvm_part_console_read(); else the I/O port
 *	of a real UART that goes to the partition (0x3f8, 0x2f8, 0x3e8, 0x2e8)
 * @flags: PVM_PARTITION_ALLOW_SMT_SPLIT, PVM_PARTITION_PROTECT
 */
struct pvm_part_opts {
	size_t sz;
	const char *name;
	const uint32_t *cpus;
	uint32_t nr_cpus;
	uint32_t nr_pci;
	const uint32_t *pci;
	uint64_t memory_bytes;
	uint64_t memory_addr;
	uint32_t uart_port;
	uint32_t flags;
};
#define PVM_PART_OPTS_INIT \
	{ .sz = sizeof(struct pvm_part_opts), .memory_addr = PVM_PARTITION_ADDR_ANY }

/**
 * pvm_part_create() - take CPUs, memory and devices from the host
 *
 * All or nothing. The sentence of pvm_errmsg() is the driver's: what could not be taken, and why.
 * Return: 0; -EINVAL: a CPU, range or device that does not exist or cannot be taken; -EEXIST: the
 * name is taken; -EBUSY: something is in use; -EOPNOTSUPP: the host's state excludes it; -ENODEV:
 * no SVM or VMX, or no CPU hotplug; -ENOSPC: no place below 1 MiB, or too many partitions;
 * -EPERM: only root may; -ENOMEM.
 */
PVM_API int pvm_part_create(struct pvm_ctx *ctx, const struct pvm_part_opts *opts,
			    struct pvm_part **part);

/** pvm_part_open() - a handle of a partition that exists. Return: 0; -ENOENT; -EPERM; -ENOMEM. */
PVM_API int pvm_part_open(struct pvm_ctx *ctx, const char *name, struct pvm_part **part);

/**
 * pvm_part_close() - let go of the handle. NULL is allowed.
 *
 * The last handle of a partition that was not kept stops it and gives everything back to the host.
 */
PVM_API void pvm_part_close(struct pvm_part *part);

/** pvm_part_keep() - the partition outlives its handles from now on, until pvm_part_destroy(). */
PVM_API int pvm_part_keep(struct pvm_part *part);

#define PVM_PARTITION_CREATED	0	/* resources taken, never started */
#define PVM_PARTITION_RUNNING	1
#define PVM_PARTITION_STOPPED	2	/* can be started again */

/* Why a partition is not running. */
#define PVM_STOPPED_NONE	0	/* never started, or running */
#define PVM_STOPPED_ASKED	1	/* pvm_part_stop() */
#define PVM_STOPPED_POWEROFF	2	/* its kernel powered off */
#define PVM_STOPPED_RESET	3	/* its kernel rebooted */
#define PVM_STOPPED_TRIPLE	4	/* triple fault */
#define PVM_STOPPED_INIT	5	/* an INIT from somewhere */
#define PVM_STOPPED_MCE		6	/* machine check its kernel could not take */
#define PVM_STOPPED_PROTECT	7	/* access outside its memory and devices */
#define PVM_STOPPED_REAL_MODE	8	/* its kernel left protected mode */
#define PVM_STOPPED_ENTRY	9	/* the CPU refused to enter it */
#define PVM_STOPPED_DRIVER	10	/* unknown exit, or a bug of the driver */
#define PVM_STOPPED_HOST	11	/* the host rebooted, powered off or started kexec */

/**
 * struct pvm_part_row - one partition of the machine, from pvm_part_list()
 * @id: unique until the driver is unloaded
 * @state: PVM_PARTITION_CREATED, _RUNNING, _STOPPED
 * @name: NUL-terminated
 * @flags: PVM_PARTITION_ALLOW_SMT_SPLIT, _PROTECT
 * @stop_reason: PVM_STOPPED_*
 * @nr_cpus, @nr_pci: how many
 * @memory_addr, @memory_bytes: its memory
 * @created_ns, @started_ns: CLOCK_BOOTTIME; started_ns 0: never
 * @beat_age_ns: how long its heartbeat stands still; ~0: none is watched
 * @exits: VM exits since the last start
 * @reserved: 0
 */
struct pvm_part_row {
	uint32_t id;
	uint32_t state;
	char name[PVM_NAME_BYTES];
	uint32_t flags;
	uint32_t stop_reason;
	uint32_t nr_cpus;
	uint32_t nr_pci;
	uint64_t memory_addr;
	uint64_t memory_bytes;
	uint64_t created_ns;
	uint64_t started_ns;
	uint64_t beat_age_ns;
	uint64_t exits;
	uint64_t reserved[4];
};

/**
 * pvm_part_list() - all partitions of the machine; needs no privilege
 * @rows: array for pvm_free(); NULL when there is none
 *
 * Any thread.
 */
PVM_API int pvm_part_list(struct pvm_ctx *ctx, struct pvm_part_row **rows, size_t *count);

/* ---- asking ------------------------------------------------------------------------------- */

/* Bits of pvm_part_status.traits */
#define PVM_PARTITION_VMX	(1u << 0)	/* run by VMX; else SVM */
#define PVM_PARTITION_X2APIC	(1u << 1)	/* its CPUs are in x2APIC mode */
#define PVM_PARTITION_KEPT	(1u << 2)	/* pvm_part_keep() */
#define PVM_PARTITION_REAL_UART	(1u << 3)	/* the console is a real UART */
#define PVM_PARTITION_LA57	(1u << 4)	/* its CPUs have 5-level paging */

/**
 * struct pvm_part_status - all about one partition, from pvm_part_status_get()
 * @sz: IN sizeof(struct pvm_part_status)
 * @row: as from pvm_part_list()
 * @traits: PVM_PARTITION_VMX, ...
 * @tsc_khz: frequency of the TSC
 * @low_addr, @low_bytes: its window below 1 MiB
 * @uart_port: I/O port of its console
 * @sleep_port, @reset_port: I/O ports that power it off and reset it
 * @stop_code, @stop_addr: details of the stop reason, 0 if none
 * @stop_text: why it stopped, one sentence; "" if it has not
 */
struct pvm_part_status {
	size_t sz;
	struct pvm_part_row row;
	uint32_t traits;
	uint32_t tsc_khz;
	uint64_t low_addr;
	uint64_t low_bytes;
	uint32_t uart_port;
	uint32_t sleep_port;
	uint32_t reset_port;
	uint32_t reserved;
	uint64_t stop_code;
	uint64_t stop_addr;
	char stop_text[128];
};
#define PVM_PART_STATUS_INIT { .sz = sizeof(struct pvm_part_status) }

/** pvm_part_status_get() - Return: 0; -ENODEV: it was destroyed. */
PVM_API int pvm_part_status_get(struct pvm_part *part, struct pvm_part_status *status);

#define PVM_PART_CPU_PARKED	0	/* waits in the driver */
#define PVM_PART_CPU_WAITING	1	/* started, waits to be woken by the boot CPU */
#define PVM_PART_CPU_RUNNING	2
#define PVM_PART_CPU_LOST	3	/* did not come back; the host does not get it again */

/** struct pvm_part_cpu_row - one CPU of a partition; exits since the last start */
struct pvm_part_cpu_row {
	uint32_t cpu;			/* Linux number */
	uint32_t apic_id;
	uint32_t state;			/* PVM_PART_CPU_* */
	uint32_t stop_reason;		/* PVM_STOPPED_* */
	uint64_t exits;
	uint64_t last_rip;		/* at its last VM exit */
	uint64_t reserved[4];
};

/** pvm_part_cpus() - its CPUs, the boot CPU first; array for pvm_free() */
PVM_API int pvm_part_cpus(struct pvm_part *part, struct pvm_part_cpu_row **rows, size_t *count);

/** struct pvm_part_bar_row - one memory BAR of a device of a partition */
struct pvm_part_bar_row {
	uint32_t bdf;			/* bus << 8 | devfn */
	uint32_t bar;			/* 0..5 */
	uint64_t addr;
	uint64_t bytes;
};

/** pvm_part_bars() - memory BARs of its devices; array for pvm_free(), NULL when there is none */
PVM_API int pvm_part_bars(struct pvm_part *part, struct pvm_part_bar_row **rows, size_t *count);

/** pvm_part_stats() - counters since the last start; array for pvm_free() */
PVM_API int pvm_part_stats(struct pvm_part *part, struct pvm_stat_row **rows, size_t *count);

/**
 * struct pvm_part_exit_row - what its kernel asked for that was trapped, counted since the last start
 * @kind: "in", "out", "rdmsr", "wrmsr" or "exit"
 * @key: port, MSR number or the CPU's exit code
 * @count: how often
 * @name: what has this number on a PC; "" = unknown
 *
 * The strings live for ever.
 */
struct pvm_part_exit_row {
	const char *kind;
	const char *name;
	uint64_t count;
	uint32_t key;
	uint32_t reserved;
};

/** pvm_part_exits() - the 64 first different reasons of exits; array for pvm_free() */
PVM_API int pvm_part_exits(struct pvm_part *part, struct pvm_part_exit_row **rows, size_t *count);

/* ---- running ------------------------------------------------------------------------------ */

/**
 * struct pvm_part_boot - what pvm_part_start() boots
 * @sz: sizeof(struct pvm_part_boot)
 * @kernel_path: bzImage of a 64-bit, relocatable kernel (any distribution's vmlinuz)
 * @kernel_data, @kernel_bytes: alternative to @kernel_path: the same bytes in memory
 * @initrd_path: initial RAM disk or NULL
 * @initrd_data, @initrd_bytes: alternative to @initrd_path
 * @cmdline: appended to what a partition's kernel needs; NULL = ""
 * @flags: 0
 */
struct pvm_part_boot {
	size_t sz;
	const char *kernel_path;
	const void *kernel_data;
	size_t kernel_bytes;
	const char *initrd_path;
	const void *initrd_data;
	size_t initrd_bytes;
	const char *cmdline;
	uint32_t flags;
	uint32_t reserved;
};
#define PVM_PART_BOOT_INIT { .sz = sizeof(struct pvm_part_boot) }

/**
 * pvm_part_start() - load a kernel and enter it; again after it stopped
 *
 * Return: 0; -ENOEXEC: this kernel cannot boot in a partition (pvm_errmsg() says why); -ENOSPC:
 * kernel and initrd do not fit in its memory; -EINVAL: the command line is too long; -EBUSY: it
 * runs; -EIO: one of its CPUs does not answer; or the error of opening or reading a file.
 */
PVM_API int pvm_part_start(struct pvm_part *part, const struct pvm_part_boot *boot);

/**
 * pvm_part_wait_up() - wait until its kernel has come so far that its log can be read
 * @timeout_ms: -1 = no limit; 0 = only look
 *
 * Return: 0; -ETIMEDOUT; -ESHUTDOWN: it stopped before that; -EINTR: a signal.
 */
PVM_API int pvm_part_wait_up(struct pvm_part *part, int timeout_ms);

/**
 * pvm_part_wait() - wait until it does not run
 *
 * Return: 0, also if it never ran; -ETIMEDOUT; -EINTR: a signal; -ENODEV: it was destroyed.
 */
PVM_API int pvm_part_wait(struct pvm_part *part, int timeout_ms);

/** pvm_part_fd() - readable while it does not run, hung up when destroyed; for a loop of your own */
PVM_API int pvm_part_fd(const struct pvm_part *part);

/**
 * pvm_part_stop() - take its CPUs out of its kernel, whatever they do: as pulling the plug
 * @timeout_ms: longest wait for a CPU, 1..60000; 0 = 5000
 * @lost_cpus: CPUs that did not come back; may be NULL
 *
 * Return: 0, also if it did not run.
 */
PVM_API int pvm_part_stop(struct pvm_part *part, uint32_t timeout_ms, uint32_t *lost_cpus);

/**
 * pvm_part_destroy() - give everything back to the host; the handle is still to be closed
 *
 * Return: 0; -EBUSY: it runs; -ENODEV: it is destroyed already.
 */
PVM_API int pvm_part_destroy(struct pvm_part *part);

/**
 * pvm_part_heartbeat() - watch the tick counter of its kernel from outside
 * @silent_ms: standing still for so long is an event (pvmctl events) and shows in
 *	pvm_part_row.beat_age_ns, 100..3600000; 0 = do not watch any more
 *
 * After pvm_part_wait_up(); a start ends it. Costs its kernel nothing. Return: 0; -ENODATA: the
 * kernel's log or symbols cannot be found in its memory.
 */
PVM_API int pvm_part_heartbeat(struct pvm_part *part, uint32_t silent_ms);

/* ---- listening ---------------------------------------------------------------------------- */

/**
 * pvm_part_console_read() - take what its kernel has written to the emulated UART
 * @buf, @bytes: where to
 * @got: bytes taken, 0 = nothing new
 * @lost: bytes that were overwritten before they could be read; may be NULL
 *
 * Does not wait. Each handle reads by itself, at first from the oldest byte that is still there
 * (32 KiB). Return: 0; -EOPNOTSUPP: its console is a real UART.
 */
PVM_API int pvm_part_console_read(struct pvm_part *part, void *buf, size_t bytes, size_t *got,
				  uint64_t *lost);

/**
 * pvm_part_console_write() - type into the console
 * @written: bytes taken; the rest did not fit and can be offered again later
 *
 * Does not wait. One writer at a time. Return: 0; -EOPNOTSUPP: its console is a real UART.
 */
PVM_API int pvm_part_console_write(struct pvm_part *part, const void *buf, size_t bytes,
				   size_t *written);

/**
 * pvm_part_dmesg() - its kernel's log, read out of its memory, as dmesg(1) prints it
 * @text: NUL-terminated, for pvm_free(); control characters are replaced
 * @bytes: length without the NUL
 *
 * Also of a partition that has stopped. Its kernel does not notice. Return: 0; -ENODATA: no log
 * can be found; -ENOMEM.
 */
PVM_API int pvm_part_dmesg(struct pvm_part *part, char **text, size_t *bytes);

PVM_API uint32_t pvm_part_id(const struct pvm_part *part);		/* any thread */
PVM_API const char *pvm_part_name(const struct pvm_part *part);	/* any thread */

/** Names for people; "unknown" for a value out of range. Any thread. */
PVM_API const char *pvm_part_state_name(uint32_t state);	/* "running" */
PVM_API const char *pvm_part_stop_name(uint32_t reason);	/* "triple-fault" */
PVM_API const char *pvm_part_cpu_name(uint32_t state);		/* "parked" */

#ifdef __cplusplus
}
#endif

#endif /* PVM_PART_H */
