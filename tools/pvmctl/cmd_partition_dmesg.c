// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition dmesg: the kernel log of a partition, read out of its memory. Its kernel does not
 * notice, and need not be alive any more.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "pvmctl.h"

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print one JSON object per line", 0, 0, NULL },
	{ 0 }
};

/* "[    1.234567] text" */
static void print_json(char *text)
{
	unsigned long long s, us;
	char *line, *save = NULL;
	struct json j;
	int used;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_open(&j, stdout);
		used = 0;
		if (sscanf(line, "[%llu.%6llu] %n", &s, &us, &used) == 2 && used) {
			json_u64(&j, "time_us", s * 1000000 + us);
			line += used;
		}
		json_str(&j, "text", line);
		json_close(&j);
	}
}

static int cmd_dmesg(int argc, char **argv)
{
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	size_t bytes;
	char *text;
	int code, err;

	if (!verb_parse(&verb_part_dmesg, &args, argc, argv, &rest, &code))
		return code;
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	err = pvm_part_dmesg(part, &text, &bytes);
	if (err) {
		code = part_failed(ctx, err, NULL);
	} else {
		if (args.json)
			print_json(text);
		else
			fwrite(text, 1, bytes, stdout);
		pvm_free(text);
	}
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_part_dmesg = {
	.name = "partition dmesg", .operands = "NAME", .help = "Print its kernel's log, from outside",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_dmesg,
};
