"""What the parts of a service know of each other."""

from types import SimpleNamespace

import pytest

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
    service = SimpleNamespace(archive=house.orthanc, rewriter=after.in_place, in_place=None)
    assert Service.is_away(service, "i")
    assert Service.annotation(service, "i")["examined"]["label"] == "hand"
