// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder and the arithmetic of page-table writes.
 *
 * Pure. One table says for each opcode which operation it is and which form its operands have; a
 * form is a few lines below. Bytes come through take(), which remembers that it ran dry instead of
 * reading on: whatever was concluded from the missing bytes is replaced by PVM_OP_MORE at the very
 * end, in one place.
 *
 * What is not decided here: whether the guest may do it (emul/emulate.c) and where a page-table
 * write goes (mmu/update.c has the address from the fault). Tests run every arithmetic form on the
 * real CPU beside ours.
 *
 * References: Intel SDM vol. 2, 2.1-2.2 (prefixes, ModRM, REX), appendix A (opcode maps).
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "base/x86.h"
#include "emul/decode.h"

/* Operand forms */
enum form {
	FORM_UNKNOWN,
	FORM_PLAIN,		/* opcode alone */
	FORM_MR,		/* memory, register; even opcode: bytes */
	FORM_MR_FULL,		/* memory, register; never bytes */
	FORM_MOVNTI,
	FORM_MOV_IMM,		/* c6 c7: /0 */
	FORM_GROUP1,		/* 80 81 83: operation in ModRM.reg, immediate */
	FORM_GROUP8,		/* 0f ba: same, bit operations */
	FORM_GROUP9,		/* 0f c7: cmpxchg8b/16b */
	FORM_GROUP6,		/* 0f 00: sldt.. */
	FORM_GROUP7,		/* 0f 01: sgdt.. and many without operand */
	FORM_CR,
	FORM_DR,
	FORM_SREG,
	FORM_POP_FS,
	FORM_POP_GS,
	FORM_IO_IMM,		/* even opcode: bytes */
	FORM_IO_DX,
	FORM_INS,
	FORM_OUTS,
	FORM_IRET,
	FORM_INT,
	FORM_UD2,		/* forced-emulation prefix */
};

struct row {
	u8 op, form;
};

#define TWO	0x100		/* opcodes after 0f */

