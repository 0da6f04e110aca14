// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pvmctl top shows: counters per second, order, lines that fit a width (top.h). Pure.
 *
 * Columns are a table: a title, a width, a function that fills a cell. Those at the end of a row's
 * rank are shown only where they fit, so that 80 columns hold what matters and 200 hold all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define NAME_MIN	8	/* columns of a name on a narrow screen */
#define GAP		2	/* blanks between columns */

const char *const top_keys[] = {
	"cpu", "memory", "shadow", "exits", "faults", "hypercalls", "name", NULL
};

/* ---- samples ---- */

struct top_row *top_add(struct top_sample *s, const char *kind)
{
	struct top_row *grown = reallocarray(s->row, s->nr + 1, sizeof(*grown)), *r;

	if (!grown)
		return NULL;
	s->row = grown;
	r = &grown[s->nr++];
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->state = "";
	return r;
}

void top_free(struct top_sample *s)
{
	free(s->row);
	memset(s, 0, sizeof(*s));
}

static const struct top_row *find(const struct top_sample *s, const struct top_row *like)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (s->row[i].id == like->id && !strcmp(s->row[i].kind, like->kind))
			return &s->row[i];
	return NULL;
}

void top_rates(struct top_sample *now, const struct top_sample *before)
{
	size_t i, c;

	for (i = 0; i < now->nr; i++) {
		struct top_row *r = &now->row[i];
		const struct top_row *old = find(before, r);
		uint64_t since = old ? before->time_ns : r->created_ns;
		double seconds = now->time_ns > since ? (now->time_ns - since) / 1e9 : 0;

		for (c = 0; c < TOP_NR_COUNTERS; c++) {
			uint64_t was = old ? old->counter[c] : 0;

			/* A counter may lag behind what was seen before. */
			r->rate[c] = seconds > 0 && r->counter[c] > was ?
				     (r->counter[c] - was) / seconds : 0;
		}
	}
}

static double key_of(const struct top_row *r, enum top_key key)
{
	switch (key) {
	case TOP_BY_CPU:
		return r->rate[TOP_CPU];
	case TOP_BY_MEMORY:
		return r->memory_bytes;
	case TOP_BY_SHADOW:
		return r->shadow_bytes;
	case TOP_BY_EXITS:
		return r->rate[TOP_EXITS];
	case TOP_BY_FAULTS:
		return r->rate[TOP_FAULTS];
	case TOP_BY_HYPERCALLS:
		return r->rate[TOP_HYPERCALLS];
	default:
		return 0;	/* by name alone */
	}
}

struct order {
	enum top_key key;
	bool reverse;
};

static int compare(const void *va, const void *vb, void *arg)
{
	const struct top_row *a = va, *b = vb;
	const struct order *o = arg;
	double ka = key_of(a, o->key), kb = key_of(b, o->key);
	int c = ka < kb ? 1 : ka > kb ? -1 : strcmp(a->name, b->name);

	if (!c)
		c = a->id < b->id ? -1 : a->id > b->id;
	return o->reverse ? -c : c;
}

void top_sort(struct top_sample *s, enum top_key key, bool reverse)
{
	struct order o = { key, reverse };

	if (s->nr)
		qsort_r(s->row, s->nr, sizeof(*s->row), compare, &o);
}

/* ---- cells ---- */

#define CELL_LEN 40

static void rate(char *cell, const struct top_row *r, enum top_counter c)
{
	double v = r->rate[c];

	if (!(r->has & TOP_HAS(c)))
		strcpy(cell, "-");
	else if (v < 9.95)
		snprintf(cell, CELL_LEN, "%.1f", v);
	else if (v < 99999.5)
		snprintf(cell, CELL_LEN, "%.0f", v);
	else if (v < 999950)
		snprintf(cell, CELL_LEN, "%.1fk", v / 1e3);
	else
		snprintf(cell, CELL_LEN, "%.1fM", v / 1e6);
}

static void cell_name(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", r->name);
}

