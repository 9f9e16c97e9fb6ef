#!/usr/bin/env bash
# Everything that a change must pass, in the order of what is quickest to find: format, rooms, both
# compilers, tests, sanitizers, tidy. Stops at the first stage that fails and names it.
# check.sh [STAGE...]: only these.
set -uo pipefail
cd "$(dirname "$0")/.."

jobs="$(nproc)"
stages=(format structure gcc tests clang asan asan-tests tidy)
done_stages=()
log="$(mktemp)"
trap 'rm -f "$log"' EXIT

sources() {
    find lib reconciler controller watcher gitops cli pages tests bench examples -name '*.[ch]' 2>/dev/null | sort
}

build() {
    cmake --preset "$1" && cmake --build --preset "$1" --parallel "$jobs"
}

stage_format() {
    sources | xargs clang-format --dry-run -Werror
}

# The includes need no build; the symbols are compared with the other tests.
stage_structure() {
    python3 tests/structure/check_includes.py . && python3 tests/structure/check_cleanup.py .
}

stage_gcc() {
    build dev
}

stage_tests() {
    ctest --preset dev --parallel "$jobs" --no-tests=error
}

stage_clang() {
    build clang && ctest --test-dir build/clang --no-tests=error --label-regex structure
}

stage_asan() {
    build asan
}

stage_asan-tests() {
    ctest --preset asan --parallel "$jobs" --no-tests=error
}

# Of what was built, so that each file is seen with its own flags.
stage_tidy() {
    sources | grep '\.c$' | while read -r file; do
        if grep -q "/$file\"" build/dev/compile_commands.json; then
            echo "$file"
        fi
    done | xargs -P "$jobs" -n 1 clang-tidy -p build/dev --quiet
}

run() {
    local started=$SECONDS
    printf '%-12s' "$1"
    if "stage_$1" >"$log" 2>&1; then
        done_stages+=("$1")
        echo "ok ($((SECONDS - started)) s)"
        return 0
    fi
    echo "FAILED"
    # What went wrong, then where it ended; ninja's steps and clang-tidy's counts left out.
    grep -aE 'error:|\[FAIL\]|\*\*\*(Failed|Timeout|Exception)' "$log" | sort -u | head -n 40
    echo "..."
    grep -avE '^\[[0-9]+/[0-9]+\]|warnings generated|^Suppressed|^Use -' "$log" | tail -n 20
    return 1
}

chosen=("${stages[@]}")
[ $# -gt 0 ] && chosen=("$@")
for stage in "${chosen[@]}"; do
    if ! declare -F "stage_$stage" >/dev/null; then
        echo "no such stage: $stage (there are: ${stages[*]})" >&2
        exit 2
    fi
    if ! run "$stage"; then
        echo "check failed at: $stage (passed: ${done_stages[*]:-none})" >&2
        exit 1
    fi
done
echo "check passed: ${done_stages[*]}"
