// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading a kernel's insides out of its memory: a small kernel's memory is made here, with page
 * tables of either depth, a log ring and a symbol table in each known encoding; then all of it is
 * damaged at random, and nothing may happen but -ENODATA or some text.
 */
#include "test.h"
#include "part_dmesg.h"
#include "part_vmcore.h"

#define MEM_ADDR	0x40000000ull
#define MEM_BYTES	(1u << 20)
#define VA_IMAGE	0xffffffff81000000ull	/* kernel image: MEM_ADDR on */
#define PHYS_BASE	(MEM_ADDR - 0x1000000ull)
#define VA_LOG		0xffff888000000000ull	/* by the page tables: MEM_ADDR on */

/* Offsets in the memory */
#define AT_INFO		0xff000		/* VMCOREINFO */
#define AT_TABLES	0x10000
#define AT_PRB_PTR	0x1008
#define AT_PRB		0x2000
#define AT_DESCS	0x3000
#define AT_INFOS	0x5000
#define AT_DATA		0x8000
#define AT_NUM		0x1100
#define AT_NAMES	0x20000
#define AT_TOKENS	0x30000
#define AT_INDEX	0x31000
#define AT_OFFSETS	0x32000
#define AT_BASE		0x1200
#define AT_JIFFIES	0x1300
#define AT_UTS		0x1400

#define COUNT_BITS	4
#define SIZE_BITS	9
#define DESC_BYTES	24
#define INFO_BYTES	88

static uint8_t *mem;
static struct pvm_phys phys;
static struct pvm_vmcore v;
static uint64_t next_id, next_lpos;

static void put(uint32_t at, uint64_t value, unsigned int bytes)
{
	memcpy(mem + at, &value, bytes);
}

static void write_info(int l5, const char *more)
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

/* VA_LOG to MEM_ADDR; @level: of the entry that maps, 1 = 4 KiB pages, 2 = 2 MiB, 3 = 1 GiB. */
static void write_tables(int l5, int level)
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

#define COMMITTED	(1ull << 62)
#define FINALIZED	(2ull << 62)
#define REUSABLE	(3ull << 62)

/* As the kernel does: id, then text, in one piece, 8-aligned. */
static void log_record(uint64_t state, uint64_t ts, const char *text, size_t len)
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

static void print(uint64_t ts, const char *text)
{
	log_record(FINALIZED, ts, text, strlen(text));
}

static int setup(void **state)
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

static int teardown(void **state)
{
	free(mem);
	mem = NULL;
	return 0;
}

static char *dmesg(void)
{
	char *text = NULL;
	size_t bytes = 0;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_part_dmesg_text(&phys, &v, &text, &bytes), 0);
	assert_int_equal(strlen(text), bytes);
	return text;
}

static void log_is(const char *want)
{
	char *got = dmesg();

	assert_string_equal(got, want);
	free(got);
}

static void no_log(void)
{
	char *text = (char *)1;
	size_t bytes = 1;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_part_dmesg_text(&phys, &v, &text, &bytes), -ENODATA);
	assert_ptr_equal(text, (char *)1);
}

/* ---- VMCOREINFO -------------------------------------------------------------------------- */

static void vmcoreinfo_is_found_and_found_again(void **state)
{
	uint64_t value = 0;

	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_true(v.found);
	assert_int_equal(v.page, MEM_ADDR + AT_INFO);
	assert_int_equal(v.phys_base, PHYS_BASE);
	assert_int_equal(v.root, MEM_ADDR + AT_TABLES);
	assert_true(pvm_vmcore_number(&v, "SIZE(prb_desc)", 10, &value));
	assert_int_equal(value, DESC_BYTES);
	assert_false(pvm_vmcore_number(&v, "SIZE(prb_des)", 10, &value));
	assert_false(pvm_vmcore_number(&v, "OSRELEASE", 10, &value));
	memcpy(mem + 0x40000, mem + AT_INFO, 4096);
	memset(mem + AT_INFO, 0, 4096);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);	/* it moved */
	assert_int_equal(v.page, MEM_ADDR + 0x40000);
	memcpy(mem + AT_INFO, mem + 0x40000, 4096);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);	/* the known place first */
	assert_int_equal(v.page, MEM_ADDR + 0x40000);
	v.page = 0;						/* of other memory */
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	pvm_vmcore_forget(&phys);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	assert_false(v.found);
	assert_int_equal(v.root, 0);
}

