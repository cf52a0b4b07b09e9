#!/usr/bin/env bash
# Prints the folder of an earlier version: its operator, and crds/ and deploy/ of its sources. `earlier.sh COMMIT` builds
# it once from what git has of that commit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

if [ $# -ne 1 ]; then
  echo "usage: lab/earlier.sh COMMIT" >&2
  exit 1
fi
commit=$(git rev-parse --verify --quiet "$1^{commit}") || {
  echo "git knows no commit $1: name a tag, a branch or a commit of this clone" >&2
  exit 1
}

build() {
  echo "building the operator of $commit: minutes, once"
  mkdir "$1/source"
  # With the times of now (-m): Cargo would take the build of another version for this one's if the sources looked older.
  git -C .. archive "$commit" | tar -xm -C "$1/source"
  # One folder for all versions: dependencies that did not change are not built again.
  cargo build --locked --package crossaccount-operator --bin crossaccount-operator \
    --manifest-path "$1/source/Cargo.toml" --target-dir "$cache/target-earlier"
  cp "$cache/target-earlier/debug/crossaccount-operator" "$1/"
  mv "$1/source/crds" "$1/source/deploy" "$1/"
  rm -rf "$1/source"
}

folder=$cache/earlier-$commit-$(cache_key "$(rustc --version)" "$(declare -f build)")
once "$folder" build
echo "$folder"
