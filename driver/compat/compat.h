/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The border to the host kernel's version: the only file with LINUX_VERSION_CODE.
 *
 * The driver is written for the newest kernel it knows; what an older one lacks is supplied here under the newest
 * name and with the newest arguments. Each entry says since when the kernel has it; it can go when the oldest
 * supported kernel is that one. A use site never names a version.
 */
#ifndef PVM_COMPAT_COMPAT_H
#define PVM_COMPAT_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pvm needs Linux 6.1 or newer"
#endif

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/shrinker.h>
#include <linux/syscore_ops.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/processor.h>

/* 6.14: CPUID has a header of its own, in this place since 6.16; before, <asm/processor.h> has it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#include <asm/cpuid.h>
#endif

/* 6.3: flags of a VMA are changed through functions that take the lock the change needs. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.18: what kind of contiguous range is wanted is a flag word of its own; before, the migrate type said it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define ACR_FLAGS_NONE	MIGRATE_MOVABLE
#endif

/* 6.7: shrinkers are allocated by the kernel, registered without failing, freed when no walker is left. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
struct shrinker *pvm_shrinker_alloc(unsigned int flags, const char *name);
void pvm_shrinker_register(struct shrinker *s);
void pvm_shrinker_free(struct shrinker *s);
#define shrinker_alloc(flags, name)	pvm_shrinker_alloc(flags, name)
#define shrinker_register(s)		pvm_shrinker_register(s)
#define shrinker_free(s)		pvm_shrinker_free(s)
#endif

/* 6.8: an eventfd is signalled by one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)	((void)eventfd_signal(ctx, 1))
#endif

/* 6.13: set-up and callback in one call; the old name is gone in 6.15. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.19: what the system's sleep calls is an object with data, apart from its operations. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define PVM_SYSCORE(name, suspend_fn, resume_fn)							\
	static int name##_suspend(void) { return suspend_fn(NULL); }					\
	static void name##_resume(void) { resume_fn(NULL); }						\
	static struct syscore_ops name = { .suspend = name##_suspend, .resume = name##_resume }
#define register_syscore(s)	register_syscore_ops(s)
#define unregister_syscore(s)	unregister_syscore_ops(s)
#else
#define PVM_SYSCORE(name, suspend_fn, resume_fn)							\
	static const struct syscore_ops name##_ops = { .suspend = suspend_fn, .resume = resume_fn };	\
	static struct syscore name = { .ops = &name##_ops }
#endif

/* 6.16: MSR accessors are named by their 64 bits; the old names go. (Stable kernels may have both: hence the test.) */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0) && !defined(rdmsrq)
#define rdmsrq		rdmsrl
#define wrmsrq		wrmsrl
#define rdmsrq_safe	rdmsrl_safe
#define wrmsrq_safe	wrmsrl_safe
#endif

#endif /* PVM_COMPAT_COMPAT_H */
