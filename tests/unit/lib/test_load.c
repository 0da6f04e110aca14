// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loader: synthetic kernels in every packing, real ones if there are any, and each of them cut off
 * at many places. Compressors of the libraries make the payloads here.
 */
#include "test.h"
#include "decomp.h"
#include "lib.h"

#include <bzlib.h>
#include <elf.h>
#include <fcntl.h>
#include <lz4.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/elfnote.h>
#include <zlib.h>
#include <zstd.h>

#define KBASE	0xffffffff80000000ull
#define LIMIT	(64ull << 20)

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct pvm_kernel k;

/* ---- making kernels ---------------------------------------------------------------------- */

static size_t put_note(uint8_t *p, uint32_t type, const void *desc, uint32_t bytes)
{
	const uint32_t head[3] = { 4, bytes, type };

	memcpy(p, head, 12);
	memcpy(p + 12, "Xen", 4);
	memset(p + 16, 0, (bytes + 3) & ~3u);
	memcpy(p + 16, desc, bytes);
	return 16 + ((bytes + 3) & ~3u);
}

static size_t put_number(uint8_t *p, uint32_t type, uint64_t v, uint32_t bytes)
{
	return put_note(p, type, &v, bytes);
}

#define NOTES_LINUX	1	/* as Debian's kernels */
#define NOTES_PVH	2	/* only what PVH needs */
#define NOTES_SECTION	3	/* a section, no segment */
#define NOTES_OTHER	4	/* notes, but none of Xen */

/* An ELF: header, 3 program headers, notes at 0x200, text at 0x1000. */
static struct bytes make_elf(int notes, size_t text_bytes)
{
	struct bytes b = { .n = 0x1000 + text_bytes };
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;
	Elf64_Shdr *sh;
	size_t n = 0;

	b.p = calloc(1, b.n);
	eh = (Elf64_Ehdr *)b.p;
	ph = (Elf64_Phdr *)(b.p + sizeof(*eh));
	sh = (Elf64_Shdr *)(b.p + 0x800);
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_version = EV_CURRENT;
	eh->e_entry = KBASE + 0x1000020;
	eh->e_phoff = sizeof(*eh);
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 3;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0x1000000,
			      .p_vaddr = KBASE + 0x1000000, .p_filesz = text_bytes / 2,
			      .p_memsz = text_bytes / 2 + 0x3000 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = 0x1000 + text_bytes / 2,
			      .p_paddr = 0x1800000, .p_filesz = text_bytes - text_bytes / 2,
			      .p_memsz = text_bytes - text_bytes / 2 };
	if (notes == NOTES_LINUX || notes == NOTES_SECTION) {
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_ENTRY, KBASE + 0x1000010, 8);
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_VIRT_BASE, KBASE, 8);
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_INIT_P2M, 0x8000000000, 8);
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_MOD_START_PFN, 1, 4);
		n += put_note(b.p + 0x200 + n, XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
		n += put_note(b.p + 0x200 + n, XEN_ELFNOTE_GUEST_OS, "linux", 6);
		n += put_note(b.p + 0x200 + n, XEN_ELFNOTE_LOADER, "generic", 8);
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_PADDR_OFFSET, 0, 8);
	}
	if (notes == NOTES_LINUX || notes == NOTES_PVH)
		n += put_number(b.p + 0x200 + n, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000000, 8);
	if (notes == NOTES_OTHER) {
		n = put_number(b.p + 0x200, 3, 1, 8);
		memcpy(b.p + 0x200 + 12, "GNU", 4);
	}
	if (notes == NOTES_SECTION) {
		eh->e_shoff = 0x800;
		eh->e_shentsize = sizeof(*sh);
		eh->e_shnum = 2;
		sh[1] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = 0x200, .sh_size = n };
		eh->e_phnum = 2;
	} else {
		ph[2] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = n,
				      .p_memsz = n };
	}
	for (size_t i = 0; i < text_bytes; i++)
		b.p[0x1000 + i] = (uint8_t)(i * 7 + i / 301);
	return b;
}

