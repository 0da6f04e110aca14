/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instruction bytes to struct pvm_insn, for the closed list of instructions a guest may make us do.
 *
 * Two families. Writes to page tables: one memory operand, arithmetic by pvm_alu_apply(), carried
 * out by mmu/. Privileged instructions: only taken apart here, carried out by emul/emulate.c. All
 * else is PVM_OP_NONE. The bytes are read as 64-bit code; instructions of 32-bit user code reach us
 * only in forms that are the same in both modes (0f 34, the forced CPUID, cd nn).
 *
 * Pure. The address of a page-table write is not computed: the page fault told it. Alignment and
 * page crossing of the operand are the caller's business.
 */
#ifndef PVM_EMUL_DECODE_H
#define PVM_EMUL_DECODE_H

#include <linux/types.h>

#include "switcher/state.h"

#define PVM_INSN_MAX	15	/* SDM vol. 3, 24.25: a longer instruction is #GP */

enum pvm_op {
	PVM_OP_NONE,		/* not on the list */
	PVM_OP_MORE,		/* the bytes end inside the instruction: fetch further */
	/* a memory write we recognise and do not do: movs, stos, cmpxchg8b/16b */
	PVM_OP_REFUSED,

	/* page-table writes, [lock]; memory operand */
	PVM_OP_MOV,		/* register or immediate to memory, movnti too */
	PVM_OP_XCHG,
	PVM_OP_CMPXCHG,
	PVM_OP_XADD,
	PVM_OP_ADD,
	PVM_OP_OR,
	PVM_OP_AND,
	PVM_OP_SUB,
	PVM_OP_XOR,
	PVM_OP_BTS,
	PVM_OP_BTR,
	PVM_OP_BTC,

	/* privileged or sensitive */
	PVM_OP_WRMSR,
	PVM_OP_RDMSR,
	PVM_OP_RDPMC,
	PVM_OP_RDTSC,
	PVM_OP_RDTSCP,
	PVM_OP_CPUID,
	PVM_OP_FEP_CPUID,	/* ud2 "xen" cpuid; length counts all seven bytes */
	PVM_OP_MOV_FROM_CR,	/* @reg: control register, @rm: general register, 8 bytes */
	PVM_OP_MOV_TO_CR,
	PVM_OP_MOV_FROM_DR,
	PVM_OP_MOV_TO_DR,
	PVM_OP_CLTS,
	PVM_OP_WBINVD,
	PVM_OP_WBNOINVD,
	PVM_OP_INVD,
	PVM_OP_INVLPG,
	PVM_OP_XSETBV,
	PVM_OP_SWAPGS,
	PVM_OP_MONITOR,
	PVM_OP_MWAIT,
	PVM_OP_HLT,
	PVM_OP_CLI,
	PVM_OP_STI,
	PVM_OP_IN,		/* port: @imm with PVM_INSN_IMM, else DX; data in AL/AX/EAX */
	PVM_OP_OUT,
	PVM_OP_INS,		/* port DX, memory by pvm_insn_address(), PVM_INSN_REP */
	PVM_OP_OUTS,
	PVM_OP_LGDT,		/* memory, 10 bytes */
	PVM_OP_LIDT,
	PVM_OP_SGDT,
	PVM_OP_SIDT,
	PVM_OP_LLDT,		/* 2 bytes of memory or register @rm */
	PVM_OP_LTR,
	PVM_OP_LMSW,
	PVM_OP_SLDT,		/* 2 bytes of memory, or register @rm of @bytes */
	PVM_OP_STR,
	PVM_OP_SMSW,
	PVM_OP_MOV_TO_SREG,	/* @reg: segment register; 2 bytes of memory or register @rm */
	PVM_OP_MOV_FROM_SREG,	/* same; a register @rm is @bytes wide */
	PVM_OP_POP_SREG,	/* @reg: fs or gs; pops @bytes */
	PVM_OP_IRET,		/* @bytes: width of one stack slot */
	PVM_OP_INT,		/* @imm: vector */
	PVM_OP_SYSENTER,

	PVM_NR_OPS
};

/* General registers, numbered as in instructions; AH..BH only without REX, for byte operands. */
enum {
	PVM_REG_RAX, PVM_REG_RCX, PVM_REG_RDX, PVM_REG_RBX,
	PVM_REG_RSP, PVM_REG_RBP, PVM_REG_RSI, PVM_REG_RDI,
	PVM_REG_R8, PVM_REG_R9, PVM_REG_R10, PVM_REG_R11,
	PVM_REG_R12, PVM_REG_R13, PVM_REG_R14, PVM_REG_R15,
	PVM_REG_AH, PVM_REG_CH, PVM_REG_DH, PVM_REG_BH,
	PVM_REG_NONE = 0xff
};

enum { PVM_SEG_ES, PVM_SEG_CS, PVM_SEG_SS, PVM_SEG_DS, PVM_SEG_FS, PVM_SEG_GS };

#define PVM_INSN_MEM	(1u << 0)	/* memory operand: base, index, scale, disp, seg hold */
#define PVM_INSN_IMM	(1u << 1)	/* imm holds */
#define PVM_INSN_LOCK	(1u << 2)	/* lock prefix, or implied (xchg) */
#define PVM_INSN_REP	(1u << 3)	/* f3 */
#define PVM_INSN_REPNE	(1u << 4)	/* f2 */
#define PVM_INSN_RIP	(1u << 5)	/* address is relative to the next instruction */
#define PVM_INSN_ADDR32	(1u << 6)	/* address-size prefix: 32-bit address arithmetic */

