// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel that is gone but not dead: all CPUs loop with interrupts off. Nothing inside can end that; the host can.
 */
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/processor.h>

static void loop(void *unused)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int __init wedge_init(void)
{
	smp_call_function(loop, NULL, 0);
	loop(NULL);
	return 0;
}

module_init(wedge_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Wedge this kernel");
