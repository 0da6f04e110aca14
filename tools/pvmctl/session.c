// SPDX-License-Identifier: GPL-2.0-only
/*
 * One guest run by this process, from start to exit code.
 *
 * Everything happens on the loop of the context: signals come through a signalfd, requests through
 * the control socket (ctl_server.c), bytes through sink.c. There are two ways to end a guest early:
 * ask (its init powers off) and, at the second request or after a bounded time, insist.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "pvmctl.h"
#include "session.h"
#include "term.h"

#define GRACE_MS	10000	/* from SIGTERM to force; service managers allow 90 s */
#define ASK_AGAIN_MS	1000	/* a guest that still boots does not hear the first request */
#define FORCE_MS	5000	/* after force; more means that the driver is stuck */

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

void session_init(struct session *s)
{
	memset(s, 0, sizeof(*s));
	s->sigfd = -1;
	s->out_fd = -1;
	s->in_fd = -1;
	s->pty_slave = -1;
	s->status_fd = -1;
}

static void force(struct session *s)
{
	if (s->forced)
		return;
	s->forced = true;
	s->has_deadline = true;
	s->deadline_ms = now_ms() + FORCE_MS;
	pvm_vm_stop(s->vm, PVM_STOP_FORCE);
	pvm_loop_wake(s->loop);
	/* Nobody should have to read old output before a guest can end. */
	if (s->queue_len)
		sink_discard(s);
}

static void ask(struct session *s)
{
	s->asked_ms = now_ms();
	pvm_vm_stop(s->vm, PVM_STOP_POWEROFF);
}

/* Raw mode wants its carriage returns. */
static void say(const struct session *s, const char *text)
{
	if (s->console == CONSOLE_STDIO && s->status_fd < 0)
		fprintf(stderr, "%spvmctl: %s%s", s->raw ? "\r\n" : "", text,
			s->raw ? "\r\n" : "\n");
}

void session_stop(struct session *s, int sig)
{
	s->wanted = true;
	if (sig)
		s->signal = sig;
	if (s->stopping) {
		if (!s->forced)
			say(s, "ending the guest now");
		force(s);
		return;
	}
	s->stopping = true;
	ask(s);
	if (sig || s->discard) {
		s->has_deadline = true;
		s->deadline_ms = now_ms() + GRACE_MS;
	} else if (s->raw) {
		say(s, "asked the guest to power off; Ctrl-] again ends it at once");
	}
	pvm_loop_wake(s->loop);	/* session_run() must look at its deadline */
}

static void on_signal(void *arg, uint32_t events)
{
	struct signalfd_siginfo si;
	struct session *s = arg;

	(void)events;
	if (read(s->sigfd, &si, sizeof(si)) == sizeof(si))
		session_stop(s, si.ssi_signo);
}

/* ---- requests of 'pvmctl stop' and 'pvmctl console' ---- */

static void on_ctl_stop(void *arg)
{
	struct session *s = arg;

	s->stopping = true;
	s->wanted = true;
	ask(s);
	pvm_loop_wake(s->loop);
}

static void on_ctl_force(void *arg)
{
	force(arg);
}

static size_t on_ctl_input(void *arg, const char *data, size_t len)
{
	return sink_input(arg, data, len);
}

static const char *on_ctl_console(void *arg)
{
	struct session *s = arg;

	if (s->console == CONSOLE_STDIO)
		return "the terminal it was started on has it";
	return NULL;
}

static const struct ctl_ops ctl_ops = {
	.stop = on_ctl_stop, .force = on_ctl_force, .input = on_ctl_input,
	.console_refused = on_ctl_console,
};

/* ---- life ---- */

int session_open(struct session *s)
{
	sigset_t set;
	int err;

	s->loop = pvm_ctx_loop(s->ctx);
	s->con = pvm_vm_console(s->vm);
	/* Threads of libpvm inherit the mask, so none of them dies of a signal meant for us. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->sigfd < 0)
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "listen for signals");
	err = pvm_loop_add(s->loop, s->sigfd, PVM_LOOP_READ, on_signal, s, &s->sig_watch);
	if (err)
		return lib_failed(EXIT_OK, err, NULL);
	err = ctl_serve(s->loop, s->name, &ctl_ops, s, &s->ctl);
	if (err)
		msg_cannot(EXIT_FAILED, err,
			   err == -EPERM ? "its directory is open to other users" : NULL,
			   "'pvmctl console' and a polite 'pvmctl stop' will not reach the guest",
			   "open a control socket for guest %s", s->name);
	return sink_open(s);
}

static int wait_ms(struct session *s)
{
	long long now = now_ms(), left = ASK_AGAIN_MS;

	if (!s->stopping && !s->forced)
		return -1;
	if (s->has_deadline && s->deadline_ms - now < left)
		left = s->deadline_ms - now;
	return left < 0 ? 0 : left;
}

static int exit_status(struct session *s, const struct pvm_vm_exit *ex)
{
	int code = exit_code_of(ex);

	if (s->has_status)
		return s->status;
	if (s->command) {
		if (s->signal || s->wanted)
			return 128 + (s->signal ? s->signal : SIGTERM);
		return code ? code : EXIT_FAILED;
	}
	if (s->wanted && code != EXIT_CRASHED)
		return EXIT_OK;
	return code;
}

/* A command that never got as far as its end: show what the guest had to say. */
static void explain_command(struct session *s)
{
	if (s->phase == PHASE_BOOT && s->boot_len) {
		msg("the guest did not come up; its last messages:");
		fwrite(s->boot, 1, s->boot_len, stderr);
		if (s->boot[s->boot_len - 1] != '\n')
			fputc('\n', stderr);
	}
	msg("the guest ended before the command did");
}

int session_run(struct session *s, struct pvm_vm_exit *ex)
{
	int err, code;

	for (;;) {
		err = pvm_vm_wait(s->vm, wait_ms(s), ex);
		if (!err)
			break;
		if (err != -ETIMEDOUT && err != -EINTR) {
			code = lib_failed(EXIT_OK, err, NULL);
			force(s);
			return code;
		}
		if (s->has_deadline && now_ms() >= s->deadline_ms) {
			if (s->forced)
				return msg_cannot(EXIT_FAILED, ETIMEDOUT, NULL,
						  "the host's kernel log may say more",
						  "end guest %s", s->name);
			say(s, "the guest does not power off; ending it");
			force(s);
		} else if (s->stopping && !s->forced && now_ms() - s->asked_ms >= ASK_AGAIN_MS) {
			ask(s);
		}
	}
	sink_flush(s);
	term_restore();
	code = exit_status(s, ex);
	if (s->command && !s->has_status && !s->wanted)
		explain_command(s);
	if (!s->has_status && !(s->wanted && ex->kind == PVM_EXIT_DEATH &&
				ex->code == PVM_CAUSE_STOPPED))
		exit_story(s->name, ex);
	return !code && s->write_failed ? EXIT_FAILED : code;
}

void session_close(struct session *s, int code, const char *text)
{
	sink_close(s);
	ctl_close(s->ctl, code, text);
	s->ctl = NULL;
	if (s->sigfd >= 0) {
		pvm_loop_remove(s->loop, s->sig_watch);
		close(s->sigfd);
		s->sigfd = -1;
	}
}
