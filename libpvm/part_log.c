// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a partition's kernel has in its memory, through the handle: is it up, its log, its ticks.
 * The reading itself is part_vmcore.c's and part_dmesg.c's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ioctl.h"
#include "lib.h"
#include "part_dmesg.h"

#define LOOK_MS		100	/* between two looks at the memory while waiting, at least */

static int look(struct pvm_part *part, struct pvm_phys *m)
{
	int err = pvm_part_map(part);

	if (err)
		return err;
	*m = (struct pvm_phys){ part->mem, part->mem_addr, part->mem_bytes };
	return pvm_vmcore_find(m, &part->vmcore);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

int pvm_part_wait_up(struct pvm_part *part, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms, began, pause;
	struct pvm_phys m;
	int err;

	for (;;) {
		began = now_ms();
		err = look(part, &m);
		if (err != -ENODATA)
			return err;
		/* A large memory takes long to look through: do not do it all the time. */
		pause = now_ms() - began;
		if (pause < LOOK_MS)
			pause = LOOK_MS;
		if (timeout_ms >= 0 && pause > end - now_ms())
			pause = end - now_ms();
		if (pause <= 0)
			return pvm_fail(-ETIMEDOUT, "the kernel of partition %s was not up after %d ms",
					part->name, timeout_ms);
		err = pvm_part_wait(part, (int)pause);
		if (!err)
			return pvm_fail(-ESHUTDOWN, "partition %s stopped before its kernel was up",
					part->name);
		if (err != -ETIMEDOUT)
			return err;
	}
}

static int no_log(struct pvm_part *part, int err, const char *what)
{
	if (err == -ENOMEM)
		return pvm_fail(err, "cannot %s partition %s: out of memory", what, part->name);
	return pvm_fail(-ENODATA, "cannot %s partition %s: nothing in its memory looks like a Linux kernel that is up; has it been started, and is it 6.0 or newer?",
			what, part->name);
}

int pvm_part_heartbeat(struct pvm_part *part, uint32_t silent_ms)
{
	uint64_t va, pa = 0;
	struct pvm_phys m;
	int err;

	if (silent_ms) {
		err = look(part, &m);
		if (!err)
			err = pvm_vmcore_symbol(&m, &part->vmcore, "jiffies_64", &va);
		if (err == -ENODATA || err == -ENOENT || err == -ENOMEM)
			return no_log(part, err, "watch the heartbeat of");
		if (err)
			return err;
		if (!pvm_vmcore_translate(&m, &part->vmcore, va, &pa) || pa % 8 ||
		    pa < m.addr || pa - m.addr > m.bytes - 8)
			return no_log(part, -ENODATA, "watch the heartbeat of");
	}
	err = pvm_sys_part_heartbeat(part->fd, pa, silent_ms);
	return err ? pvm_part_failed(part, err, "watch the heartbeat of") : 0;
}

int pvm_part_dmesg(struct pvm_part *part, char **text, size_t *bytes)
{
	struct pvm_phys m;
	int err = look(part, &m);

	if (!err)
		err = pvm_part_dmesg_text(&m, &part->vmcore, text, bytes);
	if (err == -ENODATA || err == -ENOMEM)
		return no_log(part, err, "read the log of");
	return err;
}
