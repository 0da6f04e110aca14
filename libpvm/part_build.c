// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loader of partitions: plan and bytes of what a stock bzImage finds when it is entered by the
 * 64-bit boot protocol. Pure.
 *
 *	mem_addr                                                            mem_addr + mem_bytes
 *	│◀────────────────── e820: usable ──────────────────▶│◀─ NVS ─▶│◀─ ACPI data ─▶│
 *	├─ 16 MiB ─┬────────────┬─────────┬─────────┬─ gap ──┼─────────┼───────────────┤
 *	│          │ bzImage    │ room to │ ...     │ initrd │ tables  │ ACPI tables   │
 *	│          │ payload    │ unpack  │         │        │         │               │
 *	           ▲ rip = +0x200                             ▲ tables_addr
 *
 *	tables: zero page │ command line │ GDT │ mailbox │ I/O APIC of zeros │ stack │ .. │ page tables
 *
 * Besides its memory the kernel is given one more usable range, the window below 1 MiB: its
 * trampolines for other CPUs and for changing the paging mode must be there. Nothing else is in the
 * e820 map, and what is not in it a kernel does not touch, wherever KASLR puts it.
 *
 * The page tables map 0..4 GiB and the partition's memory to themselves, with 2 MiB pages (1 GiB
 * pages need a CPUID bit). Beyond that the kernel's own start-up code builds what it needs.
 *
 * Physical addresses are the host's: a mistake here writes into the host. So nothing in a plan may
 * point outside [mem_addr, mem_addr + mem_bytes), and test_part_build.c tries at random.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "part_build.h"

#define PAGE		4096ull
#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
#define LARGE		(2 * MIB)
#define KERNEL_OFFSET	(16 * MIB)	/* no kernel runs below 16 MiB of its memory */
#define ENTRY64		0x200u		/* startup_64 in the payload */

/* Our part, offsets from tables_addr. */
#define AT_ZERO_PAGE	0x0000u
#define AT_CMDLINE	0x1000u
#define AT_GDT		0x2000u
#define AT_MAILBOX	0x3000u
#define AT_IO_APIC	0x4000u
#define AT_STACK_END	0x6000u
#define AT_PAGE_TABLES	0x10000u

/* Setup header and zero page: offsets of Documentation/arch/x86/boot.rst and zero-page.rst. */
#define HDR_START		0x1f1u
#define HDR_SETUP_SECTS		0x1f1u
#define HDR_SYSSIZE		0x1f4u
#define HDR_BOOT_FLAG		0x1feu
#define HDR_JUMP_BYTES		0x201u
#define HDR_MAGIC		0x202u
#define HDR_VERSION		0x206u
#define HDR_LOADER		0x210u
#define HDR_LOADFLAGS		0x211u
#define HDR_CODE32		0x214u
#define HDR_RAMDISK		0x218u
#define HDR_RAMDISK_BYTES	0x21cu
#define HDR_CMDLINE		0x228u
#define HDR_ALIGN		0x230u
#define HDR_RELOCATABLE		0x234u
#define HDR_XLOADFLAGS		0x236u
#define HDR_CMDLINE_BYTES	0x238u
#define HDR_PREF_ADDR		0x258u
#define HDR_INIT_BYTES		0x260u
#define HDR_END			0x264u
#define ZP_RSDP			0x070u
#define ZP_EXT_RAMDISK		0x0c0u
#define ZP_EXT_RAMDISK_BYTES	0x0c4u
#define ZP_EXT_CMDLINE		0x0c8u
#define ZP_NR_E820		0x1e8u
#define ZP_E820			0x2d0u
#define ZP_HDR_MAX		0x290u	/* the setup header's place in the zero page ends here */

#define LOADED_HIGH	(1u << 0)
#define XLF_KERNEL_64	(1u << 0)
#define XLF_ABOVE_4G	(1u << 1)

enum { E820_RAM = 1, E820_ACPI = 3, E820_NVS = 4 };

