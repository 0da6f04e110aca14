// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guests on a fake driver (fake_ioctl.c): life cycle, console and xenstore as a guest sees them
 * through its rings, every driver call failing in turn, and nothing left behind.
 * Long because one fake guest, with its rings, serves every scenario.
 */
#include "test.h"
#include "fake_ioctl.h"
#include "lib.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <xen/elfnote.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>
#include <xen/xen.h>

static struct pvm_ctx *ctx;
static struct pvm_vm *vm;
static uint8_t kernel[0x1200];
static char output[1 << 20];
static size_t output_bytes;
static int fds_before, tasks_before;

/* ---- set-up ------------------------------------------------------------------------------ */

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* A minimal PV kernel: one segment at 1 MiB, one note. */
static void make_kernel(void)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)kernel;
	Elf64_Phdr *ph = (Elf64_Phdr *)(eh + 1);
	const uint32_t note[] = { 4, 8, XEN_ELFNOTE_XEN_VERSION };

	memset(kernel, 0, sizeof(kernel));
	memcpy(eh->e_ident, ELFMAG "\2\1\1", 7);
	eh->e_type = ET_EXEC;
	eh->e_machine = EM_X86_64;
	eh->e_version = 1;
	eh->e_entry = 0x100000;
	eh->e_phoff = sizeof(*eh);
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = 0x1000, .p_paddr = 0x100000,
			      .p_filesz = 0x200, .p_memsz = 0x1000 };
	ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x800, .p_filesz = 24 };
	memcpy(kernel + 0x800, note, 12);
	memcpy(kernel + 0x80c, "Xen\0xen-3.0", 12);
}

static int setup(void **state)
{
	fake_reset();
	make_kernel();
	output_bytes = 0;
	vm = NULL;
	ctx = NULL;
	fds_before = count("/proc/self/fd");
	tasks_before = count("/proc/self/task");
	return pvm_ctx_create(NULL, &ctx);
}

/* The fake driver's descriptors are closed by the library, as the real one's. */
static int teardown(void **state)
{
	pvm_vm_destroy(vm);
	pvm_ctx_destroy(ctx);
	assert_int_equal(count("/proc/self/fd"), fds_before);
	assert_int_equal(count("/proc/self/task"), tasks_before);
	assert_false(fake.has_run_page);
	return 0;
}

static size_t take_output(void *arg, const void *buf, size_t bytes)
{
	assert_true(output_bytes + bytes < sizeof(output));
	memcpy(output + output_bytes, buf, bytes);
	output_bytes += bytes;
	output[output_bytes] = '\0';
	return bytes;
}

static int create(uint64_t memory, uint32_t flags)
{
	struct pvm_vm_opts o = PVM_VM_OPTS_INIT;

	o.name = "test";
	o.memory_bytes = memory;
	o.flags = flags;
	return pvm_vm_create(ctx, &o, &vm);
}

static int load(void)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;

	o.kernel_data = kernel;
	o.kernel_bytes = sizeof(kernel);
	o.initrd_data = "initrd";
	o.initrd_bytes = 6;
	o.cmdline = "console=hvc0";
	return pvm_vm_load(vm, &o);
}

static void start(int (*guest)(struct pvm_run *run, void *arg), uint32_t flags)
{
	fake.guest = guest;
	assert_int_equal(create(16 << 20, flags), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), take_output, NULL);
	assert_int_equal(pvm_vm_start(vm), 0);
}

static void finish(uint32_t kind, uint32_t code)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;

	assert_int_equal(pvm_vm_wait(vm, 20000, &ex), 0);
	if (ex.kind != kind || ex.code != code)
		fail_msg("kind %u code %u: %s", ex.kind, ex.code, ex.text);
	assert_true(strlen(ex.text) > 5);
	memset(&ex, 0, sizeof(ex));
	ex.sz = sizeof(ex);
	assert_int_equal(pvm_vm_wait(vm, 0, &ex), 0);		/* the same answer again */
	assert_int_equal(ex.kind, kind);
}

/* ---- guests ------------------------------------------------------------------------------ */

static const struct start_info *si(void)
{
	return fake_gfn(fake.regs.gpr[6] / 4096);	/* VIRT_BASE is 0 */
}

static struct xencons_interface *con_ring(void)
{
	return fake_gfn(si()->console.domU.mfn);
}

static struct xenstore_domain_interface *xs_ring(void)
{
	return fake_gfn(si()->store_mfn);
}

