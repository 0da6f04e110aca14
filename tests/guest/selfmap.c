// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writable mappings of live page tables: a level 1 that maps itself, a table of the walk that reads or writes it,
 * and a user root that is changed alone. A real Xen refuses all of it; here the guest must neither hang nor go wrong.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_get\nu_get: mov (%rdi), %rax\n syscall\n.popsection");
extern const char u_get[];

static u64 sign(u64 va)
{
	return va & 1ull << 47 ? va | 0xffffull << 48 : va & ~(0xffffull << 48);
}

static void self(void)
{
	u64 base = sign(330ull << 39), val, i, bad = 0, *l1;
	u8 *page = page_alloc(), *other = page_alloc();

	page[0] = 0x11;
	other[0] = 0x22;
	map_page(base, va_mfn(page), P_RW);
	l1 = (u64 *)((u64)walk(base, 1) & ~0xfffull);
	eq("read before", try_read(base, &val), 0);
	eq("level 1 maps itself writable", set_pte(&l1[5], va_maddr(l1) | P_RW), 0);
	eq("read through it", try_read(base + 5 * PAGE_BYTES, &val), 0);
	eq("is its first entry", val & P_FRAME, va_maddr(page));
	eq("write through it", try_write(base + 5 * PAGE_BYTES, va_maddr(other) | P_RW), 0);
	flush_all();
	eq("has changed the table", l1[0], va_maddr(other) | P_RW);
	eq("read", try_read(base, &val), 0);
	eq("new page", val & 0xff, 0x22);
	for (i = 0; i < 40; i++) {
		bad += try_write(base + 5 * PAGE_BYTES + 8 * (i % 4), va_maddr(i & 1 ? other : page) | P_RW) != 0;
		flush_all();
		bad += try_read(base + (i % 4) * PAGE_BYTES, &val) || (val & 0xff) != (i & 1 ? 0x22 : 0x11);
	}
	eq("40 changes through itself", bad, 0);
	eq("the entry that maps it taken out through itself", try_write(base + 5 * PAGE_BYTES + 40, 0), 0);
	flush_all();
	eq("gone", try_read(base + 5 * PAGE_BYTES, &val), 15);
}

static void own_path(void)
{
	u64 base = sign(331ull << 39), val, *l1, *l2, *l3;
	u8 *page = page_alloc();

	page[0] = 0x33;
	map_page(base, va_mfn(page), P_RW);
	l3 = (u64 *)((u64)walk(base, 3) & ~0xfffull);
	l2 = (u64 *)((u64)walk(base, 2) & ~0xfffull);
	l1 = (u64 *)((u64)walk(base, 1) & ~0xfffull);
	eq("level 3 as level 1, writable", set_pte(&l2[2], va_maddr(l3) | P_TABLE), 0);
	eq("read", try_read(base + (2 << 21), &val), 0);
	eq("is the level 2", val & P_FRAME, va_maddr(l1));
	eq("entry of the own level 2 written", try_write(base + (2 << 21) + 7 * 8, va_maddr(l1) | P_TABLE), 0);
	flush_all();
	eq("arrived", l2[7], va_maddr(l1) | P_TABLE);
	eq("read through the new entry", try_read(base + (7 << 21), &val), 0);
	eq("the page", val & 0xff, 0x33);
	set_pte(&l2[2], 0);
	set_pte(&l2[7], 0);
	eq("gone", try_read(base + (7 << 21), &val), 15);
}

static void user_root(void)
{
	u64 *b = page_alloc(), *l3, *l2, *l1, va = USER_DATA + 3 * PAGE_BYTES, i;
	u8 *page = page_alloc();
	u64 *from;
	struct regs u;

	user_init();
	user_data[3 * PAGE_BYTES] = 0x44;
	page[0] = 0x55;
	l3 = page_alloc(), l2 = page_alloc(), l1 = page_alloc();
	from = (u64 *)((u64)walk(va, 3) & ~0xfffull);
	memcpy(l3, from, PAGE_BYTES);
	from = (u64 *)((u64)walk(va, 2) & ~0xfffull);
	memcpy(l2, from, PAGE_BYTES);
	from = (u64 *)((u64)walk(va, 1) & ~0xfffull);
	memcpy(l1, from, PAGE_BYTES);
	l1[va >> 12 & 511] = va_maddr(page) | P_RW | P_U;
	l2[va >> 21 & 511] = va_maddr(l1) | P_TABLE;
	l3[va >> 30 & 511] = va_maddr(l2) | P_TABLE;
	b[va >> 39 & 511] = va_maddr(l3) | P_TABLE;
	set_ro(l1), set_ro(l2), set_ro(l3), set_ro(b);
	eq("second user root", mmuext(MMUEXT_PIN_L4_TABLE, va_mfn(b), 0), 0);
	for (i = 0; i < 6; i++) {
		eq("user root changed alone", mmuext(MMUEXT_NEW_USER_BASEPTR, i & 1 ? va_mfn(b) : user_l4_mfn, 0), 0);
		user_regs(&u, u_get);
		u.rdi = va;
		user_enter(&u);
		eq("system call", last.vector, VEC_SYSCALL);
		eq("its own page", last.rax & 0xff, i & 1 ? 0x55 : 0x44);
		vi->evtchn_upcall_mask = 1;
	}
	mmuext(MMUEXT_NEW_USER_BASEPTR, user_l4_mfn, 0);
}

void test_main(void)
{
	if (on_xen) {
		skip("a real Xen refuses all of it");
		return;
	}
	self();
	own_path();
	user_root();
}
