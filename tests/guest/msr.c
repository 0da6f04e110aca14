// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR in guest kernel mode: the registers stock kernels read or write, unknown ones, and
 * that user mode has none of it.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_rdmsr, u_wrmsr\n"
    "u_rdmsr: mov $0xc0000100, %ecx\n rdmsr\n syscall\n"
    "u_wrmsr: mov $0xc0000100, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n syscall\n.popsection");
extern const char u_rdmsr[], u_wrmsr[];

enum { READ = 1, WRITE = 2, GP_READ = 4, GP_WRITE = 8, KEEP = 16, ZERO = 32 };

static const struct { u32 msr; u32 what; u64 write; const char *name; } rows[] = {
	{ 0xc0000100, READ | WRITE | KEEP, 0x123456789000, "FS_BASE" },
	{ 0xc0000101, READ | WRITE | KEEP, 0xffff888012345678, "GS_BASE" },
	{ 0xc0000102, READ | WRITE | KEEP, 0x7fffffffffff, "KERNEL_GS_BASE" },
	{ 0xc0000080, READ, 0, "EFER" },
	{ 0xc0000081, READ | WRITE, 0x23001000000000, "STAR" },
	{ 0xc0000082, READ | WRITE, 0xffffffff81000000, "LSTAR" },
	{ 0xc0000083, READ | WRITE, 0xffffffff81000000, "CSTAR" },
	{ 0xc0000084, READ | WRITE, 0x47700, "SFMASK" },
	{ 0x174, READ | WRITE, 0x10, "SYSENTER_CS" },
	{ 0x175, READ | WRITE, 0, "SYSENTER_ESP" },
	{ 0x176, READ | WRITE, 0, "SYSENTER_EIP" },
	{ 0x1b, READ, 0, "APIC_BASE" },
	{ 0x277, READ, 0, "PAT" },
	{ 0x10, READ, 0, "TSC" },
	{ 0x8b, READ, 0, "microcode revision" },
	{ 0x12345, GP_READ | GP_WRITE, 1, "unknown" },
	{ 0x4b564d00, GP_READ | GP_WRITE, 1, "KVM's wall clock" },
	{ 0x48, GP_READ | GP_WRITE, 1, "SPEC_CTRL (hidden)" },
	{ 0xda0, GP_READ | GP_WRITE, 0, "XSS (hidden)" },
	{ 0x3b, GP_READ, 0, "TSC_ADJUST (hidden)" },
	{ 0xcf, GP_READ, 0, "CORE_CAPABILITIES" },
	{ 0x79, GP_WRITE, 0x1000, "microcode load" },
	{ 0xffffffff, GP_READ | GP_WRITE, 0, "number 2^32 - 1" },
};

static void list(void)
{
	u64 val, old;
	u32 i, t;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 w = rows[i].what;

		if (w & (READ | GP_READ)) {
			t = try_rdmsr(rows[i].msr, &old);
			ok(t == (w & READ ? 0 : 14), "rdmsr %s (%u)", rows[i].name, t);
			if (w & GP_READ && t == 14)
				ok(last.error == 0, "error code 0");
		}
		if (!(w & (WRITE | GP_WRITE)))
			continue;
		t = try_wrmsr(rows[i].msr, rows[i].write);
		ok(t == (w & WRITE ? 0 : 14), "wrmsr %s (%u)", rows[i].name, t);
		if (w & KEEP) {
			try_rdmsr(rows[i].msr, &val);
			eq("reads back", val, rows[i].write);
			try_wrmsr(rows[i].msr, 0);
		}
	}
}

static void values(void)
{
	u64 val, t0;

	try_rdmsr(0xc0000080, &val);
	eq("EFER: LME, LMA, SCE, NX", val & 0xd01, 0xd01);
	eq("EFER: SVME is not there", val & 0x1000, 0);
	eq("EFER: writing the same", try_wrmsr(0xc0000080, val), 0);
	ok(try_wrmsr(0xc0000080, val & ~0x800ull) == 14, "EFER: NX off is refused");
	try_rdmsr(0x1b, &val);
	eq("APIC_BASE", val & ~0xffull, 0xfee00900);
	try_rdmsr(0x277, &val);
	ok(val != 0, "PAT %#lx", val);
	t0 = rdtsc();
	try_rdmsr(0x10, &val);
	ok(val >= t0 && val <= rdtsc(), "TSC");
	ok(try_wrmsr(0xc0000100, 1ull << 60) == 14, "FS_BASE not canonical: #GP");
	ok(try_wrmsr(0xc0000101, 1ull << 47) == 14, "GS_BASE not canonical: #GP");
}

static void form(void)
{
	u64 rax = ~0ull, rdx = ~0ull, rip;

	asm volatile("rdmsr" : "+a"(rax), "+d"(rdx) : "c"(0xc0000080));
	eq("upper halves are zeroed", (rax | rdx) >> 32, 0);
	/* 7.2 puts a prefix in front of its wrmsr. */
	asm volatile(".byte 0x3e\n\twrmsr" : : "a"(0x5000), "d"(0), "c"(0xc0000100));
	try_rdmsr(0xc0000100, &rip);
	eq("wrmsr with a prefix", rip, 0x5000);
	try_wrmsr(0xc0000100, 0);
	user_run(u_rdmsr);
	ok(last.vector == 13 && last.rip == user_addr(u_rdmsr) + 5, "user rdmsr: #GP");
	user_run(u_wrmsr);
	eq("user wrmsr: #GP", last.vector, 13);
}

void test_main(void)
{
	if (!on_xen) {
		list();
		values();
	}
	form();
}
