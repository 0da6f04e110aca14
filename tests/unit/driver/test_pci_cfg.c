// SPDX-License-Identifier: GPL-2.0-only
/* Configuration space of a partition's devices: Linux' BAR sizing, capabilities, and what must not reach a device. */
#include "test.h"

#include "part/pci_cfg.h"

static u32 dev[PVM_PCI_DWORDS];		/* the device */
static struct pvm_pci_view v;

static const struct pvm_pci_bar nvme_bars[PVM_PCI_BARS] = {
	[0] = { .addr = 0x380000004000, .bytes = 0x4000, .is_64 = true },
	[2] = { .addr = 0xfebf0000, .bytes = 0x1000, .prefetch = true },
};

/* An NVMe controller as QEMU has it, with more capabilities. */
static int setup(void **state)
{
	(void)state;
	memset(dev, 0, sizeof(dev));
	dev[0] = 0x00101b36;
	dev[1] = 0x0010 << 16 | 0x0407;
	dev[2] = 0x01080202;
	dev[3] = 0x80800010;		/* BIST, multi-function */
	dev[4] = 0x00004004;
	dev[5] = 0x00003800;
	dev[6] = 0xfebf0008;
	dev[8] = 0x0000c001;		/* I/O */
	dev[11] = 0x11001af4;
	dev[12] = 0xfeb00001;
	dev[13] = 0x40;
	dev[15] = 0x0102010b;
	dev[0x40 / 4] = 0x0003 << 16 | 0x50 << 8 | 0x01;	/* PM */
	dev[0x44 / 4] = 0x00008000;
	dev[0x50 / 4] = 0x01860000 | 0x70 << 8 | 0x05;		/* MSI: 64-bit, mask */
	dev[0x70 / 4] = 0x0040 << 16 | 0x80 << 8 | 0x11;	/* MSI-X */
	dev[0x80 / 4] = 0x0002 << 16 | 0xc0 << 8 | 0x10;	/* Express */
	dev[0x84 / 4] = 0x10008fc0;
	dev[0x88 / 4] = 0x00052810;
	dev[0xc0 / 4] = 0x03061300 | 0xd0 << 8 | 0x13;		/* AF */
	dev[0xd0 / 4] = 0x0010 << 16 | 0xe0 << 8 | 0x09;	/* vendor, 16 bytes */
	dev[0xe0 / 4] = 0x00 << 8 | 0x03;			/* VPD */
	assert_int_equal(pvm_pci_view_init(&v, 0x28, false, dev, nvme_bars), 0);
	return 0;
}

static u32 in(u32 reg, u32 bytes)
{
	/* What the device has must not matter where it is not asked. */
	return pvm_pci_read(&v, reg, bytes, pvm_pci_needs_device(&v, reg, bytes, false) ? dev[reg / 4] : 0xa5a5a5a5);
}

/* Returns whether the device was written. */
static bool out(u32 reg, u32 bytes, u32 value)
{
	bool needs = pvm_pci_needs_device(&v, reg, bytes, true);
	u32 result = 0;

	if (!pvm_pci_write(&v, reg, bytes, value, needs ? dev[reg / 4] : 0xa5a5a5a5, &result)) {
		assert_false(needs);
		return false;
	}
	assert_true(needs);
	dev[reg / 4] = result;
	return true;
}

static void identity_is_the_device_s(void **state)
{
	(void)state;
	assert_int_equal(in(0, 4), 0x00101b36);
	assert_int_equal(in(2, 2), 0x0010);
	assert_int_equal(in(0x0b, 1), 0x01);
	assert_int_equal(in(0x2c, 4), 0x11001af4);
	assert_false(out(0, 4, 0));
	assert_false(out(0x2c, 4, 0));
	assert_int_equal(v.bdf, 0x28);
	assert_true(v.has_msi);
}

/* As pci_read_bases() asks. */
static void bars_are_sized_but_not_moved(void **state)
{
	(void)state;
	assert_int_equal(in(0x10, 4), 0x00004004);
	assert_false(out(0x10, 4, 0xffffffff));
	assert_int_equal(in(0x10, 4), 0xffffc004);
	assert_int_equal(in(0x14, 4), 0x3800);
	assert_false(out(0x10, 4, 0x00004004));
	assert_int_equal(in(0x10, 4), 0x00004004);
	assert_false(out(0x14, 4, 0xffffffff));
	assert_int_equal(in(0x14, 4), 0xffffffff);
	assert_false(out(0x14, 4, 0));
	assert_int_equal(in(0x14, 4), 0x3800);
	assert_false(out(0x18, 4, 0xfffffff0));
	assert_int_equal(in(0x18, 4), 0xfffff008);
	assert_false(out(0x18, 4, 0xe0000000));
	assert_int_equal(in(0x18, 4), 0xfebf0008);
	assert_int_equal(in(0x1a, 2), 0xfebf);
	assert_false(out(0x18, 2, 0xffff));
	assert_int_equal(in(0x18, 4), 0xfebf0008);
	/* I/O BAR, expansion ROM */
	assert_int_equal(in(0x20, 4), 0);
	out(0x20, 4, 0xffffffff);
	assert_int_equal(in(0x20, 4), 0);
	assert_int_equal(in(0x30, 4), 0);
	assert_false(out(0x30, 4, 0xfffff801));
	assert_int_equal(in(0x30, 4), 0);
	assert_int_equal(dev[4], 0x00004004);
	assert_int_equal(dev[12], 0xfeb00001);
}

