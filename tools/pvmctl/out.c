// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pvmctl says: error sentences, columns, JSON lines (out.h).
 *
 * The JSON writer is ours because it is smaller than the glue to a library would be: objects one
 * level deep, strings, integers, booleans. Strings from a guest or the driver are never trusted:
 * control characters and bytes beyond ASCII leave as \u00XX, so a line is always one valid object.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "out.h"

void msg(const char *fmt, ...)
{
	va_list ap;

	fputs("pvmctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int msg_cannot(enum exit_code code, int err, const char *why, const char *next, const char *fmt,
	       ...)
{
	char what[512];
	va_list ap;
	int n;

	if (err < 0)
		err = -err;
	va_start(ap, fmt);
	n = vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (n < 0)
		what[0] = 0;
	if (!why)
		why = strerror(err);
	fprintf(stderr, "pvmctl: cannot %s: %s", what, why);
	/* A library's reason may end in the name of the error already. */
	if (err && strerrorname_np(err) && !strstr(why, strerrorname_np(err)))
		fprintf(stderr, " (%s)", strerrorname_np(err));
	if (next)
		fprintf(stderr, "; %s", next);
	fputc('\n', stderr);
	return code;
}

const char *out_colour(FILE *f, enum out_colour colour)
{
	static const char *const seq[] = {
		[COL_PLAIN] = "\033[0m", [COL_BOLD] = "\033[1m", [COL_GREEN] = "\033[32m",
		[COL_YELLOW] = "\033[33m", [COL_RED] = "\033[31m",
	};
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((no && *no) || (term && !strcmp(term, "dumb")) || !isatty(fileno(f)))
		return "";
	return seq[colour];
}

char *out_size(char *buf, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	uint64_t rest = 0, whole = bytes;
	unsigned int u = 0;

	while (whole >= 1024 && units[u + 1]) {
		rest = whole % 1024;
		whole /= 1024;
		u++;
	}
	/* One digit behind the point while the number is small, none where it says nothing. */
	if (u && whole < 10 && rest * 10 / 1024)
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 ".%u%c", whole,
			 (unsigned int)(rest * 10 / 1024), units[u]);
	else
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 "%c", whole, units[u]);
	return buf;
}

char *out_duration(char *buf, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 "m%02us", s / 60, (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 "h%02um", s / 3600,
			 (unsigned int)(s / 60 % 60));
	else
		snprintf(buf, OUT_NUM_LEN, "%" PRIu64 "d%02uh", s / 86400,
			 (unsigned int)(s / 3600 % 24));
	return buf;
}

/* ---- columns ---- */

#define GAP		2	/* blanks between columns */
#define FIRST_MIN	8	/* the first column is not cut below this */
#define LAST_MIN	20	/* text is not folded narrower than this */

struct cell {
	char *text;
	enum out_colour colour;
};

struct table {
	const struct column *columns;
	size_t nr_columns;
	struct cell *cells;	/* row after row */
	size_t nr_cells;
	bool no_memory;
};

struct table *table_new(const struct column *columns, size_t nr)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t) {
		t->columns = columns;
		t->nr_columns = nr;
	}
	return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	struct cell *grown;
	char *text;
	va_list ap;
	int n;

	if (!t || t->no_memory)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	grown = n < 0 ? NULL : reallocarray(t->cells, t->nr_cells + 1, sizeof(*grown));
	if (!grown) {
		if (n >= 0)
			free(text);
		t->no_memory = true;
		return;
	}
	t->cells = grown;
	t->cells[t->nr_cells++] = (struct cell){ text, COL_PLAIN };
}

void table_paint(struct table *t, enum out_colour colour)
{
	if (t && !t->no_memory)
		t->cells[t->nr_cells - 1].colour = colour;
}

static unsigned int columns_of(FILE *f)
{
	struct winsize ws = { 0 };

	return isatty(fileno(f)) && !ioctl(fileno(f), TIOCGWINSZ, &ws) ? ws.ws_col : 0;
}

/* Fold @text into @width columns at blanks; lines after the first begin at column @indent. */
static void put_folded(FILE *f, const char *text, size_t width, size_t indent)
{
	size_t len, cut;

	while ((len = strlen(text)) > width) {
		for (cut = width; cut && text[cut] != ' '; cut--)
			;
		if (!cut)
			break;		/* one long word */
		fprintf(f, "%.*s\n%*s", (int)cut, text, (int)indent, "");
		text += cut + 1;
	}
	fputs(text, f);
}

void out_folded(FILE *f, const char *text, unsigned int column)
{
	unsigned int columns = columns_of(f);

	put_folded(f, text, columns > column + LAST_MIN ? columns - column : strlen(text), column);
}

static void put_cut(FILE *f, const char *text, size_t width)
{
	if (strlen(text) > width)
		fprintf(f, "%.*s+", (int)width - 1, text);
	else
		fprintf(f, "%-*s", (int)width, text);
}

