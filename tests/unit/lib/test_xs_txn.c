// SPDX-License-Identifier: LGPL-2.1-or-later
/* xenstore transactions and watches (xs_txn.c, xs_watch.c). */
#include "test.h"
#include "xs_store.h"

static void transactions_are_invisible_until_commit(void **state)
{
	uint32_t tx;

	write_str(guest, 0, "a", "old");
	pvm_xs_watch(host, "/local", "w");
	assert_int_equal(pvm_xs_txn_start(guest, &tx), 0);
	assert_int_equal(write_str(guest, tx, "a", "new"), 0);
	assert_int_equal(write_str(guest, tx, "b/c", "1"), 0);
	assert_string_equal(read_str(guest, tx, "a"), "new");
	assert_string_equal(list(guest, tx, "/local/domain/1"), "a b");
	assert_string_equal(read_str(guest, 0, "a"), "old");
	assert_string_equal(list(guest, 0, "/local/domain/1"), "a");
	assert_int_equal(nr_events, 0);
	assert_int_equal(pvm_xs_txn_end(guest, tx, true), 0);
	assert_string_equal(read_str(guest, 0, "a"), "new");
	assert_string_equal(read_str(guest, 0, "b/c"), "1");
	assert_int_equal(nr_events, 2);
	assert_string_equal(events[0], "/local/domain/1/a w");
	assert_string_equal(events[1], "/local/domain/1/b/c w");
}

static void aborted_transactions_leave_nothing(void **state)
{
	uint32_t tx;

	write_str(guest, 0, "a", "old");
	assert_int_equal(pvm_xs_txn_start(guest, &tx), 0);
	write_str(guest, tx, "a", "new");
	pvm_xs_rm(guest, tx, "a");
	assert_string_equal(read_str(guest, tx, "a"), "ENOENT");
	assert_int_equal(pvm_xs_txn_end(guest, tx, false), 0);
	assert_string_equal(read_str(guest, 0, "a"), "old");
	assert_int_equal(pvm_xs_txn_end(guest, tx, false), -ENOENT);
	assert_int_equal(write_str(guest, tx, "a", "x"), -ENOENT);
	assert_string_equal(read_str(guest, tx, "a"), "ENOENT");
	assert_int_equal(pvm_xs_mkdir(guest, tx, "q"), -ENOENT);
	assert_int_equal(pvm_xs_rm(guest, tx, "q"), -ENOENT);
}

static void conflicts_are_detected(void **state)
{
	static const struct {
		const char *in_tx;	/* r(ead) w(rite) l(ist) d(elete) and a path */
		const char *outside;
		int err;
	} t[] = {
		{ "ra", "wa", -EAGAIN },	/* read, then changed */
		{ "wa", "wa", -EAGAIN },
		{ "ra", "ra", 0 },
		{ "ra", "wb", 0 },		/* different nodes */
		{ "rx", "wx", -EAGAIN },	/* seen missing, then made */
		{ "ra", "da", -EAGAIN },
		{ "da", "wa", -EAGAIN },
		{ "wy", "wa", 0 },		/* new node beside a changed one */
		{ "wy", "wz", -EAGAIN },	/* both change the list of children */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t tx;

		setup(NULL);
		write_str(guest, 0, "a", "1");
		write_str(guest, 0, "b", "2");
		pvm_xs_txn_start(guest, &tx);
		for (int outside = 0; outside < 2; outside++) {
			const char *s = outside ? t[i].outside : t[i].in_tx;
			uint32_t id = outside ? 0 : tx;

			if (s[0] == 'r')
				read_str(guest, id, s + 1);
			else if (s[0] == 'w')
				assert_int_equal(write_str(guest, id, s + 1, "n"), 0);
			else
				assert_int_equal(pvm_xs_rm(guest, id, s + 1), 0);
		}
		assert_int_equal(pvm_xs_txn_end(guest, tx, true), t[i].err);
		if (i + 1 < sizeof(t) / sizeof(t[0]))
			teardown(NULL);
	}
}

static void a_node_gone_and_back_is_a_conflict(void **state)
{
	uint32_t tx;

	write_str(guest, 0, "a", "1");
	pvm_xs_txn_start(guest, &tx);
	read_str(guest, tx, "a");
	pvm_xs_rm(guest, 0, "a");
	assert_string_equal(read_str(guest, tx, "a"), "ENOENT");
	write_str(guest, 0, "a", "1");
	assert_int_equal(pvm_xs_txn_end(guest, tx, true), -EAGAIN);
}

