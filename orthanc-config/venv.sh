#!/bin/sh
# Make the service's and the decoders' Python environment beside plugin/ from lock files. Quick when it is there.
# Arguments: the lock files, first the service's own. Used by install.sh and the Dockerfile alike.
set -eu
# Orthanc runs it as another user, whatever root's umask is.
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv
python=$venv/bin/python

if ! /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "/usr/bin/python3 must be Python 3.11 or newer, as on Debian 12: $(/usr/bin/python3 --version 2>&1)" >&2
    exit 1
fi
if [ ! -e "$python" ]; then
    if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
        [ "$(id -u)" = 0 ] || { echo "please install as root: python3-venv" >&2; exit 1; }
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } || {
            echo "this Debian package is missing and cannot be fetched: python3-venv" >&2
            exit 1
        }
    fi
    /usr/bin/python3 -m venv "$venv"
fi
# What is installed is noted where it lies, so that an upgrade of Python installs it anew.
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# What was interrupted, or was made by the Python before an upgrade of Debian, lacks pip.
if ! "$python" -c 'import pip' 2>/dev/null; then
    rm -rf "$packages"/pip-*.dist-info
    "$python" -m ensurepip >/dev/null
fi
for other in requirements.lock requirements-gpu.lock; do
    if [ "$other" != "$(basename "$1")" ] && [ -e "$packages/$other" ]; then
        # The packages for CPU and for GPU are one Python module.
        "$python" -m pip uninstall -q -y onnxruntime onnxruntime-gpu
        rm "$packages/"requirements*.lock
    fi
done
# Whoever has no internet has the archive of `make dist`, which brings all of them.
from=""
[ ! -d "$root/wheels" ] || from="--no-index --find-links wheels"
for lock in "$@"; do
    stamp=$packages/$(basename "$lock")
    if ! cmp -s "$lock" "$stamp"; then
        # The lock is whole: nothing is looked up beside it (pyproject.toml overrides one need).
        wanted=$(realpath "$lock")
        # shellcheck disable=SC2086
        (cd "$root" && "$python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes $from -r "$wanted") || {
            echo "the Python packages of $(basename "$lock") cannot be installed, see above; docs/operations.md tells how without internet" >&2
            exit 1
        }
        cp "$lock" "$stamp"
    fi
done
