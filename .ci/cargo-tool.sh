# Tools that are Cargo packages: a pinned version, built once and kept in the cache. To be sourced by bash with `set -euo pipefail`.
source "$(dirname "${BASH_SOURCE[0]}")/../lab/cache.sh"

# cargo_tool NAME VERSION: prints the path of the program.
cargo_tool() {
  tool=$1 version=$2
  local folder
  folder=$cache/$tool-$(cache_key "$version" "$(declare -f build_cargo_tool)")
  once "$folder" build_cargo_tool
  echo "$folder/bin/$tool"
}

build_cargo_tool() {
  echo "building $tool $version, once"
  cargo install --quiet --locked --version "$version" --root "$1" --target-dir "$1/target" "$tool"
  rm -rf "$1/target"
}
