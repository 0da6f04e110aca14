// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One guest on the fake driver (fake_guest.h).
 */
#include "test.h"
#include "fake_guest.h"

#include <dirent.h>
#include <elf.h>
#include <xen/elfnote.h>
#include <xen/io/console.h>

struct pvm_ctx *ctx;
struct pvm_vm *vm;
uint8_t kernel[0x1200];
char output[1 << 20];
size_t output_bytes;
static int fds_before, tasks_before;

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

int setup(void **state)
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

void nothing_left(void)
{
	assert_int_equal(count("/proc/self/fd"), fds_before);
	assert_int_equal(count("/proc/self/task"), tasks_before);
}

/* The fake driver's descriptors are closed by the library, as the real one's. */
int teardown(void **state)
{
	pvm_vm_destroy(vm);
	pvm_ctx_destroy(ctx);
	nothing_left();
	assert_false(fake.has_run_page);
	return 0;
}

size_t take_output(void *arg, const void *buf, size_t bytes)
{
	assert_true(output_bytes + bytes < sizeof(output));
	memcpy(output + output_bytes, buf, bytes);
	output_bytes += bytes;
	output[output_bytes] = '\0';
	return bytes;
}

int create(uint64_t memory, uint32_t flags)
{
	struct pvm_vm_opts o = PVM_VM_OPTS_INIT;

	o.name = "test";
	o.memory_bytes = memory;
	o.flags = flags;
	return pvm_vm_create(ctx, &o, &vm);
}

int load(void)
{
	struct pvm_load_opts o = PVM_LOAD_OPTS_INIT;

	o.kernel_data = kernel;
	o.kernel_bytes = sizeof(kernel);
	o.initrd_data = "initrd";
	o.initrd_bytes = 6;
	o.cmdline = "console=hvc0";
	return pvm_vm_load(vm, &o);
}

void start(int (*guest)(struct pvm_run *run, void *arg), uint32_t flags)
{
	fake.guest = guest;
	assert_int_equal(create(16 << 20, flags), 0);
	assert_int_equal(load(), 0);
	pvm_console_set_output(pvm_vm_console(vm), take_output, NULL);
	assert_int_equal(pvm_vm_start(vm), 0);
}

void finish(uint32_t kind, uint32_t code)
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

const struct start_info *si(void)
{
	return fake_gfn(fake.regs.gpr[6] / 4096);	/* VIRT_BASE is 0 */
}

struct xencons_interface *con_ring(void)
{
	return fake_gfn(si()->console.domU.mfn);
}

int shut_down(struct pvm_run *run, uint32_t reason)
{
	run->exit_reason = PVM_RUN_SHUTDOWN;
	run->shutdown_reason = reason;
	return 0;
}

bool con_write(const char *s, size_t n)
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

int guest_hello(struct pvm_run *run, void *arg)
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

int guest_sleeper(struct pvm_run *run, void *arg)
{
	fake_wait(0, 20);		/* no such port: only stop and kick wake it */
	return -EINTR;
}
