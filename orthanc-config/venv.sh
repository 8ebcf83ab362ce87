#!/bin/sh
# Make the workers' Python environment beside plugin/ from lock files. Quick when it is there.
# Arguments: the lock files, first the service's own. Used by install.sh and the Dockerfile alike.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv

# The locks for CPU and GPU exclude each other: begin anew where the other one was installed.
for other in requirements.lock requirements-gpu.lock; do
    if [ "$other" != "$(basename "$1")" ] && [ -e "$venv/$other.installed" ]; then rm -rf "$venv"; fi
done
# Nor is one of use that was interrupted, or made by another Python before an upgrade of Debian.
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    rm -rf "$venv"
    if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
        [ "$(id -u)" = 0 ] || { echo "please install as root: python3-venv" >&2; exit 1; }
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
    fi
    /usr/bin/python3 -m venv "$venv"
fi
for lock in "$@"; do
    stamp=$venv/$(basename "$lock").installed
    if ! cmp -s "$lock" "$stamp"; then
        "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
        cp "$lock" "$stamp"
    fi
done
