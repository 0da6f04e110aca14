// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which libraries a program needs, and where they are (tools/pvmctl/needed.c).
 *
 * Programs and libraries live below one temporary directory, written as "@" in lists of directories
 * and names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "made_elf.h"
#include "needed.h"

static char top[] = "/tmp/test_needed.XXXXXX", last[64];

/* ---- making files ---- */

/* "@/lib:$ORIGIN" with the directory for "@"; valid until the fourth next call. */
static const char *at(const char *text)
{
	static char ring[4][100000];
	static int next;
	char *out = ring[next++ % 4], *start = out;

	for (; *text; text++) {
		if (*text == '@')
			out += sprintf(out, "%s", top);
		else
			*out++ = *text;
	}
	*out = 0;
	return start;
}

static void save(const char *path, const void *bytes, size_t len)
{
	char dir[512], *slash;
	FILE *out;

	snprintf(dir, sizeof(dir), "%s", at(path));
	for (slash = strchr(dir + strlen(top) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(dir, 0755);
		*slash = '/';
	}
	out = fopen(at(path), "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	fclose(out);
}

/* make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RUNPATH, "@/lib", 0) */
static void make(const char *path, const char *interp, ...)
{
	va_list ap;
	int tag;

	start();
	va_start(ap, interp);
	while ((tag = va_arg(ap, int)))
		text_entry(tag, at(va_arg(ap, const char *)));
	va_end(ap);
	finish(interp ? at(interp) : NULL);
	save(path, f.bytes, f.len);
}

/* Every test starts from an empty directory with a loader. */
static int fresh(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/*", top);
	if (system(command))
		return -1;
	make("@/ld.so", NULL, DT_SONAME, "ld.so.2", 0);
	return 0;
}

/* ---- asking ---- */

static struct needed n;
static const char *why;

static int resolve_with(const struct needed_search *search)
{
	return needed_resolve(&n, search, at("@/bin/prog"), &why);
}

static int resolve(void)
{
	const struct needed_search search = { .dirs = last, .lib = "lib64", .max_bytes = 1 << 24 };

	return resolve_with(&search);
}

/* Paths behind program and loader, in order, e.g. "@/lib/liba.so @/lib/libb.so". */
static void found(const char *want)
{
	char got[4096] = "";
	size_t i;

	for (i = 2; i < n.nr_objects; i++) {
		strcat(got, i > 2 ? " " : "");
		strcat(got, n.objects[i].path);
	}
	assert_string_equal(got, at(want));
	needed_free(&n);
}

/* ---- who is found, and where ---- */

static void needs_are_followed_breadth_first(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_NEEDED, "libb.so", 0);
	make("@/last/liba.so", NULL, DT_NEEDED, "libc.so", 0);
	make("@/last/libb.so", NULL, 0);
	make("@/last/libc.so", NULL, DT_NEEDED, "ld.so.2", DT_NEEDED, "libb.so", 0);
	assert_int_equal(resolve(), 0);
	assert_string_equal(n.objects[0].path, at("@/bin/prog"));
	assert_string_equal(n.objects[1].path, at("@/ld.so"));
	assert_null(why);
	found("@/last/liba.so @/last/libb.so @/last/libc.so");
}

static void cycles_end(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_SONAME, "prog", DT_NEEDED, "liba.so", DT_NEEDED, "prog", 0);
	make("@/last/liba.so", NULL, DT_NEEDED, "libb.so", DT_NEEDED, "liba.so", 0);
	make("@/last/libb.so", NULL, DT_NEEDED, "liba.so", DT_NEEDED, "prog", 0);
	assert_int_equal(resolve(), 0);
	found("@/last/liba.so @/last/libb.so");
	make("@/bin/prog", "@/bin/prog", DT_NEEDED, "prog", 0);	/* its own loader */
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
}

static void one_file_by_two_names_is_copied_once(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "libx.so.1", DT_NEEDED, "libx.so", DT_NEEDED, "libx", 0);
	make("@/last/libx.so.1.2", NULL, DT_SONAME, "libx", 0);
	assert_int_equal(symlink("libx.so.1.2", at("@/last/libx.so.1")), 0);
	assert_int_equal(symlink("libx.so.1.2", at("@/last/libx.so")), 0);
	assert_int_equal(resolve(), 0);
	assert_false(n.objects[2].is_alias);
	assert_true(n.objects[3].is_alias);
	assert_int_equal(n.objects[3].same_as, 2);
	found("@/last/libx.so.1 @/last/libx.so");
}

