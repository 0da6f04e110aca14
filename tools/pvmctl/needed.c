// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which libraries does a program need, and where are they? The answer its loader would give, but the
 * loader is not asked: a program names its loader itself, and may name modules that the loader runs
 * even when it only lists (DT_AUDIT). Whoever wants to run a program in a guest does not want any of
 * it to run here (test_needed, and libraries.py for the whole of pvmctl).
 *
 * The rules are those of ld.so(8), and of musl, whose order differs. The breadth-first order is a part
 * of them: a library that is there already answers to its name, whoever asks and wherever he would
 * have looked. Left out: glibc-hwcaps (better builds of a library for newer CPUs) and auxiliary
 * filters, which a loader can do without; $PLATFORM and DT_FILTER, which are rare; LD_PRELOAD and
 * LD_AUDIT, which are for the host.
 *
 * Files can be hostile. elf.c bounds what one of them says, the limits in needed.h how often it is
 * asked, .max_bytes of the search how much is read. Only ELF files for this CPU are taken: a program in
 * the guest must not get a private key of the host because it called that its loader.
 *
 * Neighbours: elf.c reads one file, hostfile.c gets it, initramfs.c copies.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "needed.h"

/* Indices of objects. */
#define PROGRAM 0
#define LOADER 1

/* How one search goes: of which name, for whom. */
struct quest {
	struct needed *n;
	const struct needed_search *search;
	const char *name;
	size_t asked_by;
};

/* ---- /etc/ld.so.cache ---- */

#define CACHE_OLD_MAGIC "ld.so-1.7.0"	/* glibc before 2.32 writes both forms, this one first */
#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define CACHE_X86_64 0x0303		/* FLAG_X8664_LIB64 | FLAG_ELF_LIBC6 */

#define CACHE_NOBODY 0			/* a library of libc4, which no loader of today takes */

struct cache_old_header {
	char magic[12];
	uint32_t count;			/* of entries of 12 bytes */
};

struct cache_header {
	char magic[20];
	uint32_t count;
	uint32_t others[6];
};

struct cache_entry {
	uint32_t flags;
	uint32_t key, value;		/* strings; offsets from the header */
	uint32_t os_version;
	uint64_t hwcap;			/* 0 = for every CPU */
};

/* Number of entries that lie within the file; @data and @size are moved to the newer form. */
static size_t cache_open(const char **data, size_t *size)
{
	const char *bytes = *data;
	struct cache_old_header old;
	struct cache_header header;
	size_t len = *size, skip;

	if (len > sizeof(old) && !memcmp(bytes, CACHE_OLD_MAGIC, strlen(CACHE_OLD_MAGIC))) {
		memcpy(&old, bytes, sizeof(old));
		skip = (sizeof(old) + old.count * (size_t)12 + 7) & ~(size_t)7;
		if (skip >= len)
			return 0;
		bytes += skip;
		len -= skip;
	}
	if (len <= sizeof(header) || memcmp(bytes, CACHE_MAGIC, sizeof(header.magic)))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	*data = bytes;
	*size = len;
	len = (len - sizeof(header)) / sizeof(struct cache_entry);
	return header.count < len ? header.count : len;
}

const char *needed_cache_find(const void *data, size_t len, const char *name)
{
	size_t name_size = strlen(name) + 1, count, i;
	const char *bytes = data, *value;
	struct cache_entry entry;

	count = cache_open(&bytes, &len);
	for (i = 0; i < count; i++) {
		memcpy(&entry, bytes + sizeof(struct cache_header) + i * sizeof(entry), sizeof(entry));
		if (entry.flags != CACHE_X86_64 || entry.hwcap || entry.key >= len || entry.value >= len ||
		    len - entry.key < name_size || memcmp(bytes + entry.key, name, name_size))
			continue;
		value = bytes + entry.value;
		if (value[0] == '/' && memchr(value, 0, len - entry.value))
			return value;
	}
	return NULL;
}

void needed_cache_strip(void *data, size_t len)
{
	const char *bytes = data;
	struct cache_entry entry;
	size_t count = cache_open(&bytes, &len), at, i;

	for (i = 0; i < count; i++) {
		at = bytes - (const char *)data + sizeof(struct cache_header) + i * sizeof(entry);
		memcpy(&entry, (char *)data + at, sizeof(entry));
		if (entry.hwcap)
			entry.flags = CACHE_NOBODY;
		memcpy((char *)data + at, &entry, sizeof(entry));
	}
}

