// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Partitions as rows: the list, CPUs, BARs, counters, reasons of exits; numbers to names.
 *
 * Counters have their names from the driver's ABI header, as in stats.c. What a port or MSR is on a
 * PC is said here: it is the part of "why does my partition exit" people cannot look up quickly.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ioctl.h"
#include "lib.h"

#define MAX_VALUES	256u		/* the ABI's limit */
#define NAME_BYTES	32u

_Static_assert(PVM_PARTITION_CREATED == PVM_PART_CREATED && PVM_PARTITION_RUNNING == PVM_PART_RUNNING &&
	       PVM_PARTITION_STOPPED == PVM_PART_STOPPED, "states as in the driver's ABI");
_Static_assert(PVM_STOPPED_ASKED == PVM_PSTOP_ASKED && PVM_STOPPED_RESET == PVM_PSTOP_RESET &&
	       PVM_STOPPED_PROTECT == PVM_PSTOP_PROTECT && PVM_STOPPED_HOST == PVM_PSTOP_HOST,
	       "stop reasons as in the driver's ABI");
_Static_assert(PVM_PART_CPU_PARKED == PVM_PCPU_PARKED && PVM_PART_CPU_LOST == PVM_PCPU_LOST,
	       "states of CPUs as in the driver's ABI");

static const struct {
	const char *name;
	const char *unit;
	const char *help;
} known[] = {
#define ROW(NAME, ident, unit_, help_) [PVM_PART_STAT_##NAME] = { #ident, unit_, help_ },
	PVM_PART_STAT_LIST(ROW)
#undef ROW
};

/* ---- names ------------------------------------------------------------------------------- */

#define NAME_OF(names, i) ((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "unknown")

const char *pvm_part_state_name(uint32_t state)
{
	static const char *const names[] = { "created", "running", "stopped" };

	return NAME_OF(names, state);
}

const char *pvm_part_stop_name(uint32_t reason)
{
	static const char *const names[] = {
		"none", "asked", "poweroff", "reset", "triple-fault", "init", "machine-check",
		"protect", "real-mode", "entry", "driver", "host",
	};

	return NAME_OF(names, reason);
}

const char *pvm_part_cpu_name(uint32_t state)
{
	static const char *const names[] = { "parked", "waiting", "running", "lost" };

	return NAME_OF(names, state);
}

struct number {
	uint32_t first, last;
	const char *name;
};

static const struct number ports[] = {
	{ 0x0000, 0x001f, "DMA controller" },
	{ 0x0020, 0x0021, "interrupt controller (PIC)" },
	{ 0x0022, 0x0023, "Cyrix configuration" },
	{ 0x002e, 0x002f, "SuperIO configuration" },
	{ 0x0040, 0x0043, "timer (PIT)" },
	{ 0x004e, 0x004f, "SuperIO configuration" },
	{ 0x0060, 0x0060, "keyboard controller" },
	{ 0x0061, 0x0061, "speaker and timer gate" },
	{ 0x0064, 0x0064, "keyboard controller" },
	{ 0x0070, 0x0071, "clock and CMOS memory (RTC)" },
	{ 0x0080, 0x0080, "POST code, used as a delay" },
	{ 0x0081, 0x008f, "DMA page registers" },
	{ 0x0092, 0x0092, "system control: A20, fast reset" },
	{ 0x00a0, 0x00a1, "interrupt controller (PIC)" },
	{ 0x00b2, 0x00b3, "SMI command" },
	{ 0x00c0, 0x00df, "DMA controller" },
	{ 0x00ed, 0x00ed, "delay" },
	{ 0x00f0, 0x00ff, "coprocessor" },
	{ 0x0170, 0x0177, "IDE, secondary" },
	{ 0x01f0, 0x01f7, "IDE, primary" },
	{ 0x0278, 0x027f, "parallel port" },
	{ 0x02e8, 0x02ef, "UART, ttyS3" },
	{ 0x02f8, 0x02ff, "UART, ttyS1" },
	{ 0x0376, 0x0376, "IDE, secondary" },
	{ 0x0378, 0x037f, "parallel port" },
	{ 0x03b0, 0x03df, "VGA" },
	{ 0x03e8, 0x03ef, "UART, ttyS2" },
	{ 0x03f0, 0x03f7, "floppy disk, IDE" },
	{ 0x03f8, 0x03ff, "UART, ttyS0" },
	{ 0x04d0, 0x04d1, "interrupt trigger (ELCR)" },
	{ 0x0cf8, 0x0cf8, "PCI configuration address" },
	{ 0x0cf9, 0x0cf9, "reset control" },
	{ 0x0cfa, 0x0cfb, "PCI configuration address" },
	{ 0x0cfc, 0x0cff, "PCI configuration data" },
	{ 0x5658, 0x5659, "VMware backdoor" },
};