static void command_and_status(void **state)
{
	(void)state;
	dev[1] = 0xf9100000 | 0x0407;
	assert_int_equal(in(4, 2), 0x0406);		/* no I/O decoding to be seen */
	assert_true(out(4, 2, 0x0000));
	assert_int_equal(dev[1], 0x0010 << 16 | 0x0401);	/* written as 0: no error bit is cleared by accident */
	dev[1] = 0xf9100000 | 0x0401;
	assert_true(out(4, 2, 0x0547));
	assert_int_equal(dev[1] & 0xffff, 0x0547);	/* INTx stays off, I/O as it was */
	assert_true(out(4, 2, 0xffff & ~0x0400));
	assert_int_equal(dev[1] & 0xffff, 0x0547);
	assert_true(out(6, 2, 0x8000));
	assert_int_equal(dev[1] >> 16, 0x8010);		/* a one, at that bit alone */
	out(5, 1, 0x04);
	assert_int_equal(dev[1] & 0xff00, 0x0400);
}

static void header_and_interrupt(void **state)
{
	(void)state;
	assert_int_equal(in(0x0e, 1), 0);
	assert_int_equal(in(0x0f, 1), 0);
	assert_int_equal(in(0x0c, 1), 0x10);
	assert_true(out(0x0c, 1, 8));
	assert_int_equal(dev[3], 0x80800008);
	assert_false(out(0x0f, 1, 0x40));
	assert_int_equal(in(0x3c, 2), 0);
	assert_false(out(0x3c, 1, 5));
	assert_int_equal(in(0x3e, 2), 0x0102);
}

static void power_states_are_only_written_down(void **state)
{
	(void)state;
	assert_int_equal(in(0x44, 2), 0x8000);
	assert_false(out(0x44, 2, 0x0003));
	assert_int_equal(in(0x44, 2), 0x8003);
	assert_false(out(0x46, 1, 0x00));
	assert_int_equal(in(0x44, 4), 0x8003);
	assert_false(out(0x44, 2, 0x0000));
	assert_int_equal(in(0x44, 2), 0x8000);
	assert_int_equal(dev[0x44 / 4], 0x8000);
}

static void msi_and_msix(void **state)
{
	(void)state;
	assert_true(out(0x52, 2, 0xffff));
	assert_int_equal(dev[0x50 / 4], 0x01f77005);
	assert_true(out(0x54, 4, 0xfee0300f));
	assert_int_equal(dev[0x54 / 4], 0xfee0300c);
	assert_true(out(0x58, 4, 1));
	assert_true(out(0x5c, 2, 0x4022));
	assert_false(out(0x5e, 2, 0x1));
	assert_int_equal(dev[0x5c / 4], 0x4022);
	assert_true(out(0x60, 4, 0xff));
	assert_false(out(0x64, 4, 0xff));		/* pending bits */
	assert_true(out(0x72, 2, 0xffff));
	assert_int_equal(dev[0x70 / 4] >> 16, 0xc040);
	assert_false(out(0x74, 4, 0));			/* where the table is */
	/* 32-bit MSI without masks is one dword shorter */
	dev[0x50 / 4] = 0x00007005;
	assert_int_equal(pvm_pci_view_init(&v, 0x28, false, dev, nvme_bars), 0);
	assert_true(out(0x58, 2, 0x41));
	assert_false(out(0x5c, 4, 1));
	assert_false(out(0x60, 4, 1));
}

static void no_reset_by_any_way(void **state)
{
	(void)state;
	assert_int_equal(in(0x84, 4), 0x00008fc0);	/* no FLR */
	assert_true(out(0x88, 2, 0xffff));
	assert_int_equal(dev[0x88 / 4], 0x0000781f);
	assert_int_equal(in(0x8b, 1), 0);
	assert_true(out(0x8a, 2, 0x000f));
	assert_false(out(0x90, 4, 0xffffffff));		/* link control */
	assert_int_equal(in(0xc3, 1), 0);		/* no FLR by AF either */
	assert_false(out(0xc4, 1, 1));
	assert_true(out(0xdc, 4, 7));			/* vendor */
	assert_false(out(0xe0, 4, 7));			/* VPD */
	assert_false(out(0xe4, 4, 7));
	assert_false(out(0xf0, 4, 7));			/* in no capability */
}

