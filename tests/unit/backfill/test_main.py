"""The command as a whole: how it ends, what it says last, and that it leaves nothing behind."""

import io
import re
import signal
import threading
from types import SimpleNamespace

import pytest

from backfill import __main__ as module
from backfill.driver import Tally
from backfill.errors import AwayError, GoneError, MismatchError, UnreadableError
from backfill.options import MODEL, Options, Order
from backfill.progress import Progress
from backfill.reference import Reference
from unit.backfill.archive import USUAL, archive


@pytest.fixture
def command(monkeypatch, capsys):
    """Give a function that runs the command around something in the place of its work."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}

    def run(work):
        monkeypatch.setattr(module, "parse", lambda: Options(Order("http://o"), 1, None))
        monkeypatch.setattr(module, "run", lambda *_: work())
        return module.main(), capsys.readouterr().err

    yield run
    for name, handler in before.items():
        signal.signal(name, handler)


def failing(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize("error", [AwayError, MismatchError, UnreadableError, GoneError])
def test_why_it_cannot_go_on_is_the_last_line(command, error):
    assert command(failing(error("it is so"))) == (1, "backfill: it is so\n")


def test_its_end_is_told(command):
    status, said = command(lambda: Tally(taken=1, state="done"))
    assert (status, said[:29]) == (0, "done: 1 instances annotated f")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("waits", [True, False])
def test_who_stops_it_is_told_how_it_goes_on(command, name, waits):
    def work():
        signal.raise_signal(name)
        if waits:  # For an Orthanc that is away: that is not why it ends.
            raise AwayError
        return Tally()

    assert command(work) == (130, "stopped; the same command goes on from here\n")


def test_who_stops_it_twice_waits_for_nothing(command, monkeypatch):
    monkeypatch.setattr(module.os, "_exit", lambda status: failing(SystemExit(status))())

    def work():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(SystemExit) as ended:
        command(work)
    assert ended.value.code == 130


class Crew:
    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


def led(monkeypatch, state, work):
    """Run the back-fill with a driver that does something else; return what was asked and said."""
    crew, checked = Crew(), []
    monkeypatch.setattr(Reference, "check_model", lambda _, file: checked.append(str(file)))
    monkeypatch.setattr(module, "_crew", lambda *_: crew)
    monkeypatch.setattr(module, "Driver", lambda *_: SimpleNamespace(run=work))
    progress = Progress(stream := io.StringIO())
    with archive({**USUAL, "/bodypart/backfill": (200, {"state": state})}) as (there, asked):
        try:
            module.run(Options(Order(there), 1, None), progress, threading.Event())
        finally:
            assert crew.closed == 1
            assert checked == [MODEL]
    return [path for path, _ in asked if path == "/bodypart/backfill"], stream.getvalue()


@pytest.mark.parametrize(("state", "requests"), [("running", 1), ("idle", 2), ("cancelled", 2)])
def test_a_back_fill_that_runs_is_not_begun_anew(monkeypatch, state, requests):
    asked, said = led(monkeypatch, state, Tally)
    assert len(asked) == requests
    assert said == ""


def test_who_may_be_listened_to_is_told(monkeypatch):
    monkeypatch.setattr(module, "unprotected", lambda _: True)
    assert "is not encrypted: pictures and password" in led(monkeypatch, "running", Tally)[1]


@pytest.mark.parametrize(("workers", "hired"), [(0, 3), (7, 7)])
def test_this_machine_has_a_worker_for_each_processor_that_it_may_use(monkeypatch, workers, hired):
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1, 5})
    monkeypatch.setattr(module, "LocalCrew", lambda _, count, __: count)
    order = Options(Order("http://o"), workers, None)
    assert module._crew(order, Progress(io.StringIO())) == hired


@pytest.mark.parametrize(("processors", "told"), [(2, "has 2 processors for 3 workers"), (3, "")])
def test_workers_of_a_cluster_that_wait_for_a_machine_are_told(monkeypatch, processors, told):
    crew = SimpleNamespace(workers=3, processors=processors)
    monkeypatch.setattr("backfill.cluster.RayCrew", lambda *_: crew)
    progress = Progress(stream := io.StringIO())
    assert module._crew(Options(Order("http://o"), 3, "auto"), progress) is crew
    assert told in stream.getvalue() and bool(told) == bool(stream.getvalue())


def test_its_workers_end_with_it_whatever_ends_it(monkeypatch):
    with pytest.raises(MismatchError):
        led(monkeypatch, "running", failing(MismatchError("another")))


@pytest.mark.parametrize(
    ("tally", "told"),
    [
        (Tally(1234, 0, "done"), "done: 1,234 instances annotated from here, 12.3 a second"),
        (Tally(0, 0, "done"), "nothing was left to do"),
        (Tally(7, 0, "cancelled"), "the back-fill was cancelled there; 7 instances annotated"),
        (Tally(0, 1, "done"), "done: 0 instances .* second, 1 had an answer by then or were gone"),
    ],
)
def test_the_last_line_tells_what_came_of_it(monkeypatch, tally, told):
    progress = Progress(io.StringIO())
    monkeypatch.setattr(progress, "rate_of_all", lambda: 12.34)
    assert re.match(told, module.summary(tally, progress))
