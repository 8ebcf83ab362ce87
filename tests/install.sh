#!/bin/sh
# Install what only the tests need: DICOM tools, browsers, what lays other Debians and
# builds images, and the lock files of tests, of Ray and of Triton.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
missing=""
want() { command -v "$1" >/dev/null || missing="$missing $2"; }
want storescu dcmtk
want dciodvfy dicom3tools
want chromium-headless-shell chromium-headless-shell
want firefox-esr firefox-esr
want gcc gcc
want debootstrap debootstrap
plugins=/usr/share/orthanc/plugins
[ -e $plugins/libOrthancPostgreSQLIndex.so ] || missing="$missing orthanc-postgresql"
[ -e $plugins/libOrthancGdcm.so ] || missing="$missing orthanc-gdcm"
[ -e $plugins/libOrthancDicomWeb.so ] || missing="$missing orthanc-dicomweb"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
want buildah buildah
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || { echo "please install as root:$missing" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing
fi
exec sh "$root/orthanc-config/install.sh" "$root/requirements-test.lock" "$root/requirements-ray.lock" \
    "$root/requirements-triton.lock"
