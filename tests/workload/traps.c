// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user mode sees of exceptions: signal, code, address, registers, for each kind of trap; single-stepping
 * by flag and by ptrace; 32-bit system calls; instructions that UMIP catches; the vsyscall page. The lines
 * between BEGIN and END are the same on a bare machine and in a guest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "tap.h"

static sigjmp_buf jump;
static volatile int sig, code, err, trapno;
static volatile uintptr_t addr, rip;
static volatile long steps;

static void on_signal(int s, siginfo_t *si, void *ctx)
{
	ucontext_t *u = ctx;

	sig = s, code = si->si_code, addr = (uintptr_t)si->si_addr;
	rip = u->uc_mcontext.gregs[REG_RIP];
	err = u->uc_mcontext.gregs[REG_ERR];
	trapno = u->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(jump, 1);
}

static void on_step(int s, siginfo_t *si, void *ctx)
{
	ucontext_t *u = ctx;

	(void)s, (void)si;
	if (++steps > 100000)
		u->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

/* Where a fault lies is printed as an offset: addresses are random. */
#define TRAP(name, ...)									\
do {											\
	sig = 0;									\
	if (!sigsetjmp(jump, 1)) {							\
		__VA_ARGS__;								\
	}										\
	printf("%s: signal %d code %d trap %d error %#x addr %s\n", name, sig, code, trapno, err, \
	       !sig || !addr ? "0" : addr == rip ? "rip" : addr < 0x10000 ? "low" : "other"); \
} while (0)

static void faults(void)
{
	static uint8_t ro[4096] __attribute__((aligned(4096)));
	uint8_t *nx = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	nx[0] = 0xc3;
	mprotect(ro, 4096, PROT_READ);
	TRAP("div by zero", asm volatile("xor %%ecx,%%ecx\n\txor %%edx,%%edx\n\tdiv %%ecx" : : : "rax", "rcx", "rdx"));
	TRAP("int3", asm volatile("int3"));
	TRAP("int1", asm volatile(".byte 0xf1"));
	TRAP("ud2", asm volatile("ud2"));
	TRAP("hlt", asm volatile("hlt"));
	TRAP("cli", asm volatile("cli"));
	TRAP("in", asm volatile("inb $0x60, %%al" : : : "rax"));
	TRAP("mov cr0", asm volatile("mov %%cr0, %%rax" : : : "rax"));
	TRAP("rdmsr", asm volatile("rdmsr" : : "c"(0xc0000100) : "rax", "rdx"));
	TRAP("int 0x20", asm volatile("int $0x20"));
	TRAP("int 0xe", asm volatile("int $0xe"));
	TRAP("null read", asm volatile("mov 0, %%rax" : : : "rax"));
	TRAP("null write", asm volatile("mov %%rax, 8" : : : "memory"));
	TRAP("null jump", asm volatile("push $1f\n\txor %%eax,%%eax\n\tcall *%%rax\n1:" : : : "rax", "memory"));
	TRAP("not canonical", asm volatile("mov (%0), %%rax" : : "r"(1ul << 60) : "rax"));
	TRAP("stack not canonical", asm volatile("mov %%rsp, %%rbx\n\tmov %0, %%rsp\n\tmov (%%rsp), %%rax\n\t"
		"mov %%rbx, %%rsp" : : "r"(1ul << 60) : "rax", "rbx"));
	TRAP("read-only", ro[5] = 1);
	TRAP("no execution", ((void (*)(void))nx)());
	TRAP("kernel half", asm volatile("mov (%0), %%rax" : : "r"(0xffffffff81000000) : "rax"));
	TRAP("hypervisor hole", asm volatile("mov (%0), %%rax" : : "r"(0xffff800000000000) : "rax"));
	TRAP("hypervisor hole, end", asm volatile("mov (%0), %%rax" : : "r"(0xffff878000000000) : "rax"));
	TRAP("bad selector", asm volatile("mov %0, %%ds" : : "r"(0x1234)));
	TRAP("iret to nowhere", asm volatile("pushq $0\n\tpushq $0\n\tpushq $0\n\tpushq $0\n\tpushq $0\n\tiretq"));
	TRAP("alignment", asm volatile("pushfq\n\torl $0x40000,(%%rsp)\n\tpopfq\n\tpushfq\n\tandl $~0x40000,(%%rsp)\n\t"
		"popfq" : : : "memory"));
}

static void odd_instructions(void)
{
	uint8_t tab[16];
	uint64_t v;

	TRAP("sgdt", asm volatile("sgdt %0" : "=m"(tab)));
	TRAP("sidt", asm volatile("sidt %0" : "=m"(tab)));
	TRAP("smsw", asm volatile("smsw %0" : "=r"(v)));
	TRAP("sldt", asm volatile("sldt %0" : "=r"(v)));
	TRAP("str", asm volatile("str %0" : "=r"(v)));
	TRAP("xgetbv", asm volatile("xgetbv" : : "c"(0) : "rax", "rdx"));
	TRAP("rdtsc", asm volatile("rdtsc" : : : "rax", "rdx"));
	TRAP("lsl", asm volatile("lsl %1, %0" : "=r"(v) : "r"(0x33ul)));
	TRAP("verr", asm volatile("verr %w0" : : "r"(0x2b)));
	TRAP("vmcall", asm volatile("vmcall"));
	TRAP("sysret", asm volatile("sysretq" : : "c"(0)));
	TRAP("swapgs", asm volatile("swapgs"));
	TRAP("vsyscall", ((long (*)(void *))0xffffffffff600400)(NULL));
}

static void system_calls(void)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "0"(20) : "memory");
	ok(ret == getpid(), "getpid by int 0x80");
	asm volatile("int $0x80" : "=a"(ret) : "0"(100000) : "memory");
	ok(ret == -ENOSYS, "unknown call by int 0x80 (%ld)", ret);
	ok(syscall(100000) == -1 && errno == ENOSYS, "unknown call by syscall");
	asm volatile("syscall" : "=a"(ret) : "0"(-1l) : "rcx", "r11", "memory");
	ok(ret == -ENOSYS, "call -1");
	{	/* registers over a system call */
		uint64_t v[6], flags;

		asm volatile("mov $8, %%r8d\n\tmov $9, %%r9d\n\tmov $12, %%r12d\n\tmov $13, %%r13d\n\tmov $39, %%eax\n\t"
			     "std\n\tstc\n\tsyscall\n\tpushfq\n\tpop %%rcx\n\tcld\n\tmov %%rax, 0(%1)\n\t"
			     "mov %%r8, 8(%1)\n\tmov %%r9, 16(%1)\n\tmov %%r12, 24(%1)\n\tmov %%r13, 32(%1)"
			     : "=c"(flags) : "b"(v)
			     : "rax", "r8", "r9", "r11", "r12", "r13", "memory", "cc");
		ok(v[0] == (uint64_t)getpid() && v[1] == 8 && v[2] == 9 && v[3] == 12 && v[4] == 13 &&
		   (flags & 0x401) == 0x401, "registers and flags over a system call");
	}
}

