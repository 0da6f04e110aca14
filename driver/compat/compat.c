// SPDX-License-Identifier: GPL-2.0-only
/* Out-of-line fills for kernels that lack a name: one section per name. */
#include <linux/slab.h>

#include "compat/compat.h"

/* 6.7: shrinkers are allocated */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static const char *shrinker_name;	/* we have one */

struct shrinker *pvm_shrinker_alloc(const char *name)
{
	shrinker_name = name;
	return kzalloc(sizeof(struct shrinker), GFP_KERNEL);
}

void pvm_shrinker_register(struct shrinker *s)
{
	if (register_shrinker(s, "%s", shrinker_name))
		pr_warn("pvm: shadow pages will not shrink under memory pressure: out of memory\n");
}

void pvm_shrinker_free(struct shrinker *s)
{
	if (!s)
		return;
	unregister_shrinker(s);
	kfree(s);
}
#endif
