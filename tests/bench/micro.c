// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest kernel that can time what a PV kernel asks of the layer below it. It has no
 * devices and no C library; it prints through console_io and powers off.
 *
 * Under -icount the time stamp counter counts instructions, at 1 per tick. Each value is a loop's
 * ticks over its rounds, the 3 instructions of the loop itself included. Lines: "MICRO id value",
 * in the order of kmain(); "MICRO end" when all went well.
 */
#include <stdint.h>
#define __XEN_INTERFACE_VERSION__ 0x00040d00	/* or sched_op is the one of Xen 2 */
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/elfnote.h>
#include <xen/sched.h>
#include <xen/version.h>

#define ROUNDS		4096
#define PAGE		4096ul
#define VIRT_BASE	0xffffffff80000000ul
#define USER_VA		0x400000ul
#define P_USER		0x067ul		/* present, writable, user, accessed, dirty */
#define P_RO		0x021ul		/* present, accessed */
#define P_RW		0x063ul
#define PTE_FRAME	0x000ffffffffff000ul

#define NOTE(name, type, value)							\
	asm(".pushsection .note.Xen, \"a\", @note; .balign 4;"			\
	    ".long 4, 2f - 1f, " name "; .asciz \"Xen\"; 1: " type " " value ";"\
	    "2: .balign 4; .popsection")

NOTE("1", ".quad", "start");				/* XEN_ELFNOTE_ENTRY */
NOTE("3", ".quad", "0xffffffff80000000");		/* XEN_ELFNOTE_VIRT_BASE */
NOTE("4", ".quad", "0");				/* XEN_ELFNOTE_PADDR_OFFSET */
NOTE("5", ".asciz", "\"xen-3.0\"");			/* XEN_ELFNOTE_XEN_VERSION */
NOTE("6", ".asciz", "\"pvm-micro\"");			/* XEN_ELFNOTE_GUEST_OS */
NOTE("8", ".asciz", "\"generic\"");			/* XEN_ELFNOTE_LOADER */
NOTE("10", ".asciz", "\"!writable_page_tables\"");	/* XEN_ELFNOTE_FEATURES */

/* Entry points of the kernel, from the layer below. %rbp is free in all code that is timed. */
asm(".text\n"
    ".globl start, on_fault, on_event, on_user_syscall, user_code, user_code_end\n"
    "start:	cld\n"
    "	lea	stack_top(%rip), %rsp\n"
    "	mov	%rsi, %rdi\n"
    "	call	kmain\n"
    /* An exception in the kernel: continue where resume_at says. */
    "on_fault: pop	%rcx\n"
    "	pop	%r11\n"
    "	add	$8, %rsp\n"		/* error code */
    "	push	%rax\n"
    "	mov	resume_at(%rip), %rax\n"
    "	mov	%rax, 8(%rsp)\n"
    "	pop	%rax\n"
    "	jmp	leave\n"
    /* An event: whatever it is, it has been seen. */
    "on_event: pop	%rcx\n"
    "	pop	%r11\n"
    "	movb	$0, shared(%rip)\n"	/* vcpu_info[0].evtchn_upcall_pending */
    "	jmp	leave\n"
    /* %eax is 0 to come back, else user code is done. */
    "on_user_syscall: pop	%rcx\n"
    "	pop	%r11\n"
    "	test	%eax, %eax\n"
    "	jnz	after_user\n"
    "leave:	pushq	$0\n"
    "	push	%rcx\n"
    "	push	%r11\n"
    "	push	%rax\n"
    "	mov	$23, %eax\n"		/* __HYPERVISOR_iret */
    "	syscall\n"
    "	ud2\n"
    /* %ebx rounds, then a last system call with %eax 1. */
    "user_code: syscall\n"
    "	dec	%ebx\n"
    "	jnz	user_code\n"
    "	inc	%eax\n"
    "	syscall\n"
    "user_code_end:\n"
    ".bss; .balign 4096; .skip 32768; stack_top: .skip 4096; .text\n");

extern char start[], on_fault[], on_event[], on_user_syscall[];
extern char user_code[], user_code_end[], stack_top[];
char shared[4096] __attribute__((aligned(4096)));	/* shared_info appears here */
uint64_t resume_at;

static uint64_t user_l4[512] __attribute__((aligned(4096)));
static uint64_t user_l3[512] __attribute__((aligned(4096)));
static uint64_t user_l2[512] __attribute__((aligned(4096)));
static uint64_t user_l1[512] __attribute__((aligned(4096)));
static char user_page[4096] __attribute__((aligned(4096)));
#define SPARE 128
static char spare[SPARE][4096] __attribute__((aligned(4096)));	/* remapped by the rows below */

