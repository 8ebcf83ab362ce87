"""Requests passed on over a Unix socket."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

from orthanc_side.forwarder import Forwarder


class _Keeps(BaseHTTPRequestHandler):
    """Answers as a server that keeps connections, and rests."""

    protocol_version = "HTTP/1.1"
    closes = False

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = self.closes

    def address_string(self):
        return ""

    def log_message(self, *_):
        pass


class _ClosesAllTheSame(_Keeps):
    closes = True


@contextmanager
def served(path, handler):
    """Serve on a Unix socket, several connections at a time."""

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True
        block_on_close = False

    with Server(path, handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Forwarder(lambda: (path, ""), 50)
        finally:
            server.shutdown()
            thread.join()


def ask(forwarder):
    answer = forwarder.forward("GET", "/bodypart/labels", {}, {}, b"")
    assert (answer.status, answer.body) == (200, b"ok")


def test_a_connection_that_the_service_closed_at_rest_is_not_used_again(tmp_path):
    with served(str(tmp_path / "socket"), _ClosesAllTheSame) as forwarder:
        for _ in range(3):
            ask(forwarder)
            time.sleep(0.05)


def test_a_connection_at_rest_is_used_again_at_once(tmp_path):
    with served(str(tmp_path / "socket"), _Keeps) as forwarder:
        ask(forwarder)
        (kept,) = forwarder._idle
        asking = threading.Thread(target=ask, args=(forwarder,), daemon=True)
        asking.start()
        asking.join(10)
        assert not asking.is_alive()
        assert list(forwarder._idle) == [kept]
