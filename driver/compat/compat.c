// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fills for older kernels that are too long for compat.h; one section per name, compat.h says since when it exists.
 */
#include <linux/slab.h>

#include "compat/compat.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* What we add to the old kernel's object: the name waits for the registration. */
struct pvm_named_shrinker {
	struct shrinker s;
	const char *name;
};

struct shrinker *pvm_shrinker_alloc(unsigned int flags, const char *name)
{
	struct pvm_named_shrinker *n = kzalloc(sizeof(*n), GFP_KERNEL);

	if (!n)
		return NULL;
	n->name = name;
	n->s.flags = flags;
	n->s.seeks = DEFAULT_SEEKS;
	return &n->s;
}

/* The new call cannot fail. Without memory for the old one nothing is shrunk: budgets still bound each cache. */
void pvm_shrinker_register(struct shrinker *s)
{
	if (register_shrinker(s, "%s", container_of(s, struct pvm_named_shrinker, s)->name))
		pr_warn("pvm: no memory for a shrinker: shadow pages are bounded by their budgets only\n");
}

void pvm_shrinker_free(struct shrinker *s)
{
	if (!s)
		return;
	unregister_shrinker(s);		/* does nothing if it was not registered */
	kfree(container_of(s, struct pvm_named_shrinker, s));
}
#endif
