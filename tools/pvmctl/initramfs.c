// SPDX-License-Identifier: GPL-2.0-only
/*
 * The userland of a throw-away guest: busybox, an init script, and the program to run with its
 * libraries. Nothing is written to the host's disk.
 *
 * A program is put at the path it has on the host, and so are its libraries: its loader then finds
 * them where it would here. Neither is executed here, not even to ask what it needs: the guest is
 * there because the program is not trusted. What does run is the host's own busybox, from a fixed
 * place. Neighbours: needed.c finds libraries, cpio.c writes, wire.h tells what init says to pvmctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpio.h"
#include "elf.h"
#include "hostfile.h"
#include "initramfs.h"
#include "needed.h"
#include "out.h"

#define DEFAULT_MAX_BYTES ((size_t)1 << 30)	/* of files to copy, where the guest's memory is unknown */

/* A hostile program chooses names; what exists is looked up for every part of each. */
#define MAX_MEMBERS 4096
#define MAX_NAME_PARTS 64

#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct tree {
	struct cpio cpio;
	char **paths;		/* members so far, without leading slash */
	size_t nr_paths;
	char *library_path;	/* LD_LIBRARY_PATH the command needs; NULL = none */
	size_t room;		/* bytes of files that may still be read */
	const char *why;	/* a sentence for .cpio.err, or NULL */
};

/* ---- the tree ---- */

static bool tree_has(const struct tree *t, const char *path)
{
	size_t i;

	for (i = 0; i < t->nr_paths; i++)
		if (!strcmp(t->paths[i], path))
			return true;
	return false;
}

static void tree_refuse(struct tree *t, const char *why)
{
	if (!t->cpio.err) {
		t->cpio.err = -E2BIG;
		t->why = why;
	}
}

static void tree_note(struct tree *t, const char *path)
{
	char **grown, *copy;

	if (t->nr_paths == MAX_MEMBERS) {
		tree_refuse(t, "the program needs too many files and directories");
		return;
	}
	grown = reallocarray(t->paths, t->nr_paths + 1, sizeof(*grown));
	copy = strdup(path);
	if (grown)
		t->paths = grown;
	if (!grown || !copy) {
		free(copy);
		t->cpio.err = -ENOMEM;
		return;
	}
	t->paths[t->nr_paths++] = copy;
}

static void tree_dir(struct tree *t, const char *path)
{
	if (tree_has(t, path))
		return;
	cpio_dir(&t->cpio, path, 0755);
	tree_note(t, path);
}

/* Directories above @path: the kernel's unpacker does not make them by itself. */
static void tree_parents(struct tree *t, const char *path)
{
	char *copy = strdup(path), *slash;

	if (!copy) {
		t->cpio.err = -ENOMEM;
		return;
	}
	for (slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		tree_dir(t, copy);
		*slash = '/';
	}
	free(copy);
}

static void tree_file(struct tree *t, const char *path, unsigned int perm, const void *data,
		      size_t len)
{
	if (tree_has(t, path))
		return;
	tree_parents(t, path);
	cpio_file(&t->cpio, path, perm, data, len);
	tree_note(t, path);
}

static void tree_symlink(struct tree *t, const char *path, const char *target)
{
	if (tree_has(t, path))
		return;
	tree_parents(t, path);
	cpio_symlink(&t->cpio, path, target);
	tree_note(t, path);
}

static void tree_free(struct tree *t)
{
	size_t i;

	for (i = 0; i < t->nr_paths; i++)
		free(t->paths[i]);
	free(t->paths);
	free(t->library_path);
	cpio_free(&t->cpio);
}

/*
 * The name of a member for an absolute path: without "//", "/./" and "/../". The guest has real
 * directories where the host may have links, so that ".." is just one name less there, whatever it
 * leads to here; but whoever follows "a/../b" needs "a": each directory on the way is made once, as it
 * is passed. malloc'ed; NULL is an error of the tree, also one of before.
 */
