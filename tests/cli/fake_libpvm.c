// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libpvm whose guests are shell scripts, so that pvmctl can be tested where no driver can be.
 *
 * Loop and messages are the real ones (libpvm/loop.c, err.c); what needs the driver is made up here.
 * A guest is a child process with a pty as its console. The environment says what it does:
 *
 *	FAKE_DIR	directory that plays the driver's list of guests: a file NAME with "pid ready"
 *	FAKE_GUEST	script of the guest; finds the nonce of the marks in $NONCE. Its exit status
 *			is its end: 0 poweroff, 1 reboot, 3 crash, 4 triple fault. SIGTERM asks it.
 *	FAKE_BUSY	N: exits and run time of a guest grow by one every N ns
 *	FAKE_ERR	errno pvm_ctx_create() fails with
 *	FAKE_LONG	a counter has a long explanation
 *	FAKE_STATS_ERR	errno pvm_ctx_stats_by_id() fails with
 *	FAKE_LOAD_ERR	errno pvm_vm_load() fails with
 *	FAKE_TEARDOWN	seconds until the driver has let an ended guest go
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

struct fake_vm {
	struct pvm_ctx *ctx;
	char name[32], nonce[32], path[512];
	uint64_t memory;
	pid_t pid;
	int master, pidfd;
	struct pvm_watch *out, *end, *space;
	int space_fd;
	void (*space_fn)(void *arg);
	void *space_arg;
	pvm_console_out_fn fn;
	void *arg;
	char held[65536];
	size_t nr_held;
	bool ended, drained;
	struct pvm_vm_exit ex;
};

#define VM(v) ((struct fake_vm *)(v))

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static const char *dir(void)
{
	return getenv("FAKE_DIR") ? getenv("FAKE_DIR") : "/nonexistent";
}

int pvm_ctx_create(const struct pvm_ctx_opts *opts, struct pvm_ctx **ctx)
{
	(void)opts;
	if (getenv("FAKE_ERR"))
		return pvm_fail(-atoi(getenv("FAKE_ERR")), "cannot open /dev/pvm: fake");
	*ctx = calloc(1, sizeof(**ctx));
	return pvm_loop_create(&(*ctx)->loop);
}

void pvm_ctx_destroy(struct pvm_ctx *ctx)
{
	if (ctx)
		pvm_loop_destroy(ctx->loop);
	free(ctx);
}

struct pvm_loop *pvm_ctx_loop(struct pvm_ctx *ctx)
{
	return ctx->loop;
}

int pvm_ctx_info_get(struct pvm_ctx *ctx, struct pvm_ctx_info *info)
{
	(void)ctx;
	info->driver_version = 1ull << 16;
	info->max_vcpus = 1;
	info->partitions = 1;
	info->tsc_khz = 2400123;
	info->host_flags = PVM_HAS_SMAP | PVM_HAS_FSGSBASE;
	return 0;
}

int pvm_ctx_list(struct pvm_ctx *ctx, struct pvm_vm_info **rows, size_t *count)
{
	struct pvm_vm_info *r = calloc(64, sizeof(*r));
	DIR *d = opendir(dir());
	struct dirent *e;
	char path[800];
	size_t n = 0;
	FILE *f;

	(void)ctx;
	while (d && (e = readdir(d)) && n < 64) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir(), e->d_name);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%u", &r[n].pid) != 1 || kill(r[n].pid, 0)) {
			if (f)
				fclose(f);
			unlink(path);	/* the driver lets a killed owner's guest go */
			continue;
		}
		fclose(f);
		snprintf(r[n].name, sizeof(r[n].name), "%.31s", e->d_name);
		r[n].id = r[n].pid;
		r[n].state = PVM_STATE_RUNNING;
		r[n].uid = getuid();
		r[n].nr_vcpus = 1;
		r[n].created_ns = now_ns() - 3700000000000;
		r[n].runtime_ns = 5000000000;
		r[n].memory_bytes = 512 << 20;
		r[n].shadow_bytes = 1300 << 10;
		n++;
	}
	if (d)
		closedir(d);
	*rows = r;
	*count = n;
	return 0;
}