static struct start_info *si;
static uint64_t user_start;

/* ---- the layer below ---- */

static long hypercall(unsigned long nr, unsigned long a, unsigned long b, unsigned long c,
		      unsigned long d)
{
	register unsigned long r10 asm("r10") = d;
	long ret;

	asm volatile("syscall" : "=a"(ret), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
		     : "a"(nr) : "rcx", "r11", "r8", "r9", "memory");
	return ret;
}

static uint64_t ticks(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (uint64_t)hi << 32;
}

static void print(const char *text)
{
	unsigned long len = 0;

	while (text[len])
		len++;
	hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, len, (unsigned long)text, 0);
}

static void power_off(unsigned int reason)
{
	struct sched_shutdown s = { .reason = reason };

	hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&s, 0, 0);
	for (;;)
		;
}

static void need(long ret, const char *what)
{
	if (!ret)
		return;
	print("MICRO error ");
	print(what);
	print("\n");
	power_off(SHUTDOWN_crash);
}

/* "MICRO id value.tenth\n" */
static void row(const char *id, uint64_t took, uint64_t ops)
{
	char digits[32], *p = digits + sizeof(digits);
	uint64_t tenths = took * 10 / ops;
	int n = 0;

	*--p = 0;
	*--p = '\n';
	do {
		*--p = '0' + tenths % 10;
		tenths /= 10;
		if (!n++)
			*--p = '.';
	} while (tenths || n < 2);
	print("MICRO ");
	print(id);
	print(" ");
	print(p);
}

/* ---- page tables ---- */

static uint64_t *frame_to_va(uint64_t frame)
{
	const uint64_t *m2p = (const uint64_t *)0xffff800000000000ul;

	return (uint64_t *)(VIRT_BASE + m2p[frame] * PAGE);
}

/* The L1 entry of a kernel address, in the tables we were started with. */
static uint64_t *l1_entry(const void *va)
{
	unsigned long a = (unsigned long)va;
	uint64_t *table = (uint64_t *)si->pt_base;
	int shift;

	for (shift = 39; shift > 12; shift -= 9)
		table = frame_to_va((table[a >> shift & 511] & PTE_FRAME) >> 12);
	return table + (a >> 12 & 511);
}

static uint64_t machine(const void *va)
{
	return (*l1_entry(va) & PTE_FRAME) | ((unsigned long)va & (PAGE - 1));
}

static long map(const void *va, uint64_t pte)
{
	return hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)va, pte, UVMF_INVLPG, 0);
}

static long mmuext(unsigned int cmd, uint64_t frame)
{
	struct mmuext_op op = { .cmd = cmd, .arg1.mfn = frame };

	return hypercall(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, DOMID_SELF);
}

static long callback(unsigned int type, const char *address, unsigned int flags)
{
	struct callback_register r = {
		.type = type, .flags = flags, .address = (unsigned long)address
	};

	return hypercall(__HYPERVISOR_callback_op, CALLBACKOP_register, (unsigned long)&r, 0, 0);
}

/* ---- rows ---- */

static void time_hypercall(void)
{
	uint64_t t = ticks();
	int i;

	for (i = 0; i < ROUNDS; i++)
		hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
	row("hypercall", ticks() - t, ROUNDS);
}

/* Entries of one table, read-only and writable in turn, `batch` to a call. */
static void time_mmu_update(const char *id, int batch)
{
	static struct mmu_update req[2][SPARE];
	uint64_t t;
	int i, w;

	for (i = 0; i < batch; i++) {
		uint64_t entry = machine(spare[i]);

		for (w = 0; w < 2; w++) {
			req[w][i].ptr = machine(l1_entry(spare[i])) | MMU_NORMAL_PT_UPDATE;
			req[w][i].val = entry | (w ? P_RW : P_RO);
		}
	}
	for (w = 0; w < 2; w++)
		need(hypercall(__HYPERVISOR_mmu_update, (unsigned long)req[w], batch, 0,
			       DOMID_SELF), id);
	t = ticks();
	for (i = 0; i < ROUNDS / batch; i++)
		hypercall(__HYPERVISOR_mmu_update, (unsigned long)req[i & 1], batch, 0, DOMID_SELF);
	row(id, ticks() - t, ROUNDS / batch * batch);
}

