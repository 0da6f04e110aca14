// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partition ABI with partitions that run a few instructions: what stops them, what comes back. Who may, and what
 * the host does meanwhile, is in host_test.c.
 *
 *	part_test NAME...	runs these tests; "all" runs every one. TAP on stdout
 *
 * Needs four CPUs. The payloads are in payload.S.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "part_test.h"

static void run_to_stop(const char *what, const uint8_t *code, const uint8_t *end, uint32_t reason)
{
	struct part p;

	create(&p, "stops", 1, 1);
	load(&p, code, end);
	start(&p);
	result(wait_stopped(&p), "%s: stops", what);
	get_info(&p);
	result(p.info.entry.stop_reason == reason, "%s: reason %u", what, p.info.entry.stop_reason);
	result(counted(&p, 0) == 1, "%s: its code ran", what);
	result(!destroy(&p) && cpu_works(1), "%s: the CPU is the host's again", what);
}

static void test_stops(void)
{
	run_to_stop("triple fault", payload_triple, payload_triple_end, PVM_PSTOP_TRIPLE);
	run_to_stop("reset by port 0xcf9", payload_reset, payload_reset_end, PVM_PSTOP_RESET);
	run_to_stop("ACPI reset", payload_acpi_reset, payload_acpi_reset_end, PVM_PSTOP_RESET);
	run_to_stop("power-off", payload_poweroff, payload_poweroff_end, PVM_PSTOP_POWEROFF);
}

static void test_spin(void)
{
	struct part p;
	uint64_t before;

	create(&p, "spin", 1, 1);
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0), "a loop runs");
	before = stat_of(&p, PVM_PART_STAT_EXITS);
	sleep(1);
	result(advances(&p, 0) && stat_of(&p, PVM_PART_STAT_EXITS) == before && !before, "a loop has no exits");
	result(stop(&p) == 0, "a loop is stopped, no CPU is lost");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_ASKED && p.info.entry.state == PVM_PART_STOPPED,
	       "state and reason say so");
	before = counted(&p, 0);
	usleep(100000);
	result(counted(&p, 0) == before, "it runs no more");
	load(&p, payload_halt, payload_halt_end);
	start(&p);
	usleep(100000);
	result(counted(&p, 0) == 1, "a second start runs other code, which halts with interrupts off");
	result(stop(&p) == 0, "it is stopped");
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_unpaged(void)
{
	struct part p;
	uint64_t cr;

	create(&p, "unpaged", 1, 1);
	load(&p, payload_unpaged, payload_unpaged_end);
	start(&p);
	result(wait_stopped(&p), "paging off and on: stops");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_POWEROFF && counted(&p, 0) == 3 && counted(&p, 3) == 3,
	       "paging off and on three times, then power-off");
	cr = stat_of(&p, PVM_PART_STAT_EXIT_CR);
	result(cr == 6 || (cr == 0 && !(p.info.flags & PVM_PINFO_VMX)), "by %llu exits", (unsigned long long)cr);
	load(&p, payload_real_mode, payload_real_mode_end);
	start(&p);
	if (p.info.flags & PVM_PINFO_VMX) {
		result(wait_stopped(&p), "protected mode off: stops");
		get_info(&p);
		result(p.info.entry.stop_reason == PVM_PSTOP_REAL_MODE, "reason %u", p.info.entry.stop_reason);
	} else {
		usleep(100000);
		result(stop(&p) == 0, "protected mode off: no CPU is lost");
	}
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_privileged(void)
{
	struct part p;

	create(&p, "privileged", 1, 1);
	load(&p, payload_privileged, payload_privileged_end);
	start(&p);
	result(wait_stopped(&p), "privileged: comes to its end");
	get_info(&p);
	result(p.info.entry.stop_reason == PVM_PSTOP_POWEROFF, "reason %u", p.info.entry.stop_reason);
	result(counted(&p, 4) == 5, "%llu of 5 forbidden things were #GP or #UD", (unsigned long long)counted(&p, 4));
	result((counted(&p, 5) & 0x900) == 0x900, "its APIC is on and its first CPU has the BSP flag: %#llx",
	       (unsigned long long)counted(&p, 5));
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void stray(struct part *p, const char *what, const uint8_t *code, const uint8_t *end, uint64_t addr)
{
	load(p, code, end);
	*(uint64_t *)(p->mem + CONTROL + 16) = addr;
	start(p);
	result(wait_stopped(p), "%s: stops", what);
	get_info(p);
	result(p->info.entry.stop_reason == PVM_PSTOP_PROTECT && p->info.stop_addr == addr && counted(p, 4) == 0,
	       "%s: reason %u at %#llx", what, p->info.entry.stop_reason, (unsigned long long)p->info.stop_addr);
}

static void test_protect(void)
{
	struct part p;
	uint64_t end;

	if (try_create_as(&p, "protect", 1, 1, PVM_PART_PROTECT, PVM_PART_ADDR_ANY))
		die("PVM_CREATE_PARTITION with PVM_PART_PROTECT");
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0) && stop(&p) == 0 && stat_of(&p, PVM_PART_STAT_EXIT_STAGE2) == 0,
	       "protect: what keeps to its memory is left alone");
	stray(&p, "read behind its memory", payload_stray_read, payload_stray_read_end, p.base + MEM_BYTES);
	stray(&p, "write before its memory", payload_stray_write, payload_stray_write_end, p.base - 8);
	stray(&p, "write to the firmware's area", payload_stray_write, payload_stray_write_end, 0xf0000);
	load(&p, payload_stray_read, payload_stray_read_end);
	*(uint64_t *)(p.mem + CONTROL + 16) = 0xf0000;
	*(uint64_t *)(p.mem + CONTROL + 24) = ~0ull;
	start(&p);
	end = now_ms() + 10000;
	while (counted(&p, 4) != 0x77 && now_ms() < end)
		usleep(1000);
	result(counted(&p, 4) == 0x77 && counted(&p, 3) == 0, "which reads as zeros");
	result(stop(&p) == 0, "and then is stopped");
	load(&p, payload_unpaged, payload_unpaged_end);
	start(&p);
	result(wait_stopped(&p) && counted(&p, 0) == 3 && counted(&p, 3) == 3, "protect: paging off and on");
	result(!destroy(&p) && cpu_works(1), "the CPU is the host's again");
}

