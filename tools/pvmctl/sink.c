// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's console: bytes from the guest to the user and back.
 *
 * Out: libpvm hands over what the guest wrote; marks of our init are taken out; the rest goes to the
 * control socket's ring, and to standard output or a pty. What does not fit waits in a queue of
 * 4 KiB, and while something waits, nothing more is taken: a slow reader slows the guest down and
 * no byte is lost. Exceptions: a pty nobody may ever read, and sink_discard().
 *
 * In: standard input is read only while the guest has room; a terminal always, for Ctrl-]. What the
 * guest has no room for is kept, or a paste would lose bytes, but not without end. A terminal is
 * passed on as it is; other input for a command is quoted, and waits until init has set the guest's
 * terminal up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pvmctl.h"
#include "session.h"
#include "term.h"

#define READ_BYTES	1024	/* quoted and pushed, it fits in pending */
#define CHUNK		(SESSION_QUEUE / 2)

/* ---- output ---- */

static void on_writable(void *arg, uint32_t events);

static void output_failed(struct session *s, int err)
{
	s->queue_len = 0;
	s->queue_done = 0;
	s->discard = true;
	if (err == -EPIPE) {
		/* Like any program whose reader goes away; a guest takes a little longer. */
		session_stop(s, SIGPIPE);
		return;
	}
	s->write_failed = true;
	msg_cannot(EXIT_FAILED, err, NULL, "the guest goes on, its output is thrown away",
		   "write the console of guest %s", s->name);
}

/* Write as much of the queue as goes without waiting. */
static void write_queue(struct session *s)
{
	ssize_t n;

	while (s->queue_done < s->queue_len) {
		n = out_write(s->out_fd, s->queue + s->queue_done, s->queue_len - s->queue_done);
		if (n < 0) {
			output_failed(s, n);
			return;
		}
		if (n == 0) {
			if (s->out_lossy)
				break;
			if (!s->out_watch &&
			    pvm_loop_add(s->loop, s->out_fd, PVM_LOOP_WRITE, on_writable, s,
					 &s->out_watch))
				break;
			return;
		}
		s->queue_done += n;
	}
	s->queue_len = 0;
	s->queue_done = 0;
}

static void on_writable(void *arg, uint32_t events)
{
	struct session *s = arg;

	(void)events;
	write_queue(s);
	if (s->queue_len)
		return;
	pvm_loop_remove(s->loop, s->out_watch);
	s->out_watch = NULL;
	pvm_console_resume(s->con);
}

static void keep_boot_log(struct session *s, const char *data, size_t len)
{
	size_t over;

	if (len > BOOT_LOG_BYTES) {
		data += len - BOOT_LOG_BYTES;
		len = BOOT_LOG_BYTES;
	}
	over = s->boot_len + len > BOOT_LOG_BYTES ? s->boot_len + len - BOOT_LOG_BYTES : 0;
	memmove(s->boot, s->boot + over, s->boot_len - over);
	s->boot_len -= over;
	memcpy(s->boot + s->boot_len, data, len);
	s->boot_len += len;
}

/* Bytes without marks: to whom they are for in this phase. The queue is empty. */
static void deliver(struct session *s, const char *data, size_t len)
{
	if (!len)
		return;
	if (s->ctl)
		ctl_output(s->ctl, data, len);
	if (s->command && s->phase == PHASE_BOOT)
		keep_boot_log(s, data, len);
	if (s->out_fd < 0 || s->discard || (s->command && s->phase != PHASE_USER))
		return;
	memcpy(s->queue + s->queue_len, data, len);
	s->queue_len += len;
}

static void start_input(struct session *s);

static void on_mark(struct session *s, enum wire_event mark, int status)
{
	if (mark == WIRE_BEGIN && s->phase == PHASE_BOOT) {
		s->phase = PHASE_USER;
		start_input(s);
	} else if (mark == WIRE_EXIT && s->command && s->phase == PHASE_USER) {
		s->phase = PHASE_DONE;
		s->has_status = true;
		s->status = status;
	}
}

