/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints "pvm:*", for people who want to see what a guest does: perf trace -e 'pvm:*', trace-cmd -e pvm, or
 * tracefs by hand. pvm(4) is their manual. Off, each is one no-op; on, they run where the call stands, which may
 * be with interrupts off.
 *
 * Fields are for scripts: appended only, never renamed. Only plain numbers and arrays, so that one text serves each
 * kernel version and the print format can be parsed by tools. What the switcher does without C (system calls, iret)
 * is not seen here; its counters are.
 *
 * core/trace.c makes the bodies. Partition code calls trace_pvm_part_state() and nothing else of this file.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pvm

#if !defined(PVM_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PVM_CORE_TRACE_H

#include <linux/pvm_part.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "core/pvm.h"

#ifndef PVM_TRACE_NAMES
#define PVM_TRACE_NAMES
#define PVM_TRACE_REASON_LEN	64

/* 0..255 are vectors: exceptions by name, the host's interrupts by number. */
#define pvm_trace_vectors								\
	{ 0, "DE" }, { 1, "DB" }, { 2, "NMI" }, { 3, "BP" }, { 4, "OF" }, { 5, "BR" },	\
	{ 6, "UD" }, { 7, "NM" }, { 8, "DF" }, { 10, "TS" }, { 11, "NP" }, { 12, "SS" },	\
	{ 13, "GP" }, { 14, "PF" }, { 16, "MF" }, { 17, "AC" }, { 18, "MC" }, { 19, "XM" },	\
	{ 20, "VE" }, { 21, "CP" }, { 0x80, "INT80" }, { PVM_VEC_SYSCALL, "SYSCALL" },	\
	{ PVM_VEC_SYSCALL32, "SYSCALL32" }, { PVM_VEC_NONE, "NONE" }, { PVM_VEC_EVENT, "EVENT" },	\
	{ PVM_VEC_FAILSAFE, "FAILSAFE" }

#define pvm_trace_modes		{ 0, "user" }, { 1, "kernel" }

#define pvm_trace_fault_results								\
	{ PVM_FAULT_FIXED, "fixed" }, { PVM_FAULT_GUEST, "guest" }, { PVM_FAULT_EMULATE, "emulate" },	\
	{ PVM_FAULT_NEED, "need" }, { PVM_FAULT_DIE, "die" }

#define pvm_trace_events								\
	{ PVM_EVENT_VM_CREATED, "created" }, { PVM_EVENT_VM_STARTED, "started" },	\
	{ PVM_EVENT_VM_SHUTDOWN, "shutdown" }, { PVM_EVENT_VM_DIED, "died" },		\
	{ PVM_EVENT_VM_DESTROYED, "destroyed" }

/* PVM_TRACE_PART_NONE: not there yet, or not any more */
#define PVM_TRACE_PART_NONE	255
#define pvm_trace_part_states								\
	{ PVM_PART_CREATED, "created" }, { PVM_PART_RUNNING, "running" }, { PVM_PART_STOPPED, "stopped" },	\
	{ PVM_TRACE_PART_NONE, "none" }

#define pvm_trace_part_stops								\
	{ PVM_PSTOP_NONE, "none" }, { PVM_PSTOP_ASKED, "asked" }, { PVM_PSTOP_POWEROFF, "poweroff" },	\
	{ PVM_PSTOP_RESET, "reset" }, { PVM_PSTOP_TRIPLE, "triple" }, { PVM_PSTOP_INIT, "init" },	\
	{ PVM_PSTOP_MCE, "mce" }, { PVM_PSTOP_PROTECT, "protect" }, { PVM_PSTOP_REAL_MODE, "real_mode" },	\
	{ PVM_PSTOP_ENTRY, "entry" }, { PVM_PSTOP_DRIVER, "driver" }, { PVM_PSTOP_HOST, "host" }

#define pvm_trace_hypercalls								\
	{ __HYPERVISOR_set_trap_table, "set_trap_table" },				\
	{ __HYPERVISOR_mmu_update, "mmu_update" },					\
	{ __HYPERVISOR_set_gdt, "set_gdt" },						\
	{ __HYPERVISOR_stack_switch, "stack_switch" },					\
	{ __HYPERVISOR_set_callbacks, "set_callbacks" },				\
	{ __HYPERVISOR_fpu_taskswitch, "fpu_taskswitch" },				\
	{ __HYPERVISOR_sched_op_compat, "sched_op_compat" },				\
	{ __HYPERVISOR_set_debugreg, "set_debugreg" },					\
	{ __HYPERVISOR_get_debugreg, "get_debugreg" },					\
	{ __HYPERVISOR_update_descriptor, "update_descriptor" },			\
	{ __HYPERVISOR_memory_op, "memory_op" },					\
	{ __HYPERVISOR_multicall, "multicall" },					\
	{ __HYPERVISOR_update_va_mapping, "update_va_mapping" },			\
	{ __HYPERVISOR_set_timer_op, "set_timer_op" },					\
	{ __HYPERVISOR_xen_version, "xen_version" },					\
	{ __HYPERVISOR_console_io, "console_io" },					\
	{ __HYPERVISOR_grant_table_op, "grant_table_op" },				\
	{ __HYPERVISOR_vm_assist, "vm_assist" },					\
	{ __HYPERVISOR_iret, "iret" },							\
	{ __HYPERVISOR_vcpu_op, "vcpu_op" },						\
	{ __HYPERVISOR_set_segment_base, "set_segment_base" },				\
	{ __HYPERVISOR_mmuext_op, "mmuext_op" },					\
	{ __HYPERVISOR_nmi_op, "nmi_op" },						\
	{ __HYPERVISOR_sched_op, "sched_op" },						\
	{ __HYPERVISOR_callback_op, "callback_op" },					\
	{ __HYPERVISOR_event_channel_op, "event_channel_op" },				\
	{ __HYPERVISOR_physdev_op, "physdev_op" }
