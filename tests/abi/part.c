// SPDX-License-Identifier: GPL-2.0-only
/*
 * Partitions: every call right once and wrong in one way at a time. What runs in one is tests/part; here nothing does
 * but a start that is refused. The host needs SVM and two CPUs.
 */
#include <poll.h>

#include <linux/pvm_part.h>

#include "abi.h"

#define UNIT	(2ull << 20)

static const uint32_t one_cpu[] = { 1 };

static struct pvm_create_partition partition_arg(const char *name)
{
	struct pvm_create_partition a = {
		.size = sizeof(a), .cpus_ptr = (uintptr_t)one_cpu, .cpus_count = 1,
		.memory_bytes = 32 * UNIT, .memory_addr = PVM_PART_ADDR_ANY,
	};

	memcpy(a.name, name, strlen(name));
	return a;
}

static int create_partition(int dev, const char *name)
{
	struct pvm_create_partition a = partition_arg(name);
	int err = call(dev, PVM_CREATE_PARTITION, &a);

	if (err)
		printf("# %s\n", a.why);
	return err ? err : a.fd;
}

static int open_partition(int dev, const char *name)
{
	struct pvm_open_partition a = { .size = sizeof(a) };
	int err;

	memcpy(a.name, name, strlen(name));
	err = call(dev, PVM_OPEN_PARTITION, &a);
	return err ? err : a.fd;
}

static void create_with(int dev, const char *what, struct pvm_create_partition a, int want, bool explained)
{
	int err;

	memset(a.why, 'x', sizeof(a.why));
	err = call(dev, PVM_CREATE_PARTITION, &a);
	expect_sub("CREATE_PARTITION", what, err, want);
	if (explained)
		expect_true("  and says why", a.why[0] && memchr(a.why, 0, sizeof(a.why)) && a.fd == -1);
	if (!err)
		close(a.fd);
}

static void creating(int dev)
{
	static const uint32_t no_cpu[] = { 4000000000u }, twice[] = { 1, 1 }, boot[] = { 0 }, bdf[] = { 0xffff };
	struct pvm_create_partition a = partition_arg("p");

	bad_arguments("CREATE_PARTITION", dev, PVM_CREATE_PARTITION, &a, PVM_CREATE_PARTITION_SIZE_V0, true);
	a.name[0] = '/';
	create_with(dev, "name with a slash", a, -EINVAL, true);
	memset(a.name, 'n', sizeof(a.name));
	create_with(dev, "name without NUL", a, -EINVAL, true);
	a = partition_arg("");
	create_with(dev, "empty name", a, -EINVAL, true);
	a = partition_arg("p");
	a.reserved = 1;
	create_with(dev, "reserved", a, -EOPNOTSUPP, false);
	a.reserved = 0;
	a.cpus_count = 0;
	create_with(dev, "no CPU", a, -EINVAL, true);
	a.cpus_count = PVM_PART_MAX_CPUS + 1;
	create_with(dev, "too many CPUs", a, -EINVAL, true);
	a.cpus_count = 1;
	a.cpus_ptr = 0;
	create_with(dev, "CPUs at NULL", a, -EFAULT, false);
	a.cpus_ptr = 0xffffffff81000000ull;
	create_with(dev, "CPUs in kernel memory", a, -EFAULT, false);
	a.cpus_ptr = (uintptr_t)boot;
	create_with(dev, "CPU 0", a, -EINVAL, true);
	a.cpus_ptr = (uintptr_t)no_cpu;
	create_with(dev, "CPU 4000000000", a, -EINVAL, true);
	a.cpus_ptr = (uintptr_t)twice;
	a.cpus_count = 2;
	create_with(dev, "a CPU twice", a, -EINVAL, true);
	a = partition_arg("p");
	a.pci_count = PVM_PART_MAX_PCI + 1;
	create_with(dev, "too many PCI functions", a, -EINVAL, true);
	a.pci_count = 1;
	create_with(dev, "PCI functions at NULL", a, -EFAULT, false);
	a.pci_ptr = (uintptr_t)bdf;
	create_with(dev, "a PCI function that is not there", a, -EINVAL, true);
	a = partition_arg("p");
	a.memory_bytes = 0;
	create_with(dev, "no memory", a, -EINVAL, true);
	a.memory_bytes = 31 * UNIT;
	create_with(dev, "too little memory", a, -EINVAL, true);
	a.memory_bytes = 32 * UNIT + PAGE;
	create_with(dev, "memory no multiple of 2 MiB", a, -EINVAL, true);
	a.memory_bytes = ~0ull << 21;
	create_with(dev, "memory of 2^64 - 2 MiB", a, -EINVAL, true);
	a.memory_bytes = 1ull << 42;
	create_with(dev, "4 TiB of memory", a, -EBUSY, true);
	a = partition_arg("p");
	a.memory_addr = PAGE;
	create_with(dev, "address no multiple of 2 MiB", a, -EINVAL, true);
	a.memory_addr = 0;
	create_with(dev, "address 0", a, -EINVAL, true);
	a.memory_addr = 1ull << 45;
	create_with(dev, "address without memory", a, -EINVAL, true);
	a.memory_addr = 0xfee00000;
	create_with(dev, "address of the APIC", a, -EINVAL, true);
	a = partition_arg("p");
	a.uart_port = 0x3f9;
	create_with(dev, "no UART at 0x3f9", a, -EINVAL, true);
}