static uint32_t get16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static void set_int(uint8_t *p, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static uint64_t mib(uint64_t bytes)
{
	return align_up(bytes, MIB) / MIB;
}

/* ---- the kernel -------------------------------------------------------------------------- */

static int refuse(const char *name, const char *why)
{
	return pvm_fail(-ENOEXEC, "cannot boot kernel %s in a partition: %s", name, why);
}

static int check_format(const char *name, const uint8_t *d, size_t bytes)
{
	if (!bytes)
		return refuse(name, "the file is empty");
	if (bytes >= 4 && !memcmp(d, "\177ELF", 4))
		return refuse(name, "it is an ELF file; partitions boot a bzImage, such as /boot/vmlinuz-*");
	if (bytes < HDR_MAGIC + 4 || memcmp(d + HDR_MAGIC, "HdrS", 4) ||
	    get16(d + HDR_BOOT_FLAG) != 0xaa55)
		return refuse(name, "it is no bzImage; partitions boot files such as /boot/vmlinuz-*");
	if (bytes < HDR_END)
		return refuse(name, "the file is truncated in its header");
	return 0;
}

int pvm_part_kernel_check(const char *name, const uint8_t *d, size_t bytes,
			  struct pvm_part_kernel *k)
{
	uint64_t sects, promised;
	int err = check_format(name, d, bytes);

	if (err)
		return err;
	if (get16(d + HDR_VERSION) < 0x20c)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s in a partition: its boot protocol %u.%02u is too old, 2.12 is the least",
				name, d[HDR_VERSION + 1], d[HDR_VERSION]);
	if (!(d[HDR_LOADFLAGS] & LOADED_HIGH))
		return refuse(name, "it is a zImage, not a bzImage");
	if (!(get16(d + HDR_XLOADFLAGS) & XLF_KERNEL_64))
		return refuse(name, "it is a 32-bit kernel; partitions boot 64-bit ones");
	if (!d[HDR_RELOCATABLE])
		return refuse(name, "it was built without CONFIG_RELOCATABLE, and a partition's memory is not where it must lie");
	sects = d[HDR_SETUP_SECTS] ? d[HDR_SETUP_SECTS] : 4;
	*k = (struct pvm_part_kernel){
		.data = d,
		.bytes = bytes,
		.payload_at = 512 * (sects + 1),
		.align = get32(d + HDR_ALIGN),
		.lowest = get32(d + HDR_PREF_ADDR) | (uint64_t)get32(d + HDR_PREF_ADDR + 4) << 32,
		.init_bytes = get32(d + HDR_INIT_BYTES),
		.cmdline_bytes = get32(d + HDR_CMDLINE_BYTES),
		.above_4g = get16(d + HDR_XLOADFLAGS) & XLF_ABOVE_4G,
	};
	promised = k->payload_at + 16ull * get32(d + HDR_SYSSIZE);
	if (promised > bytes)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s in a partition: it has %zu bytes where its header promises %llu, the file is truncated",
				name, bytes, (unsigned long long)promised);
	if (promised < k->payload_at + 2 * ENTRY64)
		return refuse(name, "its header says it has no contents");
	k->payload_bytes = bytes - k->payload_at;
	if (!k->align || k->align & (k->align - 1) || k->align < PAGE || k->align > GIB)
		return refuse(name, "its header asks for an impossible alignment");
	/* It unpacks at or behind where it is loaded. */
	if (k->init_bytes < k->payload_bytes)
		k->init_bytes = k->payload_bytes;
	return 0;
}

/* ---- plan -------------------------------------------------------------------------------- */

/* ttySn of the four ports a kernel knows by itself. */
static int tty_of(uint32_t port)
{
	static const uint32_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };

	for (int i = 0; i < 4; i++)
		if (ports[i] == port)
			return i;
	return -1;
}

/*
 * What a partition's kernel must be told, then what its user wants it to be told: the last word of
 * an option wins. tsc_early_khz: without the legacy timers there is nothing to measure the TSC
 * with. no_ipi_broadcast: a broadcast would reach the host's CPUs. reboot=acpi: hardware-reduced
 * ACPI makes it try EFI, then the BIOS of the host.
 */
static int plan_cmdline(const struct pvm_part_in *in, struct pvm_part_plan *p)
{
	char tsc[32] = "", early[48] = "", console[32] = "";
	uint32_t most = sizeof(p->cmdline) - 1;
	int tty = tty_of(in->uart_port), n;

	if (in->kernel->cmdline_bytes && in->kernel->cmdline_bytes < most)
		most = in->kernel->cmdline_bytes;
	if (in->tsc_khz)
		snprintf(tsc, sizeof(tsc), "tsc_early_khz=%u ", in->tsc_khz);
	if (in->uart_port)
		snprintf(early, sizeof(early), " earlyprintk=serial,%#x,115200", in->uart_port);
	if (tty >= 0)
		snprintf(console, sizeof(console), " console=ttyS%d,115200", tty);
	n = snprintf(p->cmdline, sizeof(p->cmdline), "%sno_ipi_broadcast=1 reboot=acpi%s%s%s%s%s", tsc,
		     p->has_io_apic ? "" : " noapic", early, console, *in->append ? " " : "",
		     in->append);
	if (n < 0 || (uint32_t)n > most)
		return pvm_fail(-EINVAL, "cannot boot with this command line: with what a partition needs it has %d characters, and the kernel takes %u",
				n, most);
	return 0;
}

static uint64_t end_of(const struct pvm_part_in *in)
{
	return in->mem_addr + in->mem_bytes;
}

