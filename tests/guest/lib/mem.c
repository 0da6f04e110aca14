// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of a test kernel, by the rules of the ABI: a page is made read-only before it becomes
 * a table, and live tables are changed by hypercall. Tests that break these rules on purpose write
 * to the entries that walk() returns.
 *
 * All tables lie in the image or among the builder's, so both are reached by the boot mapping.
 */
#include "pvt.h"

#define NR_PAGES	640
static u8 pool[NR_PAGES][PAGE_BYTES] __attribute__((aligned(4096)));
static u32 pool_next;
static u64 cur_l4;

u64 user_l4_mfn;
u64 *user_l4;
u8 *user_data;
extern char pvt_user_stack_top[];

void *page_alloc(void)
{
	if (pool_next == NR_PAGES)
		die("the page pool is empty");
	return pool[pool_next++];
}

u64 va_mfn(const void *va)
{
	return ((u64 *)si->mfn_list)[((u64)va - VIRT_BASE) / PAGE_BYTES];
}

u64 va_maddr(const void *va)
{
	return va_mfn(va) * PAGE_BYTES + (u64)va % PAGE_BYTES;
}

void *mfn_va(u64 mfn)
{
	static u64 m2p;
	u64 pfn;

	if (!m2p) {
		struct xen_machphys_mapping map;

		m2p = HOLE_START;
		if (!hc2(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, &map))
			m2p = map.v_start;
	}
	if (try_read(m2p + mfn * 8, &pfn) || pfn >= 0x40000)
		return NULL;
	return (void *)(VIRT_BASE + pfn * PAGE_BYTES);
}

u64 l4_mfn(void)
{
	if (!cur_l4)
		cur_l4 = va_mfn((void *)si->pt_base);
	return cur_l4;
}

void set_l4(u64 mfn)
{
	cur_l4 = mfn;
}

static u64 *walk_from(u64 root, u64 va, int level)
{
	u64 *table = mfn_va(root);
	int l;

	for (l = 4; table; l--) {
		u64 *e = &table[va >> (12 + 9 * (l - 1)) & 511];

		if (l == level)
			return e;
		if (!(*e & P_P))
			return NULL;
		table = mfn_va((*e & P_FRAME) / PAGE_BYTES);
	}
	return NULL;
}

u64 *walk(u64 va, int level)
{
	return walk_from(l4_mfn(), va, level);
}

long mmu_update1(u64 ptr, u64 val)
{
	mmu_update_t u = { .ptr = ptr, .val = val };

	return hc4(__HYPERVISOR_mmu_update, &u, 1, 0, DOMID_SELF);
}

long mmuext(u32 cmd, u64 arg1, u64 arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.mfn = arg1;
	memcpy(&op.arg2, &arg2, sizeof(arg2));
	return hc4(__HYPERVISOR_mmuext_op, &op, 1, 0, DOMID_SELF);
}

