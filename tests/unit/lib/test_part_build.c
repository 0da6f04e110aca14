// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loader of partitions: what is refused, where things lie, what the kernel is told; at random, that
 * nothing ever lies outside the partition; and that the kernels in the cache are taken.
 */
#include "test.h"
#include "part_build.h"
#include "pvm/pvm.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)
#define BASE	0x40000000ull
#define SETUP	(5 * 512)		/* setup_sects 4 */
#define PAYLOAD	0x4000

static uint8_t image[SETUP + PAYLOAD];
static uint32_t ids[64];
static struct pvm_part_window windows[2];
static struct pvm_part_kernel kernel;
static struct pvm_part_in in;
static struct pvm_part_plan plan;

static void put(uint8_t *p, uint64_t v, unsigned int bytes)
{
	for (; bytes--; v >>= 8)
		*p++ = (uint8_t)v;
}

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static int check(void)
{
	return pvm_part_kernel_check("k", image, sizeof(image), &kernel);
}

static int setup(void **state)
{
	memset(image, 0, sizeof(image));
	image[0x1f1] = 4;
	put(image + 0x1f4, PAYLOAD / 16, 4);
	put(image + 0x1fe, 0xaa55, 2);
	put(image + 0x200, 0x6aeb, 2);			/* jmp; header ends at 0x26c */
	memcpy(image + 0x202, "HdrS", 4);
	put(image + 0x206, 0x20f, 2);
	image[0x211] = 1;
	put(image + 0x230, 2 * MIB, 4);
	image[0x234] = 1;
	put(image + 0x236, 0x7f, 2);
	put(image + 0x238, 2047, 4);
	put(image + 0x258, 16 * MIB, 8);
	put(image + 0x260, 40 * MIB, 4);
	memset(image + SETUP, 0xcd, PAYLOAD);
	for (unsigned int i = 0; i < 64; i++)
		ids[i] = i + 2;
	in = (struct pvm_part_in){
		.kernel = &kernel, .initrd_bytes = 5 * MIB + 1, .append = "quiet",
		.mem_addr = BASE, .mem_bytes = 512 * MIB, .low_addr = 0x20000, .low_bytes = 0x40000,
		.tsc_khz = 2400000, .uart_port = 0x3f8, .sleep_port = 0x604, .reset_port = 0x605,
		.apic_ids = ids, .nr_cpus = 1, .windows = windows,
	};
	memset(&plan, 0, sizeof(plan));
	return check();
}

static void says(const char *words)
{
	if (!strstr(pvm_errmsg(), words))
		fail_msg("no '%s' in: %s", words, pvm_errmsg());
}

/* ---- kernels ----------------------------------------------------------------------------- */

static void a_bzimage_is_taken(void **state)
{
	assert_int_equal(kernel.payload_at, SETUP);
	assert_int_equal(kernel.payload_bytes, PAYLOAD);
	assert_int_equal(kernel.align, 2 * MIB);
	assert_int_equal(kernel.init_bytes, 40 * MIB);
	assert_int_equal(kernel.lowest, 16 * MIB);
	assert_true(kernel.above_4g);
	image[0x1f1] = 0;				/* means 4 */
	assert_int_equal(check(), 0);
	assert_int_equal(kernel.payload_at, SETUP);
	put(image + 0x260, 1, 4);			/* cannot be less than the file has */
	assert_int_equal(check(), 0);
	assert_int_equal(kernel.init_bytes, PAYLOAD);
}

