/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map of the library: its objects, and who offers what to the other files.
 *
 * Calls go down this list:
 *
 *	vm.c life.c vcpu.c                    a guest: objects, life, threads
 *	part.c part_boot.c part_log.c part_console.c part_rows.c   a partition
 *	xs_server.c console.c evtchn.c gnt.c  what talks to a running guest
 *	load.c decomp.c │ stats.c             files to bytes │ counters to rows
 *	part_build.c part_acpi.c part_vmcore.c part_dmesg.c   pure, of partitions
 *	build.c xs_wire.c ring.h              pure: no I/O, no locks, no threads
 *	xs_proto.c xs_tree.c xs_txn.c xs_watch.c xs_node.c   pure, of xenstore
 *	ctx.c loop.c mem.c part_memmap.c      objects of the host, and its memory
 *	ioctl.c err.c                         the driver │ messages
 *
 * Pure files never include this header; they see <errno.h>, <string.h>, the Xen public headers,
 * err.h and their own. Guest memory is shared with a hostile guest: it is read once into a local
 * (ring.h, gnt.c) and the local is checked.
 */
#ifndef PVM_LIB_H
#define PVM_LIB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/pvm_part.h>

#include "pvm/pvm.h"
#include "build.h"
#include "err.h"
#include "part_vmcore.h"
#include "ring.h"
#include "xs_proto.h"

#define PVM_PAGE_BYTES		4096u
#define PVM_GRANT_FRAMES	32u		/* 16384 grant entries */
#define PVM_SPECIAL_PAGES	(1u + PVM_GRANT_FRAMES)	/* shared info, then the grant table */
#define PVM_SPECIAL_ALIGN	512u		/* pages; keeps RAM and special frames in different
						 * 2 MiB regions, whatever is mapped large */
#define PVM_MIN_MEMORY_BYTES	(4ull << 20)	/* the boot mapping ends on a 4 MiB boundary */
#define PVM_DEFAULT_MEMORY	(512ull << 20)
#define PVM_PART_MAX_BARS	(6 * PVM_PART_MAX_PCI)
#define PVM_JOIN_LIMIT_MS	10000		/* how long pvm_vm_destroy() waits for a thread */

struct pvm_ctx {
	int fd;				/* /dev/pvm */
	struct pvm_log log;
	struct pvm_loop *loop;
	uint64_t max_vcpus;
	int nr_vms;			/* atomic */
};

/* Memory of one guest; see mem.c. */
struct pvm_mem {
	uint8_t *ram;			/* frames 0..nr_pages-1 */
	uint64_t nr_pages;
	uint8_t *special;		/* PVM_SPECIAL_PAGES from special_gfn on */
	uint64_t special_gfn;
	int memfd;			/* -1: anonymous */
};

/* One event channel between the guest and us; see evtchn.c. */
struct pvm_evtchn {
	struct pvm_vm *vm;
	uint32_t port;			/* guest side */
	int send_fd;			/* signalled when the guest sends */
	int raise_fd;			/* written to raise it in the guest */
	bool bound;
	struct pvm_watch *watch;
};

struct pvm_vcpu {
	struct pvm_vm *vm;
	uint32_t id;
	int fd;
	struct pvm_run *run;		/* shared with the driver */
	pthread_t thread;
	bool has_thread;
};

struct pvm_xs_server {
	struct pvm_vm *vm;
	struct pvm_evtchn evtchn;
	pthread_mutex_t lock;		/* protects: xs, conns and everything below; a leaf lock */
	struct pvm_xs *xs;
	struct pvm_xs_conn *host;	/* domain 0: the launcher's and the backends' view */
	struct pvm_xs_conn *guest;
	struct xenstore_domain_interface *ring;	/* NULL until a kernel is loaded */
	uint8_t in[PVM_XS_MSG_BYTES];	/* the message being received */
	size_t in_bytes;
	struct pvm_xs_buf out;		/* replies and events the ring had no room for yet */
	uint64_t dropped_events;
	bool broken;			/* the guest broke the protocol: served no more */
};

