// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Domain builder: the layout as a guest sees it. A naive page walker reads the tables back; the
 * kernel, its start_info and its p2m are then looked at through it, as the guest's first code would.
 */
#include "test.h"
#include "build.h"
#include "pvm/pvm.h"

#include <sys/mman.h>
#include <xen/xen.h>

#define PAGE	4096ull
#define MIB	(1ull << 20)
#define KBASE	0xffffffff80000000ull
#define P2M	0x8000000000ull

static uint8_t text[3 * 4096 + 100];
static struct pvm_image linux_image, small_image;
static struct pvm_build_in in;
static struct pvm_build_out plan;
static uint8_t *ram;
static uint64_t ram_bytes;

static void need_ram(uint64_t pages)
{
	if (ram)
		munmap(ram, ram_bytes);
	ram_bytes = pages * PAGE;
	ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(ram, MAP_FAILED);
}

static int reset(void **state)
{
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + 1);
	linux_image = (struct pvm_image){
		.seg = {
			{ text, sizeof(text), 5 * PAGE + 17, 0x1000000 },
			{ text, 64, PAGE, 0x1008000 },
		},
		.nr_segs = 2,
		.entry = KBASE + 0x1000010,
		.virt_base = KBASE,
		.init_p2m = P2M,
		.has_init_p2m = true,
		.has_mod_start_pfn = true,
	};
	small_image = (struct pvm_image){
		.seg = { { text, 200, PAGE, 0x100000 } },
		.nr_segs = 1,
		.entry = 0x100004,
		.hypercall_page = 0x100000,
	};
	in = (struct pvm_build_in){
		.image = &linux_image,
		.nr_pages = 64 * MIB / PAGE,
		.initrd_bytes = 3 * PAGE + 5,
		.cmdline = "console=hvc0",
		.shared_info_gfn = 0x4200,
		.store_port = 3,
		.console_port = 4,
	};
	return 0;
}

static int done(void **state)
{
	if (ram)
		munmap(ram, ram_bytes);
	ram = NULL;
	return 0;
}

static void build(void)
{
	assert_int_equal(pvm_build_plan(&in, &plan), 0);
	need_ram(in.nr_pages);
	/* Every byte the builder relies on being zero must be made so by it. */
	memset(ram, 0xa5, plan.end_pfn * PAGE);
	pvm_build_write(&in, &plan, ram);
}

static uint64_t pte_of(uint64_t table_pfn, unsigned int index)
{
	assert_true(table_pfn < in.nr_pages);
	return ((uint64_t *)(ram + table_pfn * PAGE))[index];
}

/* The naive walker. Return: the leaf entry, 0 = not mapped. */
static uint64_t walk(uint64_t va)
{
	uint64_t table = plan.l4_pfn;

	for (int level = 4; level > 1; level--) {
		uint64_t e = pte_of(table, va >> (12 + 9 * (level - 1)) & 511);

		if (!(e & 1))
			return 0;
		assert_int_equal(e & 0xfff, 0x67);	/* P RW U A D, and no PSE */
		table = (e >> 12) & 0xffffffffffull;
	}
	return pte_of(table, va >> 12 & 511);
}

static void *at(uint64_t va)
{
	uint64_t e = walk(va);

	assert_true(e & 1);
	return ram + (e >> 12 & 0xffffffffff) * PAGE + va % PAGE;
}

static bool is_table(uint64_t pfn)
{
	return pfn >= plan.l4_pfn && pfn < plan.l4_pfn + plan.nr_pt_pages;
}