static const struct row opcodes[512] = {
	[0x00] = { PVM_OP_ADD, FORM_MR },	[0x01] = { PVM_OP_ADD, FORM_MR },
	[0x08] = { PVM_OP_OR, FORM_MR },	[0x09] = { PVM_OP_OR, FORM_MR },
	[0x20] = { PVM_OP_AND, FORM_MR },	[0x21] = { PVM_OP_AND, FORM_MR },
	[0x28] = { PVM_OP_SUB, FORM_MR },	[0x29] = { PVM_OP_SUB, FORM_MR },
	[0x30] = { PVM_OP_XOR, FORM_MR },	[0x31] = { PVM_OP_XOR, FORM_MR },
	[0x6c] = { PVM_OP_INS, FORM_INS },	[0x6d] = { PVM_OP_INS, FORM_INS },
	[0x6e] = { PVM_OP_OUTS, FORM_OUTS },	[0x6f] = { PVM_OP_OUTS, FORM_OUTS },
	[0x80] = { PVM_OP_NONE, FORM_GROUP1 },	[0x81] = { PVM_OP_NONE, FORM_GROUP1 },
	[0x83] = { PVM_OP_NONE, FORM_GROUP1 },
	[0x86] = { PVM_OP_XCHG, FORM_MR },	[0x87] = { PVM_OP_XCHG, FORM_MR },
	[0x88] = { PVM_OP_MOV, FORM_MR },	[0x89] = { PVM_OP_MOV, FORM_MR },
	[0x8c] = { PVM_OP_MOV_FROM_SREG, FORM_SREG },
	[0x8e] = { PVM_OP_MOV_TO_SREG, FORM_SREG },
	[0xa4] = { PVM_OP_REFUSED, FORM_PLAIN },	[0xa5] = { PVM_OP_REFUSED, FORM_PLAIN },
	[0xaa] = { PVM_OP_REFUSED, FORM_PLAIN },	[0xab] = { PVM_OP_REFUSED, FORM_PLAIN },
	[0xc6] = { PVM_OP_MOV, FORM_MOV_IMM },	[0xc7] = { PVM_OP_MOV, FORM_MOV_IMM },
	[0xcd] = { PVM_OP_INT, FORM_INT },
	[0xcf] = { PVM_OP_IRET, FORM_IRET },
	[0xe4] = { PVM_OP_IN, FORM_IO_IMM },	[0xe5] = { PVM_OP_IN, FORM_IO_IMM },
	[0xe6] = { PVM_OP_OUT, FORM_IO_IMM },	[0xe7] = { PVM_OP_OUT, FORM_IO_IMM },
	[0xec] = { PVM_OP_IN, FORM_IO_DX },	[0xed] = { PVM_OP_IN, FORM_IO_DX },
	[0xee] = { PVM_OP_OUT, FORM_IO_DX },	[0xef] = { PVM_OP_OUT, FORM_IO_DX },
	[0xf4] = { PVM_OP_HLT, FORM_PLAIN },
	[0xfa] = { PVM_OP_CLI, FORM_PLAIN },
	[0xfb] = { PVM_OP_STI, FORM_PLAIN },
	[TWO | 0x00] = { PVM_OP_NONE, FORM_GROUP6 },
	[TWO | 0x01] = { PVM_OP_NONE, FORM_GROUP7 },
	[TWO | 0x06] = { PVM_OP_CLTS, FORM_PLAIN },
	[TWO | 0x08] = { PVM_OP_INVD, FORM_PLAIN },
	[TWO | 0x09] = { PVM_OP_WBINVD, FORM_PLAIN },
	[TWO | 0x0b] = { PVM_OP_FEP_CPUID, FORM_UD2 },
	[TWO | 0x20] = { PVM_OP_MOV_FROM_CR, FORM_CR },
	[TWO | 0x21] = { PVM_OP_MOV_FROM_DR, FORM_DR },
	[TWO | 0x22] = { PVM_OP_MOV_TO_CR, FORM_CR },
	[TWO | 0x23] = { PVM_OP_MOV_TO_DR, FORM_DR },
	[TWO | 0x30] = { PVM_OP_WRMSR, FORM_PLAIN },
	[TWO | 0x31] = { PVM_OP_RDTSC, FORM_PLAIN },
	[TWO | 0x32] = { PVM_OP_RDMSR, FORM_PLAIN },
	[TWO | 0x33] = { PVM_OP_RDPMC, FORM_PLAIN },
	[TWO | 0x34] = { PVM_OP_SYSENTER, FORM_PLAIN },
	[TWO | 0xa1] = { PVM_OP_POP_SREG, FORM_POP_FS },
	[TWO | 0xa2] = { PVM_OP_CPUID, FORM_PLAIN },
	[TWO | 0xa9] = { PVM_OP_POP_SREG, FORM_POP_GS },
	[TWO | 0xab] = { PVM_OP_BTS, FORM_MR_FULL },
	[TWO | 0xb0] = { PVM_OP_CMPXCHG, FORM_MR },	[TWO | 0xb1] = { PVM_OP_CMPXCHG, FORM_MR },
	[TWO | 0xb3] = { PVM_OP_BTR, FORM_MR_FULL },
	[TWO | 0xba] = { PVM_OP_NONE, FORM_GROUP8 },
	[TWO | 0xbb] = { PVM_OP_BTC, FORM_MR_FULL },
	[TWO | 0xc0] = { PVM_OP_XADD, FORM_MR },	[TWO | 0xc1] = { PVM_OP_XADD, FORM_MR },
	[TWO | 0xc3] = { PVM_OP_MOV, FORM_MOVNTI },
	[TWO | 0xc7] = { PVM_OP_REFUSED, FORM_GROUP9 },
};

/* ModRM.reg to operation; 0 = not ours (adc, sbb, cmp; bt) */
static const u8 group1[8] = {
	PVM_OP_ADD, PVM_OP_OR, 0, 0, PVM_OP_AND, PVM_OP_SUB, PVM_OP_XOR, 0
};
static const u8 group8[8] = {
	0, 0, 0, 0, 0, PVM_OP_BTS, PVM_OP_BTR, PVM_OP_BTC
};
static const u8 group6[8] = {
	PVM_OP_SLDT, PVM_OP_STR, PVM_OP_LLDT, PVM_OP_LTR, 0, 0, 0, 0
};
static const u8 group7_memory[8] = {
	PVM_OP_SGDT, PVM_OP_SIDT, PVM_OP_LGDT, PVM_OP_LIDT,
	PVM_OP_SMSW, 0, PVM_OP_LMSW, PVM_OP_INVLPG
};