static void capability_lists(void **state)
{
	u32 d, kind;

	(void)state;
	dev[3] = 0x00010000;				/* a bridge */
	assert_int_equal(pvm_pci_view_init(&v, 8, false, dev, nvme_bars), -EINVAL);
	dev[3] = 0;
	dev[1] &= 0xffff;				/* no list */
	assert_int_equal(pvm_pci_view_init(&v, 8, false, dev, nvme_bars), 0);
	assert_false(v.has_msi);
	assert_false(out(0x52, 2, 1));
	dev[1] |= 0x100000;
	dev[0x70 / 4] = 0x00005011;			/* in circles */
	assert_int_equal(pvm_pci_view_init(&v, 8, false, dev, nvme_bars), -EINVAL);
	/* every kind at the very end of the space, with every length */
	for (kind = 0; kind < 0x20; kind++) {
		for (d = 60; d < 64; d++) {
			dev[13] = d * 4;
			dev[d] = 0xffff0000 | kind;
			assert_int_equal(pvm_pci_view_init(&v, 8, false, dev, nvme_bars), 0);
		}
	}
}

static void bars_at_the_end(void **state)
{
	static const struct pvm_pci_bar bars[PVM_PCI_BARS] = {
		[5] = { .addr = 0x1fe000000, .bytes = 0x200000000, .is_64 = true },
	};

	(void)state;
	assert_int_equal(pvm_pci_view_init(&v, 8, false, dev, bars), 0);
	assert_int_equal(in(0x24, 4), 0xfe000004);
	out(0x24, 4, 0xffffffff);
	assert_int_equal(in(0x24, 4), 0x00000004);	/* 8 GiB: no bit of the lower half */
	assert_int_equal(in(0x28, 4), dev[10]);
}

static void nothing_else_reaches_the_device(void **state)
{
	u32 i, reg, bytes, d;

	(void)state;
	for (i = 0; i < 200000; i++) {
		u32 was;

		bytes = 1u << rnd_below(3);
		reg = rnd_below(256) & ~(bytes - 1);
		d = reg / 4;
		was = dev[d] = rnd();
		if (rnd_below(2)) {
			assert_true(in(reg, bytes) <= (bytes == 4 ? 0xffffffffu : (1u << (8 * bytes)) - 1));
		} else if (out(reg, bytes, rnd_edgy())) {
			assert_int_equal((dev[d] ^ was) & ~(v.write[d] | v.clear[d]), 0);
			assert_true(d == 1 || d == 3 || d >= 0x50 / 4);
		}
	}
}

static void places(void **state)
{
	static const u32 bdfs[] = { 0x0028, 0x0302, 0x00fa, 0x0008, 0x0301, 0x0009, 0x0300 };
	static const struct { u16 bdf; bool others; } want[] = {
		{ 0x0028, false }, { 0x0302, true }, { 0x00f8, false }, { 0x0008, true }, { 0x0301, true },
		{ 0x0009, true }, { 0x0300, true },
	};
	u32 i;
	u16 bdf;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bdfs); i++) {
		assert_int_equal(pvm_pci_place(bdfs, ARRAY_SIZE(bdfs), i, &bdf), want[i].others);
		assert_int_equal(bdf, want[i].bdf);
	}
	/* without 03:00.0 the next one takes its place */
	assert_true(pvm_pci_place(bdfs, 6, 4, &bdf));
	assert_int_equal(bdf, 0x0300);
	assert_true(pvm_pci_place(bdfs, 6, 1, &bdf));
	assert_int_equal(bdf, 0x0302);
	/* and says that there are more */
	assert_int_equal(pvm_pci_view_init(&v, 0x28, true, dev, nvme_bars), 0);
	assert_int_equal(in(0x0e, 1), 0x80);
}

static void bridge(void **state)
{
	(void)state;
	assert_int_equal(pvm_pci_read_bridge(0, 4), 0x00081b36);
	assert_int_equal(pvm_pci_read_bridge(10, 2), 0x0600);
	assert_int_equal(pvm_pci_read_bridge(0x0e, 1), 0);
	assert_int_equal(pvm_pci_read_bridge(0xfc, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(identity_is_the_device_s, setup),
		cmocka_unit_test_setup(bars_are_sized_but_not_moved, setup),
		cmocka_unit_test_setup(command_and_status, setup),
		cmocka_unit_test_setup(header_and_interrupt, setup),
		cmocka_unit_test_setup(power_states_are_only_written_down, setup),
		cmocka_unit_test_setup(msi_and_msix, setup),
		cmocka_unit_test_setup(no_reset_by_any_way, setup),
		cmocka_unit_test_setup(capability_lists, setup),
		cmocka_unit_test_setup(bars_at_the_end, setup),
		cmocka_unit_test_setup(nothing_else_reaches_the_device, setup),
		cmocka_unit_test_setup(places, setup),
		cmocka_unit_test(bridge),
	};

	return cmocka_run_group_tests_name("part/pci_cfg", tests, NULL, NULL);
}
