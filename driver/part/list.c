// SPDX-License-Identifier: GPL-2.0-only
/*
 * The partitions of this machine: names, numbers, claims on memory, and who has them open.
 *
 * parts_lock is taken inside part->lock, and nothing that takes long is done under it. A partition is in the list from
 * the claim on, before it has anything, to the end of the last mapping of its memory; others see it while published.
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "compat/compat.h"
#include "part/part.h"
#include "part/plan.h"

static DEFINE_MUTEX(parts_lock);	/* protects: the list, nr_parts, last_id; of each: what struct pvm_part says */
static LIST_HEAD(parts);
static u32 nr_parts, last_id;
static u64 onlining_addr, onlining_bytes;	/* parts_lock: what the host puts online now; one range at a time */
static bool host_is_down;		/* parts_lock: it reboots or ends, no partition is made any more */
static bool host_sleeps;		/* parts_lock: or is about to */

/* ---- claims ------------------------------------------------------------------------------------------------- */

/**
 * pvm_part_claim() - name and memory range: nobody else may have them
 * @p:		partition that is being made; gets its id
 * @why:	OUT: a sentence on an error
 *
 * Context: sleeps. Return: 0, -ENOSPC, -EEXIST, -EBUSY.
 */
int pvm_part_claim(struct pvm_part *p, struct pvm_why *why)
{
	struct pvm_part *o;
	int err = 0;

	mutex_lock(&parts_lock);
	if (host_is_down)
		err = pvm_why(why, -EBUSY, "the host is going down; it makes no more partitions");
	else if (host_sleeps)
		err = pvm_why(why, -EBUSY, "the host is going to sleep");
	else if (nr_parts >= PVM_PART_MAX)
		err = pvm_why(why, -ENOSPC, "there are %u partitions already", nr_parts);
	else if (p->claim_bytes && onlining_bytes &&
		 pvm_plan_overlap(p->claim_addr, p->claim_bytes, onlining_addr, onlining_bytes))
		err = pvm_why(why, -EBUSY, "the host is putting memory at %#llx online", onlining_addr);
	list_for_each_entry(o, &parts, link) {
		if (err)
			break;
		if (!strcmp(o->name, p->name) && !READ_ONCE(o->destroyed))	/* else its memory is still mapped */
			err = pvm_why(why, -EEXIST, "there is a partition %s already", p->name);
		else if (p->claim_bytes && o->claim_bytes &&
			 pvm_plan_overlap(p->claim_addr, p->claim_bytes, o->claim_addr, o->claim_bytes))
			err = pvm_why(why, -EBUSY, "the memory at %#llx belongs to partition %s", p->claim_addr,
				      o->name);
	}
	if (!err) {
		nr_parts++;
		p->id = ++last_id;
		list_add_tail(&p->link, &parts);
	}
	mutex_unlock(&parts_lock);
	return err;
}

/** pvm_part_unclaim() - they are free again; twice is fine. Context: sleeps. */
void pvm_part_unclaim(struct pvm_part *p)
{
	mutex_lock(&parts_lock);
	if (!list_empty(&p->link)) {
		list_del_init(&p->link);
		nr_parts--;
	}
	mutex_unlock(&parts_lock);
}

/** pvm_part_claim_memory() - the claim is what it has got now. Context: sleeps. */
void pvm_part_claim_memory(struct pvm_part *p)
{
	mutex_lock(&parts_lock);
	p->claim_addr = p->mem.addr;
	p->claim_bytes = p->mem.bytes;
	mutex_unlock(&parts_lock);
}

/**
 * pvm_part_memory_going_online() - the host begins to put memory online
 * @addr:	the range
 * @bytes:	likewise
 *
 * Between here and the end the memory is offline still: without a note a partition could claim it meanwhile. The kernel
 * does this under its lock of memory hotplug, hence one range.
 * Context: sleeps. Return: may it: none of it is a partition's. Then pvm_part_memory_settled() follows.
 */
bool pvm_part_memory_going_online(u64 addr, u64 bytes)
{
	bool may = true;
	struct pvm_part *p;

	mutex_lock(&parts_lock);
	list_for_each_entry(p, &parts, link)
		if (p->claim_bytes && pvm_plan_overlap(p->claim_addr, p->claim_bytes, addr, bytes))
			may = false;
	onlining_addr = addr;
	onlining_bytes = may ? bytes : 0;
	mutex_unlock(&parts_lock);
	return may;
}

/** pvm_part_memory_settled() - it is online, or stays offline; twice is fine. Context: sleeps. */
void pvm_part_memory_settled(void)
{
	mutex_lock(&parts_lock);
	onlining_bytes = 0;
	mutex_unlock(&parts_lock);
}

