// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl top: guests and partitions as they run, the busiest first; on a screen, or in batches for files and programs.
 *
 * One loop for both: a sample at each deadline, signals through a signalfd, keys if standard input
 * is the terminal. A frame goes to the terminal without waiting for it; while an old frame is still
 * on its way no new one is made. What is measured is in top.c, how it looks in
 * top_table.c, where rows come from in the sources below.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "pvmctl.h"
#include "term.h"
#include "top.h"

static const struct top_source *const sources[] = { &top_guests, &top_partitions };

#define DELAY_MIN_NS	100000000ull
#define DELAY_MAX_NS	3600000000000ull
#define HEAD_LINES	2u		/* above the table on a screen */

static struct args {
	bool batch, once, json, reverse;
	uint64_t count;
	const char *delay;
	const char *sort;
} args;

static const struct opt opts[] = {
	{ "batch", 'b', OPT_FLAG, offsetof(struct args, batch), NULL,
	  "print one update after another, as in a pipe", 0, 0, NULL },
	{ "once", '1', OPT_FLAG, offsetof(struct args, once), NULL,
	  "print one update and end; as --batch --count 1", 0, 0, NULL },
	{ "count", 'n', OPT_UINT, offsetof(struct args, count), "N", "end after N updates", 1, 0,
	  NULL },
	{ "delay", 'd', OPT_STR, offsetof(struct args, delay), "SECONDS",
	  "time between updates, 0.1 to 3600 (default 2)", 0, 0, NULL },
	{ "sort", 's', OPT_CHOICE, offsetof(struct args, sort), "KEY",
	  "what to sort by (default cpu):", 0, 0, top_keys },
	{ "reverse", 'r', OPT_FLAG, offsetof(struct args, reverse), NULL, "smallest first", 0, 0,
	  NULL },
	{ "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL,
	  "print one JSON object per row and update", 0, 0, NULL },
	{ 0 }
};

struct top {
	struct pvm_ctx *ctx;
	struct top_sample now, before;
	uint64_t interval_ns;		/* between both */
	uint64_t delay_ns, deadline_ns;	/* CLOCK_BOOTTIME */
	uint64_t updates;
	enum top_key key;
	bool reverse;
	/* the screen; fd < 0: batch */
	int fd;
	bool keys, help, done;
	char *frame;			/* what the terminal did not take yet */
	size_t frame_len, frame_sent;
};

static int take_sample(struct top *t)
{
	struct top_sample fresh = { 0 };
	size_t i;
	int err = 0;

	fresh.time_ns = boottime_ns();
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]) && !err; i++)
		err = sources[i]->sample(t->ctx, &fresh);
	if (err) {
		top_free(&fresh);
		return lib_failed(EXIT_OK, err, NULL);
	}
	top_free(&t->before);
	t->before = t->now;
	t->now = fresh;
	t->interval_ns = fresh.time_ns - t->before.time_ns;
	top_rates(&t->now, &t->before);
	return EXIT_OK;
}

/* ---- batch --------------------------------------------------------------------------------- */

static void print_batch(struct top *t)
{
	struct top_style style = { .eol = "\n" };
	char when[32] = "";
	time_t now = time(NULL);
	unsigned int rows;
	struct tm tm;
	size_t i;

	top_sort(&t->now, t->key, t->reverse);
	if (args.json) {
		for (i = 0; i < t->now.nr; i++)
			top_json(stdout, &t->now, &t->now.row[i], t->interval_ns);
		fflush(stdout);
		return;
	}
	term_size(&rows, &style.columns);	/* 0 for a file: as wide as it gets */
	for (i = 0; i < sizeof(style.seq) / sizeof(style.seq[0]); i++)
		style.seq[i] = out_colour(stdout, i);
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	if (t->updates)
		putchar('\n');
	printf("%s  ", when);
	if (style.columns > strlen(when) + 2)
		style.columns -= strlen(when) + 2;
	top_summary(stdout, &t->now, &style);
	term_size(&rows, &style.columns);
	top_tables(stdout, &t->now, &style);
	fflush(stdout);
}

/* ---- screen -------------------------------------------------------------------------------- */

