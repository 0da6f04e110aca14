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

.PHONY: all lib tools driver driver-clean install install-dkms check check-lint check-bochs check-debug bench demo deps clean dist help
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
	install -d $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 include/uapi/linux/*.h $(DESTDIR)$(PREFIX)/include/linux/
	install -d $(DESTDIR)$(PREFIX)/share/man/man4
	install -m 644 driver/man/pvm.4 $(DESTDIR)$(PREFIX)/share/man/man4/

# Sources for dkms; then: dkms install pvm/$(PVM_VERSION)
install-dkms:
	install -d $(DESTDIR)/usr/src/pvm-$(PVM_VERSION)
	tests/host/export-driver $(DESTDIR)/usr/src/pvm-$(PVM_VERSION)

deps:
	@tests/host/deps

check: deps
	@tests/run $(STAGE)

check-lint:
	@tests/run lint

demo: deps all
	@tests/host/demo

check-bochs check-debug bench: deps all
	@if [ -x tests/$(@:check-%=%)/run ]; then exec tests/$(@:check-%=%)/run; \
	else echo "make $@: tests/$(@:check-%=%)/run is not in this tree yet" >&2; exit 1; fi

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
	@echo 'make install         DESTDIR=, PREFIX=, LIBDIR=    make install-dkms: driver sources for dkms'
	@echo 'make dist, clean'
