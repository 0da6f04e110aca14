// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl doctor: can this machine run guests, and if not, what is to be done?
 *
 * Each check is one function that looks at one thing and reports one line: ok, warn (guests run, but
 * something should be known) or fail (with what to do). Checks only read; none needs a driver, and
 * all are made even if an early one fails, because the reasons are often several. The order is the
 * order of repair: machine, kernel, module, device, what guests are made of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"
#include "initramfs.h"
#include "modsig.h"
#include "pvmctl.h"

#define TEXT_AT		17	/* column behind result and check */

static struct { bool json; } args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, 0, NULL, "print one JSON object per check", 0, 0, NULL },
	{ 0 }
};

struct diagnosis {
	bool machine_fails;	/* driver or CPU: exit 5 */
	bool permission_fails;	/* exit 4 if it is the only thing */
	bool module_loaded;
	bool device_usable;
	char cpu_flags[8192];
	struct utsname uts;
};

void report(enum result r, const char *check, const char *next, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	static const enum out_colour colours[] = { COL_GREEN, COL_YELLOW, COL_RED };
	char text[256];
	struct json j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (args.json) {
		json_open(&j, stdout);
		json_str(&j, "check", check);
		json_str(&j, "result", words[r]);
		json_str(&j, "text", text);
		if (next)
			json_str(&j, "next", next);
		json_close(&j);
		return;
	}
	printf("%s%-4s%s  %-10s ", out_colour(stdout, colours[r]), words[r],
	       out_colour(stdout, COL_PLAIN), check);
	out_folded(stdout, text, TEXT_AT);
	if (next) {
		printf("\n%*s-> ", TEXT_AT, "");
		out_folded(stdout, next, TEXT_AT + 3);
	}
	putchar('\n');
}

bool first_line(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return false;
	n = read(fd, buf, len - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return n >= 0;
}

static void read_cpu_flags(struct diagnosis *d)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && getline(&line, &room, f) > 0) {
		if (strncmp(line, "flags", 5))
			continue;
		line[strcspn(line, "\n")] = 0;
		/* Blanks around, so that a flag can be looked for as a word. */
		snprintf(d->cpu_flags, sizeof(d->cpu_flags), "%s ", strchrnul(line, ':'));
		break;
	}
	free(line);
	if (f)
		fclose(f);
}

static bool has_flag(const struct diagnosis *d, const char *flag)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", flag);
	return strstr(d->cpu_flags, word);
}

static void check_cpu(struct diagnosis *d)
{
	static const char *const needed[] = { "syscall", "nx", "fxsr", "sse2" };
	static const char *const good[] = { "xsave", "pcid", "constant_tsc", "nonstop_tsc" };
	char missing[128] = "";
	size_t i;

	if (strcmp(d->uts.machine, "x86_64")) {
		d->machine_fails = true;
		report(FAIL, "cpu", "guests need a 64-bit x86 machine", "this machine is %s",
		       d->uts.machine);
		return;
	}
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has_flag(d, needed[i]))
			continue;
		d->machine_fails = true;
		report(FAIL, "cpu", "guests need a newer CPU, or hide less of it from this VM",
		       "the CPU lacks %s", needed[i]);
		return;
	}
	if (!has_flag(d, "fsgsbase")) {
		d->machine_fails = true;
		report(FAIL, "cpu", "boot without 'nofsgsbase', or use a newer CPU",
		       "the CPU lacks FSGSBASE, or the kernel has it off");
		return;
	}
	if (has_flag(d, "fred")) {
		char cmdline[4096];

		first_line("/proc/cmdline", cmdline, sizeof(cmdline));
		/* Kernels differ in whether they use it unasked; the driver itself looks at CR4. */
		if (strstr(cmdline, "fred=on")) {
			d->machine_fails = true;
			report(FAIL, "cpu", "boot with 'fred=off' on the kernel command line",
			       "FRED is on, the driver does not support it yet");
			return;
		}
		report(WARN, "cpu", "if the driver refuses to load, boot with 'fred=off'",
		       "the CPU has FRED; the driver needs it off");
		return;
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!has_flag(d, good[i]))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", *missing ? ", " : "", good[i]);
	if (*missing)
		report(OK, "cpu", NULL, "x86_64; guests run slower without %s", missing);
	else
		report(OK, "cpu", NULL, "x86_64 with all that makes guests fast");
}