static int shut_down(struct pvm_run *run, uint32_t reason)
{
	run->exit_reason = PVM_RUN_SHUTDOWN;
	run->shutdown_reason = reason;
	return 0;
}

/* As a frontend does it: write what fits, send, wait for room. */
static bool con_write(const char *s, size_t n)
{
	struct xencons_interface *r = con_ring();

	while (n) {
		uint32_t prod = r->out_prod, room = 2048 - (prod - pvm_ring_load(&r->out_cons));
		uint32_t k = n < room ? (uint32_t)n : room;

		for (uint32_t i = 0; i < k; i++)
			r->out[(prod + i) & 2047] = s[i];
		pvm_ring_store(&r->out_prod, prod + k);
		s += k;
		n -= k;
		fake_send(si()->console.domU.evtchn);
		if (n && !fake_wait(si()->console.domU.evtchn, 5000))
			return false;
	}
	return true;
}

static bool con_read(char *buf, size_t want)
{
	struct xencons_interface *r = con_ring();

	while (want) {
		uint32_t cons = r->in_cons, used = pvm_ring_load(&r->in_prod) - cons;

		for (uint32_t i = 0; i < used && want; i++, want--)
			*buf++ = r->in[cons++ & 1023];
		pvm_ring_store(&r->in_cons, cons);
		fake_send(si()->console.domU.evtchn);
		if (want && !fake_wait(si()->console.domU.evtchn, 5000))
			return false;
	}
	return true;
}

static bool xs_bytes(void *buf, size_t n, bool send)
{
	struct xenstore_domain_interface *r = xs_ring();
	uint8_t *p = buf;

	while (n) {
		if (send) {
			uint32_t prod = r->req_prod;

			while (n && prod - pvm_ring_load(&r->req_cons) < 1024) {
				r->req[prod++ & 1023] = (char)*p++;
				n--;
			}
			pvm_ring_store(&r->req_prod, prod);
		} else {
			uint32_t cons = r->rsp_cons;

			while (n && cons != pvm_ring_load(&r->rsp_prod)) {
				*p++ = (uint8_t)r->rsp[cons++ & 1023];
				n--;
			}
			pvm_ring_store(&r->rsp_cons, cons);
		}
		fake_send(si()->store_evtchn);
		if (n && !fake_wait(si()->store_evtchn, 5000))
			return false;
	}
	return true;
}

static char xs_body[5000];
static struct xsd_sockmsg xs_head;

static bool xs_receive(void)
{
	if (!xs_bytes(&xs_head, sizeof(xs_head), false) ||
	    !xs_bytes(xs_body, xs_head.len, false))
		return false;
	xs_body[xs_head.len] = '\0';
	return true;
}

static bool xs_ask(uint32_t type, const char *bytes, size_t n)
{
	struct xsd_sockmsg h = { .type = type, .req_id = 5, .len = (uint32_t)n };

	return xs_bytes(&h, sizeof(h), true) && xs_bytes((void *)bytes, n, true) && xs_receive();
}

static int guest_hello(struct pvm_run *run, void *arg)
{
	static unsigned int calls;

	if (calls++ % 2 == 0) {
		run->exit_reason = PVM_RUN_CONSOLE;
		run->console_len = 6;
		memcpy(run->console, "early\n", 6);
		return 0;
	}
	con_write("hello\n", 6);
	return shut_down(run, 0);
}

static int guest_chatty(struct pvm_run *run, void *arg)
{
	static char line[100000];

	for (size_t i = 0; i < sizeof(line); i++)
		line[i] = (char)('a' + i % 26);
	if (!con_write(line, sizeof(line)))
		return -EINTR;
	return shut_down(run, 1);
}

static int guest_echo(struct pvm_run *run, void *arg)
{
	static char buf[9000];

	if (!con_read(buf, sizeof(buf)) || !con_write(buf, sizeof(buf)))
		return -EINTR;
	return shut_down(run, 0);
}

