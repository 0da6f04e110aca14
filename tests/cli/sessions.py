# SPDX-License-Identifier: GPL-2.0-only
"""
pvmctl with guests that are shell scripts: consoles, terminals, signals, exit codes.

Run by tests/cli/run, which sets PVMCTL, TMP, FAKE_DIR and LD_LIBRARY_PATH (fake_libpvm.c). Prints
"ok - name" and "not ok - name" lines. Every wait has an end.
"""
import fcntl
import hashlib
import json
import os
import pty
import re
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


def exit_codes():
    for status, want, word in ((0, 0, b""), (1, 11, b"reboot"), (3, 10, b"console output"),
                               (4, 10, b"RIP 0xffffffff81000000")):
        r = boot("exit %d" % status)
        check("guest that ends with %d gives status %d" % (status, want),
              r.returncode == want and word in r.stderr, r)
    r = boot("exit 4")
    check("a death names the last hypercalls", b"mmu_update" in r.stderr, r)
    for err, want in ((13, 4), (19, 5)):
        r = boot("", FAKE_ERR=str(err))
        check("errno %d of the driver gives status %d" % (err, want), r.returncode == want, r)
    r = boot("", FAKE_LOAD_ERR="28")
    check("a kernel that does not fit names --memory", b"--memory" in r.stderr and
          r.returncode == 1, r)
    nothing_left("exit codes")


def commands():
    r = boot("echo noise; " + BEGIN + "echo hello; " + end(7) + "; echo bye", "ls")
    check("a command's status comes back", r.returncode == 7, r)
    check("only its output is shown", r.stdout.replace(b"\r", b"") == b"hello\n" and
          not r.stderr, r)
    r = boot("echo noise; exit 3", "ls")
    check("boot messages are shown if the command never ran",
          r.returncode == 10 and b"noise" in r.stderr and not r.stdout, r)
    r = boot(BEGIN + "exit 0", "ls")
    check("a guest that ends before its command is a failure", r.returncode == 1, r)
    data = os.urandom(200000)
    want = hashlib.md5(data).hexdigest().encode()
    r = boot(PIPED + "cat | md5sum; " + end(0), "md5sum", data=data)
    check("standard input arrives byte for byte, with its end", want in r.stdout, r)
    with open(TMP + "/data", "wb") as f:
        f.write(data)
    with open(TMP + "/data", "rb") as f:
        r = boot(PIPED + "cat | md5sum; " + end(0), "md5sum", stdin=f)
    check("from a file, too", want in r.stdout, r)
    r = boot("stty -opost; " + BEGIN + "cat %s/data; " % TMP + end(0), "cat")
    check("standard output is byte for byte", r.stdout == data, len(r.stdout))
    empty = hashlib.md5(b"").hexdigest().encode()
    p = subprocess.run(["sh", "-c", '"$0" run --kernel "$1" -- md5sum <&-', PVMCTL, KERNEL],
                       env=environment(PIPED + "cat | md5sum; " + end(0), {}),
                       stdout=subprocess.PIPE, timeout=30, check=False)
    check("closed standard input is an empty one", empty in p.stdout, p)
    p = subprocess.run(["sh", "-c", '"$0" run --kernel "$1" -- cat | head -c 3', PVMCTL, KERNEL],
                       env=environment(BEGIN + "yes; " + end(0), {}), stdout=subprocess.PIPE,
                       stdin=subprocess.DEVNULL, timeout=30, check=False)
    check("a reader that goes away ends the guest", p.stdout == b"y\r\n", p)
    p = subprocess.run(["sh", "-c", '"$0" run --kernel "$1" -- cat >/dev/full', PVMCTL, KERNEL],
                       env=environment(BEGIN + "echo x; " + end(0), {}), stdin=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, timeout=30, check=False)
    check("a full disk is a failure", p.returncode == 1 and b"ENOSPC" in p.stderr, p)
    r = boot("", "no-such-program-anywhere")
    check("unknown command", r.returncode == 1 and b"there is no such program" in r.stderr, r)
    with open(TMP + "/text", "w", encoding="ascii") as f:
        f.write("text")
    r = boot("", TMP + "/text")
    check("command that is no program", r.returncode == 1 and b"it is no program" in r.stderr, r)
    nothing_left("commands")


