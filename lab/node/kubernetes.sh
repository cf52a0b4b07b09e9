#!/usr/bin/env bash
# Prints the folder that holds kubelet, kube-scheduler and pause, built once from the Go modules of the control plane: a few
# minutes on two cores, and only for those who run pods.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../cache.sh

version=$(sed -n 's/^require k8s.io\/kubernetes //p' ../controlplane/go.mod)

build() {
  echo "building kubelet and kube-scheduler ($version) from Go modules: a few minutes, once"
  cd ../controlplane
  export CGO_ENABLED=0 GOFLAGS=-mod=readonly
  go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$1/" \
    k8s.io/kubernetes/cmd/{kubelet,kube-scheduler}
  # What holds the namespaces of a pod. C, and its source is in the module.
  cc -Os -static -DVERSION="$version" -o "$1/pause" "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c"
}

pins=$(cat ../controlplane/{go.mod,go.sum})
folder=$cache/node-kubernetes-$version-$(cache_key "$pins" "$(declare -f build)")
once "$folder" build
echo "$folder"