#define CHECK(what) do { if (!(what)) { con_write("FAILED " #what "\n", \
	sizeof("FAILED " #what "\n") - 1); return shut_down(run, 3); } } while (0)

static int guest_xenbus(struct pvm_run *run, void *arg)
{
	static char value[2 + 2048] = "a";

	CHECK(xs_ask(XS_READ, "domid", 6) && !strcmp(xs_body, "1"));
	CHECK(xs_ask(XS_READ, "name", 5) && !strcmp(xs_body, "test"));
	CHECK(xs_ask(XS_READ, "memory/target", 14) && !strcmp(xs_body, "16384"));
	CHECK(xs_ask(XS_READ, "memory/static-max", 18) && !strcmp(xs_body, "16384"));
	CHECK(xs_ask(XS_READ, "cpu/0/availability", 19) && !strcmp(xs_body, "online"));
	CHECK(xs_ask(XS_READ, "control/shutdown", 17) && xs_head.len == 0);
	CHECK(xs_ask(XS_DIRECTORY, "device", 7) && xs_head.type == XS_DIRECTORY && !xs_head.len);
	CHECK(xs_ask(XS_READ, "vm", 3) && !strncmp(xs_body, "/vm/", 4));
	strcat(xs_body, "/uuid");
	CHECK(xs_ask(XS_READ, strdupa(xs_body), strlen(xs_body) + 1) && xs_head.len == 36);
	CHECK(xs_ask(XS_WRITE, "name\0x", 6) && !strcmp(xs_body, "EACCES"));
	CHECK(xs_ask(XS_WRITE, "memory/target\0001", 15) && !strcmp(xs_body, "EACCES"));
	CHECK(xs_ask(XS_WRITE, "control/feature-poweroff\0001", 26) && !strcmp(xs_body, "OK"));
	CHECK(xs_ask(XS_WRITE, "error/device\0x", 14) && !strcmp(xs_body, "OK"));
	/* longer than the ring, both ways */
	memcpy(value, "data/x", 7);
	CHECK(xs_ask(XS_WRITE, value, 2000) && !strcmp(xs_body, "OK"));
	CHECK(xs_ask(XS_READ, "data/x", 7) && xs_head.len == 2000 - 7);
	CHECK(xs_ask(XS_WATCH, "control/shutdown\0tok", 21) && !strcmp(xs_body, "OK"));
	CHECK(xs_receive() && xs_head.type == XS_WATCH_EVENT);
	con_write("waiting\n", 8);
	/* the host asks us to go */
	CHECK(xs_receive() && !memcmp(xs_body, "control/shutdown\0tok", 21));
	CHECK(xs_ask(XS_READ, "control/shutdown", 17) && !strcmp(xs_body, "poweroff"));
	CHECK(xs_ask(XS_WRITE, "control/shutdown\0", 17) && xs_head.type != XS_ERROR);
	return shut_down(run, 0);
}

static void range(struct pvm_run *run, uint32_t i, uint64_t gfn, uint64_t pages)
{
	run->release_gfn[i] = gfn;
	run->release_pages[i] = pages;
}

/* Gives memory back, with ranges that are not all right. */
static int guest_balloon(struct pvm_run *run, void *arg)
{
	static unsigned int calls;
	char *given = fake_gfn(4000), *kept = fake_gfn(4001), *last = fake_gfn(4095), *before = fake_gfn(4094);

	if (calls++ % 2 == 0) {
		*given = *kept = *last = *before = 1;
		run->exit_reason = PVM_RUN_RELEASE;
		run->release_count = 0xffffffff;
		memset(run->release_gfn, 0xff, sizeof(run->release_gfn));
		memset(run->release_pages, 0xff, sizeof(run->release_pages));
		range(run, 0, 4000, 1);
		range(run, 1, 4096, 1);		/* behind the last */
		range(run, 2, 1ull << 52, 1);
		range(run, 3, 4095, ~0ull);		/* beyond the end */
		range(run, 4, 4000, 0);
		return 0;
	}
	CHECK(!*given && *kept && !*last && *before);
	return shut_down(run, 0);
}

static int guest_sleeper(struct pvm_run *run, void *arg)
{
	fake_wait(0, 20);		/* no such port: only stop and kick wake it */
	return -EINTR;
}

static int guest_bad_rings(struct pvm_run *run, void *arg)
{
	con_ring()->out_prod = 0x80000000u;
	xs_ring()->req_prod = 5000;
	fake_send(si()->console.domU.evtchn);
	fake_send(si()->store_evtchn);
	run->exit_reason = PVM_RUN_CONSOLE;
	run->console_len = 0xffffffff;
	return __atomic_load_n(&fake.stopped, __ATOMIC_ACQUIRE) ? -EIO :
	       __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) ? shut_down(run, 0) : 0;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void memory_given_back_goes_to_the_host(void **state)
{
	start(guest_balloon, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

static void memory_given_back_leaves_the_memory_file(void **state)
{
	start(guest_balloon, PVM_VM_MEM_MEMFD);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

static void a_guest_boots_talks_and_powers_off(void **state)
{
	struct grant_entry_v1 *g;

	start(guest_hello, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_string_equal(output, "early\nhello\n");
	/* what the driver was told */
	assert_string_equal((char *)fake.create.name, "test");
	assert_int_equal(fake.create.domid, 1);
	assert_int_equal(fake.platform.nr_pages, 4096);
	assert_int_equal(fake.platform.max_pages, 4096);
	assert_int_equal(fake.platform.shared_info_gfn % 512, 0);
	assert_true(fake.platform.shared_info_gfn > fake.platform.max_pages);
	assert_int_equal(fake.platform.grant_gfn, fake.platform.shared_info_gfn + 1);
	assert_int_equal(fake.platform.grant_frames, 32);
	assert_int_equal(fake.slot[1].nr_pages, 33);
	assert_int_equal(fake.regs.rip, 0x100000);
	assert_int_equal(fake.regs.rflags, 0x200);
	assert_int_equal(si()->shared_info, fake.platform.shared_info_gfn << 12);
	assert_int_equal(fake.regs.root_gfn, si()->pt_base / 4096);
	assert_string_equal((char *)si()->cmd_line, "console=hvc0");
	assert_memory_equal(fake_gfn(si()->mod_start / 4096), "initrd", 6);
	g = fake_gfn(fake.platform.grant_gfn);
	assert_int_equal(g[0].frame, si()->console.domU.mfn);
	assert_int_equal(g[1].frame, si()->store_mfn);
	assert_int_equal(g[0].flags & g[1].flags, GTF_permit_access);
	assert_int_equal(pvm_vm_id(vm), 7);
	assert_string_equal(pvm_vm_name(vm), "test");
	assert_int_equal(pvm_vm_memfd(vm), -1);
	assert_int_equal(pvm_vm_stop(vm, PVM_STOP_FORCE), 0);	/* ended already: fine */
}

static void own_thread_needs_no_dispatching(void **state)
{
	start(guest_hello, PVM_VM_OWN_THREAD | PVM_VM_MEM_MEMFD | PVM_VM_MEM_MERGEABLE);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_string_equal(output, "early\nhello\n");
	assert_true(pvm_vm_memfd(vm) >= 0);
}

static size_t slow_sink(void *arg, const void *buf, size_t bytes)
{
	size_t n = bytes < 777 ? bytes : 777;

	take_output(NULL, buf, n);
	if (n < bytes)
		pvm_console_resume(arg);	/* at once: also from the callback */
	return n;
}

static void output_larger_than_every_buffer_is_whole(void **state)
{
	start(guest_chatty, 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
	assert_int_equal(output_bytes, 100000);
	for (size_t i = 0; i < output_bytes; i++)
		if (output[i] != (char)('a' + i % 26))
			fail_msg("byte %zu", i);
}

static void slow_sinks_slow_the_guest_and_lose_nothing(void **state)
{
	fake.guest = guest_chatty;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), slow_sink, pvm_vm_console(vm));
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
	for (size_t i = 0; i < output_bytes; i++)
		if (output[i] != (char)('a' + i % 26))
			fail_msg("byte %zu", i);
	assert_int_equal(output_bytes, 100000);
}

static unsigned int space_calls;

static void on_space(void *arg)
{
	space_calls++;
}

static void input_larger_than_every_buffer_arrives(void **state)
{
	static char typed[9000];
	size_t done = 0, n;

	for (size_t i = 0; i < sizeof(typed); i++)
		typed[i] = (char)('0' + i % 10);
	space_calls = 0;
	start(guest_echo, 0);
	pvm_console_on_space(pvm_vm_console(vm), on_space, NULL);
	while (done < sizeof(typed)) {
		int err = pvm_console_write(pvm_vm_console(vm), typed + done,
					    sizeof(typed) - done, &n);

		if (!err)
			done += n;
		else
			assert_int_equal(err, -EAGAIN);
		pvm_loop_dispatch(pvm_ctx_loop(ctx), 20);
	}
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_int_equal(output_bytes, sizeof(typed));
	assert_memory_equal(output, typed, sizeof(typed));
	assert_true(space_calls > 0);
}

static void descriptors_serve_as_console(void **state)
{
	static char typed[9000], got[9100];
	int in[2], out[2];
	size_t n = 0;
	ssize_t r;

	assert_int_equal(pipe2(in, O_CLOEXEC) + pipe2(out, O_CLOEXEC), 0);
	memset(typed, 'k', sizeof(typed));
	assert_int_equal(write(in[1], typed, sizeof(typed)), sizeof(typed));
	close(in[1]);
	fake.guest = guest_echo;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), in[0], out[1]), 0);
	close(in[0]);
	close(out[1]);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	pvm_console_detach(pvm_vm_console(vm));
	while ((r = read(out[0], got + n, sizeof(got) - n)) > 0)
		n += (size_t)r;
	close(out[0]);
	assert_int_equal(n, sizeof(typed));
	assert_memory_equal(got, typed, sizeof(typed));
}

static void files_serve_as_console(void **state)
{
	char in_path[] = "/tmp/pvm-test-XXXXXX", out_path[] = "/tmp/pvm-test-XXXXXX";
	int in = mkostemp(in_path, O_CLOEXEC), out = mkostemp(out_path, O_CLOEXEC);
	static char typed[9000];

	memset(typed, 'f', sizeof(typed));
	assert_int_equal(write(in, typed, sizeof(typed)), sizeof(typed));
	lseek(in, 0, SEEK_SET);
	fake.guest = guest_echo;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), in, out), 0);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	assert_int_equal(lseek(out, 0, SEEK_END), sizeof(typed));
	close(in);
	close(out);
	unlink(in_path);
	unlink(out_path);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), 9999, -1), -EBADF);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), -1, 9999), -EBADF);
}