/**
 * struct pvm_insn - one instruction taken apart
 * @op:		enum pvm_op
 * @length:	bytes of the instruction, prefixes included; 0 for NONE and MORE
 * @bytes:	operand width: 1, 2, 4, 8; 10 for descriptor-table pointers; 0 when there is no
 *	operand
 * @reg:	register operand (PVM_REG_*), or number of the control, debug or segment register
 * @rm:		register in the r/m place (PVM_REG_*) when PVM_INSN_MEM is clear, else PVM_REG_NONE
 * @flags:	PVM_INSN_*
 * @base:	PVM_REG_* or PVM_REG_NONE
 * @index:	PVM_REG_* or PVM_REG_NONE
 * @scale:	shift of the index, 0..3
 * @seg:	PVM_SEG_* the address is relative to; only FS and GS have a base in 64-bit code
 * @disp:	displacement
 * @imm:	immediate, sign-extended to 64 bits where the instruction does so (port, vector:
 *	zero-extended)
 */
struct pvm_insn {
	u8 op;
	u8 length;
	u8 bytes;
	u8 reg;
	u8 rm;
	u8 flags;
	u8 base, index, scale, seg;
	s32 disp;
	u64 imm;
};

/**
 * struct pvm_alu_result - what a page-table write does
 * @new:	value to store (its low insn->bytes bytes); equal to the old one when nothing
 *	changes
 * @rflags:	RFLAGS afterwards, RF cleared
 * @wb_reg:	general register written back (PVM_REG_*), PVM_REG_NONE none
 * @wb_value:	its value
 * @store:	false: the instruction leaves memory as it is (failed cmpxchg); no store is needed
 */
struct pvm_alu_result {
	u64 new;
	u64 rflags;
	u64 wb_value;
	u8 wb_reg;
	bool store;
};

/**
 * pvm_decode - take one instruction apart
 * @bytes:	instruction bytes
 * @len:	how many there are; more than 15 are ignored, none beyond is read
 * @insn:	result; fully written
 *
 * Context: any.
 * Return: the op, also in @insn. PVM_OP_MORE only when len < 15 and the bytes could still become a
 * known one.
 */
enum pvm_op pvm_decode(const u8 *bytes, u32 len, struct pvm_insn *insn);

/* Page-table write that pvm_alu_apply() can do. */
static inline bool pvm_op_is_alu(enum pvm_op op)
{
	return op >= PVM_OP_MOV && op <= PVM_OP_BTC;
}

/**
 * pvm_alu_apply - compute a page-table write
 * @insn:	decoded, pvm_op_is_alu()
 * @regs:	registers before it
 * @old:	memory operand before it; only insn->bytes bytes count
 * @res:	result
 *
 * The caller stores res->new with compare-and-exchange against @old, repeats on failure, then
 * pvm_alu_commit(). Register form of bts/btr/btc: the bit offset is taken modulo the operand width,
 * because the address the fault reported already includes the rest of it.
 *
 * Context: any.
 * Return: 0, or -EINVAL when @insn is no page-table write.
 */
int __must_check pvm_alu_apply(const struct pvm_insn *insn, const struct pvm_regs *regs, u64 old,
			       struct pvm_alu_result *res);

/**
 * pvm_alu_commit - registers after a page-table write: flags, write-back, next instruction
 * @insn:	the instruction
 * @res:	of pvm_alu_apply()
 * @regs:	updated
 *
 * Context: any. A set TF is the caller's to turn into #DB.
 */
void pvm_alu_commit(const struct pvm_insn *insn, const struct pvm_alu_result *res,
		    struct pvm_regs *regs);

/**
 * pvm_insn_address - linear address of the memory operand
 * @insn:	decoded with PVM_INSN_MEM
 * @regs:	registers before the instruction; rip points at it
 * @fs_base:	base of FS
 * @gs_base:	base of the active GS
 *
 * Context: any.
 * Return: the address, not checked: the caller tests pvm_is_guest_va() on both ends of the access.
 */
u64 pvm_insn_address(const struct pvm_insn *insn, const struct pvm_regs *regs, u64 fs_base,
		     u64 gs_base);

/**
 * pvm_reg_read - value of a general register operand
 * @regs:	registers
 * @reg:	PVM_REG_RAX..PVM_REG_BH; anything else reads as 0
 * @bytes:	1, 2, 4 or 8
 *
 * Context: any.
 * Return: the value, zero-extended.
 */
u64 pvm_reg_read(const struct pvm_regs *regs, u8 reg, u8 bytes);

/**
 * pvm_reg_write - write a general register operand as the CPU does
 * @regs:	registers
 * @reg:	PVM_REG_RAX..PVM_REG_BH; anything else is ignored
 * @bytes:	1 and 2 keep the rest of the register, 4 clears the upper half
 * @value:	the value
 *
 * Context: any.
 */
void pvm_reg_write(struct pvm_regs *regs, u8 reg, u8 bytes, u64 value);

#endif /* PVM_EMUL_DECODE_H */
