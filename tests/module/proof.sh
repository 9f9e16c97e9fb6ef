#!/usr/bin/env bash
# The proofs of the partition module at full size, on the development build: ten million operations
# of each mix together, every two cuts, 4,000 connections, a minute of torn segments. Takes some
# hours. MUSTER_TEST_MEMCACHED=path:path... adds more memcacheds, and as many hours.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$PWD/build/dev
mixes=6 # of tests/module/test_same.c, each of which has this many
operations=$((${OPERATIONS:-10000000} / mixes))

export MUSTER_BIN_DIR=$build/bin MUSTER_LIB_DIR=$build/lib MUSTER_SOURCE_DIR=$PWD
MUSTER_TEST_OPERATIONS=$operations nice "$build/tests/module-memcached" -j1 --verbose --filter 'same/*'
MUSTER_TEST_FULL=1 nice "$build/tests/module-proof" -j1 --verbose
