// SPDX-License-Identifier: GPL-2.0-only
/* The emulated UART: Linux' probe must see a 16550A, the rings must survive hostile indices. */
#include "test.h"

#include "part/uart.h"

static struct pvm_part_console *con;
static struct pvm_uart u;

static int setup(void **state)
{
	(void)state;
	con = calloc(1, sizeof(*con));
	pvm_uart_reset(&u, con);
	return con ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(con);
	return 0;
}

static u8 in(u32 reg)
{
	return pvm_uart_in(&u, con, reg);
}

static void out(u32 reg, u8 value)
{
	pvm_uart_out(&u, con, reg, value);
}

static void user_writes(const char *s)
{
	for (; *s; s++)
		con->in[con->in_head++ % PVM_PART_IN_BYTES] = *s;
}

/* The questions of the kernel's 8250 autoconfig, in its order. */
static void linux_sees_a_16550a(void **state)
{
	u8 was, mcr;

	(void)state;
	was = in(1);
	out(1, 0);
	assert_int_equal(in(1) & 0x0f, 0);
	out(1, 0x0f);
	assert_int_equal(in(1) & 0x0f, 0x0f);
	out(1, was);
	mcr = in(4);
	out(4, 0x1a);
	assert_int_equal(in(6) & 0xf0, 0x90);
	out(4, mcr);
	out(3, 0xbf);
	out(2, 0);
	out(3, 0);
	out(2, 1);
	assert_int_equal(in(2) >> 6, 3);
	/* an EFR (16C650), with DLAB alone and behind 0xbf */
	out(3, 0x80);
	assert_int_not_equal(in(2), 0);
	out(3, 0xbf);
	assert_int_not_equal(in(2), 0);
	/* National's EXCR1 in bank 2 follows the loop bit */
	out(3, 0);
	mcr = in(4);
	out(3, 0xe0);
	if (!((in(2) ^ mcr) & 0x10)) {
		u8 other;

		out(3, 0);
		out(4, mcr ^ 0x10);
		out(3, 0xe0);
		other = in(2);
		out(3, 0);
		out(4, mcr);
		assert_false((other ^ mcr) & 0x10);
	}
	/* a 16750's 64-byte FIFO, with and without DLAB */
	out(3, 0);
	out(2, 0x21);
	assert_int_equal(in(2) & 0x20, 0);
	out(3, 0x80);
	out(2, 0x21);
	assert_int_equal(in(2) & 0x20, 0);
	out(3, 0);
	out(2, 1);
	/* XScale's UUE */
	out(1, 0x40);
	assert_int_equal(in(1) & 0x40, 0);
	/* scratch, divisor */
	out(7, 0xa5);
	assert_int_equal(in(7), 0xa5);
	out(3, 0x83);
	out(0, 0x0c);
	out(1, 0x01);
	assert_int_equal(in(0), 0x0c);
	assert_int_equal(in(1), 0x01);
	out(3, 0x03);
	assert_int_equal(in(3), 0x03);
	assert_int_equal(con->out_head, 0);		/* the probe printed nothing */
}

/* Else the driver thinks the transmitter interrupt is broken and works around it. */
static void enabling_thri_tells_of_an_empty_transmitter(void **state)
{
	(void)state;
	out(1, 2);
	assert_int_equal(in(5) & 0x60, 0x60);
	assert_int_equal(in(2), 0x02);
	assert_int_equal(in(2), 0x01);			/* told once */
	out(1, 2);					/* not enabled anew */
	assert_int_equal(in(2), 0x01);
	out(0, 'x');
	assert_int_equal(in(2), 0x02);
	out(1, 0);
	out(0, 'y');
	assert_int_equal(in(2), 0x01);			/* not asked for */
}

