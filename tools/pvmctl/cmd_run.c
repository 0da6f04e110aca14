// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl run: boot a kernel as a guest and be its console, or leave it in the background.
 *
 * In order: check what was asked without touching anything, build the guest's userland, then (in a
 * child for --detach, since libpvm's handles do not survive a fork) create, load, start, serve. The
 * parent of a detached guest waits for one struct outcome, so that it can report a failure with the
 * right exit code. What was made is undone by the driver when its descriptors close, on every path.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "initramfs.h"
#include "pvmctl.h"
#include "session.h"
#include "term.h"

#define MIN_MEMORY	(4ull << 20)
#define DEFAULT_MEMORY	(512ull << 20)
#define CMDLINE_BYTES	1024
#define SETTLE_MS	100	/* a guest that cannot run at all dies within this */

static struct args {
	const char *kernel, *initrd, *append, *name, *console;
	uint64_t memory_bytes, cpus;
	bool detach, json;
} args = { .memory_bytes = DEFAULT_MEMORY, .cpus = 1 };

static const char *const consoles[] = { "stdio", "pty", "none", NULL };

#define FIELD(f) offsetof(struct args, f)
static const struct opt opts[] = {
	{ "kernel", 'k', OPT_STR, FIELD(kernel), OPT_ARG_FILE,
	  "kernel image (the host's own)", 0, 0, NULL },
	{ "initrd", 'i', OPT_STR, FIELD(initrd), OPT_ARG_FILE,
	  "initial RAM disk (one with busybox)", 0, 0, NULL },
	{ "append", 'a', OPT_STR, FIELD(append), "STR", "add to the kernel command line", 0, 0,
	  NULL },
	{ "memory", 'm', OPT_SIZE, FIELD(memory_bytes), "SIZE", "guest memory (512M)", 0, 0, NULL },
	{ "cpus", 'c', OPT_UINT, FIELD(cpus), "N", "virtual CPUs (1)", 1, 1, NULL },
	{ "name", 'n', OPT_STR, FIELD(name), OPT_ARG_NAME, "name of the guest (guest-PID)", 0, 0,
	  NULL },
	{ "detach", 'd', OPT_FLAG, FIELD(detach), NULL, "leave it in the background", 0, 0, NULL },
	{ "console", 0, OPT_CHOICE, FIELD(console), NULL, "where the console is (stdio)", 0, 0,
	  consoles },
	{ "json", 'j', OPT_FLAG, FIELD(json), NULL, "report as JSON objects on stdout", 0, 0,
	  NULL },
	{ 0 }
};

/* What a detached guest reports to the process that was started in the foreground. */
struct outcome {
	int code;
	uint32_t id;
	uint32_t pid;
	char pty[64];
};

struct plan {
	char name[PVM_NAME_BYTES];
	char nonce[WIRE_NONCE_LEN + 1];
	char cmdline[CMDLINE_BYTES];
	char *kernel;			/* malloc'ed */
	void *initrd;			/* malloc'ed, or NULL with --initrd */
	size_t initrd_bytes;
	enum console_kind console;
	int nr_command;
	char **command;
	bool terminal;
};

/* ---- checks: nothing is made here ---- */

static int check_file(const char *what, const char *path)
{
	struct stat st;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	err = fd < 0 ? -errno : 0;
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && S_ISDIR(st.st_mode))
		err = -EISDIR;
	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	if (fd >= 0)
		close(fd);
	if (!err && !st.st_size)
		return msg_cannot(EXIT_FAILED, ENOEXEC, "the file is empty", NULL, "use %s %s",
				  what, path);
	if (err)
		return msg_cannot(err == -EACCES ? EXIT_PERMISSION : EXIT_FAILED, err,
				  err == -EINVAL ? "it is no regular file" : NULL, NULL,
				  "use %s %s", what, path);
	return EXIT_OK;
}

static int check_memory(void)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	char a[OUT_NUM_LEN], b[OUT_NUM_LEN];

	if (args.memory_bytes < MIN_MEMORY) {
		msg("--memory %s is too little: no kernel boots in less than %s; a Debian kernel wants 128M or more",
		    out_size(a, args.memory_bytes), out_size(b, MIN_MEMORY));
		return EXIT_USAGE;
	}
	if (args.memory_bytes > host) {
		msg("--memory %s is more than this host has (%s)",
		    out_size(a, args.memory_bytes), out_size(b, host));
		return EXIT_USAGE;
	}
	args.memory_bytes &= ~4095ull;
	return EXIT_OK;
}