int pvm_ctx_stats_by_id(struct pvm_ctx *ctx, uint32_t id, struct pvm_stat_row **rows, size_t *count)
{
	const char *busy = getenv("FAKE_BUSY");
	uint64_t moved = busy ? now_ns() / atoi(busy) : 0;
	const struct pvm_stat_row some[] = {
		{ "exits", "", "returns from the guest", 1234 + moved, 0, { 0 } },
		{ "exit_pf", "", "exits for a page fault", 1000 + moved, 0, { 0 } },
		{ "exit_nmi", "", getenv("FAKE_LONG") ?
		  "exits for a host NMI, told in so many words that no terminal of some eighty columns "
		  "has room for them" : "exits for a host NMI", 0, 0, { 0 } },
		{ "shadow_pages", "pages", "shadow pages held now", 7, PVM_STAT_IS_GAUGE, { 0 } },
		{ "runtime_ns", "ns", "time in the guest", 5000000000 + moved, 0, { 0 } },
		{ "hypercall_mmu_update", "", "calls of hypercall 1", 99,
		  PVM_STAT_IS_HYPERCALL, { 0 } },
	};

	(void)ctx;
	(void)id;
	if (getenv("FAKE_STATS_ERR"))
		return pvm_fail(-atoi(getenv("FAKE_STATS_ERR")), "cannot read the counters: fake");
	*rows = malloc(sizeof(some));
	memcpy(*rows, some, sizeof(some));
	*count = sizeof(some) / sizeof(some[0]);
	return 0;
}

int pvm_kernel_probe(const struct pvm_load_opts *opts, struct pvm_kernel_info *info)
{
	(void)opts;
	(void)info;
	return 0;
}

