#!/usr/bin/env bash
# Prints the folder of the Python virtual environment that holds cfn-lint, made once from the versions pinned in
# cfn-lint/requirements.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() {
  echo "installing cfn-lint into a virtual environment, once"
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r cfn-lint/requirements.txt
  "$1/bin/python" -m pip check
}

python=$(python3 -c 'import sys; print(sys.version, sys.base_prefix)')
folder=$cache/cfn-lint-$(cache_key "$(<cfn-lint/requirements.txt)" "$python" "$(declare -f build)")
once "$folder" build
echo "$folder"
