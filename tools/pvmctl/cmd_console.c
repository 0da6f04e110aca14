// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl console: be the terminal of a guest that runs in the background.
 *
 * The pvmctl that runs the guest replays its last 64 KiB of output, then both directions flow until
 * Ctrl-], the end of the guest, or a signal: none of them waits for a guest that does not read its
 * input or for whoever should read ours. Standard input that is no terminal may end before that;
 * output is then still shown.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ctl.h"
#include "pvmctl.h"
#include "term.h"

static const struct opt opts[] = { { 0 } };

static int connect_guest(const char *name, int *fd)
{
	struct pvm_vm_info info;
	struct pvm_ctx *ctx;
	int code;

	*fd = ctl_connect(name, geteuid());
	if (*fd >= 0)
		return EXIT_OK;
	code = driver_open(&ctx);
	if (code)
		return code;
	code = guest_find(ctx, name, &info);
	pvm_ctx_destroy(ctx);
	if (code)
		return code;
	*fd = ctl_connect(name, info.uid);
	if (*fd >= 0)
		return EXIT_OK;
	if (*fd == -EACCES || *fd == -EPERM)
		return msg_cannot(EXIT_PERMISSION, *fd, NULL, NULL, "open the console of guest %s",
				  name);
	return msg_cannot(EXIT_STATE, *fd, "nobody answers at its control socket",
			  "was it started by pvmctl?", "open the console of guest %s", name);
}

static int attach(int fd, const char *name)
{
	struct ctl_packet p;
	int ret;

	ret = ctl_send(fd, CTL_CONSOLE, NULL, 0, true);
	if (!ret)
		ret = ctl_receive(fd, &p, true);
	if (ret <= 0)
		return msg_cannot(EXIT_FAILED, ret ? ret : ECONNRESET, NULL, NULL,
				  "open the console of guest %s", name);
	if (p.kind != CTL_OK)
		return msg_cannot(EXIT_STATE, EBUSY, p.data, NULL, "open the console of guest %s",
				  name);
	return EXIT_OK;
}

struct attached {
	const char *name;
	int fd;
	struct shown out;
	struct typed in;
	int code;
	bool leave;
};
_Static_assert(sizeof(((struct shown *)0)->bytes) >= CTL_DATA, "a packet of output fits");

static void from_guest(struct attached *a)
{
	struct ctl_packet p;
	int ret = ctl_receive(a->fd, &p, false);

	if (ret == -EAGAIN)
		return;
	a->leave = true;
	if (ret <= 0) {
		term_restore();
		a->code = msg_cannot(EXIT_FAILED, ret ? ret : ECONNRESET,
				     ret ? NULL : "the pvmctl that runs it has ended", NULL,
				     "stay on the console of guest %s", a->name);
	} else if (p.kind == CTL_OUTPUT) {
		memcpy(a->out.bytes, p.data, p.len);
		a->out.len = p.len;
		a->leave = !shown_write(&a->out);
	} else if (p.kind == CTL_ENDED) {
		term_restore();
		msg("guest %s has ended%s%s", a->name, p.len > 1 ? ": " : "",
		    p.len > 1 ? p.data + 1 : "");
	} else {
		a->leave = false;
	}
}

/* A packet or, while the guest does not read and its pvmctl is full, none. */
static void to_guest(struct attached *a)
{
	size_t len = a->in.len < CTL_DATA ? a->in.len : CTL_DATA;
	int err = len ? ctl_send(a->fd, CTL_INPUT, a->in.bytes, len, false) : 0;

	if (err == -EAGAIN)
		return;
	if (err && !a->in.raw)
		a->in.open = false;
	typed_take(&a->in, err ? a->in.len : len);
}

static void relay(struct attached *a, int sigfd)
{
	while (!a->leave && !a->in.leave) {
		/* What the guest says next, its end too, comes behind what waits to be shown. */
		short events = (a->out.len ? 0 : POLLIN) | (a->in.len ? POLLOUT : 0);
		struct pollfd p[4] = {
			{ .fd = events ? a->fd : -1, .events = events },
			{ .fd = sigfd, .events = POLLIN },
			{ .fd = typed_fd(&a->in), .events = POLLIN },
			{ .fd = a->out.fd, .events = a->out.len ? POLLOUT : 0 },
		};

		if (poll(p, 4, -1) < 0) {
			if (errno != EINTR)
				break;
			continue;
		}
		/* A reader that hung up is reported for ever, wanted or not. */
		if (p[1].revents || p[3].revents & (POLLERR | POLLHUP | POLLNVAL))
			break;
		if (p[3].revents)
			a->leave = !shown_write(&a->out);
		if (!a->leave && p[0].revents && !a->out.len)
			from_guest(a);
		if (a->leave)
			break;
		if (p[2].revents)
			typed_read(&a->in);
		to_guest(a);
	}
}

static int cmd_console(int argc, char **argv)
{
	static struct attached a;	/* too large for a stack */
	struct opt_rest rest;
	sigset_t set;
	int sigfd, code;

	if (!verb_parse(&verb_console, NULL, argc, argv, &rest, &code))
		return code;
	a.name = rest.operands[0];
	a.in.open = true;
	if (!guest_name_check(a.name))
		return EXIT_USAGE;
	code = connect_guest(a.name, &a.fd);
	if (code)
		return code;
	code = attach(a.fd, a.name);
	if (code)
		goto out;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sigfd < 0) {
		code = msg_cannot(EXIT_FAILED, errno, NULL, NULL, "listen for signals");
		goto out;
	}
	a.out.fd = out_open(STDOUT_FILENO);
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
		msg("on the console of guest %s; Ctrl-] leaves it", a.name);
		a.in.raw = term_raw();
	}
	relay(&a, sigfd);
	term_restore();
	if (a.in.raw)
		out_write(STDERR_FILENO, "\n", 1);	/* its reader may be stuck */
	close(a.out.fd);
	close(sigfd);
	code = a.code;
out:
	close(a.fd);
	return code;
}

const struct verb verb_console = {
	.name = "console", .operands = "NAME", .help = "Attach to the console of a detached guest",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_console,
};