static void run_path_is_not_inherited(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RUNPATH, "@/one", 0);
	make("@/one/liba.so", NULL, DT_NEEDED, "libb.so", 0);
	make("@/one/libb.so", NULL, 0);
	assert_int_equal(resolve(), -ENOENT);
	assert_string_equal(why, "its libraries cannot be found");
	needed_free(&n);
	make("@/last/libb.so", NULL, 0);
	assert_int_equal(resolve(), 0);
	found("@/one/liba.so @/last/libb.so");
}

static void rpath_is_inherited_unless_there_is_a_run_path(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RPATH, "@/one", 0);
	make("@/one/liba.so", NULL, DT_NEEDED, "libb.so", 0);
	make("@/one/libb.so", NULL, 0);
	make("@/last/libb.so", NULL, 0);
	assert_int_equal(resolve(), 0);
	found("@/one/liba.so @/one/libb.so");
	make("@/one/liba.so", NULL, DT_NEEDED, "libb.so", DT_RUNPATH, "/nowhere", 0);
	assert_int_equal(resolve(), 0);
	found("@/one/liba.so @/last/libb.so");
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RPATH, "@/one", DT_RUNPATH, "@/two", 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
}

static void order_of_places(void **state)
{
	struct needed_search search = { .dirs = last, .lib = "lib64", .max_bytes = 1 << 24 };
	char *library_path = strdup(at("/nowhere:@/env"));

	(void)state;
	search.library_path = library_path;
	make("@/last/liba.so", NULL, 0);
	make("@/run/liba.so", NULL, 0);
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RUNPATH, "@/run", 0);
	assert_int_equal(resolve_with(&search), 0);
	assert_false(n.by_library_path);
	found("@/run/liba.so");
	make("@/env/liba.so", NULL, 0);
	assert_int_equal(resolve_with(&search), 0);
	assert_true(n.by_library_path);
	found("@/env/liba.so");
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RPATH, "@/run", 0);
	assert_int_equal(resolve_with(&search), 0);
	assert_false(n.by_library_path);
	found("@/run/liba.so");
	free(library_path);
}

static void tokens_are_expanded(void **state)
{
	static const struct { const char *path, *want; } rows[] = {
		{ "$ORIGIN/../lib", "@/bin/../lib/liba.so" },
		{ "${ORIGIN}/../lib", "@/bin/../lib/liba.so" },
		{ "@/$LIB", "@/lib64/liba.so" },
		{ "@/${LIB}:@/lib", "@/lib64/liba.so" },
		{ "lib:.::@/lib", "@/lib/liba.so" },			/* relative: not in the guest */
		{ "@/lib64$PLATFORM:@/lib", "@/lib/liba.so" },
		{ "@/lib64$:@/lib64${LIB:@/lib64/${}:$ORIGINAL:@/lib", "@/lib/liba.so" },
		{ ":::", "" }, { "$", "" }, { "${", "" }, { "$ORIGI", "" },
	};
	size_t i;

	(void)state;
	make("@/lib/liba.so", NULL, 0);
	make("@/lib64/liba.so", NULL, 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RUNPATH, rows[i].path, 0);
		assert_int_equal(resolve(), *rows[i].want ? 0 : -ENOENT);
		if (*rows[i].want)
			found(rows[i].want);
		needed_free(&n);
	}
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "$ORIGIN/../lib/liba.so", DT_NEEDED, "@/lib64/liba.so", 0);
	assert_int_equal(resolve(), 0);
	found("@/bin/../lib/liba.so @/lib64/liba.so");
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "lib/liba.so", 0);
	assert_int_equal(chdir(top), 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
}

