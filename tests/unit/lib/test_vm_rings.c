// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Console and xenstore as a guest sees them through its rings: nothing is lost, however slow either
 * side is, and rings that lie are no longer served.
 */
#include "test.h"
#include "fake_guest.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

/* ---- guests ------------------------------------------------------------------------------ */

static bool con_read(char *buf, size_t want)
{
	struct xencons_interface *r = con_ring();

	while (want) {
		uint32_t cons = r->in_cons, used = pvm_ring_load(&r->in_prod) - cons;

		for (uint32_t i = 0; i < used && want; i++, want--)
			*buf++ = r->in[cons++ & 1023];
		pvm_ring_store(&r->in_cons, cons);
		fake_send(si()->console.domU.evtchn);
		if (want && !fake_wait(si()->console.domU.evtchn, 5000))
			return false;
	}
	return true;
}

static struct xenstore_domain_interface *xs_ring(void)
{
	return fake_gfn(si()->store_mfn);
}

static bool xs_bytes(void *buf, size_t n, bool send)
{
	struct xenstore_domain_interface *r = xs_ring();
	uint8_t *p = buf;

	while (n) {
		if (send) {
			uint32_t prod = r->req_prod;

			while (n && prod - pvm_ring_load(&r->req_cons) < 1024) {
				r->req[prod++ & 1023] = (char)*p++;
				n--;
			}
			pvm_ring_store(&r->req_prod, prod);
		} else {
			uint32_t cons = r->rsp_cons;

			while (n && cons != pvm_ring_load(&r->rsp_prod)) {
				*p++ = (uint8_t)r->rsp[cons++ & 1023];
				n--;
			}
			pvm_ring_store(&r->rsp_cons, cons);
		}
		fake_send(si()->store_evtchn);
		if (n && !fake_wait(si()->store_evtchn, 5000))
			return false;
	}
	return true;
}

static char xs_body[5000];
static struct xsd_sockmsg xs_head;

static bool xs_receive(void)
{
	if (!xs_bytes(&xs_head, sizeof(xs_head), false) ||
	    !xs_bytes(xs_body, xs_head.len, false))
		return false;
	xs_body[xs_head.len] = '\0';
	return true;
}

static bool xs_ask(uint32_t type, const char *bytes, size_t n)
{
	struct xsd_sockmsg h = { .type = type, .req_id = 5, .len = (uint32_t)n };

	return xs_bytes(&h, sizeof(h), true) && xs_bytes((void *)bytes, n, true) && xs_receive();
}

static int guest_chatty(struct pvm_run *run, void *arg)
{
	static char line[100000];

	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = (char)('a' + i % 26);
	if (!con_write(line, sizeof(line)))
		return -EINTR;
	return shut_down(run, 1);
}

/* So that a pty has room for less than a whole write at some time, not for all or nothing. */
static int guest_uneven(struct pvm_run *run, void *arg)
{
	static char line[2000];

	memset(line, 'u', sizeof(line));
	for (int i = 0; i < 300; i++) {
		if (!con_write(line, (size_t)(i * 37 % 1900 + 1)))
			return -EINTR;
		usleep(100);
	}
	return shut_down(run, 1);
}

static int guest_echo(struct pvm_run *run, void *arg)
{
	static char buf[9000];

	if (!con_read(buf, sizeof(buf)) || !con_write(buf, sizeof(buf)))
		return -EINTR;
	return shut_down(run, 0);
}

static int guest_xenbus(struct pvm_run *run, void *arg)
{
	static char value[2 + 2048] = "a";

	CHECK(xs_ask(XS_READ, "domid", 6) && !strcmp(xs_body, "1"));
	CHECK(xs_ask(XS_READ, "name", 5) && !strcmp(xs_body, "test"));
	CHECK(xs_ask(XS_READ, "memory/target", 14) && !strcmp(xs_body, "16384"));
	CHECK(xs_ask(XS_READ, "memory/static-max", 18) && !strcmp(xs_body, "16384"));
	CHECK(xs_ask(XS_READ, "cpu/0/availability", 19) && !strcmp(xs_body, "online"));
	CHECK(xs_ask(XS_READ, "control/shutdown", 17) && xs_head.len == 0);
	CHECK(xs_ask(XS_DIRECTORY, "device", 7) && xs_head.type == XS_DIRECTORY && !xs_head.len);
	CHECK(xs_ask(XS_READ, "vm", 3) && !strncmp(xs_body, "/vm/", 4));
	strcat(xs_body, "/uuid");
	CHECK(xs_ask(XS_READ, strdupa(xs_body), strlen(xs_body) + 1) && xs_head.len == 36);
	CHECK(xs_ask(XS_WRITE, "name\0x", 6) && !strcmp(xs_body, "EACCES"));
	CHECK(xs_ask(XS_WRITE, "memory/target\0001", 15) && !strcmp(xs_body, "EACCES"));
	CHECK(xs_ask(XS_WRITE, "control/feature-poweroff\0001", 26) && !strcmp(xs_body, "OK"));
	CHECK(xs_ask(XS_WRITE, "error/device\0x", 14) && !strcmp(xs_body, "OK"));
	/* longer than the ring, both ways */
	memcpy(value, "data/x", 7);
	CHECK(xs_ask(XS_WRITE, value, 2000) && !strcmp(xs_body, "OK"));
	CHECK(xs_ask(XS_READ, "data/x", 7) && xs_head.len == 2000 - 7);
	CHECK(xs_ask(XS_WATCH, "control/shutdown\0tok", 21) && !strcmp(xs_body, "OK"));
	CHECK(xs_receive() && xs_head.type == XS_WATCH_EVENT);
	con_write("waiting\n", 8);
	/* the host asks us to go */
	CHECK(xs_receive() && !memcmp(xs_body, "control/shutdown\0tok", 21));
	CHECK(xs_ask(XS_READ, "control/shutdown", 17) && !strcmp(xs_body, "poweroff"));
	CHECK(xs_ask(XS_WRITE, "control/shutdown\0", 17) && xs_head.type != XS_ERROR);
	return shut_down(run, 0);
}

