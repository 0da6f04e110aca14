/* SPDX-License-Identifier: GPL-2.0-only */
/* Event channels with their lock and their effects: interface of evtchn_fd.c. Private to xen/. */
#ifndef PVM_XEN_EVTCHN_FD_H
#define PVM_XEN_EVTCHN_FD_H

#include "core/pvm.h"

/* Around every call of xen/evtchn.h. IRQs are off inside; nothing else happens there. */
unsigned long pvm_evtchn_lock(struct pvm_vm *vm);
void pvm_evtchn_unlock(struct pvm_vm *vm, unsigned long flags);

/* Do what an operation asked for, after the lock is gone. @self: the vCPU we run on, needs no wake-up; or NULL. */
void pvm_evtchn_act(struct pvm_vm *vm, const struct pvm_port_act *act, struct pvm_vcpu *self);

/* The guest closed ports the VMM was attached to: let the descriptors go. Any context. */
void pvm_evtchn_drop(struct pvm_vm *vm, u32 port);

/* Where the guest's bits are; NULL while they are nowhere. Any context. */
void pvm_evtchn_set_shared(struct pvm_vm *vm, struct shared_info *shared);
void pvm_evtchn_set_target(struct pvm_vm *vm, u32 vcpu, struct vcpu_info *info);
/* Copy @from to @to, mark everything pending there and make it the target, in one step. */
void pvm_evtchn_move_target(struct pvm_vm *vm, u32 vcpu, const struct vcpu_info *from, struct vcpu_info *to);

#endif /* PVM_XEN_EVTCHN_FD_H */
