// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xenstore wire format: headers, argument lists, error names, paths.
 *
 * Pure. The message layout is that of public/io/xs_wire.h: four little-endian words and up to 4096
 * bytes. What the bytes mean is xs_proto.c's affair.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <xen/io/xs_wire.h>

#include "xs_wire.h"

_Static_assert(sizeof(struct xsd_sockmsg) == PVM_XS_HEADER_BYTES, "header as in xs_wire.h");
_Static_assert(XENSTORE_PAYLOAD_MAX == PVM_XS_PAYLOAD_BYTES, "payload as in xs_wire.h");
_Static_assert(PVM_XS_PATH_BYTES <= XENSTORE_ABS_PATH_MAX, "paths fit in a message");

void pvm_xs_wire_decode(const uint8_t bytes[PVM_XS_HEADER_BYTES], struct pvm_xs_msg *msg)
{
	struct xsd_sockmsg h;

	memcpy(&h, bytes, sizeof(h));
	msg->type = h.type;
	msg->req_id = h.req_id;
	msg->tx_id = h.tx_id;
	msg->len = h.len;
}

int pvm_xs_wire_put(struct pvm_xs_buf *buf, uint32_t type, uint32_t req_id, uint32_t tx_id,
		    const void *payload, size_t bytes)
{
	struct xsd_sockmsg h = { .type = type, .req_id = req_id, .tx_id = tx_id };
	size_t need = sizeof(h) + bytes;

	if (bytes > PVM_XS_PAYLOAD_BYTES)
		return -E2BIG;
	h.len = (uint32_t)bytes;
	if (buf->head && buf->head + buf->used + need > buf->size) {
		memmove(buf->data, buf->data + buf->head, buf->used);
		buf->head = 0;
	}
	if (buf->used + need > buf->size) {
		size_t size = 2 * (buf->used + need);
		uint8_t *data = realloc(buf->data, size);

		if (!data)
			return -ENOMEM;
		buf->data = data;
		buf->size = size;
	}
	memcpy(buf->data + buf->head + buf->used, &h, sizeof(h));
	if (bytes)
		memcpy(buf->data + buf->head + buf->used + sizeof(h), payload, bytes);
	buf->used += need;
	return 0;
}

void pvm_xs_buf_drop(struct pvm_xs_buf *buf, size_t bytes)
{
	buf->head += bytes;
	buf->used -= bytes;
	if (!buf->used)
		buf->head = 0;
}

void pvm_xs_buf_fini(struct pvm_xs_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

const char *pvm_xs_wire_string(const uint8_t *payload, size_t bytes, size_t *at)
{
	const char *s = (const char *)payload + *at;
	size_t len;

	if (*at >= bytes)
		return NULL;
	len = strnlen(s, bytes - *at);
	if (len == bytes - *at)
		return NULL;
	*at += len + 1;
	return s;
}

const char *pvm_xs_wire_error(int err)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == (err < 0 ? -err : err))
			return xsd_errors[i].errstring;
	return "EIO";
}

bool pvm_xs_wire_number(const char *text, uint32_t *value)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (!i || text[i] || v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	return true;
}

static bool char_is_valid(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-/_@:+.", c));
}

int pvm_xs_path_abs(const char *path, uint32_t domid, char *abs)
{
	size_t len;
	int n;

	if (path[0] == '/' || path[0] == '@')
		n = snprintf(abs, PVM_XS_PATH_BYTES, "%s", path);
	else
		n = snprintf(abs, PVM_XS_PATH_BYTES, "/local/domain/%u/%s", domid, path);
	len = (size_t)n;
	if (n < 0 || len >= PVM_XS_PATH_BYTES || !path[0])
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!char_is_valid(abs[i]) || (abs[i] == '/' && abs[i + 1] == '/'))
			return -EINVAL;
	if (len > 1 && abs[len - 1] == '/')
		return -EINVAL;
	return 0;
}

bool pvm_xs_path_is_within(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (len == 1)			/* the root; special paths are not below it */
		return path[0] == '/';
	return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

size_t pvm_xs_path_parent(const char *path)
{
	size_t at = (size_t)(strrchr(path, '/') - path);

	return at ? at : 1;
}
