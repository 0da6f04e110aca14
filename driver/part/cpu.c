// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs: from the host to a partition and back, with nothing but what the kernel exports.
 *
 *	online ──remove_cpu()──▶ the host's dead loop ──INIT-SIPI──▶ supervisor: one command ──▶ parked
 *	   ▲                                                 ▲ INIT-SIPI per command ◀──────────────┘
 *	   └──add_cpu() (its own INIT-SIPI) ◀── INIT: wait-for-SIPI ◀── RESTORE ◀───────────────────┘
 *
 * While it is taken, a CPU is not "present" to the host. The teardown callback below clears the bit when the CPU is
 * dead and before the kernel looks whether it may use IPI shorthands: with it present they would stay in use, and
 * hit the partition. The bit also makes the host refuse to bring the CPU up (write to its "online" file), and leave it
 * alone when it loads microcode late. The startup callback refuses too, should somebody set the bit.
 *
 * A stopped CPU is halted or waits for a SIPI; INIT-SIPI works from either, so nobody needs to know which.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/topology.h>
#include <asm/apic.h>
#include <asm/apicdef.h>
#include <asm/percpu.h>
#include <asm/smp.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/plan.h"
#include "part/tramp.h"

struct tramp_args {
	u16 gdt_limit;
	u32 gdt_base;
	u16 pad_6;
	u32 far32_offset;
	u16 far32_selector, pad_14;
	u32 far64_offset;
	u16 far64_selector, pad_22;
	u32 cr3, cr4, efer, base;
	u64 pcpu, stack, entry;
	u64 gdt[4];
} __packed;
static_assert(offsetof(struct tramp_args, gdt_base) == PVM_TRAMP_GDT_BASE);
static_assert(offsetof(struct tramp_args, far32_offset) == PVM_TRAMP_FAR32);
static_assert(offsetof(struct tramp_args, far64_offset) == PVM_TRAMP_FAR64);
static_assert(offsetof(struct tramp_args, cr3) == PVM_TRAMP_CR3);
static_assert(offsetof(struct tramp_args, cr4) == PVM_TRAMP_CR4);
static_assert(offsetof(struct tramp_args, efer) == PVM_TRAMP_EFER);
static_assert(offsetof(struct tramp_args, base) == PVM_TRAMP_BASE);
static_assert(offsetof(struct tramp_args, pcpu) == PVM_TRAMP_PCPU);
static_assert(offsetof(struct tramp_args, stack) == PVM_TRAMP_STACK);
static_assert(offsetof(struct tramp_args, entry) == PVM_TRAMP_ENTRY);
static_assert(offsetof(struct tramp_args, gdt) == PVM_TRAMP_GDT);
static_assert(sizeof(struct tramp_args) == PVM_TRAMP_ARGS_BYTES);

#define INIT_SETTLE_US	10000	/* MP specification: INIT, 10 ms, SIPI, 200 us, SIPI */
#define SIPI_AGAIN_US	200
#define WAKE_TIMEOUT_MS	5000	/* an emulated CPU may get no time for seconds */
#define NR_STUBS	32
#define STUB_BYTES	16

static struct cpumask taken;		/* CPUs of partitions, or on their way; atomic bits */
static int hotplug_state = -1;
static DEFINE_MUTEX(tramp_lock);	/* protects: the trampoline page, from its filling until the CPU has left it */

/* ---- hotplug callbacks -------------------------------------------------------------------------------------- */

static int before_online(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &taken) ? -EBUSY : 0;
}

static int after_offline(unsigned int cpu)
{
	if (cpumask_test_cpu(cpu, &taken))
		set_cpu_present(cpu, false);
	return 0;
}

/** pvm_pcpu_global_init() - watch CPU hotplug. Context: sleeps. Return: 0 or an errno. */
int pvm_pcpu_global_init(void)
{
	hotplug_state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "pvm/partition:prepare", before_online,
						  after_offline);
	return hotplug_state < 0 ? hotplug_state : 0;
}

