// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl doctor, second part: can this machine be cut into partitions, and what would make it better?
 *
 * In the order of what is needed first: the CPU's extension, the driver, CPUs that can be taken,
 * memory in one piece, and what is in the way of handing over PCI devices. The driver has the last
 * word at "partition create"; here is what can be known before.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "pvmctl.h"

#define CPU_DIR		"/sys/devices/system/cpu"
#define MSR_FEAT_CTL	0x3a		/* Intel: bit 0 locked, bit 2 VMX allowed */
#define MSR_VM_CR	0xc0010114	/* AMD: bit 4 SVM switched off */

static bool word_in(const char *words, const char *word)
{
	char w[34];

	snprintf(w, sizeof(w), " %.31s ", word);
	return strstr(words, w);
}

/* Only root can, and only with the module msr. */
static bool read_msr(uint32_t msr, uint64_t *value)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = pread(fd, value, sizeof(*value), msr) == sizeof(*value);
	close(fd);
	return ok;
}

static void check_extension(const char *flags)
{
	bool svm = word_in(flags, "svm"), vmx = word_in(flags, "vmx"), off = false;
	uint64_t msr;

	if (svm && read_msr(MSR_VM_CR, &msr))
		off = msr & 1 << 4;
	else if (vmx && read_msr(MSR_FEAT_CTL, &msr))
		off = msr & 1 && !(msr & 1 << 2);
	if (!svm && !vmx)
		report(WARN, "part:virt", "switch it on in the firmware; a VM needs nested virtualization",
		       "the CPU has neither SVM nor VMX, or the firmware hides it");
	else if (off)
		report(WARN, "part:virt", "switch virtualization on in the firmware setup",
		       "the CPU has %s, but the firmware has locked it off", svm ? "SVM" : "VMX");
	else if (word_in(flags, "fred"))
		report(WARN, "part:virt", "boot with 'fred=off'", "the CPU has FRED, which is not supported");
	else
		report(OK, "part:virt", NULL, "the CPU has %s", svm ? "SVM" : "VMX");
}

static void check_driver(void)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	struct pvm_ctx *ctx;

	if (pvm_ctx_create(NULL, &ctx))
		return;			/* said above */
	if (pvm_ctx_info_get(ctx, &info))
		report(WARN, "part:drv", NULL, "%s", pvm_errmsg());
	else if (!info.partitions)
		report(WARN, "part:drv", "'dmesg | grep pvm' may say why",
		       "the driver that is loaded offers no partitions here");
	else
		report(OK, "part:drv", NULL, "the driver offers partitions");
	pvm_ctx_destroy(ctx);
}

static unsigned int count_online(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (unsigned int)n : 1;
}

/* Taking a CPU means taking it offline: does the kernel let us? */
static void check_cpus(void)
{
	unsigned int online = count_online(), can = 0, cpu;
	char path[64];

	for (cpu = 1; cpu < 4096; cpu++) {
		snprintf(path, sizeof(path), CPU_DIR "/cpu%u", cpu);
		if (access(path, F_OK))
			break;
		snprintf(path, sizeof(path), CPU_DIR "/cpu%u/online", cpu);
		can += !access(path, F_OK);
	}
	if (online < 2)
		report(WARN, "part:cpus", "give this machine more CPUs; CPU 0 stays with the host",
		       "only one CPU is online");
	else if (!can)
		report(WARN, "part:cpus", "boot a kernel with CONFIG_HOTPLUG_CPU",
		       "no CPU can be taken offline");
	else
		report(OK, "part:cpus", NULL, "%u CPUs online, %u can be taken", online, can);
}

static void check_smt(void)
{
	char active[8], pair[64];

	first_line(CPU_DIR "/smt/active", active, sizeof(active));
	if (*active != '1') {
		report(OK, "part:smt", NULL, "each CPU is a core of its own");
		return;
	}
	first_line(CPU_DIR "/cpu1/topology/thread_siblings_list", pair, sizeof(pair));
	report(OK, "part:smt", "take whole cores: 'lscpu -e' shows them",
	       "cores have several threads; CPU 1 is on a core with %s", *pair ? pair : "others");
}

static void check_memory(void)
{
	unsigned long long kib = 0, block = 0, movable = 0;
	char *line = NULL, text[64], free_text[OUT_NUM_LEN];
	size_t room = 0;
	bool in_movable = false;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && getline(&line, &room, f) > 0)
		if (sscanf(line, "MemFree: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	f = fopen("/proc/zoneinfo", "re");
	while (f && getline(&line, &room, f) > 0) {
		unsigned long long pages;

		if (!strncmp(line, "Node ", 5))
			in_movable = strstr(line, "Movable");
		else if (in_movable && sscanf(line, " managed %llu", &pages) == 1)
			movable += pages * 4096;
	}
	if (f)
		fclose(f);
	free(line);
	if (first_line("/sys/devices/system/memory/block_size_bytes", text, sizeof(text)))
		block = strtoull(text, NULL, 16);
	out_size(free_text, kib * 1024);
	if (movable)
		report(OK, "part:mem", NULL, "%s free, and a movable zone, which can be given away", free_text);
	else
		report(OK, "part:mem",
		       "for large ones keep memory from the host at boot: memmap=8G$16G, or movablecore=8G",
		       "%s free; a range in one piece is harder to find the longer the host runs%s", free_text,
		       block ? "" : " (no memory hotplug)");
}

/* Interrupt remapping shows in the names of the chips: "IR-PCI-MSI". */
static bool remaps_interrupts(void)
{
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f = fopen("/proc/interrupts", "re");

	while (f && !found && getline(&line, &room, f) > 0)
		found = strstr(line, " IR-");
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Groups whose devices see other addresses than memory has. */
static unsigned int count_translated(void)
{
	char path[300], type[32];
	unsigned int n = 0;
	struct dirent *e;
	DIR *d = opendir("/sys/kernel/iommu_groups");

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%.200s/type", e->d_name);
		n += first_line(path, type, sizeof(type)) && strcmp(type, "identity");
	}
	if (d)
		closedir(d);
	return n;
}

static void check_pci(void)
{
	unsigned int translated = count_translated();

	if (remaps_interrupts())
		report(WARN, "part:pci", "boot with 'intremap=off iommu=pt' to hand over devices",
		       "interrupt remapping is on, so partitions cannot have PCI devices");
	else if (translated)
		report(WARN, "part:pci", "boot with 'iommu=pt' to hand over devices",
		       "the IOMMU translates addresses for %u groups of devices", translated);
	else
		report(OK, "part:pci", NULL, "no IOMMU is in the way of handing over devices");
}

void doctor_partitions(const char *cpu_flags)
{
	check_extension(cpu_flags);
	check_driver();
	check_cpus();
	check_smt();
	check_memory();
	check_pci();
}