static void check_boot_mapping(void)
{
	uint64_t vb = in.image->virt_base;

	assert_int_equal((vb + plan.map_end_pfn * PAGE) % (4 * MIB), 0);
	for (uint64_t pfn = 0; pfn < plan.map_end_pfn; pfn++)
		assert_int_equal(walk(vb + pfn * PAGE), pfn * PAGE | (is_table(pfn) ? 0x21 : 0x23));
	if (vb + plan.map_end_pfn * PAGE)
		assert_int_equal(walk(vb + plan.map_end_pfn * PAGE), 0);
	assert_true(plan.stack_pfn + 1 + 128 <= plan.map_end_pfn);
	assert_true(plan.map_end_pfn <= 0x40000);
	/* Nothing else is mapped: count what the tables hold. */
	{
		uint64_t leaves = 0, used_l4 = 0;

		for (unsigned int i = 0; i < 512; i++)
			used_l4 += pte_of(plan.l4_pfn, i) != 0;
		assert_int_equal(used_l4, plan.boot.nr_l3 + (plan.p2m_mapped ? 0 : plan.p2m.nr_l3));
		for (uint64_t t = 0; t < plan.boot.nr_l1; t++)
			for (unsigned int i = 0; i < 512; i++)
				leaves += pte_of(plan.boot.l1_pfn + t, i) != 0;
		assert_int_equal(leaves, plan.map_end_pfn);
	}
}

static void check_p2m(void)
{
	for (uint64_t pfn = 0; pfn < in.nr_pages; pfn += pfn < 1024 ? 1 : 509)
		assert_int_equal(*(uint64_t *)at(plan.p2m_va + pfn * 8), pfn);
	for (uint64_t i = in.nr_pages; i < plan.p2m_pages * 512; i++)
		assert_true(*(uint64_t *)at(plan.p2m_va + i * 8) == ~0ull);
}

static void check_kernel(void)
{
	for (unsigned int i = 0; i < in.image->nr_segs; i++) {
		const struct pvm_segment *s = &in.image->seg[i];
		uint8_t *p = ram + (s->paddr - in.image->paddr_offset);

		assert_memory_equal(p, s->data, s->file_bytes);
		for (uint64_t b = s->file_bytes; b < s->mem_bytes; b++)
			assert_int_equal(p[b], 0);
	}
}

static void debian_layout(void **state)
{
	const struct start_info *si;
	static const uint8_t zero[4096];

	build();
	check_kernel();
	check_boot_mapping();
	check_p2m();

	/* order of what follows the kernel */
	assert_int_equal(plan.image_end_pfn, 0x1009);
	assert_int_equal(plan.start_info_pfn, 0x1009);
	assert_int_equal(plan.store_pfn, 0x100a);
	assert_int_equal(plan.console_pfn, 0x100b);
	assert_int_equal(plan.l4_pfn, 0x100c);
	assert_int_equal(plan.boot.l3_pfn, 0x100d);
	assert_int_equal(plan.boot.l2_pfn, 0x100e);
	assert_int_equal(plan.boot.l1_pfn, 0x100f);
	assert_int_equal(plan.stack_pfn, plan.l4_pfn + plan.nr_pt_pages);
	assert_int_equal(plan.initrd_pfn, plan.map_end_pfn);
	assert_int_equal(plan.initrd_pages, 4);
	assert_int_equal(plan.p2m_pfn, plan.initrd_pfn + 4);

	si = at(plan.rsi);
	assert_string_equal(si->magic, "xen-3.0-x86_64");
	assert_int_equal(si->nr_pages, in.nr_pages);
	assert_int_equal(si->shared_info, 0x4200000);
	assert_int_equal(si->flags, SIF_MOD_START_PFN | SIF_VIRT_P2M_4TOOLS);
	assert_int_equal(si->store_mfn, plan.store_pfn);
	assert_int_equal(si->store_evtchn, 3);
	assert_int_equal(si->console.domU.mfn, plan.console_pfn);
	assert_int_equal(si->console.domU.evtchn, 4);
	assert_int_equal(si->pt_base, KBASE + plan.l4_pfn * PAGE);
	assert_int_equal(si->nr_pt_frames, plan.nr_pt_pages);
	assert_int_equal(si->mfn_list, P2M);
	assert_int_equal(si->mod_start, plan.initrd_pfn);
	assert_int_equal(si->mod_len, in.initrd_bytes);
	assert_string_equal((const char *)si->cmd_line, "console=hvc0");
	assert_int_equal(si->first_p2m_pfn, plan.p2m_pfn);
	assert_int_equal(si->first_p2m_pfn + si->nr_p2m_frames, plan.end_pfn);
	assert_memory_equal(ram + plan.store_pfn * PAGE, zero, PAGE);
	assert_memory_equal(ram + plan.console_pfn * PAGE, zero, PAGE);
	assert_int_equal(plan.rip, in.image->entry);
	assert_int_equal(plan.rsp, KBASE + (plan.stack_pfn + 1) * PAGE);
}