def userland():
    dump = TMP + "/initramfs"
    boot("exit 0", "sh", "-c", "echo 'quoted'", FAKE_DUMP=dump)
    with open(dump, "rb") as f:
        r = subprocess.run(["cpio", "-it", "--quiet"], stdin=f, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, check=False)
    names = r.stdout.split(b"\n")
    check("cpio reads the userland", r.returncode == 0 and b"init" in names and
          b"bin/busybox" in names and b"dev/console" in names, r)
    with open(dump, "rb") as f:
        r = subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "init"], stdin=f,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check("the command is quoted for the shell", b"'echo '\\''quoted'\\'''" in r.stdout, r)
    r = subprocess.run(["sh", "-n"], input=r.stdout, stderr=subprocess.PIPE, check=False)
    check("init is a valid script", r.returncode == 0, r)
    boot("exit 0", "/usr/bin/md5sum", FAKE_DUMP=dump)
    with open(dump, "rb") as f:
        r = subprocess.run(["cpio", "-it", "--quiet"], stdin=f, stdout=subprocess.PIPE, check=False)
    check("a program of the host comes with loader and libraries",
          b"usr/bin/md5sum\n" in r.stdout and b"/libc.so.6\n" in r.stdout and
          b"ld-linux" in r.stdout, r)


def signals():
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        p = subprocess.Popen([PVMCTL, "run", "--kernel", KERNEL], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, env=environment(POLITE, {}))
        p.stdout.read(2)
        p.send_signal(sig)
        out, _ = p.communicate(timeout=20)
        check("%s asks the guest and ends" % sig.name, p.returncode == 0 and b"off" in out, out)
    p = subprocess.Popen([PVMCTL, "run", "--kernel", KERNEL], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         env=environment(DEAF, {}))
    p.stdout.read(2)
    start = time.time()
    p.terminate()
    time.sleep(0.5)
    p.terminate()
    p.communicate(timeout=20)
    check("a second signal insists", p.returncode == 0 and time.time() - start < 5, p.returncode)
    p = subprocess.Popen([PVMCTL, "run", "--kernel", KERNEL, "--", "sleep"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         env=environment(BEGIN + POLITE, {}))
    p.stdout.read(2)
    p.terminate()
    p.communicate(timeout=20)
    check("a command ended by SIGTERM gives 143", p.returncode == 143, p.returncode)
    nothing_left("signals")


def terminals():
    t = Terminal(["run", "--kernel", KERNEL], POLITE)
    t.until(b"up")
    t.until_raw()
    t.type(b"\x1d")
    status = t.wait()
    check("Ctrl-] asks the guest to power off", status == 0 and b"asked the guest" in t.out, t.out)
    check("the terminal is restored after Ctrl-]", t.restored())
    t = Terminal(["run", "--kernel", KERNEL], DEAF)
    t.until(b"up")
    t.type(b"\x1d")
    t.until(b"asked")
    t.type(b"\x1d")
    check("a second Ctrl-] ends it", t.wait(8) == 0 and t.restored(), t.out)
    for name, guest, want in (("power off", "exit 0", 0), ("crash", "exit 3", 10),
                              ("death", "exit 4", 10)):
        t = Terminal(["run", "--kernel", KERNEL], guest)
        check("the terminal is restored after %s" % name, t.wait() == want and t.restored(), t.out)
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV, signal.SIGABRT):
        t = Terminal(["run", "--kernel", KERNEL], POLITE)
        t.until(b"up")
        t.until_raw()
        t.proc.send_signal(sig)
        t.wait()
        check("the terminal is restored after %s" % sig.name, t.restored(), t.out)
    for entry in os.listdir(FAKE_DIR):      # of the crashed pvmctl
        run(["list"])
    nothing_left("terminals")