/** pvm_pcpu_global_fini() - no CPU is taken any more. Context: sleeps. */
void pvm_pcpu_global_fini(void)
{
	if (hotplug_state >= 0)
		cpuhp_remove_state_nocalls(hotplug_state);
	hotplug_state = -1;
}

/* ---- may it be taken ---------------------------------------------------------------------------------------- */

static bool in_set(u32 cpu, const u32 *cpus, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (cpus[i] == cpu)
			return true;
	return false;
}

/**
 * pvm_pcpu_check() - would this CPU do
 * @i:		which of @cpus
 * @flags:	PVM_PART_*
 * @cpus:	the request
 * @count:	how many
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps. What it finds may change until the CPU is offline; then remove_cpu() says so.
 * Return: 0, -EINVAL, -EBUSY, -EOPNOTSUPP.
 */
int pvm_pcpu_check(u32 i, u32 flags, const u32 *cpus, u32 count, struct pvm_why *why)
{
	u32 cpu = cpus[i], sibling;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return pvm_why(why, -EINVAL, "there is no CPU %u", cpu);
	if (!cpu)
		return pvm_why(why, -EINVAL, "CPU 0 stays with the host");
	if (in_set(cpu, cpus, i))
		return pvm_why(why, -EINVAL, "CPU %u is named twice", cpu);
	if (cpumask_test_cpu(cpu, &taken))
		return pvm_why(why, -EBUSY, "CPU %u is taken by another partition", cpu);
	if (!cpu_online(cpu))
		return pvm_why(why, -EBUSY, "CPU %u is offline", cpu);
	if (flags & PVM_PART_ALLOW_SMT_SPLIT)
		return 0;
	for_each_cpu(sibling, topology_sibling_cpumask(cpu))
		if (!in_set(sibling, cpus, count))
			return pvm_why(why, -EOPNOTSUPP,
				       "CPU %u shares its core with CPU %u, which would stay with the host", cpu,
				       sibling);
	return 0;
}

/* ---- waking one --------------------------------------------------------------------------------------------- */

static void send_icr(u32 apic_id, u32 low)
{
	unsigned long flags;

	local_irq_save(flags);
	if (apic->safe_wait_icr_idle)
		apic->safe_wait_icr_idle();
	apic->icr_write(low, apic_id);
	local_irq_restore(flags);
}

/** pvm_pcpu_init_ipi() - INIT to a taken CPU: out of the guest, or to wait-for-SIPI. Context: any. */
void pvm_pcpu_init_ipi(struct pvm_pcpu *c)
{
	send_icr(c->apic_id, APIC_INT_ASSERT | APIC_DM_INIT);
}

static void fill_trampoline(struct pvm_pcpu *c, u64 page)
{
	u32 base = page;
	u8 *to = __va(page);
	struct tramp_args *a = (void *)(to + (pvm_tramp_args - pvm_tramp_start));
	u64 args = base + (pvm_tramp_args - pvm_tramp_start);

	memcpy(to, pvm_tramp_start, pvm_tramp_end - pvm_tramp_start);
	*a = (struct tramp_args){
		.gdt_limit = sizeof(a->gdt) - 1,
		.gdt_base = args + PVM_TRAMP_GDT,
		.far32_offset = base + (pvm_tramp_32 - pvm_tramp_start),
		.far32_selector = PVM_TRAMP_SEL_CODE32,
		.far64_offset = base + (pvm_tramp_64 - pvm_tramp_start),
		.far64_selector = PVM_TRAMP_SEL_CODE64,
		.cr3 = c->sup->cr3,
		.cr4 = c->sup->cr4,
		.efer = c->sup->efer,
		.base = base,
		.pcpu = (u64)c,
		.stack = (u64)c->block->stack + sizeof(c->block->stack),
		.entry = (u64)pvm_sup_entry,
		.gdt = { 0, PVM_PLAN_CODE32, PVM_PLAN_DATA, PVM_PLAN_CODE64 },
	};
}

