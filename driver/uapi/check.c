// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges, reserved fields and overflow of ioctl arguments.
 *
 * Pure: looks at the argument alone, so whether the caller may do it and whether now is the time is decided elsewhere
 * (uapi/vm_ioctl.c). No sum below can wrap: each operand is bounded first.
 */
#include <linux/errno.h>

#include "base/types.h"
#include "uapi/check.h"

static bool name_char(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool name_valid(const u8 *name)
{
	u32 i;

	for (i = 0; i < PVM_NAME_LEN; i++) {
		if (!name[i])
			return i > 0;
		if (!name_char(name[i]))
			return false;
	}
	return false;
}

int pvm_check_reserved(u64 reserved)
{
	return reserved ? -EOPNOTSUPP : 0;
}

int pvm_check_create_vm(const struct pvm_create_vm *a)
{
	if (!name_valid(a->name))
		return -EINVAL;
	if (!a->max_vcpus || a->max_vcpus > PVM_MAX_VCPUS)
		return -EINVAL;
	if (a->domid > PVM_MAX_DOMID)
		return -EINVAL;
	if (a->shadow_limit_bytes && a->shadow_limit_bytes < PVM_MIN_SHADOW_BYTES)
		return -EINVAL;
	return 0;
}

int pvm_check_list(const struct pvm_list_vms *a)
{
	if (a->vms_count > PVM_MAX_ROWS)
		return -EINVAL;
	if (a->vms_stride < PVM_VM_ENTRY_SIZE_V0 || a->vms_stride > PVM_PAGE_SIZE || a->vms_stride % 8)
		return -EINVAL;
	return 0;
}

int pvm_check_stats(const struct pvm_get_stats *a, bool by_id)
{
	if (a->values_count > PVM_MAX_VALUES)
		return -EINVAL;
	if (!by_id && a->id)
		return -EINVAL;
	return 0;
}

static bool frames_valid(u64 first, u64 count)
{
	const u64 limit = 1ull << PVM_GFN_BITS;

	return count <= PVM_MAX_PAGES && first < limit && count <= limit - first;
}

int pvm_check_memory(const struct pvm_memory *a, u64 user_end)
{
	if (a->reserved)
		return -EOPNOTSUPP;
	if (a->slot >= PVM_MAX_SLOTS)
		return -EINVAL;
	if (!a->nr_pages)		/* removal: the rest has no meaning */
		return 0;
	if (!frames_valid(a->gfn, a->nr_pages))
		return -EINVAL;
	if (a->uaddr % PVM_PAGE_SIZE || a->uaddr >= user_end)
		return -EINVAL;
	if (a->nr_pages > (user_end - a->uaddr) / PVM_PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* The grant table: above all RAM, and not where the shared info page is. */
static bool grant_valid(const struct pvm_platform *a, u64 max_pages)
{
	if (!a->grant_frames)
		return true;
	if (a->grant_frames > PVM_MAX_GRANT_FRAMES || !frames_valid(a->grant_gfn, a->grant_frames))
		return false;
	if (a->grant_gfn < max_pages)
		return false;
	return a->shared_info_gfn < a->grant_gfn || a->shared_info_gfn >= a->grant_gfn + a->grant_frames;
}

int pvm_check_platform(const struct pvm_platform *a)
{
	u64 max_pages = a->max_pages ? a->max_pages : a->nr_pages;

	if (a->reserved)
		return -EOPNOTSUPP;
	if (!a->nr_pages || max_pages < a->nr_pages || max_pages > PVM_MAX_PAGES)
		return -EINVAL;
	if (a->shared_info_gfn < max_pages || !frames_valid(a->shared_info_gfn, 1))
		return -EINVAL;
	return grant_valid(a, max_pages) ? 0 : -EINVAL;
}

int pvm_check_bind(const struct pvm_evtchn_bind *a)
{
	if (a->reserved)
		return -EOPNOTSUPP;
	if (a->send_fd < -1 || a->raise_fd < -1)
		return -EINVAL;
	return 0;
}

bool pvm_ranges_cover(const struct pvm_range *ranges, u32 n, struct pvm_range want)
{
	u32 i = 0;

	/* Each round takes away the front of what is wanted; ranges do not overlap, so n rounds are the most. */
	while (want.count && i < n) {
		const struct pvm_range *r = &ranges[i];
		u64 inside;

		if (want.first < r->first || want.first - r->first >= r->count) {
			i++;
			continue;
		}
		inside = r->count - (want.first - r->first);
		if (inside >= want.count)
			return true;
		want.first += inside;
		want.count -= inside;
		i = 0;
	}
	return !want.count;
}

/* ---- partitions --------------------------------------------------------------------------------------------- */

static bool uart_valid(u32 port)
{
	return !port || port == 0x3f8 || port == 0x2f8 || port == 0x3e8 || port == 0x2e8;
}

static bool part_memory_valid(u64 addr, u64 bytes)
{
	if (bytes < PVM_PART_MIN_BYTES || bytes % PVM_PART_UNIT || bytes >> PVM_ADDR_BITS)
		return false;
	if (addr == PVM_PART_ADDR_ANY)
		return true;
	/* The first unit is the machine's own: the window below 1 MiB is a partition's share of it. */
	return addr && !(addr % PVM_PART_UNIT) && addr < (1ull << PVM_ADDR_BITS) - bytes;
}

/* What is wrong with it, in words for the person who made it; NULL if nothing is. */
static const char *create_partition_wrong(const struct pvm_create_partition *a)
{
	if (!name_valid(a->name))
		return "its name is not 1 to 31 characters of A-Z a-z 0-9 . _ -";
	if (!a->cpus_count || a->cpus_count > PVM_PART_MAX_CPUS)
		return "it takes 1 to 64 CPUs";
	if (a->pci_count > PVM_PART_MAX_PCI)
		return "it takes at most 16 PCI functions";
	if (!part_memory_valid(a->memory_addr, a->memory_bytes))
		return "memory is a multiple of 2 MiB, at least 64 MiB, at an address that is a multiple of 2 MiB, not 0";
	if (!uart_valid(a->uart_port))
		return "there are UARTs at ports 0x3f8, 0x2f8, 0x3e8 and 0x2e8";
	return NULL;
}

int pvm_check_create_partition(const struct pvm_create_partition *a, const char **why)
{
	*why = NULL;
	if (a->reserved)
		return -EOPNOTSUPP;
	*why = create_partition_wrong(a);
	return *why ? -EINVAL : 0;
}

int pvm_check_open_partition(const struct pvm_open_partition *a)
{
	return name_valid(a->name) ? 0 : -EINVAL;
}

int pvm_check_list_partitions(const struct pvm_list_partitions *a)
{
	if (a->rows_count > PVM_MAX_ROWS)
		return -EINVAL;
	if (a->rows_stride < PVM_PARTITION_ENTRY_SIZE_V0 || a->rows_stride > PVM_PAGE_SIZE || a->rows_stride % 8)
		return -EINVAL;
	return 0;
}

int pvm_check_part_stop(const struct pvm_part_stop *a)
{
	return a->timeout_ms > 60000 ? -EINVAL : 0;
}

int pvm_check_part_stats(const struct pvm_part_stats *a)
{
	if (a->values_count > PVM_MAX_VALUES || a->details_count > PVM_PART_MAX_DETAILS)
		return -EINVAL;
	return 0;
}

int pvm_check_heartbeat(const struct pvm_part_heartbeat *a)
{
	if (a->reserved)
		return -EOPNOTSUPP;
	if (!a->addr)
		return 0;
	if (a->addr % 8 || a->timeout_ms < 100 || a->timeout_ms > 3600000)
		return -EINVAL;
	return 0;
}
