# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the Bochs rigs share: packages, a CD image with a host's kernel and files, the machine. Sourced
# after tests/host/lib.sh, with the output directory as working directory from bochs_boot on.

bochs_packages() {
	local p missing=
	for p in bochs bochs-term grub-pc-bin grub-common xorriso; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	[ "$(id -u)" = 0 ] || die "not installed:$missing; install them or run this as root"
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends \
		-o DPkg::Lock::Timeout=300 install $missing >&2 || die "apt could not install$missing"
}

# bochs_boot NAME MODEL CPUS TIMEOUT KERNEL-ARGUMENTS: boot iso/boot/{vmlinuz,initrd} of this
# directory, print the results that its case wrote. Status: 0 passed, 1 a test failed, 3 no end. In a
# shell of its own, whose end gives the slot back.
bochs_boot() (
	local name=$1 model=$2 cpus=$3 timeout=$4
	rm -f ./"$name"-*.log
	# grub.cfg takes a "$" of memmap= only escaped.
	cat >iso/boot/grub/grub.cfg <<GRUB
set timeout=0
menuentry host {
	linux /boot/vmlinuz console=ttyS0 panic=-1 oops=panic watchdog_thresh=30 ${5//$/\\$}
	initrd /boot/initrd
}
GRUB
	grub-mkrescue -o host.iso iso >grub.log 2>&1 || die "grub-mkrescue failed; see $PWD/grub.log"
	cat >bochsrc <<BOCHS
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
config_interface: textconfig
display_library: term
cpu: model=$model, count=$cpus, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=host.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$name-kernel.log
com2: enabled=1, mode=file, dev=$name-user.log
clock: sync=none, time0=local
log: $name-bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
BOCHS
	# Debian's Bochs stops in its debugger at the first instruction: "c" lets it go. Its text display
	# wants a terminal. It ends by a "panic" at power-off, as told above.
	echo c >commands
	qemu_slot
	TERM=xterm timeout --kill-after=5 "$timeout" "$PVM_TOP/tests/bochs/drain" \
		bochs -q -f bochsrc -rc commands >"$name-screen.log" 2>&1 </dev/null || true

	tr -d '\r' <"$name-user.log" |
		sed -nE "s/^(ok|not ok|skip) (- )?(.*)/\1 - bochs $name: \3/p; /^#/p"
	if ! grep -aq '^PVM-HOST-EXIT' "$name-user.log"; then
		echo "not ok - bochs $name: the host came to the end"
		tail -n 15 "$name-kernel.log" | tr -d '\r' | sed 's/^/# /'
		tail -n 3 "$name-bochs.log" | sed 's/^/# /'
		return 3
	fi
	# From the driver's first line to its last: what Bochs' CPU makes the kernel say before is not
	# ours, and what a broken driver does to it is not either.
	if tr -d '\r' <"$name-kernel.log" | sed -n '/ pvm: /,/ok - the driver unloads/p' | grep -aE \
		'Oops|BUG:|WARNING:|\[ cut here \]|general protection|unchecked MSR|lockup|rcu.*stall' |
		sed 's/^/# /' | grep .; then
		echo "not ok - bochs $name: kernel log is clean"
		return 1
	fi
	echo "ok - bochs $name: kernel log is clean"
	! grep -aq '^not ok' "$name-user.log"
)
