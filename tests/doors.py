"""Tries every door by which a decoder that was taken over could get out of its sandbox.

Each function below tries one door, and raises `OSError` if it is closed. Doors are tried twice: in
a plain process, which shows that the door exists, and as a task of a locked decoder. Nothing here
is part of the product.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBC = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"


@dataclass(frozen=True)
class Surroundings:
    """What a decoder must not reach: another process, a folder with a file, a port."""

    victim: int
    folder: str
    port: int

    def path(self, name: str = "secret") -> str:
        """Return the path of a file in the folder."""
        return f"{self.folder}/{name}"


Door = Callable[[Surroundings], object]
DOORS: dict[str, tuple[str, Door]] = {}
"""Door by name, with its group."""


def door(group: str, name: str) -> Callable[[Door], Door]:
    """Register a door."""

    def register(function: Door) -> Door:
        DOORS[name] = (group, function)
        return function

    return register


def call(on_x86: int, on_arm: int | None, *arguments: Any) -> int:
    """Make a system call by its number, without the C library's function for it."""
    number = on_arm if ARM else on_x86
    if number is None:
        raise OSError(errno.ENOSYS, "no such call on this machine")
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    LIBC.syscall.restype = ctypes.c_long
    result = LIBC.syscall(ctypes.c_long(number), *passed)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def simple(group: str, doors: dict[str, Door]) -> None:
    """Register doors that are one expression each."""
    for name, function in doors.items():
        door(group, name)(function)