static int check(const struct opt_rest *rest)
{
	int code;

	if (args.name && !guest_name_check(args.name))
		return EXIT_USAGE;
	code = check_memory();
	if (code)
		return code;
	if (args.initrd && rest->nr_command) {
		msg("a command needs pvmctl's own userland; leave out --initrd, or the command");
		return EXIT_USAGE;
	}
	if (args.detach && args.console && !strcmp(args.console, "stdio")) {
		msg("a detached guest has no terminal; take --console pty or none, then 'pvmctl console'");
		return EXIT_USAGE;
	}
	if (args.append && strlen(args.append) >= CMDLINE_BYTES - 128) {
		msg("--append is too long: a kernel command line has at most %d characters",
		    CMDLINE_BYTES - 1);
		return EXIT_USAGE;
	}
	if (args.kernel)
		code = check_file("kernel", args.kernel);
	if (!code && args.initrd)
		code = check_file("initrd", args.initrd);
	return code;
}

/* ---- plan: in memory only ---- */

static void make_nonce(char *nonce)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[WIRE_NONCE_LEN];
	size_t i;

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		memset(raw, getpid() & 0xff, sizeof(raw));
	for (i = 0; i < WIRE_NONCE_LEN; i++)
		nonce[i] = digits[raw[i] & 15];
	nonce[WIRE_NONCE_LEN] = 0;
}

static enum console_kind console_kind(void)
{
	if (args.console && !strcmp(args.console, "pty"))
		return CONSOLE_PTY;
	if (args.detach || (args.console && !strcmp(args.console, "none")))
		return CONSOLE_NONE;
	return CONSOLE_STDIO;
}

static int make_plan(struct plan *p, const struct opt_rest *rest)
{
	struct initramfs_opts io = { .nonce = p->nonce, .term = getenv("TERM") };
	bool quiet;

	memset(p, 0, sizeof(*p));
	make_nonce(p->nonce);
	p->console = console_kind();
	p->nr_command = rest->nr_command;
	p->command = rest->command;
	p->terminal = p->console == CONSOLE_STDIO && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (args.name)
		snprintf(p->name, sizeof(p->name), "%s", args.name);
	else
		snprintf(p->name, sizeof(p->name), "guest-%d", (int)getpid());
	p->kernel = args.kernel ? strdup(args.kernel) : kernel_default(false);
	if (!p->kernel)
		return EXIT_FAILED;
	/* A prompt or a command's output is wanted, not the boot of our own userland. */
	quiet = !args.initrd && (p->nr_command || p->terminal);
	snprintf(p->cmdline, sizeof(p->cmdline), "console=hvc0%s%s%s%s",
		 args.initrd ? " earlyprintk=xen" : " rdinit=/init", quiet ? " quiet" : "",
		 args.append ? " " : "", args.append ? args.append : "");
	if (args.initrd)
		return EXIT_OK;
	io.memory_bytes = args.memory_bytes;
	io.name = p->name;
	io.nr_command = p->nr_command;
	io.command = p->command;
	io.terminal = p->terminal;
	if (p->terminal)
		term_size(&io.rows, &io.columns);
	return initramfs_build(&io, &p->initrd, &p->initrd_bytes);
}

/* ---- the guest ---- */

static void report(int fd, int code, const struct session *s)
{
	struct outcome o = { .code = code, .pid = getpid() };

	if (fd < 0)
		return;
	if (s && s->vm) {
		o.id = pvm_vm_id(s->vm);
		memcpy(o.pty, s->pty_path, sizeof(o.pty));
	}
	if (write(fd, &o, sizeof(o)) < 0)
		return;		/* the parent is gone; nobody waits for the answer */
}

static void announce(const char *name, const struct outcome *o)
{
	struct json j;

	if (args.json) {
		json_open(&j, stdout);
		json_str(&j, "event", "started");
		json_str(&j, "name", name);
		json_u64(&j, "id", o->id);
		json_u64(&j, "pid", o->pid);
		if (*o->pty)
			json_str(&j, "pty", o->pty);
		json_close(&j);
	} else if (args.detach) {
		puts(name);
		if (*o->pty)
			msg("console of guest %s is on %s", name, o->pty);
	} else if (*o->pty) {
		msg("console of guest %s is on %s", name, o->pty);
	}
	fflush(stdout);
}

/* From here on a detached guest has nothing of its caller's. */
static void let_go_of_caller(void)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	if (chdir("/"))
		return;		/* it only keeps a file system busy */
}

static int create(struct session *s, const struct plan *p)
{
	struct pvm_load_opts load = PVM_LOAD_OPTS_INIT;
	struct pvm_vm_opts vo = PVM_VM_OPTS_INIT;
	int err;

	vo.name = p->name;
	vo.memory_bytes = args.memory_bytes;
	vo.max_vcpus = args.cpus;
	err = pvm_vm_create(s->ctx, &vo, &s->vm);
	if (err == -EEXIST)
		return lib_failed(EXIT_STATE, err, "choose another --name, or see 'pvmctl list'");
	if (err)
		return lib_failed(EXIT_OK, err, NULL);
	load.kernel_path = p->kernel;
	load.initrd_path = args.initrd;
	load.initrd_data = p->initrd;
	load.initrd_bytes = p->initrd_bytes;
	load.cmdline = p->cmdline;
	err = pvm_vm_load(s->vm, &load);
	if (err == -ENOSPC)
		return lib_failed(EXIT_FAILED, err, "give the guest more with --memory");
	if (err == -EOPNOTSUPP || err == -ENOEXEC)
		return lib_failed(EXIT_FAILED, err,
				  args.kernel ? NULL : "give another kernel with --kernel FILE");
	return err ? lib_failed(EXIT_OK, err, NULL) : EXIT_OK;
}

