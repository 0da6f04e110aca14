// SPDX-License-Identifier: GPL-2.0-only
/*
 * What people write on the command line of "partition create", to numbers (part_args.h). Pure.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opt.h"
#include "part_args.h"

#define MIB		(1ull << 20)
#define LEAST		(64 * MIB)
#define MAX_CPU		65535ull

static bool cpu_number(const char **s, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	*value = strtoull(*s, &end, 10);
	*s = end;
	return *value <= MAX_CPU;
}

bool part_cpus(const char *text, uint32_t cpus[PART_CPUS], uint32_t *nr, char *msg, size_t len)
{
	const char *s = text;
	uint64_t first, last;
	uint32_t n = 0, i;

	for (;;) {
		if (!cpu_number(&s, &first))
			goto bad;
		last = first;
		if (*s == '-') {
			s++;
			if (!cpu_number(&s, &last) || last < first)
				goto bad;
		}
		for (; first <= last; first++) {
			for (i = 0; i < n; i++) {
				if (cpus[i] == first) {
					snprintf(msg, len, "--cpus '%s' has CPU %u twice", text,
						 cpus[i]);
					return false;
				}
			}
			if (n == PART_CPUS) {
				snprintf(msg, len, "--cpus '%s' are more than the %d CPUs a partition can have",
					 text, PART_CPUS);
				return false;
			}
			cpus[n++] = (uint32_t)first;
		}
		if (!*s)
			break;
		if (*s++ != ',')
			goto bad;
	}
	*nr = n;
	return true;
bad:
	snprintf(msg, len, "--cpus '%s' is no list of CPUs; write numbers and ranges, like 2-3,8",
		 text);
	return false;
}

bool part_memory(const char *text, uint64_t *bytes, uint64_t *addr, char *msg, size_t len)
{
	const char *at = strchr(text, '@');
	char size[32], *end;
	uint64_t got, where = 0;

	if (at && (size_t)(at - text) >= sizeof(size))
		goto bad;
	snprintf(size, sizeof(size), "%.*s", at ? (int)(at - text) : (int)sizeof(size) - 1, text);
	if (opt_size(size, &got))
		goto bad;
	if (at && opt_size(at + 1, &where)) {
		where = strtoull(at + 1, &end, 16);
		if (strncmp(at + 1, "0x", 2) || !isxdigit((unsigned char)at[3]) || *end)
			goto bad;
	}
	if (got < LEAST) {
		snprintf(msg, len, "--memory '%s' is too little; a partition has at least 64M", text);
		return false;
	}
	if (got % (2 * MIB) || where % (2 * MIB)) {
		snprintf(msg, len, "--memory '%s': size and address must be multiples of 2M", text);
		return false;
	}
	*bytes = got;
	if (at)
		*addr = where;
	return true;
bad:
	snprintf(msg, len, "--memory '%s' is not SIZE or SIZE@ADDRESS; write 512M, or 512M@0x40000000",
		 text);
	return false;
}

bool part_bdf(const char *text, uint32_t *bdf, char *msg, size_t len)
{
	unsigned int segment = 0, bus, dev, fn;
	int used = -1;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &segment, &bus, &dev, &fn, &used) != 4) {
		segment = 0;
		used = -1;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &dev, &fn, &used) != 3)
			used = -1;
	}
	if (used < 0 || text[used] || !isxdigit((unsigned char)*text) || dev > 31 || fn > 7) {
		snprintf(msg, len, "--pci '%s' is no device; write it as lspci -D does, like 0000:00:05.0",
			 text);
		return false;
	}
	if (segment) {
		snprintf(msg, len, "--pci '%s': only devices of PCI segment 0000 can be handed over",
			 text);
		return false;
	}
	*bdf = bus << 8 | dev << 3 | fn;
	return true;
}

bool part_uart(const char *text, uint32_t *port, char *msg, size_t len)
{
	static const uint32_t ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	const char *number = strncmp(text, "ttyS", 4) ? text : text + 4;
	unsigned long value;
	char *end;
	int i;

	value = strtoul(number, &end, 0);
	if (isdigit((unsigned char)*number) && !*end) {
		for (i = 0; i < 4; i++) {
			if (value == (unsigned long)i || value == ports[i]) {
				*port = ports[i];
				return true;
			}
		}
	}
	snprintf(msg, len, "--serial '%s' is no UART; write 0 to 3, or its port: 0x3f8, 0x2f8, 0x3e8, 0x2e8",
		 text);
	return false;
}
