// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * ACPI tables of partitions: every byte a kernel decides by, the AML as iasl reads it, no byte
 * outside the room given.
 */
#include "test.h"
#include "part_acpi.h"

#include <unistd.h>

#define ADDR	0x5fe20000ull

static uint8_t *dst;
static uint64_t rsdp;
static uint32_t ids[64];
static struct pvm_part_window windows[96];
static struct pvm_part_acpi_in in;

static int setup(void **state)
{
	in = (struct pvm_part_acpi_in){
		.addr = ADDR, .apic_ids = ids, .nr_cpus = 2, .windows = windows,
		.uart_port = 0x3f8, .sleep_port = 0x604, .reset_port = 0x605,
		.io_apic = 0x5fe04000, .mailbox = 0x5fe03000,
	};
	memset(windows, 0, sizeof(windows));
	for (unsigned int i = 0; i < 64; i++)
		ids[i] = 6 + i;
	dst = malloc(PVM_PART_ACPI_BYTES);
	memset(dst, 0xee, PVM_PART_ACPI_BYTES);
	return 0;
}

static int teardown(void **state)
{
	free(dst);
	return 0;
}

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static void sums_to_zero(const uint8_t *p, size_t bytes)
{
	uint8_t sum = 0;

	while (bytes--)
		sum += *p++;
	assert_int_equal(sum, 0);
}

/* The table with this signature, checked; NULL: not in XSDT. */
static uint8_t *table(const char *sig)
{
	uint8_t *root, *xsdt;

	assert_true(rsdp >= ADDR && rsdp < ADDR + PVM_PART_ACPI_BYTES);
	root = dst + (rsdp - ADDR);
	assert_memory_equal(root, "RSD PTR ", 8);
	assert_int_equal(root[15], 2);
	sums_to_zero(root, 20);
	sums_to_zero(root, get(root + 20, 4));
	xsdt = dst + (get(root + 24, 8) - ADDR);
	assert_memory_equal(xsdt, "XSDT", 4);
	sums_to_zero(xsdt, get(xsdt + 4, 4));
	for (uint8_t *p = xsdt + 36; p < xsdt + get(xsdt + 4, 4); p += 8) {
		uint8_t *t = dst + (get(p, 8) - ADDR);

		assert_int_equal(get(p, 8) % 16, 0);
		sums_to_zero(t, get(t + 4, 4));
		if (!memcmp(t, sig, 4))
			return t;
	}
	return NULL;
}

static void build(void)
{
	assert_int_equal(pvm_part_acpi(&in, dst, PVM_PART_ACPI_BYTES, &rsdp), 0);
}

static uint8_t *dsdt(void)
{
	uint8_t *d = dst + (get(table("FACP") + 140, 8) - ADDR);

	assert_memory_equal(d, "DSDT", 4);
	sums_to_zero(d, get(d + 4, 4));
	return d;
}

static void fadt_keeps_the_kernel_off_the_hosts_hardware(void **state)
{
	uint8_t *f;
	uint64_t flags;

	build();
	f = table("FACP");
	assert_non_null(f);
	assert_int_equal(get(f + 4, 4), 268);
	assert_int_equal(f[8], 5);
	flags = get(f + 112, 4);
	assert_true(flags & 1u << 20);			/* hardware-reduced */
	assert_true(flags & 1u << 19);			/* physical APIC destinations */
	assert_true(flags & 1u << 10);			/* reset register */
	assert_int_equal(get(f + 109, 2), 1 << 2 | 1 << 5);
	assert_int_equal(f[116], 1);			/* reset: I/O, port, value */
	assert_int_equal(get(f + 120, 8), 0x605);
	assert_int_equal(f[128], 1);
	assert_int_equal(get(f + 248, 8), 0x604);	/* sleep control, sleep status */
	assert_int_equal(get(f + 260, 8), 0x606);
	assert_int_equal(get(f + 40, 4), get(f + 140, 8));
	dsdt();
}

static void tables_above_4g_have_no_32_bit_address(void **state)
{
	uint8_t *f, *d;

	in.addr = 0x1000000000ull;
	in.io_apic = 0;
	build();
	rsdp = rsdp - in.addr + ADDR;
	f = dst + 64;
	while (memcmp(f, "FACP", 4))
		f += 64;
	assert_int_equal(get(f + 40, 4), 0);
	d = dst + (get(f + 140, 8) - in.addr);
	assert_memory_equal(d, "DSDT", 4);
}

static void madt_has_the_boot_cpu_first_and_nothing_of_the_host(void **state)
{
	static const uint32_t cpus[] = { 254, 3, 255, 300 };
	uint8_t *m;

	in.apic_ids = cpus;
	in.nr_cpus = 4;
	build();
	m = table("APIC");
	assert_int_equal(get(m + 36, 4), 0xfee00000);
	assert_int_equal(get(m + 40, 4), 0);		/* no 8259 */
	assert_int_equal(get(m + 4, 4), 44 + 8 + 8 + 16 + 16 + 12 + 16);
	m += 44;
	assert_memory_equal(m, "\x00\x08\x00\xfe\x01\0\0\0", 8);
	assert_memory_equal(m + 8, "\x00\x08\x01\x03\x01\0\0\0", 8);
	assert_memory_equal(m + 16, "\x09\x10\0\0\xff\0\0\0\x01\0\0\0\x02\0\0\0", 16);
	assert_memory_equal(m + 32, "\x09\x10\0\0\x2c\x01\0\0\x01\0\0\0\x03\0\0\0", 16);
	assert_memory_equal(m + 48, "\x01\x0c\xf0\0\x00\x40\xe0\x5f\0\0\0\0", 12);
	assert_memory_equal(m + 60, "\x10\x10\0\0\0\0\0\0\x00\x30\xe0\x5f\0\0\0\0", 16);
}

