// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Partition: a handle of the driver's object. Create, find, ask, stop, destroy.
 *
 * The driver owns the partition and knows what can be taken from the host; its sentence about a
 * refusal is handed on. Nothing is cached but what never changes (name, id, where the memory is).
 * Memory and console are mapped when first needed: a mapping keeps the memory from going back to
 * the host, so destroy unmaps first. What is put into the memory is part_boot.c's, what is read
 * from it part_log.c's.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"
#include "part_memmap.h"

_Static_assert(PVM_PARTITION_ALLOW_SMT_SPLIT == PVM_PART_ALLOW_SMT_SPLIT &&
	       PVM_PARTITION_PROTECT == PVM_PART_PROTECT &&
	       PVM_PARTITION_ADDR_ANY == PVM_PART_ADDR_ANY, "options as in the driver's ABI");
_Static_assert(PVM_PARTITION_VMX == PVM_PINFO_VMX && PVM_PARTITION_X2APIC == PVM_PINFO_X2APIC &&
	       PVM_PARTITION_KEPT == PVM_PINFO_KEPT &&
	       PVM_PARTITION_REAL_UART == PVM_PINFO_UART_REAL &&
	       PVM_PARTITION_LA57 == PVM_PINFO_LA57, "traits as in the driver's ABI");

#define FLAGS	(PVM_PARTITION_ALLOW_SMT_SPLIT | PVM_PARTITION_PROTECT)

/* A call on a partition failed: the reasons they all share. */
int pvm_part_failed(struct pvm_part *part, int err, const char *what)
{
	if (err == -ENODEV)
		return pvm_fail(err, "cannot %s partition %s: it was destroyed", what, part->name);
	return pvm_fail(err, "cannot %s partition %s: %s", what, part->name, pvm_strerror(err));
}

/* ---- create, open, close ----------------------------------------------------------------- */

static int check_name(const char *name)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-";
	size_t len = name ? strlen(name) : 0;

	if (len && len < PVM_NAME_BYTES && strspn(name, chars) == len)
		return 0;
	return pvm_fail(-EINVAL, "cannot name a partition '%s': a name has 1 to %u characters of A-Z a-z 0-9 . _ -",
			name ? name : "", PVM_NAME_BYTES - 1);
}

static int check_opts(const struct pvm_part_opts *o)
{
	int err = check_name(o->name);

	if (err)
		return err;
	if (!o->nr_cpus || !o->cpus || o->nr_cpus > PVM_PART_MAX_CPUS)
		return pvm_fail(-EINVAL, "cannot make partition %s with %u CPUs: it has 1 to %u",
				o->name, o->nr_cpus, PVM_PART_MAX_CPUS);
	if (o->nr_pci > PVM_PART_MAX_PCI || (o->nr_pci && !o->pci))
		return pvm_fail(-EINVAL, "cannot give partition %s %u devices: the most is %u",
				o->name, o->nr_pci, PVM_PART_MAX_PCI);
	if (o->flags & ~FLAGS)
		return pvm_fail(-EINVAL, "pvm_part_opts has unknown flags");
	return 0;
}

static struct pvm_part *new_part(struct pvm_ctx *ctx, const char *name)
{
	struct pvm_part *part = calloc(1, sizeof(*part));

	if (!part) {
		pvm_fail(-ENOMEM, "cannot make a handle of partition %s: out of memory", name);
		return NULL;
	}
	part->ctx = ctx;
	part->fd = -1;
	snprintf(part->name, sizeof(part->name), "%s", name);
	return part;
}

static int refused(const char *what, const char *name, int err)
{
	switch (err) {
	case -EPERM:
		return pvm_fail(err, "cannot %s partition %s: only root may (CAP_SYS_ADMIN and CAP_SYS_RAWIO)",
				what, name);
	case -ENOTTY:
		return pvm_fail(-EOPNOTSUPP, "cannot %s partition %s: this driver has no partitions",
				what, name);
	default:
		return pvm_fail(err, "cannot %s partition %s: %s", what, name, pvm_strerror(err));
	}
}

/* The driver says why; an errno is for programs, and for a driver that has no words. */
static int create_failed(const char *name, int err, struct pvm_create_partition *arg)
{
	size_t len;

	arg->why[sizeof(arg->why) - 1] = '\0';
	len = strlen((char *)arg->why);
	if (len && arg->why[len - 1] == '.')
		arg->why[len - 1] = '\0';
	if (*arg->why)
		return pvm_fail(err, "cannot create partition %s: %s", name, (char *)arg->why);
	switch (err) {
	case -EEXIST:
		return pvm_fail(err, "cannot create partition %s: there is one of this name; choose another name or destroy that one",
				name);
	case -ENODEV:
		return pvm_fail(err, "cannot create partition %s: this CPU or kernel cannot have partitions; see the kernel log",
				name);
	default:
		return refused("create", name, err);
	}
}