static void a_broken_pipe_stops_neither_guest_nor_process(void **state)
{
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	close(out[0]);
	fake.guest = guest_chatty;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(load(), 0);
	assert_int_equal(pvm_console_attach(pvm_vm_console(vm), -1, out[1]), 0);
	close(out[1]);
	assert_int_equal(pvm_vm_start(vm), 0);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_REBOOT);
}

static void xenbus_probes_and_obeys_a_shutdown_request(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	char value[64];

	start(guest_xenbus, 0);
	while (!output_bytes)
		assert_int_equal(pvm_loop_dispatch(pvm_ctx_loop(ctx), 5000), 0);
	assert_string_equal(output, "waiting\n");
	assert_int_equal(pvm_vm_xs_read(vm, "control/feature-poweroff", value, sizeof(value)), 0);
	assert_string_equal(value, "1");
	assert_int_equal(pvm_vm_xs_read(vm, "control/feature-poweroff", value, 1), -EMSGSIZE);
	assert_int_equal(pvm_vm_xs_read(vm, "nonsense", value, sizeof(value)), -ENOENT);
	assert_int_equal(pvm_vm_xs_write(vm, "bad path", "x"), -EINVAL);
	assert_int_equal(pvm_vm_shutdown(vm, 10000, &ex), 0);
	assert_int_equal(ex.kind, PVM_EXIT_SHUTDOWN);
	assert_string_equal(output, "waiting\n");
}

