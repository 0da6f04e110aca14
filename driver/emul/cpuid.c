// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID policy: which bits of the host a guest kernel may see.
 *
 * Pure. Three parts: feature words (masks, with the state component each bit needs), leaves that
 * are rewritten (topology, XSAVE sizes, addresses), and the hypervisor's own leaves at 0x40000000.
 *
 * A bit is shown when its instruction works at CPL3 with the state we switch. Hidden, and why:
 *	PSE, PSE36, PDPE1GB, PGE, PCID, LA57	4 KiB pages, 4 levels, flushed by hypercall
 *	SMEP, SMAP, PKU, CET			the guest kernel runs at CPL3: clac would be #UD
 *	VME, MTRR, MCE, MCA, MONITOR, VMX, SVM	need CPL0
 *	X2APIC, TSC_DEADLINE			no local APIC behind the APIC bit (shown, as in Xen)
 *	XSAVES, WBNOINVD, WRMSRNS, INVPCID	CPL0 instructions that guests patch into themselves
 *	XFD, AMX, MPX, PKRU			state nobody saves for the guest
 *	IBRS, IBPB, STIBP, SSBD, MD_CLEAR	the host mitigates; each would be a trap
 *	RTM, HLE, PT, RDT, PMU, WAITPKG		policy
 * UMIP is shown although Xen hides it: with the host's CR4.UMIP on, sidt in guest user space raises
 * #GP, and only a guest kernel that knows UMIP emulates it instead of killing the program.
 *
 * References: Intel SDM vol. 2 CPUID, AMD APM vol. 3 appendix E, public/arch-x86/cpuid.h for the
 * 0x40000000 leaves.
 */
#include <linux/types.h>

#include "emul/cpuid.h"

enum { EAX, EBX, ECX, EDX };

#define HV_BASE		0x40000000u
#define HV_LEAVES	6u
#define CR4_OSXSAVE	(1ull << 18)

#define B(n)	(1u << (n))

/* One feature word: the bits shown always, and those shown with a component of XCR0. */
struct word {
	u32 leaf, sub;
	u32 reg;
	u32 always, avx, avx512;
};

