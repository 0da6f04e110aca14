# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# pvmctl partition against partitions made of files (fake_part.c) and a made-up /sys. Sourced by run.

export real=$tmp/inst/usr/bin/pvmctl
# A program, so that timeout can run it.
printf '#!/bin/sh\nexec "%s" partition "$@"\n' "$real" >"$bin/part"
chmod +x "$bin/part"

# ---- /sys and /proc: a mounted disk, a swap disk, an interface, a free one ---------------------

sys=$tmp/sysroot
pci=$sys/sys/bus/pci/devices
block() { # block BDF DIR NAME MAJ:MIN
	mkdir -p "$pci/0000:$1/$2/$3/holders"
	echo "$4" >"$pci/0000:$1/$2/$3/dev"
	ln -sfn /sys/class/block "$pci/0000:$1/$2/$3/subsystem"
}
block 00:05.0 nvme/nvme0 nvme0n1 259:0
block 00:05.0 nvme/nvme0/nvme0n1 nvme0n1p1 259:1
block 00:06.0 ata1/host0/target0:0:0/0:0:0:0/block sda 8:0
block 00:07.0 virtio0/block vda 254:0
touch "$pci/0000:00:07.0/virtio0/block/vda/holders/dm-0"
block 00:08.0 nvme/nvme1 nvme1n1 259:8
block 00:0a.0 virtio2/block vdb 254:16
# NVMe with multipath: below the device is a hidden disk without a number.
block 00:0c.0 nvme/nvme2 nvme2c2n1 0:0
rm "$pci/0000:00:0c.0/nvme/nvme2/nvme2c2n1/dev"
mkdir -p "$sys/sys/class/block/nvme2n1/holders" "$sys/sys/class/block/nvme2n1/nvme2n1p1/holders"
echo 259:16 >"$sys/sys/class/block/nvme2n1/dev"
echo 259:17 >"$sys/sys/class/block/nvme2n1/nvme2n1p1/dev"
ln -s /sys/class/block "$sys/sys/class/block/nvme2n1/nvme2n1p1/subsystem"
mkdir -p "$pci/0000:00:09.0/net/eth0" "$pci/0000:00:0b.0/net/eth1" "$sys/proc/self"
ln -s /sys/class/net "$pci/0000:00:09.0/net/eth0/subsystem"
ln -s /sys/class/net "$pci/0000:00:0b.0/net/eth1/subsystem"
echo 0x1003 >"$pci/0000:00:09.0/net/eth0/flags"
echo 0x1002 >"$pci/0000:00:0b.0/net/eth1/flags"
cat >"$sys/proc/self/mountinfo" <<-END
	21 26 0:19 / /proc rw,relatime shared:5 - proc proc rw
	26 1 259:1 / /srv/data rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
	28 1 259:17 / /srv/more rw,relatime shared:1 - ext4 /dev/nvme2n1p1 rw
	27 1 0:40 / /btr rw,relatime - btrfs /dev/vdb rw
END
printf 'Filename\tType\tSize\tUsed\tPriority\n/dev/sda partition 1000 0 -2\n' >"$sys/proc/swaps"
export PVMCTL_SYSROOT=$sys
C="part create web --cpus 2-3 --memory 64M"

expect 6 "nvme0n1p1 is mounted on /srv/data; unmount it first (EBUSY)" "a mounted disk" $C --pci 0000:00:05.0
expect 6 "nvme2n1p1 is mounted on /srv/more" "a mounted disk with multipath" $C --pci 00:0c.0
expect 6 "the host swaps to sda" "a swap disk" $C --pci 00:06.0
expect 6 "vda is part of dm-0" "a disk below another device" $C --pci 0000:00:07.0
expect 6 "vdb is mounted on /btr" "a disk that is mounted by name only" $C --pci 0000:00:0a.0
expect 6 "interface eth0 is up; 'ip link set eth0 down' first" "an interface that is up" $C --pci 00:09.0
expect 1 "there is no such device (ENOENT)" "a device that is absent" $C --pci 00:1f.7
check "nothing was taken by all that" sh -c '! ls "$FAKE_DIR/parts" 2>/dev/null | grep .'

# ---- create, and the driver's words ------------------------------------------------------------

FAKE_PART_ERR=create:16 FAKE_PART_WHY="CPU 3 is partition db's" \
	expect 6 "cannot create partition web: CPU 3 is partition db's (EBUSY)" "the driver's sentence" $C
FAKE_PART_ERR=create:22 FAKE_PART_WHY="CPU 0 boots the host" \
	expect 1 "CPU 0 boots the host" "CPU 0" part create web --cpus 0 --memory 64M
FAKE_PART_ERR=create:19 FAKE_PART_WHY="the CPU has neither SVM nor VMX" \
	expect 5 "neither SVM nor VMX" "no SVM, no VMX" $C
FAKE_PART_ERR=create:95 FAKE_PART_WHY="CPU 2 shares a core with CPU 6" \
	expect 6 "shares a core" "a split core" $C
