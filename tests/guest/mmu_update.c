// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmu_update, update_va_mapping and pins: each stores what it says, at once visible, with the errors
 * of the ABI; frames that are no tables are just stored to; upper levels change the view at once.
 */
#include "pvt.h"

static u8 page_a[PAGE_BYTES] __attribute__((aligned(4096)));
static u8 page_b[PAGE_BYTES] __attribute__((aligned(4096)));
static u64 plain[512] __attribute__((aligned(4096)));

#define VA	(SCRATCH_VA + 0x40000000)

static void leaf(void)
{
	u64 *e = map_page(VA, va_mfn(page_a), P_RW), val;
	mmu_update_t u[3];
	u32 done = 0;

	page_a[0] = 0xaa;
	page_b[0] = 0xbb;
	try_read(VA, &val);
	eq("cmd 0: mapped", val & 0xff, 0xaa);
	eq("cmd 0: other frame", set_pte(e, va_maddr(page_b) | P_RW), 0);
	flush_all();
	try_read(VA, &val);
	eq("cmd 0: is seen", val & 0xff, 0xbb);
	eq("cmd 0: stored exactly", *e & (P_FRAME | P_P | P_W), va_maddr(page_b) | P_P | P_W);
	eq("cmd 0: not present", set_pte(e, 0), 0);
	flush_all();
	eq("cmd 0: faults", try_read(VA, &val), 15);
	eq("cmd 0: present again", set_pte(e, va_maddr(page_a) | P_RO), 0);
	eq("cmd 0: without any flush", try_read(VA, &val), 0);
	eq("cmd 0: read-only", try_write(VA, 1), 15);
	eq("cmd 0: writable again", set_pte(e, va_maddr(page_a) | P_RW), 0);
	eq("cmd 0: the stale fault is absorbed", try_write(VA, 0xaa), 0);
	set_pte(e, va_maddr(page_a) | P_RW | 0xe00ull);
	eq("software bits are kept", *e & 0xe00, 0xe00);

	/* PRESERVE_AD: old A and D stay. */
	set_pte(e, va_maddr(page_a) | P_P | P_W | P_A | P_D);
	mmu_update1(va_maddr(e) | MMU_PT_UPDATE_PRESERVE_AD, va_maddr(page_a) | P_P);
	eq("cmd 2: A and D preserved", *e & (P_A | P_D | P_W), P_A | P_D);
	set_pte(e, va_maddr(page_a) | P_P | P_W);
	mmu_update1(va_maddr(e) | MMU_PT_UPDATE_PRESERVE_AD, va_maddr(page_a) | P_P | P_D);
	eq("cmd 2: given ones are added", *e & P_D, P_D);
	flush_all();
	eq("cmd 2: rights changed", try_write(VA, 1), 15);

	/* Several in one call, done is counted. */
	u[0] = (mmu_update_t){ va_maddr(e), va_maddr(page_a) | P_RW };
	u[1] = (mmu_update_t){ va_maddr(e), va_maddr(page_b) | P_RW };
	u[2] = (mmu_update_t){ va_maddr(e), va_maddr(page_a) | P_RW | 0x200 };
	eq("three updates", hc4(1, u, 3, &done, DOMID_SELF), 0);
	eq("done", done, 3);
	eq("the last one wins", *e & 0x200, 0x200);
	u[1].ptr |= 6;
	done = 0;
	ok(hc4(1, u, 3, &done, DOMID_SELF) < 0, "unknown command in the middle fails");
	eq("done counts up to it", done, 1);
	eq("no requests", hc4(1, u, 0, 0, DOMID_SELF), 0);
	eq("unknown command", mmu_update1(va_maddr(e) | 6, 0), -E_NOSYS);
	ok(mmu_update1(0x7ffffffffffff000ull, 0) < 0, "frame that is not there");
	ok(mmu_update1(va_maddr(page_b) & ~0xfffull, 0) == 0 || on_xen, "frame that is no table");
	ok(hc4(1, u, 1, 0, 5) < 0, "unknown domain");
}

static void not_a_table(void)
{
	plain[5] = 7;
	if (on_xen)
		return;
	eq("store to an ordinary page", mmu_update1(va_maddr(&plain[5]), 0x123456789abcdef0), 0);
	eq("is there", READ_ONCE(plain[5]), 0x123456789abcdef0);
	eq("PRESERVE_AD on an ordinary page",
	   mmu_update1(va_maddr(&plain[5]) | 2, 0x1000), 0);
	eq("kept A and D of the old value", READ_ONCE(plain[5]), 0x1000 | (0x123456789abcdef0 & 0x60));
	plain[5] = 0;
}

static void machphys(void)
{
	u64 mfn = va_mfn(page_b), val, old;

	try_read(HOLE_START + mfn * 8, &old);
	eq("MACHPHYS_UPDATE", mmu_update1(mfn << 12 | MMU_MACHPHYS_UPDATE, 0x1234), 0);
	try_read(HOLE_START + mfn * 8, &val);
	eq("M2P says so", val, 0x1234);
	eq("MACHPHYS_UPDATE back", mmu_update1(mfn << 12 | MMU_MACHPHYS_UPDATE, old), 0);
	try_read(HOLE_START + mfn * 8, &val);
	eq("M2P is back", val, old);
	ok(mmu_update1(0xffffffffull << 12 | MMU_MACHPHYS_UPDATE, 1) < 0, "M2P of a frame beyond");
}

