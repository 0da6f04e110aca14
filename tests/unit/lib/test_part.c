// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Partitions on a fake driver (fake_part.c): create, ask, start and stop, as a launcher does it; every
 * driver call and allocation failing in turn, and nothing left behind. What comes out of a partition
 * is in test_part_inside.c.
 */
#include "test.h"
#include "partition.h"

/* ---- create and ask ---------------------------------------------------------------------- */

static void create_hands_everything_on(void **state)
{
	static const uint32_t pci[] = { 0x28 };
	struct pvm_part_opts o = PVM_PART_OPTS_INIT;
	struct pvm_part_status st = PVM_PART_STATUS_INIT;

	o.name = "web.1";
	o.cpus = cpus;
	o.nr_cpus = 2;
	o.pci = pci;
	o.nr_pci = 1;
	o.memory_bytes = 128 << 20;
	o.uart_port = 0x2f8;
	o.flags = PVM_PARTITION_PROTECT;
	assert_int_equal(pvm_part_create(ctx, &o, &part), 0);
	assert_string_equal((char *)fpart.create.name, "web.1");
	assert_int_equal(fpart.create.cpus_count, 2);
	assert_int_equal(fpart.create.pci_count, 1);
	assert_int_equal(fpart.create.memory_bytes, 128 << 20);
	assert_true(fpart.create.memory_addr == PVM_PART_ADDR_ANY);
	assert_int_equal(fpart.create.uart_port, 0x2f8);
	assert_int_equal(fpart.create.flags, PVM_PART_PROTECT);
	assert_int_equal(pvm_part_id(part), 5);
	assert_string_equal(pvm_part_name(part), "web.1");
	assert_false(fpart.kept);
	assert_int_equal(pvm_part_keep(part), 0);
	assert_int_equal(pvm_part_status_get(part, &st), 0);
	assert_int_equal(st.row.id, 5);
	assert_int_equal(st.row.state, PVM_PARTITION_CREATED);
	assert_int_equal(st.traits, PVM_PARTITION_KEPT | PVM_PARTITION_REAL_UART);
	assert_int_equal(st.low_addr, 0x20000);
	assert_int_equal(st.tsc_khz, 2000000);
	assert_string_equal(st.stop_text, "");
	assert_int_equal(strlen(st.row.name), PVM_NAME_BYTES - 1);
}

static void bad_options_are_refused_before_the_driver_is_asked(void **state)
{
	unsigned int calls = fake.nr_calls;
	struct pvm_part_opts o = PVM_PART_OPTS_INIT;
	static const char *const names[] = { NULL, "", "a b", "x/y", "01234567890123456789012345678901" };

	o.cpus = cpus;
	o.nr_cpus = 2;
	for (size_t i = 0; i < 5; i++) {
		o.name = names[i];
		assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
		says("cannot name a partition");
	}
	o.name = "x";
	o.nr_cpus = 0;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	o.nr_cpus = 65;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	says("it has 1 to 64");
	o.nr_cpus = 2;
	o.cpus = NULL;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	o.cpus = cpus;
	o.nr_pci = 17;
	o.pci = cpus;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	says("the most is 16");
	o.nr_pci = 1;
	o.pci = NULL;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	o.nr_pci = 0;
	o.flags = 4;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	o.sz = 3;
	assert_int_equal(pvm_part_create(ctx, &o, &part), -EINVAL);
	assert_int_equal(pvm_part_open(ctx, "a/b", &part), -EINVAL);
	assert_null(part);
	assert_int_equal(fake.nr_calls, calls);
}

static void the_drivers_words_are_handed_on(void **state)
{
	static const struct { int err, want; const char *why, *words; } t[] = {
		{ -EBUSY, -EBUSY, "CPU 3 is partition db's.", "cannot create partition web: CPU 3 is partition db's" },
		{ -EINVAL, -EINVAL, "", "Invalid argument" },
		{ -EEXIST, -EEXIST, "", "there is one of this name" },
		{ -EPERM, -EPERM, "", "only root may" },
		{ -ENODEV, -ENODEV, "", "cannot have partitions" },
		{ -ENOTTY, -EOPNOTSUPP, "", "this driver has no partitions" },
	};
	char full[200];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fpart.create_err = t[i].err;
		fpart.why = t[i].why;
		assert_int_equal(create(), t[i].want);
		says(t[i].words);
		assert_null(strstr(pvm_errmsg(), "db's."));
		assert_null(part);
	}
	memset(full, 'w', sizeof(full));
	full[199] = '\0';
	fpart.why = full;					/* no NUL within its 160 bytes */
	assert_int_equal(create(), -ENOTTY);
	assert_int_equal(strlen(pvm_errmsg()), strlen("cannot create partition web: ") + 159);
	fpart.create_err = 0;
	assert_int_equal(pvm_part_open(ctx, "web", &part), -ENOENT);
	says("there is none of this name");
}