static void force_ends_a_guest_that_does_not_listen(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;

	start(guest_sleeper, 0);
	assert_int_equal(pvm_vm_wait(vm, 50, &ex), -ETIMEDOUT);
	assert_int_equal(pvm_vm_wait(vm, 0, &ex), -ETIMEDOUT);
	assert_int_equal(pvm_vcpu_kick(vm, 0), 0);
	assert_int_equal(pvm_vcpu_kick(vm, 9), -ENOENT);
	assert_int_equal(pvm_vm_shutdown(vm, 100, &ex), 0);
	assert_int_equal(ex.kind, PVM_EXIT_DEATH);
	assert_int_equal(ex.code, PVM_CAUSE_STOPPED);
	assert_string_equal(ex.text, "stopped by its owner");
}

static void a_running_guest_can_be_destroyed(void **state)
{
	start(guest_sleeper, 0);
	pvm_vm_destroy(vm);
	pvm_ctx_destroy(ctx);
	setup(NULL);
	start(guest_sleeper, PVM_VM_OWN_THREAD);	/* teardown() destroys this one */
}

static void hostile_rings_are_no_longer_served(void **state)
{
	static int stop;

	stop = 0;
	fake.guest_arg = &stop;
	start(guest_bad_rings, 0);
	pvm_console_set_output(pvm_vm_console(vm), NULL, NULL);	/* it writes without end */
	for (int i = 0; i < 20; i++)
		pvm_loop_dispatch(pvm_ctx_loop(ctx), 5);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
}

static int guest_dies(struct pvm_run *run, void *arg)
{
	fake.death.kind = PVM_DEATH_TRIPLE;
	fake.death.rip = 0x1234;
	fake.death.gpr[15] = 15;
	fake.death.hypercalls[0] = 26;
	strcpy((char *)fake.death.reason, "double fault");
	return -EIO;
}

static int guest_einval(struct pvm_run *run, void *arg)
{
	return -EINVAL;
}

