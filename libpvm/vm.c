// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guest: create, load, destroy. What happens in between is life.c.
 *
 * What is made at create and what at start: everything that can be refused for a reason of the
 * machine (name, memory, ports) at create; vCPUs and threads at start. Objects are embedded and
 * their *_fini() is idempotent, so every failure ends in the same release().
 *
 * Loading may be repeated until one succeeds: build.c writes every byte it relies on, whatever an
 * earlier attempt left in the guest's memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "gnt.h"
#include "ioctl.h"
#include "lib.h"

#define KERNEL_LIMIT_BYTES	(1ull << 30)
#define KERNEL_EXTRA_BYTES	(64ull << 20)	/* relocations and symbols a kernel file carries */
#define FLAGS	(PVM_VM_OWN_THREAD | PVM_VM_MEM_MEMFD | PVM_VM_MEM_HUGETLB | PVM_VM_MEM_MERGEABLE)

/* ---- create ------------------------------------------------------------------------------ */

static int check_opts(const struct pvm_ctx *ctx, const struct pvm_vm_opts *o)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-";
	size_t len = o->name ? strlen(o->name) : 0;

	if (!len || len >= PVM_NAME_BYTES || strspn(o->name, chars) != len)
		return pvm_fail(-EINVAL, "cannot name a guest '%s': a name has 1 to %u characters of A-Z a-z 0-9 . _ -",
				o->name ? o->name : "", PVM_NAME_BYTES - 1);
	if (o->max_vcpus > ctx->max_vcpus)
		return pvm_fail(-EINVAL, "cannot make a guest with %u vCPUs: this driver runs at most %llu in one guest",
				o->max_vcpus, (unsigned long long)ctx->max_vcpus);
	if (o->flags & ~FLAGS || o->reserved)
		return pvm_fail(-EINVAL, "pvm_vm_opts has unknown flags");
	if (o->flags & PVM_VM_MEM_MERGEABLE && o->flags & PVM_VM_MEM_HUGETLB)
		return pvm_fail(-EINVAL, "huge pages cannot be merged: choose one of the two");
	if (o->domid > 0x7fef)
		return pvm_fail(-EINVAL, "cannot use domain id %u: the range is 1 to 32751",
				o->domid);
	if (o->shadow_limit_bytes && o->shadow_limit_bytes < 256 << 10)
		return pvm_fail(-EINVAL, "cannot limit shadow page tables to %llu bytes: 256 KiB is the least",
				(unsigned long long)o->shadow_limit_bytes);
	return 0;
}

static void make_uuid(struct pvm_vm *vm, const uint8_t uuid[16])
{
	static const uint8_t zero[16];

	memcpy(vm->uuid, uuid, sizeof(vm->uuid));
	if (memcmp(uuid, zero, sizeof(zero)))
		return;
	if (getrandom(vm->uuid, sizeof(vm->uuid), GRND_NONBLOCK) != sizeof(vm->uuid)) {
		/* Early in a host's boot: distinct on this host is what matters. */
		memcpy(vm->uuid, &vm->id, sizeof(vm->id));
	}
	vm->uuid[6] = (vm->uuid[6] & 0x0f) | 0x40;	/* version 4, random */
	vm->uuid[8] = (vm->uuid[8] & 0x3f) | 0x80;
}

static int open_vm(struct pvm_vm *vm, const struct pvm_vm_opts *o)
{
	struct pvm_create_vm arg = {
		.max_vcpus = vm->nr_vcpus,
		.domid = vm->domid,
		.shadow_limit_bytes = o->shadow_limit_bytes,
	};
	int err;

	memcpy(arg.name, vm->name, sizeof(vm->name));
	err = pvm_sys_create_vm(vm->ctx->fd, &arg);
	switch (err) {
	case 0:
		vm->fd = arg.fd;
		vm->id = arg.id;
		return 0;
	case -EEXIST:
		return pvm_fail(err, "cannot make guest %s: a guest of this name exists; choose another name or stop that one",
				vm->name);
	case -EPERM:
		return pvm_fail(err, "cannot make guest %s: this user runs as many guests as the driver's max_vms_per_uid allows",
				vm->name);
	default:
		return pvm_fail(err, "cannot make guest %s: %s", vm->name, pvm_strerror(err));
	}
}

static int set_memory(struct pvm_vm *vm)
{
	const struct pvm_mem *m = &vm->mem;
	struct pvm_platform p = {
		.nr_pages = m->nr_pages,
		.max_pages = m->nr_pages,
		.shared_info_gfn = m->special_gfn,
		.grant_gfn = m->special_gfn + 1,
		.grant_frames = PVM_GRANT_FRAMES,
	};
	int err = pvm_sys_set_memory(vm->fd, 0, 0, m->nr_pages, m->ram);

	if (!err)
		err = pvm_sys_set_memory(vm->fd, 1, m->special_gfn, PVM_SPECIAL_PAGES, m->special);
	if (err)
		return pvm_fail(err, "cannot give guest %s its memory: %s", vm->name,
				pvm_strerror(err));
	memcpy(p.uuid, vm->uuid, sizeof(p.uuid));
	err = pvm_sys_set_platform(vm->fd, &p);
	if (err)
		return pvm_fail(err, "cannot set up the machine of guest %s: %s", vm->name,
				pvm_strerror(err));
	return 0;
}

