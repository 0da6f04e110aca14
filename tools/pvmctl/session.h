/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest run by this process: from the handle of a started guest to an exit code.
 */
#ifndef PVMCTL_SESSION_H
#define PVMCTL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <pvm/pvm.h>

#include "ctl.h"
#include "term.h"
#include "wire.h"

enum console_kind { CONSOLE_STDIO, CONSOLE_PTY, CONSOLE_NONE };

enum phase {
	PHASE_BOOT,	/* before the mark "begin" */
	PHASE_USER,	/* what comes is for the user */
	PHASE_DONE,	/* the command has ended */
};

#define SESSION_QUEUE	4096
#define BOOT_LOG_BYTES	16384

struct session {
	/* set by the caller */
	struct pvm_ctx *ctx;
	struct pvm_vm *vm;
	const char *name;
	enum console_kind console;
	bool marked;			/* our own init runs in the guest and sends marks */
	bool command;			/* it runs a command: boot messages are not shown */
	bool quoted;			/* input goes through wire_quote() */
	const char *nonce;
	int status_fd;			/* --detach: where the parent waits; -1 = none */

	/* the rest is session.c's and sink.c's */
	struct pvm_loop *loop;
	struct pvm_console *con;
	struct ctl_server *ctl;
	int sigfd;
	struct pvm_watch *sig_watch;

	/* output: sink.c */
	int out_fd;			/* -1 = none */
	struct pvm_watch *out_watch;	/* set while out_fd has no room */
	bool out_lossy;			/* drop what does not fit: a pty nobody reads */
	bool discard;			/* nobody will read any more; take everything */
	bool write_failed;
	char queue[SESSION_QUEUE + WIRE_HOLD];
	size_t queue_len, queue_done;
	struct wire_filter filter;
	enum phase phase;
	bool has_status;
	int status;
	char boot[BOOT_LOG_BYTES];
	size_t boot_len;

	/* input: sink.c */
	int in_fd;			/* -1 = none, or ended */
	struct pvm_watch *in_watch;
	bool in_started;
	bool in_always;			/* a regular file: always ready */
	bool raw;			/* terminal in raw mode: Ctrl-] means something */
	struct wire_quote quote;
	char pending[TYPED_BYTES];	/* more than one read only of a terminal */
	size_t pending_len, pending_done;
	char pty_path[64];
	int pty_slave;			/* kept open, so that the pty outlives its readers */

	/* ending: session.c */
	bool stopping;
	bool wanted;			/* our user asked for the end: it is no failure */
	bool forced;
	int signal;			/* that asked, or 0 */
	bool has_deadline;
	long long deadline_ms, asked_ms;
};

/* ---- session.c ---- */

/** session_init() - defaults */
void session_init(struct session *s);

/** session_open() - signals, console and control socket; before pvm_vm_start(). EXIT_OK or code */
int session_open(struct session *s);

/**
 * session_run() - serve the started guest until it has ended
 * @ex:	how
 *
 * Return: exit code for the shell.
 */
int session_run(struct session *s, struct pvm_vm_exit *ex);

/** session_close() - undo session_open(); also of half of it */
void session_close(struct session *s, int code, const char *text);

/** session_stop() - somebody wants the guest to end: ask it, at the second time insist */
void session_stop(struct session *s, int signal);

/* ---- sink.c ---- */

int sink_open(struct session *s);
void sink_close(struct session *s);
/** sink_flush() - write out what is queued; ends early when a signal arrives */
void sink_flush(struct session *s);
/** sink_discard() - throw output away from now on */
void sink_discard(struct session *s);
/** sink_input() - bytes for the guest from a client. Return: bytes taken */
size_t sink_input(struct session *s, const char *data, size_t len);

#endif
