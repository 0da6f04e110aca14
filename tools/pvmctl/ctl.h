/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control socket of a running guest: how 'pvmctl stop' and 'pvmctl console' reach the pvmctl that
 * runs it.
 *
 * A sequenced-packet socket NAME.sock in a directory only its user can enter. A packet is one byte
 * of kind and up to CTL_DATA bytes:
 *
 *	client                          server
 *	STOP, FORCE, CONSOLE    ──▶
 *	                        ◀──     OK text │ REFUSED text
 *	INPUT bytes             ──▶     (after CONSOLE)
 *	                        ◀──     OUTPUT bytes
 *	                        ◀──     ENDED exit code (one byte), text; then the end
 */
#ifndef PVMCTL_CTL_H
#define PVMCTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pvm/pvm.h>

#define CTL_DATA	4096

enum ctl_kind {
	CTL_STOP = 's', CTL_FORCE = 'f', CTL_CONSOLE = 'c', CTL_INPUT = 'i',
	CTL_OK = 'k', CTL_REFUSED = 'r', CTL_OUTPUT = 'o', CTL_ENDED = 'e',
};

struct ctl_packet {
	char kind;
	char data[CTL_DATA + 1];	/* room for a NUL behind text */
	size_t len;			/* of data */
};

/* ---- client ---- */

/**
 * ctl_connect() - reach the pvmctl that runs guest @name
 * @uid:	user it belongs to
 *
 * Return: descriptor; -ENOENT, -ECONNREFUSED: nobody is there; another -errno.
 */
int ctl_connect(const char *name, uid_t uid);

/** ctl_send() - one packet. Return: 0; -EAGAIN: no room now; another -errno */
int ctl_send(int fd, enum ctl_kind kind, const void *data, size_t len, bool wait);

/** ctl_receive() - one packet. Return: 1; 0: the other end is gone; -EAGAIN: none yet; -errno */
int ctl_receive(int fd, struct ctl_packet *p, bool wait);

/* ---- server ---- */

struct ctl_server;

struct ctl_ops {
	void (*stop)(void *arg);
	void (*force)(void *arg);
	/* Input of the console's writer. Return: bytes taken; the rest is offered again. */
	size_t (*input)(void *arg, const char *data, size_t len);
	/* NULL, or why the console cannot be attached now. */
	const char *(*console_refused)(void *arg);
};

/**
 * ctl_serve() - listen for guest @name in the loop
 *
 * A socket nobody answers on is removed first. Return: 0; -EADDRINUSE: somebody runs a guest of that
 * name; another -errno.
 */
int ctl_serve(struct pvm_loop *loop, const char *name, const struct ctl_ops *ops, void *arg,
	      struct ctl_server **server);

/** ctl_output() - the guest wrote: keep it for replay and give it to who is attached */
void ctl_output(struct ctl_server *s, const char *data, size_t len);

/** ctl_input_ready() - input can be taken again */
void ctl_input_ready(struct ctl_server *s);

/** ctl_close() - tell clients how it ended, remove the socket. NULL is allowed. */
void ctl_close(struct ctl_server *s, int code, const char *text);

/**
 * ctl_directory() - where sockets of user @uid are
 * @create:	make it, for our own user
 *
 * Return: 0; -EPERM: the directory there is not safe to use; another -errno.
 */
int ctl_directory(uid_t uid, bool create, char *path, size_t len);

/**
 * ctl_lock() - hold this user's directory of sockets, until the descriptor is closed
 * @create:	make it if there is none
 *
 * Between its bind() and its listen() a new socket refuses like one that was left: who makes one and
 * who removes one must not meet. Who does not get it in 2 s goes on without: that they meet is rare, and
 * a guest that cannot be started is worse. Return: descriptor or -errno.
 */
int ctl_lock(bool create);

/** ctl_is_left() - is there nobody at this user's socket of guest @name? With the lock. */
bool ctl_is_left(const char *name);

/** ctl_forget() - remove the socket that a killed pvmctl of this user left, unless somebody answers */
void ctl_forget(const char *name);

/**
 * ctl_sweep() - forget sockets named after processes (guest-PID) that are gone; other names come again
 *
 * With the lock.
 */
void ctl_sweep(void);

struct sockaddr_un;

/** ctl_socket() - an unconnected socket and the address of a guest's. Return: descriptor or -errno */
int ctl_socket(const char *name, uid_t uid, bool create, struct sockaddr_un *sa);

#endif
