// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Event loop: epoll, and a list of watches.
 *
 * One epoll instance per loop, which is also what pvm_loop_fd() returns: epoll descriptors nest, so
 * a caller's own loop needs to know nothing else. Callbacks may add and remove any watch, their own
 * included: a removed watch is taken out of epoll at once but freed only when no batch of events
 * that may still name it is being walked (the graveyard).
 *
 * Not here: timers (callers have timerfd), priorities, fairness beyond epoll's own.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib.h"

#define LOOP_BATCH	16

struct pvm_watch {
	int fd;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
	bool dead;
	struct pvm_watch *next;		/* in the graveyard */
};

struct pvm_loop {
	int epfd;
	int wake_fd;			/* its event has a NULL watch */
	unsigned int depth;		/* of pvm_loop_dispatch(), callbacks may nest it */
	struct pvm_watch *graveyard;
};

static uint32_t to_epoll(uint32_t events)
{
	return (events & PVM_LOOP_READ ? EPOLLIN : 0) | (events & PVM_LOOP_WRITE ? EPOLLOUT : 0);
}

static uint32_t from_epoll(uint32_t ev)
{
	return (ev & EPOLLIN ? PVM_LOOP_READ : 0) | (ev & EPOLLOUT ? PVM_LOOP_WRITE : 0) |
	       (ev & (EPOLLHUP | EPOLLERR) ? PVM_LOOP_HANGUP : 0);
}

int pvm_loop_create(struct pvm_loop **loop)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	struct pvm_loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return pvm_fail(-ENOMEM, "cannot make an event loop: out of memory");
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epfd < 0 || l->wake_fd < 0 ||
	    epoll_ctl(l->epfd, EPOLL_CTL_ADD, l->wake_fd, &ev) < 0) {
		err = -errno;
		pvm_fail(err, "cannot make an event loop: %s", pvm_strerror(err));
		pvm_loop_destroy(l);
		return err;
	}
	*loop = l;
	return 0;
}

static void bury(struct pvm_loop *l)
{
	while (l->graveyard) {
		struct pvm_watch *w = l->graveyard;

		l->graveyard = w->next;
		free(w);
	}
}

void pvm_loop_destroy(struct pvm_loop *loop)
{
	if (!loop)
		return;
	bury(loop);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epfd >= 0)
		close(loop->epfd);
	free(loop);
}

int pvm_loop_fd(const struct pvm_loop *loop)
{
	return loop->epfd;
}

int pvm_loop_dispatch(struct pvm_loop *loop, int timeout_ms)
{
	struct epoll_event evs[LOOP_BATCH];
	int n = epoll_wait(loop->epfd, evs, LOOP_BATCH, timeout_ms < 0 ? -1 : timeout_ms);
	bool woken = false;
	int err;

	if (n < 0) {
		err = -errno;
		if (err == -EINTR)
			return pvm_fail(err, "waiting for events was interrupted by a signal");
		return pvm_fail(err, "cannot wait for events: %s", pvm_strerror(err));
	}
	loop->depth++;
	for (int i = 0; i < n; i++) {
		struct pvm_watch *w = evs[i].data.ptr;
		uint64_t count;

		if (!w)
			woken = read(loop->wake_fd, &count, sizeof(count)) == sizeof(count);
		else if (!w->dead)
			w->fn(w->arg, from_epoll(evs[i].events));
	}
	if (--loop->depth == 0)
		bury(loop);
	if (woken)
		return pvm_fail(-EINTR, "waiting for events was interrupted by a wake-up");
	return 0;
}

/* Also called in signal handlers: write(2) only, and errno as it was. */
void pvm_loop_wake(struct pvm_loop *loop)
{
	static const uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(loop->wake_fd, &one, sizeof(one));

	(void)n;			/* full means somebody else has woken it */
	errno = saved;
}

int pvm_loop_add(struct pvm_loop *loop, int fd, uint32_t events,
		 void (*fn)(void *arg, uint32_t events), void *arg, struct pvm_watch **watch)
{
	struct epoll_event ev = { .events = to_epoll(events) };
	struct pvm_watch *w;
	int err;

	if (!fn || events & ~(PVM_LOOP_READ | PVM_LOOP_WRITE))
		return pvm_fail(-EINVAL, "cannot watch descriptor %d: %s", fd,
				fn ? "unknown event bits" : "no function given");
	w = calloc(1, sizeof(*w));
	if (!w)
		return pvm_fail(-ENOMEM, "cannot watch descriptor %d: out of memory", fd);
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	ev.data.ptr = w;
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		err = -errno;
		free(w);
		return pvm_fail(err, "cannot watch descriptor %d: %s", fd,
				err == -EPERM ? "this kind of file is always ready" :
				err == -EEXIST ? "it is in this loop already" : pvm_strerror(err));
	}
	*watch = w;
	return 0;
}

int pvm_loop_modify(struct pvm_loop *loop, struct pvm_watch *watch, uint32_t events)
{
	struct epoll_event ev = { .events = to_epoll(events), .data.ptr = watch };
	int err;

	if (events & ~(PVM_LOOP_READ | PVM_LOOP_WRITE))
		return pvm_fail(-EINVAL, "cannot watch descriptor %d: unknown event bits",
				watch->fd);
	if (epoll_ctl(loop->epfd, EPOLL_CTL_MOD, watch->fd, &ev) < 0) {
		err = -errno;
		return pvm_fail(err, "cannot watch descriptor %d: %s", watch->fd,
				pvm_strerror(err));
	}
	return 0;
}

void pvm_loop_remove(struct pvm_loop *loop, struct pvm_watch *watch)
{
	if (!watch || watch->dead)
		return;
	/* Fails harmlessly if the caller closed the descriptor first: epoll forgot it then. */
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->dead = true;
	if (loop->depth) {
		watch->next = loop->graveyard;
		loop->graveyard = watch;
	} else {
		free(watch);
	}
}
