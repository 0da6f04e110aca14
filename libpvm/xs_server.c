// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore server: the guest's ring, and the first contents of the tree.
 *
 * Runs on the loop's thread when the store's event channel signals; the tree itself may be used by
 * any thread under the lock (pvm_vm_xs_write, pvm_vm_stop), which then pokes the channel so that
 * the events it caused are sent.
 *
 * A guest notifies us only when it thinks we are idle, so after publishing an index the other one
 * is looked at again behind a full barrier. We notify after every batch that moved a byte in either
 * direction: cheap, and right for guests that poll and for guests that sleep.
 *
 * Hostile guest: requests are not read while OUT_SOFT bytes of replies wait (it must take them
 * first), events are dropped beyond OUT_HARD, one call serves at most BATCH requests, and indices
 * or lengths that make no sense end the service.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <xen/io/xs_wire.h>

#include "lib.h"

#define OUT_SOFT	(64u << 10)
#define OUT_HARD	(1u << 20)
#define BATCH		64

static void guest_event(void *arg, const char *path, const char *token)
{
	struct pvm_xs_server *s = arg;
	char text[PVM_XS_PATH_BYTES + PVM_XS_TOKEN_BYTES];
	size_t path_bytes = strlen(path) + 1, token_bytes = strlen(token) + 1;

	memcpy(text, path, path_bytes);
	memcpy(text + path_bytes, token, token_bytes);
	if (s->out.used > OUT_HARD ||
	    pvm_xs_wire_put(&s->out, XS_WATCH_EVENT, 0, 0, text, path_bytes + token_bytes)) {
		if (!s->dropped_events++)
			pvm_log(&s->vm->ctx->log, PVM_LOG_WARN, "guest %s does not read its xenstore events: dropping them",
				s->vm->name);
	}
}

static void host_event(void *arg, const char *path, const char *token)
{
	(void)arg;
	(void)path;
	(void)token;			/* the host side has no watches yet */
}

static void give_up(struct pvm_xs_server *s, const char *why)
{
	s->broken = true;
	pvm_log(&s->vm->ctx->log, PVM_LOG_WARN, "guest %s broke the xenstore protocol (%s): not served any more",
		s->vm->name, why);
}

/* Send what waits. Return: bytes sent. */
static uint32_t send_some(struct pvm_xs_server *s)
{
	struct xenstore_domain_interface *ring = s->ring;
	uint32_t prod = pvm_ring_load(&ring->rsp_prod), cons = pvm_ring_load(&ring->rsp_cons), n;

	if (!pvm_ring_is_sane(cons, prod, XENSTORE_RING_SIZE)) {
		give_up(s, "response indices");
		return 0;
	}
	n = pvm_ring_room(cons, prod, XENSTORE_RING_SIZE);
	if (n > s->out.used)
		n = (uint32_t)s->out.used;
	if (!n)
		return 0;
	pvm_ring_copy_in(ring->rsp, XENSTORE_RING_SIZE, prod, s->out.data + s->out.head, n);
	pvm_ring_store(&ring->rsp_prod, prod + n);
	pvm_xs_buf_drop(&s->out, n);
	return n;
}

/* Bytes the message being received still lacks; the header tells how long it is. */
static uint32_t missing(struct pvm_xs_server *s, struct pvm_xs_msg *msg)
{
	if (s->in_bytes < PVM_XS_HEADER_BYTES)
		return PVM_XS_HEADER_BYTES - (uint32_t)s->in_bytes;
	pvm_xs_wire_decode(s->in, msg);
	if (msg->len > PVM_XS_PAYLOAD_BYTES) {
		give_up(s, "message too long");
		return 0;
	}
	return PVM_XS_HEADER_BYTES + msg->len - (uint32_t)s->in_bytes;
}

/* Take bytes of one message. Return: bytes taken; @done: the message is complete. */
static uint32_t receive_some(struct pvm_xs_server *s, struct pvm_xs_msg *msg, bool *done)
{
	struct xenstore_domain_interface *ring = s->ring;
	uint32_t taken = 0, want;

	while ((want = missing(s, msg))) {
		uint32_t cons = pvm_ring_load(&ring->req_cons);
		uint32_t prod = pvm_ring_load(&ring->req_prod), n;

		if (!pvm_ring_is_sane(cons, prod, XENSTORE_RING_SIZE)) {
			give_up(s, "request indices");
			break;
		}
		n = pvm_ring_used(cons, prod);
		if (n > want)
			n = want;
		if (!n)
			break;
		pvm_ring_copy_out(s->in + s->in_bytes, ring->req, XENSTORE_RING_SIZE, cons, n);
		pvm_ring_store(&ring->req_cons, cons + n);
		s->in_bytes += n;
		taken += n;
	}
	*done = !want && !s->broken;
	return taken;
}

