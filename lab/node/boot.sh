#!/usr/bin/env bash
# The first process of a node: see box.sh. When it ends, the kernel ends all others, and with the last of them goes every
# mount.
set -euo pipefail
folder=$1 root=$2 kubernetes=$3 group=$4 kubelet_port=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cd "$folder"
cp "$here"/{containerd.toml,kubelet.yaml,pods.conflist} .
mkdir root var
mount --bind "$root" root
mount --bind "$folder" root/lab
mount --bind "$kubernetes" root/usr/local/bin
mount --bind var root/var
mount -t tmpfs run root/run
mount -t tmpfs tmp root/tmp
mount --rbind /dev root/dev
mount --rbind /sys root/sys
mount -t proc proc root/proc
cd root
pivot_root . .
umount --lazy .
cd /
export PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/root
mount -o remount,bind,ro /
mount --make-rshared / # as the kubelet expects it

# The kubelet sets these for the whole machine. It may set copies of them.
mkdir /lab/sysctl
for knob in vm/{overcommit_memory,panic_on_oom} kernel/{panic,panic_on_oops} kernel/keys/root_max{keys,bytes}; do
  copy=/lab/sysctl/${knob//\//.}
  cat "/proc/sys/$knob" >"$copy"
  mount --bind "$copy" "/proc/sys/$knob"
done

containerd --config /lab/containerd.toml &
containerd=$!
until ctr version &>/dev/null; do
  kill -0 "$containerd"
  sleep 0.1
done
for image in /lab/images/*.tar; do
  ctr --namespace k8s.io images import "$image"
done

# The name of the node is how the API server reaches its kubelet: a forward listens there.
kubelet --config /lab/kubelet.yaml --kubeconfig /lab/kubelet.kubeconfig --hostname-override localhost \
  --node-ip 10.244.0.1 --port "$kubelet_port" --cgroup-root "/$group" &
wait -n
