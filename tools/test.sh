#!/usr/bin/env bash
# Build the development preset and run every test; the last line counts.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset dev
cmake --build --preset dev
ctest --preset dev --parallel "$(nproc)" "$@"
