// SPDX-License-Identifier: GPL-2.0-only
/* The decoder: encodings with their expected parts, truncation at every byte, and random bytes in exact buffers. */
#include "test.h"

#include "emul/decode.h"

#define M	PVM_INSN_MEM
#define I	PVM_INSN_IMM
#define L	PVM_INSN_LOCK
#define NO	PVM_REG_NONE

struct encoding {
	const char *bytes;
	u8 len;
	u8 op, width, reg, rm, flags;
	u64 imm;
};

/* clang-format off */
#define B(s)	s, sizeof(s) - 1
static const struct encoding known[] = {
	/* page-table writes as Linux's compilers emit them */
	{ B("\x48\x89\x07"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M, 0 },
	{ B("\x49\x89\x3c\x24"), PVM_OP_MOV, 8, PVM_REG_RDI, NO, M, 0 },
	{ B("\x88\x20"), PVM_OP_MOV, 1, PVM_REG_AH, NO, M, 0 },
	{ B("\x40\x88\x20"), PVM_OP_MOV, 1, PVM_REG_RSP, NO, M, 0 },
	{ B("\x66\x89\x01"), PVM_OP_MOV, 2, PVM_REG_RAX, NO, M, 0 },
	{ B("\x66\x48\x89\x01"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M, 0 },	/* REX.W wins */
	{ B("\x48\x66\x89\x01"), PVM_OP_MOV, 2, PVM_REG_RAX, NO, M, 0 },	/* REX not last: ignored */
	{ B("\x48\xc7\x00\xff\xff\xff\xff"), PVM_OP_MOV, 8, NO, NO, M | I, ~0ull },
	{ B("\x66\xc7\x00\x34\x12"), PVM_OP_MOV, 2, NO, NO, M | I, 0x1234 },
	{ B("\xc6\x00\x80"), PVM_OP_MOV, 1, NO, NO, M | I, (u64)-128 },
	{ B("\x48\x87\x03"), PVM_OP_XCHG, 8, PVM_REG_RAX, NO, M | L, 0 },
	{ B("\xf0\x48\x0f\xb1\x13"), PVM_OP_CMPXCHG, 8, PVM_REG_RDX, NO, M | L, 0 },
	{ B("\xf0\x80\x23\xfd"), PVM_OP_AND, 1, NO, NO, M | I | L, (u64)-3 },
	{ B("\xf0\x48\x0f\xba\x33\x05"), PVM_OP_BTR, 8, NO, NO, M | I | L, 5 },
	{ B("\xf0\x48\x0f\xb3\x03"), PVM_OP_BTR, 8, PVM_REG_RAX, NO, M | L, 0 },
	{ B("\xf0\x4c\x0f\xc1\x3b"), PVM_OP_XADD, 8, PVM_REG_R15, NO, M | L, 0 },
	{ B("\x48\x0f\xc3\x03"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M, 0 },
	{ B("\x48\x81\x4b\x10\x00\x00\x00\x80"), PVM_OP_OR, 8, NO, NO, M | I, 0xffffffff80000000 },
	{ B("\x66\x81\x2b\x00\x80"), PVM_OP_SUB, 2, NO, NO, M | I, 0xffffffffffff8000 },
	{ B("\x48\x83\x30\xff"), PVM_OP_XOR, 8, NO, NO, M | I, ~0ull },
	{ B("\xf2\x48\x89\x07"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M | PVM_INSN_REPNE, 0 },
	{ B("\xf2\xf3\x48\x89\x07"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M | PVM_INSN_REP, 0 },
	{ B("\xf3\xf2\x48\x89\x07"), PVM_OP_MOV, 8, PVM_REG_RAX, NO, M | PVM_INSN_REPNE, 0 },
	/* recognised, not done */
	{ B("\x48\xa5"), PVM_OP_REFUSED, 0, NO, NO, 0, 0 },
	{ B("\xf3\x48\xab"), PVM_OP_REFUSED, 0, NO, NO, PVM_INSN_REP, 0 },
	{ B("\xa4"), PVM_OP_REFUSED, 0, NO, NO, 0, 0 },
	{ B("\xaa"), PVM_OP_REFUSED, 0, NO, NO, 0, 0 },
	{ B("\xf0\x48\x0f\xc7\x0f"), PVM_OP_REFUSED, 16, 1, NO, M | L, 0 },
	{ B("\x0f\xc7\x0f"), PVM_OP_REFUSED, 8, 1, NO, M, 0 },
	/* privileged, no operands */
	{ B("\x0f\x30"), PVM_OP_WRMSR, 0, NO, NO, 0, 0 },
	{ B("\x3e\x0f\x30"), PVM_OP_WRMSR, 0, NO, NO, 0, 0 },		/* Linux 7.2 */
	{ B("\x26\x2e\x36\x0f\x32"), PVM_OP_RDMSR, 0, NO, NO, 0, 0 },
	{ B("\x0f\x33"), PVM_OP_RDPMC, 0, NO, NO, 0, 0 },
	{ B("\x0f\x31"), PVM_OP_RDTSC, 0, NO, NO, 0, 0 },
	{ B("\x0f\x01\xf9"), PVM_OP_RDTSCP, 0, 7, 1, 0, 0 },
	{ B("\x0f\xa2"), PVM_OP_CPUID, 0, NO, NO, 0, 0 },
	{ B("\x0f\x0b\x78\x65\x6e\x0f\xa2"), PVM_OP_FEP_CPUID, 0, NO, NO, 0, 0 },
	{ B("\x0f\x06"), PVM_OP_CLTS, 0, NO, NO, 0, 0 },
	{ B("\x0f\x08"), PVM_OP_INVD, 0, NO, NO, 0, 0 },
	{ B("\x0f\x09"), PVM_OP_WBINVD, 0, NO, NO, 0, 0 },
	{ B("\xf3\x0f\x09"), PVM_OP_WBNOINVD, 0, NO, NO, PVM_INSN_REP, 0 },
	{ B("\x0f\x01\xd1"), PVM_OP_XSETBV, 0, 2, 1, 0, 0 },
	{ B("\x0f\x01\xf8"), PVM_OP_SWAPGS, 0, 7, 0, 0, 0 },
	{ B("\x0f\x01\xc8"), PVM_OP_MONITOR, 0, 1, 0, 0, 0 },
	{ B("\x0f\x01\xc9"), PVM_OP_MWAIT, 0, 1, 1, 0, 0 },
	{ B("\xf4"), PVM_OP_HLT, 0, NO, NO, 0, 0 },
	{ B("\xfa"), PVM_OP_CLI, 0, NO, NO, 0, 0 },
	{ B("\xfb"), PVM_OP_STI, 0, NO, NO, 0, 0 },
	{ B("\x0f\x34"), PVM_OP_SYSENTER, 0, NO, NO, 0, 0 },
	{ B("\x48\xcf"), PVM_OP_IRET, 8, NO, NO, 0, 0 },
	{ B("\xcf"), PVM_OP_IRET, 4, NO, NO, 0, 0 },
	{ B("\x66\xcf"), PVM_OP_IRET, 2, NO, NO, 0, 0 },
	{ B("\xcd\x80"), PVM_OP_INT, 0, NO, NO, I, 0x80 },
	/* control and debug registers */
	{ B("\x0f\x20\xc0"), PVM_OP_MOV_FROM_CR, 8, 0, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x20\xe1"), PVM_OP_MOV_FROM_CR, 8, 4, PVM_REG_RCX, 0, 0 },
	{ B("\x41\x0f\x22\xdf"), PVM_OP_MOV_TO_CR, 8, 3, PVM_REG_R15, 0, 0 },
	{ B("\x44\x0f\x22\xc0"), PVM_OP_MOV_TO_CR, 8, 8, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x22\x20"), PVM_OP_MOV_TO_CR, 8, 4, PVM_REG_RAX, 0, 0 },	/* mod is ignored */
	{ B("\x0f\x22\x14"), PVM_OP_MOV_TO_CR, 8, 2, PVM_REG_RSP, 0, 0 },	/* no SIB byte either */
	{ B("\x0f\x21\xf8"), PVM_OP_MOV_FROM_DR, 8, 7, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x23\xf3"), PVM_OP_MOV_TO_DR, 8, 6, PVM_REG_RBX, 0, 0 },
	/* ports */
	{ B("\xe4\x61"), PVM_OP_IN, 1, NO, NO, I, 0x61 },
	{ B("\xe5\xff"), PVM_OP_IN, 4, NO, NO, I, 0xff },
	{ B("\x66\xe7\x80"), PVM_OP_OUT, 2, NO, NO, I, 0x80 },
	{ B("\xe6\x42"), PVM_OP_OUT, 1, NO, NO, I, 0x42 },
	{ B("\xec"), PVM_OP_IN, 1, NO, NO, 0, 0 },
	{ B("\x66\xed"), PVM_OP_IN, 2, NO, NO, 0, 0 },
	{ B("\x48\xed"), PVM_OP_IN, 4, NO, NO, 0, 0 },			/* no 64-bit ports */
	{ B("\xee"), PVM_OP_OUT, 1, NO, NO, 0, 0 },
	{ B("\xef"), PVM_OP_OUT, 4, NO, NO, 0, 0 },
	{ B("\xf3\x6c"), PVM_OP_INS, 1, NO, NO, M | PVM_INSN_REP, 0 },
	{ B("\x66\x6d"), PVM_OP_INS, 2, NO, NO, M, 0 },
	{ B("\x6e"), PVM_OP_OUTS, 1, NO, NO, M, 0 },
	{ B("\xf3\x6f"), PVM_OP_OUTS, 4, NO, NO, M | PVM_INSN_REP, 0 },
	/* tables and segments */
	{ B("\x0f\x01\x10"), PVM_OP_LGDT, 10, 2, NO, M, 0 },
	{ B("\x0f\x01\x18"), PVM_OP_LIDT, 10, 3, NO, M, 0 },
	{ B("\x0f\x01\x04\x24"), PVM_OP_SGDT, 10, 0, NO, M, 0 },
	{ B("\x0f\x01\x4d\xf6"), PVM_OP_SIDT, 10, 1, NO, M, 0 },
	{ B("\x0f\x01\x20"), PVM_OP_SMSW, 2, 4, NO, M, 0 },
	{ B("\x48\x0f\x01\xe0"), PVM_OP_SMSW, 8, 4, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x01\x30"), PVM_OP_LMSW, 2, 6, NO, M, 0 },
	{ B("\x0f\x01\xf1"), PVM_OP_LMSW, 2, 6, PVM_REG_RCX, 0, 0 },
	{ B("\x0f\x01\x38"), PVM_OP_INVLPG, 0, 7, NO, M, 0 },
	{ B("\x0f\x00\xc0"), PVM_OP_SLDT, 4, 0, PVM_REG_RAX, 0, 0 },
	{ B("\x66\x0f\x00\xc8"), PVM_OP_STR, 2, 1, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x00\x00"), PVM_OP_SLDT, 2, 0, NO, M, 0 },
	{ B("\x0f\x00\xd0"), PVM_OP_LLDT, 2, 2, PVM_REG_RAX, 0, 0 },
	{ B("\x0f\x00\x18"), PVM_OP_LTR, 2, 3, NO, M, 0 },
	{ B("\x8e\xe8"), PVM_OP_MOV_TO_SREG, 2, PVM_SEG_GS, PVM_REG_RAX, 0, 0 },
	{ B("\x8e\x18"), PVM_OP_MOV_TO_SREG, 2, PVM_SEG_DS, NO, M, 0 },
	{ B("\x48\x8c\xc8"), PVM_OP_MOV_FROM_SREG, 8, PVM_SEG_CS, PVM_REG_RAX, 0, 0 },
	{ B("\x8c\x10"), PVM_OP_MOV_FROM_SREG, 2, PVM_SEG_SS, NO, M, 0 },
	{ B("\x0f\xa1"), PVM_OP_POP_SREG, 8, PVM_SEG_FS, NO, 0, 0 },
	{ B("\x66\x0f\xa9"), PVM_OP_POP_SREG, 2, PVM_SEG_GS, NO, 0, 0 },
	/* longest legal instruction: 15 bytes */
	{ B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x30"), PVM_OP_WRMSR, 0, NO, NO, 0, 0 },
};

/* Not on the list, or not an instruction. */
static const struct { const char *bytes; u8 len; } unknown[] = {
	{ B("\x90") }, { B("\xc3") }, { B("\x0f\x05") }, { B("\x0f\x07") }, { B("\xcc") }, { B("\x0f\x0a") },
	{ B("\x48\x89\xc0") },			/* register to register */
	{ B("\x48\x8b\x00") },			/* load */
	{ B("\x48\x87\xc3") }, { B("\x0f\xab\xc0") }, { B("\x0f\xc3\xc0") }, { B("\x81\xc0\0\0\0\0") },
	{ B("\x0f\xba\xe8\x01") },
	{ B("\x66\x0f\xc3\x00") }, { B("\xf3\x0f\xc3\x00") }, { B("\xf2\x0f\xc3\x00") },
	{ B("\x80\x10\x01") }, { B("\x80\x18\x01") }, { B("\x80\x38\x01") },	/* adc sbb cmp */
	{ B("\x0f\xba\x20\x01") }, { B("\x0f\xba\x00\x01") },			/* bt, reserved */
	{ B("\xc6\xf8\x00") }, { B("\xc7\xf8\0\0\0\0") }, { B("\xc7\x08\0\0\0\0") },	/* xabort xbegin */
	{ B("\x0f\xc7\x38") }, { B("\x0f\xc7\xc8") }, { B("\x0f\xc7\x30") },
	{ B("\x0f\x00\x20") }, { B("\x0f\x00\x30") }, { B("\xf2\x0f\x00\xf0") }, { B("\xf2\x0f\x00\xc0") },
	{ B("\x0f\x01\x28") }, { B("\x0f\x01\xc0") }, { B("\x0f\x01\xd0") }, { B("\x0f\x01\xc6") },
	{ B("\x0f\x01\xca") }, { B("\x66\x0f\x01\xd1") }, { B("\xf3\x0f\x01\xf9") }, { B("\xf2\x0f\x01\xc8") },
	{ B("\x0f\x20\xc8") }, { B("\x0f\x20\xe8") }, { B("\x44\x0f\x20\xc8") }, { B("\x44\x0f\x20\xf8") },
	{ B("\x44\x0f\x21\xc0") },
	{ B("\x8e\xc8") }, { B("\x8e\xf0") }, { B("\x8e\xf8") }, { B("\x8c\xf0") }, { B("\x44\x8e\xc0") },
	{ B("\xf0\x48\x89\x07") }, { B("\xf0\xfa") }, { B("\xf0\x0f\x30") }, { B("\xf0\xc6\x00\x01") },
	{ B("\xf0\x0f\x20\xc0") },
	{ B("\x0f\x0b\x90") }, { B("\x0f\x0b\x78\x65\x6e\x0f\x31") }, { B("\x0f\x0b\x78\x65\x6f") },
	{ B("\x66\x0f\x0b\x78\x65\x6e\x0f\xa2") },
	/* 16 bytes: the CPU would not take it */
	{ B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x30") },
	{ B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66") },
};
/* clang-format on */

/* A copy in a buffer of exactly that size: one byte too many is seen by the sanitizer. */
static enum pvm_op decode_exact(const void *bytes, u32 len, struct pvm_insn *insn)
{
	u8 *copy = malloc(len ? len : 1);
	enum pvm_op op;

	memcpy(copy, bytes, len);
	memset(insn, 0xa5, sizeof(*insn));
	op = pvm_decode(copy, len, insn);
	assert_int_equal(op, insn->op);
	free(copy);
	return op;
}

static void known_encodings(void **state)
{
	struct pvm_insn insn;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct encoding *k = &known[i];

		assert_int_equal(decode_exact(k->bytes, k->len, &insn), k->op);
		assert_int_equal(insn.length, k->len);
		assert_int_equal(insn.bytes, k->width);
		assert_int_equal(insn.reg, k->reg);
		assert_int_equal(insn.rm, k->rm);
		assert_int_equal(insn.flags, k->flags);
		assert_true(insn.imm == k->imm);
	}
}

static void truncated_anywhere_wants_more(void **state)
{
	struct pvm_insn insn;
	u32 i, n;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (n = 0; n < known[i].len; n++) {
			assert_int_equal(decode_exact(known[i].bytes, n, &insn), PVM_OP_MORE);
			assert_int_equal(insn.length, 0);
		}
}

static void bytes_behind_do_not_matter(void **state)
{
	struct pvm_insn a, b;
	u8 longer[64];
	u32 i, n;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (n = 0; n < 20; n++) {
			u32 k;

			for (k = 0; k < sizeof(longer); k++)
				longer[k] = (u8)rnd();
			memcpy(longer, known[i].bytes, known[i].len);
			decode_exact(known[i].bytes, known[i].len, &a);
			decode_exact(longer, known[i].len + n, &b);
			assert_memory_equal(&a, &b, offsetof(struct pvm_insn, disp));
			assert_true(a.disp == b.disp && a.imm == b.imm);
		}
}

static void unknown_encodings(void **state)
{
	struct pvm_insn insn;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(decode_exact(unknown[i].bytes, unknown[i].len, &insn), PVM_OP_NONE);
		assert_int_equal(insn.length, 0);
	}
}

/* ---- addresses --------------------------------------------------------------------------------------------- */

#define FS	0x700000000000ull
#define GS	0xffffffff00000000ull

static void addresses(void **state)
{
	static const struct { const char *bytes; u8 len; u64 want; } t[] = {
		{ B("\x0f\x01\x07"), 0x7000 },				/* (%rdi) */
		{ B("\x0f\x01\x47\xf0"), 0x6ff0 },			/* -16(%rdi) */
		{ B("\x0f\x01\x87\x00\x00\x00\x80"), 0xffffffff80007000 },
		{ B("\x41\x0f\x01\x04\x24"), 0xc000 },			/* (%r12) */
		{ B("\x41\x0f\x01\x45\x00"), 0xd000 },			/* 0(%r13) */
		{ B("\x0f\x01\x04\x24"), 0x4000 },			/* (%rsp) */
		{ B("\x0f\x01\x04\xb7"), 0x7000 + 4 * 0x6000 },		/* (%rdi,%rsi,4) */
		{ B("\x42\x0f\x01\x04\xe7"), 0x7000 + 8 * 0xc000 },	/* (%rdi,%r12,8) */
		{ B("\x0f\x01\x04\x25\x78\x56\x34\x12"), 0x12345678 },	/* absolute */
		{ B("\x0f\x01\x04\x0d\x10\x00\x00\x00"), 0x1010 },	/* 16(,%rcx,1) */
		{ B("\x41\x0f\x01\x04\x0d\x10\x00\x00\x00"), 0x1010 },	/* the same with REX.B */
		{ B("\x41\x0f\x01\x44\x0d\x08"), 0xd000 + 0x1000 + 8 },	/* 8(%r13,%rcx) */
		{ B("\x0f\x01\x05\x10\x00\x00\x00"), 0x400000 + 7 + 16 },	/* 16(%rip) */
		{ B("\x41\x0f\x01\x05\xf0\xff\xff\xff"), 0x400000 + 8 - 16 },
		{ B("\x67\x0f\x01\x45\xff"), 0xffffffff & (0x100005000 - 1) },	/* -1(%ebp) */
		{ B("\x64\x0f\x01\x07"), FS + 0x7000 },
		{ B("\x65\x0f\x01\x07"), GS + 0x7000 },
		{ B("\x64\x2e\x0f\x01\x07"), FS + 0x7000 },		/* cs: has no effect */
		{ B("\x64\x65\x0f\x01\x07"), GS + 0x7000 },
		{ B("\x67\x65\x0f\x01\x45\x00"), GS + 0x5000 },		/* the base is added to 32 bits */
		{ B("\x6c"), 0x7000 },
		{ B("\x65\x6c"), 0x7000 },				/* ins: ES, not to be overridden */
		{ B("\x6f"), 0x6000 },
		{ B("\x65\x6f"), GS + 0x6000 },
		{ B("\x67\x6d"), 0x7000 },
	};
	struct pvm_regs r = {
		.rax = 0, .rcx = 0x1000, .rdx = 0x2000, .rbx = 0x3000, .rsp = 0x4000, .rbp = 0x100005000, .rsi = 0x6000,
		.rdi = 0x7000, .r8 = 0x8000, .r9 = 0x9000, .r10 = 0xa000, .r11 = 0xb000, .r12 = 0xc000, .r13 = 0xd000,
		.r14 = 0xe000, .r15 = 0xf000, .rip = 0x400000,
	};
	struct pvm_insn insn;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_true(decode_exact(t[i].bytes, t[i].len, &insn) > PVM_OP_MORE);
		assert_int_equal(insn.length, t[i].len);
		assert_true(insn.flags & PVM_INSN_MEM);
		assert_true(pvm_insn_address(&insn, &r, FS, GS) == t[i].want);
	}
}

/* ---- random bytes ------------------------------------------------------------------------------------------ */

static void check_sane(const struct pvm_insn *insn, u32 len)
{
	assert_true(insn->op < PVM_NR_OPS);
	if (insn->op <= PVM_OP_MORE) {
		assert_int_equal(insn->length, 0);
		return;
	}
	assert_true(insn->length > 0 && insn->length <= len && insn->length <= PVM_INSN_MAX);
	assert_true(insn->scale < 4);
	assert_true(insn->base <= PVM_REG_R15 || insn->base == PVM_REG_NONE);
	assert_true(insn->index <= PVM_REG_R15 || insn->index == PVM_REG_NONE);
	assert_true(insn->rm <= PVM_REG_R15 || insn->rm == PVM_REG_NONE);
	assert_true(insn->reg <= PVM_REG_BH || insn->reg == PVM_REG_NONE);
	assert_true(insn->bytes <= 16);
	if (pvm_op_is_alu(insn->op)) {
		struct pvm_regs r = { .rax = rnd() };
		struct pvm_alu_result res;

		assert_true(insn->flags & PVM_INSN_MEM);
		assert_true(insn->bytes == 1 || insn->bytes == 2 || insn->bytes == 4 || insn->bytes == 8);
		assert_true(!!(insn->flags & PVM_INSN_IMM) == (insn->reg == PVM_REG_NONE));
		assert_int_equal(pvm_alu_apply(insn, &r, rnd(), &res), 0);
		pvm_alu_commit(insn, &res, &r);
	}
}

static void random_bytes(void **state)
{
	static const u8 lead[] = { 0x0f, 0xf0, 0x66, 0x67, 0x48, 0x4f, 0xf3, 0x64, 0x80, 0xc7, 0x01, 0xba };
	u32 n, i, count[PVM_NR_OPS] = { 0 };
	struct pvm_insn insn, shorter;

	(void)state;
	for (n = 0; n < 600000; n++) {
		u8 b[20];
		u32 len = rnd_below(18), lead_len = rnd_below(5);
		enum pvm_op op;

		for (i = 0; i < sizeof(b); i++)
			b[i] = (u8)(i < lead_len ? lead[rnd_below(sizeof(lead))] : rnd());
		op = decode_exact(b, len, &insn);
		check_sane(&insn, len);
		count[op]++;
		if (op == PVM_OP_MORE)
			assert_true(len < PVM_INSN_MAX);
		/* what is known from some bytes is known from exactly its length, and from less only MORE follows */
		if (op > PVM_OP_MORE) {
			assert_int_equal(decode_exact(b, insn.length, &shorter), op);
			assert_int_equal(decode_exact(b, insn.length - 1, &shorter), PVM_OP_MORE);
		}
	}
	for (i = 0; i < PVM_NR_OPS; i++)
		if (i != PVM_OP_FEP_CPUID)
			assert_true(count[i] > 0);
}

/* Every one- and two-byte opcode with every ModRM byte. */
static void every_opcode(void **state)
{
	u32 two, opcode, modrm, pre;
	static const u8 prefix[] = { 0x2e, 0x66, 0xf0, 0xf2, 0xf3, 0x48, 0x44 };
	struct pvm_insn insn;

	(void)state;
	for (two = 0; two < 2; two++)
		for (opcode = 0; opcode < 256; opcode++)
			for (modrm = 0; modrm < 256; modrm++)
				for (pre = 0; pre < sizeof(prefix); pre++) {
					u8 b[12] = { prefix[pre], 0x0f };

					b[1 + two] = opcode;
					b[2 + two] = modrm;
					pvm_decode(b, sizeof(b), &insn);
					check_sane(&insn, sizeof(b));
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_encodings),
		cmocka_unit_test(truncated_anywhere_wants_more),
		cmocka_unit_test(bytes_behind_do_not_matter),
		cmocka_unit_test(unknown_encodings),
		cmocka_unit_test(addresses),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(every_opcode),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
