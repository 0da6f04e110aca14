// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loader: files to bytes. A bzImage is unpacked to the ELF inside; an ELF is taken apart into the
 * segments and Xen notes build.c asks for; an initrd is read straight to where it belongs.
 *
 * Files come from users and are hostile: every offset is checked against the bytes there are before
 * it is followed, sizes are bounded before memory is taken (INPUT_LIMIT for what is read, the
 * caller's limit for what is unpacked), and every refusal says which file and why. libelf decodes
 * headers and notes, but it is not trusted with offsets either.
 *
 * Not here: placement in guest memory (build.c), decompression (decomp.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/elfnote.h>

#include "decomp.h"
#include "lib.h"

#define INPUT_LIMIT	(512ull << 20)	/* bytes of a kernel file */
#define READ_CHUNK	(1u << 20)
#define NOTES_LIMIT	(1u << 20)	/* bytes of all notes; headers may name the same ones again and again */

/* bzImage setup header: offsets of Documentation/arch/x86/boot.rst */
#define BZ_SETUP_SECTS		0x1f1
#define BZ_MAGIC		0x202
#define BZ_VERSION		0x206
#define BZ_KERNEL_VERSION	0x20e
#define BZ_PAYLOAD_OFFSET	0x248
#define BZ_PAYLOAD_LENGTH	0x24c
#define BZ_HEADER_BYTES		0x250

static uint32_t le16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

static void blob_free(struct pvm_blob *b)
{
	if (b->owned)
		free(b->data);
	memset(b, 0, sizeof(*b));
}

/* Read all of a file, whatever kind it is: a pipe will do. */
static int blob_read(const char *what, const char *path, struct pvm_blob *b)
{
	struct pvm_blob got = { .owned = true };
	size_t size = 0;
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		err = -errno;
		return pvm_fail(err, "cannot open %s %s: %s", what, path, pvm_strerror(err));
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= INPUT_LIMIT)
		size = (size_t)st.st_size + 1;	/* + 1: the end is seen without growing */
	for (;;) {
		ssize_t n;

		if (got.bytes == size || !got.data) {
			uint8_t *data;

			if (got.data || !size)
				size = size ? size * 2 : READ_CHUNK;
			data = realloc(got.data, size);
			if (!data) {
				err = pvm_fail(-ENOMEM, "cannot read %s %s: out of memory", what,
					       path);
				goto out;
			}
			got.data = data;
		}
		n = read(fd, got.data + got.bytes, size - got.bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = -errno;
			pvm_fail(err, "cannot read %s %s: %s", what, path, pvm_strerror(err));
			goto out;
		}
		if (!n)
			break;
		got.bytes += (size_t)n;
		if (got.bytes > INPUT_LIMIT) {
			err = pvm_fail(-EFBIG, "cannot use %s %s: it is larger than %llu MiB",
				       what, path, INPUT_LIMIT >> 20);
			goto out;
		}
	}
	*b = got;
	got.data = NULL;
	err = 0;
out:
	free(got.data);
	close(fd);
	return err;
}

static int unpack(const char *name, enum pvm_format format, const uint8_t *data, size_t bytes,
		  size_t hint, uint64_t limit, struct pvm_blob *b)
{
	const char *fmt = pvm_format_name(format);
	struct pvm_blob got = { .owned = true };
	int err = pvm_decompress(format, data, bytes, hint, limit, &got.data, &got.bytes);

	switch (err) {
	case 0:
		*b = got;
		return 0;
	case -ENODATA:
		return pvm_fail(-ENOEXEC, "cannot unpack kernel %s: its %s data ends too early, the file is truncated",
				name, fmt);
	case -EILSEQ:
		return pvm_fail(-ENOEXEC, "cannot unpack kernel %s: its %s data is corrupt", name,
				fmt);
	case -EFBIG:
		return pvm_fail(err, "cannot unpack kernel %s: it unpacks to more than %llu MiB; give the guest more memory if it is genuine",
				name, (unsigned long long)limit >> 20);
	case -EOPNOTSUPP:
		return pvm_fail(err, "cannot unpack kernel %s: %s compression is not supported; use a kernel packed with gzip, bzip2, lzma, xz, lz4 or zstd",
				name, fmt);
	default:
		return pvm_fail(err, "cannot unpack kernel %s: %s", name, pvm_strerror(err));
	}
}

/* ---- bzImage ----------------------------------------------------------------------------- */

static bool is_bzimage(const struct pvm_blob *b)
{
	return b->bytes >= BZ_HEADER_BYTES && !memcmp(b->data + BZ_MAGIC, "HdrS", 4);
}

static void read_banner(const struct pvm_blob *b, char *banner, size_t size)
{
	size_t at = 0x200 + le16(b->data + BZ_KERNEL_VERSION);

	if (at == 0x200 || at >= b->bytes)
		return;
	snprintf(banner, size, "%.*s",
		 (int)strnlen((const char *)b->data + at,
			      b->bytes - at < size - 1 ? b->bytes - at : size - 1),
		 (const char *)b->data + at);
}

/* Replace a bzImage by what it carries. */
static int open_bzimage(const char *name, uint64_t limit, struct pvm_kernel *k)
{
	const struct pvm_blob *b = &k->blob;
	uint64_t sects = b->data[BZ_SETUP_SECTS] ? b->data[BZ_SETUP_SECTS] : 4;
	uint64_t at = 512 * (sects + 1) + le32(b->data + BZ_PAYLOAD_OFFSET);
	uint64_t bytes = le32(b->data + BZ_PAYLOAD_LENGTH);
	enum pvm_format format;
	struct pvm_blob elf;
	size_t hint = 0;
	int err;

	snprintf(k->info.format, sizeof(k->info.format), "bzImage");
	if (le16(b->data + BZ_VERSION) < 0x208)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: its boot protocol %u.%02u is too old, 2.08 is the least",
				name, b->data[BZ_VERSION + 1], b->data[BZ_VERSION]);
	if (at + bytes > b->bytes)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: it has %zu bytes where its header promises %llu, the file is truncated",
				name, b->bytes, (unsigned long long)(at + bytes));
	read_banner(b, k->info.banner, sizeof(k->info.banner));
	format = pvm_format_detect(b->data + at, bytes);
	if (format == PVM_FORMAT_UNKNOWN)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: its payload is in no known compression format",
				name);
	snprintf(k->info.compression, sizeof(k->info.compression), "%s", pvm_format_name(format));
	if (bytes > 4)
		hint = le32(b->data + at + bytes - 4);
	err = unpack(name, format, b->data + at, bytes, hint, limit, &elf);
	if (err)
		return err;
	blob_free(&k->blob);
	k->blob = elf;
	return 0;
}