simple(
    "network",
    {
        "TCP socket": lambda _: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "UDP socket": lambda _: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "IPv6 socket": lambda _: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
        "Unix socket": lambda _: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "netlink socket": lambda _: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "pair of sockets": lambda _: socket.socketpair(),
        "Orthanc's port on loopback": lambda s: socket.create_connection(("127.0.0.1", s.port), 2),
    },
)
simple(
    "files: reading",
    {
        "a file of Orthanc": lambda s: Path(s.path()).read_bytes(),
        "a folder of Orthanc": lambda s: list(Path(s.folder).iterdir()),
        "/etc/passwd": lambda _: Path("/etc/passwd").read_bytes(),
        "folder /": lambda _: list(Path("/").iterdir()),
        "home folder": lambda _: list(Path("/root").iterdir()),
        "list of processes": lambda _: list(Path("/proc").iterdir()),
        "environment of another process": lambda s: Path(f"/proc/{s.victim}/environ").read_bytes(),
        "command line of another process": lambda s: Path(f"/proc/{s.victim}/cmdline").read_bytes(),
        "memory of another process": lambda s: os.open(f"/proc/{s.victim}/mem", os.O_RDONLY),
        "descriptors of another process": lambda s: list(Path(f"/proc/{s.victim}/fd").iterdir()),
        "a file by its handle": lambda s: by_handle(s.path()),
    },
)
simple(
    "files: writing",
    {
        "new file": lambda s: Path(s.path("new")).write_bytes(b"x"),
        "append": lambda s: os.open(s.path(), os.O_WRONLY | os.O_APPEND),
        "overwrite": lambda s: os.open(s.path(), os.O_RDWR),
        "truncate while opening": lambda s: os.open(s.path(), os.O_RDONLY | os.O_TRUNC),
        "truncate": lambda s: os.truncate(s.path(), 0),
        "file without a name": lambda s: os.open(s.folder, os.O_TMPFILE | os.O_RDWR),
        "file in memory": lambda _: os.memfd_create("x"),
        "shared memory": lambda _: os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR),
        "openat2": lambda s: call(
            437, 437, -100, s.path().encode(), (ctypes.c_uint64 * 3)(os.O_RDWR), 24
        ),
        "delete": lambda s: Path(s.path()).unlink(),
        "rename": lambda s: Path(s.path()).rename(s.path("renamed")),
        "folder": lambda s: Path(s.path("folder")).mkdir(),
        "symbolic link": lambda s: Path(s.path("symlink")).symlink_to("/etc/passwd"),
        "hard link": lambda s: os.link(s.path(), s.path("link")),
        "named pipe": lambda s: os.mknod(s.path("fifo"), stat.S_IFIFO | 0o600),
        "mode": lambda s: Path(s.path()).chmod(0o777),
        "owner": lambda s: os.chown(s.path(), os.getuid(), os.getgid()),
        "time": lambda s: os.utime(s.path()),
        "attribute": lambda s: os.setxattr(s.path(), "user.bodypart", b"x"),
        "current folder": lambda s: os.chdir(s.folder),
        "root folder": lambda s: os.chroot(s.folder),
        "mount": lambda s: mounted(s.folder.encode()),
        "watch a folder": lambda s: call(254, 27, call(294, 26, 0), s.folder.encode(), 2),
    },
)
simple(
    "programs",
    {
        "exec": lambda _: os.execv("/bin/echo", ["echo", "opened"]),
        "exec by descriptor": lambda _: os.execve(
            os.open("/bin/echo", os.O_RDONLY), ["echo", "opened"], {}
        ),
        "thread": lambda _: thread(),
        "fork": lambda _: os._exit(0) if os.fork() == 0 else os.wait(),
        "fork past the C library": lambda _: forked(call(57, None)),
        "clone without thread": lambda _: forked(call(56, 220, signal.SIGCHLD, 0, 0, 0, 0)),
        "clone3": lambda _: forked(
            call(435, 435, (ctypes.c_uint64 * 8)(0, 0, 0, 0, signal.SIGCHLD), 64)
        ),
        "posix_spawn": lambda _: os.posix_spawn("/bin/true", ["true"], {}),
        "shell": lambda _: os.system("exit 0") and refuse(),
        "namespaces": lambda _: call(272, 97, 0x10000000),
    },
)
simple(
    "other processes",
    {
        "kill": lambda s: os.kill(s.victim, 0),
        "kill the parent": lambda _: os.kill(os.getppid(), 0),
        "kill a group": lambda s: os.killpg(os.getpgid(s.victim), 0),
        "kill a thread": lambda s: call(200, 130, s.victim, 0),
        "kill a thread of a process": lambda s: call(234, 131, s.victim, s.victim, 0),
        "queue a signal": lambda s: call(129, 138, s.victim, signal.SIGURG, siginfo()),
        "descriptor of a process": lambda s: os.pidfd_open(s.victim),
        "signal of a descriptor": lambda s: fcntl.fcntl(0, fcntl.F_SETOWN, s.victim),
        "which signal a descriptor sends": lambda _: fcntl.fcntl(0, fcntl.F_SETSIG, signal.SIGURG),
        "ptrace": lambda s: call(101, 117, 0x4206, s.victim, 0, 0),
        "be traced": lambda _: call(101, 117, 0, 0, 0, 0),
        "read memory": lambda s: vector(310, 270, s.victim),
        "write memory": lambda s: vector(311, 271, s.victim),
        "compare resources": lambda s: call(312, 272, os.getpid(), s.victim, 1, 0, 0),
        "priority": lambda s: os.setpriority(os.PRIO_PROCESS, s.victim, 19),
        "input and output priority": lambda s: call(251, 30, 1, s.victim, 3 << 13),
        "processors": lambda s: os.sched_setaffinity(s.victim, {0}),
        "scheduler": lambda s: os.sched_setscheduler(s.victim, os.SCHED_BATCH, os.sched_param(0)),
        "limits": lambda s: resource.prlimit(s.victim, resource.RLIMIT_CORE, (0, 0)),
        "System V shared memory": lambda _: call(29, 194, 0, 4096, 0o1600),
        "System V messages": lambda _: call(68, 186, 0, 0o1600),
        "System V semaphores": lambda _: call(64, 190, 0, 1, 0o1600),
    },
)
simple(
    "its own fetters",
    {
        "core dumps": lambda _: call(157, 167, 4, 1, 0, 0, 0),
        "outlive the parent": lambda _: call(157, 167, 1, 0, 0, 0, 0),
        "its limits": lambda _: call(302, 261, 0, 4, (ctypes.c_uint64 * 2)(0, 0), 0),
        "its user": lambda _: os.setresuid(-1, -1, -1),
        "its groups": lambda _: os.setresgid(-1, -1, -1),
        "its session": lambda _: os.getpgid(0) == os.getpid() or os.setsid(),
        "its niceness": lambda _: os.nice(0),
        "another personality": lambda _: call(135, 92, 0xFFFFFFFF),
        "a filter of its own": lambda _: call(317, 277, 2, 0, (ctypes.c_uint32 * 1)(0x7FFF0000)),
    },
)
simple(
    "the kernel",
    {
        "io_uring": lambda _: call(425, 425, 1, (ctypes.c_char * 120)()),
        "BPF": lambda _: call(321, 280, 0, (ctypes.c_uint32 * 32)(2, 4, 4, 1), 128),
        "perf events": lambda _: call(298, 241, perf_attributes(), 0, -1, -1, 0),
        "user faults": lambda _: call(323, 282, 0x80000 | 1),
        "keys": lambda _: call(250, 219, 0, -3, 0),
        "message queue": lambda _: message_queue(b"bodypart"),
        "file watch of the system": lambda _: call(300, 262, 0x200, 0),
        "kernel log": lambda _: call(103, 116, 10, 0, 0),
        "terminal": lambda _: fcntl.ioctl(os.open("/dev/ptmx", os.O_RDWR), 0x5401, bytes(64)),
        "pipe": lambda _: os.pipe(),
        "events": lambda _: os.eventfd(0),
    },
)


def refuse() -> None:
    """Report that a door is closed."""
    raise PermissionError(errno.EPERM, "refused")


def thread() -> None:
    """Start a thread; with enough of them, others in the same container could not start any."""
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        refuse()


def forked(child: int) -> None:
    """After a raw fork, end the child, and wait for it in the parent."""
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def mounted(folder: bytes) -> None:
    """Mount something over a folder, and unmount it."""
    call(165, 40, b"none", folder, b"tmpfs", 0, 0)
    call(166, 39, folder, 0)


