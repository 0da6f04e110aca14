// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is seen of a partition's kernel from outside, on a fake driver: that it is up, its log, its
 * ticks, its console.
 */
#include "test.h"
#include "partition.h"

/* ---- up, log, heartbeat ------------------------------------------------------------------ */

static void waiting_ends_when_the_kernel_is_up(void **state)
{
	assert_int_equal(create(), 0);
	fpart.on_start = kernel_is_up;
	assert_int_equal(start(), 0);
	assert_int_equal(pvm_part_wait_up(part, 0), 0);
	assert_int_equal(pvm_part_wait_up(part, -1), 0);
}

static void an_earlier_kernel_is_not_taken_for_the_new_one(void **state)
{
	assert_int_equal(create(), 0);
	fpart.on_start = kernel_is_up;
	assert_int_equal(start(), 0);
	assert_int_equal(pvm_part_wait_up(part, 0), 0);
	assert_int_equal(pvm_part_stop(part, 0, NULL), 0);
	fpart.on_start = NULL;
	assert_int_equal(start(), 0);
	assert_int_equal(pvm_part_wait_up(part, 150), -ETIMEDOUT);
	says("was not up after 150 ms");
}

static void waiting_ends_when_the_partition_stops(void **state)
{
	assert_int_equal(create(), 0);
	assert_int_equal(start(), 0);
	fake_part_state(PVM_PART_STOPPED, PVM_PSTOP_TRIPLE);
	assert_int_equal(pvm_part_wait_up(part, 20000), -ESHUTDOWN);
	says("stopped before its kernel was up");
}

static void a_kernel_without_symbols_has_neither_log_nor_heartbeat(void **state)
{
	size_t bytes = 77;
	char *text;

	assert_int_equal(create(), 0);
	assert_int_equal(pvm_part_dmesg(part, &text, &bytes), -ENODATA);
	assert_int_equal(pvm_part_heartbeat(part, 1000), -ENODATA);
	fpart.on_start = kernel_is_up;
	assert_int_equal(start(), 0);
	assert_int_equal(pvm_part_dmesg(part, &text, &bytes), -ENODATA);
	says("nothing in its memory looks like a Linux kernel");
	assert_int_equal(bytes, 77);
	assert_int_equal(pvm_part_heartbeat(part, 1000), -ENODATA);
	assert_int_equal(fpart.beat_ms, 0);
	assert_int_equal(pvm_part_heartbeat(part, 0), 0);
}

static void log_and_ticks_are_found(void **state)
{
	size_t bytes;
	char *text;

	assert_int_equal(create(), 0);
	fpart.on_start = kernel_with_symbols;
	assert_int_equal(start(), 0);
	assert_int_equal(pvm_part_dmesg(part, &text, &bytes), 0);
	assert_string_equal(text, "[    0.005000] hello\n");
	assert_int_equal(bytes, strlen(text));
	pvm_free(text);
	assert_int_equal(pvm_part_heartbeat(part, 2500), 0);
	assert_int_equal(fpart.beat_addr, FAKE_PART_ADDR + (40 << 20) + 0x1800);
	assert_int_equal(fpart.beat_ms, 2500);
	assert_int_equal(pvm_part_heartbeat(part, 0), 0);
	assert_int_equal(fpart.beat_addr, 0);
	/* A counter that is not where the driver may look. */
	((uint32_t *)(fpart.mem + (40 << 20) + 0xb000))[1] = 0x1801;
	assert_int_equal(pvm_part_heartbeat(part, 2500), -ENODATA);
	((uint32_t *)(fpart.mem + (40 << 20) + 0xb000))[1] = 0x3fffffff;
	assert_int_equal(pvm_part_heartbeat(part, 2500), -ENODATA);
	assert_int_equal(fpart.beat_addr, 0);
}

/* ---- console ----------------------------------------------------------------------------- */

/* As the driver does. */
static void uart_prints(const char *text, size_t n)
{
	for (; n--; text++)
		fpart.con->out[fpart.con->out_head++ % PVM_PART_OUT_BYTES] = (uint8_t)*text;
}

static size_t take(char *buf, size_t bytes, uint64_t *lost)
{
	size_t n = 0;

	assert_int_equal(pvm_part_console_read(part, buf, bytes, &n, lost), 0);
	return n;
}

