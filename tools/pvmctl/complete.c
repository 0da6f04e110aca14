// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl __complete: what the shell asks while somebody presses Tab.
 *
 * Gets the words typed so far, the last one unfinished (may be empty), prints candidates one a
 * line. A line "@file" asks the shell to offer file names itself. Works from the verb table, so it
 * cannot go stale; never prints an error and never waits: names of guests come from the driver, and
 * without one there are none.
 */
#include <string.h>

#include "pvmctl.h"

static void offer(const char *prefix, const char *lead, const char *word)
{
	char text[128];

	snprintf(text, sizeof(text), "%s%s", lead, word);
	if (!strncmp(text, prefix, strlen(prefix)))
		puts(text);
}

static void offer_guests(const char *prefix)
{
	struct pvm_vm_info *rows;
	struct pvm_ctx *ctx;
	size_t n, i;

	if (pvm_ctx_create(NULL, &ctx))
		return;
	if (!pvm_ctx_list(ctx, &rows, &n)) {
		for (i = 0; i < n; i++)
			offer(prefix, "", rows[i].name);
		pvm_free(rows);
	}
	pvm_ctx_destroy(ctx);
}

static void offer_partitions(const char *prefix)
{
	struct pvm_part_row *rows;
	struct pvm_ctx *ctx;
	size_t n, i;

	if (pvm_ctx_create(NULL, &ctx))
		return;
	if (!pvm_part_list(ctx, &rows, &n)) {
		for (i = 0; i < n; i++)
			offer(prefix, "", rows[i].name);
		pvm_free(rows);
	}
	pvm_ctx_destroy(ctx);
}

static void offer_value(const struct opt *o, const char *prefix)
{
	size_t i;

	if (o->kind == OPT_CHOICE) {
		for (i = 0; o->choices[i]; i++)
			offer(prefix, "", o->choices[i]);
	} else if (o->arg && !strcmp(o->arg, OPT_ARG_FILE)) {
		puts("@file");
	}
}

/* The option that @word names and that still wants a value, or NULL. */
static const struct opt *wants_value(const struct verb *verb, const char *word)
{
	const struct opt *o;

	for (o = verb->opts; o && o->name; o++) {
		if (o->kind == OPT_FLAG)
			continue;
		if (!strncmp(word, "--", 2) && !strcmp(word + 2, o->name))
			return o;
		if (o->letter && word[0] == '-' && word[1] == o->letter && !word[2])
			return o;
	}
	return NULL;
}

/* @lead: what the names in @table begin with, "" or "partition ". */
static int complete_in(const struct verb *const *table, const char *lead, int argc, char **argv)
{
	const char *last = argc > 0 ? argv[argc - 1] : "";
	const struct verb *verb = NULL;
	size_t skip = strlen(lead);
	const struct opt *o;
	char below[32];
	int i;

	for (i = 0; table[i]; i++) {
		if (argc <= 1) {
			if (!table[i]->hidden)
				offer(last, "", table[i]->name + skip);
		} else if (!strcmp(table[i]->name + skip, argv[0])) {
			verb = table[i];
		}
	}
	if (!verb || verb->hidden)
		return EXIT_OK;
	if (verb->sub) {
		snprintf(below, sizeof(below), "%s ", verb->name);
		return complete_in(verb->sub, below, argc - 1, argv + 1);
	}
	for (i = 1; i < argc - 1; i++) {
		if (!strcmp(argv[i], "--")) {
			if (verb->takes_command)
				puts("@file");
			return EXIT_OK;
		}
	}
	o = argc > 2 ? wants_value(verb, argv[argc - 2]) : NULL;
	if (o) {
		offer_value(o, last);
	} else if (last[0] == '-') {
		for (o = verb->opts; o && o->name; o++)
			offer(last, "--", o->name);
		offer(last, "", "--help");
	} else if (strstr(verb->operands, OPT_ARG_NAME)) {
		if (*lead && verb != &verb_part_create)
			offer_partitions(last);
		else if (!*lead)
			offer_guests(last);
	}
	return EXIT_OK;
}

int complete_words(int argc, char **argv)
{
	return complete_in(verbs, "", argc, argv);
}

/* argv is handed on unparsed: what is being completed may look like an option of ours. */
static int cmd_complete(int argc, char **argv)
{
	return out_finish(complete_words(argc - 1, argv + 1));
}

const struct verb verb_complete = {
	.name = "__complete", .operands = "WORD...", .help = "Print completions for the shell",
	.hidden = true, .fn = cmd_complete,
};