static void listing(int dev, int fd)
{
	struct pvm_partition_entry rows[4];
	struct pvm_list_partitions a = { .size = sizeof(a), .rows_ptr = (uintptr_t)rows, .rows_count = 4,
					 .rows_stride = sizeof(rows[0]) };

	bad_arguments("LIST_PARTITIONS", dev, PVM_LIST_PARTITIONS, &a, PVM_LIST_PARTITIONS_SIZE_V0, true);
	good_sizes("LIST_PARTITIONS", dev, PVM_LIST_PARTITIONS, &a, PVM_LIST_PARTITIONS_SIZE_V0);
	memset(rows, 0xff, sizeof(rows));
	expect("LIST_PARTITIONS", call(dev, PVM_LIST_PARTITIONS, &a), 0);
	expect_true("one is listed", a.rows_count == 1 && !strcmp((char *)rows[0].name, "p") && rows[0].id);
	expect_true("row: state, CPUs, memory", rows[0].state == PVM_PART_CREATED && rows[0].nr_cpus == 1 &&
		    rows[0].nr_pci == 0 && rows[0].memory_bytes == 32 * UNIT && rows[0].memory_addr);
	expect_true("row: never started, no heartbeat", !rows[0].started_ns && !rows[0].stop_reason &&
		    rows[0].beat_age_ns == ~0ull && rows[0].created_ns);
	expect_true("rows that are not used are left alone", rows[1].id == ~0u);
	a.rows_count = 0;
	expect("LIST_PARTITIONS: no room", call(dev, PVM_LIST_PARTITIONS, &a), -EMSGSIZE);
	expect_true("the needed count is written", a.rows_count == 1);
	a.rows_count = 4097;
	expect("LIST_PARTITIONS: too many rows", call(dev, PVM_LIST_PARTITIONS, &a), -EINVAL);
	a.rows_count = 1;
	a.rows_stride = 96;
	expect("LIST_PARTITIONS: stride too small", call(dev, PVM_LIST_PARTITIONS, &a), -EINVAL);
	a.rows_stride = 108;
	expect("LIST_PARTITIONS: stride no multiple of 8", call(dev, PVM_LIST_PARTITIONS, &a), -EINVAL);
	a.rows_stride = 104;
	a.rows_ptr = 0;
	expect("LIST_PARTITIONS: rows at NULL", call(dev, PVM_LIST_PARTITIONS, &a), -EFAULT);
	expect("PVM_LIST_PARTITIONS on a partition", call(fd, PVM_LIST_PARTITIONS, &a), -ENOTTY);
	expect("PVM_VM_STOP on a partition", call(fd, PVM_VM_STOP, NULL), -ENOTTY);
	expect("PVM_VCPU_RUN on a partition", call(fd, PVM_VCPU_RUN, NULL), -ENOTTY);
	expect("PVM_GET_CAP on a partition", call(fd, PVM_GET_CAP, NULL), -ENOTTY);
}