/* ---- ELF --------------------------------------------------------------------------------- */

struct notes {
	uint64_t bytes;			/* looked at so far */
	bool any;			/* a Xen note was seen */
	bool entry;
	bool pv;			/* one that only PV kernels have a use for */
	bool pvh;			/* PHYS32_ENTRY */
	bool virt_base;
	bool paddr_offset;
	char version[16];
	char loader[16];
};

static uint64_t note_number(const uint8_t *desc, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes && i < sizeof(v); i++)
		v |= (uint64_t)desc[i] << 8 * i;
	return v;
}

static void note_text(const uint8_t *desc, size_t bytes, char *dst, size_t size)
{
	snprintf(dst, size, "%.*s", (int)strnlen((const char *)desc, bytes), (const char *)desc);
}

static void read_note(uint32_t type, const uint8_t *desc, size_t bytes, struct pvm_kernel *k,
		      struct notes *n)
{
	struct pvm_image *img = &k->image;
	uint64_t number = note_number(desc, bytes);

	n->any = true;
	switch (type) {
	case XEN_ELFNOTE_ENTRY:
		img->entry = number;
		n->entry = true;
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		img->hypercall_page = number;
		img->has_hypercall_page = true;
		n->pv = true;
		break;
	case XEN_ELFNOTE_VIRT_BASE:
		img->virt_base = number;
		n->virt_base = true;
		n->pv = true;
		break;
	case XEN_ELFNOTE_PADDR_OFFSET:
		img->paddr_offset = number;
		n->paddr_offset = true;
		break;
	case XEN_ELFNOTE_XEN_VERSION:
		note_text(desc, bytes, n->version, sizeof(n->version));
		n->pv = true;
		break;
	case XEN_ELFNOTE_GUEST_OS:
		note_text(desc, bytes, k->info.guest_os, sizeof(k->info.guest_os));
		break;
	case XEN_ELFNOTE_LOADER:
		note_text(desc, bytes, n->loader, sizeof(n->loader));
		break;
	case XEN_ELFNOTE_INIT_P2M:
		img->init_p2m = number;
		img->has_init_p2m = true;
		break;
	case XEN_ELFNOTE_MOD_START_PFN:
		img->has_mod_start_pfn = number & 1;
		break;
	case XEN_ELFNOTE_PHYS32_ENTRY:
		n->pvh = true;
		break;
	default:
		break;
	}
}