static size_t on_output(void *arg, const void *buf, size_t bytes)
{
	char clean[CHUNK + WIRE_HOLD];
	struct session *s = arg;
	const char *in = buf;
	size_t done = 0;

	while (done < bytes && (!s->queue_len || s->discard)) {
		size_t part = bytes - done < CHUNK ? bytes - done : CHUNK;
		enum wire_event mark = WIRE_NOTHING;
		size_t len;
		int status = 0;

		if (s->marked) {
			done += wire_filter(&s->filter, in + done, part, clean, &len, &mark,
					    &status);
			deliver(s, clean, len);
		} else {
			deliver(s, in + done, part);
			done += part;
		}
		if (mark != WIRE_NOTHING)
			on_mark(s, mark, status);
		if (s->queue_len)
			write_queue(s);
	}
	return done;
}

void sink_flush(struct session *s)
{
	struct pollfd p[2] = {
		{ .fd = s->out_fd, .events = POLLOUT }, { .fd = s->sigfd, .events = POLLIN },
	};

	while (s->out_fd >= 0 && s->queue_done < s->queue_len && !s->discard) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		write_queue(s);
	}
}

void sink_discard(struct session *s)
{
	s->discard = true;
	s->queue_len = 0;
	s->queue_done = 0;
	pvm_loop_remove(s->loop, s->out_watch);
	s->out_watch = NULL;
	pvm_console_resume(s->con);
}

/* ---- input ---- */

static void on_readable(void *arg, uint32_t events);

/* Give the guest what is pending. true: all of it. */
static bool write_pending(struct session *s)
{
	size_t n;

	while (s->pending_done < s->pending_len) {
		n = 0;
		if (pvm_console_write(s->con, s->pending + s->pending_done,
				      s->pending_len - s->pending_done, &n) || !n)
			return false;
		s->pending_done += n;
	}
	s->pending_len = 0;
	s->pending_done = 0;
	return true;
}

static void close_input(struct session *s)
{
	pvm_loop_remove(s->loop, s->in_watch);
	s->in_watch = NULL;
	s->in_fd = -1;
}

/* Typed bytes: take Ctrl-] out. Bytes behind it are dropped, the user is leaving. */
static size_t find_escape(struct session *s, char *buf, size_t len)
{
	char *hit = s->raw ? memchr(buf, TERM_ESCAPE, len) : NULL;

	if (!hit)
		return len;
	session_stop(s, 0);
	return hit - buf;
}

/* Behind what is pending. What a terminal says beyond that is lost; nobody else is read so early. */
static void keep_input(struct session *s, const char *buf, size_t len)
{
	size_t room;

	memmove(s->pending, s->pending + s->pending_done, s->pending_len - s->pending_done);
	s->pending_len -= s->pending_done;
	s->pending_done = 0;
	room = sizeof(s->pending) - s->pending_len;
	if (len > room)
		len = room;
	memcpy(s->pending + s->pending_len, buf, len);
	s->pending_len += len;
}

/* One read. false: nothing more to read now. */
static bool read_input(struct session *s)
{
	char buf[READ_BYTES];
	ssize_t n = read(s->in_fd, buf, sizeof(buf));
	size_t used;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		/* An error is an end as well: a terminal that went away, a descriptor not open. */
		if (s->quoted)
			s->pending_len = wire_quote_end(&s->quote, s->pending);
		close_input(s);
		return false;
	}
	n = find_escape(s, buf, n);
	if (s->quoted) {
		s->pending_len = wire_quote(&s->quote, buf, n, s->pending,
					    sizeof(s->pending) - 1, &used);
		s->pending_len += wire_quote_push(&s->quote, s->pending + s->pending_len);
	} else {
		keep_input(s, buf, n);
	}
	return true;
}

