# Thin front door; the build is CMake's (see CMakePresets.json).
.DEFAULT_GOAL := build
.PHONY: deps deps-test deps-check build install package quickstart docs test soak proof check bench fuzz clean

deps:
	tools/deps.sh build

deps-test:
	tools/deps.sh build test

deps-check:
	tools/deps.sh build test check

build:
	cmake --preset release
	cmake --build --preset release

# For people who pack by other means: make install DESTDIR=/tmp/root
PREFIX ?= /usr
install: build
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

# build/muster_*.deb
package: build
	cpack --config build/release/CPackConfig.cmake -B build

# Without tests and benches: what it runs.
quickstart: deps
	cmake --preset release
	cmake --build --preset release --target muster muster-controller muster-watcher muster_partition
	build/bin/muster up -f examples/quickstart.yaml

docs: deps-test
	cmake --preset dev
	cmake --build --preset dev --target docs

test: deps-test
	tools/test.sh

# More runs of the simulator than the tests have: make soak SEEDS=1..1000000
SEEDS ?= 20001..200000
soak: deps-test build
	build/bin/muster-sim --seeds $(SEEDS) --jobs "$$(nproc)"

# The partition module against bare memcached, at full size: some hours.
proof: deps-test
	cmake --preset dev
	cmake --build --preset dev
	tests/module/proof.sh

check: deps-check
	tools/check.sh

bench: deps-test build
	bench/run.sh

clean:
	rm -rf build