FAKE_PART_ERR=create:1 expect 4 "only root may" "no privilege" $C
check "create" $C --pci 0000:00:08.0 --pci 0000:00:0b.0 --allow-smt-split
expect 6 "there is one of this name" "a name that is taken" $C
expect 0 "web" "list" part list
expect 0 "created" "list NAME" part list web
expect 3 "there is none of this name" "list of another name" part list db
check "list --json is JSON" valid_json < <(part list --json)
check "list --json has the flags and the devices" \
	sh -c '"$real" partition list --json | grep -q "\"flags\":1,.*\"nr_cpus\":2,\"nr_pci\":2,"'
complete_is "completes names of partitions" "web " partition stat w
for words in "stop db" "destroy db" "stat db" "console db" "dmesg db" "start db --kernel $tmp/kernel"; do
	expect 3 "cannot open partition db: there is none of this name" "no such partition: $words" part $words
done

# ---- start --------------------------------------------------------------------------------------

kernel=$tmp/bz
python3 - "$kernel" <<'END'
import struct, sys
b = bytearray(0xa00 + 0x4000)
for at, fmt, v in ((0x1f1, 'B', 4), (0x1f4, 'I', 0x400), (0x1fe, 'H', 0xaa55), (0x201, 'B', 0x6a),
                   (0x206, 'H', 0x20f), (0x211, 'B', 1), (0x230, 'I', 0x200000), (0x234, 'B', 1),
                   (0x236, 'H', 3), (0x238, 'I', 2047), (0x260, 'I', 8 << 20)):
    struct.pack_into('<' + fmt, b, at, v)
b[0x202:0x206] = b'HdrS'
open(sys.argv[1], 'wb').write(b)
END
head -c 100M /dev/zero >"$tmp/big"
S="part start web --kernel $kernel"
expect 6 "it was never started" "console of one that was never started" part console web
expect 1 "nothing in its memory looks like a Linux kernel" "dmesg of one that was never started" part dmesg web
expect 1 "it is no bzImage" "a kernel that is none" part start web --kernel /etc/passwd
expect 1 "No such file" "a kernel that is missing" part start web --kernel "$tmp/none"
expect 1 "cannot boot with an initrd of 100 MiB: the partition has 64 MiB" "an initrd too large" \
	$S --initrd "$tmp/big"
expect 1 "command line" "a command line too long" $S --append "$(printf '%2000s' x)"
FAKE_PART=dies expect 10 "stopped while it booted: triple fault" "one that dies at boot" $S
FAKE_PART=dies expect 10 "Kernel panic - not syncing: fake" "its last console lines" $S
FAKE_PART=off expect 10 "its kernel powered off" "one that powers off at boot" $S
FAKE_PART=mute expect 1 "it runs on" "one that is not up in time" $S --wait 1
expect 6 "it runs; stop it first (EBUSY)" "start of one that runs" $S
expect 6 "'pvmctl partition stop' does" "destroy of one that runs" part destroy web
check "stop" part stop web
check "stop of one that does not run" part stop web
check "start --no-wait" $S --no-wait
part stop web
FAKE_PART=dies expect 10 "hello from the partition" "start --console shows output, its end is the exit code" \
	$S --console
FAKE_PART=off expect 0 "hello from the partition" "start --console of one that powers off" $S --console
expect 0 "warning: cannot watch the heartbeat" "start; no symbols, no heartbeat" $S

# ---- stat, console, the end ---------------------------------------------------------------------

