// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl info: what the loaded driver offers and what the host it runs on is like.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "pvmctl.h"

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print a JSON object", 0, 0, NULL },
	{ 0 }
};

static const struct { uint64_t bit; const char *name; } features[] = {
	{ PVM_HAS_LA57, "la57" }, { PVM_HAS_PTI, "pti" }, { PVM_HAS_PCID, "pcid" },
	{ PVM_HAS_FSGSBASE, "fsgsbase" }, { PVM_HAS_SMAP, "smap" }, { PVM_HAS_XSAVE, "xsave" },
	{ PVM_HAS_TSC_STABLE, "tsc_stable" },
};
#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

static const char *partitions_on(const struct pvm_ctx_info *info)
{
	return !info->partitions ? "no" : info->partitions == 1 ? "with SVM" : "with VMX";
}

static void print_text(const struct pvm_ctx_info *info, const char *version, const char *kernel)
{
	size_t i;

	printf("driver           %s\n", version);
	printf("host kernel      %s\n", kernel);
	printf("vCPUs per guest  %" PRIu64 "\n", info->max_vcpus);
	printf("memory slots     %" PRIu64 "\n", info->max_slots);
	printf("address bits     %" PRIu64 "\n", info->addr_bits);
	printf("TSC              %" PRIu64 ".%03u MHz\n", info->tsc_khz / 1000,
	       (unsigned int)(info->tsc_khz % 1000));
	printf("XSAVE for guests %#" PRIx64 "\n", info->guest_xcr0);
	printf("partitions       %s\n", partitions_on(info));
	printf("host features   ");
	for (i = 0; i < NR_FEATURES; i++)
		if (info->host_flags & features[i].bit)
			printf(" %s", features[i].name);
	putchar('\n');
}

static void print_json(const struct pvm_ctx_info *info, const char *version, const char *kernel)
{
	struct json j;
	size_t i;

	json_open(&j, stdout);
	json_str(&j, "driver", version);
	json_u64(&j, "version", info->driver_version);
	json_str(&j, "kernel", kernel);
	json_u64(&j, "max_vcpus", info->max_vcpus);
	json_u64(&j, "max_slots", info->max_slots);
	json_u64(&j, "host", info->host_flags);
	json_u64(&j, "tsc_khz", info->tsc_khz);
	json_u64(&j, "guest_xcr0", info->guest_xcr0);
	json_u64(&j, "addr_bits", info->addr_bits);
	json_u64(&j, "partitions", info->partitions);
	json_sub(&j, "host_features");
	for (i = 0; i < NR_FEATURES; i++)
		json_bool(&j, features[i].name, info->host_flags & features[i].bit);
	json_end(&j);
	json_close(&j);
}

static int cmd_info(int argc, char **argv)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	char version[64];
	struct utsname u;
	int err, code;

	if (!verb_parse(&verb_info, &args, argc, argv, &rest, &code))
		return code;
	code = driver_open(&ctx);
	if (code)
		return code;
	err = pvm_ctx_info_get(ctx, &info);
	if (err) {
		code = lib_failed(EXIT_OK, err, NULL);
		goto out;
	}
	if (uname(&u))
		strcpy(u.release, "unknown");
	snprintf(version, sizeof(version), "%" PRIu64 ".%" PRIu64 ".%" PRIu64,
		 info.driver_version >> 32, info.driver_version >> 16 & 0xffff,
		 info.driver_version & 0xffff);
	if (args.json)
		print_json(&info, version, u.release);
	else
		print_text(&info, version, u.release);
out:
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_info = {
	.name = "info", .operands = "", .help = "Print what driver and host can do",
	.opts = opts, .fn = cmd_info,
};