static int guest_bad_rings(struct pvm_run *run, void *arg)
{
	con_ring()->out_prod = 0x80000000u;
	xs_ring()->req_prod = 5000;
	fake_send(si()->console.domU.evtchn);
	fake_send(si()->store_evtchn);
	run->exit_reason = PVM_RUN_CONSOLE;
	run->console_len = 0xffffffff;
	return __atomic_load_n(&fake.stopped, __ATOMIC_ACQUIRE) ? -EIO :
	       __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) ? shut_down(run, 0) : 0;
}

/* ---- tests ------------------------------------------------------------------------------- */

static size_t slow_sink(void *arg, const void *buf, size_t bytes)
{
	size_t n = bytes < 777 ? bytes : 777;

	take_output(NULL, buf, n);
	if (n < bytes)
		pvm_console_resume(arg);	/* at once: also from the callback */
	return n;
}

static void output_larger_than_every_buffer_is_whole(void **state)
{
	start(guest_chatty, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
	assert_int_equal(output_bytes, 100000);
	for (size_t i = 0; i < output_bytes; i++)
		if (output[i] != (char)('a' + i % 26))
			fail_msg("byte %zu", i);
}

static void slow_sinks_slow_the_guest_and_lose_nothing(void **state)
{
	fake.guest = guest_chatty;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), slow_sink, pvm_vm_console(vm));
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
	for (size_t i = 0; i < output_bytes; i++)
		if (output[i] != (char)('a' + i % 26))
			fail_msg("byte %zu", i);
	assert_int_equal(output_bytes, 100000);
}

static unsigned int space_calls;

static void on_space(void *arg)
{
	space_calls++;
}

static void input_larger_than_every_buffer_arrives(void **state)
{
	static char typed[9000];
	size_t done = 0, n;

	for (size_t i = 0; i < sizeof(typed); i++)
		typed[i] = (char)('0' + i % 10);
	space_calls = 0;
	start(guest_echo, 0);
	pvm_console_on_space(pvm_vm_console(vm), on_space, NULL);
	while (done < sizeof(typed)) {
		int err = pvm_console_write(pvm_vm_console(vm), typed + done,
					    sizeof(typed) - done, &n);

		if (!err)
			done += n;
		else
			assert_int_equal(err, -EAGAIN);
		pvm_loop_dispatch(pvm_ctx_loop(ctx), 20);
	}
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_int_equal(output_bytes, sizeof(typed));
	assert_memory_equal(output, typed, sizeof(typed));
	assert_true(space_calls > 0);
}

static void descriptors_serve_as_console(void **state)
{
	static char typed[9000], got[9100];
	int in[2], out[2];
	size_t n = 0;
	ssize_t r;

	assert_int_equal(pipe2(in, O_CLOEXEC) + pipe2(out, O_CLOEXEC), 0);
	memset(typed, 'k', sizeof(typed));
	assert_int_equal(write(in[1], typed, sizeof(typed)), sizeof(typed));
	close(in[1]);
	fake.guest = guest_echo;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), in[0], out[1]), 0);
	close(in[0]);
	close(out[1]);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	pvm_console_detach(pvm_vm_console(vm));
	while ((r = read(out[0], got + n, sizeof(got) - n)) > 0)
		n += (size_t)r;
	close(out[0]);
	assert_int_equal(n, sizeof(typed));
	assert_memory_equal(got, typed, sizeof(typed));
}

static void files_serve_as_console(void **state)
{
	char in_path[] = "/tmp/pvm-test-XXXXXX", out_path[] = "/tmp/pvm-test-XXXXXX";
	int in = mkostemp(in_path, O_CLOEXEC), out = mkostemp(out_path, O_CLOEXEC);
	static char typed[9000];

	memset(typed, 'f', sizeof(typed));
	assert_int_equal(write(in, typed, sizeof(typed)), sizeof(typed));
	lseek(in, 0, SEEK_SET);
	fake.guest = guest_echo;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), in, out), 0);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_int_equal(lseek(out, 0, SEEK_END), sizeof(typed));
	close(in);
	close(out);
	unlink(in_path);
	unlink(out_path);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), 9999, -1), -EBADF);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), -1, 9999), -EBADF);
}

