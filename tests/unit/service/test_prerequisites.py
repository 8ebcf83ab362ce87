"""What a configuration may be, but should not."""

import json

import pytest

from bodypart.settings import Settings
from orthanc_server import ROOT
from service.prerequisites import advice

SHIPPED = json.loads((ROOT / "orthanc-config/orthanc.json").read_text(encoding="utf-8"))


def test_the_shipped_configuration_needs_no_advice():
    assert advice(SHIPPED, Settings()) == []


@pytest.mark.parametrize("python", [{}, {"Python": None}, {"Python": {"AllowThreads": False}}])
def test_a_lock_that_a_slow_client_holds_is_told(python):
    (line,) = advice(python, Settings())
    assert '"Python": {"AllowThreads": true}' in line


def test_an_index_that_several_may_share_is_told_unless_their_records_are_shared():
    shared = {**SHIPPED, "PostgreSQL": {"EnableIndex": True}}
    (line,) = advice(shared, Settings())
    assert "PostgreSQL" in line and "BodyPart.Database" in line
    assert advice(shared, Settings(database="postgresql://host/orthanc")) == []
    assert advice({**SHIPPED, "PostgreSQL": {"EnableIndex": False}}, Settings()) == []
