#!/usr/bin/env bash
# Prints the root file system of a consumer's image: Python with boto3, and `cat` for `credential_process`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ../cache.sh
source ./debian.sh

pins=../emulator/requirements.txt

build() {
  echo "unpacking Python and boto3 for the image of the consumer, once"
  debian_root "$1" coreutils python3-minimal libpython3-stdlib
  # Not Debian's boto3: it is older than AWS_ENDPOINT_URL.
  "$(../emulator.sh)/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    --target "$1/usr/lib/python3/dist-packages" --constraint "$pins" boto3
  # Its containers cannot keep what they compile.
  chroot "$1" python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11
}

folder=$cache/consumer-root-$debian_release-$(cache_key "$(<"$pins")" "$(declare -f build debian_root)")
once "$folder" build
echo "$folder"