static size_t lzma_pack(lzma_stream *z, struct bytes in, struct bytes *out)
{
	z->next_in = in.p;
	z->avail_in = in.n;
	z->next_out = out->p;
	z->avail_out = out->n;
	assert_int_equal(lzma_code(z, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(z);
	return out->n - z->avail_out;
}

static struct bytes pack(enum pvm_format f, struct bytes in)
{
	struct bytes out = { .n = in.n * 2 + 65536 };
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma lzma;
	z_stream g = { 0 };
	unsigned int n;
	size_t at = 0;

	out.p = calloc(1, out.n);
	switch (f) {
	case PVM_FORMAT_GZIP:
		assert_int_equal(deflateInit2(&g, 9, Z_DEFLATED, 15 + 16, 9, 0), Z_OK);
		g.next_in = in.p;
		g.avail_in = (unsigned int)in.n;
		g.next_out = out.p;
		g.avail_out = (unsigned int)out.n;
		assert_int_equal(deflate(&g, Z_FINISH), Z_STREAM_END);
		at = g.total_out;
		deflateEnd(&g);
		break;
	case PVM_FORMAT_BZIP2:
		n = (unsigned int)out.n;
		assert_int_equal(BZ2_bzBuffToBuffCompress((char *)out.p, &n, (char *)in.p,
							  (unsigned int)in.n, 9, 0, 0), BZ_OK);
		at = n;
		break;
	case PVM_FORMAT_LZMA:
		lzma_lzma_preset(&lzma, 1);
		assert_int_equal(lzma_alone_encoder(&z, &lzma), LZMA_OK);
		at = lzma_pack(&z, in, &out);
		break;
	case PVM_FORMAT_XZ:
		assert_int_equal(lzma_easy_encoder(&z, 1, LZMA_CHECK_CRC32), LZMA_OK);
		at = lzma_pack(&z, in, &out);
		break;
	case PVM_FORMAT_LZ4:
		memcpy(out.p, "\x02\x21\x4c\x18", 4);
		at = 4;
		for (size_t done = 0; done < in.n;) {
			size_t block = in.n - done < 8 << 20 ? in.n - done : 8 << 20;
			int got = LZ4_compress_default((char *)in.p + done, (char *)out.p + at + 4,
						       (int)block, (int)(out.n - at - 4));

			assert_true(got > 0);
			memcpy(out.p + at, &got, 4);
			at += 4 + (size_t)got;
			done += block;
		}
		break;
	case PVM_FORMAT_ZSTD:
		at = ZSTD_compress(out.p, out.n, in.p, in.n, 3);
		assert_false(ZSTD_isError(at));
		break;
	case PVM_FORMAT_LZO:
		memcpy(out.p, "\x89LZO", 4);
		at = 100;
		break;
	default:
		memcpy(out.p, "junkjunk", 8);
		at = 100;
	}
	out.n = at;
	return out;
}

static struct bytes make_bzimage(struct bytes payload, uint32_t unpacked)
{
	static const char banner[] = "6.1.0-test (somebody) #1 SMP";
	uint32_t off = 0x2cc, len = (uint32_t)payload.n + 4;
	struct bytes b = { .n = 512 * 2 + off + len + 100 };

	b.p = calloc(1, b.n);
	b.p[0x1f1] = 1;
	memcpy(b.p + 0x202, "HdrS", 4);
	b.p[0x206] = 0x0f;
	b.p[0x207] = 0x02;
	b.p[0x20f] = 1;			/* kernel_version: 0x100 + 0x200 */
	memcpy(b.p + 0x300, banner, sizeof(banner));
	memcpy(b.p + 0x248, &off, 4);
	memcpy(b.p + 0x24c, &len, 4);
	memcpy(b.p + 1024 + off, payload.p, payload.n);
	memcpy(b.p + 1024 + off + payload.n, &unpacked, 4);
	return b;
}

static int load(struct bytes b)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;

	o.kernel_data = b.p;
	o.kernel_bytes = b.n;
	return pvm_kernel_open(&o, LIMIT, &k);
}

static void expect_refused(struct bytes b, int err, const char *word)
{
	assert_int_equal(load(b), err);
	assert_non_null(strstr(pvm_errmsg(), word));
	assert_true(strlen(pvm_errmsg()) > 30);
}

static void check_linux(const char *format, const char *compression, size_t text_bytes)
{
	assert_string_equal(k.info.format, format);
	assert_string_equal(k.info.compression, compression);
	assert_string_equal(k.info.guest_os, "linux");
	assert_int_equal(k.image.nr_segs, 2);
	assert_int_equal(k.image.entry, KBASE + 0x1000010);
	assert_int_equal(k.image.virt_base, KBASE);
	assert_int_equal(k.image.init_p2m, 0x8000000000);
	assert_true(k.image.has_init_p2m && k.image.has_mod_start_pfn);
	assert_false(k.image.has_hypercall_page);
	assert_int_equal(k.image.seg[1].paddr, 0x1800000);
	for (unsigned int s = 0, i = 0; s < 2; s++)
		for (size_t j = 0; j < k.image.seg[s].file_bytes; j++, i++)
			if (k.image.seg[s].data[j] != (uint8_t)(i * 7 + i / 301))
				fail_msg("text byte %u", i);
	assert_int_equal(k.image.seg[0].file_bytes + k.image.seg[1].file_bytes, text_bytes);
}

/* ---- tests ------------------------------------------------------------------------------- */

static const enum pvm_format packings[] = {
	PVM_FORMAT_GZIP, PVM_FORMAT_BZIP2, PVM_FORMAT_LZMA, PVM_FORMAT_XZ, PVM_FORMAT_LZ4,
	PVM_FORMAT_ZSTD,
};
#define NR_PACKINGS (sizeof(packings) / sizeof(packings[0]))

static void bzimages_of_every_packing_load(void **state)
{
	for (size_t i = 0; i < NR_PACKINGS; i++) {
		/* 9 MiB: more than one lz4 block and one inflate chunk */
		struct bytes elf = make_elf(NOTES_LINUX, 9 << 20);
		struct bytes packed = pack(packings[i], elf);
		struct bytes bz = make_bzimage(packed, (uint32_t)elf.n);

		if (load(bz))
			fail_msg("%s", pvm_errmsg());
		check_linux("bzImage", pvm_format_name(packings[i]), 9 << 20);
		assert_string_equal(k.info.banner, "6.1.0-test (somebody) #1 SMP");
		pvm_kernel_close(&k);
		/* a wrong size at the end is only a hint */
		memset(bz.p + bz.n - 104, 0xff, 4);
		assert_int_equal(load(bz), 0);
		pvm_kernel_close(&k);
		memset(bz.p + bz.n - 104, 0, 4);
		assert_int_equal(load(bz), 0);
		pvm_kernel_close(&k);
		free(elf.p);
		free(packed.p);
		free(bz.p);
	}
}

static void every_cut_and_most_damage_is_noticed(void **state)
{
	for (size_t i = 0; i < NR_PACKINGS; i++) {
		struct bytes elf = make_elf(NOTES_LINUX, 3000);
		struct bytes packed = pack(packings[i], elf);
		struct bytes bz = make_bzimage(packed, (uint32_t)elf.n);

		for (size_t n = 0; n < bz.n - 100; n++) {
			uint8_t *copy = malloc(n ? n : 1);	/* exact, for ASAN */

			memcpy(copy, bz.p, n);
			assert_int_equal(load((struct bytes){ copy, n }), -ENOEXEC);
			assert_true(strlen(pvm_errmsg()) > 30);
			free(copy);
		}
		/* the stream itself cut, with a header that agrees */
		for (size_t n = 1; n < packed.n; n += 1 + packed.n / 500) {
			struct bytes cut = make_bzimage((struct bytes){ packed.p, n }, 0);

			cut.n -= 100 + 4;
			cut.p[0x24c] = (uint8_t)n;
			cut.p[0x24d] = (uint8_t)(n >> 8);
			cut.p[0x24e] = (uint8_t)(n >> 16);
			if (!load(cut))
				pvm_kernel_close(&k);	/* trailing checks may be missing */
			free(cut.p);
		}
		/* damage: any answer will do, without a crash */
		srand(5);
		for (int round = 0; round < 1500; round++) {
			size_t at = (size_t)rand() % bz.n;
			uint8_t was = bz.p[at];

			bz.p[at] = (uint8_t)rand();
			if (!load(bz))
				pvm_kernel_close(&k);
			bz.p[at] = was;
		}
		free(elf.p);
		free(packed.p);
		free(bz.p);
	}
}

static void bare_and_gzipped_elf_load(void **state)
{
	struct bytes elf = make_elf(NOTES_LINUX, 5000), gz = pack(PVM_FORMAT_GZIP, elf);
	struct bytes scn = make_elf(NOTES_SECTION, 5000);

	assert_int_equal(load(elf), 0);
	check_linux("ELF", "none", 5000);
	pvm_kernel_close(&k);
	assert_int_equal(load(gz), 0);
	check_linux("ELF", "gzip", 5000);
	pvm_kernel_close(&k);
	assert_int_equal(load(scn), 0);
	check_linux("ELF", "none", 5000);
	pvm_kernel_close(&k);
	for (size_t n = 0; n < elf.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, elf.p, n);
		assert_int_equal(load((struct bytes){ copy, n }), -ENOEXEC);
		free(copy);
	}
	srand(6);
	for (int round = 0; round < 20000; round++) {
		size_t at = (size_t)rand() % 0x900;
		uint8_t was = scn.p[at];

		scn.p[at] = (uint8_t)rand();
		if (!load(scn))
			pvm_kernel_close(&k);
		scn.p[at] = was;
	}
	free(elf.p);
	free(gz.p);
	free(scn.p);
}

