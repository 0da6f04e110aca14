// SPDX-License-Identifier: GPL-2.0-only
/*
 * What most verbs need from libpvm: a connection, a guest by name, words for errors and endings,
 * and the host's kernel image. Every function here prints its own sentence when it fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "pvmctl.h"

uint64_t boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

enum out_colour state_colour(uint32_t state)
{
	switch (state) {
	case PVM_STATE_RUNNING:
		return COL_GREEN;
	case PVM_STATE_NEW:
		return COL_YELLOW;
	default:
		return COL_RED;
	}
}

static int code_of(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return EXIT_PERMISSION;
	case -ENODEV:
	case -ENXIO:
	case -EPROTO:
	case -EOPNOTSUPP:
		return EXIT_NO_DRIVER;
	case -EEXIST:
	case -EBUSY:
		return EXIT_STATE;
	default:
		return EXIT_FAILED;
	}
}

int lib_failed(int code, int err, const char *next)
{
	const char *text = pvm_errmsg(), *name = strerrorname_np(-err);

	if (!*text)
		text = strerror(-err);
	fprintf(stderr, "pvmctl: %s", text);
	if (name && !strstr(text, name))
		fprintf(stderr, " (%s)", name);
	if (next)
		fprintf(stderr, "; %s", next);
	fputc('\n', stderr);
	return code ? code : code_of(err);
}

int driver_open(struct pvm_ctx **ctx)
{
	int err = pvm_ctx_create(NULL, ctx);

	if (!err)
		return EXIT_OK;
	if (err == -ENODEV || err == -ENOENT || err == -ENXIO)
		return msg_cannot(EXIT_NO_DRIVER, -ENODEV, "the pvm driver is not loaded",
				  "try 'modprobe pvm', or see 'pvmctl doctor'", "open /dev/pvm");
	if (err == -EACCES || err == -EPERM)
		return msg_cannot(EXIT_PERMISSION, err, "permission denied",
				  "join group pvm ('adduser USER pvm', then log in again)",
				  "open /dev/pvm");
	return lib_failed(EXIT_OK, err, "see 'pvmctl doctor'");
}

bool guest_name_check(const char *name)
{
	if (opt_name_ok(name))
		return true;
	msg("'%s' is no name for a guest; take 1 to 31 of the characters A-Z a-z 0-9 . _ -", name);
	return false;
}

int guest_find(struct pvm_ctx *ctx, const char *name, struct pvm_vm_info *info)
{
	struct pvm_vm_info *rows;
	size_t n, i;
	int err;

	err = pvm_ctx_list(ctx, &rows, &n);
	if (err)
		return lib_failed(EXIT_OK, err, NULL);
	for (i = 0; i < n; i++) {
		if (!strcmp(rows[i].name, name)) {
			*info = rows[i];
			pvm_free(rows);
			return EXIT_OK;
		}
	}
	pvm_free(rows);
	return msg_cannot(EXIT_NO_GUEST, ENOENT, "there is no such guest",
			  "see 'pvmctl list'", "find guest %s", name);
}

int list_print(const struct listing *l, const void *rows, size_t n, bool json)
{
	struct table *t = json ? NULL : table_new(l->columns, l->nr_columns);
	const char *row = rows, *end = row + n * l->row_bytes;
	uint64_t now = boottime_ns();
	struct json j;
	int err;

	for (; row < end; row += l->row_bytes) {
		if (!json) {
			l->cells(t, row, now);
			continue;
		}
		json_open(&j, stdout);
		l->json(&j, row);
		json_close(&j);
	}
	err = json ? 0 : table_print(t, stdout);
	return err ? msg_cannot(EXIT_FAILED, err, NULL, NULL, "print the list") : EXIT_OK;
}

int counters_print(const struct pvm_stat_row *rows, size_t n, bool all)
{
	static const struct column columns[] = {
		{ "COUNTER", COL_LEFT }, { "VALUE", COL_RIGHT }, { "UNIT", COL_LEFT },
		{ "MEANING", COL_LEFT },
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	size_t i;

	for (i = 0; i < n; i++) {
		if (!all && (!rows[i].value || rows[i].flags & PVM_STAT_IS_HYPERCALL))
			continue;
		table_cell(t, "%s", rows[i].name);
		table_cell(t, "%" PRIu64, rows[i].value);
		table_cell(t, "%s", rows[i].unit);
		table_cell(t, "%s", rows[i].help);
	}
	return table_print(t, stdout);
}

void json_counters(struct json *j, const struct pvm_stat_row *rows, size_t n)
{
	char key[64], tail[16];
	size_t i, len, t;

	for (i = 0; i < n; i++) {
		if (rows[i].flags & PVM_STAT_IS_HYPERCALL)
			continue;
		/* The unit belongs into the name, unless the name ends with it already. */
		len = snprintf(key, sizeof(key), "%s", rows[i].name);
		t = snprintf(tail, sizeof(tail), "_%s", rows[i].unit);
		if (*rows[i].unit && (len < t || strcmp(key + len - t, tail)))
			snprintf(key, sizeof(key), "%s%s", rows[i].name, tail);
		json_u64(j, key, rows[i].value);
	}
}

/* Reading one byte tells more than access(): a directory, a broken disk, a denied open. */
static bool readable(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read(fd, &byte, 1) == 1;

	if (fd >= 0)
		close(fd);
	return ok;
}

