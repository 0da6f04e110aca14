/* SPDX-License-Identifier: GPL-2.0-only */
/* Values inside struct pvm_switch_state that C and assembly agree on: plain numbers only. */
#ifndef PVM_SWITCHER_PATHS_H
#define PVM_SWITCHER_PATHS_H

/*
 * Bit 0: guest kernel mode. PVM_PATH_SLOW: every SYSCALL leaves to C. One compare sorts the three ways:
 * 0 user, direct; 1 kernel, direct; above: slow.
 */
#define PVM_PATH_USER	0
#define PVM_PATH_KERNEL	1
#define PVM_PATH_SLOW	0x80

#define PVM_VTLB_GENS	2048	/* generations of the vTLB: 0..2047 */

#define PVM_STATE_REGS	2048	/* offset of regs; the CPU's RSP0 is the end of regs */

/* plain numbers: assembly reads them too */
#define PVM_MIT_VERW	1	/* MDS/TAA/MMIO/RFDS: VERW before entering the guest */
#define PVM_MIT_IBRS	2	/* retbleed on Intel: SPEC_CTRL.IBRS while the host runs */
#define PVM_MIT_BHB	4	/* branch history: clearing loop before host C code */
#define PVM_MIT_IBPB	16	/* retbleed on AMD, retbleed=ibpb: IBPB on every exit */
#define PVM_MIT_UNRET	32	/* retbleed, SRSO on AMD: the kernel's untrain sequence before the first RET */
#define PVM_MIT_RSB	8	/* RSB poisoning: no RET of the host's may find an entry of the guest's */

#endif /* PVM_SWITCHER_PATHS_H */