static void replace(struct bytes b, const char *from, const char *to)
{
	char *at = memmem(b.p, b.n, from, strlen(from));

	assert_non_null(at);
	memcpy(at, to, strlen(to));
}

static void kernels_that_cannot_boot_are_told_why(void **state)
{
	struct bytes e;
	Elf64_Ehdr *eh;
	Elf64_Phdr *ph;

#define FRESH(notes) do { e = make_elf(notes, 3000); eh = (Elf64_Ehdr *)e.p; \
	ph = (Elf64_Phdr *)(e.p + sizeof(*eh)); (void)ph; } while (0)
#define REFUSED(notes, word, change) do { FRESH(notes); change; \
	expect_refused(e, -ENOEXEC, word); free(e.p); } while (0)

	REFUSED(0, "CONFIG_XEN_PV", );
	REFUSED(NOTES_OTHER, "CONFIG_XEN_PV", );
	REFUSED(NOTES_PVH, "PVH", );
	REFUSED(NOTES_LINUX, "32-bit", eh->e_ident[EI_CLASS] = ELFCLASS32);
	REFUSED(NOTES_LINUX, "little-endian", eh->e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED(NOTES_LINUX, "machine", eh->e_machine = EM_AARCH64);
	REFUSED(NOTES_LINUX, "no executable", eh->e_type = ET_DYN);
	REFUSED(NOTES_LINUX, "program headers", eh->e_phnum = 0);
	REFUSED(NOTES_LINUX, "program headers", eh->e_phoff = ~0ull);
	REFUSED(NOTES_LINUX, "beyond the end", ph[1].p_filesz++);
	REFUSED(NOTES_LINUX, "beyond the end", ph[0].p_offset = ~0ull);
	REFUSED(NOTES_LINUX, "larger in the file", ph[0].p_memsz = 1);
	REFUSED(NOTES_LINUX, "only xen-3.0", replace(e, "xen-3.0", "xen-9.9"));
	REFUSED(NOTES_LINUX, "only 'generic'", replace(e, "generic", "special"));
	expect_refused((struct bytes){ (uint8_t *)"", 0 }, -ENOEXEC, "empty");
	expect_refused((struct bytes){ (uint8_t *)"#!/bin/sh\n", 10 }, -ENOEXEC, "neither");
}

