// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of two processes or threads that wait for each other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define FUTEX_WAIT	0	/* linux/futex.h is not in every libc's search path */
#define FUTEX_WAKE	1

static int ping[2], pong[2];
static pid_t partner;

static void partner_end(void)
{
	kill(partner, SIGKILL);
	waitpid(partner, NULL, 0);
}

static void pipe_setup(void)
{
	char c;

	must(pipe(ping));
	must(pipe(pong));
	partner = must(fork());
	if (partner)
		return;
	for (;;) {
		must(read(ping[0], &c, 1));
		must(write(pong[1], &c, 1));
	}
}

static void pipe_round_trip(int n)
{
	char c = 0;

	while (n--) {
		must(write(ping[1], &c, 1));
		must(read(pong[0], &c, 1));
	}
}

static volatile int turn_word, *turn = &turn_word;

static void futex_pass(int mine, int theirs)
{
	*turn = theirs;
	syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	while (*turn != mine)
		syscall(SYS_futex, turn, FUTEX_WAIT, theirs, NULL, NULL, 0);
}

static void *futex_partner(void *arg)
{
	while (*turn != 1)
		syscall(SYS_futex, turn, FUTEX_WAIT, 0, NULL, NULL, 0);
	for (;;)
		futex_pass(1, 0);
	return arg;
}

static void futex_setup(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, futex_partner, NULL))
		fail("thread");
	pthread_detach(t);
}

static void futex_round_trip(int n)
{
	while (n--)
		futex_pass(0, 1);
}

static int tcp_fd;

static void tcp_setup(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7777) };
	int listener = must(socket(AF_INET, SOCK_STREAM, 0));
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int yes = 1;
	char c;

	must(ioctl(listener, SIOCSIFFLAGS, &ifr));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	must(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	must(listen(listener, 1));
	partner = must(fork());
	if (!partner) {
		tcp_fd = must(accept(listener, NULL, NULL));
		must(setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
		while (read(tcp_fd, &c, 1) == 1)
			must(write(tcp_fd, &c, 1));
		_exit(0);
	}
	close(listener);
	tcp_fd = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(tcp_fd, (struct sockaddr *)&a, sizeof(a)));
	must(setsockopt(tcp_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
}

static void tcp_round_trip(int n)
{
	char c = 0;

	while (n--) {
		must(write(tcp_fd, &c, 1));
		must(read(tcp_fd, &c, 1));
	}
}

const struct row pair_rows[] = {
	{ "pipe", pipe_round_trip, 400, 9, pipe_setup, partner_end },
	{ "futex", futex_round_trip, 400, 9, futex_setup },
	{ "tcp", tcp_round_trip, 200, 9, tcp_setup, partner_end },
	{ 0 }
};
