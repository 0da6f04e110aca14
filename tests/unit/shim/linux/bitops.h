/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bit operations on arrays of long; the ones that are atomic in the kernel are atomic here. A test defines
 * pvm_shim_step: when set, it is called before each operation, which is how test_evtchn.c lets "the guest"
 * run in between.
 */
#ifndef PVM_SHIM_LINUX_BITOPS_H
#define PVM_SHIM_LINUX_BITOPS_H

#include <linux/bits.h>

#define PVM_SHIM_BIT(nr)	(1ul << ((nr) & 63))

extern void (*pvm_shim_step)(void);	/* defined by the test */

static inline void pvm_shim_before_op(void)
{
	if (pvm_shim_step)
		pvm_shim_step();
}

static inline bool test_bit(unsigned long nr, const volatile unsigned long *p)
{
	pvm_shim_before_op();
	return __atomic_load_n(&p[nr >> 6], __ATOMIC_RELAXED) & PVM_SHIM_BIT(nr);
}

static inline void set_bit(unsigned long nr, volatile unsigned long *p)
{
	pvm_shim_before_op();
	__atomic_fetch_or(&p[nr >> 6], PVM_SHIM_BIT(nr), __ATOMIC_SEQ_CST);
}

static inline void clear_bit(unsigned long nr, volatile unsigned long *p)
{
	pvm_shim_before_op();
	__atomic_fetch_and(&p[nr >> 6], ~PVM_SHIM_BIT(nr), __ATOMIC_SEQ_CST);
}

static inline bool test_and_set_bit(unsigned long nr, volatile unsigned long *p)
{
	pvm_shim_before_op();
	return __atomic_fetch_or(&p[nr >> 6], PVM_SHIM_BIT(nr), __ATOMIC_SEQ_CST) & PVM_SHIM_BIT(nr);
}

static inline bool test_and_clear_bit(unsigned long nr, volatile unsigned long *p)
{
	pvm_shim_before_op();
	return __atomic_fetch_and(&p[nr >> 6], ~PVM_SHIM_BIT(nr), __ATOMIC_SEQ_CST) & PVM_SHIM_BIT(nr);
}

#endif /* PVM_SHIM_LINUX_BITOPS_H */
