#!/bin/sh
# Make an image that starts as the public Orthanc image does, of a Debian that tests/newer_orthanc.sh laid.
# Arguments: that Debian's folder, the image's name, then what buildah is run by.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
debian=$1
image=$2
shift 2
container=$("$@" from scratch)
mounted=$("$@" mount "$container")
tar -C "$debian" --one-file-system --exclude=./opt --exclude='./proc/*' --exclude='./tmp/*' \
    --exclude=./usr/share/doc --exclude=./etc/orthanc -cf - . | tar -C "$mounted" -xf -
mkdir -p "$mounted/etc/orthanc" "$mounted/var/lib/orthanc"
install -m 755 "$here/entrypoint.py" "$mounted/docker-entrypoint.sh"
# As in the public image, there is a user who may write what is written at the start.
chroot "$mounted" sh -c 'id orthanc >/dev/null 2>&1 || useradd --system orthanc
    rm -rf /var/lib/orthanc/* && chown orthanc /var/lib/orthanc'
"$@" umount "$container" >/dev/null
"$@" config --entrypoint '["/docker-entrypoint.sh"]' --cmd '["/tmp/orthanc.json"]' \
    --env PATH=/usr/sbin:/usr/bin:/sbin:/bin --env PIP_CERT=/etc/ssl/of-the-host.pem \
    ${PIP_INDEX_URL:+--env "PIP_INDEX_URL=$PIP_INDEX_URL"} "$container"
"$@" commit -q --rm "$container" "$image"
