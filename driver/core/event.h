/* SPDX-License-Identifier: GPL-2.0-only */
/* Lifecycle events of guests and partitions, on their way to the sink (uapi/genl.c). */
#ifndef PVM_CORE_EVENT_H
#define PVM_CORE_EVENT_H

#include <linux/types.h>

/* One event, numbered; pointers are valid during the call of the sink. */
struct pvm_numbered_event {
	u64 seq;
	u32 event;		/* enum pvm_event of pvm_genl.h */
	u32 code;		/* as in pvm_genl.h, 0 where it has no meaning */
	bool is_partition;
	u32 id;			/* of the VM or partition */
	const char *name;
	const char *reason;	/* one sentence, or NULL */
};

typedef void (*pvm_event_sink)(const struct pvm_numbered_event *e);

/* Whose life it is. */
struct pvm_event_source {
	bool is_partition;
	u32 id;
	const char *name;
};

void pvm_event_post_partition(struct pvm_event_source from, u32 event, u32 code, const char *reason);
void pvm_event_set_sink(pvm_event_sink sink);

#endif /* PVM_CORE_EVENT_H */
