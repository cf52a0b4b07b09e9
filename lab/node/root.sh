#!/usr/bin/env bash
# Prints the root file system of the node: containerd, runc, the network plugins and what they need, from Debian packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../cache.sh
source ./debian.sh

build() {
  echo "unpacking containerd, runc and the network plugins from Debian $debian_release, once"
  debian_root "$1" bash coreutils mount iproute2 containerd runc containernetworking-plugins
  mkdir -p "$1"/{lab,usr/local/bin} # where a running node has its own folder and the programs of Kubernetes
}

folder=$cache/node-root-$debian_release-$(cache_key "$(declare -f build debian_root)")
once "$folder" build
echo "$folder"
