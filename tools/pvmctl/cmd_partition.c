// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition: bare-metal machines cut out of this host. The table of its verbs, and what they
 * share; a verb is in cmd_partition_<verb>.c.
 */
#include <errno.h>
#include <string.h>

#include "pvmctl.h"

static const struct verb *const part_verbs[] = {
	&verb_part_create, &verb_part_start, &verb_part_stop, &verb_part_destroy, &verb_part_list,
	&verb_part_stat, &verb_part_console, &verb_part_dmesg, NULL
};

#define LEAD "partition "
#define BEATS_NS 3000000000ull	/* the driver looks about once a second */

static const char *short_name(const struct verb *v)
{
	return v->name + strlen(LEAD);
}

/* ---- shared ------------------------------------------------------------------------------ */

bool part_name_check(const char *name)
{
	if (opt_name_ok(name))
		return true;
	msg("'%s' is no name for a partition; take 1 to 31 of the characters A-Z a-z 0-9 . _ -",
	    name);
	return false;
}

/*
 * The general codes, but: a host in the wrong state is no missing driver, and a partition that
 * went away (ENODEV, of a handle) is no missing driver either.
 */
int part_failed(struct pvm_ctx *ctx, int err, const char *next)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	int code = EXIT_OK;

	if (err == -ENOENT || err == -ENODEV)
		code = EXIT_NO_GUEST;
	if (err == -EOPNOTSUPP) {
		/* Asking must not replace the sentence. */
		char text[512];

		snprintf(text, sizeof(text), "%s", pvm_errmsg());
		code = !pvm_ctx_info_get(ctx, &info) && info.partitions ? EXIT_STATE : EXIT_NO_DRIVER;
		msg("%s (EOPNOTSUPP)%s%s", text, next ? "; " : "", next ? next : "");
		return code;
	}
	return lib_failed(code, err, next);
}

int part_find(const char *name, struct pvm_ctx **ctx, struct pvm_part **part)
{
	int code, err;

	if (!part_name_check(name))
		return EXIT_USAGE;
	code = driver_open(ctx);
	if (code)
		return code;
	err = pvm_part_open(*ctx, name, part);
	if (!err)
		return EXIT_OK;
	code = part_failed(*ctx, err, err == -ENOENT ? "see 'pvmctl partition list'" : NULL);
	pvm_ctx_destroy(*ctx);
	return code;
}

int part_exit_code(const struct pvm_part_status *status)
{
	switch (status->row.stop_reason) {
	case PVM_STOPPED_NONE:
	case PVM_STOPPED_POWEROFF:
		return EXIT_OK;
	case PVM_STOPPED_RESET:
		return EXIT_REBOOT;
	case PVM_STOPPED_ASKED:
	case PVM_STOPPED_DRIVER:
	case PVM_STOPPED_HOST:
		return EXIT_FAILED;
	default:
		return EXIT_CRASHED;
	}
}

enum out_colour part_state_colour(uint32_t state)
{
	switch (state) {
	case PVM_PARTITION_RUNNING:
		return COL_GREEN;
	case PVM_PARTITION_CREATED:
		return COL_YELLOW;
	default:
		return COL_RED;
	}
}

char *part_heartbeat(char *buf, const struct pvm_part_row *row)
{
	char num[OUT_NUM_LEN];

	if (row->state != PVM_PARTITION_RUNNING || row->beat_age_ns == ~0ull)
		snprintf(buf, PART_BEAT_LEN, "-");
	else if (row->beat_age_ns < BEATS_NS)
		snprintf(buf, PART_BEAT_LEN, "beating");
	else
		snprintf(buf, PART_BEAT_LEN, "silent %s", out_duration(num, row->beat_age_ns));
	return buf;
}

void json_part(struct json *j, const struct pvm_part_row *row)
{
	json_u64(j, "id", row->id);
	json_str(j, "name", row->name);
	json_u64(j, "state", row->state);
	json_str(j, "state_name", pvm_part_state_name(row->state));
	json_u64(j, "flags", row->flags);
	json_u64(j, "stop_reason", row->stop_reason);
	json_str(j, "stop_name", pvm_part_stop_name(row->stop_reason));
	json_u64(j, "nr_cpus", row->nr_cpus);
	json_u64(j, "nr_pci", row->nr_pci);
	json_u64(j, "memory_addr", row->memory_addr);
	json_u64(j, "memory_bytes", row->memory_bytes);
	json_u64(j, "created_ns", row->created_ns);
	json_u64(j, "started_ns", row->started_ns);
	/* ~0 says "not watched"; as a number it would only mislead. */
	json_i64(j, "beat_age_ns", row->beat_age_ns == ~0ull ? -1 : (int64_t)row->beat_age_ns);
	json_u64(j, "exits", row->exits);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static void help(FILE *f)
{
	const struct verb *const *v;
	char left[64];

	fputs("usage: pvmctl partition VERB [OPTION...] [ARG...]\n\n"
	      "Bare-metal machines cut out of this host: CPUs, memory and devices with a\n"
	      "kernel of their own.\n\nverbs:\n", f);
	for (v = part_verbs; *v; v++) {
		snprintf(left, sizeof(left), "%s %s", short_name(*v), (*v)->operands);
		fprintf(f, "  %-28s %s\n", left, (*v)->help);
	}
	fputs("\n'pvmctl partition VERB -h' lists the options of a verb; pvmctl(8) has examples.\n", f);
}

static int cmd_partition(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct verb *const *v;
	int i;

	if (!word) {
		help(stderr);
		return EXIT_USAGE;
	}
	for (v = part_verbs; *v; v++)
		if (!strcmp(short_name(*v), word))
			return (*v)->fn(argc - 1, argv + 1);
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			help(stdout);
			return out_finish(EXIT_OK);
		}
	}
	if (word[0] == '-') {
		msg("'partition' has no option %s; usage: pvmctl partition VERB [OPTION...]", word);
		return EXIT_USAGE;
	}
	return verb_unknown(part_verbs, LEAD, word);
}

const struct verb verb_partition = {
	.name = "partition", .operands = "VERB...", .help = "Bare-metal machines cut out of this host",
	.fn = cmd_partition, .sub = part_verbs,
};
