// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore tree: nodes, permissions, quotas, connections, failing allocations. Transactions and watches
 * are in test_xs_txn.c.
 */
#include "test.h"
#include "xs_store.h"

static void writes_make_parents(void **state)
{
	assert_int_equal(write_str(host, 0, "/a/b/c", "v"), 0);
	assert_string_equal(read_str(host, 0, "/a/b/c"), "v");
	assert_string_equal(read_str(host, 0, "/a/b"), "");
	assert_string_equal(list(host, 0, "/a"), "b");
	assert_string_equal(list(host, 0, "/"), "local a");
	assert_int_equal(write_str(host, 0, "/a/b/d", "w"), 0);
	assert_string_equal(list(host, 0, "/a/b"), "c d");
	assert_string_equal(read_str(host, 0, "/a/x"), "ENOENT");
	assert_int_equal(write_str(host, 0, "/a/b/c", ""), 0);
	assert_string_equal(read_str(host, 0, "/a/b/c"), "");
}

static void values_are_bytes(void **state)
{
	static const uint8_t bytes[] = { 0, 1, 0xff, 0 };
	static uint8_t big[PVM_XS_VALUE_BYTES + 1];
	const struct pvm_xs_node *n;

	assert_int_equal(pvm_xs_write(host, 0, "/v", bytes, 4), 0);
	assert_int_equal(pvm_xs_get(host, 0, "/v", &n), 0);
	assert_int_equal(n->value_bytes, 4);
	assert_memory_equal(n->value, bytes, 4);
	assert_int_equal(pvm_xs_write(host, 0, "/v", big, PVM_XS_VALUE_BYTES), 0);
	assert_int_equal(pvm_xs_write(host, 0, "/v", big, PVM_XS_VALUE_BYTES + 1), -EINVAL);
}

static void malformed_paths_are_refused(void **state)
{
	const struct pvm_xs_node *n;

	assert_int_equal(write_str(host, 0, "/a//b", "x"), -EINVAL);
	assert_int_equal(pvm_xs_mkdir(host, 0, "/a/"), -EINVAL);
	assert_int_equal(pvm_xs_rm(host, 0, ""), -EINVAL);
	assert_int_equal(pvm_xs_get(host, 0, "/ ", &n), -EINVAL);
	assert_int_equal(pvm_xs_watch(host, "/ ", "t"), -EINVAL);
	assert_int_equal(pvm_xs_unwatch(host, "/ ", "t"), -EINVAL);
	assert_int_equal(write_str(host, 0, "@releaseDomain", "x"), -EINVAL);
	assert_int_equal(pvm_xs_set_perms(host, 0, "/ ", (struct pvm_xs_perm[]){ { 0, 0 } }, 1),
			 -EINVAL);
}

static void rm_takes_the_subtree(void **state)
{
	write_str(host, 0, "/a/b/c/d", "1");
	write_str(host, 0, "/a/b/e", "2");
	write_str(host, 0, "/a/f", "3");
	assert_int_equal(pvm_xs_rm(host, 0, "/a/b"), 0);
	assert_string_equal(read_str(host, 0, "/a/b/c/d"), "ENOENT");
	assert_string_equal(read_str(host, 0, "/a/b/e"), "ENOENT");
	assert_string_equal(list(host, 0, "/a"), "f");
	assert_int_equal(pvm_xs_rm(host, 0, "/a/b"), 0);	/* parent exists: fine */
	assert_int_equal(pvm_xs_rm(host, 0, "/x/y"), -ENOENT);
	assert_int_equal(pvm_xs_rm(host, 0, "/"), -EINVAL);
	assert_int_equal(pvm_xs_rm(host, 0, "/a"), 0);
	assert_string_equal(list(host, 0, "/"), "local");
	/* made again, it is empty */
	assert_int_equal(pvm_xs_mkdir(host, 0, "/a/b"), 0);
	assert_string_equal(list(host, 0, "/a/b"), "");
}

static void mkdir_of_something_there_changes_nothing(void **state)
{
	write_str(host, 0, "/a", "v");
	pvm_xs_watch(host, "/a", "t");
	assert_int_equal(pvm_xs_mkdir(host, 0, "/a"), 0);
	assert_string_equal(read_str(host, 0, "/a"), "v");
	assert_int_equal(nr_events, 0);
}

