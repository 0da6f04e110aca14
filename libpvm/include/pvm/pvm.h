/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpvm: run stock Xen-PV-capable kernels as guests of /dev/pvm.
 *
 * The whole public interface is in this header; the man pages (libpvm(3) and its family) say the
 * same with examples. A launcher, in order:
 *
 *	pvm_ctx_create ─▶ pvm_vm_create ─▶ pvm_vm_load ─▶ pvm_console_attach
 *	─▶ pvm_vm_start ─▶ pvm_vm_wait ─▶ pvm_vm_destroy ─▶ pvm_ctx_destroy
 *
 * Conventions, the same for every function:
 *
 *  - Functions that can fail return 0 or -errno. Results come back through the last parameter(s),
 *    which are untouched on failure. pvm_errmsg() then holds one sentence for people: what was
 *    tried, on what, why it failed, what to do.
 *  - The library never prints, exits, installs signal handlers or asserts on what it is given.
 *  - Structures handed in start with `sz`; initialise them with the *_INIT macro beside them. A
 *    program built against an older header works with a newer library and, as long as it uses
 *    nothing new (-E2BIG), the other way round. Zero means "default" in every field. Strings are
 *    copied; nothing given may have to outlive the call, unless said.
 *  - Threads: different handles may be used by different threads at once; one handle by one thread
 *    at a time. A ctx, its loop and the VMs on that loop count as one handle, unless a VM has
 *    PVM_VM_OWN_THREAD. Functions marked "any thread" are free of this rule as long as the handle
 *    stays alive.
 *  - Sizes are in bytes and times in the unit their name ends with. File descriptors are O_CLOEXEC.
 *  - fork: handles do not work in a child process; the child may only exec or exit.
 */
#ifndef PVM_PVM_H
#define PVM_PVM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PVM_API __attribute__((visibility("default")))
#else
#define PVM_API
#endif

#define PVM_NAME_BYTES	32	/* a guest's name, [A-Za-z0-9._-], with its terminating NUL */

struct pvm_ctx;			/* connection to the driver; owns a loop */
struct pvm_vm;			/* one guest */
struct pvm_console;		/* console of one guest; lives as long as the guest's handle */
struct pvm_loop;		/* event loop */
struct pvm_watch;		/* a file descriptor in a loop */

/* ---- messages ----------------------------------------------------------------------------- */

/**
 * pvm_errmsg() - sentence about the calling thread's latest failure in this library
 *
 * Any thread; each has its own text. Return: text without newline, "" if nothing failed yet. Valid
 * until this thread's next call into the library.
 */
PVM_API const char *pvm_errmsg(void);

/** pvm_version() - "major.minor.patch" of the library in use. Any thread. */
PVM_API const char *pvm_version(void);

#define PVM_LOG_ERR	0	/* something failed, and no caller would learn of it otherwise */
#define PVM_LOG_WARN	1	/* the guest or the host behaves oddly */
#define PVM_LOG_INFO	2	/* life cycle */
#define PVM_LOG_DEBUG	3	/* protocol details */

/**
 * typedef pvm_log_fn - receives log lines, one per call, without newline
 * @arg: as given at pvm_ctx_create()
 * @level: PVM_LOG_*
 * @text: valid during the call; guest-provided bytes in it are printable
 *
 * Called on whichever thread has something to say; must not call into the library.
 */
typedef void (*pvm_log_fn)(void *arg, int level, const char *text);

/**
 * pvm_free() - release an array a function of this library returned; NULL is allowed. Any thread.
 */
PVM_API void pvm_free(void *array);

/* ---- context ------------------------------------------------------------------------------ */

/**
 * struct pvm_ctx_opts - options of pvm_ctx_create()
 * @sz: sizeof(struct pvm_ctx_opts)
 * @device: path of the driver's device; NULL = "/dev/pvm"
 * @log: receiver of log lines; NULL = none
 * @log_arg: handed to @log
 * @log_level: least important level to be delivered, PVM_LOG_*; 0 = errors only
 * @flags: 0
 */
