// SPDX-License-Identifier: GPL-2.0-only
/* Lifecycle events over generic netlink, with a reader of our own. */
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "abi.h"

struct event {
	uint32_t event, vm_id, code;
	uint64_t seq, time_ns;
	bool has_code, has_reason;
	char name[64];
};

static int genl_send(int sock, uint16_t family, uint8_t cmd, uint16_t type, const void *data, uint16_t bytes)
{
	struct {
		struct nlmsghdr n;
		struct genlmsghdr g;
		struct nlattr a;
		char data[64];
	} m = { .n = { .nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST }, .g = { .cmd = cmd, .version = 1 },
		.a = { .nla_len = NLA_HDRLEN + bytes, .nla_type = type } };

	memcpy(m.data, data, bytes);
	m.n.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(m.a.nla_len);
	return send(sock, &m, m.n.nlmsg_len, 0) < 0 ? -errno : 0;
}

static const struct nlattr *find_attribute(const void *p, int bytes, uint16_t type)
{
	const struct nlattr *a = p;

	while (bytes >= (int)sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= bytes) {
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		bytes -= NLA_ALIGN(a->nla_len);
		a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len));
	}
	return NULL;
}

static const void *payload(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

/* The id of a group, or a negative errno. */
static int find_group(int sock, const char *name)
{
	static char buffer[8192] __attribute__((aligned(8)));
	const struct nlmsghdr *n = (void *)buffer;
	const struct nlattr *groups, *group, *id, *label;
	int left;
	const char *attributes = buffer + NLMSG_HDRLEN + GENL_HDRLEN;
	ssize_t got;

	genl_send(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, PVM_GENL_NAME, sizeof(PVM_GENL_NAME));
	got = recv(sock, buffer, sizeof(buffer), 0);
	if (got < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) || n->nlmsg_type == NLMSG_ERROR)
		return -ENOENT;
	groups = find_attribute(attributes, got - NLMSG_HDRLEN - GENL_HDRLEN, CTRL_ATTR_MCAST_GROUPS);
	if (!groups)
		return -ENOENT;
	group = payload(groups);
	for (left = groups->nla_len - NLA_HDRLEN; left >= NLA_HDRLEN && group->nla_len >= NLA_HDRLEN;) {
		id = find_attribute(payload(group), group->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
		label = find_attribute(payload(group), group->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_NAME);
		if (id && label && !strcmp(payload(label), name))
			return *(const uint32_t *)payload(id);
		left -= NLA_ALIGN(group->nla_len);
		group = (const void *)((const char *)group + NLA_ALIGN(group->nla_len));
	}
	return -ENOENT;
}

static bool next_event(int sock, struct event *e)
{
	static char buffer[8192] __attribute__((aligned(8)));
	const char *attributes = buffer + NLMSG_HDRLEN + GENL_HDRLEN;
	const struct nlattr *a;
	ssize_t got = recv(sock, buffer, sizeof(buffer), 0);
	int bytes = got - NLMSG_HDRLEN - GENL_HDRLEN;

	memset(e, 0, sizeof(*e));
	if (bytes <= 0)
		return false;
	if ((a = find_attribute(attributes, bytes, PVM_A_EVENT)))
		memcpy(&e->event, payload(a), 4);
	if ((a = find_attribute(attributes, bytes, PVM_A_VM_ID)))
		memcpy(&e->vm_id, payload(a), 4);
	if ((a = find_attribute(attributes, bytes, PVM_A_SEQ)))
		memcpy(&e->seq, payload(a), 8);
	if ((a = find_attribute(attributes, bytes, PVM_A_TIME_NS)))
		memcpy(&e->time_ns, payload(a), 8);
	if ((a = find_attribute(attributes, bytes, PVM_A_VM_NAME)))
		snprintf(e->name, sizeof(e->name), "%s", (const char *)payload(a));
	if ((a = find_attribute(attributes, bytes, PVM_A_CODE)))
		memcpy(&e->code, payload(a), 4);
	e->has_code = a;
	e->has_reason = find_attribute(attributes, bytes, PVM_A_REASON);
	return true;
}

static void events(void)
{
	static const uint32_t order[] = { PVM_EVENT_VM_CREATED, PVM_EVENT_VM_STARTED, PVM_EVENT_VM_DIED,
					  PVM_EVENT_VM_DESTROYED };
	struct timeval second = { .tv_sec = 2 };
	struct pvm_vcpu_regs r = regs_arg();
	struct pvm_stop s = { .size = sizeof(s) };
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), group, dev = device();
	struct event e[COUNT(order)];
	bool ordered = true;
	uint64_t last = 0;
	struct guest g;
	size_t i;

	must("netlink socket", sock < 0 ? -errno : 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	group = find_group(sock, PVM_GENL_MCGRP);
	expect_true("the family has its group", group > 0);
	must("join", setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0);
	g = new_guest("told");
	must("SET_REGS", call(g.vcpu, PVM_VCPU_SET_REGS, &r));
	g.run->immediate_exit = 1;
	(void)call(g.vcpu, PVM_VCPU_RUN, NULL);
	must("STOP", call(g.vm, PVM_VM_STOP, &s));
	end_guest(&g);
	for (i = 0; i < COUNT(order); i++) {
		bool good = next_event(sock, &e[i]) && e[i].event == order[i] && e[i].vm_id == g.id &&
			    !strcmp(e[i].name, "told") && e[i].time_ns;

		expect_true("event arrives, in order", good);
		expect_true("numbers follow each other", !i || e[i].seq == last + 1);
		last = e[i].seq;
	}
	expect_true("a death has code and reason", e[2].code == PVM_DEATH_STOPPED && e[2].has_reason);
	expect_true("the others have not", !e[0].has_code && !e[0].has_reason && !e[1].has_code && !e[3].has_code);

	/* More than the socket holds: what is lost is a gap, the rest is in order. */
	for (i = 0; i < 600; i++)
		close(create_vm(dev, "flood", NULL));
	for (i = 0; next_event(sock, &e[0]) || errno == ENOBUFS;) {
		ordered &= !e[0].seq || e[0].seq > last;
		last = e[0].seq ? e[0].seq : last;
		i += e[0].seq > 0;
	}
	expect_true("under a flood events arrive, and in order", i > 0 && ordered);
	close(sock);
	close(dev);
}

static int join(int sock, const char *name)
{
	int group = find_group(sock, name);

	if (group < 0)
		return group;
	return setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0;
}

/* A listener without privilege: that something happened, and to which id, but to whom and why is not his business. */
static void stranger(void)
{
	static const uint32_t order[] = { PVM_EVENT_VM_CREATED, PVM_EVENT_VM_DIED, PVM_EVENT_VM_DESTROYED };
	struct timeval second = { .tv_sec = 2 };
	struct pvm_stop s = { .size = sizeof(s) };
	bool told = true, nameless = true;
	struct event e;
	struct guest g;
	size_t i;
	int sock;

	must("seteuid", seteuid(1000) ? -errno : 0);
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	must("netlink socket", sock < 0 ? -errno : 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	expect("the group with names is not for everybody", join(sock, PVM_GENL_MCGRP), -EPERM);
	expect("the group without is", join(sock, PVM_GENL_MCGRP_IDS), 0);
	must("seteuid", seteuid(0) ? -errno : 0);
	g = new_guest("secret");
	must("STOP", call(g.vm, PVM_VM_STOP, &s));
	end_guest(&g);
	for (i = 0; i < COUNT(order); i++) {
		told &= next_event(sock, &e) && e.event == order[i] && e.vm_id == g.id && e.seq &&
			e.has_code == (order[i] == PVM_EVENT_VM_DIED);
		nameless &= !e.name[0] && !e.has_reason;
	}
	expect_true("events arrive without privilege", told);
	expect_true("without names and reasons", nameless);
	close(sock);
}

void test_events(void)
{
	events();
	stranger();
}
