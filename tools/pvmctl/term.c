// SPDX-License-Identifier: GPL-2.0-only
/*
 * The user's terminal, and output that never waits.
 *
 * Restoring: signals that ask us to end come through a signalfd and take the normal way out; exit()
 * is covered by atexit(); signals that mean a bug of ours restore the terminal and then do what
 * they always do. Only SIGKILL is left, and nobody can do anything about that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "term.h"

#define SMALL_WRITE 256		/* what a terminal that says "writable" takes for sure */

static struct termios saved;
static volatile sig_atomic_t is_raw, has_screen;

/* Also in signals; a terminal that takes nothing keeps its picture. */
static void say(const char *seq, size_t len)
{
	if (write(STDOUT_FILENO, seq, len) < 0)
		return;
}
#define SAY(seq) say(seq, sizeof(seq) - 1)

#define SCREEN_ON	"\033[?1049h\033[?25l\033[2J"	/* the other screen, no cursor, empty */
#define SCREEN_OFF	"\033[0m\033[?25h\033[?1049l"

void term_restore(void)
{
	if (has_screen) {
		has_screen = 0;
		SAY(SCREEN_OFF);
	}
	if (!is_raw)
		return;
	is_raw = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

static void on_fatal(int sig)
{
	term_restore();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Somebody stopped us from outside and the shell put its own modes in place. */
static void on_continue(int sig)
{
	struct termios raw = saved;
	int err = errno;

	(void)sig;
	cfmakeraw(&raw);
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	if (has_screen)
		SAY(SCREEN_ON);
	errno = err;
}

static void restore_on_every_way_out(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	struct sigaction sa = { .sa_handler = on_fatal };
	static bool done;
	size_t i;

	if (done)
		return;
	done = true;
	atexit(term_restore);
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
	sa.sa_handler = on_continue;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGCONT, &sa, NULL);
}

bool term_raw(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved))
		return false;
	raw = saved;
	cfmakeraw(&raw);
	is_raw = 1;
	restore_on_every_way_out();
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)) {
		is_raw = 0;
		return false;
	}
	return true;
}

bool term_screen(void)
{
	bool raw = term_raw();

	restore_on_every_way_out();
	has_screen = 1;
	SAY(SCREEN_ON);
	return raw;
}

void term_clear(void)
{
	if (has_screen)
		SAY("\033[2J");
}

void term_size(unsigned int *rows, unsigned int *columns)
{
	struct winsize ws = { 0 };

	*rows = 0;
	*columns = 0;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws)) {
		*rows = ws.ws_row;
		*columns = ws.ws_col;
	}
}

int out_open(int fd)
{
	struct stat st;
	char path[32];
	int fresh;

	/* Opening a pipe or terminal anew gives flags of our own. */
	if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || isatty(fd))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		fresh = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fresh >= 0)
			return fresh;
	}
	fresh = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fresh < 0 ? -errno : fresh;
}

ssize_t out_write(int fd, const void *buf, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);

	n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == ENOTSOCK) {
		if (flags >= 0 && !(flags & O_NONBLOCK)) {
			if (poll(&p, 1, 0) == 0)
				return 0;
			if (len > SMALL_WRITE && isatty(fd))
				len = SMALL_WRITE;
		}
		n = write(fd, buf, len);
	}
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

bool shown_write(struct shown *s)
{
	ssize_t n = 1;

	while (n > 0 && s->done < s->len) {
		n = out_write(s->fd, s->bytes + s->done, s->len - s->done);
		if (n < 0)
			return false;
		s->done += n;
	}
	if (s->done == s->len)
		s->done = s->len = 0;
	return true;
}

void typed_read(struct typed *t)
{
	size_t room = sizeof(t->bytes) - t->len;
	char buf[1024], *hit;
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		t->leave |= t->raw;	/* a terminal that hung up takes us with it */
		t->open = false;
		return;
	}
	hit = t->raw ? memchr(buf, TERM_ESCAPE, n) : NULL;
	if (hit) {
		n = hit - buf;
		t->leave = true;
	}
	if ((size_t)n > room)
		n = room;
	memcpy(t->bytes + t->len, buf, n);
	t->len += n;
}

void typed_take(struct typed *t, size_t len)
{
	memmove(t->bytes, t->bytes + len, t->len - len);
	t->len -= len;
}
