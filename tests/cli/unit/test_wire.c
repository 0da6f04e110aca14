// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks and quoting (tools/pvmctl/wire.c). Input is checked against a second, naive model: what a
 * terminal in canonical mode would hand to its reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

#define NONCE "0123456789abcdef"
#define MARK(what) "\033]pvm;" NONCE ";" what "\007"

/* Feed in pieces of @step, collect what comes out; stop never. */
static size_t feed(const char *in, size_t len, size_t step, char *out, int *begins, int *status)
{
	char clean[4096 + WIRE_HOLD];
	struct wire_filter f;
	size_t at = 0, done = 0;

	wire_filter_init(&f, NONCE);
	*begins = 0;
	*status = -1;
	while (done < len) {
		size_t n = len - done < step ? len - done : step, clean_len;
		enum wire_event ev;

		done += wire_filter(&f, in + done, n, clean, &clean_len, &ev, status);
		memcpy(out + at, clean, clean_len);
		at += clean_len;
		*begins += ev == WIRE_BEGIN;
	}
	out[at] = 0;
	return at;
}

static void marks_are_taken_out_in_any_pieces(void **state)
{
	static const struct { const char *in, *out; int begins, status; } t[] = {
		{ "plain", "plain", 0, -1 },
		{ "a" MARK("begin") "b" MARK("exit=7") "c", "abc", 1, 7 },
		{ MARK("exit=255"), "", 0, 255 },
		{ MARK("exit=256") "x", "\033]pvm;" NONCE ";exit=256\007x", 0, -1 },
		{ MARK("bogus") "x", "\033]pvm;" NONCE ";bogus\007x", 0, -1 },
		{ "\033\033]pvm;" NONCE ";begin\007", "\033", 1, -1 },
		{ "\033]pvm;fedcba9876543210;begin\007", "\033]pvm;fedcba9876543210;begin\007", 0,
		  -1 },
		{ "\033]0;title\007", "\033]0;title\007", 0, -1 },
		{ "\033]pvm;" NONCE ";waytoolongforamark\007",
		  "\033]pvm;" NONCE ";waytoolongforamark\007", 0, -1 },
		{ "\033]pvm;" NONCE ";ex" MARK("begin"), "\033]pvm;" NONCE ";ex", 1, -1 },
	};
	char out[256];
	size_t i, step;
	int begins, status;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (step = 1; step < 40; step++) {
			feed(t[i].in, strlen(t[i].in), step, out, &begins, &status);
			assert_int_equal(begins, t[i].begins);
			assert_int_equal(status, t[i].status);
			assert_string_equal(out, t[i].out);
		}
	}
}

/* The naive terminal: returns bytes a reader got before the end; -1 if there was no end. */
static int terminal(const char *in, size_t len, char *out)
{
	size_t i, at = 0, line = 0;

	for (i = 0; i < len; i++) {
		if (in[i] == '\026') {
			out[at++] = in[++i];
			line++;
		} else if (in[i] == '\004') {
			if (!line)
				return i + 1 == len ? (int)at : -1;
			line = 0;
		} else {
			assert_null(memchr("\017\022\025\027\177", in[i], 5));
			out[at++] = in[i];
			line = in[i] == '\n' ? 0 : line + 1;
		}
		assert_true(line < 4095);
	}
	return -1;
}

static void any_input_arrives_byte_for_byte(void **state)
{
	static char in[20000], quoted[60000], out[60000];
	struct wire_quote q;
	size_t len, done, used, at, i;
	int round;

	(void)state;
	srand(1);
	for (round = 0; round < 200; round++) {
		len = rand() % sizeof(in);
		for (i = 0; i < len; i++)
			in[i] = round % 2 ? rand() : "ab\004\026\n\177"[rand() % 6];
		memset(&q, 0, sizeof(q));
		for (done = 0, at = 0; done < len; done += used) {
			size_t piece = 1 + rand() % 1500;

			if (piece > len - done)
				piece = len - done;
			at += wire_quote(&q, in + done, piece, quoted + at, 3 + rand() % 4000,
					 &used);
			if (rand() % 2)
				at += wire_quote_push(&q, quoted + at);
		}
		at += wire_quote_end(&q, quoted + at);
		assert_int_equal(terminal(quoted, at, out), len);
		assert_memory_equal(out, in, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_are_taken_out_in_any_pieces),
		cmocka_unit_test(any_input_arrives_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
