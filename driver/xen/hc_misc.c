// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small hypercalls: version and features, emergency console, I/O privilege, vm_assist.
 *
 * xen_version(0) is hot: a guest that enables events while one is pending executes it only to pass an exit, where
 * the event is delivered.
 */
#include <linux/minmax.h>

#include "emul/cpuid.h"
#include "xen/hypercall.h"

#include <xen/interface/features.h>
#include <xen/interface/physdev.h>
#include <xen/interface/version.h>

/* What we are: the interface of this Xen version. */
#define PVM_XEN_EXTRA	".0-pvm"
#define PVM_XEN_CAPS	"xen-3.0-x86_64"

/*
 * Features. 5 and 7 are demanded (Linux panics without), 6 is cheap, 17 is harmless truth. 0, 1, 2, 3 and 4 must
 * stay clear: the guest would skip work that is needed here.
 */
#define PVM_XEN_FEATURES	(1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_highmem_assist | \
				 1u << XENFEAT_gnttab_map_avail_bits | 1u << 17)

/* A structure of the ABI, filled with @text and zeroes. */
static long put_text(struct pvm_vcpu *v, u64 arg, const char *text, u32 bytes)
{
	char buf[64] = { 0 };

	strscpy(buf, text, sizeof(buf));
	return pvm_gva_write(v, arg, buf, min_t(u32, bytes, sizeof(buf)));
}

static long get_features(struct pvm_vcpu *v, u64 arg)
{
	struct xen_feature_info info;
	int err;

	err = pvm_gva_read(v, arg, &info, sizeof(info));
	if (err)
		return err;
	/* one submap is defined; Linux asks for no other and an unknown one has no bits */
	info.submap = info.submap_idx ? 0 : PVM_XEN_FEATURES;
	return pvm_gva_write(v, arg, &info, sizeof(info));
}

static long compile_info(struct pvm_vcpu *v, u64 arg)
{
	struct xen_compile_info info = { .compiler = "gcc", .compile_by = "pvm", .compile_domain = "pvm" };

	return pvm_gva_write(v, arg, &info, sizeof(info));
}

/**
 * pvm_hc_xen_version - version, features and texts
 * @v:		the vCPU
 * @cmd:	XENVER_*
 * @arg:	guest address of the answer
 *
 * Context: resident.
 * Return: a value or 0, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_xen_version(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	xen_ulong_t virt_start = PVM_M2P_VA;

	switch ((u32)cmd) {
	case XENVER_version:
		return PVM_XEN_MAJOR << 16 | PVM_XEN_MINOR;
	case XENVER_extraversion:
		return put_text(v, arg, PVM_XEN_EXTRA, XEN_EXTRAVERSION_LEN);
	case XENVER_compile_info:
		return compile_info(v, arg);
	case XENVER_capabilities:
		/* 1024 bytes by the ABI, of which the text and its end are enough for every reader */
		return put_text(v, arg, PVM_XEN_CAPS, XEN_CAPABILITIES_INFO_LEN);
	case XENVER_changeset:
		return put_text(v, arg, "", XEN_CHANGESET_INFO_LEN);
	case XENVER_platform_parameters:
		return pvm_gva_write(v, arg, &virt_start, sizeof(virt_start));
	case XENVER_get_features:
		return get_features(v, arg);
	case XENVER_pagesize:
		return PVM_PAGE_SIZE;
	case XENVER_guest_handle:
		return pvm_gva_write(v, arg, v->vm->platform.uuid, sizeof(v->vm->platform.uuid));
	case XENVER_commandline:
		return put_text(v, arg, "", sizeof(struct xen_commandline));
	case XENVER_build_id:
		return -ENODATA;
	default:
		return -ENOSYS;
	}
}

/*
 * Text longer than the buffer: hand over what fits, then let the guest issue the rest itself by pointing it at its
 * SYSCALL again with arguments moved on. Only where the guest's registers are the arguments: not in a multicall.
 */
