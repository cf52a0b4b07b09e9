#!/usr/bin/env bash
# Prints the folder that holds etcd, kube-apiserver, kube-controller-manager and kubectl.
# KUBEBUILDER_ASSETS wins if set (the convention of the ecosystem); else they are built once from the Go modules pinned
# in controlplane/, about five minutes on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for program in etcd kube-apiserver kube-controller-manager kubectl; do
    if [ ! -x "$KUBEBUILDER_ASSETS/$program" ]; then
      echo "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $program. The assets of setup-envtest lack" \
        "kube-controller-manager: add it there, or unset the variable to have all four built." >&2
      exit 1
    fi
  done
  echo "$KUBEBUILDER_ASSETS"
  exit
fi

version=$(sed -n 's/^require k8s.io\/kubernetes //p' controlplane/go.mod)

build() {
  echo "building the control plane ($version) from Go modules: about five minutes, once"
  cd controlplane
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly
  go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$1/" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl}
  go build -ldflags "-s -w" -o "$1/etcd" go.etcd.io/etcd/server/v3
}

pins=$(cat controlplane/{go.mod,go.sum,tools.go})
folder=$cache/control-plane-$version-$(cache_key "$pins" "$(declare -f build)")
once "$folder" build
echo "$folder"
