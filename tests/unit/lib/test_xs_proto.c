// SPDX-License-Identifier: LGPL-2.1-or-later
/* xenstore protocol: each request type, malformed requests, order of replies and events. */
#include "test.h"
#include "xs_proto.h"

#include <sys/types.h>
#include <xen/io/xs_wire.h>

static struct pvm_xs *xs;
static struct pvm_xs_conn *host, *guest;
static struct pvm_xs_buf out;
static uint8_t payload[PVM_XS_PAYLOAD_BYTES + 1];
static struct pvm_xs_msg reply;
static const char *body;

static void on_event(void *arg, const char *path, const char *token)
{
	char text[512];
	size_t n = strlen(path) + 1, m = strlen(token) + 1;

	memcpy(text, path, n);
	memcpy(text + n, token, m);
	assert_int_equal(pvm_xs_wire_put(&out, XS_WATCH_EVENT, 0, 0, text, n + m), 0);
}

static void no_event(void *arg, const char *path, const char *token)
{
}

static int setup(void **state)
{
	const struct pvm_xs_perm owned = { 1, 0 };

	if (pvm_xs_create(&xs) || pvm_xs_conn_open(xs, 0, no_event, NULL, &host) ||
	    pvm_xs_conn_open(xs, 1, on_event, NULL, &guest))
		return -1;
	return pvm_xs_mkdir(host, 0, "/local/domain/1") ||
	       pvm_xs_set_perms(host, 0, "/local/domain/1", &owned, 1);
}

static int teardown(void **state)
{
	pvm_xs_buf_fini(&out);
	pvm_xs_conn_close(guest);
	pvm_xs_conn_close(host);
	pvm_xs_destroy(xs);
	return 0;
}

/* Take the next message out of `out` into reply and body. */
static bool next(void)
{
	if (!out.used)
		return false;
	pvm_xs_wire_decode(out.data + out.head, &reply);
	memcpy(payload, out.data + out.head + PVM_XS_HEADER_BYTES, reply.len);
	payload[reply.len] = 0;
	body = (const char *)payload;
	pvm_xs_buf_drop(&out, PVM_XS_HEADER_BYTES + reply.len);
	return true;
}

static void ask(uint32_t type, uint32_t tx, const char *bytes, size_t len)
{
	struct pvm_xs_msg m = { .type = type, .req_id = 0x1234, .tx_id = tx, .len = (uint32_t)len };
	/* exactly as long as it is, so that ASAN sees a read beyond */
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	assert_int_equal(pvm_xs_handle(guest, &m, copy, &out), 0);
	free(copy);
	/* events the request causes for watches set earlier may come first */
	do {
		assert_true(next());
	} while (reply.type == XS_WATCH_EVENT && !reply.req_id);
	assert_int_equal(reply.req_id, 0x1234);
	assert_int_equal(reply.tx_id, tx);
}

#define ASK(type, tx, lit)	ask(type, tx, lit, sizeof(lit) - 1)

static void expect_error(const char *name)
{
	assert_int_equal(reply.type, XS_ERROR);
	assert_string_equal(body, name);
	assert_int_equal(reply.len, strlen(name) + 1);
}

static void expect_ok(uint32_t type)
{
	assert_int_equal(reply.type, type);
	assert_int_equal(reply.len, 3);
	assert_string_equal(body, "OK");
}

static void write_read_list_remove(void **state)
{
	ASK(XS_WRITE, 0, "a/b\0value");
	expect_ok(XS_WRITE);
	ASK(XS_READ, 0, "a/b\0");
	assert_int_equal(reply.type, XS_READ);
	assert_int_equal(reply.len, 5);
	assert_memory_equal(body, "value", 5);
	ASK(XS_WRITE, 0, "a/b\0");		/* an empty value */
	ASK(XS_READ, 0, "a/b\0");
	assert_int_equal(reply.len, 0);
	ASK(XS_MKDIR, 0, "a/c\0");
	expect_ok(XS_MKDIR);
	ASK(XS_DIRECTORY, 0, "a\0");
	assert_int_equal(reply.len, 4);
	assert_memory_equal(body, "b\0c\0", 4);
	ASK(XS_DIRECTORY, 0, "a/c\0");
	assert_int_equal(reply.len, 0);
	ASK(XS_RM, 0, "a\0");
	expect_ok(XS_RM);
	ASK(XS_READ, 0, "a/b\0");
	expect_error("ENOENT");
	ASK(XS_DIRECTORY, 0, "a\0");
	expect_error("ENOENT");
	ASK(XS_WRITE, 0, "/not-mine\0x");
	expect_error("EACCES");
}

