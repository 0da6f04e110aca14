// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Decompressors of kernel payloads: gzip, bzip2, lzma, xz, lz4 (legacy frames), zstd.
 *
 * Each reader feeds one sink: a buffer that doubles up to the caller's limit. A reader that needs
 * room calls sink_room(), whose -EFBIG is how a decompression bomb ends. Memory that a library
 * takes for its dictionary is bounded too (DICT_BYTES), for the same reason.
 *
 * lzo is recognised and refused: no distribution ships such kernels any more, and one more library
 * would have to be linked into every launcher.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "decomp.h"

#define SINK_START	(1u << 20)
#define CHUNK		(1u << 20)	/* largest piece of input or output offered at once */
#define DICT_BYTES	(256u << 20)
#define DICT_LOG	27		/* zstd -22 --ultra, which kernels use */
#define LZ4_BLOCK	(8u << 20)	/* uncompressed size of a legacy block */

struct sink {
	uint8_t *data;
	size_t used;
	size_t size;
	size_t limit;
};

/* Make room for at least one byte. Return: 0, -EFBIG, -ENOMEM. */
static int sink_room(struct sink *s)
{
	size_t size = s->size ? s->size * 2 : SINK_START;
	uint8_t *data;

	if (s->used < s->size)
		return 0;
	if (s->size >= s->limit)
		return -EFBIG;
	if (size > s->limit)
		size = s->limit;
	data = realloc(s->data, size);
	if (!data)
		return -ENOMEM;
	s->data = data;
	s->size = size;
	return 0;
}

static unsigned int chunk(size_t bytes)
{
	return bytes < CHUNK ? (unsigned int)bytes : CHUNK;
}

static int read_gzip(const uint8_t *in, size_t bytes, struct sink *s)
{
	z_stream z = { 0 };
	int ret, err;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return -ENOMEM;
	do {
		err = sink_room(s);
		if (err)
			break;
		if (!z.avail_in) {
			z.next_in = (uint8_t *)in;	/* never written through */
			z.avail_in = chunk(bytes);
			in += z.avail_in;
			bytes -= z.avail_in;
		}
		z.next_out = s->data + s->used;
		z.avail_out = chunk(s->size - s->used);
		ret = inflate(&z, Z_NO_FLUSH);
		s->used = (size_t)(z.next_out - s->data);
		if (ret == Z_BUF_ERROR)
			err = -ENODATA;
		else if (ret == Z_MEM_ERROR)
			err = -ENOMEM;
		else if (ret != Z_OK && ret != Z_STREAM_END)
			err = -EILSEQ;
	} while (!err && ret != Z_STREAM_END);
	inflateEnd(&z);
	return err;
}

static int read_bzip2(const uint8_t *in, size_t bytes, struct sink *s)
{
	bz_stream z = { 0 };
	int ret, err;

	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return -ENOMEM;
	do {
		unsigned int had_in, had_out;

		err = sink_room(s);
		if (err)
			break;
		if (!z.avail_in) {
			z.next_in = (char *)in;		/* never written through */
			z.avail_in = chunk(bytes);
			in += z.avail_in;
			bytes -= z.avail_in;
		}
		had_in = z.avail_in;
		z.next_out = (char *)s->data + s->used;
		z.avail_out = had_out = chunk(s->size - s->used);
		ret = BZ2_bzDecompress(&z);
		s->used += had_out - z.avail_out;
		if (ret == BZ_MEM_ERROR)
			err = -ENOMEM;
		else if (ret != BZ_OK && ret != BZ_STREAM_END)
			err = -EILSEQ;
		else if (ret == BZ_OK && !had_in && z.avail_out == had_out)
			err = -ENODATA;		/* unlike zlib, bzlib does not say so */
	} while (!err && ret != BZ_STREAM_END);
	BZ2_bzDecompressEnd(&z);
	return err;
}

static int read_lzma(const uint8_t *in, size_t bytes, struct sink *s, bool alone)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret ret;
	int err;

	ret = alone ? lzma_alone_decoder(&z, DICT_BYTES) : lzma_stream_decoder(&z, DICT_BYTES, 0);
	if (ret != LZMA_OK)
		return -ENOMEM;
	z.next_in = in;
	z.avail_in = bytes;
	do {
		err = sink_room(s);
		if (err)
			break;
		z.next_out = s->data + s->used;
		z.avail_out = s->size - s->used;
		ret = lzma_code(&z, LZMA_RUN);
		s->used = s->size - z.avail_out;
		if (ret == LZMA_BUF_ERROR)
			err = -ENODATA;
		else if (ret == LZMA_MEM_ERROR)
			err = -ENOMEM;
		else if (ret == LZMA_MEMLIMIT_ERROR)
			err = -EFBIG;
		else if (ret != LZMA_OK && ret != LZMA_STREAM_END)
			err = -EILSEQ;
	} while (!err && ret != LZMA_STREAM_END);
	lzma_end(&z);
	return err;
}

