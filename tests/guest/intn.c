// SPDX-License-Identifier: GPL-2.0-only
/*
 * Software interrupts: INT n with the privilege of the trap table, the IDT-type error code of a
 * refused one, int 0x80, and that no error code is pushed for INT n even on vectors that have one.
 */
#include "pvt.h"

asm(".pushsection .user, \"ax\"\n"
    "n = 0\n.globl int_user\n.balign 8\nint_user:\n"
    ".rept 256\n.balign 8\n.byte 0xcd, n\n syscall\n n = n + 1\n.endr\n"
    ".popsection");
extern const char int_user[];

static u32 kernel_int(u32 n)
{
	static u8 code[PAGE_BYTES] __attribute__((aligned(4096)));

	code[0] = 0xcd;
	code[1] = n;
	code[2] = 0xc3;
	return try_exec((u64)code);
}

static void user_int(u32 n)
{
	user_run(int_user + n * 8);
}

static const u32 vectors[] = { 0, 1, 3, 4, 8, 13, 14, 0x20, 0x7f, 0x80, 0x81, 0xef, 0xff };

void test_main(void)
{
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		n = vectors[i];
		trap_set(n, 4 | 3);
		user_int(n);
		ok(last.vector == n && !last.has_error &&
		   last.rip == user_addr(int_user) + n * 8 + 2 && (last.cs & 3) == 3,
		   "user int %#x, DPL 3: delivered behind the instruction, no error code", n);
		if (n == 0x80)
			continue;	/* not checked against the DPL */
		if (n == 3 || n == 4)
			continue;	/* hardware gates may be open to user mode */
		trap_set(n, 4);
		user_int(n);
		if (!ok(last.vector == 13 && last.error == n * 8 + 2 &&
			last.rip == user_addr(int_user) + n * 8,
			"user int %#x, DPL 0: #GP with the vector in its error code", n))
			pr("#   vector %#lx error %#lx rip %#lx\n", last.vector, last.error, last.rip);
		trap_set(n, 4 | 1);
		kernel_int(n);
		ok(last.vector == n && !last.has_error && !(last.cs & 3),
		   "kernel int %#x, DPL 1: delivered", n);
	}
	trap_set(0x20, 4);
	kernel_int(0x20);
	ok(last.vector == 13 || last.vector == 0x20, "kernel int 0x20, DPL 0: #GP or delivered");
	trap_set(0x80, 4 | 3);
	eq("kernel int 0x80", kernel_int(0x80), 0x81);
	ok(!(last.cs & 3), "its frame is of kernel mode");
	/* No handler for the vector: #GP. */
	trap_clear(0x55);
	trap_set(13, 4);
	user_int(0x55);
	ok(last.vector == 13 && last.error == 0x55 * 8 + 2, "user int without a handler: #GP");
	trap_clear(0x80);
	trap_set(13, 4);
	user_int(0x80);
	ok(last.vector == 13 && last.error == 0x80 * 8 + 2, "user int 0x80 without a handler: #GP");
}
