// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of pvmctl top for partitions: the driver's list for everybody; what exits were for takes a
 * handle, so it is there for root alone.
 */
#include <errno.h>
#include <string.h>

#include "pvmctl.h"
#include "top.h"

/* Return: 0, also if this user may not see them; -ENOENT, -ENODEV: it is gone, or another one now. */
static int take_counters(struct pvm_ctx *ctx, struct top_row *r)
{
	struct pvm_stat_row *stat;
	struct pvm_part *part;
	size_t n;
	int err;

	err = pvm_part_open(ctx, r->name, &part);
	if (err == -EPERM)
		return 0;
	if (err)
		return err;
	err = pvm_part_id(part) == r->id ? pvm_part_stats(part, &stat, &n) : -ENOENT;
	if (!err) {
		top_count(r, stat, n);
		pvm_free(stat);
	}
	pvm_part_close(part);
	return err;
}

static int add_partition(struct pvm_ctx *ctx, struct top_sample *s, const struct pvm_part_row *row)
{
	struct top_row *r = top_add(s, TOP_PARTITION);
	bool runs = row->state == PVM_PARTITION_RUNNING;
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->id = row->id;
	snprintf(r->name, sizeof(r->name), "%s", row->name);
	r->state = pvm_part_state_name(row->state);
	r->colour = part_state_colour(row->state);
	r->has = TOP_HAS_PART;
	r->cpus = row->nr_cpus;
	r->devices = row->nr_pci;
	r->memory_bytes = row->memory_bytes;
	r->created_ns = row->created_ns;
	r->since_ns = row->started_ns;
	r->beat_age_ns = row->beat_age_ns;
	part_heartbeat(r->beat, row);
	r->stopped = pvm_part_stop_name(runs ? PVM_STOPPED_NONE : row->stop_reason);
	if (!runs)
		return 0;
	r->has |= TOP_HAS_UPTIME | TOP_HAS(TOP_EXITS);
	r->counter[TOP_EXITS] = row->exits;
	err = take_counters(ctx, r);
	if (err == -ENOENT || err == -ENODEV) {
		s->nr--;		/* ended between the list and now */
		err = 0;
	}
	return err;
}

static int sample(struct pvm_ctx *ctx, struct top_sample *s)
{
	struct pvm_part_row *rows;
	size_t n, i;
	int err;

	err = pvm_part_list(ctx, &rows, &n);
	if (err == -EOPNOTSUPP)
		return 0;		/* a driver without partitions */
	if (err)
		return err;
	for (i = 0; i < n && !err; i++)
		err = add_partition(ctx, s, &rows[i]);
	pvm_free(rows);
	return err;
}

const struct top_source top_partitions = { .sample = sample };
