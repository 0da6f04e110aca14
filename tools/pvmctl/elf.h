/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pvmctl must know of a program or a library before it copies it into a guest.
 */
#ifndef PVMCTL_ELF_H
#define PVMCTL_ELF_H

#include <stdbool.h>
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

/* What the dynamic section says. Strings lie in the bytes that were looked at; NULL = not there. */
struct dynamic {
	const char *soname;
	const char *rpath;
	const char *runpath;
	size_t nr_needed;
	const char *needed[512];
};

/** program_inspect() - look at the bytes of a file */
void program_inspect(const void *data, size_t len, struct program *prog);

/** program_is_elf() - can it be mapped: a program or a library for this kind of CPU? */
bool program_is_elf(const struct program *prog);

/**
 * dynamic_inspect() - read the dynamic section of a file for which program_is_elf()
 *
 * Return: 0, also without such a section; -ENOEXEC if it is damaged or leads outside the file;
 * -E2BIG if it needs more libraries than fit.
 */
int dynamic_inspect(const void *data, size_t len, struct dynamic *dyn);

#endif
