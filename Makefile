# SPDX-License-Identifier: GPL-2.0-only
#
# The front door. "make help" lists what there is.

PVM_VERSION := 0.1.0

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
STAGE ?=
export PVM_VERSION

.PHONY: all lib tools driver driver-clean install install-system install-dkms uninstall symbols check check-lint check-bochs \
	check-debug check-partition check-packages bench bench-partition demo deps deb clean dist help
all: lib tools

lib:
	$(MAKE) -C libpvm

tools: lib
	$(MAKE) -C tools/pvmctl

# The one target dkms uses; it has only driver/, include/uapi/, this file and dkms.conf.
driver:
	$(MAKE) -C $(KDIR) M=$(CURDIR)/driver modules

driver-clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR)/driver clean

install: all
	$(MAKE) -C libpvm install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)
	$(MAKE) -C tools/pvmctl install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)
	install -d $(DESTDIR)$(PREFIX)/include/linux $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 include/uapi/linux/*.h $(DESTDIR)$(PREFIX)/include/linux/
	install -d $(DESTDIR)$(PREFIX)/share/man/man4
	install -m 644 driver/man/pvm.4 $(DESTDIR)$(PREFIX)/share/man/man4/
	install -m 644 tools/pvmctl/system/man/pvm-guest.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	ln -sf pvm-guest.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/pvm-partition.conf.5

# Around the programs: group pvm and who may open /dev/pvm, loading at boot, units for guests and partitions.
# (The packages take the same files, and let debhelper choose the places.)
install-system:
	install -d $(DESTDIR)$(PREFIX)/lib/udev/rules.d $(DESTDIR)$(PREFIX)/lib/sysusers.d \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d $(DESTDIR)$(PREFIX)/lib/systemd/system \
		$(DESTDIR)/etc/pvm/guests $(DESTDIR)/etc/pvm/partitions
	install -m 644 tools/pvmctl/system/60-pvm.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/
	install -m 644 tools/pvmctl/system/pvm.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/pvm.conf
	install -m 644 tools/pvmctl/system/pvm.modules-load $(DESTDIR)$(PREFIX)/lib/modules-load.d/pvm.conf
	install -m 644 tools/pvmctl/system/*.service $(DESTDIR)$(PREFIX)/lib/systemd/system/

# Sources for dkms; then: dkms install pvm/$(PVM_VERSION)
install-dkms:
	install -d $(DESTDIR)/usr/src/pvm-$(PVM_VERSION)
	tests/host/export-driver $(DESTDIR)/usr/src/pvm-$(PVM_VERSION)

# What the three installed, and nothing else: a list of it is made by installing once more, elsewhere.
uninstall:
	@list=$$(mktemp -d) && trap 'rm -rf "$$list"' EXIT && \
	$(MAKE) -s install install-system install-dkms DESTDIR=$$list PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) >/dev/null && \
	(cd "$$list" && find . ! -type d) | while read -r file; do rm -f "$(DESTDIR)/$$file"; done
	rm -rf $(DESTDIR)/usr/src/pvm-$(PVM_VERSION)
	for dir in /etc/pvm/guests /etc/pvm/partitions /etc/pvm; do \
		[ ! -d $(DESTDIR)$$dir ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$$dir; done

# debian/libpvm0.symbols from libpvm/libpvm.map; tests/lint/symbols compares them.
symbols:
	@tests/lint/symbols --print >debian/libpvm0.symbols.new && mv debian/libpvm0.symbols.new debian/libpvm0.symbols

# The Debian packages, on this machine; "tests/packages/build" does it in a plain Debian 12 or 13.
deb:
	dpkg-buildpackage -us -uc -b

deps:
	@tests/host/deps

check: deps
	@tests/run $(STAGE)

check-lint:
	@tests/run lint

demo: deps all
	@tests/host/demo

check-bochs check-debug check-partition bench: deps all
	@if [ -x tests/$(@:check-%=%)/run ]; then exec tests/$(@:check-%=%)/run; \
	else echo "make $@: tests/$(@:check-%=%)/run is not in this tree yet" >&2; exit 1; fi

# In whole Debian systems; hours under emulation. "tests/run packages" is the short form.
bench-partition: deps all
	@tests/partition/bench

check-packages: deps
	@tests/packages/system

dist:
	mkdir -p dist
	git archive --prefix=pvm-$(PVM_VERSION)/ -o dist/pvm-$(PVM_VERSION).tar.gz HEAD

clean:
	[ ! -e libpvm/Makefile ] || $(MAKE) -C libpvm clean
	[ ! -e tools/pvmctl/Makefile ] || $(MAKE) -C tools/pvmctl clean
	rm -rf build dist

help:
	@echo 'make                 libpvm and pvmctl'
	@echo 'make driver KDIR=D   driver/pvm.ko for the kernel headers in D (default: the running kernel)'
	@echo 'make demo            boot a test host in which pvmctl runs a stock kernel as a guest'
	@echo 'make check           all tests; STAGE=lint|unit|guest|host|... runs one stage'
	@echo 'make check-bochs     the driver under Bochs (slow)'
	@echo 'make check-debug     the driver on a host kernel with KASAN, lockdep and others (slow)'
	@echo 'make bench           native against guest, in instructions'
	@echo 'make bench-partition  native against partition, in instructions'
	@echo 'make check-partition partitions at length: pairs of kernels, disks, bad ends (slow)'
	@echo 'make check-packages  the Debian packages in whole Debian systems (hours)'
	@echo 'make deb             the Debian packages; make symbols: refresh debian/libpvm0.symbols'
	@echo 'make install         DESTDIR=, PREFIX=, LIBDIR=    make install-system, install-dkms: around it; make uninstall'
	@echo 'make dist, clean'
