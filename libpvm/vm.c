// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guest: create, load, start, end, destroy.
 *
 *	CREATED ──load──▶ LOADED ──start──▶ STARTED ──last vCPU thread finished──▶ ENDED
 *	   └───────────────┴─────── destroy: force, join, release ───────┴──────────┘
 *
 * How a guest ends: a vCPU thread finds out first, records the reason (the first one wins) and
 * signals end_fd. The loop's thread then joins the threads, delivers what is left in the rings, and
 * only then is the guest ENDED and waiters learn of it. So when pvm_vm_wait() returns, all output is
 * out and no thread of the guest is left.
 *
 * What is made at create and what at start: everything that can be refused for a reason of the
 * machine (name, memory, ports) at create; threads at start. Objects are embedded and their *_fini()
 * is idempotent, so every failure ends in the same release().
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gnt.h"
#include "ioctl.h"
#include "lib.h"

#define KERNEL_LIMIT_BYTES	(1ull << 30)
#define KERNEL_EXTRA_BYTES	(64ull << 20)	/* relocations and symbols a kernel file carries */
#define FLAGS	(PVM_VM_OWN_THREAD | PVM_VM_MEM_MEMFD | PVM_VM_MEM_HUGETLB | PVM_VM_MEM_MERGEABLE)
#define BOOT_FLAGS		0x200		/* IF; the event mask is what really holds */
#define FORCE_WAIT_MS		5000
#define ASK_AGAIN_MS		3000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static enum pvm_vm_phase phase_of(struct pvm_vm *vm)
{
	enum pvm_vm_phase phase;

	pthread_mutex_lock(&vm->lock);
	phase = vm->phase;
	pthread_mutex_unlock(&vm->lock);
	return phase;
}

/* ---- own thread for the loop ------------------------------------------------------------- */

static void *loop_main(void *arg)
{
	struct pvm_vm *vm = arg;

	while (!__atomic_load_n(&vm->loop_stop, __ATOMIC_ACQUIRE)) {
		int err = pvm_loop_dispatch(vm->loop, -1);

		if (err && err != -EINTR) {
			pvm_log(&vm->ctx->log, PVM_LOG_ERR, "guest %s: %s", vm->name,
				pvm_errmsg());
			break;
		}
	}
	return NULL;
}

static int loop_thread_start(struct pvm_vm *vm)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&vm->loop_thread, NULL, loop_main, vm);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return pvm_fail(err, "cannot start a thread for guest %s: %s", vm->name,
				pvm_strerror(err));
	pthread_setname_np(vm->loop_thread, "pvm-loop");
	vm->has_loop_thread = true;
	return 0;
}

static void loop_thread_stop(struct pvm_vm *vm)
{
	if (!vm->has_loop_thread)
		return;
	__atomic_store_n(&vm->loop_stop, true, __ATOMIC_RELEASE);
	pvm_loop_wake(vm->loop);
	pthread_join(vm->loop_thread, NULL);
	vm->has_loop_thread = false;
}

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
	loop_thread_stop(vm);
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

static void on_end(void *arg, uint32_t events);

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
	err = pvm_loop_add(vm->loop, vm->end_fd, PVM_LOOP_READ, on_end, vm, &vm->end_watch);
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

	if (phase_of(vm) > PVM_PHASE_LOADED)
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

/* ---- start and end ----------------------------------------------------------------------- */

static int set_regs(struct pvm_vm *vm)
{
	struct pvm_vcpu_regs r = {
		.rip = vm->boot.rip,
		.rflags = BOOT_FLAGS,
		.root_gfn = vm->boot.l4_pfn,
	};
	int err;

	r.gpr[4] = vm->boot.rsp;
	r.gpr[6] = vm->boot.rsi;
	err = pvm_sys_set_regs(vm->vcpus[0].fd, &r);
	if (err)
		return pvm_fail(err, "cannot set the registers of guest %s: %s", vm->name,
				pvm_strerror(err));
	return 0;
}

/* A start that failed leaves the guest as one that ended: it can only be destroyed. */
static int start_failed(struct pvm_vm *vm, int err)
{
	struct pvm_vm_exit ex = {
		.sz = sizeof(ex), .kind = PVM_EXIT_ERROR, .code = (uint32_t)-err,
	};

	snprintf(ex.text, sizeof(ex.text), "%s", pvm_errmsg());
	pvm_vm_ended_by(vm, &ex);
	pthread_mutex_lock(&vm->lock);
	if (!vm->nr_running)
		vm->phase = PVM_PHASE_ENDED;
	pthread_mutex_unlock(&vm->lock);
	return err;
}

