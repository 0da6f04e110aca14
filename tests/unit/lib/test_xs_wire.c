// SPDX-License-Identifier: LGPL-2.1-or-later
/* xenstore wire format: malformed bytes, paths, numbers, the send buffer. */
#include "test.h"
#include "xs_wire.h"

static void header_is_four_words(void **state)
{
	const uint8_t b[16] = { 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 1, 0, 0 };
	struct pvm_xs_msg m;

	pvm_xs_wire_decode(b, &m);
	assert_int_equal(m.type, 1);
	assert_int_equal(m.req_id, 2);
	assert_int_equal(m.tx_id, 3);
	assert_int_equal(m.len, 0x104);
}

static void strings_end_within_the_payload(void **state)
{
	const uint8_t p[] = { 'a', 0, 0, 'b', 'c', 0, 'd' };
	size_t at = 0;

	assert_string_equal(pvm_xs_wire_string(p, sizeof(p), &at), "a");
	assert_string_equal(pvm_xs_wire_string(p, sizeof(p), &at), "");
	assert_string_equal(pvm_xs_wire_string(p, sizeof(p), &at), "bc");
	assert_null(pvm_xs_wire_string(p, sizeof(p), &at));	/* "d" is not terminated */
	assert_int_equal(at, 6);
	at = 0;
	assert_null(pvm_xs_wire_string(p, 0, &at));
}

static void errors_have_their_protocol_names(void **state)
{
	assert_string_equal(pvm_xs_wire_error(-ENOENT), "ENOENT");
	assert_string_equal(pvm_xs_wire_error(EAGAIN), "EAGAIN");
	assert_string_equal(pvm_xs_wire_error(-ENOSPC), "ENOSPC");
	assert_string_equal(pvm_xs_wire_error(-EXFULL), "EIO");
}

static void numbers(void **state)
{
	uint32_t v = 77;

	assert_true(pvm_xs_wire_number("0", &v));
	assert_int_equal(v, 0);
	assert_true(pvm_xs_wire_number("4294967295", &v));
	assert_int_equal(v, 0xffffffffu);
	v = 77;
	assert_false(pvm_xs_wire_number("4294967296", &v));
	assert_false(pvm_xs_wire_number("42949672950", &v));
	assert_false(pvm_xs_wire_number("", &v));
	assert_false(pvm_xs_wire_number("-1", &v));
	assert_false(pvm_xs_wire_number("1x", &v));
	assert_false(pvm_xs_wire_number(" 1", &v));
	assert_int_equal(v, 77);
}

static void paths_become_absolute(void **state)
{
	char abs[PVM_XS_PATH_BYTES], longest[PVM_XS_PATH_BYTES + 1];

	assert_int_equal(pvm_xs_path_abs("device/vbd", 5, abs), 0);
	assert_string_equal(abs, "/local/domain/5/device/vbd");
	assert_int_equal(pvm_xs_path_abs("/", 5, abs), 0);
	assert_string_equal(abs, "/");
	assert_int_equal(pvm_xs_path_abs("/a-b_c@d:e+f.g", 5, abs), 0);
	assert_int_equal(pvm_xs_path_abs("@releaseDomain", 5, abs), 0);
	assert_string_equal(abs, "@releaseDomain");
	assert_int_equal(pvm_xs_path_abs("", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("//", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("/a//b", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("/a/", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("a/", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("/a b", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("/a\n", 5, abs), -EINVAL);
	assert_int_equal(pvm_xs_path_abs("/\xff", 5, abs), -EINVAL);
	for (const char *p = "/!/[/`/{/~/;/,/*/&"; *p; p += 2) {
		const char bad[] = { '/', p[1], 0 };

		assert_int_equal(pvm_xs_path_abs(bad, 5, abs), -EINVAL);
	}
	assert_int_equal(pvm_xs_path_abs("/azAZ09", 5, abs), 0);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[PVM_XS_PATH_BYTES - 1] = '\0';
	assert_int_equal(pvm_xs_path_abs(longest, 5, abs), 0);
	longest[PVM_XS_PATH_BYTES - 1] = 'x';
	longest[PVM_XS_PATH_BYTES] = '\0';
	assert_int_equal(pvm_xs_path_abs(longest, 5, abs), -EINVAL);
	longest[0] = 'x';
	longest[PVM_XS_PATH_BYTES - 10] = '\0';		/* fits only without the prefix */
	assert_int_equal(pvm_xs_path_abs(longest, 5, abs), -EINVAL);
}

static void path_relations(void **state)
{
	assert_true(pvm_xs_path_is_within("/a/b", "/a"));
	assert_true(pvm_xs_path_is_within("/a", "/a"));
	assert_true(pvm_xs_path_is_within("/a", "/"));
	assert_true(pvm_xs_path_is_within("/", "/"));
	assert_false(pvm_xs_path_is_within("/ab", "/a"));
	assert_false(pvm_xs_path_is_within("/a", "/a/b"));
	assert_false(pvm_xs_path_is_within("@x", "/"));
	assert_false(pvm_xs_path_is_within("/a", "@x"));
	assert_int_equal(pvm_xs_path_parent("/a"), 1);
	assert_int_equal(pvm_xs_path_parent("/a/b"), 2);
	assert_int_equal(pvm_xs_path_parent("/abc/d/ef"), 6);
}

static void buffer_sends_what_was_put(void **state)
{
	struct pvm_xs_buf b = { 0 };
	uint8_t payload[PVM_XS_PAYLOAD_BYTES + 1] = { 0 };
	uint32_t next_put = 0, next_get = 0;

	srand(2);
	assert_int_equal(pvm_xs_wire_put(&b, 2, 0, 0, payload, sizeof(payload)), -E2BIG);
	assert_int_equal(b.used, 0);
	for (int i = 0; i < 20000; i++) {
		if (rand() % 2 && b.used < 30000) {
			size_t len = (size_t)rand() % 300;

			memset(payload, (int)(next_put & 0xff), len);
			assert_int_equal(pvm_xs_wire_put(&b, 2, next_put++, 9, payload, len), 0);
		} else if (b.used) {
			struct pvm_xs_msg m;

			pvm_xs_wire_decode(b.data + b.head, &m);
			assert_int_equal(m.req_id, next_get);
			for (uint32_t k = 0; k < m.len; k++)
				assert_int_equal(b.data[b.head + 16 + k], next_get & 0xff);
			next_get++;
			pvm_xs_buf_drop(&b, 16 + m.len);
		}
	}
	pvm_xs_buf_fini(&b);
	assert_null(b.data);
}

static void no_memory_leaves_the_buffer_as_it_was(void **state)
{
	struct pvm_xs_buf b = { 0 };

	fail_alloc(1);
	assert_int_equal(pvm_xs_wire_put(&b, 2, 1, 1, "x", 1), -ENOMEM);
	assert_true(alloc_failed());
	assert_int_equal(b.used, 0);
	assert_int_equal(pvm_xs_wire_put(&b, 2, 1, 1, NULL, 0), 0);
	assert_int_equal(b.used, 16);
	pvm_xs_buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_four_words),
		cmocka_unit_test(strings_end_within_the_payload),
		cmocka_unit_test(errors_have_their_protocol_names),
		cmocka_unit_test(numbers),
		cmocka_unit_test(paths_become_absolute),
		cmocka_unit_test(path_relations),
		cmocka_unit_test(buffer_sends_what_was_put),
		cmocka_unit_test(no_memory_leaves_the_buffer_as_it_was),
	};

	return cmocka_run_group_tests_name("xs_wire", tests, NULL, NULL);
}
