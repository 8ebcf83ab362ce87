"""Connections that are kept: what is sent again, and what never."""

import socket
import threading
from contextlib import contextmanager

import pytest

from service.errors import ArchiveError, NotFoundError, StorageFullError
from service.orthanc_api import kept_connections
from service.orthanc_api.client import Client
from service.orthanc_api.kept_connections import KeptConnections, NoAnswerError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = None
"""In the place of an answer: the connection is closed without one."""


class Told:
    """What a server of answers, given in turn, was asked; a list for each connection."""

    def __init__(self, listener, connections):
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.requests = []
        self.closed = threading.Event()
        self._listener, self._connections = listener, connections

    def serve(self):
        for answers in self._connections:
            connection, _ = self._listener.accept()
            self.requests.append([])
            with connection:
                for answer in answers:
                    request = self._whole_request(connection)
                    if request:
                        self.requests[-1].append(request)
                    if answer is CLOSE or not request:
                        break
                    connection.sendall(answer)
            self.closed.set()

    @staticmethod
    def _whole_request(connection):
        seen = b""
        while b"\r\n\r\n" not in seen:
            piece = connection.recv(65536)
            if not piece:
                return seen
            seen += piece
        head, _, body = seen.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


@contextmanager
def server(*connections):
    """Start a server that gives each of its connections some answers and then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = Told(listener, connections)
        threading.Thread(target=told.serve, daemon=True).start()
        yield told


def test_a_connection_is_used_again():
    with server([OK, OK, OK]) as told:
        client = Client(told.url, "Bearer x")
        client.get("/a")
        client.put("/b", b"data")
        assert client.post("/c", b"more") == {}
    assert len(told.requests) == 1
    first, second, third = told.requests[0]
    assert first.startswith(b"GET /a HTTP/1.1\r\n") and b"\r\nAuthorization: Bearer x\r\n" in first
    assert b"\r\nAccept-Encoding: identity\r\n" in first
    assert second.startswith(b"PUT /b ") and second.endswith(b"\r\n\r\ndata")
    assert third.startswith(b"POST /c ") and third.endswith(b"\r\n\r\nmore")


def test_a_body_may_lie_in_pieces_and_large_ones_are_not_put_together():
    body = b"header", memoryview(bytes(100_000)), b"", b"end"
    with server([OK]) as told:
        assert Client(told.url, "x").post("/instances", *body) == {}
    ((request,),) = told.requests
    assert b"\r\nContent-Length: 100009\r\n" in request
    assert request.endswith(b"\r\n\r\n" + b"".join(body))


def test_one_that_the_server_closed_meanwhile_is_not_used_again_not_even_for_a_post():
    with server([OK], [OK]) as told:
        client = Client(told.url, "x")
        client.get("/a")
        assert told.closed.wait(5)
        assert client.post("/b", b"") == {}
    assert [len(requests) for requests in told.requests] == [1, 1]


def test_bodies_may_come_in_chunks_or_end_with_the_connection_or_be_none():
    chunks = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    )
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    to_the_end = b"HTTP/1.1 200 OK\r\n\r\n[3]"
    first_wait = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
    with server([chunks, nothing, first_wait, to_the_end]) as told:
        client = Client(told.url, "x")
        assert client.get_json("/a") == [1, 2]
        with pytest.raises(ArchiveError, match="status 204"):
            client.get("/b")
        assert client.get_json("/c") == {}
        assert client.get_json("/d") == [3]
    assert [len(requests) for requests in told.requests] == [4]


def test_names_of_a_header_are_read_whatever_their_case():
    small = b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nX: y: z\r\n\r\n{}"
    with server([small, small]) as told:
        client = Client(told.url, "x")
        assert client.get_json("/a") == client.get_json("/b") == {}
    assert len(told.requests) == 1


def test_early_hints_before_an_answer_are_passed_over(monkeypatch):
    """Of 103 (early hints) the end was waited for, as long as the connection was silent."""
    monkeypatch.setattr(kept_connections, "_LONGEST_SILENCE", 5.0)
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with server([hints + hints + OK, OK]) as told:
        client = Client(told.url, "x")
        assert client.get_json("/a") == client.get_json("/b") == {}
    assert len(told.requests) == 1


def test_a_folded_field_names_no_other():
    folded = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n Content-Length: 1\r\n\r\n{}"
    with server([folded]) as told:
        assert Client(told.url, "x").get_json("/a") == {}


@pytest.mark.parametrize("field", [b"close", b"close\r\nConnection: keep-alive"])
def test_one_that_says_so_is_closed(field):
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: " + field + b"\r\n\r\n")
    with server([last, OK], [OK]) as told:
        client = Client(told.url, "x")
        client.get("/a")
        client.get("/b")
    assert [len(requests) for requests in told.requests] == [1, 1]


@pytest.mark.parametrize(
    "broken",
    [
        CLOSE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"?\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_changes_nothing_twice_is_sent_again_where_no_whole_answer_came(broken):
    with server([OK, broken], [broken], [OK]) as told:
        client = Client(told.url, "x")
        client.get("/a")
        client.put("/b", b"data")
    assert [len(requests) for requests in told.requests] == [2, 1, 1]


def test_it_is_given_up_after_three_tries():
    with server([CLOSE], [CLOSE], [CLOSE], [OK]) as told:
        with pytest.raises(ArchiveError, match="GET /a: RemoteDisconnected"):
            Client(told.url, "x").get("/a")
        assert len(told.requests) == 3


def test_a_post_is_never_sent_twice_but_a_question_is():
    with server([OK, CLOSE], [CLOSE], [OK]) as told:
        client = Client(told.url, "x")
        client.get("/a")
        with pytest.raises(ArchiveError, match="POST /instances: RemoteDisconnected"):
            client.post("/instances", b"file")
        assert [len(requests) for requests in told.requests] == [2]
        assert client.question("/tools/find", {"a": 1}) == {}
        assert [len(requests) for requests in told.requests] == [2, 1, 1]


def test_what_never_left_is_tried_again_also_if_it_is_a_post(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    kept = KeptConnections(f"http://127.0.0.1:{port}", {})
    connect, tries = socket.create_connection, []

    def refused_once(*to):
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionRefusedError
        return connect(*to)

    with socket.create_server(("127.0.0.1", port)) as listener:
        told = Told(listener, [[OK]])
        threading.Thread(target=told.serve, daemon=True).start()
        monkeypatch.setattr(socket, "create_connection", refused_once)
        assert kept.ask("POST", "/a", (), repeatable=False) == (200, b"{}")
        # Else the next one might still be sent on the connection that is kept.
        assert told.closed.wait(5)
    with pytest.raises(NoAnswerError, match="ConnectionRefusedError"):
        kept.ask("POST", "/a", (), repeatable=False)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/instances/a b", b"GET /instances/a%20b HTTP"),
        ("/instances/k\u00f6rper", b"GET /instances/k%C3%B6rper HTTP"),
        ("/instances/a\r\nX: y", b"GET /instances/a%0D%0AX:%20y HTTP"),
        ("/instances/a%20b?x=1&y", b"GET /instances/a%20b?x=1&y HTTP"),
    ],
)
def test_an_odd_path_is_escaped(path, sent):
    with server([OK]) as told:
        Client(told.url, "x").get(path)
    assert told.requests[0][0].startswith(sent)


def test_answers_are_told_apart():
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    body = b'{"OrthancStatus": 19}'
    full = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere\r\nContent-Length: 0\r\n\r\n"
    with server([missing, missing, full, busy, moved]) as told:
        client = Client(told.url, "x")
        with pytest.raises(NotFoundError):
            client.get("/a")
        client.delete("/a")
        with pytest.raises(StorageFullError):
            client.post("/instances", b"")
        for status in (503, 302):
            with pytest.raises(ArchiveError, match=f"GET /a: status {status}"):
                client.get("/a")
    assert len(told.requests) == 1


def test_the_environment_s_proxy_and_password_are_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("default login a password b")
    monkeypatch.setenv("HOME", str(tmp_path))
    with server([OK]) as told:
        Client(told.url, "mine").get("/a")
    assert b"Authorization: mine" in told.requests[0][0]