struct pvm_ctx_opts {
	size_t sz;
	const char *device;
	pvm_log_fn log;
	void *log_arg;
	int log_level;
	uint32_t flags;
};
#define PVM_CTX_OPTS_INIT { .sz = sizeof(struct pvm_ctx_opts) }

/**
 * pvm_ctx_create() - open the driver
 * @opts: NULL = all defaults
 * @ctx: result
 *
 * Return: 0; -ENODEV: no driver loaded; -EACCES: no permission on the device; -EPROTO: the device
 * is no pvm device;
 * -EINVAL, -E2BIG, -ENOMEM, -EMFILE.
 */
PVM_API int pvm_ctx_create(const struct pvm_ctx_opts *opts, struct pvm_ctx **ctx);

/**
 * pvm_ctx_destroy() - close it; every VM of it must have been destroyed before. NULL is allowed.
 */
PVM_API void pvm_ctx_destroy(struct pvm_ctx *ctx);

/**
 * pvm_ctx_loop() - the loop all VMs of @ctx run on (PVM_VM_OWN_THREAD ones excepted). Owned by
 * @ctx.
 */
PVM_API struct pvm_loop *pvm_ctx_loop(struct pvm_ctx *ctx);

/* Bits of pvm_ctx_info.host_flags */
#define PVM_HAS_LA57		(1u << 0)	/* host runs with 5-level paging */
#define PVM_HAS_PTI		(1u << 1)	/* kernel page-table isolation is on */
#define PVM_HAS_PCID		(1u << 2)
#define PVM_HAS_FSGSBASE	(1u << 3)
#define PVM_HAS_SMAP		(1u << 4)
#define PVM_HAS_XSAVE		(1u << 5)
#define PVM_HAS_TSC_STABLE	(1u << 6)	/* TSC is constant, non-stop and synchronised */

/**
 * struct pvm_ctx_info - what driver and host can do, from pvm_ctx_info_get()
 * @sz: IN sizeof(struct pvm_ctx_info)
 * @driver_version: major << 32 | minor << 16 | patch
 * @max_vcpus: most vCPUs in one guest
 * @max_slots: most memory slots in one guest
 * @host_flags: PVM_HAS_*
 * @tsc_khz: frequency of the TSC guests read
 * @guest_xcr0: XSAVE components guests may use
 * @addr_bits: physical address bits of a guest frame
 * @partitions: what devirt partitions run on here: 0 nothing, there are none; 1 SVM; 2 VMX
 */
struct pvm_ctx_info {
	size_t sz;
	uint64_t driver_version;
	uint64_t max_vcpus;
	uint64_t max_slots;
	uint64_t host_flags;
	uint64_t tsc_khz;
	uint64_t guest_xcr0;
	uint64_t addr_bits;
	uint64_t partitions;
};
#define PVM_CTX_INFO_INIT { .sz = sizeof(struct pvm_ctx_info) }

/** pvm_ctx_info_get() - fill @info; a value an older driver does not know is 0. Any thread. */
PVM_API int pvm_ctx_info_get(struct pvm_ctx *ctx, struct pvm_ctx_info *info);

#define PVM_STATE_NEW		0	/* created, not started */
#define PVM_STATE_RUNNING	1
#define PVM_STATE_SHUTDOWN	2	/* the guest ended by itself */
#define PVM_STATE_DEAD		3	/* the guest was stopped or died */

/**
 * struct pvm_vm_info - one guest of the machine, from pvm_ctx_list()
 * @id: unique until the driver is unloaded
 * @state: PVM_STATE_*
 * @name: NUL-terminated
 * @pid: process that runs it; 0 if not visible from here
 * @uid: user that runs it
 * @nr_vcpus: vCPUs it has
 * @shutdown_reason: PVM_SHUTDOWN_* in PVM_STATE_SHUTDOWN
 * @memory_bytes: its memory
 * @shadow_bytes: shadow page tables held now
 * @created_ns: CLOCK_BOOTTIME of creation
 * @runtime_ns: time its vCPUs ran
 * @reserved: 0
 */
