#!/bin/sh
# Make the workers' Python environment beside plugin/ from lock files. Quick when it is there.
# Arguments: the lock files. Used by install.sh and by the Dockerfile alike.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv

if [ ! -e "$venv/bin/python" ]; then
    if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
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
