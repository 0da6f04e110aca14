/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pvmctl and the init of its own initramfs say to each other over the console.
 *
 * Out of the guest, in between the bytes for the user, come two marks:
 *
 *	ESC ] pvm ; NONCE ; begin BEL		the terminal is set up, what follows is for the user
 *	ESC ] pvm ; NONCE ; exit=N BEL		the command ended with status N
 *
 * The form is that of an operating system command, which terminals swallow: even unfiltered a mark
 * stays invisible. NONCE is new for every guest, so that output which happens to contain another
 * guest's marks (pvmctl in a guest) is left alone.
 *
 * Into the guest goes the user's standard input. Where it is no terminal it must arrive byte for
 * byte and have an end, but the guest's console is a terminal in canonical mode: bytes that mean
 * something to it are quoted with Ctrl-V, and Ctrl-D hands over a line without its newline.
 */
#ifndef PVMCTL_WIRE_H
#define PVMCTL_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define WIRE_NONCE_LEN	16
#define WIRE_ARG_LEN	16
/* Most bytes a filter can hold back and then release at once. */
#define WIRE_HOLD	(8 + WIRE_NONCE_LEN + WIRE_ARG_LEN)

enum wire_event { WIRE_NOTHING, WIRE_BEGIN, WIRE_EXIT };

struct wire_filter {
	char prefix[8 + WIRE_NONCE_LEN];
	size_t prefix_len;
	size_t matched;			/* bytes of the prefix seen */
	char arg[WIRE_ARG_LEN];
	size_t arg_len;
};

void wire_filter_init(struct wire_filter *f, const char *nonce);

/**
 * wire_filter() - pass bytes through, take marks out
 * @in, @len:	what the guest wrote
 * @out:	room for @len + WIRE_HOLD bytes
 * @out_len:	bytes put there
 * @event:	WIRE_NOTHING, or the mark that was met; filtering stops behind it
 * @status:	exit status, for WIRE_EXIT
 *
 * Return: bytes of @in used up; less than @len only behind a mark.
 */
size_t wire_filter(struct wire_filter *f, const char *in, size_t len, char *out, size_t *out_len,
		   enum wire_event *event, int *status);

struct wire_quote {
	size_t unpushed;	/* bytes since the guest was last given a line */
};

/**
 * wire_quote() - quote input for the guest's terminal
 * @out, @room:	where it goes
 * @used:	bytes of @in quoted
 *
 * Return: bytes put into @out.
 */
size_t wire_quote(struct wire_quote *q, const char *in, size_t len, char *out, size_t room,
		  size_t *used);

/** wire_quote_push() - end of a piece: let the guest have it now. Puts 0 or 1 byte into @out. */
size_t wire_quote_push(struct wire_quote *q, char *out);

/** wire_quote_end() - end of input. Puts 1 or 2 bytes into @out. */
size_t wire_quote_end(struct wire_quote *q, char *out);

#endif
