/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places inside the switcher region, for C and assembly: plain numbers only.
 *
 *	region + 0		nothing (a guest stack that ends below the region faults instead of reading text)
 *	region + 0x1000		text
 *	region + n * 2 MiB	vCPU area n
 */
#ifndef PVM_SWITCHER_LAYOUT_H
#define PVM_SWITCHER_LAYOUT_H

#define PVM_REGION_TEXT		0x1000
#define PVM_AREA_SHIFT		21
#define PVM_AREA_STATE		0x0
#define PVM_AREA_NMI_STACK	0x1000
#define PVM_AREA_DB_STACK	0x2000	/* #DB, #DF, #MC */
#define PVM_AREA_IDT		0x3000
#define PVM_AREA_TSS		0x4000
#define PVM_AREA_INFO		0x6000	/* page that holds the guest's vcpu_info */
#define PVM_AREA_GDT		0x10000	/* 15 pages: descriptors up to Xen's flat selectors in page 14 */
#define PVM_AREA_GDT_HIGH	0x1e000
#define PVM_AREA_LDT		0x20000	/* 16 pages */
#define PVM_IDT_STUB_BYTES	32	/* endbr64, two pushes and a jump do not fit 16 */
#define PVM_IST_NMI		6
#define PVM_IST_DB		7
#define PVM_GDT_TSS		8	/* entry; the host has its TSS there too, so TR reads the same */
#define PVM_GDT_LDT		10
#define PVM_GDT_CPUNODE		15	/* LSL gives the CPU number: the host's NMI entry uses it, guests' vDSO too */

#endif /* PVM_SWITCHER_LAYOUT_H */
