/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pvmctl says: exit codes, error sentences, columns for people, JSON lines for programs.
 * Data goes to stdout, messages go to stderr.
 */
#ifndef PVMCTL_OUT_H
#define PVMCTL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum exit_code {
	EXIT_OK		= 0,
	EXIT_FAILED	= 1,
	EXIT_USAGE	= 2,
	EXIT_NO_GUEST	= 3,
	EXIT_PERMISSION	= 4,
	EXIT_NO_DRIVER	= 5,	/* driver or CPU missing */
	EXIT_STATE	= 6,	/* wrong state, also: name taken */
	EXIT_CRASHED	= 10,
	EXIT_REBOOT	= 11,
};

/* ---- messages ---- */

/** msg() - one line to stderr with the prefix "pvmctl: " */
void msg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * msg_cannot() - "pvmctl: cannot WHAT: WHY (ERRNO); NEXT"
 * @code:	exit code to hand back
 * @err:	-errno or errno, 0 = no errno in the sentence
 * @why:	the reason, NULL = the text of @err
 * @next:	what to do next, NULL = nothing to say
 * @fmt:	what was tried and on what: "start guest web"
 *
 * Return: @code, so that a caller can return it at once.
 */
int msg_cannot(enum exit_code code, int err, const char *why, const char *next, const char *fmt,
	       ...) __attribute__((format(printf, 5, 6)));

/* ---- colour ---- */

enum out_colour { COL_PLAIN, COL_BOLD, COL_GREEN, COL_YELLOW, COL_RED };

/** out_colour() - escape sequence, or "" unless @f is a terminal and NO_COLOR is unset */
const char *out_colour(FILE *f, enum out_colour colour);

/* ---- numbers for people ---- */

#define OUT_NUM_LEN 24

/** out_size() - "512M", "1.5G", "64K"; buf holds OUT_NUM_LEN bytes; returns buf */
char *out_size(char *buf, uint64_t bytes);

/** out_duration() - "3s", "2m05s", "1h02m", "4d03h"; returns buf */
char *out_duration(char *buf, uint64_t ns);

/* ---- columns ---- */

struct table;

enum col_align { COL_LEFT, COL_RIGHT };

struct column {
	const char *title;
	enum col_align align;
	bool spare;		/* left out where a terminal is too narrow; the last column never is */
};

/* Memory is the only thing that fails here; a table that had no memory prints nothing and says so. */
struct table *table_new(const struct column *columns, size_t nr);
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** table_paint() - the latest cell in a colour, on a terminal */
void table_paint(struct table *t, enum out_colour colour);
/**
 * table_print() - the title in bold on a terminal, then the rows; frees the table
 *
 * On a terminal that is too narrow, text in the last column goes on below itself; if that is not
 * enough, spare columns are left out, beginning at the right, and then the first one is cut.
 */
int table_print(struct table *t, FILE *f);

/** out_folded() - text that begins at @column; on a terminal it is folded at blanks, below itself */
void out_folded(FILE *f, const char *text, unsigned int column);

/* ---- JSON: one object per line ---- */

struct json {
	FILE *f;
	bool comma;
};

void json_open(struct json *j, FILE *f);			/* { */
void json_str(struct json *j, const char *key, const char *value);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_tenths(struct json *j, const char *key, double value);	/* 12.3 */
void json_sub(struct json *j, const char *key);			/* "key": { */
void json_end(struct json *j);					/* } of json_sub */
void json_array(struct json *j, const char *key);		/* "key": [ */
void json_item(struct json *j);					/* { of an element, ended by json_end */
void json_array_end(struct json *j);				/* ] */
void json_close(struct json *j);				/* } and newline, flushed */

/**
 * out_finish() - flush stdout at the end of a verb
 *
 * Return: @code, or EXIT_FAILED if what was printed did not arrive (full disk).
 */
int out_finish(int code);

#endif
