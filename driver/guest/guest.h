/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of guest/ share. */
#ifndef PVM_GUEST_GUEST_H
#define PVM_GUEST_GUEST_H

#include "core/pvm.h"

enum pvm_act pvm_handle_exit(struct pvm_vcpu *v);	/* guest/exit.c; resident, IRQs on */
int pvm_guest_may_run(struct pvm_vcpu *v);		/* guest/guest.c; v->mutex held */

#endif /* PVM_GUEST_GUEST_H */
