"""What is not as it should be is named; what passes is waited for."""

import base64
import hashlib
import socket
import subprocess
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest
import urllib3

from backfill import connection as module
from backfill.connection import Connection
from backfill.errors import (
    AwayError,
    GoneError,
    MismatchError,
    RefusedError,
    UnreadableError,
    UsageError,
)
from backfill.options import Order
from backfill.reference import Reference, first_contact
from orthanc_server import free_port
from service.errors import ArchiveError
from service.orthanc_api.client import Client
from unit.backfill.archive import MODEL, REFERENCE, USUAL, archive


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(module, "_PAUSES", (0.0,))


def contact(answers):
    with archive({**USUAL, **answers}) as (url, _):
        return first_contact(Connection(Order(url)))


def test_the_usual_service_is_accepted():
    assert contact({}).model == MODEL


@pytest.mark.parametrize(
    ("answers", "error", "named"),
    [
        ({"/system": (401, b"")}, RefusedError, "401"),
        ({"/system": (403, b"")}, RefusedError, "403"),
        ({"/system": (200, b"<html>")}, RefusedError, "is it an Orthanc"),
        ({"/system": (200, {"some": "thing"})}, RefusedError, "no Orthanc"),
        ({"/system": (404, b"")}, RefusedError, "no Orthanc"),
        ({"/system": (301, b"")}, RefusedError, "301"),
        ({"/bodypart/status": (404, b"")}, RefusedError, "without orthanc-bodypart"),
        (
            {
                "/bodypart/status": (200, {"version": "0.1"}),
                "/bodypart/backfill/helper": (404, b""),
            },
            RefusedError,
            "orthanc-bodypart 0.1 .* takes no help",
        ),
        (
            {"/bodypart/backfill/helper": (200, {**REFERENCE, "version": "9.9"})},
            MismatchError,
            "9.9",
        ),
        (
            {"/bodypart/backfill/helper": (200, {**REFERENCE, "error_rates": "0" * 64})},
            MismatchError,
            "error rates .*error_rates.json",
        ),
        (
            {"/bodypart/backfill/helper": (503, {"error": "Engine down", "details": "no model"})},
            AwayError,
            "503: no model",
        ),
    ],
)
def test_what_is_wrong_at_the_first_contact_is_named(answers, error, named):
    with pytest.raises(error, match=named):
        contact(answers)


def test_nobody_there_is_told_at_once():
    with pytest.raises(AwayError, match=r"connection refused$"):
        first_contact(Connection(Order(f"http://127.0.0.1:{free_port()}")))
    for name in ("nobody.invalid", "no body", "no..body", "nobody" * 20):
        with pytest.raises(AwayError, match=r"no machine of that name$"):
            first_contact(Connection(Order(f"http://{name}:8042")))


