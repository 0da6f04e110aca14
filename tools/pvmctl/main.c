// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl: run and look after guests of the pvm driver.
 *
 * This file holds the table of verbs and nothing a verb does: a row is a name, its operands, one
 * line of help, its option array and a function (opt.h). To add a verb, write cmd_<verb>.c and add
 * it to the table; help and completion follow.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "pvmctl.h"

const struct verb *const verbs[] = {
	&verb_run, &verb_list, &verb_stop, &verb_console, &verb_stat, &verb_top, &verb_events,
	&verb_partition, &verb_info, &verb_doctor, &verb_version, &verb_complete, NULL
};

static void help(FILE *f)
{
	const struct verb *const *v;
	char left[64];

	fputs("usage: pvmctl VERB [OPTION...] [ARG...]\n\n"
	      "Runs stock Linux kernels as guests, without hardware virtualization.\n\nverbs:\n", f);
	for (v = verbs; *v; v++) {
		if ((*v)->hidden)
			continue;
		snprintf(left, sizeof(left), "%s %s", (*v)->name, (*v)->operands);
		fprintf(f, "  %-28s %s\n", left, (*v)->help);
	}
	fputs("\n"
	      "'pvmctl VERB -h' lists the options of a verb; pvmctl(8) has examples.\n"
	      "Exit status: 0 ok, 1 failed, 2 usage, 3 no such guest or partition,\n"
	      "4 permission, 5 driver or CPU missing, 6 wrong state, 10 guest crashed,\n"
	      "11 guest asked for a reboot.\n", f);
}

bool verb_parse(const struct verb *verb, void *into, int argc, char **argv, struct opt_rest *rest,
		int *code)
{
	char text[256];

	switch (opt_parse(verb, into, argc, argv, rest, text, sizeof(text))) {
	case OPT_OK:
		return true;
	case OPT_HELP:
		opt_help(stdout, verb);
		*code = out_finish(EXIT_OK);
		return false;
	case OPT_BAD:
		break;
	}
	msg("%s", text);
	*code = EXIT_USAGE;
	return false;
}

static const struct verb *find(const char *name)
{
	const struct verb *const *v;

	for (v = verbs; *v; v++)
		if (!strcmp((*v)->name, name))
			return *v;
	return NULL;
}

int verb_unknown(const struct verb *const *table, const char *lead, const char *name)
{
	const char *names[32], *near;
	size_t n = 0, i, skip = strlen(lead);

	for (i = 0; table[i] && n < 31; i++)
		if (!table[i]->hidden)
			names[n++] = table[i]->name + skip;
	names[n] = NULL;
	near = opt_closest(name, names);
	if (near)
		msg("there is no verb '%s%s'; did you mean 'pvmctl %s%s'?", lead, name, lead, near);
	else
		msg("there is no verb '%s%s'; 'pvmctl %s-h' lists them", lead, name, lead);
	return EXIT_USAGE;
}

static int unknown(const char *name)
{
	return verb_unknown(verbs, "", name);
}

/*
 * A closed descriptor 0, 1 or 2 would be given to the next file opened, and output would land in
 * it. Fill the holes. Reading from the filler ends at once.
 */
static void fill_std_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static bool asks_help(int argc, char **argv)
{
	int i;

	for (i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct verb *verb;
	const char *word = argc > 1 ? argv[1] : NULL;
	char *ask_help[] = { NULL, (char *)"-h", NULL };

	fill_std_descriptors();
	/* A reader that goes away is an error of write(), told in a sentence, not a silent death. */
	signal(SIGPIPE, SIG_IGN);

	if (!word) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(word, "-h") || !strcmp(word, "--help") || !strcmp(word, "help")) {
		verb = argc > 2 ? find(argv[2]) : NULL;
		if (verb && verb->sub && argc > 3) {
			char *ask_sub[] = { argv[2], argv[3], (char *)"-h", NULL };

			return verb->fn(3, ask_sub);
		}
		if (verb) {
			ask_help[0] = argv[2];
			return verb->fn(2, ask_help);
		}
		if (argc > 2 && argv[2][0] != '-')
			return unknown(argv[2]);
		help(stdout);
		return out_finish(EXIT_OK);
	}
	if (!strcmp(word, "-V") || !strcmp(word, "--version"))
		word = "version";
	verb = find(word);
	if (!verb && asks_help(argc, argv)) {
		help(stdout);
		return out_finish(EXIT_OK);
	}
	if (word[0] == '-') {
		msg("unknown option %s; usage: pvmctl VERB [OPTION...], see 'pvmctl -h'", word);
		return EXIT_USAGE;
	}
	if (!verb)
		return unknown(word);
	return verb->fn(argc - 1, argv + 1);
}
