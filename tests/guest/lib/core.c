// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start, result lines, hypercall wrappers, small helpers.
 *
 * Output goes through HYPERVISOR_console_io alone: it needs no ring, no event and no memory that a
 * broken driver could have mapped wrongly, so a result line is seen as long as hypercalls work.
 */
#include "pvt.h"

struct start_info *si;
struct shared_info *sh;
struct vcpu_info *vi;
bool on_xen;

static u8 shared_page[PAGE_BYTES] __attribute__((aligned(4096)));
static u32 nr_ok, nr_bad;
static char line[512];

void pvt_start(struct start_info *info);
void traps_init(void);

void *memset(void *d, int c, size_t n)
{
	u8 *p = d;

	while (n--)
		*p++ = c;
	return d;
}

void *memcpy(void *d, const void *s, size_t n)
{
	const u8 *q = s;
	u8 *p = d;

	while (n--)
		*p++ = *q++;
	return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

static size_t put_number(char *out, u64 v, u32 base, int width, char fill)
{
	char tmp[24];
	size_t n = 0, i = 0;

	do {
		tmp[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (width-- > (int)n)
		out[i++] = fill;
	while (n)
		out[i++] = tmp[--n];
	return i;
}

/* %s %c %d %u %x %p with l and a width; enough for result lines. */
static size_t format(char *out, size_t room, const char *f, va_list ap)
{
	size_t n = 0;

	for (; *f && n + 24 < room; f++) {
		bool is_long = false;
		char fill = ' ';
		int width = 0;
		const char *s;
		u64 v;

		if (*f != '%') {
			out[n++] = *f;
			continue;
		}
		f++;
		if (*f == '#')
			f++, out[n++] = '0', out[n++] = 'x';
		if (*f == '0')
			fill = '0';
		while (*f >= '0' && *f <= '9')
			width = width * 10 + *f++ - '0';
		while (*f == 'l')
			is_long = true, f++;
		switch (*f) {
		case 's':
			for (s = va_arg(ap, const char *); *s && n + 24 < room; s++)
				out[n++] = *s;
			break;
		case 'c':
			out[n++] = va_arg(ap, int);
			break;
		case 'd':
			v = is_long ? va_arg(ap, u64) : (u64)(s64)va_arg(ap, int);
			if ((s64)v < 0)
				out[n++] = '-', v = -v;
			n += put_number(out + n, v, 10, width, fill);
			break;
		case 'p':
			is_long = true;
			/* fall through */
		case 'x':
		case 'u':
			v = is_long ? va_arg(ap, u64) : va_arg(ap, u32);
			n += put_number(out + n, v, *f == 'u' ? 10 : 16, width, fill);
			break;
		default:
			out[n++] = *f;
		}
	}
	return n;
}

static void write_line(size_t n)
{
	hc3(__HYPERVISOR_console_io, 0, n, line);
}

static size_t add_format(size_t n, const char *fmt, va_list ap)
{
	return n + format(line + n, sizeof(line) - n - 1, fmt, ap);
}

static size_t add(size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	n = add_format(n, fmt, ap);
	va_end(ap);
	return n;
}

void pr(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(add_format(0, fmt, ap));
	va_end(ap);
}

bool ok(bool cond, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (cond)
		nr_ok++;
	else
		nr_bad++;
	n = add(0, "%sok - %s: ", cond ? "" : "not ", pvt_name);
	va_start(ap, fmt);
	n = add_format(n, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	write_line(n);
	return cond;
}

bool eq(const char *name, u64 got, u64 want)
{
	if (ok(got == want, "%s", name))
		return true;
	pr("#   got %#lx, expected %#lx\n", got, want);
	return false;
}

void skip(const char *name)
{
	pr("skip - %s: %s\n", pvt_name, name);
}

static void __attribute__((noreturn)) shutdown(u32 reason)
{
	struct sched_shutdown arg = { .reason = reason };

	for (;;)
		sched(SCHEDOP_shutdown, &arg);
}

void finish(void)
{
	pr("# %s: %u passed, %u failed\n", pvt_name, nr_ok, nr_bad);
	shutdown(nr_bad ? SHUTDOWN_crash : SHUTDOWN_poweroff);
}

void die(const char *fmt, ...)
{
	va_list ap;
	size_t n;

	n = add(0, "not ok - %s: ", pvt_name);
	va_start(ap, fmt);
	n = add_format(n, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	write_line(n);
	shutdown(SHUTDOWN_crash);
}

long sched(u32 cmd, void *arg)
{
	return hc2(__HYPERVISOR_sched_op, cmd, arg);
}

long evtchn(u32 cmd, void *arg)
{
	return hc2(__HYPERVISOR_event_channel_op, cmd, arg);
}

bool cmdline_has(const char *word)
{
	const char *c = (const char *)si->cmd_line;
	size_t n = strlen(word);

	while (*c) {
		if (!memcmp(c, word, n) && (c[n] == ' ' || !c[n]))
			return true;
		while (*c && *c != ' ')
			c++;
		while (*c == ' ')
			c++;
	}
	return false;
}

__attribute__((weak)) void test_early(void)
{
}

void pvt_start(struct start_info *info)
{
	si = info;
	on_xen = si->flags & SIF_INITDOMAIN;
	test_early();
	if (va_map((u64)shared_page, si->shared_info | P_RW, UVMF_INVLPG))
		die("shared_info cannot be mapped");
	sh = (struct shared_info *)shared_page;
	vi = &sh->vcpu_info[0];
	traps_init();
	test_main();
	finish();
}