static void look_alikes_are_not_taken(void **state)
{
	char *page = (char *)mem + AT_INFO;

	memmove(page + 16, page, 3000);				/* not at a page's beginning */
	memset(page, 'x', 16);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	setup(state);
	memcpy(page = (char *)mem + AT_INFO, "OSRELEASE=%s", 12);	/* the kernel's own format */
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	memcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=\n", 32);
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=12x\n");
	assert_int_equal(pvm_vmcore_find(&phys, &v), -ENODATA);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=-4096");	/* no newline, no page tables */
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(v.phys_base, -4096ull);
	assert_int_equal(v.root, 0);
	strcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=0\nSYMBOL(swapper_pg_dir)=1234\n");
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(v.root, 0);				/* no address of the image */
	memset(page, 'A', 4096);				/* no end at all */
	memcpy(page, "OSRELEASE=6\nNUMBER(phys_base)=1\n", 32);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
}

/* ---- addresses --------------------------------------------------------------------------- */

static void reads_stay_in_the_memory(void **state)
{
	uint64_t got[2];

	assert_true(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES - 8, got, 8));
	assert_false(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES - 7, got, 8));
	assert_false(pvm_phys_read(&phys, MEM_ADDR - 1, got, 8));
	assert_false(pvm_phys_read(&phys, ~0ull, got, 8));
	assert_false(pvm_phys_read(&phys, 0, got, 8));
	assert_true(pvm_phys_read(&phys, MEM_ADDR + MEM_BYTES, got, 0));
}

static void both_depths_and_all_page_sizes_translate(void **state)
{
	uint64_t pa;

	for (int l5 = 0; l5 < 2; l5++) {
		for (int level = 1; level <= 3; level++) {
			memset(&v, 0, sizeof(v));
			write_info(l5, "");
			write_tables(l5, level);
			assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
			assert_int_equal(v.l5, l5);
			assert_true(pvm_vmcore_translate(&phys, &v, VA_LOG + 0x12345, &pa));
			assert_int_equal(pa, MEM_ADDR + 0x12345);
			assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG + (1ull << 39), &pa));
		}
	}
	assert_true(pvm_vmcore_translate(&phys, &v, VA_IMAGE + 0x77, &pa));
	assert_int_equal(pa, MEM_ADDR + 0x77);
	assert_false(pvm_vmcore_translate(&phys, &v, 0x1000, &pa));
	v.root = MEM_ADDR + MEM_BYTES;				/* tables outside */
	assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG, &pa));
	v.root = 0;
	assert_false(pvm_vmcore_translate(&phys, &v, VA_LOG, &pa));
}

static void reads_cross_pages(void **state)
{
	uint8_t want[9000], got[9000];

	for (int i = 0; i < 9000; i++)
		mem[0x50ff0 + i] = want[i] = (uint8_t)(i * 7);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_true(pvm_vmcore_read(&phys, &v, VA_LOG + 0x50ff0, got, sizeof(got)));
	assert_memory_equal(got, want, sizeof(got));
	put(AT_TABLES + 3 * 4096 + 8 * 0x52, 0, 8);		/* one page in the middle is absent */
	assert_false(pvm_vmcore_read(&phys, &v, VA_LOG + 0x50ff0, got, sizeof(got)));
	assert_false(pvm_vmcore_read(&phys, &v, VA_IMAGE + MEM_BYTES - 4, got, 8));
}

/* ---- the log ----------------------------------------------------------------------------- */

static void records_come_with_their_times(void **state)
{
	print(0, "Linux version");
	print(1234567890ull, "two\nlines\n");
	print(99999000000000ull, "tab\there, bell\a, escape \033[31m, utf-8 \xc3\xa4 \xc3\x9f \xc2\xb5, csi \xc2\x9b, del \x7f");
	log_is("[    0.000000] Linux version\n"
	       "[    1.234567] two\n"
	       "[    1.234567] lines\n"
	       "[99999.000000] tab\there, bell?, escape ?[31m, utf-8 \xc3\xa4 \xc3\x9f \xc2\xb5, csi ??, del ?\n");
}

static void the_ring_wraps(void **state)
{
	char line[64], want[2048] = "";

	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d %.*s", i, i % 17, "xxxxxxxxxxxxxxxxx");
		print(i * 1000000ull, line);
	}
	/* 16 descriptors, but 512 bytes hold only the last few texts: the older ones are reused. */
	for (int i = 84; i < 88; i++)
		put(AT_DESCS + (i & 15) * DESC_BYTES, REUSABLE | (uint64_t)i, 8);
	for (int i = 88; i < 100; i++) {
		snprintf(line, sizeof(line), "[    0.%06d] line %d %.*s\n", i * 1000, i, i % 17,
			 "xxxxxxxxxxxxxxxxx");
		strcat(want, line);
	}
	log_is(want);
}