static int read_zstd(const uint8_t *in, size_t bytes, struct sink *s)
{
	ZSTD_inBuffer zin = { .src = in, .size = bytes };
	ZSTD_DStream *z = ZSTD_createDStream();
	size_t ret;
	int err;

	if (!z)
		return -ENOMEM;
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, DICT_LOG);
	do {
		ZSTD_outBuffer zout;
		size_t had;

		err = sink_room(s);
		if (err)
			break;
		zout = (ZSTD_outBuffer){ .dst = s->data + s->used, .size = s->size - s->used };
		had = zin.pos;
		ret = ZSTD_decompressStream(z, &zout, &zin);
		s->used += zout.pos;
		if (ZSTD_isError(ret))
			err = -EILSEQ;
		else if (ret && zin.pos == zin.size && had == zin.pos && !zout.pos)
			err = -ENODATA;
	} while (!err && ret);
	ZSTD_freeDStream(z);
	return err;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/*
 * Legacy lz4: magic, then blocks of { u32 size, data }, each but the last unpacking to 8 MiB. There
 * is no end mark, so the end is the end of the input, or a "size" that cannot be one: the appended
 * uncompressed size of a bzImage looks like that. A cut inside a block therefore cannot be told
 * from an end by the sizes alone; a block that is cut leaves the ELF short, which load.c notices.
 */
static int read_lz4(const uint8_t *in, size_t bytes, struct sink *s)
{
	size_t at = 4;

	while (bytes - at >= 4) {
		uint32_t size = le32(in + at);
		uint8_t *data;
		int n;

		if (!size || size > bytes - at - 4 ||
		    size > (uint32_t)LZ4_COMPRESSBOUND(LZ4_BLOCK))
			break;
		at += 4;
		if (s->used >= s->limit)
			return -EFBIG;
		data = realloc(s->data, s->used + LZ4_BLOCK);
		if (!data)
			return -ENOMEM;
		s->data = data;
		s->size = s->used + LZ4_BLOCK;
		n = LZ4_decompress_safe((const char *)in + at, (char *)s->data + s->used,
					(int)size, LZ4_BLOCK);
		if (n < 0)
			return -EILSEQ;
		s->used += (size_t)n;
		at += size;
	}
	if (s->used > s->limit)
		return -EFBIG;
	return s->used ? 0 : -ENODATA;
}

static const struct {
	const char *name;
	uint8_t magic[6];
	uint8_t magic_bytes;
} formats[] = {
	[PVM_FORMAT_UNKNOWN]	= { "unknown" },
	[PVM_FORMAT_GZIP]	= { "gzip", { 0x1f, 0x8b }, 2 },
	[PVM_FORMAT_BZIP2]	= { "bzip2", { 'B', 'Z', 'h' }, 3 },
	[PVM_FORMAT_LZMA]	= { "lzma", { 0x5d, 0x00 }, 2 },
	[PVM_FORMAT_XZ]		= { "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6 },
	[PVM_FORMAT_LZO]	= { "lzo", { 0x89, 'L', 'Z', 'O' }, 4 },
	[PVM_FORMAT_LZ4]	= { "lz4", { 0x02, 0x21, 0x4c, 0x18 }, 4 },
	[PVM_FORMAT_ZSTD]	= { "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
};

enum pvm_format pvm_format_detect(const uint8_t *data, size_t bytes)
{
	for (unsigned int f = PVM_FORMAT_GZIP; f <= PVM_FORMAT_ZSTD; f++)
		if (bytes >= formats[f].magic_bytes &&
		    !memcmp(data, formats[f].magic, formats[f].magic_bytes))
			return f;
	return PVM_FORMAT_UNKNOWN;
}

const char *pvm_format_name(enum pvm_format format)
{
	return formats[format].name;
}

int pvm_decompress(enum pvm_format format, const uint8_t *data, size_t bytes, size_t hint,
		   size_t limit, uint8_t **out, size_t *out_bytes)
{
	struct sink s = { .limit = limit };
	int err;

	/* One byte more than expected, so that "done" is seen without growing. malloc, not calloc:
	 * a wrong hint costs address space only. */
	if (hint && hint < limit) {
		s.data = malloc(hint + 1);
		s.size = s.data ? hint + 1 : 0;
	}
	switch (format) {
	case PVM_FORMAT_GZIP:
		err = read_gzip(data, bytes, &s);
		break;
	case PVM_FORMAT_BZIP2:
		err = read_bzip2(data, bytes, &s);
		break;
	case PVM_FORMAT_LZMA:
		err = read_lzma(data, bytes, &s, true);
		break;
	case PVM_FORMAT_XZ:
		err = read_lzma(data, bytes, &s, false);
		break;
	case PVM_FORMAT_LZ4:
		err = read_lz4(data, bytes, &s);
		break;
	case PVM_FORMAT_ZSTD:
		err = read_zstd(data, bytes, &s);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	if (err) {
		free(s.data);
		return err;
	}
	*out = s.data;
	*out_bytes = s.used;
	return 0;
}