static int learn(struct pvm_part *part)
{
	struct pvm_part_info info;
	int err = pvm_part_info_get(part, &info, NULL, NULL);

	if (err)
		return err;
	part->id = info.entry.id;
	part->mem_addr = info.entry.memory_addr;
	part->mem_bytes = info.entry.memory_bytes;
	return 0;
}

int pvm_part_create(struct pvm_ctx *ctx, const struct pvm_part_opts *opts, struct pvm_part **result)
{
	struct pvm_create_partition arg;
	struct pvm_part_opts o;
	struct pvm_part *part;
	int err;

	err = pvm_opts_copy(&o, sizeof(o), opts, "pvm_part_opts");
	if (!err)
		err = check_opts(&o);
	if (!err && o.memory_addr != PVM_PARTITION_ADDR_ANY)
		err = pvm_memmap_check("/sys/firmware/memmap", o.memory_addr, o.memory_bytes);
	if (err)
		return err;
	part = new_part(ctx, o.name);
	if (!part)
		return -ENOMEM;
	memset(&arg, 0, sizeof(arg));
	arg.flags = o.flags;
	memcpy(arg.name, part->name, sizeof(part->name));
	arg.cpus_ptr = (uintptr_t)o.cpus;
	arg.cpus_count = o.nr_cpus;
	arg.pci_ptr = o.nr_pci ? (uintptr_t)o.pci : 0;
	arg.pci_count = o.nr_pci;
	arg.memory_bytes = o.memory_bytes;
	arg.memory_addr = o.memory_addr;
	arg.uart_port = o.uart_port;
	err = pvm_sys_create_part(ctx->fd, &arg);
	if (err) {
		err = create_failed(o.name, err, &arg);
		goto err_close;
	}
	part->fd = arg.fd;
	err = learn(part);
	if (err)
		goto err_close;
	*result = part;
	return 0;

err_close:
	pvm_part_close(part);
	return err;
}

int pvm_part_open(struct pvm_ctx *ctx, const char *name, struct pvm_part **result)
{
	struct pvm_open_partition arg = { 0 };
	struct pvm_part *part;
	int err = check_name(name);

	if (err)
		return err;
	part = new_part(ctx, name);
	if (!part)
		return -ENOMEM;
	memcpy(arg.name, part->name, sizeof(part->name));
	err = pvm_sys_open_part(ctx->fd, &arg);
	if (err) {
		err = err == -ENOENT ?
		      pvm_fail(err, "cannot open partition %s: there is none of this name", name) :
		      refused("open", name, err);
		goto err_close;
	}
	part->fd = arg.fd;
	err = learn(part);
	if (err)
		goto err_close;
	*result = part;
	return 0;

err_close:
	pvm_part_close(part);
	return err;
}

void pvm_part_close(struct pvm_part *part)
{
	if (!part)
		return;
	pvm_part_unmap(part);
	if (part->fd >= 0)
		close(part->fd);
	free(part);
}

/* ---- its memory -------------------------------------------------------------------------- */

int pvm_part_map(struct pvm_part *part)
{
	void *p;
	int err;

	if (part->mem)
		return 0;
	err = pvm_sys_part_map(part->fd, PVM_PART_MMAP_MEMORY, part->mem_bytes, &p);
	if (err)
		return pvm_part_failed(part, err, "map the memory of");
	part->mem = p;
	return 0;
}

void pvm_part_unmap(struct pvm_part *part)
{
	if (part->mem)
		pvm_sys_part_unmap(part->mem, part->mem_bytes);
	if (part->con)
		pvm_sys_part_unmap(part->con, PVM_PART_CONSOLE_BYTES);
	part->mem = NULL;
	part->con = NULL;
	memset(&part->vmcore, 0, sizeof(part->vmcore));
}

/* ---- asking ------------------------------------------------------------------------------ */

/*
 * @cpus: PVM_PART_MAX_CPUS elements, @bars: PVM_PART_MAX_BARS; or NULL. A partition has no more of
 * either, and a driver that says so is not believed.
 */
int pvm_part_info_get(struct pvm_part *part, struct pvm_part_info *info, struct pvm_part_cpu *cpus,
		      struct pvm_part_bar *bars)
{
	struct pvm_part_cpu no_cpus[PVM_PART_MAX_CPUS];
	struct pvm_part_bar no_bars[PVM_PART_MAX_BARS];
	int err;