struct pvm_vm_info {
	uint32_t id;
	uint32_t state;
	char name[PVM_NAME_BYTES];
	uint32_t pid;
	uint32_t uid;
	uint32_t nr_vcpus;
	uint32_t shutdown_reason;
	uint64_t memory_bytes;
	uint64_t shadow_bytes;
	uint64_t created_ns;
	uint64_t runtime_ns;
	uint64_t reserved[5];
};

/**
 * pvm_ctx_list() - guests of this user; of the whole machine for a privileged caller
 * @rows: array for pvm_free(); NULL when there is none
 * @count: rows
 *
 * Any thread.
 */
PVM_API int pvm_ctx_list(struct pvm_ctx *ctx, struct pvm_vm_info **rows, size_t *count);

#define PVM_STAT_IS_GAUGE	(1u << 0)	/* a level, not a sum since creation */
#define PVM_STAT_IS_HYPERCALL	(1u << 1)	/* calls of one hypercall number */

/**
 * struct pvm_stat_row - one counter of a guest
 * @name: lower-case identifier, stable
 * @unit: "" = events, else "ns", "pages"
 * @help: what is counted, one line
 * @value: the value
 * @flags: PVM_STAT_IS_*
 * @reserved: 0
 *
 * The strings live as long as the array.
 */
struct pvm_stat_row {
	const char *name;
	const char *unit;
	const char *help;
	uint64_t value;
	uint32_t flags;
	uint32_t reserved[3];
};

/**
 * pvm_ctx_stats_by_id() - counters of any guest this user may see
 * @id: pvm_vm_info.id
 * @rows: array for pvm_free()
 * @count: rows
 *
 * Hypercalls that were never made are left out. Any thread. Return: 0; -ENOENT: no such guest;
 * -ENOMEM.
 */
PVM_API int pvm_ctx_stats_by_id(struct pvm_ctx *ctx, uint32_t id, struct pvm_stat_row **rows,
				size_t *count);

/* ---- kernels ------------------------------------------------------------------------------ */

/**
 * struct pvm_load_opts - what a guest boots
 * @sz: sizeof(struct pvm_load_opts)
 * @kernel_path: bzImage (gzip, bzip2, lzma, xz, lz4 or zstd payload) or 64-bit ELF, plain or
 *	gzip-compressed
 * @kernel_data: alternative to @kernel_path: the same bytes in memory
 * @kernel_bytes: size of @kernel_data
 * @initrd_path: initial RAM disk or NULL
 * @initrd_data: alternative to @initrd_path
 * @initrd_bytes: size of @initrd_data
 * @cmdline: kernel command line, at most 1023 bytes; NULL = ""
 */
struct pvm_load_opts {
	size_t sz;
	const char *kernel_path;
	const void *kernel_data;
	size_t kernel_bytes;
	const char *initrd_path;
	const void *initrd_data;
	size_t initrd_bytes;
	const char *cmdline;
};
#define PVM_LOAD_OPTS_INIT { .sz = sizeof(struct pvm_load_opts) }

/**
 * struct pvm_kernel_info - what a kernel file is, from pvm_kernel_probe()
 * @sz: IN sizeof(struct pvm_kernel_info)
 * @format: "bzImage" or "ELF"
 * @compression: "none", "gzip", "bzip2", "lzma", "xz", "lz4" or "zstd"
 * @guest_os: note GUEST_OS, "" if absent
 * @banner: release of a bzImage ("6.1.0-56-amd64 (..) #1 SMP .."), "" if unknown
 * @virt_base: virtual address of guest frame 0 at boot
 * @entry: first instruction
 * @image_bytes: end of the loaded image in guest memory
 * @min_memory_bytes: least guest memory that can boot it with the initrd given
 */
struct pvm_kernel_info {
	size_t sz;
	char format[16];
	char compression[16];
	char guest_os[32];
	char banner[128];
	uint64_t virt_base;
	uint64_t entry;
	uint64_t image_bytes;
	uint64_t min_memory_bytes;
};
#define PVM_KERNEL_INFO_INIT { .sz = sizeof(struct pvm_kernel_info) }