static void anything_else_is_refused_with_a_sentence(void **state)
{
	static const struct {
		unsigned int at, bytes;
		uint64_t value;
		const char *words;
	} t[] = {
		{ 0x202, 4, 0, "it is no bzImage" },
		{ 0x1fe, 2, 0, "it is no bzImage" },
		{ 0x206, 2, 0x20b, "boot protocol 2.11 is too old" },
		{ 0x211, 1, 0, "zImage" },
		{ 0x236, 2, 0x7e, "32-bit kernel" },
		{ 0x234, 1, 0, "CONFIG_RELOCATABLE" },
		{ 0x1f4, 4, PAYLOAD / 16 + 1, "truncated" },
		{ 0x1f4, 4, 0xffffffff, "truncated" },
		{ 0x1f4, 4, 1, "no contents" },
		{ 0x230, 4, 0, "alignment" },
		{ 0x230, 4, 3 * MIB, "alignment" },
		{ 0x230, 4, 0x800, "alignment" },
		{ 0x230, 4, 2 * GIB, "alignment" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(state);
		put(image + t[i].at, t[i].value, t[i].bytes);
		assert_int_equal(check(), -ENOEXEC);
		says(t[i].words);
		says("k");
	}
	assert_int_equal(pvm_part_kernel_check("k", image, 0, &kernel), -ENOEXEC);
	says("empty");
	assert_int_equal(pvm_part_kernel_check("k", (const uint8_t *)"\177ELF....", 8, &kernel), -ENOEXEC);
	says("ELF");
	setup(state);
	assert_int_equal(pvm_part_kernel_check("k", image, 0x205, &kernel), -ENOEXEC);
	says("no bzImage");
	assert_int_equal(pvm_part_kernel_check("k", image, 0x206, &kernel), -ENOEXEC);
	says("truncated in its header");
}

static void every_truncation_is_refused(void **state)
{
	for (size_t n = 0; n < sizeof(image); n += n < 0x280 ? 1 : 97) {
		uint8_t *exact = malloc(n + !n);

		memcpy(exact, image, n);
		assert_int_equal(pvm_part_kernel_check("k", exact, n, &kernel), -ENOEXEC);
		free(exact);
	}
}

static void random_headers_never_lead_outside(void **state)
{
	srand(1);
	for (int i = 0; i < 20000; i++) {
		setup(state);
		for (int k = 0; k < 4; k++)
			image[0x1f0 + rand() % 0x80] = (uint8_t)rand();
		if (check())
			continue;
		assert_true(kernel.payload_at + kernel.payload_bytes <= sizeof(image));
		assert_true(kernel.payload_bytes >= 0x400);
		assert_true(kernel.init_bytes >= kernel.payload_bytes);
		if (!pvm_part_plan(&in, &plan))
			assert_true(plan.kernel_addr + kernel.init_bytes <= plan.initrd_addr);
	}
}

/* ---- plans ------------------------------------------------------------------------------- */

static void nothing_overlaps_and_all_is_inside(void)
{
	uint64_t end = in.mem_addr + in.mem_bytes;

	assert_int_equal(plan.kernel_addr % kernel.align, 0);
	assert_true(plan.kernel_addr >= in.mem_addr + 16 * MIB);
	assert_true(plan.kernel_addr >= kernel.lowest);
	assert_int_equal(plan.tables_addr % (2 * MIB), 0);
	if (in.initrd_bytes) {
		assert_true(plan.kernel_addr + kernel.init_bytes <= plan.initrd_addr);
		assert_true(plan.initrd_addr + in.initrd_bytes <= plan.tables_addr);
	} else {
		assert_int_equal(plan.initrd_addr, 0);
		assert_true(plan.kernel_addr + kernel.init_bytes <= plan.tables_addr);
	}
	assert_int_equal(plan.tables_addr + plan.nvs_bytes + plan.acpi_bytes, end);
	assert_true(plan.acpi_bytes >= PVM_PART_ACPI_BYTES);
	assert_true(plan.cr3 + plan.nr_pt_pages * 4096 <= plan.tables_addr + plan.nvs_bytes);
}

static void a_plan_has_everything_in_its_place(void **state)
{
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	nothing_overlaps_and_all_is_inside();
	assert_int_equal(plan.kernel_addr, BASE + 16 * MIB);
	assert_int_equal(plan.rip, plan.kernel_addr + 0x200);
	assert_int_equal(plan.rsi, plan.tables_addr);
	assert_int_equal(plan.gdt_limit, 31);
	assert_int_equal(plan.nr_pt_pages, 6);
	assert_int_equal(plan.mailbox, 0);
	assert_true(plan.has_io_apic);
	in.nr_cpus = 2;
	in.initrd_bytes = 0;
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	nothing_overlaps_and_all_is_inside();
	assert_int_equal(plan.mailbox % 4096, 0);
	assert_true(plan.mailbox > plan.tables_addr && plan.mailbox < plan.tables_addr + plan.nvs_bytes);
}

static void what_does_not_fit_is_refused(void **state)
{
	in.mem_bytes = 64 * MIB;			/* 16 + 40 + 6 + 2 */
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	in.initrd_bytes = 6 * MIB + 1;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	says("initrd of 7 MiB");
	says("64 MiB");
	says("at least 66 MiB");
	in.initrd_bytes = 1ull << 62;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	in.initrd_bytes = 0;
	put(image + 0x260, 46 * MIB + 1, 4);
	assert_int_equal(check(), 0);
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	says("cannot boot this kernel: the partition has 64 MiB, at least 66 MiB");
	put(image + 0x260, 0xffffffff, 4);
	assert_int_equal(check(), 0);
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	in.mem_bytes = 2 * MIB;
	in.mem_addr = 0;
	put(image + 0x260, 1, 4);
	assert_int_equal(check(), 0);
	kernel.lowest = 0;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	assert_int_equal(plan.rip, BASE + 16 * MIB + 0x200);	/* untouched by all of them */
}

static void a_kernel_with_a_lowest_address_is_loaded_above_it(void **state)
{
	kernel.lowest = BASE + 100 * MIB + 4096;
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_int_equal(plan.kernel_addr, BASE + 102 * MIB);
	nothing_overlaps_and_all_is_inside();
	kernel.lowest = BASE + 511 * MIB;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOSPC);
	kernel.lowest = BASE + 512 * MIB;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOEXEC);
	says("runs at 1536 MiB or above");
	kernel.lowest = ~0ull;
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOEXEC);
}

