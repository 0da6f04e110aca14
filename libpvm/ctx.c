// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Context: the open driver, its capabilities, the list of guests; and how option structures of
 * programs older or newer than this library are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"

_Static_assert(PVM_STATE_DEAD == PVM_VM_DEAD && PVM_STATE_SHUTDOWN == PVM_VM_SHUTDOWN &&
	       PVM_STATE_RUNNING == PVM_VM_RUNNING, "states as in the driver's ABI");
_Static_assert(PVM_HAS_LA57 == PVM_HOST_LA57 && PVM_HAS_TSC_STABLE == PVM_HOST_TSC_STABLE &&
	       PVM_HAS_SMAP == PVM_HOST_SMAP, "host flags as in the driver's ABI");
_Static_assert(PVM_NAME_BYTES == PVM_NAME_LEN, "names as in the driver's ABI");

/*
 * Read a structure that starts with its own size: a shorter one (older program) reads as zero at
 * its end, a longer one (newer program) must be zero beyond what we know. NULL reads as all zero.
 */
int pvm_opts_copy(void *dst, size_t dst_bytes, const void *src, const char *what)
{
	size_t sz;

	memset(dst, 0, dst_bytes);
	if (!src)
		return 0;
	memcpy(&sz, src, sizeof(sz));
	if (sz < sizeof(sz) || sz > 4096)
		return pvm_fail(-EINVAL, "%s.sz is %zu; initialise the structure with its *_INIT macro",
				what, sz);
	for (size_t i = dst_bytes; i < sz; i++)
		if (((const uint8_t *)src)[i])
			return pvm_fail(-E2BIG, "%s has options this version of libpvm (%s) does not know; install a newer one",
					what, PVM_VERSION);
	memcpy(dst, src, sz < dst_bytes ? sz : dst_bytes);
	return 0;
}

/* The other direction: fill the part of @dst its owner knows of. Its sz stays. */
int pvm_result_copy(void *dst, const void *src, size_t src_bytes, const char *what)
{
	size_t sz;

	memcpy(&sz, dst, sizeof(sz));
	if (sz < sizeof(sz) || sz > 4096)
		return pvm_fail(-EINVAL, "%s.sz is %zu; initialise the structure with its *_INIT macro",
				what, sz);
	memset((uint8_t *)dst + sizeof(sz), 0, sz - sizeof(sz));
	if (src_bytes > sz)
		src_bytes = sz;
	memcpy((uint8_t *)dst + sizeof(sz), (const uint8_t *)src + sizeof(sz),
	       src_bytes - sizeof(sz));
	return 0;
}

static int open_device(const char *device, int *fd)
{
	int err = pvm_sys_open(device, fd);

	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return pvm_fail(-ENODEV, "cannot open %s: the driver is not loaded; try 'modprobe pvm', or install pvm-dkms",
				device);
	case -EACCES:
	case -EPERM:
		return pvm_fail(-EACCES, "cannot open %s: permission denied; become root or a member of the group that owns it (usually 'pvm')",
				device);
	default:
		return pvm_fail(err, "cannot open %s: %s", device, pvm_strerror(err));
	}
}

int pvm_ctx_create(const struct pvm_ctx_opts *opts, struct pvm_ctx **ctx)
{
	struct pvm_ctx_opts o;
	struct pvm_ctx *c;
	const char *device;
	int err;

	err = pvm_opts_copy(&o, sizeof(o), opts, "pvm_ctx_opts");
	if (err)
		return err;
	if (o.flags)
		return pvm_fail(-EINVAL, "pvm_ctx_opts.flags has unknown bits");
	device = o.device ? o.device : "/dev/pvm";
	c = calloc(1, sizeof(*c));
	if (!c)
		return pvm_fail(-ENOMEM, "cannot make a context: out of memory");
	c->fd = -1;
	c->log = (struct pvm_log){ .fn = o.log, .arg = o.log_arg, .level = o.log_level };
	err = open_device(device, &c->fd);
	if (err)
		goto err_free;
	err = pvm_sys_cap(c->fd, PVM_CAP_MAX_VCPUS, &c->max_vcpus);
	if (err) {
		err = pvm_fail(-EPROTO, "cannot use %s: it does not answer like the pvm driver (%s)",
			       device, pvm_strerror(err));
		goto err_close;
	}
	err = pvm_loop_create(&c->loop);
	if (err)
		goto err_close;
	*ctx = c;
	return 0;

err_close:
	close(c->fd);
err_free:
	free(c);
	return err;
}