/* Does the identity map have this GiB, of those below the memory's end? */
static bool maps_gib(const struct pvm_part_in *in, uint64_t gib)
{
	return gib < 4 || gib >= in->mem_addr / GIB;
}

/* Root, a directory of pointers per 512 GiB, a directory per GiB. */
static uint64_t count_pt_pages(const struct pvm_part_in *in)
{
	uint64_t first = in->mem_addr / GIB, last = (end_of(in) - 1) / GIB;
	uint64_t pages = 1 + 1 + 4;

	if (first < 4)
		first = 4;
	if (last < first)
		return pages;
	pages += last - first + 1;
	pages += last / 512 - first / 512 + 1;
	return first / 512 == 0 ? pages - 1 : pages;	/* the first 512 GiB have theirs */
}

static int no_room(const struct pvm_part_in *in, uint64_t kernel, uint64_t tables)
{
	uint64_t need = kernel + align_up(in->initrd_bytes, LARGE) + tables;

	if (in->initrd_bytes && kernel + tables <= in->mem_bytes)
		return pvm_fail(-ENOSPC, "cannot boot with an initrd of %llu MiB: the partition has %llu MiB, and with the kernel at least %llu MiB are needed",
				(unsigned long long)mib(in->initrd_bytes),
				(unsigned long long)mib(in->mem_bytes), (unsigned long long)mib(need));
	return pvm_fail(-ENOSPC, "cannot boot this kernel: the partition has %llu MiB, at least %llu MiB are needed",
			(unsigned long long)mib(in->mem_bytes), (unsigned long long)mib(need));
}

static int plan_memory(const struct pvm_part_in *in, struct pvm_part_plan *p)
{
	const struct pvm_part_kernel *k = in->kernel;
	uint64_t kernel_end, tables;

	p->nr_pt_pages = count_pt_pages(in);
	p->nvs_bytes = align_up(AT_PAGE_TABLES + p->nr_pt_pages * PAGE, 0x10000);
	tables = align_up(p->nvs_bytes + PVM_PART_ACPI_BYTES, LARGE);
	p->kernel_addr = align_up(in->mem_addr + KERNEL_OFFSET, k->align);
	if (k->lowest >= end_of(in))
		return pvm_fail(-ENOEXEC, "cannot boot this kernel: it runs at %llu MiB or above, and the partition's memory ends at %llu MiB",
				(unsigned long long)mib(k->lowest),
				(unsigned long long)mib(end_of(in)));
	if (p->kernel_addr < k->lowest)
		p->kernel_addr = align_up(k->lowest, k->align);
	kernel_end = align_up(p->kernel_addr + k->init_bytes, LARGE) - in->mem_addr;
	/* In this order no sum can overflow. */
	if (in->initrd_bytes > in->mem_bytes || kernel_end > in->mem_bytes ||
	    kernel_end + align_up(in->initrd_bytes, LARGE) + tables > in->mem_bytes)
		return no_room(in, kernel_end, tables);
	p->tables_addr = end_of(in) - tables;
	p->acpi_bytes = tables - p->nvs_bytes;
	if (in->initrd_bytes)
		p->initrd_addr = p->tables_addr - align_up(in->initrd_bytes, LARGE);
	if (end_of(in) > 4 * GIB && !k->above_4g)
		return pvm_fail(-ENOEXEC, "cannot boot this kernel in memory above 4 GiB: it was built without support for that; create the partition with memory at a lower address");
	return 0;
}

