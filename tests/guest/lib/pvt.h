/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a test kernel can use: hypercalls, result lines, traps, page tables, user mode, events.
 *
 * A test is a file with test_main(). It runs in guest kernel mode on an own stack, with all events
 * masked, shared_info mapped and a trap table in which every vector is caught. When it returns, the
 * library powers the guest off, with reason "crash" if a check failed.
 *
 * Nothing here assumes that frame numbers are identical to the place in memory: machine frames come
 * from the p2m list, so a test can also be started as the first domain of a real Xen, which is how
 * its expectations were checked. on_xen tells the tests that must differ there.
 */
#ifndef PVT_H
#define PVT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

typedef uint64_t u64;
typedef int64_t s64;
typedef uint32_t u32;
typedef uint16_t u16;
typedef uint8_t u8;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define barrier()	asm volatile("" ::: "memory")

#define VIRT_BASE	0xffffffff80000000ull
#define PAGE_BYTES	4096ull
#define HOLE_START	0xffff800000000000ull
#define HOLE_END	0xffff880000000000ull
#define FLAT_CS		0xe033
#define FLAT_SS		0xe02b

/* errors of public/errno.h used by the tests */
#define E_PERM		1
#define E_NOENT		2
#define E_SRCH		3
#define E_ACCES		13
#define E_FAULT		14
#define E_BUSY		16
#define E_EXIST		17
#define E_INVAL		22
#define E_NOSPC		28
#define E_NOSYS		38
#define E_OPNOTSUPP	95

/* ---- hypercalls ----------------------------------------------------------------------------- */

static inline long hc5(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	register u64 r10 asm("r10") = d;
	register u64 r8 asm("r8") = e;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8)
		     : "0"(nr) : "rcx", "r11", "memory");
	return ret;
}

#define hc4(nr, a, b, c, d)	hc5(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), 0)
#define hc3(nr, a, b, c)	hc4(nr, a, b, c, 0)
#define hc2(nr, a, b)		hc4(nr, a, b, 0, 0)
#define hc1(nr, a)		hc4(nr, a, 0, 0, 0)
#define hc0(nr)			hc4(nr, 0, 0, 0, 0)

long mmuext(u32 cmd, u64 arg1, u64 arg2);		/* one operation, DOMID_SELF */
long mmu_update1(u64 ptr, u64 val);			/* one request */
long va_map(u64 va, u64 pte, u64 flags);		/* update_va_mapping */
long evtchn(u32 cmd, void *arg);
long sched(u32 cmd, void *arg);

/* ---- results -------------------------------------------------------------------------------- */

