// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The memory of a small kernel (kernel_memory.h).
 */
#include "test.h"
#include "kernel_memory.h"

uint8_t *mem;
struct pvm_phys phys;
struct pvm_vmcore v;
uint64_t next_lpos;
static uint64_t next_id;

void put(uint32_t at, uint64_t value, unsigned int bytes)
{
	memcpy(mem + at, &value, bytes);
}

void write_info(int l5, const char *more)
{
	int n = snprintf((char *)mem + AT_INFO, 4096,
		"OSRELEASE=6.1.0-test\n"
		"SYMBOL(init_uts_ns)=%llx\n"
		"NUMBER(phys_base)=%lld\n"
		"SYMBOL(init_top_pgt)=%llx\n"
		"NUMBER(pgtable_l5_enabled)=%d\n"
		"SYMBOL(prb)=%llx\n"
		"OFFSET(printk_ringbuffer.desc_ring)=0\n"
		"OFFSET(printk_ringbuffer.text_data_ring)=64\n"
		"OFFSET(prb_desc_ring.count_bits)=0\n"
		"OFFSET(prb_desc_ring.descs)=8\n"
		"OFFSET(prb_desc_ring.infos)=16\n"
		"OFFSET(prb_desc_ring.head_id)=24\n"
		"OFFSET(prb_desc_ring.tail_id)=32\n"
		"SIZE(prb_desc)=%u\n"
		"OFFSET(prb_desc.state_var)=0\n"
		"OFFSET(prb_desc.text_blk_lpos)=8\n"
		"OFFSET(prb_data_blk_lpos.begin)=0\n"
		"OFFSET(prb_data_blk_lpos.next)=8\n"
		"SIZE(printk_info)=%u\n"
		"OFFSET(printk_info.ts_nsec)=8\n"
		"OFFSET(printk_info.text_len)=16\n"
		"OFFSET(prb_data_ring.size_bits)=0\n"
		"OFFSET(prb_data_ring.data)=8\n"
		"SYMBOL(kallsyms_names)=%llx\n"
		"SYMBOL(kallsyms_num_syms)=%llx\n"
		"SYMBOL(kallsyms_token_table)=%llx\n"
		"SYMBOL(kallsyms_token_index)=%llx\n"
		"%s",
		VA_IMAGE + AT_UTS, (long long)PHYS_BASE, VA_IMAGE + AT_TABLES, l5,
		VA_IMAGE + AT_PRB_PTR, DESC_BYTES, INFO_BYTES, VA_IMAGE + AT_NAMES, VA_IMAGE + AT_NUM,
		VA_IMAGE + AT_TOKENS, VA_IMAGE + AT_INDEX, more);

	assert_true(n > 0 && n < 4096);
}

void write_tables(int l5, int level)
{
	uint64_t pa = MEM_ADDR + AT_TABLES;
	int depth = l5 ? 5 : 4;
	uint32_t at = AT_TABLES;

	memset(mem + AT_TABLES, 0, 0x6000);
	for (int l = depth; l > level; l--, at += 4096) {
		pa += 4096;
		put(at + 8 * (VA_LOG >> (12 + 9 * (l - 1)) & 511), pa | 0x8000000000000063ull, 8);
	}
	for (int i = 0; i < (level == 1 ? 256 : 1); i++)
		put(at + 8 * ((VA_LOG >> (12 + 9 * (level - 1)) & 511) + i),
		    (MEM_ADDR + 4096 * i) | 0x63 | (level > 1 ? 0x80 : 0), 8);
}

static void write_ring(void)
{
	put(AT_PRB_PTR, VA_IMAGE + AT_PRB, 8);
	put(AT_PRB, COUNT_BITS, 4);
	put(AT_PRB + 8, VA_LOG + AT_DESCS, 8);
	put(AT_PRB + 16, VA_LOG + AT_INFOS, 8);
	put(AT_PRB + 64, SIZE_BITS, 4);
	put(AT_PRB + 72, VA_LOG + AT_DATA, 8);
	next_id = 0;
	next_lpos = 0;
}

