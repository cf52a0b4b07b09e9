#!/usr/bin/env bash
# box.sh FOLDER ROOT KUBERNETES LAB KUBELET_PORT FORWARD...: runs a node in a machine of its own, as far as one can see
# from inside: root file system, mounts, processes and network are its own, and all of them end with its first process.
# Only its control groups are the host's. To be run in a new network namespace: `unshare --net box.sh ...`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1 root=$2 kubernetes=$3 lab=$4 kubelet_port=$5
shift 5
group=crossaccount-$$

# What is started with this ends with this process, whatever ends it.
tied=(setpriv --pdeathsig KILL --)

make_groups() {
  local hierarchy file
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then # version 2: one hierarchy, and a group has what its parent hands down
    sed 's/[a-z_]\+/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
    mkdir "/sys/fs/cgroup/$group"
    return
  fi
  for hierarchy in /sys/fs/cgroup/*/; do
    mkdir "$hierarchy$group"
  done
  for file in cpuset.cpus cpuset.mems; do # a new group has none, and could run nothing
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$group/$file"
  done
}

# A group can be removed once the last of its processes is gone, a moment after it was killed.
remove_groups() {
  local try
  for try in {1..60}; do
    find /sys/fs/cgroup -depth -type d \( -path "*/$group" -o -path "*/$group/*" \) -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -type d -name "$group")" ] || return 0
    sleep 0.5
  done
}

# Ends after this process and all that it started: they hold the other end of the pipe.
exec {alive}> >(
  cat
  remove_groups
)
make_groups

ip() { chroot "$root" ip "$@"; }
# The node's address is that of the bridge of its pods; there is no route to anywhere else.
ip link set lo up
ip link add pods type bridge
ip address add 10.244.0.1/24 dev pods
# The address of the Service `kubernetes`, in place of a kube-proxy: pods send to it by the bridge, their gateway.
ip address add 10.254.0.1/32 dev pods
ip link set pods up

"${tied[@]}" "$lab" forward "$@" &
"${tied[@]}" unshare --mount --pid --fork --kill-child=KILL \
  "$here/boot.sh" "$folder" "$root" "$kubernetes" "$group" "$kubelet_port" &
wait -n || true
echo "a part of the node ended, and so does the rest" >&2
exit 1
