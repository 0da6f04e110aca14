// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates, order and layout of pvmctl top (tools/pvmctl/top.c).
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
	struct top_row *r = top_add(s, "guest");

	r->id = id;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->state = "running";
	r->colour = COL_GREEN;
	r->has = TOP_HAS(TOP_CPU) | TOP_HAS(TOP_EXITS) | TOP_HAS(TOP_FAULTS) |
		 TOP_HAS(TOP_HYPERCALLS) | TOP_HAS_SHADOW | TOP_HAS_OWNER;
	r->cpus = 1;
	r->pid = 4242;
	r->uid = 1000;
	r->memory_bytes = 512 << 20;
	r->shadow_bytes = 1300 << 10;
	return r;
}

static char *table(const struct top_sample *s, unsigned int columns, unsigned int rows)
{
	struct top_style style = plain;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	style.columns = columns;
	style.rows = rows;
	top_table(f, s, &style);
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
	r->created_ns = 11 * SECOND;
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
	r = top_add(&a, "partition");
	r->id = 1;
	r->counter[TOP_EXITS] = 1000;
	r = guest(&b, 1, "web");
	r->created_ns = 10 * SECOND;
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
	r->created_ns = 300 * SECOND;
	text = table(&s, 80, 0);
	assert_string_equal(text,
		"NAME      STATE       CPU%  MEMORY  SHADOW  EXITS/s  FAULTS/s  HCALLS/s  UPTIME\n"
		"web       running     99.5    512M    1.2M    99999    123.5k       2.2   1h01m\n");
	free(text);
	text = table(&s, 200, 0);
	assert_string_equal(text,
		"NAME      TYPE       STATE       CPU%  MEMORY  SHADOW  EXITS/s  FAULTS/s  HCALLS/s  "
		"CPUS  UPTIME      PID     UID\n"
		"web       guest      running     99.5    512M    1.2M    99999    123.5k       2.2  "
		"   1   1h01m     4242    1000\n");
	free(text);
	top_free(&s);
}

/* Every line of a table is as wide as its titles and never wider than the screen. */
static void no_width_breaks_the_layout(void **state)
{
	struct top_sample s = { .time_ns = 4000 * SECOND };
	struct top_row *r;
	unsigned int columns;

	(void)state;
	guest(&s, 1, "a-name-of-31-characters-as-it-is");
	r = guest(&s, 2, "x");
	r->rate[TOP_EXITS] = r->rate[TOP_FAULTS] = r->rate[TOP_HYPERCALLS] = 999e6;
	r->rate[TOP_CPU] = 12800e7;
	r->memory_bytes = 1023ull << 30;
	r->pid = 4194304;
	for (columns = 1; columns <= 220; columns++) {
		char *text = table(&s, columns, 0), *line = text, *end;
		size_t width = strchr(text, '\n') - text;

		assert_in_range(width, 1, columns);
		for (; (end = strchr(line, '\n')); line = end + 1)
			assert_in_range(end - line, width > 8 ? width : 1, columns);
		free(text);
	}
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

static void what_a_source_does_not_have_is_a_dash(void **state)
{
	struct top_sample s = { 0 };
	struct top_row *r = top_add(&s, "partition");
	char *text;
	size_t len;
	FILE *f;

	(void)state;
	strcpy(r->name, "iron");
	r->state = "running";
	r->cpus = 2;
	r->has = TOP_HAS(TOP_EXITS);
	text = table(&s, 80, 0);
	assert_non_null(strstr(text, "iron      running        -      0B       -      0.0         -         -"));
	free(text);
	f = open_memstream(&text, &len);
	top_json(f, &s, r, SECOND);
	fclose(f);
	assert_string_equal(text, "{\"time_ns\":0,\"interval_ns\":1000000000,\"type\":\"partition\",\"id\":0,"
			    "\"name\":\"iron\",\"state_name\":\"running\",\"nr_cpus\":2,\"created_ns\":0,"
			    "\"memory_bytes\":0,\"exits_per_s\":0.0}\n");
	free(text);
	top_free(&s);
}

static void summary_counts_kinds(void **state)
{
	struct top_sample s = { 0 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	top_summary(f, &s, &plain);
	guest(&s, 1, "a")->rate[TOP_CPU] = 0.5 * SECOND;
	guest(&s, 2, "b")->rate[TOP_CPU] = SECOND;
	top_add(&s, "partition");
	top_summary(f, &s, &plain);
	fclose(f);
	assert_string_equal(text, "nothing runs\n"
			    "2 guests, 1 partition; CPU 150.0%, memory 1G, shadow 2.5M\n");
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
		cmocka_unit_test(order_by_each_key),
		cmocka_unit_test(columns_of_80_and_200),
		cmocka_unit_test(no_width_breaks_the_layout),
		cmocka_unit_test(rows_that_do_not_fit_are_counted),
		cmocka_unit_test(what_a_source_does_not_have_is_a_dash),
		cmocka_unit_test(summary_counts_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
