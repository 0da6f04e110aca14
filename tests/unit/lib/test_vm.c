// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guests on a fake driver (fake_guest.c): life cycle, ends, options, counters, every driver call and
 * allocation failing in turn, and nothing left behind. Their rings are in test_vm_rings.c.
 */
#include "test.h"
#include "fake_guest.h"

#include <signal.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>

/* ---- guests ------------------------------------------------------------------------------ */

static void range(struct pvm_run *run, uint32_t i, uint64_t gfn, uint64_t pages)
{
	run->release_gfn[i] = gfn;
	run->release_pages[i] = pages;
}

/* Gives memory back, with ranges that are not all right. */
static int guest_balloon(struct pvm_run *run, void *arg)
{
	static unsigned int calls;
	char *given = fake_gfn(4000), *kept = fake_gfn(4001), *last = fake_gfn(4095), *before = fake_gfn(4094);

	if (calls++ % 2 == 0) {
		*given = *kept = *last = *before = 1;
		run->exit_reason = PVM_RUN_RELEASE;
		run->release_count = 0xffffffff;
		memset(run->release_gfn, 0xff, sizeof(run->release_gfn));
		memset(run->release_pages, 0xff, sizeof(run->release_pages));
		range(run, 0, 4000, 1);
		range(run, 1, 4096, 1);		/* behind the last */
		range(run, 2, 1ull << 52, 1);
		range(run, 3, 4095, ~0ull);		/* beyond the end */
		range(run, 4, 4000, 0);
		return 0;
	}
	CHECK(!*given && *kept && !*last && *before);
	return shut_down(run, 0);
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS };

/* Of the calling thread: only what it raises itself gets through. */
static bool signals_are_right(void)
{
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (sigismember(&now, faults[i]))
			return false;
	return sigismember(&now, SIGTERM) && sigismember(&now, SIGCHLD) && sigismember(&now, SIGPIPE);
}

