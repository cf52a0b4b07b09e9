#!/usr/bin/env bash
# Builds programs that use an SDK once, from the versions pinned beside them, and prints the folder of each, a line each. An
# argument is consumers/NAME, with NAME one of python (also the AWS CLI), javascript, go and java, or ../examples/NAME, also
# with rust. Cargo builds the consumer in Rust.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./cache.sh

# need TOOL WHAT: ends with a clear word if a tool is not there. These tests are never skipped.
need() {
  if command -v "$1" >/dev/null; then return; fi
  echo "$1 is not there: $consumer needs $2" >&2
  exit 1
}

python_tool() { need python3 "Python 3 with venv" && python3 -c 'import sys; print(sys.version, sys.base_prefix)'; }
python_build() {
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r consumers/python/requirements.txt
  "$1/bin/python" -m pip check
  cp "$consumer"/*.py "$1/"
}

javascript_tool() { need npm "Node.js 20 or later with npm" && need node "Node.js 20 or later" && node --version; }
javascript_build() {
  cp "$consumer"/*.js* "$1/"
  npm --prefix "$1" ci --no-audit --no-fund
}

go_tool() { need go Go && go version; }
go_build() {
  cd "$consumer"
  CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -o "$1/program" .
}

java_tool() { need mvn "a JDK 17 or later with Maven" && need javac "a JDK 17 or later" && javac -version; }
java_build() {
  cp "$consumer"/{*.java,pom.xml} "$1/"
  mvn --quiet --batch-mode --file "$1/pom.xml" compile dependency:copy-dependencies
}

rust_tool() { need cargo Rust && rustc --version; }
rust_build() {
  cargo build --quiet --locked --manifest-path "$consumer/Cargo.toml" --target-dir "$1/target"
  mv "$1/target/debug/app" "$1/program"
  rm -rf "$1/target"
}

for consumer in "$@"; do
  sdk=${consumer##*/} of=${consumer%/*}
  # The tool counts too: what one version made may not run under another.
  tool=$("${sdk}_tool")
  # Python's packages are those of the consumer, also for the example.
  inputs=$(find "$consumer" consumers/python/requirements.txt -type f ! -name '*.yaml' ! -name '*.md' | sort | xargs cat)
  folder=$cache/${of##*/}-$sdk-$(cache_key "$inputs" "$tool" "$(declare -f "${sdk}_build")")
  once "$folder" "${sdk}_build"
  echo "$folder"
done
