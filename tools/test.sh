#!/usr/bin/env bash
# Build the development preset and run every test. The last line counts them; whatever could not
# run is named above it and counts as failed. Arguments are CTest's: tools/test.sh -R integration
set -euo pipefail
cd "$(dirname "$0")/.."
results=$PWD/build/dev/test-results.xml

cmake --preset dev
cmake --build --preset dev
rm -f "$results"
code=0
# Criterion's own lines are counted, so that they must not be cut off.
ctest --preset dev --parallel "$(nproc)" --no-tests=error --output-junit "$results" \
    --test-output-size-passed 10000000 --test-output-size-failed 10000000 "$@" || code=$?
/usr/bin/python3 tools/test_summary.py "$results" || code=1
exit "$code"
