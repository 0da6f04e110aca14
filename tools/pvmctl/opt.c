// SPDX-License-Identifier: GPL-2.0-only
/*
 * Declarative options: parser and help text from the same array (opt.h).
 *
 * Pure: no output but opt_help(), no exit, no globals. Options and operands may be mixed up to "--".
 * Long names are never abbreviated: a script that abbreviates would break when an option is added.
 * Neighbours: main.c holds the verb table and prints the sentences made here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pvm.h>

#include "opt.h"

#define SUGGEST_DISTANCE	2	/* edits between what was typed and what is offered */
#define MAX_WORD		64	/* longer words are no typing errors */
#define MAX_OPTS		32

static enum opt_result __attribute__((format(printf, 3, 4)))
bad(char *msg, size_t len, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, len, fmt, ap);
	va_end(ap);
	return OPT_BAD;
}

bool opt_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len < 1 || len >= PVM_NAME_LEN)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

int opt_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGTP";
	unsigned int shift = 0;
	uint64_t whole = 0, tenths = 0;
	const char *s = text, *hit;
	bool fraction = false;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
			return -ERANGE;
	}
	if (*s == '.') {
		if (!isdigit((unsigned char)s[1]))
			return -EINVAL;
		fraction = true;
		tenths = s[1] - '0';
		s += 2;		/* one digit: 1.5G is what people write */
	}
	if (*s) {
		hit = strchr(suffixes, toupper((unsigned char)*s));
		if (!hit)
			return -EINVAL;
		shift = 10 * (hit - suffixes + 1);
		s++;
		if (!strcmp(s, "iB") || !strcmp(s, "B"))
			s += strlen(s);
	}
	if (*s || (fraction && !shift))
		return -EINVAL;
	if (whole > (UINT64_MAX >> shift) - 1)
		return -ERANGE;
	*bytes = (whole << shift) + (tenths << shift) / 10;
	return 0;
}

/* Edits (insert, delete, replace, swap neighbours) that turn a into b. */
static unsigned int distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j;
	unsigned int d[MAX_WORD + 1][MAX_WORD + 1];

	if (la > MAX_WORD || lb > MAX_WORD)
		return MAX_WORD;
	for (i = 0; i <= la; i++)
		d[i][0] = i;
	for (j = 0; j <= lb; j++)
		d[0][j] = j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			unsigned int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[la][lb];
}

const char *opt_closest(const char *word, const char *const *list)
{
	unsigned int best = SUGGEST_DISTANCE + 1;
	const char *found = NULL;
	size_t len = strlen(word);

	for (; *list; list++) {
		unsigned int d = distance(word, *list);

		/* A beginning counts as close: "--mem", "cons". */
		if (len >= 2 && !strncmp(word, *list, len))
			d = 1;
		/* In a short word two edits turn anything into anything. */
		if (d < best && d < strlen(*list) - 1) {
			best = d;
			found = *list;
		}
	}
	return found;
}

static const struct opt *find_long(const struct verb *verb, const char *name, size_t len)
{
	const struct opt *o;

	for (o = verb->opts; o && o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, name, len))
			return o;
	return NULL;
}

static const struct opt *find_short(const struct verb *verb, char letter)
{
	const struct opt *o;

	for (o = verb->opts; o && o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static enum opt_result unknown(const struct verb *verb, const char *word, size_t len, char *msg,
			       size_t msglen)
{
	const char *names[MAX_OPTS + 1], *near = NULL;
	char name[MAX_WORD];
	const struct opt *o;
	size_t n = 0;

	for (o = verb->opts; o && o->name && n < MAX_OPTS; o++)
		names[n++] = o->name;
	names[n] = NULL;
	if (len < sizeof(name)) {
		memcpy(name, word, len);
		name[len] = 0;
		near = opt_closest(name, names);
	}
	if (near)
		return bad(msg, msglen, "'%s' has no option --%.*s; did you mean --%s?", verb->name,
			   (int)len, word, near);
	return bad(msg, msglen, "'%s' has no option --%.*s; see 'pvmctl %s -h'", verb->name,
		   (int)len, word, verb->name);
}

static enum opt_result bad_choice(const struct opt *o, const char *value, char *msg, size_t len)
{
	const char *near = opt_closest(value, o->choices);
	char list[128] = "";
	size_t i, at = 0;

	if (near)
		return bad(msg, len, "--%s '%s' is unknown; did you mean '%s'?", o->name, value,
			   near);
	for (i = 0; o->choices[i] && at < sizeof(list); i++)
		at += snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", o->choices[i]);
	return bad(msg, len, "--%s '%s' is unknown; choose one of %s", o->name, value, list);
}

static enum opt_result store(const struct opt *o, void *into, const char *value, char *msg,
			     size_t len)
{
	void *field = (char *)into + o->offset;
	struct opt_list *list;
	uint64_t number = 0;
	char *end;
	size_t i;
	int err;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)field = true;
		return OPT_OK;
	case OPT_STR:
		*(const char **)field = value;
		return OPT_OK;
	case OPT_LIST:
		list = field;
		if (list->nr == OPT_LIST_MAX)
			return bad(msg, len, "--%s is given more than %d times", o->name,
				   OPT_LIST_MAX);
		list->items[list->nr++] = value;
		return OPT_OK;
	case OPT_CHOICE:
		for (i = 0; o->choices[i]; i++) {
			if (!strcmp(o->choices[i], value)) {
				*(const char **)field = o->choices[i];
				return OPT_OK;
			}
		}
		return bad_choice(o, value, msg, len);
	case OPT_SIZE:
		err = opt_size(value, &number);
		if (err == -ERANGE)
			return bad(msg, len, "--%s '%s' is larger than 64 bits can say", o->name,
				   value);
		if (err)
			return bad(msg, len,
				   "--%s '%s' is not a size; write a number with K, M or G, like 512M",
				   o->name, value);
		break;
	case OPT_UINT:
		errno = 0;
		number = strtoull(value, &end, 10);
		if (!isdigit((unsigned char)*value) || *end)
			return bad(msg, len, "--%s '%s' is not a number", o->name, value);
		if (errno)
			number = UINT64_MAX;
		break;
	}
	if (o->kind == OPT_UINT && (number < o->min || (o->max && number > o->max))) {
		if (o->min == o->max)
			return bad(msg, len, "--%s '%s' is out of range; this release takes only %llu",
				   o->name, value, (unsigned long long)o->min);
		return bad(msg, len, "--%s '%s' is out of range; take %llu..%llu", o->name, value,
			   (unsigned long long)o->min,
			   (unsigned long long)(o->max ? o->max : UINT64_MAX));
	}
	*(uint64_t *)field = number;
	return OPT_OK;
}

