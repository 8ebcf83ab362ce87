"""The image of this checkout, built by buildah on a stand-in of the public one; its containers."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import requests
import yaml

from orthanc_server import ROOT, TARGETS, free_port

_STORE = TARGETS / "images"
_BUILDAH = ("buildah", "--root", f"{_STORE}/root", "--runroot", f"{_STORE}/run")
AUTH = ("orthanc", "secret")
_LONGEST_DEATH = 10.0


def buildah(*words: object) -> str:
    """Run buildah; return what it prints."""
    command = [*_BUILDAH, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout.strip()


def stand_in() -> str:
    """Make the stand-in, unless it is there of this very Debian; return its name."""
    # Two workers of pytest may want it at once: one makes it, the other finds it.
    with (TARGETS / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made()


def _made() -> str:
    debian, here = TARGETS / "sid", Path(__file__).parent
    state = (here / "entrypoint.py").read_bytes() + (here / "stand_in.sh").read_bytes()
    number = zlib.crc32(state + (debian / "var/lib/dpkg/status").read_bytes())
    name = f"localhost/orthanc-stand-in:{number:08x}"
    older = buildah("images", "--quiet", "--filter", "reference=localhost/orthanc-stand-in")
    look = [*_BUILDAH, "inspect", "--type", "image", name]
    if subprocess.run(look, capture_output=True, check=False).returncode != 0:
        if older:
            buildah("rmi", "--force", *older.split())
        subprocess.run(["sh", here / "stand_in.sh", debian, name, *_BUILDAH], check=True)
    return name


def build() -> str:
    """Build the image; return its name."""
    name = f"localhost/orthanc-bodypart:{os.getpid()}"
    dockerfile = ROOT / "orthanc-config/docker/Dockerfile"
    buildah(
        "bud", "--isolation", "chroot", "--format", "docker",
        "--build-arg", f"ORTHANC={stand_in()}", "-f", dockerfile, "-t", name, ROOT,
    )  # fmt: skip
    return name


def service_of_compose(name: str) -> dict[str, Any]:
    """Return a service of docker-compose.yml, where nobody sets a variable."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    service: dict[str, Any] = yaml.safe_load(text)["services"][name]
    return service


class Container:
    """A container that runs what the image starts, as a service of the compose file has it.

    Parameters
    ----------
    image : str
        Its name.
    log : Path
        Takes what it prints.
    service : str or None
        The service whose command, environment, volumes and health check are taken; else the
        image's own alone.
    volume : Path or None
        Stands for the service's volume.
    environment : str
        Variables that count more than the service's.
    """

    def __init__(
        self,
        image: str,
        log: Path,
        service: str | None = None,
        volume: Path | None = None,
        **environment: str,
    ) -> None:
        self._own = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
        self._service = service_of_compose(service) if service else {}
        self.name = buildah("from", image)
        self.port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        given = {**self._service.get("environment", {}), **environment}
        # There is no network of its own to publish ports from.
        given |= {"ORTHANC__HTTP_PORT": self.port, "ORTHANC__DICOM_PORT": self.dicom_port}
        options = [f"--env={key}={value}" for key, value in given.items()]
        if volume:
            (mounted,) = (entry.split(":")[1] for entry in self._service["volumes"])
            options.append(f"--volume={volume}:{mounted}")
        entrypoint = self._service.get("entrypoint", self._own["Entrypoint"])
        command = self._service.get("command", self._own["Cmd"])
        self.process = subprocess.Popen(
            [*self._run(*options), *entrypoint, *command],
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def _run(self, *options: str) -> list[str]:
        return [*_BUILDAH, "run", "--isolation", "chroot", *options, self.name, "--"]

    def orthanc(self) -> int | None:
        """Return Orthanc's process number, None if it does not run."""
        mark = f"ORTHANC__HTTP_PORT={self.port}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                variables = (entry / "environ").read_bytes().split(b"\0")
                if words[0] == b"Orthanc" and mark in variables:
                    return int(entry.name)
        return None

    def signal(self, number: int) -> None:
        """Send Orthanc a signal."""
        orthanc = self.orthanc()
        assert orthanc is not None
        os.kill(orthanc, number)

    def wait_until_ready(self, auth: tuple[str, str] = AUTH) -> None:
        """Wait until plugin and model are ready."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            with contextlib.suppress(requests.RequestException):
                answer = requests.get(f"{self.url}/bodypart/status", auth=auth, timeout=5)
                if answer.status_code == 200 and answer.json()["ready"]:
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-2000:])

    def health(self) -> tuple[int, str]:
        """Return what the health check ends with, and prints."""
        kind, *command = self._service.get("healthcheck", {}).get(
            "test", self._own["Healthcheck"]["Test"]
        )
        assert kind == "CMD"
        done = subprocess.run(
            [*self._run(), *command], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def kill(self) -> None:
        """Kill what runs in it."""
        if self.process.poll() is None and (orthanc := self.orthanc()):
            os.kill(orthanc, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        # Its sockets outlive the signal by a moment, in which it would take what it cannot answer.
        end = time.monotonic() + _LONGEST_DEATH
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                time.sleep(0.01)

    def close(self) -> None:
        """Kill it, and remove it."""
        self.kill()
        buildah("rm", self.name)
