"""The health check of containers."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from orthanc_server import ROOT


@pytest.fixture
def orthanc():
    """What answers, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_it_asks_orthanc_and_no_proxy(orthanc):
    """Docker may give each container a proxy: it got the password, and nobody was healthy."""
    address, asked = orthanc
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "orthanc-config/docker/health.py", address],
        env={"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert asked == ["/changes?last", "/tools/find", "/bodypart/status"]