static void only_complete_records_are_shown(void **state)
{
	print(0, "final");
	log_record(COMMITTED, 0, "committed", 9);
	log_record(0, 0, "reserved", 8);
	log_record(REUSABLE, 0, "reusable", 8);
	print(0, "other id");
	put(AT_DESCS + 4 * DESC_BYTES, FINALIZED | 20, 8);
	print(0, "empty line");
	put(AT_DESCS + 5 * DESC_BYTES + 8, 3, 8);
	put(AT_DESCS + 5 * DESC_BYTES + 16, 3, 8);
	print(0, "lost");
	put(AT_DESCS + 6 * DESC_BYTES + 8, 1, 8);
	put(AT_DESCS + 6 * DESC_BYTES + 16, 1, 8);
	print(0, "");
	log_is("[    0.000000] final\n[    0.000000] committed\n[    0.000000] \n[    0.000000] \n");
}

static void lengths_are_bounded_by_the_block(void **state)
{
	print(0, "12345678");
	print(0, "secret");
	put(AT_INFOS + 16, 0xffff, 2);
	log_is("[    0.000000] 12345678\n[    0.000000] secret\n");
	put(AT_DESCS + 16, 4, 8);			/* ends before its id does */
	put(AT_DESCS + DESC_BYTES + 16, 0, 8);		/* ends before it begins: fills the ring */
	put(AT_INFOS + INFO_BYTES + 16, 6, 2);
	log_is("[    0.000000] \n[    0.000000] secret\n");
}

static void rings_that_make_no_sense_are_refused(void **state)
{
	static const struct { uint32_t at; uint64_t value; unsigned int bytes; } t[] = {
		{ AT_PRB_PTR, 0, 8 }, { AT_PRB_PTR, VA_LOG + MEM_BYTES, 8 }, { AT_PRB, 23, 4 },
		{ AT_PRB, 0xffffffff, 4 }, { AT_PRB + 64, 29, 4 }, { AT_PRB + 24, 17, 8 },
		{ AT_PRB + 24, ~0ull, 8 }, { AT_PRB + 32, 1, 8 }, { AT_PRB + 8, 0, 8 },
		{ AT_PRB + 16, 0x123456789abcdefull, 8 }, { AT_PRB + 72, 0, 8 },
	};

	no_log();					/* nothing printed yet */
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		print(0, "x");
		put(t[i].at, t[i].value, t[i].bytes);
		no_log();
	}
	setup(state);
	print(0, "x");
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "SIZE(prb_desc)"), "SIZE(xxx_xxxx)", 14);
	no_log();
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "SYMBOL(prb)"), "SYMBOL(xxx)", 11);
	no_log();
	write_info(0, "");
	memcpy(strstr((char *)mem + AT_INFO, "OFFSET(printk_info.ts_nsec)=8"),
	       "OFFSET(printk_info.ts_nsec)=4097\nX", 34);
	no_log();
}

/* Each part of the ring in turn reaches over the memory's end. */
static void rings_that_are_cut_off_are_refused(void **state)
{
	uint8_t prb[80];

	for (uint32_t left = 0; left < sizeof(prb); left += 4) {
		setup(state);
		memset(mem + AT_INFO + 2048, 0, 2048);
		print(0, "x");
		memcpy(prb, mem + AT_PRB, sizeof(prb));
		memcpy(mem + MEM_BYTES - left, prb, left);
		put(AT_PRB_PTR, VA_IMAGE + MEM_BYTES - left, 8);
		no_log();
	}
	for (uint32_t left = 0; left < INFO_BYTES; left += 8) {
		setup(state);
		memset(mem + AT_INFO + 2048, 0, 2048);
		print(0, "x");
		memcpy(mem + MEM_BYTES - left, mem + AT_INFOS, left);
		put(AT_PRB + 16, VA_IMAGE + MEM_BYTES - left, 8);
		if (left < 18)
			no_log();
		else
			log_is("[    0.000000] x\n");
		if (left >= DESC_BYTES)
			continue;
		put(AT_PRB + 16, VA_LOG + AT_INFOS, 8);
		memcpy(mem + MEM_BYTES - left, mem + AT_DESCS, left);
		put(AT_PRB + 8, VA_IMAGE + MEM_BYTES - left, 8);
		no_log();
	}
}