int pvm_part_plan(const struct pvm_part_in *in, struct pvm_part_plan *plan)
{
	struct pvm_part_plan p = { 0 };
	int err = plan_memory(in, &p);

	if (err)
		return err;
	/* MADT has 32 bits for its address; and in x2APIC mode there must be none (part_acpi.c). */
	p.has_io_apic = !in->x2apic && end_of(in) <= 4 * GIB;
	err = plan_cmdline(in, &p);
	if (err)
		return err;
	p.rip = p.kernel_addr + ENTRY64;
	p.rsi = p.tables_addr + AT_ZERO_PAGE;
	p.rsp = p.tables_addr + AT_STACK_END - 16;
	p.cr3 = p.tables_addr + AT_PAGE_TABLES;
	p.gdt_addr = p.tables_addr + AT_GDT;
	p.gdt_limit = 4 * 8 - 1;
	p.mailbox = in->nr_cpus > 1 ? p.tables_addr + AT_MAILBOX : 0;
	*plan = p;
	return 0;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void add_e820(uint8_t *zp, uint64_t addr, uint64_t bytes, uint32_t type)
{
	uint8_t *e;

	if (!bytes)
		return;
	e = zp + ZP_E820 + 20 * zp[ZP_NR_E820]++;
	set_int(e, addr, 8);
	set_int(e + 8, bytes, 8);
	set_int(e + 16, type, 4);
}

static void write_zero_page(const struct pvm_part_in *in, const struct pvm_part_plan *p, uint64_t rsdp,
			    uint8_t *zp)
{
	const struct pvm_part_kernel *k = in->kernel;
	uint64_t cmdline = p->tables_addr + AT_CMDLINE;
	uint32_t hdr_end = HDR_MAGIC + k->data[HDR_JUMP_BYTES];

	if (hdr_end < HDR_END)
		hdr_end = HDR_END;
	if (hdr_end > ZP_HDR_MAX)
		hdr_end = ZP_HDR_MAX;	/* which every file that was checked has */
	memcpy(zp + HDR_START, k->data + HDR_START, hdr_end - HDR_START);
	zp[HDR_LOADER] = 0xff;
	set_int(zp + HDR_CODE32, p->kernel_addr, 4);
	set_int(zp + HDR_CMDLINE, cmdline, 4);
	set_int(zp + ZP_EXT_CMDLINE, cmdline >> 32, 4);
	set_int(zp + HDR_RAMDISK, p->initrd_addr, 4);
	set_int(zp + ZP_EXT_RAMDISK, p->initrd_addr >> 32, 4);
	set_int(zp + HDR_RAMDISK_BYTES, in->initrd_bytes, 4);
	set_int(zp + ZP_EXT_RAMDISK_BYTES, in->initrd_bytes >> 32, 4);
	set_int(zp + ZP_RSDP, rsdp, 8);
	add_e820(zp, in->low_addr, in->low_bytes, E820_RAM);
	add_e820(zp, in->mem_addr, p->tables_addr - in->mem_addr, E820_RAM);
	add_e820(zp, p->tables_addr, p->nvs_bytes, E820_NVS);
	add_e820(zp, p->tables_addr + p->nvs_bytes, p->acpi_bytes, E820_ACPI);
}

static void write_page_tables(const struct pvm_part_in *in, const struct pvm_part_plan *p, uint8_t *at)
{
	enum { PRESENT_WRITE = 3, LARGE_PAGE = 0x83 };
	uint64_t last = (end_of(in) - 1) / GIB, next = 1, l3 = 0, l3_of = ~0ull;

	if (last < 3)
		last = 3;
	for (uint64_t gib = 0; gib <= last; gib++) {
		if (!maps_gib(in, gib)) {
			gib = in->mem_addr / GIB - 1;	/* the hole below the memory */
			continue;
		}
		if (gib / 512 != l3_of) {
			l3_of = gib / 512;
			l3 = next++;
			set_int(at + 8 * l3_of, (p->cr3 + l3 * PAGE) | PRESENT_WRITE, 8);
		}
		set_int(at + l3 * PAGE + 8 * (gib % 512), (p->cr3 + next * PAGE) | PRESENT_WRITE, 8);
		for (uint64_t i = 0; i < 512; i++)
			set_int(at + next * PAGE + 8 * i, (gib * GIB + i * LARGE) | LARGE_PAGE, 8);
		next++;
	}
}

void pvm_part_write(const struct pvm_part_in *in, const struct pvm_part_plan *p, uint8_t *mem)
{
	static const uint64_t gdt[4] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
	const struct pvm_part_kernel *k = in->kernel;
	struct pvm_part_acpi_in acpi = {
		.addr = p->tables_addr + p->nvs_bytes,
		.apic_ids = in->apic_ids,
		.nr_cpus = in->nr_cpus,
		.windows = in->windows,
		.nr_windows = in->nr_windows,
		.uart_port = in->uart_port,
		.sleep_port = in->sleep_port,
		.reset_port = in->reset_port,
		.io_apic = p->has_io_apic ? p->tables_addr + AT_IO_APIC : 0,
		.mailbox = p->mailbox,
	};
	uint8_t *tables = mem + (p->tables_addr - in->mem_addr);
	uint64_t rsdp = 0;

	memset(tables, 0, p->nvs_bytes);
	memcpy(mem + (p->kernel_addr - in->mem_addr), k->data + k->payload_at, k->payload_bytes);
	/* Cannot fail: PVM_PART_ACPI_BYTES is enough for the most CPUs and windows there can be. */
	pvm_part_acpi(&acpi, tables + p->nvs_bytes, PVM_PART_ACPI_BYTES, &rsdp);
	memcpy(tables + AT_CMDLINE, p->cmdline, sizeof(p->cmdline));
	for (unsigned int i = 0; i < 4; i++)
		set_int(tables + AT_GDT + 8 * i, gdt[i], 8);
	write_page_tables(in, p, tables + AT_PAGE_TABLES);
	write_zero_page(in, p, rsdp, tables + AT_ZERO_PAGE);
}