static void received_bytes(void **state)
{
	(void)state;
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(0), 0);
	user_writes("ab");
	assert_int_equal(in(2), 0x01);			/* RDI is off */
	out(1, 3);
	assert_int_equal(in(2), 0x04);			/* before the transmitter */
	assert_int_equal(in(5), 0x61);
	assert_int_equal(in(0), 'a');
	assert_int_equal(con->in_tail, 1);
	assert_int_equal(in(0), 'b');
	assert_int_equal(con->in_tail, 2);
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(2), 0x02);
}

static void transmitter_overwrites_the_oldest(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 3 * PVM_PART_OUT_BYTES + 5; i++) {
		assert_int_equal(in(5), 0x60);
		out(0, i);
	}
	assert_int_equal(con->out_head, i);
	assert_int_equal(con->out_tail, 0);
	for (i -= PVM_PART_OUT_BYTES; i < con->out_head; i++)
		assert_int_equal(con->out[i % PVM_PART_OUT_BYTES], i & 0xff);
}

static void free_running_counters_wrap(void **state)
{
	u32 i;

	(void)state;
	con->out_head = con->in_head = con->in_tail = 0xfffffffe;
	pvm_uart_reset(&u, con);
	for (i = 0; i < 4; i++)
		out(0, 'a' + i);
	assert_int_equal(con->out_head, 2);
	assert_int_equal(con->out[PVM_PART_OUT_BYTES - 1], 'b');
	assert_int_equal(con->out[1], 'd');
	user_writes("wrap");
	for (i = 0; i < 4; i++)
		assert_int_equal(in(0), "wrap"[i]);
	assert_int_equal(in(5), 0x60);
}

static void hostile_heads(void **state)
{
	u32 i;

	(void)state;
	/* a full ring is legal, one byte more is nonsense and drops everything */
	con->in_head = PVM_PART_IN_BYTES;
	assert_int_equal(in(5), 0x61);
	con->in_head = PVM_PART_IN_BYTES + 1;
	assert_int_equal(in(5), 0x60);
	assert_int_equal(con->in_tail, PVM_PART_IN_BYTES + 1);
	user_writes("z");
	assert_int_equal(in(0), 'z');
	for (i = 0; i < 100000; i++) {			/* ASAN watches */
		con->in_head = rnd();
		con->in_tail = rnd();
		con->out_head = rnd();
		con->out_tail = rnd();
		in(rnd_below(8));
		out(rnd_below(8), rnd());
	}
	out(3, 0);
	out(4, 0);
	i = u.out_head;
	con->out_head = 0x12345678;			/* our own counter counts */
	out(0, '!');
	assert_int_equal(con->out_head, i + 1);
	assert_int_equal(con->out[i % PVM_PART_OUT_BYTES], '!');
}

static void loopback(void **state)
{
	(void)state;
	user_writes("q");
	out(4, 0x1f);
	assert_int_equal(in(6), 0xf0);
	out(4, 0x11);
	assert_int_equal(in(6), 0x20);
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(0), 0);
	out(0, 'L');
	assert_int_equal(in(5), 0x61);
	assert_int_equal(in(0), 'L');
	assert_int_equal(in(5), 0x60);
	assert_int_equal(con->out_head, 0);
	out(4, 0x0b);
	assert_int_equal(in(6), 0xb0);
	assert_int_equal(in(0), 'q');
}

static void read_only_registers(void **state)
{
	(void)state;
	out(5, 0xff);
	out(6, 0xff);
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(6), 0xb0);
	out(4, 0xff);
	assert_int_equal(in(4), 0x1f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(linux_sees_a_16550a, setup, teardown),
		cmocka_unit_test_setup_teardown(enabling_thri_tells_of_an_empty_transmitter, setup, teardown),
		cmocka_unit_test_setup_teardown(received_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(transmitter_overwrites_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(free_running_counters_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_heads, setup, teardown),
		cmocka_unit_test_setup_teardown(loopback, setup, teardown),
		cmocka_unit_test_setup_teardown(read_only_registers, setup, teardown),
	};

	return cmocka_run_group_tests_name("part/uart", tests, NULL, NULL);
}