#define REX_B	1u
#define REX_X	2u
#define REX_R	4u
#define REX_W	8u

struct decoder {
	const u8 *bytes;
	u32 len, pos;
	bool dry;		/* take() was asked for more than there is */
	bool opsize;		/* 66 */
	u8 rex;			/* 0 none; 40..4f */
	struct pvm_insn *insn;
};

static u8 take(struct decoder *d)
{
	if (d->pos == d->len) {
		d->dry = true;
		return 0;
	}
	return d->bytes[d->pos++];
}

/* Little-endian signed number of 1, 2 or 4 bytes. */
static s32 take_signed(struct decoder *d, u32 bytes)
{
	u32 v = 0, i;

	for (i = 0; i < bytes; i++)
		v |= (u32)take(d) << (8 * i);
	return (s32)(v << (32 - 8 * bytes)) >> (32 - 8 * bytes);
}

static u8 full_width(const struct decoder *d)
{
	if (d->rex & REX_W)
		return 8;
	return d->opsize ? 2 : 4;
}

/* Width of an operand whose opcode is even for bytes; in/out know no 64 bits. */
static u8 io_width(const struct decoder *d, u32 opcode)
{
	if (!(opcode & 1))
		return 1;
	return d->opsize ? 2 : 4;
}

/* ModRM, SIB, displacement. insn->reg is the plain field with REX.R. */
static void take_modrm(struct decoder *d)
{
	struct pvm_insn *insn = d->insn;
	u8 m = take(d), mod = m >> 6, rm = m & 7, sib;

	insn->reg = ((m >> 3) & 7) | (d->rex & REX_R ? 8 : 0);
	if (mod == 3) {
		insn->rm = rm | (d->rex & REX_B ? 8 : 0);
		return;
	}
	insn->flags |= PVM_INSN_MEM;
	insn->base = rm | (d->rex & REX_B ? 8 : 0);
	if (rm == 4) {
		sib = take(d);
		insn->scale = sib >> 6;
		insn->index = ((sib >> 3) & 7) | (d->rex & REX_X ? 8 : 0);
		if (insn->index == PVM_REG_RSP)		/* R12 is a fine index */
			insn->index = PVM_REG_NONE;
		rm = sib & 7;
		insn->base = rm | (d->rex & REX_B ? 8 : 0);
		if (rm == 5 && mod == 0)
			insn->base = PVM_REG_NONE;
	} else if (rm == 5 && mod == 0) {
		insn->base = PVM_REG_NONE;
		insn->flags |= PVM_INSN_RIP;
	}
	if (mod == 1)
		insn->disp = take_signed(d, 1);
	else if (mod == 2 || insn->base == PVM_REG_NONE)
		insn->disp = take_signed(d, 4);
}

/* ModRM of mov from and to CR and DR: the mod field is ignored, both operands are registers. */
static void take_registers(struct decoder *d)
{
	u8 m = take(d);

	d->insn->reg = ((m >> 3) & 7) | (d->rex & REX_R ? 8 : 0);
	d->insn->rm = (m & 7) | (d->rex & REX_B ? 8 : 0);
	d->insn->bytes = 8;
}

/* A byte operand's register 4..7 means AH..BH unless a REX prefix is there. */
static void name_byte_register(struct decoder *d)
{
	struct pvm_insn *insn = d->insn;

	if (insn->bytes == 1 && !d->rex && insn->reg >= PVM_REG_RSP)
		insn->reg += PVM_REG_AH - PVM_REG_RSP;
}

static void take_imm(struct decoder *d, u32 bytes)
{
	d->insn->imm = (u64)(s64)take_signed(d, bytes);
	d->insn->flags |= PVM_INSN_IMM;
}

static u8 group6_op(struct decoder *d)
{
	struct pvm_insn *insn = d->insn;
	u8 op;

	take_modrm(d);
	op = group6[insn->reg & 7];
	insn->bytes = 2;
	if (!(insn->flags & PVM_INSN_MEM) && (op == PVM_OP_SLDT || op == PVM_OP_STR))
		insn->bytes = full_width(d);
	/* f2 0f 00 /6 is another instruction */
	return insn->flags & PVM_INSN_REPNE ? PVM_OP_NONE : op;
}