#endif /* PVM_TRACE_NAMES */

/* Numbers for tools that read the print format: names of enums mean nothing to them. */
TRACE_DEFINE_ENUM(PVM_FAULT_FIXED);
TRACE_DEFINE_ENUM(PVM_FAULT_GUEST);
TRACE_DEFINE_ENUM(PVM_FAULT_EMULATE);
TRACE_DEFINE_ENUM(PVM_FAULT_NEED);
TRACE_DEFINE_ENUM(PVM_FAULT_DIE);
TRACE_DEFINE_ENUM(PVM_EVENT_VM_CREATED);
TRACE_DEFINE_ENUM(PVM_EVENT_VM_STARTED);
TRACE_DEFINE_ENUM(PVM_EVENT_VM_SHUTDOWN);
TRACE_DEFINE_ENUM(PVM_EVENT_VM_DIED);
TRACE_DEFINE_ENUM(PVM_EVENT_VM_DESTROYED);

/* About to enter the guest. Interrupts off. */
TRACE_EVENT(pvm_entry,
	TP_PROTO(const struct pvm_vcpu *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, mode)
		__field(u64, rip)
		__field(u64, rsp)
	),
	TP_fast_assign(
		__entry->vm = v->vm->id;
		__entry->vcpu = v->id;
		__entry->mode = v->ss->kernel_mode;
		__entry->rip = v->ss->regs.rip;
		__entry->rsp = v->ss->regs.rsp;
	),
	TP_printk("vm%u/%u %s rip 0x%llx rsp 0x%llx", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->mode, pvm_trace_modes), __entry->rip, __entry->rsp)
);

/* Left the guest; reason is a CPU vector or PVM_VEC_*. A SYSCALL in kernel mode is a hypercall. Interrupts off. */
TRACE_EVENT(pvm_exit,
	TP_PROTO(const struct pvm_vcpu *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, mode)
		__field(u32, reason)
		__field(u32, error)
		__field(u64, rip)
		__field(u64, rax)
		__field(u64, cr2)
	),
	TP_fast_assign(
		__entry->vm = v->vm->id;
		__entry->vcpu = v->id;
		__entry->mode = v->ss->kernel_mode;
		__entry->reason = v->ss->regs.vector;
		__entry->error = v->ss->regs.error;
		__entry->rip = v->ss->regs.rip;
		__entry->rax = v->ss->regs.rax;
		__entry->cr2 = v->ss->cr2;
	),
	TP_printk("vm%u/%u %s reason %s error 0x%x rip 0x%llx rax 0x%llx cr2 0x%llx", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->mode, pvm_trace_modes),
		  __print_symbolic(__entry->reason, pvm_trace_vectors), __entry->error, __entry->rip, __entry->rax,
		  __entry->cr2)
);

/* A page fault of the guest was looked at. result: filled, given to the guest, emulated, to be repeated. */
TRACE_EVENT(pvm_fault,
	TP_PROTO(const struct pvm_vcpu *v, u64 address, u32 error, u32 result),
	TP_ARGS(v, address, error, result),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, mode)
		__field(u32, error)
		__field(u32, result)
		__field(u64, rip)
		__field(u64, address)
	),
	TP_fast_assign(
		__entry->vm = v->vm->id;
		__entry->vcpu = v->id;
		__entry->mode = v->ss->kernel_mode;
		__entry->error = error;
		__entry->result = result;
		__entry->rip = v->ss->regs.rip;
		__entry->address = address;
	),
	TP_printk("vm%u/%u %s address 0x%llx error 0x%x rip 0x%llx: %s", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->mode, pvm_trace_modes), __entry->address, __entry->error, __entry->rip,
		  __print_symbolic(__entry->result, pvm_trace_fault_results))
);

