// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition console: be the terminal of a partition's emulated UART.
 *
 * The console is a ring in memory that nobody announces changes of (an interrupt per character would
 * cost the partition what it was made to avoid), so it is looked at: every few milliseconds while
 * something moves, rarely when nothing does. What is still in the ring is shown first. Standard
 * input may end before the partition does; output is then still shown.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "pvmctl.h"
#include "term.h"

#define BUSY_MS		5
#define IDLE_MS		40
#define UP_LOOK_MS	500	/* how often to look whether its kernel is up */
#define LAST_LINES	20

static const struct opt opts[] = { { 0 } };

struct attached {
	struct pvm_part *part;
	bool raw;
	bool leave;
	bool stopped;
	int err;		/* of the library, -errno */
	bool moved;		/* bytes went either way in this round */
	char typed[1024];
	size_t nr_typed;
	bool in_open;
	uint32_t silent_ms;	/* 0 = heartbeat is watched already, or is not to be */
	int up_ms;		/* since the last look whether its kernel is up */
};

/* Show all there is. */
static void from_partition(struct attached *a)
{
	char buf[4096], note[64];
	uint64_t lost;
	size_t n;

	do {
		a->err = pvm_part_console_read(a->part, buf, sizeof(buf), &n, &lost);
		if (a->err)
			break;
		if (lost) {
			snprintf(note, sizeof(note), "\r\n[%llu bytes lost]\r\n",
				 (unsigned long long)lost);
			a->leave |= !out_write_all(STDOUT_FILENO, note, strlen(note));
		}
		if (n) {
			a->leave |= !out_write_all(STDOUT_FILENO, buf, n);
			a->moved = true;
		}
	} while (n && !a->leave);
	if (a->err)
		a->leave = true;
}

/* What did not fit waits in typed. */
static void to_partition(struct attached *a)
{
	size_t n;

	if (!a->nr_typed)
		return;
	a->err = pvm_part_console_write(a->part, a->typed, a->nr_typed, &n);
	if (a->err) {
		a->leave = true;
		return;
	}
	a->moved |= n > 0;
	memmove(a->typed, a->typed + n, a->nr_typed - n);
	a->nr_typed -= n;
}

static void from_user(struct attached *a)
{
	ssize_t n = read(STDIN_FILENO, a->typed, sizeof(a->typed));
	char *hit;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		a->leave |= a->raw;	/* a terminal that hung up takes us with it */
		a->in_open = false;
		return;
	}
	hit = a->raw ? memchr(a->typed, TERM_ESCAPE, (size_t)n) : NULL;
	if (hit) {
		n = hit - a->typed;
		a->leave = true;
	}
	a->nr_typed = (size_t)n;
	to_partition(a);
}

/* Once its kernel is up, have its heartbeat watched. That it cannot be is no reason to leave. */
static void look_if_up(struct attached *a, int passed_ms)
{
	a->up_ms += passed_ms;
	if (!a->silent_ms || a->up_ms < UP_LOOK_MS)
		return;
	a->up_ms = 0;
	if (pvm_part_wait_up(a->part, 0))
		return;
	pvm_part_heartbeat(a->part, a->silent_ms);
	a->silent_ms = 0;
}

static void relay(struct attached *a, int sigfd)
{
	while (!a->leave) {
		struct pollfd p[4] = {
			{ .fd = pvm_part_fd(a->part), .events = POLLIN },
			{ .fd = sigfd, .events = POLLIN },
			{ .fd = a->in_open && !a->nr_typed ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = STDOUT_FILENO },
		};
		int wait_ms = a->moved ? BUSY_MS : IDLE_MS;

		if (poll(p, 4, wait_ms) < 0 && errno != EINTR)
			break;
		if (p[1].revents || p[3].revents & (POLLERR | POLLNVAL))
			break;
		a->moved = false;
		/* Look at the state first: what is in the ring then is all there will be. */
		a->stopped = p[0].revents;
		a->leave |= a->stopped;
		to_partition(a);
		if (p[2].revents)
			from_user(a);
		from_partition(a);
		if (!a->leave)
			look_if_up(a, wait_ms);
	}
}

int part_console(struct pvm_part *part, unsigned int flags, uint32_t silent_ms, bool *stopped)
{
	struct attached a = { .part = part, .in_open = true };
	sigset_t set;
	int sigfd;

	a.silent_ms = flags & PART_CONSOLE_HEARTBEAT ? silent_ms : 0;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sigfd < 0)
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "listen for signals");
	from_partition(&a);
	if (!a.leave && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		msg("on the console of partition %s; Ctrl-] leaves it", pvm_part_name(part));
		a.raw = term_raw();
	}
	relay(&a, sigfd);
	term_restore();
	if (a.raw)
		fputc('\n', stderr);
	close(sigfd);
	*stopped = a.stopped;
	return a.err ? lib_failed(a.err == -EOPNOTSUPP ? EXIT_STATE : EXIT_OK, a.err, NULL) :
		       EXIT_OK;
}

void part_last_lines(struct pvm_part *part)
{
	static char text[64 * 1024 + 1];
	size_t n, all = 0, at;
	int lines = 0;

	while (all < sizeof(text) - 1 &&
	       !pvm_part_console_read(part, text + all, sizeof(text) - 1 - all, &n, NULL) && n)
		all += n;
	while (all && (text[all - 1] == '\n' || text[all - 1] == '\r'))
		all--;
	for (at = all; at && lines < LAST_LINES; at--)
		lines += text[at - 1] == '\n';
	if (at)
		at++;
	if (!all)
		return;
	fputs("pvmctl: the last lines on its console:\n", stderr);
	/* Nothing that drives a terminal; of UTF-8, C1 is 0xc2 and a byte below 0xa0. */
	for (; at < all; at++)
		if (text[at] == '\n' || text[at] == '\t' ||
		    (text[at] >= 0x20 && text[at] != 0x7f) ||
		    ((text[at] & 0x80) && (unsigned char)text[at] != 0xc2))
			fputc(text[at], stderr);
	fputc('\n', stderr);
}

static int cmd_console(int argc, char **argv)
{
	struct pvm_part_status st = PVM_PART_STATUS_INIT;
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	bool stopped = false;
	int code, err;

	if (!verb_parse(&verb_part_console, NULL, argc, argv, &rest, &code))
		return code;
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	err = pvm_part_status_get(part, &st);
	if (!err && st.row.state == PVM_PARTITION_CREATED) {
		code = msg_cannot(EXIT_STATE, EBUSY, "it was never started",
				  "'pvmctl partition start' does", "open the console of partition %s",
				  pvm_part_name(part));
		goto out;
	}
	code = part_console(part, 0, 0, &stopped);
	if (!code && stopped) {
		st.sz = sizeof(st);
		err = pvm_part_status_get(part, &st);
		if (err)
			code = part_failed(ctx, err, NULL);
		else
			msg("partition %s does not run: %s", pvm_part_name(part), st.stop_text);
	}
out:
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return code;
}

const struct verb verb_part_console = {
	.name = "partition console", .operands = "NAME", .help = "Attach to its console",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_console,
};