/* Under the lock. Return: there is more to do than one call may take. */
static bool serve_locked(struct pvm_xs_server *s)
{
	unsigned int served = 0;
	struct pvm_xs_msg msg;
	uint32_t moved, total = 0;
	bool done;

	do {
		moved = send_some(s);
		done = false;
		if (s->out.used < OUT_SOFT && !s->broken)
			moved += receive_some(s, &msg, &done);
		if (done) {
			s->in_bytes = 0;
			served++;
			if (pvm_xs_handle(s->guest, &msg, s->in + PVM_XS_HEADER_BYTES, &s->out))
				give_up(s, "no memory for a reply");
		}
		total += moved;
		if (moved)
			pvm_ring_mb();
	} while (!s->broken && (moved || done) && served < BATCH);
	if (total)
		pvm_evtchn_raise(&s->evtchn);
	return served == BATCH;
}

void pvm_xs_server_serve(struct pvm_xs_server *s)
{
	bool more = false;

	pthread_mutex_lock(&s->lock);
	if (s->ring && !s->broken)
		more = serve_locked(s);
	pthread_mutex_unlock(&s->lock);
	if (more)
		pvm_evtchn_poke(&s->evtchn);
}

static void on_signal(void *arg, uint32_t events)
{
	struct pvm_xs_server *s = arg;

	(void)events;
	pvm_evtchn_ack(&s->evtchn);
	pvm_xs_server_serve(s);
}

int pvm_xs_server_init(struct pvm_xs_server *s, struct pvm_vm *vm)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->vm = vm;
	pthread_mutex_init(&s->lock, NULL);
	err = pvm_xs_create(&s->xs);
	if (!err)
		err = pvm_xs_conn_open(s->xs, 0, host_event, s, &s->host);
	if (!err)
		err = pvm_xs_conn_open(s->xs, vm->domid, guest_event, s, &s->guest);
	if (err) {
		pvm_fail(err, "cannot make the xenstore of guest %s: out of memory", vm->name);
		goto err_fini;
	}
	err = pvm_evtchn_init(&s->evtchn, vm);
	if (err)
		goto err_fini;
	return 0;

err_fini:
	pvm_xs_server_fini(s);
	return err;
}

void pvm_xs_server_fini(struct pvm_xs_server *s)
{
	if (!s->vm)
		return;
	pvm_evtchn_fini(&s->evtchn);
	pvm_xs_conn_close(s->guest);
	pvm_xs_conn_close(s->host);
	pvm_xs_destroy(s->xs);
	pvm_xs_buf_fini(&s->out);
	pthread_mutex_destroy(&s->lock);
	memset(s, 0, sizeof(*s));
}

int pvm_xs_server_start(struct pvm_xs_server *s)
{
	s->ring = pvm_mem_gfn(&s->vm->mem, s->vm->boot.store_pfn);
	return pvm_evtchn_bind(&s->evtchn, on_signal, s);
}

/* ---- first contents ---------------------------------------------------------------------- */