/* ---- seen or not -------------------------------------------------------------------------------------------- */

/** pvm_part_show() - others find it from now on. Context: sleeps. */
void pvm_part_show(struct pvm_part *p)
{
	mutex_lock(&parts_lock);
	p->published = true;
	mutex_unlock(&parts_lock);
}

/** pvm_part_hide() - and from now on they do not. Context: sleeps. */
void pvm_part_hide(struct pvm_part *p)
{
	mutex_lock(&parts_lock);
	p->published = false;
	mutex_unlock(&parts_lock);
}

/**
 * pvm_part_close_file() - a descriptor less
 * @p: partition
 *
 * Context: sleeps, holds part->lock. Return: was it the last one of a partition that nobody keeps? Then it is hidden.
 */
bool pvm_part_close_file(struct pvm_part *p)
{
	bool last;

	lockdep_assert_held(&p->lock);
	mutex_lock(&parts_lock);
	last = !--p->nr_files && !p->kept && !p->destroyed;
	if (last)
		p->published = false;
	mutex_unlock(&parts_lock);
	return last;
}

/** pvm_part_find() - by name, with a file's reference; NULL. Context: sleeps. */
struct pvm_part *pvm_part_find(const char *name)
{
	struct pvm_part *p, *found = NULL;

	mutex_lock(&parts_lock);
	list_for_each_entry(p, &parts, link)
		if (p->published && !strcmp(p->name, name))
			found = p;
	if (found) {
		found->nr_files++;
		kref_get(&found->ref);
	}
	mutex_unlock(&parts_lock);
	return found;
}

/** pvm_part_entry() - its row; either lock is held, or it is not destroyed meanwhile. Context: any. */
void pvm_part_entry(struct pvm_part *p, struct pvm_partition_entry *e)
{
	u64 timeout = READ_ONCE(p->beat_timeout_ns);
	u32 i;

	*e = (struct pvm_partition_entry){
		.id = p->id,
		.state = READ_ONCE(p->state),
		.flags = p->flags,
		.stop_reason = READ_ONCE(p->stop_reason),
		.nr_cpus = p->nr_cpus,
		.nr_pci = p->nr_pci,
		.memory_addr = p->mem.addr,
		.memory_bytes = p->mem.bytes,
		.created_ns = p->created_ns,
		.started_ns = READ_ONCE(p->started_ns),
		.beat_age_ns = timeout ? ktime_get_ns() - READ_ONCE(p->beat_since_ns) : ~0ull,
	};
	strscpy(e->name, p->name, sizeof(e->name));
	for (i = 0; i < p->nr_cpus; i++)
		e->exits += READ_ONCE(p->cpus[i]->stat[PVM_PART_STAT_EXITS]);
}

/**
 * pvm_part_list() - all partitions
 * @rows:	room for @room of them
 * @room:	likewise
 * @count:	OUT: how many there are
 *
 * Context: sleeps. Return: 0 or -EMSGSIZE.
 */
int pvm_part_list(struct pvm_partition_entry *rows, u32 room, u32 *count)
{
	struct pvm_part *p;

	*count = 0;
	mutex_lock(&parts_lock);
	list_for_each_entry(p, &parts, link) {
		if (!p->published)
			continue;
		if (*count < room)
			pvm_part_entry(p, &rows[*count]);
		++*count;
	}
	mutex_unlock(&parts_lock);
	return *count > room ? -EMSGSIZE : 0;
}

/** pvm_part_no_more() - the host goes down: no claim is granted any more. Context: sleeps. */
void pvm_part_no_more(void)
{
	mutex_lock(&parts_lock);
	host_is_down = true;
	mutex_unlock(&parts_lock);
}

/** pvm_part_next_up() - one that the host's end has not reached yet, with a reference; NULL. Context: sleeps. */
struct pvm_part *pvm_part_next_up(void)
{
	struct pvm_part *p, *found = NULL;

	mutex_lock(&parts_lock);
	list_for_each_entry(p, &parts, link)
		if (!found && !p->host_down && kref_get_unless_zero(&p->ref))
			found = p;
	if (found)
		found->host_down = true;
	mutex_unlock(&parts_lock);
	return found;
}

/** pvm_part_host_sleeps() - may the host sleep: there is no partition, and none will be made. Context: sleeps. */
bool pvm_part_host_sleeps(void)
{
	bool may;

	mutex_lock(&parts_lock);
	may = list_empty(&parts);
	host_sleeps = may;
	mutex_unlock(&parts_lock);
	return may;
}

/** pvm_part_host_wakes() - it has slept, or will not. Context: sleeps. */
void pvm_part_host_wakes(void)
{
	mutex_lock(&parts_lock);
	host_sleeps = false;
	mutex_unlock(&parts_lock);
}