int pvm_vm_create(struct pvm_ctx *ctx, const struct pvm_vm_opts *opts, struct pvm_vm **vm)
{
	struct fake_vm *v = calloc(1, sizeof(*v));
	char text[32];
	int fd;

	v->ctx = ctx;
	v->master = -1;
	v->pidfd = -1;
	snprintf(v->name, sizeof(v->name), "%s", opts->name);
	snprintf(v->path, sizeof(v->path), "%s/%s", dir(), opts->name);
	fd = open(v->path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	if (fd < 0) {
		free(v);
		return pvm_fail(-EEXIST, "cannot create guest %s: the name is taken", opts->name);
	}
	snprintf(text, sizeof(text), "%d ", getpid());
	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
	*vm = (struct pvm_vm *)v;
	return 0;
}

int pvm_vm_load(struct pvm_vm *vm, const struct pvm_load_opts *opts)
{
	const char *hit = opts->initrd_data ?
		memmem(opts->initrd_data, opts->initrd_bytes, "]pvm;", 5) : NULL;
	const char *dump = getenv("FAKE_DUMP");

	if (getenv("FAKE_LOAD_ERR"))
		return pvm_fail(-atoi(getenv("FAKE_LOAD_ERR")), "cannot load the kernel: fake");
	if (hit)
		memcpy(VM(vm)->nonce, hit + 5, 16);
	if (dump) {
		FILE *f = fopen(dump, "w");

		fwrite(opts->initrd_data, 1, opts->initrd_bytes, f);
		fclose(f);
	}
	return 0;
}

static void on_out(void *arg, uint32_t events)
{
	struct fake_vm *v = arg;
	ssize_t n = 1;
	size_t took;

	(void)events;
	while (n > 0) {
		if (!v->nr_held) {
			n = read(v->master, v->held, sizeof(v->held));
			if (n <= 0)
				break;
			v->nr_held = n;
		}
		took = v->fn ? v->fn(v->arg, v->held, v->nr_held) : v->nr_held;
		memmove(v->held, v->held + took, v->nr_held - took);
		v->nr_held -= took;
		if (v->nr_held) {
			pvm_loop_remove(v->ctx->loop, v->out);
			v->out = NULL;
			return;
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		v->drained = true;
		pvm_loop_remove(v->ctx->loop, v->out);
		v->out = NULL;
	}
}

void pvm_console_resume(struct pvm_console *con)
{
	struct fake_vm *v = VM(con);

	if (v->drained || v->out || v->master < 0)
		return;
	pvm_loop_add(v->ctx->loop, v->master, PVM_LOOP_READ, on_out, v, &v->out);
	if (v->nr_held)
		on_out(v, 0);
}

static void on_end(void *arg, uint32_t events)
{
	struct fake_vm *v = arg;
	int status = 0;

	(void)events;
	waitpid(v->pid, &status, 0);
	pvm_loop_remove(v->ctx->loop, v->end);
	v->end = NULL;
	v->ended = true;
	v->ex.kind = PVM_EXIT_SHUTDOWN;
	snprintf(v->ex.text, sizeof(v->ex.text), "the guest ended");
	if (WIFSIGNALED(status)) {
		v->ex.kind = PVM_EXIT_DEATH;
		v->ex.code = PVM_CAUSE_STOPPED;
	} else if (WEXITSTATUS(status) == 4) {
		v->ex.kind = PVM_EXIT_DEATH;
		v->ex.code = PVM_CAUSE_TRIPLE;
		v->ex.rip = 0xffffffff81000000;
		v->ex.vector = 14;
		v->ex.hypercalls[0] = 1;
		memset(v->ex.hypercalls + 1, 0xff, sizeof(v->ex.hypercalls) - 4);
	} else {
		v->ex.code = WEXITSTATUS(status);
	}
}

int pvm_vm_start(struct pvm_vm *vm)
{
	struct fake_vm *v = VM(vm);
	const char *script = getenv("FAKE_GUEST");
	sigset_t none;

	v->pid = forkpty(&v->master, NULL, NULL, NULL);
	if (v->pid == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		setenv("NONCE", v->nonce, 1);
		setenv("MARK", "printf \033]pvm;%s;%s\007", 1);
		execl("/bin/sh", "sh", "-c", script ? script : "exec cat", NULL);
		_exit(127);
	}
	fcntl(v->master, F_SETFL, O_NONBLOCK);
	fcntl(v->master, F_SETFD, FD_CLOEXEC);
	v->pidfd = syscall(SYS_pidfd_open, v->pid, 0);
	pvm_loop_add(v->ctx->loop, v->master, PVM_LOOP_READ, on_out, v, &v->out);
	return pvm_loop_add(v->ctx->loop, v->pidfd, PVM_LOOP_READ, on_end, v, &v->end);
}

int pvm_vm_wait(struct pvm_vm *vm, int timeout_ms, struct pvm_vm_exit *ex)
{
	struct fake_vm *v = VM(vm);
	struct timespec a, b;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &a);
	while (!v->ended || !v->drained) {
		err = pvm_loop_dispatch(v->ctx->loop, timeout_ms < 0 ? -1 : timeout_ms);
		if (err)
			return err;
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (timeout_ms >= 0 && (b.tv_sec - a.tv_sec) * 1000 +
		    (b.tv_nsec - a.tv_nsec) / 1000000 >= timeout_ms && (!v->ended || !v->drained))
			return -ETIMEDOUT;
	}
	*ex = v->ex;
	return 0;
}

int pvm_vm_stop(struct pvm_vm *vm, unsigned int how)
{
	if (!VM(vm)->ended && VM(vm)->pid > 0)
		kill(how == PVM_STOP_FORCE ? -VM(vm)->pid : VM(vm)->pid,
		     how == PVM_STOP_FORCE ? SIGKILL : SIGTERM);
	return 0;
}

void pvm_vm_destroy(struct pvm_vm *vm)
{
	struct fake_vm *v = VM(vm);

	if (!v)
		return;
	pvm_vm_stop(vm, PVM_STOP_FORCE);
	pvm_loop_remove(v->ctx->loop, v->out);
	pvm_loop_remove(v->ctx->loop, v->end);
	if (v->space) {
		pvm_loop_remove(v->ctx->loop, v->space);
		close(v->space_fd);
	}
	if (v->master >= 0)
		close(v->master);
	if (v->pidfd >= 0)
		close(v->pidfd);
	if (getenv("FAKE_TEARDOWN"))
		sleep(atoi(getenv("FAKE_TEARDOWN")));
	unlink(v->path);
	free(v);
}

uint32_t pvm_vm_id(const struct pvm_vm *vm)
{
	(void)vm;
	return getpid();
}

struct pvm_console *pvm_vm_console(struct pvm_vm *vm)
{
	return (struct pvm_console *)vm;
}

int pvm_console_set_output(struct pvm_console *con, pvm_console_out_fn fn, void *arg)
{
	VM(con)->fn = fn;
	VM(con)->arg = arg;
	return 0;
}

int pvm_console_on_space(struct pvm_console *con, void (*fn)(void *arg), void *arg)
{
	VM(con)->space_fn = fn;
	VM(con)->space_arg = arg;
	return 0;
}

static void on_space(void *arg, uint32_t events)
{
	struct fake_vm *v = arg;

	(void)events;
	pvm_loop_remove(v->ctx->loop, v->space);
	close(v->space_fd);
	v->space = NULL;
	v->space_fn(v->space_arg);
}

int pvm_console_write(struct pvm_console *con, const void *buf, size_t bytes, size_t *written)
{
	struct fake_vm *v = VM(con);
	ssize_t n = write(v->master, buf, bytes > 700 ? 700 : bytes);

	*written = n < 0 ? 0 : (size_t)n;
	if (*written < bytes && v->space_fn && !v->space) {
		v->space_fd = dup(v->master);
		pvm_loop_add(v->ctx->loop, v->space_fd, PVM_LOOP_WRITE, on_space, v, &v->space);
	}
	return n < 0 ? -EAGAIN : 0;
}

const char *pvm_state_name(uint32_t state)
{
	return state == PVM_STATE_RUNNING ? "running" : "unknown";
}

const char *pvm_shutdown_name(uint32_t reason)
{
	return reason == PVM_SHUTDOWN_CRASH ? "crash" : "unknown";
}

const char *pvm_cause_name(uint32_t cause)
{
	return cause == PVM_CAUSE_TRIPLE ? "triple" : "stopped";
}

const char *pvm_hypercall_name(uint32_t nr)
{
	return nr == 1 ? "mmu_update" : "unknown";
}
