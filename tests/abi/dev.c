// SPDX-License-Identifier: GPL-2.0-only
/* ioctls of /dev/pvm. */
#include "abi.h"

static uint64_t cap(int dev, uint32_t which)
{
	struct pvm_cap a = { .size = sizeof(a), .cap = which, .value = 0x5a5a };

	must("PVM_GET_CAP", call(dev, PVM_GET_CAP, &a));
	return a.value;
}

/* What the CPU has, says the host's kernel; the emulated one has SVM or nothing. */
static uint64_t partitions_expected(void)
{
	static char text[1 << 16];
	FILE *f = fopen("/proc/cpuinfo", "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = 0;
	return strstr(text, " svm ") ? PVM_PARTITIONS_SVM : PVM_PARTITIONS_NONE;
}

static void capabilities(void)
{
	struct pvm_cap a = { .size = sizeof(a), .cap = PVM_CAP_MAX_VCPUS };
	int dev = device();

	bad_arguments("GET_CAP", dev, PVM_GET_CAP, &a, PVM_CAP_SIZE_V0, true);
	good_sizes("GET_CAP", dev, PVM_GET_CAP, &a, PVM_CAP_SIZE_V0);
	a.reserved = 1;
	expect("GET_CAP: reserved", call(dev, PVM_GET_CAP, &a), -EOPNOTSUPP);
	expect_true("MAX_VCPUS", cap(dev, PVM_CAP_MAX_VCPUS) == PVM_MAX_VCPUS);
	expect_true("MAX_SLOTS", cap(dev, PVM_CAP_MAX_SLOTS) == PVM_MAX_SLOTS);
	expect_true("TSC_KHZ is plausible", cap(dev, PVM_CAP_TSC_KHZ) > 1000);
	expect_true("ADDR_BITS is 32..52", cap(dev, PVM_CAP_ADDR_BITS) >= 32 && cap(dev, PVM_CAP_ADDR_BITS) <= 52);
	expect_true("EVENTFD", cap(dev, PVM_CAP_EVENTFD) == 1);
	expect_true("PARTITIONS: what this CPU has", cap(dev, PVM_CAP_PARTITIONS) == partitions_expected());
	expect_true("VERSION is not 0", cap(dev, PVM_CAP_VERSION) != 0);
	expect_true("GUEST_XCR0 has x87 and SSE, or the host has no XSAVE",
		    (cap(dev, PVM_CAP_GUEST_XCR0) & 3) == 3 || !(cap(dev, PVM_CAP_HOST) & PVM_HOST_XSAVE));
	expect_true("an unknown capability is 0", cap(dev, 0x7fffffff) == 0);
	close(dev);
}

static const struct {
	const char *what, *name;
	int want;
} names[] = {
	{ "empty name", "", -EINVAL },
	{ "name with a slash", "a/b", -EINVAL },
	{ "name with a space", "a b", -EINVAL },
	{ "name with a control character", "a\nb", -EINVAL },
	{ "name with a byte above 127", "a\xc3\xa4", -EINVAL },
	{ "one character", "x", 0 },
	{ "31 characters", "abcdefghijklmnopqrstuvwxyz01234", 0 },
	{ "every kind of character", "Az09._-", 0 },
};

static void create_with(int dev, const char *what, struct pvm_create_vm a, int want)
{
	int err = call(dev, PVM_CREATE_VM, &a);

	expect_sub("CREATE_VM", what, err, want);
	if (!err)
		close(a.fd);
}

static void creating(void)
{
	struct pvm_create_vm a = create_arg("fields"), twin;
	int dev = device();
	uint32_t id;
	size_t i;

	bad_arguments("CREATE_VM", dev, PVM_CREATE_VM, &a, PVM_CREATE_VM_SIZE_V0, true);
	for (i = 0; i < COUNT(names); i++)
		create_with(dev, names[i].what, create_arg(names[i].name), names[i].want);
	memset(a.name, 'n', sizeof(a.name));
	create_with(dev, "name without NUL", a, -EINVAL);
	a = create_arg("fields");
	a.max_vcpus = 0;
	create_with(dev, "no vCPUs", a, -EINVAL);
	a.max_vcpus = PVM_MAX_VCPUS + 1;
	create_with(dev, "too many vCPUs", a, -EINVAL);
	a = create_arg("fields");
	a.domid = 0x7ff0;
	create_with(dev, "reserved domain id", a, -EINVAL);
	a.domid = 0x7fef;
	create_with(dev, "highest domain id", a, 0);
	a.shadow_limit_bytes = (256 << 10) - 1;
	create_with(dev, "shadow limit below 256 KiB", a, -EINVAL);
	a.shadow_limit_bytes = 256 << 10;
	create_with(dev, "shadow limit of 256 KiB", a, 0);
	a.shadow_limit_bytes = ~0ull;
	create_with(dev, "shadow limit of 2^64-1", a, -ENOMEM);
	a.shadow_limit_bytes = 0;
	create_with(dev, "default shadow limit", a, 0);

	a = create_arg("fields");
	expect("CREATE_VM", call(dev, PVM_CREATE_VM, &a), 0);
	expect_true("the descriptor is close-on-exec", fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
	expect_true("size is written back as given", a.size == sizeof(a));
	twin = create_arg("fields");
	expect("the same name again", call(dev, PVM_CREATE_VM, &twin), -EEXIST);
	id = a.id;
	close(a.fd);
	a = create_arg("fields");
	expect("the name is free after close", call(dev, PVM_CREATE_VM, &a), 0);
	expect_true("ids are not used again", a.id > id);
	close(a.fd);
	close(dev);
}

static void listing(void)
{
	struct pvm_list_vms a = { .size = sizeof(a), .vms_stride = PVM_VM_ENTRY_SIZE_V0 };
	struct guest g = new_guest("listed");
	uint8_t wide[4][96];
	struct pvm_vm_entry row;

	memset(wide, 0xff, sizeof(wide));
	expect("LIST_VMS: no room", call(g.dev, PVM_LIST_VMS, &a), -EMSGSIZE);
	expect_true("the needed count is written with EMSGSIZE", a.vms_count == 1);
	a.vms_ptr = (uintptr_t)wide;
	a.vms_count = 4;
	a.vms_stride = 96;
	bad_arguments("LIST_VMS", g.dev, PVM_LIST_VMS, &a, PVM_LIST_VMS_SIZE_V0, true);
	good_sizes("LIST_VMS", g.dev, PVM_LIST_VMS, &a, PVM_LIST_VMS_SIZE_V0);
	expect("LIST_VMS: wide rows", call(g.dev, PVM_LIST_VMS, &a), 0);
	expect_true("the count is written", a.vms_count == 1);
	expect_true("what the driver does not know of a row is zero", !memcmp(wide[0] + 88, "\0\0\0\0\0\0\0\0", 8));
	expect_true("rows that are not used are left alone", wide[1][0] == 0xff && wide[1][95] == 0xff);
	a.vms_stride = 80;
	expect("LIST_VMS: stride too small", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 92;
	expect("LIST_VMS: stride no multiple of 8", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 4104;
	expect("LIST_VMS: stride too large", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_stride = 88;
	a.vms_count = 4097;
	expect("LIST_VMS: too many rows", call(g.dev, PVM_LIST_VMS, &a), -EINVAL);
	a.vms_count = 4;
	a.vms_ptr = (uintptr_t)border_page() + PAGE - 80;
	expect("LIST_VMS: row not writable", call(g.dev, PVM_LIST_VMS, &a), -EFAULT);
	a.vms_ptr = 0xffffffff81000000ull;
	expect("LIST_VMS: rows in kernel memory", call(g.dev, PVM_LIST_VMS, &a), -EFAULT);

	expect_true("the VM is listed", find_row(g.dev, "listed", &row));
	expect_true("row: id", row.id == g.id);
	expect_true("row: state", row.state == PVM_VM_NEW);
	expect_true("row: pid", row.pid == (uint32_t)getpid());
	expect_true("row: uid", row.uid == getuid());
	expect_true("row: vCPUs", row.nr_vcpus == 1);
	expect_true("row: memory", row.memory_bytes == (RAM_PAGES + 1 + GRANT_FRAMES) * PAGE);
	expect_true("row: created in the past", row.created_ns > 0);
	expect_true("row: never ran", row.runtime_ns == 0 && row.shutdown_reason == 0);
	end_guest(&g);
}

static void counters(void)
{
	uint64_t values[PVM_NR_STATS + 1], hypercalls[65];
	struct guest g = new_guest("counted");
	struct pvm_get_stats a = { .size = sizeof(a), .id = g.id, .values_count = PVM_NR_STATS,
				   .values_ptr = (uintptr_t)values, .hypercalls_ptr = (uintptr_t)hypercalls };

	values[PVM_NR_STATS] = hypercalls[64] = 0x5a5a;
	bad_arguments("GET_STATS", g.dev, PVM_GET_STATS, &a, PVM_GET_STATS_SIZE_V0, true);
	good_sizes("GET_STATS", g.dev, PVM_GET_STATS, &a, PVM_GET_STATS_SIZE_V0);
	expect_true("nothing is written behind the arrays", values[PVM_NR_STATS] == 0x5a5a && hypercalls[64] == 0x5a5a);
	expect_true("the shared info page is pinned", values[PVM_STAT_PINNED] == 1);
	a.values_count = PVM_NR_STATS - 1;
	expect("GET_STATS: one too few", call(g.dev, PVM_GET_STATS, &a), -EMSGSIZE);
	expect_true("the needed count is written", a.values_count == PVM_NR_STATS);
	a.values_count = 257;
	expect("GET_STATS: 257 values", call(g.dev, PVM_GET_STATS, &a), -EINVAL);
	a.values_count = 256;
	a.values_ptr = 0;
	expect("GET_STATS: no array", call(g.dev, PVM_GET_STATS, &a), -EFAULT);
	a.values_ptr = (uintptr_t)values;
	a.values_count = PVM_NR_STATS;
	a.hypercalls_ptr = 8;
	expect("GET_STATS: bad second array", call(g.dev, PVM_GET_STATS, &a), -EFAULT);
	a.hypercalls_ptr = 0;
	expect("GET_STATS: no second array", call(g.dev, PVM_GET_STATS, &a), 0);
	a.id = g.id + 1000;
	expect("GET_STATS: no such VM", call(g.dev, PVM_GET_STATS, &a), -ENOENT);
	a.id = 0;
	expect("GET_STATS: VM 0", call(g.dev, PVM_GET_STATS, &a), -ENOENT);
	expect("GET_STATS on the VM", call(g.vm, PVM_GET_STATS, &a), 0);
	a.id = g.id;
	expect("GET_STATS on the VM with an id", call(g.vm, PVM_GET_STATS, &a), -EINVAL);
	end_guest(&g);
}

void test_dev(void)
{
	capabilities();
	creating();
	listing();
	counters();
}
