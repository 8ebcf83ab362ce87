"""The Unix socket at which the service answers, in a folder that nobody else may enter."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX, _NAME = "bodypart-", "socket"
_BACKLOG = 128
_JUST_MADE = 60.0
"""Seconds in which one that refuses may be about to listen."""
_LONGEST_LOOK = 1.0


@contextmanager
def listening() -> Iterator[tuple[socket.socket, Path]]:
    """Give a socket that listens, and its address; both go at the end.

    What services left that were killed goes at the beginning.
    """
    _remove_left_over()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            address = folder / _NAME
            listener.bind(str(address))
            listener.listen(_BACKLOG)
            yield listener, address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_over() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
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
