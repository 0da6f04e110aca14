// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Life of a guest: start, end, wait, stop.
 *
 *	CREATED ──load──▶ LOADED ──start──▶ STARTED ──last vCPU thread finished──▶ ENDED
 *	   └───────────────┴─────── destroy: force, join, release ───────┴──────────┘
 *
 * How a guest ends: a vCPU thread finds out first, records the reason (the first one wins) and
 * signals end_fd. The loop's thread then joins the threads, delivers what is left in the rings, and
 * only then is the guest ENDED and do waiters learn of it. So when pvm_vm_wait() returns, all
 * output is out and no thread of the guest is left.
 *
 * Not here: making and unmaking the objects (vm.c), what a vCPU thread does (vcpu.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"

#define BOOT_FLAGS		0x200		/* IF; the event mask is what really holds */
#define FORCE_WAIT_MS		5000
#define ASK_AGAIN_MS		3000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

enum pvm_vm_phase pvm_vm_phase(struct pvm_vm *vm)
{
	enum pvm_vm_phase phase;

	pthread_mutex_lock(&vm->lock);
	phase = vm->phase;
	pthread_mutex_unlock(&vm->lock);
	return phase;
}

/* ---- threads ----------------------------------------------------------------------------- */

/*
 * Signals of the process are for the caller's threads. Those that a fault of the thread itself
 * raises are left: blocked, they kill without the caller's handler, which may have a terminal to
 * put in order.
 */
int pvm_thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS };
	sigset_t blocked, old;
	int err;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &old);
	err = -pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
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
	int err;

	err = pvm_thread_create(&vm->loop_thread, loop_main, vm);
	if (err)
		return pvm_fail(err, "cannot start a thread for guest %s: %s", vm->name,
				pvm_strerror(err));
	pthread_setname_np(vm->loop_thread, "pvm-loop");
	vm->has_loop_thread = true;
	return 0;
}

void pvm_vm_loop_stop(struct pvm_vm *vm)
{
	if (!vm->has_loop_thread)
		return;
	__atomic_store_n(&vm->loop_stop, true, __ATOMIC_RELEASE);
	pvm_loop_wake(vm->loop);
	pthread_join(vm->loop_thread, NULL);
	vm->has_loop_thread = false;
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
	enum pvm_vm_phase phase = pvm_vm_phase(vm);
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
bool pvm_vm_join(struct pvm_vm *vm)
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

/* end_fd is readable. On the loop's thread. */
void pvm_vm_on_end(void *arg, uint32_t events)
{
	struct pvm_vm *vm = arg;
	struct pvm_vm_exit ex;
	pvm_vm_exit_fn fn;
	uint64_t count;

	(void)events;
	if (read(vm->end_fd, &count, sizeof(count)) != sizeof(count) ||
	    pvm_vm_phase(vm) != PVM_PHASE_STARTED)
		return;
	pvm_vm_join(vm);
	pvm_xs_server_serve(&vm->xs);
	pvm_console_drain(&vm->con);
	pthread_mutex_lock(&vm->lock);
	ex = vm->exit;
	fn = vm->exit_fn;
	pthread_mutex_unlock(&vm->lock);
	pvm_log(&vm->ctx->log, PVM_LOG_INFO, "guest %s ended: %s", vm->name, ex.text);
	if (fn)
		fn(vm->exit_arg, vm, &ex);
	/* Last: a waiter on another thread may destroy the guest as soon as it knows. */
	pthread_mutex_lock(&vm->lock);
	vm->phase = PVM_PHASE_ENDED;
	pthread_cond_broadcast(&vm->ended);
	pthread_mutex_unlock(&vm->lock);
}

int pvm_vm_on_exit(struct pvm_vm *vm, pvm_vm_exit_fn fn, void *arg)
{
	if (pvm_vm_phase(vm) > PVM_PHASE_LOADED)
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

	while (pvm_vm_phase(vm) != PVM_PHASE_ENDED) {
		int err;

		err = pvm_loop_dispatch(vm->loop, timeout_ms < 0 ? -1 : (int)left);
		if (err)
			return err;
		if (timeout_ms < 0)
			continue;
		if (left <= 0 && pvm_vm_phase(vm) != PVM_PHASE_ENDED)
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

	if (pvm_vm_phase(vm) < PVM_PHASE_STARTED)
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
	enum pvm_vm_phase phase = pvm_vm_phase(vm);
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
