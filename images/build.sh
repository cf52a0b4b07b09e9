#!/usr/bin/env bash
# Builds the programs as static ones, which an image FROM scratch can hold, and prints their folder:
#
#     images/build.sh [release|dev] [amd64|arm64]
#
# Without an architecture they are for this machine. CARGO_TARGET_DIR moves the folder, as always with Cargo. The other
# architecture needs its C compiler and C library, since some dependencies are written in C: on Debian and Ubuntu the package
# `crossbuild-essential-arm64` or `crossbuild-essential-amd64`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

profile=${1:-release} architecture=${2:-$(uname -m)}
case $architecture in
  amd64 | x86_64) architecture=amd64 machine=x86_64 ;;
  arm64 | aarch64) architecture=arm64 machine=aarch64 ;;
  *) echo "there is no image for $architecture: write amd64 or arm64" >&2 && exit 2 ;;
esac
target=$machine-unknown-linux-gnu

if [ "$(uname -m)" != "$machine" ]; then
  compiler=$machine-linux-gnu-gcc
  if ! command -v "$compiler" >/dev/null; then
    echo "no $compiler: install crossbuild-essential-$architecture (Debian, Ubuntu), or build on a machine of $architecture" >&2
    exit 1
  fi
  rustup target add "$target" >&2
  export "CC_${target//-/_}=$compiler"
  linker=CARGO_TARGET_${target//-/_}_LINKER
  export "${linker^^}=$compiler"
fi

export RUSTFLAGS="-C target-feature=+crt-static"
# The operator's package alone: in one build with the lab, Cargo would give it the features that the lab asks for.
cargo build --locked --package crossaccount-operator --bins --target "$target" --profile "$profile" >&2
echo "${CARGO_TARGET_DIR:-$PWD/target}/$target/${profile/#dev/debug}"
