/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarative options: one array per verb gives the parser, the help text and the completion.
 *
 * Pure: nothing here prints or exits. opt_parse() fills a structure of the verb through offsets
 * and reports trouble as a sentence in a buffer; main.c prints it.
 */
#ifndef PVMCTL_OPT_H
#define PVMCTL_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind {
	OPT_FLAG,	/* bool */
	OPT_STR,	/* const char * */
	OPT_SIZE,	/* uint64_t, bytes; the text has a suffix K M G T */
	OPT_UINT,	/* uint64_t, between min and max */
	OPT_CHOICE,	/* const char *, one of choices */
	OPT_LIST,	/* struct opt_list; may be given several times */
};

#define OPT_LIST_MAX 16

struct opt_list {
	int nr;
	const char *items[OPT_LIST_MAX];
};

struct opt {
	const char *name;		/* long name without dashes; NULL ends the array */
	char letter;			/* short name, 0 = none */
	enum opt_kind kind;
	size_t offset;			/* where the value goes in the verb's structure */
	const char *arg;		/* placeholder in help: FILE, SIZE, NAME, ...; OPT_CHOICE: NULL, or
					 * choices are too many for one line and are listed below */
	const char *help;		/* one line */
	uint64_t min, max;		/* OPT_UINT and OPT_SIZE; max 0 = no limit */
	const char *const *choices;	/* OPT_CHOICE: NULL-terminated */
};

/* What a completion function may offer for an argument: derived from the placeholder. */
#define OPT_ARG_FILE	"FILE"
#define OPT_ARG_NAME	"NAME"

struct verb {
	const char *name;		/* "list"; "partition list" for the verbs of a verb */
	const char *operands;		/* as shown in usage: "NAME", "[NAME]", "[-- COMMAND [ARG...]]", "" */
	const char *help;		/* one line */
	const struct opt *opts;		/* ends with a NULL name; NULL = none */
	int min_operands;
	int max_operands;		/* before "--" */
	bool takes_command;		/* words after "--" are a command, not operands */
	bool hidden;			/* not listed in help */
	int (*fn)(int argc, char **argv);	/* argv[0] is the verb; returns an exit code */
	const struct verb *const *sub;	/* its own verbs, NULL-terminated; NULL = none */
};

/* What is left over after the options. Pointers into argv. */
struct opt_rest {
	int nr_operands;
	char *operands[8];
	int nr_command;			/* words after "--" */
	char **command;
	bool has_command;		/* "--" was there */
};

enum opt_result { OPT_OK, OPT_HELP, OPT_BAD };

/**
 * opt_parse() - parse the arguments of a verb
 * @verb:	the table row
 * @into:	the verb's structure, filled with defaults by the caller
 * @argc, @argv: argv[0] is the verb
 * @rest:	gets operands and command
 * @msg, @len:	gets one sentence when the result is OPT_BAD
 *
 * -h or --help anywhere before "--" wins over every error.
 *
 * Return: OPT_OK, OPT_HELP or OPT_BAD.
 */
enum opt_result opt_parse(const struct verb *verb, void *into, int argc, char **argv,
			  struct opt_rest *rest, char *msg, size_t len);

/** opt_help() - print usage and options of one verb to @f */
void opt_help(FILE *f, const struct verb *verb);

/**
 * opt_size() - "512M", "1.5G", "4096" to bytes
 *
 * Return: 0, or -EINVAL (not a size), -ERANGE (too large for 64 bits).
 */
int opt_size(const char *text, uint64_t *bytes);

/** opt_closest() - the word of a NULL-terminated list that @word probably meant, or NULL */
const char *opt_closest(const char *word, const char *const *list);

/** opt_name_ok() - is this a name the driver takes: 1..31 characters of [A-Za-z0-9._-]? */
bool opt_name_ok(const char *name);

#endif
