#!/usr/bin/env bash
# Prints the folder that holds what other projects judge our files with: helm, kstatus (what Flux and Helm 4 take an
# object's state to be) and argo-health (runs a health script as Argo CD does). Built once from the Go modules pinned
# in tools/, about three minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

version=$(sed -n 's/^\thelm.sh\/helm\/v4 //p' tools/go.mod)

build() {
  echo "building helm $version, kstatus and argo-health from Go modules: about three minutes, once"
  cd tools
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly
  go build -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$version" -o "$1/" \
    helm.sh/helm/v4/cmd/helm ./cmd/kstatus ./cmd/argo-health
}

sources=$(cat tools/{go.mod,go.sum,tools.go} tools/cmd/*/*.go)
folder=$cache/tools-$(cache_key "$sources" "$(declare -f build)")
once "$folder" build
echo "$folder"
