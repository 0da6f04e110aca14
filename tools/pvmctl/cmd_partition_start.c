// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition start: boot a kernel in a partition, and wait until it is up.
 *
 * "Up" is seen from outside: the kernel has written VMCOREINFO into its memory, so its log can be
 * read and its ticks watched. From then on the driver looks after its heartbeat. A partition that
 * stops before that has failed to boot; the end of its console says more than we can.
 */
#include <errno.h>
#include <stddef.h>

#include "pvmctl.h"

#define WAIT_S		60
#define SILENT_MS	30000	/* a heartbeat standing still for so long is reported; an idle kernel that
				 * stops its ticks may be silent for some seconds */

static struct args {
	const char *kernel;
	const char *initrd;
	const char *append;
	bool no_wait;
	bool console;
	uint64_t wait_s;
} args = { .wait_s = WAIT_S };

static const struct opt opts[] = {
	{ "kernel", 'k', OPT_STR, offsetof(struct args, kernel), OPT_ARG_FILE,
	  "bzImage, such as /boot/vmlinuz-*", 0, 0, NULL },
	{ "initrd", 'i', OPT_STR, offsetof(struct args, initrd), OPT_ARG_FILE,
	  "initial RAM disk", 0, 0, NULL },
	{ "append", 'a', OPT_STR, offsetof(struct args, append), "STR",
	  "added to the kernel command line", 0, 0, NULL },
	{ "no-wait", 'n', OPT_FLAG, offsetof(struct args, no_wait), NULL,
	  "do not wait until its kernel is up", 0, 0, NULL },
	{ "wait", 'w', OPT_UINT, offsetof(struct args, wait_s), "SECONDS",
	  "how long to wait for that (60)", 1, 86400, NULL },
	{ "console", 'C', OPT_FLAG, offsetof(struct args, console), NULL,
	  "stay on its console; Ctrl-] leaves it", 0, 0, NULL },
	{ 0 }
};

/* It stopped: say why. */
static int report_stop(struct pvm_ctx *ctx, struct pvm_part *part, bool booting)
{
	struct pvm_part_status st = PVM_PART_STATUS_INIT;
	int err = pvm_part_status_get(part, &st);

	if (err)
		return part_failed(ctx, err, NULL);
	if (booting) {
		part_last_lines(part);
		msg("partition %s stopped while it booted: %s", pvm_part_name(part), st.stop_text);
		return EXIT_CRASHED;
	}
	if (st.row.stop_reason != PVM_STOPPED_POWEROFF)
		msg("partition %s stopped: %s", pvm_part_name(part), st.stop_text);
	return part_exit_code(&st);
}

static int wait_up(struct pvm_ctx *ctx, struct pvm_part *part)
{
	int err = pvm_part_wait_up(part, (int)(args.wait_s * 1000));

	if (err == -ESHUTDOWN)
		return report_stop(ctx, part, true);
	if (err == -ETIMEDOUT)
		return lib_failed(EXIT_FAILED, err, "it runs on: see 'pvmctl partition console'");
	if (err)
		return part_failed(ctx, err, NULL);
	/* A kernel without symbols runs as well; it is only not watched. */
	err = pvm_part_heartbeat(part, SILENT_MS);
	if (err)
		msg("warning: %s", pvm_errmsg());
	return EXIT_OK;
}

static int cmd_start(int argc, char **argv)
{
	struct pvm_part_boot boot = PVM_PART_BOOT_INIT;
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	bool stopped = false;
	int code, err;

	if (!verb_parse(&verb_part_start, &args, argc, argv, &rest, &code))
		return code;
	if (!args.kernel) {
		msg("--kernel is missing; usage: pvmctl partition start NAME --kernel FILE");
		return EXIT_USAGE;
	}
	if (args.console && args.no_wait) {
		msg("--console and --no-wait exclude each other");
		return EXIT_USAGE;
	}
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	boot.kernel_path = args.kernel;
	boot.initrd_path = args.initrd;
	boot.cmdline = args.append;
	err = pvm_part_start(part, &boot);
	if (err) {
		/* A file that is missing is no missing partition. */
		code = err == -ENOENT ? lib_failed(EXIT_FAILED, err, NULL) :
					part_failed(ctx, err, NULL);
		goto out;
	}
	if (args.console) {
		code = part_console(part, PART_CONSOLE_HEARTBEAT, SILENT_MS, &stopped);
		if (!code && stopped)
			code = report_stop(ctx, part, false);
	} else if (!args.no_wait) {
		code = wait_up(ctx, part);
	}
out:
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_part_start = {
	.name = "partition start", .operands = "NAME", .help = "Boot a kernel in it",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_start,
};