static void guests_write_only_what_is_theirs(void **state)
{
	const struct pvm_xs_perm readable[] = { { 0, 0 }, { GUEST, PVM_XS_PERM_READ } };
	const struct pvm_xs_perm writable[] = { { 0, 0 }, { GUEST, 3 } };
	const struct pvm_xs_perm anybody[] = { { 0, PVM_XS_PERM_READ } };
	const struct pvm_xs_perm other[] = { { 0, 3 }, { 2, PVM_XS_PERM_READ } };

	assert_int_equal(write_str(guest, 0, "mine/deep", "x"), 0);
	assert_string_equal(read_str(host, 0, "/local/domain/1/mine/deep"), "x");
	write_str(host, 0, "/secret/x", "s");
	assert_string_equal(read_str(guest, 0, "/secret/x"), "EACCES");
	assert_int_equal(write_str(guest, 0, "/secret/x", "y"), -EACCES);
	assert_int_equal(write_str(guest, 0, "/secret/new", "y"), -EACCES);
	assert_int_equal(write_str(guest, 0, "/new", "y"), -EACCES);
	assert_int_equal(pvm_xs_mkdir(guest, 0, "/new"), -EACCES);
	assert_int_equal(pvm_xs_rm(guest, 0, "/secret/x"), -EACCES);

	pvm_xs_set_perms(host, 0, "/secret/x", readable, 2);
	assert_string_equal(read_str(guest, 0, "/secret/x"), "s");
	assert_int_equal(write_str(guest, 0, "/secret/x", "y"), -EACCES);
	pvm_xs_set_perms(host, 0, "/secret/x", writable, 2);
	assert_int_equal(write_str(guest, 0, "/secret/x", "y"), 0);
	pvm_xs_set_perms(host, 0, "/secret/x", anybody, 1);
	assert_string_equal(read_str(guest, 0, "/secret/x"), "y");
	pvm_xs_set_perms(host, 0, "/secret/x", other, 2);
	assert_int_equal(write_str(guest, 0, "/secret/x", "z"), 0);

	/* permissions: owners only, and no giving away */
	assert_int_equal(pvm_xs_set_perms(guest, 0, "/secret/x", readable, 2), -EACCES);
	assert_int_equal(pvm_xs_set_perms(guest, 0, "mine", readable, 2), -EACCES);
	assert_int_equal(pvm_xs_set_perms(guest, 0, "none", readable, 2), -ENOENT);
	assert_int_equal(pvm_xs_set_perms(guest, 0, "mine",
					  (struct pvm_xs_perm[]){ { GUEST, 1 } }, 1), 0);
	assert_int_equal(pvm_xs_set_perms(host, 0, "/a", readable, 0), -EINVAL);
	assert_int_equal(pvm_xs_set_perms(host, 0, "/a", readable, PVM_XS_MAX_PERMS + 1), -EINVAL);
}

static void permission_letters(void **state)
{
	struct pvm_xs_perm p;
	char text[16];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%c12", "nrwb"[i]);
		assert_true(pvm_xs_perm_parse(text, &p));
		assert_int_equal(p.bits, i);
		assert_int_equal(p.domid, 12);
		pvm_xs_perm_format(&p, text);
		assert_int_equal(text[0], "nrwb"[i]);
	}
	assert_false(pvm_xs_perm_parse("x1", &p));
	assert_false(pvm_xs_perm_parse("", &p));
	assert_false(pvm_xs_perm_parse("r", &p));
	assert_false(pvm_xs_perm_parse("r-1", &p));
}