static void watches_fire_for_the_subtree(void **state)
{
	assert_int_equal(pvm_xs_watch(guest, "dev", "tok"), 0);
	assert_int_equal(pvm_xs_watch(guest, "/local/domain/1/dev", "abs"), 0);
	assert_int_equal(pvm_xs_watch(guest, "dev", "tok"), -EEXIST);
	write_str(host, 0, "/local/domain/1/dev/0/state", "1");
	assert_int_equal(nr_events, 2);
	assert_string_equal(events[0], "dev/0/state tok");
	assert_string_equal(events[1], "/local/domain/1/dev/0/state abs");
	write_str(host, 0, "/local/domain/1/device", "1");	/* a sibling by prefix */
	assert_int_equal(nr_events, 2);
	pvm_xs_watch_fire_first(guest, "dev", "tok");
	assert_string_equal(events[2], "dev tok");
	assert_int_equal(pvm_xs_unwatch(guest, "dev", "tok"), 0);
	assert_int_equal(pvm_xs_unwatch(guest, "dev", "tok"), -ENOENT);
	write_str(host, 0, "/local/domain/1/dev", "1");
	assert_int_equal(nr_events, 4);
	pvm_xs_reset_watches(guest);
	write_str(host, 0, "/local/domain/1/dev", "2");
	assert_int_equal(nr_events, 4);
}

static void removal_fires_above_and_below(void **state)
{
	write_str(host, 0, "/local/domain/1/dev/0/state", "1");
	pvm_xs_watch(guest, "dev/0/state", "below");
	pvm_xs_watch(guest, "dev", "above");
	pvm_xs_watch(guest, "other", "none");
	pvm_xs_rm(host, 0, "/local/domain/1/dev/0");
	assert_int_equal(nr_events, 2);
	assert_string_equal(events[0], "dev/0/state below");
	assert_string_equal(events[1], "dev/0 above");
}

static void special_watches_are_accepted_and_quiet(void **state)
{
	assert_int_equal(pvm_xs_watch(guest, "@releaseDomain", "t"), 0);
	write_str(host, 0, "/x", "1");
	assert_int_equal(nr_events, 0);
	assert_int_equal(pvm_xs_unwatch(guest, "@releaseDomain", "t"), 0);
}

static void the_root_can_be_watched(void **state)
{
	assert_int_equal(pvm_xs_watch(host, "/", "t"), 0);
	write_str(host, 0, "/x", "1");
	assert_string_equal(events[0], "/x t");
}

static void a_transaction_full_in_the_middle_of_an_operation(void **state)
{
	char path[40];
	uint32_t tx;

	/* Leave room for k more records: each operation stops at another of its steps. */
	for (unsigned int k = 0; k < 8; k++) {
		write_str(guest, 0, "d/e/f", "x");
		assert_int_equal(pvm_xs_txn_start(guest, &tx), 0);
		for (unsigned int i = 0; i < PVM_XS_QUOTA_TXN_NODES - k; i++) {
			snprintf(path, sizeof(path), "none%u", i);
			read_str(guest, tx, path);
		}
		if (k & 1 ? write_str(guest, tx, "p/q/r/s", "x") : pvm_xs_rm(guest, tx, "d"))
			assert_int_equal(pvm_xs_txn_end(guest, tx, true), -ENOSPC);
		else
			assert_int_equal(pvm_xs_txn_end(guest, tx, true), 0);
		/* whole: everything or nothing */
		assert_string_equal(read_str(guest, 0, "d/e/f"),
				    strcmp(list(guest, 0, "d"), "e") ? "ENOENT" : "x");
	}
}

static void rewriting_in_a_transaction_costs_nothing_more(void **state)
{
	uint32_t tx;

	pvm_xs_watch(host, "/local", "w");
	pvm_xs_txn_start(guest, &tx);
	for (int i = 0; i < 1000; i++) {
		write_str(guest, tx, "a", "1");
		pvm_xs_rm(guest, tx, "a");
		write_str(guest, tx, "b", "1");
	}
	assert_int_equal(pvm_xs_txn_end(guest, tx, true), 0);
	assert_int_equal(nr_events, 3);		/* a made, a removed, b made */
	assert_string_equal(list(guest, 0, "/local/domain/1"), "b");
}

static void transaction_ids_are_not_reused_while_open(void **state)
{
	uint32_t tx[3];

	for (int i = 0; i < 3; i++)
		pvm_xs_txn_start(guest, &tx[i]);
	assert_true(tx[0] && tx[0] != tx[1] && tx[1] != tx[2]);
	assert_int_equal(pvm_xs_txn_end(guest, tx[1], true), 0);
	assert_int_equal(pvm_xs_txn_end(host, tx[0], true), -ENOENT);	/* not the host's */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(transactions_are_invisible_until_commit),
		T(aborted_transactions_leave_nothing),
		cmocka_unit_test_teardown(conflicts_are_detected, teardown),
		T(a_node_gone_and_back_is_a_conflict),
		T(watches_fire_for_the_subtree),
		T(removal_fires_above_and_below),
		T(special_watches_are_accepted_and_quiet),
		T(the_root_can_be_watched),
		T(a_transaction_full_in_the_middle_of_an_operation),
		T(rewriting_in_a_transaction_costs_nothing_more),
		T(transaction_ids_are_not_reused_while_open),
	};

	return cmocka_run_group_tests_name("xs_txn", tests, NULL, NULL);
}
