// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control socket, the end of the pvmctl that runs the guest (ctl.h has the protocol).
 *
 * Output is kept in a ring of the last 64 KiB, and every attached client has a place in it: one that
 * reads slowly is told what it missed and never makes the guest wait. Nothing here waits. What a
 * client sends is checked for its user once, at accept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

#define RING_BYTES	65536	/* a power of two */
#define MAX_CLIENTS	16

struct client {
	struct ctl_server *server;
	int fd;				/* -1 = free */
	struct pvm_watch *watch;
	bool attached;
	uint64_t place;			/* next byte of output to send */
	bool blocked;			/* waits for room in the socket */
	struct ctl_packet in;		/* input the guest has not taken yet */
	size_t in_done;
	bool holding;
};

struct ctl_server {
	struct pvm_loop *loop;
	const struct ctl_ops *ops;
	void *arg;
	int fd;
	struct sockaddr_un sa;
	struct pvm_watch *watch;
	struct client clients[MAX_CLIENTS];
	char ring[RING_BYTES];
	uint64_t written;		/* bytes ever put into the ring */
};

static void drop(struct client *c)
{
	if (c->fd < 0)
		return;
	pvm_loop_remove(c->server->loop, c->watch);
	close(c->fd);
	memset(&c->in, 0, sizeof(c->in));
	c->watch = NULL;
	c->fd = -1;
	c->attached = false;
	c->holding = false;
	c->blocked = false;
}

/* A packet that must arrive now or not at all. false: no room, or the client is gone. */
static bool try_send(struct client *c, enum ctl_kind kind, const void *data, size_t len)
{
	return !ctl_send(c->fd, kind, data, len, false);
}

static void reply(struct client *c, enum ctl_kind kind, const char *text)
{
	try_send(c, kind, text, strlen(text));
}

static void update_watch(struct client *c)
{
	uint32_t events = 0;

	if (!c->holding)
		events |= PVM_LOOP_READ;
	if (c->blocked)
		events |= PVM_LOOP_WRITE;
	pvm_loop_modify(c->server->loop, c->watch, events);
}

/* Send what the client has not seen, as far as it goes. */
static void push_output(struct client *c)
{
	struct ctl_server *s = c->server;
	char note[64];

	while (c->place < s->written) {
		size_t at, len;

		if (s->written - c->place > RING_BYTES) {
			int n = snprintf(note, sizeof(note), "\r\n[%llu bytes of output lost]\r\n",
					 (unsigned long long)(s->written - c->place - RING_BYTES));

			if (!try_send(c, CTL_OUTPUT, note, n))
				break;
			c->place = s->written - RING_BYTES;
		}
		at = c->place % RING_BYTES;
		len = s->written - c->place;
		if (len > RING_BYTES - at)
			len = RING_BYTES - at;
		if (len > CTL_DATA)
			len = CTL_DATA;
		if (!try_send(c, CTL_OUTPUT, s->ring + at, len))
			break;
		c->place += len;
	}
	if (c->blocked != (c->place < s->written)) {
		c->blocked = !c->blocked;
		update_watch(c);
	}
}

static void push_input(struct client *c)
{
	struct ctl_server *s = c->server;
	bool held = c->holding;

	c->in_done += s->ops->input(s->arg, c->in.data + c->in_done, c->in.len - c->in_done);
	c->holding = c->in_done < c->in.len;
	if (held != c->holding)
		update_watch(c);
}

static void attach(struct client *c)
{
	struct ctl_server *s = c->server;
	const char *why = s->ops->console_refused(s->arg);
	size_t i;

	for (i = 0; i < MAX_CLIENTS && !why; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].attached)
			why = "somebody else is on the console";
	if (why) {
		reply(c, CTL_REFUSED, why);
		return;
	}
	reply(c, CTL_OK, "");
	c->attached = true;
	c->place = s->written > RING_BYTES ? s->written - RING_BYTES : 0;
	push_output(c);
}

static void on_packet(struct client *c)
{
	struct ctl_server *s = c->server;

	switch (c->in.kind) {
	case CTL_STOP:
		s->ops->stop(s->arg);
		reply(c, CTL_OK, "");
		break;
	case CTL_FORCE:
		s->ops->force(s->arg);
		reply(c, CTL_OK, "");
		break;
	case CTL_CONSOLE:
		attach(c);
		break;
	case CTL_INPUT:
		if (!c->attached) {
			reply(c, CTL_REFUSED, "not attached");
			break;
		}
		c->in_done = 0;
		push_input(c);
		break;
	default:
		reply(c, CTL_REFUSED, "this pvmctl does not know the request");
	}
}