static void info_and_stats(int fd)
{
	uint64_t values[PVM_PART_NR_STATS + 1];
	struct pvm_part_cpu cpus[2];
	struct pvm_part_info i = { .size = sizeof(i), .cpus_ptr = (uintptr_t)cpus, .cpus_count = 2 };
	struct pvm_part_stats s = { .size = sizeof(s), .values_ptr = (uintptr_t)values,
				    .values_count = PVM_PART_NR_STATS };

	bad_arguments("PART_INFO", fd, PVM_PART_INFO, &i, PVM_PART_INFO_SIZE_V0, true);
	good_sizes("PART_INFO", fd, PVM_PART_INFO, &i, PVM_PART_INFO_SIZE_V0);
	expect("PART_INFO", call(fd, PVM_PART_INFO, &i), 0);
	expect_true("info: CPU", i.cpus_count == 1 && cpus[0].cpu == 1 && cpus[0].state == PVM_PCPU_PARKED);
	expect_true("info: window below 1 MiB", i.low_addr + i.low_bytes <= 0xa0000 && i.low_bytes >= 0x8000);
	expect_true("info: ports", i.uart_port == 0x3f8 && i.sleep_port && i.reset_port && i.tsc_khz > 1000);
	i.flags = 0;
	i.cpus_count = 0;
	expect("PART_INFO: no room for CPUs", call(fd, PVM_PART_INFO, &i), -EMSGSIZE);
	expect_true("the needed count is written", i.cpus_count == 1);
	i.flags = 0;
	i.cpus_ptr = 8;
	expect("PART_INFO: CPUs at 8", call(fd, PVM_PART_INFO, &i), -EFAULT);
	i.reserved = 1;
	expect("PART_INFO: reserved", call(fd, PVM_PART_INFO, &i), -EOPNOTSUPP);

	values[PVM_PART_NR_STATS] = 0x5a5a;
	bad_arguments("PART_STATS", fd, PVM_PART_STATS, &s, PVM_PART_STATS_SIZE_V0, true);
	good_sizes("PART_STATS", fd, PVM_PART_STATS, &s, PVM_PART_STATS_SIZE_V0);
	expect_true("nothing is written behind the array", values[PVM_PART_NR_STATS] == 0x5a5a && !values[0]);
	s.values_count--;
	expect("PART_STATS: one too few", call(fd, PVM_PART_STATS, &s), -EMSGSIZE);
	expect_true("the needed count is written", s.values_count == PVM_PART_NR_STATS);
	s.values_ptr = 0;
	expect("PART_STATS: no array", call(fd, PVM_PART_STATS, &s), -EFAULT);
	s.values_ptr = (uintptr_t)values;
	s.details_count = PVM_PART_MAX_DETAILS + 1;
	expect("PART_STATS: 65 rows", call(fd, PVM_PART_STATS, &s), -EINVAL);
}

