// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl version: versions of pvmctl, libpvm and, if it is loaded, the driver. Never fails for
 * lack of a driver: people ask for versions when things do not work.
 */
#include <inttypes.h>

#include "pvmctl.h"

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print a JSON object", 0, 0, NULL },
	{ 0 }
};

static int cmd_version(int argc, char **argv)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	struct pvm_ctx *ctx = NULL;
	struct opt_rest rest;
	char driver[48] = "";
	struct json j;
	int code;

	if (!verb_parse(&verb_version, &args, argc, argv, &rest, &code))
		return code;
	if (!pvm_ctx_create(NULL, &ctx)) {
		if (!pvm_ctx_info_get(ctx, &info))
			snprintf(driver, sizeof(driver), "%" PRIu64 ".%" PRIu64 ".%" PRIu64,
				 info.driver_version >> 32, info.driver_version >> 16 & 0xffff,
				 info.driver_version & 0xffff);
		pvm_ctx_destroy(ctx);
	}
	if (args.json) {
		json_open(&j, stdout);
		json_str(&j, "pvmctl", PVM_VERSION);
		json_str(&j, "libpvm", pvm_version());
		if (*driver)
			json_str(&j, "driver", driver);
		json_close(&j);
	} else {
		printf("pvmctl %s\nlibpvm %s\ndriver %s\n", PVM_VERSION, pvm_version(),
		       *driver ? driver : "not loaded, or not accessible");
	}
	return out_finish(EXIT_OK);
}

const struct verb verb_version = {
	.name = "version", .operands = "", .help = "Print versions", .opts = opts,
	.fn = cmd_version,
};
