#!/usr/bin/env bash
# Install what is missing for building (build), testing (test) and checking (check) on Debian 12.
set -euo pipefail

build="gcc libc6-dev cmake ninja-build pkg-config libcurl4-openssl-dev libcjson-dev libmemcached-dev
    libuv1-dev libssl-dev libfyaml-dev libsodium-dev libmicrohttpd-dev libgit2-dev openssh-client etcd-server memcached netcat-openbsd"
test="libcriterion-dev git openssh-server python3 procps iproute2 systemd prometheus curl ruby ruby-dalli python3-pymemcache openssl musl-tools
    zsh fish mandoc python3-jsonschema python3-yaml dpkg-dev etcd-client nftables"
check="clang clang-format clang-tidy libclang-rt-14-dev"

wanted=()
for group in "$@"; do
    case "$group" in
    build | test | check) read -r -d '' -a names <<<"${!group}" || true; wanted+=("${names[@]}") ;;
    *) echo "usage: $0 [build] [test] [check]" >&2; exit 2 ;;
    esac
    # A Node.js that is already there, from wherever, is as good as Debian's.
    if [ "$group" = test ]; then
        command -v node >/dev/null || wanted+=(nodejs)
        command -v npm >/dev/null || wanted+=(npm)
    fi
done

missing=()
for name in "${wanted[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Services that Debian would start on installation are not wanted: muster runs its own.
"${root[@]}" apt-get update -qq
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    trap '"${root[@]}" rm -f "$policy"' EXIT
fi
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
