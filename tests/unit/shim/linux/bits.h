/* SPDX-License-Identifier: GPL-2.0-only */
/* Single bits and masks, with the kernel's names. */
#ifndef PVM_SHIM_LINUX_BITS_H
#define PVM_SHIM_LINUX_BITS_H

#include <linux/types.h>

#define BITS_PER_LONG	64
#define BIT(n)		(1ul << (n))
#define BIT_ULL(n)	(1ull << (n))
#define GENMASK_ULL(h, l) ((~0ull >> (63 - (h))) & (~0ull << (l)))

#endif /* PVM_SHIM_LINUX_BITS_H */
