// SPDX-License-Identifier: LGPL-2.1-or-later
/* A driver's partition in 200 lines; see fake_part.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fake_ioctl.h"
#include "fake_part.h"

struct fake_part fpart;

static int count_call(void)
{
	unsigned int n = __atomic_add_fetch(&fake.nr_calls, 1, __ATOMIC_RELAXED);

	return fake.fail_call && n == fake.fail_call ? fake.fail_err : 0;
}

#define CALL() do { int err_ = count_call(); if (err_) return err_; } while (0)
#define OP() do { CALL(); if (fpart.op_err) return fpart.op_err; } while (0)

void fake_part_reset(void)
{
	if (fpart.fd > 0)
		close(fpart.fd);
	free(fpart.mem);
	free(fpart.con);
	memset(&fpart, 0, sizeof(fpart));
	fpart.fd = -1;
	fpart.mem_bytes = 64 << 20;
	fpart.nr_cpus = 1;
	fpart.cpus[0] = 2;
	fpart.uart_port = 0x3f8;
}

void fake_part_state(uint32_t state, uint32_t reason)
{
	static const uint64_t one = 1;
	uint64_t count;

	if (state == PVM_PART_RUNNING && fpart.state != PVM_PART_RUNNING) {
		if (read(fpart.fd, &count, sizeof(count)) < 0)
			return;
	} else if (state != PVM_PART_RUNNING && fpart.state == PVM_PART_RUNNING) {
		if (write(fpart.fd, &one, sizeof(one)) < 0)
			return;
	}
	fpart.state = state;
	fpart.stop_reason = reason;
}

static int new_fd(void)
{
	if (fpart.fd < 0)
		fpart.fd = eventfd(fpart.state != PVM_PART_RUNNING, EFD_CLOEXEC | EFD_NONBLOCK);
	return dup(fpart.fd);
}

int pvm_sys_create_part(int fd, struct pvm_create_partition *arg)
{
	CALL();
	if (fpart.create_err) {
		if (fpart.why)
			strncpy((char *)arg->why, fpart.why, sizeof(arg->why));
		return fpart.create_err;
	}
	fpart.create = *arg;
	fpart.nr_cpus = arg->cpus_count;
	memcpy(fpart.cpus, (void *)(uintptr_t)arg->cpus_ptr, 4 * arg->cpus_count);
	fpart.mem_bytes = arg->memory_bytes;
	if (arg->uart_port) {
		fpart.uart_port = arg->uart_port;
		fpart.real_uart = true;
	}
	fpart.exists = true;
	arg->id = 5;
	arg->fd = new_fd();
	return 0;
}

int pvm_sys_open_part(int fd, struct pvm_open_partition *arg)
{
	CALL();
	if (!fpart.exists)
		return -ENOENT;
	arg->id = 5;
	arg->fd = new_fd();
	return 0;
}

static void fill(struct pvm_partition_entry *e, uint32_t id)
{
	memset(e, 0, sizeof(*e));
	e->id = id;
	e->state = fpart.state;
	memset(e->name, 'p', sizeof(e->name));		/* no NUL: not to be believed */
	e->stop_reason = fpart.stop_reason;
	e->nr_cpus = fpart.nr_cpus;
	e->memory_addr = FAKE_PART_ADDR;
	e->memory_bytes = fpart.mem_bytes;
	e->started_ns = fpart.started_ns;
	e->beat_age_ns = ~0ull;
	e->exits = 17;
}

int pvm_sys_list_parts(int fd, struct pvm_partition_entry *rows, uint32_t *count)
{
	uint32_t room = *count;

	OP();
	*count = fpart.nr_rows;
	for (uint32_t i = 0; i < fpart.nr_rows && i < room; i++)
		fill(&rows[i], i + 1);
	return fpart.nr_rows > room ? -EMSGSIZE : 0;
}

int pvm_sys_part_keep(int part_fd)
{
	OP();
	fpart.kept = true;
	return 0;
}

