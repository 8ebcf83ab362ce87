"""Requests passed on over a Unix socket."""

import threading
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer

from orthanc_side.forwarder import Forwarder


class _ClosesAfterEach(BaseHTTPRequestHandler):
    """Answers as a server that keeps connections, then closes them all the same."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = True

    def address_string(self):
        return ""

    def log_message(self, *_):
        pass


def test_a_connection_that_the_service_closed_at_rest_is_not_used_again(tmp_path):
    path = str(tmp_path / "socket")
    with UnixStreamServer(path, _ClosesAfterEach) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            forwarder = Forwarder(lambda: (path, ""), 50)
            for _ in range(3):
                answer = forwarder.forward("GET", "/bodypart/labels", {}, {}, b"")
                assert (answer.status, answer.body) == (200, b"ok")
                threading.Event().wait(0.05)
        finally:
            server.shutdown()
            thread.join()
