/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The userland of a throw-away guest, put together in memory from what the host has installed.
 */
#ifndef PVMCTL_INITRAMFS_H
#define PVMCTL_INITRAMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct initramfs_opts {
	const char *name;	/* becomes the guest's host name */
	const char *nonce;	/* of the marks, see wire.h */
	int nr_command;		/* 0 = a shell */
	char *const *command;
	bool terminal;		/* the console is a person's terminal */
	const char *term;	/* TERM there, or NULL */
	unsigned int rows, columns;	/* 0 = unknown */
	uint64_t memory_bytes;	/* of the guest; no more is copied. 0 = unknown: 1 GiB */
};

/**
 * initramfs_build() - make the archive
 * @data:	malloc'ed archive
 *
 * Prints a sentence when it fails. Return: EXIT_OK or an exit code.
 */
int initramfs_build(const struct initramfs_opts *o, void **data, size_t *len);

/** busybox_path() - the busybox that would be used, or NULL */
const char *busybox_path(void);

#endif
