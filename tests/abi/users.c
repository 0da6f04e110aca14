// SPDX-License-Identifier: GPL-2.0-only
/* Who sees which VM, and how many a user may have. */
#include "abi.h"

static void stranger(uint32_t roots_vm)
{
	uint64_t values[PVM_NR_STATS];
	struct pvm_get_stats s = { .size = sizeof(s), .id = roots_vm, .values_count = PVM_NR_STATS,
				   .values_ptr = (uintptr_t)values };
	struct pvm_vm_entry row;
	struct guest g;

	must("setgid", setgid(1000) ? -errno : 0);
	must("setuid", setuid(1000) ? -errno : 0);
	g = new_guest("strangers");
	expect_true("another user does not see root's VM", !find_row(g.dev, "roots", NULL));
	expect_true("but its own", find_row(g.dev, "strangers", &row) && row.uid == 1000);
	expect("GET_STATS of root's VM", call(g.dev, PVM_GET_STATS, &s), -ENOENT);
	s.id = g.id;
	expect("GET_STATS of its own", call(g.dev, PVM_GET_STATS, &s), 0);
	expect("names are unique for all", create_vm(g.dev, "roots", NULL), -EEXIST);
	end_guest(&g);
}

static void users(void)
{
	struct guest g = new_guest("roots");
	struct pvm_vm_entry row;
	struct stat st;
	int status, seen[2], go[2];
	char byte = 0;
	pid_t pid;

	must("stat", stat("/dev/pvm", &st) ? -errno : 0);
	expect_true("the device is for its group only", (st.st_mode & 0777) == 0660);
	must("chmod", chmod("/dev/pvm", 0666) ? -errno : 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		failures = 0;
		stranger(g.id);
		_exit(failures);
	}
	waitpid(pid, &status, 0);
	failures += WIFEXITED(status) ? WEXITSTATUS(status) : 1;

	must("pipe", pipe(seen));
	must("pipe", pipe(go));
	pid = fork();
	if (!pid) {
		must("setuid", setuid(1000) ? -errno : 0);
		g = new_guest("visible");
		must("tell", write(seen[1], &byte, 1));
		must("wait", read(go[0], &byte, 1));
		_exit(0);
	}
	must("wait", read(seen[0], &byte, 1));
	expect_true("root sees all, with their users", find_row(g.dev, "visible", &row) && row.uid == 1000 &&
		    row.pid == (uint32_t)pid && find_row(g.dev, "roots", NULL));
	must("go", write(go[1], &byte, 1));
	waitpid(pid, &status, 0);
	must("chmod", chmod("/dev/pvm", 0660) ? -errno : 0);
	end_guest(&g);
}

static void parameter(const char *name, const char *value, char *old)
{
	char path[128];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/pvm/parameters/%s", name);
	fd = open(path, O_RDWR);
	must(path, fd < 0 ? -errno : 0);
	if (old) {
		n = read(fd, old, 31);
		old[n > 0 ? n : 0] = 0;
	}
	must(path, pwrite(fd, value, strlen(value), 0) < 0 ? -errno : 0);
	close(fd);
}

static void limits(void)
{
	struct pvm_create_vcpu v = { .size = sizeof(v) };
	struct pvm_create_vm a = create_arg("big");
	struct pvm_platform p = platform_arg();
	struct pvm_memory m;
	struct rlimit old_files, few_files;
	int dev = device(), one, two, i, n;
	char old[32];
	struct guest g;

	parameter("max_vms_per_uid", "2", old);
	one = create_vm(dev, "one", NULL);
	two = create_vm(dev, "two", NULL);
	expect_true("two VMs of two", one >= 0 && two >= 0);
	expect("a third VM of two", create_vm(dev, "three", NULL), -EPERM);
	close(one);
	one = create_vm(dev, "three", NULL);
	expect_true("one closed: another one fits", one >= 0);
	close(one);
	close(two);
	parameter("max_vms_per_uid", "0", NULL);
	expect("no VMs at all", create_vm(dev, "one", NULL), -EPERM);
	parameter("max_vms_per_uid", old, NULL);

	g = new_vm("limits");
	give_memory(&g);
	must("platform", call(g.vm, PVM_VM_SET_PLATFORM, &p));
	parameter("max_vcpus_per_uid", "0", old);
	expect("no vCPUs at all", call(g.vm, PVM_VM_CREATE_VCPU, &v), -EPERM);
	parameter("max_vcpus_per_uid", "1", NULL);
	expect("one vCPU of one", call(g.vm, PVM_VM_CREATE_VCPU, &v), 0);
	g.vcpu = v.fd;
	parameter("max_vcpus_per_uid", old, NULL);
	end_guest(&g);

	parameter("max_shadow_mb_per_uid", "4", old);
	a.shadow_limit_bytes = 5 << 20;
	expect("5 MiB of shadow pages of 4", call(dev, PVM_CREATE_VM, &a), -ENOMEM);
	g = new_vm("limits");		/* 1 MiB */
	m = memory_arg(0, 0, 1 << 18, must_map(1ull << 30));
	expect("a frame table over the limit", call(g.vm, PVM_VM_SET_MEMORY, &m), -ENOMEM);
	m.nr_pages = 1 << 17;
	expect("a frame table within", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	m.nr_pages = 0;
	expect("given back", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	m.nr_pages = 1 << 17;
	expect("and taken again", call(g.vm, PVM_VM_SET_MEMORY, &m), 0);
	munmap((void *)(uintptr_t)m.uaddr, 1ull << 30);
	end_guest(&g);
	parameter("max_shadow_mb_per_uid", old, NULL);

	must("getrlimit", getrlimit(RLIMIT_NOFILE, &old_files) ? -errno : 0);
	few_files = old_files;
	few_files.rlim_cur = dup(0);
	close(few_files.rlim_cur);
	must("setrlimit", setrlimit(RLIMIT_NOFILE, &few_files) ? -errno : 0);
	expect("no descriptor left", create_vm(dev, "nofd", NULL), -EMFILE);
	must("setrlimit", setrlimit(RLIMIT_NOFILE, &old_files) ? -errno : 0);
	one = create_vm(dev, "nofd", NULL);
	expect_true("the name was given back", one >= 0);
	close(one);

	for (n = i = 0; i < 200; i++) {
		g = new_guest("again");
		n += g.vcpu >= 0;
		end_guest(&g);
	}
	expect("200 guests one after the other", n, 200);
	close(dev);
}

void test_users(void)
{
	users();
	limits();
}