static const struct word words[] = {
	/* FPU DE TSC MSR PAE CX8 APIC SEP CMOV PAT CLFSH MMX FXSR SSE SSE2 SS */
	{ 1, 0, EDX, .always = B(0) | B(2) | B(4) | B(5) | B(6) | B(8) | B(9) |
			       B(11) | B(15) | B(16) | B(19) | B(23) | B(24) |
			       B(25) | B(26) | B(27) },
	/* SSE3 PCLMUL SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES RDRAND; FMA AVX F16C */
	{ 1, 0, ECX, .always = B(0) | B(1) | B(9) | B(13) | B(19) | B(20) | B(22) |
			       B(23) | B(25) | B(30),
		     .avx = B(12) | B(28) | B(29) },
	/*
	 * BMI1 FDP_EXCPTN BMI2 ERMS FCS_FDS RDSEED ADX CLFLUSHOPT CLWB SHA; AVX2; AVX512 F DQ IFMA
	 * PF ER CD BW VL
	 */
	{ 7, 0, EBX, .always = B(3) | B(6) | B(8) | B(9) | B(13) | B(18) | B(19) |
			       B(23) | B(24) | B(29),
		     .avx = B(5),
		     .avx512 = B(16) | B(17) | B(21) | B(26) | B(27) | B(28) |
			       B(30) | B(31) },
	/*
	 * PREFETCHWT1 GFNI CLDEMOTE MOVDIRI MOVDIR64B; VAES VPCLMUL; VBMI VBMI2 VNNI BITALG
	 * VPOPCNTDQ
	 */
	{ 7, 0, ECX, .always = B(0) | B(8) | B(25) | B(27) | B(28),
		     .avx = B(9) | B(10),
		     .avx512 = B(1) | B(6) | B(11) | B(12) | B(14) },
	/* FSRM SERIALIZE; 4VNNIW 4FMAPS VP2INTERSECT FP16 */
	{ 7, 0, EDX, .always = B(4) | B(14),
		     .avx512 = B(2) | B(3) | B(8) | B(23) },
	/* RAO_INT CMPCCXADD FZRM FSRS FSRC; SHA512 SM3 SM4 AVX_VNNI AVX_IFMA; AVX512_BF16 */
	{ 7, 1, EAX, .always = B(3) | B(7) | B(10) | B(11) | B(12),
		     .avx = B(0) | B(1) | B(2) | B(4) | B(23),
		     .avx512 = B(5) },
	/* PREFETCHI; AVX_VNNI_INT8 AVX_NE_CONVERT AVX_VNNI_INT16 */
	{ 7, 1, EDX, .always = B(14),
		     .avx = B(4) | B(5) | B(10) },
	/* LAHF LZCNT SSE4A MISALIGNSSE PREFETCHW TBM; XOP FMA4 */
	{ 0x80000001, 0, ECX, .always = B(0) | B(5) | B(6) | B(7) | B(8) | B(21),
			      .avx = B(11) | B(16) },
	/* AMD's copy of leaf 1 EDX, SYSCALL NX MMXEXT LM 3DNOWEXT 3DNOW */
	{ 0x80000001, 0, EDX, .always = B(0) | B(2) | B(4) | B(5) | B(6) | B(8) | B(9) |
					B(11) | B(15) | B(16) | B(20) | B(22) | B(23) |
					B(24) | B(29) | B(30) | B(31) },
	/* CLZERO XSAVEERPTR SSB_NO BTC_NO: the last two state a fact */
	{ 0x80000008, 0, EBX, .always = B(0) | B(2) | B(26) | B(29) },
	/* no nested data breakpoints, lfence serialises, null selector clears base: facts */
	{ 0x80000021, 0, EAX, .always = B(0) | B(2) | B(6) },
};

static u32 word_mask(const struct pvm_cpuid_policy *p, const struct word *w)
{
	u32 m = w->always;

	if (p->xcr0_mask & PVM_XCR0_AVX)
		m |= w->avx;
	if (p->xcr0_mask & PVM_XCR0_AVX512)
		m |= w->avx512;
	return m;
}

/* Feature words of a leaf; registers without a word stay 0. */
static void show_words(const struct pvm_cpuid_policy *p, u32 leaf, u32 sub, const u32 host[4],
		       u32 out[4])
{
	const struct word *w;

	for (w = words; w < words + sizeof(words) / sizeof(words[0]); w++)
		if (w->leaf == leaf && w->sub == sub)
			out[w->reg] = host[w->reg] & word_mask(p, w);
}

static void show_if(const struct pvm_cpuid_policy *p, u32 flag, u32 host, u32 bit, u32 *out)
{
	if (p->flags & flag)
		*out |= host & bit;
}

static void leaf_1(const struct pvm_cpuid_policy *p, const struct pvm_cpuid_view *view,
		   const u32 host[4], u32 out[4])
{
	out[EAX] = host[EAX];
	/* one thread per package, brand index 0; clflush size is the host's */
	out[EBX] = (host[EBX] & 0xff00) | 1u << 16 | (view->vcpu_id & 0xff) << 24;
	if (p->xcr0_mask) {
		out[ECX] |= B(26);
		if (view->kernel || (view->cr4 & CR4_OSXSAVE))
			out[ECX] |= B(27);
	}
	out[ECX] |= B(31);
}