/* The driver's object goes last: threads and rings refer to it. Idempotent. */
static void release(struct pvm_vm *vm)
{
	pvm_vm_loop_stop(vm);
	for (uint32_t i = 0; vm->vcpus && i < vm->nr_vcpus; i++)
		pvm_vcpu_fini(&vm->vcpus[i]);
	free(vm->vcpus);
	pvm_console_fini(&vm->con);
	pvm_xs_server_fini(&vm->xs);
	pvm_loop_remove(vm->loop, vm->end_watch);
	if (vm->end_fd >= 0)
		close(vm->end_fd);
	if (vm->fd >= 0)
		close(vm->fd);
	pvm_mem_fini(&vm->mem);
	if (vm->loop != vm->ctx->loop)
		pvm_loop_destroy(vm->loop);
	pthread_cond_destroy(&vm->ended);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

int pvm_vm_create(struct pvm_ctx *ctx, const struct pvm_vm_opts *opts, struct pvm_vm **vm_out)
{
	pthread_condattr_t attr;
	struct pvm_vm_opts o;
	struct pvm_vm *vm;
	int err;

	err = pvm_opts_copy(&o, sizeof(o), opts, "pvm_vm_opts");
	if (!err)
		err = check_opts(ctx, &o);
	if (err)
		return err;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return pvm_fail(-ENOMEM, "cannot make guest %s: out of memory", o.name);
	vm->ctx = ctx;
	vm->loop = ctx->loop;
	snprintf(vm->name, sizeof(vm->name), "%s", o.name);
	vm->flags = o.flags;
	vm->domid = o.domid ? o.domid : 1;
	vm->nr_vcpus = o.max_vcpus ? o.max_vcpus : 1;
	vm->fd = -1;
	vm->end_fd = -1;
	vm->mem.memfd = -1;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&vm->ended, &attr);
	pthread_condattr_destroy(&attr);

	err = pvm_mem_init(&vm->mem, o.memory_bytes ? o.memory_bytes : PVM_DEFAULT_MEMORY,
			   o.flags, vm->name);
	if (err)
		goto err_release;
	if (o.flags & PVM_VM_OWN_THREAD) {
		struct pvm_loop *loop;

		err = pvm_loop_create(&loop);
		if (err)
			goto err_release;
		vm->loop = loop;
	}
	vm->vcpus = calloc(vm->nr_vcpus, sizeof(*vm->vcpus));
	vm->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!vm->vcpus || vm->end_fd < 0) {
		err = vm->vcpus ? -errno : -ENOMEM;
		pvm_fail(err, "cannot make guest %s: %s", vm->name, pvm_strerror(err));
		goto err_release;
	}
	err = pvm_loop_add(vm->loop, vm->end_fd, PVM_LOOP_READ, pvm_vm_on_end, vm, &vm->end_watch);
	if (err)
		goto err_release;
	err = open_vm(vm, &o);
	if (err)
		goto err_release;
	make_uuid(vm, o.uuid);
	err = set_memory(vm);
	if (err)
		goto err_release;
	err = pvm_xs_server_init(&vm->xs, vm);
	if (err)
		goto err_release;
	err = pvm_console_init(&vm->con, vm);
	if (err)
		goto err_release;
	__atomic_add_fetch(&ctx->nr_vms, 1, __ATOMIC_RELAXED);
	*vm_out = vm;
	return 0;

err_release:
	release(vm);
	return err;
}

/* ---- load -------------------------------------------------------------------------------- */

static uint64_t kernel_limit(uint64_t memory_bytes)
{
	uint64_t limit = memory_bytes + KERNEL_EXTRA_BYTES;

	return limit < KERNEL_LIMIT_BYTES ? limit : KERNEL_LIMIT_BYTES;
}

int pvm_kernel_probe(const struct pvm_load_opts *opts, struct pvm_kernel_info *info)
{
	struct pvm_build_in in = { .cmdline = "" };
	struct pvm_load_opts o;
	struct pvm_kernel k;
	uint64_t pages;
	int err, fd;

	err = pvm_opts_copy(&o, sizeof(o), opts, "pvm_load_opts");
	if (err)
		return err;
	err = pvm_initrd_open(&o, &fd, &in.initrd_bytes);
	if (err)
		return err;
	if (fd >= 0)
		close(fd);
	err = pvm_kernel_open(&o, KERNEL_LIMIT_BYTES, &k);
	if (err)
		return err;
	in.image = &k.image;
	if (o.cmdline)
		in.cmdline = o.cmdline;
	err = pvm_build_min_pages(&in, &pages);
	if (!err) {
		for (unsigned int i = 0; i < k.image.nr_segs; i++) {
			const struct pvm_segment *s = &k.image.seg[i];
			uint64_t end = s->paddr - k.image.paddr_offset + s->mem_bytes;

			if (end > k.info.image_bytes)
				k.info.image_bytes = end;
		}
		k.info.min_memory_bytes = pages * PVM_PAGE_BYTES;
		err = pvm_result_copy(info, &k.info, sizeof(k.info), "pvm_kernel_info");
	}
	pvm_kernel_close(&k);
	return err;
}

