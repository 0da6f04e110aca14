/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which libraries a program of the host needs, found without running any of it.
 */
#ifndef PVMCTL_NEEDED_H
#define PVMCTL_NEEDED_H

#include <stdbool.h>
#include <stddef.h>

#include "elf.h"
#include "hostfile.h"

#define NEEDED_MAX_OBJECTS 512		/* a large desktop program has 200 */
#define NEEDED_MAX_LOOKUPS 65536	/* names and places; a hostile program may ask for billions */

#define NEEDED_MAX_LIST_BYTES (64 << 20)	/* of the two files that say where libraries are */

#define NEEDED_MUSL_PATH "/etc/ld-musl-x86_64.path"	/* musl's list of directories */

/* Where libraries are looked for, besides what the objects say themselves. Lists are "DIR:DIR". */
struct needed_search {
	char *library_path;	/* LD_LIBRARY_PATH without relative names; NULL = none */
	struct hostfile cache;	/* /etc/ld.so.cache, stripped */
	const char *dirs;	/* where glibc looks at last */
	const char *lib;	/* what $LIB means */
	char *musl_dirs;	/* where musl looks at last */
	size_t max_bytes;	/* all files that are read; needed_search_host() sets no limit */
};

/* A file to copy. The first is the program, the second its loader, libraries follow. */
struct needed_object {
	char *name;		/* asked for by this name; NULL = the program */
	char *path;		/* absolute; may contain "..": do not resolve it, the loader does not */
	size_t asked_by;	/* index */
	bool is_alias;		/* another name of .same_as, which has the bytes */
	size_t same_as;
	struct hostfile file;
	struct dynamic dyn;
};

struct needed {
	struct needed_object *objects;
	size_t nr_objects;
	bool by_library_path;	/* one was found only by .library_path of the search */
	size_t lookups;
	size_t bytes;		/* read so far */
};

/**
 * needed_resolve() - find the loader and all libraries of a program
 * @path:	of the program, absolute and without symbolic links, because $ORIGIN is made of it
 * @why:	a sentence why it failed, or NULL
 *
 * Nothing is executed: program, loader and libraries are data. needed_free() is due afterwards, also
 * after a failure. Return: 0, -ENOENT, -ENOEXEC, -E2BIG, -EFBIG, -ENOMEM, -EIO or why @path cannot be read.
 */
int needed_resolve(struct needed *n, const struct needed_search *search, const char *path,
		   const char **why);

/** needed_free() - let go of the files */
void needed_free(struct needed *n);

/** needed_search_host() - how this host and the caller's environment have it; 0 or -ENOMEM */
int needed_search_host(struct needed_search *search);

/** needed_search_free() - release what needed_search_host() took */
void needed_search_free(struct needed_search *search);

/** needed_loader_is_musl() - or is it that of glibc? */
bool needed_loader_is_musl(const char *interpreter);

/**
 * needed_cache_find() - look a library up in the bytes of /etc/ld.so.cache
 *
 * Return: its absolute path within @data, or NULL.
 */
const char *needed_cache_find(const void *data, size_t len, const char *name);

/**
 * needed_cache_strip() - make a loader pass over what the cache has for newer CPUs only
 *
 * Those files (glibc-hwcaps) are not copied. A loader that finds one in its cache does not try the
 * common one when the file is missing, and entries must stay in order: so they stay, for nobody.
 */
void needed_cache_strip(void *data, size_t len);

#endif
