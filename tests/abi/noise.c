// SPDX-License-Identifier: GPL-2.0-only
/* Calls on the wrong descriptor, unknown numbers, random arguments; and that nothing is left of it all. */
#include <linux/pvm_part.h>

#include "abi.h"

/* Every ioctl and the descriptors that know it. */
static const struct {
	const char *name;
	unsigned long cmd;
	bool dev, vm, vcpu;
} commands[] = {
	{ "PVM_GET_CAP", PVM_GET_CAP, true, false, false },
	{ "PVM_CREATE_VM", PVM_CREATE_VM, true, false, false },
	{ "PVM_LIST_VMS", PVM_LIST_VMS, true, false, false },
	{ "PVM_GET_STATS", PVM_GET_STATS, true, true, false },
	{ "PVM_CREATE_PARTITION", PVM_CREATE_PARTITION, true, false, false },
	{ "PVM_OPEN_PARTITION", PVM_OPEN_PARTITION, true, false, false },
	{ "PVM_LIST_PARTITIONS", PVM_LIST_PARTITIONS, true, false, false },
	{ "PVM_VM_SET_MEMORY", PVM_VM_SET_MEMORY, false, true, false },
	{ "PVM_VM_SET_PLATFORM", PVM_VM_SET_PLATFORM, false, true, false },
	{ "PVM_VM_CREATE_VCPU", PVM_VM_CREATE_VCPU, false, true, false },
	{ "PVM_VM_EVTCHN_ALLOC", PVM_VM_EVTCHN_ALLOC, false, true, false },
	{ "PVM_VM_EVTCHN_BIND", PVM_VM_EVTCHN_BIND, false, true, false },
	{ "PVM_VM_RAISE", PVM_VM_RAISE, false, true, false },
	{ "PVM_VM_KICK", PVM_VM_KICK, false, true, false },
	{ "PVM_VM_GET_DEATH", PVM_VM_GET_DEATH, false, true, false },
	{ "PVM_VM_STOP", PVM_VM_STOP, false, true, false },
	{ "PVM_VCPU_RUN", PVM_VCPU_RUN, false, false, true },
	{ "PVM_VCPU_SET_REGS", PVM_VCPU_SET_REGS, false, false, true },
	{ "PVM_VCPU_GET_REGS", PVM_VCPU_GET_REGS, false, false, true },
	{ "PVM_PART_KEEP", PVM_PART_KEEP, false, false, false },
	{ "PVM_PART_INFO", PVM_PART_INFO, false, false, false },
	{ "PVM_PART_START", PVM_PART_START, false, false, false },
	{ "PVM_PART_STOP", PVM_PART_STOP, false, false, false },
	{ "PVM_PART_DESTROY", PVM_PART_DESTROY, false, false, false },
	{ "PVM_PART_STATS", PVM_PART_STATS, false, false, false },
	{ "PVM_PART_HEARTBEAT", PVM_PART_HEARTBEAT, false, false, false },
};

static void wrong_descriptors(void)
{
	struct guest g = new_guest("kinds");
	bool good = true;
	size_t i;
	int nr;

	for (i = 0; i < COUNT(commands); i++) {
		if (!commands[i].dev)
			expect_sub(commands[i].name, "on /dev/pvm", call(g.dev, commands[i].cmd, NULL), -ENOTTY);
		if (!commands[i].vm)
			expect_sub(commands[i].name, "on a VM", call(g.vm, commands[i].cmd, NULL), -ENOTTY);
		if (!commands[i].vcpu)
			expect_sub(commands[i].name, "on a vCPU", call(g.vcpu, commands[i].cmd, NULL), -ENOTTY);
	}
	for (nr = 0; nr < 256; nr++) {
		bool known = false;

		for (i = 0; i < COUNT(commands); i++)
			known |= _IOC_NR(commands[i].cmd) == (unsigned int)nr;
		if (known)
			continue;
		good &= call(g.dev, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
		good &= call(g.vm, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
		good &= call(g.vcpu, _IO(PVM_IOC_TYPE, nr), NULL) == -ENOTTY;
	}
	expect_true("unknown numbers are ENOTTY on every descriptor", good);
	expect("another type byte", call(g.dev, _IO(0xD8, 0), NULL), -ENOTTY);
	expect("the same number with a direction and size", call(g.dev, _IOWR(PVM_IOC_TYPE, 0, struct pvm_cap), NULL),
	       -ENOTTY);
	expect("high bits of the command", call(g.vm, PVM_VM_STOP | 1ul << 31, NULL), -ENOTTY);
	end_guest(&g);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Random arguments for every call but RUN; nothing to check but that the host lives and is clean afterwards. */
static void scribble(uint64_t seed, int seconds)
{
	uint8_t arg[512] __attribute__((aligned(8)));
	struct timespec start, now;
	char name[16];
	struct guest g;
	uint32_t i;

	snprintf(name, sizeof(name), "noise%u", (uint32_t)seed);
	g = new_guest(name);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		unsigned long cmd = commands[next_random(&seed) % COUNT(commands)].cmd;
		int fds[] = { g.dev, g.vm, g.vcpu };
		uint32_t size = next_random(&seed) % 450;

		if (cmd == PVM_VCPU_RUN)
			continue;
		for (i = 0; i < sizeof(arg); i += 4) {
			uint32_t word = next_random(&seed) % 4 ? 0 : next_random(&seed) >> next_random(&seed) % 32;

			memcpy(arg + i, &word, 4);
		}
		memcpy(arg, &size, 4);
		for (i = 0; i < COUNT(fds); i++)
			(void)call(fds[i], cmd, arg);
		for (i = 30; i < 60; i++)	/* what CREATE_VM and CREATE_VCPU handed out */
			close(i);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < start.tv_sec + seconds);
}

static void noise(void)
{
	int i, status, bad = 0;
	pid_t pid[2];

	fflush(stdout);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			scribble(i + 1, 4);
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		bad += !WIFEXITED(status) || WEXITSTATUS(status);
	}
	expect("random arguments, two processes", bad, 0);
}

void test_noise(void)
{
	wrong_descriptors();
	noise();
}

void nothing_left(void)
{
	char text[32] = "";
	int i, fd, dev;

	dev = device();
	expect_true("no VM is left", !find_row(dev, "noise1", NULL) && !find_row(dev, "told", NULL));
	close(dev);
	for (i = 0; i < 20; i++) {
		fd = open("/sys/module/pvm/refcnt", O_RDONLY);
		must("refcnt", fd < 0 ? -errno : 0);
		must("refcnt", read(fd, text, sizeof(text) - 1));
		close(fd);
		if (!strcmp(text, "0\n"))
			break;
		usleep(100000);
	}
	expect("references to the module", atoi(text), 0);
}
