// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of pvmctl top for guests: the driver's list and counters, through libpvm.
 */
#include <errno.h>
#include <string.h>

#include "pvmctl.h"
#include "top.h"

#define REASON "exit_"

void top_count(struct top_row *r, const struct pvm_stat_row *stat, size_t n)
{
	static const struct { const char *name; enum top_counter counter; } wanted[] = {
		{ "exits", TOP_EXITS }, { "exit_pf", TOP_FAULTS },
		{ "exit_hypercall", TOP_HYPERCALLS }, { "runtime_ns", TOP_CPU },
	};
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
			if (strcmp(stat[i].name, wanted[k].name))
				continue;
			r->counter[wanted[k].counter] = stat[i].value;
			r->has |= TOP_HAS(wanted[k].counter);
		}
		if (!strncmp(stat[i].name, REASON, strlen(REASON)) && r->nr_reasons < TOP_REASONS) {
			struct top_reason *reason = &r->reason[r->nr_reasons++];

			snprintf(reason->name, sizeof(reason->name), "%s",
				 stat[i].name + strlen(REASON));
			reason->count = stat[i].value;
		}
	}
}

static int add_guest(struct pvm_ctx *ctx, struct top_sample *s, const struct pvm_vm_info *info)
{
	struct pvm_stat_row *stat;
	struct top_row *r;
	size_t n;
	int err;

	err = pvm_ctx_stats_by_id(ctx, info->id, &stat, &n);
	if (err == -ENOENT)
		return 0;		/* ended between the list and now */
	if (err)
		return err;
	r = top_add(s, TOP_GUEST);
	if (r) {
		r->id = info->id;
		snprintf(r->name, sizeof(r->name), "%s", info->name);
		r->state = pvm_state_name(info->state);
		r->colour = state_colour(info->state);
		r->has = TOP_HAS_SHADOW | TOP_HAS_OWNER | TOP_HAS_UPTIME;
		r->cpus = info->nr_vcpus;
		r->pid = info->pid;
		r->uid = info->uid;
		r->created_ns = r->since_ns = info->created_ns;
		r->memory_bytes = info->memory_bytes;
		r->shadow_bytes = info->shadow_bytes;
		top_count(r, stat, n);
	}
	pvm_free(stat);
	return r ? 0 : -ENOMEM;
}

static int sample(struct pvm_ctx *ctx, struct top_sample *s)
{
	struct pvm_vm_info *rows;
	size_t n, i;
	int err;

	err = pvm_ctx_list(ctx, &rows, &n);
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = add_guest(ctx, s, &rows[i]);
	pvm_free(rows);
	return err;
}

const struct top_source top_guests = { .sample = sample };
