// SPDX-License-Identifier: LGPL-2.1-or-later
/* Grants: who may use which page, and that no entry leads outside guest RAM. */
#include "test.h"
#include "gnt.h"

#include <xen/xen.h>
#include <xen/grant_table.h>

#define NR	16
static struct grant_entry_v1 table[NR] __attribute__((aligned(8)));
static uint8_t ram[8 * 4096] __attribute__((aligned(4096)));
static struct pvm_gnt g;

static int reset(void **state)
{
	memset(table, 0, sizeof(table));
	g = (struct pvm_gnt){ .table = table, .nr_entries = NR, .ram = ram, .nr_pages = 8 };
	return 0;
}

static void granted_page_is_found(void **state)
{
	void *p = NULL;

	table[3] = (struct grant_entry_v1){ GTF_permit_access, 0, 5 };
	assert_int_equal(pvm_gnt_get(&g, 3, true, &p), 0);
	assert_ptr_equal(p, ram + 5 * 4096);
}

static void entry_flags_decide(void **state)
{
	static const struct {
		uint16_t flags, domid;
		bool write;
		int err;
	} t[] = {
		{ 0, 0, false, -EACCES },
		{ GTF_permit_access, 0, false, 0 },
		{ GTF_permit_access, 0, true, 0 },
		{ GTF_permit_access | GTF_readonly, 0, false, 0 },
		{ GTF_permit_access | GTF_readonly, 0, true, -EACCES },
		{ GTF_permit_access | GTF_reading | GTF_writing, 0, true, 0 },
		{ GTF_permit_access | GTF_sub_page, 0, false, -EACCES },
		{ GTF_permit_access, 1, false, -EACCES },
		{ GTF_permit_access, 0x7ff0, false, -EACCES },
		{ GTF_accept_transfer, 0, false, -EACCES },
		{ GTF_transitive, 0, false, -EACCES },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		void *p = table;

		table[0] = (struct grant_entry_v1){ t[i].flags, t[i].domid, 1 };
		assert_int_equal(pvm_gnt_get(&g, 0, t[i].write, &p), t[i].err);
		assert_ptr_equal(p, t[i].err ? (void *)table : ram + 4096);
	}
}

static void references_and_frames_are_bounded(void **state)
{
	void *p = NULL;

	table[NR - 1] = (struct grant_entry_v1){ GTF_permit_access, 0, 7 };
	assert_int_equal(pvm_gnt_get(&g, NR - 1, true, &p), 0);
	assert_int_equal(pvm_gnt_get(&g, NR, true, &p), -ERANGE);
	assert_int_equal(pvm_gnt_get(&g, 0xffffffff, true, &p), -ERANGE);
	table[0] = (struct grant_entry_v1){ GTF_permit_access, 0, 8 };
	assert_int_equal(pvm_gnt_get(&g, 0, false, &p), -EFAULT);
	table[0].frame = 0xffffffff;
	assert_int_equal(pvm_gnt_get(&g, 0, false, &p), -EFAULT);
}

static void preset_entries_are_what_a_guest_would_write(void **state)
{
	void *p = NULL;

	pvm_gnt_preset(&g, 1, 6, 0);
	assert_int_equal(table[1].flags, GTF_permit_access);
	assert_int_equal(table[1].domid, 0);
	assert_int_equal(table[1].frame, 6);
	assert_int_equal(pvm_gnt_get(&g, 1, true, &p), 0);
	assert_ptr_equal(p, ram + 6 * 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(granted_page_is_found, reset),
		cmocka_unit_test_setup(entry_flags_decide, reset),
		cmocka_unit_test_setup(references_and_frames_are_bounded, reset),
		cmocka_unit_test_setup(preset_entries_are_what_a_guest_would_write, reset),
	};

	return cmocka_run_group_tests_name("gnt", tests, NULL, NULL);
}