static void put_help(FILE *f, unsigned int columns)
{
	static const char *const lines[] = {
		"Keys of pvmctl top", "",
		"  sort by   c CPU   m memory   s shadow pages   x exits   f page faults",
		"            y hypercalls   n name   r the other way round",
		"  space     update now",
		"  + -       longer or shorter between updates",
		"  q         quit", "",
		"CPU%      time vCPUs ran or wanted to, 100 is one CPU",
		"SHADOW    page tables the driver keeps for the guest",
		"EXITS/s   returns to the driver; FAULTS/s and HCALLS/s are among them",
		"MOST/s    what most of them were for, named as 'stat' does, and how many these are",
		"HEARTBEAT whether the tick counter of a partition's kernel moves",
		"", "Any key goes back.",
	};
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		fprintf(f, "%.*s\033[K\r\n", (int)columns, lines[i]);
}

static void put_screen(struct top *t, FILE *f)
{
	struct top_style style = { .eol = "\033[K\r\n" };
	unsigned int rows;
	char line[160];
	size_t i;

	term_size(&rows, &style.columns);
	for (i = 0; i < sizeof(style.seq) / sizeof(style.seq[0]); i++)
		style.seq[i] = out_colour(stdout, i);
	/* The last line stays free: a line end there would scroll. No size is known: no limit. */
	if (rows)
		style.rows = rows > HEAD_LINES + 2 ? rows - HEAD_LINES - 1 : 2;
	top_sort(&t->now, t->key, t->reverse);
	fputs("\033[H", f);
	if (t->help) {
		put_help(f, style.columns ? style.columns : 80);
	} else {
		top_summary(f, &t->now, &style);
		snprintf(line, sizeof(line), "every %.1f s, sorted by %s%s%s", t->delay_ns / 1e9,
			 top_keys[t->key], t->reverse ? ", reversed" : "",
			 t->keys ? "; h help, q quit" : "");
		fprintf(f, "%.*s%s", (int)(style.columns ? style.columns : sizeof(line)), line,
			style.eol);
		top_tables(f, &t->now, &style);
	}
	fputs("\033[J", f);
}

/* Make a frame of what is known, unless the last one is not out yet. Return: 0 or -ENOMEM. */
static int draw(struct top *t)
{
	FILE *f;

	if (t->frame)
		return 0;
	f = open_memstream(&t->frame, &t->frame_len);
	if (!f)
		return -ENOMEM;
	put_screen(t, f);
	if (fclose(f)) {
		free(t->frame);
		t->frame = NULL;
		return -ENOMEM;
	}
	t->frame_sent = 0;
	return 0;
}

static int send_frame(struct top *t)
{
	ssize_t n;

	if (!t->frame)
		return 0;
	n = out_write(t->fd, t->frame + t->frame_sent, t->frame_len - t->frame_sent);
	if (n < 0)
		return n;
	t->frame_sent += n;
	if (t->frame_sent == t->frame_len) {
		free(t->frame);
		t->frame = NULL;
	}
	return 0;
}

static void suspend(void)
{
	term_restore();
	raise(SIGSTOP);
	/* The shell put us in the foreground again. */
	term_screen();
}

static void on_key(struct top *t, char key)
{
	static const struct { char key; enum top_key by; } by[] = {
		{ 'c', TOP_BY_CPU }, { 'm', TOP_BY_MEMORY }, { 's', TOP_BY_SHADOW },
		{ 'x', TOP_BY_EXITS }, { 'f', TOP_BY_FAULTS }, { 'y', TOP_BY_HYPERCALLS },
		{ 'n', TOP_BY_NAME },
	};
	size_t i;

	if (t->help && key != 'q' && key != 3) {
		t->help = false;
		return;
	}
	for (i = 0; i < sizeof(by) / sizeof(by[0]); i++)
		if (by[i].key == (key | 0x20))
			t->key = by[i].by;
	switch (key) {
	case 'q':
	case 'Q':
	case 3:				/* Ctrl-C */
		t->done = true;
		break;
	case 26:			/* Ctrl-Z */
		suspend();
		break;
	case 'r':
	case 'R':
		t->reverse = !t->reverse;
		break;
	case 'h':
	case '?':
		t->help = true;
		break;
	case ' ':
		t->deadline_ns = 0;
		break;
	case '+':
		t->delay_ns = t->delay_ns * 2 > DELAY_MAX_NS ? DELAY_MAX_NS : t->delay_ns * 2;
		break;
	case '-':
		t->delay_ns = t->delay_ns / 2 < DELAY_MIN_NS ? DELAY_MIN_NS : t->delay_ns / 2;
		break;
	}
}