/**
 * pvm_kernel_probe() - say whether a kernel can boot as a guest, without one
 * @opts: kernel and initrd as for pvm_vm_load()
 * @info: result
 *
 * Any thread. Return: 0; -ENOEXEC: the file is no kernel this library can boot (pvm_errmsg() says
 * which of: not a kernel, truncated, 32-bit, wrong machine, built without Xen PV support); -EFBIG:
 * bigger than this library unpacks; -EOPNOTSUPP: lzo payload; or the error of opening
 * or reading a file.
 */
PVM_API int pvm_kernel_probe(const struct pvm_load_opts *opts, struct pvm_kernel_info *info);

/* ---- guests ------------------------------------------------------------------------------- */

/* Flags of pvm_vm_opts. With OWN_THREAD console and xenstore run on a thread of the library's, not
 * on the ctx's loop; callbacks then come from that thread. */
#define PVM_VM_OWN_THREAD	(1u << 0)
#define PVM_VM_MEM_MEMFD	(1u << 1)	/* memory is a memfd, see pvm_vm_memfd() */
#define PVM_VM_MEM_HUGETLB	(1u << 2)	/* a memfd of 2 MiB huge pages */
#define PVM_VM_MEM_MERGEABLE	(1u << 3)	/* let KSM merge equal pages */

/**
 * struct pvm_vm_opts - options of pvm_vm_create()
 * @sz: sizeof(struct pvm_vm_opts)
 * @name: 1..31 characters of [A-Za-z0-9._-], unique on the machine; required
 * @memory_bytes: guest memory, a multiple of 4096, 4 MiB .. the host's memory; 0 = 512 MiB; a
 *	multiple of 2 MiB with PVM_VM_MEM_HUGETLB
 * @max_vcpus: 1 .. pvm_ctx_info.max_vcpus; 0 = 1
 * @flags: PVM_VM_OWN_THREAD, PVM_VM_MEM_*
 * @shadow_limit_bytes: most host memory for shadow page tables, at least 256 KiB; 0 = the driver's
 *	default
 * @domid: number the guest sees as its domain id, 1..0x7fef; 0 = 1
 * @uuid: UUID the guest sees; all zero = a random one
 */
struct pvm_vm_opts {
	size_t sz;
	const char *name;
	uint64_t memory_bytes;
	uint32_t max_vcpus;
	uint32_t flags;
	uint64_t shadow_limit_bytes;
	uint32_t domid;
	uint32_t reserved;
	uint8_t uuid[16];
};
#define PVM_VM_OPTS_INIT { .sz = sizeof(struct pvm_vm_opts) }

/**
 * pvm_vm_create() - make a guest with empty memory
 *
 * Return: 0; -EINVAL: a value is out of range; -EEXIST: the name is taken; -EPERM: this user has
 * too many guests;
 * -ENOMEM: more memory than the host has or will give; -EOPNOTSUPP: the driver lacks something.
 */
PVM_API int pvm_vm_create(struct pvm_ctx *ctx, const struct pvm_vm_opts *opts, struct pvm_vm **vm);

/**
 * pvm_vm_destroy() - stop the guest if it runs, and release everything of it. NULL is allowed.
 *
 * Not from a callback. Waits for the guest's threads, at most 10 s (a driver that does not let go
 * of a thread is logged and its memory left behind rather than pulled away under it).
 */
PVM_API void pvm_vm_destroy(struct pvm_vm *vm);

/**
 * pvm_vm_load() - put kernel, initrd, command line and boot tables into the guest's memory
 *
 * Before pvm_vm_start(); may be repeated after a failure. Return: 0; -ENOEXEC, -EFBIG, -EOPNOTSUPP
 * as pvm_kernel_probe(); -ENOSPC: kernel and initrd do not fit in the guest's memory; -EINVAL:
 * command line too long;
 * -EBUSY: already started; or the error of opening or reading a file.
 */
PVM_API int pvm_vm_load(struct pvm_vm *vm, const struct pvm_load_opts *opts);

/**
 * pvm_vm_start() - let it run. -EBUSY: already started; -EINVAL: nothing loaded; -ENOMEM, -EAGAIN:
 * no thread.
 */
