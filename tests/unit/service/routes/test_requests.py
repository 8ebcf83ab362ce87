"""What the routes share."""

import threading
from types import SimpleNamespace

import pytest

from service.routes import requests
from service.routes.requests import HttpError, one_at_a_time


def test_a_costly_question_waits_for_the_one_before_and_not_for_ever(monkeypatch):
    """Two seconds of numpy for a line of an address, as many at once as Orthanc has threads."""
    monkeypatch.setattr(requests, "_LONGEST_WAIT", 0.05)
    done = []

    def ask():
        try:
            with one_at_a_time():
                done.append("answered")
        except HttpError as error:
            done.append(error.status)

    with one_at_a_time():
        other = threading.Thread(target=ask)
        other.start()
        other.join()
    ask()
    assert done == [503, "answered"]


def test_a_costly_question_that_fails_lets_the_next_one_in():
    with pytest.raises(ValueError, match="x"), one_at_a_time():
        raise ValueError("x")
    with one_at_a_time():
        pass


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", None),
        ("*", None),
        ('"a1"', {"a1"}),
        ("a1", {"a1"}),
        ('W/"a1"', {"a1"}),
        ('"b2", W/"a1" ,"c,3"', {"a1", "b2", "c,3"}),
        (",", set()),
    ],
)
def test_any_tag_of_if_match_will_do(text, seen):
    """A list was taken for one tag, which is never that of an annotation."""
    asked = SimpleNamespace(headers={"if-match": text} if text else {})
    assert requests._seen_revisions(asked) == seen
