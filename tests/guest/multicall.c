// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multicalls: order, one result per entry, errors that do not end the batch, batches longer than any
 * argument buffer, arrays that cross pages, and iret as an entry.
 */
#include "pvt.h"

struct multicall_entry_x { u64 op, result, args[6]; };
struct multicall_entry_x e[600] __attribute__((aligned(4096)));
static u8 raw[3 * PAGE_BYTES] __attribute__((aligned(4096)));

static void set(u32 i, u64 op, u64 a, u64 b, u64 c, u64 d)
{
	e[i] = (struct multicall_entry_x){ op, 0xdead, { a, b, c, d } };
}

static void basic(void)
{
	static u64 page_a[512] __attribute__((aligned(4096)));
	u32 i, bad = 0;

	set(0, 17, 0, 0, 0, 0);
	set(1, 11, 0, 0, 0, 0);
	set(2, 25, 0, 0x1234000, 0, 0);
	set(3, 25, 0, 0x5678000, 0, 0);
	set(4, 12, 99, 0, 0, 0);
	set(5, 17, XENVER_pagesize, 0, 0, 0);
	eq("call succeeds though entries fail", hc2(13, e, 6), 0);
	eq("entry 0", e[0].result, hc2(17, 0, 0));
	eq("entry 1: ENOSYS in 64 bits", e[1].result, (u64)-E_NOSYS);
	eq("entry 2", e[2].result, 0);
	eq("entry 4: unknown command", e[4].result, (u64)-E_NOSYS);
	eq("entry 5", e[5].result, 4096);
	eq("entries stay as they were", e[5].op, 17);
	asm volatile("mov $0xc0000100, %%ecx\n\trdmsr" : "=a"(bad) : : "rcx", "rdx");
	eq("order: the last base wins", bad, 0x5678000);
	hc2(25, 0, 0);
	eq("no entries", hc2(13, e, 0), 0);

	for (i = 0; i < 600; i++)
		set(i, 17, i & 1 ? XENVER_pagesize : XENVER_version, 0, 0, 0);
	eq("600 entries", hc2(13, e, 600), 0);
	for (bad = i = 0; i < 600; i++)
		bad += e[i].result != (i & 1 ? 4096 : (u64)hc2(17, 0, 0));
	eq("all have their result", bad, 0);

	/* A mix as Linux makes it: RO, PIN-like mmuext, mmu_update, RW, in one batch. */
	{
		static struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };
		static mmu_update_t u[3];
		u64 *slot = walk((u64)page_a, 1);

		for (i = 0; i < 3; i++)
			u[i] = (mmu_update_t){ va_maddr(slot), va_maddr(page_a) | P_RW | i << 9 };
		set(0, 14, (u64)page_a, va_maddr(page_a) | P_RO, UVMF_INVLPG, 0);
		set(1, 26, (u64)&op, 1, 0, DOMID_SELF);
		set(2, 1, (u64)u, 3, 0, DOMID_SELF);
		eq("mapping batch", hc2(13, e, 3), 0);
		eq("results", e[0].result | e[1].result | e[2].result, 0);
		eq("the last update wins", *slot & 0xe00, 2 << 9);
		eq("and can be written", try_write((u64)page_a, 1), 0);
	}
}

static void bad_arrays(void)
{
	struct multicall_entry_x *x = (void *)(raw + PAGE_BYTES - 32);
	struct multicall_entry_x m = { 17, 1, { 0 } };

	*x = m;
	eq("entry across a page", hc2(13, x, 1), 0);
	eq("its result", x->result, hc2(17, 0, 0));
	eq("array at NULL", hc2(13, 0, 1), -E_FAULT);
	eq("array in the hole", hc2(13, HOLE_START + (4ull << 39), 1), -E_FAULT);
	eq("array at a non-canonical address", hc2(13, 1ull << 50, 1), -E_FAULT);
	va_map((u64)raw + PAGE_BYTES, 0, UVMF_INVLPG);
	x->op = 17;
	eq("second half not mapped", hc2(13, x, 1), -E_FAULT);
	va_map((u64)raw + PAGE_BYTES, va_maddr(raw + PAGE_BYTES) | P_RW, UVMF_INVLPG);
	ok(hc2(13, e, ~0ull) < 0, "2^64 - 1 entries");
	set(0, 13, (u64)e, 1, 0, 0);
	eq("multicall in a multicall", hc2(13, e, 1), 0);
	ok((long)e[0].result < 0, "is refused");
	if (on_xen)
		return;
	set_ro(raw);
	hc2(13, raw, 1);
	ok(true, "read-only array: survived");
	set_rw(raw);
}

static void iret_entry(void)
{
	u64 rsp;

	set(0, 25, 0, 0x9990000, 0, 0);
	set(1, 23, 0, 0, 0, 0);
	set(2, 25, 0, 0x8880000, 0, 0);
	/* The frame lies where the stack pointer is at the call. */
	asm volatile("mov %%rsp, %%rbx\n\t"
		     "pushq %[ss]\n\tpush %%rbx\n\tpushq $2\n\tpushq %[cs]\n\tpushq $1f\n\tpushq $0\n\t"
		     "pushq $0\n\tpushq $0\n\tpushq $0\n\t"
		     "mov $13, %%eax\n\tmov $e, %%rdi\n\tmov $3, %%esi\n\tsyscall\n\tud2\n"
		     "1:\n\tmov %%rsp, %0"
		     : "=a"(rsp) : [ss] "i"(FLAT_SS & ~3), [cs] "i"(FLAT_CS & ~3)
		     : "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	try_rdmsr(0xc0000100, &rsp);
	eq("iret as an entry ends the batch", rsp, 0x9990000);
	hc2(25, 0, 0);
}

void test_main(void)
{
	basic();
	bad_arrays();
	iret_entry();
}