/* Notes are {u32 namesz, descsz, type; name, desc} with both padded to 4 bytes. */
static int read_notes(const char *name, uint64_t at, uint64_t bytes, struct pvm_kernel *k,
		      struct notes *n)
{
	const struct pvm_blob *b = &k->blob;

	if (at > b->bytes || bytes > b->bytes - at)
		return 0;
	if (bytes > NOTES_LIMIT - n->bytes)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: it has more than %u MiB of ELF notes, the file is corrupt",
				name, NOTES_LIMIT >> 20);
	n->bytes += bytes;
	while (bytes >= 12) {
		const uint8_t *p = b->data + at;
		uint64_t namesz = ((uint64_t)le32(p) + 3) & ~3ull;
		uint64_t descsz = ((uint64_t)le32(p + 4) + 3) & ~3ull;

		if (namesz + descsz > bytes - 12) {
			/* The last one may lack its padding. */
			if (namesz + le32(p + 4) > bytes - 12)
				return 0;
			descsz = bytes - 12 - namesz;
		}
		if (le32(p) == 4 && !memcmp(p + 12, "Xen", 4))
			read_note(le32(p + 8), p + 12 + namesz, le32(p + 4), k, n);
		at += 12 + namesz + descsz;
		bytes -= 12 + namesz + descsz;
	}
	return 0;
}

static int check_notes(const char *name, const struct pvm_kernel *k, const struct notes *n)
{
	if (!n->any)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it was built without Xen PV support (CONFIG_XEN_PV); use one that has it, as every Debian amd64 kernel does",
				name);
	if (!n->entry && (n->pvh || !n->pv))
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it supports Xen PVH but not Xen PV (CONFIG_XEN_PV); use one that does, as every Debian amd64 kernel does",
				name);
	if (n->version[0] && strcmp(n->version, "xen-3.0"))
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it wants the interface '%s', only xen-3.0 exists",
				name, n->version);
	if (n->loader[0] && strcmp(n->loader, "generic"))
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it wants the loader '%s', only 'generic' exists",
				name, n->loader);
	if (n->paddr_offset && !n->virt_base && k->image.paddr_offset)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it has a PADDR_OFFSET note without a VIRT_BASE note",
				name);
	return 0;
}

static int add_segment(const char *name, struct pvm_kernel *k, const GElf_Phdr *ph, size_t index)
{
	struct pvm_image *img = &k->image;

	if (ph->p_filesz > k->blob.bytes || ph->p_offset > k->blob.bytes - ph->p_filesz)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: segment %zu lies beyond the end of the file, which is truncated",
				name, index);
	if (!ph->p_memsz)
		return 0;
	if (ph->p_filesz > ph->p_memsz)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: segment %zu is larger in the file than in memory",
				name, index);
	if (img->nr_segs == PVM_IMAGE_SEGMENTS)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: it has more than %u segments", name,
				PVM_IMAGE_SEGMENTS);
	img->seg[img->nr_segs++] = (struct pvm_segment){
		.data = k->blob.data + ph->p_offset,
		.file_bytes = ph->p_filesz,
		.mem_bytes = ph->p_memsz,
		.paddr = ph->p_paddr,
	};
	return 0;
}

