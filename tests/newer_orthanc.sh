#!/bin/sh
# Lay Debian trixie with its Orthanc 1.12 into a folder, and the project into it with
# the same install step that `make run` takes. Needs root and debootstrap; quick when it is there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${BODYPART_TRIXIE:-/var/tmp/orthanc-bodypart-trixie}
inside=/opt/orthanc-bodypart

if [ ! -e "$target/etc/debian_version" ]; then
    mkdir -p "$target"
    debootstrap --variant=minbase trixie "$target" >"$target.log" 2>&1 || {
        tail -3 "$target.log"
        rm -rf "$target"
        exit 1
    }
fi
mkdir -p "$target/etc/ssl/certs" "$target$inside"
cp /etc/resolv.conf "$target/etc/resolv.conf" 2>/dev/null || true
[ -e /etc/pip.conf ] && cp /etc/pip.conf "$target/etc/pip.conf"
cp /etc/apt/apt.conf.d/*proxy* "$target/etc/apt/apt.conf.d/" 2>/dev/null || true
mountpoint -q "$target/proc" || mount -t proc proc "$target/proc"
rm -rf "$target$inside/plugin" "$target$inside/models"
cp -r "$root/plugin" "$root/models" "$root/orthanc-config" "$root/requirements.lock" "$target$inside/"
cp /etc/ssl/certs/ca-certificates.crt "$target/etc/ssl/certs/ca-certificates.crt"
chroot "$target" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt sh "$inside/orthanc-config/install.sh"
