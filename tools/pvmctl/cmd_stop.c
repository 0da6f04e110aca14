// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvmctl stop: ask a guest to power off, or with --force end it.
 *
 * The pvmctl that runs the guest is asked over its control socket. Where nobody answers (a launcher
 * that is not pvmctl, one that hangs) only force is left: the process that owns the guest is
 * killed, and the driver takes the guest down with it. Its pid comes from the driver; a pidfd taken
 * before the second look makes sure that the process killed is the one that owns the guest.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "pvmctl.h"

#define FORCE_MS	5000

static struct args {
	bool force;
	uint64_t timeout_s;
} args = { .timeout_s = 30 };

static const struct opt opts[] = {
	{ "force", 'f', OPT_FLAG, offsetof(struct args, force), NULL,
	  "end the guest at once, as pulling the plug", 0, 0, NULL },
	{ "timeout", 't', OPT_UINT, offsetof(struct args, timeout_s), "SECONDS",
	  "how long to wait for power off (30)", 1, 86400, NULL },
	{ 0 }
};

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/*
 * Send a request and wait for the guest's end. Return: 0; -ETIMEDOUT; -ECONNRESET: hung up, which may
 * be its end or not; another -errno.
 */
static int request(int fd, enum ctl_kind kind, uint64_t wait_ms)
{
	long long end = now_ms() + wait_ms, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ctl_packet packet;
	int ret;

	ret = ctl_send(fd, kind, NULL, 0, true);
	if (ret)
		return ret == -EPIPE ? -ECONNRESET : ret;
	for (;;) {
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		ret = poll(&p, 1, left);
		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret <= 0)
			continue;
		ret = ctl_receive(fd, &packet, false);
		if (ret == -EAGAIN)
			continue;
		if (ret < 0)
			return ret;
		if (ret == 0)
			return -ECONNRESET;
		if (packet.kind == CTL_ENDED)
			return 0;
		if (packet.kind == CTL_REFUSED)
			return -EOPNOTSUPP;
	}
}

/* Is the guest there? -ENOENT: it is gone; another -errno: nobody can tell. @info may be NULL. */
static int look(struct pvm_ctx *ctx, uint32_t id, struct pvm_vm_info *info)
{
	struct pvm_vm_info *rows;
	size_t n, i;
	int err;

	err = pvm_ctx_list(ctx, &rows, &n);
	if (err)
		return err;
	err = -ENOENT;
	for (i = 0; i < n; i++) {
		if (rows[i].id != id)
			continue;
		if (info)
			*info = rows[i];
		err = 0;
	}
	pvm_free(rows);
	return err;
}

/* Wait until the driver has let the guest go, and its name is free. Return: is it? */
static bool wait_gone(struct pvm_ctx *ctx, uint32_t id, long long wait_ms)
{
	struct timespec tick = { .tv_nsec = 20000000 };
	long long end = now_ms() + wait_ms;

	while (look(ctx, id, NULL) != -ENOENT) {
		if (now_ms() > end)
			return false;
		nanosleep(&tick, NULL);
	}
	return true;
}

/* The id of a guest, without a word about what does not work. 0: not known. */
static uint32_t id_of(struct pvm_ctx *ctx, const char *name)
{
	struct pvm_vm_info *rows;
	uint32_t id = 0;
	size_t n, i;

	if (pvm_ctx_list(ctx, &rows, &n))
		return 0;
	for (i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			id = rows[i].id;
	pvm_free(rows);
	return id;
}

/* Of the guest with this id. That it is gone by now is what was wanted, and its name may be another's. */
static int kill_owner(const char *name, uint32_t id)
{
	struct pvm_vm_info info, again;
	struct pvm_ctx *ctx;
	int pidfd, code, err;

	code = driver_open(&ctx);
	if (code)
		return code;
	if (!id) {
		code = guest_find(ctx, name, &info);
		if (code)
			goto out;
	} else {
		err = look(ctx, id, &info);
		if (err) {
			code = err == -ENOENT ? EXIT_OK : lib_failed(EXIT_OK, err, NULL);
			goto out;
		}
	}
	if (!info.pid) {
		code = msg_cannot(EXIT_FAILED, ESRCH, "its process is in another pid namespace",
				  "stop it there", "end guest %s", name);
		goto out;
	}
	pidfd = syscall(SYS_pidfd_open, (pid_t)info.pid, 0);
	if (pidfd < 0) {
		err = errno;
		if (err != ESRCH || look(ctx, info.id, NULL) != -ENOENT)
			code = msg_cannot(err == EPERM ? EXIT_PERMISSION : EXIT_FAILED, err,
					  NULL, NULL, "end guest %s", name);
		goto out;
	}
	err = look(ctx, info.id, &again);
	if (err && err != -ENOENT)
		code = lib_failed(EXIT_OK, err, NULL);
	else if (!err && again.pid == info.pid &&
	    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) && errno != ESRCH)
		code = msg_cannot(errno == EPERM ? EXIT_PERMISSION : EXIT_FAILED, errno, NULL,
				  NULL, "kill process %u of guest %s", info.pid, name);
	if (!code && !wait_gone(ctx, info.id, FORCE_MS))
		code = msg_cannot(EXIT_FAILED, ETIMEDOUT, NULL, "the host's kernel log may say more",
				  "end guest %s", name);
	/* Its socket may still answer when its guest is gone; not when it has ended. */
	if (!code && info.uid == geteuid() && poll(&(struct pollfd){ pidfd, POLLIN, 0 }, 1, FORCE_MS) > 0)
		ctl_forget(name);
	close(pidfd);
out:
	pvm_ctx_destroy(ctx);
	return code;
}