static char *tree_name(struct tree *t, const char *path)
{
	size_t len = 0, parts = 0, n;
	char *name;

	if (t->cpio.err)
		return NULL;
	name = malloc(strlen(path) + 1);
	if (!name) {
		t->cpio.err = -ENOMEM;
		return NULL;
	}
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		n = strcspn(path, "/");
		if (++parts > MAX_NAME_PARTS) {
			tree_refuse(t, "a path of the program or of a library has too many parts");
			free(name);
			return NULL;
		}
		if (n == 2 && !memcmp(path, "..", 2)) {
			while (len && name[--len] != '/')
				;
		} else if (!(n == 1 && *path == '.')) {
			if (len)
				name[len++] = '/';
			memcpy(name + len, path, n);
			len += n;
			name[len] = 0;
			if (path[n + strspn(path + n, "/")])
				tree_dir(t, name);
		}
		path += n;
	}
	name[len] = 0;
	return name;
}

/* ---- files of the host ---- */

/* Of what a loader may want but can do without. */
static void add_host_file(struct tree *t, const char *path)
{
	struct hostfile file;

	if (tree_has(t, path + 1) || hostfile_read(path, t->room, &file))
		return;
	t->room -= file.len;
	tree_file(t, path + 1, file.st.st_mode & 0755, file.data, file.len);
	hostfile_free(&file);
}

static void put_file(struct tree *t, const char *path, unsigned int perm, const struct hostfile *file)
{
	char *name = tree_name(t, path);

	if (name)
		tree_file(t, name, perm, file->data, file->len);
	free(name);
}

/* Nothing if @path is just a detour to @target. */
static void put_link(struct tree *t, const char *path, const char *target)
{
	char *name = tree_name(t, path), *to = tree_name(t, target), *absolute;

	if (name && to) {
		if (asprintf(&absolute, "/%s", to) < 0) {
			t->cpio.err = -ENOMEM;
		} else {
			tree_symlink(t, name, absolute);
			free(absolute);
		}
	}
	free(name);
	free(to);
}

/* Program, loader or library: what needed.c found. */
static void put_object(struct tree *t, const struct needed *n, const struct needed_object *o)
{
	if (o->is_alias)
		put_link(t, o->path, n->objects[o->same_as].path);
	else
		put_file(t, o->path, o == n->objects ? 0755 : o->file.st.st_mode & 0755, &o->file);
}

/* The program @real, a path without symbolic links, which is called as @path. */
static int add_dynamic(struct tree *t, const char *path, const char *real, const char **why)
{
	struct needed_search search;
	struct needed n;
	size_t i;
	int err;

	err = needed_search_host(&search);
	if (err)
		return err;
	search.max_bytes = t->room;
	err = needed_resolve(&n, &search, real, why);
	t->room -= n.bytes;
	for (i = 0; !err && i < n.nr_objects; i++)
		put_object(t, &n, &n.objects[i]);
	if (!err) {
		/* The loader takes the program's own directory ($ORIGIN) from where the link leads. */
		put_link(t, path, real);
		/* For unusual places. */
		if (needed_loader_is_musl(n.objects[1].path))
			add_host_file(t, NEEDED_MUSL_PATH);
		else if (search.cache.data)
			tree_file(t, "etc/ld.so.cache", 0644, search.cache.data, search.cache.len);
		if (n.by_library_path && !t->library_path) {
			t->library_path = search.library_path;
			search.library_path = NULL;
		}
	}
	needed_free(&n);
	needed_search_free(&search);
	return err;
}