#define AREA	20480		/* of notes; 52 of them are less than 1 MiB, 53 are more */

/* @nr program or section headers that all name the same @bytes as notes. */
static struct bytes make_notes(bool sections, unsigned int nr, size_t bytes)
{
	struct bytes b = make_elf(sections ? NOTES_SECTION : NOTES_LINUX, 4 << 20);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)b.p;
	Elf64_Phdr *ph = (Elf64_Phdr *)(b.p + 0x1000);
	Elf64_Shdr *sh = (Elf64_Shdr *)(b.p + 0x1000);

	/* one note of no one's in front of Xen's own, so that all of the area is gone through */
	for (size_t at = 0x100000; at < 0x100000 + bytes; at += 16)
		memcpy(b.p + at, "\4\0\0\0\0\0\0\0\1\0\0\0GNU", 16);
	if (sections) {
		memmove(sh, b.p + eh->e_shoff, sizeof(*sh));
		for (unsigned int i = 1; i < nr + 1; i++)
			sh[i] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = 0x100000,
					      .sh_size = bytes };
		sh[nr + 1] = (Elf64_Shdr){ .sh_type = SHT_NOTE, .sh_offset = 0x200, .sh_size = 300 };
		eh->e_shoff = 0x1000;
		eh->e_shnum = (uint16_t)(nr + 2);
		return b;
	}
	memcpy(ph, b.p + eh->e_phoff, 3 * sizeof(*ph));
	for (unsigned int i = 3; i < nr + 3; i++)
		ph[i] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x100000, .p_filesz = bytes };
	eh->e_phoff = 0x1000;
	eh->e_phnum = (uint16_t)(nr + 3);
	return b;
}