long va_map(u64 va, u64 pte, u64 flags)
{
	return hc3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

long set_pte(u64 *entry, u64 val)
{
	return mmu_update1(va_maddr(entry), val);
}

void set_ro(void *page)
{
	if (va_map((u64)page, va_mfn(page) * PAGE_BYTES | P_RO | P_NX, UVMF_INVLPG))
		die("cannot make %p read-only", page);
}

void set_rw(void *page)
{
	if (va_map((u64)page, va_mfn(page) * PAGE_BYTES | P_RW, UVMF_INVLPG))
		die("cannot make %p writable", page);
}

void *table_alloc(void)
{
	void *page = page_alloc();

	set_ro(page);
	return page;
}

static u64 *map_from(u64 root, u64 va, u64 mfn, u64 flags)
{
	u64 *e;
	int l;

	for (l = 4; l > 1; l--) {
		e = walk_from(root, va, l);
		if (!e)
			die("no entry of level %d for %#lx", l, va);
		if (!(*e & P_P) && set_pte(e, va_maddr(table_alloc()) | P_TABLE))
			die("cannot add a table of level %d for %#lx", l - 1, va);
	}
	e = walk_from(root, va, 1);
	if (set_pte(e, mfn * PAGE_BYTES | flags))
		die("cannot map %#lx", va);
	return e;
}

u64 *map_page(u64 va, u64 mfn, u64 flags)
{
	return map_from(l4_mfn(), va, mfn, flags);
}

void flush_all(void)
{
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
}

/* ---- user mode ------------------------------------------------------------------------------- */

void user_init(void)
{
	u64 off, size = pvt_user_end - pvt_user_start;
	u32 i;

	if (user_l4)
		return;
	for (off = 0; off < size; off += PAGE_BYTES)
		map_page(USER_VA + off, va_mfn(pvt_user_start + off), P_RO | P_U);
	user_data = page_alloc();
	for (i = 1; i < 8; i++)
		page_alloc();
	for (i = 0; i < 8; i++)
		map_page(USER_DATA + i * PAGE_BYTES, va_mfn(user_data + i * PAGE_BYTES),
			 P_RW | P_U | P_NX);
	user_l4 = page_alloc();
	user_l4[0] = *walk(0, 4);
	set_ro(user_l4);
	user_l4_mfn = va_mfn(user_l4);
	if (mmuext(MMUEXT_PIN_L4_TABLE, user_l4_mfn, 0) ||
	    mmuext(MMUEXT_NEW_USER_BASEPTR, user_l4_mfn, 0))
		die("the user root is refused");
}

u64 user_addr(const void *sym)
{
	return USER_VA + ((const char *)sym - pvt_user_start);
}

void user_regs(struct regs *r, const void *code)
{
	memset(r, 0, sizeof(*r));
	r->rip = user_addr(code);
	r->cs = FLAT_CS;
	r->ss = FLAT_SS;
	r->rsp = USER_STACK;
	r->rflags = 0x202;
	if (vi->evtchn_upcall_mask)
		r->rflags = 2;
}

bool user_run(const void *code)
{
	u8 mask = vi->evtchn_upcall_mask;
	struct regs r;

	user_init();
	user_regs(&r, code);
	user_enter(&r);
	vi->evtchn_upcall_mask = mask;
	return last.vector == VEC_SYSCALL;
}

/* ---- machine --------------------------------------------------------------------------------- */

u64 rdtsc(void)
{
	u32 a, d;

	asm volatile("lfence; rdtsc" : "=a"(a), "=d"(d) : : "memory");
	return a | (u64)d << 32;
}

u64 now_ns(void)
{
	volatile struct vcpu_time_info *t = &vi->time;
	u64 delta, ns;
	u32 version;

	do {
		version = t->version;
		barrier();
		delta = rdtsc() - t->tsc_timestamp;
		if (t->tsc_shift < 0)
			delta >>= -t->tsc_shift;
		else
			delta <<= t->tsc_shift;
		ns = t->system_time + (u64)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
		barrier();
	} while (version & 1 || version != t->version);
	return ns;
}

/* Masked while the clock is looked at, or the event that ends the block could come just before it. */
void block_until(u64 ns)
{
	for (events_off(); now_ns() < ns; events_off())
		sched(SCHEDOP_block, NULL);
}

u64 rnd(void)
{
	static u64 x = 0x9e3779b97f4a7c15ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

struct cpuid fep_cpuid(u32 leaf, u32 sub)
{
	struct cpuid r;

	asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2"
		     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "0"(leaf), "2"(sub));
	return r;
}

struct cpuid native_cpuid(u32 leaf, u32 sub)
{
	struct cpuid r;

	asm volatile("cpuid"
		     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "0"(leaf), "2"(sub));
	return r;
}

u32 try_rdmsr(u32 msr, u64 *val)
{
	u32 a = 0xdeadbeef, d = 0xdeadbeef, t;

	t = TRY("rdmsr", : "+a"(a), "+d"(d) : "c"(msr) : "memory");
	if (val)
		*val = a | (u64)d << 32;
	return t;
}

u32 try_wrmsr(u32 msr, u64 val)
{
	return TRY("wrmsr", : : "a"((u32)val), "d"((u32)(val >> 32)), "c"(msr) : "memory");
}
