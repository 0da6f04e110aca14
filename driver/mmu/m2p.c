// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machine-to-physical table: u64 per frame, read by the guest kernel at PVM_M2P_VA in its kernel view, written only
 * here (MMU_MACHPHYS_UPDATE). Starts as the identity. Part of every kernel root, never of a user root.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "mmu/shadow.h"
#include "switcher/host.h"

#define PER_PAGE	(PVM_PAGE_SIZE / sizeof(u64))

static u64 *table_page(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

/* User, read-only: the guest kernel runs at CPL3. */
static u64 leaf(const void *page)
{
	return __sme_pa(page) | PVM_PTE_P | PVM_PTE_U | PVM_PTE_A | PVM_PTE_NX;
}

static u64 *child(u64 *table, u32 index)
{
	u64 *next;

	if (table[index] & PVM_PTE_P)
		return phys_to_virt(__sme_clr(table[index]) & PVM_PTE_FRAME);
	next = table_page();
	if (next)
		table[index] = pvm_table_entry(next) | PVM_PTE_U;
	return next;
}

static int add_page(struct pvm_mmu *mmu, u64 n)
{
	u64 *data = table_page(), *l2, *l1;
	u32 i;

	if (!data)
		return -ENOMEM;
	mmu->m2p_pages[n] = virt_to_page(data);
	mmu->m2p_nr_pages = n + 1;
	for (i = 0; i < PER_PAGE; i++)
		data[i] = n * PER_PAGE + i;
	l2 = child(mmu->m2p_l3, n >> 18);
	l1 = l2 ? child(l2, (n >> 9) & 511) : NULL;
	if (!l1)
		return -ENOMEM;
	l1[n & 511] = leaf(data);
	return 0;
}

/**
 * pvm_m2p_init() - identity table for frames 0..max_pages-1
 * @vm: the VM
 * @max_pages: frames the table covers
 *
 * Context: sleeps; before the first root exists. Return: 0, -ENOMEM (pvm_m2p_fini() cleans up).
 */
int pvm_m2p_init(struct pvm_vm *vm, u64 max_pages)
{
	struct pvm_mmu *mmu = &vm->mmu;
	u64 n, pages = DIV_ROUND_UP(max_pages, PER_PAGE);
	int err;

	if (mmu->m2p_l3)
		return -EBUSY;
	mmu->m2p_l3 = table_page();
	mmu->m2p_pages = kvcalloc(pages, sizeof(*mmu->m2p_pages), GFP_KERNEL_ACCOUNT);
	if (!mmu->m2p_l3 || !mmu->m2p_pages)
		return -ENOMEM;
	for (n = 0; n < pages; n++) {
		err = add_page(mmu, n);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static void free_tables(u64 *table, u32 level)
{
	u32 i;

	for (i = 0; level > 1 && i < PVM_PTES; i++)
		if (table[i] & PVM_PTE_P)
			free_tables(phys_to_virt(__sme_clr(table[i]) & PVM_PTE_FRAME), level - 1);
	free_page((unsigned long)table);
}

/** pvm_m2p_fini() - free it; idempotent. Context: no vCPU runs. */
void pvm_m2p_fini(struct pvm_vm *vm)
{
	struct pvm_mmu *mmu = &vm->mmu;
	u64 n;

	if (mmu->m2p_l3)
		free_tables(mmu->m2p_l3, 3);
	mmu->m2p_l3 = NULL;
	for (n = 0; n < mmu->m2p_nr_pages; n++)
		__free_page(mmu->m2p_pages[n]);
	mmu->m2p_nr_pages = 0;
	kvfree(mmu->m2p_pages);
	mmu->m2p_pages = NULL;
}

/** pvm_m2p_set() - M2P[mfn] = pfn. Context: any. Return: 0, -EINVAL beyond the table. */
int pvm_m2p_set(struct pvm_vm *vm, u64 mfn, u64 pfn)
{
	u64 n = mfn / PER_PAGE;

	if (n >= vm->mmu.m2p_nr_pages)
		return -EINVAL;
	n = array_index_nospec(n, vm->mmu.m2p_nr_pages);
	WRITE_ONCE(((u64 *)page_address(vm->mmu.m2p_pages[n]))[mfn % PER_PAGE], pfn);
	return 0;
}
