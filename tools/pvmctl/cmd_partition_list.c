// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition list: all partitions of this machine, or one. Needs no privilege but to open the
 * driver.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "pvmctl.h"

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print one JSON object per partition", 0, 0, NULL },
	{ 0 }
};

static const struct column columns[] = {
	{ "NAME", COL_LEFT }, { "ID", COL_RIGHT, .spare = true }, { "STATE", COL_LEFT },
	{ "CPUS", COL_RIGHT }, { "MEMORY", COL_RIGHT }, { "ADDRESS", COL_LEFT, .spare = true },
	{ "DEVICES", COL_RIGHT, .spare = true }, { "EXITS", COL_RIGHT, .spare = true },
	{ "UPTIME", COL_RIGHT }, { "HEARTBEAT", COL_LEFT }, { "STOPPED", COL_LEFT },
};

static void cells(struct table *t, const void *row, uint64_t now)
{
	const struct pvm_part_row *r = row;
	bool runs = r->state == PVM_PARTITION_RUNNING;
	char buf[OUT_NUM_LEN], beat[PART_BEAT_LEN];

	table_cell(t, "%s", r->name);
	table_cell(t, "%" PRIu32, r->id);
	table_cell(t, "%s", pvm_part_state_name(r->state));
	table_paint(t, part_state_colour(r->state));
	table_cell(t, "%" PRIu32, r->nr_cpus);
	table_cell(t, "%s", out_size(buf, r->memory_bytes));
	table_cell(t, "%#" PRIx64, r->memory_addr);
	table_cell(t, "%" PRIu32, r->nr_pci);
	table_cell(t, "%" PRIu64, r->exits);
	if (runs && now > r->started_ns)
		table_cell(t, "%s", out_duration(buf, now - r->started_ns));
	else
		table_cell(t, "-");
	table_cell(t, "%s", part_heartbeat(beat, r));
	table_cell(t, "%s", runs || !r->stop_reason ? "-" : pvm_part_stop_name(r->stop_reason));
}

static void json(struct json *j, const void *row)
{
	json_part(j, row);
}

static const struct listing partitions = {
	columns, sizeof(columns) / sizeof(columns[0]), sizeof(struct pvm_part_row), cells, json,
};

/* Keep the one of this name. */
static int only(const char *name, struct pvm_part_row *rows, size_t *n)
{
	size_t i;

	for (i = 0; i < *n; i++) {
		if (strcmp(rows[i].name, name))
			continue;
		rows[0] = rows[i];
		*n = 1;
		return EXIT_OK;
	}
	return msg_cannot(EXIT_NO_GUEST, ENOENT, "there is none of this name",
			  "see 'pvmctl partition list'", "list partition %s", name);
}

static int cmd_list(int argc, char **argv)
{
	struct pvm_part_row *rows;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	int err, code;
	size_t n;

	if (!verb_parse(&verb_part_list, &args, argc, argv, &rest, &code))
		return code;
	if (rest.nr_operands && !part_name_check(rest.operands[0]))
		return EXIT_USAGE;
	code = driver_open(&ctx);
	if (code)
		return code;
	err = pvm_part_list(ctx, &rows, &n);
	if (err) {
		code = part_failed(ctx, err, NULL);
	} else {
		if (rest.nr_operands)
			code = only(rest.operands[0], rows, &n);
		if (!code)
			code = list_print(&partitions, rows, n, args.json);
		pvm_free(rows);
	}
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_part_list = {
	.name = "partition list", .operands = "[NAME]", .help = "List partitions, or one",
	.opts = opts, .max_operands = 1, .fn = cmd_list,
};