static void guests_have_quotas(void **state)
{
	char path[32], token[PVM_XS_TOKEN_BYTES + 1];
	uint32_t tx, first;
	unsigned int i;

	/* /local/domain/1 itself is the guest's, so one less */
	for (i = 1; i < PVM_XS_QUOTA_NODES; i++) {
		snprintf(path, sizeof(path), "n/%u", i);
		if (write_str(guest, 0, path, "x"))
			break;
	}
	assert_int_equal(i, PVM_XS_QUOTA_NODES - 1);	/* "n" counts as well */
	assert_int_equal(pvm_xs_mkdir(guest, 0, "more"), -ENOSPC);
	assert_int_equal(write_str(guest, 0, "n/1", "changing is fine"), 0);
	assert_int_equal(write_str(host, 0, "/local/domain/1/h", "host is free"), 0);
	assert_int_equal(pvm_xs_rm(guest, 0, "n/1"), 0);
	assert_int_equal(pvm_xs_rm(guest, 0, "n/2"), 0);
	assert_int_equal(pvm_xs_mkdir(guest, 0, "more"), 0);

	/* the same inside a transaction, and racing ones do not add up */
	assert_int_equal(pvm_xs_txn_start(guest, &tx), 0);
	assert_int_equal(pvm_xs_mkdir(guest, tx, "more2"), -ENOSPC);
	assert_int_equal(pvm_xs_txn_end(guest, tx, true), -ENOSPC);
	assert_int_equal(pvm_xs_rm(guest, 0, "n/3"), 0);
	assert_int_equal(pvm_xs_txn_start(guest, &tx), 0);
	assert_int_equal(pvm_xs_mkdir(guest, tx, "more/x"), 0);
	assert_int_equal(pvm_xs_mkdir(guest, 0, "n/y"), 0);
	assert_int_equal(pvm_xs_txn_end(guest, tx, true), -ENOSPC);
	/* all of it removable in one go */
	assert_int_equal(pvm_xs_rm(guest, 0, "n"), 0);

	for (i = 0; i < PVM_XS_QUOTA_WATCHES; i++) {
		snprintf(token, sizeof(token), "%u", i);
		assert_int_equal(pvm_xs_watch(guest, "w", token), 0);
	}
	assert_int_equal(pvm_xs_watch(guest, "w", "more"), -ENOSPC);
	memset(token, 't', sizeof(token));
	token[PVM_XS_TOKEN_BYTES] = '\0';
	assert_int_equal(pvm_xs_watch(host, "w", token), -EINVAL);
	token[PVM_XS_TOKEN_BYTES - 1] = '\0';
	assert_int_equal(pvm_xs_watch(host, "w", token), 0);

	for (i = 0; i < PVM_XS_QUOTA_TXNS; i++)
		assert_int_equal(pvm_xs_txn_start(guest, i ? &tx : &first), 0);
	assert_int_equal(pvm_xs_txn_start(guest, &tx), -ENOSPC);
	/* reading is bounded too */
	for (i = 0; i < PVM_XS_QUOTA_TXN_NODES + 10; i++) {
		snprintf(path, sizeof(path), "r/%u", i);
		read_str(guest, first, path);
	}
	assert_string_equal(read_str(guest, first, "one-more"), "ENOSPC");
	assert_int_equal(write_str(guest, first, "one-more", "x"), -ENOSPC);
	assert_int_equal(pvm_xs_rm(guest, first, "one-more"), -ENOSPC);
	assert_int_equal(pvm_xs_mkdir(guest, first, "one-more"), -ENOSPC);
	assert_int_equal(pvm_xs_set_perms(guest, first, "one-more",
					  (struct pvm_xs_perm[]){ { GUEST, 0 } }, 1), -ENOSPC);
}

static void the_host_is_above_the_quota(void **state)
{
	char path[40];
	uint32_t tx;

	for (unsigned int i = 0; i < PVM_XS_QUOTA_NODES + 10; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/h/%u", i);
		assert_int_equal(write_str(host, 0, path, "x"), 0);
	}
	/* The guest may change and remove what is there, but not add. */
	assert_int_equal(write_str(guest, 0, "h/1", "y"), 0);
	assert_int_equal(pvm_xs_rm(guest, 0, "h/2"), 0);
	assert_int_equal(pvm_xs_mkdir(guest, 0, "h/2"), -ENOSPC);
	for (unsigned int i = 0; i < PVM_XS_QUOTA_TXNS + 5; i++)
		assert_int_equal(pvm_xs_txn_start(host, &tx), 0);
	/* and has no bound on what a transaction touches */
	for (unsigned int i = 0; i < PVM_XS_QUOTA_TXN_NODES + 5; i++) {
		snprintf(path, sizeof(path), "/none/%u", i);
		read_str(host, tx, path);
	}
	assert_int_equal(write_str(host, tx, "/one/more", "x"), 0);
	assert_int_equal(pvm_xs_txn_end(host, tx, true), 0);
}

static void connections_close_in_any_order(void **state)
{
	struct pvm_xs_conn *c[3];

	for (int i = 0; i < 3; i++)
		assert_int_equal(pvm_xs_conn_open(xs, 2, on_event, NULL, &c[i]), 0);
	pvm_xs_conn_close(c[1]);
	pvm_xs_conn_close(c[0]);
	pvm_xs_conn_close(c[2]);
}

