// SPDX-License-Identifier: GPL-2.0-only
/*
 * More shadow pages than any budget: the same few tables mapped everywhere, at every slot and level, in many
 * roots, and touched all over. Run with a small shadow limit: the guest is slow then, but right.
 */
#include "pvt.h"

void test_main(void)
{
	u64 *l1 = page_alloc(), *l2[4], *l3[8], *root[16], i, k, val, bad = 0, *now = mfn_va(l4_mfn());
	u8 *page = page_alloc();

	page[0] = 0x42;
	for (i = 0; i < 512; i++)
		l1[i] = va_maddr(page) | P_RW;
	set_ro(l1);
	for (k = 0; k < ARRAY_SIZE(l2); k++) {
		l2[k] = page_alloc();
		for (i = 0; i < 512; i++)
			l2[k][i] = va_maddr(l1) | P_TABLE;
		set_ro(l2[k]);
	}
	for (k = 0; k < ARRAY_SIZE(l3); k++) {
		l3[k] = page_alloc();
		for (i = 0; i < 512; i++)
			l3[k][i] = va_maddr(l2[i % ARRAY_SIZE(l2)]) | P_TABLE;
		set_ro(l3[k]);
	}
	for (k = 0; k < ARRAY_SIZE(root); k++) {
		root[k] = page_alloc();
		for (i = 0; i < 512; i++)
			root[k][i] = i >= 256 && i < 272 ? 0 : now[i] ? now[i] :
				     va_maddr(l3[(i + k) % ARRAY_SIZE(l3)]) | P_TABLE;
		set_ro(root[k]);
		bad += mmuext(MMUEXT_PIN_L4_TABLE, va_mfn(root[k]), 0) != 0;
	}
	eq("16 roots pinned", bad, 0);
	for (k = 0; k < ARRAY_SIZE(root); k++) {
		bad += mmuext(MMUEXT_NEW_BASEPTR, va_mfn(root[k]), 0) != 0;
		for (i = 0; i < 400; i++) {
			u64 va = (rnd() % 255 + 1) << 39 | (rnd() & 0x7ffffff000);

			bad += try_read(va, &val) || (val & 0xff) != 0x42;
		}
	}
	eq("6400 places through 16 roots", bad, 0);
	mmuext(MMUEXT_NEW_BASEPTR, l4_mfn(), 0);
	for (k = 0; k < ARRAY_SIZE(root); k++)
		bad += mmuext(MMUEXT_UNPIN_TABLE, va_mfn(root[k]), 0) != 0;
	eq("unpinned", bad, 0);
	/* Very many tables of its own, each with one page. */
	for (i = 0; i < 120; i++) {
		u64 va = SCRATCH_VA + (i << 30);

		map_page(va, va_mfn(page), P_RW);
		bad += try_read(va, &val) || (val & 0xff) != 0x42;
	}
	for (k = 0; k < 20; k++)
		for (i = 0; i < 120; i++)
			bad += try_read(SCRATCH_VA + (i << 30), &val) || (val & 0xff) != 0x42;
	eq("120 gigabyte-strided pages, 20 times", bad, 0);
}