int pvm_sys_part_info(int part_fd, struct pvm_part_info *arg)
{
	struct pvm_part_cpu *cpus = (void *)(uintptr_t)arg->cpus_ptr;
	struct pvm_part_bar *bars = (void *)(uintptr_t)arg->bars_ptr;

	OP();
	fill(&arg->entry, 5);
	arg->flags = (fpart.kept ? PVM_PINFO_KEPT : 0) | (fpart.x2apic ? PVM_PINFO_X2APIC : 0) |
		     (fpart.real_uart ? PVM_PINFO_UART_REAL : 0);
	arg->low_addr = 0x20000;
	arg->low_bytes = 0x40000;
	arg->tsc_khz = 2000000;
	arg->uart_port = fpart.uart_port;
	arg->sleep_port = 0x604;
	arg->reset_port = 0x605;
	arg->stop_code = fpart.stop_code;
	arg->stop_addr = fpart.stop_addr;
	for (uint32_t i = 0; i < fpart.nr_cpus && i < arg->cpus_count; i++)
		cpus[i] = (struct pvm_part_cpu){ .cpu = fpart.cpus[i], .apic_id = 2 * fpart.cpus[i],
						 .state = fpart.state == PVM_PART_RUNNING ? 2 : 0 };
	for (uint32_t i = 0; i < fpart.nr_bars && i < 4; i++)
		bars[i] = fpart.bars[i];
	arg->cpus_count = fpart.nr_cpus;
	arg->bars_count = fpart.nr_bars;
	return 0;
}

int pvm_sys_part_start(int part_fd, struct pvm_part_start *arg)
{
	OP();
	if (fpart.state == PVM_PART_RUNNING)
		return -EBUSY;
	fpart.start = *arg;
	fpart.nr_starts++;
	fpart.started_ns = 1000 + fpart.nr_starts;
	fake_part_state(PVM_PART_RUNNING, 0);
	if (fpart.on_start)
		fpart.on_start();
	return 0;
}

int pvm_sys_part_stop(int part_fd, uint32_t timeout_ms, uint32_t *lost_cpus)
{
	OP();
	fpart.stop_ms = timeout_ms;
	if (fpart.state == PVM_PART_RUNNING)
		fake_part_state(PVM_PART_STOPPED, PVM_PSTOP_ASKED);
	*lost_cpus = fpart.lost_cpus;
	return 0;
}

int pvm_sys_part_destroy(int part_fd)
{
	OP();
	if (fpart.state == PVM_PART_RUNNING)
		return -EBUSY;
	fpart.exists = false;
	return 0;
}

int pvm_sys_part_stats(int part_fd, struct pvm_part_stats *arg)
{
	uint64_t *values = (void *)(uintptr_t)arg->values_ptr;
	struct pvm_part_detail *d = (void *)(uintptr_t)arg->details_ptr;
	static const struct pvm_part_detail details[] = {
		{ PVM_PDETAIL_IN, 0x71, 12 }, { PVM_PDETAIL_OUT, 0xcf9, 1 }, { PVM_PDETAIL_NONE, 0, 0 },
		{ PVM_PDETAIL_RDMSR, 0xc0000080, 3 }, { PVM_PDETAIL_WRMSR, 0x12345, 4 },
		{ PVM_PDETAIL_CODE, 0x7f, 5 }, { 99, 1, 6 }, { PVM_PDETAIL_IN, 0x9999, 7 },
	};

	OP();
	for (uint32_t i = 0; i < PVM_PART_NR_STATS + fpart.more_values; i++)
		values[i] = 100 + i;
	arg->values_count = PVM_PART_NR_STATS + fpart.more_values;
	if (d) {
		memcpy(d, details, sizeof(details));
		arg->details_count = sizeof(details) / sizeof(details[0]);
	}
	return 0;
}

int pvm_sys_part_heartbeat(int part_fd, uint64_t addr, uint32_t timeout_ms)
{
	OP();
	fpart.beat_addr = addr;
	fpart.beat_ms = timeout_ms;
	return 0;
}

int pvm_sys_part_map(int part_fd, uint64_t offset, uint64_t bytes, void **p)
{
	OP();
	if (offset == PVM_PART_MMAP_CONSOLE) {
		if (fpart.real_uart)
			return -ENXIO;
		if (!fpart.con)
			fpart.con = calloc(1, bytes);
		*p = fpart.con;
	} else {
		if (!fpart.mem)
			fpart.mem = calloc(1, bytes);
		*p = fpart.mem;
	}
	if (!*p)
		return -ENOMEM;
	fpart.nr_maps++;
	return 0;
}

void pvm_sys_part_unmap(void *p, uint64_t bytes)
{
	fpart.nr_maps--;
}
