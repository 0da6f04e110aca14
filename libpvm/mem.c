// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guest memory: two mappings of this process that the driver's memory slots point at.
 *
 *	frames 0 .. nr_pages-1				RAM (slot 0)
 *	frames special_gfn .. + PVM_SPECIAL_PAGES-1	shared info, grant table (slot 1)
 *
 * The special frames lie above all RAM, because guests must not take them for memory. Ordinary
 * memory all the same: nothing is reserved or touched here, it comes as the guest uses it. Core
 * dumps leave it out (it is the guest's data), and so do children of fork (the driver would have to
 * follow copy-on-write in a process that has no use for it).
 */
#include <errno.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib.h"

#define HUGE_BYTES	(2ull << 20)

static int check_size(uint64_t bytes, uint32_t flags)
{
	uint64_t unit = flags & PVM_VM_MEM_HUGETLB ? HUGE_BYTES : PVM_PAGE_BYTES;
	struct sysinfo si;

	if (bytes < PVM_MIN_MEMORY_BYTES)
		return pvm_fail(-EINVAL, "cannot make a guest with %llu bytes of memory: at least %llu MiB are needed, and a Debian kernel wants 128 MiB",
				(unsigned long long)bytes, PVM_MIN_MEMORY_BYTES >> 20);
	if (bytes % unit)
		return pvm_fail(-EINVAL, "cannot make a guest with %llu bytes of memory: it must be a multiple of %llu KiB",
				(unsigned long long)bytes, (unsigned long long)unit >> 10);
	if (!sysinfo(&si) && bytes / si.mem_unit > si.totalram)
		return pvm_fail(-ENOMEM, "cannot make a guest with %llu MiB of memory: this host has only %llu MiB",
				(unsigned long long)bytes >> 20,
				(unsigned long long)si.totalram * si.mem_unit >> 20);
	return 0;
}

static int map_ram(struct pvm_mem *mem, uint64_t bytes, uint32_t flags, const char *name)
{
	bool file = flags & (PVM_VM_MEM_MEMFD | PVM_VM_MEM_HUGETLB);
	int mode = MAP_NORESERVE | (file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
	void *p;
	int err;

	if (file) {
		mem->memfd = memfd_create(name, MFD_CLOEXEC | (flags & PVM_VM_MEM_HUGETLB ?
							       MFD_HUGETLB | MFD_HUGE_2MB : 0));
		if (mem->memfd < 0 || ftruncate(mem->memfd, (off_t)bytes) < 0) {
			err = -errno;
			return pvm_fail(err, "cannot make a memory file of %llu MiB: %s%s",
					(unsigned long long)bytes >> 20, pvm_strerror(err),
					flags & PVM_VM_MEM_HUGETLB ?
					"; are 2 MiB huge pages enabled (vm.nr_hugepages)?" : "");
		}
		/* Without reservation a lack of huge pages would be a SIGBUS in mid-run. */
		if (flags & PVM_VM_MEM_HUGETLB)
			mode &= ~MAP_NORESERVE;
	}
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, mode, mem->memfd, 0);
	if (p == MAP_FAILED) {
		err = -errno;
		return pvm_fail(err, "cannot get %llu MiB of memory for the guest: %s%s",
				(unsigned long long)bytes >> 20, pvm_strerror(err),
				flags & PVM_VM_MEM_HUGETLB ?
				"; are there enough free huge pages (vm.nr_hugepages)?" : "");
	}
	mem->ram = p;
	mem->nr_pages = bytes / PVM_PAGE_BYTES;
	madvise(p, bytes, MADV_DONTDUMP);
	madvise(p, bytes, MADV_DONTFORK);
	if (flags & PVM_VM_MEM_MERGEABLE)
		madvise(p, bytes, MADV_MERGEABLE);	/* advice: a host without KSM is fine */
	return 0;
}

int pvm_mem_init(struct pvm_mem *mem, uint64_t bytes, uint32_t flags, const char *name)
{
	int err;
	void *p;

	memset(mem, 0, sizeof(*mem));
	mem->memfd = -1;
	err = check_size(bytes, flags);
	if (err)
		return err;
	err = map_ram(mem, bytes, flags, name);
	if (err)
		goto err_fini;
	p = mmap(NULL, PVM_SPECIAL_PAGES * PVM_PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		err = pvm_fail(-ENOMEM, "cannot get memory for the grant table");
		goto err_fini;
	}
	madvise(p, PVM_SPECIAL_PAGES * PVM_PAGE_BYTES, MADV_DONTFORK);
	mem->special = p;
	mem->special_gfn = (mem->nr_pages + PVM_SPECIAL_ALIGN - 1) / PVM_SPECIAL_ALIGN *
			   PVM_SPECIAL_ALIGN;
	if (mem->special_gfn == mem->nr_pages)		/* above max_pages, not at it */
		mem->special_gfn += PVM_SPECIAL_ALIGN;
	return 0;

err_fini:
	pvm_mem_fini(mem);
	return err;
}

void pvm_mem_fini(struct pvm_mem *mem)
{
	if (mem->ram)
		munmap(mem->ram, mem->nr_pages * PVM_PAGE_BYTES);
	if (mem->special)
		munmap(mem->special, PVM_SPECIAL_PAGES * PVM_PAGE_BYTES);
	if (mem->memfd >= 0)
		close(mem->memfd);
	memset(mem, 0, sizeof(*mem));
	mem->memfd = -1;
}

/* RAM only: NULL for anything else. */
void *pvm_mem_gfn(const struct pvm_mem *mem, uint64_t gfn)
{
	return gfn < mem->nr_pages ? mem->ram + gfn * PVM_PAGE_BYTES : NULL;
}

/*
 * Free the memory of frames the guest has given back; they read as zero when it takes them again. RAM only: the special
 * frames are shared with the driver. Failure (huge pages, locked memory) means that the memory stays, which is allowed.
 */
void pvm_mem_release(struct pvm_mem *mem, uint64_t gfn, uint64_t nr_pages)
{
	if (gfn >= mem->nr_pages)
		return;
	if (nr_pages > mem->nr_pages - gfn)
		nr_pages = mem->nr_pages - gfn;
	madvise(mem->ram + gfn * PVM_PAGE_BYTES, nr_pages * PVM_PAGE_BYTES,
		mem->memfd >= 0 ? MADV_REMOVE : MADV_DONTNEED);
}
