// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Console: the guest's ring on one side, a function or file descriptors on the other.
 *
 *	guest ring out[] ─┐                          ┌─▶ function, or out_fd, or nowhere
 *	                  ├─▶ out fifo (64 KiB) ─────┘
 *	early output  ────┘   (HYPERVISOR_console_io, from the vCPU's thread)
 *
 *	in_fd, pvm_console_write() ──▶ in fifo (4 KiB) ──▶ guest ring in[]
 *
 * Nothing is dropped while the guest runs: a sink that does not take its output fills the fifo,
 * then the ring, and then the guest waits. What must not happen is a guest that waits for ever
 * because nobody dispatches the loop: early output waits at most EARLY_WAIT_MS for room and is lost
 * then.
 *
 * Descriptors are used without changing their flags, which other processes may share, and writing
 * must not wait, or destroying the guest would wait with it: sockets are told so in each call, pipes
 * and terminals are opened anew with flags of our own. What cannot be is written only when poll(2)
 * says so, and as little as it then takes for sure.
 *
 * The guest's indices are hostile; see ring.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/console.h>

#include "lib.h"

#define OUT_FIFO	(64u << 10)
#define IN_FIFO		(4u << 10)
#define EARLY_WAIT_MS	2000
#define DRAIN_WAIT_MS	1000
#define PTY_BYTES	256		/* a pty that is writable at all has room for these */
#define ROUNDS		64		/* of one service call, so that other watches get a turn */

/* ---- ring <-> fifo, under the lock ------------------------------------------------------- */

static void give_up(struct pvm_console *con)
{
	con->broken = true;
	pvm_log(&con->vm->ctx->log, PVM_LOG_WARN, "guest %s broke its console ring: not served any more",
		con->vm->name);
}

static uint32_t pull(struct pvm_console *con)
{
	struct xencons_interface *ring = con->ring;
	uint32_t cons, prod, n;
	uint8_t buf[sizeof(ring->out)];

	if (!ring || con->broken)
		return 0;
	cons = pvm_ring_load(&ring->out_cons);
	prod = pvm_ring_load(&ring->out_prod);
	if (!pvm_ring_is_sane(cons, prod, sizeof(ring->out))) {
		give_up(con);
		return 0;
	}
	n = pvm_ring_used(cons, prod);
	if (n > pvm_fifo_room(&con->out))
		n = pvm_fifo_room(&con->out);
	if (!n)
		return 0;
	pvm_ring_copy_out(buf, ring->out, sizeof(ring->out), cons, n);
	pvm_fifo_put(&con->out, buf, n);
	pvm_ring_store(&ring->out_cons, cons + n);
	pvm_ring_mb();
	return n;
}

static uint32_t push(struct pvm_console *con)
{
	struct xencons_interface *ring = con->ring;
	uint32_t cons, prod, n;
	uint8_t buf[sizeof(ring->in)];

	if (!ring || con->broken || !pvm_fifo_used(&con->in))
		return 0;
	cons = pvm_ring_load(&ring->in_cons);
	prod = pvm_ring_load(&ring->in_prod);
	if (!pvm_ring_is_sane(cons, prod, sizeof(ring->in))) {
		give_up(con);
		return 0;
	}
	n = pvm_fifo_peek(&con->in, buf, pvm_ring_room(cons, prod, sizeof(ring->in)));
	if (!n)
		return 0;
	pvm_ring_copy_in(ring->in, sizeof(ring->in), prod, buf, n);
	pvm_ring_store(&ring->in_prod, prod + n);
	pvm_fifo_drop(&con->in, n);
	pvm_ring_mb();
	return n;
}

/* ---- sinks, on the loop's thread --------------------------------------------------------- */

static void drop_out_fd(struct pvm_console *con)
{
	pvm_loop_remove(con->vm->loop, con->out_watch);
	con->out_watch = NULL;
	if (con->out_fd >= 0)
		close(con->out_fd);
	con->out_fd = -1;
}

static void drop_in_fd(struct pvm_console *con)
{
	pvm_loop_remove(con->vm->loop, con->in_watch);
	con->in_watch = NULL;
	if (con->in_fd >= 0)
		close(con->in_fd);
	con->in_fd = -1;
	con->in_plain = false;
}

/*
 * write(2) to a broken pipe is a SIGPIPE, and a signal's disposition is the process's own: hold it
 * back in this thread, and take it away again if it was ours.
 */
static ssize_t write_quietly(int fd, const void *buf, size_t bytes)
{
	const struct timespec now = { 0 };
	sigset_t pipe, pending, old;
	bool was_pending;
	ssize_t n;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	n = write(fd, buf, bytes);
	err = errno;
	if (n < 0 && err == EPIPE && !was_pending)
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return n;
}

/* Return: bytes taken; 0 = not now. */
static size_t write_fd(struct pvm_console *con, const uint8_t *buf, size_t bytes)
{
	struct pollfd p = { .fd = con->out_fd, .events = POLLOUT };
	size_t most = con->out_small ? PTY_BYTES : PIPE_BUF;
	ssize_t n;

	if (poll(&p, 1, 0) == 0)
		return 0;
	n = send(con->out_fd, buf, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK)
		n = write_quietly(con->out_fd, buf, bytes < most ? bytes : most);
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	pvm_log(&con->vm->ctx->log, PVM_LOG_ERR, "cannot write the console output of guest %s: %s; throwing it away from now on",
		con->vm->name, pvm_strerror(errno));
	drop_out_fd(con);
	return bytes;
}

static size_t sink(struct pvm_console *con, const uint8_t *buf, size_t bytes)
{
	size_t n = bytes;

	if (con->fn) {
		if (__atomic_load_n(&con->stalled, __ATOMIC_ACQUIRE))
			return 0;
		/* Before the call: a pvm_console_resume() during it must not be overwritten. */
		__atomic_store_n(&con->stalled, true, __ATOMIC_RELEASE);
		n = con->fn(con->fn_arg, buf, bytes);
		if (n >= bytes)
			__atomic_store_n(&con->stalled, false, __ATOMIC_RELEASE);
	} else if (con->out_fd >= 0) {
		n = write_fd(con, buf, bytes);
	}
	return n < bytes ? n : bytes;
}

static void on_signal(void *arg, uint32_t events);

/* EPOLLOUT only while it is wanted, or the loop would spin. */
static void want_out(struct pvm_console *con, bool want)
{
	if (con->out_watch)
		pvm_loop_modify(con->vm->loop, con->out_watch, want ? PVM_LOOP_WRITE : 0);
}

static uint32_t deliver(struct pvm_console *con)
{
	uint8_t buf[4096];
	uint32_t n, taken;

	pthread_mutex_lock(&con->lock);
	n = pvm_fifo_peek(&con->out, buf, sizeof(buf));
	pthread_mutex_unlock(&con->lock);
	if (!n)
		return 0;
	taken = (uint32_t)sink(con, buf, n);	/* may call back into pvm_console_*() */
	pthread_mutex_lock(&con->lock);
	pvm_fifo_drop(&con->out, taken);
	pthread_cond_broadcast(&con->room);
	pthread_mutex_unlock(&con->lock);
	want_out(con, taken < n);
	return taken;
}

/* ---- sources, on the loop's thread ------------------------------------------------------- */

static uint32_t in_room(struct pvm_console *con)
{
	uint32_t room;

	pthread_mutex_lock(&con->lock);
	room = pvm_fifo_room(&con->in);
	pthread_mutex_unlock(&con->lock);
	return room;
}

static uint32_t read_fd(struct pvm_console *con)
{
	uint8_t buf[1024];
	uint32_t room = in_room(con);
	size_t written;
	ssize_t n;

	if (con->in_fd < 0 || !room)
		return 0;
	n = read(con->in_fd, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		drop_in_fd(con);		/* its end; a pty says so with EIO */
		return 0;
	}
	pvm_console_write(con, buf, (size_t)n, &written);
	return (uint32_t)n;
}

static void on_input(void *arg, uint32_t events)
{
	struct pvm_console *con = arg;

	read_fd(con);
	if (!con->in_watch || in_room(con))
		return;
	if (events & PVM_LOOP_HANGUP) {
		/* Reported for ever, wanted or not: leave the loop, service() reads the rest. */
		pvm_loop_remove(con->vm->loop, con->in_watch);
		con->in_watch = NULL;
		con->in_plain = true;
		return;
	}
	pvm_loop_modify(con->vm->loop, con->in_watch, 0);
}

static void on_output(void *arg, uint32_t events)
{
	struct pvm_console *con = arg;

	/* A broken pipe hangs up whether asked or not: the write finds out and drops it. */
	if (events & PVM_LOOP_HANGUP && !deliver(con))
		drop_out_fd(con);
	on_signal(con, 0);
}

static void service(struct pvm_console *con)
{
	unsigned int rounds = 0;
	uint32_t moved;
	bool space;

	do {
		pthread_mutex_lock(&con->lock);
		moved = pull(con) + push(con);
		space = con->want_space && pvm_fifo_room(&con->in);
		if (space)
			con->want_space = false;
		pthread_mutex_unlock(&con->lock);
		if (moved)
			pvm_evtchn_raise(&con->evtchn);
		moved += deliver(con);
		if (con->in_plain)
			moved += read_fd(con);
		if (space && con->space_fn)
			con->space_fn(con->space_arg);
	} while (moved && ++rounds < ROUNDS);
	if (con->in_watch && in_room(con))
		pvm_loop_modify(con->vm->loop, con->in_watch, PVM_LOOP_READ);
	if (moved)
		pvm_evtchn_poke(&con->evtchn);
}

static void on_signal(void *arg, uint32_t events)
{
	struct pvm_console *con = arg;

	(void)events;
	pvm_evtchn_ack(&con->evtchn);
	service(con);
}

/* ---- for vm.c and vcpu.c ----------------------------------------------------------------- */

int pvm_console_init(struct pvm_console *con, struct pvm_vm *vm)
{
	pthread_condattr_t attr;
	int err;

	memset(con, 0, sizeof(*con));
	con->vm = vm;
	con->in_fd = -1;
	con->out_fd = -1;
	pthread_mutex_init(&con->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&con->room, &attr);
	pthread_condattr_destroy(&attr);
	con->out = (struct pvm_fifo){ .data = malloc(OUT_FIFO), .size = OUT_FIFO };
	con->in = (struct pvm_fifo){ .data = malloc(IN_FIFO), .size = IN_FIFO };
	if (!con->out.data || !con->in.data) {
		err = pvm_fail(-ENOMEM, "cannot make a console: out of memory");
		goto err_fini;
	}
	err = pvm_evtchn_init(&con->evtchn, vm);
	if (err)
		goto err_fini;
	return 0;

err_fini:
	pvm_console_fini(con);
	return err;
}

void pvm_console_fini(struct pvm_console *con)
{
	if (!con->vm)
		return;
	drop_in_fd(con);
	drop_out_fd(con);
	pvm_evtchn_fini(&con->evtchn);
	free(con->out.data);
	free(con->in.data);
	pthread_cond_destroy(&con->room);
	pthread_mutex_destroy(&con->lock);
	memset(con, 0, sizeof(*con));
}

int pvm_console_start(struct pvm_console *con)
{
	int err;

	pthread_mutex_lock(&con->lock);
	con->ring = pvm_mem_gfn(&con->vm->mem, con->vm->boot.console_pfn);
	pthread_mutex_unlock(&con->lock);
	err = pvm_evtchn_bind(&con->evtchn, on_signal, con);
	if (!err)
		pvm_evtchn_poke(&con->evtchn);		/* input may be waiting already */
	return err;
}

/* From a vCPU's thread. */
void pvm_console_early(struct pvm_console *con, const uint8_t *buf, size_t bytes)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += EARLY_WAIT_MS / 1000;
	pthread_mutex_lock(&con->lock);
	while (bytes) {
		uint32_t n = pvm_fifo_put(&con->out, buf, bytes);

		buf += n;
		bytes -= n;
		pvm_evtchn_poke(&con->evtchn);
		if (bytes && (con->closed ||
			      pthread_cond_timedwait(&con->room, &con->lock, &until)))
			break;
	}
	pthread_mutex_unlock(&con->lock);
}

