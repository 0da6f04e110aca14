/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF files made header by header: a linker would not make most of what the tests need.
 *
 * start(), entries, finish(): f.bytes has a file of f.len bytes.
 */
#ifndef TEST_MADE_ELF_H
#define TEST_MADE_ELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BASE 0x10000		/* addresses are no file offsets */
#define INTERP_AT (sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr))
#define DYNAMIC_AT (INTERP_AT + 256)

static struct file {
	Elf64_Dyn entries[6000];
	size_t nr_entries;
	char strings[200000];
	size_t nr_strings;
	unsigned char bytes[400000];
	size_t len;
} f;

static inline void entry(uint64_t tag, uint64_t value)
{
	f.entries[f.nr_entries].d_tag = tag;
	f.entries[f.nr_entries++].d_un.d_val = value;
}

static inline void text_entry(uint64_t tag, const char *text)
{
	entry(tag, f.nr_strings);
	strcpy(f.strings + f.nr_strings, text);
	f.nr_strings += strlen(text) + 1;
}

static inline void start(void)
{
	memset(&f, 0, offsetof(struct file, bytes));
	f.nr_strings = 1;
}

/* Puts the bytes together; a program has a loader, a library NULL. */
static inline void finish(const char *interp)
{
	size_t size = (f.nr_entries + 2) * sizeof(Elf64_Dyn);
	Elf64_Ehdr eh = { .e_ident = ELFMAG, .e_type = ET_DYN, .e_machine = EM_X86_64,
			  .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = interp ? 3 : 2,
			  .e_phoff = sizeof(eh) };
	Elf64_Phdr ph[3] = { { .p_type = PT_LOAD, .p_vaddr = BASE },
			     { .p_type = PT_DYNAMIC, .p_offset = DYNAMIC_AT,
			       .p_vaddr = BASE + DYNAMIC_AT, .p_filesz = size },
			     { .p_type = PT_INTERP, .p_offset = INTERP_AT } };

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	entry(DT_STRTAB, BASE + DYNAMIC_AT + size);
	entry(DT_NULL, 0);
	f.len = DYNAMIC_AT + size + f.nr_strings;
	ph[0].p_filesz = f.len;
	memset(f.bytes, 0, f.len);
	if (interp) {
		ph[2].p_filesz = strlen(interp) + 1;
		strcpy((char *)f.bytes + INTERP_AT, interp);
	}
	memcpy(f.bytes, &eh, sizeof(eh));
	memcpy(f.bytes + sizeof(eh), ph, sizeof(ph));
	memcpy(f.bytes + DYNAMIC_AT, f.entries, size);
	memcpy(f.bytes + DYNAMIC_AT + size, f.strings, f.nr_strings);
}

#endif
