// SPDX-License-Identifier: GPL-2.0-only
/* What doctor makes of lockdown, key rings and kernel logs (tools/pvmctl/modsig.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "modsig.h"

static void lockdown_mode_is_in_brackets(void **state)
{
	static const struct { const char *text, *mode; } rows[] = {
		{ "[none] integrity confidentiality\n", "" },
		{ "none [integrity] confidentiality\n", "integrity" },
		{ "none integrity [confidentiality]\n", "confidentiality" },
		{ "", "" }, { "none\n", "" }, { "[integrity", "" }, { "]x[", "" },
	};
	char mode[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		modsig_lockdown(rows[i].text, mode, sizeof(mode));
		assert_string_equal(mode, rows[i].mode);
	}
	modsig_lockdown("[integrity]", mode, 4);
	assert_string_equal(mode, "int");
}

static const char keys[] =
	"0a1b2c3d I------     1 perm 1f030000     0     0 keyring   .builtin_trusted_keys: 2\n"
	"1a2b3c4d I------     1 perm 1f030000     0     0 asymmetri Debian Secure Boot CA: 6ccece7e: X509.rsa 5d []\n"
	"2a2b3c4d I------     1 perm 1f030000     0     0 asymmetri DKMS module signing key: ab12: X509.rsa 9f []\n";

static void a_key_is_known_by_its_whole_name(void **state)
{
	bool any;

	(void)state;
	assert_true(modsig_key_known(keys, "DKMS module signing key", &any));
	assert_true(modsig_key_known(keys, "Debian Secure Boot CA", &any));
	assert_false(modsig_key_known(keys, "DKMS module", &any));
	assert_true(any);
	assert_false(modsig_key_known(keys, "module signing key", &any));
	assert_false(modsig_key_known(keys, "", &any));
	assert_true(any);
}

static void a_user_sees_no_keys(void **state)
{
	bool any = true;

	(void)state;
	assert_false(modsig_key_known("3f I--Q---  4 perm 1f3f0000  1000 65534 keyring   _uid.1000: empty\n",
				      "DKMS module signing key", &any));
	assert_false(any);
	assert_false(modsig_key_known("", "x", &any));
	assert_false(any);
}

static void the_last_refusal_is_told(void **state)
{
	char line[MODSIG_TEXT];

	(void)state;
	modsig_refusal("<6>[    0.000000] Linux version 6.1\n"
		       "<5>[    9.100000] Loading of unsigned module is rejected\n"
		       "<5>[   12.345678] Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7\n"
		       "<6>[   13.000000] all is quiet\n", line, sizeof(line));
	assert_string_equal(line, "Lockdown: modprobe: unsigned module loading is restricted; "
			    "see man kernel_lockdown.7");
	modsig_refusal("[1.0] Loading of module with unavailable key is rejected", line, sizeof(line));
	assert_string_equal(line, "Loading of module with unavailable key is rejected");
	modsig_refusal("Loading of module with unsupported crypto is rejected\n", line, 12);
	assert_string_equal(line, "Loading of ");
}

static void other_lines_are_no_refusal(void **state)
{
	char line[MODSIG_TEXT];

	(void)state;
	modsig_refusal("<6>[ 1.0] pvm: loading out-of-tree module taints kernel.\n<4\n[\n\n<>[]", line, sizeof(line));
	assert_string_equal(line, "");
	modsig_refusal("", line, sizeof(line));
	assert_string_equal(line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lockdown_mode_is_in_brackets),
		cmocka_unit_test(a_key_is_known_by_its_whole_name),
		cmocka_unit_test(a_user_sees_no_keys),
		cmocka_unit_test(the_last_refusal_is_told),
		cmocka_unit_test(other_lines_are_no_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