struct pvm_console {
	struct pvm_vm *vm;
	struct pvm_evtchn evtchn;
	pthread_mutex_t lock;		/* protects: out, in, want_space, ring; a leaf lock */
	pthread_cond_t room;		/* out got shorter, or closed */
	struct pvm_fifo out;		/* from the guest, not yet taken by the sink */
	struct pvm_fifo in;		/* typed, not yet in the ring */
	struct xencons_interface *ring;	/* NULL until a kernel is loaded */
	bool closed;			/* the guest is going: early output waits for nobody */
	bool broken;			/* ring indices make no sense: served no more */
	bool want_space;
	/* the rest belongs to the loop's thread */
	pvm_console_out_fn fn;
	void *fn_arg;
	bool stalled;			/* atomic: fn took less than offered */
	void (*space_fn)(void *arg);
	void *space_arg;
	int in_fd;
	int out_fd;
	bool out_small;			/* a terminal whose writes wait: only little at a time */
	struct pvm_watch *in_watch;
	struct pvm_watch *out_watch;
	bool in_plain;			/* input is a regular file: always ready, not in the loop */
};

enum pvm_vm_phase {			/* only ever grows */
	PVM_PHASE_CREATED,
	PVM_PHASE_LOADED,
	PVM_PHASE_STARTED,
	PVM_PHASE_ENDED,		/* output delivered, threads joined */
};

struct pvm_vm {
	struct pvm_ctx *ctx;
	struct pvm_loop *loop;		/* ctx's, or own */
	char name[PVM_NAME_BYTES];
	uint32_t id;
	uint32_t flags;
	uint32_t domid;
	uint32_t nr_vcpus;
	uint8_t uuid[16];
	int fd;
	struct pvm_mem mem;
	struct pvm_build_out boot;
	struct pvm_vcpu *vcpus;
	struct pvm_console con;
	struct pvm_xs_server xs;

	int end_fd;			/* eventfd: a vCPU thread finished */
	struct pvm_watch *end_watch;
	pthread_t loop_thread;		/* PVM_VM_OWN_THREAD */
	bool has_loop_thread;
	bool loop_stop;			/* atomic */
	bool stopping;			/* atomic: vCPU threads leave at the next occasion */

	pthread_mutex_t lock;		/* protects: phase, nr_running, exit, exit_fn; leaf */
	pthread_cond_t ended;
	enum pvm_vm_phase phase;
	uint32_t nr_running;		/* vCPU threads that have not finished */
	struct pvm_vm_exit exit;	/* the first reason wins */

	pvm_vm_exit_fn exit_fn;
	void *exit_arg;
};

/* Handle of a partition; see part.c. */
struct pvm_part {
	struct pvm_ctx *ctx;
	char name[PVM_NAME_BYTES];
	uint32_t id;
	int fd;
	uint64_t mem_addr;
	uint64_t mem_bytes;
	uint8_t *mem;			/* mapped when first needed; shared with a hostile kernel */
	struct pvm_part_console *con;	/* likewise; shared with the driver and other readers */
	uint32_t con_at;		/* next byte to be read */
	bool con_opened;
	struct pvm_vmcore vmcore;	/* of the kernel that was seen last */
};

/* ctx.c */
int pvm_opts_copy(void *dst, size_t dst_bytes, const void *src, const char *what);
int pvm_result_copy(void *dst, const void *src, size_t src_bytes, const char *what);

/* loop.c */
int pvm_loop_create(struct pvm_loop **loop);
void pvm_loop_destroy(struct pvm_loop *loop);

/* mem.c */
int pvm_mem_init(struct pvm_mem *mem, uint64_t bytes, uint32_t flags, const char *name);
void pvm_mem_fini(struct pvm_mem *mem);
void *pvm_mem_gfn(const struct pvm_mem *mem, uint64_t gfn);
void pvm_mem_release(struct pvm_mem *mem, uint64_t gfn, uint64_t nr_pages);