static int add_program(struct tree *t, const char *path, const char **why, int depth)
{
	struct program prog;
	struct hostfile file;
	char *real;
	int err;

	err = hostfile_read(path, t->room, &file);
	if (err == -EFBIG)
		*why = "it is larger than what fits into a guest";
	if (err)
		return err;
	program_inspect(file.data, file.len, &prog);
	/* A script names any file that we can read: it must not get one for beginning with "#!". */
	if (depth && prog.kind == PROGRAM_SCRIPT)
		prog.kind = PROGRAM_UNKNOWN;
	if (prog.kind == PROGRAM_STATIC || prog.kind == PROGRAM_SCRIPT) {
		t->room -= file.len;
		put_file(t, path, 0755, &file);
	}
	hostfile_free(&file);
	switch (prog.kind) {
	case PROGRAM_STATIC:
		return 0;
	case PROGRAM_DYNAMIC:
		real = realpath(path, NULL);
		err = real ? add_dynamic(t, path, real, why) : -errno;
		free(real);
		return err;
	case PROGRAM_SCRIPT:
		/* busybox brings the usual interpreters; others come from the host. */
		if (!strcmp(prog.interpreter, "/bin/sh") ||
		    !strcmp(prog.interpreter, "/usr/bin/env"))
			return 0;
		err = add_program(t, prog.interpreter, why, depth + 1);
		if (err)
			*why = "its interpreter cannot be copied";
		return err;
	case PROGRAM_FOREIGN:
		*why = "it is a program for another kind of CPU";
		return -ENOEXEC;
	default:
		*why = "it is no program";
		return -ENOEXEC;
	}
}

/* ---- busybox ---- */

const char *busybox_path(void)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox", "/sbin/busybox" };
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], R_OK | X_OK))
			return places[i];
	return NULL;
}

