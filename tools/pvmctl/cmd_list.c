// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl list: the guests of this user, of the whole machine for root. The driver is asked, so
 * guests of other launchers than pvmctl are shown as well.
 */
#include <inttypes.h>

#include "pvmctl.h"

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print one JSON object per guest", 0, 0, NULL },
	{ 0 }
};

static const struct column columns[] = {
	{ "NAME", COL_LEFT }, { "ID", COL_RIGHT }, { "STATE", COL_LEFT }, { "PID", COL_RIGHT },
	{ "UID", COL_RIGHT }, { "VCPUS", COL_RIGHT }, { "MEMORY", COL_RIGHT },
	{ "SHADOW", COL_RIGHT }, { "UPTIME", COL_RIGHT },
};

static void cells(struct table *t, const void *row, uint64_t now)
{
	const struct pvm_vm_info *r = row;
	char buf[OUT_NUM_LEN];

	table_cell(t, "%s", r->name);
	table_cell(t, "%" PRIu32, r->id);
	table_cell(t, "%s", pvm_state_name(r->state));
	table_paint(t, state_colour(r->state));
	if (r->pid)
		table_cell(t, "%" PRIu32, r->pid);
	else
		table_cell(t, "-");	/* in another pid namespace */
	table_cell(t, "%" PRIu32, r->uid);
	table_cell(t, "%" PRIu32, r->nr_vcpus);
	table_cell(t, "%s", out_size(buf, r->memory_bytes));
	table_cell(t, "%s", out_size(buf, r->shadow_bytes));
	table_cell(t, "%s", out_duration(buf, now > r->created_ns ? now - r->created_ns : 0));
}

static void json(struct json *j, const void *row)
{
	json_guest(j, row);
}

static const struct listing guests = {
	columns, sizeof(columns) / sizeof(columns[0]), sizeof(struct pvm_vm_info), cells, json,
};

static int cmd_list(int argc, char **argv)
{
	struct pvm_vm_info *rows;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	int err, code;
	size_t n;

	if (!verb_parse(&verb_list, &args, argc, argv, &rest, &code))
		return code;
	code = driver_open(&ctx);
	if (code)
		return code;
	err = pvm_ctx_list(ctx, &rows, &n);
	if (err) {
		code = lib_failed(EXIT_OK, err, NULL);
	} else {
		code = list_print(&guests, rows, n, args.json);
		pvm_free(rows);
	}
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_list = {
	.name = "list", .operands = "", .help = "List guests", .opts = opts, .fn = cmd_list,
};
