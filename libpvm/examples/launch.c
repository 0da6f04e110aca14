// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The smallest useful launcher: boots a kernel with an initrd, console on this terminal.
 *
 *	launch KERNEL [INITRD [COMMAND-LINE]]
 *
 * Build: cc launch.c $(pkg-config --cflags --libs libpvm)
 */
#include <errno.h>
#include <stdio.h>

#include <pvm/pvm.h>

int main(int argc, char **argv)
{
	struct pvm_vm_opts opts = PVM_VM_OPTS_INIT;
	struct pvm_load_opts load = PVM_LOAD_OPTS_INIT;
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	struct pvm_ctx *ctx = NULL;
	struct pvm_vm *vm = NULL;
	int err;

	if (argc < 2) {
		fprintf(stderr, "usage: launch KERNEL [INITRD [COMMAND-LINE]]\n");
		return 2;
	}
	opts.name = "launch";
	opts.memory_bytes = 256ull << 20;
	load.kernel_path = argv[1];
	load.initrd_path = argc > 2 ? argv[2] : NULL;
	load.cmdline = argc > 3 ? argv[3] : "console=hvc0";

	err = pvm_ctx_create(NULL, &ctx);
	if (!err)
		err = pvm_vm_create(ctx, &opts, &vm);
	if (!err)
		err = pvm_vm_load(vm, &load);
	if (!err)
		err = pvm_console_attach(pvm_vm_console(vm), 0, 1);
	if (!err)
		err = pvm_vm_start(vm);
	if (!err) {
		do {
			err = pvm_vm_wait(vm, -1, &ex);
		} while (err == -EINTR);
	}
	if (err)
		fprintf(stderr, "launch: %s\n", pvm_errmsg());
	else
		fprintf(stderr, "launch: %s\n", ex.text);
	pvm_vm_destroy(vm);
	pvm_ctx_destroy(ctx);
	return err || ex.kind != PVM_EXIT_SHUTDOWN || ex.code != PVM_SHUTDOWN_POWEROFF;
}
