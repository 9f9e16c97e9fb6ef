#!/usr/bin/env bash
# Every benchmark, one after another, on the release build. Figures of one run belong together:
# each prints its own floor or control beside what it measures.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s ==\n' "$1"
    shift
    "$@"
}

step "a pass of the reconciler, by the number of nodes" build/bin/reconcile_bench

step "one controller with a thousand clusters" build/bin/fleet_bench build/bin

step "what muster get takes, on 100 clusters" build/bin/get_bench build/bin

step "a change of a running cluster, its floor, and what the daemons weigh" \
    build/bin/change_bench build/bin

step "apply of 500 specs, next to the bare transactions" \
    env MUSTER_BIN_DIR="$PWD/build/bin" build/bin/apply_bench build/bin

step "a watcher while nothing happens" build/bin/watcher_bench build/bin

step "memcached with the partition module, without it, and without it again" \
    env MUSTER_LIB_DIR="$PWD/build/lib" MUSTER_BIN_DIR="$PWD/build/bin" MUSTER_SOURCE_DIR="$PWD" \
    build/bin/module_bench

step "a discovery port beside memcached, under load and idle" build/bin/discovery_bench
