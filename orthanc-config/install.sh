#!/bin/sh
# Install what is missing on Debian: Orthanc with its plugins, and the service's environment.
# Quick when everything is there. From the archive of `make dist` it fetches nothing but missing
# Debian packages. Arguments: further lock files to install.
# Environment: BODYPART_LOCK, requirements-gpu.lock for an NVIDIA GPU; kept until it names another.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
plugins=/usr/share/orthanc/plugins

if [ -e "$root/SHA256SUMS" ] && ! (cd "$root" && sha256sum --quiet --check SHA256SUMS); then
    echo "these files are not as they were packed: unpack the archive again" >&2
    exit 1
fi

missing=""
want() { [ -e "$1" ] || missing="$missing $2"; }
# An Orthanc that is there already keeps the plugins that it has: Debian's loads all of their folder.
want /usr/sbin/Orthanc "orthanc orthanc-gdcm orthanc-dicomweb"
want $plugins/libOrthancPython.so orthanc-python
want /usr/bin/python3 python3
want /etc/ssl/certs/ca-certificates.crt ca-certificates
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || { echo "please install as root:$missing" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } || {
        echo "these Debian packages are missing and cannot be fetched:$missing" >&2
        exit 1
    }
fi
lock=${BODYPART_LOCK:-requirements.lock}
if [ -z "${BODYPART_LOCK:-}" ] && ls "$root"/.venv/lib/python*/site-packages/requirements-gpu.lock >/dev/null 2>&1; then
    lock=requirements-gpu.lock
fi
exec sh "$root/orthanc-config/venv.sh" "$root/$lock" "$@"
