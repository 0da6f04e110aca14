// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifecycle events: numbers them and hands them to whoever tells the world.
 *
 * Events come from any context, deaths even with interrupts off, so the sink must only copy (uapi/genl.c queues).
 * Number and hand-over happen under one lock: the sink sees the numbers in order, and a number that never reaches
 * a listener is a lost event.
 */
#include <linux/spinlock.h>

#include "core/event.h"
#include "core/pvm.h"
#include "core/trace.h"

static DEFINE_RAW_SPINLOCK(event_lock);	/* protects: last_seq, event_sink, and the order of its calls */
static u64 last_seq;
static pvm_event_sink event_sink;

static void post(struct pvm_event_source from, u32 event, u32 code, const char *reason)
{
	struct pvm_numbered_event e = {
		.event = event,
		.code = code,
		.is_partition = from.is_partition,
		.id = from.id,
		.name = from.name,
		.reason = reason,
	};
	unsigned long flags;

	raw_spin_lock_irqsave(&event_lock, flags);
	e.seq = ++last_seq;
	if (event_sink)
		event_sink(&e);
	raw_spin_unlock_irqrestore(&event_lock, flags);
}

/**
 * pvm_event_post() - something happened in the life of a VM
 * @vm:		the VM
 * @event:	enum pvm_event
 * @code:	as in pvm_genl.h, 0 where it has no meaning
 * @reason:	one sentence for a death, NULL else
 *
 * Context: any but NMI.
 */
void pvm_event_post(struct pvm_vm *vm, u32 event, u32 code, const char *reason)
{
	trace_pvm_vm_event(vm, event, code, reason);
	post((struct pvm_event_source){ .id = vm->id, .name = vm->name }, event, code, reason);
}

/**
 * pvm_event_post_partition() - something happened in the life of a partition
 * @from:	which
 * @event:	enum pvm_event
 * @code:	as in pvm_genl.h, 0 where it has no meaning
 * @reason:	one sentence when it stopped, NULL else
 *
 * Context: any but NMI.
 */
void pvm_event_post_partition(struct pvm_event_source from, u32 event, u32 code, const char *reason)
{
	from.is_partition = true;
	post(from, event, code, reason);
}

/**
 * pvm_event_set_sink() - where events go
 * @sink: called with a raw lock held and interrupts off; NULL: nowhere
 *
 * Context: any but NMI. After the return with NULL the old sink is not running and is not called again.
 */
void pvm_event_set_sink(pvm_event_sink sink)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&event_lock, flags);
	event_sink = sink;
	raw_spin_unlock_irqrestore(&event_lock, flags);
}