static void what_is_no_library_is_passed_over(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_RUNPATH, "@/1:@/2:@/3:@/4:@/5:@/6", 0);
	make("@/1/liba.so", NULL, 0);
	f.bytes[EI_CLASS] = ELFCLASS32;
	save("@/1/liba.so", f.bytes, f.len);
	make("@/2/liba.so", NULL, 0);
	f.bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
	save("@/2/liba.so", f.bytes, f.len);
	save("@/3/liba.so", "-----BEGIN PRIVATE KEY-----", 27);
	save("@/4/x", "", 0);
	assert_int_equal(mkfifo(at("@/4/liba.so"), 0600), 0);	/* would wait for ever */
	save("@/5/liba.so/x", "", 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
	make("@/6/liba.so", NULL, 0);
	assert_int_equal(resolve(), 0);
	found("@/6/liba.so");
}

static void loader_must_be_one(void **state)
{
	(void)state;
	make("@/bin/prog", "@/none", 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
	save("@/script", "#!/bin/sh\n", 10);
	make("@/bin/prog", "@/script", 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
	make("@/bin/prog", "/dev/zero", 0);
	assert_int_equal(resolve(), -ENOENT);
	needed_free(&n);
	make("@/bin/prog", "@/ld.so", 0);
	make("@/ld.so", NULL, DT_NEEDED, "nobody-asks-for-it", 0);
	assert_int_equal(resolve(), 0);
	found("");
}

static void damaged_library_is_told(void **state)
{
	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", 0);
	start();
	entry(DT_NEEDED, 1 << 20);
	finish(NULL);
	save("@/last/liba.so", f.bytes, f.len);
	assert_int_equal(resolve(), -ENOEXEC);
	assert_string_equal(why, "it or one of its libraries is damaged");
	needed_free(&n);
}

static void too_many_libraries_are_refused(void **state)
{
	char name[32], path[64];
	int i;

	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "lib0.so", 0);
	for (i = 0; i < NEEDED_MAX_OBJECTS; i++) {
		snprintf(path, sizeof(path), "@/last/lib%d.so", i);
		snprintf(name, sizeof(name), "lib%d.so", i + 1);
		make(path, NULL, DT_NEEDED, name, 0);
	}
	assert_int_equal(resolve(), -E2BIG);
	assert_int_equal(n.nr_objects, NEEDED_MAX_OBJECTS);
	assert_non_null(strstr(why, "too many libraries"));
	needed_free(&n);
}

static void too_many_places_are_refused(void **state)
{
	static char places[60001];
	int i;

	(void)state;
	for (i = 0; i < 30000; i++)
		memcpy(places + 2 * i, "/:", 2);
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_NEEDED, "libb.so", DT_NEEDED, "libc.so",
	     DT_RUNPATH, places, 0);
	make("@/last/liba.so", NULL, 0);
	make("@/last/libb.so", NULL, 0);
	make("@/last/libc.so", NULL, 0);
	assert_int_equal(resolve(), -E2BIG);
	needed_free(&n);
}

