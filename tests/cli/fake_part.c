// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's partitions, made of files, under the real libpvm/part*.c: for pvmctl's tests.
 *
 * A partition is a directory $FAKE_DIR/parts/NAME, so it lives on between two runs of pvmctl: `state`
 * (a struct), `mem`, `con` (mapped), `fd` (a fifo that has a byte in it while the partition does not
 * run). What its kernel does when started is in $FAKE_PART:
 *
 *	up	prints, and has a VMCOREINFO page (without symbols)
 *	dies	prints and ends by a triple fault
 *	off	prints and powers off
 *	mute	runs and is never up
 *	echo	as up; typed bytes are not answered (there is nobody), but stay in the ring
 *
 * Of those that run, $FAKE_BUSY (see fake_libpvm.c) makes port accesses grow, and $FAKE_BEAT_NS is how
 * long their heartbeat has been standing still. $FAKE_PART_ERR makes a call fail: "open:1".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"

#define MAX_FDS 64

struct state {
	struct pvm_partition_entry e;
	uint32_t cpus[64];
	uint32_t uart_port;
	uint32_t kept;
};

static struct {
	int fd;
	char name[64];
} open_parts[MAX_FDS];

static const char *path(const char *name, const char *file)
{
	static char p[2][600];
	static int turn;
	const char *dir = getenv("FAKE_DIR");

	turn ^= 1;
	snprintf(p[turn], sizeof(p[turn]), "%s/parts/%s%s%s", dir ? dir : "/nonexistent", name,
		 *file ? "/" : "", file);
	return p[turn];
}

static int load(const char *name, struct state *s)
{
	FILE *f = fopen(path(name, "state"), "re");
	int err = f && fread(s, sizeof(*s), 1, f) == 1 ? 0 : -ENOENT;

	if (f)
		fclose(f);
	return err;
}

static void save(const char *name, const struct state *s)
{
	FILE *f = fopen(path(name, "state"), "we");

	if (f) {
		fwrite(s, sizeof(*s), 1, f);
		fclose(f);
	}
}

static const char *name_of(int fd)
{
	for (int i = 0; i < MAX_FDS; i++)
		if (open_parts[i].fd == fd && *open_parts[i].name)
			return open_parts[i].name;
	return "none";
}

