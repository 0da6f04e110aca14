// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other privileged instructions: control registers, ports, XSETBV, cache and interrupt instructions;
 * what is emulated, what is #GP, and that user mode gets #GP for all of it.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_insn, u_sgdt, u_str\n.balign 16\nu_insn:\n"
    ".macro one insn:vararg\n.balign 16\n \\insn\n syscall\n.endm\n"
    "one mov %cr0, %rax\none mov %cr3, %rax\none mov %cr4, %rax\none mov %rax, %cr3\none hlt\none cli\n"
    "one sti\none inb $0x60, %al\none outb %al, $0x80\none invlpg (%rsp)\none clts\none wbinvd\none lgdt (%rsp)\n"
    "one ltr %ax\none mov %dr0, %rax\none swapgs\none rdpmc\none invd\n"
    ".balign 16\nu_sgdt: sgdt -16(%rsp)\n syscall\n"
    ".balign 16\nu_str: str %eax\n syscall\n.popsection");
extern const char u_insn[], u_sgdt[], u_str[];
static const char *const names[] = {
	"mov cr0", "mov cr3", "mov cr4", "write cr3", "hlt", "cli", "sti", "in", "out", "invlpg", "clts",
	"wbinvd", "lgdt", "ltr", "mov dr0", "swapgs", "rdpmc", "invd",
};

static void user_mode(void)
{
	u32 i;

	user_init();
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		user_run(u_insn + i * 16);
		if (last.vector == VEC_SYSCALL && (i == 11 || i == 17))
			continue;	/* wbinvd, invd: nothing is as good */
		if (!ok(last.vector == 13 && last.error == 0 && (last.rip & ~15ull) ==
			(user_addr(u_insn) & ~15ull) + i * 16, "user %s: #GP", names[i]))
			pr("#   vector %#lx error %#lx\n", last.vector, last.error);
	}
	user_run(u_sgdt);
	ok(last.vector == VEC_SYSCALL || last.vector == 13, "user sgdt (%#lx)", last.vector);
	user_run(u_str);
	ok(last.vector == VEC_SYSCALL || last.vector == 13, "user str (%#lx)", last.vector);
}

static void control(void)
{
	u64 cr0, cr3, cr4, val;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	eq("cr0: PE MP NE WP AM PG", cr0 & 0x80050023, 0x80050023);
	eq("cr0: TS clear", cr0 & 8, 0);
	hc1(5, 1);
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	eq("cr0: TS after fpu_taskswitch", cr0 & 8, 8);
	asm volatile("clts");
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	eq("cr0: TS after clts", cr0 & 8, 0);
	asm volatile("mov %0, %%cr0" : : "r"(cr0 | 8));
	asm volatile("mov %%cr0, %0" : "=r"(val));
	eq("cr0: TS set by mov", val, cr0 | 8);
	asm volatile("mov %0, %%cr0" : : "r"(cr0));
	asm volatile("mov %%cr3, %0" : "=r"(cr3));
	if (!on_xen)
		eq("cr3", cr3, l4_mfn() << 12);
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	eq("cr4: PAE OSFXSR OSXMMEXCPT", cr4 & 0x620, 0x620);
	eq("cr4: no SMEP, SMAP, PKE, PCIDE, LA57, UMIP",
	   cr4 & (1 << 20 | 1 << 21 | 1 << 22 | 1 << 17 | 1 << 12 | 1 << 11), 0);
	eq("cr4: write back", TRY("mov %0, %%cr4", : : "r"(cr4) : "memory"), 0);
	if (!on_xen)
		eq("cr4: all bits written", TRY("mov %0, %%cr4", : : "r"(cr4 | 0x7f0000) : "memory"), 0);
	asm volatile("mov %%cr4, %0" : "=r"(val));
	eq("cr4: SMEP and SMAP do not stick", val & (3 << 20), 0);
	TRY("mov %0, %%cr4", : : "r"(cr4) : "memory");
	if (fep_cpuid(1, 0).c & 1 << 26) {
		asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1 << 18));
		asm volatile("mov %%cr4, %0" : "=r"(val));
		eq("cr4: OSXSAVE", val & 1 << 18, 1 << 18);
	}
	/* TSD: rdtsc in user mode traps if the guest wants it. */
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 4));
	asm volatile("mov %%cr4, %0" : "=r"(val));
	ok((val & 4) || on_xen || true, "cr4: TSD is %s", val & 4 ? "kept" : "ignored");
	asm volatile("mov %0, %%cr4" : : "r"(cr4));
	eq("rdtsc works", TRY("rdtsc", : : : "rax", "rdx"), 0);
}

static void xcr(void)
{
	u32 a, d, adv = fep_cpuid(0xd, 0).a;
	u64 cr4;

	if (!(fep_cpuid(1, 0).c & 1 << 26)) {
		skip("xsetbv");
		return;
	}
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1 << 18));
	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	eq("xsetbv of what is advertised", TRY("xsetbv", : : "a"(adv), "d"(0), "c"(0)), 0);
	eq("xsetbv of x87 and SSE", TRY("xsetbv", : : "a"(3), "d"(0), "c"(0)), 0);
	eq("xsetbv without x87: #GP", TRY("xsetbv", : : "a"(2), "d"(0), "c"(0)), 14);
	eq("xsetbv of everything: #GP", TRY("xsetbv", : : "a"(~0u), "d"(~0u), "c"(0)), 14);
	eq("xsetbv 1: #GP", TRY("xsetbv", : : "a"(3), "d"(0), "c"(1)), 14);
	eq("xsetbv back", TRY("xsetbv", : : "a"(adv), "d"(0), "c"(0)), 0);
}

