// SPDX-License-Identifier: GPL-2.0-only
/* CPUID policy: nothing unknown comes through, what must be hidden is, what must be shown is, sizes add up. */
#include "test.h"

#include <cpuid.h>

#include "emul/cpuid.h"

enum { EAX, EBX, ECX, EDX };

static const u32 ones[4] = { ~0u, ~0u, ~0u, ~0u };
static const u32 zeroes[4];

/* A host with AVX-512; sizes as on Intel server parts. */
static struct pvm_cpuid_policy policy(u64 xcr0)
{
	struct pvm_cpuid_policy p = {
		.flags = PVM_CPUID_TSC_STABLE | PVM_CPUID_FSGSBASE | PVM_CPUID_RDTSCP | PVM_CPUID_UMIP |
			 PVM_CPUID_ARCH_CAPS,
		.tsc_khz = 2600000, .host_addr_bits = 46, .incarnation = 3, .xcr0_mask = xcr0,
		.xsave_features = 0x1f, .tsc_mul = 0xc4ec4ec5, .tsc_shift = -1,
		.xsave = {
			[2] = { 256, 576, 0 },
			[3] = { 64, 960, 0 },
			[4] = { 64, 1024, 0 },
			[5] = { 64, 1088, 0 },
			[6] = { 512, 1152, 2 },
			[7] = { 1024, 1664, 2 },
		},
	};

	pvm_cpuid_policy_init(&p);
	return p;
}

static const struct pvm_cpuid_view kernel_view = { .xcr0 = 1, .kernel = true };

static void ask(const struct pvm_cpuid_policy *p, u32 leaf, u32 sub, const u32 host[4], u32 out[4])
{
	memset(out, 0xaa, 16);
	pvm_cpuid(p, &kernel_view, leaf, sub, host, out);
}

static void policy_is_normalised(void **state)
{
	struct pvm_cpuid_policy p = policy(~0ull);

	(void)state;
	assert_int_equal(p.xcr0_mask, 0xe7);
	assert_int_equal(p.xsave_features, 7);
	assert_int_equal(policy(0xe3).xcr0_mask, 3);		/* AVX-512 without AVX */
	assert_int_equal(policy(0x67).xcr0_mask, 7);		/* half of AVX-512 */
	assert_int_equal(policy(0x3).xcr0_mask, 3);
	assert_int_equal(policy(0x6).xcr0_mask, 0);		/* no x87 */
	assert_int_equal(policy(0x5).xcr0_mask, 0);		/* no SSE */
	assert_int_equal(policy(0).xcr0_mask, 0);
	p = policy(0);
	p.xcr0_mask = 0xe7;
	p.xsave[2].bytes = 0;					/* the host has no sub-leaf for it */
	pvm_cpuid_policy_init(&p);
	assert_int_equal(p.xcr0_mask, 3);
}