static void kernel_without_notes_has_all_in_the_boot_mapping(void **state)
{
	const struct start_info *si;

	in.image = &small_image;
	in.nr_pages = 1024;			/* 4 MiB, the least */
	build();
	check_boot_mapping();
	check_p2m();
	assert_true(plan.initrd_mapped && plan.p2m_mapped);
	assert_int_equal(plan.map_end_pfn, 1024);
	assert_int_equal(plan.end_pfn, 1024);
	assert_int_equal(plan.p2m_va, plan.p2m_pfn * PAGE);
	si = at(plan.rsi);
	assert_int_equal(si->flags, SIF_VIRT_P2M_4TOOLS);
	assert_int_equal(si->mod_start, plan.initrd_pfn * PAGE);
	assert_int_equal(si->nr_p2m_frames, 0);
	assert_int_equal(si->first_p2m_pfn, 0);
}

static void hypercall_page_is_filled(void **state)
{
	static const uint8_t slot5[] = {
		0x51, 0x41, 0x53, 0xb8, 5, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3,
	};
	static const uint8_t iret[] = {
		0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05, 0xcc, 0xcc, 0xcc,
	};
	static const uint8_t slot127[] = { 0x51, 0x41, 0x53, 0xb8, 127, 0, 0, 0, 0x0f, 0x05 };

	in.image = &small_image;
	small_image.has_hypercall_page = true;
	build();
	assert_memory_equal(ram + 0x100000 + 5 * 32, slot5, sizeof(slot5));
	assert_memory_equal(ram + 0x100000 + 23 * 32, iret, sizeof(iret));
	assert_memory_equal(ram + 0x100000 + 127 * 32, slot127, sizeof(slot127));
}

static void paddr_offset_is_taken_off(void **state)
{
	linux_image.paddr_offset = KBASE;	/* as NetBSD: physical addresses are virtual */
	linux_image.seg[0].paddr += KBASE;
	linux_image.seg[1].paddr += KBASE;
	linux_image.has_init_p2m = false;
	linux_image.has_mod_start_pfn = false;
	build();
	check_kernel();
	check_boot_mapping();
	check_p2m();
	assert_int_equal(plan.initrd_pfn, 0x1009);
	assert_int_equal(plan.p2m_pfn, 0x100d);
}

static void a_segment_may_be_all_zero(void **state)
{
	linux_image.seg[1].file_bytes = 0;
	linux_image.seg[1].data = NULL;
	build();
	check_kernel();
}

static void no_initrd_means_none(void **state)
{
	const struct start_info *si;

	in.initrd_bytes = 0;
	build();
	si = at(plan.rsi);
	assert_int_equal(si->mod_start, 0);
	assert_int_equal(si->mod_len, 0);
	assert_int_equal(si->flags, SIF_VIRT_P2M_4TOOLS);
}

static void low_kernels_leave_the_isa_hole_alone(void **state)
{
	in.image = &small_image;
	small_image.seg[0].paddr = 0x8000;
	small_image.entry = 0x8000;
	build();
	assert_true(plan.initrd_pfn >= 0x100);
	check_boot_mapping();
}

static void every_memory_size_has_one_answer(void **state)
{
	const struct pvm_image *images[] = { &linux_image, &small_image };

	for (int i = 0; i < 2; i++) {
		uint64_t min, pages;
		bool fits_before = false;

		in.image = images[i];
		assert_int_equal(pvm_build_min_pages(&in, &min), 0);
		for (pages = min - 3; pages < min + 3; pages++) {
			in.nr_pages = pages;
			if (pages < min) {
				assert_int_equal(pvm_build_plan(&in, &plan), -ENOSPC);
				assert_non_null(strstr(pvm_errmsg(), "MiB"));
				continue;
			}
			assert_int_equal(pvm_build_plan(&in, &plan), 0);
			assert_true(plan.end_pfn <= pages);
			fits_before = true;
		}
		assert_true(fits_before);
	}
}

