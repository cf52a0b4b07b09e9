# What the scripts of the lab share: folders built once and kept outside the clone, so that a fresh clone or
# `cargo clean` does not build them again. CROSSACCOUNT_CACHE moves them. To be sourced by bash with `set -euo pipefail`.

cache=${CROSSACCOUNT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crossaccount}

# cache_key TEXT...: a short name for everything that decides what is built.
cache_key() { printf '%s\n' "$@" | sha256sum | cut -c1-16; }

# once FOLDER BUILD: runs the function BUILD to fill FOLDER, unless an earlier run finished that. Runs that start at
# the same time wait for the first. Only `.complete`, written last, makes a folder count: a killed run leaves nothing
# that is taken for whole. What BUILD starts inherits the lock, so nobody clears the folder while it is being written.
once() {
  local folder=$1 build=$2
  if [ -e "$folder/.complete" ]; then return; fi
  mkdir -p "$cache"
  (
    flock 9
    if [ -e "$folder/.complete" ]; then exit; fi
    rm -rf "$folder"
    mkdir "$folder"
    "$build" "$folder" >&2
    touch "$folder/.complete"
  ) 9>"$folder.lock"
}
