#!/usr/bin/env bash
# Prints the folder of the agent as a static program: all that its image holds, built as images/agent/Containerfile does,
# but without optimization, which would take minutes at each change. Cargo knows what is to be built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../cache.sh

target=x86_64-unknown-linux-gnu
export CARGO_TARGET_DIR=$cache/static RUSTFLAGS="-C target-feature=+crt-static"
cargo build --locked --package crossaccount-operator --bin crossaccount-agent --target "$target" >&2
echo "$CARGO_TARGET_DIR/$target/debug"
