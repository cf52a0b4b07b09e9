#!/usr/bin/env bash
# Prints the folder of clock.so, which makes the clock of a program wrong. It is built once, by the C compiler that Rust
# links with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() { cc -shared -fPIC -O1 -o "$1/clock.so" clock.c; }

folder=$cache/clock-$(cache_key "$(<clock.c)" "$(uname -m)" "$(declare -f build)")
once "$folder" build
echo "$folder"
