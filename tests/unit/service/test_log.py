"""What comes again and again is told ever more seldom, and everything is told once."""

import pytest

from service import log as module
from service.errors import UnreachableError
from service.lasting import kind_and_place
from service.log import Log


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def lines():
    return []


@pytest.fixture
def log(lines):
    return Log(lambda message: lines.append(message["log"]))


def test_a_database_that_is_away_for_a_night_does_not_fill_the_log(log, lines, clock):
    """A minute of it were some hundred lines a node."""
    for _ in range(8 * 3600):
        for _ in range(4):
            log("the queue failed")
        clock.now += 1
    assert lines[:2] == [
        "the queue failed",
        "the queue failed (39 times more since it was told last)",
    ]
    assert len(lines) < 60
    log("instance 5 failed")
    assert lines[-1] == "instance 5 failed"


def test_what_comes_again_after_a_while_is_told_at_once(log, lines, clock):
    for _ in range(3):
        log("the queue failed")
        clock.now += 60
    assert lines == ["the queue failed"] * 3


def test_it_remembers_no_more_lines_than_it_must(log, lines, clock):
    for number in range(5000):
        log(f"instance {number} failed")
        clock.now += 1
    assert len(lines) == 5000
    assert len(log._silences) <= module._MOST_LINES


def test_errors_of_ours_say_what_they_are():
    """It named a line of our source, and not what an operator could do about it."""
    error = UnreachableError("connection to server at 10.0.0.5 failed")
    assert kind_and_place(error) == str(error)
    assert "cannot be reached" in str(error)
    assert "10.0.0.5" not in str(error)