static void check_host(struct diagnosis *d)
{
	char type[64], guest_type[64];

	first_line("/sys/hypervisor/type", type, sizeof(type));
	first_line("/sys/hypervisor/guest_type", guest_type, sizeof(guest_type));
	if (!strcmp(type, "xen") && !strcmp(guest_type, "PV")) {
		d->machine_fails = true;
		report(FAIL, "host", "run pvm in an HVM or PVH guest, or on the machine itself",
		       "this system is itself a Xen PV guest (or a guest of pvm)");
		return;
	}
	if (strstr(d->uts.version, "PREEMPT_RT")) {
		d->machine_fails = true;
		report(FAIL, "host", "boot a kernel without PREEMPT_RT",
		       "Linux %s is a PREEMPT_RT kernel, with which the driver does not load", d->uts.release);
		return;
	}
	if (has_flag(d, "tdx_guest")) {
		d->machine_fails = true;
		report(FAIL, "host", "use a VM that is not encrypted", "this system is a TDX guest");
		return;
	}
	/* The flag alone may be that of a host that could have such guests. */
	if (has_flag(d, "sev_es") && has_flag(d, "hypervisor") && access("/sys/module/pvm", F_OK)) {
		report(WARN, "host", "if the driver refuses to load, use a VM that is not encrypted",
		       "this system may be a SEV-ES guest");
		return;
	}
	report(OK, "host", NULL, "Linux %s%s%s", d->uts.release, *type ? ", under " : "", type);
}

static void check_taint(void)
{
	char text[32];
	unsigned long taint;

	first_line("/proc/sys/kernel/tainted", text, sizeof(text));
	taint = strtoul(text, NULL, 10);
	/* An out-of-tree or unsigned module is what pvm is itself; only signs of damage count. */
	if (taint & (1 << 4))
		report(WARN, "taint", "look at the host's kernel log", "a machine check happened");
	else if (taint & (1 << 7 | 1 << 5))
		report(WARN, "taint", "reboot the host before you trust it",
		       "the host kernel has had an oops or a bad page");
	else
		report(OK, "taint", NULL, "the host kernel has had no accident");
}

static bool module_installed(const struct diagnosis *d)
{
	char path[128], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/lib/modules/%.65s/modules.dep", d->uts.release);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		line[strcspn(line, ":")] = 0;
		found = strstr(line, "/pvm.ko");
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static void check_module(struct diagnosis *d)
{
	char version[64];

	d->module_loaded = !access("/sys/module/pvm", F_OK);
	if (d->module_loaded) {
		first_line("/sys/module/pvm/version", version, sizeof(version));
		report(OK, "module", NULL, "pvm %s%sis loaded", version, *version ? " " : "");
		return;
	}
	d->machine_fails = true;
	if (access("/proc/modules", F_OK))
		report(FAIL, "module", "boot a kernel with module support",
		       "this kernel cannot load modules");
	else if (module_installed(d))
		report(FAIL, "module", "'modprobe pvm'; if it refuses, 'dmesg' says why",
		       "pvm is installed for this kernel but not loaded");
	else
		report(FAIL, "module", "'apt install pvm-dkms', with the kernel's headers",
		       "pvm is not built for kernel %s", d->uts.release);
}

/* Signatures matter only where the kernel asks for them; a module that is loaded has passed. */
static bool check_lockdown(struct diagnosis *d)
{
	struct modsig_policy p;
	char why[96] = "";

	modsig_policy_read(&p);
	if (!modsig_demanded(&p)) {
		report(OK, "lockdown", NULL, "the kernel loads unsigned modules");
		return false;
	}
	if (p.secure_boot)
		strcat(why, "Secure Boot is on");
	if (*p.lockdown)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%sthe kernel is locked down (%s)",
			 *why ? ", " : "", p.lockdown);
	if (p.enforced)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%smodule.sig_enforce is set",
			 *why ? ", " : "");
	if (d->module_loaded) {
		report(OK, "lockdown", NULL, "%s, and pvm is loaded", why);
		return false;
	}
	report(WARN, "lockdown", NULL, "%s: only a signed pvm.ko can be loaded", why);
	return true;
}