static bool asks_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return true;
	return false;
}

/* One argument that begins with a dash; may take the next one. *i stays on the last one used. */
static enum opt_result parse_one(const struct verb *verb, void *into, int argc, char **argv, int *i,
				 char *msg, size_t len)
{
	const char *word = argv[*i], *value = NULL;
	const struct opt *o;

	if (word[1] == '-') {
		const char *eq = strchr(word, '=');
		size_t n = eq ? (size_t)(eq - word - 2) : strlen(word + 2);

		o = find_long(verb, word + 2, n);
		if (!o)
			return unknown(verb, word + 2, n, msg, len);
		value = eq ? eq + 1 : NULL;
	} else {
		o = find_short(verb, word[1]);
		if (!o)
			return bad(msg, len, "'%s' has no option -%c; see 'pvmctl %s -h'",
				   verb->name, word[1], verb->name);
		value = word[2] ? word + 2 : NULL;
	}
	if (o->kind == OPT_FLAG && value)
		return bad(msg, len, "--%s takes no value", o->name);
	if (o->kind != OPT_FLAG && !value) {
		if (*i + 1 >= argc || !strcmp(argv[*i + 1], "--"))
			return bad(msg, len, "--%s needs a value: --%s %s", o->name, o->name,
				   o->arg);
		value = argv[++*i];
	}
	return store(o, into, value, msg, len);
}

enum opt_result opt_parse(const struct verb *verb, void *into, int argc, char **argv,
			  struct opt_rest *rest, char *msg, size_t len)
{
	enum opt_result res;
	int i;

	memset(rest, 0, sizeof(*rest));
	if (asks_help(argc, argv))
		return OPT_HELP;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			rest->has_command = true;
			rest->command = argv + i + 1;
			rest->nr_command = argc - i - 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			res = parse_one(verb, into, argc, argv, &i, msg, len);
			if (res != OPT_OK)
				return res;
			continue;
		}
		if (rest->nr_operands >= verb->max_operands ||
		    rest->nr_operands >= (int)(sizeof(rest->operands) / sizeof(rest->operands[0]))) {
			if (verb->takes_command)
				return bad(msg, len,
					   "unexpected '%s'; a command goes behind '--': pvmctl %s -- %s",
					   argv[i], verb->name, argv[i]);
			return bad(msg, len, "unexpected '%s'; usage: pvmctl %s %s", argv[i],
				   verb->name, verb->operands);
		}
		rest->operands[rest->nr_operands++] = argv[i];
	}
	if (rest->has_command && !verb->takes_command && rest->nr_command)
		return bad(msg, len, "'%s' takes no command; see 'pvmctl %s -h'", verb->name,
			   verb->name);
	if (verb->takes_command && rest->has_command && !rest->nr_command)
		return bad(msg, len, "no command behind '--'; usage: pvmctl %s %s", verb->name,
			   verb->operands);
	if (rest->nr_operands < verb->min_operands)
		return bad(msg, len, "%s is missing; usage: pvmctl %s %s", verb->operands,
			   verb->name, verb->operands);
	return OPT_OK;
}

void opt_help(FILE *f, const struct verb *verb)
{
	const struct opt *o;
	char left[48];
	size_t i;

	fprintf(f, "usage: pvmctl %s%s%s%s\n\n%s.\n\n", verb->name, verb->opts ? " [OPTION...]" : "",
		*verb->operands ? " " : "", verb->operands, verb->help);
	fprintf(f, "options:\n");
	for (o = verb->opts; o && o->name; o++) {
		size_t at = 0;

		if (o->letter)
			at = snprintf(left, sizeof(left), "-%c, ", o->letter);
		at += snprintf(left + at, sizeof(left) - at, "--%s", o->name);
		if (o->kind == OPT_CHOICE && !o->arg) {
			for (i = 0; o->choices[i] && at < sizeof(left); i++)
				at += snprintf(left + at, sizeof(left) - at, "%c%s", i ? '|' : ' ',
					       o->choices[i]);
		} else if (o->kind != OPT_FLAG) {
			snprintf(left + at, sizeof(left) - at, " %s", o->arg);
		}
		fprintf(f, "  %-26s %s\n", left, o->help);
		if (o->kind != OPT_CHOICE || !o->arg)
			continue;
		for (i = 0; o->choices[i]; i++)
			fprintf(f, "%s%s", i ? "|" : "                             ",
				o->choices[i]);
		fputc('\n', f);
	}
	fprintf(f, "  %-26s %s\n", "-h, --help", "this text");
}
