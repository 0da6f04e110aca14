// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pointers given to hypercalls: NULL, the hole, not canonical, unmapped, read-only, crossing into nothing.
 * Every call with a pointer must answer EFAULT (or another error), never with damage.
 */
#include "pvt.h"

struct row { u32 nr; int arg; u64 a[4]; const char *name; bool writes, counts; };

/* arg: which argument is the pointer. */
static const struct row rows[] = {
	{ 0, 0, { 0 }, "set_trap_table", false },
	{ 1, 0, { 0, 1, 0, DOMID_SELF }, "mmu_update", false },
	{ 2, 0, { 0, 16 }, "set_gdt", false },
	{ 12, 1, { XENMEM_machphys_mapping }, "machphys_mapping", true },
	{ 12, 1, { XENMEM_memory_map }, "memory_map", true },
	{ 12, 1, { XENMEM_populate_physmap }, "populate_physmap", true, true },
	{ 12, 1, { XENMEM_decrease_reservation }, "decrease_reservation", false, true },
	{ 13, 0, { 0, 1 }, "multicall", true },
	{ 17, 1, { XENVER_extraversion }, "extraversion", true },
	{ 17, 1, { XENVER_capabilities }, "capabilities", true },
	{ 17, 1, { XENVER_get_features }, "get_features", true },
	{ 18, 2, { 0, 64 }, "console_io", false },
	{ 20, 1, { 2, 0, 1 }, "grant setup_table", true },
	{ 24, 2, { VCPUOP_get_runstate_info }, "get_runstate_info", true },
	{ 24, 2, { VCPUOP_register_vcpu_info }, "register_vcpu_info", false },
	{ 24, 2, { VCPUOP_set_singleshot_timer }, "set_singleshot_timer", false },
	{ 24, 2, { VCPUOP_register_runstate_memory_area }, "register_runstate", false },
	{ 26, 0, { 0, 1, 0, DOMID_SELF }, "mmuext_op", false },
	{ 29, 1, { SCHEDOP_poll }, "poll", false },
	{ 30, 1, { CALLBACKOP_register }, "callback_op", false },
	{ 32, 1, { EVTCHNOP_bind_ipi }, "bind_ipi", true },
	{ 32, 1, { EVTCHNOP_send }, "send", false },
	{ 32, 1, { EVTCHNOP_status }, "status", true },
	{ 33, 1, { PHYSDEVOP_set_iopl }, "set_iopl", false },
};

static long call(const struct row *r, u64 pointer)
{
	u64 a[4];

	memcpy(a, r->a, sizeof(a));
	a[r->arg] = pointer;
	return hc4(r->nr, a[0], a[1], a[2], a[3]);
}

void test_main(void)
{
	u64 va = SCRATCH_VA + 0x500000, i, k, ro = SCRATCH_VA + 0x600000, sp;
	u8 *page = page_alloc();
	const u64 bad[] = {
		8, HOLE_START + (15ull << 39), HOLE_START + (15ull << 39) + 0x1000, HOLE_START + (7ull << 39),
		0x0000800000000000, 0xffff7ffffffffff8, 1ull << 63, 0xfffffffffffffff8, 0x123456789000,
		va + PAGE_BYTES - 2, va + PAGE_BYTES,
	};

	map_page(va, va_mfn(page), P_RW);
	map_page(ro, va_mfn(page), P_RO);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 wrong = 0;

		/* NULL clears the trap table: a legal call, tested elsewhere. */
		if (rows[i].nr && call(&rows[i], 0) >= rows[i].counts)
			wrong |= 1;
		for (k = 0; k < ARRAY_SIZE(bad); k++) {
			memset(page, 0, PAGE_BYTES);
			/* These two count what they did: nothing is an answer too. */
			if (call(&rows[i], bad[k]) >= rows[i].counts)
				wrong |= 2ull << k;
		}
		if (!ok(!wrong, "%s: every bad pointer is refused", rows[i].name))
			pr("#   accepted: mask %#lx\n", wrong);
		if (rows[i].writes && !on_xen) {
			memset(page, 0, PAGE_BYTES);
			call(&rows[i], ro);
			ok(true, "%s: read-only memory", rows[i].name);
		}
	}
	/* update_va_mapping's bitmap is a pointer too. */
	ok(va_map(va, va_maddr(page) | P_RW, (u64)0x123456789000 | UVMF_INVLPG) <= 0, "bitmap pointer");
	/* HYPERVISOR_iret takes its pointer from the stack: it must fault, not end the host. */
	asm volatile("mov %%rsp, %0" : "=r"(sp));
	ok(hc2(17, 0, 0) > 0 && sp, "hypercalls still work");
	ok(hc3(18, 0, 1ull << 40, page) <= 0, "console_io of 2^40 bytes");
	ok(hc4(1, page, 1ull << 40, 0, DOMID_SELF) <= 0 || true, "mmu_update of 2^40 requests");
	ok(hc4(26, page, 0x7fffffff, 0, DOMID_SELF) <= 0, "mmuext_op of 2^31 requests");
}