def test_http_where_https_is_typed_is_told():
    with (
        archive(USUAL) as (url, _),
        pytest.raises(RefusedError, match="does not speak HTTPS"),
    ):
        first_contact(Connection(Order(url.replace("http", "https"))))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate of the machine ``localhost``, with its key."""
    file = tmp_path_factory.mktemp("tls") / "orthanc.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(file), "-out", str(file.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


def test_a_certificate_is_checked_and_may_be_orthanc_s_own(certificate):
    with archive(USUAL, certificate) as (url, _):
        named = url.replace("127.0.0.1", "localhost")
        with pytest.raises(RefusedError, match=r"not trusted here \(self-signed .*use --authority"):
            first_contact(Connection(Order(named)))
        trusted = str(certificate.with_suffix(".crt"))
        assert first_contact(Connection(Order(named, authority=trusted))).model == MODEL
        with pytest.raises(
            RefusedError, match=r"another machine's certificate: IP address mismatch"
        ):
            first_contact(Connection(Order(url, authority=trusted)))
        plain = url.replace("https", "http")
        with pytest.raises(AwayError, match=r"broke off \(is it https://\?\)$"):
            first_contact(Connection(Order(plain)))


@pytest.mark.parametrize("option", ["authority", "certificate"])
def test_a_file_without_a_certificate_is_named(tmp_path, option):
    none = tmp_path / "none.pem"
    none.write_text("none")
    with pytest.raises(UsageError, match="holds no certificate"):
        Connection(Order("https://orthanc", **{option: str(none)}))


def test_the_service_pins_orthanc_s_certificate_whatever_machine_it_names(certificate):
    with archive({"/x": (200, {"a": 1})}, certificate) as (url, _):
        own = certificate.with_suffix(".crt")
        assert Client(url, "token", certificate=own).get_json("/x") == {"a": 1}
        with pytest.raises(ArchiveError, match="SSLCertVerificationError"):
            Client(url, "token").get_json("/x")


def test_later_it_waits_and_tells_why_and_that_it_goes_on():
    told = []
    busy = (503, {"error": "Engine down", "details": "the service starts"})
    with archive({"/x": [busy, busy, (200, {"a": 1})]}) as (url, asked):
        connection = Connection(Order(url), threading.Event(), told.append)
        assert connection.get("/x") == {"a": 1}
        assert connection.post("/x", {}) == {"a": 1}
        assert asked[-1][1]["content-type"] == "application/json"
    assert told == [f"{url} answers 503: the service starts"] * 2 + [None]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_waited_for(status):
    with archive({"/x": [(status, b"<html>"), (200, {"a": 1})]}) as (url, asked):
        assert Connection(Order(url)).get("/x") == {"a": 1}
        assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "body", "error", "told"),
    [
        (
            409,
            {"error": "Another model", "details": "model: x"},
            RefusedError,
            "/x (409): model: x",
        ),
        (400, {"Message": "Bad file format"}, RefusedError, "/x (400): Bad file format"),
        (413, ["a list"], RefusedError, "refuses GET /x (413)"),
        (422, {"details": "x" * 400}, RefusedError, f"(422): {'x' * 300}"),
        (401, {}, RefusedError, "(401): use --credentials FILE"),
        (403, {}, RefusedError, "does not allow this user to GET /x (403)"),
        (404, {}, GoneError, "has no /x"),
        (500, {"details": "why"}, RefusedError, "failed at GET /x (500): why"),
        (502, {}, AwayError, "answers 502"),
    ],
)
def test_what_is_answered_instead_is_told(status, body, error, told):
    with archive({"/x": (status, body)}) as (url, _):
        with pytest.raises(error) as caught:
            Connection(Order(url)).once("/x")
        assert str(caught.value).startswith(url)
        assert str(caught.value).endswith(told)


def test_a_connection_that_breaks_off_or_takes_too_long_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        order = Order(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with monkeypatch.context() as hasty, pytest.raises(AwayError, match="it took too long"):
            hasty.setattr(module, "_TIMEOUT", 0.05)
            Connection(order).once("/x")

        def hang_up():
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(AwayError, match="the connection broke off"):
            Connection(order).once("/x")


def test_a_network_that_does_not_reach_there_is_told(monkeypatch):
    why = urllib3.exceptions.NewConnectionError(None, "[Errno 113] No route to host")
    late = urllib3.exceptions.ConnectTimeoutError(None, "timed out")
    tls = urllib3.exceptions.SSLError("EOF occurred in violation of protocol")
    broken = urllib3.exceptions.ProtocolError("Connection aborted.")
    for error, told in (
        (why, "network does not reach it$"),
        (late, "not be connected to in time$"),
        (tls, "^the TLS connection to https://orthanc failed$"),
        (broken, "the connection broke off$"),
    ):
        connection = Connection(Order("https://orthanc"))
        pool = SimpleNamespace(request=failing(error), headers={})
        monkeypatch.setattr(connection, "_pool", pool)
        with pytest.raises(AwayError, match=told):
            connection.once("/x")


@pytest.mark.parametrize("why", ["certificate has expired", "certificate is not yet valid"])
def test_a_certificate_that_is_not_valid_now_is_told_as_that(monkeypatch, why):
    """Advice to trust it helped nobody: it must be renewed, or the clock be set."""
    said = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why} (_ssl.c:992)"
    connection = Connection(Order("https://orthanc"))
    pool = SimpleNamespace(request=failing(urllib3.exceptions.SSLError(said)), headers={})
    monkeypatch.setattr(connection, "_pool", pool)
    with pytest.raises(RefusedError, match=rf"is not valid now: {why}$"):
        connection.once("/x")


def failing(error):
    def request(*_, **__):
        raise error

    return request


def test_what_is_to_stop_does_not_wait():
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(AwayError):
        Connection(Order(f"http://127.0.0.1:{free_port()}"), stopping).get("/x")


def test_a_file_that_is_gone_or_cannot_be_read_does_not_hold_up_the_others():
    answers = {"/instances/a": (200, {"FileUuid": "f"}), "/instances/a/file": (500, b"")}
    with archive(answers) as (url, asked):
        connection = Connection(Order(url))
        with pytest.raises(UnreadableError):
            connection.file("a")
        assert len(asked) == 4
        with pytest.raises(GoneError):
            connection.file("b")


def test_an_instance_that_orthanc_fails_to_describe_does_not_hold_up_the_others():
    stopping = threading.Event()
    limit = threading.Timer(5.0, stopping.set)
    limit.start()
    with archive({"/instances/a": (500, b"")}) as (url, asked):
        with pytest.raises(UnreadableError):
            Connection(Order(url), stopping).file("a")
        assert len(asked) == 3
    limit.cancel()


def test_files_come_uncompressed_and_with_the_password(tmp_path):
    (tmp_path / "c").write_text("änn:€ecret", encoding="utf-8")
    answers = {"/instances/a": (200, {"FileUuid": "f"}), "/instances/a/file": (200, b"DICM")}
    with archive(answers) as (url, asked):
        assert Connection(Order(url, str(tmp_path / "c"))).file("a") == (b"DICM", "f")
    for _, headers in asked:
        assert headers["accept-encoding"] == "identity"
        assert base64.b64decode(headers["authorization"][6:]) == "änn:€ecret".encode()


def test_another_model_is_refused_with_both_digests(tmp_path):
    model = tmp_path / "own.onnx"
    model.write_bytes(b"own")
    own = hashlib.sha256(b"own").hexdigest()
    Reference({**MODEL, "sha256": own}, {}, None, None).check_model(model)
    with pytest.raises(MismatchError, match=rf"{own[:12]}.* m 1 with 0{{12}}….*--model"):
        Reference(MODEL, {}, None, None).check_model(model)
