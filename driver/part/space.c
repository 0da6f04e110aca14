// SPDX-License-Identifier: GPL-2.0-only
/*
 * The supervisor's address space, one per partition.
 *
 *	upper half	the host kernel's own top-level entries, copied, for what the supervisor touches: the module's
 *			text and data and the kernel's (one entry), and the direct map (its blocks, rings, bitmaps)
 *	0 .. 2 MiB	identity, for the trampoline
 *	2 MiB		one page: the partition's wake-up mailbox
 *
 * Lower levels belong to the host and change under us; nobody flushes this CPU's TLB. What the supervisor touches
 * stays mapped at its place as long as the partition lives, global pages are off (CR4.PGE), and CR3 is loaded after
 * each exit, so nothing stale is ever used.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <asm/pgtable.h>
#include <asm/special_insns.h>

#include "part/part.h"

#define SPACE_ORDER	3	/* root, level 4 (with 5 levels), 3, 2, 1 */
#define PAGE(i)		((u64 *)page_address(p->space) + (i) * PVM_PTES)
#define PAGE_PA(i)	(page_to_phys(p->space) + (i) * PAGE_SIZE)
#define TABLE		(PVM_PTE_P | PVM_PTE_W | PVM_PTE_A)

static bool five_levels(void)
{
	return __read_cr4() & X86_CR4_LA57;
}

/* Reach @address: copy the host's top-level entry. */
static void share(struct pvm_part *p, const u64 *host, const void *address)
{
	u32 shift = five_levels() ? 48 : 39;
	u32 i = (unsigned long)address >> shift & (PVM_PTES - 1);

	PAGE(0)[i] = READ_ONCE(host[i]);
}

/**
 * pvm_space_create() - tables of a partition whose blocks are allocated
 * @p: partition
 *
 * Context: sleeps. Return: 0 or -ENOMEM.
 */
int pvm_space_create(struct pvm_part *p)
{
	const u64 *host = __va(__read_cr3() & CR3_ADDR_MASK);
	struct pvm_sup *s = p->sup;
	u32 i, level = 0;

	p->space = alloc_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO, SPACE_ORDER);	/* 32-bit code loads CR3 */
	if (!p->space)
		return -ENOMEM;
	share(p, host, pvm_sup_main);
	share(p, host, s->ops);
	share(p, host, s);
	if (s->console)
		share(p, host, s->console);
	if (s->pci_mail)
		share(p, host, s->pci_mail);
	for (i = 0; i < ARRAY_SIZE(s->backend); i++)
		if (s->backend[i])
			share(p, host, s->backend[i]);
	for (i = 0; i < p->nr_cpus; i++) {
		share(p, host, p->cpus[i]);
		share(p, host, (void *)p->cpus[i]->host_gs_base);
	}
	if (five_levels()) {
		PAGE(0)[0] = PAGE_PA(1) | TABLE;
		level = 1;
	}
	PAGE(level)[0] = PAGE_PA(level + 1) | TABLE;
	PAGE(level + 1)[0] = PAGE_PA(level + 2) | TABLE;
	PAGE(level + 2)[0] = TABLE | PVM_PTE_D | PVM_PTE_PS;
	PAGE(level + 2)[PVM_SUP_MAILBOX_VA >> 21] = PAGE_PA(level + 3) | TABLE;
	p->mailbox_pte = &PAGE(level + 3)[0];
	s->cr3 = PAGE_PA(0);
	s->cr4 = X86_CR4_PAE | X86_CR4_MCE | (five_levels() ? X86_CR4_LA57 : 0);
	s->efer = EFER_LME | EFER_NX;
	return 0;
}

/** pvm_space_map_mailbox() - the page at PVM_SUP_MAILBOX_VA; no CPU of @p runs. 0: none. Context: any. */
void pvm_space_map_mailbox(struct pvm_part *p, u64 addr)
{
	WRITE_ONCE(*p->mailbox_pte, addr ? addr | TABLE | PVM_PTE_D | PVM_PTE_NX : 0);
}

/** pvm_space_destroy() - accepts what was never created; no CPU uses it. Context: any. */
void pvm_space_destroy(struct pvm_part *p)
{
	if (p->space)
		__free_pages(p->space, SPACE_ORDER);
	p->space = NULL;
}
