#!/usr/bin/env bash
# Build a memcached for musl, as Alpine's is, from Debian's source packages into the build directory:
# musl.sh TARGET. A failure says why: the tests that need it fail then. The machine's own lists stay as they are.
set -euo pipefail
target=$1 sum=$(sha256sum <"$0")
packages="libevent memcached"

for program in musl-gcc dpkg-source make; do
    command -v "$program" >/dev/null || { echo "$program is not installed (make deps-test)" >&2; exit 1; }
done
mkdir -p "$target"
cd "$target"
if [ -x memcached ] && [ "$(cat made 2>/dev/null)" = "$sum" ]; then
    echo "memcached for musl is there"
    exit 0
fi
work=$PWD/work
rm -rf "$work" # of one that was killed
mkdir "$work"
trap 'rm -rf "$work"' EXIT
cd "$work"

# The sources of what this machine takes its packages from: Debian's, and no other's.
mkdir -p apt/lists/partial apt/archives/partial apt/parts
for file in /etc/apt/sources.list.d/*.sources; do
    if grep -qs debian-archive "$file"; then
        sed 's/^Types:.*/Types: deb-src/' "$file" >"apt/parts/${file##*/}"
    fi
done
if [ -e /etc/apt/sources.list ]; then
    sed -n 's/^deb \(.*debian.*\)/deb-src \1/p' /etc/apt/sources.list >apt/parts/machine.list
fi
cat >apt/conf <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$work/apt/parts";
Dir::State::lists "$work/apt/lists";
Dir::Cache "$work/apt";
APT::Sandbox::User "root";
APT::Get::Only-Source "true";
Acquire::Languages "none";
Acquire::Retries "5";
END
export APT_CONFIG=$work/apt/conf
{ timeout 300 apt-get update -qq && timeout 300 apt-get source -qq $packages; } >log 2>&1 || {
    cat log >&2
    echo "the sources of $packages could not be fetched: can Debian's mirror be reached?" >&2
    exit 1
}

step() {
    nice "$@" >log 2>&1 || { tail -n 40 log >&2; echo "memcached for musl: $1 failed" >&2; exit 1; }
}
unset MAKEFLAGS MFLAGS MAKELEVEL # those of a make that runs the tests
# Debian changes what automake reads; what it had made is good.
export AUTOMAKE=: ACLOCAL=: AUTOCONF=: AUTOHEADER=:
export CC=musl-gcc CFLAGS="-O1 -g0" CPPFLAGS="" LDFLAGS=""
cd "$work"/libevent-*/
step ./configure --quiet --prefix="$work/installed" --disable-shared --disable-openssl --disable-samples \
    --disable-libevent-regress --disable-debug-mode --disable-dependency-tracking
step make include/event2/event-config.h
step make libevent.la
mkdir -p "$work"/installed/{include,lib}
cp -r include/event2 include/*.h "$work/installed/include/"
cp .libs/libevent.a "$work/installed/lib/"
cd "$work"/memcached-*/
step ./configure --quiet --with-libevent="$work/installed" --disable-docs --disable-coverage --disable-extstore \
    --disable-dependency-tracking
step make memcached
strip memcached
cp memcached ../../memcached
echo "$sum" >../../made
