// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Counters to rows, numbers to names.
 *
 * Names, units and help come from the driver's ABI header, so a counter is described in one place.
 * A newer driver may have counters this library has no name for: they appear as "stat_<index>".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ioctl.h"
#include "lib.h"

#define MAX_VALUES	256u		/* the ABI's limit */
#define NR_HYPERCALLS	64u
#define TEXT_BYTES	64u		/* names and help made up here */

static const struct {
	const char *name;
	const char *unit;
	const char *help;
} known[] = {
#define ROW(NAME, ident, unit_, help_) [PVM_STAT_##NAME] = { #ident, unit_, help_ },
	PVM_STAT_LIST(ROW)
#undef ROW
};

static const char *const hypercalls[NR_HYPERCALLS] = {
	[0] = "set_trap_table", [1] = "mmu_update", [2] = "set_gdt", [3] = "stack_switch",
	[4] = "set_callbacks", [5] = "fpu_taskswitch", [6] = "sched_op_compat",
	[7] = "platform_op", [8] = "set_debugreg", [9] = "get_debugreg",
	[10] = "update_descriptor", [12] = "memory_op", [13] = "multicall",
	[14] = "update_va_mapping", [15] = "set_timer_op", [16] = "event_channel_op_compat",
	[17] = "xen_version", [18] = "console_io", [19] = "physdev_op_compat",
	[20] = "grant_table_op", [21] = "vm_assist", [22] = "update_va_mapping_otherdomain",
	[23] = "iret", [24] = "vcpu_op", [25] = "set_segment_base", [26] = "mmuext_op",
	[27] = "xsm_op", [28] = "nmi_op", [29] = "sched_op", [30] = "callback_op",
	[31] = "xenoprof_op", [32] = "event_channel_op", [33] = "physdev_op", [34] = "hvm_op",
	[35] = "sysctl", [36] = "domctl", [37] = "kexec_op", [38] = "tmem_op", [39] = "argo_op",
	[40] = "xenpmu_op", [41] = "dm_op", [42] = "hypfs_op",
};

const char *pvm_hypercall_name(uint32_t nr)
{
	return nr < NR_HYPERCALLS && hypercalls[nr] ? hypercalls[nr] : "unknown";
}

#define NAME_OF(names, i) ((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "unknown")

const char *pvm_state_name(uint32_t state)
{
	static const char *const names[] = { "new", "running", "shutdown", "dead" };

	return NAME_OF(names, state);
}

const char *pvm_shutdown_name(uint32_t reason)
{
	static const char *const names[] = {
		"poweroff", "reboot", "suspend", "crash", "watchdog", "soft-reset",
	};

	return NAME_OF(names, reason);
}

const char *pvm_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		"none", "stopped", "triple-fault", "page-table", "memory", "driver",
	};

	return NAME_OF(names, cause);
}

/* The array's strings that are made up here live behind its rows, in the same allocation. */
int pvm_stats_rows(int fd, uint32_t id, struct pvm_stat_row **rows, size_t *count)
{
	uint64_t values[MAX_VALUES] = { 0 }, calls[NR_HYPERCALLS] = { 0 };
	uint32_t nr_values = MAX_VALUES;
	struct pvm_stat_row *list, *r;
	size_t nr_rows = 0, nr_texts = 0;
	char *text;
	int err = pvm_sys_stats(fd, id, values, &nr_values, calls);

	if (err)
		return pvm_fail(err, "cannot read the counters: %s", pvm_strerror(err));
	if (nr_values > MAX_VALUES)
		nr_values = MAX_VALUES;
	for (uint32_t i = 0; i < nr_values; i++)
		nr_texts += i >= PVM_NR_STATS;
	for (uint32_t i = 0; i < NR_HYPERCALLS; i++)
		nr_rows += calls[i] != 0;
	nr_texts += 2 * nr_rows;
	nr_rows += nr_values;
	list = calloc(1, nr_rows * sizeof(*list) + nr_texts * TEXT_BYTES + 1);
	if (!list)
		return pvm_fail(-ENOMEM, "cannot read the counters: out of memory");
	text = (char *)(list + nr_rows);
	r = list;
	for (uint32_t i = 0; i < nr_values; i++, r++) {
		r->value = values[i];
		if (i < PVM_NR_STATS) {
			r->name = known[i].name;
			r->unit = known[i].unit;
			r->help = known[i].help;
			if (i == PVM_STAT_SHADOW_PAGES || i == PVM_STAT_PINNED)
				r->flags = PVM_STAT_IS_GAUGE;
			continue;
		}
		snprintf(text, TEXT_BYTES, "stat_%u", i);
		r->name = text;
		r->unit = "";
		r->help = "counter of a newer driver";
		text += TEXT_BYTES;
	}
	for (uint32_t i = 0; i < NR_HYPERCALLS; i++) {
		if (!calls[i])
			continue;
		r->value = calls[i];
		r->unit = "";
		r->flags = PVM_STAT_IS_HYPERCALL;
		if (hypercalls[i])
			snprintf(text, TEXT_BYTES, "hypercall_%s", hypercalls[i]);
		else
			snprintf(text, TEXT_BYTES, "hypercall_%u", i);
		r->name = text;
		text += TEXT_BYTES;
		snprintf(text, TEXT_BYTES, "calls of hypercall %u", i);
		r->help = text;
		text += TEXT_BYTES;
		r++;
	}
	*rows = list;
	*count = nr_rows;
	return 0;
}
