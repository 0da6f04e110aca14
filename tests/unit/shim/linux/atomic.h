/* SPDX-License-Identifier: GPL-2.0-only */
/* Atomic exchange, fully ordered as in the kernel. */
#ifndef PVM_SHIM_LINUX_ATOMIC_H
#define PVM_SHIM_LINUX_ATOMIC_H

#include <linux/bitops.h>

#define xchg(p, v) ({ pvm_shim_before_op(); __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST); })

#endif /* PVM_SHIM_LINUX_ATOMIC_H */
