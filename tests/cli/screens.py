# SPDX-License-Identifier: GPL-2.0-only
"""
What is drawn: tables on terminals of 80 and 200 columns, and pvmctl top.
"""
import json
import os
import re
import signal
import subprocess

from terminal import (FAKE_DIR, PVMCTL, TMP, Terminal, check, environment, nothing_left, run)

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


for part in (tables, top):
    part()