static void preset_grants(struct pvm_vm *vm)
{
	struct pvm_gnt g = {
		.table = vm->mem.special + PVM_PAGE_BYTES,	/* behind shared info */
		.nr_entries = PVM_GRANT_FRAMES * (PVM_PAGE_BYTES / 8),
	};

	pvm_gnt_preset(&g, 0, vm->boot.console_pfn, 0);
	pvm_gnt_preset(&g, 1, vm->boot.store_pfn, 0);
}

int pvm_vm_load(struct pvm_vm *vm, const struct pvm_load_opts *opts)
{
	struct pvm_build_in in = {
		.nr_pages = vm->mem.nr_pages,
		.cmdline = "",
		.shared_info_gfn = vm->mem.special_gfn,
		.store_port = vm->xs.evtchn.port,
		.console_port = vm->con.evtchn.port,
	};
	struct pvm_load_opts o;
	struct pvm_build_out plan;
	struct pvm_kernel k;
	int err, fd = -1;

	if (pvm_vm_phase(vm) > PVM_PHASE_LOADED)
		return pvm_fail(-EBUSY, "cannot load a kernel into guest %s: it was started already",
				vm->name);
	err = pvm_opts_copy(&o, sizeof(o), opts, "pvm_load_opts");
	if (err)
		return err;
	if (o.cmdline)
		in.cmdline = o.cmdline;
	err = pvm_initrd_open(&o, &fd, &in.initrd_bytes);
	if (err)
		return err;
	err = pvm_kernel_open(&o, kernel_limit(vm->mem.nr_pages * PVM_PAGE_BYTES), &k);
	if (err)
		goto out_initrd;
	in.image = &k.image;
	err = pvm_build_plan(&in, &plan);
	if (err)
		goto out_kernel;
	pvm_build_write(&in, &plan, vm->mem.ram);
	err = pvm_initrd_read(&o, fd, pvm_mem_gfn(&vm->mem, plan.initrd_pfn), in.initrd_bytes);
	if (err)
		goto out_kernel;
	vm->boot = plan;
	preset_grants(vm);
	err = pvm_xs_server_populate(&vm->xs);
	if (err)
		goto out_kernel;
	pthread_mutex_lock(&vm->lock);
	vm->phase = PVM_PHASE_LOADED;
	pthread_mutex_unlock(&vm->lock);
	pvm_log(&vm->ctx->log, PVM_LOG_INFO, "guest %s: loaded %s %s", vm->name, k.info.format,
		k.info.banner);
out_kernel:
	pvm_kernel_close(&k);
out_initrd:
	if (fd >= 0)
		close(fd);
	return err;
}

void pvm_vm_destroy(struct pvm_vm *vm)
{
	if (!vm)
		return;
	if (pvm_vm_phase(vm) == PVM_PHASE_STARTED) {
		struct pvm_vm_exit ex = {
			.sz = sizeof(ex), .kind = PVM_EXIT_DEATH, .code = PVM_CAUSE_STOPPED,
			.text = "the guest was destroyed while it ran",
		};

		pvm_sys_stop(vm->fd);
		pvm_vm_ended_by(vm, &ex);
	}
	/* No callback may run any more, and an own loop's thread may be joining already. */
	pthread_mutex_lock(&vm->lock);
	vm->exit_fn = NULL;
	pthread_mutex_unlock(&vm->lock);
	pvm_vm_loop_stop(vm);
	__atomic_sub_fetch(&vm->ctx->nr_vms, 1, __ATOMIC_RELAXED);
	if (!pvm_vm_join(vm)) {
		pvm_log(&vm->ctx->log, PVM_LOG_ERR, "guest %s: the driver does not let go of a vCPU; leaving its memory behind",
			vm->name);
		return;
	}
	release(vm);
}

/* ---- small questions --------------------------------------------------------------------- */

int pvm_vm_stats(struct pvm_vm *vm, struct pvm_stat_row **rows, size_t *count)
{
	return pvm_stats_rows(vm->fd, 0, rows, count);
}

uint32_t pvm_vm_id(const struct pvm_vm *vm)
{
	return vm->id;
}

const char *pvm_vm_name(const struct pvm_vm *vm)
{
	return vm->name;
}

int pvm_vm_memfd(const struct pvm_vm *vm)
{
	return vm->mem.memfd;
}

struct pvm_console *pvm_vm_console(struct pvm_vm *vm)
{
	return &vm->con;
}
