#!/usr/bin/env bash
# Prints the folder of the Python virtual environment that holds the AWS emulator (MiniStack) and boto3, made once from
# the versions pinned in emulator/requirements.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() {
  echo "installing the AWS emulator into a virtual environment, once"
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r emulator/requirements.txt
  "$1/bin/python" -m pip check
}

# The interpreter counts too: a virtual environment belongs to the Python that made it.
python=$(python3 -c 'import sys; print(sys.version, sys.base_prefix)')
folder=$cache/emulator-$(cache_key "$(<emulator/requirements.txt)" "$python" "$(declare -f build)")
once "$folder" build
echo "$folder"
