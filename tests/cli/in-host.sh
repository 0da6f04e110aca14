# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# pvmctl with the driver loaded: run as root inside a test host, by busybox sh or sourced by a test
# script that has ok and not_ok. Prints TAP lines.
#
#	sh in-host.sh [KERNEL]		default: the first /guest/vmlinuz-*
#
# Wants pvmctl in PATH and busybox in /bin. Every wait has an end; SLOW multiplies it.

type ok >/dev/null 2>&1 || ok() { echo "ok - $1"; }
type not_ok >/dev/null 2>&1 || not_ok() { echo "not ok - $1"; }

cli_kernel=${1:-$(ls /guest/vmlinuz-* 2>/dev/null | head -n 1)}
cli_slow=${SLOW:-1}
cli_tmp=/tmp/cli.$$
mkdir -p "$cli_tmp" /run

# is NAME WANTED GOT [FILE]: show FILE if they differ
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1 (wanted '$2', got '$3')"
		[ -z "$4" ] || sed 's/^/# /' "$4"
	fi
}

has() {	# NAME PATTERN FILE
	if grep -q -e "$2" "$3"; then ok "$1"; else
		not_ok "$1"
		sed 's/^/# /' "$3"
	fi
}

# eventually SECONDS COMMAND...: until it succeeds
eventually() {
	cli_left=$(($1 * cli_slow * 5))
	shift
	while [ $cli_left -gt 0 ]; do
		"$@" >/dev/null 2>&1 && return 0
		cli_left=$((cli_left - 1))
		sleep 0.2
	done
	return 1
}

bounded() {	# SECONDS COMMAND...
	cli_s=$1
	shift
	timeout -s KILL $((cli_s * cli_slow)) "$@"
}

guest() {	# ARGS...: run with the kernel under test
	bounded 60 pvmctl run --kernel "$cli_kernel" --memory 256M "$@"
}

nobody() { [ -z "$(pvmctl list --json)" ]; }
lists() { pvmctl list --json | grep -q "\"name\":\"$1\""; }
pid_of() { pvmctl list --json | sed -n "s/.*\"name\":\"$1\".*\"pid\":\([0-9]*\).*/\1/p"; }

if [ ! -r "$cli_kernel" ]; then
	not_ok "cli: there is a guest kernel"
else

# ---- verbs that only read ----
pvmctl doctor >$cli_tmp/doctor 2>&1
is "cli: doctor finds nothing that hinders" 0 $? $cli_tmp/doctor
pvmctl info --json >$cli_tmp/info 2>&1
has "cli: info --json has limits" '"max_vcpus":' $cli_tmp/info
pvmctl version >$cli_tmp/version 2>&1
has "cli: version names the driver's" 'driver [0-9]' $cli_tmp/version
pvmctl list >$cli_tmp/list
has "cli: list has a title" '^NAME' $cli_tmp/list
nobody && ok "cli: no guest at first" || not_ok "cli: no guest at first"
pvmctl stop nobody-here 2>$cli_tmp/err
is "cli: stop of an unknown guest" 3 $? $cli_tmp/err
pvmctl stat nobody-here 2>$cli_tmp/err
is "cli: stat of an unknown guest" 3 $? $cli_tmp/err

# ---- bad kernels ----
head -c 100000 "$cli_kernel" >$cli_tmp/short
pvmctl run --kernel $cli_tmp/short </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: a truncated kernel is refused" 1 $? $cli_tmp/err
pvmctl run --kernel /bin/busybox </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: a program is no kernel" 1 $? $cli_tmp/err
guest --memory 8M </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: too little memory for kernel and initrd" 1 $? $cli_tmp/err
has "cli: it says what to do" '--memory' $cli_tmp/err
nobody && ok "cli: refused guests leave nothing" || not_ok "cli: refused guests leave nothing"

# ---- commands ----
guest -- sh -c 'echo hello from $(uname -s); exit 42' </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: run -- COMMAND returns its status" 42 $? $cli_tmp/err
is "cli: run -- COMMAND shows its output only" "hello from Linux" "$(cat $cli_tmp/out)" $cli_tmp/out
seq 1 20000 >$cli_tmp/numbers
guest -- md5sum <$cli_tmp/numbers >$cli_tmp/out 2>$cli_tmp/err
is "cli: standard input reaches the command" "$(md5sum <$cli_tmp/numbers)" "$(cat $cli_tmp/out)" \
	$cli_tmp/err
guest -- no-such-applet </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: unknown command" 1 $? $cli_tmp/err
guest --json --console none -- true </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: run --json" 0 $? $cli_tmp/err
has "cli: run --json tells of the end" '"event":"ended"' $cli_tmp/out

# ---- ends ----
guest -- reboot -f </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: a reboot gives status 11" 11 $? $cli_tmp/err
guest -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60' </dev/null >$cli_tmp/out 2>$cli_tmp/err
is "cli: a panic gives status 10" 10 $? $cli_tmp/err