static void bytes_are_limited(void **state)
{
	struct needed_search search = { .dirs = last, .lib = "lib64", .max_bytes = 1 << 24 };
	size_t all;

	(void)state;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_NEEDED, "alias.so", DT_RUNPATH, "@/1", 0);
	make("@/last/liba.so", NULL, 0);
	assert_int_equal(symlink("liba.so", at("@/last/alias.so")), 0);
	save("@/1/liba.so", "no library, but read", 20);
	assert_int_equal(resolve_with(&search), 0);
	all = n.bytes;
	assert_int_equal(all, n.objects[0].file.len + n.objects[1].file.len + 2 * n.objects[2].file.len + 20);
	needed_free(&n);
	search.max_bytes = all;
	assert_int_equal(resolve_with(&search), 0);
	needed_free(&n);
	while (search.max_bytes--) {
		assert_int_equal(resolve_with(&search), -EFBIG);
		assert_string_equal(why, "it and its libraries are larger than what fits into a guest");
		needed_free(&n);
	}
	search.max_bytes = 1 << 24;
	assert_int_equal(truncate(at("@/last/liba.so"), 1ll << 40), 0);	/* a hole */
	assert_int_equal(resolve_with(&search), -EFBIG);
	needed_free(&n);
}

/* ---- musl ---- */

static void musl_has_its_own_order(void **state)
{
	char *library_path = strdup(at("@/env")), *dirs = strdup(at("/nowhere\n@/musl\n"));
	struct needed_search search = { .dirs = last, .lib = "lib64", .max_bytes = 1 << 24, .musl_dirs = dirs };

	(void)state;
	make("@/ld-musl-x86_64.so.1", NULL, DT_SONAME, "libc.so", 0);
	make("@/bin/prog", "@/ld-musl-x86_64.so.1", DT_NEEDED, "libc.musl-x86_64.so.1", DT_NEEDED, "libm.so.6",
	     DT_NEEDED, "liba.so", DT_RUNPATH, "@/run", 0);
	make("@/run/liba.so", NULL, DT_NEEDED, "libb.so", DT_NEEDED, "libmore.so", 0);
	make("@/run/libb.so", NULL, 0);		/* a run path is inherited */
	make("@/musl/libmore.so", NULL, 0);
	make("@/last/libmore.so", NULL, 0);
	assert_int_equal(resolve_with(&search), 0);
	found("@/run/liba.so @/run/libb.so @/musl/libmore.so");
	search.library_path = library_path;
	make("@/env/libb.so", NULL, 0);
	make("@/bin/prog", "@/ld-musl-x86_64.so.1", DT_NEEDED, "libb.so", DT_RPATH, "@/run", 0);
	assert_int_equal(resolve_with(&search), 0);
	assert_true(n.by_library_path);
	found("@/env/libb.so");
	free(library_path);
	free(dirs);
}

static void musl_does_not_know_a_library_by_its_soname(void **state)
{
	(void)state;
	make("@/ld-musl-x86_64.so.1", NULL, DT_SONAME, "libc.so", 0);
	make("@/bin/prog", "@/ld-musl-x86_64.so.1", DT_NEEDED, "liba.so", DT_NEEDED, "liba.so.1", DT_RUNPATH,
	     "@/run", 0);
	make("@/run/liba.so", NULL, DT_SONAME, "liba.so.1", 0);
	make("@/run/liba.so.1", NULL, 0);
	assert_int_equal(resolve(), 0);
	found("@/run/liba.so @/run/liba.so.1");
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", DT_NEEDED, "liba.so.1", DT_RUNPATH, "@/run", 0);
	assert_int_equal(resolve(), 0);
	found("@/run/liba.so");
}

/* ---- /etc/ld.so.cache ---- */

struct cache_row {
	uint32_t flags;
	uint64_t hwcap;
	const char *key, *value;
};