static int put(struct pvm_xs_server *s, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int put(struct pvm_xs_server *s, const char *path, const char *fmt, ...)
{
	char abs[PVM_XS_PATH_BYTES], value[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	snprintf(abs, sizeof(abs), "/local/domain/%u/%s", s->vm->domid, path);
	return pvm_xs_write(s->host, 0, path[0] == '/' ? path : abs, value, (size_t)n);
}

/* Who may do what: the guest owns some directories, reads the others. Children inherit. */
static int directory(struct pvm_xs_server *s, const char *path, bool guest_owns)
{
	char abs[PVM_XS_PATH_BYTES];
	const struct pvm_xs_perm owned[] = { { s->vm->domid, 0 } };
	const struct pvm_xs_perm readable[] = {
		{ 0, 0 }, { s->vm->domid, PVM_XS_PERM_READ },
	};
	int err;

	if (path[0] == '/')
		snprintf(abs, sizeof(abs), "%s", path);
	else
		snprintf(abs, sizeof(abs), "/local/domain/%u%s%s", s->vm->domid,
			 path[0] ? "/" : "", path);
	err = pvm_xs_mkdir(s->host, 0, abs);
	if (err)
		return err;
	return guest_owns ? pvm_xs_set_perms(s->host, 0, abs, owned, 1) :
			    pvm_xs_set_perms(s->host, 0, abs, readable, 2);
}

static int populate(struct pvm_xs_server *s)
{
	static const char *const owned[] = {
		"control", "device", "error", "data", "attr", "drivers", "feature",
	};
	const struct pvm_vm *vm = s->vm;
	const uint8_t *u = vm->uuid;
	char uuid[40], vm_path[64];
	int err;

	snprintf(uuid, sizeof(uuid), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
	snprintf(vm_path, sizeof(vm_path), "/vm/%s", uuid);
	err = directory(s, "", false);
	if (!err)
		err = directory(s, vm_path, false);
	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]) && !err; i++)
		err = directory(s, owned[i], true);

	err = err ?: put(s, "domid", "%u", vm->domid);
	err = err ?: put(s, "name", "%s", vm->name);
	err = err ?: put(s, "vm", "%s", vm_path);
	strcat(vm_path, "/uuid");
	err = err ?: put(s, vm_path, "%s", uuid);
	strcpy(strrchr(vm_path, '/'), "/name");
	err = err ?: put(s, vm_path, "%s", vm->name);
	/* The balloon takes target as the page count to reach: it must be what there is. */
	err = err ?: put(s, "memory/target", "%llu", (unsigned long long)vm->mem.nr_pages * 4);
	err = err ?: put(s, "memory/static-max", "%llu", (unsigned long long)vm->mem.nr_pages * 4);
	for (uint32_t i = 0; i < vm->nr_vcpus && !err; i++) {
		char path[32];

		snprintf(path, sizeof(path), "cpu/%u/availability", i);
		err = put(s, path, "online");
	}
	err = err ?: put(s, "control/shutdown", "%s", "");
	err = err ?: put(s, "control/sysrq", "%s", "");
	err = err ?: put(s, "control/platform-feature-multiprocessor-suspend", "1");
	err = err ?: put(s, "control/platform-feature-xs_reset_watches", "1");
	err = err ?: put(s, "console/ring-ref", "%llu", (unsigned long long)vm->boot.console_pfn);
	err = err ?: put(s, "console/port", "%u", vm->con.evtchn.port);
	err = err ?: put(s, "console/type", "pvm");
	err = err ?: put(s, "console/output", "pty");
	err = err ?: put(s, "console/limit", "65536");
	err = err ?: put(s, "store/ring-ref", "%llu", (unsigned long long)vm->boot.store_pfn);
	err = err ?: put(s, "store/port", "%u", s->evtchn.port);
	return err;
}

/* After a plan exists, before the guest runs; may be repeated. */
int pvm_xs_server_populate(struct pvm_xs_server *s)
{
	int err;

	pthread_mutex_lock(&s->lock);
	err = populate(s);
	pthread_mutex_unlock(&s->lock);
	if (err)
		return pvm_fail(err, "cannot fill the xenstore of guest %s: %s", s->vm->name,
				pvm_strerror(err));
	return 0;
}

/* ---- public ------------------------------------------------------------------------------ */

/* The host's relative paths are the guest's. */
static int host_path(struct pvm_vm *vm, const char *path, char *abs)
{
	if (pvm_xs_path_abs(path, vm->domid, abs))
		return pvm_fail(-EINVAL, "'%s' is no valid xenstore path", path);
	return 0;
}

int pvm_vm_xs_write(struct pvm_vm *vm, const char *path, const char *value)
{
	struct pvm_xs_server *s = &vm->xs;
	char abs[PVM_XS_PATH_BYTES];
	int err = host_path(vm, path, abs);

	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	err = pvm_xs_write(s->host, 0, abs, value, strlen(value));
	pthread_mutex_unlock(&s->lock);
	if (err)
		return pvm_fail(err, "cannot write xenstore node %s of guest %s: %s", path,
				vm->name, pvm_strerror(err));
	pvm_evtchn_poke(&s->evtchn);
	return 0;
}

int pvm_vm_xs_read(struct pvm_vm *vm, const char *path, char *buf, size_t bytes)
{
	struct pvm_xs_server *s = &vm->xs;
	const struct pvm_xs_node *n;
	char abs[PVM_XS_PATH_BYTES];
	int err = host_path(vm, path, abs);

	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	err = pvm_xs_get(s->host, 0, abs, &n);
	if (!err && n->value_bytes >= bytes)
		err = -EMSGSIZE;
	if (!err) {
		if (n->value_bytes)
			memcpy(buf, n->value, n->value_bytes);
		buf[n->value_bytes] = '\0';
	}
	pthread_mutex_unlock(&s->lock);
	if (err)
		return pvm_fail(err, "cannot read xenstore node %s of guest %s: %s", path,
				vm->name, pvm_strerror(err));
	return 0;
}
