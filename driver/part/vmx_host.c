// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back end for Intel CPUs, what Linux does for it: can this machine, and the tables of a partition.
 *
 * Host side. vmx.c is what the partition's CPUs do with them.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <asm/processor.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/vmx.h"

static bool can(u32 msr, u32 bits)
{
	u64 allowed;

	return !rdmsrq_safe(msr, &allowed) && ((allowed >> 32) & bits) == bits;
}

static bool can_do_without(u32 msr, u32 bits)
{
	u64 allowed;

	return !rdmsrq_safe(msr, &allowed) && !(allowed & bits);
}

/** pvm_vmx_probe() - ops->probe. Context: sleeps. Return: 0 or -ENODEV. */
int pvm_vmx_probe(struct pvm_why *why)
{
	u64 value;

	if (!(native_cpuid_ecx(1) & 1u << 5))
		return pvm_why(why, -ENODEV, "this CPU has no VMX");
	if (rdmsrq_safe(VMX_MSR_FEATURE_CONTROL, &value) || !(value & VMX_FEATURE_LOCKED))
		return pvm_why(why, -ENODEV, "the firmware left VMX undecided, and so did the kernel; switch it on in the setup");
	if (!(value & VMX_FEATURE_ON))
		return pvm_why(why, -ENODEV, "VMX is switched off by the firmware");
	if (rdmsrq_safe(VMX_MSR_BASIC, &value) || !(value & VMX_BASIC_TRUE))
		return pvm_why(why, -ENODEV, "this CPU's VMX has no TRUE controls: each CR3 write of a partition would exit");
	if (!can_do_without(VMX_MSR_TRUE_PROC, VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE))
		return pvm_why(why, -ENODEV, "this CPU's VMX cannot leave CR3 to a partition");
	if (!can(VMX_MSR_TRUE_PROC, VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAP | VMX_PROC_SECONDARY))
		return pvm_why(why, -ENODEV, "this CPU's VMX has no I/O and MSR bitmaps or no secondary controls");
	if (!can(VMX_MSR_SECONDARY, VMX_SEC_EPT | VMX_SEC_UNRESTRICTED))
		return pvm_why(why, -ENODEV, "this CPU's VMX has no unrestricted guests, which a kernel's start needs");
	if (rdmsrq_safe(VMX_MSR_EPT_VPID, &value) || ~value & (VMX_EPT_WALK_4 | VMX_EPT_WB | VMX_EPT_2M))
		return pvm_why(why, -ENODEV, "this CPU's EPT lacks 4 levels, write-back tables or 2 MiB pages");
	if (~value & (VMX_EPT_INVEPT | VMX_EPT_INVEPT_ALL))
		return pvm_why(why, -ENODEV, "this CPU's VMX cannot flush all it remembers of EPT");
	if (!can(VMX_MSR_TRUE_EXIT, VMX_EXIT_HOST_64 | VMX_EXIT_SAVE_EFER | VMX_EXIT_LOAD_EFER) ||
	    !can(VMX_MSR_TRUE_ENTRY, VMX_ENTRY_IA32E | VMX_ENTRY_LOAD_EFER))
		return pvm_why(why, -ENODEV, "this CPU's VMX does not switch EFER");
	return 0;
}

/** pvm_vmx_destroy() - ops->destroy. Context: sleeps. */
void pvm_vmx_destroy(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;

	free_pages((unsigned long)s->backend[VMX_IO_BITMAP], get_order(PVM_IOPM_BYTES_VMX));
	free_pages((unsigned long)s->backend[VMX_MSR_BITMAP], get_order(PVM_MSRPM_BYTES_VMX));
	s->backend[VMX_IO_BITMAP] = NULL;
	s->backend[VMX_MSR_BITMAP] = NULL;
	pvm_stage2_free(&p->unpaged);
	pvm_stage2_free(&p->protect);
}

static int create_tables(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;
	int err;

	if (p->flags & PVM_PART_PROTECT)
		err = pvm_protect_create(p, PVM_STAGE2_EPT, 4, &p->protect);
	else
		err = pvm_unpaged_create(p, &p->unpaged);
	s->root_stage2 = p->protect.root;
	s->backend_pa[VMX_EPT] = p->protect.root ?: p->unpaged.root;
	return err;
}

/** pvm_vmx_create() - ops->create. Context: sleeps. Return: 0 or -ENOMEM. */
int pvm_vmx_create(struct pvm_part *p)
{
	struct pvm_sup *s = p->sup;
	int err;

	s->backend[VMX_IO_BITMAP] = (void *)__get_free_pages(GFP_KERNEL, get_order(PVM_IOPM_BYTES_VMX));
	s->backend[VMX_MSR_BITMAP] = (void *)__get_free_pages(GFP_KERNEL, get_order(PVM_MSRPM_BYTES_VMX));
	err = create_tables(p);
	if (err || !s->backend[VMX_IO_BITMAP] || !s->backend[VMX_MSR_BITMAP]) {
		pvm_vmx_destroy(p);
		return -ENOMEM;
	}
	s->backend_pa[VMX_IO_BITMAP] = virt_to_phys(s->backend[VMX_IO_BITMAP]);
	s->backend_pa[VMX_MSR_BITMAP] = virt_to_phys(s->backend[VMX_MSR_BITMAP]);
	pvm_policy_init(&s->policy, p->uart_port, p->uart_real);
	pvm_policy_io_bitmap(&s->policy, s->backend[VMX_IO_BITMAP], PVM_IOPM_BYTES_VMX);
	pvm_policy_msr_bitmap_vmx(s->backend[VMX_MSR_BITMAP]);
	return 0;
}
