// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic of page-table writes beside the real CPU: each form is encoded, decoded and applied by us, and executed
 * natively from the same registers and memory. Memory, registers and defined flags must agree.
 */
#include "test.h"

#include <sys/mman.h>

#include "base/x86.h"
#include "emul/decode.h"

/* Registers for the native run, in instruction numbering; rsp is not loaded. */
struct native {
	u64 reg[16];
	u64 rflags;
};

/*
 * native_start(struct native *): load flags and registers, run the instruction copied over the nops at native_insn,
 * store flags and registers. RDI holds the memory operand's address during the instruction and must not change.
 */
__asm__(
	".pushsection .rodata\n"
	".globl native_start, native_insn, native_end\n"
	"native_start:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdi\n"
	"	push 128(%rdi); popfq\n"
	"	mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
	"	mov 40(%rdi), %rbp; mov 48(%rdi), %rsi; mov 64(%rdi), %r8; mov 72(%rdi), %r9\n"
	"	mov 80(%rdi), %r10; mov 88(%rdi), %r11; mov 96(%rdi), %r12; mov 104(%rdi), %r13\n"
	"	mov 112(%rdi), %r14; mov 120(%rdi), %r15; mov 56(%rdi), %rdi\n"
	"native_insn:\n"
	"	.fill 16, 1, 0x90\n"
	"	pushfq\n"
	"	mov 8(%rsp), %rdi\n"
	"	mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi)\n"
	"	mov %rbp, 40(%rdi); mov %rsi, 48(%rdi); mov %r8, 64(%rdi); mov %r9, 72(%rdi)\n"
	"	mov %r10, 80(%rdi); mov %r11, 88(%rdi); mov %r12, 96(%rdi); mov %r13, 104(%rdi)\n"
	"	mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
	"	pop 128(%rdi)\n"
	"	pop %rdi; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	cld\n"
	"	ret\n"
	"native_end:\n"
	".popsection\n");
extern const u8 native_start[], native_insn[], native_end[];

static u8 *page;

static int make_page(void **state)
{
	(void)state;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -1;
	memcpy(page, native_start, (size_t)(native_end - native_start));
	return 0;
}

static int drop_page(void **state)
{
	(void)state;
	return munmap(page, 4096);
}

/* Generated code: the sanitizers cannot look into it, and its type is unknown to them. */
__attribute__((no_sanitize("undefined"))) static void run_native(const u8 *bytes, u32 len, struct native *n)
{
	u8 *at = page + (native_insn - native_start);

	memset(at, 0x90, 16);
	memcpy(at, bytes, len);
	__builtin___clear_cache((char *)at, (char *)at + 16);
	((void (*)(struct native *))(void *)page)(n);
}

#define ARITH	(PVM_FL_CF | PVM_FL_PF | PVM_FL_AF | PVM_FL_ZF | PVM_FL_SF | PVM_FL_OF)

enum imm { IMM_NONE, IMM_8, IMM_FULL };

struct form_case {
	u8 two;			/* 0f */
	u8 opcode;
	s8 ext;			/* ModRM.reg for groups, -1: a register */
	u8 imm;
	bool bytes;		/* byte form */
	bool lock;		/* may be locked */
	u8 op;
	u64 undefined;		/* flags SDM leaves undefined */
};

#define LOGIC	PVM_FL_AF
#define BITS	(PVM_FL_PF | PVM_FL_AF | PVM_FL_ZF | PVM_FL_SF | PVM_FL_OF)

