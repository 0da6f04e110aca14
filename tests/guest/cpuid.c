// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID by the forced-emulation prefix: hypervisor leaves, features that must be hidden because their
 * instructions or tables do not work here, those that stock kernels insist on, and the prefix itself.
 */
#include "pvt.h"

static void leaves(void)
{
	struct cpuid c = fep_cpuid(0x40000000, 0);

	eq("base: ebx", c.b, 0x566e6558);
	eq("base: ecx", c.c, 0x65584d4d);
	eq("base: edx", c.d, 0x4d4d566e);
	ok(c.a >= 0x40000002, "base: highest leaf %#x", c.a);
	c = fep_cpuid(0x40000001, 0);
	eq("leaf 1: version as by hypercall", c.a, hc2(17, 0, 0));
	c = fep_cpuid(0x40000002, 0);
	eq("leaf 2: one hypercall page", c.a, 1);
	eq("leaf 2: its MSR", c.b, 0x40000000);
	eq("leaf 2: preserve_ad", c.c & 1, 1);
	if (on_xen)
		return;
	c = fep_cpuid(0x40000003, 0);
	ok(c.c > 1000, "leaf 3: %u kHz", c.c);
	c = fep_cpuid(0x40000004, 0);
	eq("leaf 4: no HVM features", c.a, 0);
	c = fep_cpuid(0x40000005, 0);
	ok((c.b & 0xff) <= 44, "leaf 5: width %u keeps grant tables at version 1", c.b & 0xff);
	c = fep_cpuid(0x40000100, 0);
	ok(c.b != 0x566e6558, "no second hypervisor at 0x40000100");
}

static void hidden(const char *reg, u32 value, u32 bits)
{
	if (!ok(!(value & bits), "hidden in %s", reg))
		pr("#   %#x shows %#x\n", value, value & bits);
}

static void shown(const char *reg, u32 value, u32 bits)
{
	if (!ok((value & bits) == bits, "shown in %s", reg))
		pr("#   %#x lacks %#x\n", value, bits & ~value);
}

#define B(n)	(1u << (n))

static void features(void)
{
	struct cpuid c = fep_cpuid(1, 0), n = native_cpuid(1, 0);

	hidden("1.edx", c.d, B(1) | B(3) | B(12) | B(13) | B(17));
	hidden("1.ecx", c.c, B(3) | B(5) | B(17) | B(21) | B(24));
	shown("1.edx", c.d, B(0) | B(4) | B(5) | B(6) | B(8) | B(15) | B(23) | B(24) | B(25) | B(26));
	shown("1.ecx", c.c, B(31));
	if (n.c & B(26))
		shown("1.ecx XSAVE and OSXSAVE before CR4 is written", c.c, B(26) | B(27));
	eq("APIC id", c.b >> 24, 0);
	c = fep_cpuid(7, 0);
	hidden("7.ebx", c.b, B(1) | B(7) | B(10) | B(20) | B(14));
	hidden("7.ecx", c.c, B(3) | B(4) | B(5) | B(7) | B(16) | B(29) | B(31) | B(24));
	hidden("7.edx", c.d, B(5) | B(18) | B(19) | B(20) | B(22) | B(24) | B(25));
	if (c.a >= 1) {
		c = fep_cpuid(7, 1);
		hidden("7.1.eax", c.a, B(17) | B(18) | B(19) | B(26) | B(6));
	}
	c = fep_cpuid(0x80000001, 0);
	hidden("80000001.edx", c.d, B(26));
	hidden("80000001.ecx", c.c, B(2) | B(9) | B(10) | B(12) | B(19) | B(22) | B(29));
	shown("80000001.edx", c.d, B(11) | B(20) | B(29));
	c = fep_cpuid(0x80000008, 0);
	hidden("80000008.ebx", c.b, B(9));
	ok((c.a & 0xff) >= 36 && (c.a & 0xff) <= 52, "physical width %u", c.a & 0xff);
	c = fep_cpuid(0xa, 0);
	eq("no PMU", c.a | c.b | c.c | c.d, 0);
}

static u32 xgetbv(void)
{
	u32 a, d;

	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a;
}

static void xsave(void)
{
	struct cpuid c = fep_cpuid(0xd, 0), s = fep_cpuid(0xd, 1), k = fep_cpuid(1, 0);
	u32 i, size = 576, offset_bad = 0;

	if (!(k.c & B(26))) {
		skip("XSAVE");
		return;
	}
	shown("0xd: x87 and SSE", c.a, 3);
	hidden("0xd: PKRU, MPX, AMX", c.a, B(3) | B(4) | B(9) | B(17) | B(18));
	hidden("0xd: no more than XCR0 has", c.a, ~xgetbv());
	hidden("0xd.1: XSAVES, XFD", s.a, B(3) | B(4));
	for (i = 2; i < 32; i++)
		if (c.a & B(i)) {
			struct cpuid f = fep_cpuid(0xd, i);

			offset_bad += f.a == 0 || f.b < 576;
			if (f.a + f.b > size)
				size = f.a + f.b;
		}
	eq("0xd.n: sizes and offsets", offset_bad, 0);
	eq("0xd: ecx is the size of all", c.c, size);
	ok(c.b >= 576 && c.b <= c.c, "0xd: ebx %u", c.b);
	if (s.a & B(1))
		ok(s.b >= 576 && s.b <= c.c, "0xd.1: compacted size %u without supervisor state", s.b);
}

asm(".globl fep_bad, fep_bad_end, fep_edge\n"
    "fep_bad: .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x90\nfep_bad_end: ret\n");
extern const char fep_bad[];

asm(".pushsection .user, \"ax\"\n.globl u_fep\n"
    "u_fep: mov $0x40000000, %eax\n xor %ecx, %ecx\n .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2\n"
    " syscall\n.popsection");
extern const char u_fep[];

static void prefix(void)
{
	u8 *page = page_alloc();
	u64 va = SCRATCH_VA + 0x400000, rax = ~0ull, rbx = ~0ull, rcx = 0, rdx = ~0ull;

	asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2"
		     : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx));
	eq("upper halves are zeroed", (rax | rbx | rcx | rdx) >> 32, 0);
	eq("another instruction behind it: #UD", try_exec((u64)fep_bad), 7);
	eq("at the prefix", last.rip, (u64)fep_bad);
	user_run(u_fep);
	ok(last.vector == VEC_SYSCALL && (last.rbx & 0xffffffff) == 0x566e6558,
	   "from user mode");
	/* The instruction crosses into a page that is not there. */
	memcpy(page + PAGE_BYTES - 4, "\x0f\x0b\x78\x65", 4);
	map_page(va, va_mfn(page), P_RO);
	ok(try_exec(va + PAGE_BYTES - 4) == 7 || last.vector == 14,
	   "prefix at the end of memory: #UD or #PF (%#lx)", last.vector);
	memcpy(page + PAGE_BYTES - 5, "\x0f\x0b\x78\x65\x6e", 5);
	ok(try_exec(va + PAGE_BYTES - 5) == 15 || last.vector == 6,
	   "operand behind the end of memory: #PF or #UD (%#lx)", last.vector);
}

void test_main(void)
{
	leaves();
	if (!on_xen) {
		features();
		xsave();
	}
	prefix();
}
