// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A kernel's log, read out of its memory. Pure.
 *
 * The log is a lockless ring of two parts (Documentation: kernel/printk/printk_ringbuffer.c):
 *
 *	descriptors and infos [1 << count_bits], ids from tail_id to head_id
 *	    state_var = state << 62 | id         committed or finalized: the record can be read
 *	    text_blk_lpos { begin, next }        where its text is: positions that only grow
 *	    info { seq, ts_nsec, text_len, .. }
 *	text data [1 << size_bits]               8 bytes of id, then the text, at begin % size
 *
 * Offsets of all these come from VMCOREINFO, so one reader serves kernels from 5.10 on. The writer
 * does not know of us: a record that changed while it was copied is recognised by its id, which is
 * read again afterwards. Sizes are bounded here, whatever the memory says.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "part_dmesg.h"

#define MAX_COUNT_BITS	22u
#define MAX_SIZE_BITS	28u
#define MAX_TEXT	8192u		/* of one record; the kernel's own limit is 2048 */
#define FIRST_ROOM	(64u << 10)	/* doubled when full; a record is far smaller */
#define MAX_OUTPUT	(64u << 20)
#define NO_TEXT		3u		/* begin and next of a record without text */
#define STATE_SHIFT	62
#define ID_MASK		(~(3ull << STATE_SHIFT))

enum { RESERVED, COMMITTED, FINALIZED, REUSABLE };

struct ring {
	uint64_t descs, infos, data;
	uint64_t head_id, tail_id;
	uint32_t count_bits, size_bits;
	uint64_t desc_bytes, info_bytes;
	uint64_t at_state, at_begin, at_next;	/* in a descriptor */
	uint64_t at_ts, at_len;			/* in an info */
};

struct reader {
	const struct pvm_phys *m;
	const struct pvm_vmcore *v;
	struct ring r;
	char *text;
	size_t bytes, room;
};

/* ---- where things are -------------------------------------------------------------------- */

struct number {
	const char *key;
	uint64_t value;
};

/* All of VMCOREINFO's numbers the ring needs; offsets are small. */
static bool get_numbers(const struct pvm_vmcore *v, struct number *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!pvm_vmcore_number(v, n[i].key, 10, &n[i].value) || n[i].value > 4096)
			return false;
	return true;
}

static bool open_ring(struct reader *d)
{
	enum { DESC_RING, TEXT_RING, COUNT_BITS, DESCS, INFOS, HEAD, TAIL, DESC_BYTES, STATE, LPOS,
	       BEGIN, NEXT, INFO_BYTES, TS, LEN, SIZE_BITS, DATA, NR };
	struct number n[NR] = {
		[DESC_RING] = { "OFFSET(printk_ringbuffer.desc_ring)", 0 },
		[TEXT_RING] = { "OFFSET(printk_ringbuffer.text_data_ring)", 0 },
		[COUNT_BITS] = { "OFFSET(prb_desc_ring.count_bits)", 0 },
		[DESCS] = { "OFFSET(prb_desc_ring.descs)", 0 },
		[INFOS] = { "OFFSET(prb_desc_ring.infos)", 0 },
		[HEAD] = { "OFFSET(prb_desc_ring.head_id)", 0 },
		[TAIL] = { "OFFSET(prb_desc_ring.tail_id)", 0 },
		[DESC_BYTES] = { "SIZE(prb_desc)", 0 },
		[STATE] = { "OFFSET(prb_desc.state_var)", 0 },
		[LPOS] = { "OFFSET(prb_desc.text_blk_lpos)", 0 },
		[BEGIN] = { "OFFSET(prb_data_blk_lpos.begin)", 0 },
		[NEXT] = { "OFFSET(prb_data_blk_lpos.next)", 0 },
		[INFO_BYTES] = { "SIZE(printk_info)", 0 },
		[TS] = { "OFFSET(printk_info.ts_nsec)", 0 },
		[LEN] = { "OFFSET(printk_info.text_len)", 0 },
		[SIZE_BITS] = { "OFFSET(prb_data_ring.size_bits)", 0 },
		[DATA] = { "OFFSET(prb_data_ring.data)", 0 },
	};
	const struct pvm_phys *m = d->m;
	const struct pvm_vmcore *v = d->v;
	struct ring *r = &d->r;
	uint64_t prb, desc, text;

	if (!get_numbers(v, n, NR) || !pvm_vmcore_number(v, "SYMBOL(prb)", 16, &prb) ||
	    !pvm_vmcore_read(m, v, prb, &prb, sizeof(prb)))
		return false;
	desc = prb + n[DESC_RING].value;
	text = prb + n[TEXT_RING].value;
	r->desc_bytes = n[DESC_BYTES].value;
	r->info_bytes = n[INFO_BYTES].value;
	r->at_state = n[STATE].value;
	r->at_begin = n[LPOS].value + n[BEGIN].value;
	r->at_next = n[LPOS].value + n[NEXT].value;
	r->at_ts = n[TS].value;
	r->at_len = n[LEN].value;
	/* atomic_long_t has its counter at offset 0, as in all kernels there are. */
	return pvm_vmcore_read(m, v, desc + n[COUNT_BITS].value, &r->count_bits, 4) &&
	       pvm_vmcore_read(m, v, desc + n[DESCS].value, &r->descs, 8) &&
	       pvm_vmcore_read(m, v, desc + n[INFOS].value, &r->infos, 8) &&
	       pvm_vmcore_read(m, v, desc + n[HEAD].value, &r->head_id, 8) &&
	       pvm_vmcore_read(m, v, desc + n[TAIL].value, &r->tail_id, 8) &&
	       pvm_vmcore_read(m, v, text + n[SIZE_BITS].value, &r->size_bits, 4) &&
	       pvm_vmcore_read(m, v, text + n[DATA].value, &r->data, 8) &&
	       r->count_bits <= MAX_COUNT_BITS && r->size_bits <= MAX_SIZE_BITS;
}

