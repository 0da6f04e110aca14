/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lifecycle events of the driver over generic netlink. All of libnl is behind this header.
 */
#ifndef PVMCTL_EVENTS_H
#define PVMCTL_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct event {
	uint32_t event;		/* PVM_EVENT_*, may be newer than this program */
	uint64_t seq;
	uint64_t time_ns;
	bool is_part;		/* of a partition; then id and name are its */
	uint32_t id;
	char name[64];
	bool has_code;
	uint32_t code;
	char reason[256];	/* "" = absent */
};

struct event_source;

/**
 * events_open() - join the multicast group
 * @names: do names of guests come with the events? Else, without privilege, only ids do
 *
 * Return: 0; -ENOENT: the family is not there (no driver); another -errno.
 */
int events_open(struct event_source **src, bool *names);

/** events_fd() - readable when events_read() has something */
int events_fd(const struct event_source *src);

/**
 * events_read() - hand out what has arrived
 * @fn: called per event
 *
 * Return: 0; -ENOBUFS: the kernel dropped messages because we were slow, go on; another -errno.
 */
int events_read(struct event_source *src, void (*fn)(void *arg, const struct event *ev), void *arg);

void events_close(struct event_source *src);

#endif