/* A fifo forgets what is in it when nobody has it open. */
static int open_fd(const char *name)
{
	int fd = open(path(name, "fd"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct state s;

	if (fd >= 0 && !load(name, &s) && s.e.state != PVM_PART_RUNNING && poll(&p, 1, 0) == 0 &&
	    write(fd, "x", 1) != 1)
		return -1;

	for (int i = 0; i < MAX_FDS && fd >= 0; i++) {
		if (*open_parts[i].name && open_parts[i].fd != fd)
			continue;
		open_parts[i].fd = fd;
		snprintf(open_parts[i].name, sizeof(open_parts[i].name), "%s", name);
		break;
	}
	return fd;
}

static void set_state(int fd, struct state *s, uint32_t state, uint32_t reason)
{
	char bytes[64];

	s->e.state = state;
	s->e.stop_reason = reason;
	save(name_of(fd), s);
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	/* Last: who is woken by it looks at the state. */
	if (state != PVM_PART_RUNNING && write(fd, "x", 1) != 1)
		perror("fake partition");
}

static int fake_err(const char *call)
{
	const char *want = getenv("FAKE_PART_ERR");	/* "create:16 sentence" */
	size_t n = strlen(call);

	return want && !strncmp(want, call, n) && want[n] == ':' ? -atoi(want + n + 1) : 0;
}

int pvm_sys_create_part(int fd, struct pvm_create_partition *arg)
{
	struct state s = { .uart_port = arg->uart_port ? arg->uart_port : 0x3f8 };
	const char *name = (char *)arg->name, *why = getenv("FAKE_PART_WHY");
	int err = fake_err("create");
	size_t i;

	(void)fd;
	if (err) {
		snprintf((char *)arg->why, sizeof(arg->why), "%s", why ? why : "");
		return err;
	}
	mkdir(path("", ""), 0700);
	if (mkdir(path(name, ""), 0700))
		return -errno;
	for (i = 0; name[i]; i++)
		s.e.id = s.e.id * 31 + (uint8_t)name[i];
	memcpy(s.e.name, name, sizeof(s.e.name));
	s.e.flags = arg->flags;
	s.e.nr_cpus = arg->cpus_count;
	s.e.nr_pci = arg->pci_count;
	s.e.memory_bytes = arg->memory_bytes;
	s.e.memory_addr = arg->memory_addr == PVM_PART_ADDR_ANY ? 0x40000000 : arg->memory_addr;
	s.e.beat_age_ns = ~0ull;
	memcpy(s.cpus, (void *)(uintptr_t)arg->cpus_ptr, 4 * arg->cpus_count);
	if (mkfifo(path(name, "fd"), 0600))
		return -errno;
	arg->id = s.e.id;
	arg->fd = open_fd(name);
	set_state(arg->fd, &s, PVM_PART_CREATED, 0);
	return 0;
}

int pvm_sys_open_part(int fd, struct pvm_open_partition *arg)
{
	struct state s;
	int err = fake_err("open") ?: load((char *)arg->name, &s);

	(void)fd;
	if (err)
		return err;
	arg->id = s.e.id;
	arg->fd = open_fd((char *)arg->name);
	return 0;
}

int pvm_sys_list_parts(int fd, struct pvm_partition_entry *rows, uint32_t *count)
{
	const char *beat = getenv("FAKE_BEAT_NS");
	DIR *d = opendir(path("", ""));
	uint32_t n = 0, room = *count;
	struct dirent *e;
	struct state s;

	(void)fd;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || load(e->d_name, &s) || n++ >= room)
			continue;
		if (beat && s.e.state == PVM_PART_RUNNING)
			s.e.beat_age_ns = strtoull(beat, NULL, 10);
		rows[n - 1] = s.e;
	}
	if (d)
		closedir(d);
	*count = n;
	return n > room ? -EMSGSIZE : 0;
}

int pvm_sys_part_keep(int part_fd)
{
	struct state s;
	int err = load(name_of(part_fd), &s);

	s.kept = 1;
	save(name_of(part_fd), &s);
	return err;
}

int pvm_sys_part_info(int part_fd, struct pvm_part_info *arg)
{
	struct pvm_part_cpu *cpus = (void *)(uintptr_t)arg->cpus_ptr;
	struct state s;

	if (load(name_of(part_fd), &s))
		return -ENODEV;
	arg->entry = s.e;
	arg->low_addr = 0x20000;
	arg->low_bytes = 0x40000;
	arg->tsc_khz = 2000000;
	arg->uart_port = s.uart_port;
	arg->sleep_port = 0x604;
	arg->reset_port = 0x605;
	arg->flags = s.kept ? PVM_PINFO_KEPT : 0;
	arg->cpus_count = s.e.nr_cpus;
	arg->bars_count = 0;
	for (uint32_t i = 0; i < s.e.nr_cpus; i++)
		cpus[i] = (struct pvm_part_cpu){ .cpu = s.cpus[i], .apic_id = s.cpus[i] };
	return 0;
}

static void print(int fd, const char *text)
{
	struct pvm_part_console *con;
	void *p;

	if (pvm_sys_part_map(fd, PVM_PART_MMAP_CONSOLE, PVM_PART_CONSOLE_BYTES, &p))
		return;
	con = p;
	for (; *text; text++)
		con->out[con->out_head++ % PVM_PART_OUT_BYTES] = (uint8_t)*text;
	pvm_sys_part_unmap(p, PVM_PART_CONSOLE_BYTES);
}

