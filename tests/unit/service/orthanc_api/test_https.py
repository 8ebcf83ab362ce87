"""HTTPS to Orthanc itself, whose certificate is pinned: it names the hospital's host."""

import json
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from service.errors import ArchiveError
from service.orthanc_api.connection import connected


class _Orthanc(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"Version": "1.12.7", "ApiVersion": 27}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def _certified(folder, name, days=2):
    """Make a certificate and its key in one file, as Orthanc takes them."""
    keys = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem"]
    steps = [
        ["req", "-new", *keys, "-subj", "/CN=pacs.hospital.example", "-out", "asked.pem"],
        ["x509", "-req", "-in", "asked.pem", "-signkey", "key.pem", "-days", days, "-out", name],
    ]
    for step in steps:
        command = ["openssl", *map(str, step)]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    file = folder / name
    file.write_bytes(file.read_bytes() + (folder / "key.pem").read_bytes())
    return file


@contextmanager
def _orthanc(certificate, clients=None):
    server = HTTPServer(("127.0.0.1", 0), _Orthanc)
    server.handle_error = lambda *_: None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _connect(url, folder, own="", **configuration):
    given = {"SslEnabled": True, **configuration}
    return connected({"configuration": given, "folder": folder, "url": url, "token": "x"}, own)


@pytest.mark.parametrize(
    ("name", "configuration"),
    [("own.pem", {"SslCertificate": "own.pem"}), ("certificate.pem", {})],
    ids=["named", "as Orthanc calls it where nothing is set"],
)
def test_orthanc_s_own_certificate_is_believed(tmp_path, name, configuration):
    with _orthanc(_certified(tmp_path, name)) as url:
        assert _connect(url, tmp_path, **configuration).version == "1.12.7"


def test_one_that_has_run_out_ends_nothing(tmp_path):
    """Orthanc goes on with it, and annotating stood still."""
    with _orthanc(_certified(tmp_path, "own.pem", days=-1)) as url:
        assert _connect(url, tmp_path, SslCertificate="own.pem").version == "1.12.7"


def test_no_other_certificate_is_believed(tmp_path):
    _certified(tmp_path, "certificate.pem")
    with (
        _orthanc(_certified(tmp_path, "other.pem")) as url,
        pytest.raises(ArchiveError, match="SSLCertVerificationError"),
    ):
        _connect(url, tmp_path)


def test_a_certificate_of_the_service_that_orthanc_does_not_believe_is_named(tmp_path):
    trusted, strange = (_certified(tmp_path, name) for name in ("trusted.pem", "strange.pem"))
    with _orthanc(_certified(tmp_path, "certificate.pem"), trusted) as url:
        assert _connect(url, tmp_path, str(trusted)).version == "1.12.7"
        with pytest.raises(ArchiveError, match=r"GET /system: .*; is BodyPart\.ClientCert"):
            _connect(url, tmp_path, str(strange))