/* ---- objects ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool needed_loader_is_musl(const char *interpreter)
{
	return !strncmp(base_name(interpreter), "ld-musl-", 8);
}

static bool uses_musl(const struct needed *n)
{
	return n->nr_objects > LOADER && needed_loader_is_musl(n->objects[LOADER].path);
}

/* Takes over @file, also when it fails. */
static int add_object(const struct quest *q, const char *path, struct hostfile *file)
{
	struct needed *n = q->n;
	struct needed_object *o;
	size_t i;
	int err;

	err = n->nr_objects < NEEDED_MAX_OBJECTS ? 0 : -E2BIG;
	o = err ? NULL : reallocarray(n->objects, n->nr_objects + 1, sizeof(*o));
	if (!o) {
		hostfile_free(file);
		return err ? err : -ENOMEM;
	}
	n->objects = o;
	o += n->nr_objects;
	memset(o, 0, sizeof(*o));
	o->asked_by = q->asked_by;
	o->file = *file;
	o->path = strdup(path);
	o->name = q->name ? strdup(q->name) : NULL;
	n->nr_objects++;
	if (!o->path || (q->name && !o->name))
		return -ENOMEM;
	for (i = 0; i + 1 < n->nr_objects; i++) {
		if (n->objects[i].is_alias || n->objects[i].file.st.st_dev != file->st.st_dev ||
		    n->objects[i].file.st.st_ino != file->st.st_ino)
			continue;
		o->is_alias = true;
		o->same_as = i;
		hostfile_free(&o->file);
		return 0;
	}
	return dynamic_inspect(o->file.data, o->file.len, &o->dyn);
}

/* What was read counts, whether it is copied or not: a hostile program could name one file often. */
static int read_counted(const struct quest *q, const char *path, struct hostfile *file)
{
	int err = hostfile_read(path, q->search->max_bytes - q->n->bytes, file);

	if (!err)
		q->n->bytes += file->len;
	return err;
}

/* 1: taken. 0: no such file, or none that can be a library: look further. */
static int try_file(const struct quest *q, const char *path)
{
	struct hostfile file;
	struct program prog;
	int err;

	err = read_counted(q, path, &file);
	if (err)
		return err == -EFBIG || err == -ENOMEM || err == -EIO ? err : 0;
	program_inspect(file.data, file.len, &prog);
	if (!program_is_elf(&prog)) {
		hostfile_free(&file);
		return 0;
	}
	err = add_object(q, path, &file);
	return err ? err : 1;
}

/* musl is all of its libraries in one file. */
static bool is_part_of_musl(const char *name)
{
	static const char *const parts[] = { "libc.", "libpthread.", "librt.", "libm.", "libdl.",
					     "libutil.", "libxnet." };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strncmp(name, parts[i], strlen(parts[i])))
			return true;
	return false;
}

static bool is_there(const struct needed *n, const char *name)
{
	const struct needed_object *o;
	bool musl = uses_musl(n);
	size_t i;

	if (musl && is_part_of_musl(name))
		return true;
	for (i = 0; i < n->nr_objects; i++) {
		o = &n->objects[i];
		if (o->name && !strcmp(o->name, name))
			return true;
		/* musl remembers only what it was asked for. */
		if (!musl && o->dyn.soname && !strcmp(o->dyn.soname, name))
			return true;
	}
	return false;
}

/* ---- the search ---- */

/* One line of characters; too long a line is no path. */
struct line {
	char text[PATH_MAX];
	size_t len;
};

static bool line_put(struct line *line, const char *text, size_t len)
{
	if (len >= sizeof(line->text) - line->len)
		return false;
	memcpy(line->text + line->len, text, len);
	line->len += len;
	line->text[line->len] = 0;
	return true;
}

/* What a '$' at @text means for an object; the length of its name in @used. False: we do not know. */
static bool put_token(const struct quest *q, size_t owner, const char *text, size_t len, size_t *used,
		      struct line *out)
{
	bool curly = len > 1 && text[1] == '{';
	size_t start = curly ? 2 : 1, end = start, dir;
	const char *path = q->n->objects[owner].path;

