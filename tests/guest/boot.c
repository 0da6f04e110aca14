// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boot contract: registers, start_info, shared_info, page tables, p2m, as a kernel finds them at
 * its first instruction. Every stock kernel depends on each of these; a wrong one shows up there as
 * an early death without a message.
 */
#include "pvt.h"

static struct shared_info first;	/* as it was before the library touched anything */
static u64 early_gs, early_unknown;

static u64 rdmsr_raw(u32 msr)
{
	u32 a, d;

	asm volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(msr));
	return a | (u64)d << 32;
}

static void wrmsr_raw(u32 msr, u64 val)
{
	asm volatile("wrmsr" : : "a"((u32)val), "d"((u32)(val >> 32)), "c"(msr));
}

/* No trap table yet: a #GP that is delivered instead of emulated ends the guest here. */
void test_early(void)
{
	static u8 page[PAGE_BYTES] __attribute__((aligned(4096)));

	wrmsr_raw(0xc0000101, 0x1234560000);
	early_gs = rdmsr_raw(0xc0000101);
	wrmsr_raw(0xc0000101, 0);
	if (!(si->flags & SIF_INITDOMAIN)) {
		early_unknown = rdmsr_raw(0x12345);
		wrmsr_raw(0x12345, 1);
	}
	hc3(__HYPERVISOR_update_va_mapping, page, si->shared_info | P_RO, UVMF_INVLPG);
	memcpy(&first, page, sizeof(first));
	hc3(__HYPERVISOR_update_va_mapping, page, va_maddr(page) | P_RW, UVMF_INVLPG);
}

static void registers(void)
{
	const struct boot_regs *b = &boot_regs;

	eq("rsi is start_info", b->rsi, (u64)si);
	eq("other registers are zero", b->rax | b->rbx | b->rcx | b->rdx | b->rdi | b->rbp | b->r8 |
	   b->r9 | b->r10 | b->r11 | b->r12 | b->r13 | b->r14 | b->r15, 0);
	ok((b->cs & 3) == 3 && (b->ss & 3) == 3, "cs %#lx and ss %#lx have RPL 3", b->cs, b->ss);
	eq("ds, es, fs, gs are null", b->ds | b->es | b->fs | b->gs, 0);
	eq("rflags", b->rflags & ~0x202ull, 0);
	eq("rflags.IF", b->rflags & 0x200, 0x200);
	ok(b->rsp % PAGE_BYTES == 0 && b->rsp > VIRT_BASE, "rsp %#lx is the top of a page", b->rsp);
	eq("gs base can be written before any handler exists", early_gs, 0x1234560000);
	if (!on_xen)
		eq("unknown MSR reads 0 before #GP has a handler", early_unknown, 0);
}

static void start_info(void)
{
	u64 i, bad = 0;
	const u64 *p2m = (const u64 *)si->mfn_list;

	ok(!memcmp(si->magic, "xen-3.0-x86_64", 14), "magic");
	ok(si->nr_pages >= 1024, "nr_pages %lu", si->nr_pages);
	ok(si->shared_info && si->shared_info % PAGE_BYTES == 0, "shared_info %#lx", si->shared_info);
	ok(si->pt_base % PAGE_BYTES == 0 && si->nr_pt_frames >= 4, "pt_base, %lu frames",
	   si->nr_pt_frames);
	if (on_xen)
		return;
	ok(!(si->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN)), "not privileged");
	ok(si->store_mfn && si->store_evtchn, "xenstore page and port");
	ok(si->console.domU.mfn && si->console.domU.evtchn, "console page and port");
	ok(si->shared_info / PAGE_BYTES >= si->nr_pages, "shared_info is above RAM");
	for (i = 0; i < si->nr_pages; i++)
		bad += p2m[i] != i;
	eq("the p2m is the identity", bad, 0);
	eq("command line has an end", si->cmd_line[sizeof(si->cmd_line) - 1], 0);
}