static const struct form_case cases[] = {
	{ 0, 0x88, -1, IMM_NONE, true, false, PVM_OP_MOV, 0 },
	{ 0, 0x89, -1, IMM_NONE, false, false, PVM_OP_MOV, 0 },
	{ 0, 0xc6, 0, IMM_8, true, false, PVM_OP_MOV, 0 },
	{ 0, 0xc7, 0, IMM_FULL, false, false, PVM_OP_MOV, 0 },
	{ 0, 0x86, -1, IMM_NONE, true, true, PVM_OP_XCHG, 0 },
	{ 0, 0x87, -1, IMM_NONE, false, true, PVM_OP_XCHG, 0 },
	{ 1, 0xb0, -1, IMM_NONE, true, true, PVM_OP_CMPXCHG, 0 },
	{ 1, 0xb1, -1, IMM_NONE, false, true, PVM_OP_CMPXCHG, 0 },
	{ 1, 0xc0, -1, IMM_NONE, true, true, PVM_OP_XADD, 0 },
	{ 1, 0xc1, -1, IMM_NONE, false, true, PVM_OP_XADD, 0 },
	{ 0, 0x00, -1, IMM_NONE, true, true, PVM_OP_ADD, 0 },
	{ 0, 0x01, -1, IMM_NONE, false, true, PVM_OP_ADD, 0 },
	{ 0, 0x08, -1, IMM_NONE, true, true, PVM_OP_OR, LOGIC },
	{ 0, 0x09, -1, IMM_NONE, false, true, PVM_OP_OR, LOGIC },
	{ 0, 0x20, -1, IMM_NONE, true, true, PVM_OP_AND, LOGIC },
	{ 0, 0x21, -1, IMM_NONE, false, true, PVM_OP_AND, LOGIC },
	{ 0, 0x28, -1, IMM_NONE, true, true, PVM_OP_SUB, 0 },
	{ 0, 0x29, -1, IMM_NONE, false, true, PVM_OP_SUB, 0 },
	{ 0, 0x30, -1, IMM_NONE, true, true, PVM_OP_XOR, LOGIC },
	{ 0, 0x31, -1, IMM_NONE, false, true, PVM_OP_XOR, LOGIC },
	{ 0, 0x80, 0, IMM_8, true, true, PVM_OP_ADD, 0 },
	{ 0, 0x80, 1, IMM_8, true, true, PVM_OP_OR, LOGIC },
	{ 0, 0x80, 4, IMM_8, true, true, PVM_OP_AND, LOGIC },
	{ 0, 0x80, 5, IMM_8, true, true, PVM_OP_SUB, 0 },
	{ 0, 0x80, 6, IMM_8, true, true, PVM_OP_XOR, LOGIC },
	{ 0, 0x81, 0, IMM_FULL, false, true, PVM_OP_ADD, 0 },
	{ 0, 0x81, 1, IMM_FULL, false, true, PVM_OP_OR, LOGIC },
	{ 0, 0x81, 4, IMM_FULL, false, true, PVM_OP_AND, LOGIC },
	{ 0, 0x81, 5, IMM_FULL, false, true, PVM_OP_SUB, 0 },
	{ 0, 0x81, 6, IMM_FULL, false, true, PVM_OP_XOR, LOGIC },
	{ 0, 0x83, 0, IMM_8, false, true, PVM_OP_ADD, 0 },
	{ 0, 0x83, 1, IMM_8, false, true, PVM_OP_OR, LOGIC },
	{ 0, 0x83, 4, IMM_8, false, true, PVM_OP_AND, LOGIC },
	{ 0, 0x83, 5, IMM_8, false, true, PVM_OP_SUB, 0 },
	{ 0, 0x83, 6, IMM_8, false, true, PVM_OP_XOR, LOGIC },
	{ 1, 0xba, 5, IMM_8, false, true, PVM_OP_BTS, BITS },
	{ 1, 0xba, 6, IMM_8, false, true, PVM_OP_BTR, BITS },
	{ 1, 0xba, 7, IMM_8, false, true, PVM_OP_BTC, BITS },
	{ 1, 0xab, -1, IMM_NONE, false, true, PVM_OP_BTS, BITS },
	{ 1, 0xb3, -1, IMM_NONE, false, true, PVM_OP_BTR, BITS },
	{ 1, 0xbb, -1, IMM_NONE, false, true, PVM_OP_BTC, BITS },
	{ 1, 0xc3, -1, IMM_NONE, false, false, PVM_OP_MOV, 0 },
};

static u64 *reg_of(struct pvm_regs *r, u32 n)
{
	u64 *m[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		       &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };

	return m[n];
}

