"""System calls for which Python has no function, on x86-64 and 64-bit ARM, by `ctypes`."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from typing import Literal

Machine = Literal["x86_64", "aarch64"]

_LIBC = ctypes.CDLL(None, use_errno=True)


class UnsupportedError(OSError):
    """A layer is not supported on this machine; the text says why."""


def machine() -> Machine:
    """Return the processor's architecture as the kernel names it.

    Raises
    ------
    UnsupportedError
        On any but the two for which the numbers of system calls are known.
    """
    name = platform.machine()
    if name == "x86_64" and ctypes.sizeof(ctypes.c_void_p) == 8:
        return "x86_64"
    if name == "aarch64":
        return "aarch64"
    raise UnsupportedError(f"not known for {name}")


def system_call(number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> int:
    """Make a system call.

    Raises
    ------
    OSError
        With what the kernel answers.
    """
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    _LIBC.syscall.restype = ctypes.c_long
    return _checked(int(_LIBC.syscall(ctypes.c_long(number), *passed)))


def process_control(option: int, *arguments: int) -> int:
    """Call ``prctl``.

    Raises
    ------
    OSError
        With what the kernel answers.
    """
    passed = [*arguments, 0, 0, 0, 0][:4]
    return _checked(int(_LIBC.prctl(option, *map(ctypes.c_ulong, passed))))


def read_only(descriptor: int) -> memoryview:
    """Map a whole file for reading; Python's own `mmap` would keep a descriptor open.

    Raises
    ------
    OSError
        With what the kernel answers.
    """
    length = os.fstat(descriptor).st_size
    _LIBC.mmap.restype = ctypes.c_void_p
    asked = (length, mmap.PROT_READ, mmap.MAP_SHARED, descriptor)
    sizes = (ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int)
    passed = [kind(value) for kind, value in zip(sizes, asked, strict=True)]
    at = _LIBC.mmap(None, *passed, ctypes.c_long(0))
    if at == ctypes.c_void_p(-1).value:
        _checked(-1)
    return memoryview((ctypes.c_ubyte * length).from_address(at)).cast("B").toreadonly()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
