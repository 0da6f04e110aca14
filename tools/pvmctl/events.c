// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifecycle events of the driver over generic netlink (pvm_genl.h): the only file that knows libnl.
 *
 * The driver multicasts and is never asked, so sequence checking of netlink is off and loss shows
 * in PVM_A_SEQ. Attributes this program does not know are skipped, missing ones read as zero: the
 * driver may be newer or older.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/pvm_genl.h>

#include "events.h"

#define RECEIVE_BYTES (1 << 20)	/* room for a burst: some thousand events */

struct event_source {
	struct nl_sock *sk;
	int family;
	void (*fn)(void *arg, const struct event *ev);
	void *arg;
};

/* libnl has error numbers of its own. */
static int errno_of(int nlerr)
{
	switch (nlerr < 0 ? -nlerr : nlerr) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AGAIN:
	case NLE_DUMP_INTR:
	case NLE_INTR:
		return -EAGAIN;
	case NLE_AF_NOSUPPORT:
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

static int on_message(struct nl_msg *nlmsg, void *arg)
{
	static const struct nla_policy policy[PVM_A_MAX + 1] = {
		[PVM_A_EVENT] = { .type = NLA_U32 }, [PVM_A_SEQ] = { .type = NLA_U64 },
		[PVM_A_TIME_NS] = { .type = NLA_U64 }, [PVM_A_VM_ID] = { .type = NLA_U32 },
		[PVM_A_VM_NAME] = { .type = NLA_NUL_STRING }, [PVM_A_CODE] = { .type = NLA_U32 },
		[PVM_A_REASON] = { .type = NLA_NUL_STRING },
		[PVM_A_PART_ID] = { .type = NLA_U32 },
		[PVM_A_PART_NAME] = { .type = NLA_NUL_STRING },
	};
	struct nlmsghdr *h = nlmsg_hdr(nlmsg);
	struct nlattr *attr[PVM_A_MAX + 1];
	struct event_source *src = arg;
	struct nlattr *id, *name;
	struct event ev = { 0 };

	if (h->nlmsg_type != src->family || genlmsg_parse(h, 0, attr, PVM_A_MAX, policy) < 0)
		return NL_SKIP;
	if (((struct genlmsghdr *)nlmsg_data(h))->cmd != PVM_CMD_EVENT || !attr[PVM_A_EVENT])
		return NL_SKIP;
	ev.event = nla_get_u32(attr[PVM_A_EVENT]);
	id = attr[PVM_A_VM_ID];
	name = attr[PVM_A_VM_NAME];
	if (attr[PVM_A_SEQ])
		ev.seq = nla_get_u64(attr[PVM_A_SEQ]);
	if (attr[PVM_A_TIME_NS])
		ev.time_ns = nla_get_u64(attr[PVM_A_TIME_NS]);
	ev.is_part = attr[PVM_A_PART_ID] || attr[PVM_A_PART_NAME];
	if (ev.is_part) {
		id = attr[PVM_A_PART_ID];
		name = attr[PVM_A_PART_NAME];
	}
	if (id)
		ev.id = nla_get_u32(id);
	if (name)
		nla_strlcpy(ev.name, name, sizeof(ev.name));
	if (attr[PVM_A_CODE]) {
		ev.has_code = true;
		ev.code = nla_get_u32(attr[PVM_A_CODE]);
	}
	if (attr[PVM_A_REASON])
		nla_strlcpy(ev.reason, attr[PVM_A_REASON], sizeof(ev.reason));
	src->fn(src->arg, &ev);
	return NL_OK;
}

/* Everything for those who may have it, else what everybody gets. Return: 0 or an error of libnl. */
static int join(struct nl_sock *sk, bool *names)
{
	int group = genl_ctrl_resolve_grp(sk, PVM_GENL_NAME, PVM_GENL_MCGRP), err;

	err = group < 0 ? group : nl_socket_add_membership(sk, group);
	*names = true;
	if (err != -NLE_PERM && err != -NLE_NOACCESS)
		return err;
	group = genl_ctrl_resolve_grp(sk, PVM_GENL_NAME, PVM_GENL_MCGRP_IDS);
	*names = false;
	return group < 0 ? err : nl_socket_add_membership(sk, group);
}

int events_open(struct event_source **result, bool *names)
{
	struct event_source *src = calloc(1, sizeof(*src));
	int err;

	if (!src)
		return -ENOMEM;
	src->sk = nl_socket_alloc();
	if (!src->sk) {
		free(src);
		return -ENOMEM;
	}
	nl_socket_disable_seq_check(src->sk);
	err = genl_connect(src->sk);
	if (err < 0)
		goto fail;
	src->family = genl_ctrl_resolve(src->sk, PVM_GENL_NAME);
	if (src->family < 0) {
		err = src->family;
		goto fail;
	}
	nl_socket_set_buffer_size(src->sk, RECEIVE_BYTES, 0);	/* less is fine too */
	nl_socket_modify_cb(src->sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, src);
	err = join(src->sk, names);
	if (err < 0)
		goto fail;
	err = nl_socket_set_nonblocking(src->sk);
	if (err < 0)
		goto fail;
	*result = src;
	return 0;
fail:
	events_close(src);
	return errno_of(err);
}

int events_fd(const struct event_source *src)
{
	return nl_socket_get_fd(src->sk);
}

int events_read(struct event_source *src, void (*fn)(void *arg, const struct event *ev), void *arg)
{
	int err;

	src->fn = fn;
	src->arg = arg;
	/* libnl folds ENOBUFS into "out of memory"; errno still has the kernel's word. */
	errno = 0;
	err = nl_recvmsgs_default(src->sk);
	if (err < 0 && errno == ENOBUFS)
		return -ENOBUFS;
	err = err < 0 ? errno_of(err) : 0;
	return err == -EAGAIN ? 0 : err;
}

void events_close(struct event_source *src)
{
	if (!src)
		return;
	nl_socket_free(src->sk);
	free(src);
}
