// SPDX-License-Identifier: GPL-2.0-only
/*
 * The emulated 16550A; see uart.h.
 *
 * What Linux' autoconfig wants to see before it says "16550A": an IER whose low four bits stick and whose others do
 * not, modem lines that follow MCR in loopback mode, 11 in the top bits of IIR once the FIFO is on, and no sign of
 * a better chip in the places where those have one (register 2 never reads as 0 with DLAB set, does not follow
 * MCR's loop bit, never shows bit 5). test_uart plays that dialogue.
 */
#include <linux/compiler.h>
#include <linux/types.h>

#include "part/uart.h"

#define IER_RDI		0x01u
#define IER_THRI	0x02u
#define IER_MASK	0x0fu

#define IIR_NONE	0x01u
#define IIR_THRI	0x02u
#define IIR_RDI		0x04u
#define IIR_FIFO	0xc0u

#define LCR_DLAB	0x80u
#define MCR_MASK	0x1fu
#define MCR_LOOP	0x10u
#define LSR_DR		0x01u
#define LSR_IDLE	0x60u		/* THRE | TEMT: there is no wire to wait for */
#define MSR_LINES	0xb0u		/* DCD DSR CTS: somebody is there */

/* Bytes that can be read. A head that is nonsense drops what is in the ring, and costs no more. */
static u32 rx_bytes(struct pvm_uart *u, struct pvm_part_console *con)
{
	u32 head = READ_ONCE(con->in_head), n = head - READ_ONCE(u->in_tail);

	if (n > PVM_PART_IN_BYTES) {
		WRITE_ONCE(u->in_tail, head);
		WRITE_ONCE(con->in_tail, head);
		return 0;
	}
	return n;
}

static bool rx_ready(struct pvm_uart *u, struct pvm_part_console *con)
{
	return u->mcr & MCR_LOOP ? u->loop_full : rx_bytes(u, con) != 0;
}

static u8 rx_take(struct pvm_uart *u, struct pvm_part_console *con)
{
	u32 tail;
	u8 c;

	if (!rx_ready(u, con))
		return 0;
	if (u->mcr & MCR_LOOP) {
		u->loop_full = false;
		return u->loop;
	}
	tail = READ_ONCE(u->in_tail);
	c = READ_ONCE(con->in[tail % PVM_PART_IN_BYTES]);
	WRITE_ONCE(u->in_tail, tail + 1);
	WRITE_ONCE(con->in_tail, tail + 1);
	return c;
}

static void tx_put(struct pvm_uart *u, struct pvm_part_console *con, u8 c)
{
	u32 head = READ_ONCE(u->out_head);

	u->thri = true;
	if (u->mcr & MCR_LOOP) {
		u->loop = c;
		u->loop_full = true;
		return;
	}
	/* On x86 a reader that sees the new head also sees the byte: stores are not reordered. */
	WRITE_ONCE(con->out[head % PVM_PART_OUT_BYTES], c);
	WRITE_ONCE(u->out_head, head + 1);
	WRITE_ONCE(con->out_head, head + 1);
}

static u8 read_iir(struct pvm_uart *u, struct pvm_part_console *con)
{
	u8 iir = u->fifo ? IIR_FIFO : 0;

	if (u->ier & IER_RDI && rx_ready(u, con))
		return iir | IIR_RDI;
	if (u->ier & IER_THRI && u->thri) {
		u->thri = false;
		return iir | IIR_THRI;
	}
	return iir | IIR_NONE;
}

/* Loopback: RTS, DTR, OUT1, OUT2 come back as CTS, DSR, RI, DCD. */
static u8 modem_lines(const struct pvm_uart *u)
{
	u8 m = u->mcr;

	if (!(m & MCR_LOOP))
		return MSR_LINES;
	return (m & 1) << 5 | (m & 2) << 3 | (m & 0xc) << 4;
}

void pvm_uart_reset(struct pvm_uart *u, const struct pvm_part_console *con)
{
	*u = (struct pvm_uart){
		.dll = 1,
		.out_head = READ_ONCE(con->out_head),
		.in_tail = READ_ONCE(con->in_tail),
	};
}

u8 pvm_uart_in(struct pvm_uart *u, struct pvm_part_console *con, u32 reg)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case 0:
		return dlab ? u->dll : rx_take(u, con);
	case 1:
		return dlab ? u->dlm : u->ier;
	case 2:
		return read_iir(u, con);
	case 3:
		return u->lcr;
	case 4:
		return u->mcr;
	case 5:
		return LSR_IDLE | (rx_ready(u, con) ? LSR_DR : 0);
	case 6:
		return modem_lines(u);
	default:
		return u->scr;
	}
}

void pvm_uart_out(struct pvm_uart *u, struct pvm_part_console *con, u32 reg, u8 value)
{
	bool dlab = u->lcr & LCR_DLAB;

	switch (reg) {
	case 0:
		if (dlab)
			u->dll = value;
		else
			tx_put(u, con, value);
		break;
	case 1:
		if (dlab) {
			u->dlm = value;
			break;
		}
		if (value & IER_THRI && !(u->ier & IER_THRI))
			u->thri = true;		/* it is empty, and enabling says so */
		u->ier = value & IER_MASK;
		break;
	case 2:
		u->fifo = value & 1;
		break;
	case 3:
		u->lcr = value;
		break;
	case 4:
		u->mcr = value & MCR_MASK;
		break;
	case 7:
		u->scr = value;
		break;
	default:				/* LSR and MSR are read-only */
		break;
	}
}