static u8 group7_op(struct decoder *d)
{
	struct pvm_insn *insn = d->insn;
	u8 op;

	take_modrm(d);
	op = group7_memory[insn->reg & 7];
	if (insn->flags & PVM_INSN_MEM) {
		if (op == PVM_OP_INVLPG)
			insn->bytes = 0;
		else if (op == PVM_OP_SMSW || op == PVM_OP_LMSW)
			insn->bytes = 2;
		else
			insn->bytes = 10;
		return op;
	}
	if (op == PVM_OP_SMSW || op == PVM_OP_LMSW) {
		insn->bytes = op == PVM_OP_SMSW ? full_width(d) : 2;
		return op;
	}
	/* no operand: the ModRM byte is part of the opcode, and so are 66, f2, f3 */
	if (d->opsize || (insn->flags & (PVM_INSN_REP | PVM_INSN_REPNE)))
		return PVM_OP_NONE;
	switch ((insn->reg & 7) << 3 | (insn->rm & 7)) {
	case 0x08:
		return PVM_OP_MONITOR;
	case 0x09:
		return PVM_OP_MWAIT;
	case 0x11:
		return PVM_OP_XSETBV;
	case 0x38:
		return PVM_OP_SWAPGS;
	case 0x39:
		return PVM_OP_RDTSCP;
	}
	return PVM_OP_NONE;
}

/* ud2 "xen", then cpuid and nothing else; no prefix anywhere, as in Xen. */
static u8 forced_op(struct decoder *d, u8 op)
{
	static const u8 tail[5] = { 0x78, 0x65, 0x6e, 0x0f, 0xa2 };
	u32 i;

	if (d->pos != 2)
		return PVM_OP_NONE;
	for (i = 0; i < sizeof(tail); i++)
		if (take(d) != tail[i])
			return PVM_OP_NONE;
	return op;
}