static void notes_are_bounded_however_often_they_are_named(void **state)
{
	static const struct {
		bool sections;
		unsigned int nr;
		size_t bytes;
		bool refused;
	} t[] = {
		{ false, 1, AREA, false },
		{ false, 50, AREA, false },
		{ false, 53, AREA, true },
		{ false, 60000, AREA, true },
		{ false, 1, 1 << 20, true },	/* with those of Xen */
		{ true, 50, AREA, false },
		{ true, 53, AREA, true },
		{ true, 60000, AREA, true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes b = make_notes(t[i].sections, t[i].nr, t[i].bytes);

		if (t[i].refused) {
			expect_refused(b, -ENOEXEC, "1 MiB of ELF notes");
		} else {
			assert_int_equal(load(b), 0);
			assert_string_equal(k.info.guest_os, "linux");
			pvm_kernel_close(&k);
		}
		free(b.p);
	}
}

static void bzimage_headers_are_checked(void **state)
{
	struct bytes elf = make_elf(NOTES_LINUX, 3000), packed = pack(PVM_FORMAT_GZIP, elf);
	struct bytes bz = make_bzimage(packed, 0), lzo, junk, other;

	bz.p[0x206] = 7;
	expect_refused(bz, -ENOEXEC, "2.08");
	bz.p[0x206] = 8;
	assert_int_equal(load(bz), 0);
	pvm_kernel_close(&k);
	bz.p[0x20e] = bz.p[0x20f] = 0xff;	/* banner outside the file */
	bz.p[0x24b] = 0xff;
	expect_refused(bz, -ENOEXEC, "truncated");
	other = pack(PVM_FORMAT_LZO, elf);
	lzo = make_bzimage(other, 0);
	expect_refused(lzo, -EOPNOTSUPP, "lzo");
	free(other.p);
	other = pack(PVM_FORMAT_UNKNOWN, elf);
	junk = make_bzimage(other, 0);
	expect_refused(junk, -ENOEXEC, "compression");
	free(other.p);
	free(junk.p);
	free(lzo.p);
	free(bz.p);
	free(packed.p);
	free(elf.p);
}

static void decompression_bombs_are_bounded(void **state)
{
	struct bytes zeros = { .n = 200 << 20 };

	zeros.p = calloc(1, zeros.n);
	for (size_t i = 0; i < NR_PACKINGS; i++) {
		struct bytes packed, bz;

		if (packings[i] == PVM_FORMAT_BZIP2)
			zeros.n = 70 << 20;	/* slow to pack */
		else
			zeros.n = 200 << 20;
		packed = pack(packings[i], zeros);
		bz = make_bzimage(packed, (uint32_t)zeros.n);
		expect_refused(bz, -EFBIG, "64 MiB");
		free(packed.p);
		free(bz.p);
	}
	free(zeros.p);
}

static void output_of_exactly_the_limit_fits(void **state)
{
	struct bytes in = { .n = 3 << 20 };

	in.p = calloc(1, in.n);
	for (size_t i = 0; i < NR_PACKINGS; i++) {
		struct bytes packed = pack(packings[i], in);
		uint8_t *out;
		size_t n;

		assert_int_equal(pvm_decompress(packings[i], packed.p, packed.n, 0, in.n - 1, &out,
						&n), -EFBIG);
		assert_int_equal(pvm_decompress(packings[i], packed.p, packed.n, in.n, in.n + 1,
						&out, &n), 0);
		assert_int_equal(n, in.n);
		free(out);
		for (unsigned int f = 1; f < 4; f++) {
			fail_alloc(f);
			if (!pvm_decompress(packings[i], packed.p, packed.n, 0, LIMIT, &out, &n))
				free(out);
			alloc_failed();
		}
		free(packed.p);
	}
	free(in.p);
}

static void files_and_buffers_are_the_same(void **state)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;
	struct bytes elf = make_elf(NOTES_LINUX, 3 << 20);
	char path[] = "/tmp/pvm-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, elf.p, elf.n), elf.n);
	o.kernel_path = path;
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), 0);
	check_linux("ELF", "none", 3 << 20);
	pvm_kernel_close(&k);
	o.kernel_data = elf.p;
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -EINVAL);
	o.kernel_path = o.kernel_data = NULL;
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -EINVAL);
	o.kernel_path = "/nonexistent/kernel";
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -ENOENT);
	assert_non_null(strstr(pvm_errmsg(), "/nonexistent/kernel"));
	o.kernel_path = "/tmp";
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -EISDIR);
	o.kernel_path = "/dev/null";
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -ENOEXEC);
	for (unsigned int n = 1; n < 8; n++) {
		o.kernel_path = path;
		fail_alloc(n);
		if (!pvm_kernel_open(&o, LIMIT, &k))
			pvm_kernel_close(&k);
		alloc_failed();
	}
	close(fd);
	unlink(path);
	free(elf.p);
}

