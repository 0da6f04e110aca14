// SPDX-License-Identifier: GPL-2.0-only
/* Shadow entries: exhaustive over the bits that matter, compared with the rules spelled out one by one. */
#include "test.h"

#include "mmu/spte.h"

#define HFN	0x123456789ull
#define STRIPPED (PVM_PTE_PWT | PVM_PTE_PCD | PVM_PTE_PS | PVM_PTE_G | 7ull << 9 | 0x7ffull << 52)

static const u64 bits[] = {
	PVM_PTE_P, PVM_PTE_W, PVM_PTE_U, PVM_PTE_A, PVM_PTE_D, PVM_PTE_NX,
	PVM_PTE_PCD | PVM_PTE_G | 7ull << 9 | 15ull << 59,
};

static u64 pte_of(u32 combination)
{
	u64 e = 0x42000;
	u32 i;

	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (combination >> i & 1)
			e |= bits[i];
	return e;
}

#define COMBINATIONS 128

static void leaf_carries_only_frame_nx_and_a_lent_w(void **state)
{
	u32 c, in;

	(void)state;
	for (c = 0; c < COMBINATIONS; c++) {
		for (in = 0; in < 8; in++) {
			u64 g = pte_of(c), e = pvm_spte_leaf(g, pvm_hfn(HFN), in);
			bool may = (g & PVM_PTE_W) && (in & PVM_SPTE_IN_HOST_W) && !(in & PVM_SPTE_IN_TABLE);
			bool now = (g & PVM_PTE_D) || (in & PVM_SPTE_IN_WRITE);

			assert_int_equal(pvm_spte_hfn(e).v, HFN);
			assert_true(pvm_spte_is_present(e));
			assert_true((e & PVM_PTE_U) && (e & PVM_PTE_A));
			assert_int_equal(e & PVM_PTE_NX, g & PVM_PTE_NX);
			assert_int_equal(!!(e & PVM_PTE_W), may && now);
			assert_int_equal(!!(e & PVM_SPTE_HOST_W), !!(in & PVM_SPTE_IN_HOST_W));
			assert_int_equal(e & STRIPPED & ~PVM_SPTE_HOST_W, 0);
			/* the CPU must never have to write to the shadow */
			assert_true(!(e & PVM_PTE_W) || (e & PVM_PTE_D));
		}
	}
}

static void leaf_ignores_frame_bits_beyond_the_field(void **state)
{
	(void)state;
	assert_int_equal(pvm_spte_leaf(PVM_PTE_P, pvm_hfn(~0ull), 0) & ~PVM_PTE_FRAME,
			 PVM_PTE_P | PVM_PTE_U | PVM_PTE_A);
}

static void table_entry_keeps_w_and_nx_of_the_guest(void **state)
{
	u32 c;

	(void)state;
	for (c = 0; c < COMBINATIONS; c++) {
		u64 g = pte_of(c), e = pvm_spte_table(g, pvm_hfn(HFN));

		assert_int_equal(pvm_spte_hfn(e).v, HFN);
		assert_int_equal(e & (PVM_PTE_W | PVM_PTE_NX), g & (PVM_PTE_W | PVM_PTE_NX));
		assert_int_equal(e & STRIPPED, 0);
		assert_int_equal(e & (PVM_PTE_P | PVM_PTE_U | PVM_PTE_A), PVM_PTE_P | PVM_PTE_U | PVM_PTE_A);
	}
	assert_false(pvm_spte_is_present(0));
}

static void touched_sets_a_and_d(void **state)
{
	(void)state;
	assert_int_equal(pvm_gpte_touched(1, false), 1 | PVM_PTE_A);
	assert_int_equal(pvm_gpte_touched(1, true), 1 | PVM_PTE_A | PVM_PTE_D);
}

