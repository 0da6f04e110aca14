// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switcher region: its pages, and where they are mapped.
 *
 * One copy of the text serves the machine. Each address space that has a VM gets a "hole": a top-level slot of its
 * kernel page table filled with our tables (mm->pgd[slot]; no fork inherits it, exit leaves it alone, we clear it).
 * Each vCPU brings a page table for its 2 MiB area, linked from the hole and from its VM's own upper tables that the
 * shadow roots use. So a process with two VMs maps both, but no guest's root maps the other guest's pages.
 *
 * Unmapping flushes every TLB of the machine including all PCIDs (a PGE toggle by IPI): it happens when a vCPU ends.
 * Neighbours: switcher.S (the text), hostcpu.c (loading the tables on a CPU), mmu/root.c (roots).
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/desc.h>
#include <asm/nospec-branch.h>
#include <asm/tlbflush.h>

#include "core/pvm.h"
#include "switcher/host.h"
#include "switcher/layout.h"
#include "switcher/run.h"

#define AREAS		512u	/* areas of one region, [0] is the text */
#define TEXT_MAX	16u	/* pages */

extern const char pvm_sw_start[], pvm_sw_end[], pvm_sw_enter[], pvm_sw_syscall[], pvm_sw_syscall32[], pvm_sw_idt[];
extern const s32 pvm_smap_sites[], pvm_smap_sites_end[];	/* instructions */
extern const s32 pvm_slot_sites[][2], pvm_slot_sites_end[][2];	/* ends of a shift and of a comparison */

struct pvm_switch_hole {
	struct list_head link;
	struct mm_struct *mm;
	u32 users;			/* VMs */
	u64 *l4;			/* 5-level hosts: table in PML5 slot 256 */
	u64 *l3, *l2;
	DECLARE_BITMAP(used, AREAS);
};

static DEFINE_MUTEX(hole_lock);		/* protects: holes, every hole's tables and users */
static LIST_HEAD(holes);
static void *text_pages[TEXT_MAX];
static u64 *text_pt;
static u32 nr_text;
static bool la57;
u64 pvm_sw_entry __ro_after_init;

static u64 region_base(void)
{
	return la57 ? PVM_SWITCH_VA5 : PVM_SWITCH_VA4;
}

static u64 text_va(const char *symbol)
{
	return region_base() + PVM_REGION_TEXT + (symbol - pvm_sw_start);
}

u64 pvm_sw_syscall_va(void)
{
	return text_va(pvm_sw_syscall);
}

u64 pvm_sw_syscall32_va(void)
{
	return text_va(pvm_sw_syscall32);
}

