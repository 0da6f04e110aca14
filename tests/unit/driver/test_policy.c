// SPDX-License-Identifier: GPL-2.0-only
/* Answers to a partition's exits: what stock kernels touch, what ends the machine, and bitmaps that agree with it. */
#include "test.h"

#include <linux/pvm_part.h>

#include "part/policy.h"

static struct pvm_policy p;

static int setup(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	pvm_policy_init(&p, 0x3f8, false);
	return 0;
}

static struct pvm_decision in(u16 port, u8 bytes)
{
	return pvm_policy_io(&p, &(struct pvm_pio){ .port = port, .bytes = bytes, .in = true }, 0);
}

static struct pvm_decision out(u16 port, u8 bytes, u32 value)
{
	return pvm_policy_io(&p, &(struct pvm_pio){ .port = port, .bytes = bytes }, value);
}

static void ports_that_are_not_there(void **state)
{
	static const u16 ports[] = { 0x20, 0x21, 0x40, 0x43, 0x60, 0x61, 0x64, 0x2e, 0x4e, 0x87, 0x2f8, 0x3e8, 0x4d0,
				     0x4d1, 0x92, 0xcf9, 0x400, 0xffff };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		struct pvm_decision d = in(ports[i], 1);

		assert_int_equal(d.act, PVM_PACT_VALUE);
		assert_int_equal(d.stat, PVM_PART_STAT_EXIT_IO);
		assert_int_equal(d.value, 0xffffffff);
		d = out(ports[i], 1, 0);
		assert_int_equal(d.act, PVM_PACT_VALUE);
		assert_int_equal(d.stat, PVM_PART_STAT_EXIT_IO);
	}
	assert_int_equal(in(0x42, 1).value, 0);		/* 100 000 exits else */
	assert_int_equal(in(0x606, 1).value, 0);
}

static void what_ends_the_machine(void **state)
{
	static const struct { u16 port; u8 bytes; u32 value; u8 stop; } t[] = {
		{ 0x604, 1, 0x34, PVM_PSTOP_POWEROFF },
		{ 0x604, 1, 0x14, PVM_PSTOP_NONE },		/* no SLP_EN */
		{ 0x605, 1, 0, PVM_PSTOP_RESET },
		{ 0x604, 2, 0x0100, PVM_PSTOP_RESET },		/* the second byte */
		{ 0x603, 4, 0x00002000, PVM_PSTOP_POWEROFF },
		{ 0x606, 1, 0x80, PVM_PSTOP_NONE },
		{ 0xcf9, 1, 0x02, PVM_PSTOP_NONE },
		{ 0xcf9, 1, 0x06, PVM_PSTOP_RESET },
		{ 0xcf8, 2, 0x0600, PVM_PSTOP_RESET },
		{ 0xcf8, 4, 0x80000600, PVM_PSTOP_NONE },	/* an address */
		{ 0x64, 1, 0xfe, PVM_PSTOP_RESET },
		{ 0x64, 1, 0xff, PVM_PSTOP_NONE },
		{ 0x92, 1, 0x01, PVM_PSTOP_RESET },
		{ 0x92, 1, 0x02, PVM_PSTOP_NONE },
		{ 0xffff, 4, 0xffffffff, PVM_PSTOP_NONE },
	};
	struct pvm_decision d;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		d = out(t[i].port, t[i].bytes, t[i].value);
		assert_int_equal(d.act, t[i].stop ? PVM_PACT_STOP : PVM_PACT_VALUE);
		assert_int_equal(d.stop, t[i].stop);
		if (t[i].stop)
			assert_int_equal(d.stat, PVM_PART_STAT_EXIT_STOP);
	}
}

