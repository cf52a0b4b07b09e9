#!/usr/bin/env bash
# Prints the folder of OpenTofu, built once from its Go module, about five minutes on two cores. It reads the same files as
# Terraform, and its S3 backend is the part that speaks to AWS without a provider.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

module=github.com/opentofu/opentofu
version=v1.10.10
sum=h1:ELFHOkY0x/bHvkgBP4KK3i7Y19CSFuHOyeZOLc0cqWY=

# The module replaces one of its own dependencies, which Go does for the main module only. So it is built as one.
build() {
  local found source
  echo "building OpenTofu $version from its Go module: about five minutes, once"
  found=$(cd / && go mod download -json "$module@$version")
  grep -qF "\"Sum\": \"$sum\"" <<<"$found" || { echo "the sum of $module $version is not $sum" >&2; return 1; }
  source=$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$found")
  cp -R --no-preserve=mode "$source" "$1/source"
  (cd "$1/source" && CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -ldflags '-s -w' -o "$1/tofu" ./cmd/tofu)
  rm -rf "$1/source"
}

folder=$cache/tofu-$version-$(cache_key "$sum" "$(go version)" "$(declare -f build)")
once "$folder" build
echo "$folder"
