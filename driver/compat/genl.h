/* SPDX-License-Identifier: GPL-2.0-only */
/* What compat.h is for generic netlink; apart from it, because one file needs it and the header is a big one. */
#ifndef PVM_COMPAT_GENL_H
#define PVM_COMPAT_GENL_H

#include <net/genetlink.h>

/* 6.7, and its stable predecessors since: a group can ask for CAP_SYS_ADMIN; before, for CAP_NET_ADMIN by this flag. */
#ifndef GENL_MCAST_CAP_SYS_ADMIN
#define GENL_MCAST_CAP_SYS_ADMIN	GENL_UNS_ADMIN_PERM
#endif

#endif /* PVM_COMPAT_GENL_H */