static void va_mapping(void)
{
	u64 val, bitmap = 1, i;
	static const u64 flags[] = {
		UVMF_NONE, UVMF_TLB_FLUSH, UVMF_INVLPG, UVMF_TLB_FLUSH | UVMF_ALL,
		UVMF_INVLPG | UVMF_ALL,
	};

	map_page(VA, va_mfn(page_a), P_RW);
	page_a[0] = 0xaa;
	page_b[0] = 0xbb;
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		try_read(VA, &val);
		eq("update_va_mapping", va_map(VA, va_maddr(page_b) | P_RW, flags[i]), 0);
		if (flags[i] == UVMF_NONE)
			flush_all();
		try_read(VA, &val);
		if (!eq("is seen", val & 0xff, 0xbb))
			pr("#   flags %#lx\n", flags[i]);
		va_map(VA, va_maddr(page_a) | P_RW, UVMF_INVLPG | UVMF_ALL);
	}
	eq("with a vCPU bitmap", va_map(VA, va_maddr(page_b) | P_RW, (u64)&bitmap | UVMF_INVLPG), 0);
	try_read(VA, &val);
	eq("is seen", val & 0xff, 0xbb);
	eq("zero unmaps", va_map(VA, 0, UVMF_INVLPG), 0);
	eq("and faults", try_read(VA, &val), 15);
	eq("no level 1 there", va_map(VA + (1ull << 30), va_maddr(page_a) | P_RW, 0), -E_INVAL);
	eq("no level 3 there", va_map(0x7f0000000000, va_maddr(page_a) | P_RW, 0), -E_INVAL);
	ok(va_map(HOLE_START, va_maddr(page_a) | P_RW, 0) < 0, "address in the hole");
	ok(va_map(1ull << 50, va_maddr(page_a) | P_RW, 0) < 0, "address not canonical");
}

/* A change of an upper entry takes effect before the call returns, without a flush of ours. */
static void upper(void)
{
	u64 base = VA + (1ull << 30), *l2e, *l1a, *l1b, val, bad = 0, i, old;

	map_page(base, va_mfn(page_a), P_RW);
	l2e = walk(base, 2);
	l1a = mfn_va((*l2e & P_FRAME) >> 12);
	l1b = page_alloc();
	l1b[0] = va_maddr(page_b) | P_RW;
	set_ro(l1b);
	page_a[0] = 0xaa;
	page_b[0] = 0xbb;
	for (i = 0; i < 20; i++) {
		u64 *want = i & 1 ? l1a : l1b;

		try_read(base, &val);
		if (set_pte(l2e, va_maddr(want) | P_TABLE))
			bad++;
		bad += try_read(base, &val) || (val & 0xff) != (i & 1 ? 0xaa : 0xbb);
	}
	eq("level 2 entry switched 20 times", bad, 0);
	old = *walk(base, 4);
	eq("level 2 entry removed", set_pte(l2e, 0), 0);
	eq("faults at once", try_read(base, &val), 15);
	eq("not present in the error code", last.error, 0);
	set_pte(l2e, va_maddr(l1a) | P_TABLE);
	eq("level 4 entry removed", set_pte(walk(base, 4), 0), 0);
	eq("faults at once", try_read(base, &val), 15);
	eq("level 4 entry back", set_pte(&((u64 *)mfn_va(l4_mfn()))[base >> 39 & 511], old), 0);
	eq("works at once", try_read(base, &val), 0);
	/* Rights of upper levels count. */
	set_pte(l2e, va_maddr(l1a) | P_P | P_U | P_A);
	eq("read-only by level 2", try_write(base, 1), 15);
	eq("its error code", last.error, 3);
	set_pte(l2e, va_maddr(l1a) | P_TABLE | P_NX);
	eq("no execution by level 2", try_exec(base), 15);
	eq("its error code", last.error, 0x11);
	set_pte(l2e, va_maddr(l1a) | P_TABLE);
	/* A freed table is an ordinary page again. */
	set_pte(l2e, 0);
	set_rw(l1a);
	eq("a table that was taken out can be written", try_write((u64)l1a, 0), 0);
}

static u64 *copy_root(void)
{
	u64 *root = page_alloc(), *now = mfn_va(l4_mfn());
	u32 i;

	for (i = 0; i < 512; i++)
		if (i < 256 || i > 271)
			root[i] = now[i];
	set_ro(root);
	return root;
}

