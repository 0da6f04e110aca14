/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Map of the program: what the files of this directory share, grouped by file.
 *
 *	main.c		table of verbs, help, __complete		opt.c	option arrays (pure)
 *	cmd_*.c		one verb per file				out.c	sentences, columns, JSON
 *	driver.c	opening the driver, finding a guest		events.c  netlink
 *	session.c	one running guest in this process		sink.c	where its output goes
 *	ctl.c		control socket of a running guest, both ends	term.c	raw terminal
 *	cmd_partition*.c  the verbs of "partition"	part_args.c (pure), part_inuse.c
 *	initramfs.c	guest userland made in memory			cpio.c, elf.c, wire.c (pure)
 *	top.c		rows and rates of top, top_table.c: their tables (both pure)
 *	top_guests.c	its rows of guests		top_partitions.c  its rows of partitions
 */
#ifndef PVMCTL_H
#define PVMCTL_H

#include <pvm/pvm.h>

#include "opt.h"
#include "out.h"

#ifndef PVM_VERSION
#define PVM_VERSION "0.1.0"
#endif

/* ---- main.c ---- */

/* Verbs, in the order of help; NULL ends. */
extern const struct verb *const verbs[];

/**
 * verb_parse() - opt_parse() that prints help and complaints
 *
 * Return: true: go on; false: leave with *@code.
 */
bool verb_parse(const struct verb *verb, void *into, int argc, char **argv, struct opt_rest *rest,
		int *code);

/** verb_unknown() - say so, and what may have been meant. @lead: "" or "partition " */
int verb_unknown(const struct verb *const *table, const char *lead, const char *name);

/* ---- complete.c ---- */

int complete_words(int argc, char **argv);

/* ---- driver.c ---- */

/** driver_open() - connect to the driver; prints why not. Return: EXIT_OK or an exit code. */
int driver_open(struct pvm_ctx **ctx);

/**
 * lib_failed() - print libpvm's sentence about its latest failure
 * @code:	exit code to hand back; EXIT_OK = the one that fits @err
 * @err:	-errno the library returned
 * @next:	what to do, or NULL
 *
 * Return: exit code.
 */
int lib_failed(int code, int err, const char *next);

/** guest_find() - look a guest up by name. Return: EXIT_OK, EXIT_NO_GUEST (said so) or another. */
int guest_find(struct pvm_ctx *ctx, const char *name, struct pvm_vm_info *info);

/** guest_name_check() - complain about a name the driver would not take */
bool guest_name_check(const char *name);

/** state_colour() - of a guest's state */
enum out_colour state_colour(uint32_t state);

/** boottime_ns() - now, on the clock of created_ns and started_ns */
uint64_t boottime_ns(void);

/* A kind of row that is listed: guests, partitions. */
struct listing {
	const struct column *columns;
	size_t nr_columns;
	size_t row_bytes;
	void (*cells)(struct table *t, const void *row, uint64_t now_ns);
	void (*json)(struct json *j, const void *row);
};

/** list_print() - rows as a table, or an object for each. Return: exit code. */
int list_print(const struct listing *l, const void *rows, size_t n, bool json);

/**
 * counters_print() - counters with their units and meanings, as a table
 * @all:	also hypercalls by name, and what is 0
 *
 * Return: 0 or -ENOMEM.
 */
int counters_print(const struct pvm_stat_row *rows, size_t n, bool all);

/** json_counters() - counters, units in their names; hypercalls left out */
void json_counters(struct json *j, const struct pvm_stat_row *rows, size_t n);

/** kernel_default() - the host's own kernel image. Return: malloc'ed path, or NULL and a sentence */
char *kernel_default(bool quiet);

/** json_guest() - the fields of a guest, UAPI names, into an open object */
void json_guest(struct json *j, const struct pvm_vm_info *info);

/** json_exit() - how a guest ended, as one line on stdout */
void json_exit(const char *name, const struct pvm_vm_exit *ex, int code);

/** exit_story() - tell people how and where a guest died */
void exit_story(const char *name, const struct pvm_vm_exit *ex);

/** exit_code_of() - exit code for the way a guest ended */
int exit_code_of(const struct pvm_vm_exit *ex);

/* ---- cmd_partition.c: what the verbs of "partition" share ---- */

/** part_find() - a handle of a partition by name. Return: EXIT_OK, EXIT_NO_GUEST (said so), ... */
int part_find(const char *name, struct pvm_ctx **ctx, struct pvm_part **part);

/** part_name_check() - complain about a name the driver would not take */
bool part_name_check(const char *name);

/** part_failed() - lib_failed() with the exit codes of partitions */
int part_failed(struct pvm_ctx *ctx, int err, const char *next);

/** part_exit_code() - exit code for the way a partition stopped */
int part_exit_code(const struct pvm_part_status *status);

/** part_state_colour() - of a partition's state */
enum out_colour part_state_colour(uint32_t state);

/** part_heartbeat() - "beating", "silent 12s", "-"; returns buf, of PART_BEAT_LEN bytes */
#define PART_BEAT_LEN	(OUT_NUM_LEN + 8)
char *part_heartbeat(char *buf, const struct pvm_part_row *row);

/** json_part() - the fields of a partition, UAPI names, into an open object */
void json_part(struct json *j, const struct pvm_part_row *row);

/* cmd_partition_console.c: be its terminal until it stops or the user leaves */
#define PART_CONSOLE_HEARTBEAT	1u	/* watch its heartbeat once its kernel is up */
int part_console(struct pvm_part *part, unsigned int flags, uint32_t silent_ms, bool *stopped);
/** part_last_lines() - the end of what is left in the console's ring, to stderr */
void part_last_lines(struct pvm_part *part);

/* ---- the verbs ---- */

extern const struct verb verb_run, verb_list, verb_stop, verb_console, verb_stat, verb_top,
	verb_events, verb_partition, verb_info, verb_doctor, verb_version, verb_complete;
extern const struct verb verb_part_create, verb_part_start, verb_part_stop, verb_part_destroy,
	verb_part_list, verb_part_stat, verb_part_console, verb_part_dmesg;

#endif
