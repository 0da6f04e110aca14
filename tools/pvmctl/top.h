/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pvmctl top: rows of counters, what they became per second, and lines on a screen.
 *
 * Rows come from a list of sources (cmd_top.c), one for each kind of thing; a source appends what it
 * knows with counters since some time, and says with TOP_HAS which fields mean anything. Each kind
 * has a table of its own, for what is to be known about a guest is not what is to be known about a
 * partition. To show another kind, write a source, add it to the list, and its columns to
 * top_table.c. top.c and top_table.c are pure: no driver, no terminal, no clock.
 */
#ifndef PVMCTL_TOP_H
#define PVMCTL_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "out.h"

enum top_kind { TOP_GUEST, TOP_PARTITION, TOP_NR_KINDS };	/* in the order of the tables */

/** top_kinds - their names: "guest", "partition" */
extern const char *const top_kinds[TOP_NR_KINDS];

/* Things that are counted; CPU time in ns. */
enum top_counter { TOP_CPU, TOP_EXITS, TOP_FAULTS, TOP_HYPERCALLS, TOP_NR_COUNTERS };

#define TOP_HAS(counter)	(1u << (counter))
#define TOP_HAS_SHADOW		(1u << 16)
#define TOP_HAS_OWNER		(1u << 17)	/* pid and uid */
#define TOP_HAS_PART		(1u << 18)	/* fields of a partition */
#define TOP_HAS_UPTIME		(1u << 19)

#define TOP_REASONS		16u

/* What exits were for, as the driver counts it. */
struct top_reason {
	char name[16];			/* "console" */
	uint64_t count;
	double rate;			/* per second, by top_rates() */
};

struct top_row {
	enum top_kind kind;
	uint32_t id;
	char name[32];
	const char *state;
	enum out_colour colour;		/* of the state */
	unsigned int has;		/* TOP_HAS... */
	uint32_t cpus, pid, uid;
	uint64_t created_ns;		/* CLOCK_BOOTTIME */
	uint64_t since_ns;		/* when counters were 0 and the uptime began */
	uint64_t memory_bytes, shadow_bytes;
	uint64_t counter[TOP_NR_COUNTERS];
	double rate[TOP_NR_COUNTERS];	/* per second, by top_rates() */
	struct top_reason reason[TOP_REASONS];
	unsigned int nr_reasons;
	/* of a partition */
	uint32_t devices;
	uint64_t beat_age_ns;		/* ~0: no heartbeat is watched */
	char beat[OUT_NUM_LEN + 8];	/* for people */
	const char *stopped;		/* why, "" if it runs or never did */
};

struct top_sample {
	uint64_t time_ns;		/* CLOCK_BOOTTIME */
	struct top_row *row;
	size_t nr;
};

struct pvm_ctx;
struct pvm_stat_row;

struct top_source {
	/* Appends rows with top_add(). Return: 0 or -errno, with libpvm's sentence. */
	int (*sample)(struct pvm_ctx *ctx, struct top_sample *s);
};

extern const struct top_source top_guests;	/* top_guests.c */
extern const struct top_source top_partitions;	/* top_partitions.c */

/** top_count() - take what @stat has for @r: counters by name, reasons of exits (top_guests.c) */
void top_count(struct top_row *r, const struct pvm_stat_row *stat, size_t n);

enum top_key {
	TOP_BY_CPU, TOP_BY_MEMORY, TOP_BY_SHADOW, TOP_BY_EXITS, TOP_BY_FAULTS, TOP_BY_HYPERCALLS,
	TOP_BY_NAME, TOP_NR_KEYS
};

/* Names of the keys, in their order; NULL ends. */
extern const char *const top_keys[];

/** top_add() - one more row, zeroed, of @kind. Return: the row or NULL without memory. */
struct top_row *top_add(struct top_sample *s, enum top_kind kind);

/** top_free() - forget the rows */
void top_free(struct top_sample *s);

/**
 * top_rates() - what happened per second
 * @now:	gets the rates
 * @before:	an earlier sample; a row that was not there yet, or whose counters began anew since,
 *		is averaged over the time since then
 */
void top_rates(struct top_sample *now, const struct top_sample *before);

/** top_often() - what most exits of the last interval were for, or NULL if there was none */
const struct top_reason *top_often(const struct top_row *r);

/**
 * top_sort() - kind by kind, largest first, names in alphabetical order; @reverse turns that round
 *
 * Rows of a kind that has no such number are sorted by exits.
 */
void top_sort(struct top_sample *s, enum top_key key, bool reverse);

/* How lines look. Strings of escapes may be empty. */
struct top_style {
	unsigned int columns;		/* 0 = as wide as it gets */
	unsigned int rows;		/* lines there is room for, 0 = no limit */
	const char *eol;		/* "\n", or what a raw terminal needs */
	const char *seq[COL_RED + 1];	/* by enum out_colour */
};

/** top_summary() - one line: how many, and their sums */
void top_summary(FILE *f, const struct top_sample *s, const struct top_style *style);

/** top_tables() - titles and rows of each kind, sorted; what does not fit is left out and said so */
void top_tables(FILE *f, const struct top_sample *s, const struct top_style *style);

/** top_json() - one object for a row */
void top_json(FILE *f, const struct top_sample *s, const struct top_row *r, uint64_t interval_ns);

#endif