void pvm_ctx_destroy(struct pvm_ctx *ctx)
{
	int nr;

	if (!ctx)
		return;
	nr = __atomic_load_n(&ctx->nr_vms, __ATOMIC_RELAXED);
	if (nr) {
		/* Freeing would pull the loop away under them. */
		pvm_log(&ctx->log, PVM_LOG_ERR, "context destroyed with %d guests left in it: leaked",
			nr);
		return;
	}
	pvm_loop_destroy(ctx->loop);
	close(ctx->fd);
	free(ctx);
}

struct pvm_loop *pvm_ctx_loop(struct pvm_ctx *ctx)
{
	return ctx->loop;
}

int pvm_ctx_info_get(struct pvm_ctx *ctx, struct pvm_ctx_info *info)
{
	struct pvm_ctx_info got = { 0 };
	const struct {
		uint32_t cap;
		uint64_t *value;
	} caps[] = {
		{ PVM_CAP_VERSION, &got.driver_version },
		{ PVM_CAP_MAX_VCPUS, &got.max_vcpus },
		{ PVM_CAP_MAX_SLOTS, &got.max_slots },
		{ PVM_CAP_HOST, &got.host_flags },
		{ PVM_CAP_TSC_KHZ, &got.tsc_khz },
		{ PVM_CAP_GUEST_XCR0, &got.guest_xcr0 },
		{ PVM_CAP_ADDR_BITS, &got.addr_bits },
		{ PVM_CAP_PARTITIONS, &got.partitions },
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		int err = pvm_sys_cap(ctx->fd, caps[i].cap, caps[i].value);

		if (err)
			return pvm_fail(err, "cannot ask the driver for its capabilities: %s",
					pvm_strerror(err));
	}
	return pvm_result_copy(info, &got, sizeof(got), "pvm_ctx_info");
}

int pvm_ctx_list(struct pvm_ctx *ctx, struct pvm_vm_info **rows, size_t *count)
{
	struct pvm_vm_entry *entries = NULL, *more;
	struct pvm_vm_info *list;
	uint32_t nr = 16, room;
	int err;

	/* Guests come and go between two calls: try again with what the driver asked for. */
	do {
		room = nr;
		more = realloc(entries, room * sizeof(*entries));
		if (!more) {
			err = -ENOMEM;
			break;
		}
		entries = more;
		memset(entries, 0, room * sizeof(*entries));
		err = pvm_sys_list_vms(ctx->fd, entries, &nr);
	} while (err == -EMSGSIZE && nr > room && nr <= 4096);
	if (err) {
		free(entries);
		return pvm_fail(err, "cannot list the guests: %s", pvm_strerror(err));
	}
	if (nr > room)
		nr = room;
	list = nr ? calloc(nr, sizeof(*list)) : NULL;
	if (nr && !list) {
		free(entries);
		return pvm_fail(-ENOMEM, "cannot list the guests: out of memory");
	}
	for (uint32_t i = 0; i < nr; i++) {
		const struct pvm_vm_entry *e = &entries[i];
		struct pvm_vm_info *l = &list[i];

		l->id = e->id;
		l->state = e->state;
		memcpy(l->name, e->name, sizeof(l->name));
		l->name[sizeof(l->name) - 1] = '\0';
		l->pid = e->pid;
		l->uid = e->uid;
		l->nr_vcpus = e->nr_vcpus;
		l->shutdown_reason = e->shutdown_reason;
		l->memory_bytes = e->memory_bytes;
		l->shadow_bytes = e->shadow_bytes;
		l->created_ns = e->created_ns;
		l->runtime_ns = e->runtime_ns;
	}
	free(entries);
	*rows = list;
	*count = nr;
	return 0;
}

int pvm_ctx_stats_by_id(struct pvm_ctx *ctx, uint32_t id, struct pvm_stat_row **rows,
			size_t *count)
{
	int err = pvm_stats_rows(ctx->fd, id, rows, count);

	if (err == -ENOENT)
		return pvm_fail(err, "cannot read the counters of guest %u: there is no such guest",
				id);
	return err;
}
