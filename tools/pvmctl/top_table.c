// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of pvmctl top: lines that fit a width and a height (top.h). Pure.
 *
 * Columns are an array for each kind: a title, a width, a function that fills a cell. Those with a
 * rank are shown only where they fit, so that 80 columns hold what matters and 200 hold all.
 */
#include <inttypes.h>
#include <string.h>

#include "top.h"

#define NAME_MIN	8	/* columns of a name on a narrow screen */
#define GAP		2	/* blanks between columns */
#define MAX_COLUMNS	16

/* ---- cells ---- */

#define CELL_LEN 64

static void number(char *cell, double v)
{
	if (v < 9.95)
		snprintf(cell, CELL_LEN, "%.1f", v);
	else if (v < 99999.5)
		snprintf(cell, CELL_LEN, "%.0f", v);
	else if (v < 999950)
		snprintf(cell, CELL_LEN, "%.1fk", v / 1e3);
	else
		snprintf(cell, CELL_LEN, "%.1fM", v / 1e6);
}

static void rate(char *cell, const struct top_row *r, enum top_counter c)
{
	if (r->has & TOP_HAS(c))
		number(cell, r->rate[c]);
	else
		strcpy(cell, "-");
}

static void cell_name(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", r->name);
}

static void cell_state(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", r->state);
}

static void cell_cpu(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	if (r->has & TOP_HAS(TOP_CPU))
		snprintf(cell, CELL_LEN, "%.1f", r->rate[TOP_CPU] / 1e7);
	else
		strcpy(cell, "-");
}

static void cell_memory(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	out_size(cell, r->memory_bytes);
}

static void cell_shadow(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	if (r->has & TOP_HAS_SHADOW)
		out_size(cell, r->shadow_bytes);
	else
		strcpy(cell, "-");
}

static void cell_exits(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	rate(cell, r, TOP_EXITS);
}

static void cell_faults(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	rate(cell, r, TOP_FAULTS);
}

static void cell_hypercalls(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	rate(cell, r, TOP_HYPERCALLS);
}

/* "console 39.5": what most exits were for, and how many of these there were per second. */
static void cell_most(char *cell, const struct top_row *r, uint64_t now)
{
	const struct top_reason *most = top_often(r);
	char num[CELL_LEN];

	(void)now;
	if (!most) {
		strcpy(cell, "-");
		return;
	}
	number(num, most->rate);
	snprintf(cell, CELL_LEN, "%s %.20s", most->name, num);
}

static void cell_cpus(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%" PRIu32, r->cpus);
}

static void cell_devices(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%" PRIu32, r->devices);
}

static void cell_beat(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", r->beat);
}

static void cell_stopped(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", strcmp(r->stopped, "none") ? r->stopped : "-");
}

static void cell_uptime(char *cell, const struct top_row *r, uint64_t now)
{
	if (r->has & TOP_HAS_UPTIME)
		out_duration(cell, now > r->since_ns ? now - r->since_ns : 0);
	else
		strcpy(cell, "-");
}

static void cell_pid(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	if (r->has & TOP_HAS_OWNER && r->pid)
		snprintf(cell, CELL_LEN, "%" PRIu32, r->pid);
	else
		strcpy(cell, "-");	/* in another pid namespace */
}

static void cell_uid(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	if (r->has & TOP_HAS_OWNER)
		snprintf(cell, CELL_LEN, "%" PRIu32, r->uid);
	else
		strcpy(cell, "-");
}

/* ---- columns ---- */

struct top_column {
	const char *title;
	unsigned int width;		/* the first one's depends on the names */
	bool left;
	unsigned int rank;		/* 0: always wanted; else shown, in this order, where it fits */
	void (*cell)(char *cell, const struct top_row *r, uint64_t now);
};

#define NR_RANKS	5u

static const struct top_column guest_columns[] = {
	{ "GUEST", 0, true, 0, cell_name },
	{ "STATE", 8, true, 0, cell_state },
	{ "CPU%", 6, false, 0, cell_cpu },
	{ "MEMORY", 6, false, 0, cell_memory },
	{ "SHADOW", 6, false, 0, cell_shadow },
	{ "EXITS/s", 7, false, 0, cell_exits },
	{ "FAULTS/s", 8, false, 0, cell_faults },
	{ "HCALLS/s", 8, false, 0, cell_hypercalls },
	{ "MOST/s", 16, true, 5, cell_most },
	{ "CPUS", 4, false, 2, cell_cpus },
	{ "UPTIME", 6, false, 1, cell_uptime },
	{ "PID", 7, false, 3, cell_pid },
	{ "UID", 6, false, 4, cell_uid },
};

static const struct top_column partition_columns[] = {
	{ "PARTITION", 0, true, 0, cell_name },
	{ "STATE", 8, true, 0, cell_state },
	{ "CPUS", 4, false, 0, cell_cpus },
	{ "MEMORY", 6, false, 0, cell_memory },
	{ "EXITS/s", 7, false, 0, cell_exits },
	{ "MOST/s", 14, true, 0, cell_most },
	{ "HEARTBEAT", 12, true, 0, cell_beat },
	{ "UPTIME", 6, false, 1, cell_uptime },
	{ "DEVICES", 7, false, 2, cell_devices },
	{ "STOPPED", 13, true, 3, cell_stopped },
};

#define TABLE(columns) { columns, sizeof(columns) / sizeof(columns[0]) }

static const struct top_table {
	const struct top_column *column;
	size_t nr;
} tables[TOP_NR_KINDS] = {
	[TOP_GUEST] = TABLE(guest_columns), [TOP_PARTITION] = TABLE(partition_columns),
};

