"""What another site's page may ask for, and what is too long, is refused before it is read."""

import asyncio
import json

import pytest
from starlette.datastructures import Headers

from service.routes.guard import MAX_JSON, Guard, is_cross_site


def refused(**headers):
    return is_cross_site(Headers({name.replace("_", "-"): v for name, v in headers.items()}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "same-origin", "origin": "http://pacs"},
        {"sec_fetch_site": "same-origin", "sec_fetch_dest": "empty", "sec_fetch_mode": "cors"},
        {"origin": "http://pacs", "content_type": "application/json; charset=utf-8"},
        {"user_agent": "Mozilla/5.0 (Windows NT) WindowsPowerShell/5.1"},
        {"user_agent": "curl/8", "content_type": "application/x-www-form-urlencoded"},
        {"content_disposition": 'attachment; filename="film.dcm"'},
    ],
)
def test_scripts_and_our_own_pages_may(headers):
    assert not refused(**headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "content_type": "application/json"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://evil"},
        {"origin": "null", "content_type": "text/plain; x=application/json"},
        {"origin": "http://evil", "content_type": "multipart/form-data; boundary=x"},
        {"accept_language": "de"},
        {"referer": "http://evil/"},
        # All that is left of a form: Orthanc hands on its parts, without the request's own headers.
        {"content_disposition": 'Form-Data; name="f"; filename="a"'},
        # A link that was typed, opened from a mail, or followed on one of our own pages.
        {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "accept_language": "de"},
        {"sec_fetch_site": "same-origin", "sec_fetch_mode": "navigate"},
        {"sec_fetch_site": "same-origin", "sec_fetch_dest": "image"},
        {"sec_fetch_site": "none", "accept_language": "de"},
        # What stands in a page's source, however it came to stand there.
        {"sec_fetch_site": "same-origin", "sec_fetch_dest": "script"},
        {"sec_fetch_site": "same-origin", "sec_fetch_dest": "object"},
        {"sec_fetch_site": "none", "sec_fetch_dest": "embed"},
    ],
)
def test_another_site_s_page_may_not(headers):
    assert refused(**headers)


def answered(app, path="/bodypart/find", method="POST", **headers):
    """Send a request through the guard; return status, body, what was read of it, and the log."""
    sent, read, log = [], [], []

    async def receive():
        read.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }
    asyncio.run(Guard(app, 2, log.append)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"]), read, log


async def reads_all(_scope, receive, _send):
    await receive()
    raise AssertionError("this was let through")


async def answers(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def test_what_another_site_asks_for_is_refused_unread_unless_it_only_looks():
    status, body, read, _ = answered(reads_all, sec_fetch_site="cross-site")
    assert (status, body["error"]) == (403, "Forbidden")
    assert not read
    assert answered(answers, method="GET", sec_fetch_site="cross-site")[0] == 200


@pytest.mark.parametrize(
    ("path", "length"), [("/bodypart/find", MAX_JSON), ("/bodypart/classify", 2 * 2**20)]
)
def test_a_body_that_is_just_short_enough_is_taken(path, length):
    assert answered(answers, path, content_length=str(length))[0] == 200


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/bodypart/find", MAX_JSON + 1),
        ("/bodypart/backfill/results", 2**31),
        ("/bodypart/classify", 2 * 2**20 + 1),
        ("/bodypart/routes/test", 10**30),
    ],
)
def test_a_body_that_is_too_long_is_refused_by_its_length_and_not_read(path, length):
    status, body, read, _ = answered(reads_all, path, content_length=str(length))
    assert status == 413
    assert set(body) == {"error", "details"}
    assert not read


def test_an_error_that_nobody_foresaw_is_an_answer_and_a_line_without_values():
    """It used to end the connection, and the next request on it got 503."""

    async def fails(_scope, _receive, _send):
        raise OverflowError("Geheim^Vorname is too large")

    status, body, _, log = answered(fails)
    assert (status, body["details"]) == (500, "unexpected OverflowError")
    assert len(log) == 1
    assert "unexpected OverflowError in test_guard.py" in log[0]
    assert "Geheim" not in log[0]