static void starting(int fd, uint64_t base)
{
	struct pvm_part_start ok = { .size = sizeof(ok), .rip = base, .rsi = base, .rsp = base + PAGE, .cr3 = base,
				     .gdt_addr = base, .gdt_limit = 0x1f };
	struct pvm_part_start a;

	bad_arguments("PART_START", fd, PVM_PART_START, &ok, PVM_PART_START_SIZE_V0, false);
#define WRONG(what, field, value) do { \
		a = ok; \
		a.field = (value); \
		expect_sub("PART_START", what, call(fd, PVM_PART_START, &a), -EINVAL); \
	} while (0)
	WRONG("entry below the memory", rip, base - 1);
	WRONG("entry behind the memory", rip, base + 32 * UNIT);
	WRONG("zero page elsewhere", rsi, 0);
	WRONG("stack elsewhere", rsp, ~0ull);
	WRONG("tables not on a page", cr3, base + 8);
	WRONG("tables elsewhere", cr3, base + 32 * UNIT);
	WRONG("GDT elsewhere", gdt_addr, base - 8);
	WRONG("GDT over the end", gdt_addr, base + 32 * UNIT - 0x1f);
	WRONG("GDT of 4 GiB", gdt_limit, 0xffffffff);
	WRONG("mailbox with one CPU", mailbox, base);
	a = ok;
	a.reserved = 1;
	expect("PART_START: reserved", call(fd, PVM_PART_START, &a), -EOPNOTSUPP);
}

static void small_calls(int fd, uint64_t base)
{
	struct pvm_part_heartbeat h = { .size = sizeof(h) };
	struct pvm_part_stop s = { .size = sizeof(s) };
	struct pvm_part_keep k = { .size = sizeof(k) };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	bad_arguments("PART_HEARTBEAT", fd, PVM_PART_HEARTBEAT, &h, PVM_PART_HEARTBEAT_SIZE_V0, false);
	good_sizes("PART_HEARTBEAT", fd, PVM_PART_HEARTBEAT, &h, PVM_PART_HEARTBEAT_SIZE_V0);
	h.addr = base;
	h.timeout_ms = 1000;
	expect("PART_HEARTBEAT while it does not run", call(fd, PVM_PART_HEARTBEAT, &h), -EBUSY);
	h.timeout_ms = 99;
	expect("PART_HEARTBEAT: 99 ms", call(fd, PVM_PART_HEARTBEAT, &h), -EINVAL);
	h.timeout_ms = 1000;
	h.addr = base + 4;
	expect("PART_HEARTBEAT: not aligned", call(fd, PVM_PART_HEARTBEAT, &h), -EINVAL);
	h.reserved = 1;
	expect("PART_HEARTBEAT: reserved", call(fd, PVM_PART_HEARTBEAT, &h), -EOPNOTSUPP);

	bad_arguments("PART_STOP", fd, PVM_PART_STOP, &s, PVM_PART_STOP_SIZE_V0, true);
	good_sizes("PART_STOP", fd, PVM_PART_STOP, &s, PVM_PART_STOP_SIZE_V0);
	expect_true("none is lost", s.lost_cpus == 0);
	s.timeout_ms = 60001;
	expect("PART_STOP: over a minute", call(fd, PVM_PART_STOP, &s), -EINVAL);
	bad_arguments("PART_KEEP", fd, PVM_PART_KEEP, &k, PVM_PART_KEEP_SIZE_V0, false);
	expect_true("poll: it does not run", poll(&p, 1, 0) == 1 && p.revents == POLLIN);
}

static int try_map(int fd, uint64_t offset, uint64_t bytes, int flags)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	*(volatile uint8_t *)p = 1;
	munmap(p, bytes);
	return 0;
}

static void mapping(int fd)
{
	uint8_t *p;

	expect("mmap: memory", try_map(fd, 0, 32 * UNIT, MAP_SHARED), 0);
	expect("mmap: over its end", try_map(fd, 0, 32 * UNIT + PAGE, MAP_SHARED), -EINVAL);
	expect("mmap: behind it", try_map(fd, 32 * UNIT, PAGE, MAP_SHARED), -EINVAL);
	expect("mmap: private", try_map(fd, 0, PAGE, MAP_PRIVATE), -EINVAL);
	expect("mmap: window", try_map(fd, PVM_PART_MMAP_LOW, 0x8000, MAP_SHARED), 0);
	expect("mmap: behind it", try_map(fd, PVM_PART_MMAP_LOW + (1 << 20), PAGE, MAP_SHARED), -EINVAL);
	expect("mmap: console", try_map(fd, PVM_PART_MMAP_CONSOLE, PVM_PART_CONSOLE_BYTES, MAP_SHARED), 0);
	expect("mmap: behind it", try_map(fd, PVM_PART_MMAP_CONSOLE + PVM_PART_CONSOLE_BYTES, PAGE, MAP_SHARED),
	       -EINVAL);
	p = mmap(NULL, 32 * UNIT, PROT_READ, MAP_SHARED, fd, 0);
	expect_true("its memory was cleared", p != MAP_FAILED && p[PAGE] == 0 &&
		    !memcmp(p + PAGE, p + PAGE + 1, 31 * UNIT));
	munmap(p, 32 * UNIT);
}