static void output_is_read_once_and_lost_bytes_are_counted(void **state)
{
	static char big[PVM_PART_OUT_BYTES + 100], buf[2 * PVM_PART_OUT_BYTES];
	uint64_t lost = 0;

	assert_int_equal(create(), 0);
	assert_int_equal(take(buf, sizeof(buf), NULL), 0);
	uart_prints("hello", 5);
	assert_int_equal(take(buf, 3, &lost), 3);
	assert_int_equal(take(buf + 3, sizeof(buf), &lost), 2);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(lost, 0);
	assert_int_equal(fpart.con->out_tail, 5);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31);
	uart_prints(big, sizeof(big));
	assert_int_equal(take(buf, sizeof(buf), &lost), PVM_PART_OUT_BYTES);
	assert_int_equal(lost, 100);
	assert_memory_equal(buf, big + 100, PVM_PART_OUT_BYTES);
}

static void a_new_handle_sees_what_is_left(void **state)
{
	struct pvm_part *other;
	char buf[64];
	size_t n;

	assert_int_equal(create(), 0);
	take(buf, 1, NULL);
	uart_prints("earlier", 7);
	assert_int_equal(take(buf, sizeof(buf), NULL), 7);
	assert_int_equal(pvm_part_open(ctx, "web", &other), 0);
	assert_int_equal(pvm_part_console_read(other, buf, sizeof(buf), &n, NULL), 0);
	assert_int_equal(n, 7);
	pvm_part_close(other);
	fpart.con->out_head = 0xfffffffe;			/* indices wrap */
	assert_int_equal(pvm_part_open(ctx, "web", &other), 0);
	assert_int_equal(pvm_part_console_read(other, buf, 0, &n, NULL), 0);
	uart_prints("xyz", 3);
	pvm_part_close(other);
	fpart.con->out_head = 0;				/* a new ring */
	uart_prints("new", 3);
	assert_int_equal(take(buf, sizeof(buf), NULL), 3);
	assert_memory_equal(buf, "new", 3);
}

static void hostile_indices_do_no_harm(void **state)
{
	static char buf[2 * PVM_PART_OUT_BYTES];
	size_t n;

	assert_int_equal(create(), 0);
	take(buf, 1, NULL);
	srand(4);
	for (int i = 0; i < 20000; i++) {
		fpart.con->out_head = (uint32_t)rand() << (rand() % 4);
		fpart.con->out_tail = (uint32_t)rand();
		fpart.con->in_head = (uint32_t)rand() >> (rand() % 24);
		fpart.con->in_tail = (uint32_t)rand() >> (rand() % 24);
		assert_true(take(buf, sizeof(buf), NULL) <= PVM_PART_OUT_BYTES);
		assert_int_equal(pvm_part_console_write(part, buf, sizeof(buf), &n), 0);
		assert_true(n <= PVM_PART_IN_BYTES);
	}
}

static void input_waits_for_room(void **state)
{
	static char text[PVM_PART_IN_BYTES + 10];
	size_t n;

	memset(text, 'k', sizeof(text));
	assert_int_equal(create(), 0);
	assert_int_equal(pvm_part_console_write(part, "a", 1, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(fpart.con->in[0], 'a');
	assert_int_equal(pvm_part_console_write(part, text, sizeof(text), &n), 0);
	assert_int_equal(n, PVM_PART_IN_BYTES - 1);
	assert_int_equal(pvm_part_console_write(part, text, 1, &n), 0);
	assert_int_equal(n, 0);
	fpart.con->in_tail = 5;
	assert_int_equal(pvm_part_console_write(part, text, 9, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(fpart.con->in_head, PVM_PART_IN_BYTES + 5);
}

static void a_real_uart_is_not_read_here(void **state)
{
	char buf[8];
	size_t n;

	assert_int_equal(create(), 0);
	fpart.real_uart = true;
	assert_int_equal(pvm_part_console_read(part, buf, 8, &n, NULL), -EOPNOTSUPP);
	says("it is a real UART");
	assert_int_equal(pvm_part_console_write(part, buf, 8, &n), -EOPNOTSUPP);
	fpart.op_err = -ENOMEM;
	assert_int_equal(pvm_part_console_read(part, buf, 8, &n, NULL), -ENOMEM);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(waiting_ends_when_the_kernel_is_up),
		T(an_earlier_kernel_is_not_taken_for_the_new_one),
		T(waiting_ends_when_the_partition_stops),
		T(a_kernel_without_symbols_has_neither_log_nor_heartbeat),
		T(log_and_ticks_are_found),
		T(output_is_read_once_and_lost_bytes_are_counted),
		T(a_new_handle_sees_what_is_left),
		T(hostile_indices_do_no_harm),
		T(input_waits_for_room),
		T(a_real_uart_is_not_read_here),
	};

	return cmocka_run_group_tests_name("part_inside", tests, NULL, NULL);
}
