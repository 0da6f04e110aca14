// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall page asked for by an ELF note, and the one made by writing its MSR. Small kernels and
 * older Linux have no other way to call.
 */
#include "pvt.h"

extern u8 hypercall_page[];
static u8 other[PAGE_BYTES] __attribute__((aligned(4096)));

static long call(const u8 *slot, u64 a, u64 b)
{
	long ret;

	asm volatile("call *%1" : "=a"(ret), "+r"(slot), "+D"(a), "+S"(b) : : "memory", "cc",
		     "rcx", "r11");
	return ret;
}

static void check_page(const char *which, const u8 *page)
{
	static const u8 head[] = { 0x51, 0x41, 0x53, 0xb8 };
	u32 i, bad = 0;

	for (i = 0; i < 64; i++) {
		const u8 *s = page + i * 32;

		if (i == 23)
			bad += !!memcmp(s, "\x51\x41\x53\x50\xb8\x17", 6);
		else
			bad += memcmp(s, head, 4) || s[4] != i || s[8] != 0x0f || s[9] != 0x05 ||
			       s[13] != 0xc3;
	}
	ok(!bad, "%s: %u slots differ", which, bad);
	ok(call(page + 17 * 32, 0, 0) == hc2(17, 0, 0), "%s: xen_version through it", which);
}

/* Slot 23 is a push away from the stack layout of HYPERVISOR_iret: a jump, not a call. */
static void iret_slot(const u8 *page)
{
	u64 done = 0;

	asm volatile("mov %%rsp, %%rdx\n\t"
		     "pushq %[ss]\n\tpush %%rdx\n\tpushq $0x2\n\tpushq %[cs]\n\tpushq $1f\n\tpushq $0\n\t"
		     "mov $77, %%eax\n\tjmp *%[slot]\n"
		     "1:\n\tmov %%rax, %[done]"
		     : [done] "=r"(done)
		     : [slot] "r"(page + 23 * 32), [ss] "i"(FLAT_SS & ~3), [cs] "i"(FLAT_CS & ~3)
		     : "rax", "rdx", "memory", "cc");
	eq("iret through slot 23", done, 77);
}

void test_main(void)
{
	check_page("note", hypercall_page);
	iret_slot(hypercall_page);
	if (ok(!try_wrmsr(0x40000000, va_maddr(other)), "hypercall page MSR"))
		check_page("MSR", other);
	ok(try_wrmsr(0x40000000, 0x7ffffffffffff000ull), "MSR with a frame that is not there: #GP");
}