static void a_destroyed_partition_says_so(void **state)
{
	struct pvm_part_status st = PVM_PART_STATUS_INIT;
	struct pvm_part_cpu_row *rows;
	struct pvm_part_bar_row *bars;
	struct pvm_part_exit_row *exits;
	struct pvm_stat_row *stats;
	size_t n;

	assert_int_equal(create(), 0);
	fpart.op_err = -ENODEV;
	assert_int_equal(pvm_part_status_get(part, &st), -ENODEV);
	says("it was destroyed");
	assert_int_equal(pvm_part_cpus(part, &rows, &n), -ENODEV);
	assert_int_equal(pvm_part_bars(part, &bars, &n), -ENODEV);
	assert_int_equal(pvm_part_exits(part, &exits, &n), -ENODEV);
	assert_int_equal(pvm_part_stats(part, &stats, &n), -ENODEV);
	assert_int_equal(pvm_part_keep(part), -ENODEV);
	assert_int_equal(pvm_part_stop(part, 0, NULL), -ENODEV);
	assert_int_equal(pvm_part_destroy(part), -ENODEV);
	assert_int_equal(pvm_part_heartbeat(part, 0), -ENODEV);
	assert_int_equal(start(), -ENODEV);
	fpart.op_err = -EIO;
	assert_int_equal(pvm_part_keep(part), -EIO);
	says("cannot keep partition web: Input/output error");
}