/* stats.c */
int pvm_stats_rows(int fd, uint32_t id, struct pvm_stat_row **rows, size_t *count);

/* load.c */
struct pvm_blob {			/* a file in memory */
	uint8_t *data;
	size_t bytes;
	bool owned;
};

struct pvm_kernel {			/* a kernel ready for build.c; points into blob */
	struct pvm_blob blob;		/* the ELF */
	struct pvm_image image;
	struct pvm_kernel_info info;
};

int pvm_kernel_open(const struct pvm_load_opts *opts, uint64_t limit_bytes, struct pvm_kernel *k);
void pvm_kernel_close(struct pvm_kernel *k);
int pvm_blob_open(const char *what, const char *path, const void *data, size_t bytes,
		  struct pvm_blob *blob);
void pvm_blob_close(struct pvm_blob *blob);
int pvm_initrd_open(const struct pvm_load_opts *opts, int *fd, uint64_t *bytes);
int pvm_initrd_read(const struct pvm_load_opts *opts, int fd, uint8_t *dst, uint64_t bytes);

/* evtchn.c */
int pvm_evtchn_init(struct pvm_evtchn *ev, struct pvm_vm *vm);
void pvm_evtchn_fini(struct pvm_evtchn *ev);
int pvm_evtchn_bind(struct pvm_evtchn *ev, void (*fn)(void *arg, uint32_t events), void *arg);
void pvm_evtchn_raise(struct pvm_evtchn *ev);
void pvm_evtchn_poke(struct pvm_evtchn *ev);
void pvm_evtchn_ack(struct pvm_evtchn *ev);

/* xs_server.c */
int pvm_xs_server_init(struct pvm_xs_server *s, struct pvm_vm *vm);
void pvm_xs_server_fini(struct pvm_xs_server *s);
int pvm_xs_server_populate(struct pvm_xs_server *s);
int pvm_xs_server_start(struct pvm_xs_server *s);
void pvm_xs_server_serve(struct pvm_xs_server *s);

/* console.c */
int pvm_console_init(struct pvm_console *con, struct pvm_vm *vm);
void pvm_console_fini(struct pvm_console *con);
int pvm_console_start(struct pvm_console *con);
void pvm_console_early(struct pvm_console *con, const uint8_t *buf, size_t bytes);
void pvm_console_close(struct pvm_console *con);
void pvm_console_drain(struct pvm_console *con);

/* vcpu.c */
int pvm_vcpu_init(struct pvm_vcpu *v, struct pvm_vm *vm, uint32_t id);
void pvm_vcpu_fini(struct pvm_vcpu *v);
int pvm_vcpu_start(struct pvm_vcpu *v);
void pvm_vcpu_leave(struct pvm_vcpu *v);

/* life.c */
enum pvm_vm_phase pvm_vm_phase(struct pvm_vm *vm);
int pvm_thread_create(pthread_t *thread, void *(*fn)(void *), void *arg);
void pvm_vm_loop_stop(struct pvm_vm *vm);
bool pvm_vm_join(struct pvm_vm *vm);
void pvm_vm_on_end(void *arg, uint32_t events);
void pvm_vm_ended_by(struct pvm_vm *vm, const struct pvm_vm_exit *ex);
void pvm_vm_vcpu_finished(struct pvm_vm *vm);

/* part.c */
int pvm_part_info_get(struct pvm_part *part, struct pvm_part_info *info, struct pvm_part_cpu *cpus,
		      struct pvm_part_bar *bars);
int pvm_part_map(struct pvm_part *part);
void pvm_part_unmap(struct pvm_part *part);
int pvm_part_failed(struct pvm_part *part, int err, const char *what);

/* part_rows.c */
void pvm_part_row_from(struct pvm_part_row *row, const struct pvm_partition_entry *e);

#endif /* PVM_LIB_H */
