import hashlib
import hmac
import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import chain, repeat

import pytest

from bodypart.settings import SettingsError
from nodes import WebhookReceiver
from routed import DELIVERY, annotation
from service.deliveries.senders import SendError
from service.deliveries.webhook import WebhookSender, idempotency_key, pause_of, read_secret


@pytest.fixture
def receiver():
    found = WebhookReceiver()
    yield found
    found.close()


def test_a_webhook_is_told_ids_and_codes_signed(receiver):
    WebhookSender(receiver.url, b"secret").send(DELIVERY, annotation())
    ((headers, body),) = receiver.received
    told = json.loads(body)
    assert told["instance"] == "instance"
    assert told["examined"]["code"] == {"value": "72696002", "scheme": "SCT"}
    expected = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert headers["BodyPart-Signature"] == f"sha256={expected}"
    assert headers["Idempotency-Key"] == idempotency_key(replace(DELIVERY, attempts=5))


def test_no_text_of_a_header_leaves(receiver):
    note = annotation(header={"label": "knee", "evidence": [{"value": "DOE^JANE knee"}]})
    WebhookSender(receiver.url, None).send(DELIVERY, note)
    ((headers, body),) = receiver.received
    assert b"DOE" not in body
    assert "BodyPart-Signature" not in headers


def test_a_redirect_is_not_followed(receiver):
    other = WebhookReceiver()
    receiver.answers = [(307, {"Location": other.url})]
    with pytest.raises(SendError, match="307; redirects are not followed"):
        WebhookSender(receiver.url, None).send(DELIVERY, annotation())
    assert other.received == []
    other.close()


def test_a_proxy_of_the_environment_is_not_used(receiver, monkeypatch):
    proxy = WebhookReceiver()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    WebhookSender(receiver.url, None).send(DELIVERY, annotation())
    assert (len(receiver.received), len(proxy.received)) == (1, 0)
    proxy.close()


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [(503, {"Retry-After": "120"}, 120.0), (429, {}, 0.0), (500, {}, 0.0), (400, {}, 0.0)],
)
def test_an_answer_other_than_2xx_fails_the_delivery_and_retry_after_is_read(
    receiver, status, headers, pause
):
    receiver.answers = [(status, headers)]
    with pytest.raises(SendError, match=f"it answers {status}") as caught:
        WebhookSender(receiver.url, None).send(DELIVERY, annotation())
    assert caught.value.pause == pause


def test_a_receiver_that_is_down_fails_the_delivery(receiver):
    receiver.close()
    with pytest.raises(SendError, match="no answer"):
        WebhookSender(receiver.url, None).send(DELIVERY, annotation())


@contextmanager
def _raw(answer):
    """A receiver that answers with bytes, one piece after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(65536)
                        for piece in answer:
                            connection.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_body_is_not_waited_for():
    with _raw(chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(bytes(65536)))) as url:
        WebhookSender(url, None).send(DELIVERY, annotation())


def test_no_cookie_goes_back(receiver):
    """Each one was kept for ever, until receivers refused what was sent as too long."""
    receiver.answers = [(200, {"Set-Cookie": "one=1"}), (200, {})]
    sender = WebhookSender(receiver.url, None)
    for _ in range(2):
        sender.send(DELIVERY, annotation())
    assert "Cookie" not in receiver.received[1][0]


def test_retry_after_may_be_a_date_and_is_a_day_at_most():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < pause_of(soon) <= 60
    assert pause_of("99999999999") == 86_400
    assert pause_of("Fri, 01 Jan 1999 00:00:00 GMT") == 0
    assert pause_of("soon") == pause_of(None) == pause_of("-5") == 0


def test_the_secret_lies_in_a_file(tmp_path):
    file = tmp_path / "secret"
    assert read_secret("") is None
    for unusable in (str(file), "a\0b"):
        with pytest.raises(SettingsError, match=r"BodyPart\.WebhookSecretFile"):
            read_secret(unusable)
    file.write_bytes(b"\n")
    with pytest.raises(SettingsError, match="is empty"):
        read_secret(str(file))
    file.write_bytes(b"secret\n")
    assert read_secret(str(file)) == b"secret"


def test_a_receiver_is_verified_also_where_the_system_has_no_authorities(monkeypatch):
    nothing = ssl.get_default_verify_paths()._replace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    assert WebhookSender("https://localhost", None)._session.verify is True
