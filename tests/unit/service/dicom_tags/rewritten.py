"""Files as they are rewritten, without an answer or up to a kill."""

import pytest

from service.errors import ArchiveError
from service.queue.tasks import Kind
from unit.service.house import House


def tags(house):
    return house.orthanc.annotation("i")["tags"]


def write_roll_ups(house):
    while task := house.claim_due(Kind.ROLL_UP):
        house.roll_ups.write([task])
        house.tasks.finish(task)


def rewrite_without_answer(house):
    """Rewrite a file, but for the answer of Orthanc, which is lost; return the task."""

    def lose():
        house.orthanc.after_store = lambda: None
        raise ArchiveError("POST /instances: Timeout")

    house.orthanc.after_store = lose
    task = house.claim(Kind.REWRITE)
    with pytest.raises(ArchiveError):
        house.in_place.rewrite(task)
    return task


def killed(house, moment="after_store"):
    """Kill the service as it rewrites the file, before or after Orthanc has stored it.

    Or ``after_end``: all is given back, and the backup is dropped.
    """
    with pytest.MonkeyPatch.context() as patch:
        if moment == "after_end":
            drop = house.backups.drop
            patch.setattr(house.backups, "drop", lambda instance: die(drop(instance)))
        else:
            patch.setattr(house.orthanc, moment, die)
        with pytest.raises(KeyboardInterrupt):
            house.in_place.rewrite(house.claim(Kind.REWRITE))


def after_a_kill(annotated, tmp_path):
    """Return the house after a kill between the store of a rewrite and what follows it."""
    annotated.orthanc.set_metadata("instances", "i", "Ours", "kept")
    killed(annotated)
    return House(tmp_path, annotated.orthanc)


def die(*_):
    raise KeyboardInterrupt
