/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A that a kernel can drive without an interrupt, whose other end is two rings in shared memory.
 *
 * It never makes its kernel wait: the transmitter is always empty, what nobody reads is overwritten. A kernel that
 * has nothing to print and no open tty never touches it, and so never exits.
 *
 * Pure, also run on CPUs that are outside Linux. The rings are shared with a user of the console and with the
 * partition's other CPUs, all of them hostile: own counters are kept in struct pvm_uart, every index is masked.
 */
#ifndef PVM_PART_UART_H
#define PVM_PART_UART_H

#include <linux/types.h>
#include <linux/pvm_part.h>

/**
 * struct pvm_uart - the registers, one per partition
 * @ier, @lcr, @mcr, @scr, @dll, @dlm: as written
 * @fifo:	FIFOs are on
 * @thri:	"transmitter empty" has not been told in IIR yet
 * @loop_full:	@loop was "sent" in loopback mode and not read yet
 * @loop:	that byte
 * @out_head:	the true value of pvm_part_console.out_head
 * @in_tail:	the true value of pvm_part_console.in_tail
 */
struct pvm_uart {
	u8 ier, lcr, mcr, scr, dll, dlm;
	bool fifo, thri, loop_full;
	u8 loop;
	u32 out_head;
	u32 in_tail;
};

/**
 * pvm_uart_reset - registers as after power-on; the rings go on where they are
 * @u:		UART
 * @con:	the rings
 *
 * Context: any, no CPU of the partition runs.
 */
void pvm_uart_reset(struct pvm_uart *u, const struct pvm_part_console *con);

/**
 * pvm_uart_in - read a register
 * @u:		UART
 * @con:	the rings
 * @reg:	0..7
 *
 * Context: any.
 * Return: its value.
 */
u8 pvm_uart_in(struct pvm_uart *u, struct pvm_part_console *con, u32 reg);

/**
 * pvm_uart_out - write a register
 * @u:		UART
 * @con:	the rings
 * @reg:	0..7
 * @value:	what is written
 *
 * Context: any.
 */
void pvm_uart_out(struct pvm_uart *u, struct pvm_part_console *con, u32 reg, u8 value);

#endif /* PVM_PART_UART_H */