/* Operands of one opcode; the operation, or PVM_OP_NONE. */
static u8 take_operands(struct decoder *d, u32 opcode, struct row row)
{
	struct pvm_insn *insn = d->insn;
	u8 wide = opcode & 1;

	switch (row.form) {
	case FORM_UNKNOWN:
		return PVM_OP_NONE;
	case FORM_PLAIN:
		if (row.op == PVM_OP_WBINVD && (insn->flags & PVM_INSN_REP))
			return PVM_OP_WBNOINVD;
		return row.op;
	case FORM_MR:
		take_modrm(d);
		insn->bytes = wide ? full_width(d) : 1;
		name_byte_register(d);
		return insn->flags & PVM_INSN_MEM ? row.op : PVM_OP_NONE;
	case FORM_MR_FULL:
		take_modrm(d);
		insn->bytes = full_width(d);
		return insn->flags & PVM_INSN_MEM ? row.op : PVM_OP_NONE;
	case FORM_MOVNTI:
		take_modrm(d);
		insn->bytes = full_width(d);
		if (d->opsize || (insn->flags & (PVM_INSN_REP | PVM_INSN_REPNE)))
			return PVM_OP_NONE;
		return insn->flags & PVM_INSN_MEM ? row.op : PVM_OP_NONE;
	case FORM_MOV_IMM:
		take_modrm(d);
		insn->bytes = wide ? full_width(d) : 1;
		if ((insn->reg & 7) || !(insn->flags & PVM_INSN_MEM))
			return PVM_OP_NONE;
		take_imm(d, insn->bytes == 8 ? 4 : insn->bytes);
		insn->reg = PVM_REG_NONE;
		return row.op;
	case FORM_GROUP1:
		take_modrm(d);
		insn->bytes = wide ? full_width(d) : 1;
		row.op = group1[insn->reg & 7];
		if (!row.op || !(insn->flags & PVM_INSN_MEM))
			return PVM_OP_NONE;
		take_imm(d, opcode != 0x81 ? 1 : insn->bytes == 2 ? 2 : 4);
		insn->reg = PVM_REG_NONE;
		return row.op;
	case FORM_GROUP8:
		take_modrm(d);
		insn->bytes = full_width(d);
		row.op = group8[insn->reg & 7];
		if (!row.op || !(insn->flags & PVM_INSN_MEM))
			return PVM_OP_NONE;
		take_imm(d, 1);
		insn->reg = PVM_REG_NONE;
		return row.op;
	case FORM_GROUP9:
		take_modrm(d);
		insn->bytes = d->rex & REX_W ? 16 : 8;
		return (insn->flags & PVM_INSN_MEM) && (insn->reg & 7) == 1 ? row.op : PVM_OP_NONE;
	case FORM_GROUP6:
		return group6_op(d);
	case FORM_GROUP7:
		return group7_op(d);
	case FORM_CR:
		take_registers(d);
		/* only 0, 2, 3, 4 and 8 exist */
		return 0x11du >> insn->reg & 1 ? row.op : PVM_OP_NONE;
	case FORM_DR:
		take_registers(d);
		return insn->reg < 8 ? row.op : PVM_OP_NONE;
	case FORM_SREG:
		take_modrm(d);
		insn->bytes = 2;
		if (row.op == PVM_OP_MOV_FROM_SREG && !(insn->flags & PVM_INSN_MEM))
			insn->bytes = full_width(d);
		if (insn->reg > PVM_SEG_GS)
			return PVM_OP_NONE;
		if (row.op == PVM_OP_MOV_TO_SREG && insn->reg == PVM_SEG_CS)
			return PVM_OP_NONE;
		return row.op;
	case FORM_POP_FS:
	case FORM_POP_GS:
		insn->reg = row.form == FORM_POP_FS ? PVM_SEG_FS : PVM_SEG_GS;
		insn->bytes = d->opsize ? 2 : 8;
		return row.op;
	case FORM_IO_IMM:
		insn->bytes = io_width(d, opcode);
		insn->imm = take(d);
		insn->flags |= PVM_INSN_IMM;
		return row.op;
	case FORM_IO_DX:
		insn->bytes = io_width(d, opcode);
		return row.op;
	case FORM_INS:
	case FORM_OUTS:
		insn->bytes = io_width(d, opcode);
		insn->flags |= PVM_INSN_MEM;
		insn->base = row.form == FORM_INS ? PVM_REG_RDI : PVM_REG_RSI;
		if (row.form == FORM_INS)
			insn->seg = PVM_SEG_ES;		/* cannot be overridden */
		return row.op;
	case FORM_IRET:
		insn->bytes = full_width(d);
		return row.op;
	case FORM_INT:
		insn->imm = take(d);
		insn->flags |= PVM_INSN_IMM;
		return row.op;
	default:
		return forced_op(d, row.op);
	}
}

/* Prefixes and opcode. REX counts only right before the opcode. */
static u32 take_opcode(struct decoder *d)
{
	struct pvm_insn *insn = d->insn;

	for (;;) {
		u8 b = take(d);

		switch (b) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			break;	/* segments without a base: no effect in 64-bit code */
		case 0x64:
			insn->seg = PVM_SEG_FS;
			break;
		case 0x65:
			insn->seg = PVM_SEG_GS;
			break;
		case 0x66:
			d->opsize = true;
			break;
		case 0x67:
			insn->flags |= PVM_INSN_ADDR32;
			break;
		case 0xf0:
			insn->flags |= PVM_INSN_LOCK;
			break;
		case 0xf2:
			insn->flags = (insn->flags & ~PVM_INSN_REP) | PVM_INSN_REPNE;
			break;
		case 0xf3:
			insn->flags = (insn->flags & ~PVM_INSN_REPNE) | PVM_INSN_REP;
			break;
		default:
			if ((b & 0xf0) == 0x40) {
				d->rex = b;
				continue;
			}
			return b == 0x0f ? TWO | take(d) : b;
		}
		d->rex = 0;
	}
}

/* LOCK is #UD but on these; xchg with memory has it built in. */
static bool may_lock(u8 op)
{
	return (op >= PVM_OP_XCHG && op <= PVM_OP_BTC) || op == PVM_OP_REFUSED;
}

