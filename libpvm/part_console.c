// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Console of a partition: both rings of its emulated UART, shared with the driver and with every
 * other process that has a handle.
 *
 * The writer of the output ring never waits, so a byte may be overwritten while it is copied. A
 * reader therefore looks at the writer's index again after copying and throws away what may have
 * changed under it. Indices are anybody's: each is loaded once, and the result of every subtraction
 * is checked against the size of the ring before it is used. Positions are masked in any case.
 */
#include <errno.h>
#include <string.h>

#include "ioctl.h"
#include "lib.h"

static int open_console(struct pvm_part *part, const char *what)
{
	void *p;
	int err;

	if (part->con)
		return 0;
	err = pvm_sys_part_map(part->fd, PVM_PART_MMAP_CONSOLE, PVM_PART_CONSOLE_BYTES, &p);
	if (err == -ENXIO)
		return pvm_fail(-EOPNOTSUPP, "cannot %s the console of partition %s: it is a real UART; connect to its line",
				what, part->name);
	if (err)
		return pvm_part_failed(part, err, "map the console of");
	part->con = p;
	return 0;
}

/* Bytes there are to read, given the writer's index; moves on over what is lost already. */
static uint32_t available(struct pvm_part *part, uint32_t head, uint64_t *lost)
{
	uint32_t used = head - part->con_at;

	if (part->con_opened && used <= PVM_PART_OUT_BYTES)
		return used;
	if (part->con_opened && (int32_t)used > 0)
		*lost += used - PVM_PART_OUT_BYTES;
	/* The oldest there is; also when the index went back, as it does with a new ring. */
	used = head < PVM_PART_OUT_BYTES ? head : PVM_PART_OUT_BYTES;
	part->con_at = head - used;
	part->con_opened = true;
	return used;
}

int pvm_part_console_read(struct pvm_part *part, void *buf, size_t bytes, size_t *got, uint64_t *lost)
{
	uint32_t head, n, stale;
	uint64_t gone = 0;
	int err = open_console(part, "read");

	if (err)
		return err;
	head = pvm_ring_load(&part->con->out_head);
	n = available(part, head, &gone);
	if (n > bytes)
		n = (uint32_t)bytes;
	if (n)
		pvm_ring_copy_out(buf, part->con->out, PVM_PART_OUT_BYTES, part->con_at, n);
	pvm_ring_mb();
	stale = pvm_ring_load(&part->con->out_head) - part->con_at;
	stale = stale > PVM_PART_OUT_BYTES ? stale - PVM_PART_OUT_BYTES : 0;
	part->con_at += n;
	if (stale > n)
		stale = n;
	if (stale) {
		n -= stale;
		gone += stale;
		memmove(buf, (uint8_t *)buf + stale, n);
	}
	pvm_ring_store(&part->con->out_tail, part->con_at);
	*got = n;
	if (lost)
		*lost = gone;
	return 0;
}

int pvm_part_console_write(struct pvm_part *part, const void *buf, size_t bytes, size_t *written)
{
	uint32_t head, tail, n;
	int err = open_console(part, "write to");

	if (err)
		return err;
	head = pvm_ring_load(&part->con->in_head);
	tail = pvm_ring_load(&part->con->in_tail);
	if (!pvm_ring_is_sane(tail, head, PVM_PART_IN_BYTES))
		head = tail;		/* somebody scribbled: begin anew */
	n = pvm_ring_room(tail, head, PVM_PART_IN_BYTES);
	if (n > bytes)
		n = (uint32_t)bytes;
	if (n)
		pvm_ring_copy_in(part->con->in, PVM_PART_IN_BYTES, head, buf, n);
	pvm_ring_store(&part->con->in_head, head + n);
	*written = n;
	return 0;
}