/* After the change is applied the entry may give no right the new guest entry does not give. */
static void no_change_leaves_a_stale_right(void **state)
{
	u32 o, n, in, move;
	u32 seen[4] = { 0 };

	(void)state;
	for (o = 0; o < COMBINATIONS; o++)
	for (n = 0; n < COMBINATIONS; n++)
	for (in = 0; in < 8; in++)
	for (move = 0; move < 2; move++) {
		u64 old = pte_of(o), new = pte_of(n) + (move ? PVM_PAGE_SIZE : 0);
		u64 e = old & PVM_PTE_P ? pvm_spte_leaf(old, pvm_hfn(HFN), in) : 0, before = e;
		enum pvm_spte_change c = pvm_spte_change(old, new, e);

		seen[c]++;
		switch (c) {
		case PVM_SPTE_KEEP:
			break;
		case PVM_SPTE_DOWNGRADE:
			e = pvm_spte_downgrade(e, new);
			assert_true(e != before);
			assert_int_equal(pvm_spte_hfn(e).v, HFN);
			break;
		case PVM_SPTE_REPLACE:
			/* only rights are gained: no flush */
			assert_true((before & PVM_PTE_W) == 0 || ((new & PVM_PTE_W) && (new & PVM_PTE_D)));
			assert_true(!(new & PVM_PTE_NX) || (before & PVM_PTE_NX));
			e = pvm_spte_leaf(new, pvm_hfn(HFN), in & ~PVM_SPTE_IN_WRITE);
			break;
		case PVM_SPTE_DROP:
			assert_true(before & PVM_PTE_P);
			e = 0;
			break;
		}
		if (!(e & PVM_PTE_P))
			continue;
		assert_true((new & PVM_PTE_P) && (new & PVM_PTE_A));
		assert_true(!move);
		if (e & PVM_PTE_W)
			assert_true((new & PVM_PTE_W) && (new & PVM_PTE_D) && (in & PVM_SPTE_IN_HOST_W) &&
				    !(in & PVM_SPTE_IN_TABLE));
		if (new & PVM_PTE_NX)
			assert_true(e & PVM_PTE_NX);
		/* nothing changed at all: nothing to do, unless the write that set D was never seen */
		if (old == new && !(in & PVM_SPTE_IN_TABLE) && !(in & PVM_SPTE_IN_WRITE))
			assert_int_equal(c, PVM_SPTE_KEEP);
	}
	for (o = 0; o < 4; o++)
		assert_true(seen[o] > 0);
}

static void downgrade_never_gives(void **state)
{
	u32 c, n;

	(void)state;
	for (c = 0; c < COMBINATIONS; c++)
		for (n = 0; n < COMBINATIONS; n++) {
			u64 e = pvm_spte_leaf(pte_of(c), pvm_hfn(HFN), PVM_SPTE_IN_HOST_W);
			u64 d = pvm_spte_downgrade(e, pte_of(n));

			assert_int_equal(d & PVM_PTE_W & ~e, 0);
			assert_int_equal(e & PVM_PTE_NX & ~d, 0);
			assert_int_equal((d ^ e) & ~(PVM_PTE_W | PVM_PTE_D | PVM_PTE_NX), 0);
		}
}

/* The cases Linux makes: wrprotect in fork, clearing the accessed bit, mprotect to writable, unmapping. */
static void linux_cases(void **state)
{
	u64 rw = 0x42000 | PVM_PTE_P | PVM_PTE_W | PVM_PTE_U | PVM_PTE_A | PVM_PTE_D | PVM_PTE_NX;
	u64 e = pvm_spte_leaf(rw, pvm_hfn(HFN), PVM_SPTE_IN_HOST_W), ro;

	(void)state;
	assert_true(e & PVM_PTE_W);
	assert_int_equal(pvm_spte_change(rw, rw & ~PVM_PTE_W, e), PVM_SPTE_DOWNGRADE);
	ro = pvm_spte_downgrade(e, rw & ~PVM_PTE_W);
	assert_false(ro & PVM_PTE_W);
	assert_int_equal(pvm_spte_change(rw & ~PVM_PTE_W, rw, ro), PVM_SPTE_REPLACE);
	assert_int_equal(pvm_spte_change(rw, rw & ~PVM_PTE_A, e), PVM_SPTE_DROP);
	assert_int_equal(pvm_spte_change(rw, rw & ~PVM_PTE_D, e), PVM_SPTE_DOWNGRADE);
	assert_int_equal(pvm_spte_change(rw, 0, e), PVM_SPTE_DROP);
	assert_int_equal(pvm_spte_change(rw, rw ^ 0x1000, e), PVM_SPTE_DROP);
	assert_int_equal(pvm_spte_change(rw, rw & ~PVM_PTE_NX, e), PVM_SPTE_REPLACE);
	assert_int_equal(pvm_spte_change(rw & ~PVM_PTE_NX, rw, e & ~PVM_PTE_NX), PVM_SPTE_DOWNGRADE);
	/* clean page made writable: the first write asks anyway */
	assert_int_equal(pvm_spte_change(rw & ~(PVM_PTE_W | PVM_PTE_D), rw & ~PVM_PTE_D, ro), PVM_SPTE_KEEP);
	/* shared host page: W cannot be given, so there is nothing to make anew */
	assert_int_equal(pvm_spte_change(rw & ~PVM_PTE_W, rw, ro & ~PVM_SPTE_HOST_W), PVM_SPTE_KEEP);
	assert_int_equal(pvm_spte_change(0, rw, 0), PVM_SPTE_KEEP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf_carries_only_frame_nx_and_a_lent_w),
		cmocka_unit_test(leaf_ignores_frame_bits_beyond_the_field),
		cmocka_unit_test(table_entry_keeps_w_and_nx_of_the_guest),
		cmocka_unit_test(touched_sets_a_and_d),
		cmocka_unit_test(no_change_leaves_a_stale_right),
		cmocka_unit_test(downgrade_never_gives),
		cmocka_unit_test(linux_cases),
	};

	return cmocka_run_group_tests_name("spte", tests, NULL, NULL);
}
