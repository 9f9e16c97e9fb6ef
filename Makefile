# Thin front door; the build is CMake's (see CMakePresets.json).
.DEFAULT_GOAL := build
.PHONY: deps deps-test deps-check build quickstart docs test check bench fuzz clean

deps:
	tools/deps.sh build

deps-test:
	tools/deps.sh build test

deps-check:
	tools/deps.sh build test check

build:
	cmake --preset release
	cmake --build --preset release

quickstart: deps build
	build/bin/muster up -f examples/quickstart.yaml

docs: deps-test
	cmake --preset dev
	cmake --build --preset dev --target docs

test: deps-test
	tools/test.sh

check: deps-check
	tools/check.sh

bench: deps-test build
	bench/run.sh

clean:
	rm -rf build
