// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates, order and layout of pvmctl top (tools/pvmctl/top.c, top_table.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "top.h"

#define SECOND 1000000000ull

static const struct top_style plain = { .eol = "\n", .seq = { "", "", "", "", "" } };

static struct top_row *guest(struct top_sample *s, uint32_t id, const char *name)
{
	struct top_row *r = top_add(s, TOP_GUEST);

	r->id = id;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->state = "running";
	r->colour = COL_GREEN;
	r->has = TOP_HAS(TOP_CPU) | TOP_HAS(TOP_EXITS) | TOP_HAS(TOP_FAULTS) |
		 TOP_HAS(TOP_HYPERCALLS) | TOP_HAS_SHADOW | TOP_HAS_OWNER | TOP_HAS_UPTIME;
	r->cpus = 1;
	r->pid = 4242;
	r->uid = 1000;
	r->memory_bytes = 512 << 20;
	r->shadow_bytes = 1300 << 10;
	return r;
}

static struct top_row *partition(struct top_sample *s, uint32_t id, const char *name)
{
	struct top_row *r = top_add(s, TOP_PARTITION);

	r->id = id;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->state = "running";
	r->has = TOP_HAS(TOP_EXITS) | TOP_HAS_PART | TOP_HAS_UPTIME;
	r->cpus = 2;
	r->devices = 1;
	r->memory_bytes = 256 << 20;
	strcpy(r->beat, "beating");
	r->stopped = "none";
	return r;
}

static void reason(struct top_row *r, const char *name, uint64_t count)
{
	struct top_reason *x = &r->reason[r->nr_reasons++];

	snprintf(x->name, sizeof(x->name), "%s", name);
	x->count = count;
}

static char *table(const struct top_sample *s, unsigned int columns, unsigned int rows)
{
	struct top_style style = plain;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	style.columns = columns;
	style.rows = rows;
	top_tables(f, s, &style);
	fclose(f);
	return text;
}

static void rates_are_differences_per_second(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 12 * SECOND };
	struct top_row *r;

	(void)state;
	guest(&a, 1, "web")->counter[TOP_EXITS] = 1000;
	a.row[0].counter[TOP_CPU] = 5 * SECOND;
	r = guest(&b, 1, "web");
	r->counter[TOP_EXITS] = 1500;
	r->counter[TOP_CPU] = 6 * SECOND;
	top_rates(&b, &a);
	assert_true(r->rate[TOP_EXITS] == 250);
	assert_true(r->rate[TOP_CPU] == 0.5 * SECOND);
	assert_true(r->rate[TOP_FAULTS] == 0);
	top_free(&a);
	top_free(&b);
}

static void fresh_row_is_averaged_over_its_life(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 12 * SECOND };
	struct top_row *r = guest(&b, 7, "new");

	(void)state;
	guest(&a, 8, "other")->counter[TOP_EXITS] = 99;
	r->since_ns = 11 * SECOND;
	r->counter[TOP_EXITS] = 30;
	top_rates(&b, &a);
	assert_true(r->rate[TOP_EXITS] == 30);
	top_free(&a);
	top_free(&b);
}

static void same_id_of_another_kind_is_another_row(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 11 * SECOND };
	struct top_row *r;

	(void)state;
	r = top_add(&a, TOP_PARTITION);
	r->id = 1;
	r->counter[TOP_EXITS] = 1000;
	r = guest(&b, 1, "web");
	r->since_ns = 10 * SECOND;
	r->counter[TOP_EXITS] = 1200;
	top_rates(&b, &a);
	assert_true(r->rate[TOP_EXITS] == 1200);
	top_free(&a);
	top_free(&b);
}

static void counter_that_falls_and_clock_that_stands_give_zero(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 12 * SECOND };
	struct top_row *r;

	(void)state;
	guest(&a, 1, "web")->counter[TOP_CPU] = 500;
	r = guest(&b, 1, "web");
	r->counter[TOP_CPU] = 400;
	top_rates(&b, &a);
	assert_true(r->rate[TOP_CPU] == 0);
	r->counter[TOP_CPU] = 600;
	b.time_ns = a.time_ns;
	top_rates(&b, &a);
	assert_true(r->rate[TOP_CPU] == 0);
	top_free(&a);
	top_free(&b);
}

