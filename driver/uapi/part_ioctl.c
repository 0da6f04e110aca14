// SPDX-License-Identifier: GPL-2.0-only
/*
 * Partitions: three ioctls of /dev/pvm, and the table of the partition descriptor.
 *
 * Neighbours: dev.c dispatches, check.c checks, part/part.c and part/run.c do.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/apic.h>
#include <asm/cpufeature.h>

#include "uapi/uapi.h"

/* ---- /dev/pvm ----------------------------------------------------------------------------------------------- */

/* A partition's kernel reaches all memory: who makes one could as well write to /dev/mem and load modules. */
static bool may_partition(void)
{
	return capable(CAP_SYS_ADMIN) && capable(CAP_SYS_RAWIO);
}

static u32 *fetch_u32s(u64 ptr, u32 count)
{
	return count ? memdup_user(u64_to_user_ptr(ptr), count * sizeof(u32)) : NULL;
}

static const struct file_operations part_fops;

static int create(struct pvm_call *call, struct pvm_create_partition *a, const u32 *cpus, const u32 *pci)
{
	struct pvm_why why = {};
	struct pvm_part *p;
	int err;

	p = pvm_part_create(a, cpus, pci, &why);
	memcpy(a->why, why.text, sizeof(a->why));
	if (IS_ERR(p))
		return PTR_ERR(p);
	err = pvm_new_fd(call, "pvm-partition", &part_fops, p);	/* the reference is the file's now */
	if (err) {
		pvm_part_put_file(p);
		return err;
	}
	memset(a->why, 0, sizeof(a->why));
	a->id = p->id;
	a->fd = call->new_fd;
	pvm_part_publish(p);
	return 0;
}

int pvm_ioctl_create_partition(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_create_partition *a = &arg->create_partition;
	const char *why;
	u32 *cpus, *pci;
	int err;

	memset(a->why, 0, sizeof(a->why));
	a->id = 0;
	a->fd = -1;
	if (!may_partition())
		return -EPERM;
	err = pvm_check_create_partition(a, &why);
	if (err) {
		if (why)
			strscpy(a->why, why, sizeof(a->why));
		return err;
	}
	cpus = fetch_u32s(a->cpus_ptr, a->cpus_count);
	if (IS_ERR(cpus))
		return PTR_ERR(cpus);
	pci = fetch_u32s(a->pci_ptr, a->pci_count);
	if (IS_ERR(pci)) {
		err = PTR_ERR(pci);
		goto out;
	}
	err = create(call, a, cpus, pci);
	kfree(pci);
out:
	kfree(cpus);
	return err;
}

int pvm_ioctl_open_partition(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_open_partition *a = &arg->open_partition;
	struct pvm_part *p;
	int err;

	if (!may_partition())
		return -EPERM;
	err = pvm_check_open_partition(a);
	if (err)
		return err;
	p = pvm_part_find(a->name);
	if (!p)
		return -ENOENT;
	err = pvm_new_fd(call, "pvm-partition", &part_fops, p);
	if (err) {
		pvm_part_put_file(p);
		return err;
	}
	a->id = p->id;
	a->fd = call->new_fd;
	return 0;
}

static int copy_rows(const struct pvm_list_partitions *a, const struct pvm_partition_entry *rows, u32 count)
{
	u8 __user *to = u64_to_user_ptr(a->rows_ptr);
	u32 bytes = min_t(u32, a->rows_stride, sizeof(*rows));
	u32 i;

	for (i = 0; i < count; i++, to += a->rows_stride)
		if (copy_to_user(to, &rows[i], bytes) || clear_user(to + bytes, a->rows_stride - bytes))
			return -EFAULT;
	return 0;
}

int pvm_ioctl_list_partitions(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_list_partitions *a = &arg->list_partitions;
	struct pvm_partition_entry *rows;
	u32 room = min_t(u32, a->rows_count, PVM_PART_MAX);
	u32 count;
	int err;

	err = pvm_check_list_partitions(a);
	if (err)
		return err;
	rows = kcalloc(max(room, 1u), sizeof(*rows), GFP_KERNEL_ACCOUNT);
	if (!rows)
		return -ENOMEM;
	err = pvm_part_list(rows, room, &count);
	if (!err)
		err = copy_rows(a, rows, count);
	a->rows_count = count;
	kfree(rows);
	return err;
}

/* ---- partition descriptor ----------------------------------------------------------------------------------- */

static int keep(struct pvm_call *call, union pvm_arg *arg)
{
	return pvm_part_keep(call->part);
}

static u32 info_flags(const struct pvm_part *p)
{
	u32 flags = 0;

	if (p->sup->ops->vmx)
		flags |= PVM_PINFO_VMX;
	if (x2apic_mode)
		flags |= PVM_PINFO_X2APIC;
	if (p->kept)
		flags |= PVM_PINFO_KEPT;
	if (p->uart_real)
		flags |= PVM_PINFO_UART_REAL;
	if (boot_cpu_has(X86_FEATURE_LA57))
		flags |= PVM_PINFO_LA57;
	return flags;
}

