"""Start Orthanc in the foreground with the plugin.

Merges the shipped configuration with the environment's overrides, writes the result beside the
storage and becomes Orthanc, so that signals reach it directly.

Environment: ``ORTHANC_HTTP_PORT``, ``ORTHANC_DICOM_PORT``, ``ORTHANC_STORAGE`` (a folder),
``BODYPART_CONFIG`` (a JSON file whose keys override the shipped ones, section by section).
"""

import errno
import fcntl
import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "orthanc-config/orthanc.json"
ALONE: dict[str, Any] = {
    "Name": "orthanc-bodypart",
    "HttpPort": 8042,
    "DicomPort": 4242,
    "RemoteAccessAllowed": False,
    "HttpCompressionEnabled": False,
    "StableAge": 10,
}
"""What an Orthanc gets that serves this machine only, beside what the plugin itself needs."""
JPEG_2000 = [f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 92, 93)]
"""What Orthanc needs GDCM for: the others it transcodes by itself, and GDCM ends it at that."""
PLUGINS = Path(os.environ.get("ORTHANC_PLUGINS", "/usr/share/orthanc/plugins"))
USEFUL = tuple(PLUGINS / f"libOrthanc{name}.so" for name in ("Gdcm", "DicomWeb"))
"""Plugins that are used where they are there: an Orthanc that was here before may lack them."""


def main() -> None:
    """Write the configuration and become Orthanc."""
    # Debian keeps Orthanc where only root's PATH looks.
    program = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        sys.exit("Orthanc is not installed: run `make install` as root")
    storage = Path(os.environ.get("ORTHANC_STORAGE") or ROOT / ".run").resolve()
    try:
        configuration = merged(merged(ALONE, read(SHIPPED)), overrides(storage))
    except (OSError, ValueError) as error:
        sys.exit(f"the configuration cannot be read: {error}")
    if not configuration["RemoteAccessAllowed"]:
        # From 1.13 on nobody else can even connect; before it, Orthanc listens to all and refuses.
        configuration.setdefault("HttpBindAddresses", ["127.0.0.1"])
    # No password on loopback alone, unless there are users.
    asked = bool(configuration["RemoteAccessAllowed"] or configuration.get("RegisteredUsers"))
    configuration.setdefault("AuthenticationEnabled", asked)
    path = storage / "orthanc.json"
    try:
        text = json.dumps(configuration, indent=2, allow_nan=False)
    except ValueError:
        sys.exit("the configuration holds a number that is too large")
    try:
        # Orthanc's own files of patients are readable by all: whose folder this is decides.
        storage.mkdir(mode=0o700, parents=True, exist_ok=True)
        take(storage)
        # It may hold the passwords of RegisteredUsers.
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.exit(f"the storage folder cannot be used, set ORTHANC_STORAGE to another: {error}")
    check_ports(configuration)
    print(
        f"Orthanc Explorer: http://127.0.0.1:{configuration['HttpPort']}/app/explorer.html "
        f"(DICOM port {configuration['DicomPort']}, storage {configuration['StorageDirectory']})",
        flush=True,
    )
    os.execv(program, [program, str(path)])


def take(storage: Path) -> None:
    """Hold a storage folder until Orthanc ends, whose database would not say why it is locked.

    Raises
    ------
    OSError
        If another Orthanc has it.
    """
    descriptor = os.open(storage, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "an Orthanc is running in it", str(storage)) from None
    except OSError:
        return  # Some file systems have no locks.
    os.set_inheritable(descriptor, True)


def check_ports(configuration: dict[str, Any]) -> None:
    """Exit with one line where a port cannot be had: Orthanc says so amid its own end."""
    for server, key, variable in (
        ("HttpServerEnabled", "HttpPort", "ORTHANC_HTTP_PORT"),
        ("DicomServerEnabled", "DicomPort", "ORTHANC_DICOM_PORT"),
    ):
        port = configuration[key]
        if configuration.get(server) is False or not isinstance(port, int):
            continue
        with socket.socket() as probe:
            # As Orthanc does: what a program that ended left behind is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or str(error)
                sys.exit(f"{key} {port} cannot be had, set {variable} to another: {why}")


def overrides(storage: Path) -> dict[str, Any]:
    """Return what this machine, ``BODYPART_CONFIG`` and the other variables add, in this order."""
    folders = {"StorageDirectory": str(storage / "db"), "IndexDirectory": str(storage / "db")}
    machine: dict[str, Any] = {
        **folders,
        "PythonScript": str(ROOT / "plugin/orthanc_bodypart.py"),
        "Plugins": [str(PLUGINS / "libOrthancPython.so"), *(str(p) for p in USEFUL if p.exists())],
        "Gdcm": {"RestrictTransferSyntaxes": JPEG_2000},
    }
    named: dict[str, Any] = folders if os.environ.get("ORTHANC_STORAGE") else {}
    for key, variable in (("HttpPort", "ORTHANC_HTTP_PORT"), ("DicomPort", "ORTHANC_DICOM_PORT")):
        port = os.environ.get(variable)
        if port:
            if not (port.isdecimal() and 0 < int(port) < 65536):
                raise ValueError(f"{variable} must be a port number, not {port!r}")
            named[key] = int(port)
    extra = os.environ.get("BODYPART_CONFIG")
    own = read(Path(extra)) if extra else {}
    if "StorageDirectory" in own:
        # The index lies beside the pictures, unless the file says otherwise.
        own.setdefault("IndexDirectory", own["StorageDirectory"])
    return merged(merged(machine, own), named)


def read(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file."""
    try:
        # Some editors put a byte order mark before it.
        parsed = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise ValueError(f"{path} holds no JSON object")
    return parsed


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the keys of ``over``; objects are merged key by key."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        result[key] = merged(base[key], value) if both else value
    return result


def open_ends() -> None:
    """Open what is closed of stdin, stdout and stderr: Orthanc would log into a socket or file."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


if __name__ == "__main__":
    open_ends()
    if sys.getfilesystemencoding() != "utf-8":
        # Orthanc reads names as UTF-8 in any locale: it would store in another folder.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.argv])
    main()
