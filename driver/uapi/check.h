/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of what a caller hands in, before anything is done with it. Pure; the sizes and unknown flags are checked by
 * the dispatcher already. Each returns 0 or the errno of include/uapi/linux/pvm.h.
 */
#ifndef PVM_UAPI_CHECK_H
#define PVM_UAPI_CHECK_H

#include <linux/types.h>
#include <linux/pvm.h>
#include <linux/pvm_part.h>

#define PVM_MAX_PAGES	(1ull << 28)	/* of one slot, and of a guest's RAM */
#define PVM_GFN_BITS	32		/* frame numbers a guest may use: 16 TiB */
#define PVM_MAX_DOMID	0x7fefu		/* public/xen.h: DOMID_FIRST_RESERVED - 1 */
#define PVM_MIN_SHADOW_BYTES	(256ull << 10)
#define PVM_MAX_GRANT_FRAMES	64u
#define PVM_MAX_ROWS	4096u		/* of PVM_LIST_VMS, by the ABI */
#define PVM_MAX_VALUES	256u		/* of PVM_GET_STATS, by the ABI */

#define PVM_PART_UNIT	(2ull << 20)	/* of a partition's memory */
#define PVM_PART_MIN_BYTES	(64ull << 20)
#define PVM_ADDR_BITS	52		/* physical addresses */

struct pvm_range {
	u64 first, count;
};

int __must_check pvm_check_create_vm(const struct pvm_create_vm *a);
int __must_check pvm_check_list(const struct pvm_list_vms *a);
int __must_check pvm_check_stats(const struct pvm_get_stats *a, bool by_id);
/* @user_end: first address beyond user memory */
int __must_check pvm_check_memory(const struct pvm_memory *a, u64 user_end);
int __must_check pvm_check_platform(const struct pvm_platform *a);
int __must_check pvm_check_bind(const struct pvm_evtchn_bind *a);
int __must_check pvm_check_reserved(u64 reserved);
/* @why: OUT the sentence that belongs to -EINVAL, else NULL */
int __must_check pvm_check_create_partition(const struct pvm_create_partition *a, const char **why);
int __must_check pvm_check_open_partition(const struct pvm_open_partition *a);
int __must_check pvm_check_list_partitions(const struct pvm_list_partitions *a);
int __must_check pvm_check_part_stop(const struct pvm_part_stop *a);
int __must_check pvm_check_part_stats(const struct pvm_part_stats *a);
int __must_check pvm_check_heartbeat(const struct pvm_part_heartbeat *a);

/* True if every number of @want is in one of @n ranges that do not overlap each other. */
bool pvm_ranges_cover(const struct pvm_range *ranges, u32 n, struct pvm_range want);

#endif /* PVM_UAPI_CHECK_H */