PVM_API int pvm_vm_start(struct pvm_vm *vm);

#define PVM_EXIT_NONE		0	/* has not ended */
#define PVM_EXIT_SHUTDOWN	1	/* the guest asked for it: code is PVM_SHUTDOWN_* */
#define PVM_EXIT_DEATH		2	/* stopped or died: code is PVM_CAUSE_*, with registers */
#define PVM_EXIT_ERROR		3	/* the host could not go on: code is an errno */

#define PVM_SHUTDOWN_POWEROFF	0
#define PVM_SHUTDOWN_REBOOT	1
#define PVM_SHUTDOWN_SUSPEND	2
#define PVM_SHUTDOWN_CRASH	3	/* kernel panic */
#define PVM_SHUTDOWN_WATCHDOG	4
#define PVM_SHUTDOWN_SOFT_RESET	5

#define PVM_CAUSE_NONE		0
#define PVM_CAUSE_STOPPED	1	/* pvm_vm_stop(PVM_STOP_FORCE), or its memory went away */
#define PVM_CAUSE_TRIPLE	2	/* an exception, event or frame could not be delivered */
#define PVM_CAUSE_TABLE		3	/* its page tables make no sense */
#define PVM_CAUSE_MEMORY	4	/* the host could not provide memory */
#define PVM_CAUSE_DRIVER	5	/* a bug of the driver; see the host's kernel log */

/**
 * struct pvm_vm_exit - how a guest ended
 * @sz: IN sizeof(struct pvm_vm_exit)
 * @kind: PVM_EXIT_*
 * @code: see @kind
 * @text: one sentence, without newline
 * @vcpu: vCPU that died; this and all below only for PVM_EXIT_DEATH
 * @vector: exception being handled, 0x100 = none
 * @kernel_mode: 1 if guest kernel code ran
 * @rip, @rsp, @rflags, @cr2, @cr3, @error_code: registers at death
 * @gpr: rax rcx rdx rbx rsp rbp rsi rdi r8..r15
 * @hypercalls: numbers of the last hypercalls, latest first, 0xffffffff = none
 */
struct pvm_vm_exit {
	size_t sz;
	uint32_t kind;
	uint32_t code;
	char text[256];
	uint32_t vcpu;
	uint32_t vector;
	uint32_t kernel_mode;
	uint32_t reserved;
	uint64_t rip;
	uint64_t rsp;
	uint64_t rflags;
	uint64_t cr2;
	uint64_t cr3;
	uint64_t error_code;
	uint64_t gpr[16];
	uint32_t hypercalls[16];
};
#define PVM_VM_EXIT_INIT { .sz = sizeof(struct pvm_vm_exit) }

/**
 * pvm_vm_wait() - serve the guest until it ends
 * @timeout_ms: -1 = no limit; 0 = only look
 * @ex: how it ended; may be NULL
 *
 * Dispatches the ctx's loop meanwhile (with PVM_VM_OWN_THREAD: only waits, any thread). All output
 * of the guest has been delivered when it returns 0 (what a console function does not take by then
 * is dropped); it then returns the same answer for ever. Not from a callback.
 * Return: 0; -ETIMEDOUT; -EINTR: a signal or pvm_loop_wake(); -EINVAL: never started.
 */
PVM_API int pvm_vm_wait(struct pvm_vm *vm, int timeout_ms, struct pvm_vm_exit *ex);

/** typedef pvm_vm_exit_fn - told how @vm ended; @ex is valid in the call; not to destroy @vm */
typedef void (*pvm_vm_exit_fn)(void *arg, struct pvm_vm *vm, const struct pvm_vm_exit *ex);

/**
 * pvm_vm_on_exit() - have @fn called once, on the loop's thread, when the guest has ended and its
 * output is out
 *
 * Before pvm_vm_start(). For callers with a loop of their own instead of pvm_vm_wait().
 */
PVM_API int pvm_vm_on_exit(struct pvm_vm *vm, pvm_vm_exit_fn fn, void *arg);