static void permissions(void **state)
{
	ASK(XS_WRITE, 0, "a\0x");
	ASK(XS_GET_PERMS, 0, "a\0");
	assert_int_equal(reply.len, 3);
	assert_string_equal(body, "n1");
	ASK(XS_SET_PERMS, 0, "a\0r1\0b7\0");
	expect_ok(XS_SET_PERMS);
	ASK(XS_GET_PERMS, 0, "a\0");
	assert_int_equal(reply.len, 6);
	assert_memory_equal(body, "r1\0b7\0", 6);
	ASK(XS_SET_PERMS, 0, "a\0q1\0");
	expect_error("EINVAL");
	ASK(XS_SET_PERMS, 0, "a\0r1");
	expect_error("EINVAL");
	ASK(XS_SET_PERMS, 0, "a\0");
	expect_error("EINVAL");
	ASK(XS_SET_PERMS, 0, "a\0r1\0r1\0r1\0r1\0r1\0r1\0r1\0r1\0r1\0");
	expect_error("EINVAL");
	ASK(XS_GET_PERMS, 0, "zz\0");
	expect_error("ENOENT");
}

static void watch_reply_precedes_its_first_event(void **state)
{
	ASK(XS_WATCH, 0, "device\0tok\0");
	expect_ok(XS_WATCH);
	assert_true(next());
	assert_int_equal(reply.type, XS_WATCH_EVENT);
	assert_int_equal(reply.req_id, 0);
	assert_int_equal(reply.tx_id, 0);
	assert_int_equal(reply.len, 11);
	assert_memory_equal(body, "device\0tok\0", 11);
	assert_false(next());
	ASK(XS_WATCH, 0, "device\0tok\0");
	expect_error("EEXIST");
	assert_false(next());
	pvm_xs_write(host, 0, "/local/domain/1/device/vbd", "", 0);
	assert_true(next());
	assert_memory_equal(body, "device/vbd\0tok\0", 15);
	ASK(XS_UNWATCH, 0, "device\0tok\0");
	expect_ok(XS_UNWATCH);
	ASK(XS_UNWATCH, 0, "device\0tok\0");
	expect_error("ENOENT");
	ASK(XS_WATCH, 0, "a\0t\0");
	next();
	ASK(XS_RESET_WATCHES, 0, "\0");
	expect_ok(XS_RESET_WATCHES);
	pvm_xs_write(host, 0, "/local/domain/1/a", "", 0);
	assert_false(next());
}

static void transactions(void **state)
{
	char id[16];
	uint32_t tx;

	ASK(XS_TRANSACTION_START, 0, "\0");
	assert_int_equal(reply.type, XS_TRANSACTION_START);
	assert_int_equal(reply.len, strlen(body) + 1);
	snprintf(id, sizeof(id), "%s", body);
	assert_true(pvm_xs_wire_number(id, &tx));
	ASK(XS_WRITE, tx, "a\0x");
	expect_ok(XS_WRITE);
	ASK(XS_READ, 0, "a\0");
	expect_error("ENOENT");
	ASK(XS_TRANSACTION_START, tx, "\0");
	expect_error("EBUSY");
	ASK(XS_TRANSACTION_END, tx, "X\0");
	expect_error("EINVAL");
	ASK(XS_TRANSACTION_END, tx, "T\0");
	expect_ok(XS_TRANSACTION_END);
	ASK(XS_READ, 0, "a\0");
	assert_memory_equal(body, "x", 1);
	ASK(XS_TRANSACTION_END, tx, "F\0");
	expect_error("ENOENT");
	ASK(XS_TRANSACTION_START, 0, "");
	assert_int_equal(reply.type, XS_TRANSACTION_START);
	assert_true(pvm_xs_wire_number(body, &tx));
	ASK(XS_READ, tx, "a\0");
	pvm_xs_write(host, 0, "/local/domain/1/a", "y", 1);
	ASK(XS_TRANSACTION_END, tx, "T\0");
	expect_error("EAGAIN");
	for (unsigned int i = 0; i < PVM_XS_QUOTA_TXNS; i++)
		ASK(XS_TRANSACTION_START, 0, "\0");
	ASK(XS_TRANSACTION_START, 0, "\0");
	expect_error("ENOSPC");
}

