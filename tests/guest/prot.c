// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults: which accesses fault, with which error code and address, in both modes; that kernel and
 * user view are kept apart; that the U bit is not enforced; and that faults leave no trace behind.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_read, u_write, u_exec\n"
    "u_read: mov (%rdi), %rax\n syscall\n"
    "u_write: mov %rax, (%rdi)\n syscall\n"
    "u_exec: jmp *%rdi\n.popsection");
extern const char u_read[], u_write[], u_exec[];

#define NO	0xffffffffu	/* expected: works */

/* One access in user mode: the #PF error code, NO if it worked. */
static u32 user(const char *code, u64 va)
{
	struct regs u;

	user_init();
	user_regs(&u, code);
	u.rdi = va;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	if (last.vector == VEC_SYSCALL)
		return NO;
	if (last.vector != 14 || last.cr2 != va)
		pr("#   vector %#lx cr2 %#lx for %#lx\n", last.vector, last.cr2, va);
	return last.vector == 14 ? last.error : 0xbad0 + last.vector;
}

static u32 kernel(int what, u64 va)
{
	u32 t = what == 0 ? try_read(va, NULL) : what == 1 ? try_write(va, 1) : try_exec(va);

	if (!t)
		return NO;
	return t == 15 && last.cr2 == va ? last.error : 0xbad0 + t;
}

struct row {
	const char *name;
	u64 flags;
	u32 kr, kw, kx, ur, uw, ux;
};

static const struct row rows[] = {
	{ "rw x", P_RW | P_U, NO, NO, NO, NO, NO, NO },
	{ "ro x", P_RO | P_U, NO, 3, NO, NO, 7, NO },
	{ "rw nx", P_RW | P_U | P_NX, NO, NO, 0x11, NO, NO, 0x15 },
	{ "ro nx", P_RO | P_U | P_NX, NO, 3, 0x11, NO, 7, 0x15 },
	{ "rw, no U bit", P_RW, NO, NO, NO, NO, NO, NO },
	{ "ro, no U bit", P_RO, NO, 3, NO, NO, 7, NO },
	{ "not present", P_W | P_U | P_A | P_D, 0, 2, 0x10, 4, 6, 0x14 },
	{ "not present, all bits", 0x7ffffffffffffff6, 0, 2, 0x10, 4, 6, 0x14 },
	{ "ro, old A and D clear", P_P | P_U, NO, 3, NO, NO, 7, NO },
	{ "rw, old A and D clear", P_P | P_W | P_U, NO, NO, NO, NO, NO, NO },
};

static void check(const char *row, const char *what, u32 got, u32 want)
{
	if (!ok(got == want, "%s: %s", row, what))
		pr("#   got %#x, expected %#x\n", got, want);
}

static void table(void)
{
	u64 va = 0x10000000, i, *e;
	u8 *page = page_alloc();

	user_init();
	/* A page of "ret" for the kernel is as good as "syscall" for the user: both end the call. */
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		u64 pte = r->flags & 1 || r->flags < 0x1000 ? va_maddr(page) | r->flags : r->flags;

		if (on_xen && r->flags > 0x1000 && !(r->flags & 1))
			continue;
		e = map_page(va, va_mfn(page), P_RW);
		page[0] = 0xc3;
		va_map(va, pte, UVMF_INVLPG);
		check(r->name, "kernel read", kernel(0, va), r->kr);
		va_map(va, pte, UVMF_INVLPG);
		check(r->name, "kernel write", kernel(1, va), r->kw);
		va_map(va, pte, UVMF_INVLPG);
		page[0] = 0xc3;
		check(r->name, "kernel execute", kernel(2, va), r->kx);
		memcpy(page, "\x0f\x05\x00\x00\x00\x00\x00\x00", 8);
		va_map(va, pte, UVMF_INVLPG);
		check(r->name, "user read", user(u_read, va), r->ur);
		va_map(va, pte, UVMF_INVLPG);
		check(r->name, "user execute", user(u_exec, va), r->ux);
		va_map(va, pte, UVMF_INVLPG);
		check(r->name, "user write", user(u_write, va), r->uw);
		/* The faults above must not have changed the entry (A and D apart). */
		check(r->name, "entry unchanged", (*e ^ pte) & (P_FRAME | P_P | P_W) && !on_xen, 0);
	}
	va_map(va, 0, UVMF_INVLPG);
}

static void views(void)
{
	u64 kva = SCRATCH_VA + 0x300000;
	u8 *page = page_alloc();

	map_page(kva, va_mfn(page), P_RW | P_U);
	eq("kernel: its own half", kernel(0, kva), NO);
	eq("user: nothing of the kernel's half", user(u_read, kva), 4);
	eq("user: kernel text", user(u_read, VIRT_BASE + 0x100000), 4);
	eq("user: executing kernel text", user(u_exec, VIRT_BASE + 0x100000), 0x14);
	eq("user: vsyscall page", user(u_exec, 0xffffffffff600000), 0x14);
	eq("user: write to kernel text", user(u_write, VIRT_BASE + 0x100000), 6);
	eq("kernel: user's page", kernel(0, USER_DATA), NO);
	eq("kernel: user's page, write", kernel(1, USER_DATA), NO);
	eq("kernel: user's code, write", kernel(1, USER_VA), 3);
	/* A slot that only the user root has. */
	user_l4 = mfn_va(user_l4_mfn);
	set_pte(&user_l4[3], *walk(kva, 4));
	eq("user: slot of its own", user(u_read, (3ull << 39) + (kva & 0x7fffffffff)), NO);
	eq("kernel: has it not", kernel(0, (3ull << 39) + (kva & 0x7fffffffff)), 0);
	set_pte(&user_l4[3], 0);
	eq("user: slot removed", user(u_read, (3ull << 39) + (kva & 0x7fffffffff)), 4);
}

static void canonical(void)
{
	u64 val;

	eq("non-canonical read: #GP", try_read(0x0000900000000000, &val), 14);
	eq("its error code", last.error, 0);
	eq("non-canonical write: #GP", try_write(0xffff700000000000, 1), 14);
	eq("bit 63 alone: #GP", try_read(1ull << 63, &val), 14);
	eq("lowest page", kernel(0, 0), 0);
	eq("highest page", kernel(0, 0xfffffffffffff000), 0);
	eq("across the canonical edge", try_read(0x00007ffffffffffc, &val) != 0, 1);
}

/* cr2 is memory: it holds the last fault, and nothing but a fault writes it. */
static void cr2(void)
{
	u8 *page = page_alloc();
	u64 i, bad = 0;

	try_read(0x123456789abc, NULL);
	vi->arch.cr2 = 0x77;
	map_page(SCRATCH_VA + 0x310000, va_mfn(page), P_RW);
	for (i = 0; i < 100; i++) {
		va_map(SCRATCH_VA + 0x310000, va_maddr(page) | P_RW, UVMF_INVLPG);
		bad += try_write(SCRATCH_VA + 0x310000, i) != 0;
		hc2(17, 0, 0);
	}
	eq("no fault of the shadow reaches the guest", bad, 0);
	eq("cr2 is not touched by them", vi->arch.cr2, 0x77);
	asm volatile("mov %%cr2, %0" : "=r"(i));
	ok(i == 0x77 || i == 0x123456789abc, "mov from cr2 (%#lx)", i);
}

void test_main(void)
{
	table();
	views();
	canonical();
	cr2();
}
