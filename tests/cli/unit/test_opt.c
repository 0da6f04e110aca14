// SPDX-License-Identifier: GPL-2.0-only
/*
 * The option parser (tools/pvmctl/opt.c): every kind of option, every complaint.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "opt.h"

static struct {
	bool flag;
	const char *str, *choice;
	uint64_t size, number;
	struct opt_list list;
} in;

static const char *const choices[] = { "stdio", "pty", NULL };
static const struct opt opts[] = {
	{ "flag", 'f', OPT_FLAG, 0, NULL, "a flag", 0, 0, NULL },
	{ "string", 's', OPT_STR, 8, "STR", "a string", 0, 0, NULL },
	{ "choice", 0, OPT_CHOICE, 16, NULL, "a choice", 0, 0, choices },
	{ "size", 'm', OPT_SIZE, 24, "SIZE", "a size", 0, 0, NULL },
	{ "number", 'n', OPT_UINT, 32, "N", "a number", 1, 9, NULL },
	{ "item", 'i', OPT_LIST, 40, "WORD", "one of several", 0, 0, NULL },
	{ 0 }
};
static const struct verb verb = {
	.name = "test", .operands = "NAME", .help = "Test", .opts = opts, .min_operands = 1,
	.max_operands = 1,
};
static const struct verb runner = {
	.name = "run", .operands = "[-- COMMAND]", .help = "Run", .opts = opts,
	.takes_command = true,
};

static struct opt_rest rest;
static char text[256];

static enum opt_result parse(const struct verb *v, const char *words)
{
	static char copy[256], *argv[64];
	int argc = 0;
	char *w;

	memset(&in, 0, sizeof(in));
	text[0] = 0;
	strcpy(copy, words);
	for (w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	return opt_parse(v, &in, argc, argv, &rest, text, sizeof(text));
}

static void complains(const struct verb *v, const char *words, const char *part)
{
	assert_int_equal(parse(v, words), OPT_BAD);
	if (!strstr(text, part))
		fail_msg("'%s' says '%s', not '%s'", words, text, part);
}

static void every_kind_is_stored(void **state)
{
	(void)state;
	assert_int_equal(parse(&verb, "test -f --string=a web --choice pty -m512M --number 9"),
			 OPT_OK);
	assert_true(in.flag);
	assert_string_equal(in.str, "a");
	assert_string_equal(in.choice, "pty");
	assert_int_equal(in.size, 512u << 20);
	assert_int_equal(in.number, 9);
	assert_int_equal(rest.nr_operands, 1);
	assert_string_equal(rest.operands[0], "web");
}

static void lists_keep_their_order_and_have_an_end(void **state)
{
	char words[256] = "test x";
	int i;

	(void)state;
	assert_int_equal(parse(&verb, "test --item a x -i b --item=c"), OPT_OK);
	assert_int_equal(in.list.nr, 3);
	assert_string_equal(in.list.items[0], "a");
	assert_string_equal(in.list.items[1], "b");
	assert_string_equal(in.list.items[2], "c");
	complains(&verb, "test x --item", "--item needs a value");
	for (i = 0; i < OPT_LIST_MAX; i++)
		strcat(words, " -i w");
	assert_int_equal(parse(&verb, words), OPT_OK);
	assert_int_equal(in.list.nr, OPT_LIST_MAX);
	strcat(words, " -i w");
	complains(&verb, words, "more than 16 times");
}

static void command_behind_dashes_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(parse(&runner, "run -f -- ls -h --flag"), OPT_OK);
	assert_int_equal(rest.nr_command, 3);
	assert_string_equal(rest.command[1], "-h");
}

static void help_wins_over_errors(void **state)
{
	(void)state;
	assert_int_equal(parse(&verb, "test --bogus -h"), OPT_HELP);
	assert_int_equal(parse(&verb, "test --number x --help"), OPT_HELP);
	assert_int_equal(parse(&runner, "run -- ls -h"), OPT_OK);
}

static void complaints_say_what_to_do(void **state)
{
	(void)state;
	complains(&verb, "test web --strnig x", "did you mean --string?");
	complains(&verb, "test web --zzzzzz", "has no option --zzzzzz");
	complains(&verb, "test web -z", "has no option -z");
	complains(&verb, "test web --flag=1", "takes no value");
	complains(&verb, "test web --string", "needs a value: --string STR");
	complains(&verb, "test web --choice ptty", "did you mean 'pty'?");
	complains(&verb, "test web --choice zzzzz", "choose one of stdio, pty");
	complains(&verb, "test web --size lots", "is not a size");
	complains(&verb, "test web --size 99999999999999999999", "larger than 64 bits");
	complains(&verb, "test web --number x", "is not a number");
	complains(&verb, "test web --number 0", "take 1..9");
	complains(&verb, "test web --number 99999999999999999999999", "take 1..9");
	complains(&verb, "test", "NAME is missing");
	complains(&verb, "test a b", "unexpected 'b'");
	complains(&verb, "test a -- b", "takes no command");
	complains(&runner, "run ls", "pvmctl run -- ls");
	complains(&runner, "run --", "no command behind");
}

static void sizes(void **state)
{
	static const struct { const char *text; int err; uint64_t bytes; } t[] = {
		{ "0", 0, 0 }, { "4096", 0, 4096 }, { "1K", 0, 1024 }, { "512M", 0, 512u << 20 },
		{ "1.5G", 0, 1536u << 20 }, { "2GiB", 0, 2ull << 30 }, { "2gB", 0, 2ull << 30 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "M", -EINVAL, 0 }, { "1X", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 }, { "1.", -EINVAL, 0 }, { "1.55G", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 }, { "18446744073709551616", -ERANGE, 0 },
		{ "99999999P", -ERANGE, 0 },
	};
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		bytes = 0;
		if (opt_size(t[i].text, &bytes) != t[i].err || bytes != t[i].bytes)
			fail_msg("size '%s'", t[i].text);
	}
}

static void names(void **state)
{
	(void)state;
	assert_true(opt_name_ok("a"));
	assert_true(opt_name_ok("web-1.a_B"));
	assert_true(opt_name_ok("0123456789012345678901234567890"));
	assert_false(opt_name_ok("01234567890123456789012345678901"));
	assert_false(opt_name_ok(""));
	assert_false(opt_name_ok("a/b"));
	assert_false(opt_name_ok("a b"));
	assert_false(opt_name_ok("\303\244"));
}

static void closest(void **state)
{
	static const char *const list[] = { "run", "list", "stop", "stat", "console", NULL };

	(void)state;
	assert_string_equal(opt_closest("lsit", list), "list");
	assert_string_equal(opt_closest("cons", list), "console");
	assert_null(opt_closest("xyzzy", list));
	assert_null(opt_closest("q", list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_stored),
		cmocka_unit_test(lists_keep_their_order_and_have_an_end),
		cmocka_unit_test(command_behind_dashes_is_left_alone),
		cmocka_unit_test(help_wins_over_errors),
		cmocka_unit_test(complaints_say_what_to_do),
		cmocka_unit_test(sizes), cmocka_unit_test(names), cmocka_unit_test(closest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
