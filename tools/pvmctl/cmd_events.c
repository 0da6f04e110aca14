// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl events: print lifecycle events as they happen, until interrupted.
 *
 * Netlink may drop what nobody reads in time. Every event has a number; a gap is reported, so that
 * a program that keeps a picture of the guests knows when to ask 'pvmctl list --json' again.
 *
 * Without privilege events come with ids alone. The driver's list, which shows a user his own
 * guests, has the names; what it does not know is somebody else's and is passed over.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <linux/pvm_genl.h>

#include "events.h"
#include "pvmctl.h"

static struct args {
	bool json;
	uint64_t count;
	const char *name;
} args;

static const struct opt opts[] = {
	{ "json", 'j', OPT_FLAG, offsetof(struct args, json), NULL,
	  "print one JSON object per event", 0, 0, NULL },
	{ "count", 'c', OPT_UINT, offsetof(struct args, count), "N", "end after N events", 1, 0,
	  NULL },
	{ 0 }
};

/* Names by id, for who gets ids only. */
struct names {
	struct pvm_ctx *ctx;	/* NULL: events bring their names */
	struct pvm_vm_info *row;
	size_t nr;
};

struct state {
	struct names names;
	uint64_t last_seq;
	uint64_t seen;
	bool done;
};

static const struct pvm_vm_info *find(const struct names *n, uint32_t id)
{
	size_t i;

	for (i = 0; i < n->nr; i++)
		if (n->row[i].id == id)
			return &n->row[i];
	return NULL;
}

/* Add the guests of the list that are not known yet; those that are gone are wanted for their last event. */
static void learn(struct names *n)
{
	struct pvm_vm_info *rows, *grown;
	size_t nr, i;

	if (pvm_ctx_list(n->ctx, &rows, &nr))
		return;
	if (!nr) {		/* and none known, maybe: of 0 bytes reallocarray() makes a free() */
		pvm_free(rows);
		return;
	}
	grown = reallocarray(n->row, n->nr + nr, sizeof(*grown));
	if (grown) {
		n->row = grown;
		for (i = 0; i < nr; i++)
			if (!find(n, rows[i].id))
				grown[n->nr++] = rows[i];
	}
	pvm_free(rows);
}

static void forget(struct names *n, uint32_t id)
{
	const struct pvm_vm_info *r = find(n, id);

	if (r)
		n->row[r - n->row] = n->row[--n->nr];
}

/* Fill in the name of a guest. Return: is the event one of this user's? */
static bool name_event(struct names *n, struct event *ev)
{
	const struct pvm_vm_info *r;

	if (!n->ctx || ev->is_part)
		return true;
	if (!find(n, ev->id) && ev->event == PVM_EVENT_VM_CREATED)
		learn(n);
	r = find(n, ev->id);
	if (!r)
		return false;
	snprintf(ev->name, sizeof(ev->name), "%s", r->name);
	if (ev->event == PVM_EVENT_VM_DESTROYED)
		forget(n, ev->id);
	return true;
}

static const char *event_name(uint32_t event)
{
	static const char *const names[] = {
		[PVM_EVENT_VM_CREATED] = "created", [PVM_EVENT_VM_STARTED] = "started",
		[PVM_EVENT_VM_SHUTDOWN] = "shutdown", [PVM_EVENT_VM_DIED] = "died",
		[PVM_EVENT_VM_DESTROYED] = "destroyed",
		[PVM_EVENT_PART_CREATED] = "created", [PVM_EVENT_PART_STARTED] = "started",
		[PVM_EVENT_PART_STOPPED] = "stopped", [PVM_EVENT_PART_SILENT] = "silent",
		[PVM_EVENT_PART_BEATING] = "beating", [PVM_EVENT_PART_DESTROYED] = "destroyed",
	};

	if (event < sizeof(names) / sizeof(names[0]) && names[event])
		return names[event];
	return "unknown";
}

static const char *code_name(const struct event *ev)
{
	if (ev->is_part)
		return pvm_part_stop_name(ev->code);
	return ev->event == PVM_EVENT_VM_DIED ? pvm_cause_name(ev->code)
					      : pvm_shutdown_name(ev->code);
}

static void print_lost(uint64_t lost)
{
	struct json j;

	if (!args.json) {
		msg("%" PRIu64 " events were lost", lost);
		return;
	}
	json_open(&j, stdout);
	json_str(&j, "event_name", "lost");
	json_u64(&j, "lost", lost);
	json_close(&j);
}