static void death_and_errors_are_reported(void **state)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	struct {
		size_t sz;
		uint32_t kind;
		uint32_t canary;
	} old = { .sz = 12, .canary = 77 };

	start(guest_dies, 0);
	finish(PVM_EXIT_DEATH, PVM_CAUSE_TRIPLE);
	assert_int_equal(pvm_vm_wait(vm, 0, &ex), 0);
	assert_string_equal(ex.text, "double fault");
	assert_int_equal(ex.rip, 0x1234);
	assert_int_equal(ex.gpr[15], 15);
	assert_int_equal(ex.hypercalls[0], 26);
	/* a program that knows less */
	assert_int_equal(pvm_vm_wait(vm, 0, (struct pvm_vm_exit *)&old), 0);
	assert_int_equal(old.kind, PVM_EXIT_DEATH);
	assert_int_equal(old.canary, 77);
	pvm_vm_destroy(vm);
	vm = NULL;
	start(guest_einval, 0);
	finish(PVM_EXIT_ERROR, EINVAL);
}

static unsigned int exit_calls;

static void on_exit_cb(void *arg, struct pvm_vm *v, const struct pvm_vm_exit *ex)
{
	exit_calls++;
	assert_ptr_equal(v, vm);
	assert_int_equal(ex->kind, PVM_EXIT_SHUTDOWN);
	assert_string_equal(output, "early\nhello\n");
}

static void the_exit_function_is_called_once(void **state)
{
	exit_calls = 0;
	fake.guest = guest_hello;
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_on_exit(vm, on_exit_cb, NULL), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), take_output, NULL);
	assert_int_equal(pvm_vm_start(vm), 0);
	assert_int_equal(pvm_vm_on_exit(vm, on_exit_cb, NULL), -EBUSY);
	finish(PVM_EXIT_SHUTDOWN, PVM_SHUTDOWN_POWEROFF);
	pvm_loop_dispatch(pvm_ctx_loop(ctx), 0);
	assert_int_equal(exit_calls, 1);
}

static void wrong_order_is_refused(void **state)
{
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_start(vm), -EINVAL);
	assert_int_equal(pvm_vm_wait(vm, 0, NULL), -EINVAL);
	assert_int_equal(pvm_vm_stop(vm, PVM_STOP_POWEROFF), -EINVAL);
	assert_int_equal(pvm_vm_stop(vm, 9), -EINVAL);
	assert_int_equal(load(), 0);
	assert_int_equal(load(), 0);			/* again is fine */
	fake.guest = guest_sleeper;
	assert_int_equal(pvm_vm_start(vm), 0);
	assert_int_equal(pvm_vm_start(vm), -EBUSY);
	assert_int_equal(load(), -EBUSY);
}

static void bad_options_get_a_sentence(void **state)
{
	static const struct {
		struct pvm_vm_opts o;
		int err;
		const char *word;
	} t[] = {
#define OPTS(...) { .sz = sizeof(struct pvm_vm_opts), .name = "x", __VA_ARGS__ }
		{ OPTS(.name = NULL), -EINVAL, "name" },
		{ OPTS(.name = ""), -EINVAL, "name" },
		{ OPTS(.name = "a/b"), -EINVAL, "name" },
		{ OPTS(.name = "0123456789012345678901234567890123"), -EINVAL, "name" },
		{ OPTS(.memory_bytes = 1 << 20), -EINVAL, "4 MiB" },
		{ OPTS(.memory_bytes = 1), -EINVAL, "4 MiB" },
		{ OPTS(.memory_bytes = (8 << 20) + 1), -EINVAL, "multiple" },
		{ OPTS(.memory_bytes = 1ull << 50), -ENOMEM, "only" },
		{ OPTS(.memory_bytes = ~0xfffull), -ENOMEM, "only" },
		{ OPTS(.memory_bytes = (4 << 20) + 4096, .flags = PVM_VM_MEM_HUGETLB), -EINVAL,
		  "2048 KiB" },
		{ OPTS(.max_vcpus = 2), -EINVAL, "vCPUs" },
		{ OPTS(.flags = 1u << 31), -EINVAL, "flags" },
		{ OPTS(.flags = PVM_VM_MEM_HUGETLB | PVM_VM_MEM_MERGEABLE), -EINVAL, "merged" },
		{ OPTS(.domid = 0x7ff0), -EINVAL, "domain" },
		{ OPTS(.shadow_limit_bytes = 4096), -EINVAL, "256 KiB" },
		{ OPTS(.sz = 0), -EINVAL, "INIT" },
		{ OPTS(.sz = 5000), -EINVAL, "INIT" },
	};
	struct {
		struct pvm_vm_opts o;
		uint64_t more;
	} newer = { .o = { .sz = sizeof(newer), .name = "x" }, .more = 1 };
	struct pvm_ctx_opts co = PVM_CTX_OPTS_INIT;
	struct pvm_ctx *c = NULL;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(pvm_vm_create(ctx, &t[i].o, &vm), t[i].err);
		assert_non_null(strstr(pvm_errmsg(), t[i].word));
		assert_null(vm);
	}
	assert_int_equal(pvm_vm_create(ctx, NULL, &vm), -EINVAL);
	assert_int_equal(pvm_vm_create(ctx, &newer.o, &vm), -E2BIG);
	newer.more = 0;
	assert_int_equal(pvm_vm_create(ctx, &newer.o, &vm), 0);
	pvm_vm_destroy(vm);
	vm = NULL;
	fake.name_taken = true;
	assert_int_equal(create(0, 0), -EEXIST);
	assert_non_null(strstr(pvm_errmsg(), "exists"));

	co.device = "/dev/missing";
	assert_int_equal(pvm_ctx_create(&co, &c), -ENODEV);
	assert_non_null(strstr(pvm_errmsg(), "modprobe"));
	co.device = "/dev/forbidden";
	assert_int_equal(pvm_ctx_create(&co, &c), -EACCES);
	assert_non_null(strstr(pvm_errmsg(), "permission"));
	co.flags = 1;
	assert_int_equal(pvm_ctx_create(&co, &c), -EINVAL);
	assert_null(c);
}