static void test_exits(void)
{
	struct part p;
	int i;
	bool good = true;

	create(&p, "exits", 2, 1);
	for (i = 0; i < 20 && good; i++) {
		load(&p, payload_exits, payload_exits_end);
		start(&p);
		good = advances(&p, 0) && stop(&p) == 0;
	}
	result(good, "a CPU that exits all the time is stopped, 20 times");
	result(!destroy(&p) && cpu_works(2), "the CPU is the host's again");
}

static void test_wake(void)
{
	struct part p;

	create(&p, "wake", 2, 2);
	load(&p, payload_wake, payload_wake_end);
	start(&p);
	result(advances(&p, 0), "the first of two CPUs runs");
	result(advances(&p, 3), "the second one was woken by the mailbox");
	result(stop(&p) == 0, "both are stopped");
	load(&p, payload_spin, payload_spin_end);
	start(&p);
	result(advances(&p, 0) && counted(&p, 3) == 0, "started again, nobody wakes the second");
	result(stop(&p) == 0, "the one that runs and the one that waits are stopped");
	result(!destroy(&p) && cpu_works(2) && cpu_works(3), "both CPUs are the host's again");
}

static void test_cycles(void)
{
	struct part p;
	bool good = true;
	int i;

	for (i = 0; i < 20 && good; i++) {
		if (try_create(&p, "cycle", 1, 3))
			good = false;
		else if (i % 2) {
			load(&p, payload_wake, payload_wake_end);
			start(&p);
			good = advances(&p, 3) && stop(&p) == 0;
		}
		good = good && !destroy(&p) && cpu_works(1) && cpu_works(2) && cpu_works(3);
	}
	result(good, "three CPUs taken and given back, %d of 20 times, and used by the host each time", i);
}

static void test_two(void)
{
	struct part p, q, r;

	create(&p, "one", 1, 1);
	create(&q, "two", 2, 2);
	load(&p, payload_spin, payload_spin_end);
	load(&q, payload_wake, payload_wake_end);
	start(&p);
	start(&q);
	result(advances(&p, 0) && advances(&q, 3), "two partitions run at once");
	result(try_create(&r, "one", 3, 1) == -EEXIST, "a name is given once");
	result(try_create(&r, "three", 2, 1) == -EBUSY, "a CPU is given once");
	result(stop(&p) == 0 && advances(&q, 0), "one stops, the other runs on");
	result(!destroy(&p) && stop(&q) == 0 && !destroy(&q), "both are destroyed");
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "spin", test_spin }, { "stops", test_stops }, { "unpaged", test_unpaged },
	{ "privileged", test_privileged }, { "protect", test_protect }, { "exits", test_exits }, { "wake", test_wake },
	{ "two", test_two }, { "host", test_host }, { "kill", test_kill }, { "refused", test_refused },
	{ "cycles", test_cycles }, { "address", test_address }, { "reserved", test_reserved },
	{ "offline", test_offline },
};

int main(int argc, char **argv)
{
	size_t t;
	int i;

	dev = open("/dev/pvm", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("/dev/pvm");
	for (i = 1; i < argc; i++)
		for (t = 0; t < sizeof(tests) / sizeof(tests[0]); t++)
			if (!strcmp(argv[i], tests[t].name) || !strcmp(argv[i], "all"))
				tests[t].fn();
	return failed;
}
