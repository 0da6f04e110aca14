/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows kernel versions. Driver code is written for the newest names; older kernels get them here.
 * Each entry says since when the name exists.
 */
#ifndef PVM_COMPAT_COMPAT_H
#define PVM_COMPAT_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <asm/msr.h>
#include <asm/processor.h>
#if __has_include(<asm/cpuid/api.h>)
#include <asm/cpuid/api.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pvm needs Linux 6.1 or newer"
#endif

/* 6.13: hrtimer_setup() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.16: rdmsrq(), wrmsrq() and the _safe forms */
#ifndef rdmsrq
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq		rdmsrl
#define wrmsrq		wrmsrl
#define rdmsrq_safe	rdmsrl_safe
#endif
#endif

/* 6.8: eventfd_signal() takes no count */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/* 6.3: vm_flags_set() */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.7: shrinkers are allocated */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
struct shrinker *pvm_shrinker_alloc(const char *name);
void pvm_shrinker_register(struct shrinker *s);
void pvm_shrinker_free(struct shrinker *s);
#define shrinker_alloc(flags, name)	pvm_shrinker_alloc(name)
#define shrinker_register(s)		pvm_shrinker_register(s)
#define shrinker_free(s)		pvm_shrinker_free(s)
#endif

#endif /* PVM_COMPAT_COMPAT_H */