static void strings_touch_nothing(void **state)
{
	struct pvm_pio io = { .port = 0x3f8, .bytes = 1, .string = true, .rep = true };

	(void)state;
	assert_int_equal(pvm_policy_io(&p, &io, 0).act, PVM_PACT_VALUE);
	io.in = true;
	assert_int_equal(pvm_policy_io(&p, &io, 0).act, PVM_PACT_VALUE);
	io.in = false;
	io.port = 0x604;
	assert_int_equal(pvm_policy_io(&p, &io, 0).stop, PVM_PSTOP_POWEROFF);
	io.port = 0xcf8;
	io.bytes = 4;
	assert_int_equal(pvm_policy_io(&p, &io, 0x80000000).act, PVM_PACT_VALUE);
	assert_int_equal(p.cf8, 0);
}

static void console_ports(void **state)
{
	u16 port;

	(void)state;
	for (port = 0x3f8; port < 0x400; port++) {
		struct pvm_decision d = out(port, 1, 'x');

		assert_int_equal(d.act, PVM_PACT_CONSOLE);
		assert_int_equal(d.index, port - 0x3f8);
		assert_int_equal(d.value, 'x');
		assert_int_equal(d.stat, PVM_PART_STAT_EXIT_CONSOLE);
		d = in(port, 1);
		assert_int_equal(d.act, PVM_PACT_CONSOLE);
		assert_int_equal(d.index, port - 0x3f8);
		assert_int_equal(d.stat, PVM_PART_STAT_EXIT_CONSOLE);
	}
	assert_int_equal(out(0x3f8, 2, 0).act, PVM_PACT_VALUE);
	assert_int_equal(in(0x3f8, 4).act, PVM_PACT_VALUE);
	assert_int_equal(out(0x3f7, 1, 0).act, PVM_PACT_VALUE);
	assert_int_equal(in(0x400, 1).act, PVM_PACT_VALUE);
}

static void cmos(void **state)
{
	struct pvm_decision d;

	(void)state;
	out(0x70, 1, 0x8a);				/* bit 7: NMI off */
	d = in(0x71, 1);
	assert_int_equal(d.act, PVM_PACT_CLOCK);
	assert_int_equal(d.index, 0x0a);
	assert_int_equal(in(0x71, 2).act, PVM_PACT_VALUE);
	assert_int_equal(in(0x70, 1).value, 0xffffffff);
	assert_int_equal(out(0x71, 1, 1).act, PVM_PACT_VALUE);
}

static void pci_configuration(void **state)
{
	struct pvm_decision d;

	(void)state;
	assert_int_equal(in(0xcfc, 4).act, PVM_PACT_VALUE);	/* not enabled */
	assert_int_equal(out(0xcfc, 4, 1).act, PVM_PACT_VALUE);
	d = out(0xcf8, 4, 0x80002f13);
	assert_int_equal(d.act, PVM_PACT_VALUE);
	assert_int_equal(d.stat, PVM_PART_STAT_EXIT_PCI);
	d = in(0xcf8, 4);
	assert_int_equal(d.value, 0x80002f13);
	assert_int_equal(d.stat, PVM_PART_STAT_EXIT_PCI);
	d = in(0xcfe, 2);
	assert_int_equal(d.act, PVM_PACT_PCI);
	assert_int_equal(d.index, 0x2f12);
	assert_int_equal(d.bytes, 2);
	assert_int_equal(d.stat, PVM_PART_STAT_EXIT_PCI);
	d = out(0xcff, 1, 0x55);
	assert_int_equal(d.act, PVM_PACT_PCI);
	assert_int_equal(d.index, 0x2f13);
	assert_int_equal(d.bytes, 1);
	assert_int_equal(d.value, 0x55);
	assert_int_equal(in(0xcff, 2).act, PVM_PACT_VALUE);	/* beyond the register */
	assert_int_equal(in(0xcfd, 4).act, PVM_PACT_VALUE);
	assert_int_equal(in(0xcfb, 1).act, PVM_PACT_VALUE);
	assert_int_equal(in(0xcf8, 2).value, 0xffffffff);
	out(0xcf8, 2, 0);
	assert_int_equal(in(0xcf8, 4).value, 0x80002f13);
	/* the address has 24 bits and an enable bit, whatever is written */
	out(0xcf8, 4, 0xffffffff);
	assert_int_equal(in(0xcfc, 4).index, 0x00fffffc);
}

