"""That the clock was set back is noticed, once."""

import pytest

from service import clock as module
from service.clock import Clock


@pytest.fixture
def now(monkeypatch):
    """Give the time of the machine's clock and of the one that nobody sets."""
    now = {"time": 50_000.0, "monotonic": 7.0}
    monkeypatch.setattr(module.time, "time", lambda: now["time"])
    monkeypatch.setattr(module.time, "monotonic", lambda: now["monotonic"])
    return now


@pytest.mark.parametrize(
    ("jump", "back"), [(-3_600, 3_600), (-61, 61), (-59, 0), (0, 0), (3_600, 0)]
)
def test_a_clock_that_is_set_back_is_noticed_once(now, jump, back):
    clock = Clock()
    for name in now:
        now[name] += 10
    now["time"] += jump
    assert clock.set_back() == pytest.approx(back)
    assert clock.set_back() == 0


def test_it_is_noticed_however_much_time_passes_meanwhile(now):
    """The clock shows a later time than before, and yet was set back."""
    clock = Clock()
    now["monotonic"] += 7_200
    now["time"] += 3_600
    assert clock.set_back() == pytest.approx(3_600)
