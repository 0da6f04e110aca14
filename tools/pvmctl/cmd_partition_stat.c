// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl partition stat: all about one partition: its CPUs, its devices, and every exit explained.
 *
 * A partition that does nothing but run has no exits. What is counted here is what its kernel asked
 * for that the driver had to answer, since the last start; names of counters come from the driver's
 * ABI, names of ports and MSRs from libpvm.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "pvmctl.h"

static struct args {
	bool json;
	bool verbose;
} args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL, "print a JSON object", 0, 0,
	  NULL },
	{ "verbose", 'v', OPT_FLAG, offsetof(struct args, verbose), NULL,
	  "also counters at zero", 0, 0, NULL },
	{ 0 }
};

struct all {
	struct pvm_part_status st;
	struct pvm_part_cpu_row *cpus;
	struct pvm_part_bar_row *bars;
	struct pvm_stat_row *stats;
	struct pvm_part_exit_row *exits;
	size_t nr_cpus, nr_bars, nr_stats, nr_exits;
};

static int by_count(const void *a, const void *b)
{
	const struct pvm_part_exit_row *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static int gather(struct pvm_part *part, struct all *a)
{
	int err;

	memset(a, 0, sizeof(*a));
	a->st.sz = sizeof(a->st);
	err = pvm_part_status_get(part, &a->st);
	if (!err)
		err = pvm_part_cpus(part, &a->cpus, &a->nr_cpus);
	if (!err)
		err = pvm_part_bars(part, &a->bars, &a->nr_bars);
	if (!err)
		err = pvm_part_stats(part, &a->stats, &a->nr_stats);
	if (!err)
		err = pvm_part_exits(part, &a->exits, &a->nr_exits);
	if (!err)
		qsort(a->exits, a->nr_exits, sizeof(*a->exits), by_count);
	return err;
}

static void drop(struct all *a)
{
	pvm_free(a->cpus);
	pvm_free(a->bars);
	pvm_free(a->stats);
	pvm_free(a->exits);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void print_json(const struct all *a)
{
	struct json j;
	size_t i;

	json_open(&j, stdout);
	json_part(&j, &a->st.row);
	json_str(&j, "stop_text", a->st.stop_text);
	json_u64(&j, "stop_code", a->st.stop_code);
	json_u64(&j, "stop_addr", a->st.stop_addr);
	json_str(&j, "backend", a->st.traits & PVM_PARTITION_VMX ? "vmx" : "svm");
	json_bool(&j, "x2apic", a->st.traits & PVM_PARTITION_X2APIC);
	json_bool(&j, "kept", a->st.traits & PVM_PARTITION_KEPT);
	json_bool(&j, "real_uart", a->st.traits & PVM_PARTITION_REAL_UART);
	json_bool(&j, "la57", a->st.traits & PVM_PARTITION_LA57);
	json_u64(&j, "tsc_khz", a->st.tsc_khz);
	json_u64(&j, "low_addr", a->st.low_addr);
	json_u64(&j, "low_bytes", a->st.low_bytes);
	json_u64(&j, "uart_port", a->st.uart_port);
	json_array(&j, "cpus");
	for (i = 0; i < a->nr_cpus; i++) {
		json_item(&j);
		json_u64(&j, "cpu", a->cpus[i].cpu);
		json_u64(&j, "apic_id", a->cpus[i].apic_id);
		json_u64(&j, "state", a->cpus[i].state);
		json_str(&j, "state_name", pvm_part_cpu_name(a->cpus[i].state));
		json_u64(&j, "stop_reason", a->cpus[i].stop_reason);
		json_u64(&j, "exits", a->cpus[i].exits);
		json_u64(&j, "last_rip", a->cpus[i].last_rip);
		json_end(&j);
	}
	json_array_end(&j);
	json_array(&j, "bars");
	for (i = 0; i < a->nr_bars; i++) {
		json_item(&j);
		json_u64(&j, "bdf", a->bars[i].bdf);
		json_u64(&j, "bar", a->bars[i].bar);
		json_u64(&j, "addr", a->bars[i].addr);
		json_u64(&j, "bytes", a->bars[i].bytes);
		json_end(&j);
	}
	json_array_end(&j);
	json_sub(&j, "stats");
	json_counters(&j, a->stats, a->nr_stats);
	json_end(&j);
	json_array(&j, "details");
	for (i = 0; i < a->nr_exits; i++) {
		json_item(&j);
		json_str(&j, "kind", a->exits[i].kind);
		json_u64(&j, "key", a->exits[i].key);
		json_u64(&j, "count", a->exits[i].count);
		json_str(&j, "name", a->exits[i].name);
		json_end(&j);
	}
	json_array_end(&j);
	json_close(&j);
}

/* ---- for people -------------------------------------------------------------------------- */

static void print_head(const struct all *a)
{
	const struct pvm_part_row *r = &a->st.row;
	char size[OUT_NUM_LEN];

	printf("%spartition %s%s (id %" PRIu32 ", %s)\n", out_colour(stdout, COL_BOLD), r->name,
	       out_colour(stdout, COL_PLAIN), r->id, pvm_part_state_name(r->state));
	if (*a->st.stop_text)
		printf("stopped    %s\n", a->st.stop_text);
	printf("memory     %s at %#" PRIx64 ", window below 1 MiB at %#" PRIx64 "\n",
	       out_size(size, r->memory_bytes), r->memory_addr, a->st.low_addr);
	printf("run by     %s%s%s%s\n", a->st.traits & PVM_PARTITION_VMX ? "VMX" : "SVM",
	       a->st.traits & PVM_PARTITION_X2APIC ? ", x2APIC" : "",
	       a->st.traits & PVM_PARTITION_LA57 ? ", 5-level paging" : "",
	       r->flags & PVM_PARTITION_PROTECT ? ", protected (stage 2 on)" : "");
	printf("console    %s UART at port %#" PRIx32 "\n",
	       a->st.traits & PVM_PARTITION_REAL_UART ? "real" : "emulated", a->st.uart_port);
	if (r->state == PVM_PARTITION_RUNNING && r->beat_age_ns != ~0ull)
		printf("heartbeat  seen %s ago\n", out_duration(size, r->beat_age_ns));
}

static int print_cpus(const struct all *a)
{
	static const struct column columns[] = {
		{ "CPU", COL_RIGHT }, { "APIC", COL_RIGHT }, { "STATE", COL_LEFT },
		{ "EXITS", COL_RIGHT }, { "LAST RIP", COL_LEFT }, { "STOPPED", COL_LEFT },
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;

	for (i = 0; i < a->nr_cpus; i++) {
		const struct pvm_part_cpu_row *c = &a->cpus[i];

		table_cell(t, "%" PRIu32, c->cpu);
		table_cell(t, "%" PRIu32, c->apic_id);
		table_cell(t, "%s", pvm_part_cpu_name(c->state));
		table_cell(t, "%" PRIu64, c->exits);
		table_cell(t, "%#" PRIx64, c->last_rip);
		table_cell(t, "%s", c->stop_reason ? pvm_part_stop_name(c->stop_reason) : "-");
	}
	return table_print(t, stdout);
}

static int print_bars(const struct all *a)
{
	static const struct column columns[] = {
		{ "DEVICE", COL_LEFT }, { "BAR", COL_RIGHT }, { "ADDRESS", COL_LEFT },
		{ "SIZE", COL_RIGHT },
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	char buf[OUT_NUM_LEN];
	size_t i;

	for (i = 0; i < a->nr_bars; i++) {
		const struct pvm_part_bar_row *b = &a->bars[i];

		table_cell(t, "0000:%02x:%02x.%x", b->bdf >> 8 & 255, b->bdf >> 3 & 31, b->bdf & 7);
		table_cell(t, "%" PRIu32, b->bar);
		table_cell(t, "%#" PRIx64, b->addr);
		table_cell(t, "%s", out_size(buf, b->bytes));
	}
	return table_print(t, stdout);
}

static int print_exits(const struct all *a)
{
	static const struct column columns[] = {
		{ "TRAPPED", COL_LEFT }, { "NUMBER", COL_LEFT }, { "COUNT", COL_RIGHT },
		{ "WHAT IT IS", COL_LEFT },
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;

	for (i = 0; i < a->nr_exits; i++) {
		table_cell(t, "%s", a->exits[i].kind);
		table_cell(t, "%#" PRIx32, a->exits[i].key);
		table_cell(t, "%" PRIu64, a->exits[i].count);
		table_cell(t, "%s", a->exits[i].name);
	}
	return table_print(t, stdout);
}

static int print_text(const struct all *a)
{
	int err;

	print_head(a);
	putchar('\n');
	err = print_cpus(a);
	if (!err && a->nr_bars) {
		putchar('\n');
		err = print_bars(a);
	}
	putchar('\n');
	if (!err)
		err = counters_print(a->stats, a->nr_stats, args.verbose);
	if (!err && a->nr_exits) {
		putchar('\n');
		err = print_exits(a);
	}
	return err;
}

static int cmd_stat(int argc, char **argv)
{
	struct pvm_part *part;
	struct opt_rest rest;
	struct pvm_ctx *ctx;
	struct all a;
	int code, err;

	if (!verb_parse(&verb_part_stat, &args, argc, argv, &rest, &code))
		return code;
	code = part_find(rest.operands[0], &ctx, &part);
	if (code)
		return code;
	err = gather(part, &a);
	if (err) {
		code = part_failed(ctx, err, NULL);
	} else if (args.json) {
		print_json(&a);
	} else {
		err = print_text(&a);
		if (err)
			code = msg_cannot(EXIT_FAILED, err, NULL, NULL, "print the counters");
	}
	drop(&a);
	pvm_part_close(part);
	pvm_ctx_destroy(ctx);
	return out_finish(code);
}

const struct verb verb_part_stat = {
	.name = "partition stat", .operands = "NAME", .help = "Print its CPUs, devices and exits",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_stat,
};