static bool io_exits(const u8 *map, u32 port)
{
	return map[port / 8] >> (port % 8) & 1;
}

static void io_bitmap(void **state)
{
	u8 map[PVM_IOPM_BYTES_SVM];
	u32 port, i;

	(void)state;
	pvm_policy_io_bitmap(&p, map, PVM_IOPM_BYTES_SVM);
	for (port = 0; port < 0x10000; port++)
		assert_int_equal(io_exits(map, port), port != 0x80);
	for (i = 0x10000 / 8; i < PVM_IOPM_BYTES_SVM; i++)
		assert_int_equal(map[i], 0xff);
	pvm_policy_init(&p, 0x2f8, true);
	memset(map, 0x5a, sizeof(map));
	pvm_policy_io_bitmap(&p, map, PVM_IOPM_BYTES_VMX);
	for (port = 0; port < 0x10000; port++)
		assert_int_equal(io_exits(map, port), !(port == 0x80 || (port >= 0x2f8 && port < 0x300)));
	assert_int_equal(map[PVM_IOPM_BYTES_VMX], 0x5a);
}

static void in_results(void **state)
{
	u64 rax = 0x1122334455667788;

	(void)state;
	assert_int_equal(pvm_policy_in_rax(rax, 0xaabbccdd, 1), 0x11223344556677dd);
	assert_int_equal(pvm_policy_in_rax(rax, 0xaabbccdd, 2), 0x112233445566ccdd);
	assert_int_equal(pvm_policy_in_rax(rax, 0xaabbccdd, 4), 0xaabbccdd);
}

/* ---- MSRs ---- */

static bool exits_svm(const u8 *map, u32 m, bool write)
{
	u32 bit = ((m & 0x1fff) + (m < 0x2000 ? 0 : m < 0xc0010000 ? 0x2000 : 0x4000)) * 2 + write;

	return map[bit / 8] >> (bit % 8) & 1;
}

static bool exits_vmx(const u8 *map, u32 m, bool write)
{
	u32 byte = (write ? 2048 : 0) + (m < 0x2000 ? 0 : 1024) + (m & 0x1fff) / 8;

	return map[byte] >> (m % 8) & 1;
}

static void msr_bitmaps(void **state)
{
	static const u32 start[] = { 0, 0xc0000000, 0xc0010000 };
	static const u32 svm_read[] = { 0x1b, 0xc0000080, 0xc0010114, 0xc0010117 };
	static const u32 svm_write[] = { 0x1b, 0x79, 0xc0000080, 0xc0010010, 0xc0010016, 0xc0010017, 0xc0010018,
					 0xc0010019, 0xc001001a, 0xc001001d, 0xc0010020, 0xc0010058, 0xc0010111,
					 0xc0010112, 0xc0010113, 0xc0010114, 0xc0010117 };
	u8 svm[PVM_MSRPM_BYTES_SVM], vmx[PVM_MSRPM_BYTES_VMX];
	u32 range, m, i, w = 0, r = 0;

	(void)state;
	memset(svm, 0xff, sizeof(svm));
	memset(vmx, 0xff, sizeof(vmx));
	pvm_policy_msr_bitmap_svm(svm);
	pvm_policy_msr_bitmap_vmx(vmx);
	for (range = 0; range < 3; range++) {
		for (i = 0; i < 0x2000; i++) {
			m = start[range] + i;
			r += exits_svm(svm, m, false);
			w += exits_svm(svm, m, true);
			if (range == 2)
				continue;
			assert_int_equal(exits_vmx(vmx, m, false),
					 m == 0x1b || m == 0x3a || (m >= 0x480 && m <= 0x493));
			assert_int_equal(exits_vmx(vmx, m, true), m == 0x1b || m == 0x3a || m == 0x79 || m == 0x9b ||
					 m == 0x1f2 || m == 0x1f3 || (m >= 0x480 && m <= 0x493));
		}
	}
	for (i = 0; i < ARRAY_SIZE(svm_read); i++)
		assert_true(exits_svm(svm, svm_read[i], false));
	for (i = 0; i < ARRAY_SIZE(svm_write); i++)
		assert_true(exits_svm(svm, svm_write[i], true));
	assert_int_equal(r, ARRAY_SIZE(svm_read));
	assert_int_equal(w, ARRAY_SIZE(svm_write));
}