static void lists_cpus_bars_and_counters(void **state)
{
	struct pvm_part_cpu_row *c;
	struct pvm_part_bar_row *b;
	struct pvm_part_exit_row *e;
	struct pvm_part_row *rows;
	struct pvm_stat_row *s;
	size_t n;

	assert_int_equal(pvm_part_list(ctx, &rows, &n), 0);
	assert_int_equal(n, 0);
	assert_null(rows);
	fpart.nr_rows = 3;
	assert_int_equal(pvm_part_list(ctx, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(rows[2].id, 3);
	assert_int_equal(rows[2].exits, 17);
	assert_true(rows[2].beat_age_ns == ~0ull);
	pvm_free(rows);
	fpart.op_err = -ENOTTY;
	assert_int_equal(pvm_part_list(ctx, &rows, &n), -EOPNOTSUPP);
	fpart.op_err = 0;

	assert_int_equal(create(), 0);
	assert_int_equal(pvm_part_cpus(part, &c, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(c[1].cpu, 3);
	assert_int_equal(c[1].apic_id, 6);
	pvm_free(c);
	assert_int_equal(pvm_part_bars(part, &b, &n), 0);
	assert_int_equal(n, 0);
	assert_null(b);
	fpart.nr_bars = 1;
	fpart.bars[0] = (struct pvm_part_bar){ 0x28, 0, 0xfebfc000, 0x4000 };
	assert_int_equal(pvm_part_bars(part, &b, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(b[0].addr, 0xfebfc000);
	pvm_free(b);
	fpart.nr_bars = 1000;			/* a driver that must not be believed */
	assert_int_equal(pvm_part_bars(part, &b, &n), -EMSGSIZE);
	fpart.nr_bars = 0;
	fpart.more_values = 2;
	assert_int_equal(pvm_part_stats(part, &s, &n), 0);
	assert_int_equal(n, PVM_PART_NR_STATS + 2);
	assert_string_equal(s[0].name, "exits");
	assert_int_equal(s[PVM_PART_STAT_EXIT_IO].value, 100 + PVM_PART_STAT_EXIT_IO);
	assert_string_equal(s[PVM_PART_STAT_CONSOLE_OUT].unit, "bytes");
	assert_non_null(strstr(s[n - 1].name, "stat_"));
	pvm_free(s);
	assert_int_equal(pvm_part_exits(part, &e, &n), 0);
	assert_int_equal(n, 7);
	assert_string_equal(e[0].kind, "in");
	assert_int_equal(e[0].key, 0x71);
	assert_string_equal(e[0].name, "clock and CMOS memory (RTC)");
	assert_string_equal(e[1].name, "reset control");
	assert_string_equal(e[2].kind, "rdmsr");
	assert_string_equal(e[2].name, "EFER");
	assert_string_equal(e[3].name, "");
	assert_string_equal(e[4].kind, "exit");
	assert_string_equal(e[5].kind, "unknown");
	assert_string_equal(e[6].name, "");
	pvm_free(e);
	assert_string_equal(pvm_part_state_name(1), "running");
	assert_string_equal(pvm_part_state_name(3), "unknown");
	assert_string_equal(pvm_part_stop_name(PVM_STOPPED_HOST), "host");
	assert_string_equal(pvm_part_stop_name(PVM_STOPPED_TRIPLE), "triple-fault");
	assert_string_equal(pvm_part_cpu_name(PVM_PART_CPU_LOST), "lost");
}

/* ---- life -------------------------------------------------------------------------------- */

static void a_kernel_is_loaded_and_entered(void **state)
{
	const struct pvm_part_start *s = &fpart.start;
	const char *cmdline;
	uint64_t initrd;
	uint8_t *zp;

	assert_int_equal(create(), 0);
	assert_int_equal(pvm_part_wait(part, 0), 0);		/* does not run */
	assert_int_equal(start(), 0);
	assert_int_equal(fpart.nr_starts, 1);
	assert_int_equal(s->rip, FAKE_PART_ADDR + (16 << 20) + 0x200);
	assert_int_equal(fpart.mem[s->rip - FAKE_PART_ADDR], 0x90);
	zp = fpart.mem + (s->rsi - FAKE_PART_ADDR);
	assert_memory_equal(zp + 0x202, "HdrS", 4);
	cmdline = (char *)fpart.mem + (*(uint32_t *)(zp + 0x228) - FAKE_PART_ADDR);
	assert_non_null(strstr(cmdline, "tsc_early_khz=2000000 "));
	assert_non_null(strstr(cmdline, " quiet"));
	initrd = *(uint32_t *)(zp + 0x218);
	assert_memory_equal(fpart.mem + (initrd - FAKE_PART_ADDR), "initrd", 6);
	assert_true(s->mailbox);				/* two CPUs */
	assert_int_equal(start(), -EBUSY);
	says("it runs; stop it first");
	assert_int_equal(pvm_part_wait(part, 10), -ETIMEDOUT);
	assert_int_equal(pvm_part_destroy(part), -EBUSY);
	says("stop it first");
}

static void stop_and_start_again(void **state)
{
	uint32_t lost = 9;

	assert_int_equal(create(), 0);
	assert_int_equal(start(), 0);
	fpart.lost_cpus = 1;
	assert_int_equal(pvm_part_stop(part, 1234, &lost), 0);
	assert_int_equal(lost, 1);
	assert_int_equal(fpart.stop_ms, 1234);
	assert_int_equal(pvm_part_stop(part, 0, NULL), 0);
	assert_int_equal(pvm_part_wait(part, -1), 0);
	assert_int_equal(start(), 0);
	assert_int_equal(fpart.nr_starts, 2);
	pvm_part_stop(part, 0, NULL);
	assert_int_equal(pvm_part_destroy(part), 0);
	assert_int_equal(fpart.nr_maps, 0);			/* or the memory would be kept */
}

static void stop_reasons_are_told_in_words(void **state)
{
	static const struct { uint32_t reason; const char *words; } t[] = {
		{ PVM_PSTOP_ASKED, "stopped from the host" }, { PVM_PSTOP_POWEROFF, "powered off" },
		{ PVM_PSTOP_RESET, "reboot" }, { PVM_PSTOP_TRIPLE, "triple fault" },
		{ PVM_PSTOP_INIT, "INIT" }, { PVM_PSTOP_MCE, "machine check" },
		{ PVM_PSTOP_PROTECT, "access to 0x1234000" }, { PVM_PSTOP_REAL_MODE, "left protected" },
		{ PVM_PSTOP_ENTRY, "code 0x22" }, { PVM_PSTOP_DRIVER, "code 0x22" },
		{ PVM_PSTOP_HOST, "the host" }, { 99, "reason 99 of a newer driver" },
	};

	assert_int_equal(create(), 0);
	fpart.stop_code = 0x22;
	fpart.stop_addr = 0x1234000;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pvm_part_status st = PVM_PART_STATUS_INIT;

		fake_part_state(PVM_PART_STOPPED, t[i].reason);
		assert_int_equal(pvm_part_status_get(part, &st), 0);
		if (!strstr(st.stop_text, t[i].words))
			fail_msg("%u: %s", t[i].reason, st.stop_text);
	}
}

static void bad_boots_leave_the_memory_alone(void **state)
{
	struct pvm_part_boot b = PVM_PART_BOOT_INIT;

	assert_int_equal(create(), 0);
	assert_int_equal(pvm_part_start(part, &b), -EINVAL);
	b.kernel_path = "/nonexistent";
	assert_int_equal(pvm_part_start(part, &b), -ENOENT);
	says("cannot open kernel /nonexistent");
	b.kernel_path = "/proc/self/exe";
	assert_int_equal(pvm_part_start(part, &b), -ENOEXEC);
	says("it is an ELF file");
	b.kernel_path = NULL;
	b.kernel_data = kernel;
	b.kernel_bytes = sizeof(kernel);
	b.initrd_path = "/nonexistent";
	assert_int_equal(pvm_part_start(part, &b), -ENOENT);
	b.initrd_path = NULL;
	b.initrd_data = kernel;
	b.initrd_bytes = 60 << 20;
	assert_int_equal(pvm_part_start(part, &b), -ENOSPC);
	says("initrd");
	b.initrd_data = NULL;
	b.initrd_bytes = 0;
	b.flags = 1;
	assert_int_equal(pvm_part_start(part, &b), -EINVAL);
	assert_null(fpart.mem);					/* never even mapped */
	assert_int_equal(fpart.nr_starts, 0);
	b.flags = 0;
	assert_int_equal(pvm_part_start(part, &b), 0);
}

/* ---- failures ---------------------------------------------------------------------------- */

static int whole_life(void)
{
	struct pvm_part_status st = PVM_PART_STATUS_INIT;
	struct pvm_part_cpu_row *c;
	struct pvm_part_bar_row *b;
	struct pvm_part_exit_row *e;
	struct pvm_part_row *rows;
	struct pvm_stat_row *s;
	struct pvm_part *other;
	char buf[8], *text;
	size_t n;
	int err = pvm_ctx_create(NULL, &ctx);

	if (!err)
		err = create();
	if (!err)
		err = pvm_part_keep(part);
	fpart.nr_rows = 2;
	if (!err)
		err = pvm_part_list(ctx, &rows, &n);
	if (!err)
		pvm_free(rows);
	fpart.on_start = kernel_with_symbols;
	if (!err)
		err = start();
	if (!err)
		err = pvm_part_wait_up(part, 0);
	if (!err)
		err = pvm_part_heartbeat(part, 1000);
	if (!err)
		err = pvm_part_status_get(part, &st);
	if (!err)
		err = pvm_part_open(ctx, "web", &other);
	if (!err)
		pvm_part_close(other);
	if (!err)
		err = pvm_part_cpus(part, &c, &n);
	if (!err)
		pvm_free(c);
	fpart.nr_bars = 1;
	if (!err)
		err = pvm_part_bars(part, &b, &n);
	if (!err)
		pvm_free(b);
	if (!err)
		err = pvm_part_stats(part, &s, &n);
	if (!err)
		pvm_free(s);
	if (!err)
		err = pvm_part_exits(part, &e, &n);
	if (!err)
		pvm_free(e);
	if (!err)
		err = pvm_part_console_read(part, buf, 8, &n, NULL);
	if (!err)
		err = pvm_part_console_write(part, buf, 8, &n);
	if (!err)
		err = pvm_part_dmesg(part, &text, &n);
	if (!err)
		pvm_free(text);
	if (!err)
		err = pvm_part_stop(part, 0, NULL);
	if (!err)
		err = pvm_part_destroy(part);
	return err;
}

static void every_failing_driver_call_is_undone(void **state)
{
	unsigned int n, ok = 0;

	teardown(state);
	for (n = 1; n < 60 && !ok; n++) {
		int err;

		fake_reset();
		fake.fail_call = n;
		fake.fail_err = -ENOSPC;
		err = whole_life();
		if (err) {
			assert_true(err == -ENOSPC || err == -EPROTO);
			assert_true(strlen(pvm_errmsg()) > 20);
		} else {
			ok = n;
		}
		teardown(state);
	}
	assert_true(ok > 20);
}

static void every_failing_allocation_is_undone(void **state)
{
	bool failed = true;
	unsigned int n;

	teardown(state);
	for (n = 1; failed; n++) {
		int err;

		fake_reset();
		fail_alloc(n);
		err = whole_life();
		failed = alloc_failed();
		assert_int_equal(!!err, failed);
		if (err)
			assert_int_equal(err, -ENOMEM);
		teardown(state);
	}
	assert_true(n > 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(create_hands_everything_on),
		T(bad_options_are_refused_before_the_driver_is_asked),
		T(the_drivers_words_are_handed_on),
		T(a_destroyed_partition_says_so),
		T(lists_cpus_bars_and_counters),
		T(a_kernel_is_loaded_and_entered),
		T(stop_and_start_again),
		T(stop_reasons_are_told_in_words),
		T(bad_boots_leave_the_memory_alone),
		T(every_failing_driver_call_is_undone),
		T(every_failing_allocation_is_undone),
	};

	return cmocka_run_group_tests_name("part", tests, NULL, NULL);
}
