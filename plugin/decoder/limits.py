"""How much a decoder may use: resource limits of the kernel for its process."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

CPU_SECONDS = 3_600
"""The parent replaces a decoder long before; this ends one that nobody replaces any more."""

_FILES, _FILES_OF_CUDA = 64, 1024


def limit(*, cuda: bool, lasting: bool = False) -> dict[str, int]:
    """Set all limits but that of memory, and return them by name.

    A ``lasting`` process is never replaced, and so has no limit of processor time.

    There is no limit for processes and threads: the kernel counts those of the whole user, so no
    number is right, and `seccomp` lets none be started anyway.
    """
    wanted = {
        **({} if lasting else {"CPU": CPU_SECONDS}),
        "CORE": 0,
        "NOFILE": _FILES_OF_CUDA if cuda else _FILES,
        "MSGQUEUE": 0,
        "SIGPENDING": 64,
    }
    if not cuda:
        # The driver's memory that processes share is backed by files.
        wanted |= {"FSIZE": 0, "MEMLOCK": 0}
    for name, value in wanted.items():
        _limit_to(value, getattr(resource, f"RLIMIT_{name}"))
    return wanted


def _limit_to(value: int, key: int) -> None:
    """Set a limit; a lower one that is there already, as from systemd, nobody may raise."""
    hard = resource.getrlimit(key)[1]
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(key, (allowed, allowed))


class AddressSpace:
    """The memory limit: created before files are closed off, set when the model is loaded."""

    def __init__(self) -> None:
        self._statm = Path("/proc/self/statm").open("rb", buffering=0)  # noqa: SIM115 (kept open)

    def limit(self, megabytes: int) -> None:
        """Cap the address space; 0 sets no limit.

        Raises
        ------
        SystemExit
            If the decoder takes more than that already; the text names the setting.
        """
        with self._statm:
            taken = int(self._statm.read().split()[0]) * resource.getpagesize() // 2**20
        if not megabytes:
            return
        if taken > megabytes:
            sys.exit(f"MemoryLimitMB is {megabytes}, and the decoder itself takes {taken}")
        _limit_to(megabytes * 2**20, resource.RLIMIT_AS)
