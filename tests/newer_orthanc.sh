#!/bin/sh
# Lay newer Debians with their Orthancs into folders, for the tests: trixie (1.12, Python 3.13) and
# sid (1.13, Python 3.14), each by the install step that `make run` takes. Quick when they are there.
# Needs root and debootstrap. One that cannot be had is named, and its tests are skipped with the
# reason; where CI is set, that is an error.
# Arguments: which ones. Environment: BODYPART_TARGETS, the folder that holds them.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
targets=${BODYPART_TARGETS:-/var/tmp/orthanc-bodypart-targets}
inside=/opt/orthanc-bodypart

# Only what is whole bears its name: what was interrupted is begun again.
prepare() {
    target=$targets/$1
    if [ ! -d "$target" ]; then
        discard "$target.part"
        debootstrap --variant=minbase "$1" "$target.part"
        # No service starts in there, and nothing in there waits for the disk.
        printf '#!/bin/sh\nexit 101\n' >"$target.part/usr/sbin/policy-rc.d"
        chmod +x "$target.part/usr/sbin/policy-rc.d"
        echo force-unsafe-io >"$target.part/etc/dpkg/dpkg.cfg.d/unsafe-io"
        # What reaches the host's mirror reaches it from there, too.
        apt-config dump | grep -iE '^Acquire::(https?|Check-|Retries)' \
            >"$target.part/etc/apt/apt.conf.d/90of-the-host" || true
        mount -t proc proc "$target.part/proc"
        lay_project "$target.part"
        umount "$target.part/proc"
        mv "$target.part" "$target"
    fi
    # Mounts do not outlive a reboot.
    mountpoint -q "$target/proc" || mount -t proc proc "$target/proc"
    lay_project "$target"
}

lay_project() {
    cp /etc/resolv.conf "$1/etc/resolv.conf" 2>/dev/null || true
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/pip.conf"
    # A file that no package owns: ca-certificates would replace the host's bundle by its own.
    mkdir -p "$1/etc/ssl" "$1$inside"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/of-the-host.pem"
    cp -r "$root/orthanc-config" "$root/requirements.lock" "$1$inside/"
    chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        PIP_CERT=/etc/ssl/of-the-host.pem PIP_NO_CACHE_DIR=1 \
        ${PIP_INDEX_URL:+"PIP_INDEX_URL=$PIP_INDEX_URL"} sh "$inside/orthanc-config/install.sh"
    # Several Orthancs on one database, and the proxy before them.
    if [ ! -e "$1/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so" ] || [ ! -e "$1/usr/sbin/nginx" ]; then
        chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -c \
            "apt-get update -qq && apt-get install -y -qq --no-install-recommends \
                orthanc-postgresql nginx-light libnginx-mod-stream"
    fi
}

discard() {
    if mountpoint -q "$1/proc"; then umount "$1/proc"; fi
    rm -rf --one-file-system "$1"
}

mkdir -p "$targets"
exec 9>"$targets/lock"
flock 9
[ $# -gt 0 ] || set -- trixie sid
started=""
for suite in "$@"; do
    # In the background, because `set -e` does not hold in what an `if` asks for.
    (prepare "$suite") >"$targets/$suite.log" 2>&1 &
    started="$started $suite:$!"
done
missing=""
for job in $started; do
    suite=${job%%:*}
    if wait "${job##*:}"; then
        rm -f "$targets/$suite.failed"
    else
        tail -n 3 "$targets/$suite.log" | cut -c 1-300 >"$targets/$suite.failed"
        echo "no Orthanc of Debian $suite: $(tail -n 1 "$targets/$suite.failed") ($targets/$suite.log)" >&2
        missing="$missing $suite"
        discard "$targets/$suite.part"
    fi
done
[ -z "$missing" ] || [ -z "${CI:-}" ]
