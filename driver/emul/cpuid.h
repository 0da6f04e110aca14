/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CPUID says to a guest that asks through the forced-emulation prefix.
 *
 * Allow-list: a bit nobody has thought about is hidden, so a new CPU cannot make a guest kernel
 * execute something that needs CPL0 or state we do not switch. Guest user space executes CPUID
 * natively and sees the host; the state-size leaf is therefore computed from the XCR0 the hardware
 * really has.
 *
 * Pure. The shell executes CPUID on the host and hands the four words in.
 */
#ifndef PVM_EMUL_CPUID_H
#define PVM_EMUL_CPUID_H

#include <linux/types.h>

/*
 * XSAVE components a guest can be offered at all: x87, SSE, AVX, AVX-512 (three). Not MPX, PKRU,
 * AMX, CET.
 */
#define PVM_XCR0_SSE		0x3ull
#define PVM_XCR0_AVX		0x4ull
#define PVM_XCR0_AVX512		0xe0ull
#define PVM_XCR0_KNOWN		0xe7ull
#define PVM_XSAVE_COMPONENTS	8

#define PVM_CPUID_TSC_STABLE	(1u << 0)	/* constant, non-stop, the same on all CPUs */
#define PVM_CPUID_FSGSBASE	(1u << 1)	/* CR4.FSGSBASE is on in the guest */
#define PVM_CPUID_RDTSCP	(1u << 2)	/* TSC_AUX is the guest's: RDTSCP and RDPID */
#define PVM_CPUID_UMIP		(1u << 3)	/* CR4.UMIP is on in the guest */
#define PVM_CPUID_ARCH_CAPS	(1u << 4)	/* ARCH_CAPABILITIES can be read, see emul/msr.h */

#define PVM_XEN_MAJOR	4u
#define PVM_XEN_MINOR	17u

/**
 * struct pvm_cpuid_policy - constants of one VM, made once by pvm_cpuid_policy_init()
 * @flags:	PVM_CPUID_*
 * @tsc_khz:	frequency of the TSC the guest reads
 * @host_addr_bits: physical address width of the host (0x80000008 EAX[7:0])
 * @incarnation: times this guest was restored, 0 for a fresh one
 * @xcr0_mask:	components the guest may enable, subset of PVM_XCR0_KNOWN; 0 without XSAVE
 * @xsave_features: host leaf 0xD.1 EAX
 * @xsave:	host leaf 0xD.n: size, offset and flags (EAX, EBX, ECX) of component n
 * @tsc_mul, @tsc_shift: TSC to ns as in vcpu_time_info, for the hypervisor's time leaf
 */
struct pvm_cpuid_policy {
	u32 flags;
	u32 tsc_khz;
	u32 host_addr_bits;
	u32 incarnation;
	u64 xcr0_mask;
	u32 xsave_features;
	struct {
		u32 bytes, offset, flags;
	} xsave[PVM_XSAVE_COMPONENTS];
	u32 tsc_mul;
	s8 tsc_shift;
};

/**
 * struct pvm_cpuid_view - who asks
 * @cr4:	guest's CR4
 * @xcr0:	guest's XCR0
 * @vcpu_id:	its vCPU, becomes the initial APIC id
 * @kernel:	asked from guest kernel mode: OSXSAVE then tells of the hardware, not of @cr4,
 *	because Linux looks for it before it sets its own CR4 bit and gives up XSAVE otherwise
 */
struct pvm_cpuid_view {
	u64 cr4;
	u64 xcr0;
	u32 vcpu_id;
	bool kernel;
};

/**
 * pvm_cpuid_policy_init - normalise a policy whose plain fields are filled
 * @p:	all fields set by the caller; XSAVE components a guest cannot use are taken out of xcr0_mask
 *	(unknown ones, those without a size, those whose base is missing), and xsave_features is
 *	reduced to what we know
 *
 * Context: any, once per VM.
 */
void pvm_cpuid_policy_init(struct pvm_cpuid_policy *p);

/**
 * pvm_cpuid - the guest's view of one leaf
 * @p:		policy
 * @view:	who asks
 * @leaf:	EAX
 * @subleaf:	ECX
 * @host:	EAX EBX ECX EDX of the same leaf and subleaf on the host
 * @out:	EAX EBX ECX EDX for the guest
 *
 * Context: any.
 */
void pvm_cpuid(const struct pvm_cpuid_policy *p, const struct pvm_cpuid_view *view, u32 leaf,
	       u32 subleaf, const u32 host[4], u32 out[4]);

/**
 * pvm_xcr0_valid - may a guest load this XCR0 (XSETBV)?
 * @p:		policy
 * @xcr0:	value
 *
 * Context: any.
 * Return: true when it is a legal subset: x87 set, AVX needs SSE, AVX-512 needs AVX and comes as a
 * whole.
 */
bool pvm_xcr0_valid(const struct pvm_cpuid_policy *p, u64 xcr0);

#endif /* PVM_EMUL_CPUID_H */