/* A whole scenario, with the N-th allocation failing, for N = 1, 2, ... until nothing fails. */
static void every_failing_allocation_is_survived(void **state)
{
	unsigned int n = 0;
	bool failed;

	do {
		const struct pvm_xs_perm perm = { GUEST, 1 };
		uint32_t tx = 0;
		bool done;

		if (n)
			setup(NULL);
		write_str(host, 0, "/p/q", "before");
		fail_alloc(++n);
		done = !pvm_xs_watch(guest, "dev", "t");
		done &= !write_str(host, 0, "/p/q", "after");
		done &= !write_str(guest, 0, "dev/x/y", "1");
		done &= !pvm_xs_set_perms(guest, 0, "dev/x", &perm, 1);
		done &= !pvm_xs_txn_start(guest, &tx);
		if (tx) {
			done &= !write_str(guest, tx, "dev/z/y", "1");
			done &= !pvm_xs_mkdir(guest, tx, "dev/z/k");
			read_str(guest, tx, "dev/z/none");
			done &= !pvm_xs_rm(guest, tx, "dev/x");
			done &= !pvm_xs_txn_end(guest, tx, true);
		}
		failed = alloc_failed();
		if (!failed) {
			assert_true(done);
			assert_string_equal(list(guest, 0, "dev"), "z");
		}
		/* The tree is whole: every listed child exists, no value is half-written. */
		assert_true(!strcmp(read_str(host, 0, "/p/q"), "before") ||
			    !strcmp(read_str(host, 0, "/p/q"), "after"));
		if (!strcmp(list(guest, 0, "/local/domain/1"), "dev")) {
			char children[256], *c, *save;

			snprintf(children, sizeof(children), "%s", list(guest, 0, "dev"));
			for (c = strtok_r(children, " ", &save); c; c = strtok_r(NULL, " ", &save)) {
				char path[300];

				snprintf(path, sizeof(path), "dev/%s", c);
				assert_string_not_equal(read_str(guest, 0, path), "ENOENT");
			}
		}
		if (failed)
			teardown(NULL);
	} while (failed);
	assert_true(n > 30);
}

static void creation_survives_failing_allocations(void **state)
{
	struct pvm_xs *x;
	struct pvm_xs_conn *c;

	for (unsigned int n = 1; n <= 2; n++) {
		fail_alloc(n);
		assert_int_equal(pvm_xs_create(&x), -ENOMEM);
		alloc_failed();
	}
	fail_alloc(1);
	assert_int_equal(pvm_xs_conn_open(xs, 3, on_event, NULL, &c), -ENOMEM);
	alloc_failed();
	pvm_xs_destroy(NULL);
	pvm_xs_conn_close(NULL);
	pvm_xs_node_destroy(NULL);
}

/* Random operations against a flat twin: a list of paths and values. */
static void random_operations_match_a_naive_twin(void **state)
{
	static char twin[64][16];
	static bool there[64];
	char path[32];

	memset(there, 0, sizeof(there));
	srand(3);
	for (int i = 0; i < 20000; i++) {
		int k = rand() % 64, top = k / 8;

		snprintf(path, sizeof(path), "t%d/k%d", top, k % 8);
		switch (rand() % 4) {
		case 0:
			snprintf(twin[k], sizeof(twin[k]), "%d", i);
			assert_int_equal(write_str(guest, 0, path, twin[k]), 0);
			there[k] = true;
			break;
		case 1:
			pvm_xs_rm(guest, 0, path);
			there[k] = false;
			break;
		case 2:
			if (rand() % 20)
				break;
			snprintf(path, sizeof(path), "t%d", top);
			pvm_xs_rm(guest, 0, path);
			for (int j = 0; j < 8; j++)
				there[top * 8 + j] = false;
			break;
		default:
			assert_string_equal(read_str(guest, 0, path), there[k] ? twin[k] : "ENOENT");
		}
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(writes_make_parents),
		T(values_are_bytes),
		T(malformed_paths_are_refused),
		T(rm_takes_the_subtree),
		T(mkdir_of_something_there_changes_nothing),
		T(guests_write_only_what_is_theirs),
		T(permission_letters),
		T(guests_have_quotas),
		T(the_host_is_above_the_quota),
		T(connections_close_in_any_order),
		T(every_failing_allocation_is_survived),
		T(creation_survives_failing_allocations),
		T(random_operations_match_a_naive_twin),
	};

	return cmocka_run_group_tests_name("xs_tree", tests, NULL, NULL);
}
