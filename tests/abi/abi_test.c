// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl ABI as a caller meets it: every call right once, and wrong in one way at a time.
 *
 * Runs as root in a test host with the driver loaded; needs no guest: what needs a running one is tests/guest. Prints
 * "ok - NAME" or "not ok - NAME" lines. Each section makes its own VMs and leaves nothing behind, which the last one
 * checks through the module's reference count.
 */
#include "abi.h"

int main(void)
{
	test_dev();
	test_vm();
	test_vcpu();
	test_life();
	test_users();
	test_events();
	test_part();
	test_noise();
	nothing_left();
	return failures ? 1 : 0;
}
