// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of the lower half: code may run into the addresses that are not canonical, natively or because the driver
 * executed its last instruction. That is #GP in the guest, at the address it would have gone on at, and never more.
 */
#include "pvt.h"

#define END	0x0000800000000000ull
#define PAGE	(END - PAGE_BYTES)

static u8 *page;

/* Code so that it ends at the end; address of its start. */
static u64 put(const u8 *code, u32 bytes)
{
	memset(page, 0xcc, PAGE_BYTES);
	memcpy(page + PAGE_BYTES - bytes, code, bytes);
	return END - bytes;
}

static const u8 nop[] = { 0x90 };
static const u8 int3[] = { 0xcc };
static const u8 syscall[] = { 0x0f, 0x05 };
static const u8 cpuid[] = { 0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2 };
static const u8 sgdt[] = { 0x0f, 0x01, 0x04, 0x24 };		/* (%rsp) */
static const u8 half_cpuid[] = { 0x0f, 0x0b, 'x', 'e' };
static const u8 half_cr0[] = { 0x0f, 0x20 };
static const u8 read_cr0[] = { 0x0f, 0x20, 0xc0 };
static const u8 rdmsr[] = { 0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32 };
static const u8 hypercall[] = { 0xb8, 17, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 };	/* xen_version(0) */

static void user(const char *name, const u8 *code, u32 bytes, u64 vector, u64 rip)
{
	struct regs u;

	user_regs(&u, pvt_user_start);
	u.rip = put(code, bytes);
	u.rsp -= 64;
	memset(&last, 0, sizeof(last));
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	ok(last.vector == vector && last.rip == rip, "user: %s (vector %#lx at %#lx)", name, last.vector, last.rip);
	if (vector == 13)
		eq("with error code 0", last.error, 0);
}

static void kernel(const char *name, const u8 *code, u32 bytes, u64 rip)
{
	u32 t = try_exec(put(code, bytes));

	ok(t == 13 + 1 && last.rip == rip && !last.error, "kernel: %s (vector %#x at %#lx)", name, t - 1, last.rip);
}

static void goes_on(struct regs *r)
{
	r->rflags &= ~0x100ull;
}

void test_main(void)
{
	struct regs u;

	page = page_alloc();
	user_init();
	map_page(PAGE, va_mfn(page), P_RW | P_U);
	if (set_pte(&user_l4[255], *walk(PAGE, 4)))
		die("user root");
	user("nop", nop, sizeof(nop), 13, END);
	user("int3", int3, sizeof(int3), 3, END);
	user("system call", syscall, sizeof(syscall), VEC_SYSCALL, END);
	user("forced CPUID", cpuid, sizeof(cpuid), 13, END);
	user("SGDT", sgdt, sizeof(sgdt), 13, END);
	user("half an instruction", half_cpuid, sizeof(half_cpuid), 6, END - sizeof(half_cpuid));
	kernel("nop", nop, sizeof(nop), END);
	kernel("MOV from CR0", read_cr0, sizeof(read_cr0), END);
	kernel("half of it", half_cr0, sizeof(half_cr0), END - sizeof(half_cr0));
	kernel("RDMSR", rdmsr, sizeof(rdmsr), END);
	kernel("hypercall", hypercall, sizeof(hypercall), END);

	/* Single steps over the edge: the #DB of the last instruction, then the #GP. */
	trap_hook[1] = goes_on;
	trap_count[1] = 0;
	user_regs(&u, pvt_user_start);
	u.rip = put(cpuid, sizeof(cpuid));
	u.rflags |= 0x100;
	user_enter(&u);
	vi->evtchn_upcall_mask = 1;
	trap_hook[1] = 0;
	ok(trap_count[1] == 1 && last.vector == 13 && last.rip == END, "single step over the edge (%lu, %#lx)",
	   trap_count[1], last.vector);
}
