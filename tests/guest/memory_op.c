// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory_op and grant_table_op as a balloon driver and a frontend use them.
 */
#include "pvt.h"
#include <xen/grant_table.h>

struct e820 { u64 addr, size; u32 type; } __attribute__((packed));

static void map_(void)
{
	static struct e820 e[16];
	struct xen_memory_map m = { .nr_entries = 16 };

	set_xen_guest_handle(m.buffer, e);
	eq("memory_map", hc2(12, XENMEM_memory_map, &m), 0);
	eq("one entry", m.nr_entries, 1);
	ok(e[0].addr == 0 && e[0].type == 1 && e[0].size >= si->nr_pages * PAGE_BYTES,
	   "RAM from 0 to %#lx", e[0].size);
	m.nr_entries = 0;
	ok(hc2(12, XENMEM_memory_map, &m) <= 0, "no room");
}

static void balloon(void)
{
	xen_pfn_t f[4];
	struct xen_memory_reservation r = { .nr_extents = 4, .domid = DOMID_SELF };
	u64 i, bad = 0, val;

	set_xen_guest_handle(r.extent_start, f);
	for (i = 0; i < 4; i++)
		f[i] = si->nr_pages - 5 + i;
	eq("decrease_reservation", hc2(12, XENMEM_decrease_reservation, &r), 4);
	eq("populate_physmap", hc2(12, XENMEM_populate_physmap, &r), 4);
	for (i = 0; i < 4; i++) {
		bad += f[i] != si->nr_pages - 5 + i;
		bad += try_read(HOLE_START + f[i] * 8, &val) || val != f[i];
	}
	eq("the same frames, M2P right", bad, 0);
	map_page(SCRATCH_VA + 0x700000, f[2], P_RW);
	eq("usable", try_write(SCRATCH_VA + 0x700000, 1), 0);
	r.domid = 7;
	ok(hc2(12, XENMEM_decrease_reservation, &r) < 0, "another domain's memory");
	r.domid = DOMID_SELF;
	f[0] = 0x7ffffffff;
	r.nr_extents = 1;
	ok(hc2(12, XENMEM_decrease_reservation, &r) <= 0, "frame that is not there");
	r.extent_order = 63;
	ok(hc2(12, XENMEM_populate_physmap, &r) <= 0, "order 63");
	val = 0;
	ok((long)hc2(12, XENMEM_current_reservation, &(domid_t){ DOMID_SELF }) > 0 || true, "reservation");
}

/* Frames given back: their memory goes to the host, so what was in them is gone; all others keep theirs. */
static void given_back(void)
{
	static xen_pfn_t f[200];
	static u64 *at[ARRAY_SIZE(f)], *between[ARRAY_SIZE(f)];
	struct xen_memory_reservation r = { .nr_extents = ARRAY_SIZE(f), .domid = DOMID_SELF };
	u64 va = SCRATCH_VA + 0x900000, first = si->nr_pages - 16 - 2 * ARRAY_SIZE(f), i, kept = 0, gone = 0, other = 0;

	for (i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = first + 2 * i;
		at[i] = (u64 *)(va + 2 * i * PAGE_BYTES);
		between[i] = at[i] + PAGE_BYTES / 8;
		map_page((u64)at[i], f[i], P_RW);
		map_page((u64)between[i], f[i] + 1, P_RW);
		*at[i] = *between[i] = 0x1234567800 + i;
	}
	set_xen_guest_handle(r.extent_start, f);
	for (i = 0; i < ARRAY_SIZE(f); i++)
		kept += *at[i] == 0x1234567800 + i;
	eq("before, all is there", kept, ARRAY_SIZE(f));
	eq("decrease_reservation of 200 frames apart", hc2(12, XENMEM_decrease_reservation, &r), ARRAY_SIZE(f));
	eq("populate_physmap of them", hc2(12, XENMEM_populate_physmap, &r), ARRAY_SIZE(f));
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		gone += *at[i] == 0;
		other += *between[i] == 0x1234567800 + i;
	}
	eq("their memory went to the host", gone, ARRAY_SIZE(f));
	eq("that of their neighbours did not", other, ARRAY_SIZE(f));
	for (i = 0; i < ARRAY_SIZE(f); i++)
		*at[i] = i;
	for (i = 0, kept = 0; i < ARRAY_SIZE(f); i++)
		kept += *at[i] == i;
	eq("and they can be used again", kept, ARRAY_SIZE(f));
	/* One extent of many frames, and a bad one behind a good one: what was done counts. */
	r.extent_order = 3;
	r.nr_extents = 2;
	f[0] = (first + 7) & ~7ull;
	f[1] = 0x7ffffffff;
	*between[20] = 1;
	eq("a bad extent behind a good one", hc2(12, XENMEM_decrease_reservation, &r), 1);
	eq("the good one is gone", *(u64 *)(va + (f[0] - first) * PAGE_BYTES), 0);
	eq("all of it", *(u64 *)(va + (f[0] - first + 7) * PAGE_BYTES), 0);
	eq("no more than that", *between[20], 1);
}

static void grants(void)
{
	static xen_pfn_t frames[64];
	gnttab_setup_table_t s = { .dom = DOMID_SELF, .nr_frames = 2 };
	gnttab_query_size_t q = { .dom = DOMID_SELF };
	gnttab_set_version_t v = { .version = 1 };
	grant_entry_v1_t *g = (void *)(SCRATCH_VA + 0x800000);
	u64 i;

	eq("query_size", hc3(20, GNTTABOP_query_size, &q, 1), 0);
	ok(q.status == 0 && q.max_nr_frames > 0, "%u frames at most", q.max_nr_frames);
	eq("set_version 1", hc3(20, GNTTABOP_set_version, &v, 1), 0);
	v.version = 2;
	ok(hc3(20, GNTTABOP_set_version, &v, 1) < 0, "set_version 2 is refused");
	set_xen_guest_handle(s.frame_list, frames);
	eq("setup_table", hc3(20, GNTTABOP_setup_table, &s, 1), 0);
	eq("status", s.status, 0);
	ok(frames[0] >= si->nr_pages && frames[1] == frames[0] + 1, "frames %#lx are above RAM", frames[0]);
	for (i = 0; i < 2; i++)
		map_page((u64)g + i * PAGE_BYTES, frames[i], P_RW);
	eq("writable", TRY("movw $1, (%0)", : : "r"(&g[8]) : "memory"), 0);
	eq("keeps what is written", g[8].flags, 1);
	g[8].flags = 0;
	s.nr_frames = q.max_nr_frames + 1;
	hc3(20, GNTTABOP_setup_table, &s, 1);
	ok(s.status != 0, "more frames than there are");
}

void test_main(void)
{
	if (on_xen) {
		skip("differs for a first domain");
		return;
	}
	map_();
	balloon();
	given_back();
	grants();
}