static void random_plans_stay_inside(void **state)
{
	unsigned int taken = 0;

	srand(2);
	for (int i = 0; i < 50000; i++) {
		in.mem_addr = (uint64_t)(rand() % 4096) << (21 + rand() % 12);
		in.mem_bytes = (uint64_t)(1 + rand() % 300) << (21 + rand() % 10);
		in.initrd_bytes = rand() & 1 ? 0 : (uint64_t)rand() << (rand() % 12);
		kernel.init_bytes = PAYLOAD + (uint64_t)(rand() % 200) * MIB / 3;
		kernel.align = 4096ull << rand() % 13;
		if (pvm_part_plan(&in, &plan))
			continue;
		taken++;
		nothing_overlaps_and_all_is_inside();
	}
	assert_true(taken > 1000);
}

/* ---- the command line -------------------------------------------------------------------- */

static void the_users_words_come_last(void **state)
{
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_string_equal(plan.cmdline, "tsc_early_khz=2400000 no_ipi_broadcast=1 reboot=acpi "
			    "earlyprintk=serial,0x3f8,115200 console=ttyS0,115200 quiet");
	in.append = "";
	in.tsc_khz = 0;
	in.uart_port = 0x2e8;
	in.x2apic = true;
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_false(plan.has_io_apic);
	assert_string_equal(plan.cmdline, "no_ipi_broadcast=1 reboot=acpi noapic "
			    "earlyprintk=serial,0x2e8,115200 console=ttyS3,115200");
	in.uart_port = 0x1000;				/* no ttyS number */
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_null(strstr(plan.cmdline, "console=ttyS"));
	in.uart_port = 0;
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_string_equal(plan.cmdline, "no_ipi_broadcast=1 reboot=acpi noapic");
}

static void a_long_command_line_is_refused_at_the_kernels_limit(void **state)
{
	static char text[3000];
	size_t ours;

	in.append = "";
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	ours = strlen(plan.cmdline) + 1;		/* and a space */
	in.append = text;
	memset(text, 'x', 2047 - ours);
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_int_equal(strlen(plan.cmdline), 2047);
	text[2047 - ours] = 'x';
	assert_int_equal(pvm_part_plan(&in, &plan), -EINVAL);
	says("2048 characters");
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(pvm_part_plan(&in, &plan), -EINVAL);
	kernel.cmdline_bytes = 100;
	in.append = "";
	assert_int_equal(pvm_part_plan(&in, &plan), -EINVAL);
	says("takes 100");
	kernel.cmdline_bytes = 0;			/* says nothing: ours holds */
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
}

/* ---- bytes ------------------------------------------------------------------------------- */