static void counters_of_a_new_start_are_averaged_since_then(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 14 * SECOND };
	struct top_row *r;

	(void)state;
	r = partition(&a, 1, "iron");
	r->since_ns = 5 * SECOND;
	r->counter[TOP_EXITS] = 1000;
	reason(r, "io", 1000);
	r = partition(&b, 1, "iron");
	r->since_ns = 12 * SECOND;
	r->counter[TOP_EXITS] = 1100;
	reason(r, "io", 1100);
	top_rates(&b, &a);
	assert_true(r->rate[TOP_EXITS] == 550);
	assert_true(r->reason[0].rate == 550);
	top_free(&a);
	top_free(&b);
}

static void most_frequent_reason_is_that_of_the_interval(void **state)
{
	struct top_sample a = { .time_ns = 10 * SECOND }, b = { .time_ns = 12 * SECOND };
	struct top_row *r;

	(void)state;
	r = partition(&a, 1, "iron");
	assert_null(top_often(r));
	reason(r, "io", 100000);
	reason(r, "console", 10);
	assert_null(top_often(r));
	r = partition(&b, 1, "iron");
	reason(r, "msr", 6);
	reason(r, "console", 90);
	reason(r, "io", 100002);
	top_rates(&b, &a);
	assert_string_equal(top_often(r)->name, "console");
	assert_true(top_often(r)->rate == 40);
	top_free(&a);
	top_free(&b);
}

static void order_by_each_key(void **state)
{
	struct top_sample s = { 0 };
	struct top_row *r;
	size_t k;

	(void)state;
	r = guest(&s, 1, "aaa");
	r = guest(&s, 2, "bbb");
	r->rate[TOP_CPU] = r->rate[TOP_EXITS] = r->rate[TOP_FAULTS] = r->rate[TOP_HYPERCALLS] = 5;
	r->memory_bytes++;
	r->shadow_bytes++;
	for (k = 0; k < TOP_NR_KEYS; k++) {
		const char *first = k == TOP_BY_NAME ? "aaa" : "bbb";

		assert_non_null(top_keys[k]);
		top_sort(&s, k, false);
		assert_string_equal(s.row[0].name, first);
		top_sort(&s, k, true);
		assert_string_equal(s.row[1].name, first);
	}
	assert_null(top_keys[TOP_NR_KEYS]);
	/* equal keys: by name */
	s.row[0].rate[TOP_CPU] = s.row[1].rate[TOP_CPU] = 1;
	top_sort(&s, TOP_BY_CPU, false);
	assert_string_equal(s.row[0].name, "aaa");
	top_free(&s);
}

/* Tables are kind by kind; what only guests have leaves partitions in the order of their exits. */
static void order_of_kinds(void **state)
{
	struct top_sample s = { 0 };
	size_t k;

	(void)state;
	partition(&s, 1, "a-quiet");
	partition(&s, 2, "b-busy")->rate[TOP_EXITS] = 1e6;
	guest(&s, 3, "web");
	for (k = 0; k < TOP_NR_KEYS; k++) {
		bool by_exits = k != TOP_BY_MEMORY && k != TOP_BY_NAME;
		const char *first = by_exits ? "b-busy" : "a-quiet";

		top_sort(&s, k, false);
		assert_string_equal(s.row[0].name, "web");
		assert_string_equal(s.row[1].name, first);
		top_sort(&s, k, true);
		assert_string_equal(s.row[0].name, "web");
		assert_string_equal(s.row[2].name, first);
	}
	top_free(&s);
}

static void columns_of_80_and_200(void **state)
{
	struct top_sample s = { .time_ns = 4000 * SECOND };
	struct top_row *r = guest(&s, 1, "web");
	char *text;

	(void)state;
	r->rate[TOP_CPU] = 0.995 * SECOND;
	r->rate[TOP_EXITS] = 99999;
	r->rate[TOP_FAULTS] = 123456;
	r->rate[TOP_HYPERCALLS] = 2.25;
	r->since_ns = 300 * SECOND;
	reason(r, "hypercall", 0);
	r->reason[0].rate = 2.25;
	text = table(&s, 80, 0);
	assert_string_equal(text,
		"GUEST     STATE       CPU%  MEMORY  SHADOW  EXITS/s  FAULTS/s  HCALLS/s  UPTIME\n"
		"web       running     99.5    512M    1.2M    99999    123.5k       2.2   1h01m\n");
	free(text);
	text = table(&s, 200, 0);
	assert_string_equal(text,
		"GUEST     STATE       CPU%  MEMORY  SHADOW  EXITS/s  FAULTS/s  HCALLS/s  "
		"MOST/s            CPUS  UPTIME      PID     UID\n"
		"web       running     99.5    512M    1.2M    99999    123.5k       2.2  "
		"hypercall 2.2        1   1h01m     4242    1000\n");
	free(text);
	top_free(&s);
}

