# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# For the partition cases, in the test host: sourced after the helpers of tests/host/init.
#
# A case brings "pvmctl guest:V ... guest-initrd file:tests/partition/build:/part", and /workload if it likes. Variables
# are lib_*: sh has no local ones, and "check" and the cases have theirs.

p() { pvmctl partition "$@"; }

# make_initrd [VERSION]: /tmp/initrd, with modules of that kernel if the case has "guest-module:VERSION:NAME".
make_initrd() {
	rm -rf /tmp/initrd.d
	mkdir -p /tmp/initrd.d
	cp /part/init /part/load /part/pattern /part/wedge.ko /tmp/initrd.d/
	[ ! -d /workload ] || cp -r /workload /tmp/initrd.d/
	[ ! -d "/guest/modules-$1" ] || cp -r "/guest/modules-$1" /tmp/initrd.d/modules
	(cat /guest/initrd; cd /tmp/initrd.d && find . | cpio -o -H newc 2>/dev/null) >/tmp/initrd
	rm -rf /tmp/initrd.d
}

# start NAME VERSION STEPS [WORD]...: words go to the command line of its kernel.
start() {
	lib_name=$1 lib_kernel=$2 lib_steps=$3
	shift 3
	# console=tty0: a serial port that is a console and was opened once, by the kernel for init, is polled for ever
	# (tty_port_shutdown() leaves consoles alone). With /dev/console elsewhere the kernel's messages still go there.
	# tsc=reliable: the emulator's counters are not quite synchronous.
	p start "$lib_name" --kernel "/guest/vmlinuz-$lib_kernel" --initrd /tmp/initrd --wait 120 \
		--append "loglevel=4 printk.devkmsg=on console=tty0 tsc=reliable panic=-1 $* part=$lib_steps" && return
	lib_status=$?
	p stat -v "$lib_name"
	sleep 2
	p stat "$lib_name"
	timeout 3 pvmctl partition console "$lib_name" </dev/null | tail -n 20
	p dmesg "$lib_name" | tail -n 20
	return $lib_status
}

# says NAME TEXT SECONDS: its log has a line with TEXT within that time, or one with FAILED (then no).
says() {
	lib_i=0
	while :; do
		p dmesg "$1" >"/tmp/log.$1" 2>/dev/null
		grep -qF "part: $2" "/tmp/log.$1" && return 0
		if grep -q 'part: .*FAILED' "/tmp/log.$1" || [ "$(state "$1")" != running ] || [ $lib_i -ge "$3" ]; then
			p dmesg "$1" >"/tmp/log.$1" 2>/dev/null
			grep -qF "part: $2" "/tmp/log.$1" && return 0
			echo "no '$2' from $1 ($(state "$1"), $lib_i s); the end of its log:"
			tail -n 20 "/tmp/log.$1"
			return 1
		fi
		sleep 1
		lib_i=$((lib_i + 1))
	done
}
line() { grep -F "part: $2" "/tmp/log.$1" | tail -n 1 | sed 's/.*part: //'; }

# field NAME: its value in JSON on stdin; of the partition, not of its CPUs.
field() { sed -n "s/,\"cpus\":\[.*//; s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
state() { p stat "$1" --json 2>/dev/null | field state_name; }
why() { p stat "$1" --json 2>/dev/null | field stop_name; }
exits() { p stat "$1" --json | sed -n 's/.*"stats":{\([^}]*\)}.*/\1/p'; }
ended() { # ended NAME SECONDS
	lib_i=0
	while [ "$(state "$1")" = running ]; do
		[ $lib_i -lt "$2" ] || { echo "$1 still runs"; return 1; }
		sleep 1
		lib_i=$((lib_i + 1))
	done
}
# frozen SECONDS NAME...: not one exit of any kind, in any of them.
frozen() {
	lib_seconds=$1 lib_status=0
	shift
	for lib_name; do exits "$lib_name" >"/tmp/exits.$lib_name"; done
	sleep "$lib_seconds"
	for lib_name; do
		exits "$lib_name" >/tmp/exits.now
		[ -s /tmp/exits.now ] && cmp -s "/tmp/exits.$lib_name" /tmp/exits.now && continue
		lib_status=1
		echo "$lib_name, before: $(cat "/tmp/exits.$lib_name")"
		echo "$lib_name, after:  $(cat /tmp/exits.now)"
		p stat "$lib_name"
	done
	return $lib_status
}
# still NAME: its load has not ended, so what was seen meanwhile was seen under load.
still() { p dmesg "$1" >/tmp/log.still && ! grep -q 'part: load ok' /tmp/log.still; }

# What the host has: to be compared before and after.
host_has() {
	echo "online $(cat /sys/devices/system/cpu/online) present $(cat /sys/devices/system/cpu/present)"
	grep -E '^MemTotal' /proc/meminfo
	for d in /sys/bus/pci/devices/*; do
		[ ! -L "$d/driver" ] || echo "${d##*/} $(basename "$(readlink "$d/driver")")"
	done
}
echo 4 >/proc/sys/vm/drop_caches # says nothing about it from now on
# Free pages on lists of CPUs ("count:") are free: a CPU that is idle keeps tens of MiB there for a while.
free_kib() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "MemFree:" { n += $2 } $1 == "count:" { n += 4 * $2 } END { print n }' /proc/meminfo /proc/zoneinfo
}
host_has >/tmp/host.before
free_before=$(free_kib)
# host_is_whole: everything it had, and no more than 8 MiB of memory less.
host_is_whole() {
	lib_i=0
	while :; do
		host_has >/tmp/host.now
		lib_now=$(free_kib)
		cmp -s /tmp/host.before /tmp/host.now && [ "$lib_now" -gt $((free_before - 8192)) ] && break
		if [ $lib_i -ge 10 ]; then
			diff /tmp/host.before /tmp/host.now
			echo "free KiB: $free_before before, $lib_now now"
			grep -E '^(MemFree|Slab|SUnreclaim|PageTables|KernelStack|Shmem|AnonPages)' /proc/meminfo
			awk '$1 == "count:" { n += 4 * $2 } END { print "on lists of CPUs: " n " KiB" }' /proc/zoneinfo
			return 1
		fi
		sleep 1 # devices are probed, and pages freed, a little later
		lib_i=$((lib_i + 1))
	done
	[ -z "$(p list --json)" ]
}

# refused CODE "WORDS" COMMAND...: exit status CODE, one line on stderr that has the words, and nothing taken.
refused() {
	lib_code=$1 lib_words=$2
	shift 2
	lib_status=0
	"$@" >/tmp/refused.out 2>/tmp/refused.err || lib_status=$?
	cat /tmp/refused.out /tmp/refused.err
	[ $lib_status = "$lib_code" ] || { echo "exit status $lib_status instead of $lib_code"; return 1; }
	[ "$(wc -l </tmp/refused.err)" = 1 ] || { echo "not one line"; return 1; }
	grep -q "$lib_words" /tmp/refused.err || { echo "does not say '$lib_words'"; return 1; }
}