static void fill_info(struct pvm_part *p, struct pvm_part_info *a)
{
	a->flags = info_flags(p);
	pvm_part_entry(p, &a->entry);
	a->low_addr = p->mem.low_addr;
	a->low_bytes = p->mem.low_bytes;
	a->tsc_khz = p->sup->tsc_khz;
	a->uart_port = p->uart_port;
	a->sleep_port = PVM_PORT_SLEEP_CONTROL;
	a->reset_port = PVM_PORT_RESET;
	a->stop_code = p->stop_code;
	a->stop_addr = p->stop_addr;
}

static void fill_cpu(const struct pvm_pcpu *c, struct pvm_part_cpu *row)
{
	static const u32 shown[] = {
		[PVM_SUP_WAITING] = PVM_PCPU_WAITING,
		[PVM_SUP_RUNNING] = PVM_PCPU_RUNNING,
		[PVM_SUP_STOPPED] = PVM_PCPU_PARKED,
	};
	u32 state = READ_ONCE(c->state);

	*row = (struct pvm_part_cpu){
		.cpu = c->cpu,
		.apic_id = c->apic_id,
		.state = c->lost ? PVM_PCPU_LOST : state < ARRAY_SIZE(shown) ? shown[state] : PVM_PCPU_PARKED,
		.stop_reason = READ_ONCE(c->stop_reason),
		.exits = READ_ONCE(c->stat[PVM_PART_STAT_EXITS]),
		.last_rip = READ_ONCE(c->last_rip),
	};
}

#define MAX_BARS	(PVM_PART_MAX_PCI * 6)

/* Gathered under the lock and copied without it: user memory may make its reader wait for as long as it likes. */
struct part_rows {
	struct pvm_part_cpu cpus[PVM_PART_MAX_CPUS];
	struct pvm_part_bar bars[MAX_BARS];
	u32 nr_cpus, nr_bars;
};

static int gather(struct pvm_part *p, struct pvm_part_info *a, struct part_rows *r)
{
	u32 i;

	if (p->destroyed)
		return -ENODEV;
	fill_info(p, a);
	for (i = 0; i < p->nr_cpus; i++)
		fill_cpu(p->cpus[i], &r->cpus[i]);
	r->nr_cpus = p->nr_cpus;
	return pvm_part_pci_bars(p, r->bars, MAX_BARS, &r->nr_bars);
}

static int copy_array(u64 ptr, u32 *count, const void *rows, u32 nr, u32 row_bytes)
{
	u32 room = *count;

	*count = nr;
	if (room < nr)
		return -EMSGSIZE;
	return copy_to_user(u64_to_user_ptr(ptr), rows, nr * row_bytes) ? -EFAULT : 0;
}

static int info(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_part_info *a = &arg->part_info;
	struct pvm_part *p = call->part;
	struct part_rows *r;
	int err;

	err = pvm_check_reserved(a->reserved);
	if (err)
		return err;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	mutex_lock(&p->lock);
	err = gather(p, a, r);
	mutex_unlock(&p->lock);
	if (!err) {	/* both counts are told, whichever does not fit */
		err = copy_array(a->cpus_ptr, &a->cpus_count, r->cpus, r->nr_cpus, sizeof(r->cpus[0]));
		err = copy_array(a->bars_ptr, &a->bars_count, r->bars, r->nr_bars, sizeof(r->bars[0])) ?: err;
	}
	kfree(r);
	return err;
}

static int start(struct pvm_call *call, union pvm_arg *arg)
{
	const struct pvm_part_start *a = &arg->part_start;
	int err = pvm_check_reserved(a->reserved);

	return err ?: pvm_part_start(call->part, a);
}

static int stop(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_part_stop *a = &arg->part_stop;
	int err = pvm_check_part_stop(a);

	return err ?: pvm_part_stop(call->part, a->timeout_ms, &a->lost_cpus);
}

static int destroy(struct pvm_call *call, union pvm_arg *arg)
{
	return pvm_part_destroy(call->part);
}

struct part_stats_buffer {
	u64 values[PVM_PART_NR_STATS];
	struct pvm_part_detail details[PVM_PART_MAX_DETAILS];
};

static void fill_stats(const struct pvm_part *p, struct part_stats_buffer *b)
{
	u32 i, s;

	for (i = 0; i < p->nr_cpus; i++)
		for (s = 0; s < PVM_PART_NR_STATS; s++)
			b->values[s] += READ_ONCE(p->cpus[i]->stat[s]);
	memcpy(b->details, p->sup->detail, sizeof(b->details));	/* a row more or less old: no matter */
}

