"""A real Orthanc with the plugin, for the integration and browser tests."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

ROOT = Path(__file__).resolve().parents[1]
STARTED = "Orthanc has started"
"""What Orthanc logs at each start."""
TARGETS = Path(os.environ.get("BODYPART_TARGETS", "/var/tmp/orthanc-bodypart-targets"))
"""Folder of the newer Debians, each in a folder of its name."""
KNOWN = ("bookworm", "trixie", "sid")
"""Debian 12 with Orthanc 1.10, 13 with 1.12, and unstable with 1.13."""


USUAL = os.environ.get("BODYPART_ON") or KNOWN[0]
"""The Debian for tests that start one Orthanc and name none: `make integration ON=sid`."""


def free_port() -> int:
    """Return a TCP port that nobody listens on.

    It is below those that Linux gives to connections: one of these could take it while an Orthanc
    is stopped, or not started yet.
    """
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _stat(pid: int) -> tuple[str, int]:
    """Return a process's state (T is stopped) and its parent, as proc(5) has them."""
    state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return state, int(parent)


def missing(target: str) -> str | None:
    """Return why there is no Orthanc of a Debian on this machine, None if there is one."""
    if target == "bookworm":
        return None if Path("/usr/sbin/Orthanc").exists() else "Orthanc is not installed"
    failed = TARGETS / f"{target}.failed"
    if failed.exists():
        return f"no Orthanc of {target}: {failed.read_text().strip()}"
    if not (TARGETS / target).exists():
        return f"no Orthanc of {target}: run tests/newer_orthanc.sh"
    return None


def require(target: str) -> None:
    """Skip the test, with the reason, if there is no such Orthanc; in CI fail instead."""
    reason = missing(target)
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@contextlib.contextmanager
def running(
    folder: Path, target: str = KNOWN[0], configuration: dict[str, Any] | None = None, **more: Any
) -> Iterator[Server]:
    """Yield a started Orthanc, closed at the end; skip the test if that Debian has none."""
    require(target)
    server = Server(folder, target, configuration or {}, **more)
    try:
        yield server.start()
    finally:
        server.close()


