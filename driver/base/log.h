/* SPDX-License-Identifier: GPL-2.0-only */
/* Host log lines: prefixed, and rate-limited wherever a guest or a caller can cause them. */
#ifndef PVM_BASE_LOG_H
#define PVM_BASE_LOG_H

#include <linux/printk.h>

#define pvm_err(fmt, ...)	pr_err("pvm: " fmt "\n", ##__VA_ARGS__)
#define pvm_info(fmt, ...)	pr_info("pvm: " fmt "\n", ##__VA_ARGS__)
#define pvm_warn_limited(fmt, ...)	pr_warn_ratelimited("pvm: " fmt "\n", ##__VA_ARGS__)
#define vm_info_limited(vm, fmt, ...) \
	pr_info_ratelimited("pvm: vm%u %s: " fmt "\n", (vm)->id, (vm)->name, ##__VA_ARGS__)

#endif /* PVM_BASE_LOG_H */