static void pins(void)
{
	u64 *root = copy_root(), old = l4_mfn(), val, i, bad = 0;
	struct mmuext_op two[2] = { { .cmd = MMUEXT_NEW_BASEPTR }, { .cmd = MMUEXT_NEW_USER_BASEPTR } };
	u32 done = 9;

	eq("PIN_L4", mmuext(MMUEXT_PIN_L4_TABLE, va_mfn(root), 0), 0);
	eq("NEW_BASEPTR", mmuext(MMUEXT_NEW_BASEPTR, va_mfn(root), 0), 0);
	set_l4(va_mfn(root));
	asm volatile("mov %%cr3, %0" : "=r"(val));
	if (!on_xen)
		eq("cr3 reads as the root", val, va_maddr(root));
	/* A mapping in a slot that only the new root has. */
	map_page(SCRATCH_VA + (2ull << 39), va_mfn(page_a), P_RW);
	page_a[0] = 0xaa;
	eq("mapping of the new root", try_read(SCRATCH_VA + (2ull << 39), &val), 0);
	two[0].arg1.mfn = old;
	two[1].arg1.mfn = 0;
	eq("both bases in one call", hc4(26, two, 2, &done, DOMID_SELF), 0);
	eq("done", done, 2);
	set_l4(old);
	eq("not in the old root", try_read(SCRATCH_VA + (2ull << 39), &val), 15);
	for (i = 0; i < 200; i++) {
		mmuext(MMUEXT_NEW_BASEPTR, i & 1 ? old : va_mfn(root), 0);
		bad += try_read(SCRATCH_VA + (2ull << 39), &val) != (i & 1 ? 15 : 0);
	}
	eq("200 changes of the base", bad, 0);
	eq("UNPIN", mmuext(MMUEXT_UNPIN_TABLE, va_mfn(root), 0), 0);
	set_rw(root);
	eq("the old root can be written", try_write((u64)&root[3], 0), 0);
	ok(mmuext(MMUEXT_PIN_L4_TABLE, 0x7ffffffffull, 0) < 0, "PIN of a frame that is not there");
	ok(mmuext(MMUEXT_NEW_BASEPTR, 0x7ffffffffull, 0) < 0, "NEW_BASEPTR of such a frame");
	ok(mmuext(MMUEXT_NEW_USER_BASEPTR, 0x7ffffffffull, 0) < 0, "NEW_USER_BASEPTR of such a frame");
	ok(mmuext(MMUEXT_UNPIN_TABLE, 0x7ffffffffull, 0) < 0 || !on_xen, "UNPIN of such a frame");
	eq("NEW_USER_BASEPTR 0", mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
	eq("unknown mmuext", mmuext(99, 0, 0), on_xen ? -E_NOSYS : -E_NOSYS);
	ok(mmuext(MMUEXT_MARK_SUPER, 0, 0) < 0, "MARK_SUPER");
	if (!on_xen)
		eq("FLUSH_CACHE", mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
}

static void page_ops(void)
{
	u32 i, bad = 0;

	memset(page_a, 0x5a, PAGE_BYTES);
	eq("COPY_PAGE", mmuext(MMUEXT_COPY_PAGE, va_mfn(page_b), va_mfn(page_a)), 0);
	eq("copied", memcmp(page_a, page_b, PAGE_BYTES), 0);
	eq("CLEAR_PAGE", mmuext(MMUEXT_CLEAR_PAGE, va_mfn(page_b), 0), 0);
	for (i = 0; i < PAGE_BYTES; i++)
		bad += page_b[i] != 0;
	eq("cleared", bad, 0);
}

/* The same into tables that are in use: after a flush only the new contents count. */
static void page_ops_on_tables(void)
{
	u64 va = SCRATCH_VA + (3ull << 39), *image = page_alloc(), *l2e, val, other = va + (1ull << 21);

	if (on_xen)	/* refuses: the type of the page forbids it */
		return;
	page_a[0] = 0xaa;
	page_b[0] = 0xbb;
	map_page(va, va_mfn(page_a), P_RW);
	map_page(va + PAGE_BYTES, va_mfn(page_a), P_RW);
	map_page(other, va_mfn(page_a), P_RW);
	l2e = walk(va, 2);
	eq("mapped", try_read(va, &val) || try_read(va + PAGE_BYTES, &val) || try_read(other, &val), 0);
	image[0] = va_maddr(page_b) | P_RW;
	eq("COPY_PAGE into a level 1", mmuext(MMUEXT_COPY_PAGE, (*l2e & P_FRAME) >> 12, va_mfn(image)), 0);
	flush_all();
	eq("its first entry", try_read(va, &val) || (val & 0xff) != 0xbb, 0);
	eq("its second is gone", try_read(va + PAGE_BYTES, &val), 15);
	eq("CLEAR_PAGE of a level 1", mmuext(MMUEXT_CLEAR_PAGE, (*l2e & P_FRAME) >> 12, 0), 0);
	flush_all();
	eq("both are gone", try_read(va, &val), 15);
	eq("the next table is not", try_read(other, &val), 0);
	eq("CLEAR_PAGE of a level 2", mmuext(MMUEXT_CLEAR_PAGE, (*walk(va, 3) & P_FRAME) >> 12, 0), 0);
	flush_all();
	eq("it is now", try_read(other, &val), 15);
}

void test_main(void)
{
	leaf();
	not_a_table();
	machphys();
	va_mapping();
	upper();
	pins();
	page_ops();
	page_ops_on_tables();
}