/* Nobody at our own socket: whose is the guest, and does that user's pvmctl answer? */
static int connect_by_owner(const char *name, int *fd, uint32_t *id)
{
	struct pvm_vm_info info;
	struct pvm_ctx *ctx;
	int code;

	code = driver_open(&ctx);
	if (code)
		return code;
	code = guest_find(ctx, name, &info);
	pvm_ctx_destroy(ctx);
	if (code)
		return code;
	*id = info.id;
	*fd = ctl_connect(name, info.uid);
	return EXIT_OK;
}

static int cmd_stop(int argc, char **argv)
{
	struct pvm_ctx *ctx = NULL;
	struct opt_rest rest;
	const char *name;
	bool runs_on = false, gone;
	long long end, left;
	uint32_t id = 0;
	int fd, err, code;

	if (!verb_parse(&verb_stop, &args, argc, argv, &rest, &code))
		return code;
	name = rest.operands[0];
	if (!guest_name_check(name))
		return EXIT_USAGE;
	fd = ctl_connect(name, geteuid());
	if (fd < 0) {
		code = connect_by_owner(name, &fd, &id);
		if (code)
			return code;
	}
	if (fd < 0 && !args.force)
		return msg_cannot(fd == -EACCES || fd == -EPERM ? EXIT_PERMISSION : EXIT_STATE, fd,
				  "nobody answers at its control socket",
				  "'pvmctl stop --force' ends it without asking",
				  "ask guest %s to power off", name);
	err = -EIO;
	if (fd >= 0) {
		if (!pvm_ctx_create(NULL, &ctx) && !id)
			id = id_of(ctx, name);
		end = now_ms() + (long long)args.timeout_s * 1000;
		err = request(fd, args.force ? CTL_FORCE : CTL_STOP,
			      args.force ? FORCE_MS : args.timeout_s * 1000);
		close(fd);
		/* It says so before the driver has taken the guest down, which may take a while, and only
		 * the driver knows. Who just hangs up has promised nothing; force does not trust in it. */
		left = end - now_ms();
		if (left < FORCE_MS || (err && args.force))
			left = FORCE_MS;
		gone = (!err || err == -ECONNRESET) && ctx && wait_gone(ctx, id, left);
		if (!err && id && !gone)
			err = -ETIMEDOUT;
		else if (err == -ECONNRESET && gone)
			err = 0;
		else if (err == -ECONNRESET && ctx)
			runs_on = !look(ctx, id, NULL);
		pvm_ctx_destroy(ctx);
	}
	if (!err)
		return EXIT_OK;
	if (args.force)
		return kill_owner(name, id);
	if (err == -ETIMEDOUT)
		return msg_cannot(EXIT_FAILED, err, "it has not powered off in time",
				  "wait longer with --timeout, or use --force", "stop guest %s",
				  name);
	return msg_cannot(EXIT_FAILED, err,
			  runs_on ? "the pvmctl that runs it hung up, and it runs on" :
			  err == -ECONNRESET ? "the pvmctl that runs it hung up" : NULL,
			  "'pvmctl stop --force' ends it without asking", "stop guest %s", name);
}

const struct verb verb_stop = {
	.name = "stop", .operands = "NAME", .help = "Ask a guest to power off, or end it",
	.opts = opts, .min_operands = 1, .max_operands = 1, .fn = cmd_stop,
};
