/* SPDX-License-Identifier: GPL-2.0-only */
/* Compile-time assertions. */
#ifndef PVM_SHIM_LINUX_BUILD_BUG_H
#define PVM_SHIM_LINUX_BUILD_BUG_H

#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), #cond)

#endif /* PVM_SHIM_LINUX_BUILD_BUG_H */
