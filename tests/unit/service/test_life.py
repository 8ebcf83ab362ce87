"""What the parts of a service know of each other."""

import threading
from types import SimpleNamespace

import pytest

from service.errors import ArchiveError
from service.life import Life
from service.main import Service
from service.queue.tasks import Kind, Mode
from unit.service.house import House


def test_what_waits_for_its_overwrite_backup_is_not_gone_though_in_place_is_off(house, tmp_path):
    """A start that could not give it back: its delivery was cancelled, as if it were removed."""

    def die():
        raise KeyboardInterrupt

    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.after_store = die
    with pytest.raises(KeyboardInterrupt):
        house.in_place.rewrite(house.claim(Kind.REWRITE))
    assert house.orthanc.annotation("i") is None
    after = House(tmp_path, house.orthanc, tags="none")
    service = SimpleNamespace(
        archive=house.orthanc, rewriter=after.in_place, in_place=None, stopping=threading.Event()
    )
    assert Life(service)._is_away("i")
    assert Service.annotation(service, "i")["examined"]["label"] == "hand"


def test_the_overwrite_backup_of_a_deleted_instance_is_dropped(house):
    """It was until the next start: a delivery waited for the instance to return."""

    def no_answer():
        raise ArchiveError("Timeout")

    house.annotator.annotate("i", Mode.NEW)
    house.orthanc.after_store = no_answer
    with pytest.raises(ArchiveError):
        house.in_place.rewrite(house.claim(Kind.REWRITE))
    service = SimpleNamespace(
        archive=house.orthanc,
        annotations=house.annotations,
        rewriter=house.in_place,
        stopping=threading.Event(),
    )
    life = Life(service)
    life._deleted("i")
    assert life._is_away("i")
    house.orthanc.delete_instance("i")
    life._deleted("i")
    assert not life._is_away("i")
