// SPDX-License-Identifier: GPL-2.0-only
/* Second-stage tables: against a naive map of pages, on random overlapping ranges; bits of both formats; the bound. */
#include "test.h"

#include "part/stage2.h"

#define POOL_PA	0x123400000ull
#define MIB	0x100000ull

static void build(struct pvm_stage2 *s, enum pvm_stage2_kind kind, u32 levels, const struct pvm_stage2_range *r, u32 n)
{
	u32 pages = pvm_stage2_pages(r, n, levels);

	*s = (struct pvm_stage2){ .kind = kind, .levels = levels, .pool_pa = POOL_PA, .pages = pages };
	s->pool = calloc(pages, 4096);
	assert_non_null(s->pool);
	assert_int_equal(pvm_stage2_build(s, r, n), 0);
	assert_true(s->used <= pages);
}

/* What a partition under PVM_PART_PROTECT gets. */
static const struct pvm_stage2_range protect[] = {
	{ 0, 0x77777000, MIB, PVM_S2_SAME },				/* legacy area: zeros, read-only */
	{ 0x20000, 0x20000, 0x40000, PVM_S2_WRITE },			/* low window */
	{ 0x40000000, 0x40000000, 512 * MIB, PVM_S2_WRITE },		/* memory */
	{ 0xfebf0000, 0xfebf0000, 0x4000, PVM_S2_WRITE | PVM_S2_MMIO },	/* a BAR */
	{ 0xfee00000, 0xfee00000, 0x1000, PVM_S2_WRITE | PVM_S2_MMIO },	/* local APIC */
	{ 0x3800000000, 0x3800000000, 4 * MIB, PVM_S2_WRITE | PVM_S2_MMIO },
};

static void restricted_map(void **state)
{
	static const struct { u64 gpa, hpa; int err; u64 ept, npt; } t[] = {
		{ 0, 0x77777000, 0, 0x35, 0x65 },
		{ 0x1fff8, 0x77777ff8, 0, 0x35, 0x65 },
		{ 0x20000, 0x20000, 0, 0x37, 0x67 },
		{ 0x5fff8, 0x5fff8, 0, 0x37, 0x67 },
		{ 0x60000, 0x77777000, 0, 0x35, 0x65 },
		{ 0xf0010, 0x77777010, 0, 0x35, 0x65 },
		{ 0x100000, 0, -ENOENT, 0, 0 },
		{ 0x3ffffff8, 0, -ENOENT, 0, 0 },
		{ 0x40000000, 0x40000000, 0, 0xb7, 0xe7 },
		{ 0x5ffffff8, 0x5ffffff8, 0, 0xb7, 0xe7 },
		{ 0x60000000, 0, -ENOENT, 0, 0 },
		{ 0xfebeffff, 0, -ENOENT, 0, 0 },
		{ 0xfebf3fff, 0xfebf3fff, 0, 0x07, 0x7f },
		{ 0xfebf4000, 0, -ENOENT, 0, 0 },
		{ 0xfee00030, 0xfee00030, 0, 0x07, 0x7f },
		{ 0xfee01000, 0, -ENOENT, 0, 0 },
		{ 0x3800200123, 0x3800200123, 0, 0x87, 0xff },
		{ 0xffffffff000, 0, -ENOENT, 0, 0 },
	};
	u32 kind, levels, i;

	(void)state;
	for (kind = PVM_STAGE2_EPT; kind <= PVM_STAGE2_NPT; kind++) {
		for (levels = 4; levels <= 5; levels++) {
			struct pvm_stage2 s;

			build(&s, kind, levels, protect, ARRAY_SIZE(protect));
			for (i = 0; i < ARRAY_SIZE(t); i++) {
				u64 hpa = 1, e = 1;

				assert_int_equal(pvm_stage2_find(&s, t[i].gpa, &hpa, &e), t[i].err);
				if (t[i].err)
					continue;
				assert_int_equal(hpa, t[i].hpa);
				assert_int_equal(e & 0xfff, kind == PVM_STAGE2_EPT ? t[i].ept : t[i].npt);
			}
			free(s.pool);
		}
	}
}

