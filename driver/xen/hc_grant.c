// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercall grant_table_op: where the guest's grant table is.
 *
 * The table is a run of frames the VMM set aside; its backends read it, and the guest's memory, directly. So no
 * grant is ever mapped, copied or transferred here. Version 1 only.
 */
#include "xen/hypercall.h"

#include <xen/interface/grant_table.h>

#define PVM_GRANT_OPS_MAX	16u	/* elements of one call; guests use 1 */

static long query_size(struct pvm_vcpu *v, u64 arg)
{
	struct gnttab_query_size q;
	int err;

	err = pvm_gva_read(v, arg, &q, sizeof(q));
	if (err)
		return err;
	if (pvm_hc_is_self(v->vm, q.dom)) {
		q.nr_frames = v->vm->platform.grant_frames;
		q.max_nr_frames = v->vm->platform.grant_frames;
		q.status = GNTST_okay;
	} else {
		q.status = GNTST_bad_domain;
	}
	return pvm_gva_write(v, arg, &q, sizeof(q));
}

static long setup_table(struct pvm_vcpu *v, u64 arg)
{
	const struct pvm_platform_state *p = &v->vm->platform;
	struct gnttab_setup_table s;
	u32 i;
	int err;

	err = pvm_gva_read(v, arg, &s, sizeof(s));
	if (err)
		return err;
	if (!pvm_hc_is_self(v->vm, s.dom)) {
		s.status = GNTST_bad_domain;
	} else if (s.nr_frames > p->grant_frames) {
		s.status = GNTST_general_error;
	} else {
		for (i = 0; i < s.nr_frames; i++) {	/* at most 64, see PVM_VM_SET_PLATFORM */
			xen_pfn_t gfn = p->grant_gfn.v + i;

			err = pvm_gva_write(v, (u64)s.frame_list + i * sizeof(gfn), &gfn, sizeof(gfn));
			if (err)
				return err;
		}
		s.status = GNTST_okay;
	}
	return pvm_gva_write(v, arg, &s, sizeof(s));
}

static long set_version(struct pvm_vcpu *v, u64 arg)
{
	struct gnttab_set_version s;
	int err;

	err = pvm_gva_read(v, arg, &s, sizeof(s));
	if (err)
		return err;
	return s.version == 1 ? 0 : -ENOSYS;
}

static long get_version(struct pvm_vcpu *v, u64 arg)
{
	struct gnttab_get_version g;
	int err;

	err = pvm_gva_read(v, arg, &g, sizeof(g));
	if (err)
		return err;
	if (!pvm_hc_is_self(v->vm, g.dom))
		return -ESRCH;
	g.version = 1;
	return pvm_gva_write(v, arg, &g, sizeof(g));
}

/**
 * pvm_hc_grant_table_op - HYPERVISOR_grant_table_op
 * @v:		the vCPU
 * @cmd:	GNTTABOP_*
 * @arg:	guest address of an array of arguments
 * @g_count:	elements
 *
 * Repeating an element changes nothing, so no progress is kept.
 *
 * Context: resident.
 * Return: 0 (outcomes are in the status fields), -EFAULT, -EINVAL, -ESRCH, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_grant_table_op(struct pvm_vcpu *v, u64 cmd, u64 arg, u64 g_count)
{
	u32 count = g_count, i;
	u32 bytes;
	long err = 0;

	if (!v->vm->platform.grant_frames)
		return -ENOSYS;
	switch ((u32)cmd) {
	case GNTTABOP_query_size:
		bytes = sizeof(struct gnttab_query_size);
		break;
	case GNTTABOP_setup_table:
		bytes = sizeof(struct gnttab_setup_table);
		break;
	case GNTTABOP_set_version:
		bytes = sizeof(struct gnttab_set_version);
		break;
	case GNTTABOP_get_version:
		bytes = sizeof(struct gnttab_get_version);
		break;
	default:
		return -ENOSYS;
	}
	if (count > PVM_GRANT_OPS_MAX)
		return -EINVAL;
	for (i = 0; !err && i < count; i++, arg += bytes) {
		switch ((u32)cmd) {
		case GNTTABOP_query_size:
			err = query_size(v, arg);
			break;
		case GNTTABOP_setup_table:
			err = setup_table(v, arg);
			break;
		case GNTTABOP_set_version:
			err = set_version(v, arg);
			break;
		default:
			err = get_version(v, arg);
			break;
		}
	}
	return err;
}
