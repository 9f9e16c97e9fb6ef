#!/usr/bin/env bash
# render.sh [--check] ENVIRONMENT… - make clusters/ENVIRONMENT from overlays/ENVIRONMENT.
#
# What is made is committed: a review sees what each environment gets, and muster needs nothing but
# Git. --check: only tell whether it is up to date.
set -euo pipefail
cd "$(dirname "$0")"
check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
if command -v kustomize >/dev/null; then
    build=(kustomize build)
else
    build=(kubectl kustomize)
fi
for environment in "$@"; do
    file=clusters/$environment/clusters.yaml
    made=$("${build[@]}" "overlays/$environment")
    if [ -z "$check" ]; then
        mkdir -p "clusters/$environment"
        printf '# Made by render.sh from overlays/%s.\n%s\n' "$environment" "$made" >"$file"
    elif [ "$(printf '# Made by render.sh from overlays/%s.\n%s\n' "$environment" "$made")" != "$(cat "$file")" ]; then
        echo "$file is not what overlays/$environment says; run ./render.sh $environment" >&2
        exit 1
    fi
done