static void print_json(const struct event *ev)
{
	struct json j;

	json_open(&j, stdout);
	json_u64(&j, "event", ev->event);
	json_str(&j, "event_name", event_name(ev->event));
	json_u64(&j, "seq", ev->seq);
	json_u64(&j, "time_ns", ev->time_ns);
	json_u64(&j, ev->is_part ? "part_id" : "vm_id", ev->id);
	json_str(&j, ev->is_part ? "part_name" : "vm_name", ev->name);
	if (ev->has_code) {
		json_u64(&j, "code", ev->code);
		json_str(&j, "code_name", code_name(ev));
	}
	if (*ev->reason)
		json_str(&j, "reason", ev->reason);
	json_close(&j);
}

static void print_text(const struct event *ev)
{
	printf("%8" PRIu64 ".%06" PRIu64 "s  %-9s  %s%s", ev->time_ns / 1000000000,
	       ev->time_ns / 1000 % 1000000, event_name(ev->event),
	       ev->is_part ? "partition " : "", ev->name);
	if (ev->has_code)
		printf("  (%s)", code_name(ev));
	if (*ev->reason)
		printf("  %s", ev->reason);
	putchar('\n');
	fflush(stdout);
}

static void on_event(void *arg, const struct event *raw)
{
	struct event copy = *raw, *ev = &copy;
	struct state *s = arg;

	if (s->done)
		return;
	/* Events of other guests count for the sequence, too. A lower number: the driver is new. */
	if (s->last_seq && ev->seq > s->last_seq + 1)
		print_lost(ev->seq - s->last_seq - 1);
	s->last_seq = ev->seq;
	if (!name_event(&s->names, ev))
		return;
	if (args.name && strcmp(args.name, ev->name))
		return;
	if (args.json)
		print_json(ev);
	else
		print_text(ev);
	s->seen++;
	if (args.count && s->seen >= args.count)
		s->done = true;
}

static int follow(struct event_source *src, int sigfd, struct state *s)
{
	struct pollfd p[3] = {
		{ .fd = events_fd(src), .events = POLLIN }, { .fd = sigfd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* errors only: the reader of the pipe went away */
	};
	int err;

	while (!s->done) {
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "wait for events");
		if (p[1].revents || (p[2].revents & (POLLERR | POLLNVAL)))
			break;
		if (!p[0].revents)
			continue;
		err = events_read(src, on_event, s);
		if (err && err != -ENOBUFS)
			return msg_cannot(EXIT_FAILED, err, NULL, NULL, "read events");
		if (ferror(stdout))
			break;
	}
	return EXIT_OK;
}

/* Whose names do we know, if events do not bring them? */
static int prepare_names(struct names *n, bool brought)
{
	int code = brought ? EXIT_OK : driver_open(&n->ctx);

	if (!code && n->ctx)
		learn(n);
	return code;
}

static int cmd_events(int argc, char **argv)
{
	struct event_source *src;
	struct state s = { 0 };
	struct opt_rest rest;
	bool names;
	sigset_t set;
	int sigfd, err, code;

	if (!verb_parse(&verb_events, &args, argc, argv, &rest, &code))
		return code;
	args.name = rest.nr_operands ? rest.operands[0] : NULL;
	if (args.name && !guest_name_check(args.name))
		return EXIT_USAGE;
	/* Ending by Ctrl-C is the normal way out here and gives status 0. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (sigfd < 0)
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "listen for signals");
	err = events_open(&src, &names);
	if (err == -ENOENT) {
		code = msg_cannot(EXIT_NO_DRIVER, -ENODEV, "the pvm driver is not loaded",
				  "try 'modprobe pvm', or see 'pvmctl doctor'", "listen for events");
	} else if (err) {
		code = msg_cannot(err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED, err, NULL, NULL,
				  "listen for events");
	} else {
		code = prepare_names(&s.names, names);
		if (!code)
			code = follow(src, sigfd, &s);
		events_close(src);
		free(s.names.row);
		pvm_ctx_destroy(s.names.ctx);
	}
	close(sigfd);
	return out_finish(code);
}

const struct verb verb_events = {
	.name = "events", .operands = "[NAME]", .help = "Print guests and partitions come and go, live",
	.opts = opts, .max_operands = 1, .fn = cmd_events,
};