static void check_signature(struct diagnosis *d)
{
	static const char enrol[] = "'mokutil --import /var/lib/dkms/mok.pub', reboot, and enrol it at the console";
	bool efi = !access("/sys/firmware/efi", F_OK);
	char signer[MODSIG_TEXT], line[MODSIG_TEXT];

	switch (modsig_trust_read(signer, sizeof(signer))) {
	case MODSIG_NO_MODULE:
		break;			/* check_module() has told */
	case MODSIG_UNSIGNED:
		d->machine_fails = true;
		/* "install" alone takes what is built already; both go on silently if openssl is missing. */
		report(FAIL, "signature", "'apt install openssl', 'dkms build --force pvm/" PVM_VERSION
		       "', 'dkms install --force pvm/" PVM_VERSION "' build and sign it",
		       "pvm.ko has no signature, so this kernel refuses it");
		break;
	case MODSIG_UNKNOWN_KEY:
		d->machine_fails = true;
		report(FAIL, "signature",
		       efi ? enrol : "without UEFI no key can be enrolled: boot with no lockdown=, no sig_enforce",
		       "pvm.ko is signed by '%s', whose key this kernel does not have", signer);
		break;
	case MODSIG_UNSEEN:
		report(WARN, "signature", efi ? enrol : "run this as root",
		       "pvm.ko is signed by '%s'; only root can see if the key is enrolled", signer);
		break;
	case MODSIG_TRUSTED:
		report(OK, "signature", NULL, "pvm.ko is signed by '%s', whose key this kernel has", signer);
		break;
	}
	modsig_refusal_read(line, sizeof(line));
	if (*line)
		report(FAIL, "refused", "pvmctl(8), SECURE BOOT, has the steps", "the kernel said: %s", line);
}

static void check_device(struct diagnosis *d)
{
	struct pvm_ctx *ctx;
	struct stat st;
	int err;

	if (stat("/dev/pvm", &st)) {
		d->machine_fails = true;
		report(FAIL, "device", d->module_loaded ? "does devtmpfs or udev run?"
							: "it appears when the module is loaded",
		       "there is no /dev/pvm");
		return;
	}
	err = pvm_ctx_create(NULL, &ctx);
	if (!err) {
		d->device_usable = true;
		pvm_ctx_destroy(ctx);
		report(OK, "device", NULL, "/dev/pvm answers");
	} else if (err == -EACCES || err == -EPERM) {
		d->permission_fails = true;
		report(FAIL, "device", "'adduser USER pvm', then log in again",
		       "you may not use /dev/pvm (mode %04o, group %u)", st.st_mode & 07777,
		       st.st_gid);
	} else {
		d->machine_fails = true;
		report(FAIL, "device", NULL, "/dev/pvm: %s", pvm_errmsg());
	}
}

static void check_memory(void)
{
	unsigned long long kib = 0;
	char *line = NULL, buf[OUT_NUM_LEN];
	size_t room = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && getline(&line, &room, f) > 0)
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	free(line);
	if (f)
		fclose(f);
	out_size(buf, kib * 1024);
	if (kib < 600 * 1024)
		report(WARN, "memory", "give guests less than the usual 512M with --memory",
		       "only %s are available", buf);
	else
		report(OK, "memory", NULL, "%s are available", buf);
}

static void check_kernel(void)
{
	struct pvm_kernel_info info = PVM_KERNEL_INFO_INIT;
	struct pvm_load_opts load = PVM_LOAD_OPTS_INIT;
	char *path = kernel_default(true);
	int err;

	if (!path) {
		report(WARN, "kernel", "'pvmctl run' needs --kernel FILE",
		       "no kernel image in /boot can be read");
		return;
	}
	load.kernel_path = path;
	err = pvm_kernel_probe(&load, &info);
	if (err)
		report(WARN, "kernel", "'pvmctl run' needs --kernel FILE", "%s", pvm_errmsg());
	else
		report(OK, "kernel", NULL, "%s can be a guest", path);
	free(path);
}

static void check_busybox(void)
{
	const char *path = busybox_path();

	if (path)
		report(OK, "userland", NULL, "%s", path);
	else
		report(WARN, "userland", "'apt install busybox-static', or 'run --initrd FILE'",
		       "busybox is not installed");
}

static int cmd_doctor(int argc, char **argv)
{
	struct diagnosis *d;
	struct opt_rest rest;
	int code;

	if (!verb_parse(&verb_doctor, &args, argc, argv, &rest, &code))
		return code;
	d = calloc(1, sizeof(*d));
	if (!d || uname(&d->uts)) {
		free(d);
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "look at this machine");
	}
	read_cpu_flags(d);
	check_cpu(d);
	check_host(d);
	check_taint();
	check_module(d);
	if (check_lockdown(d))
		check_signature(d);
	check_device(d);
	check_memory();
	check_kernel();
	check_busybox();
	if (!args.json)
		printf("\nFor partitions ('pvmctl partition'):\n");
	doctor_partitions(d->cpu_flags);
	code = d->machine_fails ? EXIT_NO_DRIVER : d->permission_fails ? EXIT_PERMISSION : EXIT_OK;
	if (!args.json)
		printf("\n%s\n", code == EXIT_OK ? "This machine runs guests: try 'pvmctl run'." :
						   "This machine cannot run guests yet.");
	free(d);
	return out_finish(code);
}

const struct verb verb_doctor = {
	.name = "doctor", .operands = "", .help = "Say whether this machine can run guests",
	.opts = opts, .fn = cmd_doctor,
};
