// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor's slots of the address space: nothing there can be read, written, executed, mapped or used
 * as a buffer by the guest, in either mode, and what the guest puts into those slots of its own root has no
 * effect.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_peek, u_poke\n"
    "u_peek: mov (%rdi), %rax\n syscall\nu_poke: mov %rax, (%rdi)\n syscall\n.popsection");
extern const char u_peek[], u_poke[];

static u32 user(const char *code, u64 va)
{
	struct regs u;

	user_init();
	user_regs(&u, code);
	u.rdi = va;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	return last.vector == VEC_SYSCALL ? 0 : last.vector + 1;
}

void test_main(void)
{
	u64 slot, off, val, *root = mfn_va(l4_mfn()), readable = 0, written = 0, user_ok = 0, exec = 0;
	u8 *page = page_alloc();
	static const u64 offs[] = { 0, 0x1000, 0x2000, 0x3000, 0x10000, 0x100000, 0x200000, 0x3ffff000 };
	u64 i, mapped = 0;

	for (slot = 256; slot < 272; slot++)
		for (i = 0; i < ARRAY_SIZE(offs); i++) {
			u64 va = HOLE_START + ((slot - 256) << 39) + offs[i];

			off = offs[i];
			(void)off;
			if (slot > 256)
				readable += !try_read(va, &val);
			written += !try_write(va, 1);
			user_ok += !user(u_peek, va) + !user(u_poke, va);
			if (slot > 256)
				exec += !try_exec(va);
		}
	if (!on_xen)
		eq("kernel mode reads nothing (M2P apart)", readable, 0);
	eq("kernel mode writes nothing", written, 0);
	eq("user mode reads and writes nothing, M2P included", user_ok, 0);
	eq("nothing can be executed", exec, 0);
	if (on_xen)
		return;
	/* First 64 MiB of the last slot, where a 4-level host has its switcher, page by page. */
	for (off = 0; off < 64 << 20; off += PAGE_BYTES)
		mapped += !try_read(HOLE_END - (1ull << 39) + off, &val);
	eq("last slot, 64 MiB page by page", mapped, 0);
	try_read(HOLE_END - (1ull << 39), &val);
	ok(last.vector == 14 && !(last.error & 9), "its #PF looks like that of nothing (%#lx)", last.error);
	/* Entries of the guest's own root there: refused or without effect. */
	for (i = 0; i < 2; i++) {
		slot = i ? 271 : 257;
		set_pte(&root[slot], *walk(VIRT_BASE, 4));
		flush_all();
		ok(try_read(HOLE_START + ((slot - 256) << 39) + (VIRT_BASE & 0x7fffffffff), &val) == 15,
		   "slot %lu of the guest's root has no effect", slot);
		set_pte(&root[slot], 0);
	}
	ok(va_map(HOLE_END - (1ull << 39), va_maddr(page) | P_RW, UVMF_INVLPG) < 0,
	   "update_va_mapping there is refused");
	eq("the M2P is read-only", try_write(HOLE_START, 0), 15);
	eq("read past the M2P", try_read(HOLE_START + (1ull << 38), &val), 15);
}
