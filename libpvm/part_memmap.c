// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The machine's memory as the firmware described it.
 *
 * A range that was kept from the host at boot (memmap=512M$1G) and one that the firmware reserved
 * look the same to the driver. The kernel keeps the firmware's own map in /sys/firmware/memmap, so
 * here they can be told apart before a partition overwrites tables of the firmware.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "part_memmap.h"

#define MAX_RANGES	256u

bool pvm_ranges_cover(const struct pvm_range *r, size_t nr, uint64_t addr, uint64_t bytes)
{
	uint64_t last = addr + bytes - 1;

	if (!bytes || last < addr)
		return false;
	/* Each round moves on behind a range that has the address, or ends. */
	for (size_t round = 0; round < nr; round++) {
		size_t i;

		for (i = 0; i < nr; i++)
			if (r[i].start <= addr && addr <= r[i].last)
				break;
		if (i == nr)
			return false;
		if (last <= r[i].last)
			return true;
		addr = r[i].last + 1;
	}
	return false;
}

static bool read_text(const char *dir, const char *entry, const char *file, char *text, size_t size)
{
	char path[512];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%.200s/%.100s/%s", dir, entry, file);
	f = fopen(path, "re");
	ok = f && fgets(text, (int)size, f);
	if (f)
		fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

static bool read_entry(const char *dir, const char *entry, struct pvm_range *r)
{
	char type[64], start[32], end[32];

	if (!read_text(dir, entry, "type", type, sizeof(type)) || strcmp(type, "System RAM") ||
	    !read_text(dir, entry, "start", start, sizeof(start)) ||
	    !read_text(dir, entry, "end", end, sizeof(end)))
		return false;
	r->start = strtoull(start, NULL, 16);
	r->last = strtoull(end, NULL, 16);
	return r->last >= r->start;
}

int pvm_memmap_check(const char *dir, uint64_t addr, uint64_t bytes)
{
	struct pvm_range ranges[MAX_RANGES];
	struct dirent *e;
	size_t nr = 0;
	DIR *d = opendir(dir);

	if (!d)
		return 0;		/* a kernel without CONFIG_FIRMWARE_MEMMAP: the driver decides */
	while (nr < MAX_RANGES && (e = readdir(d)))
		if (e->d_name[0] != '.' && read_entry(dir, e->d_name, &ranges[nr]))
			nr++;
	closedir(d);
	if (!nr || pvm_ranges_cover(ranges, nr, addr, bytes))
		return 0;
	return pvm_fail(-EINVAL, "cannot take %llu MiB of memory at %#llx: not all of it is memory, by the firmware's map (%s)",
			(unsigned long long)(bytes >> 20), (unsigned long long)addr, dir);
}
