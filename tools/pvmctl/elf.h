/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pvmctl must know of a program before it copies it into a guest.
 */
#ifndef PVMCTL_ELF_H
#define PVMCTL_ELF_H

#include <stddef.h>

enum program_kind {
	PROGRAM_STATIC,		/* 64-bit x86 ELF without an interpreter */
	PROGRAM_DYNAMIC,	/* needs the interpreter, and libraries */
	PROGRAM_SCRIPT,		/* "#!" */
	PROGRAM_FOREIGN,	/* ELF of another machine or word size */
	PROGRAM_UNKNOWN,	/* none of these, or damaged */
};

struct program {
	enum program_kind kind;
	char interpreter[256];	/* ELF interpreter or that of a script; "" = none */
};

/** program_inspect() - look at the bytes of a file */
void program_inspect(const void *data, size_t len, struct program *prog);

#endif
