/* SPDX-License-Identifier: GPL-2.0-only */
/* READ_ONCE() and its relatives are in types.h of this directory. */
#ifndef PVM_SHIM_LINUX_COMPILER_H
#define PVM_SHIM_LINUX_COMPILER_H

#include <linux/types.h>

#endif /* PVM_SHIM_LINUX_COMPILER_H */
