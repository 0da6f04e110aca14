// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Event channels between guest and library: a port and two eventfds.
 *
 * send_fd is signalled by the driver when the guest sends, and by pvm_evtchn_poke() when somebody
 * in this process wants the port's owner to look at its ring; the owner cannot tell and need not.
 * Writing raise_fd raises the port in the guest, without an ioctl. Both eventfds exist from init
 * on, so that poking and raising need no check for a guest that does not run yet.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"

static void signal_fd(int fd)
{
	static const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n;		/* full means: signalled and not yet seen */
}

int pvm_evtchn_init(struct pvm_evtchn *ev, struct pvm_vm *vm)
{
	int err;

	memset(ev, 0, sizeof(*ev));
	ev->vm = vm;
	ev->send_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev->raise_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ev->send_fd < 0 || ev->raise_fd < 0) {
		err = -errno;
		pvm_evtchn_fini(ev);
		return pvm_fail(err, "cannot make an event descriptor: %s", pvm_strerror(err));
	}
	err = pvm_sys_evtchn_alloc(vm->fd, &ev->port);
	if (err) {
		pvm_evtchn_fini(ev);
		return pvm_fail(err, "cannot get an event channel for guest %s: %s", vm->name,
				pvm_strerror(err));
	}
	return 0;
}

/* Idempotent; of a zeroed object too. */
void pvm_evtchn_fini(struct pvm_evtchn *ev)
{
	if (!ev->vm)
		return;
	if (ev->bound)
		pvm_sys_evtchn_unbind(ev->vm->fd, ev->port);
	pvm_loop_remove(ev->vm->loop, ev->watch);
	if (ev->send_fd >= 0)
		close(ev->send_fd);
	if (ev->raise_fd >= 0)
		close(ev->raise_fd);
	memset(ev, 0, sizeof(*ev));
}

int pvm_evtchn_bind(struct pvm_evtchn *ev, void (*fn)(void *arg, uint32_t events), void *arg)
{
	int err = pvm_loop_add(ev->vm->loop, ev->send_fd, PVM_LOOP_READ, fn, arg, &ev->watch);

	if (err)
		return err;
	err = pvm_sys_evtchn_bind(ev->vm->fd, ev->port, ev->send_fd, ev->raise_fd);
	if (err) {
		pvm_loop_remove(ev->vm->loop, ev->watch);
		ev->watch = NULL;
		return pvm_fail(err, "cannot connect event channel %u of guest %s: %s", ev->port,
				ev->vm->name, pvm_strerror(err));
	}
	ev->bound = true;
	return 0;
}

void pvm_evtchn_raise(struct pvm_evtchn *ev)
{
	signal_fd(ev->raise_fd);
}

void pvm_evtchn_poke(struct pvm_evtchn *ev)
{
	signal_fd(ev->send_fd);
}

/* Before looking at the ring, so that what comes later signals again. */
void pvm_evtchn_ack(struct pvm_evtchn *ev)
{
	uint64_t count;
	ssize_t n = read(ev->send_fd, &count, sizeof(count));

	(void)n;		/* nothing there is fine */
}
