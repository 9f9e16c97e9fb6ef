#!/usr/bin/env bash
# pipeline.sh check|deploy ENVIRONMENT - what CI runs: check for a pull request, deploy after a merge.
#
# The environment's etcd is what MUSTER_ETCD_ENDPOINTS and the like say (muster help connection).
set -euo pipefail
cd "$(dirname "$0")"
step=$1
environment=$2
documents=clusters/$environment

# plan and diff: 0 nothing would change, 2 something would, 1 a failure.
may_differ() {
    local rc=0
    "$@" || rc=$?
    [ "$rc" -eq 0 ] || [ "$rc" -eq 2 ]
}

case "$step" in
check)
    muster lint "$documents"
    if command -v kustomize >/dev/null || command -v kubectl >/dev/null; then
        ./render.sh --check "$environment"
    fi
    may_differ muster diff -f "$documents" --prune --source "$environment"
    may_differ muster plan -f "$documents" --source "$environment"
    ;;
deploy)
    muster apply -f "$documents" --prune --yes --source "$environment" --wait="${WAIT:-5m}"
    ;;
*)
    echo "usage: pipeline.sh check|deploy ENVIRONMENT" >&2
    exit 2
    ;;
esac
