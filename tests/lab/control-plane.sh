#!/usr/bin/env bash
# Prints the folder that holds etcd, kube-apiserver, kube-controller-manager and kubectl.
# KUBEBUILDER_ASSETS wins if set (the convention of the ecosystem); else they are built once from the Go modules
# pinned in controlplane/, about five minutes on two cores, into a cache keyed by what they are built from.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/controlplane"
if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then echo "$KUBEBUILDER_ASSETS"; exit; fi

cache=${CROSSACCOUNT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crossaccount}
version=$(sed -n 's/^require k8s.io\/kubernetes //p' go.mod)
key=$(cat go.mod go.sum tools.go ../control-plane.sh | sha256sum | cut -c1-16)
bin=$cache/control-plane-$version-$key

if [ ! -x "$bin/kubectl" ]; then
  echo "building the control plane ($version) from Go modules: about five minutes, once" >&2
  mkdir -p "$cache"; new=$(mktemp -d "$bin.XXXXXX"); trap 'rm -rf "$new"' EXIT
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly
  go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$new/" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kubectl} >&2
  go build -ldflags "-s -w" -o "$new/etcd" go.etcd.io/etcd/server/v3 >&2
  chmod 755 "$new"
  mv -T "$new" "$bin" 2>/dev/null || [ -x "$bin/kubectl" ] # another run may have been first
fi
echo "$bin"