static const struct number msrs[] = {
	{ 0x0000001b, 0x0000001b, "APIC_BASE" },
	{ 0x00000010, 0x00000010, "TSC" },
	{ 0x0000003a, 0x0000003a, "FEAT_CTL" },
	{ 0x00000079, 0x00000079, "microcode update" },
	{ 0x0000008b, 0x0000008b, "microcode revision" },
	{ 0x00000480, 0x00000491, "VMX capabilities" },
	{ 0xc0000080, 0xc0000080, "EFER" },
	{ 0xc0010020, 0xc0010020, "microcode update" },
	{ 0xc0010114, 0xc0010114, "VM_CR" },
	{ 0xc0010117, 0xc0010117, "VM_HSAVE_PA" },
};

static const char *number_name(const struct number *n, size_t count, uint32_t key)
{
	for (size_t i = 0; i < count; i++)
		if (key >= n[i].first && key <= n[i].last)
			return n[i].name;
	return "";
}

/* ---- list -------------------------------------------------------------------------------- */

void pvm_part_row_from(struct pvm_part_row *row, const struct pvm_partition_entry *e)
{
	memset(row, 0, sizeof(*row));
	row->id = e->id;
	row->state = e->state;
	memcpy(row->name, e->name, sizeof(row->name));
	row->name[sizeof(row->name) - 1] = '\0';
	row->flags = e->flags;
	row->stop_reason = e->stop_reason;
	row->nr_cpus = e->nr_cpus;
	row->nr_pci = e->nr_pci;
	row->memory_addr = e->memory_addr;
	row->memory_bytes = e->memory_bytes;
	row->created_ns = e->created_ns;
	row->started_ns = e->started_ns;
	row->beat_age_ns = e->beat_age_ns;
	row->exits = e->exits;
}

int pvm_part_list(struct pvm_ctx *ctx, struct pvm_part_row **rows, size_t *count)
{
	struct pvm_partition_entry entries[PVM_PART_MAX] = { 0 };
	uint32_t nr = PVM_PART_MAX;
	struct pvm_part_row *list;
	int err = pvm_sys_list_parts(ctx->fd, entries, &nr);

	if (err == -ENOTTY)
		return pvm_fail(-EOPNOTSUPP, "cannot list the partitions: this driver has none");
	if (err)
		return pvm_fail(err, "cannot list the partitions: %s", pvm_strerror(err));
	if (nr > PVM_PART_MAX)
		nr = PVM_PART_MAX;
	list = nr ? calloc(nr, sizeof(*list)) : NULL;
	if (nr && !list)
		return pvm_fail(-ENOMEM, "cannot list the partitions: out of memory");
	for (uint32_t i = 0; i < nr; i++)
		pvm_part_row_from(&list[i], &entries[i]);
	*rows = list;
	*count = nr;
	return 0;
}

/* ---- CPUs and BARs ----------------------------------------------------------------------- */

int pvm_part_cpus(struct pvm_part *part, struct pvm_part_cpu_row **rows, size_t *count)
{
	struct pvm_part_cpu cpus[PVM_PART_MAX_CPUS] = { 0 };
	struct pvm_part_cpu_row *list;
	struct pvm_part_info info;
	int err = pvm_part_info_get(part, &info, cpus, NULL);

	if (err)
		return err;
	list = calloc(info.cpus_count + 1, sizeof(*list));
	if (!list)
		return pvm_part_failed(part, -ENOMEM, "list the CPUs of");
	for (uint32_t i = 0; i < info.cpus_count; i++) {
		list[i].cpu = cpus[i].cpu;
		list[i].apic_id = cpus[i].apic_id;
		list[i].state = cpus[i].state;
		list[i].stop_reason = cpus[i].stop_reason;
		list[i].exits = cpus[i].exits;
		list[i].last_rip = cpus[i].last_rip;
	}
	*rows = list;
	*count = info.cpus_count;
	return 0;
}