static void domains(void **state)
{
	ASK(XS_GET_DOMAIN_PATH, 0, "7\0");
	assert_string_equal(body, "/local/domain/7");
	assert_int_equal(reply.len, 16);
	ASK(XS_GET_DOMAIN_PATH, 0, "x\0");
	expect_error("EINVAL");
	ASK(XS_IS_DOMAIN_INTRODUCED, 0, "1\0");
	assert_string_equal(body, "T");
	ASK(XS_IS_DOMAIN_INTRODUCED, 0, "0\0");
	assert_string_equal(body, "T");
	ASK(XS_IS_DOMAIN_INTRODUCED, 0, "2\0");
	assert_string_equal(body, "F");
	ASK(XS_IS_DOMAIN_INTRODUCED, 0, "\0");
	expect_error("EINVAL");
}

static void what_a_guest_has_no_business_with(void **state)
{
	static const uint32_t types[] = {
		XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_RESUME, XS_SET_TARGET, XS_DIRECTORY_PART,
		XS_WATCH_EVENT, XS_ERROR, XS_TYPE_COUNT, 20, XS_INVALID, 0xffffffff,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ASK(types[i], 0, "x\0");
		expect_error("ENOSYS");
	}
}

static void malformed_requests_are_errors(void **state)
{
	for (uint32_t type = 1; type < XS_TYPE_COUNT; type++) {
		if (type == XS_TRANSACTION_START || type == XS_RESET_WATCHES)
			continue;
		ASK(type, 0, "");
		assert_int_equal(reply.type, XS_ERROR);
		ASK(type, 0, "unterminated");
		assert_int_equal(reply.type, XS_ERROR);
		ASK(type, 0, "bad path \0bad\0");
		assert_int_equal(reply.type, XS_ERROR);
		ASK(type, 99, "a\0b\0");
		while (next())
			;
	}
	ASK(XS_READ, 0, "a\0trailing");
	expect_error("EINVAL");
	ASK(XS_WATCH, 0, "a\0");
	expect_error("EINVAL");
	ASK(XS_READ, 99, "a\0");
	expect_error("ENOENT");
}

static void a_directory_too_long_for_a_message(void **state)
{
	char path[64];

	for (int i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/d/a-long-name-%04d", i);
		pvm_xs_write(host, 0, path, "", 0);
	}
	ASK(XS_DIRECTORY, 0, "d\0");
	expect_error("E2BIG");
}

static void a_longest_value_travels(void **state)
{
	static char buf[2 + PVM_XS_VALUE_BYTES + 1] = "a";

	ask(XS_WRITE, 0, buf, 2 + PVM_XS_VALUE_BYTES);
	expect_ok(XS_WRITE);
	ASK(XS_READ, 0, "a\0");
	assert_int_equal(reply.len, PVM_XS_VALUE_BYTES);
	ask(XS_WRITE, 0, buf, sizeof(buf));
	expect_error("EINVAL");
}

static void no_memory_for_a_reply(void **state)
{
	struct pvm_xs_msg m = { .type = XS_READ, .len = 2 };

	pvm_xs_buf_fini(&out);
	fail_alloc(1);
	assert_int_equal(pvm_xs_handle(guest, &m, (const uint8_t *)"a", &out), -ENOMEM);
	assert_true(alloc_failed());
}

static void random_requests_never_hurt(void **state)
{
	static const char words[][12] = {
		"a", "a/b", "/", "//", "device", "T", "F", "1", "r1", "n0", "", "/local/", "@x", "tok",
	};
	char buf[128];

	srand(4);
	for (int i = 0; i < 60000; i++) {
		size_t len = 0;

		for (int w = rand() % 4; w; w--) {
			const char *s = words[rand() % 14];

			memcpy(buf + len, s, strlen(s) + 1);
			len += strlen(s) + 1;
		}
		if (len && rand() % 8 == 0)
			len--;
		if (len && rand() % 8 == 0)
			buf[rand() % (int)len] = (char)rand();
		ask((uint32_t)rand() % 24, (uint32_t)rand() % 4 ? 0 : (uint32_t)rand() % 30, buf, len);
		while (next())
			;
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(write_read_list_remove),
		T(permissions),
		T(watch_reply_precedes_its_first_event),
		T(transactions),
		T(domains),
		T(what_a_guest_has_no_business_with),
		T(malformed_requests_are_errors),
		T(a_directory_too_long_for_a_message),
		T(a_longest_value_travels),
		T(no_memory_for_a_reply),
		T(random_requests_never_hurt),
	};

	return cmocka_run_group_tests_name("xs_proto", tests, NULL, NULL);
}