static bool has_answered(const struct pvm_pcpu *c, u32 command)
{
	u32 state = smp_load_acquire(&c->state);

	return command == PVM_SUP_RUN ? state != PVM_SUP_ASLEEP : state == PVM_SUP_PARKED || state == PVM_SUP_STOPPED;
}

static bool wait_answer(const struct pvm_pcpu *c, u32 command, u32 timeout_ms)
{
	ktime_t end = ktime_add_ms(ktime_get(), timeout_ms);

	while (!has_answered(c, command)) {
		if (ktime_after(ktime_get(), end))
			return has_answered(c, command);
		usleep_range(50, 200);
	}
	return true;
}

/**
 * pvm_pcpu_run() - wake a taken CPU for one command
 * @c:		CPU; offline, parked or waiting for a SIPI
 * @command:	PVM_SUP_SAVE, _RESTORE: returns when it is done; _RUN: when it has begun
 *
 * Context: sleeps, part->lock. Return: 0, or -EIO if the CPU does not answer: it was sent back to wait-for-SIPI.
 */
int pvm_pcpu_run(struct pvm_pcpu *c, u32 command)
{
	u64 page = pvm_low_trampoline();
	bool answered;

	mutex_lock(&tramp_lock);
	fill_trampoline(c, page);
	c->command = command;
	smp_store_release(&c->state, PVM_SUP_ASLEEP);
	pvm_pcpu_init_ipi(c);
	usleep_range(INIT_SETTLE_US, INIT_SETTLE_US + 1000);
	send_icr(c->apic_id, APIC_DM_STARTUP | page >> PAGE_SHIFT);
	usleep_range(SIPI_AGAIN_US, SIPI_AGAIN_US + 100);
	if (smp_load_acquire(&c->state) == PVM_SUP_ASLEEP)
		send_icr(c->apic_id, APIC_DM_STARTUP | page >> PAGE_SHIFT);	/* ignored if it is up already */
	answered = wait_answer(c, command, WAKE_TIMEOUT_MS);
	if (!answered)
		pvm_pcpu_init_ipi(c);
	mutex_unlock(&tramp_lock);
	/* A RUN that is over already is no failure; a SAVE that stopped had a fault. */
	return answered && (command == PVM_SUP_RUN || READ_ONCE(c->state) == PVM_SUP_PARKED) ? 0 : -EIO;
}

/* ---- the block of a CPU ------------------------------------------------------------------------------------- */

static void fill_block(struct pvm_pcpu_block *b)
{
	u64 *ist = (u64 *)(b->tss + 0x24);
	u32 i;

	b->gdt[PVM_SUP_SEL_CODE / 8] = PVM_PLAN_CODE64;
	b->gdt[PVM_SUP_SEL_DATA / 8] = PVM_PLAN_DATA;
	pvm_plan_tss_descriptor(&b->gdt[PVM_SUP_SEL_TSS / 8], (u64)b->tss, sizeof(b->tss) - 1);
	for (i = 0; i < 3; i++)
		ist[i] = (u64)b->ist[i] + sizeof(b->ist[i]);	/* IST 1, 2, 3 */
	for (i = 0; i < 256; i++)
		pvm_plan_gate(&b->idt[2 * i], (u64)pvm_sup_stubs + min_t(u32, i, NR_STUBS - 1) * STUB_BYTES,
			      PVM_SUP_SEL_CODE, i == PVM_X_NMI ? 1 : i == PVM_X_MC ? 2 : i == PVM_X_DF ? 3 : 0);
}

/**
 * pvm_pcpu_alloc() - memory for the supervisor of one CPU
 * @s:		the partition's
 * @cpu:	Linux number
 * @index:	0 boots
 *
 * Context: sleeps. Return: the CPU, or NULL.
 */
