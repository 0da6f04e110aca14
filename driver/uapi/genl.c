// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink family "pvm": lifecycle events to whoever listens.
 *
 * The sink is called from any context, so it only copies the event into a ring of fixed size; a worker sends from
 * there. What finds the ring full, or no memory for its message, is lost, and listeners see it as a gap in the
 * numbers. With nobody listening nothing is built.
 */
#include <linux/module.h>
#include <linux/pvm_genl.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "core/event.h"
#include "compat/genl.h"
#include "uapi/uapi.h"

#define RING	64u	/* events between two runs of the worker */

struct queued_event {
	u64 seq, time_ns;
	u32 event, code, id;
	bool is_partition, has_code, has_reason;
	char name[PVM_NAME_LEN];
	char reason[sizeof_field(struct pvm_death, reason)];
};

static DEFINE_RAW_SPINLOCK(ring_lock);	/* protects: ring, ring_head, ring_tail; inside core/event.c's lock */
static struct queued_event ring[RING];
static u32 ring_head, ring_tail;	/* free-running; head is written next */

enum { GROUP_ALL, GROUP_IDS };

static const struct genl_multicast_group groups[] = {
	[GROUP_ALL] = { .name = PVM_GENL_MCGRP, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[GROUP_IDS] = { .name = PVM_GENL_MCGRP_IDS },
};

static struct genl_family family __ro_after_init = {
	.name = PVM_GENL_NAME,
	.version = PVM_GENL_VERSION,
	.maxattr = PVM_A_MAX,
	.module = THIS_MODULE,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/* @all: also what only the owner of a VM and the administrator may know. Partitions are no secret. */
static int put_attributes(struct sk_buff *skb, const struct queued_event *e, bool all)
{
	if (nla_put_u32(skb, PVM_A_EVENT, e->event) ||
	    nla_put_u64_64bit(skb, PVM_A_SEQ, e->seq, PVM_A_PAD) ||
	    nla_put_u64_64bit(skb, PVM_A_TIME_NS, e->time_ns, PVM_A_PAD) ||
	    nla_put_u32(skb, e->is_partition ? PVM_A_PART_ID : PVM_A_VM_ID, e->id))
		return -EMSGSIZE;
	if (e->has_code && nla_put_u32(skb, PVM_A_CODE, e->code))
		return -EMSGSIZE;
	if (!all && !e->is_partition)
		return 0;
	if (nla_put_string(skb, e->is_partition ? PVM_A_PART_NAME : PVM_A_VM_NAME, e->name))
		return -EMSGSIZE;
	if (e->has_reason && nla_put_string(skb, PVM_A_REASON, e->reason))
		return -EMSGSIZE;
	return 0;
}

/* A failure is a lost event: the number says so to listeners. */
static void send_event(const struct queued_event *e, u32 group)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&family, &init_net, group))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &family, 0, PVM_CMD_EVENT);
	if (!header || put_attributes(skb, e, group == GROUP_ALL)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&family, skb, 0, group, GFP_KERNEL);
}

static bool take_event(struct queued_event *e)
{
	unsigned long flags;
	bool any;

	raw_spin_lock_irqsave(&ring_lock, flags);
	any = ring_tail != ring_head;
	if (any)
		*e = ring[ring_tail++ % RING];
	raw_spin_unlock_irqrestore(&ring_lock, flags);
	return any;
}

static void send_events(struct work_struct *work)
{
	struct queued_event e;

	while (take_event(&e)) {
		send_event(&e, GROUP_ALL);
		send_event(&e, GROUP_IDS);
	}
}
static DECLARE_WORK(sender, send_events);

static bool has_code(u32 event)
{
	return event == PVM_EVENT_VM_SHUTDOWN || event == PVM_EVENT_VM_DIED || event == PVM_EVENT_PART_STOPPED;
}

static void fill_event(struct queued_event *q, const struct pvm_numbered_event *e)
{
	q->seq = e->seq;
	q->time_ns = ktime_get_ns();
	q->event = e->event;
	q->code = e->code;
	q->is_partition = e->is_partition;
	q->has_code = has_code(e->event);
	q->has_reason = e->reason;
	q->id = e->id;
	strscpy(q->name, e->name, sizeof(q->name));
	strscpy(q->reason, e->reason ?: "", sizeof(q->reason));
}

/* The event sink: interrupts off, raw lock held. */
static void queue_event(const struct pvm_numbered_event *e)
{
	bool queued;

	raw_spin_lock(&ring_lock);
	queued = ring_head - ring_tail < RING;
	if (queued)
		fill_event(&ring[ring_head++ % RING], e);
	raw_spin_unlock(&ring_lock);
	if (queued)
		schedule_work(&sender);
}

/** pvm_genl_init() - the family exists, events flow. Context: sleeps. Return: 0 or an errno. */
int pvm_genl_init(void)
{
	int err = genl_register_family(&family);

	if (err)
		return err;
	pvm_event_set_sink(queue_event);
	return 0;
}

/** pvm_genl_fini() - the last events are sent, the family goes. Context: sleeps. */
void pvm_genl_fini(void)
{
	pvm_event_set_sink(NULL);
	flush_work(&sender);
	genl_unregister_family(&family);
}