/* Runs busybox for its output; its messages are thrown away. NULL: no process, no memory. */
static FILE *run_for_output(char *const argv[], pid_t *pid)
{
	int pipefd[2], null;

	if (pipe2(pipefd, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(pipefd[1], STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(pipefd[1]);
	if (*pid < 0) {
		close(pipefd[0]);
		return NULL;
	}
	return fdopen(pipefd[0], "r");
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_applet(const char *busybox, const char *name)
{
	char *argv[] = { (char *)busybox, (char *)"--list", NULL };
	bool found = false;
	char line[128];
	pid_t pid;
	FILE *f = run_for_output(argv, &pid);

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found |= !strcmp(line, name);
	}
	fclose(f);
	wait_for(pid);
	return found;
}

static int add_busybox(struct tree *t, const char **busybox)
{
	const char *why = NULL;
	struct hostfile file;
	int err;

	*busybox = busybox_path();
	if (!*busybox)
		return msg_cannot(EXIT_FAILED, ENOENT, "busybox is not installed",
				  "install busybox-static, or give --initrd FILE",
				  "make a userland for the guest");
	err = add_program(t, *busybox, &why, 1);
	/* init calls it by one name, wherever the host has it. */
	if (!err && !tree_has(t, "bin/busybox")) {
		err = hostfile_read(*busybox, t->room, &file);
		if (!err) {
			tree_file(t, "bin/busybox", 0755, file.data, file.len);
			hostfile_free(&file);
		}
	}
	if (err)
		return msg_cannot(EXIT_FAILED, err, why, "install busybox-static",
				  "copy %s into the guest", *busybox);
	cpio_symlink(&t->cpio, "bin/sh", "busybox");
	tree_note(t, "bin/sh");
	return EXIT_OK;
}

/* ---- the command ---- */

/* Absolute path of what a shell would run for @word, malloc'ed; NULL with errno. */
static char *resolve_command(const char *word)
{
	const char *path = getenv("PATH"), *end;
	char *try;

	if (strchr(word, '/')) {
		char *dir, *abs = NULL;

		/* Not realpath() of it all: programs look at the name they were called by. */
		if (word[0] == '/')
			return strdup(word);
		dir = getcwd(NULL, 0);
		if (dir && asprintf(&abs, "%s/%s", dir, word) < 0)
			abs = NULL;
		free(dir);
		if (abs) {
			try = realpath(abs, NULL);
			free(abs);
			return try;
		}
		return NULL;
	}
	if (!path || !*path)
		path = GUEST_PATH;
	for (; ; path = end + 1) {
		end = strchrnul(path, ':');
		if (end > path && path[0] == '/' &&
		    asprintf(&try, "%.*s/%s", (int)(end - path), path, word) > 0) {
			if (!access(try, X_OK))
				return try;
			free(try);
		}
		if (!*end)
			break;
	}
	errno = ENOENT;
	return NULL;
}

/* Normal form, so that "/a/../b" does not become members named "a/..". */
static bool plain_path(const char *path)
{
	return path[0] == '/' && !strstr(path, "/../") && !strstr(path, "/./") &&
	       !strstr(path, "//");
}

static int add_command(struct tree *t, const struct initramfs_opts *o, const char *busybox,
		       char **program)
{
	const char *word = o->command[0], *why = NULL;
	char *path, *real;
	int err, code;

	if (!strchr(word, '/') && is_applet(busybox, word)) {
		*program = strdup(word);
		return EXIT_OK;
	}
	path = resolve_command(word);
	if (!path)
		return msg_cannot(EXIT_FAILED, errno, errno == ENOENT ? "there is no such program"
								      : NULL,
				  "give a busybox applet or a program of this host",
				  "run %s in a guest", word);
	if (!plain_path(path)) {
		real = realpath(path, NULL);
		if (real) {
			free(path);
			path = real;
		}
	}
	err = add_program(t, path, &why, 0);
	if (err) {
		code = msg_cannot(err == -EACCES ? EXIT_PERMISSION : EXIT_FAILED, err, why, NULL,
				  "copy %s into the guest", path);
		free(path);
		return code;
	}
	*program = path;
	return EXIT_OK;
}

/* ---- init ---- */

static void put_quoted(FILE *f, const char *word)
{
	fputc('\'', f);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", f);
		else
			fputc(*word, f);
	}
	fputc('\'', f);
}

/* Nothing goes over /tmp and /run: all is in memory anyway, and the program may have come from there. */
static const char init_mounts[] =
	"b=/bin/busybox\n"
	"$b mount -t proc proc /proc\n"
	"$b mount -t sysfs sysfs /sys\n"
	"$b mount -t devtmpfs devtmpfs /dev\n"
	"$b mkdir -p /dev/pts /dev/shm\n"
	"$b mount -t devpts devpts /dev/pts\n"
	"$b --install -s 2>/dev/null\n"
	"ip link set lo up 2>/dev/null\n"
	"dmesg -n 1\n"		/* a kernel message must not land inside a mark */
	"tty=/dev/hvc0\n"
	"[ -c $tty ] || tty=/dev/console\n"
	"exec <$tty >$tty 2>&1\n";

/*
 * A pipe has an end that stays; the terminal's end must be typed again for every reader. The first
 * dd may wait for input for ever, so it is no part of what the shell waits for. It is dd because
 * cat uses sendfile(), which holds the lock of the pipe while it waits for the terminal: the
 * command could then not even close its end.
 */
static const char init_piped[] =
	"stty icanon iexten -isig -echo -icrnl -ixon -opost 2>/dev/null\n"
	"mkfifo /run/stdin\n"
	"mark begin\n"
	"dd bs=4096 <$tty >/run/stdin 2>/dev/null &\n"
	"{ \"$@\"; echo $? >/run/status; } </run/stdin 2>&1 | dd bs=4096 2>/dev/null\n"
	"read status </run/status\n";

static const char init_terminal[] =
	"mark begin\n"
	/* Opening it as the leader of a session makes it the controlling terminal. */
	"setsid sh -c 'exec \"$@\" <'$tty' >'$tty' 2>&1' sh \"$@\"\n"
	"status=$?\n";

/* What the kernel calls when it is asked from outside to power off or reboot. */
static const char poweroff_script[] = "#!/bin/busybox sh\nexec /bin/busybox poweroff -f\n";
static const char reboot_script[] = "#!/bin/busybox sh\nexec /bin/busybox reboot -f\n";

static char *make_init(const struct initramfs_opts *o, const char *program,
		       const char *library_path, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);
	int i;

	if (!f)
		return NULL;
	fprintf(f, "#!/bin/busybox sh\nexport PATH=%s HOME=/root TERM=", GUEST_PATH);
	put_quoted(f, o->term && *o->term ? o->term : "vt100");
	if (library_path) {
		fputs(" LD_LIBRARY_PATH=", f);
		put_quoted(f, library_path);
	}
	fputs("\nname=", f);
	put_quoted(f, o->name);
	fputc('\n', f);
	fputs(init_mounts, f);
	fprintf(f, "hostname \"$name\"\ncd /root\nmark() { printf '\\033]pvm;%s;%%s\\007' \"$1\"; }\n",
		o->nonce);
	if (o->terminal || !o->nr_command) {
		fputs("stty sane 2>/dev/null\n", f);
		if (o->rows && o->columns)
			fprintf(f, "stty rows %u cols %u 2>/dev/null\n", o->rows, o->columns);
	}
	if (o->nr_command) {
		fputs("set --", f);
		for (i = 0; i < o->nr_command; i++) {
			fputc(' ', f);
			put_quoted(f, i ? o->command[i] : program);
		}
		fputc('\n', f);
		fputs(o->terminal ? init_terminal : init_piped, f);
		fputs("mark \"exit=$status\"\n", f);
	} else {
		fputs("export PS1=\"$name:\\\\w# \"\nset -- sh\n", f);
		fputs(init_terminal, f);
	}
	fputs("exec /bin/busybox poweroff -f\n", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

int initramfs_build(const struct initramfs_opts *o, void **data, size_t *len)
{
	static const char *const dirs[] = { "bin", "dev", "etc", "proc", "root", "run", "sbin",
					    "sys", "usr", "usr/bin", "usr/sbin" };
	char *program = NULL, *init = NULL;
	const char *busybox = NULL;
	struct tree t = { .room = o->memory_bytes ? o->memory_bytes : DEFAULT_MAX_BYTES };
	size_t i, init_len;
	int code, err;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		tree_dir(&t, dirs[i]);
	cpio_dir(&t.cpio, "tmp", 01777);
	tree_note(&t, "tmp");
	/* The kernel opens the console for init before devtmpfs is there. */
	cpio_chardev(&t.cpio, "dev/console", 0600, 5, 1);
	cpio_chardev(&t.cpio, "dev/null", 0666, 1, 3);
	code = add_busybox(&t, &busybox);
	if (!code && o->nr_command)
		code = add_command(&t, o, busybox, &program);
	if (code)
		goto out;
	init = make_init(o, program, t.library_path, &init_len);
	if (!init)
		t.cpio.err = -ENOMEM;
	else
		tree_file(&t, "init", 0755, init, init_len);
	tree_file(&t, "sbin/poweroff", 0755, poweroff_script, sizeof(poweroff_script) - 1);
	tree_file(&t, "sbin/reboot", 0755, reboot_script, sizeof(reboot_script) - 1);
	tree_file(&t, "etc/passwd", 0644, "root::0:0:root:/root:/bin/sh\n", 29);
	tree_file(&t, "etc/group", 0644, "root:x:0:\n", 10);
	err = cpio_finish(&t.cpio);
	if (err) {
		code = msg_cannot(EXIT_FAILED, err, t.why, NULL, "make a userland for the guest");
		goto out;
	}
	*data = t.cpio.data;
	*len = t.cpio.len;
	memset(&t.cpio, 0, sizeof(t.cpio));
out:
	free(program);
	free(init);
	tree_free(&t);
	return code;
}
