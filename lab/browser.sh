#!/usr/bin/env bash
# Prints a folder with a headless Chromium (`chromium`), its libraries, and the program that drives it, made once from the versions
# pinned in browser/package-lock.json. The browser comes inside of a package of the npm registry, so nothing is installed on this
# machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

build() {
  echo "unpacking a browser, once"
  cp browser/* "$1/"
  npm --prefix "$1" ci --no-audit --no-fund
  # The package unpacks the browser into TMPDIR, and its libraries only where it believes to run on Amazon Linux.
  (cd "$1" && TMPDIR=$1 AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x node unpack.mjs)
  rm -r "$1/node_modules/@sparticuz"
  test -x "$1/chromium"
}

for tool in node npm; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not there: the tests of pages need Node.js 20 or later with npm" >&2
    exit 1
  fi
done
folder=$cache/browser-$(cache_key "$(cat browser/*)" "$(node --version)" "$(declare -f build)")
once "$folder" build
echo "$folder"