	while (end < len && text[end] >= 'A' && text[end] <= 'Z')
		end++;
	if (curly && (end == len || text[end] != '}'))
		return false;
	*used = end + curly;
	if (end - start == 3 && !memcmp(text + start, "LIB", 3))
		return line_put(out, q->search->lib, strlen(q->search->lib));
	if (end - start != 6 || memcmp(text + start, "ORIGIN", 6))
		return false;
	dir = base_name(path) - path;
	return line_put(out, path, dir > 1 ? dir - 1 : dir);
}

/* False: unknown tokens, too long, or relative, which would mean another directory in the guest. */
static bool expand(const struct quest *q, size_t owner, const char *text, size_t len, struct line *out)
{
	size_t used;
	bool good;

	out->len = 0;
	out->text[0] = 0;
	for (; len; text += used, len -= used) {
		used = 1;
		good = *text == '$' ? put_token(q, owner, text, len, &used, out) : line_put(out, text, 1);
		if (!good)
			return false;
	}
	return out->text[0] == '/';
}

static int search_list(const struct quest *q, const char *list, const char *separators, size_t owner)
{
	struct line line;
	size_t len;
	int ret;

	for (; list && *list; list += len + !!list[len]) {
		len = strcspn(list, separators);
		if (++q->n->lookups > NEEDED_MAX_LOOKUPS)
			return -E2BIG;
		if (!len || !expand(q, owner, list, len, &line) || !line_put(&line, "/", 1) ||
		    !line_put(&line, q->name, strlen(q->name)))
			continue;
		ret = try_file(q, line.text);
		if (ret)
			return ret;
	}
	return 0;
}

static int search_library_path(const struct quest *q)
{
	int ret = search_list(q, q->search->library_path, ":", PROGRAM);

	if (ret == 1)
		q->n->by_library_path = true;
	return ret;
}

/* Of an object and of those it was asked by, up to the program. */
static int search_run_paths(const struct quest *q, bool runpaths_too)
{
	const struct dynamic *dyn;
	size_t owner = q->asked_by;
	const char *list;
	int ret;

	for (;;) {
		dyn = &q->n->objects[owner].dyn;
		list = dyn->runpath ? runpaths_too ? dyn->runpath : NULL : dyn->rpath;
		ret = search_list(q, list, runpaths_too ? ":\n" : ":", owner);
		if (ret || owner == PROGRAM)
			return ret;
		owner = q->n->objects[owner].asked_by;
	}
}

static int search_musl(const struct quest *q)
{
	int ret = search_library_path(q);

	if (!ret)
		ret = search_run_paths(q, true);
	if (!ret)
		ret = search_list(q, q->search->musl_dirs, ":\n", PROGRAM);
	return ret;
}

static int search_glibc(const struct quest *q)
{
	const char *runpath = q->n->objects[q->asked_by].dyn.runpath, *cached;
	int ret = runpath ? 0 : search_run_paths(q, false);

	if (!ret)
		ret = search_library_path(q);
	if (!ret)
		ret = search_list(q, runpath, ":", q->asked_by);
	if (!ret && q->search->cache.data) {
		cached = needed_cache_find(q->search->cache.data, q->search->cache.len, q->name);
		ret = cached ? try_file(q, cached) : 0;
	}
	if (!ret)
		ret = search_list(q, q->search->dirs, ":", PROGRAM);
	return ret;
}

static int find_library(const struct quest *q)
{
	struct line line;

	if (strchr(q->name, '/')) {
		if (!expand(q, q->asked_by, q->name, strlen(q->name), &line))
			return 0;
		return try_file(q, line.text);
	}
	return uses_musl(q->n) ? search_musl(q) : search_glibc(q);
}

/* ---- the whole ---- */

static int add_program_file(struct needed *n, const struct needed_search *search, const char *path,
			    struct program *prog)
{
	struct quest q = { .n = n, .search = search };
	struct hostfile file;
	int err;

	err = read_counted(&q, path, &file);
	if (err)
		return err;
	program_inspect(file.data, file.len, prog);
	err = prog->kind == PROGRAM_DYNAMIC ? 0 : -ENOEXEC;
	if (err) {
		hostfile_free(&file);
		return err;
	}
	return add_object(&q, path, &file);
}