static void columns_of_partitions(void **state)
{
	struct top_sample s = { .time_ns = 4000 * SECOND };
	struct top_row *r = partition(&s, 1, "iron");
	char *text;

	(void)state;
	r->since_ns = 300 * SECOND;
	r->rate[TOP_EXITS] = 40;
	reason(r, "console", 0);
	r->reason[0].rate = 39.6;
	r = partition(&s, 2, "lead");
	r->has &= ~(TOP_HAS(TOP_EXITS) | TOP_HAS_UPTIME);
	r->state = "stopped";
	strcpy(r->beat, "-");
	r->stopped = "triple-fault";
	text = table(&s, 80, 0);
	assert_string_equal(text,
		"PARTITION  STATE     CPUS  MEMORY  EXITS/s  MOST/s          HEARTBEAT     UPTIME\n"
		"iron       running      2    256M       40  console 40      beating        1h01m\n"
		"lead       stopped      2    256M        -  -               -                  -\n");
	free(text);
	text = table(&s, 200, 0);
	assert_string_equal(text,
		"PARTITION  STATE     CPUS  MEMORY  EXITS/s  MOST/s          HEARTBEAT     UPTIME  "
		"DEVICES  STOPPED\n"
		"iron       running      2    256M       40  console 40      beating        1h01m  "
		"      1  -\n"
		"lead       stopped      2    256M        -  -               -                  -  "
		"      1  triple-fault\n");
	free(text);
	top_free(&s);
}

static void one_table_for_each_kind(void **state)
{
	struct top_sample s = { 0 };
	char *text = table(&s, 80, 0);

	(void)state;
	assert_string_equal(text,
		"GUEST     STATE       CPU%  MEMORY  SHADOW  EXITS/s  FAULTS/s  HCALLS/s  UPTIME\n");
	free(text);
	guest(&s, 1, "web");
	partition(&s, 1, "iron");
	text = table(&s, 80, 0);
	assert_memory_equal(text, "GUEST ", 6);
	assert_non_null(strstr(text, "\nweb "));
	assert_non_null(strstr(text, "\n\nPARTITION "));
	assert_non_null(strstr(text, "\niron "));
	free(text);
	top_free(&s);
}

/* @same: the last column is numbers, so that lines are as wide as the titles are */
static void every_width(const struct top_sample *s, bool same)
{
	unsigned int columns;

	for (columns = 1; columns <= 220; columns++) {
		char *text = table(s, columns, 0), *line = text, *end;
		size_t width = strchr(text, '\n') - text;

		assert_in_range(width, 1, columns);
		for (; (end = strchr(line, '\n')); line = end + 1)
			assert_in_range(end - line, same && width > 8 ? width : 1, columns);
		free(text);
	}
}

/* Every line of a table is as wide as its titles and never wider than the screen. */
static void no_width_breaks_the_layout(void **state)
{
	struct top_sample s = { .time_ns = 4000 * SECOND };
	struct top_row *r;

	(void)state;
	guest(&s, 1, "a-name-of-31-characters-as-it-is");
	r = guest(&s, 2, "x");
	r->rate[TOP_EXITS] = r->rate[TOP_FAULTS] = r->rate[TOP_HYPERCALLS] = 999e6;
	r->rate[TOP_CPU] = 12800e7;
	r->memory_bytes = 1023ull << 30;
	r->pid = 4194304;
	every_width(&s, true);
	top_free(&s);
	r = partition(&s, 1, "a-name-of-31-characters-as-it-is");
	r->rate[TOP_EXITS] = 999e6;
	reason(r, "fifteen letters", 0);
	r->reason[0].rate = 999e6;
	strcpy(r->beat, "silent 3650d03h");
	r->stopped = "machine-check";
	partition(&s, 2, "x");
	every_width(&s, false);
	top_free(&s);
}

static void rows_that_do_not_fit_are_counted(void **state)
{
	struct top_sample s = { 0 };
	char name[8], *text;
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		guest(&s, i, name);
	}
	text = table(&s, 80, 11);
	assert_null(strstr(text, "more"));
	assert_non_null(strstr(text, "g9"));
	free(text);
	text = table(&s, 80, 10);
	assert_non_null(strstr(text, "\nand 2 more\n"));
	assert_non_null(strstr(text, "g7"));
	assert_null(strstr(text, "g8"));
	free(text);
	top_free(&s);
}

