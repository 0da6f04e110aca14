/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel's log, read out of its memory. Pure.
 */
#ifndef PVM_PART_DMESG_H
#define PVM_PART_DMESG_H

#include "part_vmcore.h"

/**
 * pvm_part_dmesg_text() - all records there are, as dmesg(1) prints them
 * @text: malloc'ed, NUL-terminated
 * @bytes: length without the NUL
 *
 * Return: 0; -ENODATA: there is no log ring, or it makes no sense; -ENOMEM.
 */
int pvm_part_dmesg_text(const struct pvm_phys *m, const struct pvm_vmcore *v, char **text,
			size_t *bytes);

#endif /* PVM_PART_DMESG_H */
