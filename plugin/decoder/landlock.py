"""Landlock: which files a process may still open; also denies ports, signals and outside sockets.

It holds for the thread that asks for it and for those that this thread starts later, so it must
come before any library starts threads. See the kernel's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decoder.kernel import system_call

if TYPE_CHECKING:
    from collections.abc import Iterable

# Numbers of system calls from 424 on are the same on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_FIRST_RIGHTS = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


@dataclass(frozen=True, slots=True)
class Paths:
    """What can still be opened.

    Attributes
    ----------
    readable : tuple of Path
        Files, and folders with all that is below them.
    writable : tuple of Path
        Devices only; ``ioctl`` on them is allowed, too.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...] = ()


def version() -> int:
    """Return the version of Landlock that the kernel supports.

    Raises
    ------
    OSError
        If it supports none.
    """
    return system_call(_CREATE_RULESET, 0, 0, _VERSION_FLAG)


def restrict(paths: Paths) -> int:
    """Close the file system to this thread, some paths apart, and return the kernel's version.

    From version 4 on TCP ports can be neither bound nor connected to; from version 6 on no other
    process can be signalled. ``no_new_privs`` must be set.

    Raises
    ------
    OSError
        If the kernel has no Landlock.
    """
    speaks = version()
    handled = _FIRST_RIGHTS
    if speaks >= 2:
        handled |= _REFER
    if speaks >= 3:
        handled |= _TRUNCATE
    if speaks >= 5:
        handled |= _IOCTL_DEVICE
    attributes = struct.pack("=Q", handled)
    if speaks >= 4:
        attributes += struct.pack("=Q", _BIND_AND_CONNECT)
    if speaks >= 6:
        attributes += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = system_call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        _allow(ruleset, paths.readable, _READ_FILE, _READ_DIR)
        device = _READ_FILE | _WRITE_FILE | (_IOCTL_DEVICE & handled)
        _allow(ruleset, paths.writable, device, _READ_DIR)
        system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return speaks


def _allow(ruleset: int, paths: Iterable[Path], on_files: int, on_folders: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # A path that does not exist needs no rule.
        try:
            rights = on_files | (on_folders if path.is_dir() else 0)
            rule = struct.pack("=Qi", rights, descriptor)
            system_call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)
