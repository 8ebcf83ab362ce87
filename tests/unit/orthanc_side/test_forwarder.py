"""Requests go to the service and back; never so many that Orthanc has no thread left for it."""

import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest

from orthanc_side.forwarder import Forwarder

PLUGIN = Path(__file__).resolve().parents[3] / "plugin"


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


@pytest.fixture
def service(tmp_path):
    """A service that tells what it was asked; it holds every request while `gate` is closed."""
    gate = threading.Event()
    gate.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self):
            return "orthanc"

        def log_message(self, *_):
            pass

        def _answer(self):
            gate.wait(10)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.dumps(
                {
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": self.rfile.read(length).decode(),
                }
            ).encode()
            self.send_response(201 if self.command == "POST" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"seen"')
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 (http.server's names)

    path = str(tmp_path / "socket")
    with _Server(path, Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield path, gate
        gate.set()
        server.shutdown()


def ask(forwarder, method="GET", path="/bodypart/status", query=None, headers=None, body=b""):
    request = {"method": method, "get": query or {}, "headers": headers or {}, "body": body}
    return forwarder.forward(path, request)


def test_a_request_arrives_as_it_was_sent(service):
    forwarder = Forwarder(lambda: (service[0], ""), 50)
    answer = ask(
        forwarder,
        "POST",
        "/bodypart/find",
        {"a": "%6Bnee", "b": "x+y"},
        {"Authorization": "Basic eA==", "If-Match": '"r"', "X-Evil": "1"},
        b'{"Examined": "knee"}',
    )
    assert (answer.status, answer.content_type) == (201, "application/json")
    assert {name.lower(): value for name, value in answer.headers.items()}["etag"] == '"seen"'
    seen = json.loads(answer.body)
    assert seen["path"] == "/bodypart/find?a=%6Bnee&b=x+y"
    assert seen["body"] == '{"Examined": "knee"}'
    assert seen["headers"]["authorization"] == "Basic eA=="
    assert seen["headers"]["if-match"] == '"r"'
    assert "x-evil" not in seen["headers"]


def test_what_the_service_judges_a_request_by_arrives(service):
    """Its guard against other sites' pages would let through what it does not see."""
    judged = {
        *("content-type", "origin", "referer", "accept-language"),
        *("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"),
    }
    answer = ask(Forwarder(lambda: (service[0], ""), 50), headers=dict.fromkeys(judged, "x"))
    assert judged <= json.loads(answer.body)["headers"].keys()


def test_some_threads_of_orthanc_always_stay_free(service):
    path, gate = service
    forwarder = Forwarder(lambda: (path, ""), 8)
    gate.clear()
    with ThreadPoolExecutor(20) as pool:
        began = time.monotonic()
        asked = [pool.submit(ask, forwarder) for _ in range(20)]
        refused = [future for future in asked if _ended(future, began + 3)]
        assert len(refused) == 20 - 6
        for future in refused:
            answer = future.result()
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
            assert set(json.loads(answer.body)) == {"error", "details"}
        gate.set()
        assert [f.result().status for f in asked if f not in refused] == [200] * 6
    assert ask(forwarder).status == 200


def test_without_a_service_it_is_told_why():
    forwarder = Forwarder(lambda: (None, "it is starting"), 50)
    status = ask(forwarder)
    assert status.status == 200
    told = json.loads(status.body)
    assert (told["ready"], told["reason"]) == (False, "it is starting")
    assert told.keys() >= {"version", "orthanc", "model", "provider", "queue"}
    answer = ask(forwarder, "PUT", "/bodypart/instances/x")
    assert answer.status == 503
    assert json.loads(answer.body)["details"] == "it is starting"


def test_a_service_that_is_gone_is_told_and_the_next_one_is_asked(service, tmp_path):
    where = [str(tmp_path / "nowhere")]
    forwarder = Forwarder(lambda: (where[0], ""), 50)
    assert ask(forwarder).status == 503
    where[0] = service[0]
    assert ask(forwarder).status == 200


SENT = {"name": "Müller & Co", "a&b=c%41+ d": "50 % + x=y;#", "größe": "", "e\n": "\u2028"}


@pytest.mark.parametrize("decoded", [True, False], ids=["1.13", "before"])
def test_a_query_s_names_and_values_arrive_as_they_were_sent(service, decoded):
    given = SENT if decoded else dict(urlencode([pair]).split("=") for pair in SENT.items())
    answer = ask(Forwarder(lambda: (service[0], ""), 50, decoded=decoded), query=given)
    path, _, query = json.loads(answer.body)["path"].partition("?")
    assert path == "/bodypart/status"
    assert dict(parse_qsl(query, keep_blank_values=True)) == SENT


def test_what_a_client_did_not_encode_arrives_too(service):
    """Orthanc before 1.13 hands bytes beyond ASCII on as they came."""
    answer = ask(Forwarder(lambda: (service[0], ""), 50), query={"größe": 'Müller "x" a%2Bb'})
    query = json.loads(answer.body)["path"].partition("?")[2]
    assert parse_qsl(query) == [("größe", 'Müller "x" a+b')]


@pytest.fixture
def answering(tmp_path):
    """Have a service answer one request with these bytes, and end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "one"))
    listener.listen()

    def ask_one(answer, body=b""):
        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)  # What is left of the request is never read.

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return ask(Forwarder(lambda: (str(tmp_path / "one"), ""), 50), body=body)
        finally:
            thread.join()

    yield ask_one
    listener.close()


CHUNKED = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"c\r\nid,part\r\n1,k\r\n3\r\nnee\r\n0\r\n\r\n"
)
COUNTED = b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone"
WITHOUT_A_BODY = b'HTTP/1.1 304 Not Modified\r\netag: "r"\r\n\r\n'
TO_ITS_END = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nInvalid HTTP request received."


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (CHUNKED, 200, b"id,part\r\n1,knee"),
        (COUNTED, 404, b"none"),
        (WITHOUT_A_BODY, 304, b""),
        (TO_ITS_END, 400, b"Invalid HTTP request received."),
    ],
)
def test_an_answer_is_read_whole_however_long_it_says_to_be(answering, answer, status, body):
    answered = answering(answer)
    assert (answered.status, answered.body) == (status, body)
    assert "transfer-encoding" not in answered.headers


@pytest.mark.parametrize("length", [300_000, 5_000_000])
def test_a_refusal_arrives_though_nobody_read_all_that_was_refused(answering, length):
    """A file too long, or of another site, would be sent again and again, were it told 503."""
    assert answering(COUNTED, b"x" * length).status == 404


@pytest.mark.parametrize(
    "answer",
    [
        *(CHUNKED[:-n] for n in (5, 7, 9, 12, 30)),
        *(COUNTED[:-n] for n in (1, 4, 10, len(COUNTED))),
        WITHOUT_A_BODY[:-2],
    ],
)
def test_an_answer_that_is_cut_short_is_none(answering, answer):
    """Half an export that looks whole would be taken for all."""
    answered = answering(answer)
    assert answered.status == 503
    assert "did not answer" in json.loads(answered.body)["details"]


def test_a_header_brings_no_other_one_with_it(service):
    with pytest.raises(ValueError, match="several lines"):
        ask(Forwarder(lambda: (service[0], ""), 50), headers={"Origin": "x\r\nAuthorization: y"})


def _ended(future, until):
    while not future.done() and time.monotonic() < until:
        time.sleep(0.01)
    return future.done()


def test_the_service_is_found_in_a_folder_with_an_umlaut_where_orthanc_has_no_locale(tmp_path):
    """A system service has none, and Python in Orthanc then takes names for ASCII."""
    program = """
import sys
from orthanc_side.forwarder import Forwarder
assert sys.getfilesystemencoding() == "ascii"
forwarder = Forwarder(lambda: (b"%s/\\xc3\\xbc".decode(), ""), 50)
answer = forwarder.forward("/bodypart/labels", {"method": "GET", "headers": {}})
assert b"FileNotFoundError" in answer.body, answer
"""
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(PLUGIN)}
    command = [sys.executable, "-X", "utf8=0", "-c", program.replace("%s", str(tmp_path))]
    subprocess.run(command, check=True, timeout=60, env=environment)