/* As ldconfig writes it; with @old the older form is before it. */
static size_t make_cache(unsigned char *out, const struct cache_row *rows, uint32_t count, bool old)
{
	unsigned char *base = out + (old ? 32 : 0), *e = base + 48, *text = e + count * 24;
	uint32_t one = 1, i, at_text;

	memset(out, 0, 4096);
	if (old) {				/* one entry of 12 bytes, then aligned to 8 */
		memcpy(out, "ld.so-1.7.0", 11);
		memcpy(out + 12, &one, 4);
	}
	memcpy(base, "glibc-ld.so.cache1.1", 20);
	memcpy(base + 20, &count, 4);
	for (i = 0; i < count; i++, e += 24) {
		memcpy(e, &rows[i].flags, 4);
		at_text = text - base;
		memcpy(e + 4, &at_text, 4);
		text = (unsigned char *)stpcpy((char *)text, rows[i].key) + 1;
		at_text = text - base;
		memcpy(e + 8, &at_text, 4);
		memcpy(e + 16, &rows[i].hwcap, 8);
		text = (unsigned char *)stpcpy((char *)text, rows[i].value) + 1;
	}
	memcpy(text, "generator", 9);		/* an extension has no NUL at its end */
	return text + 9 - out;
}

static const struct cache_row cache_rows[] = {
	{ 0x0003, 0, "liba.so", "/i386/liba.so" },
	{ 0x0803, 0, "liba.so", "/x32/liba.so" },
	{ 0x0303, 1ull << 62, "liba.so", "/x/glibc-hwcaps/x86-64-v3/liba.so" },
	{ 0x0303, 0, "liba.so", "relative/liba.so" },
	{ 0x0303, 0, "liba.so", "/x/liba.so" },
	{ 0x0303, 0, "liba.so", "/y/liba.so" },
	{ 0x0303, 0, "liba.so.1", "/x/liba.so.1" },
};
#define NR_ROWS (sizeof(cache_rows) / sizeof(cache_rows[0]))

static void cache_is_read(void **state)
{
	unsigned char bytes[4096];
	size_t len;
	int old;

	(void)state;
	for (old = 0; old < 2; old++) {
		len = make_cache(bytes, cache_rows, NR_ROWS, old);
		assert_string_equal(needed_cache_find(bytes, len, "liba.so"), "/x/liba.so");
		assert_string_equal(needed_cache_find(bytes, len, "liba.so.1"), "/x/liba.so.1");
		assert_null(needed_cache_find(bytes, len, "liba"));
		assert_null(needed_cache_find(bytes, len, ""));
	}
	assert_null(needed_cache_find("", 0, "liba.so"));
	assert_null(needed_cache_find(memset(bytes, 'x', 4096), 4096, "liba.so"));
}

static void cache_for_newer_cpus_is_for_nobody_once_stripped(void **state)
{
	struct cache_row stripped[NR_ROWS];
	unsigned char bytes[4096], want[4096];
	size_t len, i;
	int old;

	(void)state;
	memcpy(stripped, cache_rows, sizeof(stripped));
	for (i = 0; i < NR_ROWS; i++)
		if (stripped[i].hwcap)
			stripped[i].flags = 0;
	for (old = 0; old < 2; old++) {
		len = make_cache(bytes, cache_rows, NR_ROWS, old);
		needed_cache_strip(bytes, len);
		assert_int_equal(make_cache(want, stripped, NR_ROWS, old), len);
		assert_memory_equal(bytes, want, len);
	}
}

static void damaged_cache_is_survived(void **state)
{
	unsigned char bytes[4096], *copy;
	uint32_t seed = 7;
	size_t whole, len, i;
	int old;

	(void)state;
	for (old = 0; old < 2; old++) {
		whole = make_cache(bytes, cache_rows, NR_ROWS, old);
		for (len = 0; len <= whole; len++) {
			copy = malloc(len + !len);
			memcpy(copy, bytes, len);
			needed_cache_strip(copy, len);
			needed_cache_find(copy, len, "liba.so.1");
			free(copy);
		}
		for (i = 0; i < 20000; i++) {
			copy = malloc(whole);
			memcpy(copy, bytes, whole);
			seed = seed * 1103515245 + 12345;
			copy[(seed >> 8) % whole] = seed >> 24;
			seed = seed * 1103515245 + 12345;
			copy[(seed >> 8) % whole] = 0xff;
			needed_cache_strip(copy, whole);
			needed_cache_find(copy, whole, "liba.so.1");
			free(copy);
		}
	}
}