static void cell_kind(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%s", r->kind);
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

static void cell_cpus(char *cell, const struct top_row *r, uint64_t now)
{
	(void)now;
	snprintf(cell, CELL_LEN, "%" PRIu32, r->cpus);
}

static void cell_uptime(char *cell, const struct top_row *r, uint64_t now)
{
	out_duration(cell, now > r->created_ns ? now - r->created_ns : 0);
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

static const struct top_column {
	const char *title;
	unsigned int width;		/* the first one's depends on the names */
	bool left;
	unsigned int rank;		/* 0: always wanted; else shown, in this order, where it fits */
	void (*cell)(char *cell, const struct top_row *r, uint64_t now);
} columns[] = {
	{ "NAME", 0, true, 0, cell_name },
	{ "TYPE", 9, true, 2, cell_kind },
	{ "STATE", 8, true, 0, cell_state },
	{ "CPU%", 6, false, 0, cell_cpu },
	{ "MEMORY", 6, false, 0, cell_memory },
	{ "SHADOW", 6, false, 0, cell_shadow },
	{ "EXITS/s", 7, false, 0, cell_exits },
	{ "FAULTS/s", 8, false, 0, cell_faults },
	{ "HCALLS/s", 8, false, 0, cell_hypercalls },
	{ "CPUS", 4, false, 3, cell_cpus },
	{ "UPTIME", 6, false, 1, cell_uptime },
	{ "PID", 7, false, 4, cell_pid },
	{ "UID", 6, false, 5, cell_uid },
};
#define NR_COLUMNS	(sizeof(columns) / sizeof(columns[0]))
#define NR_RANKS	5u

/* Widths of this table; 0 = the column is not shown. */
static void lay_out(const struct top_sample *s, unsigned int room, unsigned int *width)
{
	unsigned int used = 0, name = NAME_MIN, rank;
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (strlen(s->row[i].name) > name)
			name = strlen(s->row[i].name);
	for (i = 1; i < NR_COLUMNS; i++) {
		width[i] = 0;
		if (columns[i].rank)
			continue;
		/* A screen too narrow even for these loses the right ones. */
		if (room && used + columns[i].width + GAP + NAME_MIN > room)
			break;
		width[i] = columns[i].width;
		used += columns[i].width + GAP;
	}
	for (; i < NR_COLUMNS; i++)
		width[i] = 0;
	if (room && used + name > room)
		name = room > used + NAME_MIN ? room - used : NAME_MIN;
	width[0] = room && name > room ? room : name;
	used += width[0];
	for (rank = 1; rank <= NR_RANKS; rank++)
		for (i = 1; i < NR_COLUMNS; i++)
			if (columns[i].rank == rank &&
			    (!room || used + columns[i].width + GAP <= room)) {
				width[i] = columns[i].width;
				used += columns[i].width + GAP;
			}
}

/* One cell; what is too long ends in '+'. Blanks in front, none behind the last. */
static void put_cell(FILE *f, const char *text, size_t i, unsigned int width, unsigned int *blanks)
{
	unsigned int len = strlen(text);
	bool cut = len > width;

	if (cut)
		len = width;
	if (!columns[i].left)
		*blanks += width - len;
	fprintf(f, "%*s", (int)*blanks, "");
	fprintf(f, "%.*s", (int)(cut ? len - 1 : len), text);
	if (cut)
		fputc('+', f);
	*blanks = GAP + (columns[i].left ? width - len : 0);
}

static void put_row(FILE *f, const struct top_sample *s, const struct top_row *r,
		    const unsigned int *width, const struct top_style *style)
{
	unsigned int blanks = 0;
	char cell[CELL_LEN];
	size_t i;

	for (i = 0; i < NR_COLUMNS; i++) {
		bool painted = r && columns[i].cell == cell_state;

		if (!width[i])
			continue;
		if (r)
			columns[i].cell(cell, r, s->time_ns);
		else
			strcpy(cell, columns[i].title);
		if (painted) {
			fprintf(f, "%*s%s", (int)blanks, "", style->seq[r->colour]);
			blanks = 0;
		}
		put_cell(f, cell, i, width[i], &blanks);
		if (painted)
			fputs(style->seq[COL_PLAIN], f);
	}
	fputs(style->eol, f);
}

void top_table(FILE *f, const struct top_sample *s, const struct top_style *style)
{
	unsigned int width[NR_COLUMNS];
	size_t i, show = s->nr;

	lay_out(s, style->columns, width);
	fputs(style->seq[COL_BOLD], f);
	put_row(f, s, NULL, width, (const struct top_style *)&(struct top_style){ .eol = "" });
	fputs(style->seq[COL_PLAIN], f);
	fputs(style->eol, f);
	if (style->rows && s->nr + 1 > style->rows)
		show = style->rows > 2 ? style->rows - 2 : 0;
	for (i = 0; i < show; i++)
		put_row(f, s, &s->row[i], width, style);
	if (show < s->nr)
		fprintf(f, "and %zu more%s", s->nr - show, style->eol);
}

void top_summary(FILE *f, const struct top_sample *s, const struct top_style *style)
{
	char memory[OUT_NUM_LEN], shadow[OUT_NUM_LEN], text[160];
	uint64_t bytes = 0, shadow_bytes = 0;
	const char *kind = NULL;
	double cpu = 0;
	size_t i, k, same, at = 0;

	for (i = 0; i < s->nr; i++) {
		bytes += s->row[i].memory_bytes;
		shadow_bytes += s->row[i].shadow_bytes;
		cpu += s->row[i].rate[TOP_CPU] / 1e7;
		for (k = 0; k < i && strcmp(s->row[k].kind, s->row[i].kind); k++)
			;
		if (k < i)
			continue;	/* its kind is counted */
		kind = s->row[i].kind;
		for (same = 0; k < s->nr; k++)
			same += !strcmp(s->row[k].kind, kind);
		at += snprintf(text + at, sizeof(text) - at, "%s%zu %s%s", at ? ", " : "", same,
			       kind, same == 1 ? "" : "s");
		if (at >= sizeof(text))
			at = sizeof(text) - 1;
	}
	if (!kind)
		at = snprintf(text, sizeof(text), "nothing runs");
	else
		snprintf(text + at, sizeof(text) - at, "; CPU %.1f%%, memory %s, shadow %s", cpu,
			 out_size(memory, bytes), out_size(shadow, shadow_bytes));
	if (style->columns && strlen(text) > style->columns)
		text[style->columns] = 0;
	fprintf(f, "%s%s", text, style->eol);
}

void top_json(FILE *f, const struct top_sample *s, const struct top_row *r, uint64_t interval_ns)
{
	static const char *const key[] = {
		[TOP_EXITS] = "exits_per_s", [TOP_FAULTS] = "faults_per_s",
		[TOP_HYPERCALLS] = "hypercalls_per_s",
	};
	struct json j;
	size_t c;

	json_open(&j, f);
	json_u64(&j, "time_ns", s->time_ns);
	json_u64(&j, "interval_ns", interval_ns);
	json_str(&j, "type", r->kind);
	json_u64(&j, "id", r->id);
	json_str(&j, "name", r->name);
	json_str(&j, "state_name", r->state);
	json_u64(&j, "nr_cpus", r->cpus);
	if (r->has & TOP_HAS_OWNER) {
		json_u64(&j, "pid", r->pid);
		json_u64(&j, "uid", r->uid);
	}
	json_u64(&j, "created_ns", r->created_ns);
	json_u64(&j, "memory_bytes", r->memory_bytes);
	if (r->has & TOP_HAS_SHADOW)
		json_u64(&j, "shadow_bytes", r->shadow_bytes);
	if (r->has & TOP_HAS(TOP_CPU))
		json_tenths(&j, "cpu_percent", r->rate[TOP_CPU] / 1e7);
	for (c = TOP_EXITS; c < TOP_NR_COUNTERS; c++)
		if (r->has & TOP_HAS(c))
			json_tenths(&j, key[c], r->rate[c]);
	json_close(&j);
}
