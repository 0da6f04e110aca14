/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xenstore wire format: headers, argument lists, error names, paths. Pure.
 *
 * Everything that arrives is untrusted bytes of known length: no function here reads past it, and
 * none needs it to be NUL-terminated.
 */
#ifndef PVM_XS_WIRE_H
#define PVM_XS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PVM_XS_HEADER_BYTES	16u
#define PVM_XS_PAYLOAD_BYTES	4096u
#define PVM_XS_MSG_BYTES	(PVM_XS_HEADER_BYTES + PVM_XS_PAYLOAD_BYTES)
#define PVM_XS_PATH_BYTES	1024u	/* longest absolute path, with its NUL */
#define PVM_XS_VALUE_BYTES	2048u	/* longest value */
#define PVM_XS_TOKEN_BYTES	256u	/* longest watch token, with its NUL */

struct pvm_xs_msg {
	uint32_t type;
	uint32_t req_id;
	uint32_t tx_id;
	uint32_t len;
};

/* Bytes waiting to be sent. */
struct pvm_xs_buf {
	uint8_t *data;
	size_t head;			/* first byte not sent */
	size_t used;			/* bytes from head on */
	size_t size;
};

void pvm_xs_wire_decode(const uint8_t bytes[PVM_XS_HEADER_BYTES], struct pvm_xs_msg *msg);

/* Append one message, whole or not at all. Return: 0, -E2BIG (payload too long), -ENOMEM. */
int pvm_xs_wire_put(struct pvm_xs_buf *buf, uint32_t type, uint32_t req_id, uint32_t tx_id,
		    const void *payload, size_t bytes);
void pvm_xs_buf_drop(struct pvm_xs_buf *buf, size_t bytes);
void pvm_xs_buf_fini(struct pvm_xs_buf *buf);

/*
 * Next NUL-terminated string of a payload. Moves *@at behind it. Return: the string, NULL if there
 * is no further complete one.
 */
const char *pvm_xs_wire_string(const uint8_t *payload, size_t bytes, size_t *at);

/* "ENOENT" and the like; what the protocol has no name for becomes "EIO". */
const char *pvm_xs_wire_error(int err);

/* 1..10 decimal digits, nothing else, fitting 32 bits. */
bool pvm_xs_wire_number(const char *text, uint32_t *value);

/*
 * Make a path absolute: relative ones start at /local/domain/<domid>. Return: 0; -EINVAL: malformed
 * or too long. @abs has PVM_XS_PATH_BYTES.
 */
int pvm_xs_path_abs(const char *path, uint32_t domid, char *abs);

/* Is @path @top or below it? Both absolute. */
bool pvm_xs_path_is_within(const char *path, const char *top);

/* Length of the parent's path; 1 for children of the root. Not for the root itself. */
size_t pvm_xs_path_parent(const char *path);

#endif /* PVM_XS_WIRE_H */
