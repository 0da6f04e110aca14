// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is a PCI device in use by this host? (part_inuse.h)
 *
 * Everything that hangs off the device is below its directory in /sys: disks and partitions with
 * subsystem "block", network interfaces with "net". A disk is in use when it is mounted, swapped
 * to, or held by another block device (LVM, RAID, encryption, loop); an interface when it is up.
 * Root of both trees: $PVMCTL_SYSROOT, for the tests; "" otherwise.
 *
 * This is a courtesy, not a lock: what begins to be used after the look is for the driver.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "part_inuse.h"

#define DEPTH 12	/* directories below a device: host/target/lun/block/sda/sda1 is 7 */

static const char *root(void)
{
	const char *r = secure_getenv("PVMCTL_SYSROOT");

	return r ? r : "";
}

static bool read_line(const char *path, char *line, size_t len)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, (int)len, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = 0;
	return ok;
}

/* Last component of the link "subsystem" in @dir; "" if there is none. */
static void subsystem(const char *dir, char *name, size_t len)
{
	char link[4096], to[4096], *slash;
	ssize_t n;

	*name = 0;
	snprintf(link, sizeof(link), "%.4000s/subsystem", dir);
	n = readlink(link, to, sizeof(to) - 1);
	if (n <= 0)
		return;
	to[n] = 0;
	slash = strrchr(to, '/');
	snprintf(name, len, "%.60s", slash ? slash + 1 : to);
}

/* Mount points are found by device number; file systems with several disks by name. */
static bool is_mounted(const char *name, const char *dev, char *where, size_t len)
{
	char path[4096], node[300], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%.3000s/proc/self/mountinfo", root());
	snprintf(node, sizeof(node), "/dev/%s", name);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0) {
		char number[32], point[1024], source[1024], *dash = strstr(line, " - ");

		if (sscanf(line, "%*s %*s %31s %*s %1023s", number, point) != 2)
			continue;
		if (!dash || sscanf(dash, " - %*s %1023s", source) != 1)
			*source = 0;
		found = !strcmp(number, dev) || !strcmp(source, node);
		if (found)
			snprintf(where, len, "%.200s", point);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool is_swap(const char *name)
{
	char path[4096], node[300], *line = NULL;
	size_t room = 0, n;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%.3000s/proc/swaps", root());
	n = (size_t)snprintf(node, sizeof(node), "/dev/%s", name);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &room, f) > 0)
		found = !strncmp(line, node, n) && (line[n] == ' ' || line[n] == '\t');
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* The first one that stands on this block device, or "". */
static void holder(const char *dir, char *name, size_t len)
{
	char path[4096];
	struct dirent *e;
	DIR *d;

	*name = 0;
	snprintf(path, sizeof(path), "%.4000s/holders", dir);
	d = opendir(path);
	while (d && !*name && (e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(name, len, "%.60s", e->d_name);
	if (d)
		closedir(d);
}

static bool block_in_use(const char *dir, const char *name, char *why, size_t len)
{
	char path[4096], dev[32], text[256];

	snprintf(path, sizeof(path), "%.4000s/dev", dir);
	if (!read_line(path, dev, sizeof(dev)))
		return false;
	if (is_mounted(name, dev, text, sizeof(text))) {
		snprintf(why, len, "%s is mounted on %s; unmount it first", name, text);
		return true;
	}
	if (is_swap(name)) {
		snprintf(why, len, "the host swaps to %s; 'swapoff /dev/%s' first", name, name);
		return true;
	}
	holder(dir, text, sizeof(text));
	if (*text)
		snprintf(why, len, "%s is part of %s; take it out of there first", name, text);
	return *text;
}

static bool net_in_use(const char *dir, const char *name, char *why, size_t len)
{
	char path[4096], text[32];

	snprintf(path, sizeof(path), "%.4000s/flags", dir);
	if (!read_line(path, text, sizeof(text)) || !(strtoul(text, NULL, 0) & 1))
		return false;
	snprintf(why, len, "interface %s is up; 'ip link set %s down' first", name, name);
	return true;
}

static bool look(const char *dir, int depth, char *why, size_t len);

/*
 * A disk of a controller that could be one of several (NVMe multipath) is two: a hidden one below
 * the device, nvme0c1n1, and the one that is used, nvme0n1, elsewhere.
 */
static bool multipath_in_use(const char *name, int depth, char *why, size_t len)
{
	char dir[4096], head[64];
	unsigned int subsystem, controller, space;
	int used = 0;

	if (sscanf(name, "nvme%uc%un%u%n", &subsystem, &controller, &space, &used) != 3 || name[used])
		return false;
	snprintf(head, sizeof(head), "nvme%un%u", subsystem, space);
	snprintf(dir, sizeof(dir), "%.3000s/sys/class/block/%s", root(), head);
	return block_in_use(dir, head, why, len) || (depth && look(dir, depth - 1, why, len));
}

static bool look(const char *dir, int depth, char *why, size_t len)
{
	struct dirent *e;
	bool found = false;
	DIR *d = opendir(dir);

	while (d && !found && (e = readdir(d))) {
		char below[4096], kind[64];

		if (e->d_name[0] == '.' || e->d_type != DT_DIR)
			continue;
		snprintf(below, sizeof(below), "%.3000s/%s", dir, e->d_name);
		subsystem(below, kind, sizeof(kind));
		if (!strcmp(kind, "block"))
			found = block_in_use(below, e->d_name, why, len) ||
				multipath_in_use(e->d_name, depth, why, len);
		else if (!strcmp(kind, "net"))
			found = net_in_use(below, e->d_name, why, len);
		if (!found && depth)
			found = look(below, depth - 1, why, len);
	}
	if (d)
		closedir(d);
	return found;
}

enum inuse pci_inuse(uint32_t bdf, char *why, size_t len)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%.3000s/sys/bus/pci/devices/0000:%02x:%02x.%x", root(),
		 bdf >> 8 & 255, bdf >> 3 & 31, bdf & 7);
	if (access(dir, F_OK))
		return INUSE_ABSENT;
	/* The directory is a link; its target is what has the device's children. */
	return look(dir, DEPTH, why, len) ? INUSE_YES : INUSE_NO;
}