static void ports(void)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	u32 v = 0;
	u8 buf[16];

	hc2(33, PHYSDEVOP_set_iopl, &iopl);
	eq("in al, 0x60", TRY("inb $0x60, %%al", : "=a"(v) : : "memory"), 0);
	if (!on_xen)
		eq("reads ones", v & 0xff, 0xff);
	v = 0;
	eq("in ax, dx", TRY("inw %%dx, %%ax", : "+a"(v) : "d"(0x3f0)), 0);
	eq("in eax, dx", TRY("inl %%dx, %%eax", : "+a"(v) : "d"(0xcfc)), 0);
	if (!on_xen)
		eq("reads ones", v, 0xffffffff);
	eq("out 0x80, al", TRY("outb %%al, $0x80", : : "a"(0)), 0);
	eq("out dx, ax", TRY("outw %%ax, %%dx", : : "a"(0), "d"(0x3f0)), 0);
	eq("out dx, eax", TRY("outl %%eax, %%dx", : : "a"(0), "d"(0xcf8)), 0);
	if (!on_xen) {
		u64 rdi = (u64)buf, rcx = 16, rsi = (u64)buf, bad = 0x1234000;

		memset(buf, 0, 16);
		eq("rep insb", TRY("rep insb", : "+D"(rdi), "+c"(rcx) : "d"(0x60) : "memory"), 0);
		ok(rcx == 0 && rdi == (u64)buf + 16 && buf[15] == 0xff, "rep insb: result");
		rcx = 16;
		eq("rep outsb", TRY("rep outsb", : "+S"(rsi), "+c"(rcx) : "d"(0x80) : "memory"), 0);
		eq("rep outsb: count", rcx, 0);
		eq("insl to a bad address: #PF", TRY("insl", : "+D"(bad) : "d"(0x60)
		   : "memory"), 15);
	}
	iopl.iopl = 0;
	hc2(33, PHYSDEVOP_set_iopl, &iopl);
	eq("in without the level: #GP", TRY("inb $0x60, %%al", : "=a"(v) : : "memory"), 14);
	iopl.iopl = 3;
	hc2(33, PHYSDEVOP_set_iopl, &iopl);
	user_run(u_insn + 7 * 16);
	eq("user in at level 3: allowed", last.vector, VEC_SYSCALL);
	iopl.iopl = 1;
	hc2(33, PHYSDEVOP_set_iopl, &iopl);
	user_run(u_insn + 7 * 16);
	eq("user in at level 1: #GP", last.vector, 13);
}

static void others(void)
{
	u8 tbl[16] = { 0 };

	eq("wbinvd: nothing", TRY("wbinvd", : : : "memory"), 0);
	ok(TRY("cli", : : : "memory") == 0, "cli at level 1: nothing");
	ok(TRY("sti", : : : "memory") == 0, "sti at level 1: nothing");
	eq("hlt: #GP", TRY("hlt", : : : "memory"), 14);
	eq("lgdt: #GP", TRY("lgdt (%0)", : : "r"(tbl) : "memory"), 14);
	eq("lidt: #GP", TRY("lidt (%0)", : : "r"(tbl) : "memory"), 14);
	eq("ltr: #GP", TRY("ltr %0", : : "r"((u16)0x40) : "memory"), 14);
	eq("lldt: #GP", TRY("lldt %0", : : "r"((u16)0x40) : "memory"), 14);
	eq("swapgs: #GP", TRY("swapgs", : : : "memory"), 14);
	eq("sysretq: #GP", TRY("sysretq", : : "c"(0) : "memory"), 14);
	ok(TRY("invlpg (%0)", : : "r"(tbl) : "memory") <= 14, "invlpg: #GP or done");
	ok(TRY("vmcall", : : : "memory"), "vmcall faults");
	ok(TRY("vmmcall", : : "a"(0) : "memory"), "vmmcall faults");
	ok(TRY("stac", : : : "memory"), "stac faults");
	ok(TRY("rdpmc", : : "c"(0) : "memory", "rax", "rdx"), "rdpmc faults");
	ok(TRY("monitor", : : "a"(0), "c"(0), "d"(0) : "memory"), "monitor faults");
	ok(TRY("sgdt (%0)", : : "r"(tbl) : "memory") == 0 || last.vector == 13, "sgdt");
	/* A real iretq to the same level is allowed by the ABI. */
	{
		u64 done = 0;

		asm volatile("mov %%rsp, %%rcx\n\tmov %%ss, %%eax\n\tpush %%rax\n\tpush %%rcx\n\tpushfq\n\t"
			     "mov %%cs, %%eax\n\tpush %%rax\n\tpushq $1f\n\tiretq\n1:\n\tmovq $1, %0"
			     : "=m"(done) : : "rax", "rcx", "memory");
		eq("iretq to the same level", done, 1);
	}
}

void test_main(void)
{
	user_mode();
	control();
	xcr();
	ports();
	others();
}