int pvm_part_bars(struct pvm_part *part, struct pvm_part_bar_row **rows, size_t *count)
{
	struct pvm_part_bar bars[PVM_PART_MAX_BARS] = { 0 };
	struct pvm_part_bar_row *list;
	struct pvm_part_info info;
	int err = pvm_part_info_get(part, &info, NULL, bars);

	if (err)
		return err;
	list = info.bars_count ? calloc(info.bars_count, sizeof(*list)) : NULL;
	if (info.bars_count && !list)
		return pvm_part_failed(part, -ENOMEM, "list the devices of");
	for (uint32_t i = 0; i < info.bars_count; i++) {
		list[i].bdf = bars[i].bdf;
		list[i].bar = bars[i].bar;
		list[i].addr = bars[i].addr;
		list[i].bytes = bars[i].bytes;
	}
	*rows = list;
	*count = info.bars_count;
	return 0;
}

/* ---- counters ---------------------------------------------------------------------------- */

/* Names of a newer driver's counters live behind the rows, in the same allocation. */
int pvm_part_stats(struct pvm_part *part, struct pvm_stat_row **rows, size_t *count)
{
	uint64_t values[MAX_VALUES] = { 0 };
	struct pvm_part_stats arg = { .values_ptr = (uintptr_t)values, .values_count = MAX_VALUES };
	struct pvm_stat_row *list;
	uint32_t nr;
	char *text;
	int err = pvm_sys_part_stats(part->fd, &arg);

	if (err)
		return pvm_part_failed(part, err, "read the counters of");
	nr = arg.values_count < MAX_VALUES ? arg.values_count : MAX_VALUES;
	list = calloc(1, nr * (sizeof(*list) + NAME_BYTES) + 1);
	if (!list)
		return pvm_part_failed(part, -ENOMEM, "read the counters of");
	text = (char *)(list + nr);
	for (uint32_t i = 0; i < nr; i++, text += NAME_BYTES) {
		list[i].value = values[i];
		if (i < PVM_PART_NR_STATS) {
			list[i].name = known[i].name;
			list[i].unit = known[i].unit;
			list[i].help = known[i].help;
			continue;
		}
		snprintf(text, NAME_BYTES, "stat_%u", i);
		list[i].name = text;
		list[i].unit = "";
		list[i].help = "counter of a newer driver";
	}
	*rows = list;
	*count = nr;
	return 0;
}

int pvm_part_exits(struct pvm_part *part, struct pvm_part_exit_row **rows, size_t *count)
{
	static const char *const kinds[] = {
		[PVM_PDETAIL_IN] = "in", [PVM_PDETAIL_OUT] = "out", [PVM_PDETAIL_RDMSR] = "rdmsr",
		[PVM_PDETAIL_WRMSR] = "wrmsr", [PVM_PDETAIL_CODE] = "exit",
	};
	struct pvm_part_detail details[PVM_PART_MAX_DETAILS] = { 0 };
	uint64_t values[MAX_VALUES];
	struct pvm_part_stats arg = {
		.values_ptr = (uintptr_t)values,
		.values_count = MAX_VALUES,
		.details_ptr = (uintptr_t)details,
		.details_count = PVM_PART_MAX_DETAILS,
	};
	struct pvm_part_exit_row *list;
	uint32_t nr;
	size_t n = 0;
	int err = pvm_sys_part_stats(part->fd, &arg);

	if (err)
		return pvm_part_failed(part, err, "read the exits of");
	nr = arg.details_count < PVM_PART_MAX_DETAILS ? arg.details_count : PVM_PART_MAX_DETAILS;
	list = calloc(nr + 1, sizeof(*list));
	if (!list)
		return pvm_part_failed(part, -ENOMEM, "read the exits of");
	for (uint32_t i = 0; i < nr; i++) {
		const struct pvm_part_detail *d = &details[i];
		struct pvm_part_exit_row *r = &list[n];

		if (d->kind == PVM_PDETAIL_NONE)
			continue;
		r->kind = d->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[d->kind] : "unknown";
		r->key = d->key;
		r->count = d->count;
		r->name = "";
		if (d->kind == PVM_PDETAIL_IN || d->kind == PVM_PDETAIL_OUT)
			r->name = number_name(ports, sizeof(ports) / sizeof(ports[0]), d->key);
		else if (d->kind == PVM_PDETAIL_RDMSR || d->kind == PVM_PDETAIL_WRMSR)
			r->name = number_name(msrs, sizeof(msrs) / sizeof(msrs[0]), d->key);
		n++;
	}
	*rows = list;
	*count = n;
	return 0;
}