static void cache_is_asked_before_the_last_places(void **state)
{
	struct needed_search search = { .dirs = last, .lib = "lib64", .max_bytes = 1 << 24 };
	char value[64];
	const struct cache_row row = { 0x0303, 0, "liba.so", value };
	unsigned char bytes[4096];

	(void)state;
	snprintf(value, sizeof(value), "%s/unusual/liba.so", top);
	search.cache.len = make_cache(bytes, &row, 1, false);
	search.cache.data = bytes;
	make("@/bin/prog", "@/ld.so", DT_NEEDED, "liba.so", 0);
	make("@/last/liba.so", NULL, 0);
	assert_int_equal(resolve_with(&search), 0);
	found("@/last/liba.so");		/* what the cache says is gone */
	make("@/unusual/liba.so", NULL, 0);
	assert_int_equal(resolve_with(&search), 0);
	found("@/unusual/liba.so");
}

/* ---- this host ---- */

static void relative_library_path_becomes_absolute(void **state)
{
	struct needed_search search;

	(void)state;
	assert_int_equal(chdir("/usr"), 0);
	setenv("LD_LIBRARY_PATH", "/a:b;:$ORIGIN/c", 1);
	assert_int_equal(needed_search_host(&search), 0);
	assert_string_equal(search.library_path, "/a:/usr/b:/usr/:$ORIGIN/c");
	needed_search_free(&search);
	setenv("LD_LIBRARY_PATH", "/a:", 1);
	assert_int_equal(needed_search_host(&search), 0);
	assert_string_equal(search.library_path, "/a:/usr/");
	needed_search_free(&search);
	setenv("LD_LIBRARY_PATH", ":", 1);
	assert_int_equal(needed_search_host(&search), 0);
	assert_string_equal(search.library_path, "/usr/:/usr/");
	needed_search_free(&search);
	setenv("LD_LIBRARY_PATH", "", 1);
	assert_int_equal(needed_search_host(&search), 0);
	assert_null(search.library_path);
	assert_non_null(search.musl_dirs);
	needed_search_free(&search);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(needs_are_followed_breadth_first, fresh),
		cmocka_unit_test_setup(cycles_end, fresh),
		cmocka_unit_test_setup(one_file_by_two_names_is_copied_once, fresh),
		cmocka_unit_test_setup(run_path_is_not_inherited, fresh),
		cmocka_unit_test_setup(rpath_is_inherited_unless_there_is_a_run_path, fresh),
		cmocka_unit_test_setup(order_of_places, fresh),
		cmocka_unit_test_setup(tokens_are_expanded, fresh),
		cmocka_unit_test_setup(what_is_no_library_is_passed_over, fresh),
		cmocka_unit_test_setup(loader_must_be_one, fresh),
		cmocka_unit_test_setup(damaged_library_is_told, fresh),
		cmocka_unit_test_setup(too_many_libraries_are_refused, fresh),
		cmocka_unit_test_setup(too_many_places_are_refused, fresh),
		cmocka_unit_test_setup(bytes_are_limited, fresh),
		cmocka_unit_test_setup(musl_has_its_own_order, fresh),
		cmocka_unit_test_setup(musl_does_not_know_a_library_by_its_soname, fresh),
		cmocka_unit_test(cache_is_read),
		cmocka_unit_test(cache_for_newer_cpus_is_for_nobody_once_stripped),
		cmocka_unit_test(damaged_cache_is_survived),
		cmocka_unit_test_setup(cache_is_asked_before_the_last_places, fresh),
		cmocka_unit_test(relative_library_path_becomes_absolute),
	};
	char command[64];
	int failed;

	if (!mkdtemp(top))
		return 1;
	snprintf(last, sizeof(last), "%s/last", top);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) || failed;
}