#define PVM_STOP_POWEROFF	0u	/* ask the guest's user space to power off */
#define PVM_STOP_REBOOT		1u	/* ask it to reboot (ends with PVM_SHUTDOWN_REBOOT) */
#define PVM_STOP_FORCE		2u	/* end it now (ends with PVM_CAUSE_STOPPED) */

/**
 * pvm_vm_stop() - end a guest; does not wait
 * @how: one of PVM_STOP_*
 *
 * Any thread. Return: 0, also if it had ended already; -EINVAL: unknown @how, or not started and
 * not FORCE.
 */
PVM_API int pvm_vm_stop(struct pvm_vm *vm, unsigned int how);

/**
 * pvm_vm_shutdown() - ask politely, wait, then insist
 * @grace_ms: how long the guest may take to power off before it is ended by force; repeated
 *	requests are sent
 * @ex: how it ended; may be NULL
 *
 * Waits as pvm_vm_wait(), at most @grace_ms + 5 s. Return: 0; -ETIMEDOUT: not even force ended it;
 * -EINTR.
 */
PVM_API int pvm_vm_shutdown(struct pvm_vm *vm, unsigned int grace_ms, struct pvm_vm_exit *ex);

/** pvm_vm_stats() - as pvm_ctx_stats_by_id(), of this guest; also after it ended. Any thread. */
PVM_API int pvm_vm_stats(struct pvm_vm *vm, struct pvm_stat_row **rows, size_t *count);

PVM_API uint32_t pvm_vm_id(const struct pvm_vm *vm);		/* any thread */
PVM_API const char *pvm_vm_name(const struct pvm_vm *vm);	/* any thread */
PVM_API int pvm_vm_memfd(const struct pvm_vm *vm);		/* any thread; -1: none */
PVM_API struct pvm_console *pvm_vm_console(struct pvm_vm *vm);	/* any thread; owned by @vm */

/**
 * pvm_vcpu_kick() - make vCPU @id leave the guest once. Any thread. -ENOENT: no such vCPU, or not
 * started.
 */
PVM_API int pvm_vcpu_kick(struct pvm_vm *vm, uint32_t id);

/**
 * pvm_vm_xs_write() - write a node of the guest's xenstore as the host side; missing parents are
 * made
 * @path: absolute, or relative to /local/domain/<domid>
 * @value: NUL-terminated, at most 2048 bytes
 *
 * Any thread. The guest's watches fire.
 */
PVM_API int pvm_vm_xs_write(struct pvm_vm *vm, const char *path, const char *value);

/**
 * pvm_vm_xs_read() - read a node
 * @buf: receives the value and a NUL
 * @bytes: size of @buf
 *
 * Any thread. Return: 0; -ENOENT; -EMSGSIZE: @buf too small (2049 bytes are always enough).
 */
PVM_API int pvm_vm_xs_read(struct pvm_vm *vm, const char *path, char *buf, size_t bytes);

/** Names for people; "unknown" for a value out of range. Any thread. */
PVM_API const char *pvm_state_name(uint32_t state);		/* "running" */
PVM_API const char *pvm_shutdown_name(uint32_t reason);		/* "poweroff" */
PVM_API const char *pvm_cause_name(uint32_t cause);		/* "stopped" */
PVM_API const char *pvm_hypercall_name(uint32_t nr);		/* "mmu_update" */

/* ---- console ------------------------------------------------------------------------------ */

/**
 * typedef pvm_console_out_fn - receives what the guest writes
 * @arg: as given
 * @buf: bytes, valid during the call
 * @bytes: at least 1
 *
 * Called on the loop's thread. Return: bytes taken. Less than @bytes: not called again until
 * pvm_console_resume(), and once 64 KiB are waiting, the guest waits too.
 */
typedef size_t (*pvm_console_out_fn)(void *arg, const void *buf, size_t bytes);

/**
 * pvm_console_set_output() - deliver output to a function
 * @fn: NULL = throw output away, which is the state at first
 *
 * Replaces what pvm_console_attach() set as output. Before pvm_vm_start() or on the loop's thread.
 */
