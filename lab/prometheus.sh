#!/usr/bin/env bash
# Prints the folder that holds promtool, which evaluates rules and queries as Prometheus does, and below crds/ the
# CustomResourceDefinitions of the Prometheus operator. Built once from the Go modules pinned in prometheus/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() {
  echo "building promtool from Go modules: some minutes, once"
  cd prometheus
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly
  # Without what finds targets in clouds: rules and queries need none of it, and it takes most of the time.
  go build -tags remove_all_sd -ldflags "-s -w" -o "$1/" github.com/prometheus/prometheus/cmd/promtool
  mkdir "$1/crds"
  go mod download github.com/prometheus-operator/prometheus-operator
  local source
  source=$(go list -m -f '{{.Dir}}' github.com/prometheus-operator/prometheus-operator)/example/prometheus-operator-crd
  for kind in servicemonitors podmonitors prometheusrules; do
    install -m 644 "$source/monitoring.coreos.com_$kind.yaml" "$1/crds/$kind.yaml"
  done
}

folder=$cache/prometheus-$(cache_key "$(cat prometheus/{go.mod,go.sum,tools.go})" "$(declare -f build)")
once "$folder" build
echo "$folder"
