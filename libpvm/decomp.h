/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompressors of kernel payloads, behind one function.
 *
 * The stream may be followed by other bytes, which are ignored: bzImage appends the uncompressed
 * size. Output is bounded by the caller, and memory grows with what actually comes out, so a small
 * file that claims to be huge costs nothing.
 */
#ifndef PVM_DECOMP_H
#define PVM_DECOMP_H

#include <stddef.h>
#include <stdint.h>

enum pvm_format {
	PVM_FORMAT_UNKNOWN,
	PVM_FORMAT_GZIP,
	PVM_FORMAT_BZIP2,
	PVM_FORMAT_LZMA,
	PVM_FORMAT_XZ,
	PVM_FORMAT_LZO,
	PVM_FORMAT_LZ4,
	PVM_FORMAT_ZSTD,
};

/* Tell a compressed stream by its first bytes. */
enum pvm_format pvm_format_detect(const uint8_t *data, size_t bytes);

/* "gzip", ..., "unknown" */
const char *pvm_format_name(enum pvm_format format);

/**
 * pvm_decompress() - unpack one stream
 * @hint: expected size, 0 = unknown; only a starting point for the buffer
 * @limit: most bytes to produce
 * @out: malloc'd result
 *
 * No texts. Return: 0; -ENODATA: the stream ends too early; -EILSEQ: it is corrupt; -EFBIG: more
 * than
 * @limit; -EOPNOTSUPP: format not supported; -ENOMEM.
 */
int pvm_decompress(enum pvm_format format, const uint8_t *data, size_t bytes, size_t hint,
		   size_t limit, uint8_t **out, size_t *out_bytes);

#endif /* PVM_DECOMP_H */
