/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which mitigations the host kernel runs with, as far as its headers know the feature. A feature bit that a kernel
 * does not define is one it does not act on, so parity with the host's own edge means: nothing to do.
 */
#ifndef PVM_SWITCHER_FEATURES_H
#define PVM_SWITCHER_FEATURES_H

#include <asm/cpufeature.h>

#ifdef X86_FEATURE_CLEAR_CPU_BUF
#define PVM_CPU_CLEARS_BUFFERS	boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF)
#else
#define PVM_CPU_CLEARS_BUFFERS	boot_cpu_has_bug(X86_BUG_MDS)
#endif

#ifdef X86_FEATURE_KERNEL_IBRS
#define PVM_CPU_KERNEL_IBRS	boot_cpu_has(X86_FEATURE_KERNEL_IBRS)
#else
#define PVM_CPU_KERNEL_IBRS	false
#endif

#ifdef X86_FEATURE_CLEAR_BHB_LOOP
#define PVM_CPU_CLEARS_BHB	boot_cpu_has(X86_FEATURE_CLEAR_BHB_LOOP)
#else
#define PVM_CPU_CLEARS_BHB	false
#endif

#ifdef X86_FEATURE_ENTRY_IBPB
#define PVM_CPU_ENTRY_IBPB	boot_cpu_has(X86_FEATURE_ENTRY_IBPB)
#else
#define PVM_CPU_ENTRY_IBPB	false
#endif

/* Zen 1 and 2: UNRET; Zen 3 and 4: SRSO, by the same entry point of the kernel. */
#ifdef X86_FEATURE_SRSO
#define PVM_CPU_SRSO		(boot_cpu_has(X86_FEATURE_SRSO) || boot_cpu_has(X86_FEATURE_SRSO_ALIAS))
#else
#define PVM_CPU_SRSO		false
#endif
#ifdef X86_FEATURE_UNRET
#define PVM_CPU_UNTRAINS	(boot_cpu_has(X86_FEATURE_UNRET) || PVM_CPU_SRSO)
#else
#define PVM_CPU_UNTRAINS	false
#endif

#ifdef X86_FEATURE_FRED
#define PVM_CPU_HAS_FRED	cpu_feature_enabled(X86_FEATURE_FRED)
#else
#define PVM_CPU_HAS_FRED	false
#endif

#endif /* PVM_SWITCHER_FEATURES_H */