static void single_step(void)
{
	struct sigaction sa = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };
	long pid = 0;

	sigaction(SIGTRAP, &sa, NULL);
	steps = 0;
	asm volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop\n\tnop\n\tpushfq\n\tandl $~0x100, (%%rsp)\n\t"
		     "popfq" : : : "memory", "cc");
	printf("steps over 3 nops: %ld\n", steps);
	steps = 0;
	pid = SYS_getpid;
	asm volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tsyscall\n\tnop\n\tpushfq\n\tandl $~0x100, (%%rsp)\n\t"
		     "popfq" : "+a"(pid) : : "rcx", "r11", "memory", "cc");
	printf("steps over a system call: %ld\n", steps);
	steps = 0;
	pid = 20;
	asm volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tint $0x80\n\tnop\n\tpushfq\n\tandl $~0x100, (%%rsp)\n\t"
		     "popfq" : "+a"(pid) : : "memory", "cc");
	printf("steps over int 0x80: %ld\n", steps);
}

static void tracing(void)
{
	struct user_regs_struct r;
	long n = 0, calls = 0;
	int st;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		asm volatile("mov $50, %%ecx\n1: loop 1b\n\tmov $39, %%eax\n\tsyscall" : : : "rax", "rcx", "r11");
		_exit(7);
	}
	waitpid(pid, &st, 0);
	while (WIFSTOPPED(st)) {
		if (++n > 100000)
			break;
		ptrace(PTRACE_GETREGS, pid, 0, &r);
		if ((ptrace(PTRACE_PEEKTEXT, pid, r.rip, 0) & 0xffff) == 0x050f)
			calls++;
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		waitpid(pid, &st, 0);
	}
	ok(WIFEXITED(st) && WEXITSTATUS(st) == 7 && n > 55 && calls >= 2, "traced step by step to its end");
}

static void compat(void)
{
	char path[256] = "";
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 3);
	int st = -1;
	pid_t pid;

	if (n < 0)
		return;
	strcpy(path + n, "32");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execl(path, path, NULL);
		_exit(errno == ENOEXEC ? 77 : 78);
	}
	waitpid(pid, &st, 0);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		printf("skip - traps: no 32-bit programs here\n");
	else
		ok(WIFEXITED(st) && WEXITSTATUS(st) == 32, "32-bit program (%#x)", st);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	static uint8_t alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	int i;

	sigaltstack(&ss, NULL);
	for (i = 0; i < 4; i++)
		sigaction((int[]){ SIGSEGV, SIGILL, SIGFPE, SIGBUS }[i], &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	printf("BEGIN traps\n");
	faults();
	odd_instructions();
	single_step();
	printf("END traps\n");
	system_calls();
	tracing();
	compat();
	return tap_failed;
}