static int guest_signals(struct pvm_run *run, void *arg)
{
	CHECK(signals_are_right());
	con_write("x", 1);
	return shut_down(run, 0);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void memory_given_back_goes_to_the_host(void **state)
{
	start(guest_balloon, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

static void memory_given_back_leaves_the_memory_file(void **state)
{
	start(guest_balloon, PVM_VM_MEM_MEMFD);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

static void a_guest_boots_talks_and_powers_off(void **state)
{
	struct grant_entry_v1 *g;

	start(guest_hello, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_string_equal(output, "early\nhello\n");
	/* what the driver was told */
	assert_string_equal((char *)fake.create.name, "test");
	assert_int_equal(fake.create.domid, 1);
	assert_int_equal(fake.platform.nr_pages, 4096);
	assert_int_equal(fake.platform.max_pages, 4096);
	assert_int_equal(fake.platform.shared_info_gfn % 512, 0);
	assert_true(fake.platform.shared_info_gfn > fake.platform.max_pages);
	assert_int_equal(fake.platform.grant_gfn, fake.platform.shared_info_gfn + 1);
	assert_int_equal(fake.platform.grant_frames, 32);
	assert_int_equal(fake.slot[1].nr_pages, 33);
	assert_int_equal(fake.regs.rip, 0x100000);
	assert_int_equal(fake.regs.rflags, 0x200);
	assert_int_equal(si()->shared_info, fake.platform.shared_info_gfn << 12);
	assert_int_equal(fake.regs.root_gfn, si()->pt_base / 4096);
	assert_string_equal((char *)si()->cmd_line, "console=hvc0");
	assert_memory_equal(fake_gfn(si()->mod_start / 4096), "initrd", 6);
	g = fake_gfn(fake.platform.grant_gfn);
	assert_int_equal(g[0].frame, si()->console.domU.mfn);
	assert_int_equal(g[1].frame, si()->store_mfn);
	assert_int_equal(g[0].flags & g[1].flags, GTF_permit_access);
	assert_int_equal(pvm_vm_id(vm), 7);
	assert_string_equal(pvm_vm_name(vm), "test");
	assert_int_equal(pvm_vm_memfd(vm), -1);
	assert_int_equal(pvm_vm_stop(vm, PVM_STOP_FORCE), 0);	/* ended already: fine */
}

static void own_thread_needs_no_dispatching(void **state)
{
	start(guest_hello, PVM_VM_OWN_THREAD | PVM_VM_MEM_MEMFD | PVM_VM_MEM_MERGEABLE);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_string_equal(output, "early\nhello\n");
	assert_true(pvm_vm_memfd(vm) >= 0);
}

static void force_ends_a_guest_that_does_not_listen(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;

	start(guest_sleeper, 0);
	assert_int_equal(pvm_vm_wait(vm, 50, &ex), -ETIMEDOUT);
	assert_int_equal(pvm_vm_wait(vm, 0, &ex), -ETIMEDOUT);
	assert_int_equal(pvm_vcpu_kick(vm, 0), 0);
	assert_int_equal(pvm_vcpu_kick(vm, 9), -ENOENT);
	assert_int_equal(pvm_vm_shutdown(vm, 100, &ex), 0);
	assert_int_equal(ex.kind, PVM_EXIT_DEATH);
	assert_int_equal(ex.code, PVM_CAUSE_STOPPED);
	assert_string_equal(ex.text, "stopped by its owner");
}

static void a_running_guest_can_be_destroyed(void **state)
{
	start(guest_sleeper, 0);
	pvm_vm_destroy(vm);
	pvm_ctx_destroy(ctx);
	setup(NULL);
	start(guest_sleeper, PVM_VM_OWN_THREAD);	/* teardown() destroys this one */
}

static int guest_dies(struct pvm_run *run, void *arg)
{
	fake.death.kind = PVM_DEATH_TRIPLE;
	fake.death.rip = 0x1234;
	fake.death.gpr[15] = 15;
	fake.death.hypercalls[0] = 26;
	strcpy((char *)fake.death.reason, "double fault");
	return -EIO;
}

static int guest_einval(struct pvm_run *run, void *arg)
{
	return -EINVAL;
}

static void death_and_errors_are_reported(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	struct {
		size_t sz;
		uint32_t kind;
		uint32_t canary;
	} old = { .sz = 12, .canary = 77 };

	start(guest_dies, 0);
	finish(PVM_EXIT_DEATH, PVM_CAUSE_TRIPLE);
	assert_int_equal(pvm_vm_wait(vm, 0, &ex), 0);
	assert_string_equal(ex.text, "double fault");
	assert_int_equal(ex.rip, 0x1234);
	assert_int_equal(ex.gpr[15], 15);
	assert_int_equal(ex.hypercalls[0], 26);
	/* a program that knows less */
	assert_int_equal(pvm_vm_wait(vm, 0, (struct pvm_vm_exit *)&old), 0);
	assert_int_equal(old.kind, PVM_EXIT_DEATH);
	assert_int_equal(old.canary, 77);
	pvm_vm_destroy(vm);
	vm = NULL;
	start(guest_einval, 0);
	finish(PVM_EXIT_ERROR, EINVAL);
}

static unsigned int exit_calls;

static void on_exit_cb(void *arg, struct pvm_vm *v, const struct pvm_vm_exit *ex)
{
	exit_calls++;
	assert_ptr_equal(v, vm);
	assert_int_equal(ex->kind, PVM_EXIT_SHUTDOWN);
	assert_string_equal(output, "early\nhello\n");
}

static void the_exit_function_is_called_once(void **state)
{
	exit_calls = 0;
	fake.guest = guest_hello;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_on_exit(vm, on_exit_cb, NULL), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), take_output, NULL);
	assert_int_equal(pvm_vm_start(vm), 0);
	assert_int_equal(pvm_vm_on_exit(vm, on_exit_cb, NULL), -EBUSY);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	pvm_loop_dispatch(pvm_ctx_loop(ctx), 0);
	assert_int_equal(exit_calls, 1);
}

static void wrong_order_is_refused(void **state)
{
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_start(vm), -EINVAL);
	assert_int_equal(pvm_vm_wait(vm, 0, NULL), -EINVAL);
	assert_int_equal(pvm_vm_stop(vm, PVM_STOP_POWEROFF), -EINVAL);
	assert_int_equal(pvm_vm_stop(vm, 9), -EINVAL);
	assert_int_equal(load(), 0);
	assert_int_equal(load(), 0);			/* again is fine */
	fake.guest = guest_sleeper;
	assert_int_equal(pvm_vm_start(vm), 0);
	assert_int_equal(pvm_vm_start(vm), -EBUSY);
	assert_int_equal(load(), -EBUSY);
}

static void bad_options_get_a_sentence(void **state)
{
	static const struct {
		struct pvm_vm_opts o;
		int err;
		const char *word;
	} t[] = {
#define OPTS(...) { .sz = sizeof(struct pvm_vm_opts), .name = "x", __VA_ARGS__ }
		{ OPTS(.name = NULL), -EINVAL, "name" },
		{ OPTS(.name = ""), -EINVAL, "name" },
		{ OPTS(.name = "a/b"), -EINVAL, "name" },
		{ OPTS(.name = "0123456789012345678901234567890123"), -EINVAL, "name" },
		{ OPTS(.memory_bytes = 1 << 20), -EINVAL, "4 MiB" },
		{ OPTS(.memory_bytes = 1), -EINVAL, "4 MiB" },
		{ OPTS(.memory_bytes = (8 << 20) + 1), -EINVAL, "multiple" },
		{ OPTS(.memory_bytes = 1ull << 50), -ENOMEM, "only" },
		{ OPTS(.memory_bytes = ~0xfffull), -ENOMEM, "only" },
		{ OPTS(.memory_bytes = (4 << 20) + 4096, .flags = PVM_VM_MEM_HUGETLB), -EINVAL,
		  "2048 KiB" },
		{ OPTS(.max_vcpus = 2), -EINVAL, "vCPUs" },
		{ OPTS(.flags = 1u << 31), -EINVAL, "flags" },
		{ OPTS(.flags = PVM_VM_MEM_HUGETLB | PVM_VM_MEM_MERGEABLE), -EINVAL, "merged" },
		{ OPTS(.domid = 0x7ff0), -EINVAL, "domain" },
		{ OPTS(.shadow_limit_bytes = 4096), -EINVAL, "256 KiB" },
		{ OPTS(.sz = 0), -EINVAL, "INIT" },
		{ OPTS(.sz = 5000), -EINVAL, "INIT" },
	};
	struct {
		struct pvm_vm_opts o;
		uint64_t more;
	} newer = { .o = { .sz = sizeof(newer), .name = "x" }, .more = 1 };
	struct pvm_ctx_opts co = PVM_CTX_OPTS_INIT;
	struct pvm_ctx *c = NULL;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(pvm_vm_create(ctx, &t[i].o, &vm), t[i].err);
		assert_non_null(strstr(pvm_errmsg(), t[i].word));
		assert_null(vm);
	}
	assert_int_equal(pvm_vm_create(ctx, NULL, &vm), -EINVAL);
	assert_int_equal(pvm_vm_create(ctx, &newer.o, &vm), -E2BIG);
	newer.more = 0;
	assert_int_equal(pvm_vm_create(ctx, &newer.o, &vm), 0);
	pvm_vm_destroy(vm);
	vm = NULL;
	fake.name_taken = true;
	assert_int_equal(create(0, 0), -EEXIST);
	assert_non_null(strstr(pvm_errmsg(), "exists"));

	co.device = "/dev/missing";
	assert_int_equal(pvm_ctx_create(&co, &c), -ENODEV);
	assert_non_null(strstr(pvm_errmsg(), "modprobe"));
	co.device = "/dev/forbidden";
	assert_int_equal(pvm_ctx_create(&co, &c), -EACCES);
	assert_non_null(strstr(pvm_errmsg(), "permission"));
	co.flags = 1;
	assert_int_equal(pvm_ctx_create(&co, &c), -EINVAL);
	assert_null(c);
}

static void bad_loads_leave_the_guest_as_it_was(void **state)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;
	static char cmd[1100];

	assert_int_equal(create(4 << 20, 0), 0);
	memset(cmd, 'x', 1024);
	o.kernel_data = kernel;
	o.kernel_bytes = sizeof(kernel);
	o.cmdline = cmd;
	assert_int_equal(pvm_vm_load(vm, &o), -EINVAL);
	o.cmdline = NULL;
	o.initrd_data = calloc(1, 4 << 20);
	o.initrd_bytes = 4 << 20;
	assert_int_equal(pvm_vm_load(vm, &o), -ENOSPC);
	assert_non_null(strstr(pvm_errmsg(), "give it more"));
	free((void *)o.initrd_data);
	o.initrd_data = NULL;
	o.initrd_path = "/nonexistent";
	assert_int_equal(pvm_vm_load(vm, &o), -ENOENT);
	o.initrd_path = NULL;
	o.kernel_bytes = 100;
	assert_int_equal(pvm_vm_load(vm, &o), -ENOEXEC);
	assert_int_equal(pvm_vm_start(vm), -EINVAL);
	assert_int_equal(load(), 0);
}