static unsigned int lines_of(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Whatever the height, no line too many, and no row that is neither shown nor counted. */
static void tables_share_the_height(void **state)
{
	unsigned int rows, i, shown, told, more;
	struct top_sample s = { 0 };
	char name[16], *text, *at;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		guest(&s, i, name);
	}
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "part%u", i);
		partition(&s, i, name);
	}
	for (rows = 2; rows <= 20; rows++) {
		text = table(&s, 80, rows);
		assert_in_range(lines_of(text), 1, rows);
		for (shown = i = 0; i < s.nr; i++)
			shown += strstr(text, s.row[i].name) != NULL;
		for (told = 0, at = text; (at = strstr(at, "and ")); at++)
			told += sscanf(at, "and %u", &more) == 1 ? more : 0;
		assert_int_equal(shown + told, 14);
		/* The shorter table stays whole as long as it can. */
		if (rows >= 11)
			assert_non_null(strstr(text, "part3"));
		free(text);
	}
	text = table(&s, 80, 17);
	assert_null(strstr(text, "more"));
	free(text);
	top_free(&s);
}

static void what_a_source_does_not_have_is_a_dash(void **state)
{
	struct top_sample s = { 0 };
	struct top_row *r = guest(&s, 1, "web");
	char *text;
	size_t len;
	FILE *f;

	(void)state;
	r->has = TOP_HAS(TOP_EXITS);
	text = table(&s, 200, 0);
	assert_non_null(strstr(text, "web       running        -    512M       -      0.0         -         -  "
				     "-                    1       -        -       -\n"));
	free(text);
	top_free(&s);
	r = partition(&s, 0, "iron");
	r->beat_age_ns = ~0ull;
	reason(r, "io", 0);
	reason(r, "console", 0);
	f = open_memstream(&text, &len);
	top_json(f, &s, r, SECOND);
	fclose(f);
	assert_string_equal(text, "{\"time_ns\":0,\"interval_ns\":1000000000,\"type\":\"partition\",\"id\":0,"
			    "\"name\":\"iron\",\"state_name\":\"running\",\"nr_cpus\":2,\"created_ns\":0,"
			    "\"memory_bytes\":268435456,\"nr_pci\":1,\"beat_age_ns\":-1,"
			    "\"stop_name\":\"none\",\"exits_per_s\":0.0,"
			    "\"reasons_per_s\":{\"exit_io\":0.0,\"exit_console\":0.0}}\n");
	free(text);
	top_free(&s);
}

static void summary_counts_kinds(void **state)
{
	struct top_style style = plain;
	struct top_sample s = { 0 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	top_summary(f, &s, &plain);
	guest(&s, 1, "a")->rate[TOP_CPU] = 0.5 * SECOND;
	guest(&s, 2, "b")->rate[TOP_CPU] = SECOND;
	top_add(&s, TOP_PARTITION);
	top_summary(f, &s, &plain);
	style.columns = 20;
	top_summary(f, &s, &style);
	top_free(&s);
	partition(&s, 1, "a");
	partition(&s, 2, "b");
	top_summary(f, &s, &plain);
	fclose(f);
	assert_string_equal(text, "nothing runs\n"
			    "2 guests, 1 partition; CPU 150.0%, memory 1G, shadow 2.5M\n"
			    "2 guests, 1 partitio\n"
			    "2 partitions; memory 512M\n");
	free(text);
	top_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_differences_per_second),
		cmocka_unit_test(fresh_row_is_averaged_over_its_life),
		cmocka_unit_test(same_id_of_another_kind_is_another_row),
		cmocka_unit_test(counter_that_falls_and_clock_that_stands_give_zero),
		cmocka_unit_test(counters_of_a_new_start_are_averaged_since_then),
		cmocka_unit_test(most_frequent_reason_is_that_of_the_interval),
		cmocka_unit_test(order_by_each_key),
		cmocka_unit_test(order_of_kinds),
		cmocka_unit_test(columns_of_80_and_200),
		cmocka_unit_test(columns_of_partitions),
		cmocka_unit_test(one_table_for_each_kind),
		cmocka_unit_test(no_width_breaks_the_layout),
		cmocka_unit_test(rows_that_do_not_fit_are_counted),
		cmocka_unit_test(tables_share_the_height),
		cmocka_unit_test(what_a_source_does_not_have_is_a_dash),
		cmocka_unit_test(summary_counts_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
