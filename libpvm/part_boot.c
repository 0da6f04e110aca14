// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Start of a partition: files to memory, then the driver enters the kernel.
 *
 * Everything that can be refused is refused before the partition's memory is touched: files are
 * opened, the kernel is checked and a plan exists (part_build.c). Memory of an earlier run is not
 * cleared; only what would be taken for the new kernel's log is (part_vmcore.c).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ioctl.h"
#include "lib.h"
#include "part_build.h"

struct request {
	struct pvm_load_opts load;	/* the initrd, as load.c wants it */
	struct pvm_part_info info;
	struct pvm_part_cpu cpus[PVM_PART_MAX_CPUS];
	struct pvm_part_bar bars[PVM_PART_MAX_BARS];
	uint32_t apic_ids[PVM_PART_MAX_CPUS];
	struct pvm_part_window windows[PVM_PART_MAX_BARS];
	struct pvm_part_kernel kernel;
	struct pvm_part_in in;
	struct pvm_part_plan plan;
	struct pvm_blob blob;
	int initrd_fd;
};

static int ask(struct pvm_part *part, struct request *r)
{
	const struct pvm_part_info *info = &r->info;
	int err = pvm_part_info_get(part, &r->info, r->cpus, r->bars);

	if (err)
		return err;
	if (info->entry.state == PVM_PART_RUNNING)
		return pvm_fail(-EBUSY, "cannot start partition %s: it runs; stop it first", part->name);
	for (uint32_t i = 0; i < info->cpus_count; i++)
		r->apic_ids[i] = r->cpus[i].apic_id;
	for (uint32_t i = 0; i < info->bars_count; i++)
		r->windows[i] = (struct pvm_part_window){
			.bdf = r->bars[i].bdf, .addr = r->bars[i].addr, .bytes = r->bars[i].bytes,
		};
	r->in = (struct pvm_part_in){
		.kernel = &r->kernel,
		.append = r->load.cmdline ? r->load.cmdline : "",
		.mem_addr = part->mem_addr,
		.mem_bytes = part->mem_bytes,
		.low_addr = info->low_addr,
		.low_bytes = info->low_bytes,
		.tsc_khz = info->tsc_khz,
		.uart_port = info->uart_port,
		.sleep_port = info->sleep_port,
		.reset_port = info->reset_port,
		.x2apic = info->flags & PVM_PINFO_X2APIC,
		.apic_ids = r->apic_ids,
		.nr_cpus = info->cpus_count,
		.windows = r->windows,
		.nr_windows = info->bars_count,
	};
	return 0;
}

static int open_files(const struct pvm_part_boot *b, struct request *r)
{
	const char *name = b->kernel_path ? b->kernel_path : "image";
	int err = pvm_initrd_open(&r->load, &r->initrd_fd, &r->in.initrd_bytes);

	if (err)
		return err;
	err = pvm_blob_open("kernel", b->kernel_path, b->kernel_data, b->kernel_bytes, &r->blob);
	if (err)
		return err;
	return pvm_part_kernel_check(name, r->blob.data, r->blob.bytes, &r->kernel);
}

static int enter(struct pvm_part *part, const struct request *r)
{
	const struct pvm_part_plan *p = &r->plan;
	struct pvm_part_start arg = {
		.rip = p->rip,
		.rsi = p->rsi,
		.rsp = p->rsp,
		.cr3 = p->cr3,
		.gdt_addr = p->gdt_addr,
		.gdt_limit = p->gdt_limit,
		.mailbox = p->mailbox,
	};
	int err = pvm_sys_part_start(part->fd, &arg);

	if (err == -EBUSY)
		return pvm_fail(err, "cannot start partition %s: it runs; stop it first", part->name);
	return err ? pvm_part_failed(part, err, "start") : 0;
}

/* Half-written memory does no harm: nothing runs in it, and the next start writes all of it again. */
static int load(struct pvm_part *part, struct request *r)
{
	struct pvm_phys mem;
	int err = pvm_part_map(part);

	if (err)
		return err;
	mem = (struct pvm_phys){ part->mem, part->mem_addr, part->mem_bytes };
	memset(&part->vmcore, 0, sizeof(part->vmcore));
	if (r->info.entry.started_ns)
		pvm_vmcore_forget(&mem);
	pvm_part_write(&r->in, &r->plan, part->mem);
	return pvm_initrd_read(&r->load, r->initrd_fd,
			       part->mem + (r->plan.initrd_addr ? r->plan.initrd_addr - part->mem_addr : 0),
			       r->in.initrd_bytes);
}

int pvm_part_start(struct pvm_part *part, const struct pvm_part_boot *boot)
{
	struct request r = { .initrd_fd = -1 };
	struct pvm_part_boot b;
	int err;

	err = pvm_opts_copy(&b, sizeof(b), boot, "pvm_part_boot");
	if (err)
		return err;
	if (b.flags || b.reserved)
		return pvm_fail(-EINVAL, "pvm_part_boot has unknown flags");
	r.load.initrd_path = b.initrd_path;
	r.load.initrd_data = b.initrd_data;
	r.load.initrd_bytes = b.initrd_bytes;
	r.load.cmdline = b.cmdline;
	err = ask(part, &r);
	if (!err)
		err = open_files(&b, &r);
	if (!err)
		err = pvm_part_plan(&r.in, &r.plan);
	if (!err)
		err = load(part, &r);
	if (!err)
		err = enter(part, &r);
	pvm_blob_close(&r.blob);
	if (r.initrd_fd >= 0)
		close(r.initrd_fd);
	if (!err)
		pvm_log(&part->ctx->log, PVM_LOG_INFO, "partition %s: kernel at %#llx, %s", part->name,
			(unsigned long long)r.plan.kernel_addr, r.plan.cmdline);
	return err;
}
