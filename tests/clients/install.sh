#!/usr/bin/env bash
# Put the clients into the build directory: install.sh SOURCE TARGET. A failure says why: the tests
# that need them fail then, they are not skipped.
set -euo pipefail
source=$1 target=$2

for program in node npm; do
    command -v "$program" >/dev/null || { echo "$program is not installed (make deps-test)" >&2; exit 1; }
done
mkdir -p "$target"
cp -r "$source"/{package.json,package-lock.json,.npmrc,follow.js,follow.py,follow.rb,adapters} "$target"
cd "$target"
if [ node_modules/.package-lock.json -nt package-lock.json ] &&
    cmp -s package-lock.json installed-lock.json; then
    echo "the clients are installed"
    exit 0
fi
npm ci --no-audit --no-fund --loglevel=error --fetch-retries=5 || {
    echo "npm could not install the discovery clients: can the npm registry be reached?" >&2
    exit 1
}
cp package-lock.json installed-lock.json
# The one with native code loads, or its test could only tell that something is wrong.
node -e 'require("elasticache-client")'