static void large_guests_have_large_p2ms(void **state)
{
	in.nr_pages = 3ull << 18;		/* 3 GiB: a p2m of 6 MiB, four L1 tables */
	build();
	check_boot_mapping();
	check_p2m();
	assert_int_equal(plan.p2m.nr_l1, 3);
	in.nr_pages = (1ull << 28) - 1;		/* 1 TiB - 4 KiB: only the plan */
	assert_int_equal(pvm_build_plan(&in, &plan), 0);
	assert_int_equal(plan.p2m.nr_l1, 1024);
	assert_int_equal(plan.p2m.nr_l2, 2);
}

static void tables_at_every_size_of_the_mapping(void **state)
{
	/* Grow the kernel so that table counts step over their boundaries. */
	for (uint64_t mb = 2; mb < 80; mb += 1) {
		linux_image.seg[1].mem_bytes = mb * MIB - 0x3000;
		in.nr_pages = 256 * MIB / PAGE;
		assert_int_equal(pvm_build_plan(&in, &plan), 0);
		assert_int_equal(plan.nr_pt_pages, 3 + plan.boot.nr_l1);
		assert_true(plan.boot.nr_l1 * 512 >= plan.map_end_pfn);
		assert_true(plan.boot.nr_l1 * 512 < plan.map_end_pfn + 512);
		assert_true(plan.stack_pfn + 129 <= plan.map_end_pfn);
		assert_true(plan.stack_pfn + 129 + 1024 + 1 > plan.map_end_pfn);
	}
}

static void init_p2m_is_honoured_only_where_it_can_be(void **state)
{
	static const struct {
		uint64_t va;
		bool honoured;
	} t[] = {
		{ P2M, true },
		{ 0x1000, true },
		{ P2M + 8, false },				/* not aligned */
		{ KBASE + 0x40000000, false },			/* above virt_base */
		{ 0x0000800000000000ull - PAGE, false },	/* grows out of the lower half */
		{ 0x1000800000000000ull, false },		/* not canonical */
		{ 0xffff800000000000ull, false },		/* the hypervisor's */
		{ 0xffff880000000000ull, true },
		{ KBASE - 0x10000000, false },			/* L4 slot of the kernel */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		linux_image.init_p2m = t[i].va;
		build();
		assert_int_equal(!plan.p2m_mapped, t[i].honoured);
		check_boot_mapping();
		check_p2m();
	}
}

static void odd_virt_base_works(void **state)
{
	/* Not 2 MiB aligned, and the tables of the mapping cross an L3 entry. */
	linux_image.virt_base = 0xffffff80bfe01000ull;
	linux_image.entry = linux_image.virt_base + 0x1000000;
	build();
	check_boot_mapping();
	check_p2m();
	assert_int_equal(plan.boot.nr_l2, 2);
	/* and an L4 entry */
	linux_image.virt_base = 0xffffff7fffe00000ull;
	linux_image.entry = linux_image.virt_base + 0x1000000;
	build();
	check_boot_mapping();
	check_p2m();
	assert_int_equal(plan.boot.nr_l3, 2);
}