PVM_API int pvm_console_set_output(struct pvm_console *con, pvm_console_out_fn fn, void *arg);

/** pvm_console_resume() - @fn can take output again. Any thread. */
PVM_API void pvm_console_resume(struct pvm_console *con);

/**
 * pvm_console_write() - type into the console
 * @written: bytes taken; the rest did not fit and can be offered again later
 *
 * Up to 4 KiB wait for the guest to read. Any thread. Return: 0; -EAGAIN: full, nothing taken.
 */
PVM_API int pvm_console_write(struct pvm_console *con, const void *buf, size_t bytes,
			      size_t *written);

/**
 * pvm_console_on_space() - have @fn called on the loop's thread when pvm_console_write() can take
 * bytes again
 *
 * Called after pvm_console_write() had left bytes. NULL = not called.
 */
PVM_API int pvm_console_on_space(struct pvm_console *con, void (*fn)(void *arg), void *arg);

/**
 * pvm_console_attach() - connect file descriptors
 * @in_fd: typed input is read from it, until its end; -1 = none
 * @out_fd: output is written to it; -1 = none. If it breaks (closed pipe, full disk) that is logged
 *	once and output is thrown away from then on
 *
 * May be the same (a socket, a pty). The descriptors are duplicated, their flags are not changed;
 * terminal modes are the caller's affair. A slow reader of @out_fd makes the guest wait, nobody else.
 * Before pvm_vm_start() or on the loop's thread.
 */
PVM_API int pvm_console_attach(struct pvm_console *con, int in_fd, int out_fd);

/** pvm_console_detach() - let go of what pvm_console_attach() connected. */
PVM_API void pvm_console_detach(struct pvm_console *con);

/* ---- event loop --------------------------------------------------------------------------- */

#define PVM_LOOP_READ	(1u << 0)	/* readable, or at its end */
#define PVM_LOOP_WRITE	(1u << 1)	/* writable */
#define PVM_LOOP_HANGUP	(1u << 2)	/* error or hang-up; reported whether asked for or not */

/**
 * pvm_loop_fd() - readable when pvm_loop_dispatch() has something to do: put it into a loop of your
 * own.
 */
PVM_API int pvm_loop_fd(const struct pvm_loop *loop);

/**
 * pvm_loop_dispatch() - wait for events and handle them
 * @timeout_ms: -1 = no limit; 0 = do not wait
 *
 * Return: 0, also after the time-out; -EINTR: a signal or pvm_loop_wake().
 */
PVM_API int pvm_loop_dispatch(struct pvm_loop *loop, int timeout_ms);

/**
 * pvm_loop_wake() - make the current or next pvm_loop_dispatch() return -EINTR. Any thread, and
 * signal handlers.
 */
PVM_API void pvm_loop_wake(struct pvm_loop *loop);

/**
 * pvm_loop_add() - have @fn called when @fd is ready
 * @events: PVM_LOOP_READ, PVM_LOOP_WRITE or both; 0 = hang-up only
 * @fn: called on the dispatching thread with the events seen
 * @watch: result, for pvm_loop_remove()
 *
 * @fd stays the caller's and must stay open until removed. Return: 0; -EPERM: this kind of file is
 * always ready (a regular file, a directory); -EEXIST: @fd is in the loop already; -EINVAL, -EBADF,
 * -ENOMEM.
 */
PVM_API int pvm_loop_add(struct pvm_loop *loop, int fd, uint32_t events,
			 void (*fn)(void *arg, uint32_t events), void *arg,
			 struct pvm_watch **watch);

/** pvm_loop_modify() - wait for other events. */
PVM_API int pvm_loop_modify(struct pvm_loop *loop, struct pvm_watch *watch, uint32_t events);

/**
 * pvm_loop_remove() - forget @watch; also from within a callback, its own included. NULL is
 * allowed.
 */
PVM_API void pvm_loop_remove(struct pvm_loop *loop, struct pvm_watch *watch);

#ifdef __cplusplus
}
#endif

#include <pvm/part.h>

#endif /* PVM_PVM_H */
