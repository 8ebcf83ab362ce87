"""The Unix socket at which the service answers, in a folder that nobody else may enter."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PREFIX, _NAME = "bodypart-", "socket"
_BACKLOG = 128
_JUST_MADE = 60.0
"""Seconds in which one that refuses may be about to listen."""
_LONGEST_LOOK = 1.0
_LOOKS_EVERY = 5.0
_LONGEST_PLACE, _SHORT_PLACE = 80, "/tmp"
"""Bytes that the folder's name may have, as an address has 107 (unix(7)); else this folder."""


@contextmanager
def listening(otherwise: Path) -> Iterator[tuple[socket.socket, Path]]:
    """Give a socket that listens, and its address; both go at the end.

    What services left that were killed goes at the beginning.

    Parameters
    ----------
    otherwise : Path
        Folder for it where all those for temporary files are full, or read-only.
    """
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        place = str(otherwise)
    if len(os.fsencode(place)) > _LONGEST_PLACE:
        place = _SHORT_PLACE
    _remove_left_over(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(folder, os.O_RDONLY)
    try:
        # systemd-tmpfiles(8) clears what nobody used for ten days, but not what is locked; with
        # PrivateTmp it cannot see that somebody listens.
        with suppress(OSError):  # Some file systems have no locks.
            fcntl.flock(lock, fcntl.LOCK_SH)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            address = folder / _NAME
            listener.bind(str(address))
            listener.listen(_BACKLOG)
            yield listener, address
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def follow(address: Path, ends: Callable[[], None]) -> None:
    """Call ``ends`` once a socket is deleted, by whoever tidies up there, and return.

    Nobody could find the service any more: it starts again, with another one.
    """
    while address.exists():
        time.sleep(_LOOKS_EVERY)
    print(f"{address} was deleted", file=sys.stderr)  # Orthanc's side logs the last line.
    ends()


def _remove_left_over(place: str) -> None:
    for folder in Path(place).glob(f"{_PREFIX}*"):
        # Of one that goes meanwhile there is nothing to remove.
        with suppress(OSError):
            if folder.lstat().st_uid == os.getuid() and _is_left_over(folder / _NAME):
                shutil.rmtree(folder)


def _is_left_over(address: Path) -> bool:
    """Tell whether nobody listens at a socket (any more)."""
    if time.time() - address.lstat().st_mtime < _JUST_MADE:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(_LONGEST_LOOK)
        try:
            asking.connect(str(address))
        except ConnectionRefusedError:
            return True
    return False
