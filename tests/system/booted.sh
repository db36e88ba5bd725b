#!/bin/sh
# Boots this machine's own systemd as PID 1 over a throw-away copy of its root; nothing is written to the machine.
# usage: booted.sh CGROUP ROOT INSTALL [SOURCE:TARGET]...     as PID 1 of new pid, mount, uts and ipc namespaces
# INSTALL is copied over the root before the boot, each SOURCE is seen read-only under its TARGET.
set -eu

if [ "$1" != --inside ]; then
    echo 0 >"$1/cgroup.procs"
    shift
    exec unshare --cgroup "$0" --inside "$@"
fi
root=$2 install=$3
shift 3

read_only() {
    mount --bind "$1" "$1"
    mount -o remount,bind,ro "$1"
}

mount --make-rprivate /
mkdir -p "$root" "$root.upper"
mount -t tmpfs -o mode=755,size=256m tmpfs "$root.upper"
mkdir "$root.upper/files" "$root.upper/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root.upper/files,workdir=$root.upper/work" "$root"

# The kernel's settings cannot be written from inside.
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
read_only "$root/proc/sys"
[ ! -e "$root/proc/sysrq-trigger" ] || read_only "$root/proc/sysrq-trigger"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

mount -t tmpfs -o mode=755,nosuid,size=4m tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev,size=64m tmpfs "$root/tmp"

# A quiet machine: none of the host's own services or disks.
rm -rf "$root"/etc/systemd/system/*.wants
: >"$root/etc/fstab"
[ -s "$root/etc/machine-id" ] || echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
for unit in systemd-firstboot.service systemd-update-utmp.service systemd-random-seed.service \
    systemd-pstore.service systemd-modules-load.service systemd-journald-audit.socket systemd-initctl.socket \
    systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \
    systemd-sysctl.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
    dev-hugepages.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
for bind in "$@"; do
    mkdir -p "$root${bind#*:}"
    mount --bind "${bind%%:*}" "$root${bind#*:}"
    mount -o remount,bind,ro "$root${bind#*:}"
done
cp -a "$install/." "$root/"

mkdir -p "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
mount --make-rshared / # without it LoadCredential= leaves an empty folder
exec env -i container=rig PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=rig.target --log-target=journal --show-status=no