_Static_assert(sizeof(guest_columns) <= MAX_COLUMNS * sizeof(struct top_column) &&
	       sizeof(partition_columns) <= MAX_COLUMNS * sizeof(struct top_column), "widths have room");

/* ---- lines ---- */

/* Widths of the table of @rows; 0 = the column is not shown. */
static void lay_out(const struct top_table *t, const struct top_row *rows, size_t nr,
		    unsigned int room, unsigned int *width)
{
	const struct top_column *columns = t->column;
	unsigned int used = 0, name = NAME_MIN, rank;
	size_t i;

	if (strlen(columns[0].title) > name)
		name = strlen(columns[0].title);
	for (i = 0; i < nr; i++)
		if (strlen(rows[i].name) > name)
			name = strlen(rows[i].name);
	for (i = 1; i < t->nr; i++) {
		width[i] = 0;
		if (columns[i].rank)
			continue;
		/* A screen too narrow even for these loses the right ones. */
		if (room && used + columns[i].width + GAP + NAME_MIN > room)
			break;
		width[i] = columns[i].width;
		used += columns[i].width + GAP;
	}
	for (; i < t->nr; i++)
		width[i] = 0;
	if (room && used + name > room)
		name = room > used + NAME_MIN ? room - used : NAME_MIN;
	width[0] = room && name > room ? room : name;
	used += width[0];
	for (rank = 1; rank <= NR_RANKS; rank++)
		for (i = 1; i < t->nr; i++)
			if (columns[i].rank == rank &&
			    (!room || used + columns[i].width + GAP <= room)) {
				width[i] = columns[i].width;
				used += columns[i].width + GAP;
			}
}

/* One cell; what is too long ends in '+'. Blanks in front, none behind the last. */
static void put_cell(FILE *f, const char *text, bool left, unsigned int width, unsigned int *blanks)
{
	unsigned int len = strlen(text);
	bool cut = len > width;

	if (cut)
		len = width;
	if (!left)
		*blanks += width - len;
	fprintf(f, "%*s", (int)*blanks, "");
	fprintf(f, "%.*s", (int)(cut ? len - 1 : len), text);
	if (cut)
		fputc('+', f);
	*blanks = GAP + (left ? width - len : 0);
}

/* @r: NULL for the titles */
static void put_row(FILE *f, const struct top_table *t, const struct top_row *r, uint64_t now,
		    const unsigned int *width, const struct top_style *style)
{
	unsigned int blanks = 0;
	char cell[CELL_LEN];
	size_t i;

	if (!r)
		fputs(style->seq[COL_BOLD], f);
	for (i = 0; i < t->nr; i++) {
		bool painted = r && t->column[i].cell == cell_state;

		if (!width[i])
			continue;
		if (r)
			t->column[i].cell(cell, r, now);
		else
			strcpy(cell, t->column[i].title);
		if (painted) {
			fprintf(f, "%*s%s", (int)blanks, "", style->seq[r->colour]);
			blanks = 0;
		}
		put_cell(f, cell, t->column[i].left, width[i], &blanks);
		if (painted)
			fputs(style->seq[COL_PLAIN], f);
	}
	if (!r)
		fputs(style->seq[COL_PLAIN], f);
	fputs(style->eol, f);
}

/* The table of one kind in @lines lines at most, 0 = no limit; @more rows are shown nowhere. */
static void put_table(FILE *f, const struct top_sample *s, const struct top_table *t, size_t first,
		      size_t nr, size_t lines, size_t more, const struct top_style *style)
{
	unsigned int width[MAX_COLUMNS];
	size_t i, show = nr;

	lay_out(t, s->row + first, nr, style->columns, width);
	put_row(f, t, NULL, s->time_ns, width, style);
	if (lines && (nr + 1 > lines || more))
		show = lines > 2 ? lines - 2 : 0;
	for (i = first; i < first + show; i++)
		put_row(f, t, &s->row[i], s->time_ns, width, style);
	if (show < nr + more)
		fprintf(f, "and %zu more%s", nr + more - show, style->eol);
}

/*
 * How many lines each table gets, of @rows in all. The longest one gives first; each keeps its
 * titles and one line. Return: how many tables are shown.
 */
static unsigned int share_lines(size_t *lines, unsigned int nr, size_t rows)
{
	size_t sum, longest;
	unsigned int i;

	while (rows && nr > 1 && rows < 3 * nr - 1)
		nr--;
	do {
		for (sum = nr - 1, longest = i = 0; i < nr; i++) {
			sum += lines[i];
			if (lines[i] > lines[longest])
				longest = i;
		}
	} while (rows && sum > rows && lines[longest] > 2 && lines[longest]--);
	return nr;
}

void top_tables(FILE *f, const struct top_sample *s, const struct top_style *style)
{
	size_t first[TOP_NR_KINDS + 1], lines[TOP_NR_KINDS], i;
	unsigned int nr = 0, shown, k;

	for (i = 0; i < s->nr; i++)
		if (!i || s->row[i].kind != s->row[i - 1].kind)
			first[nr++] = i;
	if (!nr)
		first[nr++] = 0;		/* no row at all: titles */
	first[nr] = s->nr;
	for (k = 0; k < nr; k++)
		lines[k] = 1 + first[k + 1] - first[k];
	shown = share_lines(lines, nr, style->rows);
	for (k = 0; k < shown; k++) {
		size_t rows = first[k + 1] - first[k];

		if (k)
			fputs(style->eol, f);
		put_table(f, s, &tables[rows ? s->row[first[k]].kind : TOP_GUEST], first[k], rows,
			  style->rows ? lines[k] : 0, k + 1 == shown ? s->nr - first[shown] : 0, style);
	}
}
