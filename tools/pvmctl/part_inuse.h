/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a PCI device in use by this host? The driver cannot tell a disk that is mounted from one that
 * only has its driver bound; /sys and /proc can.
 */
#ifndef PVMCTL_PART_INUSE_H
#define PVMCTL_PART_INUSE_H

#include <stdint.h>
#include <stddef.h>

enum inuse { INUSE_NO, INUSE_YES, INUSE_ABSENT };

/**
 * pci_inuse() - look at everything below the device
 * @why: gets why it cannot be taken, without its name: "nvme0n1p1 is mounted on /srv"
 */
enum inuse pci_inuse(uint32_t bdf, char *why, size_t len);

#endif