static long console_write(struct pvm_vcpu *v, u32 count, u64 text)
{
	struct pvm_run *run = v->run;
	struct pvm_regs *r = pvm_regs(v);
	u32 room, n;
	int err;

	if (v->act != PVM_ACT_USER)	/* else: earlier entries of this multicall are still in there */
		v->console_len = 0;
	room = sizeof(run->console) - v->console_len;
	n = min(count, room);
	if (n) {
		err = pvm_gva_read(v, text, run->console + v->console_len, n);
		if (err)
			return err;
		v->console_len += n;
		WRITE_ONCE(run->console_len, v->console_len);
		WRITE_ONCE(run->exit_reason, PVM_RUN_CONSOLE);
		pvm_hc_act(v, PVM_ACT_USER);
	}
	if (likely(n == count) || v->progress.in_multicall)
		return 0;
	r->rsi = count - n;
	r->rdx = text + n;
	r->rip -= 2;
	return PVM_HC_KEEP;
}

/**
 * pvm_hc_console_io - emergency console: text to the VMM
 * @v:		the vCPU
 * @cmd:	CONSOLEIO_write or CONSOLEIO_read
 * @count:	bytes
 * @text:	guest address
 *
 * Context: resident.
 * Return: 0 (nothing to read, ever), -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_console_io(struct pvm_vcpu *v, u64 cmd, u64 count, u64 text)
{
	switch ((u32)cmd) {
	case CONSOLEIO_write:
		return (s32)count < 0 ? -EINVAL : console_write(v, (u32)count, text);
	case CONSOLEIO_read:
		return 0;
	default:
		return -ENOSYS;
	}
}

/**
 * pvm_hc_physdev_op - I/O privilege of the guest; there are no devices
 * @v:		the vCPU
 * @cmd:	PHYSDEVOP_*
 * @arg:	guest address of its argument
 *
 * pirq_eoi_gmfn must fail, else Linux looks for an EOI page.
 *
 * Context: resident.
 * Return: 0, -EINVAL, -EFAULT, -ENOSYS, -PVM_ENEED.
 */
long pvm_hc_physdev_op(struct pvm_vcpu *v, u64 cmd, u64 arg)
{
	struct physdev_set_iobitmap map;
	struct physdev_set_iopl iopl;
	int err;

	switch ((u32)cmd) {
	case PHYSDEVOP_set_iopl:
		err = pvm_gva_read(v, arg, &iopl, sizeof(iopl));
		if (err)
			return err;
		if (iopl.iopl > 3)
			return -EINVAL;
		v->cpu.iopl = iopl.iopl;
		return 0;
	case PHYSDEVOP_set_iobitmap:
		err = pvm_gva_read(v, arg, &map, sizeof(map));
		if (err)
			return err;
		if (map.nr_ports > 65536)
			return -EINVAL;
		v->cpu.iobmp_gva = (u64)map.bitmap;
		v->cpu.iobmp_ports = map.nr_ports;
		return 0;
	default:
		return -ENOSYS;
	}
}

#define PVM_ASSIST_M2P_STRICT	32u	/* VMASST_TYPE_m2p_strict */

/**
 * pvm_hc_vm_assist - switch assistances on and off
 * @v:		the vCPU
 * @cmd:	VMASST_CMD_*
 * @g_type:	VMASST_TYPE_*
 *
 * Writable page tables are always on; those for 32-bit guests mean nothing here.
 *
 * Context: resident.
 * Return: 0, -EINVAL, -ENOSYS.
 */
long pvm_hc_vm_assist(struct pvm_vcpu *v, u64 cmd, u64 g_type)
{
	u32 type = g_type;

	if (type > MAX_VMASST_TYPE && type != PVM_ASSIST_M2P_STRICT)
		return -EINVAL;
	switch ((u32)cmd) {
	case VMASST_CMD_enable:
		v->cpu.vm_assist |= 1ull << type;
		break;
	case VMASST_CMD_disable:
		v->cpu.vm_assist &= ~(1ull << type);
		break;
	default:
		return -ENOSYS;
	}
	pvm_trap_update_direct(v);
	return 0;
}