/* The guest is to go: nobody waits for room any more. Any thread. */
void pvm_console_close(struct pvm_console *con)
{
	pthread_mutex_lock(&con->lock);
	con->closed = true;
	pthread_cond_broadcast(&con->room);
	pthread_mutex_unlock(&con->lock);
}

/* The guest has ended: deliver what is left, waiting a little for a slow descriptor. */
void pvm_console_drain(struct pvm_console *con)
{
	for (;;) {
		uint32_t left;

		service(con);
		pthread_mutex_lock(&con->lock);
		left = pvm_fifo_used(&con->out);
		pthread_mutex_unlock(&con->lock);
		if (!left || con->stalled)
			return;
		if (con->out_fd >= 0) {
			struct pollfd p = { .fd = con->out_fd, .events = POLLOUT };

			if (poll(&p, 1, DRAIN_WAIT_MS) == 0)
				return;
		}
	}
}

/* ---- public ------------------------------------------------------------------------------ */

int pvm_console_set_output(struct pvm_console *con, pvm_console_out_fn fn, void *arg)
{
	drop_out_fd(con);
	con->fn = fn;
	con->fn_arg = arg;
	con->stalled = false;
	pvm_evtchn_poke(&con->evtchn);
	return 0;
}

void pvm_console_resume(struct pvm_console *con)
{
	__atomic_store_n(&con->stalled, false, __ATOMIC_RELEASE);
	pvm_evtchn_poke(&con->evtchn);
}

