// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A partition's kernel seen from outside. Pure.
 *
 * Every kernel with CONFIG_VMCORE_INFO (all distributions') writes a page of "KEY=value" lines at
 * boot, for crash dumps: where its page tables are, how far KASLR moved it, offsets inside the
 * structures that matter. It is the one stable description of a kernel's insides, and it is found
 * by looking: a page that begins with "OSRELEASE=".
 *
 *	kernel image (0xffffffff80000000 + ..)  ──▶ va - start + phys_base
 *	anything else                           ──▶ walk from init_top_pgt, 4 or 5 levels
 *
 * Nothing here trusts the memory (part_vmcore.h); every loop has a bound of ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "part_vmcore.h"

#define IMAGE_START	0xffffffff80000000ull
#define IMAGE_END	0xffffffffc0000000ull	/* modules begin at the latest */
#define ADDR_MASK	0x000ffffffffff000ull
#define PRESENT		(1ull << 0)
#define LARGE		(1ull << 7)

static const char magic[] = "OSRELEASE=";
#define MAGIC_BYTES	(sizeof(magic) - 1)

bool pvm_phys_read(const struct pvm_phys *m, uint64_t addr, void *dst, size_t bytes)
{
	if (addr < m->addr || addr - m->addr > m->bytes || bytes > m->bytes - (addr - m->addr))
		return false;
	memcpy(dst, m->data + (addr - m->addr), bytes);
	return true;
}

/* ---- VMCOREINFO -------------------------------------------------------------------------- */

/* The value behind "key=" at the beginning of a line, or NULL. */
static const char *value_of(const struct pvm_vmcore *v, const char *key)
{
	size_t len = strlen(key);
	const char *line = v->text;

	while (line && *line) {
		if (!strncmp(line, key, len) && line[len] == '=')
			return line + len + 1;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

bool pvm_vmcore_number(const struct pvm_vmcore *v, const char *key, int base, uint64_t *value)
{
	const char *text = value_of(v, key);
	char *end;

	/* strtoull() would go on to the next line. */
	if (!text || *text == '\n')
		return false;
	/* Signed ones wrap, which is how the kernel means them (phys_base). */
	*value = strtoull(text, &end, base);
	return end != text && (!*end || *end == '\n');
}

/* Take the page at @addr for VMCOREINFO if it can be. */
static bool take(const struct pvm_phys *m, uint64_t addr, struct pvm_vmcore *v)
{
	struct pvm_vmcore got = { .page = addr };
	uint64_t value;

	if (!pvm_phys_read(m, addr, got.text, PVM_VMCORE_PAGE))
		return false;
	/* The kernel's image has the format string; its value is "%s". */
	if (memcmp(got.text, magic, MAGIC_BYTES) || got.text[MAGIC_BYTES] == '%')
		return false;
	if (!pvm_vmcore_number(&got, "NUMBER(phys_base)", 10, &got.phys_base))
		return false;
	if (pvm_vmcore_number(&got, "SYMBOL(init_top_pgt)", 16, &value) ||
	    pvm_vmcore_number(&got, "SYMBOL(swapper_pg_dir)", 16, &value)) {
		if (value >= IMAGE_START && value < IMAGE_END)
			got.root = (value - IMAGE_START + got.phys_base) & ADDR_MASK;
	}
	if (pvm_vmcore_number(&got, "NUMBER(pgtable_l5_enabled)", 10, &value))
		got.l5 = value;
	got.found = true;
	*v = got;
	return true;
}

int pvm_vmcore_find(const struct pvm_phys *m, struct pvm_vmcore *v)
{
	uint64_t pages = m->bytes / PVM_VMCORE_PAGE;

	if (v->found && take(m, v->page, v))
		return 0;
	/* From the top: that is where kernels allocate at boot. */
	while (pages--) {
		const uint8_t *p = m->data + pages * PVM_VMCORE_PAGE;

		if (!memcmp(p, magic, MAGIC_BYTES) &&
		    take(m, m->addr + pages * PVM_VMCORE_PAGE, v))
			return 0;
	}
	memset(v, 0, sizeof(*v));
	return -ENODATA;
}

void pvm_vmcore_forget(struct pvm_phys *m)
{
	for (uint64_t at = 0; at + PVM_VMCORE_PAGE <= m->bytes; at += PVM_VMCORE_PAGE)
		if (!memcmp(m->data + at, magic, MAGIC_BYTES))
			memset(m->data + at, 0, MAGIC_BYTES);
}

/* ---- addresses --------------------------------------------------------------------------- */

static bool walk(const struct pvm_phys *m, const struct pvm_vmcore *v, uint64_t va, uint64_t *pa)
{
	uint64_t entry, table = v->root;

	for (int level = v->l5 ? 5 : 4;; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		if (!pvm_phys_read(m, table + 8 * (va >> shift & 511), &entry, sizeof(entry)) ||
		    !(entry & PRESENT))
			return false;
		if (level == 1 || (level <= 3 && entry & LARGE)) {
			uint64_t mask = (1ull << shift) - 1;

			*pa = (entry & ADDR_MASK & ~mask) | (va & mask);
			return true;
		}
		table = entry & ADDR_MASK;
	}
}

bool pvm_vmcore_translate(const struct pvm_phys *m, const struct pvm_vmcore *v, uint64_t va,
			  uint64_t *pa)
{
	if (va >= IMAGE_START && va < IMAGE_END) {
		*pa = va - IMAGE_START + v->phys_base;
		return true;
	}
	return v->root && walk(m, v, va, pa);
}

bool pvm_vmcore_read(const struct pvm_phys *m, const struct pvm_vmcore *v, uint64_t va, void *dst,
		     size_t bytes)
{
	uint8_t *to = dst;

	while (bytes) {
		size_t n = PVM_VMCORE_PAGE - (va & (PVM_VMCORE_PAGE - 1));
		uint64_t pa;

		if (n > bytes)
			n = bytes;
		if (!pvm_vmcore_translate(m, v, va, &pa) || !pvm_phys_read(m, pa, to, n))
			return false;
		to += n;
		va += n;
		bytes -= n;
	}
	return true;
}

/* ---- kallsyms ---------------------------------------------------------------------------- */

/*
 * The kernel's symbol table, compressed: a name is a list of tokens, an address is found by the
 * name's index. How indices give addresses has changed and may again, so each way known is tried
 * on a symbol whose address VMCOREINFO has, and the one that gets it right is taken.
 */
#define MAX_SYMBOLS	(1u << 20)
#define MAX_NAMES_BYTES	(32u << 20)
#define MAX_NAME	512u
#define TOKENS		256u
#define TOKEN_BYTES	(64u << 10)
#define REFERENCE	"init_uts_ns"

struct symtab {
	const struct pvm_phys *m;
	const struct pvm_vmcore *v;
	uint64_t at;			/* next byte of the names */
	uint64_t end;			/* not a byte from here on */
	uint8_t buf[256];
	size_t used, filled;
	uint16_t index[TOKENS];
	char tokens[TOKEN_BYTES];
};

static bool next_byte(struct symtab *t, uint8_t *byte)
{
	if (t->used == t->filled) {
		/* Aligned, so that the end of the table cannot make it fail before its time. */
		size_t n = sizeof(t->buf) - (t->at & (sizeof(t->buf) - 1));

		if (t->at >= t->end || !pvm_vmcore_read(t->m, t->v, t->at, t->buf, n))
			return false;
		t->at += n;
		t->used = 0;
		t->filled = n;
	}
	*byte = t->buf[t->used++];
	return true;
}

/* The next name, without the letter of its type; too long a one is cut. */
static bool next_name(struct symtab *t, char *name)
{
	size_t n = 0;
	uint8_t byte;
	uint32_t left;

	if (!next_byte(t, &byte))
		return false;
	left = byte;
	if (byte & 0x80) {
		if (!next_byte(t, &byte))
			return false;
		left = (left & 0x7f) | (uint32_t)byte << 7;
	}
	while (left--) {
		if (!next_byte(t, &byte))
			return false;
		for (const char *s = t->tokens + t->index[byte]; *s && n < MAX_NAME; s++)
			name[n++] = *s;
	}
	name[n < MAX_NAME ? n : MAX_NAME - 1] = '\0';
	if (n)
		memmove(name, name + 1, n < MAX_NAME ? n : MAX_NAME - 1);
	return true;
}

enum scheme { PLAIN, RELATIVE, RELATIVE_PERCPU, TO_ITSELF, NR_SCHEMES };

static bool address_of(const struct symtab *t, enum scheme scheme, uint32_t i, uint64_t *va)
{
	uint64_t table, base = 0;
	uint32_t off;

	if (scheme == PLAIN)
		return pvm_vmcore_number(t->v, "SYMBOL(kallsyms_addresses)", 16, &table) &&
		       pvm_vmcore_read(t->m, t->v, table + 8ull * i, va, 8);
	if (!pvm_vmcore_number(t->v, "SYMBOL(kallsyms_offsets)", 16, &table) ||
	    !pvm_vmcore_read(t->m, t->v, table + 4ull * i, &off, sizeof(off)))
		return false;
	if (scheme == TO_ITSELF) {
		*va = table + 4ull * i + (uint64_t)(int64_t)(int32_t)off;
		return true;
	}
	if (!pvm_vmcore_number(t->v, "SYMBOL(kallsyms_relative_base)", 16, &base) ||
	    !pvm_vmcore_read(t->m, t->v, base, &base, sizeof(base)))
		return false;
	if (scheme == RELATIVE)
		*va = base + off;
	else
		*va = (int32_t)off >= 0 ? off : base - 1 - (uint64_t)(int64_t)(int32_t)off;
	return true;
}

static int open_symtab(struct symtab *t, uint32_t *count)
{
	uint64_t names, num, tokens, index;
	size_t n;

	if (!pvm_vmcore_number(t->v, "SYMBOL(kallsyms_names)", 16, &names) ||
	    !pvm_vmcore_number(t->v, "SYMBOL(kallsyms_num_syms)", 16, &num) ||
	    !pvm_vmcore_number(t->v, "SYMBOL(kallsyms_token_table)", 16, &tokens) ||
	    !pvm_vmcore_number(t->v, "SYMBOL(kallsyms_token_index)", 16, &index) ||
	    !pvm_vmcore_read(t->m, t->v, num, count, sizeof(*count)) ||
	    !pvm_vmcore_read(t->m, t->v, index, t->index, sizeof(t->index)))
		return -ENODATA;
	if (*count > MAX_SYMBOLS)
		return -ENODATA;
	/* A token is short; what is behind the last one's beginning is enough. */
	n = t->index[TOKENS - 1] + 64u;
	if (n > sizeof(t->tokens) - 1)
		n = sizeof(t->tokens) - 1;
	if (!pvm_vmcore_read(t->m, t->v, tokens, t->tokens, n))
		return -ENODATA;
	t->at = names;
	t->end = names + MAX_NAMES_BYTES;
	return 0;
}

int pvm_vmcore_symbol(const struct pvm_phys *m, const struct pvm_vmcore *v, const char *name,
		      uint64_t *va)
{
	uint32_t count, i, wanted = UINT32_MAX, reference = UINT32_MAX;
	uint64_t known, got;
	char text[MAX_NAME];
	struct symtab *t;
	int err;

	if (!pvm_vmcore_number(v, "SYMBOL(" REFERENCE ")", 16, &known))
		return -ENODATA;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->m = m;
	t->v = v;
	err = open_symtab(t, &count);
	for (i = 0; !err && i < count && (wanted == UINT32_MAX || reference == UINT32_MAX); i++) {
		if (!next_name(t, text))
			err = -ENODATA;
		else if (!strcmp(text, name))
			wanted = i;
		else if (!strcmp(text, REFERENCE))
			reference = i;
	}
	if (!err && reference == UINT32_MAX)
		err = -ENODATA;
	if (!err && wanted == UINT32_MAX)
		err = -ENOENT;
	for (i = 0; !err && i < NR_SCHEMES; i++)
		if (address_of(t, i, reference, &got) && got == known)
			break;
	if (!err && (i == NR_SCHEMES || !address_of(t, i, wanted, &got)))
		err = -ENODATA;
	if (!err)
		*va = got;
	free(t);
	return err;
}
