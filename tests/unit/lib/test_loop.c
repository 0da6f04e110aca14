// SPDX-License-Identifier: LGPL-2.1-or-later
/* Event loop: readiness, removal from within callbacks, wake-ups, nesting in another loop. */
#include "test.h"
#include "lib.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

static struct pvm_loop *loop;
static int fd[3];
static struct pvm_watch *watch[3];
static unsigned int calls[3];
static uint32_t last_events;

static int setup(void **state)
{
	memset(calls, 0, sizeof(calls));
	memset(watch, 0, sizeof(watch));
	for (int i = 0; i < 3; i++)
		fd[i] = eventfd(0, EFD_NONBLOCK);
	return pvm_loop_create(&loop);
}

static int teardown(void **state)
{
	for (int i = 0; i < 3; i++) {
		pvm_loop_remove(loop, watch[i]);
		close(fd[i]);
	}
	pvm_loop_destroy(loop);
	return 0;
}

static void ring(int i)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd[i], &one, 8), 8);
}

static void on_ready(void *arg, uint32_t events)
{
	uintptr_t i = (uintptr_t)arg;
	uint64_t count;

	calls[i]++;
	last_events = events;
	if (read(fd[i], &count, 8) < 0)
		return;
}

static void add(int i, void (*fn)(void *arg, uint32_t events))
{
	assert_int_equal(pvm_loop_add(loop, fd[i], PVM_LOOP_READ, fn, (void *)(uintptr_t)i,
				      &watch[i]), 0);
}

static void ready_descriptors_are_served(void **state)
{
	add(0, on_ready);
	add(1, on_ready);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(calls[0] + calls[1], 0);
	ring(1);
	assert_int_equal(pvm_loop_dispatch(loop, -1), 0);
	assert_int_equal(calls[0], 0);
	assert_int_equal(calls[1], 1);
	assert_int_equal(last_events, PVM_LOOP_READ);
	assert_int_equal(pvm_loop_modify(loop, watch[1], PVM_LOOP_WRITE), 0);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(last_events, PVM_LOOP_WRITE);
	assert_int_equal(pvm_loop_modify(loop, watch[1], 0), 0);
	ring(1);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(calls[1], 2);
}

static void remove_all(void *arg, uint32_t events)
{
	on_ready(arg, events);
	for (int i = 0; i < 3; i++) {
		pvm_loop_remove(loop, watch[i]);
		watch[i] = NULL;
	}
	/* a callback may dispatch, too; the dead stay dead */
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
}

static void callbacks_may_remove_each_other(void **state)
{
	for (int i = 0; i < 3; i++) {
		add(i, remove_all);
		ring(i);
	}
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(calls[0] + calls[1] + calls[2], 1);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(calls[0] + calls[1] + calls[2], 1);
}

static void wake_interrupts_now_or_next_time(void **state)
{
	pvm_loop_wake(loop);
	pvm_loop_wake(loop);
	assert_int_equal(pvm_loop_dispatch(loop, -1), -EINTR);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
}

static void on_alarm(int sig)
{
}

static void signals_interrupt(void **state)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_value.tv_usec = 20000 };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(pvm_loop_dispatch(loop, 2000), -EINTR);
}

static void the_loop_nests_in_another(void **state)
{
	struct pollfd p = { .fd = pvm_loop_fd(loop), .events = POLLIN };

	add(0, on_ready);
	assert_int_equal(poll(&p, 1, 0), 0);
	ring(0);
	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(pvm_loop_dispatch(loop, 0), 0);
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void bad_requests_are_refused(void **state)
{
	struct pvm_watch *w = NULL;
	int file = open("/proc/self/exe", O_RDONLY);

	assert_int_equal(pvm_loop_add(loop, 9999, PVM_LOOP_READ, on_ready, NULL, &w), -EBADF);
	assert_int_equal(pvm_loop_add(loop, file, PVM_LOOP_READ, on_ready, NULL, &w), -EPERM);
	assert_non_null(strstr(pvm_errmsg(), "always ready"));
	assert_int_equal(pvm_loop_add(loop, fd[0], 1u << 9, on_ready, NULL, &w), -EINVAL);
	assert_int_equal(pvm_loop_add(loop, fd[0], PVM_LOOP_READ, NULL, NULL, &w), -EINVAL);
	add(0, on_ready);
	assert_int_equal(pvm_loop_add(loop, fd[0], PVM_LOOP_READ, on_ready, NULL, &w), -EEXIST);
	assert_int_equal(pvm_loop_modify(loop, watch[0], 1u << 9), -EINVAL);
	fail_alloc(1);
	assert_int_equal(pvm_loop_add(loop, fd[1], PVM_LOOP_READ, on_ready, NULL, &w), -ENOMEM);
	alloc_failed();
	assert_null(w);
	close(file);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(ready_descriptors_are_served),
		T(callbacks_may_remove_each_other),
		T(wake_interrupts_now_or_next_time),
		T(signals_interrupt),
		T(the_loop_nests_in_another),
		T(bad_requests_are_refused),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