static void unlisted_leaves_are_zero(void **state)
{
	static const u32 leaves[] = {
		3, 5, 6, 8, 9, 0xa, 0xb, 0xc, 0xe, 0xf, 0x10, 0x12, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
		0x1a, 0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x3fffffff, 0x40000004, 0x40000006,
			0x400000ff, 0x40000100, 0x4000ff00,
		0x80000009, 0x8000000a, 0x80000019, 0x8000001a, 0x8000001b, 0x8000001c, 0x8000001d, 0x8000001e,
		0x8000001f, 0x80000020, 0x80000022, 0x80000026, 0xc0000000, 0xc0000001, 0xffffffff,
	};
	struct pvm_cpuid_policy p = policy(~0ull);
	u32 out[4], i, sub;

	(void)state;
	for (i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		for (sub = 0; sub < 4; sub++) {
			ask(&p, leaves[i], sub, ones, out);
			assert_memory_equal(out, zeroes, 16);
		}
	ask(&p, 7, 2, ones, out);
	assert_memory_equal(out, zeroes, 16);
}

/* Bits a guest kernel must not see, whatever the host says (guest ABI: feature policy). */
static void hidden_bits_stay_hidden(void **state)
{
	static const struct { u32 leaf, sub, reg; u8 bits[24]; u8 n; } t[] = {
		{ 1, 0, EDX, { 1, 3, 7, 12, 13, 14, 17, 18, 20, 21, 22, 28, 29, 30, 31 }, 15 },
		{ 1, 0, ECX, { 2, 3, 4, 5, 6, 7, 8, 10, 11, 14, 15, 16, 17, 18, 21, 24 }, 16 },
		{ 7, 0, EBX, { 1, 2, 4, 7, 10, 11, 12, 14, 15, 20, 22, 25 }, 12 },
		{ 7, 0, ECX, { 3, 4, 5, 7, 13, 15, 16, 17, 18, 19, 20, 21, 23, 24, 26, 29, 30, 31 }, 18 },
		{ 7, 0, EDX, { 0, 1, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19 }, 15 },
		{ 7, 0, EDX, { 20, 21, 22, 24, 25, 26, 27, 28, 30, 31 }, 10 },
		{ 7, 1, EAX, { 6, 8, 9, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28 }, 18 },
		{ 7, 1, EDX, { 8, 17, 18, 19, 21 }, 5 },
		{ 0xd, 1, EAX, { 3, 4 }, 2 },
		{ 0x80000001, 0, ECX, { 1, 2, 3, 4, 9, 10, 12, 13, 15, 19, 22, 23, 24, 26, 27, 28, 29 }, 17 },
		{ 0x80000001, 0, EDX, { 1, 3, 7, 12, 13, 14, 17, 19, 25, 26 }, 10 },
		{ 0x80000007, 0, EDX, { 0, 1, 7, 9, 10 }, 5 },
		{ 0x80000008, 0, EBX, { 9, 12, 14, 15, 17, 23, 24, 25 }, 8 },
		{ 0x80000021, 0, EAX, { 8, 17 }, 2 },
	};
	struct pvm_cpuid_policy p = policy(~0ull);
	u32 out[4], i, k;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ask(&p, t[i].leaf, t[i].sub, ones, out);
		for (k = 0; k < t[i].n; k++)
			assert_int_equal(out[t[i].reg] >> t[i].bits[k] & 1, 0);
	}
}

static void needed_bits_come_through(void **state)
{
	struct pvm_cpuid_policy p = policy(~0ull);
	u32 out[4];

	(void)state;
	ask(&p, 1, 0, ones, out);
	assert_int_equal(out[EDX], 0x0f898b75);
	assert_int_equal(out[ECX], 1u << 0 | 1u << 1 | 1u << 9 | 1u << 12 | 1u << 13 | 1u << 19 |
			 1u << 20 | 1u << 22 | 1u << 23 | 0x7fu << 25);
	assert_int_equal(out[EAX], ~0u);
	ask(&p, 7, 0, ones, out);
	assert_int_equal(out[EAX], 1);
	assert_true(out[EBX] & 1);			/* FSGSBASE */
	assert_true(out[ECX] >> 2 & 1);			/* UMIP */
	assert_true(out[ECX] >> 22 & 1);		/* RDPID */
	assert_true(out[EDX] >> 29 & 1);		/* ARCH_CAPABILITIES */
	assert_true(out[EBX] >> 16 & 1);		/* AVX512F */
	ask(&p, 0x80000001, 0, ones, out);
	assert_true(out[EDX] >> 11 & 1);		/* SYSCALL */
	assert_true(out[EDX] >> 20 & 1);		/* NX */
	assert_true(out[EDX] >> 27 & 1);		/* RDTSCP */
	assert_true(out[EDX] >> 29 & 1);		/* LM */
	ask(&p, 0x80000007, 0, ones, out);
	assert_int_equal(out[EDX], 1u << 8);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX], 0);
}

static void nothing_appears_that_the_host_lacks(void **state)
{
	static const u32 leaves[] = { 1, 7, 0x80000001, 0x80000007, 0x80000008, 0x80000021 };
	struct pvm_cpuid_policy p = policy(~0ull);
	u32 out[4], i, sub, r, n;

	(void)state;
	for (n = 0; n < 2000; n++) {
		u32 host[4] = { (u32)rnd(), (u32)rnd(), (u32)rnd(), (u32)rnd() };

		for (i = 0; i < 6; i++)
			for (sub = 0; sub < 3; sub++) {
				ask(&p, leaves[i], sub, host, out);
				/* words made by us: topology, XSAVE pair, HYPERVISOR, address sizes, sub-leaf count */
				if (leaves[i] == 1) {
					out[ECX] &= ~(1u << 26 | 1u << 27 | 1u << 31);
					out[EBX] = 0;
				}
				if (leaves[i] == 7 || leaves[i] == 0x80000008)
					out[EAX] = 0;
				for (r = 0; r < 4; r++)
					assert_int_equal(out[r] & ~host[r], 0);
			}
	}
}

