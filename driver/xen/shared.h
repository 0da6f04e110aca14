/* SPDX-License-Identifier: GPL-2.0-only */
/* Registrations of guest memory areas: interface of shared.c to the vcpu_op hypercall. Private to xen/. */
#ifndef PVM_XEN_SHARED_H
#define PVM_XEN_SHARED_H

#include "core/pvm.h"

/*
 * Context of all: resident, the vCPU's own. They return 0, -PVM_ENEED (repeatable), or
 * info: -EINVAL bad place, -EBUSY registered before; time, runstate: -EFAULT not mapped writable. gva 0 takes the
 * registration back.
 */
int __must_check pvm_vcpu_info_register(struct pvm_vcpu *v, struct pvm_vcpu *target, pvm_gfn_t gfn, u32 offset);
int __must_check pvm_time_register(struct pvm_vcpu *v, u64 gva);
int __must_check pvm_runstate_register(struct pvm_vcpu *v, u64 gva);
void pvm_runstate_get(struct pvm_vcpu *v, struct vcpu_runstate_info *out);

#endif /* PVM_XEN_SHARED_H */
