# SPDX-License-Identifier: GPL-2.0-only
"""
pvmctl on a terminal of its own, or run to its end, with guests that are shell scripts (fake_libpvm.c).

What sessions.py and screens.py share. Run by tests/cli/run, which sets PVMCTL, TMP, FAKE_DIR and
LD_LIBRARY_PATH. Prints "ok - name" and "not ok - name" lines. Every wait has an end.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

PVMCTL = os.environ["PVMCTL"]
TMP = os.environ["TMP"]
KERNEL = TMP + "/kernel"
FAKE_DIR = os.environ["FAKE_DIR"]
BEGIN = 'printf "\\033]pvm;$NONCE;begin\\007"; '
PIPED = "stty icanon iexten -isig -echo -icrnl -ixon -opost; " + BEGIN
# "up" comes when a signal finds its trap.
POLITE = 'trap "echo off; exit 0" TERM; echo up; while :; do sleep 0.05; done'
DEAF = 'trap "" TERM; echo up; while :; do sleep 0.05; done'


SOCKETS = "/run/pvm" if os.geteuid() == 0 else os.environ["XDG_RUNTIME_DIR"] + "/pvm"


def kill_and_wait(pid):
    """Of a pvmctl that is not our child; the driver lets its guest go."""
    os.kill(pid, signal.SIGKILL)
    for _ in range(100):
        if b'"pid":%d,' % pid not in run(["list", "--json"]).stdout:
            return
        time.sleep(0.05)


def end(status):
    return 'printf "\\033]pvm;$NONCE;exit=%s\\007"' % status


def check(name, good, detail=""):
    if good:
        print("ok - " + name)
    else:
        print("not ok - " + name)
        print("  " + repr(detail))
    sys.stdout.flush()


def environment(guest, extra):
    env = dict(os.environ, FAKE_GUEST=guest, TERM="xterm")
    env.update(extra)
    return env


def run(args, guest="exit 0", stdin=subprocess.DEVNULL, data=None, **extra):
    if data is not None:
        stdin = None
    return subprocess.run([PVMCTL] + args, env=environment(guest, extra), input=data,
                          stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=30, check=False)


def boot(guest, *command, **kw):
    args = ["run", "--kernel", KERNEL]
    if command:
        args += ["--"] + list(command)
    return run(args, guest, **kw)


def nothing_left(name):
    check(name + ": nothing is left behind", not os.listdir(FAKE_DIR), os.listdir(FAKE_DIR))


class Terminal:
    """pvmctl on a terminal of its own."""

    def __init__(self, args, guest="exit 0", columns=0, **extra):
        self.master, self.slave = pty.openpty()
        if columns:
            self.resize(24, columns)
        self.before = termios.tcgetattr(self.slave)
        self.out = b""
        self.proc = subprocess.Popen([PVMCTL] + args, stdin=self.slave, stdout=self.slave,
                                     stderr=self.slave, env=environment(guest, extra),
                                     start_new_session=True)

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            self.out += os.read(self.master, 65536)

    def until(self, text, seconds=10):
        stop = time.time() + seconds
        while text not in self.out and time.time() < stop:
            self.read(0.1)
        return text in self.out

    def until_raw(self):
        for _ in range(100):
            if termios.tcgetattr(self.slave) != self.before:
                return True
            time.sleep(0.05)
        return False

    def type(self, data):
        os.write(self.master, data)

    def paste(self, data):
        """Type much. Return: was all of it taken? What pvmctl does not read stops us."""
        os.set_blocking(self.master, False)
        while data:
            _, ready, _ = select.select([], [self.master], [], 3)
            if not ready:
                return False
            data = data[os.write(self.master, data[:1024]):]
            self.read(0)
        return True

    def wait(self, seconds=20):
        stop = time.time() + seconds
        while self.proc.poll() is None and time.time() < stop:
            self.read(0.1)
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
            return "no end"
        self.read(0.2)
        return self.proc.returncode

    def resize(self, rows, columns):
        """What a terminal emulator does when its window changes."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before