static void flags_decide(void **state)
{
	struct pvm_cpuid_policy p = policy(~0ull);
	u32 out[4];

	(void)state;
	p.flags = 0;
	ask(&p, 7, 0, ones, out);
	assert_false(out[EBX] & 1);
	assert_false(out[ECX] >> 2 & 1);
	assert_false(out[ECX] >> 22 & 1);
	assert_false(out[EDX] >> 29 & 1);
	ask(&p, 0x80000001, 0, ones, out);
	assert_false(out[EDX] >> 27 & 1);
	ask(&p, 0x80000007, 0, ones, out);
	assert_memory_equal(out, zeroes, 16);
	ask(&p, 0x40000003, 0, ones, out);
	assert_int_equal(out[EAX], 0);
}

static void avx_bits_follow_the_state_mask(void **state)
{
	struct pvm_cpuid_policy none = policy(0), sse = policy(3), avx = policy(7);
	u32 out[4];

	(void)state;
	ask(&none, 1, 0, ones, out);
	assert_int_equal(out[ECX] & (1u << 12 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29), 0);
	ask(&none, 0xd, 0, ones, out);
	assert_memory_equal(out, zeroes, 16);
	ask(&sse, 1, 0, ones, out);
	assert_int_equal(out[ECX] & (1u << 12 | 1u << 28 | 1u << 29), 0);
	assert_int_equal(out[ECX] >> 26 & 3, 3);
	ask(&sse, 7, 0, ones, out);
	assert_int_equal(out[EBX] & 1u << 5, 0);
	ask(&avx, 7, 0, ones, out);
	assert_int_equal(out[EBX] & (1u << 5 | 1u << 16 | 1u << 31), 1u << 5);
	ask(&avx, 7, 1, ones, out);
	assert_int_equal(out[EAX] & (1u << 4 | 1u << 5), 1u << 4);
}

static void osxsave_by_who_asks(void **state)
{
	struct pvm_cpuid_policy p = policy(7);
	struct pvm_cpuid_view v = { .kernel = true };
	u32 out[4];

	(void)state;
	pvm_cpuid(&p, &v, 1, 0, ones, out);
	assert_true(out[ECX] >> 27 & 1);	/* before the guest set CR4.OSXSAVE: Linux gives up XSAVE otherwise */
	v.kernel = false;
	pvm_cpuid(&p, &v, 1, 0, ones, out);
	assert_false(out[ECX] >> 27 & 1);
	v.cr4 = 1ull << 18;
	pvm_cpuid(&p, &v, 1, 0, ones, out);
	assert_true(out[ECX] >> 27 & 1);
}

static void topology_is_one_thread(void **state)
{
	struct pvm_cpuid_policy p = policy(7);
	struct pvm_cpuid_view v = { .kernel = true, .vcpu_id = 0x105 };
	u32 out[4];

	(void)state;
	pvm_cpuid(&p, &v, 1, 0, ones, out);
	assert_int_equal(out[EBX], 0x0501ff00);
	ask(&p, 4, 0, ones, out);
	assert_int_equal(out[EAX], 0x3fff);
	assert_int_equal(out[EBX], ~0u);
	ask(&p, 0x80000008, 0, ones, out);
	assert_int_equal(out[EAX], 48 << 8 | 46);
	assert_int_equal(out[ECX], 0);
}

