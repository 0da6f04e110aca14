// SPDX-License-Identifier: GPL-2.0-only
/* ioctls of a VM descriptor: memory, platform, event channels. */
#include "abi.h"

static void set_with(const struct guest *g, const char *what, struct pvm_memory a, int want)
{
	expect_sub("SET_MEMORY", what, call(g->vm, PVM_VM_SET_MEMORY, &a), want);
}

static void memory(void)
{
	struct guest g = new_vm("memory");
	struct pvm_memory a = memory_arg(0, 0, RAM_PAGES, g.ram), b;

	bad_arguments("SET_MEMORY", g.vm, PVM_VM_SET_MEMORY, &a, PVM_MEMORY_SIZE_V0, false);
	b = a;
	b.reserved = 1;
	set_with(&g, "reserved", b, -EOPNOTSUPP);
	set_with(&g, "slot 32", memory_arg(PVM_MAX_SLOTS, 0, 1, g.ram), -EINVAL);
	set_with(&g, "slot 2^32-1", memory_arg(~0u, 0, 1, g.ram), -EINVAL);
	set_with(&g, "more than 2^28 pages", memory_arg(0, 0, (1ull << 28) + 1, g.ram), -EINVAL);
	set_with(&g, "2^64-1 pages", memory_arg(0, 0, ~0ull, g.ram), -EINVAL);
	set_with(&g, "frame number too large", memory_arg(0, 1ull << 40, 1, g.ram), -EINVAL);
	set_with(&g, "frame numbers wrap", memory_arg(0, ~0ull, 2, g.ram), -EINVAL);
	set_with(&g, "address not aligned", memory_arg(0, 0, 1, g.ram + 8), -EINVAL);
	set_with(&g, "address in the kernel", memory_arg(0, 0, 1, (void *)0xffff888000000000ul), -EINVAL);
	set_with(&g, "address not canonical", memory_arg(0, 0, 1, (void *)(1ul << 60)), -EINVAL);
	set_with(&g, "end beyond user memory", memory_arg(0, 0, 2, (void *)((1ul << 56) - 2 * PAGE)), -EINVAL);
	set_with(&g, "remove what is not there", memory_arg(0, 0, 0, NULL), -ENOENT);
	set_with(&g, "valid", a, 0);
	set_with(&g, "slot in use", memory_arg(0, 100000, 1, g.ram), -EEXIST);
	set_with(&g, "the same frames", memory_arg(1, 0, RAM_PAGES, g.ram), -EEXIST);
	set_with(&g, "frames overlap by the first", memory_arg(1, RAM_PAGES - 1, 2, g.ram), -EEXIST);
	set_with(&g, "frames touch", memory_arg(1, RAM_PAGES, 1, g.special), 0);
	set_with(&g, "remove", memory_arg(0, 0, 0, NULL), 0);
	set_with(&g, "remove again", memory_arg(0, 0, 0, NULL), -ENOENT);
	set_with(&g, "add again", a, 0);
	set_with(&g, "highest slot", memory_arg(PVM_MAX_SLOTS - 1, 100000, 1, g.special), 0);
	set_with(&g, "more than the machine has", memory_arg(5, 1 << 20, 1ull << 28, (void *)0x10000), -ENOMEM);
	end_guest(&g);
}

static void platform_with(const struct guest *g, const char *what, struct pvm_platform a, int want)
{
	expect_sub("SET_PLATFORM", what, call(g->vm, PVM_VM_SET_PLATFORM, &a), want);
}

#define PLATFORM_BUT(what, field, value, want) do {		\
	struct pvm_platform but = platform_arg();		\
								\
	but.field = value;					\
	platform_with(&g, what, but, want);			\
} while (0)

static void platform(void)
{
	struct guest g = new_vm("platform");
	struct pvm_platform a = platform_arg();
	struct pvm_create_vcpu v = { .size = sizeof(v) };
	struct pvm_evtchn_alloc e = { .size = sizeof(e) };

	platform_with(&g, "no memory", a, -EINVAL);
	give_memory(&g);
	expect("CREATE_VCPU without a platform", call(g.vm, PVM_VM_CREATE_VCPU, &v), -EBUSY);
	expect("EVTCHN_ALLOC without a platform", call(g.vm, PVM_VM_EVTCHN_ALLOC, &e), -EBUSY);
	bad_arguments("SET_PLATFORM", g.vm, PVM_VM_SET_PLATFORM, &a, PVM_PLATFORM_SIZE_V0, false);
	PLATFORM_BUT("reserved", reserved, 1, -EOPNOTSUPP);
	PLATFORM_BUT("no pages", nr_pages, 0, -EINVAL);
	PLATFORM_BUT("pages outside slots", nr_pages, RAM_PAGES + 1, -EINVAL);
	PLATFORM_BUT("2^64-1 pages", nr_pages, ~0ull, -EINVAL);
	PLATFORM_BUT("most pages below pages", max_pages, RAM_PAGES - 1, -EINVAL);
	PLATFORM_BUT("most pages 2^28+1", max_pages, (1ull << 28) + 1, -EINVAL);
	PLATFORM_BUT("most pages reach the shared info", max_pages, SPECIAL_GFN + 1, -EINVAL);
	PLATFORM_BUT("shared info in RAM", shared_info_gfn, 3, -EINVAL);
	PLATFORM_BUT("shared info outside slots", shared_info_gfn, SPECIAL_GFN + 100, -EINVAL);
	PLATFORM_BUT("shared info at 2^64-1", shared_info_gfn, ~0ull, -EINVAL);
	PLATFORM_BUT("grant table in RAM", grant_gfn, 3, -EINVAL);
	PLATFORM_BUT("grant table over the shared info", grant_gfn, SPECIAL_GFN, -EINVAL);
	PLATFORM_BUT("grant table leaves its slot", grant_gfn, SPECIAL_GFN + 2, -EINVAL);
	PLATFORM_BUT("grant table wraps", grant_gfn, ~0ull, -EINVAL);
	PLATFORM_BUT("65 grant frames", grant_frames, 65, -EINVAL);
	platform_with(&g, "valid", a, 0);
	platform_with(&g, "twice", a, -EBUSY);
	expect_true("the shared info page was filled", *(uint8_t *)(g.special + 1) == 1);
	end_guest(&g);
	g = new_vm("platform");
	give_memory(&g);
	PLATFORM_BUT("no grant table", grant_frames, 0, 0);
	end_guest(&g);
	g = new_vm("platform");
	give_memory(&g);
	munmap(g.special, PAGE);
	platform_with(&g, "shared info memory is gone", a, -EFAULT);
	end_guest(&g);
}

