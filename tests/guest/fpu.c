// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU state is the guest's alone: it survives exits of every kind, blocking and user mode, and what other
 * tasks of the host compute meanwhile never shows (run two of these at once to see that).
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n.globl u_sse\n"
    "u_sse: movq %xmm3, %rax\n mov $0x5555, %edx\n movq %rdx, %xmm3\n syscall\n"
    ".globl u_pkru\n"
    "u_pkru: mov $-1, %eax\n xor %ecx, %ecx\n xor %edx, %edx\n wrpkru\n syscall\n.popsection");
extern const char u_sse[], u_pkru[];

static u8 set[16][16] __attribute__((aligned(64))), got[16][16] __attribute__((aligned(64)));
static u8 wide[64] __attribute__((aligned(64))), wide_got[64] __attribute__((aligned(64)));
static bool avx;

static void load(u64 seed)
{
	u64 i;

	for (i = 0; i < sizeof(set) / 8; i++)
		((u64 *)set)[i] = seed * (i + 1) ^ 0x5a5a;
	for (i = 0; i < 8; i++)
		((u64 *)wide)[i] = ~seed * (i + 3);
	asm volatile("fninit\n\tfldpi\n\tfld1\n\t"
		     "movaps 0(%0), %%xmm0\n\tmovaps 16(%0), %%xmm1\n\tmovaps 32(%0), %%xmm2\n\t"
		     "movaps 48(%0), %%xmm3\n\tmovaps 112(%0), %%xmm7\n\tmovaps 240(%0), %%xmm15"
		     : : "r"(set) : "memory");
	if (avx)
		asm volatile("vmovaps (%0), %%ymm5" : : "r"(wide) : "memory");
}

static bool same(void)
{
	u16 sw, tag;
	u8 env[28];
	bool good;

	asm volatile("movaps %%xmm0, 0(%0)\n\tmovaps %%xmm1, 16(%0)\n\tmovaps %%xmm2, 32(%0)\n\t"
		     "movaps %%xmm3, 48(%0)\n\tmovaps %%xmm7, 112(%0)\n\tmovaps %%xmm15, 240(%0)\n\t"
		     "fnstsw %1\n\tfnstenv %2" : : "r"(got), "m"(sw), "m"(env) : "memory");
	memcpy(&tag, env + 8, 2);
	good = !memcmp(got[0], set[0], 64) && !memcmp(got[7], set[7], 16) &&
	       !memcmp(got[15], set[15], 16) && (sw >> 11 & 7) == 6 && tag != 0xffff;
	if (avx) {
		asm volatile("vmovaps %%ymm5, (%0)" : : "r"(wide_got) : "memory");
		good = good && !memcmp(wide, wide_got, 32);
	}
	return good;
}

void test_main(void)
{
	struct vcpu_set_singleshot_timer t = { 0 };
	u32 timer = bind_virq(VIRQ_TIMER), cw, mxcsr = 0;
	u64 i, bad = 0, now;
	u32 a, d;

	asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(cw));
	eq("mxcsr at start", mxcsr, 0x1f80);
	eq("control word at start", cw & 0xffff, 0x37f);
	if (!on_xen && (fep_cpuid(1, 0).c & 1 << 28)) {
		u64 cr4;

		asm volatile("mov %%cr4, %0" : "=r"(cr4));
		asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1 << 18));
		asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
		TRY("xsetbv", : : "a"((a & 7) | 7), "d"(0), "c"(0));
		asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
		avx = (a & 7) == 7;
	}
	pr("# AVX: %s\n", avx ? "yes" : "no");
	port_unmask(timer);
	hc3(24, VCPUOP_stop_periodic_timer, 0, 0);
	load(1);
	ok(same(), "the test's own loads");
	for (i = 0; i < 200; i++) {
		load(i * 77 + 5);
		hc2(17, 0, 0);
		try_read(0x123456000, NULL);
		fep_cpuid(1, 0);
		hc2(29, SCHEDOP_yield, 0);
		bad += !same();
	}
	eq("hypercalls, faults, emulation, yield", bad, 0);
	for (i = 0; i < 20; i++) {
		load(i * 1234567 + 9);
		t.timeout_abs_ns = now_ns() + 2000000;
		hc3(24, VCPUOP_set_singleshot_timer, 0, &t);
		block_until(t.timeout_abs_ns);
		bad += !same();
	}
	eq("blocking", bad, 0);
	/* Long enough to be preempted by whatever else the host runs. */
	load(0xfeed);
	for (now = now_ns(); now_ns() - now < 200000000; )
		bad += !same();
	eq("200 ms of host interrupts", bad, 0);
	load(3);
	user_run(u_sse);
	eq("user mode sees the same registers", last.rax, *(u64 *)set[3]);
	asm volatile("movq %%xmm3, %0" : "=r"(i));
	eq("and the kernel what it left", i, 0x5555);
	hc1(5, 1);
	eq("TS: #NM", TRY("fwait\n\tmovq %%xmm3, %%rax", : : : "rax", "memory"), 8);
	asm volatile("movq %%xmm3, %0" : "=r"(i));
	eq("after #NM the state is there", i, 0x5555);
	/* WRPKRU asks nobody. No key may close: neither guest kernel nor launcher could go on. #UD without
	   the feature. */
	user_run(u_pkru);
	ok(last.vector == VEC_SYSCALL || last.vector == 6,
		"user mode denies itself all memory (vector %#lx)", last.vector);
	user_run(u_sse);
	eq("and goes on", last.vector, VEC_SYSCALL);
}