static void shared(void)
{
	u64 i, bad = 0, other = 0;

	for (i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		bad += first.vcpu_info[i].evtchn_upcall_mask != 1;
	eq("all 32 upcall masks are 1", bad, 0);
	/* Binding the console's other end raises it once, perhaps before the start. */
	if (!on_xen && si->console.domU.evtchn < 64)
		first.evtchn_pending[0] &= ~(1ul << si->console.domU.evtchn);
	for (other = i = 0; i < 64; i++)
		other |= first.evtchn_pending[i];
	if (!on_xen)		/* virtual interrupts of a first domain come early */
		eq("no port is pending", other, 0);
	for (other = i = 0; i < 64; i++)
		other |= first.evtchn_mask[i];
	eq("no port is masked", other, 0);
	ok(first.vcpu_info[0].time.tsc_to_system_mul, "tsc_to_system_mul is not 0");
	ok(!(first.vcpu_info[0].time.version & 1), "time version is even");
	ok(first.wc_sec || on_xen, "wall clock seconds");
	ok(!(first.wc_version & 1), "wall clock version is even");
}

/* Every page of the image must be there, and page-table pages must not be writable. */
static void page_tables(void)
{
	u64 va, frames = 0, first_pt = (si->pt_base - VIRT_BASE) / PAGE_BYTES, end = 0, i;
	u64 bad_frame = 0, bad_rw = 0, tables_rw = 0, big = 0, val;
	u64 *l4 = (u64 *)si->pt_base, *e;

	for (va = VIRT_BASE; va < VIRT_BASE + (1ull << 30); va += PAGE_BYTES) {
		u64 pfn = (va - VIRT_BASE) / PAGE_BYTES;

		e = walk(va, 2);
		if (!e || !(*e & P_P))
			break;
		big += !!(*e & 0x80);
		e = walk(va, 1);
		if (!(*e & P_P))
			break;
		end = pfn + 1;
		bad_frame += va != (u64)sh && (*e & P_FRAME) / PAGE_BYTES != va_mfn((void *)va);
		if (pfn >= first_pt && pfn < first_pt + si->nr_pt_frames)
			tables_rw += !!(*e & P_W);
		else if (!on_xen)
			bad_rw += (*e & (P_W | P_A)) != (P_W | P_A);
	}
	eq("mapping agrees with the p2m", bad_frame, 0);
	eq("page tables are mapped read-only", tables_rw, 0);
	eq("all other pages are mapped writable and accessed", bad_rw, 0);
	eq("4 KiB entries only", big, 0);
	eq("the mapping ends at 4 MiB", end % 1024, 0);
	ok(end >= first_pt + si->nr_pt_frames + 128, "512 KiB of slack behind the tables (%lu)", end);
	for (i = 0; i < 512; i++)
		frames += !!(l4[i] & P_P);
	if (!on_xen) {
		eq("one slot of the root is used", frames, 1);
		ok((l4[511] & (P_P | P_W | P_A | P_D)) == (P_P | P_W | P_A | P_D), "its flags");
		for (val = 0, i = 256; i < 272; i++)
			val |= l4[i];
		eq("slots 256 to 271 are empty in guest memory", val, 0);
		/* Linux takes back the first three frames by this order. */
		eq("frame 1 of the tables is the level 3", (l4[511] & P_FRAME) / PAGE_BYTES, first_pt + 1);
		eq("frame 2 of the tables is the level 2",
		   (*walk(VIRT_BASE, 3) & P_FRAME) / PAGE_BYTES, first_pt + 2);
	}
	ok(boot_regs.rsp <= VIRT_BASE + end * PAGE_BYTES, "the boot stack is mapped");
	eq("frame 0 can be read", try_read(VIRT_BASE, &val), 0);
	eq("behind the end: #PF", try_read(VIRT_BASE + end * PAGE_BYTES, &val), 15);
	eq("its address", last.cr2, VIRT_BASE + end * PAGE_BYTES);
	eq("its error code", last.error, 0);
	eq("a table page cannot be given away by a plain write", try_write(si->pt_base + 8, 0), 15);
	eq("its error code", last.error, 3);
}

static void m2p(void)
{
	struct xen_machphys_mapping map = { 0 };
	u64 i, n = 0, bad = 0, val, mfn = va_mfn(si);

	eq("machphys_mapping", hc2(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, &map), 0);
	eq("M2P address", map.v_start, HOLE_START);
	eq("M2P read", try_read(map.v_start + mfn * 8, &val), 0);
	eq("M2P value", val, ((u64)si - VIRT_BASE) / PAGE_BYTES);
	if (on_xen)
		return;
	ok(map.max_mfn >= si->nr_pages - 1, "max_mfn %#lx covers RAM", map.max_mfn);
	ok(map.max_mfn < si->shared_info / PAGE_BYTES, "shared_info is above max_mfn");
	for (i = 0; i < si->nr_pages; i += 1) {
		n += !!try_read(map.v_start + i * 8, &val);
		bad += val != i;
	}
	eq("M2P of all RAM can be read", n, 0);
	eq("M2P of all RAM is the identity", bad, 0);
	eq("M2P is read-only", try_write(map.v_start, 0), 15);
	eq("its error code", last.error, 3);
}

void test_main(void)
{
	registers();
	start_info();
	shared();
	page_tables();
	m2p();
}
