// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall table: every number answers, what is not supported answers with the error that makes
 * stock kernels go on, registers survive, errors are 64-bit negative numbers.
 */
#include "pvt.h"

struct row {
	u32 nr;
	u64 a, b, c;
	long want, or_want;
	const char *name;
};

static u8 buf[PAGE_BYTES] __attribute__((aligned(4096)));

static const struct row rows[] = {
	{ 6, 5, 0, 0, -E_NOSYS, -E_INVAL, "sched_op_compat, unknown command" },
	{ 7, 0, 0, 0, -E_PERM, -E_NOSYS, "platform_op" },
	{ 11, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 11" },
	{ 12, 99, 0, 0, -E_NOSYS, -E_NOSYS, "memory_op, unknown command" },
	{ 12, 7, 0, 0, -E_NOSYS, -E_FAULT, "memory_op add_to_physmap" },
	{ 16, 0, 0, 0, -E_NOSYS, -E_FAULT, "event_channel_op_compat" },
	{ 17, 99, 0, 0, -E_NOSYS, -E_NOSYS, "xen_version, unknown command" },
	{ 18, 99, 0, 0, -E_NOSYS, -E_INVAL, "console_io, unknown command" },
	{ 19, 0, 0, 0, -E_NOSYS, -E_FAULT, "physdev_op_compat" },
	{ 20, 99, 0, 0, -E_NOSYS, -E_NOSYS, "grant_table_op, unknown command" },
	{ 20, 0, (u64)buf, 1, -E_NOSYS, -E_NOSYS, "grant_table_op map" },
	{ 20, 5, (u64)buf, 1, -E_NOSYS, -E_NOSYS, "grant_table_op copy" },
	{ 22, 0, 0, 0, -E_NOSYS, -E_PERM, "update_va_mapping_otherdomain" },
	{ 24, 99, 0, 0, -E_NOSYS, -E_NOSYS, "vcpu_op, unknown command" },
	{ 24, 14, 0, (u64)buf, -E_NOSYS, -E_NOSYS, "vcpu_op register_runstate_phys_area" },
	{ 27, 0, 0, 0, -E_NOSYS, -E_NOSYS, "xsm_op" },
	{ 28, 99, 0, 0, -E_NOSYS, -E_NOSYS, "nmi_op" },
	{ 29, 99, 0, 0, -E_NOSYS, -E_NOSYS, "sched_op, unknown command" },
	{ 29, 4, (u64)buf, 0, -E_NOSYS, -E_SRCH, "sched_op remote_shutdown" },
	{ 30, 99, 0, 0, -E_NOSYS, -E_NOSYS, "callback_op, unknown command" },
	{ 31, 0, 0, 0, -E_NOSYS, -E_NOSYS, "xenoprof_op" },
	{ 32, 99, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "event_channel_op, unknown command" },
	{ 32, 11, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "event_channel_op init_control (FIFO)" },
	{ 32, 12, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "event_channel_op expand_array" },
	{ 33, 99, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "physdev_op, unknown command" },
	{ 33, 28, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "physdev_op pirq_eoi_gmfn_v2" },
	{ 33, 17, (u64)buf, 0, -E_NOSYS, -E_NOSYS, "physdev_op pirq_eoi_gmfn_v1" },
	{ 34, 0, 0, 0, -E_NOSYS, -E_NOSYS, "hvm_op" },
	{ 35, 0, 0, 0, -E_PERM, -E_NOSYS, "sysctl" },
	{ 36, 0, 0, 0, -E_PERM, -E_NOSYS, "domctl" },
	{ 37, 0, 0, 0, -E_PERM, -E_NOSYS, "kexec_op" },
	{ 38, 0, 0, 0, -E_NOSYS, -E_NOSYS, "tmem_op" },
	{ 39, 0, 0, 0, -E_NOSYS, -E_NOSYS, "argo_op" },
	{ 40, 0, (u64)buf, 0, -E_NOSYS, -E_OPNOTSUPP, "xenpmu_op" },
	{ 41, 0, 0, 0, -E_PERM, -E_NOSYS, "dm_op" },
	{ 42, 0, 0, 0, -E_NOSYS, -E_NOSYS, "hypfs_op" },
	{ 43, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 43" },
	{ 47, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 47" },
	{ 48, 0, 0, 0, -E_NOSYS, -E_PERM, "mca" },
	{ 49, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 49" },
	{ 55, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 55" },
	{ 63, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 63" },
	{ 64, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 64" },
	{ 1000, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 1000" },
	{ 0x80000000, 0, 0, 0, -E_NOSYS, -E_NOSYS, "number 2^31" },
};

static void table(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		long got;

		memset(buf, 0, sizeof(buf));
		got = hc3(r->nr, r->a, r->b, r->c);
		if (!ok(got == r->want || got == r->or_want, "%s", r->name))
			pr("#   got %ld, expected %ld\n", got, r->want);
	}
	eq("number 2^64 - 1", hc0(~0ull), -E_NOSYS);
}

u64 in[12], out[14];	/* global: used by name in assembly */

/* All registers but rax, rcx, r11 are as before; rcx is the return address, r11 the flags. */
static void registers(void)
{
	u32 i;
	u64 bad = 0, rip;

	for (i = 0; i < 12; i++)
		in[i] = 0x1111111100000000ull * (i + 1) + i;
	asm volatile("push %%rbp\n\tpush %%rbx\n\t"
		     "mov in+0, %%rbx\n\tmov in+8, %%rdx\n\tmov in+16, %%rsi\n\tmov in+32, %%rbp\n\t"
		     "mov in+40, %%r8\n\tmov in+48, %%r9\n\tmov in+56, %%r10\n\tmov in+64, %%r12\n\t"
		     "mov in+72, %%r13\n\tmov in+80, %%r14\n\tmov in+88, %%r15\n\t"
		     "xor %%edi, %%edi\n\txor %%esi, %%esi\n\t"
		     "mov $17, %%eax\n\tstc\n\tstd\n\tsyscall\n1:\n\t"
		     "mov %%rbx, out+0\n\tmov %%rdx, out+8\n\tmov %%rsi, out+16\n\tmov %%rdi, out+24\n\t"
		     "mov %%rbp, out+32\n\tmov %%r8, out+40\n\tmov %%r9, out+48\n\tmov %%r10, out+56\n\t"
		     "mov %%r12, out+64\n\tmov %%r13, out+72\n\tmov %%r14, out+80\n\tmov %%r15, out+88\n\t"
		     "mov %%rcx, out+96\n\tpushfq\n\tpop out+104\n\tcld\n\tpop %%rbx\n\tpop %%rbp\n\t"
		     "lea 1b(%%rip), %0"
		     : "=a"(rip) : : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
		     "r13", "r14", "r15", "memory", "cc");
	in[2] = 0, in[3] = 0;
	for (i = 0; i < 12; i++)
		if (in[i] != out[i]) {
			pr("#   register %u: %#lx -> %#lx\n", i, in[i], out[i]);
			bad++;
		}
	eq("registers survive a hypercall", bad, 0);
	eq("rcx is the return address", out[12], rip);
	ok((out[13] & 0x401) == 0x401, "carry and direction flag survive (%#lx)", out[13]);
}

static void version(void)
{
	xen_platform_parameters_t pp = { 0 };
	xen_feature_info_t fi = { .submap_idx = 0 };
	xen_capabilities_info_t caps;

	memset(caps, 0, sizeof(caps));
	if (!on_xen)
		eq("version", hc2(17, XENVER_version, 0), 4 << 16 | 17);
	eq("extraversion", hc2(17, XENVER_extraversion, buf), 0);
	eq("compile_info", hc2(17, XENVER_compile_info, buf), 0);
	eq("capabilities", hc2(17, XENVER_capabilities, caps), 0);
	ok(!memcmp(caps, "xen-3.0-x86_64", 14), "capabilities say %s", caps);
	eq("changeset", hc2(17, XENVER_changeset, buf), 0);
	eq("platform_parameters", hc2(17, XENVER_platform_parameters, &pp), 0);
	eq("virt_start", pp.virt_start, HOLE_START);
	eq("get_features", hc2(17, XENVER_get_features, &fi), 0);
	if (!on_xen)
		eq("features 5, 6, 7, 17", fi.submap, 0x200e0);
	fi.submap_idx = 1;
	fi.submap = 77;
	ok(hc2(17, XENVER_get_features, &fi) == -E_INVAL || !fi.submap,
	   "get_features: no second submap");
	eq("pagesize", hc2(17, XENVER_pagesize, 0), 4096);
	eq("guest_handle", hc2(17, XENVER_guest_handle, buf), 0);
	ok((long)hc2(17, XENVER_commandline, buf) <= 0, "commandline");
}

static void misc(void)
{
	struct physdev_set_iopl iopl = { .iopl = 1 };
	struct physdev_set_iobitmap map = { .nr_ports = 0 };

	eq("console_io write of 0 bytes", hc3(18, 0, 0, buf), 0);
	eq("console_io read", hc3(18, 1, 0, buf), 0);
	eq("set_iopl 1", hc2(33, PHYSDEVOP_set_iopl, &iopl), 0);
	iopl.iopl = 4;
	eq("set_iopl 4", hc2(33, PHYSDEVOP_set_iopl, &iopl), -E_INVAL);
	eq("set_iobitmap 0", hc2(33, PHYSDEVOP_set_iobitmap, &map), 0);
	map.nr_ports = 65537;
	eq("set_iobitmap, too many ports", hc2(33, PHYSDEVOP_set_iobitmap, &map), -E_INVAL);
	eq("vm_assist 2", hc2(21, 0, 2), 0);
	eq("vm_assist 5", hc2(21, 0, 5), 0);
	eq("vm_assist 5 off", hc2(21, 1, 5), 0);
	eq("fpu_taskswitch 0", hc1(5, 0), 0);
	eq("set_segment_base, unknown", hc2(25, 9, 0), -E_INVAL);
	eq("set_segment_base, non-canonical", hc2(25, 0, 1ull << 60), -E_INVAL);
	memset(buf, 0, sizeof(buf));
	eq("callback unregister", hc2(30, CALLBACKOP_unregister, buf), -E_INVAL);
	if (!on_xen)
		eq("callback of unknown type", callback(77, 0, stub(VEC_EVENT)), -E_NOSYS);
	eq("set_callbacks", hc3(4, stub(VEC_EVENT), stub(VEC_FAILSAFE), stub(VEC_SYSCALL)), 0);
	/* The legacy call has no flags: the callbacks are set again as they were. */
	callback(CALLBACKTYPE_syscall, CALLBACKF_mask_events, stub(VEC_SYSCALL));
	callback(CALLBACKTYPE_failsafe, CALLBACKF_mask_events, stub(VEC_FAILSAFE));
}

extern char pvt_user_stack_top[];

/* The two that assembly answers: what it must leave to C, and the last values that it must not. */
static void context_switch(void)
{
	static const struct { u64 sp; s64 want; const char *name; } stacks[] = {
		{ 0xffff880000001000, 0, "a page above the hole" },
		{ 0xffff888000000000, 0, "at the end of the first slot above the hole" },
		{ 0xffff888000000001, 0, "odd" },
		{ 0xffff880000000100, 0, "where a frame just fits" },
		{ 0xffff8800000000f8, -E_INVAL, "where a frame would reach into the hole" },
		{ 0xffff878000002000, -E_INVAL, "in the hole" },
		{ 0x1000, 0, "in the lower half" },
		{ 1ull << 60, -E_INVAL, "not canonical" },
		{ 0xffff000000001000, -E_INVAL, "not canonical, upper half" },
	};
	u64 base;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(stacks); i++)
		eq(stacks[i].name, hc2(__HYPERVISOR_stack_switch, FLAT_SS, stacks[i].sp), stacks[i].want);
	hc2(__HYPERVISOR_stack_switch, FLAT_SS, pvt_user_stack_top);
	eq("GS base of user mode", hc2(25, SEGBASE_GS_USER, 0x7fffffffffff), 0);
	eq("rdmsr", try_rdmsr(0xc0000102, &base), 0);
	eq("reads it", base, 0x7fffffffffff);
	eq("upper half", hc2(25, SEGBASE_GS_USER, 0xffff800000000000), 0);
	try_rdmsr(0xc0000102, &base);
	eq("reads it, too", base, 0xffff800000000000);
	eq("not canonical", hc2(25, SEGBASE_GS_USER, 0x800000000000), -E_INVAL);
	eq("not canonical, upper half", hc2(25, SEGBASE_GS_USER, 0xffff7fffffffffff), -E_INVAL);
	try_rdmsr(0xc0000102, &base);
	eq("unchanged", base, 0xffff800000000000);
	eq("an unknown one", hc2(25, 1ull << 32 | SEGBASE_GS_USER, 0), -E_INVAL);
	hc2(25, SEGBASE_GS_USER, 0);
}

static void vcpus(void)
{
	struct vcpu_runstate_info rs;

	eq("vCPU 0 is up", hc3(24, VCPUOP_is_up, 0, 0), 1);
	if (!on_xen) {
		eq("a vCPU beyond the last: ENOENT", hc3(24, VCPUOP_is_up, 1, 0), -E_NOENT);
		eq("vCPU 2^31", hc3(24, VCPUOP_is_up, 0x80000000u, 0), -E_NOENT);
		eq("up of vCPU 1: ENOENT", hc3(24, VCPUOP_up, 1, 0), -E_NOENT);
	}
	ok(hc3(24, VCPUOP_initialise, 0, buf) < 0, "vCPU 0 cannot be initialised again");
	eq("stop_periodic_timer", hc3(24, VCPUOP_stop_periodic_timer, 0, 0), 0);
	eq("get_runstate_info", hc3(24, VCPUOP_get_runstate_info, 0, &rs), 0);
	eq("it runs", rs.state, RUNSTATE_running);
	if (!on_xen)
		eq("get_physid", hc3(24, VCPUOP_get_physid, 0, buf), -E_INVAL);
}

void test_main(void)
{
	if (!on_xen)
		table();
	registers();
	version();
	misc();
	context_switch();
	vcpus();
}
