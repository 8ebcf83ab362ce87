"""A decoder gives up every right that reading a picture does not need.

This takes two steps. Files are closed off before libraries of native code are loaded, and hence
before there are threads; system calls are closed off when the model is loaded. Each layer is
optional: on an old kernel one is missing, which is reported, and the service still runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from decoder import landlock, limits, seccomp
from decoder.kernel import machine, process_control, system_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from decoder.kernel import Machine

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38
_CAPGET: dict[Machine, int] = {"x86_64": 125, "aarch64": 90}
_CAPSET: dict[Machine, int] = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522
_READ_ANY_FILE = 1 << 2
"""Root keeps it, as its code may lie in another user's folder; Landlock limits what can be read."""

_FIRST_INHERITED = 3
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")
_FACTS = (
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup/cpu.max",
    "/proc/cpuinfo",
    "/proc/meminfo",
)
"""What libraries read about the machine; none of it is secret."""

_FACTS_OF_CUDA = ("/proc", "/sys", "/dev", "/usr/share", "/usr/local", "/opt", "/etc/nvidia")
_TOO_WIDE = frozenset(("/", "/etc", "/home", "/root", "/srv", "/tmp", "/usr", "/var"))


@dataclass
class Lockdown:
    """The layers of one process.

    Parameters
    ----------
    model : Path
        The ONNX file; the JSON file of the same name is readable, too.
    cuda : bool
        Whether a GPU may be used: its driver needs more, see `system_calls` and `limits`.
    lasting : bool
        Whether the process lives as long as the service; see `limits`.
    more : tuple of Path
        Further files that it may read.

    Attributes
    ----------
    held : dict of str to object
        The layers in force, with their extent (such as a version), or True.
    missing : dict of str to str
        The layers that the kernel or the machine does not support, and why.
    """

    model: Path
    cuda: bool
    lasting: bool = False
    more: tuple[Path, ...] = ()
    held: dict[str, object] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def close_files(self) -> None:
        """Take the first step, before any thread is started."""
        self._address_space = limits.AddressSpace()
        self._nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self._layer("parent death", _end_with_parent)
        self._layer("not dumpable", lambda: process_control(_SET_DUMPABLE, 0))
        self._layer("no new privileges", lambda: process_control(_SET_NO_NEW_PRIVILEGES, 1))
        self._layer("limits", lambda: limits.limit(cuda=self.cuda, lasting=self.lasting))
        self._layer("capabilities", _drop_capabilities)
        self._layer("landlock", lambda: landlock.restrict(self.paths()))

    def close_system_calls(self, memory_limit_mb: int, *, cuda: bool) -> None:
        """Take the second step.

        Parameters
        ----------
        memory_limit_mb : int
            Address space; 0 sets no limit.
        cuda : bool
            Whether a GPU is really used.

        Raises
        ------
        SystemExit
            If the process takes more memory already.
        """
        self.cuda = cuda
        # CUDA maps far more address space than it uses.
        self._address_space.limit(0 if self.cuda else memory_limit_mb)
        # From the first picture on, whatever a library prints is discarded.
        for standard in (1, 2):
            os.dup2(self._nowhere, standard)
        os.close(self._nowhere)
        self._layer("seccomp", lambda: seccomp.restrict(cuda=self.cuda))

    def to_json(self) -> dict[str, object]:
        """Return the layers in force and missing, for ``/bodypart/status``."""
        return {"held": self.held, "missing": self.missing, "cuda": self.cuda}

    def _layer(self, name: str, put: Callable[[], object]) -> None:
        try:
            extent = put()
        except (OSError, ValueError) as error:
            self.missing[name] = getattr(error, "strerror", None) or str(error)
        else:
            self.held[name] = True if extent in (None, 0) else extent

    def paths(self) -> landlock.Paths:
        """Return what the decoder may still read, and write to."""
        own = [self.model, self.model.with_suffix(".json"), *self.more]
        # Unless it is the system's Python, its own libraries lie in the folder above its modules.
        code = [Path(os.__file__).parents[1], *(Path(entry) for entry in sys.path if entry)]
        search = os.environ.get("LD_LIBRARY_PATH", "").split(":")
        libraries = [Path(path) for path in (*_LIBRARIES, *search) if path]
        facts = [Path(path) for path in (*_FACTS, *(_FACTS_OF_CUDA if self.cuda else ()))]
        devices = sorted(Path("/dev").glob("nvidia*")) if self.cuda else []
        readable = _narrow([*own, *code, *libraries, *facts])
        return landlock.Paths(tuple(readable), tuple(devices))


def close_inherited(kept: int | None = None) -> None:
    """Close all inherited descriptors but stdin, stdout, stderr and ``kept``; must come first."""
    os.umask(0o077)
    between = _FIRST_INHERITED if kept is None else kept + 1
    os.closerange(_FIRST_INHERITED, between - 1)
    os.closerange(between, os.sysconf("SC_OPEN_MAX"))


def _end_with_parent() -> None:
    parent = os.getppid()
    process_control(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # The parent ended just before.


def _drop_capabilities() -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    # Effective, permitted and inheritable ones from 0 to 31, then those from 32 on.
    held = ctypes.create_string_buffer(24)
    system_call(_CAPGET[machine()], header, held)
    kept = struct.unpack_from("=I", held, 4)[0] & _READ_ANY_FILE
    lower = struct.pack("=III", kept, kept, 0)
    system_call(_CAPSET[machine()], header, lower + bytes(12))


def _narrow(paths: Iterable[Path]) -> Iterable[Path]:
    """Leave out folders that hold more than code, even if they are on a search path."""
    return (path for path in paths if str(path.absolute()) not in _TOO_WIDE)