static void leaf_counts_are_capped(void **state)
{
	static const struct { u32 leaf, host, want; } t[] = {
		{ 0, 0x20, 0xd }, { 0, 0xd, 0xd }, { 0, 5, 5 },
		{ 0x80000000, 0x80000028, 0x80000021 }, { 0x80000000, 0x80000021, 0x80000021 },
		{ 0x80000000, 0x80000020, 0x80000008 }, { 0x80000000, 0x80000004, 0x80000004 },
		{ 7, 0, 0 }, { 7, 1, 1 }, { 7, 2, 1 },
	};
	struct pvm_cpuid_policy p = policy(7);
	u32 out[4], i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		u32 host[4] = { t[i].host, 0x11, 0x22, 0x33 };

		ask(&p, t[i].leaf, 0, host, out);
		assert_int_equal(out[EAX], t[i].want);
		if (t[i].leaf != 7) {
			assert_int_equal(out[EBX], 0x11);	/* vendor */
			assert_int_equal(out[ECX], 0x22);
			assert_int_equal(out[EDX], 0x33);
		}
	}
}

static void plain_leaves_pass(void **state)
{
	static const u32 leaves[] = { 2, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000006 };
	static const u32 host[4] = { 1, 0x80000002, 3, 4 };
	struct pvm_cpuid_policy p = policy(7);
	u32 out[4], i;

	(void)state;
	for (i = 0; i < 6; i++) {
		ask(&p, leaves[i], 9, host, out);
		assert_memory_equal(out, host, 16);
	}
}

static void xsave_leaf(const struct pvm_cpuid_policy *p, u64 xcr0, u32 sub, u32 a, u32 b, u32 c)
{
	struct pvm_cpuid_view v = { .xcr0 = xcr0, .kernel = true };
	u32 out[4];

	pvm_cpuid(p, &v, 0xd, sub, ones, out);
	assert_int_equal(out[EAX], a);
	assert_int_equal(out[EBX], b);
	assert_int_equal(out[ECX], c);
	assert_int_equal(out[EDX], 0);
}

static void xsave_sizes(void **state)
{
	struct pvm_cpuid_policy p = policy(~0ull);

	(void)state;
	xsave_leaf(&p, 1, 0, 0xe7, 576, 2688);
	xsave_leaf(&p, 7, 0, 0xe7, 832, 2688);
	xsave_leaf(&p, 0xe7, 0, 0xe7, 2688, 2688);
	xsave_leaf(&p, ~0ull, 0, 0xe7, 2688, 2688);	/* what is not offered does not count */
	/* compacted: no supervisor state; opmask ends at 896, already aligned */
	xsave_leaf(&p, 1, 1, 7, 576, 0);
	xsave_leaf(&p, 7, 1, 7, 832, 0);
	xsave_leaf(&p, 0xe7, 1, 7, 2432, 0);
	xsave_leaf(&p, 7, 2, 256, 576, 0);
	xsave_leaf(&p, 7, 6, 512, 1152, 2);
	xsave_leaf(&p, 7, 3, 0, 0, 0);			/* MPX */
	xsave_leaf(&p, 7, 9, 0, 0, 0);			/* PKRU */
	xsave_leaf(&p, 7, 63, 0, 0, 0);
	xsave_leaf(&p, 7, ~0u, 0, 0, 0);
	/* alignment is applied, and without XSAVEC there is no compacted size */
	p.xsave[5].bytes = 60;
	xsave_leaf(&p, 0xe7, 1, 7, 2432, 0);
	p.xsave[5].bytes = 100;				/* ends at 932: the next one starts at 960, not at 1024 */
	xsave_leaf(&p, 0xe7, 1, 7, 960 + 512 + 1024, 0);
	p.xsave[5].bytes = 60;
	p.xsave[6].flags = p.xsave[7].flags = 0;
	xsave_leaf(&p, 0xe7, 1, 7, 576 + 256 + 60 + 512 + 1024, 0);
	p.xsave_features = 1;
	xsave_leaf(&p, 0xe7, 1, 1, 0, 0);
	/* an offset inside the legacy area does not shrink the area */
	p.xsave[2].offset = 0;
	xsave_leaf(&p, 7, 0, 0xe7, 576, 2688);
}