enum pvm_op pvm_decode(const u8 *bytes, u32 len, struct pvm_insn *insn)
{
	struct decoder d = {
		.bytes = bytes,
		.len = len < PVM_INSN_MAX ? len : PVM_INSN_MAX,
		.insn = insn,
	};
	u32 opcode;
	u8 op;

	*insn = (struct pvm_insn){
		.reg = PVM_REG_NONE, .rm = PVM_REG_NONE,
		.base = PVM_REG_NONE, .index = PVM_REG_NONE, .seg = PVM_SEG_DS,
	};
	opcode = take_opcode(&d);
	op = take_operands(&d, opcode, opcodes[opcode]);
	if ((insn->flags & PVM_INSN_LOCK) && !may_lock(op))
		op = PVM_OP_NONE;
	if (d.dry)
		op = len < PVM_INSN_MAX ? PVM_OP_MORE : PVM_OP_NONE;
	if (op == PVM_OP_XCHG)
		insn->flags |= PVM_INSN_LOCK;
	insn->op = op;
	if (op > PVM_OP_MORE)
		insn->length = d.pos;
	return op;
}

/* Where struct pvm_regs keeps the register an instruction calls n. */
static const u8 reg_offset[16] = {
	offsetof(struct pvm_regs, rax), offsetof(struct pvm_regs, rcx),
	offsetof(struct pvm_regs, rdx), offsetof(struct pvm_regs, rbx),
	offsetof(struct pvm_regs, rsp), offsetof(struct pvm_regs, rbp),
	offsetof(struct pvm_regs, rsi), offsetof(struct pvm_regs, rdi),
	offsetof(struct pvm_regs, r8), offsetof(struct pvm_regs, r9),
	offsetof(struct pvm_regs, r10), offsetof(struct pvm_regs, r11),
	offsetof(struct pvm_regs, r12), offsetof(struct pvm_regs, r13),
	offsetof(struct pvm_regs, r14), offsetof(struct pvm_regs, r15),
};

static u64 width_mask(u8 bytes)
{
	return bytes >= 8 ? ~0ull : (1ull << (8 * bytes)) - 1;
}

u64 pvm_reg_read(const struct pvm_regs *regs, u8 reg, u8 bytes)
{
	const char *r = (const char *)regs;

	if (reg > PVM_REG_BH)
		return 0;
	if (reg >= PVM_REG_AH)
		return *(const u64 *)(r + reg_offset[reg - PVM_REG_AH]) >> 8 & 0xff;
	return *(const u64 *)(r + reg_offset[reg]) & width_mask(bytes);
}

void pvm_reg_write(struct pvm_regs *regs, u8 reg, u8 bytes, u64 value)
{
	u64 *p, mask = width_mask(bytes);

	if (reg > PVM_REG_BH)
		return;
	if (reg >= PVM_REG_AH) {
		p = (u64 *)((char *)regs + reg_offset[reg - PVM_REG_AH]);
		*p = (*p & ~0xff00ull) | (value & 0xff) << 8;
		return;
	}
	p = (u64 *)((char *)regs + reg_offset[reg]);
	if (bytes == 4)
		*p = value & mask;
	else
		*p = (*p & ~mask) | (value & mask);
}

u64 pvm_insn_address(const struct pvm_insn *insn, const struct pvm_regs *regs, u64 fs_base,
		     u64 gs_base)
{
	u64 a = (u64)(s64)insn->disp;

	if (insn->flags & PVM_INSN_RIP)
		a += regs->rip + insn->length;
	a += pvm_reg_read(regs, insn->base, 8);
	a += pvm_reg_read(regs, insn->index, 8) << insn->scale;
	if (insn->flags & PVM_INSN_ADDR32)
		a = (u32)a;
	if (insn->seg == PVM_SEG_FS)
		a += fs_base;
	else if (insn->seg == PVM_SEG_GS)
		a += gs_base;
	return a;
}

/* ---- arithmetic of page-table writes ---- */

#define FL_ARITH (PVM_FL_CF | PVM_FL_PF | PVM_FL_AF | PVM_FL_ZF | PVM_FL_SF | PVM_FL_OF)

/*
 * SF, ZF and PF of a result. PF looks at the low byte only: 0x9669 has bit n set when n has an even
 * number of ones.
 */
