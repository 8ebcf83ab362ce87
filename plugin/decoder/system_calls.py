"""The system calls that a decoder may make; others do not exist for it.

Numbers are those of x86-64 and of 64-bit ARM, None where an architecture lacks the call. Most of
these calls only read, or concern the process itself. The rest have conditions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    # memory
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "mincore": (27, 232),
    "membarrier": (324, 283),
    # open files, and those that Landlock lets the process open for reading
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "write": (1, 64),
    "writev": (20, 66),
    "lseek": (8, 62),
    "close": (3, 57),
    "close_range": (436, 436),
    "dup": (32, 23),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "fadvise64": (221, 223),
    "open": (2, None),
    "openat": (257, 56),
    "stat": (4, None),
    "lstat": (6, None),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    # the threads that libraries started before
    "exit": (60, 93),
    "exit_group": (231, 94),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168),
    # itself
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "prlimit64": (302, 261),
    "times": (100, 153),
    "prctl": (157, 167),
    "getrandom": (318, 278),
    # time
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    # signals to itself
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "tgkill": (234, 131),
}

_CUDA_NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    "eventfd2": (290, 19),
    "get_mempolicy": (239, 236),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "mlock": (149, 228),
    "munlock": (150, 229),
    "msync": (26, 227),
    "memfd_create": (319, 279),
    "ftruncate": (77, 46),
    "sched_setaffinity": (203, 122),
    "clone": (56, 220),
}
"""What NVIDIA's driver needs besides, for its devices and the memory that it pins. It also starts
threads. No other process here may: a thousand would leave none for Orthanc, as containers and
systemd count the threads of all processes together."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What an argument of a call must be; only its lower 32 bits count, unless ``null``.

    Attributes
    ----------
    argument : int
        Its position, from 0.
    values : tuple of int
        Allowed values; empty allows all.
    without, within : int
        Bits that must all be unset; bits that must all be set.
    null : bool
        Whether it must be a null pointer.
    """

    argument: int
    values: tuple[int, ...] = ()
    without: int = 0
    within: int = 0
    null: bool = False


_O_TMPFILE = 0o20000000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _O_TMPFILE
_CLONE_VM, _CLONE_SIGHAND, _CLONE_THREAD = 0x100, 0x800, 0x10000
_NEW_NAMESPACES = 0x7E020000
_TCGETS, _FIONCLEX, _FIOCLEX = 0x5401, 0x5450, 0x5451
_DUPLICATING_AND_FLAGS = (0, 1, 2, 3, 5, 1030, 1032)
_PR_GET_DUMPABLE, _PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 3, 15, 16, 0x53564D41


def conditions(process: int, *, cuda: bool) -> Mapping[str, tuple[Condition, ...]]:
    """Return which calls are allowed, with the conditions that must all hold.

    Parameters
    ----------
    process : int
        Its own id.
    cuda : bool
        Whether the process works with a GPU: it then also opens devices for writing.
    """
    thread = _CLONE_VM | _CLONE_SIGHAND | _CLONE_THREAD
    held: dict[str, tuple[Condition, ...]] = {
        "open": (Condition(1, without=_WRITING),),
        "openat": (Condition(2, without=_WRITING),),
        # No F_SETOWN or F_SETSIG, by which any process can be signalled.
        "fcntl": (Condition(1, _DUPLICATING_AND_FLAGS),),
        "ioctl": (Condition(1, (_TCGETS, _FIOCLEX, _FIONCLEX)),),
        # Limits can only be read, and only the process's own.
        "prlimit64": (Condition(0, (0, process)), Condition(2, null=True)),
        "prctl": (Condition(0, (_PR_GET_DUMPABLE, _PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA)),),
        "tgkill": (Condition(0, (process,)),),
        "sched_getaffinity": (),
    }
    if cuda:
        for name in ("open", "openat", "ioctl", "fcntl"):
            del held[name]
        held["clone"] = (Condition(0, within=thread, without=_NEW_NAMESPACES),)
    names = [*NUMBERS, *(_CUDA_NUMBERS if cuda else ())]
    return {name: held.get(name, ()) for name in names}


def number(name: str, machine: str) -> int | None:
    """Return the number of a call on an architecture."""
    numbers = NUMBERS.get(name) or _CUDA_NUMBERS[name]
    return numbers[("x86_64", "aarch64").index(machine)]