/* The same numbers as the CPU this runs on, for the components it has on. */
static void xsave_sizes_match_this_cpu(void **state)
{
	struct pvm_cpuid_policy p = { 0 };
	u32 a, b, c, d, lo, hi, n;

	(void)state;
	__cpuid(1, a, b, c, d);
	if (!(c >> 27 & 1))
		skip();
	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	p.xcr0_mask = lo;
	for (n = 2; n < PVM_XSAVE_COMPONENTS; n++)
		__cpuid_count(0xd, n, p.xsave[n].bytes, p.xsave[n].offset, p.xsave[n].flags, d);
	__cpuid_count(0xd, 1, p.xsave_features, b, c, d);
	pvm_cpuid_policy_init(&p);
	if (p.xcr0_mask != (lo | (u64)hi << 32))
		skip();			/* this CPU has more on than a guest gets: its sizes are not ours */
	__cpuid_count(0xd, 0, a, b, c, d);
	xsave_leaf(&p, lo, 0, lo, b, b);
}

static void hypervisor_leaves(void **state)
{
	struct pvm_cpuid_policy p = policy(7);
	u32 out[4], i;

	(void)state;
	ask(&p, 0x40000000, 0, ones, out);
	assert_int_equal(out[EAX], 0x40000005);
	assert_memory_equal(&out[EBX], "XenVMMXenVMM", 12);
	ask(&p, 0x40000001, 0, ones, out);
	assert_int_equal(out[EAX], 4 << 16 | 17);
	ask(&p, 0x40000002, 0, ones, out);
	assert_int_equal(out[EAX], 1);
	assert_int_equal(out[EBX], 0x40000000);
	assert_int_equal(out[ECX], 1);
	ask(&p, 0x40000003, 0, ones, out);
	assert_int_equal(out[EAX], 6);
	assert_int_equal(out[EBX], 2);
	assert_int_equal(out[ECX], 2600000);
	assert_int_equal(out[EDX], 3);
	ask(&p, 0x40000003, 1, ones, out);
	assert_int_equal(out[EAX] | out[EBX], 0);
	assert_int_equal(out[ECX], 0xc4ec4ec5);
	assert_int_equal(out[EDX], ~0u);
	ask(&p, 0x40000003, 2, ones, out);
	assert_int_equal(out[EAX], 2600000);
	ask(&p, 0x40000003, 3, ones, out);
	assert_memory_equal(out, zeroes, 16);
	ask(&p, 0x40000004, 0, ones, out);
	assert_memory_equal(out, zeroes, 16);
	for (i = 30; i < 60; i++) {
		p.host_addr_bits = i;
		ask(&p, 0x40000005, 0, ones, out);
		assert_int_equal(out[EBX], i < 44 ? i : 44);
	}
	ask(&p, 0x40000005, 1, ones, out);
	assert_memory_equal(out, zeroes, 16);
}

static void xcr0_rules(void **state)
{
	struct pvm_cpuid_policy p = policy(~0ull);
	u64 v;

	(void)state;
	for (v = 0; v < 0x400; v++) {
		bool want = v == 1 || v == 3 || v == 7 || v == 0xe7;

		assert_int_equal(pvm_xcr0_valid(&p, v), want);
	}
	assert_false(pvm_xcr0_valid(&p, 1ull << 63 | 7));
	p = policy(7);
	assert_false(pvm_xcr0_valid(&p, 0xe7));
	p = policy(0);
	assert_false(pvm_xcr0_valid(&p, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_is_normalised),
		cmocka_unit_test(unlisted_leaves_are_zero),
		cmocka_unit_test(hidden_bits_stay_hidden),
		cmocka_unit_test(needed_bits_come_through),
		cmocka_unit_test(nothing_appears_that_the_host_lacks),
		cmocka_unit_test(flags_decide),
		cmocka_unit_test(avx_bits_follow_the_state_mask),
		cmocka_unit_test(osxsave_by_who_asks),
		cmocka_unit_test(topology_is_one_thread),
		cmocka_unit_test(leaf_counts_are_capped),
		cmocka_unit_test(plain_leaves_pass),
		cmocka_unit_test(xsave_sizes),
		cmocka_unit_test(xsave_sizes_match_this_cpu),
		cmocka_unit_test(hypervisor_leaves),
		cmocka_unit_test(xcr0_rules),
	};

	return cmocka_run_group_tests_name("cpuid", tests, NULL, NULL);
}
