#!/usr/bin/env bash
# Prints the folder of operator and agent as static programs, as their images hold them, but without optimization, which would take
# minutes at each change. Cargo knows what is to be built again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

export CARGO_TARGET_DIR=$cache/static
exec ../images/build.sh dev
