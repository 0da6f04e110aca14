/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore protocol: one request in, one reply out. Pure.
 */
#ifndef PVM_XS_PROTO_H
#define PVM_XS_PROTO_H

#include "xs_tree.h"
#include "xs_wire.h"

/**
 * pvm_xs_handle() - serve one request
 * @c: who asks
 * @msg: its header; msg->len <= PVM_XS_PAYLOAD_BYTES
 * @payload: msg->len bytes
 * @out: gets the reply; events the request causes go through the connection's event function,
 *	which may append to the same buffer
 *
 * A request that makes no sense gets an ERROR reply. Return: 0; -ENOMEM: not even that was
 * possible.
 */
int pvm_xs_handle(struct pvm_xs_conn *c, const struct pvm_xs_msg *msg, const uint8_t *payload,
		  struct pvm_xs_buf *out);

#endif /* PVM_XS_PROTO_H */