static void one_run(const struct form_case *c, u8 width, u64 *words)
{
	u8 code[16] = { 0 }, rex = 0, *memory;
	u32 len = 0, reg, i, imm_bytes;
	bool is_bit_reg = c->two && (c->opcode == 0xab || c->opcode == 0xb3 || c->opcode == 0xbb);
	struct pvm_regs regs = { .rip = 0x1000, .cs = 0x33 };
	struct native n;
	struct pvm_insn insn;
	struct pvm_alu_result res;
	u64 before[64], old = 0, value, undefined = c->undefined;
	s64 element = 0;

	/* register operand: never rsp, and rdi holds the address; without REX 4..7 are ah..bh, bh is fine */
	do {
		reg = rnd_below(16);
	} while (reg == 4 || reg == 7);
	if (c->bytes && reg < 8 && rnd_below(2))
		reg = rnd_below(8);			/* any name of a byte register without REX */
	else if (reg >= 8 || c->bytes)
		rex |= 0x40 | (reg >= 8 ? 4 : 0);
	if (c->ext >= 0)
		rex = 0;

	if (c->lock && rnd_below(2))
		code[len++] = 0xf0;
	if (width == 2)
		code[len++] = 0x66;
	if (width == 8)
		rex |= 0x48;
	if (rex)
		code[len++] = rex;
	if (c->two)
		code[len++] = 0x0f;
	code[len++] = c->opcode;
	code[len++] = ((c->ext >= 0 ? (u32)c->ext : reg & 7) << 3) | 7;	/* (%rdi) */
	imm_bytes = c->imm == IMM_NONE ? 0 : c->imm == IMM_8 ? 1 : width == 2 ? 2 : 4;
	value = rnd_edgy();
	for (i = 0; i < imm_bytes; i++)
		code[len++] = (u8)(value >> 8 * i);

	for (i = 0; i < 64; i++)
		words[i] = rnd_edgy();
	memory = (u8 *)&words[32];
	for (i = 0; i < 16; i++)
		n.reg[i] = rnd_edgy();
	n.rflags = 0x202 | (rnd() & ARITH);
	n.reg[7] = (u64)(uintptr_t)memory;
	if (is_bit_reg) {
		/* keep the addressed element inside words[]: the operand is a signed bit offset */
		s64 off = (s64)rnd_below(16 * width * 8) - 8 * width * 8;

		n.reg[reg] = (u64)off;
		element = off >> (width == 2 ? 4 : width == 4 ? 5 : 6);
		if (width < 8)			/* upper register bits do not count */
			n.reg[reg] = (n.reg[reg] & ((1ull << 8 * width) - 1)) | rnd() << 8 * width;
	}
	memcpy(&old, memory + element * width, width);
	if (c->op == PVM_OP_CMPXCHG && rnd_below(2)) {
		memcpy(&n.reg[0], &old, width);		/* let it succeed */
	}
	for (i = 0; i < 16; i++)
		*reg_of(&regs, i) = n.reg[i];
	regs.rflags = n.rflags | PVM_FL_RF;
	memcpy(before, words, sizeof(before));

	/* ours */
	assert_int_equal(pvm_decode(code, len, &insn), c->op);
	assert_int_equal(insn.length, len);
	assert_int_equal(insn.bytes, width);
	assert_true(insn.flags & PVM_INSN_MEM);
	assert_true(pvm_insn_address(&insn, &regs, 0, 0) == (u64)(uintptr_t)memory);
	assert_int_equal(pvm_alu_apply(&insn, &regs, old | (width < 8 ? rnd() << 8 * width : 0), &res), 0);
	pvm_alu_commit(&insn, &res, &regs);
	assert_int_equal(regs.rip, 0x1000 + len);
	assert_int_equal(regs.rflags & PVM_FL_RF, 0);
	if (!res.store)
		assert_true(res.new == old);
	if (width < 8)
		assert_true(res.new >> 8 * width == 0);

	/* the CPU's */
	run_native(code, len, &n);
	memcpy((u8 *)before + (memory - (u8 *)words) + element * width, &res.new, width);
	assert_memory_equal(before, words, sizeof(before));
	for (i = 0; i < 16; i++)
		if (i != 7 && i != 4)
			assert_true(*reg_of(&regs, i) == n.reg[i]);
	assert_int_equal((regs.rflags ^ n.rflags) & ARITH & ~undefined, 0);
	assert_int_equal((regs.rflags ^ n.rflags) & ~(u64)ARITH & 0xffff, 0);
}

