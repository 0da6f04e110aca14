// SPDX-License-Identifier: LGPL-2.1-or-later
/* Byte rings: copies across the wrap, hostile indices, the FIFO against a naive twin. */
#include "test.h"
#include "ring.h"

static void copies_wrap_around(void **state)
{
	uint8_t ring[16], in[16], out[16];

	for (uint32_t start = 0; start < 64; start++) {
		for (uint32_t n = 0; n <= 16; n++) {
			memset(ring, 0xee, sizeof(ring));
			for (uint32_t i = 0; i < n; i++)
				in[i] = (uint8_t)(start * 7 + i);
			pvm_ring_copy_in(ring, 16, start, in, n);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(ring[(start + i) % 16], in[i]);
			for (uint32_t i = n; i < 16; i++)
				assert_int_equal(ring[(start + i) % 16], 0xee);
			pvm_ring_copy_out(out, ring, 16, start, n);
			assert_memory_equal(out, in, n);
		}
	}
}

static void indices_wrap_at_32_bits(void **state)
{
	assert_int_equal(pvm_ring_used(0xfffffff0u, 0x10u), 0x20);
	assert_int_equal(pvm_ring_room(0xfffffff0u, 0x10u, 1024), 1024 - 0x20);
	assert_true(pvm_ring_is_sane(0xfffffff0u, 0x10u, 1024));
}

static void indices_that_make_no_sense_are_seen(void **state)
{
	assert_true(pvm_ring_is_sane(5, 5, 1024));
	assert_true(pvm_ring_is_sane(0, 1024, 1024));
	assert_false(pvm_ring_is_sane(0, 1025, 1024));
	assert_false(pvm_ring_is_sane(1, 0, 1024));		/* consumer ahead of producer */
	assert_false(pvm_ring_is_sane(0, 0x80000000u, 1024));
}

static void fifo_keeps_order_and_never_overflows(void **state)
{
	uint8_t data[64], next_in = 0, next_out = 0;
	struct pvm_fifo f = { .data = data, .size = 64, .cons = 0xfffffff0u, .prod = 0xfffffff0u };
	unsigned int used = 0;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint8_t buf[80];
		uint32_t want = (uint32_t)rand() % 80, n;

		if (rand() & 1) {
			for (uint32_t i = 0; i < want; i++)
				buf[i] = (uint8_t)(next_in + i);
			n = pvm_fifo_put(&f, buf, want);
			assert_int_equal(n, want < 64 - used ? want : 64 - used);
			next_in = (uint8_t)(next_in + n);
			used += n;
		} else {
			n = pvm_fifo_peek(&f, buf, want);
			assert_int_equal(n, want < used ? want : used);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(buf[i], (uint8_t)(next_out + i));
			pvm_fifo_drop(&f, n);
			next_out = (uint8_t)(next_out + n);
			used -= n;
		}
		assert_int_equal(pvm_fifo_used(&f), used);
		assert_int_equal(pvm_fifo_room(&f), 64 - used);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_wrap_around),
		cmocka_unit_test(indices_wrap_at_32_bits),
		cmocka_unit_test(indices_that_make_no_sense_are_seen),
		cmocka_unit_test(fifo_keeps_order_and_never_overflows),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
