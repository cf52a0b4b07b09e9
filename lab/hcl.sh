#!/usr/bin/env bash
# Prints the folder of a program that evaluates Terraform files, built once from the Go modules pinned in hcl/. It does
# what Terraform does before it calls a provider, with Terraform's own parser, and needs neither.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() {
  echo "building the evaluator of Terraform files, once"
  cd hcl
  CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -o "$1/evaluate" .
}

folder=$cache/hcl-$(cache_key "$(cat hcl/{go.mod,go.sum,main.go})" "$(go version)" "$(declare -f build)")
once "$folder" build
echo "$folder"
