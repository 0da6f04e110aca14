/* SPDX-License-Identifier: GPL-2.0-only */
/* Index clamping against speculation: architecturally the identity for an index in range, 0 for one outside. */
#ifndef PVM_SHIM_LINUX_NOSPEC_H
#define PVM_SHIM_LINUX_NOSPEC_H

#define array_index_nospec(index, size)					\
({									\
	__typeof__(index) shim_i = (index);				\
	(__typeof__(index))(shim_i & (0 - (unsigned long)(shim_i < (size)))); \
})

#endif /* PVM_SHIM_LINUX_NOSPEC_H */