static void time_update_va_mapping(void)
{
	uint64_t entry = machine(spare[0]), t;
	int i;

	need(map(spare[0], entry | P_RW), "update_va_mapping");
	t = ticks();
	for (i = 0; i < ROUNDS; i++)
		map(spare[0], entry | (i & 1 ? P_RW : P_RO));
	row("update_va_mapping", ticks() - t, ROUNDS);
}

/* A read where nothing is mapped: to the kernel's handler and back behind the read. */
static void time_page_fault(void)
{
	uint64_t t = ticks();
	int i;

	for (i = 0; i < ROUNDS; i++)
		asm volatile("lea 1f(%%rip), %%rax; mov %%rax, resume_at(%%rip);"
			     "mov (%%rdx), %%al; 1:"
			     : : "d"(0x10000000ul) : "rax", "memory");
	row("page_fault", ticks() - t, ROUNDS);
}

/* CPUID behind the prefix that asks for the guest's view of it: the cost of one emulation. */
static void time_cpuid(void)
{
	uint64_t t = ticks();
	int i;

	for (i = 0; i < ROUNDS; i++)
		asm volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; ud2; .ascii \"xen\"; cpuid"
			     : : : "rax", "rbx", "rcx", "rdx");
	row("cpuid", ticks() - t, ROUNDS);
}

/* User mode makes ROUNDS system calls; the kernel sends each straight back. */
static void time_user(void)
{
	struct { uint64_t *table; const char *what; } ro[] = {
		{ user_l4, "l4" }, { user_l3, "l3" }, { user_l2, "l2" }, { user_l1, "l1" }
	};
	/* Linux runs its programs on 0x33 and 0x2b; Xen itself has only the flat ones. */
	int xen = si->flags & SIF_INITDOMAIN;
	unsigned long user_cs = xen ? 0xe033 : 0x33, user_ss = xen ? 0xe02b : 0x2b, i;

	for (i = 0; i < (unsigned long)(user_code_end - user_code); i++)
		user_page[i] = user_code[i];
	user_l1[USER_VA >> 12 & 511] = machine(user_page) | P_USER;
	user_l2[USER_VA >> 21 & 511] = machine(user_l1) | P_USER;
	user_l3[USER_VA >> 30 & 511] = machine(user_l2) | P_USER;
	user_l4[USER_VA >> 39 & 511] = machine(user_l3) | P_USER;
	for (i = 0; i < 4; i++)
		need(map(ro[i].table, machine(ro[i].table) | P_RO), ro[i].what);
	need(mmuext(MMUEXT_PIN_L4_TABLE, machine(user_l4) >> 12), "pin");
	need(mmuext(MMUEXT_NEW_USER_BASEPTR, machine(user_l4) >> 12), "user base");
	need(hypercall(__HYPERVISOR_stack_switch, 0xe02b, (unsigned long)stack_top, 0, 0), "stack");
	need(callback(CALLBACKTYPE_event, on_event, 0), "event callback");
	/* Like Linux: events are masked when a system call arrives. */
	need(callback(CALLBACKTYPE_syscall, on_user_syscall, CALLBACKF_mask_events), "syscall");
	need(map(shared, si->shared_info | P_RW), "shared_info");

	/* With IF, that is events unmasked, as user mode always runs. */
	user_start = ticks();
	asm volatile("push %1; pushq $0; pushq $0x202; push %2; push %0;"
		     "pushq $0; pushq $0; pushq $0; pushq $0; mov $23, %%eax; syscall"
		     : : "r"(USER_VA), "r"(user_ss), "r"(user_cs), "b"(ROUNDS) : "memory");
	__builtin_unreachable();
}

/* From on_user_syscall, still on the frame of the last system call. */
void after_user(void) __attribute__((used, force_align_arg_pointer));
void after_user(void)
{
	row("syscall_iret", ticks() - user_start, ROUNDS + 1);
	print("MICRO end\n");
	power_off(SHUTDOWN_poweroff);
}

void kmain(struct start_info *info) __attribute__((used));
void kmain(struct start_info *info)
{
	static const struct trap_info traps[] = {
		{ 14, 4, 0xe033, (unsigned long)on_fault },
		{ 0 }
	};

	si = info;
	need(hypercall(__HYPERVISOR_set_trap_table, (unsigned long)traps, 0, 0, 0), "traps");
	time_hypercall();
	time_update_va_mapping();
	time_mmu_update("mmu_update_1", 1);
	time_mmu_update("mmu_update_16", 16);
	time_mmu_update("mmu_update_128", 128);
	time_page_fault();
	time_cpuid();
	time_user();
}