static void apic_base(void **state)
{
	struct pvm_cpu_view c = { .apic_base = 0xfee00900 };
	u32 vmx;

	(void)state;
	for (vmx = 0; vmx <= PVM_VIEW_VMX; vmx += PVM_VIEW_VMX) {
		/* the host's boot CPU is not the partition's, and the other way round */
		c.flags = vmx;
		assert_int_equal(pvm_policy_rdmsr(&c, 0x1b).value, 0xfee00800);
		c.flags = vmx | PVM_VIEW_BOOT_CPU;
		assert_int_equal(pvm_policy_rdmsr(&c, 0x1b).value, 0xfee00900);
		assert_int_equal(pvm_policy_rdmsr(&c, 0x1b).act, PVM_PACT_VALUE);
		assert_int_equal(pvm_policy_rdmsr(&c, 0x1b).stat, PVM_PART_STAT_EXIT_MSR);
		c.apic_base = 0xfee00800;
		assert_int_equal(pvm_policy_rdmsr(&c, 0x1b).value, 0xfee00900);
		assert_int_equal(pvm_policy_wrmsr(&c, 0x1b, 0xfee00800).act, PVM_PACT_VALUE);
		assert_int_equal(pvm_policy_wrmsr(&c, 0x1b, 0xfee00900).act, PVM_PACT_VALUE);
		assert_int_equal(pvm_policy_wrmsr(&c, 0x1b, 0xfee00000).act, PVM_PACT_GP);	/* off */
		assert_int_equal(pvm_policy_wrmsr(&c, 0x1b, 0xfee00c00).act, PVM_PACT_GP);	/* x2APIC */
		assert_int_equal(pvm_policy_wrmsr(&c, 0x1b, 0xfed00800).act, PVM_PACT_GP);	/* moved */
	}
}

static void efer(void **state)
{
	struct pvm_cpu_view c = { .efer = 0x1d00, .cr0 = 0x80000031 };
	struct pvm_decision d;

	(void)state;
	assert_int_equal(pvm_policy_rdmsr(&c, 0xc0000080).value, 0xd00);
	d = pvm_policy_wrmsr(&c, 0xc0000080, 0xd01);
	assert_int_equal(d.act, PVM_PACT_EFER);
	assert_int_equal(d.value, 0x1d01);
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 0x901).value, 0x1d01);	/* LMA is not written */
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 0x1d01).act, PVM_PACT_GP);	/* SVME is not there */
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 1ull << 40).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 0xc00).act, PVM_PACT_GP);	/* LME with paging on */
	c.cr0 = 0x31;
	c.efer = 0x1900;
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 0xc00).value, 0x1800);
	/* under VMX EFER does not exit; were it to, it has no row */
	c.flags = PVM_VIEW_VMX;
	assert_int_equal(pvm_policy_rdmsr(&c, 0xc0000080).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&c, 0xc0000080, 0).act, PVM_PACT_GP);
}