static void event_channels(void)
{
	struct guest g = new_guest("evtchn");
	struct pvm_evtchn_alloc al = { .size = sizeof(al) }, second = al;
	struct pvm_evtchn_bind b = { .size = sizeof(b), .send_fd = -1, .raise_fd = -1 };
	struct pvm_raise r = { .size = sizeof(r) };
	uint64_t *pending = (uint64_t *)(g.special + 2048), one = 1;
	int efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), n;

	bad_arguments("EVTCHN_ALLOC", g.vm, PVM_VM_EVTCHN_ALLOC, &al, PVM_EVTCHN_ALLOC_SIZE_V0, true);
	al.reserved = 1;
	expect("EVTCHN_ALLOC: reserved", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), -EOPNOTSUPP);
	al.reserved = 0;
	expect("EVTCHN_ALLOC", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), 0);
	expect_true("the port is 1..4095", al.port > 0 && al.port < PVM_NR_PORTS);

	b.port = al.port;
	bad_arguments("EVTCHN_BIND", g.vm, PVM_VM_EVTCHN_BIND, &b, PVM_EVTCHN_BIND_SIZE_V0, false);
	b.reserved = 1;
	expect("EVTCHN_BIND: reserved", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EOPNOTSUPP);
	b.reserved = 0;
	b.send_fd = -2;
	expect("EVTCHN_BIND: send_fd -2", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = 900;
	expect("EVTCHN_BIND: send_fd not open", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = g.dev;
	expect("EVTCHN_BIND: send_fd no eventfd", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.send_fd = efd;
	b.raise_fd = g.vm;
	expect("EVTCHN_BIND: raise_fd no eventfd", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EINVAL);
	b.raise_fd = efd;
	b.port = 0;
	expect("EVTCHN_BIND: port 0", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = PVM_NR_PORTS;
	expect("EVTCHN_BIND: port 4096", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = ~0u;
	expect("EVTCHN_BIND: port 2^32-1", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = 77;
	expect("EVTCHN_BIND: free port", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	b.port = al.port;
	b.flags = PVM_EVTCHN_UNBIND;
	expect("unbind before bind", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);

	r.port = al.port;
	bad_arguments("RAISE", g.vm, PVM_VM_RAISE, &r, PVM_RAISE_SIZE_V0, false);
	expect("RAISE: not bound", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	b.flags = 0;
	expect("EVTCHN_BIND", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	expect_true("binding sets the port pending", pending[al.port / 64] >> (al.port % 64) & 1);
	expect("EVTCHN_BIND: twice", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EEXIST);
	must("EVTCHN_ALLOC", call(g.vm, PVM_VM_EVTCHN_ALLOC, &second));
	b.port = second.port;
	expect("EVTCHN_BIND: raise_fd of another port", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -EBUSY);
	b.raise_fd = -1;
	expect("EVTCHN_BIND: the same send_fd", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	b.raise_fd = efd;
	b.port = al.port;
	pending[al.port / 64] = 0;
	expect("RAISE", call(g.vm, PVM_VM_RAISE, &r), 0);
	expect_true("the port is pending", pending[al.port / 64] >> (al.port % 64) & 1);
	pending[al.port / 64] = 0;
	must("write to eventfd", write(efd, &one, 8) == 8 ? 0 : -errno);
	expect_true("an eventfd raises the port", pending[al.port / 64] >> (al.port % 64) & 1);
	r.reserved = 1;
	expect("RAISE: reserved", call(g.vm, PVM_VM_RAISE, &r), -EOPNOTSUPP);
	r.reserved = 0;
	r.port = 0;
	expect("RAISE: port 0", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	r.port = ~0u;
	expect("RAISE: port 2^32-1", call(g.vm, PVM_VM_RAISE, &r), -ENOENT);
	b.flags = PVM_EVTCHN_UNBIND;
	expect("unbind", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	expect("unbind again", call(g.vm, PVM_VM_EVTCHN_BIND, &b), -ENOENT);
	pending[al.port / 64] = 0;
	must("write to eventfd", write(efd, &one, 8) == 8 ? 0 : -errno);
	expect_true("after unbind the eventfd does nothing", !pending[al.port / 64]);
	b.flags = 0;
	expect("bind again", call(g.vm, PVM_VM_EVTCHN_BIND, &b), 0);
	close(efd);		/* the driver lets go of a closed descriptor by itself */

	for (n = 0; n < PVM_NR_PORTS && !call(g.vm, PVM_VM_EVTCHN_ALLOC, &al); n++)
		;
	expect_true("all but port 0 and the two can be had", n == PVM_NR_PORTS - 3);
	expect("EVTCHN_ALLOC: none left", call(g.vm, PVM_VM_EVTCHN_ALLOC, &al), -ENOSPC);
	end_guest(&g);
}

void test_vm(void)
{
	memory();
	platform();
	event_channels();
}