static uint8_t *write_all(void)
{
	uint8_t *mem = malloc(in.mem_bytes);

	assert_non_null(mem);
	memset(mem, 0xa5, in.mem_bytes);		/* of an earlier run */
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	pvm_part_write(&in, &plan, mem);
	return mem;
}

static void the_zero_page_says_what_the_plan_says(void **state)
{
	static const uint32_t types[] = { 1, 1, 4, 3 };
	uint8_t *mem = write_all(), *zp = mem + (plan.rsi - BASE), *e;
	uint64_t rsdp;

	assert_memory_equal(zp + 0x202, "HdrS", 4);
	assert_int_equal(zp[0x210], 0xff);
	assert_int_equal(zp[0x1ef], 0);			/* sentinel */
	assert_int_equal(get(zp + 0x228, 4), plan.tables_addr + 0x1000);
	assert_string_equal((char *)mem + (get(zp + 0x228, 4) - BASE), plan.cmdline);
	assert_int_equal(get(zp + 0x218, 4), plan.initrd_addr);
	assert_int_equal(get(zp + 0x21c, 4), in.initrd_bytes);
	assert_int_equal(get(zp + 0x214, 4), plan.kernel_addr);
	assert_int_equal(get(zp + 0x260, 4), 40 * MIB);
	rsdp = get(zp + 0x70, 8);
	assert_memory_equal(mem + (rsdp - BASE), "RSD PTR ", 8);
	assert_int_equal(zp[0x1e8], 4);
	e = zp + 0x2d0;
	assert_int_equal(get(e, 8), 0x20000);
	assert_int_equal(get(e + 8, 8), 0x40000);
	assert_int_equal(get(e + 20, 8), BASE);
	for (int i = 0; i < 4; i++, e += 20) {
		assert_int_equal(get(e + 16, 4), types[i]);
		if (i > 1)
			assert_int_equal(get(e, 8), get(e - 20, 8) + get(e - 12, 8));
	}
	assert_int_equal(get(e - 20, 8) + get(e - 12, 8), BASE + in.mem_bytes);
	assert_true(rsdp >= get(e - 20, 8));
	assert_memory_equal(mem + (plan.kernel_addr - BASE), image + SETUP, PAYLOAD);
	assert_int_equal(get(mem + (plan.gdt_addr - BASE) + 0x10, 8), 0x00af9b000000ffff);
	assert_int_equal(get(mem + (plan.gdt_addr - BASE) + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(mem[0], 0xa5);			/* only what is ours was written */
	assert_int_equal(mem[plan.initrd_addr - BASE], 0xa5);
	free(mem);
	in.low_bytes = 0;
	in.nr_cpus = 2;
	mem = write_all();
	assert_int_equal(mem[plan.rsi - BASE + 0x1e8], 3);
	for (int i = 0; i < 4096; i++) {
		assert_int_equal(mem[plan.mailbox - BASE + i], 0);
		assert_int_equal(mem[plan.mailbox - BASE + 4096 + i], 0);	/* I/O APIC */
	}
	free(mem);
}

static void odd_header_lengths_are_bounded(void **state)
{
	uint8_t *mem;

	image[0x201] = 0;				/* ends before init_size: copied anyway */
	mem = write_all();
	assert_int_equal(get(mem + (plan.rsi - BASE) + 0x260, 4), 40 * MIB);
	free(mem);
	image[0x201] = 0xff;				/* would run into the e820 table */
	image[0x292] = 0x77;
	mem = write_all();
	assert_int_equal(mem[plan.rsi - BASE + 0x292], 0);
	assert_int_equal(mem[plan.rsi - BASE + 0x1e8], 4);
	free(mem);
}

/* Physical address of a virtual one, as the CPU sees it. */
static bool walk(const uint8_t *mem, uint64_t va, uint64_t *pa)
{
	uint64_t table = plan.cr3, e;

	for (int shift = 39; shift >= 21; shift -= 9) {
		assert_true(table >= plan.cr3 && table < plan.cr3 + plan.nr_pt_pages * 4096);
		e = get(mem + (table - in.mem_addr) + 8 * (va >> shift & 511), 8);
		if (!(e & 1))
			return false;
		assert_int_equal(e & 3, 3);
		if (shift == 21) {
			assert_true(e & 0x80);
			*pa = (e & ~0x1fffffull) | (va & 0x1fffff);
			return true;
		}
		table = e & ~0xfffull;
	}
	return false;
}

static void page_tables_map_all_to_itself(void **state)
{
	static const uint64_t bases[] = {
		BASE, 0x10000000, 3 * GIB + 512 * MIB, 4 * GIB - 256 * MIB, 4 * GIB, 7 * GIB + 900 * MIB,
		512 * GIB - 256 * MIB, 1024 * GIB, 5000 * GIB + 512 * MIB,
	};
	uint64_t pa;

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		uint8_t *mem;

		in.mem_addr = bases[i];
		mem = write_all();
		nothing_overlaps_and_all_is_inside();
		for (uint64_t va = 0; va < 4 * GIB; va += 62 * MIB + 4096) {
			assert_true(walk(mem, va, &pa));
			assert_int_equal(pa, va);
		}
		for (uint64_t va = in.mem_addr; va < in.mem_addr + in.mem_bytes; va += 2 * MIB) {
			assert_true(walk(mem, va, &pa));
			assert_int_equal(pa, va);
		}
		assert_false(walk(mem, 6000 * GIB, &pa));
		if (in.mem_addr > 6 * GIB)
			assert_false(walk(mem, 5 * GIB, &pa));
		free(mem);
	}
}

static void memory_above_4g_has_no_io_apic_and_full_addresses(void **state)
{
	uint8_t *mem, *zp;

	in.mem_addr = 6 * GIB;
	mem = write_all();
	zp = mem + (plan.rsi - in.mem_addr);
	assert_false(plan.has_io_apic);
	assert_non_null(strstr(plan.cmdline, " noapic "));
	assert_int_equal(get(zp + 0x218, 4) | get(zp + 0xc0, 4) << 32, plan.initrd_addr);
	assert_int_equal(get(zp + 0x228, 4) | get(zp + 0xc8, 4) << 32, plan.tables_addr + 0x1000);
	assert_int_equal(get(zp + 0x70, 8) >> 32, 1);
	free(mem);
	put(image + 0x236, 1, 2);
	assert_int_equal(check(), 0);
	assert_int_equal(pvm_part_plan(&in, &plan), -ENOEXEC);
	says("above 4 GiB");
	in.mem_addr = 4 * GIB - in.mem_bytes;
	assert_int_equal(pvm_part_plan(&in, &plan), 0);
	assert_true(plan.has_io_apic);
}

static void real_kernels_are_taken(void **state)
{
	const char *list = getenv("PVM_TEST_KERNELS");
	char *names = strdup(list ? list : ""), *save = NULL, *name;
	unsigned int n = 0;

	for (name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		static uint8_t data[64 << 20];
		FILE *f = fopen(name, "r");
		size_t bytes = f ? fread(data, 1, sizeof(data), f) : 0;

		if (!f)
			continue;
		fclose(f);
		assert_int_equal(pvm_part_kernel_check(name, data, bytes, &kernel), 0);
		assert_true(kernel.init_bytes > bytes);
		assert_true(kernel.above_4g);
		assert_int_equal(pvm_part_plan(&in, &plan), 0);
		nothing_overlaps_and_all_is_inside();
		n++;
	}
	free(names);
	if (!n)
		skip();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(a_bzimage_is_taken),
		T(anything_else_is_refused_with_a_sentence),
		T(every_truncation_is_refused),
		T(random_headers_never_lead_outside),
		T(a_plan_has_everything_in_its_place),
		T(what_does_not_fit_is_refused),
		T(a_kernel_with_a_lowest_address_is_loaded_above_it),
		T(random_plans_stay_inside),
		T(the_users_words_come_last),
		T(a_long_command_line_is_refused_at_the_kernels_limit),
		T(the_zero_page_says_what_the_plan_says),
		T(odd_header_lengths_are_bounded),
		T(page_tables_map_all_to_itself),
		T(memory_above_4g_has_no_io_apic_and_full_addresses),
		T(real_kernels_are_taken),
	};

	return cmocka_run_group_tests_name("part_build", tests, NULL, NULL);
}