static void on_client(void *arg, uint32_t events)
{
	struct client *c = arg;
	int ret;

	if (events & PVM_LOOP_WRITE)
		push_output(c);
	if (events & PVM_LOOP_READ && !c->holding) {
		ret = ctl_receive(c->fd, &c->in, false);
		if (ret > 0)
			on_packet(c);
		else if (ret != -EAGAIN)
			drop(c);
	} else if (events & PVM_LOOP_HANGUP) {
		drop(c);
	}
}

static void on_connect(void *arg, uint32_t events)
{
	struct ctl_server *s = arg;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct client *c = NULL;
	size_t i;
	int fd;

	(void)events;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	for (i = 0; i < MAX_CLIENTS && !c; i++)
		if (s->clients[i].fd < 0)
			c = &s->clients[i];
	if (!c || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    (peer.uid != 0 && peer.uid != geteuid()) ||
	    pvm_loop_add(s->loop, fd, PVM_LOOP_READ, on_client, c, &c->watch)) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
}

int ctl_serve(struct pvm_loop *loop, const char *name, const struct ctl_ops *ops, void *arg,
	      struct ctl_server **server)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	int err, lock;
	size_t i;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->ops = ops;
	s->arg = arg;
	for (i = 0; i < MAX_CLIENTS; i++)
		s->clients[i].fd = -1;
	lock = ctl_lock(true);
	if (lock < 0) {
		err = lock;
		goto err_free;
	}
	s->fd = ctl_socket(name, geteuid(), true, &s->sa);
	if (s->fd < 0) {
		err = s->fd;
		goto err_unlock;
	}
	/* The driver has given us the name, so a socket that still answers is somebody's mistake
	 * and one that does not is left from a pvmctl that was killed. */
	if (!ctl_is_left(name)) {
		err = -EADDRINUSE;
		goto err_close;
	}
	unlink(s->sa.sun_path);
	ctl_sweep();
	if (bind(s->fd, (struct sockaddr *)&s->sa, sizeof(s->sa))) {
		err = -errno;
		goto err_close;
	}
	if (listen(s->fd, MAX_CLIENTS)) {
		err = -errno;
		goto err_unlink;
	}
	err = pvm_loop_add(loop, s->fd, PVM_LOOP_READ, on_connect, s, &s->watch);
	if (err)
		goto err_unlink;
	close(lock);
	*server = s;
	return 0;
err_unlink:
	unlink(s->sa.sun_path);
err_close:
	close(s->fd);
err_unlock:
	close(lock);
err_free:
	free(s);
	return err;
}

void ctl_output(struct ctl_server *s, const char *data, size_t len)
{
	size_t i, at, part;

	if (len > RING_BYTES) {
		s->written += len - RING_BYTES;
		data += len - RING_BYTES;
		len = RING_BYTES;
	}
	while (len) {
		at = s->written % RING_BYTES;
		part = len < RING_BYTES - at ? len : RING_BYTES - at;
		memcpy(s->ring + at, data, part);
		s->written += part;
		data += part;
		len -= part;
	}
	for (i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].attached && !s->clients[i].blocked)
			push_output(&s->clients[i]);
}

void ctl_input_ready(struct ctl_server *s)
{
	size_t i;

	for (i = 0; i < MAX_CLIENTS; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].holding)
			push_input(&s->clients[i]);
}

void ctl_close(struct ctl_server *s, int code, const char *text)
{
	char last[1 + 512];
	size_t i;
	int n;

	if (!s)
		return;
	last[0] = code;
	n = snprintf(last + 1, sizeof(last) - 1, "%s", text);
	for (i = 0; i < MAX_CLIENTS; i++) {
		if (s->clients[i].fd < 0)
			continue;
		try_send(&s->clients[i], CTL_ENDED, last,
			 1 + (n < 511 ? (size_t)n : 511));
		drop(&s->clients[i]);
	}
	pvm_loop_remove(s->loop, s->watch);
	unlink(s->sa.sun_path);
	close(s->fd);
	free(s);
}