static void names_of_files_do_not_drive_a_terminal(void **state)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;

	o.kernel_path = "/nonexistent/\x1b[31m\x7f\xc2\x9b" "31m\xc2\xc2\x80\xc3\xa4\xc2\xa0.";
	assert_int_equal(pvm_kernel_open(&o, LIMIT, &k), -ENOENT);
	assert_non_null(strstr(pvm_errmsg(), "/nonexistent/?[31m???31m\xc2??\xc3\xa4\xc2\xa0."));
}

static void initrds(void **state)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;
	char path[] = "/tmp/pvm-test-XXXXXX";
	uint8_t buf[16] = { 0 };
	uint64_t bytes = 99;
	int fd = mkstemp(path), in = 99;

	assert_int_equal(write(fd, "0123456789", 10), 10);
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(in, -1);
	o.initrd_data = "abc";
	o.initrd_bytes = 3;
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), 0);
	assert_int_equal(pvm_initrd_read(&o, in, buf, bytes), 0);
	assert_memory_equal(buf, "abc", 3);
	o.initrd_path = path;
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), -EINVAL);
	o.initrd_data = NULL;
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), 0);
	assert_int_equal(bytes, 10);
	assert_int_equal(pvm_initrd_read(&o, in, buf, bytes), 0);
	assert_memory_equal(buf, "0123456789", 10);
	assert_int_equal(pvm_initrd_read(&o, in, buf, 1), -EIO);	/* shrank meanwhile */
	close(in);
	assert_int_equal(pvm_initrd_read(&o, in, buf, 1), -EBADF);
	o.initrd_path = "/tmp";
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), -EINVAL);
	o.initrd_path = "/nonexistent/initrd";
	assert_int_equal(pvm_initrd_open(&o, &in, &bytes), -ENOENT);
	assert_non_null(strstr(pvm_errmsg(), "/nonexistent/initrd"));
	close(fd);
	unlink(path);
}

static void real_kernels_load(void **state)
{
	char list[4096], *path, *save;
	const char *env = getenv("PVM_TEST_KERNELS");

	snprintf(list, sizeof(list), "%s", env ? env : "");
	path = strtok_r(list, " ", &save);
	if (!path)
		skip();
	for (; path; path = strtok_r(NULL, " ", &save)) {
		struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;
		struct pvm_kernel_info info = PVM_KERNEL_INFO_INIT;

		o.kernel_path = path;
		assert_int_equal(pvm_kernel_probe(&o, &info), 0);
		assert_string_equal(info.guest_os, "linux");
		assert_int_equal(info.virt_base, KBASE);
		assert_true(info.entry > KBASE + 0x1000000);
		assert_true(info.min_memory_bytes > info.image_bytes);
		assert_true(info.min_memory_bytes < 200 << 20);
		print_message("# %s: %s, %s, from %llu MiB\n", path, info.compression, info.banner,
			      (unsigned long long)info.min_memory_bytes >> 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimages_of_every_packing_load),
		cmocka_unit_test(every_cut_and_most_damage_is_noticed),
		cmocka_unit_test(bare_and_gzipped_elf_load),
		cmocka_unit_test(kernels_that_cannot_boot_are_told_why),
		cmocka_unit_test(notes_are_bounded_however_often_they_are_named),
		cmocka_unit_test(bzimage_headers_are_checked),
		cmocka_unit_test(decompression_bombs_are_bounded),
		cmocka_unit_test(output_of_exactly_the_limit_fits),
		cmocka_unit_test(files_and_buffers_are_the_same),
		cmocka_unit_test(names_of_files_do_not_drive_a_terminal),
		cmocka_unit_test(initrds),
		cmocka_unit_test(real_kernels_load),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