static void read_keys(struct top *t)
{
	char key[64];
	ssize_t n = read(STDIN_FILENO, key, sizeof(key)), i;

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		t->done = true;		/* the terminal is gone */
	if (n > 0 && key[0] == '\033') {
		t->help = false;	/* an arrow, or something like it */
		return;
	}
	for (i = 0; i < n; i++)
		on_key(t, key[i]);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int update(struct top *t)
{
	int code = take_sample(t);

	if (code)
		return code;
	if (t->fd < 0)
		print_batch(t);
	t->updates++;
	if (args.count && t->updates >= args.count)
		t->done = true;
	t->deadline_ns = t->now.time_ns + t->delay_ns;
	return EXIT_OK;
}

static int ms_left(const struct top *t)
{
	uint64_t now = boottime_ns();

	return now < t->deadline_ns ? (t->deadline_ns - now) / 1000000 + 1 : 0;
}

static int loop(struct top *t, int sigfd)
{
	struct signalfd_siginfo si;
	struct pollfd p[3] = {
		{ .fd = sigfd, .events = POLLIN },
		{ .fd = t->keys ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = t->fd >= 0 ? t->fd : STDOUT_FILENO },	/* errors: the reader went away */
	};
	int code, err = 0;

	while (!t->done && !ferror(stdout)) {
		if (t->fd >= 0) {
			err = draw(t) ?: send_frame(t);
			if (err == -ENOMEM)
				return msg_cannot(EXIT_FAILED, err, NULL, NULL, "draw the screen");
			if (err)
				break;			/* the terminal is gone */
		}
		p[2].events = t->frame ? POLLOUT : 0;
		if (poll(p, 3, ms_left(t)) < 0 && errno != EINTR)
			return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "wait for the next update");
		if (p[2].revents & (POLLERR | POLLHUP | POLLNVAL))
			break;
		if (p[0].revents) {
			if (read(sigfd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo != SIGWINCH)
				break;
			term_clear();
		}
		if (p[1].revents)
			read_keys(t);
		if (!t->done && !ms_left(t)) {
			code = update(t);
			if (code)
				return code;
		}
	}
	return EXIT_OK;
}

static int top_run(struct top *t, bool screen)
{
	sigset_t set;
	int sigfd, code;

	/* Ctrl-C is the normal way out here and gives status 0. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0)
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "listen for signals");
	code = take_sample(t);
	t->deadline_ns = t->now.time_ns + t->delay_ns;
	if (!code && screen) {
		t->fd = out_open(STDOUT_FILENO);
		t->keys = term_screen();
	}
	if (!code)
		code = loop(t, sigfd);
	term_restore();
	free(t->frame);
	if (t->fd >= 0)
		close(t->fd);
	top_free(&t->now);
	top_free(&t->before);
	close(sigfd);
	return code;
}

static bool parse_delay(const char *text, uint64_t *ns)
{
	char *end;
	double s = strtod(text, &end);

	/* Digits and a point: no sign, no "inf", no exponent. */
	if (!*text || *end || text[strspn(text, "0123456789.")] || s * 1e9 < DELAY_MIN_NS ||
	    s * 1e9 > DELAY_MAX_NS)
		return false;
	*ns = s * 1e9;
	return true;
}

static int cmd_top(int argc, char **argv)
{
	struct top t = { .fd = -1, .delay_ns = 2000000000ull };
	const char *term = getenv("TERM");
	struct opt_rest rest;
	bool screen;
	int code;

	if (!verb_parse(&verb_top, &args, argc, argv, &rest, &code))
		return code;
	if (args.delay && !parse_delay(args.delay, &t.delay_ns)) {
		msg("--delay %s is no time between updates; take seconds, 0.1 to 3600", args.delay);
		return EXIT_USAGE;
	}
	if (args.once && !args.count)
		args.count = 1;
	t.reverse = args.reverse;
	while (args.sort && strcmp(top_keys[t.key], args.sort))
		t.key++;
	screen = !args.batch && !args.once && !args.json && isatty(STDOUT_FILENO) &&
		 !(term && !strcmp(term, "dumb"));
	code = driver_open(&t.ctx);
	if (code)
		return code;
	code = top_run(&t, screen);
	pvm_ctx_destroy(t.ctx);
	return out_finish(code);
}

const struct verb verb_top = {
	.name = "top", .operands = "", .help = "Show guests and partitions live",
	.opts = opts, .fn = cmd_top,
};
