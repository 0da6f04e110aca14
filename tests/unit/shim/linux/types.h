/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel integer types for pure driver files compiled in user space: what linux/types.h of the UAPI gives, plus
 * the short names and attributes only the kernel has.
 */
#ifndef PVM_SHIM_LINUX_TYPES_H
#define PVM_SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef unsigned long long u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef long long s64;

#define __must_check	__attribute__((warn_unused_result))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __packed	__attribute__((packed))
#define fallthrough	__attribute__((fallthrough))

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)	(*(volatile __typeof__(x) *)&(x) = (val))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#endif /* PVM_SHIM_LINUX_TYPES_H */
