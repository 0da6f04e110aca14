// SPDX-License-Identifier: GPL-2.0-only
/*
 * While this is loaded the host's CPUs are neither taken offline nor brought online, as during suspend.
 */
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/module.h>

static int __init nohotplug_init(void)
{
	cpu_hotplug_disable();
	return 0;
}

static void __exit nohotplug_exit(void)
{
	cpu_hotplug_enable();
}

module_init(nohotplug_init);
module_exit(nohotplug_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Disable CPU hotplug");
