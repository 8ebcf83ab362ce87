"""An Orthanc with a service, as a helper sees it: answers that a test writes down."""

import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bodypart import __version__
from bodypart.error_rates import digest

MODEL = {"name": "m", "version": "1", "sha256": "0" * 64}
REFERENCE = {
    "version": __version__,
    "model": MODEL,
    "error_rates": digest(),
    "settings": {"ReviewThreshold": 0.75},
    "revision": None,
    "memory": None,
}
USUAL = {
    "/system": (200, {"ApiVersion": 1, "Version": "1.12.7"}),
    "/bodypart/status": (200, {"version": __version__}),
    "/bodypart/backfill/helper": (200, REFERENCE),
}


@contextmanager
def archive(answers, certificate=None):
    """Serve answers by path: a (status, body) pair, or a list of them, given in turn.

    With a certificate, a PEM file with its key, over HTTPS.

    Yields the address, and the requests as (path, headers).
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            found = answers.get(self.path.partition("?")[0], (404, {"HttpStatus": 404}))
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
            status, body = found
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if status == 301:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