static void without_privilege(void)
{
	struct pvm_create_partition a = partition_arg("q");
	struct pvm_list_partitions l = { .size = sizeof(l), .rows_stride = 104 };
	int dev = device(), status = 0;

	if (!fork()) {
		if (setgid(1000) || setuid(1000))
			_exit(9);
		_exit(call(dev, PVM_CREATE_PARTITION, &a) == -EPERM && open_partition(dev, "p") == -EPERM &&
		      call(dev, PVM_LIST_PARTITIONS, &l) == -EMSGSIZE ? 0 : 1);
	}
	wait(&status);
	expect_true("a user may list partitions, but neither make nor open one", status == 0);
	close(dev);
}

static void ending(int dev, int fd)
{
	struct pvm_part_destroy d = { .size = sizeof(d) };
	struct pvm_part_keep k = { .size = sizeof(k) };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int other = open_partition(dev, "p");

	expect_true("OPEN_PARTITION", other >= 0);
	expect("OPEN_PARTITION: no such name", open_partition(dev, "q"), -ENOENT);
	expect("OPEN_PARTITION: bad name", open_partition(dev, "a b"), -EINVAL);
	expect("CREATE_PARTITION: the name is taken", create_partition(dev, "p"), -EEXIST);
	expect("CREATE_PARTITION: the CPU is taken", create_partition(dev, "q"), -EBUSY);
	expect("PART_KEEP", call(fd, PVM_PART_KEEP, &k), 0);
	expect("PART_KEEP twice", call(fd, PVM_PART_KEEP, &k), 0);
	bad_arguments("PART_DESTROY", fd, PVM_PART_DESTROY, &d, PVM_PART_DESTROY_SIZE_V0, false);
	expect("PART_DESTROY", call(fd, PVM_PART_DESTROY, &d), 0);
	expect("PART_DESTROY twice", call(fd, PVM_PART_DESTROY, &d), -ENODEV);
	expect("another descriptor", call(other, PVM_PART_DESTROY, &d), -ENODEV);
	expect("PART_KEEP after it", call(other, PVM_PART_KEEP, &k), -ENODEV);
	expect("mmap after it", try_map(other, 0, PAGE, MAP_SHARED), -ENODEV);
	expect_true("poll after it", poll(&p, 1, 0) == 1 && p.revents & POLLHUP);
	expect("OPEN_PARTITION after it", open_partition(dev, "p"), -ENOENT);
	close(other);
	close(fd);
}

void test_part(void)
{
	struct pvm_part_info i = { .size = sizeof(i) };
	struct pvm_part_cpu cpu;
	int dev = device(), fd;

	creating(dev);
	fd = create_partition(dev, "p");
	must("a partition", fd);
	i.cpus_ptr = (uintptr_t)&cpu;
	i.cpus_count = 1;
	must("its info", call(fd, PVM_PART_INFO, &i));
	mapping(fd);
	listing(dev, fd);
	info_and_stats(fd);
	starting(fd, i.entry.memory_addr);
	small_calls(fd, i.entry.memory_addr);
	without_privilege();
	ending(dev, fd);
	fd = create_partition(dev, "p");
	expect_true("name and CPU are free again", fd >= 0);
	close(fd);
	expect("the last close ends it", open_partition(dev, "p"), -ENOENT);
	close(dev);
}
