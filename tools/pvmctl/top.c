// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pvmctl top shows: counters per second, order, sums, JSON (top.h). Pure. How rows become
 * lines of a table is in top_table.c.
 */
#include <stdlib.h>
#include <string.h>

#include "top.h"

const char *const top_kinds[TOP_NR_KINDS] = {
	[TOP_GUEST] = "guest", [TOP_PARTITION] = "partition",
};

const char *const top_keys[] = {
	"cpu", "memory", "shadow", "exits", "faults", "hypercalls", "name", NULL
};

/* ---- samples ---- */

struct top_row *top_add(struct top_sample *s, enum top_kind kind)
{
	struct top_row *grown = reallocarray(s->row, s->nr + 1, sizeof(*grown)), *r;

	if (!grown)
		return NULL;
	s->row = grown;
	r = &grown[s->nr++];
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->state = r->stopped = "";
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
		if (s->row[i].id == like->id && s->row[i].kind == like->kind)
			return &s->row[i];
	return NULL;
}

/* A counter may lag behind what was seen before. */
static double per_second(uint64_t now, uint64_t was, double seconds)
{
	return seconds > 0 && now > was ? (now - was) / seconds : 0;
}

static uint64_t reason_was(const struct top_row *old, const char *name)
{
	unsigned int i;

	for (i = 0; old && i < old->nr_reasons; i++)
		if (!strcmp(old->reason[i].name, name))
			return old->reason[i].count;
	return 0;
}

void top_rates(struct top_sample *now, const struct top_sample *before)
{
	size_t i, c;

	for (i = 0; i < now->nr; i++) {
		struct top_row *r = &now->row[i];
		const struct top_row *old = find(before, r);
		uint64_t since;
		double seconds;

		if (old && old->since_ns != r->since_ns)
			old = NULL;	/* it was started again */
		since = old ? before->time_ns : r->since_ns;
		seconds = now->time_ns > since ? (now->time_ns - since) / 1e9 : 0;
		for (c = 0; c < TOP_NR_COUNTERS; c++)
			r->rate[c] = per_second(r->counter[c], old ? old->counter[c] : 0, seconds);
		for (c = 0; c < r->nr_reasons; c++)
			r->reason[c].rate = per_second(r->reason[c].count,
						       reason_was(old, r->reason[c].name), seconds);
	}
}

const struct top_reason *top_often(const struct top_row *r)
{
	const struct top_reason *most = NULL;
	unsigned int i;

	for (i = 0; i < r->nr_reasons; i++)
		if (r->reason[i].rate > (most ? most->rate : 0))
			most = &r->reason[i];
	return most;
}

static double key_of(const struct top_row *r, enum top_key key)
{
	static const unsigned int needs[TOP_NR_KEYS] = {
		[TOP_BY_CPU] = TOP_HAS(TOP_CPU), [TOP_BY_SHADOW] = TOP_HAS_SHADOW,
		[TOP_BY_FAULTS] = TOP_HAS(TOP_FAULTS),
		[TOP_BY_HYPERCALLS] = TOP_HAS(TOP_HYPERCALLS),
	};

	if (needs[key] & ~r->has)
		key = TOP_BY_EXITS;
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

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
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

/* ---- sums, JSON ---- */

void top_summary(FILE *f, const struct top_sample *s, const struct top_style *style)
{
	uint64_t bytes = 0, shadow_bytes = 0;
	size_t nr[TOP_NR_KINDS] = { 0 }, i;
	char num[OUT_NUM_LEN], *text = NULL;
	unsigned int has = 0;
	const char *sep = "";
	double cpu = 0;
	FILE *line;
	size_t len;

	line = open_memstream(&text, &len);
	if (!line)
		return;
	for (i = 0; i < s->nr; i++) {
		nr[s->row[i].kind]++;
		has |= s->row[i].has;
		bytes += s->row[i].memory_bytes;
		shadow_bytes += s->row[i].shadow_bytes;
		cpu += s->row[i].rate[TOP_CPU] / 1e7;
	}
	for (i = 0; i < TOP_NR_KINDS; i++) {
		if (!nr[i])
			continue;
		fprintf(line, "%s%zu %s%s", sep, nr[i], top_kinds[i], nr[i] == 1 ? "" : "s");
		sep = ", ";
	}
	if (!s->nr)
		fputs("nothing runs", line);
	else
		fputs(";", line);
	if (has & TOP_HAS(TOP_CPU))
		fprintf(line, " CPU %.1f%%,", cpu);
	if (s->nr)
		fprintf(line, " memory %s", out_size(num, bytes));
	if (has & TOP_HAS_SHADOW)
		fprintf(line, ", shadow %s", out_size(num, shadow_bytes));
	if (!fclose(line))
		fprintf(f, "%.*s%s", (int)(style->columns ? style->columns : len), text, style->eol);
	free(text);
}

static void json_reasons(struct json *j, const struct top_row *r)
{
	unsigned int i;
	char key[32];

	if (!r->nr_reasons)
		return;
	json_sub(j, "reasons_per_s");
	for (i = 0; i < r->nr_reasons; i++) {
		snprintf(key, sizeof(key), "exit_%s", r->reason[i].name);
		json_tenths(j, key, r->reason[i].rate);
	}
	json_end(j);
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
	json_str(&j, "type", top_kinds[r->kind]);
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
	if (r->has & TOP_HAS_PART) {
		json_u64(&j, "nr_pci", r->devices);
		json_i64(&j, "beat_age_ns", r->beat_age_ns == ~0ull ? -1 : (int64_t)r->beat_age_ns);
		json_str(&j, "stop_name", r->stopped);
	}
	if (r->has & TOP_HAS(TOP_CPU))
		json_tenths(&j, "cpu_percent", r->rate[TOP_CPU] / 1e7);
	for (c = TOP_EXITS; c < TOP_NR_COUNTERS; c++)
		if (r->has & TOP_HAS(c))
			json_tenths(&j, key[c], r->rate[c]);
	json_reasons(&j, r);
	json_close(&j);
}