static void *zeroed_page(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

static void put_page_at(void *page)
{
	free_page((unsigned long)page);
}

u64 pvm_table_entry(const void *table)
{
	return __sme_pa(table) | PVM_PTE_P | PVM_PTE_W | PVM_PTE_A | PVM_PTE_D;
}

/* ---- text --------------------------------------------------------------------------------------------------- */

static void patch_text(char *text)
{
	s32 slot = la57 ? -256 : -241;	/* 0xff00... >> 48, 0xffff8780... >> 39 */
	const s32 (*slot_site)[2], *site;

	for (slot_site = pvm_slot_sites; slot_site < pvm_slot_sites_end; slot_site++) {
		text[(*slot_site)[0] - 1] = la57 ? 48 : 39;
		memcpy(text + (*slot_site)[1] - sizeof(slot), &slot, sizeof(slot));
	}
	if (boot_cpu_has(X86_FEATURE_SMAP))
		return;
	for (site = pvm_smap_sites; site < pvm_smap_sites_end; site++)
		memcpy(text + *site, "\x0f\x1f\x00", 3);	/* nopl (%rax) */
}

int pvm_text_init(void)
{
	u32 i, bytes = pvm_sw_end - pvm_sw_start;
	char *text;

	la57 = pgtable_l5_enabled();
	pvm_sw_entry = text_va(pvm_sw_enter);
	nr_text = DIV_ROUND_UP(bytes, PAGE_SIZE);
	if (nr_text > TEXT_MAX)
		return -E2BIG;
	text = kvmalloc(nr_text * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	text_pt = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (!text || !text_pt)
		goto err_free;
	memcpy(text, pvm_sw_start, bytes);
	patch_text(text);
	for (i = 0; i < nr_text; i++) {
		text_pages[i] = (void *)get_zeroed_page(GFP_KERNEL);
		if (!text_pages[i])
			goto err_free;
		memcpy(text_pages[i], text + i * PAGE_SIZE, PAGE_SIZE);
		text_pt[PVM_REGION_TEXT / PAGE_SIZE + i] = __sme_pa(text_pages[i]) | PVM_PTE_P | PVM_PTE_A;
	}
	kvfree(text);
	return 0;

err_free:
	kvfree(text);
	pvm_text_fini();
	return -ENOMEM;
}

void pvm_text_fini(void)
{
	u32 i;

	for (i = 0; i < TEXT_MAX; i++) {
		put_page_at(text_pages[i]);
		text_pages[i] = NULL;
	}
	put_page_at(text_pt);
	text_pt = NULL;
}

/* ---- upper tables ------------------------------------------------------------------------------------------- */

/*
 * Toggling CR4.PGE drops every translation of a CPU: all PCIDs, globals and paging-structure caches (SDM 4.10.4.1).
 * Only done when pages of the region are about to be freed.
 */
static void flush_cpu(void *unused)
{
	unsigned long flags, cr4;

	local_irq_save(flags);
	cr4 = pvm_read_cr4();
	pvm_write_cr4(cr4 ^ X86_CR4_PGE);
	pvm_write_cr4(cr4);
	local_irq_restore(flags);
}

static void flush_all_cpus(void)
{
	on_each_cpu(flush_cpu, NULL, 1);
}

static void hole_free_tables(struct pvm_switch_hole *hole)
{
	put_page_at(hole->l4);
	put_page_at(hole->l3);
	put_page_at(hole->l2);
}

static int hole_alloc_tables(struct pvm_switch_hole *hole)
{
	hole->l3 = zeroed_page();
	hole->l2 = zeroed_page();
	hole->l4 = la57 ? zeroed_page() : NULL;
	if (!hole->l3 || !hole->l2 || (la57 && !hole->l4)) {
		hole_free_tables(hole);
		return -ENOMEM;
	}
	hole->l3[0] = pvm_table_entry(hole->l2);
	hole->l2[0] = pvm_table_entry(text_pt);
	if (la57)
		hole->l4[0] = pvm_table_entry(hole->l3);
	return 0;
}

/* The kernel half of a pgd is ours to write raw: set_pgd() would mirror a user mapping into the KPTI copy. */
static void hole_link(struct pvm_switch_hole *hole, bool on)
{
	u64 entry = on ? pvm_table_entry(la57 ? hole->l4 : hole->l3) : 0;

	WRITE_ONCE(*(u64 *)&hole->mm->pgd[la57 ? PVM_SWITCH_SLOT5 : PVM_SWITCH_SLOT], entry);
}

int pvm_hole_get(struct pvm_vm *vm)
{
	struct pvm_switch_hole *hole;
	int err;

	mutex_lock(&hole_lock);
	list_for_each_entry(hole, &holes, link)
		if (hole->mm == vm->mm)
			goto found;
	hole = kzalloc(sizeof(*hole), GFP_KERNEL_ACCOUNT);
	if (!hole) {
		err = -ENOMEM;
		goto out;
	}
	err = hole_alloc_tables(hole);
	if (err) {
		kfree(hole);
		goto out;
	}
	hole->mm = vm->mm;
	mmgrab(hole->mm);
	__set_bit(0, hole->used);
	hole_link(hole, true);
	list_add(&hole->link, &holes);
found:
	hole->users++;
	vm->hole = hole;
	err = 0;
out:
	mutex_unlock(&hole_lock);
	return err;
}

void pvm_hole_put(struct pvm_vm *vm)
{
	struct pvm_switch_hole *hole = vm->hole;

	if (!hole)
		return;
	vm->hole = NULL;
	mutex_lock(&hole_lock);
	if (--hole->users == 0) {
		list_del(&hole->link);
		hole_link(hole, false);
		flush_all_cpus();
		hole_free_tables(hole);
		mmdrop(hole->mm);
		kfree(hole);
	}
	mutex_unlock(&hole_lock);
}

/* A VM's own upper tables, linked into its shadow roots: top[0] is what a root's slot points to. */
int pvm_region_top_init(struct pvm_region_top *top)
{
	top->l3 = zeroed_page();
	top->l2 = zeroed_page();
	top->l4 = la57 ? zeroed_page() : NULL;
	if (!top->l3 || !top->l2 || (la57 && !top->l4)) {
		pvm_region_top_fini(top);
		return -ENOMEM;
	}
	top->l3[0] = pvm_table_entry(top->l2);
	top->l2[0] = pvm_table_entry(text_pt);
	if (la57)
		top->l4[0] = pvm_table_entry(top->l3);
	return 0;
}

void pvm_region_top_fini(struct pvm_region_top *top)
{
	put_page_at(top->l4);
	put_page_at(top->l3);
	put_page_at(top->l2);
	memset(top, 0, sizeof(*top));
}

/* ---- one vCPU ----------------------------------------------------------------------------------------------- */

#define PTE_RW	(PVM_PTE_P | PVM_PTE_W | PVM_PTE_A | PVM_PTE_D | PVM_PTE_NX)
#define PTE_RO	(PVM_PTE_P | PVM_PTE_A | PVM_PTE_NX)

static void map_area(struct pvm_switch_area *a, u64 offset, const void *page, u64 bits)
{
	WRITE_ONCE(a->pt[offset / PAGE_SIZE], __sme_pa(page) | bits);
}

static void fill_idt(struct pvm_switch_area *a)
{
	u32 n;

	for (n = 0; n < 256; n++) {
		u64 stub = text_va(pvm_sw_idt) + n * PVM_IDT_STUB_BYTES;
		u64 ist = n == PVM_X_NMI ? PVM_IST_NMI :
			  n == PVM_X_DB || n == PVM_X_DF || n == PVM_X_MC ? PVM_IST_DB : 0;
		u64 dpl = n == PVM_X_BP || n == PVM_X_OF || (n == 0x80 && pvm_host_has_int80()) ? 3 : 0;
		u64 *gate = (u64 *)a->idt + n * 2;

		/* 64-bit interrupt gate, SDM 6.14.1 */
		gate[0] = (stub & 0xffff) | (u64)__KERNEL_CS << 16 | ist << 32 | 0x8eull << 40 | dpl << 45 |
			  (stub >> 16 & 0xffff) << 48;
		gate[1] = stub >> 32;
	}
}

static void fill_gdt(struct pvm_switch_area *a)
{
	u64 *low = a->gdt_low, *high = a->gdt_high;
	const u64 *host = (const u64 *)get_cpu_gdt_rw(raw_smp_processor_id());
	u32 i;

	/* Entries 1..6 are the same on every CPU; accessed bits set, so that no load has to write. */
	for (i = 1; i < 7; i++)
		low[i] = READ_ONCE(host[i]) | 1ull << 40;
	low[PVM_GDT_LDT] = PVM_EMPTY_LDT;
	high[(PVM_SEL_XEN_CS32 & 0xfff) / 8] = 0x00cffb000000ffffull;
	high[(PVM_SEL_XEN_DS & 0xfff) / 8] = 0x00cff3000000ffffull;
	high[(PVM_SEL_XEN_CS & 0xfff) / 8] = 0x00affb000000ffffull;
}

static void fill_tss(struct pvm_switch_area *a)
{
	struct x86_hw_tss *tss = a->tss;
	u64 base = a->va + PVM_AREA_TSS;
	u64 *gdt = a->gdt_low;

	tss->sp0 = a->va + PVM_AREA_STATE + PVM_STATE_REGS + sizeof(struct pvm_regs);
	tss->io_bitmap_base = sizeof(*tss);	/* beyond the limit: no port is allowed */
	tss->ist[PVM_IST_NMI - 1] = a->va + PVM_AREA_NMI_STACK + PAGE_SIZE;
	tss->ist[PVM_IST_DB - 1] = a->va + PVM_AREA_DB_STACK + PAGE_SIZE;
	gdt[PVM_GDT_TSS] = (sizeof(*tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	gdt[PVM_GDT_TSS + 1] = base >> 32;
}

static void fill_state(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	struct pvm_switch_state *ss = v->ss;

	ss->self = a->va;
	ss->regs_start = a->va + PVM_STATE_REGS;
	ss->regs_end = ss->regs_start + sizeof(struct pvm_regs);
	ss->guest_idt.limit = 256 * 16 - 1;
	ss->guest_idt.base = a->va + PVM_AREA_IDT;
	ss->vcpu_info = a->va + PVM_AREA_INFO;
	ss->kernel_path = PVM_PATH_SLOW | PVM_PATH_KERNEL;
	ss->user_path = PVM_PATH_SLOW | PVM_PATH_USER;
	ss->path = ss->kernel_path;
	ss->iret_cs = 0xffff;
	ss->kernel_mode = 1;
	ss->mitigations = pvm_host_mitigations();
	ss->untrain = (u64)entry_untrain_ret;
}

static void free_area_pages(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;

	free_pages((unsigned long)a->stack, 1);
	put_page_at(a->idt);
	put_page_at(a->tss);
	put_page_at(a->gdt_low);
	put_page_at(a->gdt_high);
	put_page_at(a->pt);
	if (a->ldt)
		free_pages_exact(a->ldt, 16 * PAGE_SIZE);
	free_pages((unsigned long)a->fpu, a->fpu_order);
	put_page_at(v->ss);
	v->ss = NULL;
	memset(a, 0, sizeof(*a));
}

static int alloc_area_pages(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;

	a->fpu_order = get_order(pvm_fpu_bytes());
	a->pt = zeroed_page();
	a->stack = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, 1);
	a->idt = zeroed_page();
	a->tss = zeroed_page();
	a->gdt_low = zeroed_page();
	a->gdt_high = zeroed_page();
	a->fpu = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, a->fpu_order);
	v->ss = zeroed_page();
	if (a->pt && a->stack && a->idt && a->tss && a->gdt_low && a->gdt_high && a->fpu && v->ss)
		return 0;
	free_area_pages(v);
	return -ENOMEM;
}

/**
 * pvm_area_init() - give a vCPU its pages and its place in the region
 * @v: vCPU of a VM that holds its hole and its upper tables
 *
 * Context: may sleep. Return: 0, -ENOMEM, -ENOSPC when the address space has 511 vCPUs.
 */
int pvm_area_init(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	u32 index, i;
	int err;

	err = alloc_area_pages(v);
	if (err)
		return err;
	mutex_lock(&hole_lock);
	index = find_first_zero_bit(v->vm->hole->used, AREAS);
	if (index < AREAS)
		__set_bit(index, v->vm->hole->used);
	mutex_unlock(&hole_lock);
	if (index >= AREAS) {
		free_area_pages(v);
		return -ENOSPC;
	}
	a->index = index;
	a->va = region_base() + ((u64)index << PVM_AREA_SHIFT);
	map_area(a, PVM_AREA_STATE, v->ss, PTE_RW);
	map_area(a, PVM_AREA_NMI_STACK, a->stack, PTE_RW);
	map_area(a, PVM_AREA_DB_STACK, a->stack + PAGE_SIZE, PTE_RW);
	map_area(a, PVM_AREA_IDT, a->idt, PTE_RO);
	map_area(a, PVM_AREA_TSS, a->tss, PTE_RW);
	for (i = 1; i < 14; i++)
		map_area(a, PVM_AREA_GDT + i * PAGE_SIZE, page_address(ZERO_PAGE(0)), PTE_RO);
	map_area(a, PVM_AREA_GDT, a->gdt_low, PTE_RW);
	map_area(a, PVM_AREA_GDT_HIGH, a->gdt_high, PTE_RW);
	fill_idt(a);
	fill_gdt(a);
	fill_tss(a);
	fill_state(v);
	pvm_fpu_reset(a->fpu);
	mutex_lock(&hole_lock);
	WRITE_ONCE(v->vm->hole->l2[index], pvm_table_entry(a->pt));
	WRITE_ONCE(v->vm->mmu.region.l2[index], pvm_table_entry(a->pt));
	mutex_unlock(&hole_lock);
	return 0;
}

/** pvm_area_fini() - take the area away and free it; idempotent. Context: may sleep, the vCPU does not run. */
void pvm_area_fini(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;

	if (!a->index)
		return;
	mutex_lock(&hole_lock);
	WRITE_ONCE(v->vm->hole->l2[a->index], 0);
	WRITE_ONCE(v->vm->mmu.region.l2[a->index], 0);
	flush_all_cpus();
	__clear_bit(a->index, v->vm->hole->used);
	mutex_unlock(&hole_lock);
	free_area_pages(v);
}

/**
 * pvm_area_map_info() - show assembly the guest's vcpu_info
 * @v: the vCPU
 * @offset: bytes
 * @page: pinned page, @offset: of the structure inside it
 *
 * Context: the vCPU's task. Only read with a shadow root in CR3, whose load flushes: no TLB work here.
 */
void pvm_area_map_info(struct pvm_vcpu *v, struct page *page, u32 offset)
{
	map_area(&v->area, PVM_AREA_INFO, page_address(page), PTE_RW);
	v->ss->vcpu_info = v->area.va + PVM_AREA_INFO + offset;
}

/* GDT entries 12..14 (TLS) and 15 (CPU number) of the guest, already checked to be user code or data. */
void pvm_area_set_descriptor(struct pvm_vcpu *v, u32 index, u64 descriptor)
{
	if (index == PVM_GDT_CPUNODE)
		v->ss->guest_cpunode = descriptor;
	else if (index >= 12 && index <= 14)
		WRITE_ONCE(((u64 *)v->area.gdt_low)[index], descriptor);
}

/** pvm_area_has_ldt() - room for the copy of an LDT, made at the first call. Context: resident. */
bool pvm_area_has_ldt(struct pvm_vcpu *v)
{
	struct pvm_switch_area *a = &v->area;
	u32 i;

	if (a->ldt)
		return true;
	a->ldt = alloc_pages_exact(16 * PAGE_SIZE, GFP_ATOMIC | __GFP_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	for (i = 0; a->ldt && i < 16; i++)
		map_area(a, PVM_AREA_LDT + i * PAGE_SIZE, a->ldt + i * PAGE_SIZE, PTE_RW);
	return a->ldt;
}

/* The table may be in use: nothing but user code, data or an absent descriptor is ever written to it. */
void pvm_area_set_ldt_entry(struct pvm_vcpu *v, u32 index, u64 descriptor)
{
	if (index < 8192)
		WRITE_ONCE(((u64 *)v->area.ldt)[array_index_nospec(index, 8192)], pvm_user_descriptor(descriptor));
}

/**
 * pvm_area_load_ldt() - use the first @entries descriptors of the copy, 0 = none
 * @v: the vCPU
 * @entries: descriptors
 *
 * The GDT entry is never absent: the host may reload its LDT by IPI while our GDT is on the CPU. Its limit is 0 while
 * the base changes. Context: resident.
 */
void pvm_area_load_ldt(struct pvm_vcpu *v, u32 entries)
{
	struct pvm_switch_area *a = &v->area;
	u64 *gdt = a->gdt_low, va = a->va + PVM_AREA_LDT;

	WRITE_ONCE(gdt[PVM_GDT_LDT], PVM_EMPTY_LDT);
	WRITE_ONCE(gdt[PVM_GDT_LDT + 1], entries ? va >> 32 : 0);
	if (entries)
		WRITE_ONCE(gdt[PVM_GDT_LDT], (entries * 8 - 1) | (va & 0xffffff) << 16 | 0x82ull << 40 |
					     (va >> 24 & 0xff) << 56);
	a->ldt_loaded = entries;
	pvm_host_load_ldt(v);
}
