# Root file systems made of Debian packages, without installing anything on this machine and without a container
# builder. To be sourced by bash with `set -euo pipefail`.

# The release is pinned, so that the node is the same on every machine. CROSSACCOUNT_DEBIAN_MIRROR names another mirror.
debian_release=bookworm
debian_mirror=${CROSSACCOUNT_DEBIAN_MIRROR:-http://deb.debian.org/debian}
debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_root FOLDER PACKAGE...: unpacks packages and all that they depend on. Their installation scripts do not run:
# programs and libraries need none.
debian_root() {
  local root=$1 apt package
  shift
  apt=$root/apt
  mkdir -p "$apt"/{lists,cache/archives}/partial
  # As if nothing were installed yet, so that apt takes every dependency.
  touch "$apt/status"
  echo "deb [signed-by=$debian_keys] $debian_mirror $debian_release main" >"$apt/sources.list"
  local options=(
    -qq -o "Dir::State=$apt" -o "Dir::State::Status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" update
  apt-get "${options[@]}" install --yes --no-install-recommends --download-only "$@"

  # /bin and /lib are links into /usr in every Debian; some packages of this release still bring them as folders.
  local merged
  for merged in bin sbin lib lib64; do
    mkdir -p "$root/usr/$merged"
    ln -s "usr/$merged" "$root/$merged"
  done
  mkdir -p "$root"/{dev,proc,sys,tmp,run,var,etc}
  for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory="$root"
  done
  # What installation scripts make, as far as it is missed.
  [ ! -e "$root/bin/bash" ] || ln -sf bash "$root/bin/sh"
  echo "root:x:0:0:root:/root:/bin/sh" >"$root/etc/passwd"
  echo "127.0.0.1 localhost" >"$root/etc/hosts"
  rm -rf "$apt" "$root"/usr/share/{doc,man,locale,info}
}