static void every_form_equals_the_cpu(void **state)
{
	static const u8 widths[] = { 2, 4, 8 };
	u64 *words = aligned_alloc(64, 64 * 8);
	u32 c, i, w;

	(void)state;
	for (c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		for (i = 0; i < 1500; i++) {
			if (cases[c].bytes) {
				one_run(&cases[c], 1, words);
				continue;
			}
			for (w = 0; w < 3; w++)
				if (cases[c].opcode != 0xc3 || widths[w] != 2)	/* movnti has no 16 bits */
					one_run(&cases[c], widths[w], words);
		}
	free(words);
}

/* A sum overflows, a sign flips: all byte operands, every arithmetic operation. */
static void all_byte_operands(void **state)
{
	static const u8 ops[] = { 0x00, 0x08, 0x20, 0x28, 0x30 };
	u32 o, a, b;
	u8 *m = malloc(1);

	(void)state;
	for (o = 0; o < 5; o++)
		for (a = 0; a < 256; a++)
			for (b = 0; b < 256; b++) {
				u8 code[2] = { ops[o], 0x0f };		/* cl, (%rdi) */
				struct pvm_regs regs = { .rcx = b, .rflags = 0x202 };
				struct native n = { .rflags = 0x202 };
				struct pvm_insn insn;
				struct pvm_alu_result res;

				*m = a;
				n.reg[1] = b;
				n.reg[7] = (u64)(uintptr_t)m;
				assert_true(pvm_op_is_alu(pvm_decode(code, 2, &insn)));
				assert_int_equal(pvm_alu_apply(&insn, &regs, a, &res), 0);
				run_native(code, 2, &n);
				assert_int_equal(res.new, *m);
				assert_int_equal((res.rflags ^ n.rflags) & ARITH &
						 ~(o == 1 || o == 2 || o == 4 ? LOGIC : 0), 0);
			}
	free(m);
}

static void rsp_as_operand(void **state)
{
	static const u8 store[] = { 0x48, 0x89, 0x27 };			/* mov %rsp, (%rdi) */
	static const u8 swap[] = { 0x48, 0x87, 0x27 };
	struct pvm_regs r = { .rsp = 0x1122334455667788 };
	struct pvm_insn insn;
	struct pvm_alu_result res;

	(void)state;
	assert_int_equal(pvm_decode(store, 3, &insn), PVM_OP_MOV);
	assert_int_equal(pvm_alu_apply(&insn, &r, 0, &res), 0);
	assert_true(res.new == 0x1122334455667788);
	assert_int_equal(res.wb_reg, PVM_REG_NONE);
	assert_int_equal(pvm_decode(swap, 3, &insn), PVM_OP_XCHG);
	assert_true(insn.flags & PVM_INSN_LOCK);
	assert_int_equal(pvm_alu_apply(&insn, &r, 5, &res), 0);
	pvm_alu_commit(&insn, &res, &r);
	assert_int_equal(r.rsp, 5);
}

static void other_instructions_are_refused(void **state)
{
	struct pvm_regs r = { 0 };
	struct pvm_alu_result res;
	struct pvm_insn insn = { 0 };
	u32 op;

	(void)state;
	for (op = 0; op < PVM_NR_OPS; op++) {
		insn.op = op;
		insn.bytes = 4;
		assert_int_equal(pvm_alu_apply(&insn, &r, 0, &res), op >= PVM_OP_MOV && op <= PVM_OP_BTC ? 0 : -EINVAL);
	}
}

static void register_access(void **state)
{
	struct pvm_regs r = { .rax = 0x1122334455667788, .rbx = 0xffffffffffffffff };

	(void)state;
	assert_int_equal(pvm_reg_read(&r, PVM_REG_RAX, 1), 0x88);
	assert_int_equal(pvm_reg_read(&r, PVM_REG_AH, 1), 0x77);
	assert_int_equal(pvm_reg_read(&r, PVM_REG_RAX, 2), 0x7788);
	assert_int_equal(pvm_reg_read(&r, PVM_REG_RAX, 4), 0x55667788);
	assert_true(pvm_reg_read(&r, PVM_REG_RAX, 8) == 0x1122334455667788);
	assert_int_equal(pvm_reg_read(&r, PVM_REG_NONE, 8), 0);
	pvm_reg_write(&r, PVM_REG_BH, 1, 0x1200);
	assert_true(r.rbx == 0xffffffffffff00ff);
	pvm_reg_write(&r, PVM_REG_RBX, 2, 0xabcd1234);
	assert_true(r.rbx == 0xffffffffffff1234);
	pvm_reg_write(&r, PVM_REG_RBX, 4, 0xffffffff87654321);
	assert_true(r.rbx == 0x87654321);
	pvm_reg_write(&r, PVM_REG_NONE, 8, 1);
	pvm_reg_write(&r, PVM_REG_R15, 8, 9);
	assert_int_equal(r.r15, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_equals_the_cpu),
		cmocka_unit_test(all_byte_operands),
		cmocka_unit_test(rsp_as_operand),
		cmocka_unit_test(other_instructions_are_refused),
		cmocka_unit_test(register_access),
	};

	return cmocka_run_group_tests_name("alu", tests, make_page, drop_page);
}