static void leaf_7(const struct pvm_cpuid_policy *p, const u32 host[4], u32 out[4])
{
	out[EAX] = host[EAX] < 1 ? host[EAX] : 1;	/* last sub-leaf */
	show_if(p, PVM_CPUID_FSGSBASE, host[EBX], B(0), &out[EBX]);
	show_if(p, PVM_CPUID_UMIP, host[ECX], B(2), &out[ECX]);
	show_if(p, PVM_CPUID_RDTSCP, host[ECX], B(22), &out[ECX]);
	show_if(p, PVM_CPUID_ARCH_CAPS, host[EDX], B(29), &out[EDX]);
}

/*
 * Bytes of an XSAVE area for these components; compacted: one after the other, with the alignment
 * they ask for.
 */
static u32 xsave_bytes(const struct pvm_cpuid_policy *p, u64 xcr0, bool compacted)
{
	u32 end = 576, at, n;		/* legacy area and header */

	for (n = 2; n < PVM_XSAVE_COMPONENTS; n++) {
		if (!(xcr0 >> n & 1))
			continue;
		at = p->xsave[n].offset;
		if (compacted)
			at = p->xsave[n].flags & 2 ? (end + 63) & ~63u : end;
		if (at + p->xsave[n].bytes > end)
			end = at + p->xsave[n].bytes;
	}
	return end;
}

static void leaf_xsave(const struct pvm_cpuid_policy *p, const struct pvm_cpuid_view *view, u32 sub,
		       u32 out[4])
{
	u64 xcr0 = view->xcr0 & p->xcr0_mask;

	if (!p->xcr0_mask)
		return;
	if (sub == 0) {
		out[EAX] = (u32)p->xcr0_mask;
		out[EBX] = xsave_bytes(p, xcr0, false);
		out[ECX] = xsave_bytes(p, p->xcr0_mask, false);
	} else if (sub == 1) {
		out[EAX] = p->xsave_features;
		/* without supervisor states: a host's value makes Linux distrust XSAVE */
		if (p->xsave_features & B(1))
			out[EBX] = xsave_bytes(p, xcr0, true);
	} else if (sub < PVM_XSAVE_COMPONENTS && (p->xcr0_mask >> sub & 1)) {
		out[EAX] = p->xsave[sub].bytes;
		out[EBX] = p->xsave[sub].offset;
		out[ECX] = p->xsave[sub].flags & 2;
	}
}

static void leaf_hypervisor(const struct pvm_cpuid_policy *p, u32 leaf, u32 sub, u32 out[4])
{
	switch (leaf) {
	case HV_BASE:			/* "XenVMMXenVMM" */
		out[EAX] = HV_BASE + HV_LEAVES - 1;
		out[EBX] = 0x566e6558;
		out[ECX] = 0x65584d4d;
		out[EDX] = 0x4d4d566e;
		break;
	case HV_BASE + 1:
		out[EAX] = PVM_XEN_MAJOR << 16 | PVM_XEN_MINOR;
		break;
	/* one hypercall page, by this MSR; MMU_PT_UPDATE_PRESERVE_AD works */
	case HV_BASE + 2:
		out[EAX] = 1;
		out[EBX] = 0x40000000;
		out[ECX] = 1;
		break;
	case HV_BASE + 3:
		if (sub == 0) {
			out[EAX] = (p->flags & PVM_CPUID_TSC_STABLE ? B(1) : 0) |
				   (p->flags & PVM_CPUID_RDTSCP ? B(2) : 0);
			out[EBX] = 2;	/* the TSC is never emulated */
			out[ECX] = p->tsc_khz;
			out[EDX] = p->incarnation;
		} else if (sub == 1) {
			out[ECX] = p->tsc_mul;
			out[EDX] = (u32)(s32)p->tsc_shift;
		} else if (sub == 2) {
			out[EAX] = p->tsc_khz;
		}
		break;
	/* more than 44 bits would make Linux choose grant table version 2 */
	case HV_BASE + 5:
		if (sub == 0)
			out[EBX] = p->host_addr_bits < 44 ? p->host_addr_bits : 44;
		break;
	}
}

static u32 lower(u32 a, u32 b)
{
	return a < b ? a : b;
}