static void one_cpu_in_x2apic_mode_needs_neither_io_apic_nor_mailbox(void **state)
{
	in.nr_cpus = 1;
	in.io_apic = in.mailbox = 0;
	build();
	assert_int_equal(get(table("APIC") + 4, 4), 44 + 8);
}

/* ---- AML --------------------------------------------------------------------------------- */

static char *slurp(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Disassemble, compile again without an error or warning, and hand out the text. */
static char *iasl(void)
{
	char dir[] = "/tmp/pvm-acpi-XXXXXX", path[64], cmd[300];
	uint8_t *d = dsdt();
	char *text;
	FILE *f;
	int ret;

	if (system("command -v iasl >/dev/null"))
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/d.aml", dir);
	f = fopen(path, "w");
	fwrite(d, 1, get(d + 4, 4), f);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "cd %s && iasl -d d.aml >log 2>&1 && iasl -we -p again d.dsl >>log 2>&1",
		 dir);
	ret = system(cmd);
	if (ret) {
		snprintf(cmd, sizeof(cmd), "sed 's/^/# /' %s/log", dir);
		if (system(cmd))
			puts("# no log");
	}
	assert_int_equal(ret, 0);
	snprintf(path, sizeof(path), "%s/d.dsl", dir);
	text = slurp(path);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	return text;
}

static void has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in: %s", what, text);
}

static unsigned int occurrences(const char *text, const char *what)
{
	unsigned int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void aml_has_a_uart_without_an_interrupt(void **state)
{
	char *text;

	build();
	text = iasl();
	has(text, "Name (_S5");
	has(text, "Device (COM0)");
	has(text, "PNP0501");
	has(text, "0x03F8,             // Range Minimum");
	assert_null(strstr(text, "IRQ"));
	assert_null(strstr(text, "PNP0A03"));
	free(text);
}

static void aml_of_a_machine_without_a_console_is_valid(void **state)
{
	char *text;

	in.uart_port = 0;
	build();
	text = iasl();
	assert_null(strstr(text, "Device ("));
	free(text);
}

static void aml_has_a_bridge_per_bus_with_the_bars_as_windows(void **state)
{
	char *text;

	windows[0] = (struct pvm_part_window){ 0x0028, 0xfebfc000, 0x4000 };
	windows[1] = (struct pvm_part_window){ 0x0100, 0x380000000000, 0x100000000 };
	windows[2] = (struct pvm_part_window){ 0x0030, 0xfebf0000, 0x1000 };
	windows[3] = (struct pvm_part_window){ 0x0030, 0xfebf8000, 0 };
	in.nr_windows = 4;
	build();
	text = iasl();
	has(text, "Device (PC00)");
	has(text, "Device (PC01)");
	assert_int_equal(occurrences(text, "PNP0A03"), 2);
	assert_int_equal(occurrences(text, "QWordMemory"), 3);
	has(text, "Name (_BBN, 0x01)");
	has(text, "0x00000000FEBFC000, // Range Minimum");
	has(text, "0x00000000FEBFFFFF, // Range Maximum");
	has(text, "0x00003800FFFFFFFF, // Range Maximum");
	has(text, "0x0000000100000000, // Length");
	free(text);
}

static void the_largest_machine_fits_and_is_valid(void **state)
{
	char *text;

	for (unsigned int i = 0; i < 96; i++)
		windows[i] = (struct pvm_part_window){ (i / 6) << 8, 0x100000000ull * (i + 4), 0x1000 };
	in.nr_windows = 96;
	in.nr_cpus = 64;
	build();
	text = iasl();
	assert_int_equal(occurrences(text, "PNP0A03"), 16);
	assert_int_equal(occurrences(text, "QWordMemory"), 96);
	free(text);
	/* all on one bus: the longest package */
	for (unsigned int i = 0; i < 96; i++)
		windows[i] = (struct pvm_part_window){ 0x0500 | (i / 6 << 3), 0x100000000ull * (i + 4), 1 };
	build();
	text = iasl();
	assert_int_equal(occurrences(text, "PNP0A03"), 1);
	assert_int_equal(occurrences(text, "QWordMemory"), 96);
	free(text);
}

static void too_little_room_is_refused_and_not_overrun(void **state)
{
	size_t need;

	windows[0] = (struct pvm_part_window){ 0x0028, 0xfebfc000, 0x4000 };
	in.nr_windows = 1;
	for (need = 0;; need++) {
		uint8_t *exact = malloc(need + !need);
		int err = pvm_part_acpi(&in, exact, need, &rsdp);

		free(exact);
		if (!err)
			break;
		assert_int_equal(err, -ENOSPC);
		assert_true(need < PVM_PART_ACPI_BYTES);
	}
	assert_true(need > 500 && need < 2000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(fadt_keeps_the_kernel_off_the_hosts_hardware),
		T(tables_above_4g_have_no_32_bit_address),
		T(madt_has_the_boot_cpu_first_and_nothing_of_the_host),
		T(one_cpu_in_x2apic_mode_needs_neither_io_apic_nor_mailbox),
		T(aml_has_a_uart_without_an_interrupt),
		T(aml_of_a_machine_without_a_console_is_valid),
		T(aml_has_a_bridge_per_bus_with_the_bars_as_windows),
		T(the_largest_machine_fits_and_is_valid),
		T(too_little_room_is_refused_and_not_overrun),
	};

	return cmocka_run_group_tests_name("part_acpi", tests, NULL, NULL);
}
