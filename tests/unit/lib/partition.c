// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One partition on the fake driver (partition.h).
 */
#include "test.h"
#include "partition.h"

#include <dirent.h>

struct pvm_ctx *ctx;
struct pvm_part *part;
uint8_t kernel[0x4a00];
const uint32_t cpus[2] = { 2, 3 };
static int fds_before;

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void make_kernel(void)
{
	static const struct { uint16_t at; uint32_t value; uint8_t bytes; } h[] = {
		{ 0x1f1, 4, 1 }, { 0x1f4, 0x400, 4 }, { 0x1fe, 0xaa55, 2 }, { 0x201, 0x6a, 1 },
		{ 0x206, 0x20f, 2 }, { 0x211, 1, 1 }, { 0x230, 0x200000, 4 }, { 0x234, 1, 1 },
		{ 0x236, 3, 2 }, { 0x238, 2047, 4 }, { 0x260, 8 << 20, 4 },
	};

	memset(kernel, 0x90, sizeof(kernel));
	memset(kernel, 0, 0xa00);
	for (size_t i = 0; i < sizeof(h) / sizeof(h[0]); i++)
		memcpy(kernel + h[i].at, &h[i].value, h[i].bytes);
	memcpy(kernel + 0x202, "HdrS", 4);
}

int setup(void **state)
{
	fake_reset();
	fake_part_reset();
	make_kernel();
	part = NULL;
	ctx = NULL;
	fds_before = count_fds();
	return pvm_ctx_create(NULL, &ctx);
}

int teardown(void **state)
{
	pvm_part_close(part);
	part = NULL;
	pvm_ctx_destroy(ctx);
	ctx = NULL;
	assert_int_equal(fpart.nr_maps, 0);
	fake_part_reset();
	assert_int_equal(count_fds(), fds_before);
	return 0;
}

void says(const char *words)
{
	if (!strstr(pvm_errmsg(), words))
		fail_msg("no '%s' in: %s", words, pvm_errmsg());
}

int create(void)
{
	struct pvm_part_opts o = PVM_PART_OPTS_INIT;

	o.name = "web";
	o.cpus = cpus;
	o.nr_cpus = 2;
	o.memory_bytes = 64 << 20;
	return pvm_part_create(ctx, &o, &part);
}

int start(void)
{
	struct pvm_part_boot b = PVM_PART_BOOT_INIT;

	b.kernel_data = kernel;
	b.kernel_bytes = sizeof(kernel);
	b.initrd_data = "initrd";
	b.initrd_bytes = 6;
	b.cmdline = "quiet";
	return pvm_part_start(part, &b);
}

/* What a kernel does when it has come up. */
void kernel_is_up(void)
{
	strcpy((char *)fpart.mem + (40 << 20), "OSRELEASE=6.1\nNUMBER(phys_base)=0\n");
}

/* Image addresses map to FAKE_PART_ADDR; one symbol table with two names, one record. */
void kernel_with_symbols(void)
{
	uint8_t *m = fpart.mem + (40 << 20);
	const unsigned long long va = 0xffffffff80000000ull;
	static const char names[] = "\x0c" "Dinit_uts_ns" "\x0b" "Djiffies_64";
	uint64_t prb[] = { 0, va + 0x3000, va + 0x4000, 0, 0, 0, 0, 0, 12, va + 0x5000 };

	memset(m, 0, 0x20000);
	sprintf((char *)m,
		"OSRELEASE=6.1\nNUMBER(phys_base)=%llu\nSYMBOL(init_uts_ns)=%llx\n"
		"SYMBOL(kallsyms_names)=%llx\nSYMBOL(kallsyms_num_syms)=%llx\n"
		"SYMBOL(kallsyms_token_table)=%llx\nSYMBOL(kallsyms_token_index)=%llx\n"
		"SYMBOL(kallsyms_offsets)=%llx\nSYMBOL(kallsyms_relative_base)=%llx\n"
		"SYMBOL(prb)=%llx\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
		"OFFSET(printk_ringbuffer.text_data_ring)=64\nOFFSET(prb_desc_ring.count_bits)=0\n"
		"OFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\n"
		"OFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
		"SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
		"OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
		"SIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
		"OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n",
		FAKE_PART_ADDR + (40 << 20), va + 0x1700, va + 0x8000, va + 0x1600, va + 0x9000,
		va + 0xa000, va + 0xb000, va + 0x1500, va + 0x1400);
	for (int i = 0; i < 256; i++) {
		m[0x9000 + 2 * i] = (uint8_t)i;
		((uint16_t *)(m + 0xa000))[i] = (uint16_t)(2 * i);
	}
	memcpy(m + 0x8000, names, sizeof(names));
	m[0x1600] = 2;
	*(uint64_t *)(m + 0x1500) = va;
	((uint32_t *)(m + 0xb000))[0] = 0x1700;
	((uint32_t *)(m + 0xb000))[1] = 0x1800;
	*(uint64_t *)(m + 0x1400) = va + 0x2000;
	memcpy(m + 0x2000, prb, sizeof(prb));
	*(uint64_t *)(m + 0x3000) = 2ull << 62;
	*(uint64_t *)(m + 0x3010) = 16;
	*(uint64_t *)(m + 0x4008) = 5000000;
	m[0x4010] = 5;
	memcpy(m + 0x5008, "hello", 5);
}
