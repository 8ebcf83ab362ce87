"""What helpers bring is taken of what was lent to them, and of nothing else."""

from types import SimpleNamespace

import pytest

from service.queue.leases import Answer, Leases
from service.queue.tasks import Kind, Priority
from unit.service.house import note


@pytest.fixture
def leases(house):
    unused = SimpleNamespace(make_tasks=lambda count: None)
    return Leases(
        house.settings, house.tasks, unused, house.annotator, house.annotations, SimpleNamespace()
    )


def forged(house):
    return {"i": Answer(note("i", "skull"), house.orthanc.versions["i"])}


def test_a_picture_that_just_came_in_is_not_for_a_helper_to_say(house, leases):
    """Anybody may call the route; a machine's answer would be as anybody pleases, in no trail."""
    house.tasks.ask_now(Kind.ANNOTATE, ["i"])
    assert set(leases.take(forged(house))) == {"i"}
    assert house.tasks.stands(Kind.ANNOTATE, "i")
    assert house.orthanc.annotation("i") is None


def test_an_answer_of_no_decoder_on_what_was_not_lent_changes_no_task(house, leases):
    house.tasks.ask_now(Kind.ANNOTATE, ["i"])
    before = house.tasks.standing_task(Kind.ANNOTATE, "i")
    assert set(leases.take({"i": Answer({"x": 1}, "file")})) == {"i"}
    assert house.tasks.standing_task(Kind.ANNOTATE, "i") == before


def test_what_was_lent_is_taken_once(house, leases):
    house.tasks.ask_now(Kind.ANNOTATE, ["i"], priority=Priority.BACKFILL)
    assert leases.lend(1, 60) == ["i"]
    assert leases.take(forged(house)) == {}
    assert house.orthanc.annotation("i")["examined"]["label"] == "skull"
    assert set(leases.take(forged(house))) == {"i"}