static int check_ident(const char *name, const uint8_t *id, const GElf_Ehdr *eh)
{
	if (id[EI_CLASS] == ELFCLASS32)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it is a 32-bit kernel, only 64-bit x86 kernels can be guests",
				name);
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it is no little-endian 64-bit ELF",
				name);
	if (!eh)
		return 0;
	if (eh->e_machine != EM_X86_64)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it is for another machine (ELF machine %u), only x86-64 kernels can be guests",
				name, eh->e_machine);
	if (eh->e_type != ET_EXEC)
		return pvm_fail(-ENOEXEC, "cannot boot kernel %s: it is an ELF file but no executable (type %u)",
				name, eh->e_type);
	return 0;
}

static int walk_elf(const char *name, Elf *elf, struct pvm_kernel *k)
{
	struct notes n = { 0 };
	size_t nr, shstr;
	GElf_Ehdr eh;
	int err;

	if (!gelf_getehdr(elf, &eh))
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: its ELF header is unreadable, the file is truncated or corrupt",
				name);
	err = check_ident(name, k->blob.data, &eh);
	if (err)
		return err;
	if (elf_getphdrnum(elf, &nr) || !nr || nr > 0xffff ||
	    eh.e_phoff > k->blob.bytes || nr * sizeof(Elf64_Phdr) > k->blob.bytes - eh.e_phoff)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: its program headers are unreadable, the file is truncated or corrupt",
				name);
	k->image.entry = eh.e_entry;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return pvm_fail(-ENOEXEC, "cannot load kernel %s: program header %zu is unreadable",
					name, i);
		if (ph.p_type == PT_NOTE)
			err = read_notes(name, ph.p_offset, ph.p_filesz, k, &n);
		else if (ph.p_type == PT_LOAD)
			err = add_segment(name, k, &ph, i);
		if (err)
			return err;
	}
	/* Small kernels keep their notes in a section without a segment for them. */
	if (!n.any && !elf_getshdrnum(elf, &shstr) && shstr) {
		Elf_Scn *scn = NULL;
		GElf_Shdr sh;

		while ((scn = elf_nextscn(elf, scn))) {
			if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_NOTE)
				err = read_notes(name, sh.sh_offset, sh.sh_size, k, &n);
			if (err)
				return err;
		}
	}
	return check_notes(name, k, &n);
}

static int open_elf(const char *name, struct pvm_kernel *k)
{
	Elf *elf;
	int err;

	if (k->blob.bytes < sizeof(Elf64_Ehdr))
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: the ELF file is truncated", name);
	err = check_ident(name, k->blob.data, NULL);
	if (err)
		return err;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return pvm_fail(-EOPNOTSUPP, "cannot read ELF files: libelf is of another version");
	elf = elf_memory((char *)k->blob.data, k->blob.bytes);
	if (!elf)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: %s", name, elf_errmsg(-1));
	err = walk_elf(name, elf, k);
	elf_end(elf);
	return err;
}

static bool is_elf(const struct pvm_blob *b)
{
	return b->bytes >= EI_NIDENT && !memcmp(b->data, ELFMAG, SELFMAG);
}

/* ---- what vm.c calls --------------------------------------------------------------------- */

static int open_payload(const char *name, uint64_t limit, struct pvm_kernel *k)
{
	enum pvm_format format = pvm_format_detect(k->blob.data, k->blob.bytes);
	struct pvm_blob elf;
	int err;

	if (!k->blob.bytes)
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: the file is empty", name);
	snprintf(k->info.format, sizeof(k->info.format), "ELF");
	snprintf(k->info.compression, sizeof(k->info.compression), "none");
	if (is_bzimage(&k->blob)) {
		err = open_bzimage(name, limit, k);
		if (err)
			return err;
	} else if (!is_elf(&k->blob) && format == PVM_FORMAT_GZIP) {
		snprintf(k->info.compression, sizeof(k->info.compression), "gzip");
		err = unpack(name, format, k->blob.data, k->blob.bytes, 0, limit, &elf);
		if (err)
			return err;
		blob_free(&k->blob);
		k->blob = elf;
	}
	if (!is_elf(&k->blob))
		return pvm_fail(-ENOEXEC, "cannot load kernel %s: it is neither a bzImage nor an ELF file, or truncated",
				name);
	return open_elf(name, k);
}