expect 0 "clock and CMOS memory (RTC)" "stat names ports" part stat web
expect 0 "EFER" "stat names MSRs" part stat web
check "stat --json is JSON" valid_json < <(part stat web --json)
check "stat --json has CPUs and exits" sh -c '"$real" partition stat web --json | python3 -c "
import json, sys
j = json.load(sys.stdin)
assert [c[\"cpu\"] for c in j[\"cpus\"]] == [2, 3]
assert j[\"stats\"][\"exits\"] == 258 and j[\"details\"][0][\"name\"] == \"EFER\""'
console_output() { timeout 3 "$real" partition console web <&- | grep -q 'hello from the partition'; }
check "console with standard input closed" console_output
typed() {
	printf 'typed' | timeout 1 "$real" partition console web >/dev/null
	python3 -c 'import sys; d = open(sys.argv[1], "rb").read(); assert d[4096:4101] == b"typed"' \
		"$FAKE_DIR/parts/web/con"
}
check "console hands on what is typed" typed
reader_gone() { timeout 5 "$real" partition console web </dev/null | head -c 1 >/dev/null; }
check "console ends when its reader is gone" reader_gone
hung_up() { # a socket says POLLHUP, and no POLLERR
	python3 - <<-'END'
		import os, socket, subprocess, sys, time
		ours, its = socket.socketpair()
		p = subprocess.Popen([os.environ["real"], "partition", "console", "web"],
		                     stdin=subprocess.PIPE, stdout=its)
		its.close()
		ours.recv(65536)
		time.sleep(0.3)
		ours.close()
		try: sys.exit(p.wait(5))
		except subprocess.TimeoutExpired: p.kill(); sys.exit("it does not end")
	END
}
check "console ends when its reader hung up" hung_up
stuck_reader() { # SIGTERM ends it although its output waits for a reader
	python3 - <<-'END'
		import os, signal, subprocess, sys, time
		reader, writer = os.pipe()
		os.set_blocking(writer, False)
		try:
		    while True: os.write(writer, b"x" * 4096)
		except BlockingIOError: os.set_blocking(writer, True)
		p = subprocess.Popen([os.environ["real"], "partition", "console", "web"],
		                     stdin=subprocess.DEVNULL, stdout=writer)
		time.sleep(0.5)
		p.terminate()
		try: sys.exit(p.wait(5))
		except subprocess.TimeoutExpired: p.kill(); sys.exit("it does not end")
	END
}
check "console whose output nobody reads; SIGTERM ends it" stuck_reader
on_a_terminal() { # the terminal is raw meanwhile and as before afterwards; Ctrl-] or a signal ends it
	python3 - "$1" <<-'END'
		import os, pty, select, signal, subprocess, sys, termios, time
		master, slave = pty.openpty()
		before = termios.tcgetattr(slave)
		p = subprocess.Popen([os.environ["real"], "partition", "console", "web"], stdin=slave,
		                     stdout=slave, stderr=slave, start_new_session=True)
		seen = b""
		while b"Ctrl-] leaves it" not in seen:
		    seen += os.read(master, 1000)
		for i in range(100):
		    if not termios.tcgetattr(slave)[3] & termios.ICANON: break
		    time.sleep(0.05)
		else: sys.exit("the terminal is not raw")
		for i in range(200 if sys.argv[1] == "flood" else 0):
		    if not select.select([], [master], [], 3)[1]: p.kill(); sys.exit("what is typed is not read")
		    os.write(master, b"x" * 500)
		if sys.argv[1] == "signal": p.send_signal(signal.SIGTERM)
		else: os.write(master, b"x\x1d")
		status = p.wait(10)
		if status: sys.exit("status %d" % status)
		if termios.tcgetattr(slave) != before: sys.exit("the terminal was not restored")
		if b"hello from the partition" not in seen: sys.exit("no output: %r" % seen)
	END
}
check "console on a terminal; Ctrl-] leaves it" on_a_terminal escape
check "console on a terminal of a partition that does not read; Ctrl-] leaves it" on_a_terminal flood
check "console on a terminal; SIGTERM ends it" on_a_terminal signal
pasted() { # five times what the ring has room for, taken out of it by and by
	python3 - <<-'END'
		import mmap, os, pty, struct, subprocess, sys, time
		con = mmap.mmap(os.open(os.environ["FAKE_DIR"] + "/parts/web/con", os.O_RDWR), 0)
		con[12:16] = con[8:12]
		master, slave = pty.openpty()
		p = subprocess.Popen([os.environ["real"], "partition", "console", "web"], stdin=slave,
		                     stdout=slave, stderr=subprocess.PIPE, start_new_session=True)
		p.stderr.read(len("pvmctl: on the console"))
		time.sleep(0.5)
		data = os.urandom(10240).hex().encode()
		for at in range(0, len(data), 1024): os.write(master, data[at:at + 1024])
		got, stop = b"", time.time() + 10
		while len(got) < len(data) and time.time() < stop:
		    head, tail = struct.unpack("II", con[8:16])
		    got += bytes(con[4096 + (tail + i) % 4096] for i in range(head - tail))
		    con[12:16] = struct.pack("I", head)
		    time.sleep(0.05)
		os.write(master, b"")
		if p.wait(10) or got != data: sys.exit("%d of %d bytes" % (len(got), len(data)))
	END
}
check "console on a terminal; a paste of 20 KiB is whole" pasted
prints_on() { # and its reader takes all: a signal is seen nevertheless
	gcc -shared -fPIC -xc - -o "$tmp/endless.so" <<-'END' || return
		#include <stdint.h>
		#include <string.h>
		int pvm_part_console_read(void *part, void *buf, size_t bytes, size_t *got, uint64_t *lost)
		{
			(void)part;
			memset(buf, 'x', bytes);
			*got = bytes;
			*lost = 0;
			return 0;
		}
	END
	# The signal that timeout sends first ends it with 0, which timeout keeps; the second one kills.
	LD_PRELOAD=$tmp/endless.so timeout --preserve-status -k 5 1 "$real" partition console web \
		</dev/null >/dev/null
}
check "console of a partition that prints without end; SIGTERM ends it" prints_on
stops_meanwhile() {
	timeout 10 "$real" partition console web </dev/null >"$tmp/con.out" 2>"$tmp/con.err" &
	sleep 0.3
	"$real" partition stop web
	wait $! && grep -q 'does not run: stopped from the host' "$tmp/con.err"
}
check "console ends when the partition stops" stops_meanwhile
expect 0 "asked" "list says why it stopped" part list
FAKE_PART_LOST=1 expect 1 "1 of its CPUs did not come back" "a lost CPU" part stop web
check "destroy" part destroy web
check "nothing is left" rmdir "$FAKE_DIR/parts"
unset PVMCTL_SYSROOT