/* A hypercall is done; those inside a multicall come before it. */
TRACE_EVENT(pvm_hypercall,
	TP_PROTO(const struct pvm_vcpu *v, u32 nr, const u64 *arg, s64 result),
	TP_ARGS(v, nr, arg, result),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, nr)
		__field(u32, multicall)
		__field(u64, a1)
		__field(u64, a2)
		__field(u64, a3)
		__field(u64, a4)
		__field(s64, result)
	),
	TP_fast_assign(
		__entry->vm = v->vm->id;
		__entry->vcpu = v->id;
		__entry->nr = nr;
		__entry->multicall = v->progress.in_multicall && nr != __HYPERVISOR_multicall;
		__entry->a1 = arg[0];
		__entry->a2 = arg[1];
		__entry->a3 = arg[2];
		__entry->a4 = arg[3];
		__entry->result = result;
	),
	TP_printk("vm%u/%u %s(0x%llx, 0x%llx, 0x%llx, 0x%llx)%s = %lld", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->nr, pvm_trace_hypercalls), __entry->a1, __entry->a2, __entry->a3,
		  __entry->a4, __entry->multicall ? " in multicall" : "", __entry->result)
);

/* The guest kernel gets an exception, an event upcall, an NMI, or a system call that C delivers. */
TRACE_EVENT(pvm_inject,
	TP_PROTO(const struct pvm_vcpu *v, u32 vector, u32 error, u64 handler),
	TP_ARGS(v, vector, error, handler),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, vcpu)
		__field(u32, mode)
		__field(u32, vector)
		__field(u32, error)
		__field(u64, rip)
		__field(u64, handler)
	),
	TP_fast_assign(
		__entry->vm = v->vm->id;
		__entry->vcpu = v->id;
		__entry->mode = v->ss->kernel_mode;
		__entry->vector = vector;
		__entry->error = error;
		__entry->rip = v->ss->regs.rip;
		__entry->handler = handler;
	),
	TP_printk("vm%u/%u %s %s error 0x%x rip 0x%llx handler 0x%llx", __entry->vm, __entry->vcpu,
		  __print_symbolic(__entry->mode, pvm_trace_modes),
		  __print_symbolic(__entry->vector, pvm_trace_vectors), __entry->error, __entry->rip,
		  __entry->handler)
);

/* A shadow page is taken away: its table is none any more, the budget is full, or the host wants memory. */
TRACE_EVENT(pvm_shadow_zap,
	TP_PROTO(const struct pvm_vm *owner, u64 gfn, u32 level, bool user_view, u32 present),
	TP_ARGS(owner, gfn, level, user_view, present),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, level)
		__field(u32, user_view)
		__field(u32, present)
		__field(u64, gfn)
	),
	TP_fast_assign(
		__entry->vm = owner->id;
		__entry->level = level;
		__entry->user_view = user_view;
		__entry->present = present;
		__entry->gfn = gfn;
	),
	TP_printk("vm%u gfn 0x%llx level %u user_view %u present %u", __entry->vm, __entry->gfn, __entry->level,
		  __entry->user_view, __entry->present)
);

/* The life of a VM, as in pvm_genl.h; tells which name a number belongs to. */
TRACE_EVENT(pvm_vm_event,
	TP_PROTO(const struct pvm_vm *owner, u32 event, u32 code, const char *reason),
	TP_ARGS(owner, event, code, reason),
	TP_STRUCT__entry(
		__field(u32, vm)
		__field(u32, event)
		__field(u32, code)
		__array(char, name, PVM_NAME_LEN)
		__array(char, reason, PVM_TRACE_REASON_LEN)
	),
	TP_fast_assign(
		__entry->vm = owner->id;
		__entry->event = event;
		__entry->code = code;
		strscpy(__entry->name, owner->name, PVM_NAME_LEN);
		strscpy(__entry->reason, reason ?: "", PVM_TRACE_REASON_LEN);
	),
	TP_printk("vm%u %s %s code %u %s", __entry->vm, __entry->name,
		  __print_symbolic(__entry->event, pvm_trace_events), __entry->code, __entry->reason)
);

/* A partition changes its state. @reason: PVM_PSTOP_* with STOPPED, else PVM_PSTOP_NONE. */
TRACE_EVENT(pvm_part_state,
	TP_PROTO(u32 id, const char *name, u32 from, u32 to, u32 reason),
	TP_ARGS(id, name, from, to, reason),
	TP_STRUCT__entry(
		__field(u32, part)
		__field(u32, from)
		__field(u32, to)
		__field(u32, reason)
		__array(char, name, PVM_NAME_LEN)
	),
	TP_fast_assign(
		__entry->part = id;
		__entry->from = from;
		__entry->to = to;
		__entry->reason = reason;
		strscpy(__entry->name, name, PVM_NAME_LEN);
	),
	TP_printk("part%u %s %s -> %s reason %s", __entry->part, __entry->name,
		  __print_symbolic(__entry->from, pvm_trace_part_states),
		  __print_symbolic(__entry->to, pvm_trace_part_states),
		  __print_symbolic(__entry->reason, pvm_trace_part_stops))
);

#endif /* PVM_CORE_TRACE_H */

/* Found through -iquote, so the build directory does not matter. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH core
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