static void bad_loads_leave_the_guest_as_it_was(void **state)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;
	static char cmd[1100];

	assert_int_equal(create(4 << 20, 0), 0);
	memset(cmd, 'x', 1024);
	o.kernel_data = kernel;
	o.kernel_bytes = sizeof(kernel);
	o.cmdline = cmd;
	assert_int_equal(pvm_vm_load(vm, &o), -EINVAL);
	o.cmdline = NULL;
	o.initrd_data = calloc(1, 4 << 20);
	o.initrd_bytes = 4 << 20;
	assert_int_equal(pvm_vm_load(vm, &o), -ENOSPC);
	assert_non_null(strstr(pvm_errmsg(), "give it more"));
	free((void *)o.initrd_data);
	o.initrd_data = NULL;
	o.initrd_path = "/nonexistent";
	assert_int_equal(pvm_vm_load(vm, &o), -ENOENT);
	o.initrd_path = NULL;
	o.kernel_bytes = 100;
	assert_int_equal(pvm_vm_load(vm, &o), -ENOEXEC);
	assert_int_equal(pvm_vm_start(vm), -EINVAL);
	assert_int_equal(load(), 0);
}

static void every_failing_driver_call_is_undone(void **state)
{
	unsigned int n, ok = 0;

	pvm_ctx_destroy(ctx);
	ctx = NULL;
	for (n = 1; n < 40 && !ok; n++) {
		int err;

		fake_reset();
		fake.fail_call = n;
		fake.fail_err = -ENOSPC;
		fake.guest = guest_hello;
		vm = NULL;
		err = pvm_ctx_create(NULL, &ctx);
		if (!err)
			err = create(16 << 20, 0);
		if (!err)
			err = load();
		if (!err)
			err = pvm_vm_start(vm);
		if (err) {
			assert_true(err == -ENOSPC || err == -EPROTO);
			assert_true(strlen(pvm_errmsg()) > 20);
		} else {
			finish(PVM_EXIT_SHUTDOWN, 0);
			ok = n;
		}
		pvm_vm_destroy(vm);
		pvm_ctx_destroy(ctx);
		ctx = NULL;
		vm = NULL;
		assert_int_equal(count("/proc/self/fd"), fds_before);
		assert_int_equal(count("/proc/self/task"), tasks_before);
	}
	assert_true(ok > 10);
}

static void every_failing_allocation_is_undone(void **state)
{
	bool failed = true;

	for (unsigned int n = 1; failed; n++) {
		int err;

		pvm_ctx_destroy(ctx);
		ctx = NULL;
		fake_reset();
		fake.guest = guest_hello;
		fail_alloc(n);
		err = pvm_ctx_create(NULL, &ctx);
		if (!err)
			err = create(16 << 20, 0);
		if (!err)
			err = load();
		if (!err)
			err = pvm_vm_start(vm);
		failed = alloc_failed();
		assert_true(!err || failed);
		if (!err)
			finish(PVM_EXIT_SHUTDOWN, 0);
		pvm_vm_destroy(vm);
		vm = NULL;
	}
}

