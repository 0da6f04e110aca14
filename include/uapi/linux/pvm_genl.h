/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * pvm: generic netlink family for lifecycle events.
 *
 * Family "pvm", version 1. There are no requests; the driver sends one message per event to two multicast groups in
 * the initial network namespace:
 *
 *	"lifecycle"	everything. Joining needs CAP_SYS_ADMIN, as seeing all VMs in PVM_LIST_VMS does (EPERM)
 *	"lifecycle-ids"	for everybody: the same messages without VM_NAME and, for VMs, REASON. PVM_LIST_VMS tells a
 *			user which ids are his own. What others learn is that a VM of that id was there, and how
 *			it ended
 *
 *	PVM_CMD_EVENT
 *	├─ PVM_A_EVENT		u32	PVM_EVENT_*
 *	├─ PVM_A_SEQ		u64	1, 2, 3, ... over all events since the module was loaded; a gap means loss
 *	├─ PVM_A_TIME_NS	u64	CLOCK_MONOTONIC, ns
 *	├─ PVM_A_VM_ID		u32	id of the VM
 *	├─ PVM_A_VM_NAME	string	its name
 *	├─ PVM_A_CODE		u32	SHUTDOWN: the guest's reason; DIED: PVM_DEATH_*; PART_STOPPED: PVM_PSTOP_*;
 *	│				absent otherwise
 *	├─ PVM_A_REASON		string	DIED, PART_STOPPED: one sentence; absent otherwise
 *	├─ PVM_A_PART_ID	u32	id of the partition; then there is no VM_ID and no VM_NAME
 *	└─ PVM_A_PART_NAME	string	its name
 *
 * Attributes and events are only appended, never renumbered.
 */
#ifndef _UAPI_LINUX_PVM_GENL_H
#define _UAPI_LINUX_PVM_GENL_H

#define PVM_GENL_NAME		"pvm"
#define PVM_GENL_VERSION	1
#define PVM_GENL_MCGRP		"lifecycle"
#define PVM_GENL_MCGRP_IDS	"lifecycle-ids"

enum pvm_genl_cmd {
	PVM_CMD_UNSPEC,
	PVM_CMD_EVENT,
	__PVM_CMD_MAX
};

enum pvm_genl_attr {
	PVM_A_UNSPEC,
	PVM_A_PAD,
	PVM_A_EVENT,
	PVM_A_SEQ,
	PVM_A_TIME_NS,
	PVM_A_VM_ID,
	PVM_A_VM_NAME,
	PVM_A_CODE,
	PVM_A_REASON,
	PVM_A_PART_ID,
	PVM_A_PART_NAME,
	__PVM_A_MAX
};
#define PVM_A_MAX (__PVM_A_MAX - 1)

enum pvm_event {
	PVM_EVENT_NONE,
	PVM_EVENT_VM_CREATED,
	PVM_EVENT_VM_STARTED,	/* first PVM_VCPU_RUN */
	PVM_EVENT_VM_SHUTDOWN,	/* the guest ended by itself */
	PVM_EVENT_VM_DIED,
	PVM_EVENT_VM_DESTROYED,
	PVM_EVENT_PART_CREATED,
	PVM_EVENT_PART_STARTED,
	PVM_EVENT_PART_STOPPED,	/* for any reason */
	PVM_EVENT_PART_SILENT,	/* its heartbeat stands still (PVM_PART_HEARTBEAT) */
	PVM_EVENT_PART_BEATING,	/* and goes on again */
	PVM_EVENT_PART_DESTROYED,
};

#endif /* _UAPI_LINUX_PVM_GENL_H */
