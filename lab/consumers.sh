#!/usr/bin/env bash
# Builds the consumers named by its arguments once, from the versions pinned in consumers/NAME/: python (also the AWS
# CLI), javascript, go, java. Prints the folder of each, a line each. The one in Rust is built by Cargo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/consumers"
source ../cache.sh

# need TOOL WHAT: ends with a clear word if a tool is not there. These tests are never skipped.
need() {
  if command -v "$1" >/dev/null; then return; fi
  echo "$1 is not there: the consumer in $consumer needs $2" >&2
  exit 1
}

python_tool() { need python3 "Python 3 with venv" && python3 -c 'import sys; print(sys.version, sys.base_prefix)'; }
python_build() {
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r python/requirements.txt
  "$1/bin/python" -m pip check
  cp python/consumer.py "$1/"
}

javascript_tool() { need npm "Node.js 20 or later with npm" && need node "Node.js 20 or later" && node --version; }
javascript_build() {
  cp javascript/* "$1/"
  npm --prefix "$1" ci --no-audit --no-fund
}

go_tool() { need go Go && go version; }
go_build() {
  cd go
  CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -o "$1/consumer" .
}

java_tool() { need mvn "a JDK 17 or later with Maven" && need javac "a JDK 17 or later" && javac -version; }
java_build() {
  cp java/* "$1/"
  mvn --quiet --batch-mode --file "$1/pom.xml" compile dependency:copy-dependencies
}

for consumer in "$@"; do
  # The tool counts too: what one version made may not run under another.
  tool=$("${consumer}_tool")
  inputs=$(cat "$consumer"/*)
  folder=$cache/consumer-$consumer-$(cache_key "$inputs" "$tool" "$(declare -f "${consumer}_build")")
  once "$folder" "${consumer}_build"
  echo "$folder"
done
