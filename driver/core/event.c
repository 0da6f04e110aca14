// SPDX-License-Identifier: GPL-2.0-only
/* Lifecycle events: numbered here, sent by the sink that uapi/genl.c registers. */
#include <linux/atomic.h>

#include "core/pvm.h"

static void (*sink)(struct pvm_vm *vm, u64 seq, u32 event, u32 code, const char *reason);
static atomic64_t sequence;

void pvm_event_set_sink(void (*fn)(struct pvm_vm *vm, u64 seq, u32 event, u32 code, const char *reason))
{
	WRITE_ONCE(sink, fn);
}

/** pvm_event_post() - tell who listens. What cannot be sent shows as a gap in the numbers. Context: any but NMI. */
void pvm_event_post(struct pvm_vm *vm, u32 event, u32 code, const char *reason)
{
	void (*fn)(struct pvm_vm *, u64, u32, u32, const char *) = READ_ONCE(sink);
	u64 seq = atomic64_inc_return(&sequence);

	if (fn)
		fn(vm, seq, event, code, reason);
}
