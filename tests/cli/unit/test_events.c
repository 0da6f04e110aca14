// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl events for a user who gets ids alone (tools/pvmctl/cmd_events.c): names come from the
 * driver's list, which may be empty at any time. Netlink and driver are made up here.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/pvm_genl.h>

#include "events.h"
#include "pvmctl.h"

/* What happens: events in this order, with the one guest that the list has at that time; 0 = none. */
static const struct {
	uint32_t event, id, listed;
} script[] = {
	{ PVM_EVENT_VM_DESTROYED, 1, 0 },	/* the only one known is forgotten */
	{ PVM_EVENT_VM_CREATED, 2, 0 },		/* and gone before the list is asked for */
	{ PVM_EVENT_VM_CREATED, 3, 3 },
	{ PVM_EVENT_VM_STARTED, 3, 3 },
	{ PVM_EVENT_VM_DESTROYED, 3, 0 },
	{ PVM_EVENT_VM_CREATED, 4, 0 },
	{ PVM_EVENT_VM_CREATED, 5, 5 },
};

static uint32_t listed = 1;
static int ready = -1;

/* ---- seams ---- */

int events_open(struct event_source **src, bool *names)
{
	*src = NULL;
	*names = false;
	ready = eventfd(1, EFD_CLOEXEC);
	return 0;
}

int events_fd(const struct event_source *src)
{
	(void)src;
	return ready;
}

int events_read(struct event_source *src, void (*fn)(void *arg, const struct event *ev), void *arg)
{
	size_t i;

	(void)src;
	for (i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		const struct event ev = { .event = script[i].event, .seq = i + 1, .id = script[i].id };

		listed = script[i].listed;
		fn(arg, &ev);
	}
	raise(SIGTERM);		/* is blocked, and ends the verb */
	return 0;
}

void events_close(struct event_source *src)
{
	(void)src;
	close(ready);
}

int driver_open(struct pvm_ctx **ctx)
{
	*ctx = (struct pvm_ctx *)&listed;
	return EXIT_OK;
}

void pvm_ctx_destroy(struct pvm_ctx *ctx)
{
	(void)ctx;
}

int pvm_ctx_list(struct pvm_ctx *ctx, struct pvm_vm_info **rows, size_t *count)
{
	(void)ctx;
	*rows = NULL;
	*count = 0;
	if (!listed)
		return 0;
	*rows = calloc(1, sizeof(**rows));
	(*rows)->id = listed;
	snprintf((*rows)->name, sizeof((*rows)->name), "guest-%u", listed);
	*count = 1;
	return 0;
}

void pvm_free(void *array)
{
	free(array);
}

bool verb_parse(const struct verb *verb, void *into, int argc, char **argv, struct opt_rest *rest,
		int *code)
{
	(void)verb;
	(void)into;
	(void)argc;
	(void)argv;
	(void)code;
	memset(rest, 0, sizeof(*rest));
	return true;
}

bool guest_name_check(const char *name)
{
	(void)name;
	return true;
}

const char *pvm_part_stop_name(uint32_t reason)
{
	(void)reason;
	return "";
}

const char *pvm_cause_name(uint32_t cause)
{
	(void)cause;
	return "";
}

const char *pvm_shutdown_name(uint32_t reason)
{
	(void)reason;
	return "";
}

/* ---- the test ---- */

static void names_are_learned_and_forgotten(void **state)
{
	static char text[4096];
	FILE *f = tmpfile();
	int saved;

	(void)state;
	assert_non_null(f);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fileno(f), STDOUT_FILENO);
	assert_int_equal(verb_events.fn(0, NULL), EXIT_OK);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_non_null(strstr(text, "destroyed  guest-1\n"));
	assert_null(strstr(text, "guest-2"));
	assert_non_null(strstr(text, "created    guest-3\n"));
	assert_non_null(strstr(text, "started    guest-3\n"));
	assert_non_null(strstr(text, "destroyed  guest-3\n"));
	assert_null(strstr(text, "guest-4"));
	assert_non_null(strstr(text, "created    guest-5\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_learned_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
