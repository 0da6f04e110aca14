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

static int print_table(const struct pvm_vm_info *rows, size_t n)
{
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	uint64_t now = boottime_ns();
	char buf[OUT_NUM_LEN];
	size_t i;

	for (i = 0; i < n; i++) {
		const struct pvm_vm_info *r = &rows[i];

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
		table_cell(t, "%s",
			   out_duration(buf, now > r->created_ns ? now - r->created_ns : 0));
	}
	return table_print(t, stdout);
}

static int cmd_list(int argc, char **argv)
{
	struct pvm_vm_info *rows;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	struct json j;
	size_t n, i;
	int err, code;

	if (!verb_parse(&verb_list, &args, argc, argv, &rest, &code))
		return code;
	code = driver_open(&ctx);
	if (code)
		return code;
	err = pvm_ctx_list(ctx, &rows, &n);
	if (err) {
		code = lib_failed(EXIT_OK, err, NULL);
		goto out_ctx;
	}
	if (args.json) {
		for (i = 0; i < n; i++) {
			json_open(&j, stdout);
			json_guest(&j, &rows[i]);
			json_close(&j);
		}
	} else {
		err = print_table(rows, n);
		if (err)
			code = msg_cannot(EXIT_FAILED, err, NULL, NULL, "print the list");
	}
	pvm_free(rows);
out_ctx:
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_list = {
	.name = "list", .operands = "", .help = "List guests", .opts = opts, .fn = cmd_list,
};
