// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signatures of kernel modules (modsig.h).
 *
 * Three things make a kernel refuse an unsigned module: Secure Boot (which locks it down), lockdown
 * asked for on its command line, and module.sig_enforce. Whether a signature is good only the kernel
 * can say; what can be looked at from here is whether there is one, whose, and whether the kernel
 * has a key of that name. /proc/keys shows the kernel's keys to root only.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "modsig.h"

#define KLOG_READ_ALL	3
#define KLOG_SIZE	10

/* ---- pure ---- */

void modsig_lockdown(const char *text, char *mode, size_t len)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	mode[0] = 0;
	if (close && strncmp(open, "[none]", 6))
		snprintf(mode, len, "%.*s", (int)(close - open - 1), open + 1);
}

bool modsig_key_known(const char *keys, const char *signer, bool *any)
{
	static const char kind[] = " asymmetri ";	/* as wide as the column */
	size_t n = strlen(signer);
	const char *at = keys;

	*any = false;
	while ((at = strstr(at, kind))) {
		*any = true;
		at += sizeof(kind) - 1;
		/* "name: identifier: X509.rsa ..."; a name may have colons itself */
		if (n && !strncmp(at, signer, n) && at[n] == ':')
			return true;
	}
	return false;
}

/* Lines "<5>[    1.234567] text" of the log: where is the text? */
static const char *behind_head(const char *line)
{
	const char *close;

	if (*line == '<') {
		close = strchr(line, '>');
		line = close ? close + 1 : line;
	}
	if (*line == '[') {
		close = strchr(line, ']');
		line = close ? close + 1 : line;
	}
	return line + strspn(line, " ");
}

static bool tells_of_refusal(const char *line, size_t n)
{
	static const char *const words[] = {
		"Loading of unsigned module is rejected",
		"Loading of module with unavailable key is rejected",
		"Loading of module with unsupported crypto is rejected",
		"unsigned module loading is restricted",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(line, n, words[i], strlen(words[i])))
			return true;
	return false;
}

void modsig_refusal(const char *log, char *line, size_t len)
{
	line[0] = 0;
	while (*log) {
		size_t n = strcspn(log, "\n");
		const char *text = behind_head(log);

		if (text < log + n && tells_of_refusal(log, n))
			snprintf(line, len, "%.*s", (int)(log + n - text), text);
		log += n + (log[n] == '\n');
	}
}

/* ---- of this machine ---- */

/* Files below /proc and /sys have no size; what does not fit is left out. */
static char *slurp(const char *path, size_t room)
{
	char *text = malloc(room);
	size_t have = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (text && fd >= 0)
		while (have < room - 1 && (n = read(fd, text + have, room - 1 - have)) > 0)
			have += n;
	if (text)
		text[have] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

static bool secure_boot(void)
{
	unsigned char value[5] = { 0 };
	int fd = open("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		      O_RDONLY | O_CLOEXEC);
	bool on;

	if (fd < 0)
		return false;
	/* Four bytes of attributes, then the value. */
	on = read(fd, value, sizeof(value)) == sizeof(value) && value[4] == 1;
	close(fd);
	return on;
}

void modsig_policy_read(struct modsig_policy *p)
{
	char *text;

	memset(p, 0, sizeof(*p));
	p->secure_boot = secure_boot();
	text = slurp("/sys/kernel/security/lockdown", 256);
	if (text)
		modsig_lockdown(text, p->lockdown, sizeof(p->lockdown));
	free(text);
	text = slurp("/sys/module/module/parameters/sig_enforce", 16);
	p->enforced = text && text[0] == 'Y';
	free(text);
}

bool modsig_demanded(const struct modsig_policy *p)
{
	return p->secure_boot || p->enforced || *p->lockdown;
}

enum modsig_trust modsig_trust_read(char *signer, size_t len)
{
	bool known, any, found;
	char *keys;
	FILE *f;

	signer[0] = 0;
	/* Modules may be compressed and signatures are ASN.1: modinfo knows how to read both. */
	f = popen("PATH=$PATH:/usr/sbin:/sbin; modinfo -F filename pvm && modinfo -F signer pvm", "re");
	if (!f)
		return MODSIG_NO_MODULE;
	found = fgets(signer, len, f);
	signer[0] = 0;
	if (found && fgets(signer, len, f))
		signer[strcspn(signer, "\n")] = 0;
	if (pclose(f) || !found)
		return MODSIG_NO_MODULE;
	if (!*signer)
		return MODSIG_UNSIGNED;
	keys = slurp("/proc/keys", 256 << 10);
	known = keys && modsig_key_known(keys, signer, &any);
	if (!keys || (!known && !any))
		known = any = false;
	free(keys);
	return known ? MODSIG_TRUSTED : any ? MODSIG_UNKNOWN_KEY : MODSIG_UNSEEN;
}

void modsig_refusal_read(char *line, size_t len)
{
	int size = klogctl(KLOG_SIZE, NULL, 0), n;
	char *log;

	line[0] = 0;
	log = size > 0 ? malloc((size_t)size + 1) : NULL;
	if (!log)
		return;
	n = klogctl(KLOG_READ_ALL, log, size);
	log[n > 0 ? n : 0] = 0;
	modsig_refusal(log, line, len);
	free(log);
}