/* A file, or bytes of the caller's that must outlive @blob. */
int pvm_blob_open(const char *what, const char *path, const void *data, size_t bytes,
		  struct pvm_blob *blob)
{
	memset(blob, 0, sizeof(*blob));
	if (!path == !data)
		return pvm_fail(-EINVAL, "cannot load a %s: give either its path or its bytes",
				what);
	if (path)
		return blob_read(what, path, blob);
	/* Read-only from here on, whatever the pointer's type. */
	blob->data = (uint8_t *)data;
	blob->bytes = bytes;
	return 0;
}

void pvm_blob_close(struct pvm_blob *blob)
{
	blob_free(blob);
}

/* @limit_bytes: most bytes the kernel may unpack to. */
int pvm_kernel_open(const struct pvm_load_opts *opts, uint64_t limit_bytes, struct pvm_kernel *k)
{
	const char *name = opts->kernel_path ? opts->kernel_path : "image";
	int err;

	memset(k, 0, sizeof(*k));
	k->info.sz = sizeof(k->info);
	err = pvm_blob_open("kernel", opts->kernel_path, opts->kernel_data, opts->kernel_bytes,
			    &k->blob);
	if (err)
		return err;
	err = open_payload(name, limit_bytes, k);
	if (err) {
		pvm_kernel_close(k);
		return err;
	}
	k->info.entry = k->image.entry;
	k->info.virt_base = k->image.virt_base;
	return 0;
}

void pvm_kernel_close(struct pvm_kernel *k)
{
	blob_free(&k->blob);
}

/* Size of the initrd, 0 = none. @fd: -1 if it is in memory. */
int pvm_initrd_open(const struct pvm_load_opts *opts, int *fd, uint64_t *bytes)
{
	struct stat st;
	int err, f;

	if (opts->initrd_path && opts->initrd_data)
		return pvm_fail(-EINVAL, "cannot load an initrd: give either its path or its bytes");
	if (!opts->initrd_path) {
		*fd = -1;
		*bytes = opts->initrd_data ? opts->initrd_bytes : 0;
		return 0;
	}
	f = open(opts->initrd_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f < 0 || fstat(f, &st) < 0) {
		err = -errno;
		pvm_fail(err, "cannot open initrd %s: %s", opts->initrd_path, pvm_strerror(err));
		goto err_close;
	}
	if (!S_ISREG(st.st_mode)) {
		err = pvm_fail(-EINVAL, "cannot use initrd %s: it is not a regular file",
			       opts->initrd_path);
		goto err_close;
	}
	*fd = f;
	*bytes = (uint64_t)st.st_size;
	return 0;

err_close:
	if (f >= 0)
		close(f);
	return err;
}

/* Not through a mapping of the file: it may shrink while we read. */
int pvm_initrd_read(const struct pvm_load_opts *opts, int fd, uint8_t *dst, uint64_t bytes)
{
	uint64_t done = 0;

	if (fd < 0) {
		if (bytes)
			memcpy(dst, opts->initrd_data, bytes);
		return 0;
	}
	while (done < bytes) {
		ssize_t n = read(fd, dst + done, bytes - done);
		int err = -errno;

		if (n < 0 && err == -EINTR)
			continue;
		if (n < 0)
			return pvm_fail(err, "cannot read initrd %s: %s", opts->initrd_path,
					pvm_strerror(err));
		if (!n)
			return pvm_fail(-EIO, "cannot read initrd %s: it became shorter meanwhile",
					opts->initrd_path);
		done += (uint64_t)n;
	}
	return 0;
}