# ---- background ----
pvmctl events --json >$cli_tmp/events 2>&1 &
cli_events=$!
sleep 1
pvmctl run --kernel "$cli_kernel" --memory 256M --name web --detach >$cli_tmp/out 2>$cli_tmp/err
is "cli: --detach" 0 $? $cli_tmp/err
is "cli: --detach prints the name" web "$(cat $cli_tmp/out)"
lists web && ok "cli: list has it" || not_ok "cli: list has it"
pvmctl run --kernel "$cli_kernel" --memory 256M --name web --detach >$cli_tmp/out 2>$cli_tmp/err
is "cli: a name that is taken" 6 $? $cli_tmp/err
# The guest's shell answers on the console when it is up.
answers() {
	{ sleep 1; echo 'echo an"swer"ed'; sleep 1; } | timeout 4 pvmctl console web |
		grep -q 'answered'
}
eventually 60 answers && ok "cli: console reaches the shell" || not_ok "cli: console reaches the shell"
pvmctl stat web >$cli_tmp/stat 2>&1
has "cli: stat counts exits" '^exits  *[1-9]' $cli_tmp/stat
pvmctl stat --json web >$cli_tmp/stat 2>&1
has "cli: stat --json has hypercalls by name" '"hypercalls":{.*"mmu_update":' $cli_tmp/stat
bounded 60 pvmctl stop web 2>$cli_tmp/err
is "cli: stop" 0 $? $cli_tmp/err
eventually 10 nobody && ok "cli: stop leaves nothing" || not_ok "cli: stop leaves nothing"
kill $cli_events 2>/dev/null
wait $cli_events 2>/dev/null
has "cli: events tell of the start" '"event_name":"started".*"vm_name":"web"' $cli_tmp/events
has "cli: events tell of the end" '"event_name":"destroyed".*"vm_name":"web"' $cli_tmp/events

pvmctl run --kernel "$cli_kernel" --memory 256M --name web --detach >/dev/null 2>&1
pvmctl stop --force web 2>$cli_tmp/err
is "cli: stop --force, early in boot" 0 $? $cli_tmp/err
eventually 10 nobody && ok "cli: stop --force leaves nothing" ||
	not_ok "cli: stop --force leaves nothing"

pvmctl run --kernel "$cli_kernel" --memory 256M --name web --detach >/dev/null 2>&1
kill -KILL "$(pid_of web)"
eventually 10 nobody && ok "cli: SIGKILL leaves nothing" || not_ok "cli: SIGKILL leaves nothing"
pvmctl run --kernel "$cli_kernel" --memory 256M --name web --detach >$cli_tmp/out 2>$cli_tmp/err
is "cli: the stale socket is no obstacle" 0 $? $cli_tmp/err
kill -STOP "$(pid_of web)"
bounded 30 pvmctl stop --force web 2>$cli_tmp/err
is "cli: stop --force of a stopped pvmctl" 0 $? $cli_tmp/err
eventually 10 nobody && ok "cli: it leaves nothing" || not_ok "cli: it leaves nothing"

# ---- foreground and signals ----
sleep 60 | pvmctl run --kernel "$cli_kernel" --memory 256M --name fore >$cli_tmp/out 2>$cli_tmp/err &
eventually 30 grep -q 'fore:' $cli_tmp/out && ok "cli: a shell prompt" || not_ok "cli: a shell prompt"
kill -TERM "$(pid_of fore)"
eventually 30 nobody && ok "cli: SIGTERM ends the guest" || not_ok "cli: SIGTERM ends the guest"
pvmctl run --kernel "$cli_kernel" --memory 256M --name fore </dev/null >$cli_tmp/out 2>&1 &
eventually 30 grep -q 'fore:' $cli_tmp/out
lists fore && ok "cli: the end of standard input does not end a guest" ||
	not_ok "cli: the end of standard input does not end a guest"
bounded 60 pvmctl stop fore 2>$cli_tmp/err
is "cli: stop of a guest in the foreground" 0 $? $cli_tmp/err
wait $!
is "cli: its pvmctl ends well" 0 $?
if mkdir -p $cli_tmp/small && mount -t tmpfs -o size=4k tmpfs $cli_tmp/small 2>/dev/null; then
	guest -- seq 1 5000 </dev/null >$cli_tmp/small/out 2>$cli_tmp/err
	is "cli: a full disk is told and harmless" 1 $? $cli_tmp/err
	umount $cli_tmp/small
fi

nobody && ok "cli: nothing is left" || not_ok "cli: nothing is left"
ls /run/pvm/*.sock >/dev/null 2>&1 && not_ok "cli: no socket is left" || ok "cli: no socket is left"
fi
rm -rf "$cli_tmp"
