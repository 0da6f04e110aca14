// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kind of program is this? Pure: bytes in, answer out. The bytes are a file of the user's, so
 * every offset is checked against the length before it is followed.
 */
#include <elf.h>
#include <string.h>

#include "elf.h"

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
