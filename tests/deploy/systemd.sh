#!/usr/bin/env bash
# systemd.sh UNITS BIN - systemd takes the units without a word, and each MUSTER_ variable that they
# set is one that the program knows.
set -euo pipefail
units=$1
bin=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    echo "$1: $2" >&2
    failed=1
}

for unit in "$units"/*.service; do
    name=$(basename "$unit")
    sed "s#/usr/bin/muster#$bin/muster#" "$unit" >"$work/$name"
    if ! said=$(systemd-analyze verify --man=no "$work/$name" 2>&1) || [ -n "$said" ]; then
        complain "$name" "${said:-refused without a word}"
    fi
    program=$(sed -n "s#^ExecStart=\(/usr/bin/\)\?\(muster[a-z-]*\).*#\2#p" "$unit" | head -n 1)
    help=$("$bin/$program" --help)
    for variable in $(grep -o 'MUSTER_[A-Z_]*' <(grep -v '^#' "$unit") | sort -u); do
        grep -q "\[$variable[],]" <<<"$help" || complain "$name" "$program knows no $variable"
    done
done

# Ending a watcher must end no cache.
for unit in "$units"/muster-watcher.service; do
    grep -qx 'KillMode=process' "$unit" || complain "$(basename "$unit")" "would kill memcached"
done
exit "$failed"
