// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control socket, what both ends share: where it is, packets, connecting (ctl.h has the protocol).
 *
 * The directory is the protection: 0700 and owned by the user. One that is not, is not used. For
 * root looking for another user's guest the directory must belong to that user.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define LOCK_TRIES	100	/* every 20 ms */

static int check_directory(const char *path, uid_t uid)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != uid || st.st_mode & 077)
		return -EPERM;
	return 0;
}

int ctl_directory(uid_t uid, bool create, char *path, size_t len)
{
	const char *xdg = uid == geteuid() ? getenv("XDG_RUNTIME_DIR") : NULL;
	char run_user[32];
	struct stat st;

	snprintf(run_user, sizeof(run_user), "/run/user/%u", (unsigned int)uid);
	if (uid == 0)
		snprintf(path, len, "/run/pvm");
	else if (xdg && xdg[0] == '/' && !stat(xdg, &st) && st.st_uid == uid)
		snprintf(path, len, "%s/pvm", xdg);
	else if (!stat(run_user, &st) && st.st_uid == uid)
		snprintf(path, len, "%s/pvm", run_user);
	else
		snprintf(path, len, "/tmp/pvm-%u", (unsigned int)uid);
	if (create && uid == geteuid() && mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	return check_directory(path, uid);
}

static int ctl_address(const char *name, uid_t uid, bool create, struct sockaddr_un *sa)
{
	char dir[PATH_MAX / 2];
	int err, n;

	err = ctl_directory(uid, create, dir, sizeof(dir));
	if (err)
		return err;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "%s/%s.sock", dir, name);
	return n < (int)sizeof(sa->sun_path) ? 0 : -ENAMETOOLONG;
}

int ctl_socket(const char *name, uid_t uid, bool create, struct sockaddr_un *sa)
{
	int err = ctl_address(name, uid, create, sa);
	int fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int ctl_connect(const char *name, uid_t uid)
{
	struct sockaddr_un sa;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd, err;

	fd = ctl_socket(name, uid, false, &sa);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		err = -errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		err = -errno;
	else
		err = peer.uid == uid ? 0 : -EPERM;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int ctl_lock(bool create)
{
	struct timespec tick = { .tv_nsec = 20000000 };
	char dir[PATH_MAX / 2];
	int err, fd, i;

	err = ctl_directory(geteuid(), create, dir, sizeof(dir));
	if (err)
		return err;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Not without limit: our signals are blocked here, and its holder may be stopped. Where there is
	 * no lock to be had (NFS: EBADF), there is none to wait for. */
	for (i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		nanosleep(&tick, NULL);
	}
	return fd;
}

bool ctl_is_left(const char *name)
{
	struct sockaddr_un sa;
	int fd = ctl_socket(name, geteuid(), false, &sa);
	bool left;

	if (fd < 0)
		return false;
	/* Who is too busy to accept is somebody; the lock's holder waits for nobody. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	left = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
	       (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return left;
}

static void forget_locked(const char *name)
{
	struct sockaddr_un sa;

	if (ctl_is_left(name) && !ctl_address(name, geteuid(), false, &sa))
		unlink(sa.sun_path);
}

void ctl_forget(const char *name)
{
	int lock = ctl_lock(false);

	if (lock < 0)
		return;
	forget_locked(name);
	close(lock);
}

void ctl_sweep(void)
{
	char dir[PATH_MAX / 2], name[32];
	struct dirent *e;
	int pid, end;
	DIR *d;

	if (ctl_directory(geteuid(), false, dir, sizeof(dir)))
		return;
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		end = 0;
		if (sscanf(e->d_name, "guest-%d.sock%n", &pid, &end) != 1 || !end || e->d_name[end] ||
		    pid <= 0 || !kill(pid, 0) || errno != ESRCH)
			continue;
		snprintf(name, sizeof(name), "guest-%d", pid);
		forget_locked(name);
	}
	if (d)
		closedir(d);
}

int ctl_send(int fd, enum ctl_kind kind, const void *data, size_t len, bool wait)
{
	char k = kind;
	struct iovec iov[2] = { { &k, 1 }, { (void *)data, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	while (sendmsg(fd, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int ctl_receive(int fd, struct ctl_packet *p, bool wait)
{
	struct iovec iov[2] = { { &p->kind, 1 }, { p->data, CTL_DATA } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	do {
		n = recvmsg(fd, &m, wait ? 0 : MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n == 0)
		return 0;
	p->len = n - 1;
	p->data[p->len] = 0;
	return 1;
}