static int copy_stats(const struct part_stats_buffer *b, struct pvm_part_stats *a)
{
	u32 rows = 0;

	if (copy_to_user(u64_to_user_ptr(a->values_ptr), b->values, sizeof(b->values)))
		return -EFAULT;
	while (a->details_ptr && rows < a->details_count && b->details[rows].kind)
		rows++;
	a->details_count = rows;
	if (rows && copy_to_user(u64_to_user_ptr(a->details_ptr), b->details, rows * sizeof(b->details[0])))
		return -EFAULT;
	return 0;
}

static int stats(struct pvm_call *call, union pvm_arg *arg)
{
	struct pvm_part_stats *a = &arg->part_stats;
	struct pvm_part *p = call->part;
	struct part_stats_buffer *b;
	u32 room = a->values_count;
	int err;

	err = pvm_check_part_stats(a);
	if (err)
		return err;
	a->values_count = PVM_PART_NR_STATS;
	if (room < PVM_PART_NR_STATS)
		return -EMSGSIZE;
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	mutex_lock(&p->lock);
	if (p->destroyed)
		err = -ENODEV;
	else
		fill_stats(p, b);
	mutex_unlock(&p->lock);
	if (!err)
		err = copy_stats(b, a);
	kfree(b);
	return err;
}

static int heartbeat(struct pvm_call *call, union pvm_arg *arg)
{
	const struct pvm_part_heartbeat *a = &arg->part_heartbeat;
	int err = pvm_check_heartbeat(a);

	return err ?: pvm_part_heartbeat(call->part, a->addr, a->timeout_ms);
}

static const struct pvm_op part_ops[] = {
	PVM_OP(PVM_PART_KEEP, pvm_part_keep, PVM_PART_KEEP_SIZE_V0, 0, false, keep),
	PVM_OP(PVM_PART_INFO, pvm_part_info, PVM_PART_INFO_SIZE_V0, 0, true, info),
	PVM_OP(PVM_PART_START, pvm_part_start, PVM_PART_START_SIZE_V0, 0, false, start),
	PVM_OP(PVM_PART_STOP, pvm_part_stop, PVM_PART_STOP_SIZE_V0, 0, true, stop),
	PVM_OP(PVM_PART_DESTROY, pvm_part_destroy, PVM_PART_DESTROY_SIZE_V0, 0, false, destroy),
	PVM_OP(PVM_PART_STATS, pvm_part_stats, PVM_PART_STATS_SIZE_V0, 0, true, stats),
	PVM_OP(PVM_PART_HEARTBEAT, pvm_part_heartbeat, PVM_PART_HEARTBEAT_SIZE_V0, 0, false, heartbeat),
};

static_assert(sizeof(struct pvm_create_partition) == PVM_CREATE_PARTITION_SIZE_V0);
static_assert(sizeof(struct pvm_open_partition) == PVM_OPEN_PARTITION_SIZE_V0);
static_assert(sizeof(struct pvm_partition_entry) == PVM_PARTITION_ENTRY_SIZE_V0);
static_assert(sizeof(struct pvm_list_partitions) == PVM_LIST_PARTITIONS_SIZE_V0);
static_assert(sizeof(struct pvm_part_keep) == PVM_PART_KEEP_SIZE_V0);
static_assert(sizeof(struct pvm_part_info) == PVM_PART_INFO_SIZE_V0);
static_assert(sizeof(struct pvm_part_start) == PVM_PART_START_SIZE_V0);
static_assert(sizeof(struct pvm_part_stop) == PVM_PART_STOP_SIZE_V0);
static_assert(sizeof(struct pvm_part_destroy) == PVM_PART_DESTROY_SIZE_V0);
static_assert(sizeof(struct pvm_part_stats) == PVM_PART_STATS_SIZE_V0);
static_assert(sizeof(struct pvm_part_heartbeat) == PVM_PART_HEARTBEAT_SIZE_V0);
static_assert(sizeof(struct pvm_part_console) == PVM_PART_CONSOLE_BYTES);

static long part_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pvm_call call = { .part = file->private_data };

	return pvm_dispatch(part_ops, ARRAY_SIZE(part_ops), &call, cmd, arg);
}

static int part_mmap(struct file *file, struct vm_area_struct *vma)
{
	return pvm_part_mmap(file->private_data, vma);
}

static __poll_t part_poll(struct file *file, poll_table *wait)
{
	struct pvm_part *p = file->private_data;

	poll_wait(file, &p->wq, wait);
	if (READ_ONCE(p->destroyed))
		return EPOLLIN | EPOLLHUP;
	return READ_ONCE(p->state) == PVM_PART_RUNNING ? 0 : EPOLLIN;
}

static int part_release(struct inode *inode, struct file *file)
{
	pvm_part_put_file(file->private_data);
	return 0;
}

static const struct file_operations part_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = part_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = part_mmap,
	.poll = part_poll,
	.release = part_release,
};
