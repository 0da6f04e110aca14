# SPDX-License-Identifier: GPL-2.0-only
"""
What a throw-away guest gets of a host program: the program, its loader, its libraries; and that
nothing of it runs on the host for that. Programs are built here, some of them to do harm.
"""
import os
import re
import shutil
import stat
import subprocess
import sys

from terminal import TMP, boot, check, nothing_left

WORK = TMP + "/programs"
RAN = WORK + "/ran"         # whoever runs on the host leaves this
HARM = '''#include <fcntl.h>
__attribute__((constructor)) static void harm(void) { open("%s", O_CREAT | O_WRONLY, 0600); }
unsigned int la_version(unsigned int v) { harm(); return v; }
''' % RAN


def archive(*command, **kw):
    """Members of the guest's userland, name -> (mode, bytes), and what pvmctl said."""
    dump = WORK + "/dump"
    if os.path.exists(dump):
        os.unlink(dump)
    r = boot("exit 0", *command, FAKE_DUMP=dump, **kw)
    members = {}
    if not os.path.exists(dump):
        return members, r
    with open(dump, "rb") as f:
        data = f.read()
    at = 0
    while data[at:at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        start = (at + 110 + fields[11] + 3) & ~3
        if name == "TRAILER!!!":
            break
        members[name] = (fields[1], data[start:start + fields[6]])
        at = (start + fields[6] + 3) & ~3
    return members, r


def build(name, source, *flags):
    path = WORK + "/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run(["gcc", "-xc", "-", "-o", path] + list(flags), input=source.encode(), check=True)
    return path


def member(path):
    return os.path.normpath(path).lstrip("/")


def not_executed(what):
    check("%s is not executed" % what, not os.path.exists(RAN))
    if os.path.exists(RAN):
        os.unlink(RAN)


def harmless():
    main = HARM + "int main(void) { return 0; }"
    plain = "int main(void) { return 0; }"
    loader = build("loader", main)
    script = WORK + "/loader.sh"
    with open(script, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n: >%s\n" % RAN)
    os.chmod(script, 0o755)
    subprocess.run([loader], check=True)
    check("harm can be seen", os.path.exists(RAN))
    os.unlink(RAN)

    prog = build("own-loader", plain, "-Wl,--dynamic-linker=" + loader)
    got, r = archive(prog)
    check("a program's own loader is copied", member(loader) in got and member(prog) in got,
          (sorted(got), r))
    not_executed("a program's own loader")

    prog = build("script-loader", plain, "-Wl,--dynamic-linker=" + script)
    got, r = archive(prog)
    check("a loader that is a script is refused", r.returncode == 1 and not got and
          b"its libraries cannot be found" in r.stderr, r)
    not_executed("a loader that is a script")

    secret = WORK + "/secret"
    with open(secret, "w", encoding="ascii") as f:
        f.write("-----BEGIN PRIVATE KEY-----")
    got, r = archive(build("greedy", plain, "-Wl,--dynamic-linker=" + secret))
    check("a file that is no loader is not given to the guest", r.returncode == 1 and not got, r)

    with open(secret, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\npassword=secret\n")
    script = WORK + "/greedy.sh"
    with open(script, "w", encoding="ascii") as f:
        f.write("#!%s\n" % secret)
    os.chmod(script, 0o755)
    got, r = archive(script)
    check("nor is a script that is to interpret a script", r.returncode == 1 and not got and
          b"its interpreter cannot be copied" in r.stderr, r)

    audit = build("libaudit.so", HARM, "-shared", "-fPIC")
    prog = build("audited", plain, "-Wl,--audit=" + audit, "-Wl,--depaudit=" + audit)
    got, r = archive(prog)
    check("a program with an audit module is copied", member(prog) in got, r)
    not_executed("an audit module")

    build("libharm.so", HARM, "-shared", "-fPIC")
    prog = build("constructed", plain, "-L" + WORK, "-Wl,--no-as-needed,-rpath," + WORK, "-lharm")
    got, r = archive(prog)
    check("a library with a constructor is copied", member(WORK + "/libharm.so") in got, r)
    not_executed("a constructor of a library")


def same_as_ldd():
    for prog in ("/bin/true", os.path.realpath(sys.executable), shutil.which("git"),
                 shutil.which("gcc"), shutil.which("perl"), shutil.which("ssh")):
        if not prog or not os.path.exists(prog):
            continue
        r = subprocess.run(["ldd", prog], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           check=False)
        if r.returncode:
            continue        # static, or a script
        want = {member(p) for p in re.findall(r"(/\S+) \(0x", r.stdout.decode())}
        got, r = archive(prog)
        have = {n for n, (mode, _) in got.items() if stat.S_ISREG(mode) and ".so" in n and
                n != "etc/ld.so.cache"}
        check("%s gets the libraries ldd lists" % os.path.basename(prog),
              have == want and "etc/ld.so.cache" in got, (have ^ want, r.stderr))


def run_paths():
    """A program that needs libouter.so, which needs libinner.so, in the directory beside its own."""
    build("app/lib/libinner.so", "int inner(void) { return 0; }", "-shared", "-fPIC")
    build("app/lib/libouter.so", "int inner(void); int outer(void) { return inner(); }", "-shared",
          "-fPIC", "-L" + WORK + "/app/lib", "-Wl,--no-as-needed", "-linner", "-Wl,--enable-new-dtags,-rpath,${ORIGIN}")
    prog = build("app/bin/prog", "int outer(void); int main(void) { return outer(); }",
                 "-L" + WORK + "/app/lib", "-Wl,--no-as-needed", "-louter", "-Wl,--enable-new-dtags",
                 "-Wl,-rpath,$ORIGIN/../lib", "-Wl,-rpath-link," + WORK + "/app/lib")
    libs = {member(WORK + "/app/lib/lib%s.so" % n) for n in ("inner", "outer")}
    got, r = archive(prog)
    check("RUNPATH with $ORIGIN, of program and library", libs <= set(got), (sorted(got), r))
    check("directories on the way to '..' are there",
          stat.S_ISDIR(got.get(member(WORK + "/app/bin"), (0, b""))[0]), sorted(got))
    link = WORK + "/link"
    os.symlink(prog, link)
    got, r = archive(link)
    target = got.get(member(link), (0, b""))
    check("a program called by a link has its $ORIGIN", libs <= set(got) and
          stat.S_ISLNK(target[0]) and target[1].decode() == os.path.realpath(prog),
          (target, r))
    os.rename(WORK + "/app/lib/libinner.so", WORK + "/libinner.so")
    got, r = archive(prog)
    check("a library of a library that is missing is told", r.returncode == 1 and not got and
          b"its libraries cannot be found" in r.stderr, r)
    path = os.environ["LD_LIBRARY_PATH"] + ":" + WORK
    got, r = archive(prog, LD_LIBRARY_PATH=path)
    init = got.get("init", (0, b""))[1].decode()
    check("LD_LIBRARY_PATH finds it, and goes to the guest", member(WORK + "/libinner.so") in got and
          "LD_LIBRARY_PATH='%s'" % path in init, (sorted(got), init[:200], r))
    got, r = archive("/bin/true", LD_LIBRARY_PATH=path)
    check("LD_LIBRARY_PATH that finds nothing stays here",
          "init" in got and b"LD_LIBRARY_PATH" not in got["init"][1], r)
    script = WORK + "/script"
    with open(script, "w", encoding="ascii") as f:
        f.write("#!%s -x\n" % prog)
    os.chmod(script, 0o755)
    os.rename(WORK + "/libinner.so", WORK + "/app/lib/libinner.so")
    got, r = archive(script)
    check("the interpreter of a script comes with its libraries", libs <= set(got) and
          member(script) in got and member(prog) in got, (sorted(got), r))


def not_hidden():
    prog = build("visible", "int main(void) { return 0; }")
    got, r = archive(prog)
    mounts = re.findall(r"mount -t \S+ \S+ /(\S+)", got["init"][1].decode())
    check("nothing is mounted over what was copied", "proc" in mounts and member(prog) in got and
          not [n for n, (mode, _) in got.items() if stat.S_ISREG(mode) and
               n.startswith(tuple(m + "/" for m in mounts))], (mounts, r))
    check("/tmp is for everybody", got["tmp"][0] == stat.S_IFDIR | 0o1777, oct(got["tmp"][0]))


def damaged():
    with open(os.path.realpath("/bin/true"), "rb") as f:
        whole = f.read()
    path = WORK + "/damaged"
    with open(path, "wb") as f:
        f.write(whole[:len(whole) // 4])
    os.chmod(path, 0o755)
    _, r = archive(path)
    check("a truncated program is refused", r.returncode == 1 and b"is damaged" in r.stderr, r)


def too_large():
    prog = build("large", "int main(void) { return 0; }")
    with open(prog, "r+b") as f:
        f.truncate(1 << 40)     # a hole
    got, r = archive(prog)
    check("a program larger than any guest is refused", r.returncode == 1 and not got and
          b"it is larger than what fits into a guest" in r.stderr, r)
    lib = build("liblarge.so", "int large(void) { return 0; }", "-shared", "-fPIC")
    prog = build("has-large", "int large(void); int main(void) { return large(); }", "-L" + WORK,
                 "-Wl,-rpath," + WORK, "-llarge")
    with open(lib, "r+b") as f:
        f.truncate(1 << 40)
    got, r = archive(prog)
    check("so is one with such a library", r.returncode == 1 and not got and
          b"it and its libraries are larger than what fits into a guest" in r.stderr, r)


def long_names():
    """Paths of many parts, and many of them: pvmctl looks up each part of each."""
    build("long/x/libmany.so", "int many(void) { return 0; }", "-shared", "-fPIC")
    for turns, good in ((20, True), (300, False)):
        prog = build("turns-%d" % turns, "int many(void); int main(void) { return many(); }",
                     "-L" + WORK + "/long/x", "-lmany",
                     "-Wl,-rpath," + WORK + "/long/x" + "/../x" * turns)
        got, r = archive(prog)
        if good:
            check("a path with %d detours leads to its library" % turns,
                  member(WORK + "/long/x/libmany.so") in got, (sorted(got), r))
        else:
            check("a path with %d detours is refused" % turns, r.returncode == 1 and not got and
                  b"has too many parts" in r.stderr, r)
    libs = []
    for i in range(100):
        path = WORK + "/long" + "/%d" % i * 50
        os.makedirs(path)
        libs.append(shutil.copy(WORK + "/long/x/libmany.so", path + "/lib%d.so" % i))
    prog = build("scattered", "int main(void) { return 0; }", "-Wl,--no-as-needed",
                 "-xnone", *libs)
    got, r = archive(prog)
    check("a program with too many directories is refused", r.returncode == 1 and not got and
          b"needs too many files and directories" in r.stderr, r)


os.mkdir(WORK)
for part in (harmless, same_as_ldd, run_paths, not_hidden, damaged, too_large, long_names):
    part()
nothing_left("libraries")
