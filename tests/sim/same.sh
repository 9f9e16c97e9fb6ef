#!/usr/bin/env bash
# same.sh PROGRAM SEEDS: the same seeds tell the same story, byte for byte, however the work is
# shared among processes and whatever ran before in them.
set -euo pipefail
program=$1
seeds=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" --seeds "$seeds" --jobs 1 --go-on --trace >"$work/once" || true
"$program" --seeds "$seeds" --jobs 1 --go-on --trace >"$work/twice" || true
cmp "$work/once" "$work/twice"
for ((seed = ${seeds%..*}; seed <= ${seeds#*..}; seed++)); do
    "$program" --seeds "$seed..$seed" --jobs 1 --go-on --trace || true
done | grep -v '^muster-sim ' >"$work/alone"
grep -v '^muster-sim ' "$work/once" | cmp - "$work/alone"
[ "$(wc -l <"$work/once")" -gt 10000 ]
