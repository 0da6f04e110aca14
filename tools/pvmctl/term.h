/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The user's terminal: raw while a guest's console is on it, restored on every way out.
 */
#ifndef PVMCTL_TERM_H
#define PVMCTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TERM_ESCAPE 0x1d	/* Ctrl-] */

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

/** out_write_all() - write all of it, waiting where @fd waits. Return: was all of it written? */
bool out_write_all(int fd, const void *buf, size_t len);

#endif
