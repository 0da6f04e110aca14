// SPDX-License-Identifier: GPL-2.0-only
/* Offsets of struct pvm_switch_state for assembly; kbuild turns the output into offsets.h. */
#include <linux/kbuild.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/build_bug.h>

#include "base/x86.h"
#include "switcher/state.h"

#define STATE(sym, field)	OFFSET(SS_##sym, pvm_switch_state, field)

int main(void)
{
	BUILD_BUG_ON(offsetof(struct pvm_switch_state, regs) != PVM_STATE_REGS);
	BUILD_BUG_ON(PVM_FL_GUEST != 0x254dd5);	/* FLAGS_GUEST in switcher.S */
	STATE(HOST_CR3, host_cr3);
	STATE(GUEST_CR3, guest_cr3);
	STATE(KERNEL_CR3, kernel_cr3);
	STATE(USER_CR3, user_cr3);
	STATE(HOST_GS, host_gs);
	STATE(SELF, self);
	STATE(SYSCALL_RIP, syscall_rip);
	STATE(KERNEL_SP, kernel_sp);
	STATE(VCPU_INFO, vcpu_info);
	STATE(HOST_IDT, host_idt);
	STATE(GUEST_IDT, guest_idt);
	STATE(HOST_CPUNODE, host_cpunode);
	STATE(GUEST_CPUNODE, guest_cpunode);
	STATE(PATH, path);
	STATE(IRET_CS, iret_cs);
	STATE(NMI_PENDING, nmi_pending);
	STATE(MC_PENDING, mc_pending);
	STATE(DB_DROPPED, db_dropped);
	STATE(FATAL, fatal);
	STATE(REGS_START, regs_start);
	STATE(REGS_END, regs_end);
	STATE(HOST_RSP, host_rsp);
	STATE(GUEST_GS, guest_gs);
	STATE(KERNEL_GS, kernel_gs);
	STATE(USER_GS, user_gs);
	STATE(CR2, cr2);
	STATE(USER_RSP, user_rsp);
	STATE(TMP1, tmp1);
	STATE(TMP2, tmp2);
	STATE(FATAL_VECTOR, fatal_vector);
	STATE(FATAL_RIP, fatal_rip);
	STATE(FATAL_ERROR, fatal_error);
	STATE(FATAL_RSP, fatal_rsp);
	STATE(CNT_TO_KERNEL, cnt_to_kernel);
	STATE(CNT_TO_USER, cnt_to_user);
	STATE(CNT_STACK_SWITCH, cnt_stack_switch);
	STATE(CNT_SEGMENT_BASE, cnt_segment_base);
	STATE(CNT_FLUSH, cnt_flush);
	STATE(NR_UNSYNC, nr_unsync);
	STATE(VTLB_GEN, vtlb_gen);
	STATE(MITIGATIONS, mitigations);
	STATE(HOST_SPEC_CTRL, host_spec_ctrl);
	STATE(UNTRAIN, untrain);
	STATE(REGS, regs);
	STATE(FETCH, fetch);
	STATE(FETCHED, fetched);
	STATE(RIP, regs.rip);
	DEFINE(SS_REGS_END_OFFSET, sizeof(struct pvm_regs) + PVM_STATE_REGS);
	return 0;
}