int pvm_sys_part_start(int part_fd, struct pvm_part_start *arg)
{
	const char *kind = getenv("FAKE_PART") ? getenv("FAKE_PART") : "up";
	struct state s;
	void *mem;

	(void)arg;
	if (load(name_of(part_fd), &s))
		return -ENODEV;
	s.e.started_ns = 1;
	s.e.exits = 258;
	set_state(part_fd, &s, PVM_PART_RUNNING, 0);
	print(part_fd, "hello from the partition\r\n");
	if (!strcmp(kind, "dies")) {
		print(part_fd, "Kernel panic - not syncing: fake\r\n");
		set_state(part_fd, &s, PVM_PART_STOPPED, PVM_PSTOP_TRIPLE);
	} else if (!strcmp(kind, "off")) {
		set_state(part_fd, &s, PVM_PART_STOPPED, PVM_PSTOP_POWEROFF);
	} else if (strcmp(kind, "mute") &&
		   !pvm_sys_part_map(part_fd, PVM_PART_MMAP_MEMORY, s.e.memory_bytes, &mem)) {
		strcpy((char *)mem + s.e.memory_bytes / 2,
		       "OSRELEASE=6.1.0-fake\nNUMBER(phys_base)=0\n");
		pvm_sys_part_unmap(mem, s.e.memory_bytes);
	}
	return 0;
}

int pvm_sys_part_stop(int part_fd, uint32_t timeout_ms, uint32_t *lost_cpus)
{
	const char *lost = getenv("FAKE_PART_LOST");
	struct state s;

	(void)timeout_ms;
	if (load(name_of(part_fd), &s))
		return -ENODEV;
	if (s.e.state == PVM_PART_RUNNING)
		set_state(part_fd, &s, PVM_PART_STOPPED, PVM_PSTOP_ASKED);
	*lost_cpus = lost ? (uint32_t)atoi(lost) : 0;
	return 0;
}

int pvm_sys_part_destroy(int part_fd)
{
	const char *name = name_of(part_fd);
	struct state s;

	if (load(name, &s))
		return -ENODEV;
	if (s.e.state == PVM_PART_RUNNING)
		return -EBUSY;
	unlink(path(name, "state"));
	unlink(path(name, "mem"));
	unlink(path(name, "con"));
	unlink(path(name, "fd"));
	return rmdir(path(name, "")) ? -errno : 0;
}

static uint64_t busy(void)
{
	const char *ns = getenv("FAKE_BUSY");
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ns ? (ts.tv_sec * 1000000000ull + ts.tv_nsec) / strtoull(ns, NULL, 10) : 0;
}

int pvm_sys_part_stats(int part_fd, struct pvm_part_stats *arg)
{
	uint64_t *values = (void *)(uintptr_t)arg->values_ptr;
	struct pvm_part_detail *d = (void *)(uintptr_t)arg->details_ptr;

	(void)part_fd;
	values[PVM_PART_STAT_EXITS] = 258 + busy();
	values[PVM_PART_STAT_EXIT_IO] = 249 + busy();
	arg->values_count = PVM_PART_NR_STATS;
	if (d) {
		d[0] = (struct pvm_part_detail){ PVM_PDETAIL_IN, 0x71, 100 };
		d[1] = (struct pvm_part_detail){ PVM_PDETAIL_RDMSR, 0xc0000080, 149 };
		arg->details_count = 2;
	}
	return 0;
}

int pvm_sys_part_heartbeat(int part_fd, uint64_t addr, uint32_t timeout_ms)
{
	(void)part_fd;
	(void)addr;
	(void)timeout_ms;
	return 0;
}

int pvm_sys_part_map(int part_fd, uint64_t offset, uint64_t bytes, void **p)
{
	const char *file = offset == PVM_PART_MMAP_CONSOLE ? "con" : "mem";
	int fd = open(path(name_of(part_fd), file), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return -errno;
	*p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return *p == MAP_FAILED ? -ENOMEM : 0;
}

void pvm_sys_part_unmap(void *p, uint64_t bytes)
{
	munmap(p, bytes);
}

/* ---- of ctx.c, which the fake replaces --------------------------------------------------- */

int pvm_opts_copy(void *dst, size_t dst_bytes, const void *src, const char *what)
{
	(void)what;
	memcpy(dst, src, dst_bytes);
	return 0;
}

int pvm_result_copy(void *dst, const void *src, size_t src_bytes, const char *what)
{
	(void)what;
	memcpy((char *)dst + sizeof(size_t), (const char *)src + sizeof(size_t),
	       src_bytes - sizeof(size_t));
	return 0;
}
