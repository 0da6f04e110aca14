# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts of this directory: sourced by bash, never run.
. "$(dirname "${BASH_SOURCE[0]}")/../host/lib.sh"

PVM_PKG=$PVM_TOP/tests/packages
PVM_SUITES="bookworm trixie"

known_suite() {
	case " $PVM_SUITES " in
	*" $1 "*) ;;
	*) die "unknown suite '$1': choose one of $PVM_SUITES" ;;
	esac
}

# in_root DIR COMMAND...: run in a root of its own mounts and processes, and without a network. What it
# mounts is gone when it ends, whatever way it ends.
in_root() {
	local dir=$1
	shift
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --net --kill-child bash -u -c 'dir=$1; shift
		mount --make-rprivate / && mount -t proc proc "$dir/proc" && mount --rbind /dev "$dir/dev" &&
			mount -t tmpfs -o mode=1777 tmpfs "$dir/tmp" || exit 125
		# Not exec: process 1 has to reap what others leave behind.
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ="${TZ:-UTC}" DEBIAN_FRONTEND=noninteractive chroot "$dir" "$@"; exit $?' in_root "$dir" "$@"
}

# make_root KIND SUITE DIR: a fresh root from the cached tar.
make_root() {
	local tar
	tar=$("$PVM_PKG/root" "$1" "$2") || return 1
	mkdir -p "$3"
	tar -C "$3" --numeric-owner -xf "$tar"
}

# export_tree DIR: what git would commit, as it is now.
export_tree() {
	mkdir -p "$1"
	(cd "$PVM_TOP" && git ls-files -coz --exclude-standard | while IFS= read -r -d '' f; do
		[ ! -e "$f" ] && [ ! -L "$f" ] || printf '%s\0' "$f"
	done | tar --null -T - -cf -) | tar -C "$1" --no-same-owner -xf -
}