static void texts_that_end_with_the_ring_are_whole(void **state)
{
	print(0, "x");
	put(AT_DESCS + 8, 512 - 16, 8);
	put(AT_DESCS + 16, 512, 8);
	put(AT_INFOS + 16, 8, 2);
	memcpy(mem + AT_DATA + 512 - 8, "12345678", 8);
	log_is("[    0.000000] 12345678\n");
}

static void long_logs_grow_and_failing_allocations_are_undone(void **state)
{
	char *big, *text;
	size_t bytes;
	bool failed = true;

	/* 16 records that all point at one text of 8 KiB, of lines that get a stamp each. */
	put(AT_PRB + 64, 14, 4);
	big = malloc(8100);
	for (int i = 0; i < 8100; i++)
		big[i] = i % 10 == 9 ? '\n' : 'y';
	for (int i = 0; i < 16; i++) {
		next_lpos = 0;
		print(1, "x");
		put(AT_DESCS + i * DESC_BYTES + 16, 8192, 8);
		put(AT_INFOS + i * INFO_BYTES + 16, 8100, 2);
	}
	memcpy(mem + AT_DATA + 8, big, 8100);
	free(big);
	text = dmesg();
	assert_int_equal(strlen(text), 16 * 810 * (15 + 10));
	free(text);
	for (unsigned int n = 1; failed; n++) {
		int err;

		fail_alloc(n);
		err = pvm_part_dmesg_text(&phys, &v, &text, &bytes);
		failed = alloc_failed();
		assert_int_equal(err, failed ? -ENOMEM : 0);
		if (!err)
			free(text);
	}
}

/* ---- symbols ----------------------------------------------------------------------------- */

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
static void write_addresses(int scheme)
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

static void symbols_are_found_in_every_encoding(void **state)
{
	uint64_t va, pa, value;

	for (int scheme = 0; scheme < 4; scheme++) {
		setup(state);
		write_addresses(scheme);
		put(AT_JIFFIES, 4711, 8);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
		assert_int_equal(va, VA_IMAGE + AT_JIFFIES);
		assert_true(pvm_vmcore_translate(&phys, &v, va, &pa));
		assert_true(pvm_phys_read(&phys, pa, &value, 8));
		assert_int_equal(value, 4711);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies", &va), -ENOENT);
	}
	/* An absolute symbol of a kernel with per-CPU ones at zero. */
	setup(state);
	write_addresses(2);
	put(AT_OFFSETS + 16, 0x1234, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
	assert_int_equal(va, 0x1234);
}

static void symbol_tables_that_make_no_sense_are_refused(void **state)
{
	static const char *const keys[] = {
		"SYMBOL(init_uts_ns)", "SYMBOL(kallsyms_names)", "SYMBOL(kallsyms_num_syms)",
		"SYMBOL(kallsyms_token_table)", "SYMBOL(kallsyms_token_index)",
		"SYMBOL(kallsyms_offsets)", "SYMBOL(kallsyms_relative_base)",
	};
	static const struct { uint32_t at; uint64_t value; unsigned int bytes; } t[] = {
		{ AT_NUM, (1 << 20) + 1, 4 }, { AT_NUM, 2, 4 }, { AT_OFFSETS + 8, 0x9999, 4 },
		{ AT_BASE, 0, 8 },
	};
	uint64_t va;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char *hit, *value;

		setup(state);
		write_addresses(1);
		hit = strstr((char *)mem + AT_INFO, keys[i]);
		value = strchr(hit, '=') + 1;
		memcpy(value, "fffffffff0", 10);	/* in no table */
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
		memset(hit, 'x', strlen(keys[i]));
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		write_addresses(1);
		put(t[i].at, t[i].value, t[i].bytes);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	setup(state);					/* names run out of the memory */
	write_addresses(1);
	put(AT_NUM, 1 << 20, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "no_such", &va), -ENODATA);
	fail_alloc(1);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENOMEM);
	assert_true(alloc_failed());
	setup(state);					/* they end within a length of two bytes */
	write_addresses(1);
	mem[MEM_BYTES - 1] = 0x80;
	{
		char *at = strstr((char *)mem + AT_INFO, "SYMBOL(kallsyms_names)=") + 23, hex[20];

		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES - 1);
		memcpy(at, hex, 16);
	}
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	for (int scheme = 0; scheme < 2; scheme++) {	/* addresses end before the one wanted */
		char *at, hex[20];

		setup(state);
		write_addresses(scheme);
		at = strstr((char *)mem + AT_INFO, scheme ? "kallsyms_offsets)=" : "kallsyms_addresses)=");
		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES - (scheme ? 12 : 24));
		memcpy(strchr(at, '=') + 1, hex, 16);
		memcpy(mem + MEM_BYTES - (scheme ? 12 : 24), mem + AT_OFFSETS, scheme ? 12 : 24);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
		snprintf(hex, sizeof(hex), "%llx", VA_IMAGE + MEM_BYTES);
		memcpy(strchr(at, '=') + 1, hex, 16);
		assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
		assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
	}
	setup(state);					/* the last token begins at the very end */
	write_addresses(1);
	put(AT_INDEX + 2 * 255, 0xffff, 2);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), 0);
}

