import time
from datetime import datetime

import pytest

from service.deliveries.windows import Window, WindowError


def at(text):
    return datetime.fromisoformat(f"2026-11-{text}")


def test_always_is_no_window():
    assert Window.parse("always") is None


@pytest.mark.parametrize("text", ["", "22-06", "22:00", "22:00-22:00", "25:00-06:00", 5, None])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(WindowError):
        Window.parse(text)


@pytest.mark.parametrize(
    ("text", "time", "is_open"),
    [
        ("22:00-06:00", "28T22:00", True),
        ("22:00-06:00", "28T03:00", True),
        ("22:00-06:00", "28T06:00", False),
        ("22:00-06:00", "28T21:59:59", False),
        ("08:00-17:30", "28T17:29:59", True),
        ("08:00-17:30", "28T17:30", False),
        ("08:00-17:30", "28T08:00", True),
        ("08:00-17:30", "28T00:00", False),
    ],
)
def test_a_window_may_span_midnight(text, time, is_open):
    assert Window.parse(text).is_open(at(time)) is is_open


@pytest.mark.parametrize(
    ("text", "time", "opening"),
    [
        ("22:00-06:00", "28T12:00", "28T22:00"),
        ("22:00-06:00", "28T23:00", "28T23:00"),
        ("08:00-17:30", "28T18:00", "29T08:00"),
        ("08:00-17:30", "28T07:00", "28T08:00"),
    ],
)
def test_the_next_opening_is_now_or_later(text, time, opening):
    assert Window.parse(text).next_open(at(time)) == at(opening)


def test_in_the_hour_that_the_end_of_summer_time_repeats_an_opening_is_still_to_come(monkeypatch):
    """One that lay in the past made the courier look again at once, for as long as it took."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        now = datetime.fromtimestamp(datetime.fromisoformat("2026-10-25T01:10Z").timestamp())
        assert (now.hour, now.minute) == (2, 10)
        opening = Window.parse("02:30-05:00").next_open(now)
        waited = opening.timestamp() - now.timestamp()
    time.tzset()
    assert waited == 20 * 60