int pvm_console_write(struct pvm_console *con, const void *buf, size_t bytes, size_t *written)
{
	uint32_t n, moved;

	pthread_mutex_lock(&con->lock);
	n = pvm_fifo_put(&con->in, buf, bytes);
	moved = push(con);
	if (n < bytes && moved)			/* room again */
		n += pvm_fifo_put(&con->in, (const uint8_t *)buf + n, bytes - n);
	if (n < bytes)
		con->want_space = true;
	pthread_mutex_unlock(&con->lock);
	if (moved)
		pvm_evtchn_raise(&con->evtchn);
	if (bytes && !n)
		return pvm_fail(-EAGAIN, "the guest does not read its console: input is full");
	*written = n;
	return 0;
}

int pvm_console_on_space(struct pvm_console *con, void (*fn)(void *arg), void *arg)
{
	con->space_fn = fn;
	con->space_arg = arg;
	return 0;
}

void pvm_console_detach(struct pvm_console *con)
{
	drop_in_fd(con);
	drop_out_fd(con);
}

/*
 * A descriptor for @fd that is written without waiting. @small: it is a terminal that waits for the
 * room that a large write wants. The name of a pty's master makes another pty, so it is not opened.
 * Return: descriptor, or -1 with errno.
 */
static int open_output(int fd, bool *small)
{
	bool tty = isatty(fd), master;
	unsigned int nr;
	struct stat st;
	char path[32];
	int fresh;

	*small = false;
	master = tty && !ioctl(fd, TIOCGPTN, &nr);
	if (!master && !fstat(fd, &st) && (tty || S_ISFIFO(st.st_mode))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		fresh = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fresh >= 0)
			return fresh;
	}
	*small = tty;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int pvm_console_attach(struct pvm_console *con, int in_fd, int out_fd)
{
	int err;

	pvm_console_detach(con);
	if (in_fd >= 0) {
		con->in_fd = fcntl(in_fd, F_DUPFD_CLOEXEC, 0);
		if (con->in_fd < 0)
			goto err_errno;
		err = pvm_loop_add(con->vm->loop, con->in_fd, PVM_LOOP_READ, on_input, con,
				   &con->in_watch);
		if (err == -EPERM)
			con->in_plain = true;		/* a file: always ready */
		else if (err)
			goto err_detach;
	}
	if (out_fd >= 0) {
		con->out_fd = open_output(out_fd, &con->out_small);
		if (con->out_fd < 0)
			goto err_errno;
		err = pvm_loop_add(con->vm->loop, con->out_fd, 0, on_output, con,
				   &con->out_watch);
		if (err && err != -EPERM)
			goto err_detach;
		con->fn = NULL;
	}
	pvm_evtchn_poke(&con->evtchn);
	return 0;

err_errno:
	err = -errno;
	pvm_fail(err, "cannot connect the console to descriptor %d: %s",
		 con->in_fd < 0 && in_fd >= 0 ? in_fd : out_fd, pvm_strerror(err));
err_detach:
	pvm_console_detach(con);
	return err;
}
