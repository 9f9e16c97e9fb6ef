#!/usr/bin/env bash
# rules.sh SOURCE_DIR - promtool takes the configuration and the rules, and each alert fires when it
# should and not otherwise.
set -euo pipefail
source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$source"/deploy/prometheus/* "$source/tests/deploy/alerts_test.yml" "$work"
cd "$work"
mkdir muster-watchers
cp hosts.example.json muster-watchers/hosts.json
promtool check config --lint=all --lint-fatal prometheus.yml
# What Debian's promtool does not know can still be read.
/usr/bin/ruby -ryaml -e 'YAML.load_file("scrape-kubernetes.yml").fetch("scrape_configs").fetch(0)'
promtool check rules --lint=all --lint-fatal muster-alerts.yml
promtool test rules alerts_test.yml

# An alert that the tests say nothing of would be one that was never seen to fire.
for alert in $(sed -n 's/^ *- alert: //p' muster-alerts.yml); do
    for outcome in 'exp_alerts: \[\]' 'exp_alerts:$'; do
        grep -A1 "alertname: $alert\b" alerts_test.yml | grep -q "$outcome" ||
            { echo "$alert: alerts_test.yml has no '$outcome'" >&2; exit 1; }
    done
done