/* ---- text -------------------------------------------------------------------------------- */

static int put(struct reader *d, const char *s, size_t n)
{
	if (n > d->room - d->bytes) {
		size_t room = d->room ? d->room * 2 : FIRST_ROOM;
		char *more;

		if (room > MAX_OUTPUT)
			return -ENODATA;
		more = realloc(d->text, room + 1);	/* one is for the NUL */
		if (!more)
			return -ENOMEM;
		d->text = more;
		d->room = room;
	}
	if (n)
		memcpy(d->text + d->bytes, s, n);
	d->bytes += n;
	return 0;
}

/*
 * What would drive a terminal: C0 and DEL, and C1, which in UTF-8 is 0xc2 and a byte below 0xa0.
 * Other UTF-8 is kept.
 */
static void make_printable(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)text[i];

		if ((ch < 0x20 && ch != '\n' && ch != '\t') || ch == 0x7f)
			text[i] = '?';
		else if (ch >= 0x80 && ch < 0xa0 && i && (unsigned char)text[i - 1] == 0xc2)
			text[i - 1] = text[i] = '?';
	}
}

/* A record can have several lines; each gets the time. */
static int put_record(struct reader *d, uint64_t ts_nsec, char *text, size_t n)
{
	char stamp[48];
	size_t len, line;
	int err = 0;

	len = (size_t)snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ",
			       (unsigned long long)(ts_nsec / 1000000000),
			       (unsigned long long)(ts_nsec % 1000000000 / 1000));
	while (n && text[n - 1] == '\n')
		n--;
	make_printable(text, n);
	do {
		const char *nl = memchr(text, '\n', n);

		line = nl ? (size_t)(nl - text) : n;
		err = put(d, stamp, len);
		if (!err)
			err = put(d, text, line);
		if (!err)
			err = put(d, "\n", 1);
		if (!nl)
			break;
		text += line + 1;
		n -= line + 1;
	} while (!err);
	return err;
}

/* Bytes of a record's text, and where they are; 0 = none. */
static size_t find_text(const struct ring *r, uint64_t begin, uint64_t next, uint32_t text_len,
			uint64_t *at)
{
	uint64_t size = 1ull << r->size_bits, from = begin & (size - 1), to = next & (size - 1), room;

	if (begin == NO_TEXT)
		return 0;
	/* One that would cross the end lies at the beginning, all of it. */
	if (begin >> r->size_bits == next >> r->size_bits || !to)
		to = to ? to : size;
	else
		from = 0;
	if (to <= from || to - from <= 8)
		return 0;
	room = to - from - 8;		/* behind the id */
	*at = r->data + from + 8;
	if (text_len > room)
		text_len = (uint32_t)room;
	return text_len < MAX_TEXT ? text_len : MAX_TEXT;
}

/* One record; what cannot be read is left out. */
static int read_record(struct reader *d, uint64_t id)
{
	const struct ring *r = &d->r;
	uint64_t i = id & ((1ull << r->count_bits) - 1);
	uint64_t desc = r->descs + i * r->desc_bytes, info = r->infos + i * r->info_bytes;
	uint64_t state, again, begin, next, ts, at = 0;
	char text[MAX_TEXT];
	uint16_t text_len;
	size_t n;

	if (!pvm_vmcore_read(d->m, d->v, desc + r->at_state, &state, 8) ||
	    (state & ID_MASK) != id ||
	    (state >> STATE_SHIFT != COMMITTED && state >> STATE_SHIFT != FINALIZED) ||
	    !pvm_vmcore_read(d->m, d->v, desc + r->at_begin, &begin, 8) ||
	    !pvm_vmcore_read(d->m, d->v, desc + r->at_next, &next, 8) ||
	    !pvm_vmcore_read(d->m, d->v, info + r->at_ts, &ts, 8) ||
	    !pvm_vmcore_read(d->m, d->v, info + r->at_len, &text_len, 2))
		return 0;
	if (begin & 1 && begin != NO_TEXT)
		return 0;		/* its text was lost */
	n = find_text(r, begin, next, text_len, &at);
	if (n && !pvm_vmcore_read(d->m, d->v, at, text, n))
		return 0;
	if (!pvm_vmcore_read(d->m, d->v, desc + r->at_state, &again, 8) || (again & ID_MASK) != id ||
	    again >> STATE_SHIFT == REUSABLE)
		return 0;
	return put_record(d, ts, text, n);
}

int pvm_part_dmesg_text(const struct pvm_phys *m, const struct pvm_vmcore *v, char **text,
			size_t *bytes)
{
	struct reader d = { .m = m, .v = v };
	uint64_t id, nr;
	int err = 0;

	if (!open_ring(&d))
		return -ENODATA;
	nr = ((d.r.head_id - d.r.tail_id) & ID_MASK) + 1;
	if (nr > 1ull << d.r.count_bits)
		return -ENODATA;
	for (id = d.r.tail_id & ID_MASK; !err && nr--; id = (id + 1) & ID_MASK)
		err = read_record(&d, id);
	if (!err && !d.text)
		err = -ENODATA;
	if (err) {
		free(d.text);
		return err;
	}
	d.text[d.bytes] = '\0';
	*text = d.text;
	*bytes = d.bytes;
	return 0;
}
