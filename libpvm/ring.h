/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Byte rings: index arithmetic, copies across the wrap, and a private FIFO. No I/O.
 *
 * Shared rings have free-running 32-bit indices and a power-of-two size. The other side is hostile:
 * it may store any index at any time and change bytes while they are copied. Hence each remote
 * index is loaded once, and `used` is computed from that one copy and checked against the size
 * before anything is copied; the bytes are copied out before anyone looks at them.
 *
 * Ordering: the producer's data is visible before its index (load-acquire here pairs with its
 * write barrier); our copy is done before our index moves (store-release). pvm_ring_mb() orders
 * "publish my index" before "look at the other index again": without it both sides can miss each
 * other's update and sleep for ever.
 */
#ifndef PVM_RING_H
#define PVM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t pvm_ring_load(const uint32_t *idx)
{
	return __atomic_load_n(idx, __ATOMIC_ACQUIRE);
}

static inline void pvm_ring_store(uint32_t *idx, uint32_t value)
{
	__atomic_store_n(idx, value, __ATOMIC_RELEASE);
}

static inline void pvm_ring_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Do these indices describe a ring of @size bytes? */
static inline bool pvm_ring_is_sane(uint32_t cons, uint32_t prod, uint32_t size)
{
	return prod - cons <= size;
}

static inline uint32_t pvm_ring_used(uint32_t cons, uint32_t prod)
{
	return prod - cons;
}

static inline uint32_t pvm_ring_room(uint32_t cons, uint32_t prod, uint32_t size)
{
	return size - (prod - cons);
}

/* Copy @bytes at index @idx out of a ring; @bytes <= @size. */
static inline void pvm_ring_copy_out(void *dst, const void *ring, uint32_t size, uint32_t idx,
				     uint32_t bytes)
{
	uint32_t at = idx & (size - 1);
	uint32_t first = bytes < size - at ? bytes : size - at;

	memcpy(dst, (const uint8_t *)ring + at, first);
	memcpy((uint8_t *)dst + first, ring, bytes - first);
}

/* Copy @bytes into a ring at index @idx; @bytes <= @size. */
static inline void pvm_ring_copy_in(void *ring, uint32_t size, uint32_t idx, const void *src,
				    uint32_t bytes)
{
	uint32_t at = idx & (size - 1);
	uint32_t first = bytes < size - at ? bytes : size - at;

	memcpy((uint8_t *)ring + at, src, first);
	memcpy(ring, (const uint8_t *)src + first, bytes - first);
}

/* A private ring: our memory, one owner at a time. @size is a power of two. */
struct pvm_fifo {
	uint8_t *data;
	uint32_t size;
	uint32_t cons;
	uint32_t prod;
};

static inline uint32_t pvm_fifo_used(const struct pvm_fifo *f)
{
	return f->prod - f->cons;
}

static inline uint32_t pvm_fifo_room(const struct pvm_fifo *f)
{
	return f->size - (f->prod - f->cons);
}

/* Return: bytes taken, as many as there is room for. */
static inline uint32_t pvm_fifo_put(struct pvm_fifo *f, const void *src, size_t bytes)
{
	uint32_t n = pvm_fifo_room(f);

	if (bytes < n)
		n = (uint32_t)bytes;
	if (n)
		pvm_ring_copy_in(f->data, f->size, f->prod, src, n);
	f->prod += n;
	return n;
}

/* Copy up to @bytes from the front without taking them. Return: bytes copied. */
static inline uint32_t pvm_fifo_peek(const struct pvm_fifo *f, void *dst, size_t bytes)
{
	uint32_t n = pvm_fifo_used(f);

	if (bytes < n)
		n = (uint32_t)bytes;
	if (n)
		pvm_ring_copy_out(dst, f->data, f->size, f->cons, n);
	return n;
}

/* Drop @bytes, at most what is used, from the front. */
static inline void pvm_fifo_drop(struct pvm_fifo *f, uint32_t bytes)
{
	f->cons += bytes;
}

#endif /* PVM_RING_H */
