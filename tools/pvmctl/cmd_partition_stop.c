// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition stop, destroy: end a partition's kernel; give its resources back to the host.
 *
 * Stop pulls the plug: there is nobody in the partition to be asked. Whoever wants a clean end
 * powers it off from inside ('pvmctl partition console').
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "pvmctl.h"

static struct args {
	uint64_t timeout_s;
} args = { .timeout_s = 5 };

static const struct opt stop_opts[] = {
	{ "timeout", 't', OPT_UINT, offsetof(struct args, timeout_s), "SECONDS",
	  "how long to wait for a CPU (5)", 1, 60, NULL },
	{ 0 }
};

static const struct opt no_opts[] = { { 0 } };

static int cmd_stop(int argc, char **argv)
{
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	uint32_t lost = 0;
	int code, err;

	if (!verb_parse(&verb_part_stop, &args, argc, argv, &rest, &code))
		return code;
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	err = pvm_part_stop(part, (uint32_t)args.timeout_s * 1000, &lost);
	if (err) {
		code = part_failed(ctx, err, NULL);
	} else if (lost) {
		msg("partition %s is stopped, but %" PRIu32 " of its CPUs did not come back; only a reboot of the host returns them",
		    pvm_part_name(part), lost);
		code = EXIT_FAILED;
	}
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return code;
}

static int cmd_destroy(int argc, char **argv)
{
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	int code, err;

	if (!verb_parse(&verb_part_destroy, NULL, argc, argv, &rest, &code))
		return code;
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	err = pvm_part_destroy(part);
	if (err)
		code = part_failed(ctx, err, err == -EBUSY ? "'pvmctl partition stop' does" : NULL);
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return code;
}

const struct verb verb_part_stop = {
	.name = "partition stop", .operands = "NAME", .help = "Stop it, as pulling the plug",
	.opts = stop_opts, .min_operands = 1, .max_operands = 1, .fn = cmd_stop,
};

const struct verb verb_part_destroy = {
	.name = "partition destroy", .operands = "NAME", .help = "Give everything back to the host",
	.opts = no_opts, .min_operands = 1, .max_operands = 1, .fn = cmd_destroy,
};
