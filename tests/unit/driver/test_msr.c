// SPDX-License-Identifier: GPL-2.0-only
/* MSR policy: the rows Linux depends on, value checks, and what is unknown before and after the #GP handler. */
#include "test.h"

#include "emul/msr.h"

#define ALL	(PVM_MSR_BSP | PVM_MSR_HAS_TSC_AUX | PVM_MSR_HAS_ARCH_CAPS)

static void reads(void **state)
{
	static const struct { u32 index, st, kind; u64 value; u32 slot; } t[] = {
		{ 0xc0000100, 0, PVM_MSR_FS_BASE, 0, 0 },
		{ 0xc0000101, 0, PVM_MSR_GS_BASE, 0, 0 },
		{ 0xc0000102, 0, PVM_MSR_USER_GS_BASE, 0, 0 },
		{ 0xc0000103, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000103, PVM_MSR_HAS_TSC_AUX, PVM_MSR_TSC_AUX, 0, 0 },
		{ 0xc0000080, 0, PVM_MSR_VALUE, 0xd01, 0 },
		{ 0xc0000081, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0xc0000084, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0xc0000085, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x10, 0, PVM_MSR_TSC, 0, 0 },
		{ 0x1b, 0, PVM_MSR_VALUE, 0xfee00800, 0 },
		{ 0x1b, PVM_MSR_BSP, PVM_MSR_VALUE, 0xfee00900, 0 },
		{ 0x3a, 0, PVM_MSR_VALUE, 1, 0 },
		{ 0x48, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xce, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0xfe, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x10a, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x10a, PVM_MSR_HAS_ARCH_CAPS, PVM_MSR_HOST, 0, 0 },
		{ 0x1a0, 0, PVM_MSR_HOST, 0x1800, 0 },
		{ 0x277, 0, PVM_MSR_VALUE, 0x050100070406, 0 },
		{ 0x40000000, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0xc0011029, 0, PVM_MSR_VALUE, 2, 0 },
		{ 0xc0011027, 0, PVM_MSR_STORED, 0, 0 },
		{ 0xc0011019, 0, PVM_MSR_STORED, 0, 1 },
		{ 0xc001101a, 0, PVM_MSR_STORED, 0, 2 },
		{ 0xc001101b, 0, PVM_MSR_STORED, 0, 3 },
		{ 0xc001101c, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x186, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xda0, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xda0, PVM_MSR_NO_GP_HANDLER, PVM_MSR_VALUE, 0, 0 },
		{ 0x10a, PVM_MSR_NO_GP_HANDLER, PVM_MSR_VALUE, 0, 0 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_msr_answer a = pvm_msr_read(t[i].index, t[i].st);

		assert_int_equal(a.kind, t[i].kind);
		assert_true(a.value == t[i].value);
		assert_int_equal(a.slot, t[i].slot);
	}
}

static void host_bits_are_facts_only(void **state)
{
	struct pvm_msr_answer a = pvm_msr_read(0x10a, ALL);

	(void)state;
	assert_false(a.mask & 2);		/* IBRS_ALL */
	assert_true(a.mask & 1);		/* RDCL_NO */
	assert_false(a.mask & 1 << 7);		/* TSX_CTRL */
	a = pvm_msr_read(0x1a0, 0);
	assert_false(a.mask & 1 << 7);		/* PMU */
	assert_false(a.mask & 1 << 18);		/* MONITOR */
	assert_true(pvm_msr_read(0x8b, 0).mask == ~0ull);
}

static void writes(void **state)
{
	static const struct { u32 index; u64 in; u32 st, kind; u64 value; u32 slot; } t[] = {
		{ 0xc0000101, 0xffffffff82000000, 0, PVM_MSR_GS_BASE, 0xffffffff82000000, 0 },
		{ 0xc0000101, 0, PVM_MSR_NO_GP_HANDLER, PVM_MSR_GS_BASE, 0, 0 },
		{ 0xc0000101, 1ull << 47, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000101, 1ull << 47, PVM_MSR_NO_GP_HANDLER, PVM_MSR_VALUE, 0, 0 },
		{ 0xc0000100, 0x7fffffffffff, 0, PVM_MSR_FS_BASE, 0x7fffffffffff, 0 },
		{ 0xc0000102, 0xff00000000000000, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000103, 0xffffffff, ALL, PVM_MSR_TSC_AUX, 0xffffffff, 0 },
		{ 0xc0000103, 1ull << 32, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000103, 1, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000080, 0xd01, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0xc0000080, 0x501, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0000082, ~0ull, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0x10, 5, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0x1b, 0xfee00900, PVM_MSR_BSP, PVM_MSR_VALUE, 0, 0 },
		{ 0x1b, 0xfee00900, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x3a, 1, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x8b, 0, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0x8b, 1, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x140, 0, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0x140, 1, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x1a0, ~0ull, 0, PVM_MSR_VALUE, 0, 0 },
		{ 0x40000000, 0x1234000, 0, PVM_MSR_HYPERCALL_PAGE, 0x1234, 0 },
		{ 0x40000000, 0x1234001, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0xc0011027, 0xfff, 0, PVM_MSR_STORED, 0xfff, 0 },
		{ 0xc001101b, 0xfff, 0, PVM_MSR_STORED, 0xfff, 3 },
		{ 0xc001101b, 1ull << 32, 0, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x79, 5, ALL, PVM_MSR_INJECT_GP, 0, 0 },
		{ 0x79, 5, PVM_MSR_NO_GP_HANDLER, PVM_MSR_VALUE, 0, 0 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_msr_answer a = pvm_msr_write(t[i].index, t[i].in, t[i].st);

		assert_int_equal(a.kind, t[i].kind);
		if (a.kind != PVM_MSR_INJECT_GP && a.kind != PVM_MSR_VALUE)
			assert_true(a.value == t[i].value);
		assert_int_equal(a.slot, t[i].slot);
	}
}

/* Whatever the index: kinds stay on their side, slots in range, early guests never get #GP. */
static void every_index_gives_a_sane_answer(void **state)
{
	static const u32 from[] = { 0, 0x3ffffff0, 0xbffffff0, 0xc0000000, 0xc0010000, 0xc0011000, 0xfffff000 };
	u32 i, n, st;

	(void)state;
	for (i = 0; i < sizeof(from) / sizeof(from[0]); i++)
	for (n = 0; n < 0x1000; n++)
	for (st = 0; st < 16; st++) {
		u32 index = from[i] + n;
		struct pvm_msr_answer r = pvm_msr_read(index, st), w = pvm_msr_write(index, rnd_edgy(), st);

		assert_true(r.kind <= PVM_MSR_STORED);
		assert_true(w.kind != PVM_MSR_HOST && w.kind != PVM_MSR_TSC && w.kind <= PVM_MSR_HYPERCALL_PAGE);
		assert_true(r.slot < PVM_MSR_SLOTS && w.slot < PVM_MSR_SLOTS);
		if (st & PVM_MSR_NO_GP_HANDLER)
			assert_true(r.kind != PVM_MSR_INJECT_GP && w.kind != PVM_MSR_INJECT_GP);
	}
}

static void control_registers(void **state)
{
	(void)state;
	assert_int_equal(pvm_cr0_read(false), 0x80050033);
	assert_int_equal(pvm_cr0_read(true), 0x8005003b);
	assert_int_equal(pvm_cr4_write(~0ull, ~0ull), PVM_CR4_GUEST);
	assert_int_equal(pvm_cr4_write(~0ull, PVM_CR4_TSD), PVM_CR4_TSD);
	assert_int_equal(pvm_cr4_write(PVM_CR4_SHOWN | PVM_CR4_DE, PVM_CR4_GUEST), PVM_CR4_DE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(host_bits_are_facts_only),
		cmocka_unit_test(writes),
		cmocka_unit_test(every_index_gives_a_sane_answer),
		cmocka_unit_test(control_registers),
	};

	return cmocka_run_group_tests_name("msr", tests, NULL, NULL);
}