/* A table that maps everything to one page is an endless table of names, but for our bounds. */
static void endless_tables_end(void **state)
{
	uint64_t va;
	char more[300];

	write_addresses(1);
	snprintf(more, sizeof(more), "SYMBOL(kallsyms_offsets)=%llx\nSYMBOL(kallsyms_relative_base)=%llx\n",
		 VA_IMAGE + AT_OFFSETS, VA_IMAGE + AT_BASE);
	write_info(0, more);
	for (uint32_t l = 0; l < 4; l++)
		for (int i = 0; i < 512; i++)
			put(AT_TABLES + 4096 * l + 8 * i, (MEM_ADDR + AT_TABLES + 4096 * (l + 1)) | 1, 8);
	memset(mem + AT_TABLES + 4 * 4096, 0xff, 4096);
	memcpy(strstr((char *)mem + AT_INFO, "SYMBOL(kallsyms_names)=") + 23, "ffff888000000000", 16);
	put(AT_NUM, 1 << 20, 4);
	assert_int_equal(pvm_vmcore_find(&phys, &v), 0);
	assert_int_equal(pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va), -ENODATA);
}

/* ---- damage ------------------------------------------------------------------------------ */

static void random_damage_does_no_harm(void **state)
{
	unsigned int logs = 0, symbols = 0;

	srand(3);
	for (int i = 0; i < 4000; i++) {
		uint8_t was[64];
		uint32_t at[64];
		uint64_t va;
		size_t bytes;
		char *text;

		if (i % 100 == 0) {
			setup(state);
			write_addresses(1 + i / 100 % 3);
			for (int k = 0; k < 20; k++)
				print(k, "some text, some of it longer");
		}
		for (int k = 0; k < 64; k++) {
			static const uint32_t area[] = { AT_INFO, AT_PRB, AT_DESCS, AT_INFOS, AT_TABLES,
							 AT_TABLES + 3 * 4096, AT_INDEX, AT_NAMES };
			static const uint32_t span[] = { 1200, 96, 400, 1500, 4096, 4096, 512, 1000 };
			int a = rand() % 8;

			at[k] = area[a] + rand() % span[a];
			was[k] = mem[at[k]];
			mem[at[k]] = k % 3 ? (uint8_t)rand() : mem[at[k]];
		}
		if (!pvm_vmcore_find(&phys, &v)) {
			if (!pvm_part_dmesg_text(&phys, &v, &text, &bytes)) {
				assert_int_equal(strlen(text), bytes);
				free(text);
				logs++;
			}
			symbols += !pvm_vmcore_symbol(&phys, &v, "jiffies_64", &va);
		}
		for (int k = 63; k >= 0; k--)
			mem[at[k]] = was[k];
	}
	assert_true(logs > 10);
	assert_true(symbols > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(vmcoreinfo_is_found_and_found_again),
		T(look_alikes_are_not_taken),
		T(reads_stay_in_the_memory),
		T(both_depths_and_all_page_sizes_translate),
		T(reads_cross_pages),
		T(records_come_with_their_times),
		T(the_ring_wraps),
		T(only_complete_records_are_shown),
		T(lengths_are_bounded_by_the_block),
		T(rings_that_make_no_sense_are_refused),
		T(rings_that_are_cut_off_are_refused),
		T(texts_that_end_with_the_ring_are_whole),
		T(long_logs_grow_and_failing_allocations_are_undone),
		T(symbols_are_found_in_every_encoding),
		T(symbol_tables_that_make_no_sense_are_refused),
		T(endless_tables_end),
		T(random_damage_does_no_harm),
	};

	return cmocka_run_group_tests_name("part_dmesg", tests, NULL, NULL);
}