int pvm_vm_start(struct pvm_vm *vm)
{
	enum pvm_vm_phase phase = phase_of(vm);
	int err;

	if (phase < PVM_PHASE_LOADED)
		return pvm_fail(-EINVAL, "cannot start guest %s: no kernel was loaded", vm->name);
	if (phase > PVM_PHASE_LOADED)
		return pvm_fail(-EBUSY, "cannot start guest %s: it was started already", vm->name);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		err = pvm_vcpu_init(&vm->vcpus[i], vm, i);
		if (err)
			return start_failed(vm, err);
	}
	err = set_regs(vm);
	if (!err)
		err = pvm_xs_server_start(&vm->xs);
	if (!err)
		err = pvm_console_start(&vm->con);
	if (!err && vm->flags & PVM_VM_OWN_THREAD)
		err = loop_thread_start(vm);
	if (err)
		return start_failed(vm, err);

	pthread_mutex_lock(&vm->lock);
	vm->phase = PVM_PHASE_STARTED;
	vm->nr_running = 1;		/* ours: nothing ends before all threads are made */
	pthread_mutex_unlock(&vm->lock);
	/* The guest brings its other CPUs up itself; the driver keeps them asleep until then. */
	for (uint32_t i = 0; i < vm->nr_vcpus && !err; i++) {
		pthread_mutex_lock(&vm->lock);
		vm->nr_running++;
		pthread_mutex_unlock(&vm->lock);
		err = pvm_vcpu_start(&vm->vcpus[i]);
		if (err)
			pvm_vm_vcpu_finished(vm);
	}
	if (err) {
		struct pvm_vm_exit ex = {
			.sz = sizeof(ex), .kind = PVM_EXIT_ERROR, .code = (uint32_t)-err,
		};

		snprintf(ex.text, sizeof(ex.text), "%s", pvm_errmsg());
		pvm_vm_ended_by(vm, &ex);
	}
	pvm_vm_vcpu_finished(vm);
	return err;
}

/* The first reason wins. Sends all vCPUs home. Any thread. */
void pvm_vm_ended_by(struct pvm_vm *vm, const struct pvm_vm_exit *ex)
{
	pthread_mutex_lock(&vm->lock);
	if (vm->exit.kind == PVM_EXIT_NONE)
		vm->exit = *ex;
	pthread_mutex_unlock(&vm->lock);
	__atomic_store_n(&vm->stopping, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i].run)
			pvm_vcpu_leave(&vm->vcpus[i]);
	pvm_console_close(&vm->con);
}

/* From a vCPU thread as its last act. */
void pvm_vm_vcpu_finished(struct pvm_vm *vm)
{
	static const uint64_t one = 1;
	int fd = vm->end_fd;
	bool last;
	ssize_t n;

	pthread_mutex_lock(&vm->lock);
	last = --vm->nr_running == 0;
	if (last) {
		/* Under the lock: once it is free the loop's thread may take everything down. */
		n = write(fd, &one, sizeof(one));
		(void)n;
	}
	pthread_mutex_unlock(&vm->lock);
}

/*
 * Wait for the vCPU threads. Return: false if one did not come back within the limit; the guest's
 * memory must then stay where it is.
 */
static bool join_vcpus(struct pvm_vm *vm)
{
	struct timespec until;
	bool all = true;

	clock_gettime(CLOCK_REALTIME, &until);		/* pthread_timedjoin_np() wants it */
	until.tv_sec += PVM_JOIN_LIMIT_MS / 1000;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pvm_vcpu *v = &vm->vcpus[i];

		if (!v->has_thread)
			continue;
		if (pthread_timedjoin_np(v->thread, NULL, &until))
			all = false;
		else
			v->has_thread = false;
	}
	return all;
}

static void on_end(void *arg, uint32_t events)
{
	struct pvm_vm *vm = arg;
	struct pvm_vm_exit ex;
	uint64_t count;

	(void)events;
	if (read(vm->end_fd, &count, sizeof(count)) != sizeof(count) ||
	    phase_of(vm) != PVM_PHASE_STARTED)
		return;
	join_vcpus(vm);
	pvm_xs_server_serve(&vm->xs);
	pvm_console_drain(&vm->con);
	pthread_mutex_lock(&vm->lock);
	vm->phase = PVM_PHASE_ENDED;
	ex = vm->exit;
	pthread_cond_broadcast(&vm->ended);
	pthread_mutex_unlock(&vm->lock);
	pvm_log(&vm->ctx->log, PVM_LOG_INFO, "guest %s ended: %s", vm->name, ex.text);
	if (vm->exit_fn)
		vm->exit_fn(vm->exit_arg, vm, &ex);
}

int pvm_vm_on_exit(struct pvm_vm *vm,
		   void (*fn)(void *arg, struct pvm_vm *vm, const struct pvm_vm_exit *ex),
		   void *arg)
{
	if (phase_of(vm) > PVM_PHASE_LOADED)
		return pvm_fail(-EBUSY, "cannot set the exit function of guest %s: it was started already",
				vm->name);
	vm->exit_fn = fn;
	vm->exit_arg = arg;
	return 0;
}

/* ---- wait and stop ----------------------------------------------------------------------- */