static void every_failing_driver_call_is_undone(void **state)
{
	unsigned int n, ok = 0;

	pvm_ctx_destroy(ctx);
	ctx = NULL;
	for (n = 1; n < 40 && !ok; n++) {
		int err;

		fake_reset();
		fake.fail_call = n;
		fake.fail_err = -ENOSPC;
		fake.guest = guest_hello;
		vm = NULL;
		err = pvm_ctx_create(NULL, &ctx);
		if (!err)
			err = create(16 << 20, 0);
		if (!err)
			err = load();
		if (!err)
			err = pvm_vm_start(vm);
		if (err) {
			assert_true(err == -ENOSPC || err == -EPROTO);
			assert_true(strlen(pvm_errmsg()) > 20);
		} else {
			finish(PVM_EXIT_SHUTDOWN, 0);
			ok = n;
		}
		pvm_vm_destroy(vm);
		pvm_ctx_destroy(ctx);
		ctx = NULL;
		vm = NULL;
		nothing_left();
	}
	assert_true(ok > 10);
}

static void every_failing_allocation_is_undone(void **state)
{
	bool failed = true;

	for (unsigned int n = 1; failed; n++) {
		int err;

		pvm_ctx_destroy(ctx);
		ctx = NULL;
		fake_reset();
		fake.guest = guest_hello;
		fail_alloc(n);
		err = pvm_ctx_create(NULL, &ctx);
		if (!err)
			err = create(16 << 20, 0);
		if (!err)
			err = load();
		if (!err)
			err = pvm_vm_start(vm);
		failed = alloc_failed();
		assert_true(!err || failed);
		if (!err)
			finish(PVM_EXIT_SHUTDOWN, 0);
		pvm_vm_destroy(vm);
		vm = NULL;
	}
}

