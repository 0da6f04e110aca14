# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts of this directory: sourced by bash, never run.
#
# One place for: where the tree and the cache are, which host kernels exist, how an error is
# worded, and the two locks (cache, QEMU slots).

PVM_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PVM_CACHE=${PVM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pvm}
PVM_BUILD=${PVM_BUILD:-$PVM_TOP/build}
PVM_KERNELS="6.1 6.12 7.2"

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# known_kernel VERSION: refuse anything that fetch cannot bring.
known_kernel() {
	case " $PVM_KERNELS 6.1-debug " in
	*" $1 "*) ;;
	*) die "unknown kernel '$1': choose one of $PVM_KERNELS" ;;
	esac
}

# kdir VERSION: directory of one fetched kernel (vmlinuz, config, release, modules/, headers/).
kdir() {
	printf '%s/kernels/%s' "$PVM_CACHE" "$1"
}

# kernel_ready VERSION: true if fetch finished it. The stamp holds the layout number, so that a
# change of layout in fetch makes old caches be rebuilt rather than misread.
PVM_CACHE_LAYOUT=1
kernel_ready() {
	[ "$(cat "$(kdir "$1")/.complete" 2>/dev/null)" = "$PVM_CACHE_LAYOUT" ]
}

# need_kernel VERSION: fetch it if it is not there.
need_kernel() {
	known_kernel "$1"
	if [ "$1" = 6.1-debug ]; then
		"$PVM_TOP/tests/debug/kernel"
		return
	fi
	kernel_ready "$1" || "$PVM_TOP/tests/host/fetch" "$1" >&2
}

# mirror NAME: the URI from which this machine takes Debian suite NAME ("" if it does not).
mirror() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(SUITE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v s="$1" '$1 == s || $2 == s { print $3; exit }'
}

# package NAME: a Debian package unpacked in the cache, not installed.
package() {
	local dir=$PVM_CACHE/bench/$1
	if [ ! -e "$dir/.complete" ]; then
		mkdir -p "$dir"
		(cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$1" >&2 &&
			dpkg-deb -x "$1"_*.deb . && rm ./*.deb) || return 1
		touch "$dir/.complete"
	fi
	echo "$dir"
}

# qemu_slot: take one of the machine's QEMU slots and keep it until this process and its
# children end (the descriptor is inherited by QEMU on purpose). More emulators than cores
# make every one of them miss its timeout, so the limit is for the machine, not for a caller.
qemu_slot() {
	local n i
	n=${PVM_QEMU_SLOTS:-2}
	while :; do
		for ((i = 0; i < n; i++)); do
			exec {PVM_SLOT_FD}>>"${TMPDIR:-/tmp}/pvm-qemu.$i.lock"
			flock -n "$PVM_SLOT_FD" && return 0
			exec {PVM_SLOT_FD}>&-
		done
		sleep 0.3
	done
}
