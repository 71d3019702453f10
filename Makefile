# The entry points. Each one installs what it misses, after announcing it by name; the work is in scripts/.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help run test test-ui test-bypass package bench bench-instructions bench-idle bench-bypass bench-history bench-pages lint agree fuzz setup clean

# What `make run` takes. IFACE: default-route interface unless given. FILE: a capture file instead. ARGS: passed on.
IFACE ?=
FILE ?=
ARGS ?=
# A variable that was meant to name a file, and is empty, must not make it watch an interface.
ifeq ($(origin FILE)$(FILE),command line)
$(error FILE= names no file: make run FILE=trace.pcap, or without FILE to watch an interface)
endif
export IFACE FILE ARGS

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run IFACE=eth1              another interface"
	@echo "  make run FILE=trace.pcap         a capture file"
	@echo "  make run ARGS='--json'           further arguments for portreeve"
	@echo "  make bench FILE=trace.pcap       measure on that capture file too"
	@echo "  make fuzz SECONDS_EACH=600       fuzz each target for ten minutes"

run: ## build a release and monitor the default route's interface
	@scripts/run

test: ## set up, then run every test, and every fuzz target briefly
	@scripts/test

test-ui: ## the dashboard in a browser, against a monitor in a network namespace (in make test too)
	@scripts/test-ui

test-bypass: ## kernel bypass in a virtual machine: UIO, VFIO, huge pages, receive interrupts (in make test too)
	@scripts/test-bypass

package: ## a Debian package of a release build, in target/debian/
	@scripts/package

bench: ## packets per second per core, ns by stage, against the floor and the peers
	@scripts/bench

bench-instructions: ## instructions per packet against the recorded figures (exact, in make test too)
	@scripts/bench-instructions

bench-idle: ## CPU use on an idle interface, in a network namespace (root)
	@scripts/bench-idle

bench-bypass: ## DPDK at 10 GbE's packet rate, beside dpdk-testpmd, on virtual devices (root)
	@scripts/bench-bypass

bench-history: ## the store: records per second, bytes a record, a dashboard's questions beside DuckDB
	@scripts/bench-history

bench-pages: ## what ten open pages of the dashboard cost the monitor, in a network namespace (root)
	@scripts/bench-pages

lint: ## formatting, clippy, rustdoc, licences and advisories, shell scripts
	@scripts/lint

agree: ## score every capture of the corpus (PORTREEVE_CORPUS) against what other tools found
	@scripts/agree

fuzz: ## fuzz every target: SECONDS_EACH=… (default 60), TARGET=… for one only
	@scripts/fuzz

setup: ## install everything that any target needs
	@scripts/setup build test lint bench bench-bypass fuzz bypass ui

clean: ## remove what was built
	@cargo clean
	@rm -rf fuzz/target crates/web/ui/dist crates/web/ui/node_modules