/* As the kernel does: id, then text, in one piece, 8-aligned. */
void log_record(uint64_t state, uint64_t ts, const char *text, size_t len)
{
	uint64_t i = next_id & ((1 << COUNT_BITS) - 1), size = 1 << SIZE_BITS;
	uint64_t begin = next_lpos, next = begin + 8 + ((len + 7) & ~7ull), at = begin;

	if (begin / size != (next - 1) / size) {	/* would cross the end: at the beginning */
		at = (begin / size + 1) * size;
		next = at + (next - begin);
	}
	put(AT_DATA + at % size, next_id, 8);
	memcpy(mem + AT_DATA + at % size + 8, text, len);
	put(AT_DESCS + i * DESC_BYTES, state | next_id, 8);
	put(AT_DESCS + i * DESC_BYTES + 8, begin, 8);
	put(AT_DESCS + i * DESC_BYTES + 16, next, 8);
	put(AT_INFOS + i * INFO_BYTES + 8, ts, 8);
	put(AT_INFOS + i * INFO_BYTES + 16, len, 2);
	put(AT_PRB + 24, next_id, 8);
	put(AT_PRB + 32, next_id > 15 ? next_id - 15 : 0, 8);
	next_lpos = next;
	next_id++;
}

void print(uint64_t ts, const char *text)
{
	log_record(FINALIZED, ts, text, strlen(text));
}

/*
 * Tokens: most bytes stand for themselves; 1 is "jiff", 2 is "ies_". @order: what init_uts_ns and
 * jiffies_64 are in the table.
 */
static void write_symbols(void)
{
	static const char *const names[] = { "Tstartup_64", "Dinit_uts_ns", "d\1\2" "64x", "D\1\2" "64" };
	uint32_t token = 0, at = AT_NAMES;

	for (int i = 0; i < 256; i++) {
		const char *s = i == 1 ? "jiff" : i == 2 ? "ies_" : "";
		char self[2] = { (char)i, 0 };

		if (!*s)
			s = i < 0x20 || i > 0x7e ? "" : self;
		put(AT_INDEX + 2 * i, token, 2);
		strcpy((char *)mem + AT_TOKENS + token, s);
		token += strlen(s) + 1;
	}
	for (int i = 0; i < 4; i++) {
		size_t n = strlen(names[i]);

		mem[at++] = (uint8_t)n;
		memcpy(mem + at, names[i], n);
		at += n;
		if (i)
			continue;
		/* One with a length of two bytes, longer than any name may be. */
		mem[at++] = 0x80 | (700 & 0x7f);
		mem[at++] = 700 >> 7;
		memset(mem + at, 'z', 700);
		at += 700;
	}
	put(AT_NUM, 5, 4);
}

/* Index of init_uts_ns is 2, of jiffies_64 4. */
void write_addresses(int scheme)
{
	char more[200];

	if (scheme == 0) {
		snprintf(more, sizeof(more), "SYMBOL(kallsyms_addresses)=%llx\n", VA_IMAGE + AT_OFFSETS);
		put(AT_OFFSETS + 16, VA_IMAGE + AT_UTS, 8);
		put(AT_OFFSETS + 32, VA_IMAGE + AT_JIFFIES, 8);
	} else {
		snprintf(more, sizeof(more),
			 "SYMBOL(kallsyms_offsets)=%llx\nSYMBOL(kallsyms_relative_base)=%llx\n",
			 VA_IMAGE + AT_OFFSETS, VA_IMAGE + AT_BASE);
		put(AT_BASE, VA_IMAGE, 8);
		for (int i = 2; i <= 4; i += 2) {
			uint32_t to = i == 2 ? AT_UTS : AT_JIFFIES;

			put(AT_OFFSETS + 4 * i, scheme == 1 ? to : scheme == 2 ? -1 - to :
			    to - (AT_OFFSETS + 4 * i), 4);
		}
	}
	write_info(0, more);
	write_symbols();
}

int setup(void **state)
{
	free(mem);
	mem = calloc(1, MEM_BYTES);
	phys = (struct pvm_phys){ mem, MEM_ADDR, MEM_BYTES };
	memset(&v, 0, sizeof(v));
	write_info(0, "");
	write_tables(0, 1);
	write_ring();
	return 0;
}

int teardown(void **state)
{
	free(mem);
	mem = NULL;
	return 0;
}