static int wait_own_thread(struct pvm_vm *vm, int timeout_ms)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000l;
	if (until.tv_nsec >= 1000000000l) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000l;
	}
	pthread_mutex_lock(&vm->lock);
	while (vm->phase != PVM_PHASE_ENDED && !err)
		err = timeout_ms < 0 ? pthread_cond_wait(&vm->ended, &vm->lock) :
				       pthread_cond_timedwait(&vm->ended, &vm->lock, &until);
	pthread_mutex_unlock(&vm->lock);
	return -err;
}

static int wait_on_loop(struct pvm_vm *vm, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms, left = timeout_ms;

	while (phase_of(vm) != PVM_PHASE_ENDED) {
		int err;

		err = pvm_loop_dispatch(vm->loop, timeout_ms < 0 ? -1 : (int)left);
		if (err)
			return err;
		if (timeout_ms < 0)
			continue;
		if (left <= 0 && phase_of(vm) != PVM_PHASE_ENDED)
			return -ETIMEDOUT;
		left = end - now_ms();
		if (left < 0)
			left = 0;
	}
	return 0;
}

int pvm_vm_wait(struct pvm_vm *vm, int timeout_ms, struct pvm_vm_exit *ex)
{
	struct pvm_vm_exit got;
	int err;

	if (phase_of(vm) < PVM_PHASE_STARTED)
		return pvm_fail(-EINVAL, "cannot wait for guest %s: it was never started",
				vm->name);
	err = vm->has_loop_thread ? wait_own_thread(vm, timeout_ms) :
				    wait_on_loop(vm, timeout_ms);
	if (err == -ETIMEDOUT)
		return pvm_fail(err, "guest %s has not ended within %d ms", vm->name, timeout_ms);
	if (err || !ex)
		return err;
	pthread_mutex_lock(&vm->lock);
	got = vm->exit;
	pthread_mutex_unlock(&vm->lock);
	return pvm_result_copy(ex, &got, sizeof(got), "pvm_vm_exit");
}

int pvm_vm_stop(struct pvm_vm *vm, unsigned int how)
{
	enum pvm_vm_phase phase = phase_of(vm);
	int err;

	if (phase == PVM_PHASE_ENDED)
		return 0;
	switch (how) {
	case PVM_STOP_POWEROFF:
	case PVM_STOP_REBOOT:
		if (phase < PVM_PHASE_STARTED)
			return pvm_fail(-EINVAL, "cannot ask guest %s to stop: it was not started",
					vm->name);
		return pvm_vm_xs_write(vm, "control/shutdown",
				       how == PVM_STOP_REBOOT ? "reboot" : "poweroff");
	case PVM_STOP_FORCE:
		err = pvm_sys_stop(vm->fd);
		pvm_console_close(&vm->con);
		if (err)
			return pvm_fail(err, "cannot stop guest %s: %s", vm->name,
					pvm_strerror(err));
		return 0;
	default:
		return pvm_fail(-EINVAL, "cannot stop guest %s: unknown way %u", vm->name, how);
	}
}

/* A guest acknowledges by emptying the node. If it did and still runs, it came too early: again. */
static int ask_to_power_off(struct pvm_vm *vm)
{
	char value[PVM_XS_VALUE_BYTES + 1];

	if (!pvm_vm_xs_read(vm, "control/shutdown", value, sizeof(value)) && value[0])
		return 0;
	return pvm_vm_stop(vm, PVM_STOP_POWEROFF);
}

int pvm_vm_shutdown(struct pvm_vm *vm, unsigned int grace_ms, struct pvm_vm_exit *ex)
{
	int64_t end = now_ms() + grace_ms, left;
	int err;

	while ((left = end - now_ms()) > 0) {
		err = ask_to_power_off(vm);
		if (err)
			return err;
		err = pvm_vm_wait(vm, left < ASK_AGAIN_MS ? (int)left : ASK_AGAIN_MS, ex);
		if (err != -ETIMEDOUT)
			return err;
	}
	err = pvm_vm_stop(vm, PVM_STOP_FORCE);
	if (err)
		return err;
	return pvm_vm_wait(vm, FORCE_WAIT_MS, ex);
}

void pvm_vm_destroy(struct pvm_vm *vm)
{
	if (!vm)
		return;
	if (phase_of(vm) == PVM_PHASE_STARTED) {
		struct pvm_vm_exit ex = {
			.sz = sizeof(ex), .kind = PVM_EXIT_DEATH, .code = PVM_CAUSE_STOPPED,
			.text = "the guest was destroyed while it ran",
		};

		pvm_sys_stop(vm->fd);
		pvm_vm_ended_by(vm, &ex);
	}
	/* No callback may run any more, and an own loop's thread may be joining already. */
	vm->exit_fn = NULL;
	loop_thread_stop(vm);
	__atomic_sub_fetch(&vm->ctx->nr_vms, 1, __ATOMIC_RELAXED);
	if (!join_vcpus(vm)) {
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
