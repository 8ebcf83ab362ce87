"""What the person reads who started the command, in a terminal or in a file."""

import io

import pytest

from backfill import progress as module
from backfill.progress import Progress, _duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Give a list whose only number is the time."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_file_gets_a_line_every_ten_seconds_with_the_rate_of_the_last_thirty(clock):
    progress = Progress(stream := io.StringIO())
    for seconds, taken in ((5, 500), (5, 0), (9, 0), (21, 30), (10, 10)):
        clock[0] += seconds
        progress.add(taken)
        progress.show(total=10_000, pending=10_000 - progress.taken, workers=2)
    assert stream.getvalue().splitlines() == [
        "500 of 10,000, 50.0 a second by 2 workers, 3 min left",
        "530 of 10,000, 13.2 a second by 2 workers, 12 min left",
        "540 of 10,000, 1.0 a second by 2 workers, 3 h left",
    ]
    assert progress.rate_of_all() == 540 / 50


@pytest.mark.parametrize(("taken", "pending"), [(0, 7), (7, 0)])
def test_where_nothing_is_left_or_nothing_known_no_time_is_told(clock, taken, pending):
    progress = Progress(stream := io.StringIO())
    clock[0] += 10
    progress.add(taken)
    progress.show(total=7, pending=pending, workers=1)
    assert stream.getvalue() == f"{taken} of 7, {taken / 10} a second by 1 worker\n"


def test_a_terminal_s_line_is_written_over_and_makes_way_for_what_stays(clock):
    progress = Progress(stream := Terminal())
    for total in (1_000_000, 9):
        clock[0] += 0.5
        progress.show(total=total, pending=0, workers=1)
    progress.say("a worker is lost")
    long, short = (
        "1,000,000 of 1,000,000, 0.0 a second by 1 worker",
        "9 of 9, 0.0 a second by 1 worker",
    )
    assert stream.getvalue().split("\r") == [
        "",
        long,
        short.ljust(len(long)),
        " " * len(short),
        "a worker is lost\n",
    ]
    progress.say("another")
    assert stream.getvalue().endswith("lost\nanother\n")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (29.4, "29 s"),
        (31, "1 min"),
        (119 * 60, "119 min"),
        (120 * 60, "2 h"),
        (95 * 3600, "95 h"),
        (96 * 3600, "4 days"),
    ],
)
def test_how_long_it_takes_is_told_in_few_digits(seconds, told):
    assert _duration(seconds) == told