static void lists_and_counters(void **state)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	struct pvm_vm_info *list;
	struct pvm_stat_row *rows;
	size_t nr, i;

	assert_int_equal(pvm_ctx_list(ctx, &list, &nr), 0);	/* 20: more than the first try */
	assert_int_equal(nr, 20);
	assert_int_equal(list[3].id, 4);
	assert_int_equal(list[3].state, PVM_STATE_DEAD);
	assert_int_equal(strlen(list[3].name), 31);
	pvm_free(list);
	assert_int_equal(pvm_ctx_stats_by_id(ctx, 3, &rows, &nr), 0);
	assert_int_equal(nr, PVM_NR_STATS + 1 + 2);
	assert_string_equal(rows[0].name, "exits");
	assert_int_equal(rows[0].value, 100);
	assert_string_equal(rows[PVM_STAT_RUNTIME_NS].unit, "ns");
	assert_int_equal(rows[PVM_STAT_SHADOW_PAGES].flags, PVM_STAT_IS_GAUGE);
	i = PVM_NR_STATS;
	assert_non_null(strstr(rows[i].name, "stat_"));
	assert_string_equal(rows[i + 1].name, "hypercall_mmu_update");
	assert_int_equal(rows[i + 1].value, 11);
	assert_string_equal(rows[i + 2].name, "hypercall_63");
	assert_int_equal(rows[i + 2].flags, PVM_STAT_IS_HYPERCALL);
	pvm_free(rows);
	assert_int_equal(pvm_ctx_stats_by_id(ctx, 99, &rows, &nr), -ENOENT);
	assert_int_equal(pvm_ctx_info_get(ctx, &info), 0);
	assert_int_equal(info.driver_version, 1ull << 32);
	assert_int_equal(info.max_vcpus, 1);
	assert_string_equal(pvm_state_name(1), "running");
	assert_string_equal(pvm_state_name(99), "unknown");
	assert_string_equal(pvm_shutdown_name(3), "crash");
	assert_string_equal(pvm_cause_name(1), "stopped");
	assert_string_equal(pvm_hypercall_name(26), "mmuext_op");
	assert_string_equal(pvm_hypercall_name(64), "unknown");
	assert_string_equal(pvm_version(), "0.0.0-test");
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_stats(vm, &rows, &nr), 0);
	pvm_free(rows);
}

static unsigned int log_lines;

static void on_log(void *arg, int level, const char *text)
{
	log_lines++;
	assert_int_equal(level, PVM_LOG_INFO);
	assert_null(strchr(text, '\n'));
}

static void logs_go_to_the_callback(void **state)
{
	struct pvm_ctx_opts o = PVM_CTX_OPTS_INIT;

	pvm_ctx_destroy(ctx);
	o.log = on_log;
	o.log_level = PVM_LOG_DEBUG;
	assert_int_equal(pvm_ctx_create(&o, &ctx), 0);
	log_lines = 0;
	start(guest_hello, 0);
	finish(PVM_EXIT_SHUTDOWN, 0);
	assert_int_equal(log_lines, 2);		/* loaded, ended */
}

static size_t take_signals(void *arg, const void *buf, size_t bytes)
{
	*(bool *)arg = signals_are_right();
	return bytes;
}

static void threads_block_signals_but_faults(void **state)
{
	bool right = false;

	fake.guest = guest_signals;
	assert_int_equal(create(16 << 20, PVM_VM_OWN_THREAD), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), take_signals, &right);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_true(right);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_guest_boots_talks_and_powers_off),
		T(memory_given_back_goes_to_the_host),
		T(memory_given_back_leaves_the_memory_file),
		T(own_thread_needs_no_dispatching),
		T(force_ends_a_guest_that_does_not_listen),
		T(a_running_guest_can_be_destroyed),
		T(death_and_errors_are_reported),
		T(the_exit_function_is_called_once),
		T(wrong_order_is_refused),
		T(bad_options_get_a_sentence),
		T(bad_loads_leave_the_guest_as_it_was),
		T(every_failing_driver_call_is_undone),
		T(every_failing_allocation_is_undone),
		T(lists_and_counters),
		T(logs_go_to_the_callback),
		T(threads_block_signals_but_faults),
	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