static void a_broken_pipe_stops_neither_guest_nor_process(void **state)
{
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	close(out[0]);
	fake.guest = guest_chatty;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), -1, out[1]), 0);
	close(out[1]);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
}

/* The guest's output fills a pty that nobody reads; @end: 0 = its master, 1 = its slave. */
static void destroy_with_output_stuck_in_a_pty(int end)
{
	struct pollfd p = { .events = POLLOUT };
	struct termios t;
	int pty[2];

	assert_int_equal(openpty(&pty[0], &pty[1], NULL, NULL, NULL), 0);
	tcgetattr(pty[1], &t);
	t.c_lflag &= ~(unsigned int)(ICANON | ECHO);	/* or a line without end is thrown away */
	tcsetattr(pty[1], TCSANOW, &t);
	fake.guest = guest_uneven;
	assert_int_equal(create(16 << 20, PVM_VM_OWN_THREAD), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), -1, pty[end]), 0);
	assert_int_equal(pvm_vm_start(vm), 0);
	p.fd = pty[end];
	for (int i = 0; i < 500 && poll(&p, 1, 0); i++)
		usleep(10000);
	usleep(100000);
	alarm(30);
	pvm_vm_destroy(vm);
	alarm(0);
	vm = NULL;
	close(pty[0]);
	close(pty[1]);
}

static void a_terminal_nobody_reads_does_not_hold_the_guest(void **state)
{
	destroy_with_output_stuck_in_a_pty(1);
}

static void a_pty_master_nobody_reads_does_not_hold_the_guest(void **state)
{
	destroy_with_output_stuck_in_a_pty(0);
}

static void a_pty_master_serves_as_console(void **state)
{
	static char typed[9000], got[9000];
	struct termios t;
	size_t n = 0;
	int pty[2];

	assert_int_equal(openpty(&pty[0], &pty[1], NULL, NULL, NULL), 0);
	tcgetattr(pty[1], &t);
	cfmakeraw(&t);
	tcsetattr(pty[1], TCSANOW, &t);
	memset(typed, 'm', sizeof(typed));
	fake.guest = guest_echo;
	assert_int_equal(create(16 << 20, PVM_VM_OWN_THREAD), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), pty[0], pty[0]), 0);
	assert_int_equal(pvm_vm_start(vm), 0);
	assert_int_equal(write(pty[1], typed, sizeof(typed)), sizeof(typed));
	while (n < sizeof(got)) {
		struct pollfd p = { .fd = pty[1], .events = POLLIN };

		assert_int_equal(poll(&p, 1, 5000), 1);
		n += (size_t)read(pty[1], got + n, sizeof(got) - n);
	}
	assert_memory_equal(got, typed, sizeof(typed));
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	pvm_console_detach(pvm_vm_console(vm));
	close(pty[0]);
	close(pty[1]);
}

static void xenbus_probes_and_obeys_a_shutdown_request(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	char value[64];

	start(guest_xenbus, 0);
	while (!output_bytes)
		assert_int_equal(pvm_loop_dispatch(pvm_ctx_loop(ctx), 5000), 0);
	assert_string_equal(output, "waiting\n");
	assert_int_equal(pvm_vm_xs_read(vm, "control/feature-poweroff", value, sizeof(value)), 0);
	assert_string_equal(value, "1");
	assert_int_equal(pvm_vm_xs_read(vm, "control/feature-poweroff", value, 1), -EMSGSIZE);
	assert_int_equal(pvm_vm_xs_read(vm, "nonsense", value, sizeof(value)), -ENOENT);
	assert_int_equal(pvm_vm_xs_write(vm, "bad path", "x"), -EINVAL);
	assert_int_equal(pvm_vm_shutdown(vm, 10000, &ex), 0);
	assert_int_equal(ex.kind, PVM_EXIT_SHUTDOWN);
	assert_string_equal(output, "waiting\n");
}

static void hostile_rings_are_no_longer_served(void **state)
{
	static int stop;

	stop = 0;
	fake.guest_arg = &stop;
	start(guest_bad_rings, 0);
	pvm_console_set_output(pvm_vm_console(vm), NULL, NULL);	/* it writes without end */
	for (int i = 0; i < 20; i++)
		pvm_loop_dispatch(pvm_ctx_loop(ctx), 5);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(output_larger_than_every_buffer_is_whole),
		T(slow_sinks_slow_the_guest_and_lose_nothing),
		T(input_larger_than_every_buffer_arrives),
		T(descriptors_serve_as_console),
		T(files_serve_as_console),
		T(a_broken_pipe_stops_neither_guest_nor_process),
		T(a_terminal_nobody_reads_does_not_hold_the_guest),
		T(a_pty_master_nobody_reads_does_not_hold_the_guest),
		T(a_pty_master_serves_as_console),
		T(xenbus_probes_and_obeys_a_shutdown_request),
		T(hostile_rings_are_no_longer_served),
	};

	return cmocka_run_group_tests_name("vm_rings", tests, NULL, NULL);
}
