"""Real receivers for deliveries: a bare Orthanc, storescp, a web server that keeps its requests."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from orthanc_server import free_port

PLUGINS = Path("/usr/share/orthanc/plugins")


class BareOrthanc:
    """An Orthanc without our plugin, with DICOMweb."""

    def __init__(self, folder: Path, aet: str, configuration: dict[str, Any] | None = None) -> None:
        self.folder, self.aet = folder, aet
        self.http_port, self.dicom_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.configuration = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": aet,
            "AuthenticationEnabled": False,
            "DicomAlwaysAllowStore": True,
            "Plugins": [str(PLUGINS / "libOrthancDicomWeb.so")],
            **(configuration or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> BareOrthanc:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(self.configuration))
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            ["/usr/sbin/Orthanc", str(file)], stdout=log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/system", timeout=5).ok:
                    return self
            time.sleep(0.1)
        raise AssertionError(f"{self.aet} does not start")

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def instances(self) -> list[str]:
        """Return the ids of the instances that it received."""
        found: list[str] = requests.get(f"{self.url}/instances", timeout=10).json()
        return found

    @property
    def modality(self) -> list[Any]:
        """Its entry for ``DicomModalities``."""
        return [self.aet, "127.0.0.1", self.dicom_port]


@contextlib.contextmanager
def storescp(folder: Path, port: int, *options: str) -> Iterator[Callable[[], int]]:
    """Run DCMTK's storescp; yield a function that counts the files it received."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["storescp", "--output-directory", str(folder), "--unique-filenames", *options, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield lambda: sum(1 for _ in folder.iterdir())
    finally:
        process.kill()
        process.wait()


class WebhookReceiver:
    """A web server that gives prescribed answers, and keeps the requests."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Answers to the next requests; after them, 204."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self._body()
                receiver.received.append((dict(self.headers), body))
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def _body(self) -> bytes:
                if "Content-Length" in self.headers:
                    return self.rfile.read(int(self.headers["Content-Length"]))
                body = b""
                while size := int(self.rfile.readline(), 16):  # Chunks (RFC 9112, 7.1).
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/arrived"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