/* What VMX walks while a CPU of a partition has paging off: everything below 4 GiB. */
static void unpaged_map(void **state)
{
	static const struct pvm_stage2_range r[] = {
		{ 0, 0, 4096 * MIB, PVM_S2_WRITE | PVM_S2_MMIO },
		{ 0x20000, 0x20000, 0x40000, PVM_S2_WRITE },
		{ 0x40000000, 0x40000000, 256 * MIB, PVM_S2_WRITE },
	};
	struct pvm_stage2 s;
	u64 gpa, hpa, e;

	(void)state;
	build(&s, PVM_STAGE2_EPT, 4, r, ARRAY_SIZE(r));
	for (gpa = 0; gpa < 4096 * MIB; gpa += 0x11000) {
		bool ram = (gpa >= 0x20000 && gpa < 0x60000) || (gpa >= 0x40000000 && gpa < 0x50000000);

		assert_int_equal(pvm_stage2_find(&s, gpa, &hpa, &e), 0);
		assert_int_equal(hpa, gpa);
		assert_int_equal(e & 0x3f, ram ? 0x37 : 0x07);
	}
	assert_int_equal(pvm_stage2_find(&s, 4096 * MIB, &hpa, &e), -ENOENT);
	free(s.pool);
}

static void root(void **state)
{
	struct pvm_stage2 s = { .kind = PVM_STAGE2_EPT, .levels = 4, .pool_pa = POOL_PA };

	(void)state;
	assert_int_equal(pvm_stage2_root(&s), POOL_PA | 3 << 3 | 6);
	s.levels = 5;
	assert_int_equal(pvm_stage2_root(&s), POOL_PA | 4 << 3 | 6);
	s.kind = PVM_STAGE2_NPT;
	assert_int_equal(pvm_stage2_root(&s), POOL_PA);
}

#define PAGES	3072u		/* 12 MiB, somewhere across a 1 GiB border */
#define START	(1024 * MIB - 5 * MIB)

static void random_ranges_against_a_naive_map(void **state)
{
	static u64 want[PAGES];			/* hpa | flags, ~0 unmapped */
	struct pvm_stage2_range r[8];
	struct pvm_stage2 s;
	u32 round, i, n;
	u64 page, hpa, e;

	(void)state;
	for (round = 0; round < 300; round++) {
		memset(want, 0xff, sizeof(want));
		n = 1 + rnd_below(ARRAY_SIZE(r));
		for (i = 0; i < n; i++) {
			u64 first = rnd_below(PAGES), count = 1 + rnd_below(PAGES - first);

			if (rnd_below(2)) {		/* large leaves are not rare */
				first &= ~255ull;
				count = (count + 255) & ~255ull;
				count = count > PAGES - first ? PAGES - first : count;
			}
			r[i] = (struct pvm_stage2_range){
				.gpa = START + first * 4096, .bytes = count * 4096, .flags = rnd_below(8),
			};
			r[i].hpa = rnd_below(2) ? r[i].gpa : rnd_below(1 << 20) * 4096;
			for (page = 0; page < count; page++)
				want[first + page] = (r[i].hpa + (r[i].flags & PVM_S2_SAME ? 0 : page * 4096)) |
						     (r[i].flags & (PVM_S2_WRITE | PVM_S2_MMIO));
		}
		build(&s, PVM_STAGE2_EPT, 4, r, n);
		for (page = 0; page < PAGES; page++) {
			int err = pvm_stage2_find(&s, START + page * 4096 + 0x123, &hpa, &e);

			assert_int_equal(err, want[page] == ~0ull ? -ENOENT : 0);
			if (err)
				continue;
			assert_int_equal(hpa, (want[page] & ~0xfffull) + 0x123);
			assert_int_equal(!!(e & 2), !!(want[page] & PVM_S2_WRITE));
			assert_int_equal(e >> 3 & 7, want[page] & PVM_S2_MMIO ? 0 : 6);
		}
		free(s.pool);
	}
}

static void too_small_a_pool(void **state)
{
	struct pvm_stage2 s = { .kind = PVM_STAGE2_NPT, .levels = 4, .pool_pa = POOL_PA };
	u32 full, n;

	(void)state;
	build(&s, PVM_STAGE2_NPT, 4, protect, ARRAY_SIZE(protect));
	full = s.used;
	free(s.pool);
	for (n = 0; n < full; n++) {
		s.pages = n;
		s.pool = calloc(n + 1, 4096);
		assert_int_equal(pvm_stage2_build(&s, protect, ARRAY_SIZE(protect)), -ENOMEM);
		free(s.pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restricted_map),
		cmocka_unit_test(unpaged_map),
		cmocka_unit_test(root),
		cmocka_unit_test(random_ranges_against_a_naive_map),
		cmocka_unit_test(too_small_a_pool),
	};

	return cmocka_run_group_tests_name("part/stage2", tests, NULL, NULL);
}
