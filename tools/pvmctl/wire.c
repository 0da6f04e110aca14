// SPDX-License-Identifier: GPL-2.0-only
/*
 * Marks and quoting between pvmctl and its own init in the guest (wire.h tells the protocol).
 *
 * Pure. The prefix of a mark begins with ESC and has no second one, so after a mismatch nothing that
 * was held back can be the beginning of another mark: only the byte at hand can.
 */
#include <stdio.h>
#include <string.h>

#include "wire.h"

#define ESC		'\033'
#define BEL		'\007'
#define CTRL_D		'\004'
#define CTRL_V		'\026'
/* Less than half of the 4095 bytes a line of the guest's terminal holds. */
#define PUSH_BYTES	1024

void wire_filter_init(struct wire_filter *f, const char *nonce)
{
	memset(f, 0, sizeof(*f));
	f->prefix_len = snprintf(f->prefix, sizeof(f->prefix), "\033]pvm;%s;", nonce);
	if (f->prefix_len >= sizeof(f->prefix))
		f->prefix_len = sizeof(f->prefix) - 1;
}

static void release(struct wire_filter *f, char *out, size_t *at)
{
	memcpy(out + *at, f->prefix, f->matched);
	*at += f->matched;
	memcpy(out + *at, f->arg, f->arg_len);
	*at += f->arg_len;
	f->matched = 0;
	f->arg_len = 0;
}

static enum wire_event understand(struct wire_filter *f, int *status)
{
	unsigned int n;
	char end;

	f->arg[f->arg_len] = 0;
	if (!strcmp(f->arg, "begin"))
		return WIRE_BEGIN;
	if (sscanf(f->arg, "exit=%3u%c", &n, &end) == 1 && n <= 255) {
		*status = n;
		return WIRE_EXIT;
	}
	return WIRE_NOTHING;
}

size_t wire_filter(struct wire_filter *f, const char *in, size_t len, char *out, size_t *out_len,
		   enum wire_event *event, int *status)
{
	size_t i, at = 0;

	*event = WIRE_NOTHING;
	for (i = 0; i < len; i++) {
		char c = in[i];

		if (f->matched < f->prefix_len) {
			if (c == f->prefix[f->matched]) {
				f->matched++;
				continue;
			}
			release(f, out, &at);
		} else if (c == BEL) {
			*event = understand(f, status);
			if (*event != WIRE_NOTHING) {
				f->matched = 0;
				f->arg_len = 0;
				i++;
				break;
			}
			release(f, out, &at);
		} else if (f->arg_len + 1 < WIRE_ARG_LEN && c != ESC) {
			f->arg[f->arg_len++] = c;
			continue;
		} else {
			release(f, out, &at);
		}
		if (c == ESC)
			f->matched = 1;
		else
			out[at++] = c;
	}
	*out_len = at;
	return i;
}

/* Bytes that mean something to a terminal in canonical mode, as the guest's init sets it up. */
static bool must_quote(char c)
{
	switch (c) {
	case CTRL_D:
	case '\017':	/* discard */
	case '\022':	/* reprint */
	case '\025':	/* kill */
	case CTRL_V:
	case '\027':	/* word erase */
	case '\177':	/* erase */
		return true;
	default:
		return false;
	}
}

size_t wire_quote(struct wire_quote *q, const char *in, size_t len, char *out, size_t room,
		  size_t *used)
{
	size_t i, at = 0;

	for (i = 0; i < len && room - at >= 3; i++) {
		if (must_quote(in[i]))
			out[at++] = CTRL_V;
		out[at++] = in[i];
		q->unpushed = in[i] == '\n' ? 0 : q->unpushed + 1;
		if (q->unpushed >= PUSH_BYTES)
			at += wire_quote_push(q, out + at);
	}
	*used = i;
	return at;
}

size_t wire_quote_push(struct wire_quote *q, char *out)
{
	/* With nothing before it, Ctrl-D would mean the end. */
	if (!q->unpushed)
		return 0;
	q->unpushed = 0;
	out[0] = CTRL_D;
	return 1;
}

size_t wire_quote_end(struct wire_quote *q, char *out)
{
	size_t n = wire_quote_push(q, out);

	out[n] = CTRL_D;
	return n + 1;
}
