/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal: raw while a guest's console is on it, restored on every way out.
 */
#ifndef PVMCTL_TERM_H
#define PVMCTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#define TERM_ESCAPE 0x1d	/* Ctrl-] */
#define TYPED_BYTES (256 * 1024)	/* kept for a guest slower than its terminal: a large paste */

/** term_raw() - make standard input raw if it is a terminal. Return: did it? */
bool term_raw(void);

/** term_screen() - all of the screen, and raw input. Return: is standard input a terminal, too? */
bool term_screen(void);

/** term_clear() - empty the screen; after its size changed */
void term_clear(void);

/** term_restore() - give the terminal its modes back. Any number of times, also in a signal. */
void term_restore(void);

/** term_size() - rows and columns of standard output; 0, 0 if it is no terminal */
void term_size(unsigned int *rows, unsigned int *columns);

/**
 * out_open() - a descriptor for @fd that can be written without waiting
 *
 * The flags of @fd itself are not changed: others (the shell) share them.
 */
int out_open(int fd);

/** out_write() - write what fits now. Return: bytes, 0 = nothing fits now, or -errno */
ssize_t out_write(int fd, const void *buf, size_t len);

/*
 * A console in the foreground: what waits for its reader, and what was typed and waits for the
 * guest. Neither may make the other wait, nor a signal, nor Ctrl-].
 */
struct shown {
	int fd;			/* of out_open() */
	char bytes[4096 + 64];
	size_t len, done;	/* len = 0: nothing waits */
};

/** shown_write() - as much as goes without waiting. Return: false: nobody will read any more */
bool shown_write(struct shown *s);

struct typed {
	char bytes[TYPED_BYTES];
	size_t len;
	bool open;		/* input has not ended */
	bool raw;		/* a terminal: Ctrl-] means something */
	bool leave;		/* Ctrl-] was typed, or the terminal is gone */
};

/** typed_fd() - what to wait for with POLLIN. A terminal always, for Ctrl-]; what does not fit is lost. */
static inline int typed_fd(const struct typed *t)
{
	return t->open && (t->raw || !t->len) ? STDIN_FILENO : -1;
}

/** typed_read() - standard input is readable */
void typed_read(struct typed *t);

/** typed_take() - the guest took @len bytes */
void typed_take(struct typed *t, size_t len);

#endif