def by_handle(path: str) -> None:
    """Open a file by its handle, to which rules for paths do not apply."""
    handle, mount = ctypes.create_string_buffer(8 + 128), ctypes.c_int()
    ctypes.memmove(handle, (128).to_bytes(4, "little"), 4)
    call(303, 264, -100, path.encode(), handle, ctypes.byref(mount), 0)
    call(304, 265, os.open(Path(path).parent, os.O_RDONLY), handle, 0)


def siginfo() -> Any:
    """Return the ``siginfo`` of a queued signal."""
    return (ctypes.c_int32 * 32)(signal.SIGURG, 0, -1)


def vector(on_x86: int, on_arm: int, process: int) -> None:
    """Read or write a byte of another process; an unmapped address does not mean a closed door."""
    byte = ctypes.create_string_buffer(1)
    local = (ctypes.c_uint64 * 2)(ctypes.addressof(byte), 1)
    remote = (ctypes.c_uint64 * 2)(ctypes.addressof(byte), 1)
    try:
        call(on_x86, on_arm, process, local, 1, remote, 1, 0)
    except OSError as error:
        if error.errno != errno.EFAULT:
            raise


def message_queue(name: bytes) -> None:
    """Create a POSIX message queue, and delete it."""
    call(240, 180, name, os.O_CREAT | os.O_RDWR, 0o600, 0)
    call(241, 181, name)


def perf_attributes() -> Any:
    """Return the attributes of a software clock."""
    return (ctypes.c_uint32 * 32)(1, 128)


def try_door(name: str, surroundings: Surroundings) -> dict[str, Any]:
    """Try one door; return whether it opened, and the error if not."""
    try:
        DOORS[name][1](surroundings)
    except OSError as error:
        why = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return {"opened": False, "why": why}
    return {"opened": True, "why": None}


@contextlib.contextmanager
def surroundings() -> Iterator[Surroundings]:
    """Create a process, a folder and a port that a decoder must not reach."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        Path(folder, "secret").write_text("a patient's name", encoding="utf-8")
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        victim = subprocess.Popen(["sleep", "3600"], start_new_session=True)
        try:
            yield Surroundings(victim.pid, folder, listener.getsockname()[1])
        finally:
            victim.kill()
            victim.wait()


def tried_in_a_plain_process(name: str) -> dict[str, Any]:
    """Try a door without a sandbox, in a process of its own."""
    with surroundings() as around:
        command = [sys.executable, __file__, name, json.dumps(asdict(around))]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if run.stdout.strip() == "opened":
        return {"opened": True, "why": None}
    try:
        return dict(json.loads(run.stdout))
    except ValueError:
        return {"opened": False, "why": f"ended with {run.returncode}"}


LAST_CALL = 480
OWN_PROBES = () if ARM else (335, 336)
"""uretprobe and uprobe: no filter sees them, and the kernel kills a process without that probe."""


def sweep() -> dict[str, Any]:
    """Make every system call that is not in our list; return how many, and which exist."""
    from decoder.kernel import machine
    from decoder.system_calls import NUMBERS, number

    listed = {number(name, machine()) for name in NUMBERS}
    foreign = [] if ARM else [0x40000000 | known for known in sorted(filter(None, listed))]
    existing = []
    numbers = [*sorted(set(range(LAST_CALL)).difference(listed, OWN_PROBES)), *foreign]
    for unlisted in numbers:
        result = LIBC.syscall(ctypes.c_long(unlisted), *[ctypes.c_long(-1)] * 6)
        if result != -1 or ctypes.get_errno() != errno.ENOSYS:
            existing.append(unlisted)
    return {"tried": len(numbers), "existing": existing}


def other_architecture() -> None:
    """Make a system call of 32-bit x86, by machine code for `int 0x80`."""
    import mmap

    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\0\0\0\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def serve_decoder() -> None:
    """Run the product's decoder with one additional task, which tries doors."""
    import decoder.__main__
    from decoder import tasks

    def doors_task(_: object, request: dict[str, Any], __: bytes) -> tuple[dict[str, Any], bytes]:
        if request["door"] == "sweep":
            return sweep(), b""
        if request["door"] == "other architecture":
            return {"opened": bool(other_architecture() or True)}, b""
        return try_door(request["door"], Surroundings(**request["surroundings"])), b""

    tasks.TASKS["door"] = doors_task
    decoder.__main__.main()


def decoder_with_doors(folder: Path, **settings: Any) -> Any:
    """Start a decoder that has this task, and greet it."""
    import other_tasks
    from bodypart.settings import Settings
    from service.decoders.process import DecoderProcess

    program = folder / "decoder-with-doors"
    paths = [str(ROOT / "plugin"), str(ROOT / "tests")]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:1] = {paths!r}\nimport doors\n"
        "doors.serve_decoder()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    model = str(ROOT / "models/bodypart.onnx")
    other_tasks.take("door")
    process = DecoderProcess(Settings(python=str(program), model=model, provider="cpu", **settings))
    process.greet()
    return process


if __name__ == "__main__":
    print(json.dumps(try_door(sys.argv[1], Surroundings(**json.loads(sys.argv[2])))))