def background():
    args = ["run", "--kernel", KERNEL, "--name", "web", "--detach"]
    guest = 'trap "exit 0" TERM; echo first; while read x; do echo got $x; done; ' + POLITE
    r = run(args, guest)
    check("--detach prints the name", r.returncode == 0 and r.stdout == b"web\n", r)
    r = run(args, guest)
    check("a name that is taken gives status 6", r.returncode == 6 and b"EEXIST" in r.stderr, r)
    r = run(["list"])
    check("list has it, in 80 columns", b"web" in r.stdout and
          max(map(len, r.stdout.split(b"\n"))) <= 80, r)
    r = run(["list", "--json"])
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    check("list --json", len(rows) == 1 and rows[0]["name"] == "web" and
          rows[0]["memory_bytes"] == 512 << 20, rows)
    pid = rows[0]["pid"]
    r = run(["stat", "web"])
    check("stat", b"shadow_pages" in r.stdout and b"exit_nmi" not in r.stdout, r)
    r = run(["stat", "-v"])
    check("stat -v of all", b"exit_nmi" in r.stdout and b"mmu_update" in r.stdout, r)
    row = json.loads(run(["stat", "--json", "web"]).stdout)
    check("stat --json", row["exits"] == 1234 and row["runtime_ns"] == 5000000000 and
          row["hypercalls"]["mmu_update"] == 99, row)
    check("info --json", json.loads(run(["info", "--json"]).stdout)["tsc_khz"] == 2400123)
    got = run(["__complete", "stop", ""]).stdout
    check("completion offers guests", got == b"web\n", got)
    t = Terminal(["console", "web"])
    check("console replays output", t.until(b"first"), t.out)
    t.type(b"abc\r")
    check("console takes input", t.until(b"got abc"), t.out)
    r = run(["console", "web"])
    check("one writer at a time", r.returncode == 6 and b"somebody else" in r.stderr, r)
    t.type(b"\x1d")
    check("Ctrl-] leaves the guest running", t.wait() == 0 and t.restored() and
          b"web" in run(["list"]).stdout, t.out)
    t = Terminal(["console", "web"])
    t.until(b"got abc")
    r = run(["stop", "web"])
    check("stop", r.returncode == 0 and not run(["list", "--json"]).stdout, r)
    check("console tells of the end", t.wait() == 0 and b"has ended" in t.out and t.restored(),
          t.out)
    for verb in (["stop"], ["stop", "--force"], ["console"], ["stat"]):
        r = run(verb + ["web"])
        check("%s of a guest that is gone gives status 3" % " ".join(verb), r.returncode == 3, r)
    run(args, DEAF)
    r = run(["stop", "web", "--timeout", "1"])
    check("a deaf guest: stop names --force", r.returncode == 1 and b"--force" in r.stderr, r)
    r = run(["stop", "web", "--force"])
    check("stop --force", r.returncode == 0 and not run(["list", "--json"]).stdout, r)
    run(args, POLITE)
    pid = json.loads(run(["list", "--json"]).stdout)["pid"]
    os.kill(pid, signal.SIGSTOP)
    start = time.time()
    r = run(["stop", "web", "--force"])
    check("stop --force kills a pvmctl that does not answer",
          r.returncode == 0 and time.time() - start < 12, r)
    check("and removes its socket", not os.path.exists(SOCKETS + "/web.sock"))
    run(args, POLITE)
    kill_and_wait(json.loads(run(["list", "--json"]).stdout)["pid"])
    left = os.path.exists(SOCKETS + "/web.sock")
    r = run(args, POLITE)
    check("the socket of one that was killed is no obstacle", left and r.returncode == 0 and
          not r.stderr, (left, r))
    p = subprocess.Popen([PVMCTL, "run", "--kernel", KERNEL, "--detach"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, env=environment(POLITE, {}))
    unnamed = SOCKETS + "/" + p.communicate(timeout=20)[0].decode().strip() + ".sock"
    for row in map(json.loads, run(["list", "--json"]).stdout.splitlines()):
        if row["name"] != "web":
            kill_and_wait(row["pid"])
    left = os.path.exists(unnamed)
    run(["stop", "web"])
    run(args, POLITE)
    check("the next guest removes sockets of processes that are gone", left and
          not os.path.exists(unnamed) and os.path.exists(SOCKETS + "/web.sock"), (left, unnamed))
    pid = json.loads(run(["list", "--json"]).stdout)["pid"]
    os.kill(pid, signal.SIGTERM)
    for _ in range(100):
        if not run(["list", "--json"]).stdout:
            break
        time.sleep(0.05)
    check("SIGTERM ends a detached guest", not run(["list", "--json"]).stdout)
    r = run(args, "exit 4")
    check("--detach reports a guest that dies at once", r.returncode == 10, r)
    r = run(args + ["--json", "--console", "pty"], POLITE)
    row = json.loads(r.stdout)
    check("--detach --json --console pty", row["name"] == "web" and
          row["pty"].startswith("/dev/pts/"), row)
    fd = os.open(row["pty"], os.O_RDWR | os.O_NOCTTY)
    os.close(fd)
    run(["stop", "web"])
    r = run(args, "", FAKE_LOAD_ERR="8")
    check("--detach reports a bad kernel in the foreground",
          r.returncode == 1 and b"cannot load" in r.stderr, r)
    nothing_left("background")


SCREEN_ON, SCREEN_OFF = b"\033[?1049h", b"\033[?1049l"


def frame_lines(out):
    """The lines of the last whole frame, escapes left out."""
    frames = [f for f in out.split(b"\033[H") if f.endswith(b"\033[J")]
    text = re.sub(rb"\033\[[0-9;?]*[A-Za-z]", b"", frames[-1]) if frames else b""
    return text.split(b"\r\n")


def frame_widths(out):
    return [len(line) for line in frame_lines(out)]


def widths(out):
    """Columns of each line of what is no screen."""
    text = re.sub(rb"\033\[[0-9;]*m", b"", out)
    return [len(line) for line in text.replace(b"\r", b"").split(b"\n")]


def tables():
    """Tables on terminals of 80 and 200 columns."""
    name = "a-name-of-31-characters-as-it-is"[:31]
    p = subprocess.Popen(["sleep", "600"])
    with open(FAKE_DIR + "/" + name, "w", encoding="ascii") as f:
        f.write("%d ready" % p.pid)
    part = "a-partition-of-31-characters-is"
    r = run(["partition", "create", part, "--cpus", "1-12", "--memory", "1G"])
    check("a partition to be seen in tables", r.returncode == 0, r)
    for columns in (80, 200):
        for args in (["list"], ["stat", "-v"], ["info"], ["top", "-1", "-d", "0.1"], ["doctor"],
                     ["partition", "list"], ["partition", "stat", part]):
            t = Terminal(args, columns=columns, NO_COLOR="")
            status = t.wait()
            # What doctor finds is the machine's affair.
            check("%s fits %d columns" % (" ".join(args), columns),
                  status in ((0, 4, 5) if args == ["doctor"] else (0,)) and
                  30 < max(widths(t.out)) <= columns, t.out)
            if args == ["partition", "list"]:
                check("partition list leaves out columns before it cuts a name, at %d" % columns,
                      (b"ADDRESS" in t.out) == (columns == 200) and b"HEARTBEAT" in t.out and
                      (part.encode() in t.out) == (columns == 200) and b"STOPPED" in t.out, t.out)
            if args == ["list"]:
                check("list cuts a name only where it must, at %d" % columns,
                      (name.encode() in t.out) == (columns == 200), t.out)
                check("list has colours on a terminal", b"\033[32mrunning\033[0m" in t.out, t.out)
    r = run(["list"], NO_COLOR="")
    check("no colours and no cuts in a pipe", b"\033" not in r.stdout and
          name.encode() in r.stdout, r)
    t = Terminal(["stat", "-v"], columns=60, FAKE_LONG="1")
    t.wait()
    check("long text is folded below itself", max(widths(t.out)) <= 60 and
          re.search(rb"\n {20,}[a-z]", t.out), t.out)
    r = run(["doctor"], NO_COLOR="")
    check("doctor has no colours and one line per sentence in a pipe", b"\033" not in r.stdout and
          not re.search(rb"\n {17}(?!-> )", r.stdout), r)
    r = run(["partition", "destroy", part])
    check("it goes away", r.returncode == 0, r)
    os.rmdir(FAKE_DIR + "/parts")
    p.kill()
    p.wait()
    run(["list"])
    nothing_left("tables")


def top_batch():
    busy = {"FAKE_BUSY": "1000"}
    r = run(["top", "--once", "--delay", "0.2"], **busy)
    lines = r.stdout.splitlines()
    check("top --once: summary, titles, a row per guest", r.returncode == 0 and len(lines) == 4 and
          b"2 guests; CPU " in lines[0] and lines[1].startswith(b"GUEST ") and
          b"EXITS/s" in lines[1], r)
    check("top has no escapes in a pipe", b"\033" not in r.stdout, r)
    check("top aligns its columns", len(set(map(len, lines[1:]))) == 1, r)
    r = run(["top", "-b", "-n", "2", "-d", "0.1"], **busy)
    check("top -b -n 2 prints two tables", r.stdout.count(b"GUEST ") == 2, r)
    p = subprocess.Popen([PVMCTL, "top", "-d", "0.1"], env=environment("", busy),
                         stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    first = p.stdout.readline()
    p.terminate()
    p.communicate(timeout=20)
    check("top without a terminal is a batch, ended by SIGTERM with status 0",
          p.returncode == 0 and b"2 guests" in first, (p.returncode, first))
    r = run(["top", "--json", "-n", "2", "-d", "0.1", "--sort", "name"], **busy)
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    check("top --json", [row["name"] for row in rows] == ["db", "web", "db", "web"] and
          all(row["exits_per_s"] > 0 and row["cpu_percent"] > 0 and row["type"] == "guest" and
              row["interval_ns"] >= 100000000 for row in rows), rows)
    r = run(["top", "--json", "-1", "-d", "0.1", "-s", "name", "-r"], **busy)
    check("top --reverse", [json.loads(line)["name"] for line in r.stdout.splitlines()] ==
          ["web", "db"], r)
    r = run(["top", "--once", "-d", "0.1"], FAKE_STATS_ERR="13")
    check("top tells of counters it cannot read", r.returncode == 4 and b"EACCES" in r.stderr, r)
    p = subprocess.run(["sh", "-c", '"$0" top -b -d 0.1 | head -n 1', PVMCTL], timeout=20,
                       env=environment("", busy), stdout=subprocess.PIPE, check=False)
    check("top ends with its reader", p.returncode == 0, p)


def top_partitions():
    """Two guests and two partitions, of which one runs (fake_part.c)."""
    for name in ("iron", "lead"):
        r = run(["partition", "create", name, "--cpus", "2-3", "--memory", "64M"])
    r = run(["partition", "start", "iron", "--kernel", TMP + "/bz", "--no-wait"], FAKE_PART="mute")
    check("top: a partition to look at", r.returncode == 0, r)
    busy = {"FAKE_BUSY": "1000", "FAKE_BEAT_NS": "12000000000"}
    r = run(["top", "--once", "--delay", "0.2"], **busy)
    tables = [part.splitlines() for part in r.stdout.split(b"\n\n")]
    check("top: a table of guests, a table of partitions", r.returncode == 0 and
          [len(lines) for lines in tables] == [4, 3] and
          b"2 guests, 2 partitions; CPU " in tables[0][0] and
          tables[1][0].startswith(b"PARTITION "), r)
    iron, lead = tables[1][1:]
    check("top: the running one first, its exits, what most are for, its heartbeat",
          re.match(rb"iron +running +2 +64M +\d[\d.kM]* +io \d[\d.kM]* +silent 12s +\d", iron), r)
    check("top: one that was never started has dashes",
          re.match(rb"lead +created +2 +64M +- +- +- +- +0 +-$", lead), r)
    at = [tables[1][0].index(title) for title in (b"STATE", b"MOST/s", b"HEARTBEAT", b"STOPPED")]
    check("top aligns the columns of partitions", all(
        line[i - 1:i] == b" " and line[i:i + 1] != b" " for line in tables[1] for i in at), r)
    r = run(["top", "--json", "-1", "-d", "0.2"], **busy)
    rows = {row["name"]: row for row in map(json.loads, r.stdout.splitlines())}
    check("top --json has partitions", sorted(rows) == ["db", "iron", "lead", "web"] and
          rows["iron"]["type"] == "partition" and rows["iron"]["exits_per_s"] > 0 and
          rows["iron"]["reasons_per_s"]["exit_io"] > 0 and
          rows["iron"]["reasons_per_s"]["exit_console"] == 0 and
          rows["iron"]["beat_age_ns"] == 12000000000 and "cpu_percent" not in rows["iron"] and
          rows["lead"]["beat_age_ns"] == -1 and "exits_per_s" not in rows["lead"], rows)
    r = run(["top", "--json", "-1", "-d", "0.2"], FAKE_PART_ERR="open:1", **busy)
    row = json.loads(r.stdout.splitlines()[2])
    check("top: who is not root sees exits without reasons", r.returncode == 0 and
          row["name"] == "iron" and "exits_per_s" in row and "reasons_per_s" not in row, r)
    r = run(["top", "--json", "-1", "-d", "0.2"], FAKE_PART_ERR="open:2")
    check("top: a partition that goes away meanwhile is left out", r.returncode == 0 and
          b"iron" not in r.stdout and b"lead" in r.stdout, r)
    r = run(["top", "--json", "-1", "-d", "0.2"], FAKE_PART_ERR="open:12")
    check("top: any other trouble is told", r.returncode == 1 and b"iron" in r.stderr, r)
    for columns in (80, 200):
        t = Terminal(["top", "-1", "-d", "0.1"], columns=columns, NO_COLOR="", **busy)
        status = t.wait()
        check("top: both tables fit %d columns" % columns, status == 0 and
              max(widths(t.out)) <= columns and b"silent 12s" in t.out and
              (b"DEVICES" in t.out) == (columns == 200) and
              b"\033[32mrunning\033[0m   " in t.out and b"\033[33mcreated\033[0m   " in t.out, t.out)
    t = Terminal(["top", "-d", "0.1"], **busy)
    t.until(b"iron")
    good = False
    for _ in range(50):
        t.out = b""
        t.resize(12, 80)
        t.proc.send_signal(signal.SIGWINCH)
        t.read(0.2)
        frame = frame_lines(t.out)
        good = len(frame) == 10 and frame[6].startswith(b"PARTITION")
        if good:
            break
    check("top: both tables on a screen", good, t.out)
    t.type(b"q")
    check("top: and q ends it", t.wait() == 0 and t.restored(), t.out)
    run(["partition", "stop", "iron"])
    r = run(["top", "-1", "-d", "0.1"])
    check("top: a partition that was stopped says why", re.search(rb"iron +stopped .* asked$", r.stdout, re.M), r)
    for name in ("iron", "lead"):
        run(["partition", "destroy", name])
    os.rmdir(FAKE_DIR + "/parts")


def top_screen():
    def top(*args, **extra):
        t = Terminal(["top", "-d", "0.2"] + list(args), **extra)
        t.resize(24, 80)
        t.proc.send_signal(signal.SIGWINCH)
        t.until(b"web")
        return t
    for name, leave in (("q", lambda t: t.type(b"q")), ("Ctrl-C", lambda t: t.type(b"\003")),
                        ("SIGTERM", lambda t: t.proc.send_signal(signal.SIGTERM)),
                        ("SIGHUP", lambda t: t.proc.send_signal(signal.SIGHUP)),
                        ("SIGSEGV", lambda t: t.proc.send_signal(signal.SIGSEGV)),
                        ("-n", None)):
        t = top() if leave else top("-n", "3")
        drawn = SCREEN_ON in t.out
        if leave:
            leave(t)
        status = t.wait()
        want = -signal.SIGSEGV if name == "SIGSEGV" else 0
        check("top: the screen is restored after %s" % name, drawn and status == want and
              t.restored() and t.out.rfind(SCREEN_OFF) > t.out.rfind(SCREEN_ON), (status, t.out))
    t = top()
    t.type(b"n")
    check("top: a key sorts", t.until(b"sorted by name"), t.out)
    t.type(b"r")
    check("top: a key turns the order", t.until(b"reversed"), t.out)
    t.type(b"h")
    check("top: help", t.until(b"Any key goes back"), t.out)
    t.type(b"\033[A")
    t.type(b" ")
    for columns in (200, 80, 60, 20, 5):
        t.out = b""
        t.resize(10, columns)
        t.proc.send_signal(signal.SIGWINCH)
        good = False
        for _ in range(50):
            t.read(0.1)
            widths = frame_widths(t.out)
            good = len(widths) > 4 and max(widths) <= columns and \
                (columns < 200 or max(widths) > 100)
            if good:
                break
        check("top: no line is wider than %d columns" % columns, good, t.out)
    t.type(b"q")
    check("top: ends after all that", t.wait() == 0 and t.restored(), t.out)
    t = Terminal(["top", "-d", "0.2"], FAKE_STATS_ERR="13")
    check("top: the terminal is restored after an error", t.wait() == 4 and t.restored() and
          b"EACCES" in t.out, t.out)
    t = Terminal(["top", "-d", "0.2", "-n", "2"], TERM="dumb")
    check("top on a dumb terminal is a batch", t.wait() == 0 and b"\033" not in t.out, t.out)
    t = Terminal(["top", "-d", "0.2", "-n", "2"], NO_COLOR="")
    check("top has colours on a terminal", t.wait() == 0 and b"\033[32mrunning" in t.out, t.out)
    t = top()
    t.type(b"\032")
    for _ in range(100):
        t.read(0.1)
        with open("/proc/%d/stat" % t.proc.pid, encoding="ascii") as f:
            stopped = f.read().rsplit(")", 1)[1].split()[0] == "T"
        if stopped:
            break
    check("top: Ctrl-Z stops it and restores the terminal", stopped and t.restored(), t.out)
    t.out = b""
    t.proc.send_signal(signal.SIGCONT)
    check("top: it goes on", t.until(SCREEN_ON) and t.until(b"web"), t.out)
    t.type(b"q")
    check("top: and ends", t.wait() == 0 and t.restored(), t.out)


def top():
    sleepers = []
    for name in ("web", "db"):
        p = subprocess.Popen(["sleep", "600"])
        sleepers.append(p)
        with open(FAKE_DIR + "/" + name, "w", encoding="ascii") as f:
            f.write("%d ready" % p.pid)
    top_batch()
    top_partitions()
    top_screen()
    for p in sleepers:
        p.kill()
        p.wait()
    run(["list"])
    nothing_left("top")


for part in (exit_codes, commands, userland, signals, terminals, background, tables, top):
    part()