static void other_msrs(void **state)
{
	struct pvm_cpu_view svm = { 0 }, vmx = { .flags = PVM_VIEW_VMX };

	(void)state;
	assert_int_equal(pvm_policy_rdmsr(&svm, 0xc0010114).value, 0x18);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0xc0010114, 0).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_rdmsr(&svm, 0xc0010117).value, 0);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0xc0010117, 0x1000).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0x79, 1).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_rdmsr(&svm, 0x79).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0xc0010020, 1).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0xc0010113, 1).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_rdmsr(&svm, 0x3a).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_rdmsr(&svm, 0x4b564d00).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&svm, 0x4b564d00, 0).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_rdmsr(&vmx, 0x3a).value, 1);
	assert_int_equal(pvm_policy_rdmsr(&vmx, 0x3a).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_wrmsr(&vmx, 0x3a, 5).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_rdmsr(&vmx, 0x480).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&vmx, 0x493, 0).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_wrmsr(&vmx, 0x79, 0).act, PVM_PACT_VALUE);
	assert_int_equal(pvm_policy_rdmsr(&vmx, 0xc0010114).act, PVM_PACT_GP);
}

/* ---- CPUID, control registers ---- */

static void cpuid(void **state)
{
	struct pvm_cpu_view c = { .cr4 = 0 };
	u32 r[4];

	(void)state;
#define ASK(leaf, subleaf) do { memset(r, 0xff, sizeof(r)); pvm_policy_cpuid(&c, leaf, subleaf, r); } while (0)
	ASK(1, 0);
	assert_int_equal(r[2], ~(1u << 2 | 1u << 5 | 1u << 6 | 1u << 27));
	assert_int_equal(r[3], ~(1u << 21));
	assert_int_equal(r[0] & r[1], 0xffffffff);
	ASK(7, 0);
	assert_int_equal(r[0], 0xffffffff);
	assert_int_equal(r[1], ~(1u << 25));
	assert_int_equal(r[2], ~(1u << 4 | 1u << 7));
	assert_int_equal(r[3], ~(1u << 18 | 1u << 20));
	ASK(7, 1);
	assert_int_equal(r[0], ~(1u << 17));
	ASK(7, 2);
	assert_int_equal(r[0] & r[1] & r[2] & r[3], 0xffffffff);
	ASK(0x23, 0);
	assert_int_equal(r[0], ~(1u << 4 | 1u << 5));
	assert_int_equal(r[1] & r[2] & r[3], 0xffffffff);
	ASK(0x23, 1);
	assert_int_equal(r[0] & r[1] & r[2] & r[3], 0xffffffff);
	ASK(0xd, 0);
	assert_int_equal(r[0] & r[1] & r[2] & r[3], 0xffffffff);
	c.cr4 = 1 << 18 | 1 << 22;
	ASK(1, 0);
	assert_int_equal(r[2], ~(1u << 2 | 1u << 5 | 1u << 6));
	ASK(7, 0);
	assert_int_equal(r[2], ~(1u << 7));
	memset(r, 0, sizeof(r));
	pvm_policy_cpuid(&c, 1, 0, r);
	assert_int_equal(r[2], 1u << 27);
}

static void xsetbv(void **state)
{
	static const struct { u64 value; bool good; } t[] = {
		{ 0x1, true }, { 0x3, true }, { 0x7, true }, { 0x1f, true }, { 0xe7, true }, { 0x600e7, true },
		{ 0x207, true },
		{ 0x0, false }, { 0x2, false }, { 0x5, false }, { 0xb, false }, { 0x13, false }, { 0x27, false },
		{ 0xe3, false }, { 0xe1, false }, { 0x20007, false }, { 0x40007, false }, { 1ull << 62 | 1, false },
	};
	const u64 supported = 0x602ff;
	struct pvm_decision d;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		d = pvm_policy_xsetbv(0, t[i].value, supported);
		assert_int_equal(d.act, t[i].good ? PVM_PACT_XCR0 : PVM_PACT_GP);
		assert_int_equal(d.value, t[i].value);
	}
	assert_int_equal(pvm_policy_xsetbv(1, 7, supported).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_xsetbv(0, 7, 3).act, PVM_PACT_GP);
}