static char *newest_in_boot(bool *seen)
{
	char *best = NULL, *path;
	struct dirent *e;
	DIR *d = opendir("/boot");

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "vmlinuz-", 8))
			continue;
		if (asprintf(&path, "/boot/%s", e->d_name) < 0)
			break;
		*seen = true;
		if (readable(path) && (!best || strverscmp(path, best) > 0)) {
			free(best);
			best = path;
		} else {
			free(path);
		}
	}
	if (d)
		closedir(d);
	return best;
}

char *kernel_default(bool quiet)
{
	struct utsname u;
	bool seen = false;
	char *path;

	if (!uname(&u) && asprintf(&path, "/boot/vmlinuz-%s", u.release) > 0) {
		if (readable(path))
			return path;
		seen = !access(path, F_OK);
		free(path);
	}
	if (readable("/vmlinuz"))
		return strdup("/vmlinuz");
	path = newest_in_boot(&seen);
	if (path || quiet)
		return path;
	if (seen)
		msg_cannot(EXIT_PERMISSION, EACCES, "no kernel image in /boot can be read",
			   "give one with --kernel FILE", "choose a kernel");
	else
		msg_cannot(EXIT_FAILED, ENOENT, "there is no kernel image in /boot",
			   "give one with --kernel FILE", "choose a kernel");
	return NULL;
}

void json_guest(struct json *j, const struct pvm_vm_info *info)
{
	json_u64(j, "id", info->id);
	json_str(j, "name", info->name);
	json_u64(j, "state", info->state);
	json_str(j, "state_name", pvm_state_name(info->state));
	json_u64(j, "pid", info->pid);
	json_u64(j, "uid", info->uid);
	json_u64(j, "nr_vcpus", info->nr_vcpus);
	json_u64(j, "shutdown_reason", info->shutdown_reason);
	json_u64(j, "memory_bytes", info->memory_bytes);
	json_u64(j, "shadow_bytes", info->shadow_bytes);
	json_u64(j, "created_ns", info->created_ns);
	json_u64(j, "runtime_ns", info->runtime_ns);
}

int exit_code_of(const struct pvm_vm_exit *ex)
{
	switch (ex->kind) {
	case PVM_EXIT_SHUTDOWN:
		switch (ex->code) {
		case PVM_SHUTDOWN_POWEROFF:
			return EXIT_OK;
		case PVM_SHUTDOWN_REBOOT:
			return EXIT_REBOOT;
		case PVM_SHUTDOWN_CRASH:
		case PVM_SHUTDOWN_WATCHDOG:
			return EXIT_CRASHED;
		default:
			return EXIT_FAILED;
		}
	case PVM_EXIT_DEATH:
		/* Memory and the driver are the host's failures, a stop is somebody's wish. */
		return ex->code == PVM_CAUSE_TRIPLE || ex->code == PVM_CAUSE_TABLE ? EXIT_CRASHED
										    : EXIT_FAILED;
	default:
		return EXIT_FAILED;
	}
}

void exit_story(const char *name, const struct pvm_vm_exit *ex)
{
	size_t i;

	if (ex->kind == PVM_EXIT_SHUTDOWN && ex->code == PVM_SHUTDOWN_POWEROFF)
		return;
	if (ex->kind == PVM_EXIT_SHUTDOWN && ex->code == PVM_SHUTDOWN_REBOOT) {
		msg("guest %s asked for a reboot", name);
		return;
	}
	if (ex->kind == PVM_EXIT_SHUTDOWN) {
		msg("guest %s ended: %s; its last console output says why", name,
		    *ex->text ? ex->text : pvm_shutdown_name(ex->code));
		return;
	}
	if (ex->kind != PVM_EXIT_DEATH) {
		msg("guest %s ended: %s", name, ex->text);
		return;
	}
	msg("guest %s died (%s): %s", name, pvm_cause_name(ex->code), ex->text);
	if (ex->code == PVM_CAUSE_STOPPED)
		return;		/* where it was is of no interest */
	msg("  vCPU %" PRIu32 " in %s mode, RIP %#" PRIx64 ", RSP %#" PRIx64 ", RFLAGS %#" PRIx64,
	    ex->vcpu, ex->kernel_mode ? "kernel" : "user", ex->rip, ex->rsp, ex->rflags);
	msg("  CR2 %#" PRIx64 ", CR3 %#" PRIx64 ", error code %#" PRIx64, ex->cr2, ex->cr3,
	    ex->error_code);
	if (ex->vector < 0x100)
		msg("  while handling exception %" PRIu32, ex->vector);
	fputs("pvmctl:   last hypercalls, latest first:", stderr);
	for (i = 0; i < 16 && ex->hypercalls[i] != 0xffffffff; i++)
		fprintf(stderr, " %s", pvm_hypercall_name(ex->hypercalls[i]));
	fputs(i ? "\n" : " none\n", stderr);
}

void json_exit(const char *name, const struct pvm_vm_exit *ex, int code)
{
	struct json j;

	json_open(&j, stdout);
	json_str(&j, "event", "ended");
	json_str(&j, "name", name);
	json_u64(&j, "kind", ex->kind);
	json_u64(&j, "code", ex->code);
	json_str(&j, "reason", ex->text);
	json_i64(&j, "exit_status", code);
	if (ex->kind == PVM_EXIT_DEATH) {
		json_u64(&j, "vcpu", ex->vcpu);
		json_u64(&j, "vector", ex->vector);
		json_u64(&j, "kernel_mode", ex->kernel_mode);
		json_u64(&j, "rip", ex->rip);
		json_u64(&j, "rsp", ex->rsp);
		json_u64(&j, "rflags", ex->rflags);
		json_u64(&j, "cr2", ex->cr2);
		json_u64(&j, "cr3", ex->cr3);
		json_u64(&j, "error_code", ex->error_code);
	}
	json_close(&j);
}