static u64 result_flags(u64 r, u64 sign)
{
	u64 fl = 0;

	if (!r)
		fl |= PVM_FL_ZF;
	if (r & sign)
		fl |= PVM_FL_SF;
	if (0x9669 >> ((r ^ r >> 4) & 15) & 1)
		fl |= PVM_FL_PF;
	return fl;
}

static u64 add_flags(u64 a, u64 b, u64 r, u64 sign)
{
	u64 fl = result_flags(r, sign);

	if (r < a)
		fl |= PVM_FL_CF;
	if ((a ^ r) & (b ^ r) & sign)
		fl |= PVM_FL_OF;
	return fl | ((a ^ b ^ r) & PVM_FL_AF);
}

static u64 sub_flags(u64 a, u64 b, u64 r, u64 sign)
{
	u64 fl = result_flags(r, sign);

	if (a < b)
		fl |= PVM_FL_CF;
	if ((a ^ b) & (a ^ r) & sign)
		fl |= PVM_FL_OF;
	return fl | ((a ^ b ^ r) & PVM_FL_AF);
}

/* CF gets the old bit; SDM leaves the other five undefined, CPUs leave them alone. */
static u64 bit_flags(u64 rflags, u64 old, u64 bit)
{
	return (rflags & FL_ARITH & ~PVM_FL_CF) | (old & bit ? PVM_FL_CF : 0);
}

int pvm_alu_apply(const struct pvm_insn *insn, const struct pvm_regs *regs, u64 old,
		  struct pvm_alu_result *res)
{
	u64 mask = width_mask(insn->bytes), sign = mask ^ mask >> 1, src, rax, bit, fl;

	if (!pvm_op_is_alu(insn->op))
		return -EINVAL;
	if (insn->flags & PVM_INSN_IMM)
		src = insn->imm & mask;
	else
		src = pvm_reg_read(regs, insn->reg, insn->bytes);
	bit = 1ull << (src & (8 * insn->bytes - 1));
	old &= mask;
	fl = regs->rflags & FL_ARITH;
	*res = (struct pvm_alu_result){ .wb_reg = PVM_REG_NONE, .store = true };

	switch (insn->op) {
	case PVM_OP_MOV:
		res->new = src;
		break;
	case PVM_OP_XCHG:
		res->new = src;
		res->wb_reg = insn->reg;
		break;
	case PVM_OP_CMPXCHG:
		rax = pvm_reg_read(regs, PVM_REG_RAX, insn->bytes);
		fl = sub_flags(rax, old, (rax - old) & mask, sign);
		res->store = rax == old;
		res->new = res->store ? src : old;
		if (!res->store)
			res->wb_reg = PVM_REG_RAX;
		break;
	case PVM_OP_XADD:
		res->wb_reg = insn->reg;
		fallthrough;
	case PVM_OP_ADD:
		res->new = (old + src) & mask;
		fl = add_flags(old, src, res->new, sign);
		break;
	case PVM_OP_SUB:
		res->new = (old - src) & mask;
		fl = sub_flags(old, src, res->new, sign);
		break;
	case PVM_OP_OR:
		res->new = old | src;
		fl = result_flags(res->new, sign);
		break;
	case PVM_OP_AND:
		res->new = old & src;
		fl = result_flags(res->new, sign);
		break;
	case PVM_OP_XOR:
		res->new = old ^ src;
		fl = result_flags(res->new, sign);
		break;
	case PVM_OP_BTS:
		res->new = old | bit;
		fl = bit_flags(fl, old, bit);
		break;
	case PVM_OP_BTR:
		res->new = old & ~bit;
		fl = bit_flags(fl, old, bit);
		break;
	default:			/* BTC */
		res->new = old ^ bit;
		fl = bit_flags(fl, old, bit);
		break;
	}
	res->wb_value = old;
	res->rflags = (regs->rflags & ~(FL_ARITH | PVM_FL_RF)) | fl;
	return 0;
}

void pvm_alu_commit(const struct pvm_insn *insn, const struct pvm_alu_result *res,
		    struct pvm_regs *regs)
{
	pvm_reg_write(regs, res->wb_reg, insn->bytes, res->wb_value);
	regs->rflags = res->rflags;
	regs->rip += insn->length;
}