void pr(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool ok(bool cond, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool eq(const char *name, u64 got, u64 want);		/* ok() that shows both numbers */
void skip(const char *name);
void finish(void) __attribute__((noreturn));
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
extern const char pvt_name[];				/* of the test, from the build */
void test_main(void);
void test_early(void);		/* optional: before the library has done a single hypercall */

/* ---- boot ----------------------------------------------------------------------------------- */

struct boot_regs {
	u64 rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 cs, ss, ds, es, fs, gs, rflags;
};

extern struct boot_regs boot_regs;
extern struct start_info *si;
extern struct shared_info *sh;		/* mapped by the library */
extern struct vcpu_info *vi;		/* of vCPU 0; a test that moves it changes this */
extern bool on_xen;			/* a real hypervisor below: some rules are stricter */
extern char pvt_image_start[], pvt_image_end[], pvt_user_start[], pvt_user_end[];
bool cmdline_has(const char *word);

/* ---- traps ---------------------------------------------------------------------------------- */

/* As trap_return pops it: from rax on it is the frame of HYPERVISOR_iret. */
struct regs {
	u64 r15, r14, r13, r12, rbx, rbp, r10, r9, r8, rdx, rsi, rdi;
	u64 rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
	/* how it came, not part of the frame */
	u64 vector, error, has_error;
	u64 entry_rsp;		/* where the frame of the hypervisor started */
	u64 entry_rflags;	/* flags in force in the handler */
	u64 entry_mask;		/* evtchn_upcall_mask in the handler */
	u64 cr2;		/* vcpu_info's */
};

#define VEC_EVENT	0x100
#define VEC_FAILSAFE	0x101
#define VEC_SYSCALL	0x102
#define VEC_SYSENTER	0x103
#define VEC_SYSCALL32	0x104
#define NR_VECS		0x106

extern struct regs last;		/* the last trap that was no event */
extern u64 trap_count[NR_VECS];
extern u64 resume_rip;			/* a kernel-mode trap goes on here, once */
extern void (*trap_hook[NR_VECS])(struct regs *r);	/* changes r and returns: goes on with it */
extern char pvt_stubs[];

u64 stub(u32 vector);			/* address of its entry */
long trap_set(u32 vector, u32 flags);	/* point a vector at its stub with these flags */
long trap_clear(u32 vector);
long callback(u32 type, u32 flags, u64 address);
void trap_return(struct regs *r) __attribute__((noreturn));
extern char iret_syscall[];

/*
 * Run instructions that may trap: goes on behind them either way. Result: vector + 1, 0 if none.
 * The operands may be used by the instructions; everything they change must be in @clobber.
 */
#define TRY(insns, ...)									\
({											\
	u64 try_before = pvt_traps;							\
	asm volatile("movq $771f, resume_rip\n\t" insns "\n771:\n\tmovq $0, resume_rip"	\
		     __VA_ARGS__);							\
	pvt_traps == try_before ? 0 : last.vector + 1;					\
})
extern volatile u64 pvt_traps;		/* traps taken, events left out */

u32 try_read(u64 va, u64 *val);		/* like TRY: vector + 1, 0 if it could be read */
u32 try_write(u64 va, u64 val);
u32 try_exec(u64 va);			/* call it; a RET must be there if it is executable */

/* ---- memory --------------------------------------------------------------------------------- */

#define P_P	0x001ull
#define P_W	0x002ull
#define P_U	0x004ull
#define P_A	0x020ull
#define P_D	0x040ull
#define P_NX	(1ull << 63)
#define P_FRAME	0x000ffffffffff000ull
#define P_RW	(P_P | P_W | P_A | P_D)
#define P_RO	(P_P | P_A)
#define P_TABLE	(P_P | P_W | P_U | P_A | P_D)

#define SCRATCH_VA	0xffffc90000000000ull	/* kernel half, nothing mapped at boot */
#define USER_VA		0x0000000000400000ull	/* the section .user appears here */
#define USER_DATA	0x0000000000600000ull	/* eight pages, writable; stack grows down from its end */
#define USER_STACK	(USER_DATA + 8 * PAGE_BYTES)

void *page_alloc(void);			/* zeroed page of the image; never given back */
u64 va_mfn(const void *va);		/* machine frame of an address of the image */
u64 va_maddr(const void *va);
void *mfn_va(u64 mfn);			/* NULL: not in the boot mapping */
u64 l4_mfn(void);			/* the kernel root in use */
void set_l4(u64 mfn);
u64 *walk(u64 va, int level);		/* entry of that level in the guest's own tables, NULL */
long set_pte(u64 *entry, u64 val);	/* by mmu_update */
void set_ro(void *page);		/* the boot mapping of a page */
void set_rw(void *page);
void *table_alloc(void);		/* zeroed and read-only: may become a page table */
u64 *map_page(u64 va, u64 mfn, u64 flags);	/* makes missing tables; address of the entry */
void flush_all(void);

/* ---- user mode ------------------------------------------------------------------------------ */

void user_init(void);			/* user root, .user at USER_VA, data pages */
extern u64 user_l4_mfn;
extern u64 *user_l4;
extern u8 *user_data;			/* USER_DATA as the kernel sees it, 8 pages in a row */
u64 user_addr(const void *sym);		/* where code of section .user is in user mode */
void user_regs(struct regs *r, const void *code);	/* fresh register set to start it */
void user_enter(struct regs *r);	/* returns at the next trap from user mode; see last */
void user_leave(void) __attribute__((noreturn));
bool user_run(const void *code);	/* both, true if it came back by SYSCALL */

/* ---- events --------------------------------------------------------------------------------- */

extern u64 upcalls;			/* event callbacks taken */
extern u64 port_count[4096];		/* pending ports seen and cleared by the callback */
extern void (*upcall_hook)(struct regs *r);
static inline void events_on(void)	/* unmask and look again, as the ABI wants it */
{
	vi->evtchn_upcall_mask = 0;
	barrier();
	if (READ_ONCE(vi->evtchn_upcall_pending))
		hc2(__HYPERVISOR_xen_version, 0, 0);
}

static inline void events_off(void)
{
	vi->evtchn_upcall_mask = 1;
	barrier();
}

void port_mask(u32 port);
void port_unmask(u32 port);		/* local unmask: by memory alone */
bool port_pending(u32 port);
u32 bind_virq(u32 virq);
u32 bind_ipi(void);

/* ---- time and machine ----------------------------------------------------------------------- */

u64 rdtsc(void);
u64 now_ns(void);			/* system time by the pvclock record in use */
void block_until(u64 ns);		/* events are off afterwards; a timer is set */
u64 rnd(void);				/* xorshift, the same sequence each boot */
struct cpuid { u32 a, b, c, d; };
struct cpuid fep_cpuid(u32 leaf, u32 sub);
struct cpuid native_cpuid(u32 leaf, u32 sub);
u32 try_rdmsr(u32 msr, u64 *val);
u32 try_wrmsr(u32 msr, u64 val);

void *memset(void *d, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#endif /* PVT_H */