static void cr0(void **state)
{
	struct pvm_cpu_view c = { .efer = 0xd00, .cr4 = 0x20 };
	struct pvm_decision d;

	(void)state;
	d = pvm_policy_cr0(&c, 0x80000001);
	assert_int_equal(d.act, PVM_PACT_CR0);
	assert_int_equal(d.value, 0x80000001);
	assert_int_equal(d.stat, PVM_PART_STAT_EXIT_CR);
	assert_int_equal(pvm_policy_cr0(&c, 0x1).act, PVM_PACT_CR0);		/* trampoline_start64 */
	c.flags = PVM_VIEW_VMX;
	assert_int_equal(pvm_policy_cr0(&c, 0x1).value, 0x21);
	d = pvm_policy_cr0(&c, 0x10);						/* real mode */
	assert_int_equal(d.act, PVM_PACT_STOP);
	assert_int_equal(d.stop, PVM_PSTOP_REAL_MODE);
	assert_int_equal(d.stat, PVM_PART_STAT_EXIT_STOP);
	assert_int_equal(pvm_policy_cr0(&c, 0x80000010).act, PVM_PACT_GP);
	assert_int_equal(pvm_policy_cr0(&c, 0x20000001).act, PVM_PACT_GP);	/* NW without CD */
	assert_int_equal(pvm_policy_cr0(&c, 0x60000001).act, PVM_PACT_CR0);
	assert_int_equal(pvm_policy_cr0(&c, 0x100000001).act, PVM_PACT_GP);
	c.cr0 = 0x80000021;
	c.flags = PVM_VIEW_VMX | PVM_VIEW_CODE64;
	assert_int_equal(pvm_policy_cr0(&c, 0x1).act, PVM_PACT_GP);		/* paging off in 64-bit code */
	assert_int_equal(pvm_policy_cr0(&c, 0x80010001).act, PVM_PACT_CR0);
	c.efer = 0;
	assert_int_equal(pvm_policy_cr0(&c, 0x1).act, PVM_PACT_CR0);
	c.efer = 0xd00;
	c.flags = PVM_VIEW_VMX;
	c.cr4 = 0x20020;
	assert_int_equal(pvm_policy_cr0(&c, 0x1).act, PVM_PACT_GP);		/* PCIDE without paging */
	c.cr4 = 0;
	assert_int_equal(pvm_policy_cr0(&c, 0x80000001).act, PVM_PACT_GP);	/* long mode without PAE */
	c.efer = 0;
	assert_int_equal(pvm_policy_cr0(&c, 0x80000001).act, PVM_PACT_CR0);
}

static void machine_check(void **state)
{
	struct pvm_cpu_view c = { .cr4 = 0x40 };

	(void)state;
	assert_int_equal(pvm_policy_machine_check(&c).act, PVM_PACT_MC);
	assert_int_equal(pvm_policy_machine_check(&c).stat, PVM_PART_STAT_EXIT_NMI);
	c.cr4 = ~0x40ull;
	assert_int_equal(pvm_policy_machine_check(&c).act, PVM_PACT_STOP);
	assert_int_equal(pvm_policy_machine_check(&c).stop, PVM_PSTOP_MCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ports_that_are_not_there, setup),
		cmocka_unit_test_setup(what_ends_the_machine, setup),
		cmocka_unit_test_setup(strings_touch_nothing, setup),
		cmocka_unit_test_setup(console_ports, setup),
		cmocka_unit_test_setup(cmos, setup),
		cmocka_unit_test_setup(pci_configuration, setup),
		cmocka_unit_test_setup(io_bitmap, setup),
		cmocka_unit_test(in_results),
		cmocka_unit_test(msr_bitmaps),
		cmocka_unit_test(apic_base),
		cmocka_unit_test(efer),
		cmocka_unit_test(other_msrs),
		cmocka_unit_test(cpuid),
		cmocka_unit_test(xsetbv),
		cmocka_unit_test(cr0),
		cmocka_unit_test(machine_check),
	};

	return cmocka_run_group_tests_name("part/policy", tests, NULL, NULL);
}
