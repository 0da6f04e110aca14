// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc as a user reads it: every file of a list can be read to its end, and says what it must.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include "tap.h"

static char buf[1 << 20];

static long slurp(const char *name)
{
	long n = 0, got;
	int fd = open(name, O_RDONLY);

	if (fd < 0)
		return -errno;
	while (n < (long)sizeof(buf) - 1 && (got = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0)
		n += got;
	close(fd);
	buf[n] = 0;
	return n;
}

int main(void)
{
	static const char *const files[] = {
		"cpuinfo", "meminfo", "stat", "interrupts", "softirqs", "uptime", "loadavg", "version", "cmdline",
		"filesystems", "mounts", "devices", "iomem", "ioports", "zoneinfo", "buddyinfo", "vmstat",
		"self/maps", "self/smaps", "self/status", "self/stat", "self/auxv", "timer_list",
	};
	struct utsname u;
	struct sysinfo si;
	unsigned long i, a, b;
	char *s;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[64];
		long n;

		snprintf(name, sizeof(name), "/proc/%s", files[i]);
		n = slurp(name);
		ok(n > 0 || n == -ENOENT || n == -EACCES, "%s can be read", name);
	}
	slurp("/proc/meminfo");
	s = strstr(buf, "MemTotal:");
	a = s ? strtoul(s + 9, NULL, 10) : 0;
	s = strstr(buf, "MemFree:");
	b = s ? strtoul(s + 8, NULL, 10) : 0;
	ok(a > 16384 && b > 0 && b < a, "memory adds up");
	sysinfo(&si);
	ok(si.totalram * si.mem_unit / 1024 == a, "sysinfo says the same");
	slurp("/proc/cpuinfo");
	ok(strstr(buf, "processor\t: 0") != NULL, "a processor");
	ok(strstr(buf, " lm ") && strstr(buf, " nx ") && strstr(buf, " syscall "), "its flags");
	uname(&u);
	ok(!strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64"), "uname");
	slurp("/proc/self/maps");
	ok(strstr(buf, "[stack]") && strstr(buf, "[vdso]"), "stack and vdso are mapped");
	slurp("/proc/uptime");
	a = atoi(buf);
	ok(a < 3600 * 24 * 1000ul, "uptime");
	slurp("/proc/stat");
	s = strstr(buf, "ctxt ");
	a = s ? strtoul(s + 5, NULL, 10) : 0;
	usleep(20000);
	slurp("/proc/stat");
	s = strstr(buf, "ctxt ");
	b = s ? strtoul(s + 5, NULL, 10) : 0;
	ok(b > a && a, "context switches are counted");
	return tap_failed;
}