static int start(struct session *s)
{
	struct outcome o = { 0 };
	int err;

	err = pvm_vm_start(s->vm);
	if (err)
		return lib_failed(EXIT_OK, err, NULL);
	if (s->status_fd < 0 && (args.json || s->console == CONSOLE_PTY)) {
		o.id = pvm_vm_id(s->vm);
		o.pid = getpid();
		memcpy(o.pty, s->pty_path, sizeof(o.pty));
		announce(s->name, &o);
	}
	return EXIT_OK;
}

/* Run the guest in this process. @status_fd: --detach, where the caller waits. */
static int run_guest(const struct plan *p, int status_fd)
{
	struct pvm_vm_exit ex = PVM_VM_EXIT_INIT;
	struct session *s = malloc(sizeof(*s));
	int code, err;

	if (!s)
		return msg_cannot(EXIT_FAILED, ENOMEM, NULL, NULL, "run guest %s", p->name);
	session_init(s);
	s->name = p->name;
	s->nonce = p->nonce;
	s->console = p->console;
	s->marked = p->initrd != NULL;
	s->command = p->nr_command > 0;
	s->quoted = s->command && !p->terminal;
	s->status_fd = status_fd;
	code = driver_open(&s->ctx);
	if (!code)
		code = create(s, p);
	if (!code)
		code = session_open(s);
	if (!code)
		code = start(s);
	if (code)
		goto out;
	if (status_fd >= 0) {
		err = pvm_vm_wait(s->vm, SETTLE_MS, &ex);
		if (!err && exit_code_of(&ex) != EXIT_OK) {
			code = exit_code_of(&ex);
			exit_story(s->name, &ex);
			goto out;
		}
		report(status_fd, EXIT_OK, s);
		close(status_fd);
		status_fd = -1;
		let_go_of_caller();
	}
	code = session_run(s, &ex);
	if (args.json && s->status_fd < 0 && ex.kind)
		json_exit(s->name, &ex, code);
out:
	session_close(s, code, ex.text);
	pvm_vm_destroy(s->vm);
	pvm_ctx_destroy(s->ctx);
	report(status_fd, code, NULL);
	free(s);
	return code;
}

static int run_detached(struct plan *p)
{
	struct outcome o = { .code = EXIT_FAILED };
	int pipefd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "start guest %s", p->name);
	pid = fork();
	if (pid < 0)
		return msg_cannot(EXIT_FAILED, errno, NULL, NULL, "start guest %s", p->name);
	if (pid == 0) {
		/*
		 * A lock or the write end of a pipe must not be held for a guest's life. All that the
		 * guest needs is in memory, or opened by name from here on.
		 */
		close_range(3, pipefd[1] - 1, 0);
		close_range(pipefd[1] + 1, ~0u, 0);
		setsid();	/* the caller's terminal and its signals are not ours any more */
		exit(run_guest(p, pipefd[1]));
	}
	close(pipefd[1]);
	do {
		n = read(pipefd[0], &o, sizeof(o));
	} while (n < 0 && errno == EINTR);
	close(pipefd[0]);
	if (n != sizeof(o)) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return msg_cannot(EXIT_FAILED, ECHILD, "its process ended without a word", NULL,
				  "start guest %s", p->name);
	}
	if (!o.code)
		announce(p->name, &o);
	return o.code;
}

static int cmd_run(int argc, char **argv)
{
	struct opt_rest rest;
	struct plan plan = { 0 };
	struct pvm_ctx *ctx;
	int code;

	if (!verb_parse(&verb_run, &args, argc, argv, &rest, &code))
		return code;
	code = check(&rest);
	if (code)
		return code;
	/* Only to say early, before a kernel is looked for, that there is no driver. */
	code = driver_open(&ctx);
	if (code)
		return code;
	pvm_ctx_destroy(ctx);
	code = make_plan(&plan, &rest);
	if (!code)
		code = args.detach ? run_detached(&plan) : run_guest(&plan, -1);
	free(plan.kernel);
	free(plan.initrd);
	return out_finish(code);
}

const struct verb verb_run = {
	.name = "run", .operands = "[-- COMMAND [ARG...]]", .help = "Boot a guest, with its console here",
	.opts = opts, .takes_command = true, .fn = cmd_run,
};
