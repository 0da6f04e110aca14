// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition create: take CPUs, memory and devices from the host.
 *
 * The driver knows best what it can take, and its sentence is printed. Only what is visible in user
 * space alone, what a device is used for, is looked at here, before anything is taken. The partition
 * is kept in the very last step: whatever goes wrong before, even kill -9, gives everything back.
 */
#include <errno.h>
#include <stddef.h>

#include "part_args.h"
#include "part_inuse.h"
#include "pvmctl.h"

static struct args {
	const char *cpus;
	const char *memory;
	struct opt_list pci;
	const char *serial;
	bool protect;
	bool smt_split;
} args;

static const struct opt opts[] = {
	{ "cpus", 'c', OPT_STR, offsetof(struct args, cpus), "LIST",
	  "CPUs to take, like 2-3; the first boots", 0, 0, NULL },
	{ "memory", 'm', OPT_STR, offsetof(struct args, memory), "SIZE[@ADDR]",
	  "memory to take, like 512M", 0, 0, NULL },
	{ "pci", 'p', OPT_LIST, offsetof(struct args, pci), "BDF",
	  "device to take; can be repeated", 0, 0, NULL },
	{ "serial", 's', OPT_STR, offsetof(struct args, serial), "N",
	  "hand over UART N (0..3) for a console", 0, 0, NULL },
	{ "protect", 0, OPT_FLAG, offsetof(struct args, protect), NULL,
	  "debugging: stop it at a stray access", 0, 0, NULL },
	{ "allow-smt-split", 0, OPT_FLAG, offsetof(struct args, smt_split), NULL,
	  "let siblings of its CPUs stay here", 0, 0, NULL },
	{ 0 }
};

/* EXIT_OK, or a sentence was printed. */
static int read_args(struct pvm_part_opts *o, uint32_t *cpus, uint32_t *pci)
{
	char text[256];
	int i;

	if (!args.cpus || !args.memory) {
		msg("--%s is missing; usage: pvmctl partition create NAME --cpus LIST --memory SIZE",
		    args.cpus ? "memory" : "cpus");
		return EXIT_USAGE;
	}
	if (!part_cpus(args.cpus, cpus, &o->nr_cpus, text, sizeof(text)) ||
	    !part_memory(args.memory, &o->memory_bytes, &o->memory_addr, text, sizeof(text)) ||
	    (args.serial && !part_uart(args.serial, &o->uart_port, text, sizeof(text)))) {
		msg("%s", text);
		return EXIT_USAGE;
	}
	for (i = 0; i < args.pci.nr; i++) {
		if (!part_bdf(args.pci.items[i], &pci[i], text, sizeof(text))) {
			msg("%s", text);
			return EXIT_USAGE;
		}
	}
	o->cpus = cpus;
	o->pci = pci;
	o->nr_pci = (uint32_t)args.pci.nr;
	o->flags = (args.protect ? PVM_PARTITION_PROTECT : 0) |
		   (args.smt_split ? PVM_PARTITION_ALLOW_SMT_SPLIT : 0);
	return EXIT_OK;
}

static int check_devices(const struct pvm_part_opts *o)
{
	char why[512];
	uint32_t i;

	for (i = 0; i < o->nr_pci; i++) {
		switch (pci_inuse(o->pci[i], why, sizeof(why))) {
		case INUSE_NO:
			break;
		case INUSE_ABSENT:
			return msg_cannot(EXIT_FAILED, ENOENT, "there is no such device",
					  "lspci -D lists them", "give device %s to partition %s",
					  args.pci.items[i], o->name);
		case INUSE_YES:
			return msg_cannot(EXIT_STATE, EBUSY, why, NULL,
					  "give device %s to partition %s", args.pci.items[i],
					  o->name);
		}
	}
	return EXIT_OK;
}

static int cmd_create(int argc, char **argv)
{
	struct pvm_part_opts o = PVM_PART_OPTS_INIT;
	uint32_t cpus[PART_CPUS], pci[OPT_LIST_MAX];
	struct pvm_part *part = NULL;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	int code, err;

	if (!verb_parse(&verb_part_create, &args, argc, argv, &rest, &code))
		return code;
	o.name = rest.operands[0];
	if (!part_name_check(o.name))
		return EXIT_USAGE;
	code = read_args(&o, cpus, pci);
	if (code)
		return code;
	code = driver_open(&ctx);
	if (code)
		return code;
	code = check_devices(&o);
	if (code)
		goto out;
	err = pvm_part_create(ctx, &o, &part);
	if (!err)
		err = pvm_part_keep(part);
	if (err == -ENODEV)
		code = lib_failed(EXIT_NO_DRIVER, err, "see 'pvmctl doctor'");	/* no SVM, no VMX */
	else if (err)
		code = part_failed(ctx, err, NULL);
	pvm_part_close(part);
out:
	pvm_ctx_destroy(ctx);
	return code;
}

const struct verb verb_part_create = {
	.name = "partition create", .operands = "NAME", .help = "Take CPUs, memory, devices for one",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_create,
};