struct pvm_pcpu *pvm_pcpu_alloc(struct pvm_sup *s, u32 cpu, u32 index)
{
	struct pvm_pcpu_block *b = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, PVM_PCPU_BLOCK_ORDER);
	struct pvm_pcpu *c;

	if (!b)
		return NULL;
	fill_block(b);
	c = &b->c;
	c->sup = s;
	c->block = b;
	c->block_pa = virt_to_phys(b);
	c->index = index;
	c->cpu = cpu;
	c->apic_id = per_cpu(x86_cpu_to_apicid, cpu);
	c->host_gs_base = per_cpu_offset(cpu);
	return c;
}

/** pvm_pcpu_free() - NULL is fine. What a lost CPU may still use is kept for ever. Context: any. */
void pvm_pcpu_free(struct pvm_pcpu *c)
{
	if (c && !c->lost)
		free_pages((unsigned long)c->block, PVM_PCPU_BLOCK_ORDER);
}

/* ---- to us and back ----------------------------------------------------------------------------------------- */

/* To the host, whatever has happened to it: add_cpu() starts with INIT-SIPI itself. */
static int bring_back(struct pvm_pcpu *c)
{
	int err;

	pvm_pcpu_init_ipi(c);
	cpumask_clear_cpu(c->cpu, &taken);
	set_cpu_present(c->cpu, true);
	err = add_cpu(c->cpu);
	if (err)
		pvm_err("CPU %u did not come back to the host: error %d", c->cpu, -err);
	return err;
}

/**
 * pvm_pcpu_take() - a CPU leaves the host
 * @c:		CPU, checked
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps, part->lock. Return: 0, -EBUSY, -ENODEV; on an error the host has it.
 */
int pvm_pcpu_take(struct pvm_pcpu *c, struct pvm_why *why)
{
	int err;

	if (cpumask_test_and_set_cpu(c->cpu, &taken))
		return pvm_why(why, -EBUSY, "CPU %u is taken by another partition", c->cpu);
	err = remove_cpu(c->cpu);
	if (err) {
		cpumask_clear_cpu(c->cpu, &taken);
		if (err == -EOPNOTSUPP || err == -ENODEV)
			return pvm_why(why, -ENODEV, "the host cannot take CPUs offline: CPU hotplug is off");
		if (err == -EBUSY)
			return pvm_why(why, -EBUSY,
				       "the host does not take CPU %u offline: CPU hotplug is disabled, or a deadline task needs it",
				       c->cpu);
		return pvm_why(why, -EBUSY, "the host cannot take CPU %u offline (error %d)", c->cpu, -err);
	}
	if (pvm_pcpu_run(c, PVM_SUP_SAVE)) {
		bring_back(c);
		return pvm_why(why, -EBUSY, "CPU %u does not answer a startup IPI", c->cpu);
	}
	if (c->seen_apic_id != c->apic_id) {
		bring_back(c);
		return pvm_why(why, -EBUSY, "CPU %u has APIC id %u, but the host knows it as %u", c->cpu,
			       c->seen_apic_id, c->apic_id);
	}
	if (!c->ready) {
		bring_back(c);
		return pvm_why(why, -ENODEV, "%s is switched off on CPU %u, by the firmware", c->sup->ops->name,
			       c->cpu);
	}
	c->is_taken = true;
	return 0;
}

/**
 * pvm_pcpu_give() - a CPU goes back to the host
 * @c: CPU, not running; one that was never taken is fine. A lost one stays away
 *
 * Context: sleeps, part->lock.
 */
void pvm_pcpu_give(struct pvm_pcpu *c)
{
	if (!c || !c->is_taken || c->lost)
		return;
	c->is_taken = false;
	if (pvm_pcpu_run(c, PVM_SUP_RESTORE))
		pvm_err("CPU %u did not restore its registers; the host starts it all the same", c->cpu);
	bring_back(c);
}
