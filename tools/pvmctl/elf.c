// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kind of program is this, and what does it ask of its loader? Pure: bytes in, answer out. The
 * bytes are a file of the user's, so every offset is checked against the length before it is
 * followed, and every loop and string has a limit that no real program reaches.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "elf.h"

#define MAX_DYNAMIC_ENTRIES 4096
#define MAX_RUN_PATH_BYTES 65536

static void inspect_script(const char *text, size_t len, struct program *prog)
{
	size_t i = 2, n = 0;

	prog->kind = PROGRAM_SCRIPT;
	while (i < len && (text[i] == ' ' || text[i] == '\t'))
		i++;
	while (i < len && !strchr(" \t\r\n", text[i]) && n + 1 < sizeof(prog->interpreter))
		prog->interpreter[n++] = text[i++];
	prog->interpreter[n] = 0;
	if (!n || prog->interpreter[0] != '/')
		prog->kind = PROGRAM_UNKNOWN;
}

void program_inspect(const void *data, size_t len, struct program *prog)
{
	const unsigned char *bytes = data;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	size_t i;

	prog->kind = PROGRAM_UNKNOWN;
	prog->interpreter[0] = 0;
	if (len >= 3 && bytes[0] == '#' && bytes[1] == '!') {
		inspect_script(data, len, prog);
		return;
	}
	if (len < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG))
		return;
	if (bytes[EI_CLASS] != ELFCLASS64 || bytes[EI_DATA] != ELFDATA2LSB) {
		prog->kind = PROGRAM_FOREIGN;
		return;
	}
	if (len < sizeof(eh))
		return;
	memcpy(&eh, bytes, sizeof(eh));
	if (eh.e_machine != EM_X86_64) {
		prog->kind = PROGRAM_FOREIGN;
		return;
	}
	if ((eh.e_type != ET_EXEC && eh.e_type != ET_DYN) || eh.e_phentsize != sizeof(ph) ||
	    !eh.e_phnum || eh.e_phoff > len || (len - eh.e_phoff) / sizeof(ph) < eh.e_phnum)
		return;
	prog->kind = PROGRAM_STATIC;
	for (i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, bytes + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_INTERP)
			continue;
		prog->kind = PROGRAM_UNKNOWN;
		if (!ph.p_filesz || ph.p_filesz > sizeof(prog->interpreter) ||
		    ph.p_offset > len || len - ph.p_offset < ph.p_filesz ||
		    bytes[ph.p_offset + ph.p_filesz - 1])
			return;
		memcpy(prog->interpreter, bytes + ph.p_offset, ph.p_filesz);
		if (prog->interpreter[0] != '/') {
			prog->interpreter[0] = 0;
			return;
		}
		prog->kind = PROGRAM_DYNAMIC;
		return;
	}
}

bool program_is_elf(const struct program *prog)
{
	return prog->kind == PROGRAM_STATIC || prog->kind == PROGRAM_DYNAMIC;
}

/* The bytes of a file, and where its program headers lie; program_inspect() has checked them. */
struct image {
	const unsigned char *bytes;
	size_t len;
	size_t phoff, phnum;
};

/*
 * The bytes the loader finds at an address: from there to the end of what the segment takes of the
 * file. Section and string table are looked for like this because the loader does: the file offsets
 * that also stand in the headers may say something else.
 */
static const unsigned char *at_address(const struct image *im, uint64_t address, size_t *room)
{
	Elf64_Phdr ph;
	uint64_t skip;
	size_t i;

	for (i = 0; i < im->phnum; i++) {
		memcpy(&ph, im->bytes + im->phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || address < ph.p_vaddr)
			continue;
		skip = address - ph.p_vaddr;
		if (skip >= ph.p_filesz || ph.p_offset > im->len || im->len - ph.p_offset <= skip)
			continue;
		*room = im->len - ph.p_offset - skip;
		if (*room > ph.p_filesz - skip)
			*room = ph.p_filesz - skip;
		return im->bytes + ph.p_offset + skip;
	}
	return NULL;
}

struct strings {
	const char *text;	/* NULL: the file has none */
	size_t len;
};

/* False: it is not there, or longer than @max with its end. */
static bool string_at(const struct strings *strings, uint64_t offset, size_t max, const char **text)
{
	size_t room;

	if (!strings->text || offset >= strings->len)
		return false;
	room = strings->len - offset;
	if (!memchr(strings->text + offset, 0, room < max ? room : max))
		return false;
	*text = strings->text + offset;
	return true;
}

static int take_entry(const Elf64_Dyn *entry, const struct strings *strings, struct dynamic *dyn)
{
	size_t max = MAX_RUN_PATH_BYTES;
	const char **text;

	switch (entry->d_tag) {
	case DT_NEEDED:
		if (dyn->nr_needed == sizeof(dyn->needed) / sizeof(dyn->needed[0]))
			return -E2BIG;
		text = &dyn->needed[dyn->nr_needed++];
		max = PATH_MAX;
		break;
	case DT_SONAME:
		text = &dyn->soname;
		max = PATH_MAX;
		break;
	case DT_RPATH:
		text = &dyn->rpath;
		break;
	case DT_RUNPATH:
		text = &dyn->runpath;
		break;
	default:
		return 0;
	}
	return string_at(strings, entry->d_un.d_val, max, text) ? 0 : -ENOEXEC;
}

/* NULL: it lies outside. @room is 0 only if there is none. */
static const unsigned char *find_section(const struct image *im, size_t *room)
{
	Elf64_Phdr ph;
	size_t i;

	for (i = 0; i < im->phnum; i++) {
		memcpy(&ph, im->bytes + im->phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_DYNAMIC)
			return at_address(im, ph.p_vaddr, room);
	}
	*room = 0;
	return im->bytes;
}

int dynamic_inspect(const void *data, size_t len, struct dynamic *dyn)
{
	struct image im = { .bytes = data, .len = len };
	struct strings strings = { NULL, 0 };
	const unsigned char *section;
	size_t room, count, i;
	bool has_strings = false;
	uint64_t address = 0;
	Elf64_Dyn entry;
	Elf64_Ehdr eh;
	int err;

	memset(dyn, 0, sizeof(*dyn));
	memcpy(&eh, data, sizeof(eh));
	im.phoff = eh.e_phoff;
	im.phnum = eh.e_phnum;
	section = find_section(&im, &room);
	if (!section)
		return -ENOEXEC;
	if (!room)
		return 0;
	/* The string table may be named behind those who use it. */
	for (count = 0; ; count++) {
		if (count == MAX_DYNAMIC_ENTRIES || room / sizeof(entry) <= count)
			return -ENOEXEC;
		memcpy(&entry, section + count * sizeof(entry), sizeof(entry));
		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_STRTAB) {
			has_strings = true;
			address = entry.d_un.d_ptr;
		}
	}
	if (has_strings)
		strings.text = (const char *)at_address(&im, address, &strings.len);
	for (i = 0; i < count; i++) {
		memcpy(&entry, section + i * sizeof(entry), sizeof(entry));
		err = take_entry(&entry, &strings, dyn);
		if (err)
			return err;
	}
	return 0;
}