void pvm_cpuid_policy_init(struct pvm_cpuid_policy *p)
{
	u32 n;

	p->xcr0_mask &= PVM_XCR0_KNOWN;
	for (n = 2; n < PVM_XSAVE_COMPONENTS; n++)
		if (!p->xsave[n].bytes)
			p->xcr0_mask &= ~(1ull << n);
	if ((p->xcr0_mask & PVM_XCR0_AVX512) != PVM_XCR0_AVX512 || !(p->xcr0_mask & PVM_XCR0_AVX))
		p->xcr0_mask &= ~PVM_XCR0_AVX512;
	if ((p->xcr0_mask & PVM_XCR0_SSE) != PVM_XCR0_SSE)
		p->xcr0_mask = 0;
	p->xsave_features &= B(0) | B(1) | B(2);	/* XSAVEOPT XSAVEC XGETBV1 */
}

bool pvm_xcr0_valid(const struct pvm_cpuid_policy *p, u64 xcr0)
{
	if (!(xcr0 & 1) || (xcr0 & ~p->xcr0_mask))
		return false;
	if ((xcr0 & PVM_XCR0_AVX) && (xcr0 & PVM_XCR0_SSE) != PVM_XCR0_SSE)
		return false;
	if (!(xcr0 & PVM_XCR0_AVX512))
		return true;
	return (xcr0 & PVM_XCR0_AVX512) == PVM_XCR0_AVX512 && (xcr0 & PVM_XCR0_AVX);
}

void pvm_cpuid(const struct pvm_cpuid_policy *p, const struct pvm_cpuid_view *view, u32 leaf,
	       u32 subleaf, const u32 host[4], u32 out[4])
{
	u32 i;

	for (i = 0; i < 4; i++)
		out[i] = 0;
	if (leaf - HV_BASE < HV_LEAVES) {
		leaf_hypervisor(p, leaf, subleaf, out);
		return;
	}
	/* ECX selects a sub-leaf of leaf 7 only; elsewhere in the table it is ignored */
	show_words(p, leaf, leaf == 7 ? subleaf : 0, host, out);
	switch (leaf) {
	case 0:
		out[EAX] = lower(host[EAX], 0xd);
		out[EBX] = host[EBX];
		out[ECX] = host[ECX];
		out[EDX] = host[EDX];
		break;
	case 1:
		leaf_1(p, view, host, out);
		break;
	/* caches; not shared with other threads, one core in the package */
	case 4:
		out[EAX] = host[EAX] & 0x3fff;
		out[EBX] = host[EBX];
		out[ECX] = host[ECX];
		out[EDX] = host[EDX];
		break;
	case 7:
		if (subleaf == 0)
			leaf_7(p, host, out);
		break;
	case 0xd:
		leaf_xsave(p, view, subleaf, out);
		break;
	case 0x80000000:
		out[EAX] = host[EAX] >= 0x80000021 ? 0x80000021 : lower(host[EAX], 0x80000008);
		out[EBX] = host[EBX];
		out[ECX] = host[ECX];
		out[EDX] = host[EDX];
		break;
	case 0x80000001:
		out[EAX] = host[EAX];
		show_if(p, PVM_CPUID_RDTSCP, host[EDX], B(27), &out[EDX]);
		break;
	case 2:				/* cache and TLB descriptors */
	case 0x80000002:		/* name */
	case 0x80000003:
	case 0x80000004:
	case 0x80000005:		/* caches */
	case 0x80000006:
		for (i = 0; i < 4; i++)
			out[i] = host[i];
		break;
	case 0x80000007:		/* TSC keeps its rate in all power states */
		show_if(p, PVM_CPUID_TSC_STABLE, host[EDX], B(8), &out[EDX]);
		break;
	case 0x80000008:
		out[EAX] = 48u << 8 | (p->host_addr_bits & 0xff);
		break;
	}
}