static void impossible_images_are_refused(void **state)
{
#define REFUSED(err, change) do {					\
		reset(NULL);						\
		change;							\
		assert_int_equal(pvm_build_plan(&in, &plan), err);	\
		assert_true(strlen(pvm_errmsg()) > 20);			\
	} while (0)
	uint64_t pages;
	char cmd[1100];

	memset(cmd, 'x', sizeof(cmd));
	cmd[1023] = '\0';
	reset(NULL);
	in.cmdline = cmd;
	assert_int_equal(pvm_build_plan(&in, &plan), 0);
	cmd[1023] = 'x';
	cmd[1024] = '\0';
	REFUSED(-EINVAL, in.cmdline = cmd);
	assert_non_null(strstr(pvm_errmsg(), "1023"));
	REFUSED(-ENOEXEC, linux_image.nr_segs = 0);
	REFUSED(-ENOEXEC, linux_image.virt_base += 1);
	REFUSED(-ENOEXEC, linux_image.seg[0].paddr = 1ull << 30);
	REFUSED(-ENOEXEC, linux_image.seg[0].paddr = ~0ull);
	REFUSED(-ENOEXEC, linux_image.paddr_offset = 0x2000000);
	REFUSED(-ENOEXEC, linux_image.seg[0].mem_bytes = ~0ull);
	REFUSED(-ENOEXEC, linux_image.seg[0].file_bytes = 6 * PAGE);
	REFUSED(-ENOSPC, linux_image.seg[0].mem_bytes = 1ull << 30);
	REFUSED(-ENOSPC, linux_image.seg[0].mem_bytes = (1ull << 30) - 0x1000000 - 0x10000);
	REFUSED(-ENOEXEC, linux_image.entry = KBASE + 0x2000000);
	REFUSED(-ENOEXEC, linux_image.entry = KBASE - 1);
	REFUSED(-ENOEXEC, linux_image.has_hypercall_page = true;
		linux_image.hypercall_page = KBASE + 0x1000800);
	REFUSED(-ENOEXEC, linux_image.has_hypercall_page = true;
		linux_image.hypercall_page = KBASE + 0x1009000);
	REFUSED(-ENOEXEC, linux_image.has_hypercall_page = true;
		linux_image.hypercall_page = KBASE - 0x1000);
	REFUSED(-ENOEXEC, linux_image.virt_base = 0xffff800000000000ull;
		linux_image.entry = linux_image.virt_base + 0x1000000);
	REFUSED(-ENOEXEC, linux_image.virt_base = 0xffffffffc0001000ull;
		linux_image.entry = linux_image.virt_base + 0x1000000);
	REFUSED(-ENOSPC, in.initrd_bytes = 60 * MIB);
	REFUSED(-ENOSPC, in.initrd_bytes = ~0ull);
	REFUSED(-ENOSPC, in.initrd_bytes = 4096 * MIB);
	REFUSED(-ENOSPC, in.initrd_bytes = 4096 * MIB; in.nr_pages = 1 << 22);
	REFUSED(-ENOSPC, linux_image.has_mod_start_pfn = false; in.initrd_bytes = 1100 * MIB;
		in.nr_pages = 1 << 20);
	reset(NULL);
	linux_image.nr_segs = 0;
	assert_int_equal(pvm_build_min_pages(&in, &pages), -ENOEXEC);
}

static void an_initrd_just_below_4_gib_fits(void **state)
{
	in.nr_pages = 2ull << 20;		/* 8 GiB */
	in.initrd_bytes = 0;
	assert_int_equal(pvm_build_plan(&in, &plan), 0);
	in.initrd_bytes = (0x100000 - plan.map_end_pfn) * PAGE;
	assert_int_equal(pvm_build_plan(&in, &plan), 0);
	assert_int_equal(plan.initrd_pfn + plan.initrd_pages, 0x100000);
	in.initrd_bytes++;
	assert_int_equal(pvm_build_plan(&in, &plan), -ENOSPC);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, reset, done)
	const struct CMUnitTest tests[] = {
		T(debian_layout),
		T(kernel_without_notes_has_all_in_the_boot_mapping),
		T(hypercall_page_is_filled),
		T(paddr_offset_is_taken_off),
		T(a_segment_may_be_all_zero),
		T(no_initrd_means_none),
		T(low_kernels_leave_the_isa_hole_alone),
		T(every_memory_size_has_one_answer),
		T(large_guests_have_large_p2ms),
		T(tables_at_every_size_of_the_mapping),
		T(init_p2m_is_honoured_only_where_it_can_be),
		T(odd_virt_base_works),
		T(impossible_images_are_refused),
		T(an_initrd_just_below_4_gib_fits),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
