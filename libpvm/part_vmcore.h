/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A partition's kernel seen from outside: where it keeps things in its memory. Pure.
 *
 * The memory belongs to a running, hostile kernel: anything may change between two reads, and no
 * number found there is believed. pvm_phys_read() is the only way to it; it copies, so that what
 * was checked is what is used.
 */
#ifndef PVM_PART_VMCORE_H
#define PVM_PART_VMCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PVM_VMCORE_PAGE	4096u

/* Physical memory, or an image of it. */
struct pvm_phys {
	uint8_t *data;
	uint64_t addr;
	uint64_t bytes;
};

/** pvm_phys_read() - Return: false: not (all) in this memory, nothing copied */
bool pvm_phys_read(const struct pvm_phys *m, uint64_t addr, void *dst, size_t bytes);

/* What a kernel says of itself in VMCOREINFO. All zero: nothing known. */
struct pvm_vmcore {
	bool found;
	bool l5;			/* 5-level paging */
	uint64_t page;			/* physical address of VMCOREINFO */
	uint64_t phys_base;		/* of the kernel image, as in the kernel */
	uint64_t root;			/* physical address of its page tables; 0 = not known */
	char text[PVM_VMCORE_PAGE + 1];	/* copy of VMCOREINFO */
};

/**
 * pvm_vmcore_find() - look for VMCOREINFO
 * @v: if it has been found before, that place is tried first
 *
 * Return: 0; -ENODATA: there is none (@v is all zero then).
 */
int pvm_vmcore_find(const struct pvm_phys *m, struct pvm_vmcore *v);

/** pvm_vmcore_forget() - destroy what pvm_vmcore_find() would find of a kernel that ran before */
void pvm_vmcore_forget(struct pvm_phys *m);

/**
 * pvm_vmcore_number() - "KEY=value" of VMCOREINFO
 * @base: 10 or 16
 */
bool pvm_vmcore_number(const struct pvm_vmcore *v, const char *key, int base, uint64_t *value);

/** pvm_vmcore_translate() - physical address of a kernel address */
bool pvm_vmcore_translate(const struct pvm_phys *m, const struct pvm_vmcore *v, uint64_t va,
			  uint64_t *pa);

/** pvm_vmcore_read() - read at a kernel address, across pages */
bool pvm_vmcore_read(const struct pvm_phys *m, const struct pvm_vmcore *v, uint64_t va, void *dst,
		     size_t bytes);

/**
 * pvm_vmcore_symbol() - address of a symbol, from the kernel's own table (kallsyms, since 6.0)
 *
 * Return: 0; -ENOENT: no such symbol; -ENODATA: no table, or one that makes no sense.
 */
int pvm_vmcore_symbol(const struct pvm_phys *m, const struct pvm_vmcore *v, const char *name,
		      uint64_t *va);

#endif /* PVM_PART_VMCORE_H */
