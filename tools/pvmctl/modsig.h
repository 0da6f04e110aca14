/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of kernel modules: does this kernel insist on them, and has pvm.ko one that it trusts?
 *
 * The first part is pure, text in and answer out, so that it can be tested without such a kernel;
 * the second reads the machine.
 */
#ifndef PVMCTL_MODSIG_H
#define PVMCTL_MODSIG_H

#include <stdbool.h>
#include <stddef.h>

#define MODSIG_TEXT	160

/* What makes the kernel refuse unsigned modules; several can be true. */
struct modsig_policy {
	bool secure_boot;
	bool enforced;			/* module.sig_enforce */
	char lockdown[32];		/* "integrity", "confidentiality", or "" */
};

enum modsig_trust {
	MODSIG_NO_MODULE,		/* not built for this kernel, or modinfo is missing */
	MODSIG_UNSIGNED,
	MODSIG_UNKNOWN_KEY,		/* signed, but no key of that name in the kernel's rings */
	MODSIG_UNSEEN,			/* signed; the kernel's keys are for root to see */
	MODSIG_TRUSTED,
};

/* ---- pure ---- */

/* The mode in brackets of "none [integrity] confidentiality", "" for none. */
void modsig_lockdown(const char *text, char *mode, size_t len);
/* Is there, in the text of /proc/keys, a key called @signer? *@any: is there any key at all? */
bool modsig_key_known(const char *keys, const char *signer, bool *any);
/* The last line of a kernel log that tells of a refused module, without its head; "" if none does. */
void modsig_refusal(const char *log, char *line, size_t len);

/* ---- of this machine ---- */

void modsig_policy_read(struct modsig_policy *p);
bool modsig_demanded(const struct modsig_policy *p);
enum modsig_trust modsig_trust_read(char *signer, size_t len);
/* As modsig_refusal(), from the host's kernel log; "" also if it may not be read. */
void modsig_refusal_read(char *line, size_t len);

#endif
