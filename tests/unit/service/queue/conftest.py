"""What looks through the archive, around the house."""

import pytest

from service.queue.backfill import Backfill
from service.queue.sweep import Sweep
from service.records.facts import Facts


@pytest.fixture
def facts(house):
    return Facts(house.durable, {"installed": "20260601T000000"})


@pytest.fixture
def sweep(house, facts):
    return Sweep(
        house.orthanc,
        house.index,
        house.tasks,
        house.annotations,
        house.annotator,
        facts,
        live=True,
        log=house.lines.append,
    )


@pytest.fixture
def backfill(house, facts, sweep):
    return Backfill(house.orthanc, house.index, house.tasks, facts, sweep, house.lines.append)
