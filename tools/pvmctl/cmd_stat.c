// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl stat: counters of one guest or of all. Names, units and explanations come from libpvm,
 * which has them from the driver's own list, so nothing is repeated here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "pvmctl.h"

static struct args {
	bool json;
	bool verbose;
	bool all;
} args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL,
	  "print one JSON object per guest", 0, 0, NULL },
	{ "verbose", 'v', OPT_FLAG, offsetof(struct args, verbose), NULL,
	  "also hypercalls by name, and counters at zero", 0, 0, NULL },
	{ 0 }
};

/* Beside "exit_pf" a name says that it is a hypercall's; among hypercalls it need not. */
static const char *hypercall_name(const char *name)
{
	static const char lead[] = "hypercall_";

	return strncmp(name, lead, strlen(lead)) ? name : name + strlen(lead);
}

static void print_json(const struct pvm_vm_info *info, const struct pvm_stat_row *rows, size_t n)
{
	struct json j;
	size_t i;

	json_open(&j, stdout);
	json_u64(&j, "id", info->id);
	json_str(&j, "name", info->name);
	json_counters(&j, rows, n);
	json_sub(&j, "hypercalls");
	for (i = 0; i < n; i++)
		if (rows[i].flags & PVM_STAT_IS_HYPERCALL)
			json_u64(&j, hypercall_name(rows[i].name), rows[i].value);
	json_end(&j);
	json_close(&j);
}

static int print_table(const struct pvm_vm_info *info, const struct pvm_stat_row *rows, size_t n)
{
	printf("%sguest %s%s (id %" PRIu32 ", %s)\n", out_colour(stdout, COL_BOLD), info->name,
	       out_colour(stdout, COL_PLAIN), info->id, pvm_state_name(info->state));
	return counters_print(rows, n, args.verbose);
}

static int stat_one(struct pvm_ctx *ctx, const struct pvm_vm_info *info, bool first)
{
	struct pvm_stat_row *rows;
	size_t n;
	int err;

	err = pvm_ctx_stats_by_id(ctx, info->id, &rows, &n);
	if (err == -ENOENT && args.all)
		return EXIT_OK;		/* ended between the list and now */
	if (err)
		return lib_failed(err == -ENOENT ? EXIT_NO_GUEST : EXIT_OK, err, NULL);
	if (args.json) {
		print_json(info, rows, n);
	} else {
		if (!first)
			putchar('\n');
		err = print_table(info, rows, n);
	}
	pvm_free(rows);
	return err ? msg_cannot(EXIT_FAILED, err, NULL, NULL, "print the counters") : EXIT_OK;
}

static int cmd_stat(int argc, char **argv)
{
	struct pvm_vm_info *rows = NULL, one;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	size_t n = 0, i;
	int err, code;

	if (!verb_parse(&verb_stat, &args, argc, argv, &rest, &code))
		return code;
	args.all = !rest.nr_operands;
	if (!args.all && !guest_name_check(rest.operands[0]))
		return EXIT_USAGE;
	code = driver_open(&ctx);
	if (code)
		return code;
	if (!args.all) {
		code = guest_find(ctx, rest.operands[0], &one);
		if (!code)
			code = stat_one(ctx, &one, true);
		goto out;
	}
	err = pvm_ctx_list(ctx, &rows, &n);
	if (err)
		code = lib_failed(EXIT_OK, err, NULL);
	for (i = 0; i < n && !code; i++)
		code = stat_one(ctx, &rows[i], i == 0);
	if (!code && !n && !args.json)
		msg("no guest runs; start one with 'pvmctl run'");
	pvm_free(rows);
out:
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_stat = {
	.name = "stat", .operands = "[NAME]", .help = "Print counters of a guest, or of all",
	.opts = opts, .max_operands = 1, .fn = cmd_stat,
};
