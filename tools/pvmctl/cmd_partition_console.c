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
#define NOTE_BYTES	64
#define ROUNDS		16	/* of reading before something else gets its turn: two rings full */

static const struct opt opts[] = { { 0 } };

struct attached {
	struct pvm_part *part;
	struct shown out;
	struct typed in;
	bool leave;
	bool stopped;
	int err;		/* of the library, -errno */
	bool moved;		/* bytes went either way in this round */
	bool more;		/* it prints faster than one turn shows */
	uint32_t silent_ms;	/* 0 = heartbeat is watched already, or is not to be */
	int up_ms;		/* since the last look whether its kernel is up */
};

/* Into the room before the bytes. */
static void put_note(struct shown *out, uint64_t lost)
{
	char note[NOTE_BYTES];
	int n = snprintf(note, sizeof(note), "\r\n[%llu bytes lost]\r\n", (unsigned long long)lost);

	out->done -= n;
	memcpy(out->bytes + out->done, note, n);
}

/*
 * Show what there is, until all is shown or the reader wants no more now; of a partition that prints
 * without end only *rounds reads, or neither Ctrl-] nor a signal would ever be looked at.
 */
static void from_partition(struct attached *a, int *rounds)
{
	uint64_t lost;
	size_t n;

	a->more = false;
	for (;;) {
		if (!shown_write(&a->out)) {
			a->leave = true;
			return;
		}
		if (a->out.len)
			return;
		if (!*rounds) {
			a->more = true;
			return;
		}
		--*rounds;
		/* Room before it for the note. */
		a->err = pvm_part_console_read(a->part, a->out.bytes + NOTE_BYTES,
					       sizeof(a->out.bytes) - NOTE_BYTES, &n, &lost);
		if (a->err) {
			a->leave = true;
			return;
		}
		if (!n && !lost)
			return;
		a->out.len = NOTE_BYTES + n;
		a->out.done = NOTE_BYTES;
		if (lost)
			put_note(&a->out, lost);
		a->moved = true;
	}
}

/* Before the terminal is raw: all there was, however slow its reader, unless a signal comes. */
static void all_from_partition(struct attached *a, int sigfd)
{
	struct pollfd p[2] = {
		{ .fd = a->out.fd, .events = POLLOUT }, { .fd = sigfd, .events = POLLIN },
	};
	int rounds = ROUNDS;

	from_partition(a, &rounds);
	while (!a->leave && a->out.len) {
		if ((poll(p, 2, -1) < 0 && errno != EINTR) || p[1].revents) {
			a->leave = true;
			break;
		}
		from_partition(a, &rounds);
	}
}

/* What did not fit waits. */
static void to_partition(struct attached *a)
{
	size_t n;

	if (!a->in.len)
		return;
	a->err = pvm_part_console_write(a->part, a->in.bytes, a->in.len, &n);
	if (a->err) {
		a->leave = true;
		return;
	}
	a->moved |= n > 0;
	typed_take(&a->in, n);
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
			{ .fd = a->stopped ? -1 : pvm_part_fd(a->part), .events = POLLIN },
			{ .fd = sigfd, .events = POLLIN },
			{ .fd = typed_fd(&a->in), .events = POLLIN },
			{ .fd = a->out.fd, .events = a->out.len ? POLLOUT : 0 },
		};
		int wait_ms = a->moved ? BUSY_MS : IDLE_MS;
		int rounds = ROUNDS;

		if (poll(p, 4, wait_ms) < 0) {
			if (errno != EINTR)
				break;
			continue;
		}
		/* A reader that hung up is reported for ever, wanted or not. */
		if (p[1].revents || p[3].revents & (POLLERR | POLLHUP | POLLNVAL))
			break;
		a->moved = false;
		/* Look at the state first: what is in the ring then is all there will be. */
		a->stopped |= p[0].revents != 0;
		if (p[2].revents)
			typed_read(&a->in);
		if (!a->stopped)
			to_partition(a);
		from_partition(a, &rounds);
		a->leave |= a->in.leave || (a->stopped && !a->out.len && !a->more);
		if (!a->leave && !a->stopped)
			look_if_up(a, wait_ms);
	}
}

int part_console(struct pvm_part *part, unsigned int flags, uint32_t silent_ms, bool *stopped)
{
	static struct attached a;	/* too large for a stack; once a process */
	sigset_t set;
	int sigfd;

	a.part = part;
	a.in.open = true;
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
	a.out.fd = out_open(STDOUT_FILENO);
	all_from_partition(&a, sigfd);
	if (!a.leave && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		msg("on the console of partition %s; Ctrl-] leaves it", pvm_part_name(part));
		a.in.raw = term_raw();
	}
	relay(&a, sigfd);
	term_restore();
	if (a.in.raw)
		out_write(STDERR_FILENO, "\n", 1);	/* its reader may be stuck */
	close(a.out.fd);
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
