# SPDX-License-Identifier: GPL-2.0-only
"""
Sessions with guests: consoles, terminals, signals, exit codes.
"""
import fcntl
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import time

from terminal import (BEGIN, DEAF, FAKE_DIR, KERNEL, PIPED, POLITE, PVMCTL, SOCKETS, TMP,
                      Terminal, boot, check, end, environment, kill_and_wait, nothing_left, run)


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


# A terminal of a guest takes all that is typed on one line; not when it is raw.
UNREAD = "stty raw -echo; " + POLITE
DETACH = ["run", "--kernel", KERNEL, "--name", "web", "--detach"]


def ends(proc, seconds=5):
    """Does it end by itself? It is ended anyway."""
    try:
        proc.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()
        return False


def full_pipe():
    """A pipe that takes nothing any more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return reader, writer


def stuck():
    """Somebody does not read: the guest what is typed, or nobody what it writes."""
    t = Terminal(["run", "--kernel", KERNEL], UNREAD)
    t.until(b"up")
    t.until_raw()
    good = t.paste(b"x" * 600000)
    if good:
        t.type(b"\x1d")
    check("Ctrl-] is heard while the guest does not read", good and t.wait() == 0 and
          b"asked the guest" in t.out, t.out[-100:])
    check("the terminal is restored then", t.wait() == 0 and t.restored())
    run(DETACH, UNREAD)
    t = Terminal(["console", "web"])
    t.until(b"up")
    t.until_raw()
    good = t.paste(b"x" * 3000000)
    if good:
        t.type(b"\x1d")
    check("Ctrl-] leaves the console of a guest that does not read", good and t.wait() == 0, t.out[-100:])
    check("and the terminal is restored", t.wait() == 0 and t.restored())
    with open("/dev/zero", "rb") as zero:
        p = subprocess.Popen([PVMCTL, "console", "web"], stdin=zero, stdout=subprocess.DEVNULL)
        time.sleep(1.5)
        p.terminate()
        check("SIGTERM ends a console whose guest does not read", ends(p) and p.returncode == 0,
              p.returncode)
    reader, writer = full_pipe()
    p = subprocess.Popen([PVMCTL, "console", "web"], stdin=subprocess.DEVNULL, stdout=writer)
    time.sleep(0.5)
    p.terminate()
    check("SIGTERM ends a console whose output nobody reads", ends(p) and p.returncode == 0,
          p.returncode)
    ours, its = socket.socketpair()
    q = subprocess.Popen([PVMCTL, "console", "web"], stdin=subprocess.PIPE, stdout=its)
    its.close()
    ours.recv(65536)                # or unread bytes make it an error
    time.sleep(0.3)
    ours.close()
    check("a console ends whose reader hung up", ends(q) and q.returncode == 0, q.returncode)
    q.stdin.close()
    p = subprocess.Popen([PVMCTL, "console", "web"], stdin=subprocess.DEVNULL, stdout=writer)
    os.close(writer)
    time.sleep(0.5)
    got = 0
    data = b""
    while b"up" not in data and got < 1 << 20:
        data = os.read(reader, 65536)
        got += len(data)
    run(["stop", "web"])
    data += os.read(reader, 100)
    check("output that waited for its reader is whole", ends(p) and p.returncode == 0 and
          b"up\r\noff\r\n" in data.replace(b"up\n", b"up\r\n").replace(b"off\n", b"off\r\n"), data[-50:])
    os.close(reader)
    nothing_left("stuck")


def pasted():
    """More than fits into the buffers on the way, for a guest that begins to read later."""
    for size in (20 << 10, 200 << 10):
        data = os.urandom(size // 2).hex().encode()
        want = hashlib.md5(data).hexdigest().encode()
        guest = "stty raw -echo; echo up; sleep 1; head -c %d | md5sum; exit 0" % size
        t = Terminal(["run", "--kernel", KERNEL], guest)
        t.until(b"up")
        good = t.until_raw() and t.paste(data)
        check("a paste of %d KiB is whole" % (size >> 10), good and t.until(want) and t.wait() == 0, t.out)
        run(DETACH, guest)
        t = Terminal(["console", "web"])
        good = t.until(b"up") and t.until_raw() and t.paste(data)
        check("and on a console", good and t.until(want) and t.wait() == 0, t.out)
    nothing_left("pasted")


def listed():
    return run(["list", "--json"]).stdout != b""


def liars():
    """A control socket that says what is not so."""
    run(DETACH, DEAF)
    path = SOCKETS + "/web.sock"
    os.rename(path, path + ".real")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(path)
        s.listen()
        if os.fork() == 0:
            for answer in ([b"k", b"e\0ended"], [b"k", b"e\0ended"]):
                c, _ = s.accept()
                c.recv(100)
                for packet in answer:
                    c.send(packet)
                c.close()
            os._exit(0)
        r = run(["stop", "web", "--timeout", "5"])
        check("stop believes the driver, not the socket", r.returncode == 1 and listed(), r)
        r = run(["stop", "web", "--force", "--timeout", "5"])
        check("stop --force ends a guest whose socket lies", r.returncode == 0 and not listed(), r)
        os.wait()
    os.unlink(path + ".real")
    run(DETACH, DEAF)
    clients = []
    for _ in range(16):
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        c.connect(path)
        clients.append(c)
    r = run(["stop", "web", "--timeout", "5"])
    check("a hang-up is not the end of the guest", r.returncode == 1 and b"it runs on" in r.stderr and
          listed(), r)
    r = run(["stop", "web"], FAKE_ERR="13")
    check("stop does not say that it runs on without a look", r.returncode == 1 and
          b"hung up" in r.stderr and b"runs on" not in r.stderr, r)
    r = run(["stop", "web", "--force"])
    check("stop --force does not need the socket", r.returncode == 0 and not listed(), r)
    for c in clients:
        c.close()
    nothing_left("liars")


def slow_end():
    """The driver takes longer than its owner's word; or the guest ends while its owner is to be killed."""
    run(DETACH, POLITE, FAKE_TEARDOWN="7")
    owner = subprocess.Popen([PVMCTL, "run", "--kernel", KERNEL, "--name", "db"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=environment(POLITE, {"FAKE_TEARDOWN": "7"}))
    owner.stdout.read(2)
    forced = subprocess.Popen([PVMCTL, "stop", "db", "--force"])
    r = run(["stop", "web"])
    check("stop waits for a guest that is taken down slowly", r.returncode == 0, r)
    check("so does stop --force", ends(forced) and forced.returncode == 0, forced.returncode)
    check("and it kills nobody", ends(owner) and owner.returncode >= 0 and not listed(), owner.returncode)
    run(DETACH, DEAF)
    pid = json.loads(run(["list", "--json"]).stdout)["pid"]
    path = SOCKETS + "/web.sock"
    os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(path)
        s.listen()
        p = subprocess.Popen([PVMCTL, "stop", "web", "--force"], stderr=subprocess.PIPE)
        c, _ = s.accept()
        c.recv(100)
        kill_and_wait(pid)
        c.send(b"r")
        c.close()
        said = p.communicate(timeout=20)[1]
        check("stop --force of a guest that went away meanwhile", p.returncode == 0 and not said, said)
    os.unlink(path)
    nothing_left("slow end")


def held():
    """What a caller has open, and the directory of sockets."""
    reader, writer = os.pipe()
    subprocess.run([PVMCTL] + DETACH, env=environment(POLITE, {}), stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, pass_fds=(writer,), timeout=30, check=False)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], 3)
    check("a detached guest holds none of its caller's descriptors", ready and listed())
    os.close(reader)
    run(["stop", "web"])
    path = SOCKETS + "/web.sock"
    lock = os.open(SOCKETS, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    p = subprocess.Popen([PVMCTL] + DETACH, env=environment(POLITE, {}), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL)
    time.sleep(1)
    early = os.path.exists(path)
    fcntl.flock(lock, fcntl.LOCK_UN)
    check("a socket is made while nobody removes one", ends(p) and p.returncode == 0 and not early and
          os.path.exists(path), (early, p.returncode))
    kill_and_wait(json.loads(run(["list", "--json"]).stdout)["pid"])
    run(DETACH, POLITE)
    os.kill(json.loads(run(["list", "--json"]).stdout)["pid"], signal.SIGSTOP)
    fcntl.flock(lock, fcntl.LOCK_EX)
    p = subprocess.Popen([PVMCTL, "stop", "web", "--force"])
    for _ in range(200):
        if not listed():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    kept = os.path.exists(path)
    os.close(lock)
    check("and removed while nobody makes one", kept and ends(p) and p.returncode == 0 and
          not os.path.exists(path), (kept, p.returncode))
    lock = os.open(SOCKETS, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    start = time.time()
    r = run(DETACH, POLITE)
    check("a lock that is never let go is no obstacle", r.returncode == 0 and not r.stderr and
          os.path.exists(path) and time.time() - start > 1.5, r)
    os.close(lock)
    run(["stop", "web"])
    no_lock = TMP + "/no_lock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", no_lock], check=True,
                   input=b"#include <errno.h>\nint flock(int f, int o) { errno = EBADF; return -1; }\n")
    r = run(DETACH, POLITE, LD_PRELOAD=no_lock)
    check("nor is a file system without locks", r.returncode == 0 and not r.stderr and os.path.exists(path), r)
    run(["stop", "web"])
    nothing_left("held")


for part in (exit_codes, commands, userland, signals, terminals, background, stuck, pasted, liars, slow_end, held):
    part()