static void lists_and_counters(void **state)
{
	struct pvm_ctx_info info = PVM_CTX_INFO_INIT;
	struct pvm_vm_info *list;
	struct pvm_stat_row *rows;
	size_t nr, i;

	assert_int_equal(pvm_ctx_list(ctx, &list, &nr), 0);	/* 20: more than the first try */
	assert_int_equal(nr, 20);
	assert_int_equal(list[3].id, 4);
	assert_int_equal(list[3].state, PVM_STATE_DEAD);
	assert_int_equal(strlen(list[3].name), 31);
	pvm_free(list);
	assert_int_equal(pvm_ctx_stats_by_id(ctx, 3, &rows, &nr), 0);
	assert_int_equal(nr, PVM_NR_STATS + 1 + 2);
	assert_string_equal(rows[0].name, "exits");
	assert_int_equal(rows[0].value, 100);
	assert_string_equal(rows[PVM_STAT_RUNTIME_NS].unit, "ns");
	assert_int_equal(rows[PVM_STAT_SHADOW_PAGES].flags, PVM_STAT_IS_GAUGE);
	i = PVM_NR_STATS;
	assert_non_null(strstr(rows[i].name, "stat_"));
	assert_string_equal(rows[i + 1].name, "hypercall_mmu_update");
	assert_int_equal(rows[i + 1].value, 11);
	assert_string_equal(rows[i + 2].name, "hypercall_63");
	assert_int_equal(rows[i + 2].flags, PVM_STAT_IS_HYPERCALL);
	pvm_free(rows);
	assert_int_equal(pvm_ctx_stats_by_id(ctx, 99, &rows, &nr), -ENOENT);
	assert_int_equal(pvm_ctx_info_get(ctx, &info), 0);
	assert_int_equal(info.driver_version, 1ull << 32);
	assert_int_equal(info.max_vcpus, 1);
	assert_string_equal(pvm_state_name(1), "running");
	assert_string_equal(pvm_state_name(99), "unknown");
	assert_string_equal(pvm_shutdown_name(3), "crash");
	assert_string_equal(pvm_cause_name(1), "stopped");
	assert_string_equal(pvm_hypercall_name(26), "mmuext_op");
	assert_string_equal(pvm_hypercall_name(64), "unknown");
	assert_string_equal(pvm_version(), "0.0.0-test");
	assert_int_equal(create(16 << 20, 0), 0);
	assert_int_equal(pvm_vm_stats(vm, &rows, &nr), 0);
	pvm_free(rows);
}

static unsigned int log_lines;

static void on_log(void *arg, int level, const char *text)
{
	log_lines++;
	assert_int_equal(level, PVM_LOG_INFO);
	assert_null(strchr(text, '\n'));
}

static void logs_go_to_the_callback(void **state)
{
	struct pvm_ctx_opts o = PVM_CTX_OPTS_INIT;

	pvm_ctx_destroy(ctx);
	o.log = on_log;
	o.log_level = PVM_LOG_DEBUG;
	assert_int_equal(pvm_ctx_create(&o, &ctx), 0);
	log_lines = 0;
	start(guest_hello, 0);
	finish(PVM_EXIT_SHUTDOWN, 0);
	assert_int_equal(log_lines, 2);		/* loaded, ended */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_guest_boots_talks_and_powers_off),
		T(memory_given_back_goes_to_the_host),
		T(memory_given_back_leaves_the_memory_file),
		T(own_thread_needs_no_dispatching),
		T(output_larger_than_every_buffer_is_whole),
		T(slow_sinks_slow_the_guest_and_lose_nothing),
		T(input_larger_than_every_buffer_arrives),
		T(descriptors_serve_as_console),
		T(files_serve_as_console),
		T(a_broken_pipe_stops_neither_guest_nor_process),
		T(xenbus_probes_and_obeys_a_shutdown_request),
		T(force_ends_a_guest_that_does_not_listen),
		T(a_running_guest_can_be_destroyed),
		T(hostile_rings_are_no_longer_served),
		T(death_and_errors_are_reported),
		T(the_exit_function_is_called_once),
		T(wrong_order_is_refused),
		T(bad_options_get_a_sentence),
		T(bad_loads_leave_the_guest_as_it_was),
		T(every_failing_driver_call_is_undone),
		T(every_failing_allocation_is_undone),
		T(lists_and_counters),
		T(logs_go_to_the_callback),
	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
