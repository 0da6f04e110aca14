// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvm.ko: runs stock Linux kernels as Xen-PV guests at CPL3, with shadow paging and a world switch in software; and
 * in devirt partitions, machines cut out of the host (part/).
 *
 * Loading walks the table below from the top; unloading, or a failure half-way, walks it back. The device comes last:
 * once it can be opened everything else is there. While a descriptor is open the module cannot be unloaded.
 *
 * Read next: guest/loop.c. Module parameters are described where they act (core/vm.c).
 */
#include <linux/module.h>

#include "core/pvm.h"
#include "part/part.h"
#include "uapi/uapi.h"

static int guest_hooks_init(void)
{
	pvm_vm_set_release(pvm_guest_fini);
	return 0;
}

static void nothing_to_undo(void)
{
}

static const struct {
	const char *name;
	int (*init)(void);
	void (*fini)(void);
} parts[] = {
	{ "switcher", pvm_switcher_init, pvm_switcher_fini },	/* first: says whether this machine can */
	{ "mmu", pvm_mmu_global_init, pvm_mmu_global_fini },
	{ "clock", pvm_clock_init, pvm_clock_fini },
	{ "guest", guest_hooks_init, nothing_to_undo },
	{ "partition", pvm_part_global_init, pvm_part_global_fini },
	{ "netlink", pvm_genl_init, pvm_genl_fini },
	{ "device", pvm_dev_init, pvm_dev_fini },
};

static void stop_parts(u32 started)
{
	while (started--)
		parts[started].fini();
}

static int __init pvm_module_init(void)
{
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		err = parts[i].init();
		if (!err)
			continue;
		if (err != -ENODEV)	/* then the part has said why */
			pvm_err("cannot start the %s part: error %d", parts[i].name, -err);
		stop_parts(i);
		return err;
	}
	pvm_info("version " PVM_VERSION ", device /dev/pvm");
	return 0;
}

static void __exit pvm_module_exit(void)
{
	stop_parts(ARRAY_SIZE(parts));
}

module_init(pvm_module_init);
module_exit(pvm_module_exit);
MODULE_DESCRIPTION("Xen-PV guests in software: shadow paging, no VT-x or SVM");
MODULE_LICENSE("GPL");
MODULE_VERSION(PVM_VERSION);