@functools.cache
def checkout_in(target: str) -> Path:
    """Return the path, as seen in the target, of this checkout or of a copy of it."""
    if target == "bookworm":
        return ROOT
    chroot = TARGETS / target
    copy = Path(tempfile.mkdtemp(prefix="orthanc-bodypart-", dir=chroot / "tmp"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for name in ("plugin", "models", "orthanc-config"):
        ignored = shutil.ignore_patterns("__pycache__", "training", "figures")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    (copy / ".venv").symlink_to("/opt/orthanc-bodypart/.venv")
    return Path("/") / copy.relative_to(chroot)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # A service that ends ends its decoders.
            os.kill(pid, signal.SIGKILL)


def _children(parent: int, module: str) -> list[int]:
    """Return the child processes of another one that run a Python module."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            pid = int(entry.name)
            command = (entry / "cmdline").read_bytes()
            if _stat(pid)[1] == parent and f"\0-m\0{module}\0".encode() in command:
                found.append(pid)
    return found


@dataclass
class Server:
    """One Orthanc process that can be stopped, killed and started again on its storage."""

    folder: Path
    target: str = "bookworm"
    configuration: dict[str, Any] = field(default_factory=dict)
    auth: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        self.http_port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.session = requests.Session()
        self.session.auth = self.auth
        # Orthanc closes an idle connection after a second, perhaps just as it is used again.
        retries = Retry(total=2, connect=0, read=2, allowed_methods=("GET",))
        self.session.mount("http://", HTTPAdapter(max_retries=retries))
        self.process: subprocess.Popen[bytes] | None = None
        if self.target == "bookworm":
            self.storage = self.inside = self.folder
        else:
            chroot = TARGETS / self.target
            self.storage = Path(tempfile.mkdtemp(prefix="orthanc-", dir=chroot / "tmp"))
            self.inside = Path("/") / self.storage.relative_to(chroot)
        self.storage.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "orthanc.log"
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self, *, wait: bool = True) -> Server:
        """Start Orthanc as ``make run`` does, and wait until it answers and the model is ready."""
        (self.storage / "override.json").write_text(json.dumps(self.configuration))
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            "ORTHANC_HTTP_PORT": str(self.http_port),
            "ORTHANC_DICOM_PORT": str(self.dicom_port),
            "ORTHANC_STORAGE": str(self.inside),
            "BODYPART_CONFIG": str(self.inside / "override.json"),
        }
        command = ["/usr/bin/python3", str(checkout_in(self.target) / "orthanc-config/start.py")]
        if self.target != "bookworm":
            command = ["chroot", str(TARGETS / self.target), *command]
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log.open("ab"), stderr=subprocess.STDOUT
        )
        if wait:
            self.wait_until(self._answers, 30)
            self.wait_until(lambda: self.status()["ready"], 60)
        return self

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"Orthanc ended: {self.log.read_text()[-2000:]}")
        with contextlib.suppress(requests.ConnectionError):
            return self.session.get(f"{self.url}/bodypart/status", timeout=10).status_code == 200
        return False

    def reset(self) -> None:
        """Have Orthanc restart within its process, and wait until everything is ready again."""
        self.quieten()
        starts = self.log.read_text().count(STARTED)
        assert self.request("POST", "/tools/reset", data="").status_code == 200
        # Orthanc answers before it begins to restart.
        self.wait_until(lambda: self.log.read_text().count(STARTED) > starts, 60)
        self.wait_until(self._answers, 30)
        self.wait_until(lambda: self.status()["ready"], 60)

    def quieten(self) -> None:
        """Wait until nothing changed for a second: 1.13 may crash if it ends during a rewrite."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1.0:
            now = self.get("/changes?last")["Last"]
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.1)

    def stop(self) -> float:
        """Stop Orthanc with SIGTERM; return the seconds it took."""
        assert self.process
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - started

    def kill(self) -> None:
        """Kill Orthanc with SIGKILL, and the workers that a test has stopped."""
        assert self.process
        # A stopped process does not notice that its pipe is closed.
        stopped = [pid for pid in self.workers() if _stat(pid)[0] == "T"]
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        _kill(stopped)

    def program(self, text: str) -> str:
        """Write an executable script where Orthanc can reach it; return its path there."""
        path = self.storage / "program"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return str(self.inside / path.name)

    def halt_workers(self) -> None:
        """Suspend the decoders, as if they took very long."""
        for pid in self.workers():
            os.kill(pid, signal.SIGSTOP)

    def close(self) -> None:
        """Kill what still runs, and remove the storage: Orthanc takes seconds to end properly."""
        if self.process and self.process.poll() is None:
            others = [*self.services(), *self.workers()]
            self.kill()
            _kill(others)
        shutil.rmtree(self.storage, ignore_errors=True)

    def workers(self) -> list[int]:
        """Return the decoders: the processes that the service started to classify."""
        return [pid for parent in self.services() for pid in _children(parent, "decoder")]

    def services(self) -> list[int]:
        """Return the service's process, in a list; empty if it is not running."""
        assert self.process is not None
        return _children(self.process.pid, "service")

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request to Orthanc."""
        return self.session.request(method, self.url + path, timeout=60, **arguments)

    def get(self, path: str) -> Any:
        """Return a JSON answer; fail if its status is not 200."""
        response = self.request("GET", path)
        assert response.status_code == 200, (path, response.status_code, response.text[:500])
        return response.json()

    def status(self) -> dict[str, Any]:
        """Return ``/bodypart/status``."""
        return self.get("/bodypart/status")

    def upload(self, data: bytes) -> str:
        """Upload a DICOM file; return its Orthanc id."""
        response = self.request("POST", "/instances", data=data)
        assert response.status_code == 200, response.text[:500]
        return str(response.json()["ID"])

    def wait_until(self, condition: Any, limit: float = 30.0, pause: float = 0.05) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit} s; log: {self.log.read_text()[-1500:]}")
            time.sleep(pause)

    def settle(self, limit: float = 60.0) -> None:
        """Wait until the queue is empty and the roll-ups are written."""
        self.wait_until(lambda: self.status()["queue"]["pending"] == 0, limit)
        time.sleep(0.15)

    def annotation(self, instance: str, limit: float = 30.0) -> dict[str, Any]:
        """Return the finished annotation of an instance."""
        found: dict[str, Any] = {}

        def finished() -> bool:
            found.update(self.get(f"/bodypart/instances/{instance}"))
            return found["status"] != "pending"

        self.wait_until(finished, limit)
        return found

    def written(self, instance: str) -> dict[str, Any]:
        """Return the annotation of an instance, once its file is rewritten to it."""
        self.wait_until(lambda: self.annotation(instance)["tags"]["state"] == "written")
        return self.annotation(instance)

    def metadata(self, level: str, resource: str, name: str) -> str | None:
        """Return a metadata value from Orthanc itself, None if it is not set."""
        response = self.request("GET", f"/{level}/{resource}/metadata/{name}")
        return response.text if response.status_code == 200 else None

    def above(self, instance: str) -> dict[str, str]:
        """Return the ids of the series, study and patient of an instance."""
        series = self.get(f"/instances/{instance}")["ParentSeries"]
        study = self.get(f"/series/{series}")["ParentStudy"]
        return {
            "series": series,
            "studies": study,
            "patients": self.get(f"/studies/{study}")["ParentPatient"],
        }
