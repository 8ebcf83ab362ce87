"""What looks through the archive, around the house."""

import pytest

from service.errors import ArchiveError
from service.records.facts import Facts
from service.work.annotating import Annotating
from service.work.backfill import Backfill
from service.work.follow_ups import FollowUps
from service.work.sweep import Sweep


@pytest.fixture
def facts(house):
    return Facts(house.durable, {"installed": "20260601T000000"})


@pytest.fixture
def sweep(house, facts):
    return Sweep(
        house.orthanc,
        house.records,
        house.annotator,
        facts,
        live=True,
        log=house.lines.append,
    )


@pytest.fixture
def backfill(house, facts, sweep):
    return Backfill(house.orthanc, house.index, house.tasks, facts, sweep, house.lines.append)


@pytest.fixture
def follow_ups(house):
    return FollowUps(house.tasks, house.roll_ups, house.in_place, None, house.lines.append)


@pytest.fixture
def annotating(house, follow_ups):
    return Annotating(
        house.settings,
        house.tasks,
        house.annotator,
        house.reviewer,
        follow_ups,
        house.lines.append,
    )


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr("service.work.sweep._ANEW_AFTER", (0.0, 0.0))


@pytest.fixture(params=[ArchiveError("status 500"), ValueError("a patient's name")])
def broken(house, request, monkeypatch):
    """Give an instance that Orthanc cannot tell of, and what mends it."""
    house.orthanc.arrive("broken", b"file")
    with monkeypatch.context() as wrong:
        for name in ("glance", "annotation", "stored_file"):
            ask = getattr(house.orthanc, name)

            def fails(asked, *level, _ask=ask):
                if "broken" in asked:
                    raise request.param
                return _ask(asked, *level)

            wrong.setattr(house.orthanc, name, fails)
        yield wrong.undo


class Trouble:
    """Lets a number of questions to Orthanc fail."""

    def __init__(self, ask, times):
        self._ask, self._left = ask, times
        self.asked = 0

    def __call__(self, *values):
        self.asked += 1
        self._left -= 1
        if self._left >= 0:
            raise ArchiveError("away")
        return self._ask(*values)


@pytest.fixture
def trouble(house, monkeypatch):
    """Return a function that lets the first of some questions to Orthanc fail."""

    def made(question, times):
        found = Trouble(getattr(house.orthanc, question), times)
        monkeypatch.setattr(house.orthanc, question, found)
        return found

    return made