static void print_row(const struct table *t, FILE *f, const struct cell *row, const size_t *width)
{
	size_t c, at = 0;

	for (c = 0; c < t->nr_columns; c++) {
		bool last = c + 1 == t->nr_columns;
		const char *paint = row[c].colour == COL_PLAIN ? "" : out_colour(f, row[c].colour);

		if (!width[c])
			continue;	/* left out */
		if (c)
			fprintf(f, "%*s", GAP, "");
		fputs(paint, f);
		if (t->columns[c].align == COL_RIGHT)
			fprintf(f, "%*s", (int)width[c], row[c].text);
		else if (last)
			put_folded(f, row[c].text, width[c], at);	/* no blanks at the end of a line */
		else
			put_cut(f, row[c].text, width[c]);
		if (*paint)
			fputs(out_colour(f, COL_PLAIN), f);
		at += width[c] + GAP;
	}
	fputc('\n', f);
}

/* Take from a column what is too much, but not below @min. */
static void give(size_t *width, size_t *sum, size_t room, size_t min)
{
	size_t less = *sum > room ? *sum - room : 0;

	if (*width <= min)
		return;
	if (less > *width - min)
		less = *width - min;
	*width -= less;
	*sum -= less;
}

/* Make room: fold the last column, leave out spare ones (width 0), cut the first. */
static void fit(const struct table *t, size_t *width, size_t room)
{
	size_t last = t->nr_columns - 1, sum = last * GAP, wanted = width[last], c;

	for (c = 0; c < t->nr_columns; c++)
		sum += width[c];
	if (!room)
		return;
	if (t->columns[last].align == COL_LEFT)
		give(&width[last], &sum, room, LAST_MIN);
	for (c = last; sum > room && c-- > 1;) {
		if (!t->columns[c].spare)
			continue;
		sum -= width[c] + GAP;
		width[c] = 0;
	}
	if (sum < room)		/* what was left out may be more than was asked for */
		width[last] += room - sum < wanted - width[last] ? room - sum : wanted - width[last];
	give(&width[0], &sum, room, FIRST_MIN);
}

int table_print(struct table *t, FILE *f)
{
	struct cell *titles = NULL;
	size_t *width = NULL, c, i;
	int err = -ENOMEM;

	if (!t)
		return -ENOMEM;
	width = calloc(t->nr_columns, sizeof(*width));
	titles = calloc(t->nr_columns, sizeof(*titles));
	if (!width || !titles || t->no_memory)
		goto out;
	for (c = 0; c < t->nr_columns; c++) {
		titles[c].text = (char *)t->columns[c].title;
		width[c] = strlen(titles[c].text);
	}
	for (i = 0; i < t->nr_cells; i++)
		if (strlen(t->cells[i].text) > width[i % t->nr_columns])
			width[i % t->nr_columns] = strlen(t->cells[i].text);
	fit(t, width, columns_of(f));
	fputs(out_colour(f, COL_BOLD), f);
	print_row(t, f, titles, width);
	fputs(out_colour(f, COL_PLAIN), f);
	for (i = 0; i + t->nr_columns <= t->nr_cells; i += t->nr_columns)
		print_row(t, f, t->cells + i, width);
	err = 0;
out:
	for (i = 0; i < t->nr_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(titles);
	free(width);
	free(t);
	return err;
}

/* ---- JSON ---- */

static void put_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char ch = *s;

		if (ch == '"' || ch == '\\')
			fprintf(f, "\\%c", ch);
		else if (ch < 0x20 || ch >= 0x7f)
			fprintf(f, "\\u%04x", ch);
		else
			fputc(ch, f);
	}
	fputc('"', f);
}

static void put_key(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->f);
	j->comma = true;
	put_string(j->f, key);
	fputc(':', j->f);
}

void json_open(struct json *j, FILE *f)
{
	j->f = f;
	j->comma = false;
	fputc('{', f);
}

void json_str(struct json *j, const char *key, const char *value)
{
	put_key(j, key);
	put_string(j->f, value);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	put_key(j, key);
	fprintf(j->f, "%" PRIu64, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	put_key(j, key);
	fprintf(j->f, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put_key(j, key);
	fputs(value ? "true" : "false", j->f);
}

void json_tenths(struct json *j, const char *key, double value)
{
	put_key(j, key);
	fprintf(j->f, "%.1f", value);
}

void json_sub(struct json *j, const char *key)
{
	put_key(j, key);
	fputc('{', j->f);
	j->comma = false;
}

void json_end(struct json *j)
{
	fputc('}', j->f);
	j->comma = true;
}

void json_array(struct json *j, const char *key)
{
	put_key(j, key);
	fputc('[', j->f);
	j->comma = false;
}

void json_item(struct json *j)
{
	fputs(j->comma ? ",{" : "{", j->f);
	j->comma = false;
}

void json_array_end(struct json *j)
{
	fputc(']', j->f);
	j->comma = true;
}

void json_close(struct json *j)
{
	fputs("}\n", j->f);
	fflush(j->f);	/* a reader at the other end of a pipe sees an event when it happens */
}

int out_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno == EPIPE)
		return code;	/* the reader had enough: "pvmctl list | head -1" */
	msg_cannot(EXIT_FAILED, errno, NULL, "is the disk full?", "write to standard output");
	return code ? code : EXIT_FAILED;
}