static void stop_watching(struct session *s)
{
	pvm_loop_remove(s->loop, s->in_watch);
	s->in_watch = NULL;
}

static void pump_input(struct session *s)
{
	bool more = true;
	int err;

	while (more) {
		if (!write_pending(s)) {
			/* Off the loop, not only unasked: an end of file is reported regardless. */
			if (!s->raw)
				stop_watching(s);
			return;
		}
		if (s->in_fd < 0 || !s->in_always)
			break;
		more = read_input(s);
	}
	write_pending(s);
	if (s->in_fd < 0 || s->in_watch || s->in_always)
		return;
	err = pvm_loop_add(s->loop, s->in_fd, PVM_LOOP_READ, on_readable, s, &s->in_watch);
	if (err == -EPERM) {
		/* Regular files and /dev/null cannot be waited for and need not be. */
		s->in_always = true;
		pump_input(s);
	} else if (err) {
		close_input(s);
	}
}

static void on_readable(void *arg, uint32_t events)
{
	struct session *s = arg;

	(void)events;
	if (s->pending_len && !s->raw)
		return;
	read_input(s);
	pump_input(s);
}

static void on_space(void *arg)
{
	struct session *s = arg;

	if (s->in_started)
		pump_input(s);
	if (s->ctl)
		ctl_input_ready(s->ctl);
}

static void start_input(struct session *s)
{
	if (s->in_started || s->in_fd < 0)
		return;
	s->in_started = true;
	pump_input(s);
}

size_t sink_input(struct session *s, const char *data, size_t len)
{
	size_t n = 0;

	if (pvm_console_write(s->con, data, len, &n))
		return 0;
	return n;
}

/* ---- open, close ---- */

static int open_pty(struct session *s)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	struct termios t;

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, s->pty_path, sizeof(s->pty_path)))
		goto fail;
	s->pty_slave = open(s->pty_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->pty_slave < 0 || tcgetattr(s->pty_slave, &t))
		goto fail;
	cfmakeraw(&t);		/* the guest's own terminal does echo and editing */
	tcsetattr(s->pty_slave, TCSANOW, &t);
	s->in_fd = master;
	s->out_fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
	s->out_lossy = true;
	return EXIT_OK;
fail:
	msg_cannot(EXIT_FAILED, errno, NULL, NULL, "open a pty for guest %s", s->name);
	if (master >= 0)
		close(master);
	return EXIT_FAILED;
}

int sink_open(struct session *s)
{
	int code;

	wire_filter_init(&s->filter, s->nonce ? s->nonce : "");
	if (s->console == CONSOLE_PTY) {
		code = open_pty(s);
		if (code)
			return code;
	} else if (s->console == CONSOLE_STDIO) {
		s->in_fd = STDIN_FILENO;
		s->out_fd = out_open(STDOUT_FILENO);
		if (s->out_fd < 0) {
			s->out_fd = -1;
			s->discard = true;
		}
		if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
			s->raw = term_raw();
	}
	pvm_console_set_output(s->con, on_output, s);
	pvm_console_on_space(s->con, on_space, s);
	/* On a terminal Ctrl-] must work during boot, too. */
	if (!s->marked || s->raw || s->console == CONSOLE_PTY)
		start_input(s);
	return EXIT_OK;
}

void sink_close(struct session *s)
{
	if (s->con)
		pvm_console_set_output(s->con, NULL, NULL);
	if (s->loop) {
		pvm_loop_remove(s->loop, s->in_watch);
		pvm_loop_remove(s->loop, s->out_watch);
	}
	s->in_watch = NULL;
	s->out_watch = NULL;
	if (s->out_fd >= 0)
		close(s->out_fd);
	if (s->pty_slave >= 0) {
		close(s->pty_slave);
		if (s->in_fd >= 0)
			close(s->in_fd);
	}
	s->out_fd = -1;
	s->in_fd = -1;
	s->pty_slave = -1;
	term_restore();
}