int needed_resolve(struct needed *n, const struct needed_search *search, const char *path,
		   const char **why)
{
	struct quest q = { .n = n, .search = search };
	struct program prog;
	size_t i, j;
	int ret;

	memset(n, 0, sizeof(*n));
	*why = NULL;
	ret = add_program_file(n, search, path, &prog);
	if (ret)
		goto fail;
	q.name = prog.interpreter;
	ret = try_file(&q, prog.interpreter);
	if (!ret)
		ret = -ENOENT;
	/* Nobody loads libraries for the loader. */
	if (ret > 0)
		n->objects[LOADER].dyn.nr_needed = 0;
	for (i = 0; ret > 0 && i < n->nr_objects; i++) {
		q.asked_by = i;
		for (j = 0; ret > 0 && j < n->objects[i].dyn.nr_needed; j++) {
			q.name = n->objects[i].dyn.needed[j];
			if (++n->lookups > NEEDED_MAX_LOOKUPS)
				ret = -E2BIG;
			else if (!is_there(n, q.name))
				ret = find_library(&q);
			if (!ret)
				ret = -ENOENT;
		}
	}
fail:
	if (ret == -ENOENT)
		*why = "its libraries cannot be found";
	if (ret == -ENOEXEC)
		*why = "it or one of its libraries is damaged";
	if (ret == -EFBIG)
		*why = "it and its libraries are larger than what fits into a guest";
	if (ret == -E2BIG)
		*why = "it needs too many libraries, or looks for them in too many places";
	return ret > 0 ? 0 : ret;
}

void needed_free(struct needed *n)
{
	size_t i;

	for (i = 0; i < n->nr_objects; i++) {
		hostfile_free(&n->objects[i].file);
		free(n->objects[i].name);
		free(n->objects[i].path);
	}
	free(n->objects);
	memset(n, 0, sizeof(*n));
}

/* ---- this host ---- */

/* A relative name is one below the current directory, which the guest has not. */
static char *absolute_list(const char *list)
{
	char *cwd = getcwd(NULL, 0), *text = NULL;
	const char *separator = "";
	size_t size, len;
	FILE *f = open_memstream(&text, &size);
	bool relative, more;

	/* Also what is behind the last separator, if it is nothing. */
	for (more = true; f && more; list += len + more) {
		len = strcspn(list, ":;\n");
		more = list[len];
		relative = !len || !strchr("/$", *list);
		if (relative && !cwd)
			continue;
		/* An empty name would mean the current directory of whoever reads the list. */
		fprintf(f, "%s%s%s%.*s", separator, relative ? cwd : "", relative ? "/" : "", (int)len,
			list);
		separator = ":";
	}
	free(cwd);
	if (f && !fclose(f))
		return text;
	free(text);
	return NULL;
}

int needed_search_host(struct needed_search *search)
{
	const char *library_path = getenv("LD_LIBRARY_PATH");
	struct hostfile file;

	*search = (struct needed_search){
		.dirs = "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib",
		.lib = access("/lib/x86_64-linux-gnu", F_OK) ? "lib64" : "lib/x86_64-linux-gnu",
		.max_bytes = SIZE_MAX,
	};
	if (!hostfile_read("/etc/ld.so.cache", NEEDED_MAX_LIST_BYTES, &search->cache))	/* may be missing */
		needed_cache_strip(search->cache.data, search->cache.len);
	if (hostfile_read(NEEDED_MUSL_PATH, NEEDED_MAX_LIST_BYTES, &file)) {
		search->musl_dirs = strdup("/lib:/usr/local/lib:/usr/lib");
	} else {
		search->musl_dirs = strndup(file.data, file.len);
		hostfile_free(&file);
	}
	if (library_path && *library_path)
		search->library_path = absolute_list(library_path);
	if (search->musl_dirs && (search->library_path || !library_path || !*library_path))
		return 0;
	needed_search_free(search);
	return -ENOMEM;
}

void needed_search_free(struct needed_search *search)
{
	hostfile_free(&search->cache);
	free(search->library_path);
	free(search->musl_dirs);
	memset(search, 0, sizeof(*search));
}
