/* SPDX-License-Identifier: GPL-2.0-only */
/* memcpy(), memset(), ... are libc's. */
#ifndef PVM_SHIM_LINUX_STRING_H
#define PVM_SHIM_LINUX_STRING_H

#include <string.h>

#endif /* PVM_SHIM_LINUX_STRING_H */