	memset(info, 0, sizeof(*info));
	info->cpus_ptr = (uintptr_t)(cpus ? cpus : no_cpus);
	info->cpus_count = PVM_PART_MAX_CPUS;
	info->bars_ptr = (uintptr_t)(bars ? bars : no_bars);
	info->bars_count = PVM_PART_MAX_BARS;
	err = pvm_sys_part_info(part->fd, info);
	if (!err && (info->cpus_count > PVM_PART_MAX_CPUS || info->bars_count > PVM_PART_MAX_BARS))
		err = -EMSGSIZE;
	return err ? pvm_part_failed(part, err, "ask about") : 0;
}

/* One sentence, without the partition's name. */
static void stop_text(const struct pvm_part_info *info, char *text, size_t size)
{
	static const char *const texts[] = {
		[PVM_PSTOP_ASKED] = "stopped from the host",
		[PVM_PSTOP_POWEROFF] = "its kernel powered off",
		[PVM_PSTOP_RESET] = "its kernel asked for a reboot",
		[PVM_PSTOP_TRIPLE] = "triple fault: its kernel could not handle an exception",
		[PVM_PSTOP_INIT] = "one of its CPUs got an INIT",
		[PVM_PSTOP_MCE] = "machine check that its kernel could not take",
		[PVM_PSTOP_REAL_MODE] = "its kernel left protected mode",
		[PVM_PSTOP_HOST] = "the host rebooted, powered off or started kexec",
	};
	uint32_t reason = info->entry.stop_reason;

	if (info->entry.state == PVM_PART_RUNNING || reason == PVM_PSTOP_NONE)
		*text = '\0';
	else if (reason == PVM_PSTOP_PROTECT)
		snprintf(text, size, "access to %#llx, outside its memory and devices",
			 (unsigned long long)info->stop_addr);
	else if (reason == PVM_PSTOP_ENTRY)
		snprintf(text, size, "the CPU refused to enter it (code %#llx)",
			 (unsigned long long)info->stop_code);
	else if (reason == PVM_PSTOP_DRIVER)
		snprintf(text, size, "unexpected exit (code %#llx): a bug of the driver",
			 (unsigned long long)info->stop_code);
	else if (reason < sizeof(texts) / sizeof(texts[0]) && texts[reason])
		snprintf(text, size, "%s", texts[reason]);
	else
		snprintf(text, size, "reason %u of a newer driver", reason);
}

int pvm_part_status_get(struct pvm_part *part, struct pvm_part_status *status)
{
	struct pvm_part_status got = { 0 };
	struct pvm_part_info info;
	int err = pvm_part_info_get(part, &info, NULL, NULL);

	if (err)
		return err;
	pvm_part_row_from(&got.row, &info.entry);
	got.traits = info.flags;
	got.tsc_khz = info.tsc_khz;
	got.low_addr = info.low_addr;
	got.low_bytes = info.low_bytes;
	got.uart_port = info.uart_port;
	got.sleep_port = info.sleep_port;
	got.reset_port = info.reset_port;
	got.stop_code = info.stop_code;
	got.stop_addr = info.stop_addr;
	stop_text(&info, got.stop_text, sizeof(got.stop_text));
	return pvm_result_copy(status, &got, sizeof(got), "pvm_part_status");
}

/* ---- life -------------------------------------------------------------------------------- */

int pvm_part_keep(struct pvm_part *part)
{
	int err = pvm_sys_part_keep(part->fd);

	return err ? pvm_part_failed(part, err, "keep") : 0;
}

int pvm_part_stop(struct pvm_part *part, uint32_t timeout_ms, uint32_t *lost_cpus)
{
	uint32_t lost = 0;
	int err = pvm_sys_part_stop(part->fd, timeout_ms, &lost);

	if (err)
		return pvm_part_failed(part, err, "stop");
	if (lost_cpus)
		*lost_cpus = lost;
	return 0;
}

int pvm_part_destroy(struct pvm_part *part)
{
	int err;

	/* A mapping of ours would keep its memory from the host. */
	pvm_part_unmap(part);
	err = pvm_sys_part_destroy(part->fd);
	if (err == -EBUSY)
		return pvm_fail(err, "cannot destroy partition %s: it runs; stop it first", part->name);
	return err ? pvm_part_failed(part, err, "destroy") : 0;
}

int pvm_part_wait(struct pvm_part *part, int timeout_ms)
{
	struct pollfd p = { .fd = part->fd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	if (n < 0)
		return pvm_part_failed(part, -errno, "wait for");
	if (!n)
		return pvm_fail(-ETIMEDOUT, "partition %s still runs after %d ms", part->name,
				timeout_ms);
	if (p.revents & POLLHUP)
		return pvm_part_failed(part, -ENODEV, "wait for");
	return 0;
}

int pvm_part_fd(const struct pvm_part *part)
{
	return part->fd;
}

uint32_t pvm_part_id(const struct pvm_part *part)
{
	return part->id;
}

const char *pvm_part_name(const struct pvm_part *part)
{
	return part->name;
}
